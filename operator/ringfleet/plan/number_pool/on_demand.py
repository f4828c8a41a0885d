"""Which of the claims that have a number ordered still need one, and what the orders for them have to bring.

::

    claims, by ticket  --.
                          >-- match --> met    a number that has all that it must is there, or on its way
    supply, by traits  --'         '--> unmet  --> lines: one for each kind of order, the claim that came first before

No number is counted for two claims, and no claim waits for a number that it could not take. It is the largest matching
that there is, in which earlier claims are met before later ones, so that nothing is ordered that can do without.

What a number has is as its object tells it, else the order's item that bought it. What an order that still searches
will bring has at least what its market promises; what nobody knows yet, what the pool's market promises.

Who waits for a number that was bought for another may get it all the same: the queue is first come, first served, and
knows no such difference. Then the other one is unmet again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ringfleet.model import E164, GONE, ItemState, Market, Phase
from ringfleet.model.asking import (
    NOTHING,
    Ask,
    Traits,
    beyond,
    can_give,
    traits_of,
    traits_of_number,
    traits_said,
)
from ringfleet.plan.number_pool.supply import (
    NO_LOTS,
    RECORDED,
    ItemSeen,
    Lots,
    NumberSeen,
    OrderSeen,
    bought_items,
    has_settled,
)
from ringfleet.plan.phone_number.phase import IN_FLIGHT


@dataclass(frozen=True, slots=True)
class OnDemand:
    """How the claims stand that have a number ordered for them."""

    unmet: tuple[Ask, ...] = ()
    """What those ask that need one more number, in the order of their tickets; none that the pool can never serve."""
    met: int = 0
    """How many numbers of the supply are for such claims."""
    unmet_at: tuple[int, ...] = ()
    """Which of all the claims the unmet ones are."""


@dataclass(frozen=True, slots=True)
class Line:
    """So many numbers that one kind of order is to bring. `ask`: beyond what the pool's market gives."""

    ask: Ask
    count: int


def match_claims(
    market: Market,
    asks: Sequence[Ask],
    numbers: Iterable[NumberSeen],
    orders: Iterable[OrderSeen],
    now: datetime,
    just_gone: frozenset[E164] = frozenset(),
    lots: Lots = NO_LOTS,
) -> OnDemand:
    """Match the claims, in the order of their tickets, with what counts as supply. `market`: the pool's; `lots`: as
    `count_units` takes them."""
    if not asks:
        return OnDemand()
    kinds = {ask: ask.musts for ask in asks}  # a few, of which many claims are
    units = count_units(market, numbers, orders, now, just_gone, codes_that_matter(kinds), lots)
    matching = _Matching(units)
    unmet = [n for n, ask in enumerate(asks) if not matching.meets(kinds[ask])]
    given = {ask for ask in kinds if can_give(market, ask)}
    found = tuple(n for n in unmet if asks[n] in given)
    return OnDemand(tuple(asks[n] for n in found), len(asks) - len(unmet), found)


def codes_that_matter(asks: Iterable[Ask]) -> tuple[str, ...]:
    """The area codes by which numbers have to be told apart for these claims: those that one of them requires."""
    return tuple(sorted({code for ask in asks for code in ask.must_codes}))


def order_lines(market: Market, unmet: Iterable[Ask], stock: int) -> tuple[Line, ...]:
    """What is to be ordered, in this order: for the claims as they came, one kind of order after the other; then for
    the pool's stock. Claims that take what its market gives share an order with the stock when no other is left."""
    counts: Counter[Ask] = Counter()
    for ask, count in Counter(unmet).items():  # in the order of their coming
        counts[beyond(market, ask)] += count
    lines = [Line(ask, count) for ask, count in counts.items()]
    if set(counts) <= {NOTHING}:
        return (Line(NOTHING, counts[NOTHING] + stock),) if counts[NOTHING] + stock else ()
    return (*lines, Line(NOTHING, stock)) if stock else tuple(lines)


def wanted_by(lines: Iterable[Line], ask: Ask) -> int:
    """How many numbers such an order may bring."""
    return sum(line.count for line in lines if line.ask == ask)


def count_units(
    market: Market,
    numbers: Iterable[NumberSeen],
    orders: Iterable[OrderSeen],
    now: datetime,
    just_gone: frozenset[E164],
    codes: tuple[str, ...],
    lots: Lots = NO_LOTS,
) -> Counter[Traits]:
    """The supply by traits: as many as `count_supply` counts, each number once. `codes`: the area codes that matter.

    `lots`: the pool's other numbers; where an area code matters, each lot of supply has one, be it from their digits.
    """
    numbers, orders = tuple(numbers), tuple(orders)
    items = {item.number: item for order in orders for item in order.items}
    buying = {item.number for order in orders if not order.finished for item in bought_items(order)}
    promised = traits_of(market)
    units = _units_in_lots(lots, promised, codes)
    seen: set[E164] = set()
    for number in numbers:
        if number.phase not in GONE or number.number not in buying:
            seen.add(number.number)
        if number.misfit:
            continue
        counts = (number.phase is Phase.AVAILABLE or number.phase in IN_FLIGHT) + number.returning + number.staying
        if counts:
            item = items.get(number.number, ItemSeen(number.number, ItemState.PROVISIONED))
            able, code = number.capabilities or item.capabilities, number.area_code or item.area_code
            if number.phase in IN_FLIGHT:
                able = able or promised.capabilities
            units[traits_of_number(number.number, able, code, codes)] += counts
    for order in orders:
        if order.misfit:
            seen |= {item.number for item in bought_items(order)}
            continue
        if not order.chosen and not order.finished:
            units[traits_of(order.market) if order.market else promised] += order.count
        settled = has_settled(order, now)
        for item in bought_items(order):
            if item.number not in seen:
                seen.add(item.number)
                if not (settled and item.state in RECORDED):
                    able = item.capabilities or promised.capabilities
                    units[traits_of_number(item.number, able, item.area_code, codes)] += 1
    for gone in just_gone - seen - {one.number for one in numbers}:
        units[traits_of_number(gone, promised.capabilities, None, codes)] += 1
    return units


def _units_in_lots(lots: Lots, promised: Traits, codes: tuple[str, ...]) -> Counter[Traits]:
    units: Counter[Traits] = Counter()
    for lot, count in lots.items():
        if lot.is_supply:
            able = lot.capabilities or (promised.capabilities if lot.phase in IN_FLIGHT else frozenset())
            units[traits_said(able, lot.area_code, codes)] += count
    return units


@dataclass(slots=True)
class _Matching:
    """A matching that grows claim by claim, along augmenting paths: who can do with another number makes room.

    One that finds none never will, whatever comes after, nor will another one that asks the same.
    """

    free: Counter[Traits]
    given: dict[tuple[Ask, Traits], int] = field(default_factory=dict)
    hopeless: set[Ask] = field(default_factory=set)

    def meets(self, ask: Ask) -> bool:
        """Match one more claim; whether that can be done."""
        if ask not in self.hopeless and self._augment(ask, set()):
            return True
        self.hopeless.add(ask)
        return False

    def _augment(self, ask: Ask, tried: set[Traits]) -> bool:
        for unit in self.free:
            if unit in tried or not ask.is_met_by(unit):
                continue
            tried.add(unit)
            if self.free[unit] > 0:
                self.free[unit] -= 1
                self._give(ask, unit, 1)
                return True
            for other in [holder for holder, held in self.given if held == unit and self.given[holder, held]]:
                if other != ask and self._augment(other, tried):
                    self._give(other, unit, -1)
                    self._give(ask, unit, 1)
                    return True
        return False

    def _give(self, ask: Ask, unit: Traits, count: int) -> None:
        self.given[ask, unit] = self.given.get((ask, unit), 0) + count
