"""What a pool learns of its demand, what it forecasts from it, and what it says of both."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_pool.demand import DemandMemory, DemandSeen, Lead, OrderLead, Tally, learn_demand
from ringfleet.plan.number_pool.forecast import (
    CapacityWant,
    DemandPlan,
    DemandWant,
    Forecast,
    follow_forecast,
    judge_capacity,
    plan_demand,
)
from ringfleet.plan.number_pool.plan import PoolWant
from ringfleet.plan.sizing.formulas import base_stock
from tests.plan.builders import NOW, a_pool

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def known(rate: float = 0.0, days: float = 14.0, **rest: Any) -> DemandMemory:
    """A memory of a steady demand, stocked until now."""
    long, short = Tally(rate * days, days * DAY), Tally(rate * min(2.0, days), min(2.0, days) * DAY)
    return DemandMemory(**{"counted_until": NOW, "stocked": True, "long": long, "short": short, **rest})


def every(gap: timedelta, count: int, start: datetime = NOW) -> tuple[datetime, ...]:
    return tuple(start + n * gap for n in range(1, count + 1))


def played(memory: DemandMemory, gap: timedelta, count: int, free: int = 5) -> DemandMemory:
    """The memory after so many bindings, one each `gap`, with a look ten seconds after each."""
    assert memory.counted_until
    bound = every(gap, count, memory.counted_until)
    for moment in bound:
        memory = learn_demand(memory, DemandSeen(bound, free), moment + 10 * SECOND)
    return memory


# A clock that was ahead.


AHEAD = NOW + 400 * DAY


def test_what_was_learnt_while_the_clock_was_ahead_orders_nothing_when_it_is_right_again() -> None:
    """A lead time of four hundred days would make a pool buy all that it uses up in as many."""
    before = known(10.0, leads=(Lead(1, HOUR),), orders_until=1)
    order = OrderLead(2, started_at=NOW, open=False, bought=True, completed_at=AHEAD)
    wrong = learn_demand(before, DemandSeen(every(HOUR, 50, AHEAD), 5, orders=(order,)), AHEAD + DAY)
    assert wrong.leads[-1].took == 400 * DAY
    seen = DemandSeen(every(HOUR, 50, AHEAD), 5, orders=(order,))
    plan = plan_demand(DemandWant(), wrong, seen, NOW + HOUR)
    assert (plan.forecast.burn_rate, plan.forecast.recommended) == (None, None)
    assert plan.memory.leads == (Lead(1, HOUR),)


def test_a_lead_time_ends_now_at_the_latest_whatever_the_clock_had_written() -> None:
    order = OrderLead(2, started_at=NOW - HOUR, open=False, bought=True, completed_at=AHEAD)
    assert learn_demand(known(), DemandSeen(orders=(order,)), NOW).leads == (Lead(2, HOUR),)


def test_bindings_of_the_future_are_no_demand_of_a_drought() -> None:
    dry = known(1.0, stocked=False)
    plan = plan_demand(
        DemandWant(lead_time=DAY), dry, DemandSeen(every(SECOND, 50, NOW + 2 * HOUR), free=0), NOW + HOUR
    )
    assert plan.forecast.burn_rate == pytest.approx(1.0)


def test_a_clock_that_is_a_little_ahead_costs_nothing_of_what_is_known() -> None:
    """Two replicas differ by seconds, or minutes."""
    memory = known(10.0, counted_until=NOW + 10 * MINUTE)
    assert learn_demand(memory, DemandSeen(free=5), NOW) == memory


# Counting.


def test_the_first_look_counts_nothing_that_was_bound_before_it() -> None:
    memory = learn_demand(DemandMemory(), DemandSeen((NOW - DAY,), free=3), NOW)
    assert memory == DemandMemory(NOW, stocked=True)


def test_a_steady_demand_is_measured_as_it_is() -> None:
    memory = played(known(), HOUR, 24 * 60)
    assert memory.long.rate == pytest.approx(24, rel=0.05)
    assert memory.long.days == pytest.approx(14, rel=0.02)


def test_a_busy_minute_is_no_rate() -> None:
    memory = DemandMemory(NOW, stocked=True)
    memory = learn_demand(memory, DemandSeen(every(SECOND, 50), free=5), NOW + MINUTE)
    assert memory.long.rate == pytest.approx(50, rel=0.01)


def test_nothing_is_counted_twice() -> None:
    seen = DemandSeen(every(MINUTE, 3), free=5)
    once = learn_demand(known(), seen, NOW + HOUR)
    assert learn_demand(once, seen, NOW + HOUR) == once
    assert once.long.bindings == pytest.approx(3, abs=0.01)


def test_a_binding_is_counted_only_when_no_earlier_one_can_still_come_to_light() -> None:
    bound = (NOW + 10 * SECOND,)
    early = learn_demand(known(), DemandSeen(bound, free=5), NOW + 12 * SECOND)
    assert early == known()
    late = learn_demand(early, DemandSeen((NOW + 9 * SECOND, *bound), free=5), NOW + 16 * SECOND)
    assert late.long.bindings == pytest.approx(2, abs=0.01)


def test_a_pool_at_rest_remembers_the_same_at_every_look() -> None:
    idle = DemandMemory(NOW, stocked=True)
    assert learn_demand(idle, DemandSeen(free=5), NOW + 400 * DAY) == idle
    busy = known(rate=20)
    assert learn_demand(busy, DemandSeen(free=5), NOW + DAY - SECOND) == busy


def test_a_rate_fades_day_by_day_when_nothing_is_bound() -> None:
    faded = learn_demand(known(rate=20), DemandSeen(free=5), NOW + DAY)
    assert faded.long.rate < 20
    assert faded.counted_until == NOW + DAY - 5 * SECOND


def test_a_time_without_stock_is_left_out() -> None:
    """Ten a day, then dry for ten days, then ten a day again."""
    memory = played(known(rate=10), DAY / 10, 40)
    dry = learn_demand(memory, DemandSeen(free=0), memory.counted_until + DAY / 20)  # type: ignore[operator]
    assert not dry.stocked
    back = learn_demand(dry, DemandSeen(free=5), NOW + 14 * DAY)
    assert (back.stocked, back.long, back.short) == (True, dry.long, dry.short)
    assert played(back, DAY / 10, 40).long.rate == pytest.approx(10, rel=0.1)


def test_stock_lasted_until_the_binding_that_took_the_last_number() -> None:
    bound = every(HOUR, 5)
    memory = learn_demand(known(days=0), DemandSeen(bound, free=0), NOW + 10 * HOUR)
    assert not memory.stocked
    assert memory.long.stocked == pytest.approx(5 * HOUR, rel=0.01)
    assert memory.long.bindings == pytest.approx(5, rel=0.01)


def test_those_who_had_waited_are_no_burst_of_demand_when_stock_returns() -> None:
    dry = known(rate=10, stocked=False)
    served = tuple(NOW + 5 * DAY + timedelta(milliseconds=n) for n in range(45))
    back = learn_demand(dry, DemandSeen(served, free=3), NOW + 5 * DAY + SECOND / 2)
    assert back.long == dry.long
    after = learn_demand(back, DemandSeen(served, free=3), NOW + 5 * DAY + HOUR)
    assert after.long == dry.long, "nor are they counted later"


def test_what_is_bound_right_after_stock_has_returned_is_counted() -> None:
    back = learn_demand(known(stocked=False), DemandSeen(free=3), NOW + DAY)
    bound = tuple(NOW + DAY + timedelta(milliseconds=n) for n in (10, 20, 30))
    used_up = learn_demand(back, DemandSeen(bound, free=0), NOW + DAY + MINUTE)
    assert used_up.long.bindings == pytest.approx(3)
    assert not used_up.stocked


def test_a_drought_in_which_more_was_bound_than_the_rate_says_raises_the_rate() -> None:
    """A pool that is too small to ever have stock learns that it is."""
    dry = known(rate=10, stocked=False)
    seen = DemandSeen(every(DAY / 30, 150), free=0)
    plan = plan_demand(DemandWant(), dry, seen, NOW + 5 * DAY)
    assert plan.memory == dry
    assert plan.forecast.burn_rate == pytest.approx(30)
    back = learn_demand(dry, replace(seen, free=2), NOW + 5 * DAY)
    assert back.long.rate > 14


def test_a_rise_is_followed_in_days_and_a_fall_in_weeks() -> None:
    risen = played(known(rate=10), DAY / 30, 30 * 4)
    assert risen.long.rate > 20
    fallen = played(known(rate=30), DAY / 10, 10 * 4)
    assert 20 < fallen.long.rate < 30
    assert played(known(rate=30), DAY / 10, 10 * 40).long.rate == pytest.approx(10, rel=0.2)


@pytest.mark.parametrize("bindings", [1, 2])
def test_a_binding_or_two_after_a_long_silence_are_no_rise(bindings: int) -> None:
    memory = played(known(rate=0), HOUR, bindings)
    assert memory.long.rate < 0.2


@given(st.lists(st.integers(1, 20 * 86400), max_size=60), st.lists(st.integers(1, 20 * 86400), max_size=10))
def test_however_often_it_looks_a_pool_counts_the_same(bound: list[int], looks: list[int]) -> None:
    moments = tuple(NOW + n * SECOND for n in (*bound, 20 * 86400))
    end = NOW + 20 * DAY + 10 * SECOND
    memory = DemandMemory(NOW, stocked=True)
    for look in sorted(looks):
        seen = tuple(moment for moment in moments if moment <= NOW + look * SECOND)
        memory = learn_demand(memory, DemandSeen(seen, free=1), NOW + look * SECOND)
    memory = learn_demand(memory, DemandSeen(moments, free=1), end)
    at_once = learn_demand(DemandMemory(NOW, stocked=True), DemandSeen(moments, free=1), end)
    assert memory.counted_until == at_once.counted_until
    assert memory.short.bindings == pytest.approx(at_once.short.bindings)
    assert memory.short.stocked / DAY == pytest.approx(at_once.short.stocked / DAY)


# Lead times.


def order(sequence: int = 1, open: bool = False, bought: bool = True, **rest: Any) -> OrderLead:
    return OrderLead(sequence, **{"started_at": NOW, "open": open, "bought": bought, **rest})


def leads(*orders: OrderLead, memory: DemandMemory | None = None, now: datetime = NOW + DAY) -> DemandMemory:
    return learn_demand(memory or known(), DemandSeen(free=1, orders=orders), now)


def test_a_lead_time_ends_when_the_last_number_is_no_longer_on_its_way() -> None:
    waiting = leads(order(4, open=True), now=NOW + HOUR)
    assert (waiting.leads, waiting.awaited, waiting.orders_until) == ((), (4,), 4)
    arrived = leads(order(4, completed_at=NOW + MINUTE), memory=waiting, now=NOW + 3 * HOUR)
    assert (arrived.leads, arrived.awaited, arrived.orders_until) == ((Lead(4, 3 * HOUR),), (), 4)
    assert leads(order(4), memory=arrived, now=NOW + 9 * HOUR).leads == arrived.leads


def test_the_time_that_its_last_number_came_free_outranks_a_late_look() -> None:
    waiting = leads(order(4, open=True), now=NOW + HOUR)
    late = leads(order(4, available_at=NOW + 2 * HOUR), memory=waiting, now=NOW + 9 * DAY)
    assert late.leads == (Lead(4, 2 * HOUR),)


def test_an_order_that_was_never_seen_on_its_way_took_until_its_outcome() -> None:
    assert leads(order(4, completed_at=NOW + MINUTE), now=NOW + 90 * DAY).leads == (Lead(4, MINUTE),)


def test_an_order_that_bought_nothing_has_no_lead_time() -> None:
    assert leads(order(4, bought=False)).leads == ()


def test_orders_arrive_in_any_order_and_each_is_taken_once() -> None:
    waiting = leads(order(4, open=True), order(5, open=True), now=NOW + HOUR)
    second = leads(order(4, open=True), order(5), memory=waiting, now=NOW + 2 * HOUR)
    assert (second.leads, second.awaited) == ((Lead(5, 2 * HOUR),), (4,))
    both = leads(order(4), order(5), memory=second, now=NOW + 3 * HOUR)
    assert (both.leads, both.awaited) == ((Lead(5, 2 * HOUR), Lead(4, 3 * HOUR)), ())


def test_the_last_twenty_lead_times_are_kept() -> None:
    memory = known()
    for n in range(1, 30):
        memory = leads(order(n, completed_at=NOW + n * MINUTE), memory=memory)
    assert [lead.sequence for lead in memory.leads] == list(range(10, 30))


def took(*durations: timedelta) -> tuple[Lead, ...]:
    return tuple(Lead(n, duration) for n, duration in enumerate(durations, 1))


def says_slow(memory: DemandMemory, *orders: OrderLead, now: datetime = NOW, **want: Any) -> bool:
    plan = plan_demand(DemandWant(**want), memory, DemandSeen(free=1, orders=orders), now)
    return [condition.reason for condition in plan.conditions] == [Reason.LEAD_TIME_DOUBLED]


@pytest.mark.parametrize(
    ("durations", "slow"),
    [
        pytest.param((HOUR, HOUR, HOUR, 2 * HOUR), False, id="twice"),
        pytest.param((HOUR, HOUR, HOUR, 3 * HOUR), True, id="more than twice"),
        pytest.param((HOUR, HOUR, HOUR, 3 * HOUR, HOUR), False, id="not any more"),
        pytest.param((HOUR, 3 * HOUR), False, id="too few to compare"),
        pytest.param((SECOND, SECOND, SECOND, 30 * SECOND), False, id="too short to matter"),
    ],
)
def test_a_lead_time_that_has_doubled_is_said(durations: tuple[timedelta, ...], slow: bool) -> None:
    assert says_slow(known(leads=took(*durations))) is slow


def test_a_lead_time_of_the_spec_is_what_the_first_is_compared_with() -> None:
    assert says_slow(known(leads=took(5 * HOUR)), lead_time=HOUR)
    assert not says_slow(known(leads=took(HOUR)), lead_time=HOUR)


def test_an_order_that_is_late_is_said_before_it_arrives_and_looked_at_in_time() -> None:
    memory = known(leads=took(HOUR, HOUR, HOUR), awaited=(9,), orders_until=9)
    waiting = order(9, open=True)
    seen = DemandSeen(free=1, orders=(waiting,))
    in_time = plan_demand(DemandWant(), memory, seen, NOW + HOUR)
    assert (in_time.conditions, in_time.requeue) == ((), 3601.0)
    assert says_slow(memory, waiting, now=NOW + HOUR + timedelta(seconds=3601))


# Forecasts.


def forecast(want: DemandWant, memory: DemandMemory, free: int = 0) -> Forecast:
    return plan_demand(want, memory, DemandSeen(free=free, rate_is_given=want.burn_rate is not None), NOW).forecast


@pytest.mark.parametrize(("lead_time", "expected"), [(3 * DAY, 82), (14 * DAY, 325), (5 * MINUTE, 2)])
def test_what_the_spec_says_is_exact_and_gives_the_base_stock(lead_time: timedelta, expected: int) -> None:
    found = forecast(DemandWant(0.995, burn_rate=20, lead_time=lead_time), known())
    assert (found.burn_rate, found.lead_time, found.recommended) == (20, lead_time, expected)


def test_what_is_measured_is_trusted_less() -> None:
    steady = known(rate=20, leads=took(*[3 * DAY] * 4))
    unsteady = known(rate=20, leads=took(DAY, 5 * DAY, 2 * DAY, 4 * DAY))
    exact = base_stock(20, 3, 0.95)
    assert (
        exact < (forecast(DemandWant(), steady).recommended or 0) < (forecast(DemandWant(), unsteady).recommended or 0)
    )


def test_nothing_is_forecast_from_nothing() -> None:
    assert forecast(DemandWant(), DemandMemory()) == Forecast()
    assert forecast(DemandWant(), known(leads=took(HOUR))) == Forecast(lead_time=HOUR)
    assert forecast(DemandWant(), known(rate=20), free=40) == Forecast(20, None, None, 2.0, NOW + 2 * DAY)


def test_a_runway_ends_when_the_available_numbers_are_used_up() -> None:
    found = forecast(DemandWant(burn_rate=20), known(), free=30)
    assert (found.runway, found.exhaustion) == (1.5, NOW + timedelta(hours=36))
    dry = forecast(DemandWant(burn_rate=20), known(stocked=False), free=0)
    assert (dry.runway, dry.exhaustion) == (0, None)


def test_a_forecast_stands_still_while_nothing_happens() -> None:
    memory, seen = known(rate=20, leads=took(DAY, 2 * DAY)), DemandSeen(free=30)
    first = plan_demand(DemandWant(), memory, seen, NOW + MINUTE)
    later = plan_demand(DemandWant(), first.memory, seen, NOW + 23 * HOUR)
    assert replace(later, requeue=None) == replace(first, requeue=None)


def requeue(memory: DemandMemory, now: datetime = NOW, **seen: Any) -> float | None:
    plan: DemandPlan = plan_demand(DemandWant(), memory, DemandSeen(**{"free": 5, **seen}), now)
    return plan.requeue


def test_a_pool_looks_again_when_there_will_be_something_to_count() -> None:
    assert requeue(known(rate=20)) == 86400
    assert requeue(known(), bound=(NOW + SECOND,), now=NOW + 2 * SECOND) == 5
    assert requeue(known()) is None
    assert requeue(known(rate=20, stocked=False), free=0) is None


# Following.

FOUND = Forecast(20.0, 3 * DAY, 82)


@pytest.mark.parametrize(
    ("pool", "found", "seen", "expected"),
    [
        pytest.param(
            a_pool(10), FOUND, DemandSeen(free=1), a_pool(82, minimum=82, enough=10), id="the target is raised"
        ),
        pytest.param(
            a_pool(10, minimum=4),
            FOUND,
            DemandSeen(free=1),
            a_pool(82, minimum=82, enough=4),
            id="and the low watermark",
        ),
        pytest.param(
            a_pool(200),
            FOUND,
            DemandSeen(free=1),
            a_pool(200, minimum=82, enough=82),
            id="a larger target makes larger orders",
        ),
        pytest.param(
            a_pool(200, minimum=90),
            FOUND,
            DemandSeen(free=1),
            a_pool(200, minimum=90, enough=90),
            id="a higher low watermark stays",
        ),
        pytest.param(a_pool(0), FOUND, DemandSeen(free=1), a_pool(82, minimum=82, enough=0), id="from none"),
        pytest.param(
            a_pool(10),
            FOUND,
            DemandSeen(free=0, waiting=5),
            a_pool(87, minimum=87, enough=10),
            id="claims that wait are wanted beside it",
        ),
        pytest.param(
            a_pool(10),
            FOUND,
            DemandSeen(free=3, waiting=5),
            a_pool(82, minimum=82, enough=10),
            id="those that nothing free fits are not",
        ),
        pytest.param(a_pool(10), Forecast(20.0), DemandSeen(), a_pool(10), id="nothing is known yet"),
        pytest.param(
            a_pool(10), replace(FOUND, recommended=100_000), DemandSeen(waiting=9), None, id="the largest pool"
        ),
    ],
)
def test_a_pool_follows_its_forecast(
    pool: PoolWant, found: Forecast, seen: DemandSeen, expected: PoolWant | None
) -> None:
    expected = expected or a_pool(100_000, minimum=100_000, enough=10)
    assert follow_forecast(pool, DemandWant(follow=True), found, seen) == expected
    assert follow_forecast(pool, DemandWant(), found, seen) == pool


@given(st.integers(0, 300), st.integers(0, 300), st.none() | st.integers(0, 300), st.integers(0, 50), st.integers(0, 5))
def test_a_watermark_is_never_above_its_target_and_a_target_never_below_the_specs(
    target: int, minimum: int, recommended: int | None, waiting: int, free: int
) -> None:
    pool = a_pool(target, minimum=min(minimum, target))
    found, seen = Forecast(recommended=recommended), DemandSeen(free=free, waiting=waiting)
    want = follow_forecast(pool, DemandWant(follow=True), found, seen)
    assert want.target >= target
    assert (want.minimum if want.enough is None else want.enough) <= want.minimum <= want.target


# Capacity.


@pytest.mark.parametrize(
    ("want", "said"),
    [
        (CapacityWant(2, None, "desk", 50), "the channels run out first"),
        (CapacityWant(2, 5.0, "desk", 50), "the agents run out first"),
        (CapacityWant(2, None, "desk", 200), None),
        (CapacityWant(2, None, "desk", None), None),
        (CapacityWant(None, None, "desk", 50), None),
        (CapacityWant(), None),
    ],
)
def test_channels_that_are_too_few_for_the_numbers_are_said(want: CapacityWant, said: str | None) -> None:
    _, conditions = judge_capacity(want, numbers=100)
    assert [condition.reason for condition in conditions] == ([Reason.CHANNELS_SHORT] if said else [])
    assert all(said in condition.message and "'desk'" in condition.message for condition in conditions if said)
