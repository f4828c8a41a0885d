"""How long to wait after the n-th failure: doubling from a first delay up to a longest one.

Without jitter: the same failures give the same wait, whoever asks.
"""

from __future__ import annotations

from datetime import timedelta

FIRST = timedelta(seconds=5)
LONGEST = timedelta(minutes=10)


def backoff(failures: int, first: timedelta = FIRST, longest: timedelta = LONGEST) -> timedelta:
    """The delay after `failures` failures in a row, at least one."""
    doublings = min(max(failures, 1) - 1, 30)
    return min(longest, first * (1 << doublings))
