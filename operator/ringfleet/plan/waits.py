"""Waits that were written down: how long one goes on, although the clock that wrote it may have been wrong.

A process that comes up on a machine whose clock is days ahead writes its retries days ahead. When the clock is right
again nobody would try anything for so long, so a wait that is longer than any of its kind is none.
"""

from __future__ import annotations

from datetime import datetime, timedelta


def still_waits(until: datetime | None, now: datetime, longest: timedelta) -> bool:
    """Whether a wait goes on that ends at `until`. `longest`: how long waits of its kind last at most."""
    return until is not None and now < until <= now + longest
