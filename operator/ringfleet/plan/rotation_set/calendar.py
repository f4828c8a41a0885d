"""Windows of budget: which day it is in a set's zone, and when the next day and the next hour begin.

A day is a date in a time zone, so the day of a clock change has 23 or 25 hours and is one day all the same. An hour is
one of the world clock, in zones that are off by half an hour, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Window:
    """Now, in POSIX seconds; the day; when the next day and the next hour begin."""

    now: float
    day: date
    tomorrow: float
    hour_ends: float


def window(now: float, zone: str) -> Window:
    """The windows that `now` lies in, for a set whose days are those of `zone` (an IANA name).

    Raises:
        zoneinfo.ZoneInfoNotFoundError: there is no such zone.
    """
    here = ZoneInfo(zone)
    day = datetime.fromtimestamp(now, here).date()
    return Window(now, day, beginning(day + timedelta(days=1), zone), (now // HOUR + 1) * HOUR)


def is_zone(name: str) -> bool:
    """Whether there is a time zone of that name."""
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return False
    return True


def beginning(day: date, zone: str) -> float:
    """When the day begins: its first midnight, or the moment that stands for it where the clock leaps over midnight."""
    return datetime.combine(day, time(), ZoneInfo(zone)).timestamp()
