"""Buying at Telnyx: one order of named numbers, found again by the key that it carries.

Telnyx has no idempotency key. What stands in for one: numbers are named, each is sold once, and every order carries the
purchase's key as its reference, by which it is looked for before anything is ordered again::

    resumed? --> three looks for orders of this key --- found --------------------------------.
        | none                                                                                |
        v                                                                                     |
    look at the stock: gone? dearer? --> last look of the caller --> order: the point of      |
        ^                                  |          no return      |                        v
        |   refused: not all are for sale, | no money for all        '--> follow it until each number is settled
        '---- the rest is ordered ---------'                                    |
                                                       mark what was bought <---'
                                                       say of the rest why not

An order is asynchronous: its answer says pending of every number. What still is pending when we have asked a few times
is looked up in the account. Bought is what is there; of the rest the outcome is unknown, and whoever comes back with
the same purchase finds the order by its key.

A row of an order says that a number failed, and not why. So it is looked for: in the account, where another order of
ours may have brought it, and in the stock. What is for sale still was refused by Telnyx, what is not was taken.

Two processes that carry out the same purchase find each other's order: the second one's is refused, or fails number by
number, and by the key both see what was bought.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate
from operator import add

from ringfleet.carriers.carrier import LastLook
from ringfleet.carriers.errors import CarrierError, CarrierUnavailable, OutcomeUnknown, RequestRejected
from ringfleet.carriers.http import AccountClient, Call
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.telnyx import wire
from ringfleet.carriers.telnyx.balance import spendable
from ringfleet.carriers.telnyx.job import POLLS
from ringfleet.carriers.telnyx.listing import pages
from ringfleet.carriers.telnyx.numbers import Numbers
from ringfleet.carriers.telnyx.search import Look, Search
from ringfleet.carriers.telnyx.wire import OrderItem, OrderState
from ringfleet.model import E164, ItemState, Offer, Outcome, Price, Purchase, outcome_of
from ringfleet.model.failures import FailureReason

LOOKS = (0.0, 0.25, 0.75)
"""Before each look for an order whose answer was lost: so much of the time for which lists may lag behind."""
ROUNDS = 4
"""How often what Telnyx does not sell is left out of an order, before the refusal is told."""

Outcomes = Mapping[E164, Outcome]
Items = Mapping[E164, OrderItem]


@dataclass(frozen=True, slots=True)
class Ordered:
    """What has come of ordering: the orders that were made, and the outcomes of the numbers that were left out."""

    orders: frozenset[str] = frozenset()
    left_out: Outcomes = field(default_factory=dict)


class Orders:
    """Of one account, whose name is `account`."""

    def __init__(
        self,
        account: str,
        http: AccountClient,
        search: Search,
        numbers: Numbers,
        lag: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`lag`: for how many seconds what was just ordered may be missing in lists."""
        self._account = account
        self._http = http
        self._search = search
        self._numbers = numbers
        self._lag = lag
        self._sleep = sleep

    async def buy(self, purchase: Purchase, last_look: LastLook) -> tuple[Outcome, ...]:
        """One outcome for each number of `purchase`, in its order."""
        before = await self._made_before(purchase.key) if purchase.resumed else frozenset()
        ordered = Ordered(before) if before else await self._order(purchase, last_look)
        try:
            return await self._settle(purchase, ordered)
        except OutcomeUnknown:
            raise
        except CarrierError as error:
            raise OutcomeUnknown(f"{self._account}: order {purchase.key} was sent, but {error}") from error

    async def look_up(self, purchase: Purchase) -> tuple[Outcome, ...]:
        """As `Carrier.look_up`: by the order, for a number carries our mark only when somebody has come back for it."""
        items = await self._follow(await self._orders_of(purchase.key))
        bought = await self._take_in(purchase, items)
        if unknown := [one.number for one in items.values() if one.is_bought and one.number not in bought]:
            raise self._pending(purchase, len(unknown), bought)
        return tuple(bought.values())

    # Ordering.

    async def _made_before(self, key: str) -> frozenset[str]:
        """The orders that carry the key. None after three looks: none was made."""
        for share in LOOKS:
            await self._sleep(share * self._lag)
            if found := await self._orders_of(key):
                return found
        return frozenset()

    async def _orders_of(self, key: str) -> frozenset[str]:
        found: set[str] = set()
        async for page in pages(self._http, "number orders", {"filter[customer_reference]": key}):
            orders = (Fields(json, "order") for json in page.items("data"))
            found |= {order.text("id") for order in orders if order.maybe_text("customer_reference") == key}
        return frozenset(found)

    async def _order(self, purchase: Purchase, last_look: LastLook) -> Ordered:
        """Order what is for sale at its price. Raises what `Carrier.buy` says."""
        look = await self._search.look(purchase.offers, again=purchase.resumed)
        if look.gone and (others := await self._orders_of(purchase.key)):
            return Ordered(others)
        offers, left_out = await self._sift(purchase, look)
        for round_ in range(1, ROUNDS + 1):
            if not offers:
                return Ordered(left_out=left_out)
            await last_look()
            try:
                return Ordered(frozenset({await self._send(purchase, offers)}), left_out)
            except RequestRejected as error:
                if others := await self._orders_of(purchase.key):
                    return Ordered(others, left_out)
                refused = await self._what_was_refused(purchase, offers, error)
                if round_ == ROUNDS or not (refused or purchase.routing):
                    raise
                if not refused:  # because of the routing, perhaps: then each number is told it by itself
                    purchase = replace(purchase, routing=None)
            left_out = {**left_out, **refused}
            offers = [offer for offer in offers if offer.number not in refused]
        raise AssertionError("the last round returns or raises")

    async def _sift(self, purchase: Purchase, look: Look) -> tuple[list[Offer], Outcomes]:
        """The offers that are to be ordered, and the outcomes of those that are not: gone, or dearer by now."""
        left_out = {**await self._outcomes_of_gone(purchase, look.gone)}
        for offer in purchase.offers:
            now = look.shown.get(offer.number)
            if now and _dearer(now.price, offer.price):
                message = f"Telnyx asks {now.price.monthly} a month and {now.price.setup} once for it by now."
                left_out[offer.number] = wire.failed(offer.number, FailureReason.PRICE_CHANGED, message)
        return [offer for offer in purchase.offers if offer.number not in left_out], left_out

    async def _send(self, purchase: Purchase, offers: Iterable[Offer]) -> str:
        """The point of no return: it goes out once, and whatever leaves a doubt is OutcomeUnknown. The order's id."""
        body = wire.order(purchase.key, offers, purchase.bundle, purchase.routing)
        reply = await self._http.call(Call("POST", wire.path("number orders"), safe=False, json=body))
        try:
            return Fields(reply, "reply").inside("data").text("id")
        except CarrierUnavailable as error:
            raise OutcomeUnknown(f"{self._account}: order {purchase.key} was sent, but {error}") from error

    async def _what_was_refused(self, purchase: Purchase, offers: list[Offer], error: RequestRejected) -> Outcomes:
        """The numbers because of which an order was refused as a whole; none: it is the order that is refused."""
        match error.code:
            case wire.NO_FUNDS:
                return await self._too_dear(offers, error.words)
            case wire.NOT_SEARCHED:
                expired = wire.refusal_reason(error.code)
                return {offer.number: wire.failed(offer.number, expired, error.words) for offer in offers}
            case wire.NOT_AVAILABLE:
                owned = await self._numbers.owned([offer.number for offer in offers])
                gone = frozenset(owned) or (await self._search.look(offers, again=True)).gone
                return await self._outcomes_of_gone(purchase, gone)
            case _:
                return {}

    async def _too_dear(self, offers: list[Offer], message: str) -> Outcomes:
        """Telnyx refuses an order that the money does not cover. What it covers of it is bought all the same."""
        money = await spendable(self._http)
        costs = accumulate((offer.price.first_month for offer in offers), add)
        paid = sum(cost.currency == money.currency and cost <= money for cost in costs)
        beyond = offers[paid:] or offers  # it knows better what it charges
        return {one.number: wire.failed(one.number, FailureReason.INSUFFICIENT_FUNDS, message) for one in beyond}

    # Settling.

    async def _settle(self, purchase: Purchase, ordered: Ordered) -> tuple[Outcome, ...]:
        items = await self._follow(ordered.orders)
        known = {**ordered.left_out, **await self._take_in(purchase, items)}
        missing = [o.number for o in purchase.offers if o.number not in known and not _is_pending(items, o.number)]
        if missing and not ordered.orders.issuperset(others := await self._orders_of(purchase.key)):
            return await self._settle(purchase, replace(ordered, orders=ordered.orders | others))
        known |= await self._outcomes_of_failed(purchase, items, missing)
        if unknown := [offer.number for offer in purchase.offers if offer.number not in known]:
            raise self._pending(purchase, len(unknown), known)
        return tuple(known[offer.number] for offer in purchase.offers)

    async def _take_in(self, purchase: Purchase, items: Items) -> Outcomes:
        """Mark what the purchase has bought; the outcomes of those numbers that the account has by now."""
        prices = {offer.number: offer.price for offer in purchase.offers}
        bought = {number: prices[number] for number, item in items.items() if item.is_bought and number in prices}
        ids = await self._numbers.take_in(bought, purchase.mark)
        return {number: _bought(items[number], id_, prices[number]) for number, id_ in ids.items() if number in bought}

    def _pending(self, purchase: Purchase, numbers: int, known: Outcomes) -> OutcomeUnknown:
        message = f"{self._account}: order {purchase.key} is pending at Telnyx for {numbers} of its numbers"
        return OutcomeUnknown(message, tuple(known.values()))

    async def _follow(self, orders: Iterable[str]) -> Items:
        """The numbers of the orders as they are when all are settled, or when we have asked often enough."""
        items: Items = {}
        for share in POLLS:
            await self._sleep(share * self._lag)
            items = _merge([item for id_ in sorted(orders) for item in await self._items(id_)])
            if all(item.settled for item in items.values()):
                break
        return items

    async def _items(self, order: str) -> list[OrderItem]:
        reply = await self._http.call(Call("GET", wire.path("number order", order)))
        return wire.parse_order(Fields(reply, "reply").value("data"))

    async def _outcomes_of_failed(self, purchase: Purchase, items: Items, numbers: list[E164]) -> Outcomes:
        """Of those that an order has not bought, or was made without."""
        owned = await self._numbers.owned(numbers) if numbers else {}
        outcomes = dict(await self._outcomes_of_gone(purchase, frozenset(owned)))
        for offer in purchase.offers:
            if offer.number in numbers and offer.number not in outcomes:
                outcomes[offer.number] = await self._why_failed(offer, ordered=offer.number in items)
        return outcomes

    async def _why_failed(self, offer: Offer, ordered: bool) -> Outcome:
        number, refused = offer.number, FailureReason.CARRIER_REFUSED
        if not ordered:
            return wire.failed(number, refused, "The order was made without this number.")
        try:
            offered = await self._search.find(offer)
        except CarrierError:
            return wire.failed(number, refused, "The order failed for it, and Telnyx does not say why.")
        if offered is None:
            return wire.failed(number, FailureReason.NUMBER_TAKEN, "The order failed for it: it was sold meanwhile.")
        return wire.failed(number, refused, "The order failed for it, though Telnyx offers it still.")

    async def _outcomes_of_gone(self, purchase: Purchase, numbers: frozenset[E164]) -> Outcomes:
        """Of those that are for sale no more: bought by another order of ours for the same pool, or not by us.

        One that the account has, and nobody has marked, may be of an order whose answer was lost and that no list shows
        yet.
        """
        outcomes: dict[E164, Outcome] = {}
        for number in sorted(numbers):
            holding = await self._numbers.find(number)
            if holding is None:
                outcomes[number] = wire.failed(number, FailureReason.NUMBER_TAKEN, "It was sold meanwhile.")
            elif holding.mark == purchase.mark or holding.reference == purchase.key:
                outcomes[number] = outcome_of(holding)
            elif purchase.resumed and holding.mark is None and holding.reference is None:
                why = "the account has one of its numbers, and no order of its key is shown yet"
                raise OutcomeUnknown(f"{self._account}: order {purchase.key} may have been made: {why}. {_WHOSE}")
            else:
                why = "The account has it, and not by this order."
                outcomes[number] = wire.failed(number, FailureReason.NUMBER_TAKEN, why)
        return outcomes


_WHOSE = (
    "If that lasts, see in Telnyx' portal what has ordered the number, and write into its customer reference the key "
    "of this order (rf-...) if it has, and any other word if not"
)
"""Nobody but a person can tell; a guess would lose a number that is paid for, or take another program's."""


def _dearer(now: Price, then: Price) -> bool:
    """Whether a number costs more than it was chosen for, or is charged in another currency."""
    if (now.monthly.currency, now.setup.currency) != (then.monthly.currency, then.setup.currency):
        return True
    return then.monthly < now.monthly or then.setup < now.setup


def _merge(items: Iterable[OrderItem]) -> Items:
    """One item a number: of several, the one that is bought, else the one that may still be."""
    best: dict[E164, OrderItem] = {}
    for item in items:
        if item.number not in best or _WORTH[item.state] > _WORTH[best[item.number].state]:
            best[item.number] = item
    return best


_WORTH = {OrderState.FAILURE: 0, OrderState.PENDING: 1, OrderState.SUCCESS: 2}


def _is_pending(items: Items, number: E164) -> bool:
    return number in items and items[number].is_bought


def _bought(item: OrderItem, external_id: str, price: Price) -> Outcome:
    state = ItemState.PENDING_DOCUMENTS if item.waits else ItemState.PROVISIONED
    return Outcome(item.number, state, external_id=external_id, price=price, routing=item.routing)
