"""A pool's free numbers by place: apportioned to one number, and kept under churn."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import Market, NumberType
from ringfleet.model.asking import NOTHING, Ask, Traits
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.number_pool.allowance import NOT_NEEDED, allow
from ringfleet.plan.number_pool.carriers import CarrierMemory, OrderIntent, TopUp
from ringfleet.plan.number_pool.last_check import refuse_unsafe
from ringfleet.plan.number_pool.on_demand import Line
from ringfleet.plan.number_pool.plan import PoolPlan, PoolSeen, PoolWant, StartOrder, plan_pool
from ringfleet.plan.number_pool.shares import PlaceShare, apportion, place_stock, stock_by_place
from ringfleet.plan.number_pool.supply import NumberSeen, OrderSeen
from tests.plan.builders import MAIN, NOW, a_pool, a_world, an_order, numbers

SF, NY = PlaceShare("415", ("415",), 60), PlaceShare("212", ("212",), 25)
ELSEWHERE_IN_CA = PlaceShare("CA", ("213", "310"), 15)


def spare(**held: int) -> Counter[Traits]:
    """So many numbers by area code: `c415=3`; `any`: of none of them."""
    units = {name.removeprefix("c") if name != "any" else "": many for name, many in held.items()}
    return Counter({Traits(area_codes=frozenset({code})): many for code, many in units.items()})


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (10, (60, 40), (6, 4)),
        (10, (33, 33, 34), (3, 3, 4)),
        (7, (50, 50), (4, 3)),
        (1, (10, 20, 70), (0, 0, 1)),
        (0, (60, 40), (0, 0)),
        (5, (0, 0), (0, 0)),
        (100, (60, 25, 15), (60, 25, 15)),
    ],
)
def test_numbers_are_apportioned_by_the_largest_remainder(
    total: int, weights: tuple[int, ...], parts: tuple[int, ...]
) -> None:
    assert apportion(total, weights) == parts


@given(st.integers(0, 10_000), st.lists(st.integers(0, 100), min_size=1, max_size=20).filter(any))
def test_each_place_has_its_share_to_one_number_and_all_have_the_whole(total: int, weights: list[int]) -> None:
    parts = apportion(total, weights)
    assert sum(parts) == total
    assert all(abs(part - total * weight / sum(weights)) < 1 for part, weight in zip(parts, weights, strict=True))
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)


def test_a_number_counts_for_its_place_and_what_nobody_knows_for_none() -> None:
    held = spare(c415=3, c310=1, c213=1, any=2) + Counter({Traits(area_codes=frozenset({"415", "212"})): 4})
    standings = place_stock((SF, NY, ELSEWHERE_IN_CA), 20, held)
    assert [(one.share.name, one.wanted, one.held, one.short) for one in standings] == [
        ("415", 12, 3, 9),
        ("212", 5, 0, 5),
        ("CA", 3, 2, 1),
    ]


def test_what_is_missing_goes_to_the_places_that_are_short() -> None:
    assert stock_by_place((SF, NY), 20, spare(c415=12, c212=1), 7) == ((NY, 4), (None, 3))


def test_a_place_that_has_too_many_takes_from_the_others_in_proportion() -> None:
    """The target is a bound: of 20 free numbers 14 are in 415, so that 6 are left for eight that are short."""
    assert stock_by_place((SF, NY), 20, spare(c415=14), 6) == ((NY, 4), (None, 2))


SHARES = st.lists(st.integers(1, 50), min_size=1, max_size=4).filter(lambda many: sum(many) <= 100)


@given(SHARES, st.integers(0, 60), st.integers(0, 2**32))
def test_whatever_claims_take_an_order_brings_every_place_back_to_its_share(
    percents: list[int], target: int, seed: int
) -> None:
    dice = Random(seed)  # dice of a test
    shares = [PlaceShare(str(200 + at), (str(200 + at),), percent) for at, percent in enumerate(percents)]
    held: Counter[Traits] = Counter()
    for _ in range(5):
        for place, many in stock_by_place(shares, target, held, target - held.total()):
            held[Traits(area_codes=frozenset({place.codes[0] if place else ""}))] += many
        assert held.total() == target
        assert all(one.held == one.wanted for one in place_stock(shares, target, held))
        for traits in list(held):
            held[traits] -= dice.randint(0, held[traits])


@given(SHARES, st.integers(0, 60), st.lists(st.integers(0, 20), min_size=5, max_size=5), st.integers(0, 60))
def test_never_more_is_ordered_than_is_missing_and_none_for_a_place_that_has_its_share(
    percents: list[int], target: int, have: list[int], stock: int
) -> None:
    shares = [PlaceShare(str(200 + at), (str(200 + at),), percent) for at, percent in enumerate(percents)]
    held = Counter({Traits(area_codes=frozenset({str(200 + at)})): many for at, many in enumerate(have)})
    ordered = stock_by_place(shares, target, held, stock)
    assert sum(many for _, many in ordered) == stock
    short = {one.share: one.short for one in place_stock(shares, target, held)}
    assert all(many <= short[place] for place, many in ordered if place is not None)


TWO = (PlaceShare("415", ("415",), 60), PlaceShare("212", ("212",), 40))
US = Market("US", NumberType.GEOGRAPHIC, ("415", "212", "312"))
OF_SF, OF_NY = Ask(area_codes=("415",), required=True), Ask(area_codes=("212",), required=True)


def a_spread_pool(target: int = 10) -> PoolWant:
    return a_pool(target, market=US, shares=TWO)


def planned(want: PoolWant, seen: PoolSeen) -> PoolPlan:
    return refuse_unsafe(want, seen, plan_pool(want, seen, NOW))


def free(sf: int, ny: int) -> tuple[NumberSeen, ...]:
    return numbers(sf, area_code="415") + numbers(ny, first=100, area_code="212")


def said(plan: PoolPlan) -> Condition | None:
    return next((one for one in plan.conditions if one.type == "PlacesShort"), None)


def ended(sequence: int) -> OrderSeen:
    return an_order(sequence, chosen=True, finished=True, completed_at=NOW, ask=OF_SF, items=())


NONE_LEFT = CarrierMemory(MAIN, 1, 3, Reason.NO_STOCK, "There is none.", NOW + timedelta(minutes=5), OF_SF)
AFTER_SF = {"top_up": TopUp(1, carriers=(NONE_LEFT,)), "orders": (ended(1),)}


def test_a_pool_orders_for_each_place_what_its_share_is_short_of() -> None:
    plan = planned(a_spread_pool(), a_world())
    assert plan.lines == (Line(OF_SF, 6), Line(OF_NY, 4))
    assert plan.actions == (StartOrder(OrderIntent(1, MAIN, 6, None, OF_SF)),)
    assert said(plan) is None


def test_an_order_that_searches_counts_for_its_place_and_the_next_place_has_its_turn() -> None:
    searching = an_order(1, count=6, ask=OF_SF, market=Market("US", NumberType.GEOGRAPHIC, ("415",)))
    plan = planned(a_spread_pool(), a_world(orders=(searching,), top_up=TopUp(1)))
    assert plan.actions == (StartOrder(OrderIntent(2, MAIN, 4, None, OF_NY)),)


def test_what_a_claim_takes_in_one_place_is_replaced_there() -> None:
    plan = planned(a_spread_pool(), a_world(numbers=free(6, 3)))
    assert plan.lines == (Line(OF_NY, 1),)


def test_a_claim_of_a_place_shares_an_order_with_its_stock() -> None:
    plan = planned(a_spread_pool(), a_world(numbers=free(6, 3), on_demand=(OF_NY,) * 5))
    assert plan.actions == (StartOrder(OrderIntent(1, MAIN, 6, None, OF_NY)),)


def test_a_place_that_a_carrier_has_nothing_for_is_told_and_keeps_no_other_from_being_filled() -> None:
    plan = planned(a_spread_pool(), a_world(**AFTER_SF))
    assert plan.actions == (StartOrder(OrderIntent(2, MAIN, 4, None, OF_NY)),)
    filled = planned(a_spread_pool(), a_world(numbers=free(0, 4), **AFTER_SF))
    assert filled.actions == ()
    condition = said(filled)
    assert condition
    assert "(spec.size.shares): 415. " in condition.message
    assert "There is none." in condition.message


def test_a_pool_that_has_its_target_in_the_wrong_places_orders_nothing_and_says_which_are_short() -> None:
    plan = planned(a_spread_pool(), a_world(numbers=free(10, 0)))
    assert (plan.actions, plan.lines) == ((), ())
    condition = said(plan)
    assert condition
    assert "(spec.size.shares): 212. Nothing more is ordered" in condition.message


@pytest.mark.parametrize(
    ("ask", "have", "count", "allowed"),
    [
        pytest.param(OF_SF, (0, 0), 6, 6, id="all of its share"),
        pytest.param(OF_SF, (4, 0), 6, 2, id="some have come meanwhile"),
        pytest.param(OF_SF, (6, 0), 6, 0, id="all have"),
        pytest.param(OF_NY, (6, 3), 4, 1, id="another place has its share"),
        pytest.param(NOTHING, (0, 0), 10, 0, id="an order for any place, of before there were shares"),
    ],
)
def test_an_order_that_runs_later_buys_what_its_place_is_still_short_of(
    ask: Ask, have: tuple[int, int], count: int, allowed: int
) -> None:
    left = allow(a_spread_pool(), a_world(numbers=free(*have)), count, None, "USD", NOW, ask, MAIN)
    assert (left.count, left.message) == (allowed, "" if allowed else NOT_NEEDED)


def test_the_last_check_refuses_an_order_beyond_the_share_of_its_place() -> None:
    want, seen = a_spread_pool(), a_world()
    plan = plan_pool(want, seen, NOW)
    (start,) = plan.actions
    assert isinstance(start, StartOrder)
    beyond = replace(plan, actions=(StartOrder(replace(start.intent, count=7)),))
    assert refuse_unsafe(want, seen, beyond).actions == ()
