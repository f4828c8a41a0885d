"""The supply arithmetic: what a pool has, what is on its way, and what the month costs.

::

    supply    = available + in flight + returning + staying    (what will be free to assign without ordering more)
    in flight = numbers being ordered, activated, routed or waiting for documents, and every number of an order whose
                outcome is not known (an unknown outcome counts as bought: promise 1)
    returning = numbers on their way out that nobody asks to go any more, and stopped ones that are only to be resumed
    staying   = numbers that were asked to go and have not gone: the breaker holds them, or may yet open; and those
                whose objects have just gone, and may be made anew (`kubectl replace --force`)

Numbers are counted by their digits, so a number that is seen both as an order's item and as an object counts once, and
a stale view can only count too many, never too few. An order that has ended has made the objects of its numbers, so an
item without one is on its way only for a while, `SETTLES`, in which a copy may be late; then the object is gone. What
was paid this month for numbers that are gone stays paid.

Most numbers of a large pool matter by their count alone: they have a price, no order names them, and nobody asks them
to go. They come in lots (`Lot`), so that a look at ten thousand of them costs no more than a look at ten. Those that
are supply are told apart by what a claim may ask of them as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from ringfleet.model import E164, GONE, AccountKey, Capability, ItemState, Limits, Market, Money, Phase, Price
from ringfleet.model.asking import NOTHING, Ask
from ringfleet.model.kinds import Kind
from ringfleet.plan.conditions import Reason
from ringfleet.plan.phone_number.phase import IN_FLIGHT

RECORDED = frozenset({ItemState.PROVISIONED, ItemState.PENDING_DOCUMENTS})
"""The states of an item that has an object when its order has ended."""
SETTLES = timedelta(minutes=15)
"""How long, after an order has ended, the object of one of its numbers may not have been seen yet."""


@dataclass(frozen=True, slots=True)
class NumberSeen:
    """One PhoneNumber of the pool. `returning`: it is on its way out, but nobody asks it to go any more, or stopped,
    and only to be resumed. `staying`: it was asked to go, and counts as supply until it has gone. `unrecorded`: there
    is none yet, the carrier only lists the number under the pool's mark."""

    number: E164
    phase: Phase
    price: Price | None = None
    purchased_at: datetime | None = None
    returning: bool = False
    staying: bool = False
    unrecorded: bool = False
    capabilities: frozenset[Capability] = frozenset()
    """What it can do; empty: it is not known yet, or it can do nothing."""
    area_code: str | None = None
    """Its area code, where the carrier says one."""
    misfit: bool = False
    """Whether it is of another market than the pool's, and so no stock of it."""
    account: AccountKey | None = None
    """The carrier account that it is of; None: that is not known."""

    @property
    def is_misfit(self) -> bool:
        """Whether it would be supply, were it of the pool's market."""
        return self.misfit and (self.phase is Phase.AVAILABLE or self.phase in IN_FLIGHT)


class Lot(NamedTuple):
    """What numbers that are counted together have in common. None of them is named by an order of the pool, is on its
    way out, or has just gone."""

    phase: Phase
    """The phase that they count in."""
    price: Price
    """What each of them costs."""
    purchased: tuple[int, int] | None
    """The year and the month, in UTC, in which each was bought; None: it is not known."""
    claimed: bool = False
    """Whether a claim holds each of them."""
    capabilities: frozenset[Capability] = frozenset()
    """What each of those that are supply can do; empty: that is not known yet, or nothing."""
    area_code: str | None = None
    """The area code of those that are supply, as their carrier says it, or, where claims require some, their digits;
    "": none of these. None: the carrier says none, and nobody has asked the digits."""

    kind: Kind | None = None
    """What the carrier says that those that are supply are; None of the others, and once it is sorted out who is of the
    pool's market."""
    bought_as: Kind | None = None
    """What the orders of those that are supply were to buy; None: it is not known, or sorted out."""
    misfit: bool = False
    """Whether each of them is of another market than the pool's, and so no stock of it."""
    account: AccountKey | None = None
    """The carrier account that they are of; None of those that are lost or were given back."""

    @property
    def is_supply(self) -> bool:
        """Whether each of them is free, or on its way, and of the pool's market, as far as that is sorted out."""
        return not self.misfit and (self.phase is Phase.AVAILABLE or self.phase in IN_FLIGHT)


Lots = Mapping[Lot, int]
"""How many numbers each lot has."""
NO_LOTS: Lots = MappingProxyType({})


def month_of(moment: datetime) -> tuple[int, int]:
    """Year and month."""
    return moment.year, moment.month


@dataclass(frozen=True, slots=True)
class ItemSeen:
    """One item of an order."""

    number: E164
    state: ItemState
    price: Price | None = None
    capabilities: frozenset[Capability] = frozenset()
    """What the number can do, as it was offered."""
    area_code: str | None = None
    """Its area code, where the carrier says one."""


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """One NumberOrder of the pool."""

    sequence: int
    """The order's sequence among the orders of its pool."""
    name: str
    """The order's name."""
    account: AccountKey
    """The carrier account that the order buys from."""
    count: int
    """How many numbers the order was made for."""
    chosen: bool = False
    """Whether the order's numbers are written, so that `items`, and not `count`, say what it wants."""
    finished: bool = False
    """Whether the order has ended."""
    items: tuple[ItemSeen, ...] = ()
    """The numbers that the order has chosen; empty until then."""
    budget: Money | None = None
    """The money that the pool set aside for the order's first month; None: the pool has no budget."""
    failure: Reason | None = None
    """The reason of a shortage or refusal that the order ended with, or handed numbers back for; None: there was none.
    """
    message: str = ""
    """A sentence for a person that goes with the failure; empty without one."""
    completed_at: datetime | None = None
    """When the order ended; None before that."""
    handed_back: bool = False
    """Whether numbers were handed back of which the carrier has not heard: the pool learns from that at once, as what
    is in doubt may keep the order open for long."""
    unapproved: bool = False
    """Whether the order waits for a person's word before it buys."""
    former: bool = False
    """Whether an earlier pool of the name made it; what it bought counts, and what it failed at is no news."""
    for_others: bool = False
    """Whether it was made for claims of other namespaces, whose quotas count it too."""
    ask: Ask = NOTHING
    """What the claims ask that it was made for; NOTHING: what its market gives."""
    market: Market | None = None
    """From which market it buys, its ask included; None: the pool's."""
    misfit: bool = False
    """Whether that is another market than the pool's of today: what it buys is no stock of the pool."""

    @property
    def is_named(self) -> bool:
        """Whether it is a person's own order, of numbers that it names: the pool counts what it brings, learns nothing
        of a carrier from it, and never deletes it."""
        return self.sequence == 0

    def settles(self) -> datetime | None:
        """From when on an item without an object stands for a number that is gone; None: never."""
        return self.completed_at + SETTLES if self.finished and self.completed_at else None


@dataclass(frozen=True, slots=True)
class Supply:
    """The pool counted."""

    phases: Mapping[Phase, int]
    """How many numbers are in each phase."""
    available: int
    """How many numbers are free to assign."""
    in_flight: int
    """How many numbers are on their way, orders that have not chosen their numbers included."""
    held: int
    """How many numbers the pool has or may have bought; numbers that are lost or given back do not count."""
    monthly: Money
    """What the pool's numbers cost a month, without setup prices."""
    committed: Money
    """What this month costs so far, everything in flight included."""
    reserved: Money
    """The part of `committed` that orders may still give back, because they have not chosen their numbers."""
    foreign: tuple[Money, ...] = ()
    """What this month costs in other currencies, so that it could not be added; an amount a currency, sorted."""
    returning: int = 0
    """How many numbers are on their way back: nobody asks them to go any more, or nothing stops them any more."""
    staying: int = 0
    """How many numbers were asked to go and count until they have gone for good; see the module."""
    misfits: int = 0
    """How many numbers are free or on their way, and of another market than the pool's. They are in no phase here."""
    unrecorded: int = 0
    """How many of those in flight are on no order: the carrier lists them, and they have no object."""
    by_account: Mapping[AccountKey | None, int] = field(default_factory=dict)
    """How many of those held are of each account; None: of one that nobody knows."""

    def held_at(self, *accounts: AccountKey) -> int:
        """How many of those held are, or may be, of these accounts, which are one at the carrier."""
        return sum(self.by_account.get(one, 0) for one in (*accounts, None))

    @property
    def total(self) -> int:
        return self.available + self.in_flight + self.returning + self.staying


def count_supply(
    limits: Limits,
    numbers: Iterable[NumberSeen],
    orders: Iterable[OrderSeen],
    now: datetime,
    just_gone: frozenset[E164] = frozenset(),
    lots: Lots = NO_LOTS,
) -> Supply:
    """Count each number once, by its digits; an object outranks the order's item that bought it. The numbers in `lots`
    are none of `numbers`.

    Two things are still the item's: the price, until the object tells one, and the number itself, when an order that
    has not ended buys what an older object of the same digits has lost or given back. `just_gone`: numbers whose
    objects, if they are not seen, have just gone and may be made anew.
    """
    numbers, orders = tuple(numbers), tuple(orders)
    bill = _Bill(limits.currency)
    phases = dict.fromkeys(Phase, 0)
    priced = {item.number: item.price for order in orders for item in order.items}
    buying = {item.number for order in orders if not order.finished for item in bought_items(order)}
    seen: set[E164] = set()
    misfits = sum(number.is_misfit for number in numbers)
    places: Counter[AccountKey | None] = Counter()
    for number in numbers:
        phases[number.phase] += not number.is_misfit
        if number.phase not in GONE:
            places[number.account] += 1
            bill.add_number(number, number.price or priced.get(number.number), now)
        elif number.purchased_at and month_of(number.purchased_at) == month_of(now):
            bill.add_purchase(number.price or priced.get(number.number))
        if number.phase not in GONE or number.number not in buying:
            seen.add(number.number)
    for lot, count in lots.items():
        phases[lot.phase] += 0 if lot.misfit else count
        misfits += count if lot.misfit else 0
        places[lot.account] += 0 if lot.phase in GONE else count
        bill.add_lot(lot, count, now)
    searching = ordering = 0  # those of another market are misfits, and neither
    for order in orders:
        if not order.chosen and not order.finished:
            searching += 0 if order.misfit else order.count
            misfits += order.count if order.misfit else 0
            places[order.account] += order.count
            bill.add_reservation(order.budget)
        settled = has_settled(order, now)
        for item in bought_items(order):
            if item.number in seen:
                continue
            seen.add(item.number)
            gone = settled and item.state in RECORDED
            ordering += not (gone or order.misfit)
            misfits += order.misfit and not gone
            places[order.account] += not gone
            if not gone or is_of_this_month(order, now):
                bill.add_purchase(item.price)
    bill.close()
    phases[Phase.ORDERING] += ordering
    in_flight = searching + sum(phases[phase] for phase in IN_FLIGHT)
    held = searching + misfits + sum(count for phase, count in phases.items() if phase not in GONE)
    return Supply(
        phases,
        phases[Phase.AVAILABLE],
        in_flight,
        held,
        bill.monthly,
        bill.committed,
        bill.reserved,
        tuple(bill.foreign[currency] for currency in sorted(bill.foreign)),
        sum(number.returning and not number.misfit for number in numbers),
        sum(number.staying and not number.misfit for number in numbers)
        + len(just_gone - seen - {number.number for number in numbers}),
        misfits,
        sum(number.unrecorded and number.number not in buying for number in numbers),
        +places,
    )


def is_gone(item: ItemSeen, order: OrderSeen, now: datetime) -> bool:
    """Whether the object of the item, which is not seen, has been there and is gone."""
    return has_settled(order, now) and item.state in RECORDED


def is_done_with(order: OrderSeen, numbers: Mapping[E164, NumberSeen], now: datetime) -> bool:
    """Whether nothing is counted from the order any more: each number that it bought has an object that tells its price
    and is not on its way, or is gone, and its month is over. `numbers`: those of its pool, by number."""

    def is_done(item: ItemSeen) -> bool:
        if item.state is ItemState.FAILED:
            return True
        number = numbers.get(item.number)
        if number is None:
            return is_gone(item, order, now) and not is_of_this_month(order, now)
        return number.price is not None and number.phase not in IN_FLIGHT

    return order.finished and all(map(is_done, order.items))


def may_be_forgotten(order: OrderSeen, numbers: Mapping[E164, NumberSeen], now: datetime) -> bool:
    """Whether an order whose pool is gone is not needed any more. It is the record of a purchase, so it stays while
    anything is counted from it, and in any case for a day: limits count the purchases of an hour and the orders of a
    day."""
    ended = order.completed_at
    return ended is not None and ended + KEPT_WITHOUT_POOL <= now and is_done_with(order, numbers, now)


KEPT_WITHOUT_POOL = timedelta(days=1)
"""How long an order that has ended is kept at least when its pool is gone."""


def has_settled(order: OrderSeen, now: datetime) -> bool:
    """Whether an item of the order that has no object now stands for a number that is gone."""
    settles = order.settles()
    return settles is not None and settles <= now


def is_of_this_month(order: OrderSeen, now: datetime) -> bool:
    """Whether it ended in this month, which pays for its numbers."""
    return order.completed_at is not None and month_of(order.completed_at) == month_of(now)


def next_settling(numbers: Iterable[NumberSeen], orders: Iterable[OrderSeen], now: datetime) -> datetime | None:
    """When the next item without an object is gone, if none is seen until then."""
    settling = [(moment, order) for order in orders if (moment := order.settles()) and moment > now]
    if not settling:
        return None
    seen = {number.number for number in numbers}
    return min(
        (moment for moment, order in settling if any(item.number not in seen for item in bought_items(order))),
        default=None,
    )


def bought_items(order: OrderSeen) -> Iterable[ItemSeen]:
    """The items that are bought, or that may be."""
    return (item for item in order.items if item.state is not ItemState.FAILED)


class _Bill:
    """The month's money while it is being added up. A purchase of unknown date may be this month's, and counts so.

    Hundreds of numbers of an order have one price: they are counted, and multiplied once, in `close`.
    """

    def __init__(self, currency: str) -> None:
        self.monthly = self.committed = self.reserved = Money.zero(currency)
        self.foreign: dict[str, Money] = {}
        self._held: Counter[tuple[Price, bool]] = Counter()
        self._bought: Counter[Price] = Counter()

    def close(self) -> None:
        """Add up what was counted. Nothing is to be read of the bill before."""
        for (price, new), count in self._held.items():
            self._add_held(price, count, new)
        for price, count in self._bought.items():
            self._commit(price.monthly * count)
            self._commit(price.setup * count)

    def add_number(self, number: NumberSeen, price: Price | None, now: datetime) -> None:
        if price is not None:
            bought = number.purchased_at and month_of(number.purchased_at)
            self._held[price, bought is None or bought == month_of(now)] += 1

    def add_lot(self, lot: Lot, count: int, now: datetime) -> None:
        if lot.phase not in GONE:
            self._add_held(lot.price, count, lot.purchased is None or lot.purchased == month_of(now))
        elif lot.purchased == month_of(now):
            self._commit(lot.price.monthly * count)
            self._commit(lot.price.setup * count)

    def _add_held(self, price: Price, count: int, new: bool) -> None:
        """`new`: each of them was bought in this month, or may have been."""
        if self._commit(price.monthly * count):
            self.monthly += price.monthly * count
        if new:
            self._commit(price.setup * count)

    def add_purchase(self, price: Price | None) -> None:
        if price is not None:
            self._bought[price] += 1

    def add_reservation(self, budget: Money | None) -> None:
        if budget is not None and self._commit(budget):
            self.reserved += budget

    def _commit(self, amount: Money) -> bool:
        """Count an amount of this month. False: it is of another currency, and counted apart, if it is any money."""
        if amount.currency == self.committed.currency:
            self.committed += amount
            return True
        if amount.amount:
            before = self.foreign.get(amount.currency, Money.zero(amount.currency))
            self.foreign[amount.currency] = before + amount
        return False


def next_month(now: datetime) -> datetime:
    """When the next month begins, in UTC: what this one has paid is not its."""
    first = (now.replace(day=1) + timedelta(days=32)).replace(day=1)
    return first.replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class Room:
    """What may still be ordered; None: as much as you like. `full` says which limit is met, when one is.
    `counts_orders`: a limit counts the orders of the day."""

    numbers: int | None = None
    spend: Money | None = None
    full: str | None = None
    counts_orders: bool = False


@dataclass(frozen=True, slots=True)
class Demand:
    """A claim that waits, and wants a number to be ordered for it. `namespace`: its own, whose order of the day it is
    too; None when it is that of the pool. `may_order`: whether that namespace may start another order today."""

    namespace: str | None = None
    may_order: bool = True
    ask: Ask = NOTHING
    """What it asks of the number."""
    at_most: Money | None = None
    """What the number may cost a month, by the quotas of its namespace; None: no limit."""


NO_QUOTA = Room()
