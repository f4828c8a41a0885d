"""What a pool does next, case by case. The laws that hold over all cases are in `test_laws.py`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from ringfleet.model import AccountKey, Capability, ItemState, Limits, Market, Money, NumberType, Phase
from ringfleet.model.asking import NOTHING, Ask, narrow
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Condition, Reason, not_ready, ready, reconciling, stalled
from ringfleet.plan.number_pool.carriers import CarrierMemory, OrderIntent, TopUp, learn
from ringfleet.plan.number_pool.last_check import refuse_unsafe
from ringfleet.plan.number_pool.plan import (
    Action,
    CreateOrder,
    PoolPlan,
    PoolSeen,
    PoolWant,
    StartOrder,
    TrimOrder,
    plan_pool,
)
from ringfleet.plan.number_pool.supply import Demand, OrderSeen, Room
from tests.plan.builders import (
    LAST_MONTH,
    MAIN,
    MARKET,
    NOW,
    SPARE,
    a_number,
    a_pool,
    a_price,
    a_world,
    an_ask,
    an_order,
    dollars,
    items,
    limits,
    numbers,
)

IN_A_MINUTE = NOW + timedelta(minutes=1)
IN_A_MONTH = NOW + timedelta(days=30)
DOWN = AccountSeen(Reason.CARRIER_UNAVAILABLE, "default/main does not answer.")
AT_TARGET = ready(Reason.AT_TARGET, "The pool has the numbers that it asks for.")
ON_ORDER = not_ready(Reason.ORDERING, "Numbers are on order.")
UNDER_WAY = reconciling(Reason.ORDERING, "Numbers are on order, or are to be ordered.")
LOW = Condition(
    "BelowLowWatermark",
    True,
    Reason.BELOW_LOW_WATERMARK,
    "Available numbers and those on their way are fewer than the low watermark (spec.size.min or the forecast).",
)
DRY = Condition(
    "Exhausted",
    True,
    Reason.EXHAUSTED,
    "No number is available: those that claim one wait until an order arrives or a number has cooled down.",
)


def start(count: int, sequence: int = 1, account: AccountKey = MAIN, budget: Money | None = None) -> StartOrder:
    return StartOrder(OrderIntent(sequence, account, count, budget))


def resting(account: AccountKey, reason: Reason = Reason.NO_STOCK, **rest: Any) -> CarrierMemory:
    message = f"{account.name} has no stock."
    return CarrierMemory(account, **{"sequence": 0, "failures": 1, "reason": reason, "message": message, **rest})


def actions(want: PoolWant, seen: PoolSeen) -> tuple[Action, ...]:
    return plan_pool(want, seen, NOW).actions


def reasons(plan: PoolPlan) -> list[tuple[str, bool, Reason]]:
    return [(condition.type, condition.status, condition.reason) for condition in plan.conditions]


# How many.


@pytest.mark.parametrize(
    ("want", "seen", "expected"),
    [
        pytest.param(a_pool(10), a_world(), start(10), id="an empty pool orders its target"),
        pytest.param(a_pool(10), a_world(numbers=numbers(9)), start(1), id="a pool that lacks one orders one"),
        pytest.param(a_pool(10), a_world(numbers=numbers(10)), None, id="a full pool orders nothing"),
        pytest.param(a_pool(10), a_world(numbers=numbers(12)), None, id="a pool with a surplus orders nothing"),
        pytest.param(a_pool(0), a_world(), None, id="a target of none orders nothing"),
        pytest.param(a_pool(250), a_world(), start(100), id="a hundred at a time"),
        pytest.param(a_pool(10, batch_size=4), a_world(), start(4), id="a batch at a time"),
        pytest.param(a_pool(10, minimum=3), a_world(numbers=numbers(3)), None, id="at the watermark, nothing"),
        pytest.param(
            a_pool(10, minimum=3), a_world(numbers=numbers(2)), start(8), id="under the watermark, up to the target"
        ),
        pytest.param(
            a_pool(10, minimum=3),
            a_world(numbers=numbers(3), top_up=TopUp(filling=True)),
            start(7),
            id="a filling goes on above the watermark",
        ),
        pytest.param(
            a_pool(10), a_world(numbers=numbers(10, Phase.BOUND)), start(10), id="bound numbers are no supply"
        ),
        pytest.param(
            a_pool(10),
            a_world(numbers=numbers(10, Phase.PENDING_DOCUMENTS)),
            None,
            id="numbers that wait for documents are supply",
        ),
        pytest.param(
            a_pool(10), a_world(numbers=numbers(10, Phase.LOST)), start(10), id="lost numbers are ordered again"
        ),
        pytest.param(a_pool(10), a_world(orders=(an_order(count=10),)), None, id="an order that searches is supply"),
        pytest.param(
            a_pool(10), a_world(orders=(an_order(count=4),)), start(6, sequence=2), id="what is on order is subtracted"
        ),
        pytest.param(
            a_pool(3),
            a_world(orders=(an_order(items=items(*[ItemState.UNKNOWN] * 3)),)),
            None,
            id="unknown outcomes are supply",
        ),
        pytest.param(
            a_pool(3),
            a_world(orders=(an_order(items=items(*[ItemState.FAILED] * 3)),)),
            start(3, sequence=2),
            id="failed items are ordered again",
        ),
        pytest.param(a_pool(10, suspended=True), a_world(), None, id="a suspended pool orders nothing"),
    ],
)
def test_a_pool_orders_what_its_supply_lacks(want: PoolWant, seen: PoolSeen, expected: StartOrder | None) -> None:
    assert actions(want, seen) == ((expected,) if expected else ())


def test_scaling_down_orders_nothing_and_shows_the_surplus() -> None:
    plan = plan_pool(a_pool(4), a_world(numbers=numbers(10)), NOW)
    assert (plan.actions, plan.shortfall, plan.surplus, plan.conditions) == ((), 0, 6, (AT_TARGET,))


def test_a_filling_lasts_while_an_order_is_open_that_may_still_fail() -> None:
    want = a_pool(10, minimum=3)
    full = a_world(orders=(an_order(count=10),), top_up=TopUp(1, filling=True))
    assert plan_pool(want, full, NOW).top_up.filling
    done = a_world(numbers=numbers(10), orders=(an_order(count=10, finished=True),), top_up=TopUp(1, filling=True))
    assert not plan_pool(want, done, NOW).top_up.filling


def test_at_most_three_orders_are_open_at_once() -> None:
    two = a_world(orders=tuple(an_order(n, count=1) for n in (1, 2)), top_up=TopUp(2))
    three = a_world(orders=tuple(an_order(n, count=1) for n in (1, 2, 3)), top_up=TopUp(3))
    assert actions(a_pool(10), two) == (start(8, sequence=3),)
    assert actions(a_pool(10), three) == ()


# Limits.


@pytest.mark.parametrize(
    ("caps", "seen", "expected"),
    [
        (limits(max_numbers=6), a_world(), start(6)),
        (limits(max_numbers=6), a_world(numbers=numbers(4, Phase.BOUND)), start(2)),
        (limits(max_numbers=6), a_world(numbers=numbers(6, Phase.RELEASING)), Reason.MAX_NUMBERS_REACHED),
        (limits(max_numbers=6), a_world(orders=(an_order(count=6),)), Reason.MAX_NUMBERS_REACHED),
        (limits(max_numbers=6), a_world(numbers=numbers(6, Phase.LOST)), start(6)),
        (limits(monthly_budget=50), a_world(), start(10, budget=dollars(50))),
        (limits(monthly_budget=50, max_monthly=3), a_world(), start(10, budget=dollars(50))),
        (limits(monthly_budget=50, max_monthly=3, max_setup=1), a_world(), start(10, budget=dollars(40))),
        (limits(monthly_budget=50), a_world(numbers=numbers(4)), start(6, budget=dollars(42))),
        (limits(monthly_budget=8), a_world(numbers=numbers(4)), Reason.BUDGET_EXHAUSTED),
        (limits(monthly_budget=8), a_world(numbers=numbers(4, Phase.BOUND)), Reason.BUDGET_EXHAUSTED),
        (limits(monthly_budget=9), a_world(orders=(an_order(items=items(*[ItemState.UNKNOWN] * 3)),)), "exhausted"),
        (limits(monthly_budget=0), a_world(), Reason.BUDGET_EXHAUSTED),
        (limits(monthly_budget=50), a_world(numbers=(a_number(price=a_price(currency="EUR")),)), Reason.INVALID_SPEC),
    ],
)
def test_limits_cut_an_order_or_stand_against_it(caps: Limits, seen: PoolSeen, expected: StartOrder | str) -> None:
    plan = plan_pool(a_pool(10, limits=caps), seen, NOW)
    if isinstance(expected, StartOrder):
        assert plan.actions == (expected,)
        return
    reason = Reason.BUDGET_EXHAUSTED if expected == "exhausted" else expected
    assert plan.actions == ()
    assert reasons(plan)[0] == ("Ready", False, reason)
    assert ("LimitReached" in {condition.type for condition in plan.conditions}) is (reason is not Reason.INVALID_SPEC)


def test_a_budget_that_is_only_set_aside_for_a_search_is_not_called_exhausted() -> None:
    open_order = an_order(count=4, budget=dollars(50))
    plan = plan_pool(a_pool(10, limits=limits(monthly_budget=50)), a_world(orders=(open_order,)), NOW)
    assert (plan.actions, plan.conditions) == ((), (ON_ORDER, UNDER_WAY))


def test_numbers_in_another_currency_do_not_stop_a_pool_without_a_budget() -> None:
    seen = a_world(numbers=(a_number(price=a_price(currency="EUR")),))
    assert actions(a_pool(2), seen) == (start(1),)


# Under the quotas of the namespace.

FULL = "The namespace has used up spec.limits.numbers of NumberQuota 'cap': raise it, or wait."


@pytest.mark.parametrize(
    ("caps", "room", "expected"),
    [
        pytest.param(Limits(), Room(), start(10), id="no quota"),
        pytest.param(Limits(), Room(numbers=20), start(10), id="more room than is wanted"),
        pytest.param(Limits(), Room(numbers=3), start(3), id="less room than is wanted"),
        pytest.param(limits(max_numbers=6), Room(numbers=3), start(3), id="the quota is narrower than the pool"),
        pytest.param(limits(max_numbers=3), Room(numbers=6), start(3), id="the pool is narrower than the quota"),
        pytest.param(
            Limits(), Room(spend=dollars(30)), start(10, budget=dollars(30)), id="money is set aside for the quota"
        ),
        pytest.param(
            limits(monthly_budget=50),
            Room(spend=dollars(30)),
            start(10, budget=dollars(30)),
            id="no more than the quota leaves",
        ),
        pytest.param(
            limits(monthly_budget=20),
            Room(spend=dollars(30)),
            start(10, budget=dollars(20)),
            id="no more than the budget leaves",
        ),
        pytest.param(
            limits(max_monthly=1, max_setup=1),
            Room(spend=dollars(30)),
            start(10, budget=dollars(20)),
            id="the worst case of the caps",
        ),
        pytest.param(
            limits(max_monthly=2, max_setup=2),
            Room(spend=dollars(30)),
            start(10, budget=dollars(30)),
            id="the worst case is more than is left",
        ),
    ],
)
def test_a_quota_cuts_an_order_and_has_its_money_set_aside(caps: Limits, room: Room, expected: StartOrder) -> None:
    assert actions(a_pool(10, limits=caps), a_world(room=room)) == (expected,)


def test_a_pool_whose_namespace_has_used_up_its_quota_waits_and_says_so() -> None:
    plan = plan_pool(a_pool(10), a_world(room=Room(0, None, FULL)), NOW)
    assert plan.actions == ()
    assert plan.conditions == (
        not_ready(Reason.QUOTA_EXCEEDED, FULL),
        LOW,
        Condition("LimitReached", True, Reason.QUOTA_EXCEEDED, FULL),
        stalled(Reason.QUOTA_EXCEEDED, FULL),
    )
    assert plan_pool(a_pool(10), a_world(numbers=numbers(10), room=Room(0, None, FULL)), NOW).conditions == (AT_TARGET,)


def test_an_area_code_that_this_version_does_not_know_is_ordered_all_the_same_and_said() -> None:
    market = Market("US", NumberType.GEOGRAPHIC, ("999", "415", "204"))
    message = (
        "The numbering plan of this version of Ringfleet does not know these Geographic area codes of US: 204, 999. "
        "They are searched all the same; correct spec.market.areaCodes if one is misspelt."
    )
    plan = plan_pool(a_pool(10, market=market), a_world(), NOW)
    assert [type(action) for action in plan.actions] == [StartOrder]
    assert plan.conditions == (
        ON_ORDER,
        UNDER_WAY,
        Condition("AreaCodeUnknown", True, Reason.AREA_CODE_UNKNOWN, message),
    )


def test_a_pool_that_orders_in_another_currency_than_the_quota_orders_nothing() -> None:
    plan = plan_pool(a_pool(10), a_world(room=Room(spend=Money.parse(99, "EUR"))), NOW)
    said = (
        "The pool orders in USD (spec.limits.currency), and a NumberQuota of the namespace limits "
        "spec.limits.monthlySpend in EUR: give both one currency."
    )
    assert (plan.actions, plan.conditions[0]) == ((), not_ready(Reason.QUOTA_EXCEEDED, said))


@pytest.mark.parametrize(("target", "count"), [(1, 1), (9, 3)])
def test_a_pool_whose_orders_wait_for_approval_says_so_and_how_to_give_it(target: int, count: int) -> None:
    """Nothing is on order until a person has spoken."""
    orders = tuple(an_order(n, count=1, unapproved=True) for n in range(1, count + 1))
    plan = plan_pool(a_pool(target), a_world(orders=orders, top_up=TopUp(count)), NOW)
    said = plan.conditions[0]
    assert (said.status, said.reason) == (False, Reason.AWAITING_APPROVAL)
    assert stalled(said.reason, said.message) in plan.conditions
    assert "Reconciling" not in {one.type for one in plan.conditions}
    assert "kubectl ringfleet approve norder/west-1" in said.message


# From whom.


@pytest.mark.parametrize(
    ("accounts", "memories", "expected"),
    [
        pytest.param({}, (), MAIN, id="the preferred one"),
        pytest.param({MAIN: DOWN}, (), SPARE, id="the next when the first is down"),
        pytest.param({}, (resting(MAIN, next_attempt=IN_A_MINUTE),), SPARE, id="the next when the first rests"),
        pytest.param({}, (resting(MAIN, next_attempt=NOW),), MAIN, id="the first again when it has rested"),
        pytest.param({}, (resting(MAIN, next_attempt=IN_A_MONTH),), MAIN, id="no rest that a clock ahead has written"),
        pytest.param({}, (resting(SPARE, next_attempt=IN_A_MINUTE),), MAIN, id="the first although the second rests"),
        pytest.param(
            {SPARE: DOWN}, (resting(MAIN, next_attempt=IN_A_MINUTE),), None, id="nobody when one is down and one rests"
        ),
        pytest.param({MAIN: DOWN, SPARE: DOWN}, (), None, id="nobody when all are down"),
    ],
)
def test_carriers_are_asked_in_order_of_preference(
    accounts: dict[AccountKey, AccountSeen], memories: tuple[CarrierMemory, ...], expected: AccountKey | None
) -> None:
    up = {MAIN: AccountSeen(), SPARE: AccountSeen()}
    seen = a_world(accounts=up | accounts, top_up=TopUp(carriers=memories))
    assert actions(a_pool(10, carriers=(MAIN, SPARE)), seen) == ((start(10, account=expected),) if expected else ())


def test_a_pool_whose_carriers_all_fail_says_why_of_each_and_looks_again_in_time() -> None:
    seen = a_world(
        accounts={MAIN: DOWN, SPARE: AccountSeen()},
        top_up=TopUp(carriers=(resting(SPARE, next_attempt=IN_A_MINUTE),)),
    )
    plan = plan_pool(a_pool(10, carriers=(MAIN, SPARE)), seen, NOW)
    said = "default/main does not answer. spare has no stock."
    assert plan.conditions == (
        not_ready(Reason.CARRIER_UNAVAILABLE, said),
        LOW,
        reconciling(Reason.CARRIER_UNAVAILABLE, said),
    )
    assert plan.requeue == 60


def test_a_pool_without_stock_says_what_was_searched_and_no_time_that_moves() -> None:
    seen = a_world(top_up=TopUp(carriers=(resting(MAIN, next_attempt=IN_A_MINUTE),)))
    said = "main has no stock."
    assert plan_pool(a_pool(10), seen, NOW).conditions == (
        not_ready(Reason.NO_STOCK, said),
        LOW,
        Condition("StockShort", True, Reason.NO_STOCK, said),
        reconciling(Reason.NO_STOCK, said),
    )


def test_a_pool_above_its_watermark_is_ready_although_the_rest_is_out_of_stock() -> None:
    top_up = TopUp(carriers=(resting(MAIN, next_attempt=IN_A_MINUTE),), filling=True)
    plan = plan_pool(a_pool(10, minimum=3), a_world(numbers=numbers(5), top_up=top_up), NOW)
    assert reasons(plan) == [
        ("Ready", True, Reason.AT_TARGET),
        ("StockShort", True, Reason.NO_STOCK),
        ("Reconciling", True, Reason.ORDERING),
    ]


@pytest.mark.parametrize(
    ("have", "ready_before", "said"),
    [
        pytest.param((10, 0), False, True, id="full"),
        pytest.param((9, 1), True, True, id="one was taken, and is being replaced"),
        pytest.param((1, 9), True, True, id="nearly all were taken"),
        pytest.param((0, 10), True, False, id="none is left"),
        pytest.param((9, 0), True, True, id="one was taken just now"),
        pytest.param((9, 1), False, False, id="it was never full"),
    ],
)
def test_a_pool_without_a_watermark_of_its_own_stays_ready_while_what_was_taken_is_replaced(
    have: tuple[int, int], ready_before: bool, said: bool
) -> None:
    free, coming = have
    seen = a_world(numbers=(*numbers(free), *numbers(coming, Phase.ORDERING, first=free + 1)), was_ready=ready_before)
    assert plan_pool(a_pool(10), seen, NOW).conditions[0].status is said


def test_a_pool_with_a_watermark_of_its_own_is_ready_by_that_alone() -> None:
    seen = a_world(numbers=(*numbers(2), *numbers(8, Phase.ORDERING, first=3)), was_ready=True)
    assert plan_pool(a_pool(10, minimum=3), seen, NOW).conditions[0] == ON_ORDER


def test_an_account_that_does_not_exist_is_named() -> None:
    plan = plan_pool(a_pool(10), a_world(accounts={}), NOW)
    said = "CarrierAccount default/main (spec.carriers) does not exist: create it, or correct the name."
    assert plan.conditions[0] == not_ready(Reason.ACCOUNT_MISSING, said)


@pytest.mark.parametrize("have", [0, 10])
def test_a_missing_routing_profile_is_named_and_nothing_is_ordered_before_it_appears(have: int) -> None:
    want = a_pool(10, routing_profile="desk")
    plan = plan_pool(want, a_world(numbers=numbers(have), routing_profile_exists=False), NOW)
    said = (
        "RoutingProfile 'desk' (spec.routingProfileRef.name) does not exist in this namespace: create it, or correct "
        "the name."
    )
    assert (plan.actions, plan.conditions[0]) == ((), not_ready(Reason.ROUTING_PROFILE_MISSING, said))
    assert actions(want, a_world()) == (start(10),)


# One order, once.


def test_starting_an_order_records_it_before_it_exists() -> None:
    plan = plan_pool(a_pool(10), a_world(top_up=TopUp(sequence=6)), NOW)
    assert plan.actions == (start(10, sequence=7),)
    assert plan.top_up == TopUp(7, OrderIntent(7, MAIN, 10), ordered=False, filling=True)
    assert plan.conditions == (ON_ORDER, UNDER_WAY)


def test_an_intent_whose_order_is_not_seen_is_carried_out_and_no_other_is_started() -> None:
    top_up = TopUp(7, OrderIntent(7, MAIN, 10), ordered=False, filling=True)
    plan = plan_pool(a_pool(50), a_world(top_up=top_up), NOW)
    assert (plan.actions, plan.top_up) == ((CreateOrder(OrderIntent(7, MAIN, 10)),), top_up)


def test_an_intent_is_settled_when_its_order_is_seen() -> None:
    top_up = TopUp(7, OrderIntent(7, MAIN, 10), ordered=False)
    plan = plan_pool(a_pool(10), a_world(orders=(an_order(7, count=10),), top_up=top_up), NOW)
    assert (plan.actions, plan.top_up.ordered) == ((), True)


@pytest.mark.parametrize(
    "want",
    [
        pytest.param(a_pool(4), id="scaled down"),
        pytest.param(a_pool(10, limits=limits(max_numbers=9)), id="maxNumbers lowered"),
        pytest.param(a_pool(10, limits=limits(monthly_budget=19)), id="budget lowered"),
        pytest.param(
            a_pool(10, limits=Limits(currency="EUR", monthly_budget=Money.parse(99, "EUR"))), id="another currency"
        ),
    ],
)
def test_an_intent_that_the_spec_has_overtaken_is_dropped_and_the_pool_looks_again_at_once(want: PoolWant) -> None:
    top_up = TopUp(7, OrderIntent(7, MAIN, 10, dollars(20)), ordered=False)
    plan = plan_pool(want, a_world(top_up=top_up), NOW)
    assert (plan.actions, plan.top_up.sequence, plan.top_up.ordered, plan.requeue) == ((), 7, True, 0.0)


def test_a_suspended_pool_keeps_its_intent_for_later() -> None:
    top_up = TopUp(7, OrderIntent(7, MAIN, 10), ordered=False, filling=True)
    plan = plan_pool(a_pool(10, suspended=True), a_world(top_up=top_up), NOW)
    assert (plan.actions, plan.top_up) == ((), top_up)


def test_a_pool_made_anew_goes_on_after_the_orders_of_the_old_one() -> None:
    seen = a_world(orders=(an_order(41, items=items(ItemState.FAILED), finished=True),))
    assert actions(a_pool(10), seen) == (start(10, sequence=42),)


# What it says.


@pytest.mark.parametrize(
    ("want", "seen", "expected"),
    [
        (a_pool(2), a_world(numbers=numbers(2)), (AT_TARGET,)),
        (a_pool(0), a_world(), (AT_TARGET,)),
        (a_pool(2), a_world(orders=(an_order(count=2),)), (ON_ORDER, UNDER_WAY)),
        (
            a_pool(2),
            a_world(numbers=(a_number(1), a_number(2, Phase.PENDING_DOCUMENTS))),
            (not_ready(Reason.PENDING_DOCUMENTS, "The missing numbers wait for documents at the carrier."), UNDER_WAY),
        ),
        (a_pool(2), a_world(numbers=(a_number(1), a_number(2, Phase.ORDERING))), (ON_ORDER, UNDER_WAY)),
        (
            a_pool(3, minimum=1),
            a_world(numbers=(a_number(1), *numbers(2, Phase.ORDERING, first=2))),
            (AT_TARGET, UNDER_WAY),
        ),
        (
            a_pool(2, suspended=True),
            a_world(),
            (ready(Reason.SUSPENDED, "The pool is suspended (spec.suspend): it orders nothing."), LOW),
        ),
        (a_pool(2, suspended=True), a_world(numbers=numbers(2)), (AT_TARGET,)),
    ],
)
def test_a_pool_says_how_it_stands(want: PoolWant, seen: PoolSeen, expected: tuple[Condition, ...]) -> None:
    assert plan_pool(want, seen, NOW).conditions == expected


@pytest.mark.parametrize(
    ("want", "seen", "expected"),
    [
        pytest.param(a_pool(10, minimum=3), a_world(numbers=numbers(3)), [], id="at the watermark"),
        pytest.param(a_pool(10, minimum=3), a_world(numbers=numbers(2)), [LOW], id="under it"),
        pytest.param(
            a_pool(10, minimum=3), a_world(numbers=numbers(3, Phase.ORDERING)), [], id="what is on its way counts"
        ),
        pytest.param(a_pool(10), a_world(numbers=numbers(9)), [], id="one for one says nothing of itself"),
        pytest.param(
            a_pool(10),
            a_world(numbers=numbers(9), accounts={MAIN: DOWN}),
            [LOW],
            id="but that nothing can be ordered is said",
        ),
        pytest.param(
            a_pool(10, minimum=3),
            a_world(numbers=numbers(9, Phase.BOUND)),
            [LOW, DRY],
            id="used up, and nothing on its way",
        ),
        pytest.param(
            a_pool(3),
            a_world(numbers=numbers(3, Phase.BOUND), orders=(an_order(count=3),)),
            [DRY],
            id="used up until the order arrives",
        ),
        pytest.param(a_pool(3), a_world(orders=(an_order(count=3),)), [], id="a new pool is not used up"),
        pytest.param(a_pool(0), a_world(numbers=numbers(3, Phase.BOUND)), [], id="nor is one that is to hold none"),
    ],
)
def test_a_pool_says_that_it_runs_low_or_dry(want: PoolWant, seen: PoolSeen, expected: list[Condition]) -> None:
    said = plan_pool(want, seen, NOW).conditions
    assert [condition for condition in said if condition in (LOW, DRY)] == expected


def test_enough_numbers_make_a_pool_ready_although_the_watermark_is_higher() -> None:
    seen = a_world(numbers=(*numbers(2), *numbers(8, Phase.ORDERING, first=3)))
    assert plan_pool(a_pool(10, enough=2), seen, NOW).conditions == (AT_TARGET, UNDER_WAY)
    assert plan_pool(a_pool(10), seen, NOW).conditions == (ON_ORDER, UNDER_WAY)


# On demand.


@pytest.mark.parametrize(
    ("want", "seen", "expected"),
    [
        pytest.param(a_pool(0), a_world(on_demand=2), start(2), id="a pool that holds none orders what is asked for"),
        pytest.param(a_pool(0), a_world(on_demand=2, orders=(an_order(count=2),)), None, id="once"),
        pytest.param(
            a_pool(0), a_world(on_demand=2, numbers=numbers(2, Phase.ORDERING)), None, id="as long as it is on its way"
        ),
        pytest.param(
            a_pool(0), a_world(on_demand=3, numbers=numbers(2, Phase.ORDERING)), start(1), id="and what is missing then"
        ),
        pytest.param(a_pool(10), a_world(on_demand=2), start(12), id="beyond the target"),
        pytest.param(
            a_pool(10),
            a_world(on_demand=2, orders=(an_order(count=10),), top_up=TopUp(1, filling=True)),
            start(2, sequence=2),
            id="beside a filling",
        ),
        pytest.param(
            a_pool(10, minimum=3),
            a_world(on_demand=2, numbers=numbers(3, Phase.ORDERING)),
            None,
            id="not while the supply is enough for it",
        ),
        pytest.param(a_pool(0, limits=limits(max_numbers=1)), a_world(on_demand=2), start(1), id="within the limits"),
        pytest.param(a_pool(0, suspended=True), a_world(on_demand=2), None, id="not while suspended"),
    ],
)
def test_claims_that_want_an_order_get_one(want: PoolWant, seen: PoolSeen, expected: StartOrder | None) -> None:
    plan = plan_pool(want, seen, NOW)
    assert plan.actions == ((expected,) if expected else ())
    assert refuse_unsafe(want, seen, plan) == plan


def demands(*namespaces: str | None, spent: str = "") -> tuple[Demand, ...]:
    return tuple(Demand(one, one != spent) for one in namespaces)


@pytest.mark.parametrize(
    ("want", "asked", "supply", "expected", "payers"),
    [
        pytest.param(a_pool(0), demands(None, "acme", "acme", "beta"), 0, 4, ("acme", "beta"), id="all of them"),
        pytest.param(a_pool(0), demands("acme", "beta"), 1, 1, ("beta",), id="what is on its way serves the first"),
        pytest.param(
            a_pool(0), demands("acme", "beta", spent="acme"), 0, 1, ("beta",), id="not whose orders are used up"
        ),
        pytest.param(a_pool(0), demands("acme", spent="acme"), 0, 0, (), id="nor anything for it alone"),
        pytest.param(a_pool(0), demands("acme", "beta", spent="acme"), 1, 1, ("beta",), id="it had its one before"),
        pytest.param(a_pool(3), demands("acme", spent="acme"), 1, 3, (), id="for the target, whoever waits"),
        pytest.param(a_pool(0, batch_size=1), demands("acme", "beta"), 0, 1, ("acme",), id="those that it is for"),
    ],
)
def test_an_order_is_one_of_those_for_whose_claims_it_is_made(
    want: PoolWant, asked: tuple[Demand, ...], supply: int, expected: int, payers: tuple[str, ...]
) -> None:
    top_up = TopUp(filling=want.target > 0)
    seen = a_world(on_demand=len(asked), demands=asked, numbers=numbers(supply, Phase.ORDERING), top_up=top_up)
    plan = plan_pool(want, seen, NOW)
    assert [one.intent.count for one in plan.actions if isinstance(one, StartOrder)] == ([expected] if expected else [])
    assert plan.ordered_for == payers
    assert refuse_unsafe(want, seen, plan) == plan


def test_what_was_ordered_for_a_claim_is_no_surplus_until_the_claim_is_gone() -> None:
    ordered = a_world(on_demand=2, numbers=numbers(2, Phase.ORDERING))
    assert plan_pool(a_pool(0), ordered, NOW).surplus == 0
    assert plan_pool(a_pool(0), replace(ordered, on_demand=()), NOW).surplus == 2


def test_an_intent_for_a_claim_that_is_gone_is_dropped() -> None:
    top_up = TopUp(7, OrderIntent(7, MAIN, 2), ordered=False)
    assert plan_pool(a_pool(0), a_world(top_up=top_up, on_demand=1), NOW).actions == ()
    assert plan_pool(a_pool(0), a_world(top_up=top_up, on_demand=2), NOW).actions == (
        CreateOrder(OrderIntent(7, MAIN, 2)),
    )


SMS, FAX = an_ask(Capability.SMS), an_ask(Capability.FAX)
VOICE_ONLY: dict[str, Any] = {"capabilities": frozenset({Capability.VOICE})}
TEXTS: dict[str, Any] = {"capabilities": frozenset({Capability.VOICE, Capability.SMS})}
IN_628 = an_ask(codes="628", required=True)
LIKES_628 = an_ask(codes="628")
NO_FAX = TopUp(3, carriers=(CarrierMemory(MAIN, 3, 1, Reason.NO_STOCK, "None.", NOW + timedelta(minutes=5), FAX),))


def intent(count: int, ask: Ask, sequence: int = 1) -> OrderIntent:
    return OrderIntent(sequence, MAIN, count, ask=ask)


@pytest.mark.parametrize(
    ("want", "seen", "expected"),
    [
        pytest.param(
            a_pool(0), a_world(on_demand=[SMS], numbers=numbers(2, **VOICE_ONLY)), intent(1, SMS), id="none of it fits"
        ),
        pytest.param(
            a_pool(0), a_world(on_demand=[SMS], numbers=numbers(1, Phase.ORDERING, **TEXTS)), None, id="one is coming"
        ),
        pytest.param(
            a_pool(0),
            a_world(on_demand=[SMS, SMS], numbers=numbers(1, Phase.ORDERING, **TEXTS)),
            intent(1, SMS),
            id="one is coming for one of them",
        ),
        pytest.param(
            a_pool(0),
            a_world(on_demand=[NOTHING, SMS], numbers=numbers(1, Phase.ORDERING, **TEXTS)),
            intent(1, SMS),
            id="the one that is coming is for who came first",
        ),
        pytest.param(
            a_pool(0),
            a_world(on_demand=[NOTHING, SMS], numbers=(*numbers(1, **VOICE_ONLY), *numbers(1, first=2, **TEXTS))),
            None,
            id="who can do with less makes room",
        ),
        pytest.param(a_pool(0), a_world(on_demand=[SMS, FAX, SMS]), intent(2, SMS), id="who asks the same, together"),
        pytest.param(a_pool(4), a_world(on_demand=[SMS]), intent(1, SMS), id="claims before the stock"),
        pytest.param(
            a_pool(2, batch_size=3), a_world(on_demand=[SMS] * 5), intent(3, SMS), id="no more at once than a batch"
        ),
        pytest.param(
            a_pool(0, market=replace(MARKET, capabilities=frozenset({Capability.SMS}))),
            a_world(on_demand=[SMS, NOTHING]),
            intent(2, NOTHING),
            id="what the market promises is nothing beyond it",
        ),
        pytest.param(a_pool(0), a_world(on_demand=[IN_628]), intent(1, IN_628), id="an area code that is a must"),
        pytest.param(a_pool(0), a_world(on_demand=[LIKES_628]), intent(1, LIKES_628), id="and one that is a wish"),
        pytest.param(
            a_pool(0),
            a_world(on_demand=[LIKES_628], numbers=numbers(1, Phase.ORDERING, area_code="415")),
            None,
            id="a wish is no reason to order when another one is coming",
        ),
        pytest.param(
            a_pool(0),
            a_world(on_demand=[IN_628], numbers=numbers(1, Phase.ORDERING, area_code="415")),
            intent(1, IN_628),
            id="a must is",
        ),
        pytest.param(
            a_pool(0),
            a_world(on_demand=[IN_628], orders=(an_order(count=5),)),
            intent(1, IN_628, 2),
            id="nobody knows which area codes a search will bring",
        ),
        pytest.param(
            a_pool(0), a_world(on_demand=[an_ask(codes="212", required=True)]), None, id="one that it never has"
        ),
        pytest.param(
            a_pool(0),
            a_world(on_demand=[SMS, SMS], orders=(an_order(count=1, ask=SMS, market=narrow(MARKET, SMS)),)),
            None,
            id="one order for the same at a time",
        ),
        pytest.param(
            a_pool(0),
            a_world(on_demand=[SMS, FAX], orders=(an_order(count=1, ask=SMS, market=narrow(MARKET, SMS)),)),
            intent(1, FAX, 2),
            id="and one for another",
        ),
        pytest.param(
            a_pool(2),
            a_world(on_demand=[FAX], top_up=NO_FAX),
            intent(2, NOTHING, 4),
            id="what nobody has holds up no one",
        ),
    ],
)
def test_an_order_brings_what_the_claims_must_have_that_it_is_for(
    want: PoolWant, seen: PoolSeen, expected: OrderIntent | None
) -> None:
    plan = plan_pool(want, seen, NOW)
    assert [action for action in plan.actions if isinstance(action, StartOrder)] == (
        [StartOrder(expected)] if expected else []
    )
    assert refuse_unsafe(want, seen, plan) == plan


def test_a_pool_at_its_target_says_so_while_no_carrier_has_what_a_claim_must_have() -> None:
    seen = a_world(on_demand=[FAX], numbers=numbers(2), top_up=NO_FAX)
    plan = plan_pool(a_pool(2), seen, NOW)
    assert plan.conditions[:2] == (AT_TARGET, Condition("StockShort", True, Reason.NO_STOCK, "None."))
    assert (plan.shortfall, plan.requeue) == (1, 300)


def test_a_number_that_no_claim_can_take_is_surplus_and_one_that_is_coming_for_a_claim_is_not() -> None:
    stock = (*numbers(2, **VOICE_ONLY), *numbers(1, Phase.ORDERING, first=3, **TEXTS))
    plan = plan_pool(a_pool(1), a_world(on_demand=[SMS], numbers=stock), NOW)
    assert (plan.surplus, plan.shortfall, plan.actions) == (1, 0, ())


def test_an_intent_for_a_claim_that_asks_something_else_by_now_is_dropped() -> None:
    top_up = TopUp(7, intent(1, SMS, 7), ordered=False)
    assert plan_pool(a_pool(0), a_world(top_up=top_up, on_demand=[FAX]), NOW).actions == ()
    assert plan_pool(a_pool(0), a_world(top_up=top_up, on_demand=[FAX, SMS]), NOW).actions == (
        CreateOrder(intent(1, SMS, 7)),
    )


# History.


def finished(sequence: int, *states: ItemState) -> OrderSeen:
    return an_order(sequence, items=items(*states, first=sequence), finished=True)


def test_finished_orders_beyond_the_history_are_trimmed_the_oldest_first() -> None:
    orders = tuple(finished(n, ItemState.PROVISIONED) for n in (3, 1, 5, 2, 4))
    seen = a_world(numbers=numbers(5), orders=orders, top_up=TopUp(5))
    assert actions(a_pool(5, history=2), seen) == (TrimOrder("west-1"), TrimOrder("west-2"))


@pytest.mark.parametrize(
    ("ended", "trimmed"),
    [
        pytest.param(LAST_MONTH, True, id="last month"),
        pytest.param(NOW - timedelta(hours=1), False, id="this month, which it costs"),
        pytest.param(NOW - timedelta(minutes=1), False, id="a moment ago"),
    ],
)
def test_an_order_whose_number_is_gone_stands_for_it_until_its_month_is_over(ended: datetime, trimmed: bool) -> None:
    gone = an_order(1, items=items(ItemState.PROVISIONED, first=50), finished=True, completed_at=ended)
    seen = a_world(orders=(gone, finished(2, ItemState.FAILED)), top_up=TopUp(2))
    assert (TrimOrder("west-1") in actions(a_pool(0, history=0), seen)) is trimmed


@pytest.mark.parametrize(("counts", "trimmed"), [(False, ["west-1", "west-2"]), (True, ["west-1"])])
def test_where_a_quota_counts_the_orders_of_a_day_they_are_kept_for_the_day(counts: bool, trimmed: list[str]) -> None:
    ended = {1: NOW - timedelta(days=1), 2: NOW - timedelta(minutes=1), 3: NOW - timedelta(minutes=1)}
    orders = tuple(replace(finished(n, ItemState.FAILED), completed_at=at) for n, at in ended.items())
    seen = a_world(orders=orders, top_up=TopUp(3), room=Room(counts_orders=counts))
    assert [one.name for one in actions(a_pool(0, history=0), seen) if isinstance(one, TrimOrder)] == trimmed
    lent = tuple(replace(order, for_others=counts) for order in orders)
    seen = a_world(orders=lent, top_up=TopUp(3))
    assert [one.name for one in actions(a_pool(0, history=0), seen) if isinstance(one, TrimOrder)] == trimmed


def test_an_order_that_chose_nothing_is_counted_by_nobody_and_not_kept_for_a_day() -> None:
    orders = tuple(replace(finished(n), completed_at=NOW - timedelta(minutes=1)) for n in (1, 2))
    seen = a_world(orders=orders, top_up=TopUp(2), room=Room(counts_orders=True))
    assert TrimOrder("west-1") in actions(a_pool(0, history=0), seen)


def test_a_pool_whose_number_was_deleted_orders_another() -> None:
    done = an_order(1, items=items(ItemState.PROVISIONED), finished=True, completed_at=NOW - timedelta(minutes=20))
    assert actions(a_pool(1), a_world(orders=(done,), top_up=TopUp(1))) == (start(1, 2),)
    late = replace(done, completed_at=NOW - timedelta(minutes=5))
    seen = a_world(orders=(late,), top_up=TopUp(1))
    assert actions(a_pool(1), seen) == ()
    assert plan_pool(a_pool(1), seen, NOW).requeue == 600


@pytest.mark.parametrize(
    "oldest",
    [
        pytest.param(
            an_order(1, items=items(ItemState.PROVISIONED, first=50), finished=True), id="its number is not seen"
        ),
        pytest.param(an_order(1, items=items(ItemState.PROVISIONED), finished=False), id="it is still open"),
    ],
)
def test_an_order_that_is_still_counted_from_is_never_trimmed(oldest: OrderSeen) -> None:
    orders = (oldest, finished(2, ItemState.PROVISIONED), finished(3, ItemState.PROVISIONED))
    seen = a_world(numbers=numbers(9), orders=orders, top_up=TopUp(3))
    assert actions(a_pool(9, history=1), seen) == ()


def test_an_order_is_kept_until_its_numbers_know_their_price() -> None:
    orders = (finished(1, ItemState.PROVISIONED), finished(2, ItemState.FAILED), finished(3, ItemState.FAILED))
    unpriced = a_world(numbers=(a_number(1, price=None),), orders=orders, top_up=TopUp(3))
    assert actions(a_pool(1, history=1), unpriced) == ()
    assert actions(a_pool(1, history=1), replace(unpriced, numbers=numbers(1))) == (TrimOrder("west-1"),)


def test_an_order_is_kept_until_its_last_number_has_come() -> None:
    orders = (finished(1, ItemState.PENDING_DOCUMENTS), finished(2, ItemState.FAILED), finished(3, ItemState.FAILED))
    parked = a_world(numbers=numbers(1, Phase.PENDING_DOCUMENTS), orders=orders, top_up=TopUp(3))
    assert actions(a_pool(1, history=1), parked) == ()
    assert actions(a_pool(1, history=1), replace(parked, numbers=numbers(1, Phase.BOUND)))[-1] == TrimOrder("west-1")


def test_the_last_order_started_is_never_trimmed() -> None:
    seen = a_world(orders=(finished(1, ItemState.FAILED),), top_up=TopUp(1))
    assert actions(a_pool(0, history=0), seen) == ()


# What orders teach.


def failed(sequence: int, reason: Reason | None, account: AccountKey = MAIN) -> OrderSeen:
    return an_order(sequence, account=account, items=(), finished=True, failure=reason, message="Said so.")


def after(seconds: int, sequence: int, failures: int, reason: Reason) -> CarrierMemory:
    return CarrierMemory(MAIN, sequence, failures, reason, "Said so.", NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("known", "orders", "expected"),
    [
        pytest.param(
            (), (failed(1, Reason.NO_STOCK),), after(30, 1, 1, Reason.NO_STOCK), id="a shortage rests half a minute"
        ),
        pytest.param(
            (),
            (failed(1, Reason.SEARCH_UNAVAILABLE),),
            after(5, 1, 1, Reason.SEARCH_UNAVAILABLE),
            id="a carrier that was down rests five seconds",
        ),
        pytest.param(
            (after(0, 4, 2, Reason.NO_STOCK),),
            (failed(5, Reason.NO_STOCK),),
            after(120, 5, 3, Reason.NO_STOCK),
            id="each failure in a row doubles the rest",
        ),
        pytest.param(
            (after(0, 4, 2, Reason.NO_STOCK),),
            (failed(4, Reason.NO_STOCK),),
            after(0, 4, 2, Reason.NO_STOCK),
            id="an order is counted once",
        ),
        pytest.param(
            (after(0, 4, 2, Reason.NO_STOCK),),
            (failed(5, Reason.MAX_NUMBERS_REACHED),),
            CarrierMemory(MAIN, 5),
            id="a limit of the pool is no fault of the carrier",
        ),
        pytest.param(
            (after(0, 4, 2, Reason.NO_STOCK),),
            (failed(5, None),),
            CarrierMemory(MAIN, 5),
            id="a success forgets the failures",
        ),
        pytest.param(
            (after(0, 4, 20, Reason.NO_STOCK),),
            (failed(5, Reason.NO_STOCK),),
            after(600, 5, 21, Reason.NO_STOCK),
            id="ten minutes at most",
        ),
        pytest.param(
            (),
            (failed(2, Reason.NO_STOCK), failed(1, None)),
            after(30, 2, 1, Reason.NO_STOCK),
            id="in the order in which they were started",
        ),
    ],
)
def test_ended_orders_teach_when_a_carrier_is_asked_again(
    known: tuple[CarrierMemory, ...], orders: tuple[OrderSeen, ...], expected: CarrierMemory
) -> None:
    assert learn(TopUp(carriers=known), orders, NOW).carriers == (expected,)


def test_an_order_of_an_earlier_pool_of_the_name_teaches_nothing() -> None:
    """Else a pool that is made anew begins with the old one's failures, and rests for ten minutes."""
    assert learn(TopUp(), (replace(failed(1, Reason.NO_STOCK), former=True),), NOW) == TopUp()


def test_an_open_order_teaches_nothing() -> None:
    assert learn(TopUp(), (replace(failed(1, Reason.NO_STOCK), finished=False),), NOW) == TopUp()


def test_a_spec_that_is_edited_in_a_loop_searches_ever_more_seldom() -> None:
    """A pool without stock whose target moves once a second, as an autoscaler that is set up wrongly moves it."""
    top_up, starts, now = TopUp(), list[float](), NOW
    orders: tuple[OrderSeen, ...] = ()
    for second in range(1800):
        now = NOW + timedelta(seconds=second)
        plan = plan_pool(a_pool(10), a_world(orders=orders, top_up=top_up, spec_changed=True), now)
        top_up = plan.top_up
        if any(isinstance(action, StartOrder) for action in plan.actions):
            starts.append(second)
            orders = (replace(failed(top_up.sequence, Reason.NO_STOCK), completed_at=now),)
    pauses = [after - before for before, after in pairwise(starts)]
    assert (min(pauses), max(pauses)) == (5, 75)
    assert len(starts) < 40


def test_a_new_spec_asks_resting_carriers_at_once_and_counts_no_old_order_again() -> None:
    top_up = TopUp(5, carriers=(after(60, 5, 3, Reason.NO_STOCK),))
    seen = a_world(orders=(failed(5, Reason.NO_STOCK),), top_up=top_up)
    assert actions(a_pool(10), seen) == ()
    assert actions(a_pool(10), replace(seen, spec_changed=True)) == (start(10, sequence=6),)


FROZEN = "NumberPool default/west is frozen by ada (strange bills)."


def test_a_frozen_pool_orders_nothing_keeps_its_intent_and_says_so_only_when_no_purchase_is_out() -> None:
    """Frozen is the acknowledgement: what was past its last look when the freeze came may still buy."""
    top_up = TopUp(sequence=1, intent=OrderIntent(1, MAIN, 10), ordered=False)
    here = Condition("Frozen", True, Reason.FROZEN, FROZEN)
    said = (not_ready(Reason.FROZEN, FROZEN), LOW, stalled(Reason.FROZEN, FROZEN), here)
    plan = plan_pool(a_pool(10), a_world(top_up=top_up, stopped=FROZEN), NOW)
    assert (plan.actions, plan.top_up.intent, plan.top_up.ordered) == ((), top_up.intent, False)
    assert set(plan.conditions) == set(said)
    moving = plan_pool(a_pool(10), a_world(top_up=top_up, stopped=FROZEN, moving=True), NOW)
    assert (moving.actions, set(moving.conditions)) == ((), set(said[:3]))


def test_a_frozen_pool_is_not_ready_however_many_numbers_it_has() -> None:
    plan = plan_pool(a_pool(2), a_world(numbers=numbers(2), stopped=FROZEN), NOW)
    assert not_ready(Reason.FROZEN, FROZEN) in plan.conditions
