"""How each number is used and received, by what its carrier tells the dispatcher; and since when a number is silent.

Silence has to be heard: an account whose events have never come, or come no more, tells of no number that it is idle.
So a number is silent from its last call or message, or from when it could first have been heard, until its *account*
was heard last, and never for longer.

::

    account heard first     number bought     last call        account heard last    now
    |-----------------------|-----------------|#################|.....................|
                                               silent: this long       nobody knows
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ringfleet.model import E164, AccountKey
from ringfleet.plan.rotation_set.reputation import shrunk
from ringfleet.plan.rotation_set.seen import DayUsage, HealthSeen, LastUse

SILENT_FOR = timedelta(days=7)
"""So long a number must have been silent before anything is said of it."""


@dataclass(frozen=True, slots=True)
class Counts:
    """A number's traffic in a span of time. Outbound, but for `received`."""

    calls: int = 0
    answered: int = 0
    messages: int = 0
    delivered: int = 0
    failed: int = 0
    received: int = 0

    @property
    def tries(self) -> int:
        """Calls, and messages whose fate is known."""
        return self.calls + self.delivered + self.failed

    @property
    def successes(self) -> int:
        """Those of them that were answered or delivered."""
        return min(self.calls, self.answered) + self.delivered

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.calls + other.calls,
            self.answered + other.answered,
            self.messages + other.messages,
            self.delivered + other.delivered,
            self.failed + other.failed,
            self.received + other.received,
        )


NOTHING = Counts()


@dataclass(frozen=True, slots=True)
class NumberTraffic:
    """What the dispatcher tells of one number."""

    open_calls: int = 0
    """How many calls are open now."""
    label: str | None = None
    """The spam label that is shown for the number; None: none is."""
    last: datetime | None = None
    """The hour in which the number had its last call or message, either way; None: never."""
    day: Counts = NOTHING
    """The last day that is over, in UTC."""
    recent: Counts = NOTHING
    """The last 24 hours."""
    week: Counts = NOTHING
    """The last 7 days."""
    month: Counts = NOTHING
    """The last 35 days."""


@dataclass(frozen=True, slots=True)
class Heard:
    """For how long an account has told of traffic of any number, by the hour."""

    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class NumbersSeen:
    """What was read of a namespace's numbers. A number of which nothing is known is not in it."""

    day: str = ""
    """The last day that is over, a date in UTC."""
    numbers: Mapping[tuple[E164, AccountKey], NumberTraffic] = field(default_factory=dict)
    """By number and the account that owns it."""
    accounts: Mapping[AccountKey, Heard] = field(default_factory=dict)
    """Those that are heard."""


def silent_since(last: datetime | None, owned: datetime, heard: Heard | None) -> datetime | None:
    """Since when a number is silent; None: it is in use, or nobody can tell. `owned`: since when it could be used."""
    if heard is None:
        return None
    since = last or max(owned, heard.first)
    return since if heard.last - since >= SILENT_FOR else None


def silent_for(since: datetime, heard: Heard | None) -> timedelta:
    """For how long a number that is silent since then is known to be."""
    return timedelta() if heard is None else max(timedelta(), heard.last - since)


def common_rate(traffic: Iterable[NumberTraffic]) -> float:
    """The rate of all of them in seven days; 0 when nothing was tried."""
    counts = [one.week for one in traffic]
    tries = sum(one.tries for one in counts)
    return sum(one.successes for one in counts) / tries if tries else 0.0


def health_of(traffic: NumberTraffic, day: str, common: float, silent: datetime | None, *, of_set: bool) -> HealthSeen:
    """What a number is to say of itself. `common`: the rate that its own is drawn toward while there is little to go
    by. `of_set`: its rotation set tells its rate and its days, by its own clock and its own numbers."""
    last = LastUse(traffic.last, traffic.open_calls, silent)
    if of_set:
        return HealthSeen(None, traffic.label, None, last)
    week, over = traffic.week, traffic.day
    rate = shrunk(week.successes, week.tries, common) if week.tries else None
    usage = DayUsage(day, over.calls, over.messages) if over.calls or over.messages else None
    return HealthSeen(rate, traffic.label, usage, last)
