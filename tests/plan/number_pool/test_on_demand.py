"""For whom a number is ordered, and which: nothing that no claim needs, and nothing that it could not take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import E164, Capability, ItemState, Limits, Market, Money, NumberType, Offer, Phase, Price
from ringfleet.model.asking import NOTHING, Ask, Traits, can_give, narrow
from ringfleet.plan.claim_allocator import AreaCodeWish, ClaimWish, FreeNumber, Stock
from ringfleet.plan.number_pool.on_demand import Line, count_units, match_claims, order_lines, wanted_by
from ringfleet.plan.number_pool.plan import PoolWant, StartOrder, plan_pool
from ringfleet.plan.number_pool.supply import ItemSeen, Lot, NumberSeen, OrderSeen, count_supply
from ringfleet.plan.offer_choice import choose_offers
from tests.plan.builders import MAIN, NOW, a_pool, a_price, a_world, an_ask, an_offer, an_order_want, digits, dollars

VOICE, SMS, FAX = Capability.VOICE, Capability.SMS, Capability.FAX
ANYWHERE = Market("US", NumberType.GEOGRAPHIC, (), frozenset({VOICE}))
LISTED = replace(ANYWHERE, area_codes=("415", "628"))
TEXTS, FAXES = an_ask(SMS), an_ask(FAX)
IN_628 = an_ask(codes="628", required=True)
GERMAN = Market("DE", NumberType.GEOGRAPHIC, (), frozenset())
PAID = Ask(quotas_of="acme")
EUROS = Price(Money(Decimal(2), "EUR"), Money(Decimal(0), "EUR"))


@pytest.mark.parametrize(
    ("unmet", "stock", "lines"),
    [
        pytest.param((), 0, (), id="nothing"),
        pytest.param((), 3, (Line(NOTHING, 3),), id="the stock"),
        pytest.param((NOTHING, NOTHING), 3, (Line(NOTHING, 5),), id="who takes any, with it"),
        pytest.param((TEXTS, FAXES, TEXTS), 0, (Line(TEXTS, 2), Line(FAXES, 1)), id="who came first, first"),
        pytest.param((TEXTS,), 3, (Line(TEXTS, 1), Line(NOTHING, 3)), id="claims before the stock"),
        pytest.param(
            (NOTHING, TEXTS), 3, (Line(NOTHING, 1), Line(TEXTS, 1), Line(NOTHING, 3)), id="those that take any too"
        ),
        pytest.param((an_ask(VOICE), NOTHING), 0, (Line(NOTHING, 2),), id="what all numbers of the market can do"),
        pytest.param((an_ask(codes="415"),), 0, (Line(NOTHING, 1),), id="a wish that is the pool's first too"),
        pytest.param((an_ask(codes="628"),), 0, (Line(an_ask(codes="628"), 1),), id="one that is not"),
        pytest.param((an_ask(codes="212"),), 0, (Line(NOTHING, 1),), id="one that the pool does not order"),
        pytest.param((an_ask(codes="212 628", required=True),), 0, (Line(IN_628, 1),), id="the part that it does"),
        pytest.param(
            (an_ask(codes="415 628", required=True),), 0, (Line(NOTHING, 1),), id="a must that all its numbers meet"
        ),
    ],
)
def test_what_is_ordered_first_and_what_together(unmet: tuple[Ask, ...], stock: int, lines: tuple[Line, ...]) -> None:
    assert order_lines(LISTED, unmet, stock) == lines
    assert sum(wanted_by(lines, ask) for ask in {line.ask for line in lines}) == len(unmet) + stock


def test_a_chain_of_claims_may_be_as_long_as_there_are_claims() -> None:
    """Each could do with the number of the one before, and the last one with the first one's alone."""
    many = 1_200
    numbers = [NumberSeen(E164(f"+49{n:05}000"), Phase.AVAILABLE, area_code=f"{n:05}") for n in range(many)]
    chain = [Ask(area_codes=(f"{n:05}", f"{n + 1:05}"), required=True) for n in range(many - 1)]
    last = Ask(area_codes=("00000",), required=True)
    compared: Counter[bool] = Counter()
    with patch.object(Ask, "is_met_by", _counting(Ask.is_met_by, compared)):
        found = match_claims(GERMAN, [*chain, last, last], numbers, (), NOW)
    assert found.met == many
    assert compared.total() < 10 * many


def _counting(plain: Callable[..., bool], compared: Counter[bool]) -> Callable[..., bool]:
    def counted(*args: Any) -> bool:
        found = plain(*args)
        compared[found] += 1
        return found

    return counted


@pytest.mark.parametrize(
    ("supply", "met"),
    [
        pytest.param({"numbers": (NumberSeen(digits(1), Phase.AVAILABLE, a_price(2)),)}, 1, id="it can pay it"),
        pytest.param({"numbers": (NumberSeen(digits(1), Phase.AVAILABLE, a_price(5)),)}, 0, id="it can't"),
        pytest.param({"numbers": (NumberSeen(digits(1), Phase.AVAILABLE),)}, 0, id="nobody knows its price"),
        pytest.param({"numbers": (NumberSeen(digits(1), Phase.AVAILABLE, EUROS),)}, 0, id="in other money"),
        pytest.param({"lots": {Lot(Phase.AVAILABLE, a_price(2), None): 1}}, 1, id="among many"),
        pytest.param({"lots": {Lot(Phase.AVAILABLE, a_price(5), None): 1}}, 0, id="among many, too dear"),
        pytest.param({"orders": (OrderSeen(1, "west-1", MAIN, 1),)}, 0, id="what others have on order"),
        pytest.param({"orders": (OrderSeen(1, "west-1", MAIN, 1, ask=PAID),)}, 1, id="what is on order for it"),
    ],
)
def test_a_claim_that_pays_by_a_quota_waits_for_no_number_that_it_can_not_pay(supply: Any, met: int) -> None:
    found = match_claims(
        ANYWHERE,
        [PAID],
        supply.get("numbers", ()),
        supply.get("orders", ()),
        NOW,
        **{"lots": supply.get("lots", {}), "purses": {"acme": dollars(2)}},
    )
    assert found.met == met


# Laws.

abilities = st.sampled_from([frozenset({VOICE}), frozenset({VOICE, SMS}), frozenset({VOICE, SMS, FAX})])
codes = st.lists(st.sampled_from(["415", "628", "212"]), max_size=3, unique=True).map(tuple)
asks = st.builds(Ask, st.sampled_from([(), (SMS,), (FAX,), (SMS, VOICE)]).map(frozenset), codes, st.booleans())
markets = st.sampled_from([ANYWHERE, LISTED])


@st.composite
def stocks(draw: st.DrawFn) -> tuple[tuple[NumberSeen, ...], tuple[OrderSeen, ...]]:
    """Numbers and orders of a pool, of which some are about the same numbers."""
    names = st.integers(1, 12).map(digits)
    found = st.builds(
        NumberSeen,
        names,
        st.sampled_from([phase for phase in Phase if phase is not Phase.RELEASING]),
        capabilities=abilities | st.just(frozenset()),
        area_code=st.none() | st.sampled_from(["415", "628"]),
    )
    staying = st.builds(NumberSeen, names, st.just(Phase.RELEASING), staying=st.booleans(), capabilities=abilities)
    items = st.builds(ItemSeen, names, st.sampled_from(ItemState), st.just(a_price()), abilities)
    chosen = st.builds(
        OrderSeen,
        st.integers(1, 9),
        st.just("west"),
        st.just(MAIN),
        st.just(3),
        chosen=st.just(True),
        finished=st.booleans(),
        items=st.lists(items, max_size=4, unique_by=lambda item: item.number).map(tuple),
        completed_at=st.none() | st.just(NOW) | st.just(NOW.replace(year=2025)),
    )
    searching = st.builds(OrderSeen, st.integers(1, 9), st.just("west"), st.just(MAIN), st.integers(1, 4))
    numbers = draw(st.lists(found | staying, max_size=8, unique_by=lambda number: number.number))
    return tuple(numbers), tuple(draw(st.lists(chosen | searching, max_size=3)))


@given(stocks(), st.sets(st.integers(1, 14).map(digits), max_size=3).map(frozenset), codes)
def test_units_are_as_many_as_the_supply(
    stock: tuple[tuple[NumberSeen, ...], tuple[OrderSeen, ...]], gone: frozenset[E164], codes: tuple[str, ...]
) -> None:
    numbers, orders = stock
    units = count_units(LISTED, numbers, orders, NOW, gone, codes)
    assert units.total() == count_supply(Limits(), numbers, orders, NOW, gone).total


def most(asking: Sequence[Ask], units: Sequence[Traits]) -> int:
    """How many can be met at most, by trying everything."""
    if not asking:
        return 0
    first, rest = asking[0], asking[1:]
    tries = [1 + most(rest, (*units[:n], *units[n + 1 :])) for n, unit in enumerate(units) if first.is_met_by(unit)]
    return max([most(rest, units), *tries])


@given(st.lists(asks, max_size=5), st.lists(st.tuples(abilities, st.sampled_from(["415", "628"])), max_size=4))
def test_no_more_claims_can_be_met_and_the_earlier_ones_are(
    asking: list[Ask], free: list[tuple[frozenset[Capability], str]]
) -> None:
    numbers = [
        NumberSeen(digits(n), Phase.AVAILABLE, capabilities=able, area_code=c) for n, (able, c) in enumerate(free)
    ]
    units = [Traits(able, frozenset({code})) for able, code in free]
    for count in range(len(asking) + 1):
        found = match_claims(ANYWHERE, asking[:count], numbers, (), NOW)
        assert found.met == most(asking[:count], units)
        assert len(found.unmet) == count - found.met


OFFERS = [
    an_offer(n, area_code=code, capabilities=able)
    for n, (code, able) in enumerate(
        (code, able)
        for code in ("415", "628", "212")
        for able in (frozenset({VOICE}), frozenset({VOICE, SMS}), frozenset({VOICE, SMS, FAX}))
        for _ in range(12)
    )
]
"""More of each kind than anybody wants."""


class Fleet:
    """A pool without mishaps: what it orders comes whole, and is given to the claims before it looks again."""

    def __init__(self, want: PoolWant, claims: Sequence[Ask], free: Sequence[Offer]) -> None:
        self.want = want
        self.stock = Stock()
        self.waiting = {str(n): ask for n, ask in enumerate(claims)}
        self.numbers: dict[str, NumberSeen] = {}
        self.bound: dict[str, Offer] = {}
        self.offers = {offer.number.digits: offer for offer in OFFERS}
        for n, ask in enumerate(claims):
            wishes = tuple(map(AreaCodeWish, ask.area_codes))
            self.stock.ask(ClaimWish(str(n), n, wishes, ask.capabilities, area_codes=ask.must_codes))
        for offer in free:
            self.take_in(offer)
        self.serve()

    def take_in(self, offer: Offer) -> None:
        number = offer.number
        self.numbers[number.digits] = NumberSeen(
            number, Phase.AVAILABLE, offer.price, capabilities=offer.capabilities, area_code=offer.area_code
        )
        self.stock.offer(FreeNumber(number.digits, offer.area_code, None, offer.capabilities))

    def serve(self) -> list[str]:
        hands = self.stock.serve()
        for hand in hands:
            self.stock.settle(hand.uid)
            self.bound[hand.uid] = self.offers[hand.number.name]
            del self.waiting[hand.uid], self.numbers[hand.number.name]
        return [hand.uid for hand in hands]

    def turn(self) -> StartOrder | None:
        """One order, bought and served; None when nothing is ordered."""
        seen = a_world(on_demand=self.waiting.values(), numbers=tuple(self.numbers.values()))
        plan = plan_pool(self.want, seen, NOW)
        start = next((action for action in plan.actions if isinstance(action, StartOrder)), None)
        if start:
            order = an_order_want(start.intent.count, market=narrow(self.want.market, start.intent.ask))
            taken = {offer.number for offer in self.bound.values()} | {one.number for one in self.numbers.values()}
            for offer in choose_offers(order, (offer for offer in OFFERS if offer.number not in taken)).offers:
                self.take_in(offer)
        return start


@given(
    markets,
    st.integers(0, 3),
    st.lists(asks, max_size=6),
    st.lists(st.sampled_from(OFFERS), max_size=4, unique_by=lambda offer: offer.number),
    st.integers(1, 4),
)
def test_every_claim_gets_what_it_must_have_and_nothing_is_bought_that_nobody_needs(
    market: Market, target: int, claims: list[Ask], free: list[Offer], batch: int
) -> None:
    fleet = Fleet(a_pool(target, market=market, batch_size=batch), claims, free)
    spare = len(fleet.numbers)
    while start := fleet.turn():
        waiting = list(fleet.waiting)
        served = fleet.serve()
        if start.intent.ask != NOTHING:
            assert len(served) == start.intent.count, "an order for claims is for so many that wait"
        assert served == sorted(served, key=waiting.index)
    for uid, offer in fleet.bound.items():
        assert claims[int(uid)].is_met_by(Traits(offer.capabilities, frozenset({offer.area_code or ""})))
    assert not any(can_give(market, ask) for ask in fleet.waiting.values())
    assert len(fleet.numbers) == max(target, spare)
