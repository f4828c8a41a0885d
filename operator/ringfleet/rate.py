"""How fast, and how soon again: a token bucket, and the doubling delays of retries. Knows nothing of the house.

Nothing here reads a clock or sleeps by itself: times come in as numbers of any monotonic clock, in seconds.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

Delay = TypeVar("Delay", float, timedelta)

_MOST_DOUBLINGS = 30


def backoff(failures: int, first: Delay, longest: Delay) -> Delay:
    """The delay after `failures` failures in a row, at least one: `first`, doubled with each more, up to `longest`."""
    return min(longest, first * (1 << min(max(failures, 1) - 1, _MOST_DOUBLINGS)))


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays in seconds that double from `first` to `longest`; each is drawn from its upper half, so crowds part."""

    first: float
    longest: float

    def delay(self, failures: int, chance: Callable[[], float] = random.random) -> float:
        """The delay after `failures` failures in a row, at least one. `chance` gives numbers from 0 up to 1."""
        return backoff(failures, self.first, self.longest) * (1 + chance()) / 2


class TokenBucket:
    """At most `burst` calls at once and `rate` a second after that, told as the delay that each call has to wait.

    Callers queue in the order in which they ask: a token that is not there yet is reserved, so nobody is starved. A
    caller that gives up leaves its token unused.
    """

    def __init__(self, rate: float, burst: int) -> None:
        """Raises ValueError when there would never be a token."""
        if rate <= 0 or burst < 1:
            raise ValueError(f"a bucket needs more than 0 tokens a second and a burst of 1; got {rate} and {burst}")
        self.rate = rate
        self.burst = burst
        self._tokens = float(burst)
        self._counted_at = float("-inf")

    def reserve(self, now: float) -> float:
        """Take one token and return the seconds until it is there, 0 for at once. `now` is any monotonic clock's."""
        self._count(now)
        self._tokens -= 1
        return max(0.0, -self._tokens / self.rate)

    def take(self, now: float) -> float:
        """Take one token if it is there, and return 0; else take none, and return the seconds until one is."""
        self._count(now)
        if self._tokens < 1:
            return (1 - self._tokens) / self.rate
        self._tokens -= 1
        return 0.0

    def _count(self, now: float) -> None:
        if now > self._counted_at:
            self._tokens = min(self.burst, self._tokens + (now - self._counted_at) * self.rate)
            self._counted_at = now
