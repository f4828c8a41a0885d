"""How fast and how many at once: a token bucket, the doubling delays of retries, and nothing that sleeps."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays in seconds that double from `first` to `longest`; each is drawn from its upper half, so crowds part."""

    first: float
    longest: float

    def delay(self, failures: int, chance: Callable[[], float] = random.random) -> float:
        """The delay after `failures` failures in a row, at least one. `chance` gives numbers from 0 up to 1."""
        doublings = min(max(failures, 1) - 1, 30)
        whole = min(self.longest, self.first * (1 << doublings))
        return whole * (1 + chance()) / 2


class TokenBucket:
    """At most `burst` calls at once and `rate` a second after that, told as the delay that each call has to wait.

    Callers queue in the order in which they ask: a token that is not there yet is reserved, so nobody is starved.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = float(burst)
        self._counted_at = float("-inf")

    def reserve(self, now: float) -> float:
        """Take one token and return the seconds until it is there, 0 for at once. `now` is any monotonic clock's."""
        if now > self._counted_at:
            self._tokens = min(self.burst, self._tokens + (now - self._counted_at) * self.rate)
            self._counted_at = now
        self._tokens -= 1
        return max(0.0, -self._tokens / self.rate)
