"""From what a pool has learnt to what it should keep: reorder point, recommended target, runway; and what stands behind
its numbers: the channels that take their calls, and the agents that they are enough for.

The reorder point is the recommended target too: a pool that replaces every number when it is taken needs no more. A
larger `size.target` makes larger orders, and a smaller one is raised to it when `size.mode` is Forecast.

Neither is known for sure, so the variance of the demand during a lead time has three parts: demand itself, the lead
times as they were, and that the rate is an estimate. What the spec gives is taken as exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import sqrt
from statistics import fmean

from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.number_pool.demand import (
    DAY,
    DemandMemory,
    DemandSeen,
    Lead,
    drought_rate,
    learn_demand,
    next_count,
)
from ringfleet.plan.number_pool.plan import PoolWant
from ringfleet.plan.sizing.formulas import (
    Binding,
    Capacity,
    capacity,
    forecast_error,
    lead_time_demand,
    reorder_point,
    runway,
)

MOST = 100_000
"""The largest target that a pool may have."""
_VAST = 10 * MOST
"""Beyond so many numbers in a lead time nothing is reckoned: it would take minutes, and give the largest target."""
FEW = 3
"""So many lead times make a mean that a later one may be held against."""
NOTICEABLE = timedelta(minutes=1)
"""A lead time this short is never called long."""


@dataclass(frozen=True, slots=True)
class DemandWant:
    """What a pool's spec says of its demand."""

    service_level: float = 0.95
    """The probability, 0 to 1, that stock lasts until an order arrives."""
    burn_rate: float | None = None
    """Numbers used up a day; None: it is to be measured."""
    lead_time: timedelta | None = None
    """How long an order takes to arrive; None: it is to be measured."""
    review: timedelta = timedelta()
    """How long the review of documents takes that orders or their numbers have to wait for now; zero: they wait for
    none."""
    follow: bool = False
    """Whether the pool's target follows the forecast (size.mode Forecast)."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is known of the demand, and what follows from it. None where nothing is known yet.

    `burn_rate` in numbers a day; `runway` in days.
    """

    burn_rate: float | None = None
    lead_time: timedelta | None = None
    recommended: int | None = None
    runway: float | None = None
    exhaustion: datetime | None = None


@dataclass(frozen=True, slots=True)
class DemandPlan:
    """What to remember, what is forecast, what to say of it, and when to look again (seconds)."""

    memory: DemandMemory
    forecast: Forecast
    conditions: tuple[Condition, ...] = ()
    requeue: float | None = None


def plan_demand(want: DemandWant, memory: DemandMemory, seen: DemandSeen, now: datetime) -> DemandPlan:
    """Learn what there is to learn, and forecast from it. Pure; `now` is timezone-aware UTC."""
    memory = learn_demand(memory, seen, now)
    slow, until = _judge_leads(want, memory, seen, now)
    said = (Condition("LeadTimeDoubled", True, Reason.LEAD_TIME_DOUBLED, _SLOW),) if slow else ()
    waits = [wait for wait in (next_count(memory, seen, now), until) if wait is not None]
    return DemandPlan(memory, _forecast(want, memory, seen, now), said, min(waits, default=None))


def follow_forecast(want: PoolWant, demand: DemandWant, forecast: Forecast, seen: DemandSeen) -> PoolWant:
    """The pool with the target and the low watermark that the forecast asks for, never below those of the spec.

    Claims that wait at an empty pool take the next numbers that come, so those are wanted beside the target.
    """
    if not demand.follow or forecast.recommended is None:
        return want
    waiting = 0 if seen.free else seen.waiting
    target = min(MOST, max(want.target, forecast.recommended + waiting))
    floor = want.minimum if want.minimum < want.target else 0
    minimum = min(target, max(floor, forecast.recommended + waiting))
    return replace(want, target=target, minimum=minimum, enough=min(want.minimum, minimum))


def _forecast(want: DemandWant, memory: DemandMemory, seen: DemandSeen, now: datetime) -> Forecast:
    rate, days = _burn_rate(want, memory, seen, now)
    if rate is None:
        return Forecast(lead_time=_time_to_come(want, memory.leads))
    left = runway(seen.free, rate)
    exhaustion = None
    if left and memory.counted_until and left < MOST:
        exhaustion = memory.counted_until + timedelta(minutes=round(left * 1440))
    return Forecast(rate, _time_to_come(want, memory.leads), _recommended(want, memory, rate, days), left, exhaustion)


def _burn_rate(
    want: DemandWant, memory: DemandMemory, seen: DemandSeen, now: datetime
) -> tuple[float | None, float | None]:
    """Numbers a day, and the days that they were measured in; None for days when the spec says it."""
    if want.burn_rate is not None:
        return want.burn_rate, None
    rate = max(memory.long.rate, drought_rate(memory, _not_counted(memory, seen, now)))
    return rate or None, memory.long.days


def _not_counted(memory: DemandMemory, seen: DemandSeen, now: datetime) -> tuple[datetime, ...]:
    """What was bound since then; a time that is yet to come, a clock has written that was ahead."""
    until = memory.counted_until
    return tuple(moment for moment in seen.bound if until and until < moment <= now)


def _lead_time(want: DemandWant, leads: Iterable[Lead]) -> timedelta | None:
    """The mean, to the second."""
    if want.lead_time is not None:
        return want.lead_time
    took = [lead.took.total_seconds() for lead in leads]
    return timedelta(seconds=round(fmean(took))) if took else None


def _recommended(want: DemandWant, memory: DemandMemory, rate: float, days: float | None) -> int | None:
    lead_time = _time_to_come(want, memory.leads)
    if lead_time is None:
        return None
    deviation = 0.0 if want.lead_time is not None or not memory.leads else _lead_deviation(memory.leads)
    mean, spread = lead_time_demand(rate, lead_time / DAY, deviation)
    if days is not None:
        spread += forecast_error(rate, lead_time / DAY, days)
    return MOST if mean > _VAST else min(MOST, reorder_point(mean, spread, want.service_level))


def _time_to_come(want: DemandWant, leads: Iterable[Lead]) -> timedelta | None:
    """Until numbers that are wished now are there: the review that they wait for, and then the lead time. A lead time
    that the spec says is taken as it is."""
    lead_time = _lead_time(want, leads)
    if want.lead_time is not None:
        return lead_time
    return want.review + (lead_time or timedelta()) or None


def _lead_deviation(leads: tuple[Lead, ...]) -> float:
    """In days: how far the next lead time may be from the mean, which is itself only a mean of so many."""
    if len(leads) == 1:
        return 0.0
    days = [lead.took / DAY for lead in leads]
    mean = fmean(days)
    variance = sum((one - mean) ** 2 for one in days) / (len(days) - 1)
    return sqrt(variance * (1.0 + 1.0 / len(days)))


# Slow carriers.

_SLOW = (
    "The carrier takes more than twice as long from order to usable number as it did before: see the pool's orders and "
    "the documents that they wait for, or raise spec.size.target until it is faster."
)


def _judge_leads(want: DemandWant, memory: DemandMemory, seen: DemandSeen, now: datetime) -> tuple[bool, float | None]:
    """Whether the latest order took more than twice the mean before, or one on its way does; and when to look again."""
    latest_is_slow = False
    before = _usual(want, memory.leads[:-1])
    if before is not None and memory.leads:
        latest_is_slow = memory.leads[-1].took > 2 * before
    usual = _usual(want, memory.leads)
    started = [order.started_at for order in seen.orders if order.sequence in memory.awaited and order.started_at]
    if usual is None or not started:
        return latest_is_slow, None
    overdue = min(started) + 2 * usual
    if overdue < now:
        return True, None
    return latest_is_slow, (overdue - now).total_seconds() + 1.0


def _usual(want: DemandWant, leads: tuple[Lead, ...]) -> timedelta | None:
    if want.lead_time is None and len(leads) < FEW:
        return None
    lead_time = _lead_time(want, leads)
    return None if lead_time is None else max(lead_time, NOTICEABLE / 2)


@dataclass(frozen=True, slots=True)
class CapacityWant:
    """A pool's spec.capacity, and the `channels` of the routing profile that it names. None for what is not said."""

    calls_per_number: int | None = None
    numbers_per_agent: float | None = None
    profile: str | None = None
    channels: int | None = None


def judge_capacity(want: CapacityWant, numbers: int) -> tuple[Capacity, tuple[Condition, ...]]:
    """What each part carries for this many numbers, and whether the channels are too few for what numbers may bring."""
    found = capacity(numbers, want.calls_per_number, want.numbers_per_agent, want.channels)
    if found.channels is None or found.numbers is None or found.channels >= found.numbers:
        return found, ()
    first = "agents" if found.binds is Binding.AGENTS else "channels"
    message = (
        f"RoutingProfile {want.profile!r} takes fewer calls at once (spec.channels) than the pool's numbers could "
        f"bring (spec.capacity.concurrentCallsPerNumber); the {first} run out first. Raise spec.channels when its "
        "destination can take more, or keep fewer numbers."
    )
    return found, (Condition("ChannelsShort", True, Reason.CHANNELS_SHORT, message),)
