"""Quiet hours, by the recipient's clock. Who may be in several zones is left alone while it is quiet in any of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ringfleet.plan.rotation_set.guardrails import QuietHours

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
