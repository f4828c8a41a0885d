"""What a pool learns of its demand: how fast it is used up, and how long its orders take.

::

    stock   ######......####....##########       # numbers free, . none
    counts  |-----|     |--|    |--------|       time and bindings; a time without stock hides what was asked for

The burn rate is bindings over stocked time, both fading: a day counts 1/e after `LONG`. A second pair fades after
`SHORT`; when it holds more bindings than chance explains, demand has risen, and what was remembered before that is
forgotten. So the rate follows a rise in days, and a fall in weeks.

A time without stock still tells something: no more was bound in it than was asked for. It is counted as if there had
been stock when even so its rate is above the known one. Otherwise a pool that is too small to ever have stock would
never learn that it is.

A lead time is from the first work on an order until no number of it is on its way any more, documents included.

All of it is a value that the pool keeps in its status, so a restart forgets nothing. It changes when something was
bound or arrived, or once a day while it fades, and not otherwise. `now` is timezone-aware UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil, exp

from ringfleet.plan.sizing.distributions import poisson_tail

DAY = timedelta(days=1)
LONG = timedelta(days=14)
SHORT = timedelta(days=2)
SETTLE = timedelta(seconds=5)
"""How old a binding must be to be counted, so that none is seen only after its time was counted."""
BY_CHANCE = 0.001
"""A rise is believed when a steady demand would show it less often than this."""
KEPT_LEADS = 20
CLOCK_ERROR = timedelta(hours=1)
"""How far ahead of now a time may lie that was learnt at: the clocks of two machines differ."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Bindings in a stocked time, both faded."""

    bindings: float = 0.0
    stocked: timedelta = timedelta()

    @property
    def days(self) -> float:
        """The stocked time in days; less than one counts as one, so that a busy minute is not taken for a rate."""
        return max(1.0, self.stocked / DAY)

    @property
    def rate(self) -> float:
        """Bindings a day."""
        return self.bindings / self.days

    def after(self, bound: Iterable[datetime], start: datetime, end: datetime, memory: timedelta) -> Tally:
        """The tally with what was bound from `start` to `end` added, all of it faded as it is at `end`."""
        kept = exp(-(end - start) / memory)
        added = sum(exp(-(end - moment) / memory) for moment in bound)
        return Tally(self.bindings * kept + added, self.stocked * kept + memory * (1.0 - kept))


@dataclass(frozen=True, slots=True)
class Lead:
    """How long one order took. `sequence` names it among the pool's orders."""

    sequence: int
    took: timedelta
    at: datetime | None = field(default=None, compare=False)
    """When that was learnt; None: an older version did not say."""


@dataclass(frozen=True, slots=True)
class DemandMemory:
    """What a pool remembers of its demand."""

    counted_until: datetime | None = None
    """The moment up to which bindings and stocked time are counted; None: counting has not begun."""
    stocked: bool = False
    """Whether there was free stock at `counted_until`."""
    long: Tally = Tally()
    """Bindings and stocked time, fading slowly (`LONG`); the burn rate comes from it."""
    short: Tally = Tally()
    """Bindings and stocked time, fading fast (`SHORT`), by which a rise in demand is seen."""
    leads: tuple[Lead, ...] = ()
    """How long the last orders took to arrive, the latest last."""
    awaited: tuple[int, ...] = ()
    """The sequences of the orders that have not arrived, up to `orders_until`."""
    orders_until: int = 0
    """The highest sequence of an order that was taken note of."""


@dataclass(frozen=True, slots=True)
class OrderLead:
    """One order as its lead time sees it."""

    sequence: int
    """The order's sequence among the orders of its pool."""
    started_at: datetime | None
    """When work on the order began; None: it has not begun."""
    open: bool
    """Whether the order has not ended, or a number of it is still on its way."""
    bought: bool
    """Whether the order brought a number, or will."""
    completed_at: datetime | None = None
    """When the order's last item had its outcome, documents not included; None: some item has none."""
    available_at: datetime | None = None
    """When the last of the order's numbers came free; None: it is not known."""


@dataclass(frozen=True, slots=True)
class DemandSeen:
    """What the pool sees now of its bindings, stock and orders."""

    bound: tuple[datetime, ...] = ()
    """When claims were bound since `counted_until` of the memory; earlier bindings do no harm."""
    free: int = 0
    """How many numbers are free now."""
    orders: tuple[OrderLead, ...] = ()
    """Every order of the pool that is not deleted; the lead time of an order that is left out once is never learnt."""
    waiting: int = 0
    """How many claims wait for whatever number comes."""
    rate_is_given: bool = False
    """Whether the spec says the burn rate."""


def learn_demand(memory: DemandMemory, seen: DemandSeen, now: datetime) -> DemandMemory:
    """The memory with everything counted that can be. The same memory when there is nothing to tell."""
    return _note_orders(_count(_without_future(memory, now), seen, now), seen.orders, now)


def _without_future(memory: DemandMemory, now: datetime) -> DemandMemory:
    """The memory without what a clock has written that was far ahead: counts and lead times of a time that has not been
    are no demand, and by a lead time of months a pool would order what it uses up in months."""
    latest = now + CLOCK_ERROR
    if any(lead.at and lead.at > latest for lead in memory.leads):
        memory = replace(memory, leads=tuple(lead for lead in memory.leads if lead.at is None or lead.at <= latest))
    if memory.counted_until is None or memory.counted_until <= latest:
        return memory
    return replace(memory, counted_until=None, stocked=False, long=Tally(), short=Tally())


# The burn rate.


def _count(memory: DemandMemory, seen: DemandSeen, now: datetime) -> DemandMemory:
    until, stocked = memory.counted_until, seen.free > 0
    if until is None:
        return replace(memory, counted_until=now, stocked=stocked)
    if not memory.stocked:
        return _end_drought(memory, _since(seen, until, now), now) if stocked else memory
    settled = max(until, now - SETTLE)
    bound = _since(seen, until, settled)
    ran_dry = not stocked and not _since(seen, settled, now)
    if not bound and not ran_dry and not (_fades(memory, seen) and now - until >= DAY):
        return memory
    end = max(bound, default=until) if ran_dry else settled
    return replace(_add(memory, bound, until, end), counted_until=settled, stocked=not ran_dry)


def _end_drought(memory: DemandMemory, bound: tuple[datetime, ...], now: datetime) -> DemandMemory:
    """There is stock again. What the drought showed is counted only when it raises the rate."""
    if drought_rate(memory, bound) > memory.long.rate:
        memory = _add(memory, bound, memory.counted_until or now, now)
    return replace(memory, counted_until=now, stocked=True)


def drought_rate(memory: DemandMemory, bound: tuple[datetime, ...]) -> float:
    """What was bound a day since stock ran out: at most what was asked for. It changes only when something is bound."""
    if memory.stocked or memory.counted_until is None or not bound:
        return 0.0
    return Tally(len(bound), max(bound) - memory.counted_until).rate


def _add(memory: DemandMemory, bound: tuple[datetime, ...], start: datetime, end: datetime) -> DemandMemory:
    long = memory.long.after(bound, start, end, LONG)
    short = memory.short.after(bound, start, end, SHORT)
    return replace(memory, long=short if _has_risen(long, short) else long, short=short)


def _has_risen(long: Tally, short: Tally) -> bool:
    """Whether the short memory holds more than the long one explains, granted one binding more than it has seen."""
    usual = (long.bindings + 1.0) / long.days * (short.stocked / DAY)
    return short.rate > long.rate and poisson_tail(usual, ceil(short.bindings)) < BY_CHANCE


def _fades(memory: DemandMemory, seen: DemandSeen) -> bool:
    """Whether a day without a binding changes anything: what is remembered, or when stock would run out."""
    return seen.rate_is_given or round(memory.long.bindings, 4) > 0


def _since(seen: DemandSeen, start: datetime, end: datetime) -> tuple[datetime, ...]:
    return tuple(sorted(moment for moment in seen.bound if start < moment <= end))


def next_count(memory: DemandMemory, seen: DemandSeen, now: datetime) -> float | None:
    """Seconds until there is something to count although nothing else happens. None: only when something does."""
    if memory.counted_until is None or not memory.stocked:
        return None
    if _since(seen, memory.counted_until, now):
        return SETTLE.total_seconds()
    if _fades(memory, seen):
        return max(0.0, (memory.counted_until + DAY - now).total_seconds())
    return None


# The lead time.


def _note_orders(memory: DemandMemory, orders: Iterable[OrderLead], now: datetime) -> DemandMemory:
    """Take the lead time of each order that has arrived, once."""
    leads, awaited = list(memory.leads), []
    new = [order for order in sorted(orders, key=lambda order: order.sequence) if _is_new(order, memory)]
    for order in new:
        if order.open or order.started_at is None:
            awaited.append(order.sequence)
        elif order.bought:
            arrived = _arrival(order, memory, now)
            took = _whole(max(timedelta(), min(arrived, now) - order.started_at))
            leads.append(Lead(order.sequence, took, now.replace(microsecond=0)))
    until = max((memory.orders_until, *(order.sequence for order in new)))
    return replace(memory, leads=tuple(leads[-KEPT_LEADS:]), awaited=tuple(awaited), orders_until=until)


def _is_new(order: OrderLead, memory: DemandMemory) -> bool:
    return order.sequence > memory.orders_until or order.sequence in memory.awaited


def _arrival(order: OrderLead, memory: DemandMemory, now: datetime) -> datetime:
    """When the order's last number came. One that was never seen on its way came with its outcome."""
    if order.sequence in memory.awaited:
        return order.available_at or now
    return order.completed_at or now


def _whole(duration: timedelta) -> timedelta:
    """To the second, and at least one."""
    return timedelta(seconds=max(1, round(duration.total_seconds())))
