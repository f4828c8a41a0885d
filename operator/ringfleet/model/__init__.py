"""The nouns of the house: numbers, money, markets, offers, holdings.

Frozen values on the standard library and `phonenumbers` only. Nothing here knows Kubernetes, HTTP or a carrier, and
nothing here reads a clock. Text from outside becomes one of these at the door (`E164.parse`, `Money.parse`) and is
trusted afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING

import phonenumbers

from ringfleet.model.campaign import CampaignSeat

if TYPE_CHECKING:
    from ringfleet.model.digit_pattern import DigitPattern
    from ringfleet.model.places import Position

MOST_DIGITS = 15
"""How many digits a number has at most, country code included (ITU-T E.164, 6.2)."""


IN_NORTH_AMERICA = re.compile(r"\+1[2-9][0-9]{9}")
"""What is a possible number in the one way to write it. To ask the library takes as long as all else of a pick, or of a
carrier's event, which names two numbers."""


class E164(str):
    """A phone number in E.164 form: `+`, country code, national number."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> E164:
        """Return the number in `text`, which must carry its `+` and country code.

        What can be dialled from next door only, such as +15550123 without its area code, is none: the library calls it
        possible too. Nor is what is longer than E.164 has it, as the library's plan of Germany allows.

        Raises:
            ValueError: `text` is not a possible international number.
        """
        if IN_NORTH_AMERICA.fullmatch(text):
            return cls(text)
        try:
            parsed = phonenumbers.parse(text, None)
        except phonenumbers.NumberParseException as error:
            raise ValueError(f"{text!r} is not an E.164 number such as +14155550123: {error}") from error
        possible = phonenumbers.is_possible_number_with_reason(parsed) == phonenumbers.ValidationResult.IS_POSSIBLE
        number = cls(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
        if not possible or len(number.digits) > MOST_DIGITS:
            raise ValueError(f"{text!r} is not a possible phone number")
        return number

    @property
    def digits(self) -> str:
        """The number without its `+`: the name of its `PhoneNumber` object."""
        return self[1:]


class NumberType(StrEnum):
    GEOGRAPHIC = "Geographic"
    """The number belongs to a city or region, and has its area code."""
    MOBILE = "Mobile"
    """A mobile number."""
    NATIONAL = "National"
    """The number belongs to no city or region, and a call to it costs as much as a local call."""
    TOLL_FREE = "TollFree"
    """The called party pays for the call."""


class Capability(StrEnum):
    VOICE = "Voice"
    """Calls."""
    SMS = "SMS"
    """Text messages."""
    MMS = "MMS"
    """Messages with pictures."""
    FAX = "Fax"
    """Faxes."""


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies were added or compared."""


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An exact amount in major units (dollars, not cents) of one ISO 4217 currency."""

    amount: Decimal
    currency: str

    @classmethod
    def parse(cls, amount: str | Decimal | int, currency: str) -> Money:
        """Raises ValueError when `amount` is not a finite decimal."""
        try:
            exact = Decimal(amount)
        except InvalidOperation as error:
            raise ValueError(f"{amount!r} is not an amount such as 1.99") from error
        if not exact.is_finite():
            raise ValueError(f"{amount!r} is not a finite amount")
        return cls(exact, currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        return cls(Decimal(0), currency)

    def _same(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self} and {other} are of different currencies")
        return other.amount

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __mul__(self, count: int) -> Money:
        return Money(self.amount * count, self.currency)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    @staticmethod
    def total(amounts: Iterable[Money], currency: str) -> Money:
        result = Money.zero(currency)
        for amount in amounts:
            result += amount
        return result


@dataclass(frozen=True, slots=True)
class Price:
    """What a number costs: once when it is bought, and every month that it is kept."""

    monthly: Money
    setup: Money

    @property
    def first_month(self) -> Money:
        return self.monthly + self.setup


@dataclass(frozen=True, slots=True, order=True)
class AccountKey:
    """A CarrierAccount by namespace and name.

    Not an ObjectRef: an account and a pool of one name are two keys where both are counted, and a pool's key that plays
    an account's is an error of types.
    """

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Market:
    """What kind of number a pool wants; `area_codes` in order of preference, empty for any. `wished`: those that are
    looked for before all others, and are no condition. `regions` and `localities` as in `model/places.py`, in order of
    preference, empty for any: an offer is in one of each that is named, and has one of the area codes."""

    country: str
    type: NumberType
    area_codes: tuple[str, ...] = ()
    capabilities: frozenset[Capability] = frozenset()
    wished: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    localities: tuple[str, ...] = ()

    def __str__(self) -> str:
        places = (", ".join(names) for names in (self.area_codes, self.localities, self.regions))
        return " ".join(filter(None, (self.country, self.type, *places)))


@dataclass(frozen=True, slots=True)
class Limits:
    """What a pool may spend. `monthly_budget` covers a month: every number's rental, and the setups of this month."""

    currency: str = "USD"
    max_numbers: int | None = None
    monthly_budget: Money | None = None
    max_monthly: Money | None = None
    max_setup: Money | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One catalog search: a market, at most one of its area codes, and the capabilities that a number must have."""

    country: str
    type: NumberType
    area_code: str | None = None
    capabilities: frozenset[Capability] = frozenset()
    region: str | None = None
    """The state or province that it must be in, such as CA; None: any. See `model/places.py`."""
    locality: str | None = None
    """The city that it must be in; None: any."""
    contains: DigitPattern | None = None
    """The digits that it must have; None: any."""
    near: E164 | Position | None = None
    """The number or the point of the map that it must be near to, as the carrier understands that; None: anywhere."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One number that a carrier says can be bought now. `token` is the carrier's handle on it, opaque to us."""

    number: E164
    country: str
    type: NumberType
    price: Price
    area_code: str | None = None
    region: str | None = None
    capabilities: frozenset[Capability] = frozenset()
    needs_documents: bool = False
    token: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """What we write on every number that we buy, so that it is known as ours (promise 8).

    As text: `rf/<installation>/<namespace>/<pool>`. The installation decides whose it is; the rest helps adoption.
    Where a carrier's field is too short, `rf/<installation>/~/<pool>~<hash of namespace and pool>`: no namespace is
    named `~`, and the hash tells the pools of a cluster apart (`carriers/short_marks.py`).
    """

    installation: str
    namespace: str
    pool: str

    @property
    def is_short(self) -> bool:
        """Whether it names its pool by a hash only."""
        return self.namespace == _SHORT

    def within(self, length: int) -> Mark:
        """The mark as a field of `length` characters can hold it: itself, when it fits. Of an installation whose id is
        so long that it leaves no room, a hash stands for the rest of the id too."""
        if len(str(self)) <= length:
            return self
        digest = f"~{_digest(f'{self.namespace}/{self.pool}')}"
        room = length - len(str(Mark("", _SHORT, digest)))
        installation = self.installation
        if len(installation) > room:
            whose = f"~{_digest(installation)}"
            installation = f"{installation[: room - len(whose)]}{whose}"
        return Mark(installation, _SHORT, f"{self.pool[: room - len(installation)]}{digest}")

    def __str__(self) -> str:
        return f"rf/{self.installation}/{self.namespace}/{self.pool}"

    @classmethod
    def parse(cls, text: str | None) -> Mark | None:
        """The mark in `text`, or None when `text` is no mark of a Ringfleet installation."""
        match (text or "").split("/"):
            case ["rf", installation, namespace, pool]:
                return cls(installation, namespace, pool)
            case _:
                return None


_SHORT = "~"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


class HoldingStatus(StrEnum):
    ACTIVE = "active"
    ACTIVATING = "activating"
    PENDING_DOCUMENTS = "pending_documents"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Holding:
    """One number that a carrier account owns, as the carrier tells it."""

    number: E164
    """The number in E.164 form."""
    external_id: str
    """The carrier's own id of the number."""
    status: HoldingStatus
    """Whether the number works at the carrier, and if not, what it waits for."""
    country: str
    """The number's country, ISO 3166-1 alpha-2, such as `US`."""
    type: NumberType
    """The kind of number: geographic, mobile, national or toll-free."""
    price: Price | None
    """What the carrier charges for the number, by the month and once; None when the carrier does not say: it costs what
    it was bought for."""
    area_code: str | None = None
    """The number's area code; None for a number that has none, or when the carrier does not say."""
    region: str | None = None
    """The place of the number, in the carrier's words, such as `San Francisco, CA`; None when the carrier does not
    say."""
    capabilities: frozenset[Capability] = frozenset()
    """What the number can carry, such as voice and SMS."""
    mark: Mark | None = None
    """The mark of the Ringfleet installation that bought the number; None: the number carries no such mark."""
    reference: str | None = None
    """What somebody else has written where our mark would be; None when a mark stands there, or nothing."""
    routing: str | None = None
    """The carrier's id of the routing profile that the number follows; None: the number is not routed."""
    bundle: str | None = None
    """The carrier's id of the compliance bundle that the number carries; None: it carries none, or the carrier does not
    say."""
    purchased_at: datetime | None = None
    """When the number was bought; None when the carrier does not say."""
    renews_at: datetime | None = None
    """When the next month of the number is charged; None when the carrier does not say."""
    documents_deadline: datetime | None = None
    """Until when a number that waits for documents must have them; None: it waits for none, or there is no deadline."""
    attestation: str | None = None
    """How the carrier signs the number's calls (STIR/SHAKEN): `A`, `B` or `C`; None when the carrier does not say."""
    seat: CampaignSeat | None = None
    """The campaign that the carrier lets the number send messages for; None when this answer does not say: whoever
    knew goes on knowing it."""
    campaign_aliases: tuple[str, ...] = ()
    """Every id that the campaign of `seat` is called by."""


class ItemState(StrEnum):
    """Where one number of an order stands. The law of their steps is `plan/number_order/`."""

    PENDING = "Pending"
    """The number is chosen, and the carrier has not heard of it yet."""
    SUBMITTING = "Submitting"
    """The number is being bought."""
    PROVISIONED = "Provisioned"
    """The number is bought, and nothing more is needed for it."""
    PENDING_DOCUMENTS = "PendingDocuments"
    """The number is bought, and waits at the carrier for documents."""
    FAILED = "Failed"
    """The number was not bought; the item's reason says why."""
    UNKNOWN = "Unknown"
    """The carrier's answer was lost: the number counts as bought until looked up."""


class Phase(StrEnum):
    """The phases of an owned number. The law of their steps is `plan/phone_number/phase.py`."""

    ORDERING = "Ordering"
    """The number is bought, and is being looked up, activated or routed at the carrier."""
    PENDING_DOCUMENTS = "PendingDocuments"
    """The number is bought, and the carrier waits for documents before it works."""
    AVAILABLE = "Available"
    """The number works, and is free to be assigned to a claim."""
    BOUND = "Bound"
    """A claim holds the number."""
    COOLING = "Cooling"
    """The number rests after its last claim, for its pool's reclaim.cooldown. It is billed, and is no supply of the
    pool."""
    SUSPENDED = "Suspended"
    """The number's traffic is stopped, by us or by the carrier; the number is kept, and billed."""
    QUARANTINED = "Quarantined"
    """The number is taken out of use by the annotation ringfleet.dev/quarantine."""
    RELEASING = "Releasing"
    """The number was asked to go, and can be taken back until it has gone."""
    RELEASED = "Released"
    """The number was given back to the carrier for good."""
    LOST = "Lost"
    """The carrier shows the number no more, neither in its listings nor when it is asked for. It counts for no pool;
    the reason Lost says what to do."""


GONE = frozenset({Phase.RELEASED, Phase.LOST})
"""The phases of a number that is not ours any more."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """Named numbers to buy under one idempotency key. `resumed`: an earlier try may have reached the carrier. `bundle`:
    the carrier's id of the approved bundle that those carry which need documents. `routing`: the carrier's id of the
    routing profile that they are to follow, for a carrier whose purchase can say so; the outcome tells whether it did.
    """

    key: str
    offers: tuple[Offer, ...]
    mark: Mark
    resumed: bool = False
    bundle: str | None = None
    routing: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one number of a purchase: PROVISIONED, PENDING_DOCUMENTS or FAILED, never anything else.

    `routing`: the carrier's id of the profile that the purchase itself has pointed the number at.
    """

    number: E164
    state: ItemState
    reason: str = ""
    message: str = ""
    external_id: str | None = None
    price: Price | None = None
    renews_at: datetime | None = None
    documents_deadline: datetime | None = None
    routing: str | None = None


def outcome_of(holding: Holding) -> Outcome:
    """The outcome of a number that was found in the account."""
    waiting = holding.status is HoldingStatus.PENDING_DOCUMENTS
    return Outcome(
        number=holding.number,
        state=ItemState.PENDING_DOCUMENTS if waiting else ItemState.PROVISIONED,
        external_id=holding.external_id,
        price=holding.price,
        renews_at=holding.renews_at,
        documents_deadline=holding.documents_deadline,
        routing=holding.routing,
    )


@dataclass(frozen=True, slots=True)
class SipTarget:
    """One SIP destination; lower `priority` is tried first, equal ones share by `weight` (RFC 2782)."""

    uri: str
    priority: int = 10
    weight: int = 100


@dataclass(frozen=True, slots=True)
class Routing:
    """Where calls and messages of a number go: the content of a `RoutingProfile`, as a carrier is told it.

    `reference` names the profile at the carrier, so that telling twice is once; `objects/routing_profile.py` makes it.
    `name` is the `namespace/name` of the profile, for people who look there.
    """

    reference: str
    name: str
    sip_targets: tuple[SipTarget, ...] = ()
    voice_webhook: str | None = None
    voice_application: str | None = None
    agent: str | None = None
    messaging_webhook: str | None = None
    messaging_service: str | None = None
    campaign: str | None = None
    messaging_fallback: str | None = None
    """The URL that the carrier calls when `messaging_webhook` does not take a message; None: there is none."""


@dataclass(frozen=True, slots=True)
class HeldRouting:
    """A routing profile as a carrier account has it."""

    external_id: str
    """The carrier's id of the profile, which numbers are pointed at."""
    routing: Routing
    """What the carrier does with calls and messages of those numbers."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One row of a carrier's reply that we can't read: a word or a form that nobody here knows."""

    reason: str
    """The first field that is wrong, and what was expected; never its value, which may be anyone's number."""
    number: E164 | None = None
    """The row's number; None when that can't be read either."""


@dataclass(frozen=True, slots=True)
class HoldingsPage:
    """One page of an account's listing."""

    holdings: tuple[Holding, ...] = field(default=())
    """The numbers that can be read."""
    unreadable: tuple[Unreadable, ...] = field(default=())
    """The rows that can't: there are such numbers, and nothing is known or done about them."""

    def __iter__(self) -> Iterator[Holding]:
        return iter(self.holdings)


@dataclass(frozen=True, slots=True)
class Catalog:
    """The offers that answer one query. `age` is None for a live answer, else the seconds since it was live.

    `unreadable` are the rows of the answer that can't be read, and so not be ordered. `looked_through`: how many offers
    were held against the query here, as the carrier can't be asked for all that it says, when there may be more behind
    them; None: the answer is whole.
    """

    offers: tuple[Offer, ...] = field(default=())
    age: float | None = None
    unreadable: tuple[Unreadable, ...] = field(default=())
    looked_through: int | None = None
