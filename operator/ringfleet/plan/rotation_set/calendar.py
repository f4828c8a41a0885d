"""The clocks of a set: its budget's day and hour, by its own zone, and quiet hours, by the recipient's.

A day is a date in a time zone, so the day of a clock change has 23 or 25 hours and is one day all the same. An hour is
one of the world clock, in zones that are off by half an hour, too. Who may be in several zones is left alone while it
is quiet in any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ringfleet.plan.rotation_set.guardrails import QuietHours

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


STEP = timedelta(minutes=15)
"""Quiet hours of several zones may overlap in any way: their common end is looked for in steps of a quarter of an hour,
to which all zones of the world keep."""
LONGEST = timedelta(hours=48)


def quiet_until(quiet: QuietHours, zones: Sequence[str], now: datetime) -> datetime | None:
    """Until when nobody in `zones` may be called; None when everybody may, now.

    Without a zone nothing is known of the recipient's clock, and all day is quiet: the end is `LONGEST` away. So it is
    when the zones are so far apart that there is always one in quiet hours.
    """
    if not quiet.minutes():
        return None
    clocks = [ZoneInfo(zone) for zone in zones]
    if clocks and not _is_quiet(quiet, clocks, now):
        return None
    if not clocks:
        return now + LONGEST
    moment = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    while moment < now + LONGEST:
        moment += STEP
        if not _is_quiet(quiet, clocks, moment):
            return _first_minute(quiet, clocks, moment - STEP, moment)
    return now + LONGEST


def _first_minute(quiet: QuietHours, clocks: Sequence[ZoneInfo], early: datetime, late: datetime) -> datetime:
    """Quiet hours may end at any minute; `late` is the first quarter of an hour after."""
    moment = early + timedelta(minutes=1)
    while moment < late and _is_quiet(quiet, clocks, moment):
        moment += timedelta(minutes=1)
    return moment


def _is_quiet(quiet: QuietHours, clocks: Sequence[ZoneInfo], moment: datetime) -> bool:
    return any(quiet.contains(moment.astimezone(clock).time()) for clock in clocks)
