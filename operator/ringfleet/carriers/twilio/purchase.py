"""Buying: one call a number, as many at once as the account may make.

There is no key under which a purchase is made once. In its place stand the number's own name, our mark on it, and
looking first. Whatever the account has already is seen before anything is sent::

    held under our mark        bought, by an earlier try or by another process: its outcome
    held under another's       not ours to touch: the number counts as taken
    not held                   bought; of a purchase that may have reached Twilio before, only after LOOKS looks over
                               the time for which a listing may lag behind

The trap of it: a purchase of a number that the account has already is no error. It is answered with 201, and was an
update of a number that somebody else may use. A number that is older than the call was not bought by it; our mark and
our routing are taken off again, and it counts as taken. How old it is, Twilio's own clock says and never ours: one that
goes wrong by a few minutes would have everything given back that is bought. On a purchase that is resumed it is ours:
our own first try is what bought it.

A number is given to one buyer, so two processes that buy the same one at once are billed once.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from ringfleet.carriers.carrier import LastLook
from ringfleet.carriers.errors import (
    AccountRestricted,
    CarrierError,
    CarrierUnavailable,
    CredentialsRejected,
    OutcomeUnknown,
    RequestRejected,
)
from ringfleet.carriers.twilio.api import Api
from ringfleet.carriers.twilio.prices import Prices
from ringfleet.carriers.twilio.targets import Pointers, parse_pointers
from ringfleet.carriers.twilio.wire import (
    INACTIVE_ACCOUNT,
    NOT_AVAILABLE,
    Form,
    Row,
    failed,
    parse_row,
    unnamed,
)
from ringfleet.model import E164, ItemState, Money, Offer, Outcome, Purchase
from ringfleet.model.failures import FailureReason

log = structlog.get_logger(__name__)

LOOKS = 3
"""How often a number that may have been bought is looked for before it is bought again."""
LOOK_HOLDS = 5.0
"""Seconds for which the caller's last look holds: a long purchase takes another one."""
SAME_MOMENT = timedelta(seconds=2)
"""A number that was changed so soon after it was made was made by the same call: times are whole seconds there."""
HOSTS_DIFFER = timedelta(minutes=5)
"""So far the clocks of Twilio's hosts may differ, of which one dates its replies and another one numbers."""
_GROUP = 5
"""Numbers that begin with the same so many characters, such as +1415, are looked for in one listing."""

Look = Callable[[str, Collection[E164]], Awaitable[Mapping[E164, Row]]]
"""The numbers of the account that begin so, live; it is to be sure about the second ones only."""
Balance = Callable[[], Awaitable[Money]]
AddressOf = Callable[[str], Awaitable[str | None]]
"""The SID of the address that a bundle shows."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """What came of one call: an outcome, or the error that leaves it open."""

    outcome: Outcome | None = None
    error: BaseException | None = None


class Purchases:
    """The purchases of one account. `lag`: for how many seconds a purchase may be missing in listings."""

    def __init__(
        self,
        api: Api,
        prices: Prices,
        look: Look,
        balance: Balance,
        address_of: AddressOf,
        *,
        lag: float,
        at_once: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._prices = prices
        self._look = look
        self._balance = balance
        self._address_of = address_of
        self._lag = lag
        self._at_once = asyncio.Semaphore(at_once)
        self._sleep, self._clock = sleep, clock
        self._unsent: set[tuple[str, E164]] = set()
        """The numbers, by purchase, of which this process knows that Twilio has not processed them."""

    async def buy(self, purchase: Purchase, last_look: LastLook) -> tuple[Outcome, ...]:
        """One outcome for each number of `purchase`, in its order."""
        offers = {offer.number: offer for offer in purchase.offers}
        held = await self._held(purchase)
        outcomes = {number: _of_held(row, offers[number], purchase) for number, row in held.items()}
        missing = [offer for number, offer in offers.items() if number not in outcomes]
        try:
            outcomes |= await self._dearer(missing)
            left = [offer for offer in missing if offer.number not in outcomes]
            address = await self._address(purchase, left)
        except CarrierError as error:  # what was bought before is so, whatever else can't be read
            error.known = tuple(outcomes.values())
            raise
        await self._buy_all(purchase, left, address, outcomes, last_look)
        return tuple(outcomes[number] for number in offers)

    async def _held(self, purchase: Purchase) -> Mapping[E164, Row]:
        """Those of its numbers that the account has."""
        open_ = {offer.number for offer in purchase.offers}
        held: dict[E164, Row] = {}
        for pause in self._pauses(purchase, open_):
            if pause:
                await self._sleep(pause)
            held |= await self._among(open_ - held.keys())
            if held.keys() == open_:
                break
        return held

    def _pauses(self, purchase: Purchase, numbers: Iterable[E164]) -> Iterable[float]:
        """How long to wait before each look. Once is enough where nothing can have reached Twilio."""
        if not purchase.resumed or all((purchase.key, number) in self._unsent for number in numbers):
            return (0.0,)
        return (0.0, *(self._lag * looks / sum(range(LOOKS)) for looks in range(1, LOOKS)))

    async def _among(self, numbers: Iterable[E164]) -> Mapping[E164, Row]:
        """Those that the account has, by one listing for all that begin alike."""
        groups: defaultdict[str, list[E164]] = defaultdict(list)
        for number in sorted(numbers):
            groups[number[:_GROUP]].append(number)
        held: dict[E164, Row] = {}
        for prefix, group in groups.items():
            found = await self._look(group[0] if len(group) == 1 else prefix, group)
            held |= {number: found[number] for number in group if number in found}
        return held

    async def _dearer(self, offers: Iterable[Offer]) -> Mapping[E164, Outcome]:
        """Those of which the price list says more by now than the offer did: Twilio would charge it without a word."""
        dearer: dict[E164, Outcome] = {}
        for country, group in _by_country(offers).items():
            prices = await self._prices.of(country, fresh=True)
            for offer in group:
                price = prices.get(offer.type)
                if price is None or _is_dearer(price.monthly, offer.price.monthly):
                    message = f"The price list says {price.monthly if price else 'no price'} a month by now."
                    dearer[offer.number] = failed(offer.number, FailureReason.PRICE_CHANGED, message)
        return dearer

    async def _address(self, purchase: Purchase, offers: Iterable[Offer]) -> str | None:
        """The address to buy with, where one of these is sold with an address only."""
        if purchase.bundle is None or not any(offer.needs_documents for offer in offers):
            return None
        return await self._address_of(purchase.bundle)

    async def _buy_all(
        self,
        purchase: Purchase,
        offers: list[Offer],
        address: str | None,
        outcomes: dict[E164, Outcome],
        last_look: LastLook,
    ) -> None:
        """Buy all that is left, and add to `outcomes`.

        Raises:
            CarrierError: some have no outcome yet; those that have one are told with it.
        """
        look = _LastLook(last_look, self._clock)
        sent = await asyncio.gather(*(self._buy_in_turn(purchase, offer, address, look) for offer in offers))
        outcomes |= {one.outcome.number: one.outcome for one in sent if one.outcome}
        errors = [one.error for one in sent if one.error]
        if errors:
            worst = _worst(errors, self._api.name, tuple(outcomes.values()), any_sent=look.passed)
            if isinstance(worst, CarrierError):
                worst.unsent = frozenset(one.number for one in offers if (purchase.key, one.number) in self._unsent)
            raise worst

    async def _buy_in_turn(self, purchase: Purchase, offer: Offer, address: str | None, look: _LastLook) -> _Sent:
        async with self._at_once:
            try:
                return _Sent(await self._buy_one(purchase, offer, address, look))
            except Exception as error:
                return _Sent(error=error)

    async def _buy_one(self, purchase: Purchase, offer: Offer, address: str | None, look: _LastLook) -> Outcome:
        place = (purchase.key, offer.number)
        self._unsent.add(place)
        await look()
        self._unsent.discard(place)
        asked_at = self._api.http.carrier_time()
        try:
            reply = await self._send(purchase, offer, address)
        except AccountRestricted as error:
            self._unsent.add(place)
            if error.code == INACTIVE_ACCOUNT and await self._is_broke(offer):
                return failed(offer.number, FailureReason.INSUFFICIENT_FUNDS, error.words)
            raise
        except (CarrierUnavailable, CredentialsRejected):
            self._unsent.add(place)
            raise
        except RequestRejected as error:
            return await self._refused(purchase, offer, error)
        try:
            row = parse_row(reply)
        except CarrierUnavailable as error:
            raise OutcomeUnknown(f"{self._api.name}: a number was bought, but {error}") from error
        if row.number != offer.number:
            raise OutcomeUnknown(f"{self._api.name}: the reply to a purchase is of another number")
        if not purchase.resumed and _was_there(row, asked_at):
            return await self._give_back(row, _pointers(purchase))
        return _bought(row, offer, _pointers(purchase))

    async def _send(self, purchase: Purchase, offer: Offer, address: str | None) -> object:
        """Buy it, with its routing; without where that is refused: perhaps because of it. It is routed by itself
        then."""
        try:
            return await self._api.buy(_form(purchase, offer, address))
        except RequestRejected as error:
            if error.code == NOT_AVAILABLE or _pointers(purchase) is None:
                raise
        return await self._api.buy(_form(replace(purchase, routing=None), offer, address))

    async def _refused(self, purchase: Purchase, offer: Offer, error: RequestRejected) -> Outcome:
        """Twilio says no. A number that is not for sale may be so because we have it."""
        if error.code == NOT_AVAILABLE:
            try:
                held = (await self._look(offer.number, (offer.number,))).get(offer.number)
            except CarrierError as unseen:
                raise OutcomeUnknown(f"{self._api.name}: a number is not for sale, and {unseen}") from unseen
            if held is not None:
                return _of_held(held, offer, purchase)
            return failed(offer.number, FailureReason.NUMBER_TAKEN, error.words)
        return failed(offer.number, FailureReason.CARRIER_REFUSED, error.words)

    async def _is_broke(self, offer: Offer) -> bool:
        """Twilio has no code of its own for too little money: an account without it is not active."""
        with suppress(CarrierError):
            balance, cost = await self._balance(), offer.price.first_month
            return balance.currency == cost.currency and balance < cost
        return False

    async def _give_back(self, row: Row, routed: Pointers | None) -> Outcome:
        """Take our mark off a number that was there before the call: somebody else of this account uses it. Our routing
        goes with it; what the number pointed at by a URL of its own counts again then."""
        log.warning("a purchase met a number that the account had already", account=self._api.name, sid=row.sid)
        with suppress(CarrierError):  # a mark that stays makes it an orphan, which a sweep reports
            await self._api.change_number(row.sid, {**unnamed(row.number), **(Pointers().form() if routed else {})})
        return failed(row.number, FailureReason.NUMBER_TAKEN, _HELD_ALREADY)


_HELD_ALREADY = "The account had this number already, and another program uses it: it is left to that."


class _LastLook:
    """The caller's last look, taken again when the one before is old; `passed`: whether it has let anything through."""

    def __init__(self, look: LastLook, clock: Callable[[], float]) -> None:
        self._look = look
        self._clock = clock
        self._turn = asyncio.Lock()
        self._at: float | None = None
        self._stopped: Exception | None = None

    @property
    def passed(self) -> bool:
        return self._at is not None

    async def __call__(self) -> None:
        async with self._turn:
            if self._stopped:
                raise self._stopped
            if self._at is not None and self._clock() - self._at <= LOOK_HOLDS:
                return
            try:
                await self._look()
            except Exception as error:
                self._stopped = error
                raise
            self._at = self._clock()


def _form(purchase: Purchase, offer: Offer, address: str | None) -> Form:
    form: Form = {"PhoneNumber": str(offer.number), "FriendlyName": str(purchase.mark)}
    if pointers := _pointers(purchase):
        form = {**form, **{field: sid for field, sid in pointers.form().items() if sid}}
    if purchase.bundle:
        form = {**form, "BundleSid": purchase.bundle}
    if address and offer.needs_documents:
        form = {**form, "AddressSid": address}
    return form


def _pointers(purchase: Purchase) -> Pointers | None:
    """What the purchase points its numbers at; None: at nothing."""
    pointers = parse_pointers(purchase.routing)
    return pointers if pointers and pointers.id else None


def _bought(row: Row, offer: Offer, routed: Pointers | None = None) -> Outcome:
    """`routed`: what it was to be pointed at; the row says whether it is. A messaging service is joined by a later
    call."""
    follows = routed and (row.trunk or row.voice_application, row.sms_application) == (routed.calls, routed.messages)
    routing = routed.id if routed and follows else None
    return Outcome(row.number, ItemState.PROVISIONED, external_id=row.sid, price=offer.price, routing=routing)


def _of_held(row: Row, offer: Offer, purchase: Purchase) -> Outcome:
    """The outcome of a number that the account has."""
    if row.mark == purchase.mark:
        return _bought(row, offer)
    return failed(row.number, FailureReason.NUMBER_TAKEN, _HELD_ALREADY)


def _was_there(row: Row, asked_at: datetime | None) -> bool:
    """Whether the number is older than the call, by Twilio's own times: `asked_at` is Twilio's when it was made, None
    where no reply has told it. It is, where it was made before the call, and was changed after it was made or was made
    long before. What was made since the call is new, however long Twilio took to finish it. Its `status` says nothing:
    it is `in-use` of every number."""
    if row.created is None or (asked_at and row.created >= asked_at - SAME_MOMENT):
        return False
    changed_later = (row.updated or row.created) - row.created > SAME_MOMENT
    return changed_later or (asked_at is not None and row.created < asked_at - HOSTS_DIFFER)


def _is_dearer(now: Money, then: Money) -> bool:
    return now.currency != then.currency or then < now


def _by_country(offers: Iterable[Offer]) -> Mapping[str, list[Offer]]:
    groups: defaultdict[str, list[Offer]] = defaultdict(list)
    for offer in offers:
        groups[offer.country].append(offer)
    return groups


def _worst(errors: list[BaseException], account: str, known: tuple[Outcome, ...], any_sent: bool) -> BaseException:
    """The error of a purchase some of whose numbers have no outcome: the one that says most about what to do next."""
    unknown = next((error for error in errors if isinstance(error, OutcomeUnknown)), None)
    if unknown:
        return OutcomeUnknown(str(unknown), known)
    stopped = next((error for error in errors if not isinstance(error, CarrierError)), None)
    if stopped and any_sent:  # a refusal beside it says nothing of this one, which may have been sent
        return OutcomeUnknown(f"{account}: the purchase was stopped before all of it was sent: {stopped}", known)
    error = next((one for one in errors if isinstance(one, CredentialsRejected)), errors[0])
    if isinstance(error, CarrierError):
        error.known = known
    return error  # where nothing was sent, the caller's own last look
