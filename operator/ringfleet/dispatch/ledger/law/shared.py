"""Limits that several sets share, as carriers count them: a brand's messages a day, a campaign's a minute.

A limit is known by its name, whatever set it is asked by; of sets that say it differently the least holds. What is
used is kept by the hour or the minute of the world clock, so that sets of different time zones share it: a day is that
of the set that asks. Room of what is put off counts in the hour in which it may go out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil

from ringfleet.dispatch.ledger.law.reservations import DAY
from ringfleet.dispatch.ledger.types import Ask, Limit, Per, Why

HOUR, MINUTE = 3600, 60


@dataclass(slots=True)
class Use:
    """What is used of one limit, and put aside, by the beginning of the hour or minute in POSIX seconds."""

    used: dict[int, int] = field(default_factory=dict)
    reserved: dict[int, int] = field(default_factory=dict)

    def on_day(self, begin: float, end: float) -> int:
        """Used and put aside from then until then: on the day of a clock change it is 23 hours, or 25."""
        moments = range(moment_of(begin, HOUR), int(end), HOUR)
        return sum(self.used.get(at, 0) + self.reserved.get(at, 0) for at in moments)


NOTHING = Use()


def day_begins(ask: Ask) -> float:
    """When the day of the set that asks has begun."""
    return ask.begins or ask.tomorrow - DAY


def step_of(limit: Limit) -> int:
    """The seconds by which its use is kept."""
    return HOUR if limit.per is Per.DAY else MINUTE


def moment_of(at: float, step: int) -> int:
    """The beginning of the hour or minute."""
    return int(at // step) * step


def least(limits: Iterable[Limit]) -> dict[str, int]:
    """Of each name what holds."""
    found: dict[str, int] = {}
    for limit in limits:
        found[limit.name] = min(limit.most, found.get(limit.name, limit.most))
    return found


def left_today(ask: Ask, limit: Limit, most: int, use: Use, units: int) -> int:
    """How many contacts more the limit lets through on the day of the set that asks."""
    if limit.per is Per.DAY:
        return max(0, most - use.on_day(day_begins(ask), ask.tomorrow)) // units
    minute = moment_of(ask.now, MINUTE)
    later = max(0, ceil((ask.tomorrow - minute) / MINUTE) - 1)
    return max(0, most - use.used.get(minute, 0)) // units + later * (most // units)


def restrict(ask: Ask, limit: Limit, most: int, use: Use, units: int, own: int) -> None:
    """Tell the ask what the limit forbids it now, and on which of the coming days. `units`: how much the contact takes;
    `own`: how much of what is put aside is its own, today."""
    if limit.per is Per.MINUTE:
        if use.used.get(moment_of(ask.now, MINUTE), 0) + units > most:
            ask.limited = ask.limited or Why.CAMPAIGN_RATE
        return
    if use.on_day(day_begins(ask), ask.tomorrow) - own + units > most:
        ask.limited = Why.BRAND_LIMIT
    if use.reserved:
        days = range(1, ask.horizon + 1)
        begins = {ahead: ask.tomorrow + (ahead - 1) * DAY for ahead in days}
        ask.full |= {ahead for ahead, begin in begins.items() if use.on_day(begin, begin + DAY) + units > most}
