"""The clocks of a set: its budget's day and hour, by its own zone, and quiet hours, by the recipient's.

A day is a date in a time zone, so the day of a clock change has 23 or 25 hours and is one day all the same. An hour is
one of the world clock, in zones that are off by half an hour, too. Who may be in several zones is left alone while it
is quiet in any of them; who is in no known zone, always, unless the set says by which one to go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ringfleet.plan.rotation_set.guardrails import QuietHours, RotationWant

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Window:
    """Now, in POSIX seconds; the day; when the next day and the next hour begin; when the day has begun."""

    now: float
    day: date
    tomorrow: float
    hour_ends: float
    today: float


def window(now: float, zone: str) -> Window:
    """The windows that `now` lies in, for a set whose days are those of `zone` (an IANA name).

    Raises:
        zoneinfo.ZoneInfoNotFoundError: there is no such zone.
    """
    here = ZoneInfo(zone)
    day = datetime.fromtimestamp(now, here).date()
    tomorrow = beginning(day + timedelta(days=1), zone)
    return Window(now, day, tomorrow, (now // HOUR + 1) * HOUR, beginning(day, zone))


def is_zone(name: str) -> bool:
    """Whether there is a time zone of that name."""
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return False
    return True


def misnamed_zone(want: RotationWant) -> str | None:
    """The field whose time zone is none, with what stands there; None: all are."""
    written = (("resetTimeZone", want.zone), ("quietHours.defaultTimeZone", want.terms.quiet.default_zone))
    return next((f"spec.{field} {zone!r}" for field, zone in written if zone is not None and not is_zone(zone)), None)


def beginning(day: date, zone: str) -> float:
    """When the day begins: its first midnight, or the moment that stands for it where the clock leaps over midnight."""
    return datetime.combine(day, time(), ZoneInfo(zone)).timestamp()


STEP = timedelta(minutes=15)
"""Quiet hours of several zones may overlap in any way: their common end is looked for in steps of a quarter of an hour,
to which all zones of the world keep."""
LONGEST = timedelta(hours=48)
"""After two days clocks have said all that they ever say."""
NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""No moment is known at which the recipient may be called: a wait for it would never end."""


def quiet_until(quiet: QuietHours, zones: Sequence[str], now: datetime) -> datetime | None:
    """Until when nobody in `zones` may be called; None when everybody may, now.

    NEVER: nothing is known of the recipient's clock, or the zones are so far apart that there is always one in quiet
    hours, and the set has no `default_zone`, whose clock counts then.
    """
    if not quiet.minutes():
        return None
    until = _until(quiet, zones, now)
    return _until(quiet, [quiet.default_zone], now) if until == NEVER and quiet.default_zone else until


def _until(quiet: QuietHours, zones: Sequence[str], now: datetime) -> datetime | None:
    clocks = [ZoneInfo(zone) for zone in zones]
    if not clocks:
        return NEVER
    if not _is_quiet(quiet, clocks, now):
        return None
    moment = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    while moment < now + LONGEST:
        moment += STEP
        if not _is_quiet(quiet, clocks, moment):
            return _first_minute(quiet, clocks, moment - STEP, moment)
    return _between_quarters(quiet, clocks, now)


def _between_quarters(quiet: QuietHours, clocks: Sequence[ZoneInfo], now: datetime) -> datetime:
    """Where less than a quarter of an hour is left of a day, no step need have met it."""
    begins = now.replace(second=0, microsecond=0)
    minutes = (begins + timedelta(minutes=turn) for turn in range(1, LONGEST // timedelta(minutes=1)))
    return next((moment for moment in minutes if not _is_quiet(quiet, clocks, moment)), NEVER)


def _first_minute(quiet: QuietHours, clocks: Sequence[ZoneInfo], early: datetime, late: datetime) -> datetime:
    """Quiet hours may end at any minute; `late` is the first quarter of an hour after."""
    moment = early + timedelta(minutes=1)
    while moment < late and _is_quiet(quiet, clocks, moment):
        moment += timedelta(minutes=1)
    return moment


def _is_quiet(quiet: QuietHours, clocks: Sequence[ZoneInfo], moment: datetime) -> bool:
    return any(quiet.contains(moment.astimezone(clock).time()) for clock in clocks)
