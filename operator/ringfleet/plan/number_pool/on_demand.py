"""Which of the claims that have a number ordered still need one, and what the orders for them have to bring.

::

    claims, by ticket  --.
                          >-- match --> met    a number that has all that it must is there, or on its way
    supply, by traits  --'         '--> unmet  --> lines: one for each kind of order, the claim that came first before

No number is counted for two claims, and no claim waits for a number that it could not take. It is the largest matching
that there is, in which earlier claims are met before later ones, so that nothing is ordered that can do without.

What a number has is as its object tells it, else the order's item that bought it. What an order that still searches
will bring has at least what its market promises, and costs what the quotas leave that it is made for; what nobody knows
yet, what the pool's market promises.

Who waits for a number that was bought for another may get it all the same: the queue is first come, first served, and
knows no such difference. Then the other one is unmet again.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from ringfleet.model import E164, GONE, AccountKey, ItemState, Market, Money, Phase, Price
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

Purses = Mapping[str, Money]
"""What the number of a claim may cost a month, by the namespace whose quotas have to leave it."""
NO_PURSES: Purses = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class OnDemand:
    """How the claims stand that have a number ordered for them."""

    unmet: tuple[Ask, ...] = ()
    """What those ask that need one more number, in the order of their tickets; none that the pool can never serve."""
    met: int = 0
    """How many numbers of the supply are for such claims."""
    unmet_at: tuple[int, ...] = ()
    """Which of all the claims the unmet ones are."""
    spare: Mapping[Traits, int] = field(default_factory=dict)
    """The supply that is for none of them, by traits; empty where nobody asks for it."""


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
    purses: Purses = NO_PURSES,
    carriers: Collection[AccountKey] = (),
    places: Collection[str] = (),
) -> OnDemand:
    """Match the claims, in the order of their tickets, with what counts as supply. `market`: the pool's; `lots`: as
    `count_units` takes them; `purses`: for the claims whose number quotas have to leave the price; `carriers`: from
    which the pool can order; `places`: area codes by which what is left is told apart."""
    if not (asks or places):
        return OnDemand()
    kinds = {ask: ask.musts for ask in asks}  # a few, of which many claims are
    priced = any(ask.quotas_of for ask in kinds)
    placed = any(ask.accounts is not None or ask.account for ask in kinds)
    codes = tuple(sorted({*codes_that_matter(kinds), *places}))
    units = count_units(market, numbers, orders, now, just_gone, codes, lots, priced=priced, placed=placed)
    matching = _Matching(units, purses)
    unmet = [n for n, ask in enumerate(asks) if not matching.meets(kinds[ask])]
    given = {ask for ask in kinds if can_give(market, ask) and ask.account in (None, *carriers)}
    found = tuple(n for n in unmet if asks[n] in given)
    return OnDemand(tuple(asks[n] for n in found), len(asks) - len(unmet), found, matching.left if places else {})


def codes_that_matter(asks: Iterable[Ask]) -> tuple[str, ...]:
    """The area codes by which numbers have to be told apart for these claims: those that one of them requires."""
    return tuple(sorted({code for ask in asks for code in ask.must_codes}))


def order_lines(market: Market, unmet: Iterable[Ask], stock: int, by_place: Sequence[Line] = ()) -> tuple[Line, ...]:
    """What is to be ordered, in this order: for the claims as they came, one kind of order after the other; then for
    the pool's stock. Claims that take what its market gives share an order with the stock when no other is left.
    `by_place`: the stock, where it is ordered place by place; claims of a place share an order with it."""
    counts: Counter[Ask] = Counter()
    for ask, count in Counter(unmet).items():  # in the order of their coming
        counts[beyond(market, ask)] += count
    for line in by_place:
        counts[line.ask] += line.count
    lines = [Line(ask, count) for ask, count in counts.items()]
    if by_place:
        return tuple(lines)
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
    *,
    priced: bool = False,
    placed: bool = False,
) -> Counter[Traits]:
    """The supply by traits: as many as `count_supply` counts, each number once. `codes`: the area codes that matter;
    `priced`: whether prices do; `placed`: whether accounts do.

    `lots`: the pool's other numbers; where an area code matters, each lot of supply has one, be it from their digits.
    """
    numbers, orders = tuple(numbers), tuple(orders)
    items = {item.number: item for order in orders for item in order.items}
    buying = {item.number for order in orders if not order.finished for item in bought_items(order)}
    promised = traits_of(market)
    units = _units_in_lots(lots, promised, codes, priced, placed)
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
            traits = traits_of_number(number.number, able, code, codes)
            units[_told(traits, number.price or item.price, priced, number.account, placed)] += counts
    for order in orders:
        if order.misfit:
            seen |= {item.number for item in bought_items(order)}
            continue
        if not order.chosen and not order.finished:
            brings = traits_of(order.market) if order.market else promised
            brings = brings._replace(quotas_of=order.ask.quotas_of)
            units[_told(brings, None, priced, order.account, placed)] += order.count
        settled = has_settled(order, now)
        for item in bought_items(order):
            if item.number not in seen:
                seen.add(item.number)
                if not (settled and item.state in RECORDED):
                    able = item.capabilities or promised.capabilities
                    traits = traits_of_number(item.number, able, item.area_code, codes)
                    units[_told(traits, item.price, priced, order.account, placed)] += 1
    for gone in just_gone - seen - {one.number for one in numbers}:
        units[traits_of_number(gone, promised.capabilities, None, codes)] += 1
    return units


def _told(traits: Traits, price: Price | None, priced: bool, account: AccountKey | None, placed: bool) -> Traits:
    """The same with what else matters: each trait more makes more units to match with."""
    monthly = price.monthly if priced and price else None
    return traits._replace(monthly=monthly, account=account if placed else None)


def _units_in_lots(lots: Lots, promised: Traits, codes: tuple[str, ...], priced: bool, placed: bool) -> Counter[Traits]:
    units: Counter[Traits] = Counter()
    for lot, count in lots.items():
        if lot.is_supply:
            able = lot.capabilities or (promised.capabilities if lot.phase in IN_FLIGHT else frozenset())
            units[_told(traits_said(able, lot.area_code, codes), lot.price, priced, lot.account, placed)] += count
    return units


class _Matching:
    """A matching that grows claim by claim, along augmenting paths: who can do with another number makes room. A path
    may be as long as there are claims (`tests/plan/number_pool/test_on_demand.py`), so it is no recursion.

    One that finds none never will, whatever comes after, nor will another one that asks the same.
    """

    def __init__(self, units: Counter[Traits], purses: Purses) -> None:
        self._free = units
        self._purses = purses
        self._holders: defaultdict[Traits, Counter[Ask]] = defaultdict(Counter)
        self._hopeless: set[Ask] = set()
        self._fitting: dict[Ask, tuple[Traits, ...]] = {}
        self._by_code: defaultdict[str, list[Traits]] = defaultdict(list)
        for unit in units:
            for code in unit.area_codes:
                self._by_code[code].append(unit)

    @property
    def left(self) -> dict[Traits, int]:
        """The units that no claim has."""
        return {unit: count for unit, count in self._free.items() if count > 0}

    def meets(self, ask: Ask) -> bool:
        """Match one more claim; whether that can be done."""
        if ask not in self._hopeless and self._augment(ask):
            return True
        self._hopeless.add(ask)
        return False

    def _augment(self, ask: Ask) -> bool:
        """Look for a free unit, by whom it costs the fewest claims theirs."""
        wanted_by, gives_up, asking = dict[Traits, Ask](), dict[Ask, Traits](), deque([ask])
        while asking:
            asker = asking.popleft()
            for unit in self._that_fit(asker):
                if unit in wanted_by:
                    continue
                wanted_by[unit] = asker
                if self._free[unit] > 0:
                    self._hand_on(unit, wanted_by, gives_up)
                    return True
                for holder in self._holders[unit]:
                    if holder != ask and holder not in gives_up:
                        gives_up[holder] = unit
                        asking.append(holder)
        return False

    def _hand_on(self, unit: Traits, wanted_by: Mapping[Traits, Ask], gives_up: Mapping[Ask, Traits]) -> None:
        """Along the path that ends at a free unit, from its end."""
        self._free[unit] -= 1
        while True:
            asker = wanted_by[unit]
            self._holders[unit][asker] += 1
            if asker not in gives_up:
                return
            unit = gives_up[asker]
            self._holders[unit][asker] -= 1
            if not self._holders[unit][asker]:
                del self._holders[unit][asker]

    def _that_fit(self, ask: Ask) -> tuple[Traits, ...]:
        if ask not in self._fitting:
            coded = (unit for code in ask.must_codes for unit in self._by_code[code])
            units = dict.fromkeys(coded) if ask.must_codes else self._free
            found = (unit for unit in units if ask.is_met_by(unit) and ask.can_be_at(unit.account))
            self._fitting[ask] = tuple(unit for unit in found if self._can_pay(ask, unit))
        return self._fitting[ask]

    def _can_pay(self, ask: Ask, unit: Traits) -> bool:
        if ask.quotas_of is None or ask.quotas_of == unit.quotas_of:
            return True
        most, price = self._purses.get(ask.quotas_of), unit.monthly
        return most is not None and price is not None and price.currency == most.currency and price <= most
