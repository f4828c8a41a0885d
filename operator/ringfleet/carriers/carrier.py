"""What every carrier can be asked: the protocol that adapters implement and the controllers call.

Money rules that every adapter keeps:

- `buy` names its numbers and is idempotent under `Purchase.key`: calling it again after any failure, with
  `resumed=True`, ends with each number bought at most once. It is never retried by the transport.
- An exception before the point of no return is a `CarrierUnavailable` or `RequestRejected`: nothing was bought. After
  it: `OutcomeUnknown`, which tells the outcomes of those numbers that are known all the same (`known`), and which ones
  the carrier has certainly not processed (`unsent`): those may be bought elsewhere.
- `last_look` is awaited directly before the call that costs money. Whatever it raises is raised: nothing was bought.
- Calls that change nothing, or change it to the same again, are retried inside the adapter; `buy` is not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ringfleet.carriers.abilities import Abilities
from ringfleet.carriers.detail_records import DetailRecords
from ringfleet.carriers.errors import CarrierError
from ringfleet.carriers.event_streams import EventStreams
from ringfleet.carriers.pace import Place
from ringfleet.carriers.registrar import Registrar
from ringfleet.model import (
    E164,
    Catalog,
    HeldRouting,
    Holding,
    HoldingsPage,
    Mark,
    Money,
    Outcome,
    Purchase,
    Query,
    Routing,
    outcome_of,
)
from ringfleet.model.campaign import CampaignSeat


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """One carrier account as an adapter needs it. `name` is `namespace/name`, for messages. Timeouts in seconds.

    `credentials` has the values that the provider declares in `registry`, under the keys that it declares there.
    """

    name: str
    endpoint: str
    credentials: Mapping[str, str] = field(repr=False)
    requests_per_second: float = 10.0
    concurrency: int = 4
    timeout: float = 30.0
    lag: float = 60.0
    """For how many seconds a number that was just bought may be missing in what the carrier shows."""
    subaccount: str | None = None
    """The carrier's id of the subaccount that this is, whose parent the credentials may open; None: it is the account
    of the credentials themselves."""
    trust_product: str | None = None
    """The carrier's id of the trust product that numbers are put into, so that their calls are signed; None: none."""
    place: Place | None = field(default=None, repr=False, compare=False)
    """Where the client keeps pace with others of its account; None: it keeps a pace of its own."""


@dataclass(frozen=True, slots=True)
class Health:
    """What an account's client has seen: `throttled` since its last success, and the state of its circuit breaker."""

    throttled: bool = False
    circuit_open: bool = False


async def look_up_each(carrier: Carrier, purchase: Purchase) -> tuple[Outcome, ...]:
    """`Carrier.look_up`, where a number carries our mark from the moment on at which it is bought."""
    found: list[Outcome] = []
    try:
        for offer in purchase.offers:
            holding = await carrier.find(offer.number)
            if holding is not None and holding.mark == purchase.mark:
                found.append(outcome_of(holding))
    except CarrierError as error:
        error.known = tuple(found)
        raise
    return tuple(found)


LastLook = Callable[[], Awaitable[None]]
"""Raises when the purchase that is about to be made must not be."""


async def look_no_more() -> None:
    """The last look of a caller that has nothing to look for."""


class Carrier(Protocol):
    """One account at one carrier. Opened once at start-up (`async with`), closed once; safe for concurrent tasks."""

    async def __aenter__(self) -> Carrier: ...

    async def __aexit__(self, *_: object) -> None: ...

    @property
    def abilities(self) -> Abilities:
        """What this carrier can do: the same for every account, open or not."""
        ...

    @property
    def health(self) -> Health: ...

    @property
    def registrar(self) -> Registrar | None:
        """Where this account's documents are filed; None when the carrier takes none by its API."""
        ...

    @property
    def streams(self) -> EventStreams | None:
        """How the account's messages are told to the dispatcher beside their program; None: this carrier can't."""
        ...

    @property
    def records(self) -> DetailRecords | None:
        """What the account's numbers were used for; None when the carrier does not list it."""
        ...

    async def balance(self) -> Money:
        """The money left in the account. Also the cheapest proof that endpoint and credentials are right."""
        ...

    async def account_id(self) -> str | None:
        """The carrier's own id of the account that the credentials open; None when it tells none.

        Two objects with the same id are one account, whatever their tokens.
        """
        ...

    async def search(self, query: Query, count: int, exclude: frozenset[E164] = frozenset()) -> Catalog:
        """At least `count` offers for `query` that are not in `exclude`, or all there are.

        Asks the carrier, live and page by page, and gives all that the last page had: what is more than `count` is of
        use to the memory that answers while search is down (`remembered.py`). Raises CarrierUnavailable then. Offers
        that can't be read are left out, and the catalog says so.
        """
        ...

    async def buy(self, purchase: Purchase, last_look: LastLook = look_no_more) -> tuple[Outcome, ...]:
        """Buy the named numbers; one outcome for each of them, in their order. See the module docstring.

        Where the adapter has the ability `routing_in_purchase`, the numbers are pointed at `purchase.routing`, and each
        outcome says whether its own is. A routing that is refused keeps no number from being bought.
        """
        ...

    async def look_up(self, purchase: Purchase) -> tuple[Outcome, ...]:
        """What has become of a purchase that may have been sent: the outcomes of those of its numbers that the account
        has by it. Nothing is bought, nor concluded of the others, which may still come.

        Raises:
            OutcomeUnknown: the carrier has taken the purchase, and is at work on some of its numbers.
            CarrierError: not all could be asked for. Either tells the outcomes that are known all the same.
        """
        ...

    async def find(self, number: E164) -> Holding | None:
        """The holding of `number` in this account, looked up live, or None.

        Raises ReplyUnreadable when there is one that can't be read: it is there, so None would be a lie.
        """
        ...

    async def whereabouts(self, number: E164) -> str | None:
        """The carrier's id of another account of the same owner that has `number` now; None: none that these
        credentials can see has it, or the carrier has no such accounts."""
        ...

    def holdings(self) -> AsyncIterator[HoldingsPage]:
        """Everything the account owns, page by page. Raises ListingIncomplete at the end when pages are missing.

        A row that can't be read is no error: the page says so, and all the others are there. Listing fails by itself,
        with a circuit of its own: it may be down while purchases work.
        """
        ...

    async def ensure_routing(self, routing: Routing) -> str:
        """Create or update the profile at the carrier and return its id there. Twice is once."""
        ...

    async def find_routing(self, reference: str) -> HeldRouting | None:
        """The profile of this reference as the carrier has it, looked up live, or None."""
        ...

    def routings(self) -> AsyncIterator[tuple[HeldRouting, ...]]:
        """The profiles of the account that can be read, page by page. Whoever made others may have made them so that
        they can't be: those are left out."""
        ...

    async def route(self, external_id: str, routing_id: str | None) -> None:
        """Point the number at a profile of `ensure_routing`; None takes its routing off."""
        ...

    async def mark(self, external_id: str, mark: Mark | None) -> None:
        """Write our mark on the number, or take it off."""
        ...

    async def suspend(self, external_id: str) -> None:
        """Stop the number's traffic; it is kept and billed."""
        ...

    async def resume(self, external_id: str) -> None: ...

    async def attest(self, external_id: str) -> str | None:
        """Have the number's calls signed by the account's trust product; how they are signed now: `A`, `B` or `C`.

        None: nothing can be done about it here, because the carrier signs by itself. Twice is once. Raises
        RequestRejected: the account names no trust product, or one that is not fit; the sentence says which.
        """
        ...

    async def enrol(self, number: E164, external_id: str, campaign: str) -> CampaignSeat:
        """Have a number that follows a profile with this campaign send for it; how that stands now, the campaign called
        as here. Twice is once. A carrier that attaches numbers by their profile has nothing to do, and says what it
        knows."""
        ...

    async def release(self, external_id: str) -> None:
        """Give the number back for good. A number that is already gone is success."""
        ...
