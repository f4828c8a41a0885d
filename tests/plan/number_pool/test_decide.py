"""A pool's whole turn: what its five plans make of one another. Each of them has tests of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ringfleet.model import Phase
from ringfleet.model.policy import ReleaseMode
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.number_pool.decide import PoolDecision, PoolFacts, PoolView, decide, retire
from ringfleet.plan.number_pool.demand import DemandMemory, DemandSeen
from ringfleet.plan.number_pool.forecast import CapacityWant, DemandWant
from ringfleet.plan.number_pool.plan import StartOrder
from ringfleet.plan.number_pool.release import Idler, Leaver, ReleaseSeen, ReleaseWant
from ringfleet.plan.phone_number.removal import Cause, Way
from tests.plan.builders import NOW, a_number, a_pool, a_world, digits, numbers

DAY = timedelta(days=1)
HOLD = 3 * DAY


def a_view(target: int = 4, **rest: Any) -> PoolView:
    release = ReleaseWant("west", ReleaseMode.AUTOMATIC, HOLD, 5, DAY, target, target)
    fields = {"want": a_pool(target), "demand": DemandWant(), "memory": DemandMemory(), "release": release}
    return PoolView(**{**fields, **rest})


def facts(*, have: int = 4, **rest: Any) -> PoolFacts:
    return PoolFacts(**{"pool": a_world(numbers=numbers(have)), **rest})


def ordered(decision: PoolDecision) -> int:
    return sum(action.intent.count for action in decision.plan.actions if isinstance(action, StartOrder))


def said(decision: PoolDecision) -> set[tuple[str, Reason]]:
    return {(condition.type, condition.reason) for condition in decision.plan.conditions}


def test_what_is_missing_is_ordered_and_what_is_there_is_not() -> None:
    assert ordered(decide(a_view(4), facts(have=1), NOW)) == 3
    assert ordered(decide(a_view(4), facts(have=4), NOW)) == 0


def test_the_forecast_raises_the_target_of_orders_and_of_leaving() -> None:
    """A burn of 2 a day and 10 days to come ask for more than the 4 of the spec: so nobody is surplus."""
    follow = DemandWant(burn_rate=2.0, lead_time=10 * DAY, follow=True)
    idlers = tuple(Idler(digits(n).digits, NOW - 9 * DAY, NOW + HOLD + DAY / 2) for n in range(1, 9))
    crowd = facts(have=8, release=ReleaseSeen(idlers=idlers, size=8))
    assert decide(a_view(4), crowd, NOW).release.ask != ()
    decision = decide(a_view(4, demand=follow), crowd, NOW)
    assert decision.want.target > 8
    assert ordered(decision) == decision.want.target - 8
    assert decision.release.ask == ()


def test_a_review_that_numbers_wait_for_lengthens_the_lead_time_and_so_raises_the_target() -> None:
    memory = DemandMemory(counted_until=NOW)
    follow = DemandWant(burn_rate=2.0, follow=True)
    seen = DemandSeen(free=8, rate_is_given=True)
    without = decide(a_view(4, demand=follow, memory=memory), facts(have=8, demand=seen), NOW)
    reviewed = decide(a_view(4, demand=follow, memory=memory), facts(have=8, demand=seen, review=10 * DAY), NOW)
    assert (without.want.target, ordered(without)) == (4, 0)
    assert reviewed.want.target > 8


@pytest.mark.parametrize(
    ("takeable", "orders"),
    [
        pytest.param(True, 0, id="it can be had again: nothing is ordered in its place"),
        pytest.param(False, 1, id="a claim holds it: it does not come back"),
    ],
)
def test_a_surplus_number_that_is_taken_back_counts_as_supply_at_once(takeable: bool, orders: int) -> None:
    leaving = a_number(4, Phase.RELEASING)
    leaver = Leaver(digits(4).digits, Cause.SURPLUS, Way.RELEASE, since=None)
    known = facts(
        pool=a_world(numbers=(*numbers(3), leaving)),
        release=ReleaseSeen((leaver,), size=4),
        takeable=frozenset({leaving.number}) if takeable else frozenset(),
    )
    decision = decide(a_view(4), known, NOW)
    assert decision.release.take_back == (digits(4).digits,)
    assert ordered(decision) == orders


def test_every_plan_says_its_conditions_and_the_soonest_look_is_kept() -> None:
    short = CapacityWant(calls_per_number=2, profile="sip", channels=3)
    waits = Condition("ComplianceReady", False, Reason.PENDING_DOCUMENTS, "It waits.")
    decision = decide(a_view(4), facts(capacity=short, readiness=(waits,), asked_again=7.0), NOW)
    assert said(decision) >= {
        ("Ready", Reason.AT_TARGET),
        ("ComplianceReady", Reason.PENDING_DOCUMENTS),
        ("ChannelsShort", Reason.CHANNELS_SHORT),
    }
    assert decision.capacity is not None
    assert decision.capacity.channels == 3
    assert decision.requeue == 7.0


def test_an_order_that_would_break_a_limit_is_taken_out_and_nothing_else_is() -> None:
    """The last check counts on its own: it holds whatever the plan before it believed."""
    view = a_view(4)
    decision = decide(replace(view, want=replace(view.want, batch_size=101, target=101)), facts(have=0), NOW)
    assert ordered(decision) == 0
    assert ("Stalled", Reason.UNSAFE_PLAN) in said(decision)
    assert decision.demand is not None


def test_a_deleted_pool_lets_go_and_orders_nothing() -> None:
    due = NOW - DAY
    leavers = tuple(
        Leaver(digits(n).digits, Cause.POOL_DELETION, Way.RELEASE, since=due, not_before=due) for n in (1, 2)
    )
    decision = retire(a_view(4), facts(have=2, release=ReleaseSeen(leavers, size=2)), NOW)
    assert decision.plan.actions == ()
    assert said(decision) >= {("Ready", Reason.RELEASING)}
    assert (decision.demand, decision.capacity) == (None, None)
