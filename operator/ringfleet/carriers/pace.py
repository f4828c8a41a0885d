"""The pace of one account: at most so many calls a second, and a small burst after a rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable


class Pace:
    """A token bucket, kept as the time at which it will next be full (the generic cell rate algorithm, ITU-T I.371).

    Turns are given in the order in which they are asked for. `clock` and `sleep` are in seconds.
    """

    def __init__(
        self, per_second: float, burst: int, *, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        """Raises ValueError when there would never be a turn."""
        if per_second <= 0 or burst < 1:
            raise ValueError(f"a pace needs more than 0 calls a second and a burst of 1; got {per_second} and {burst}")
        self._interval = 1 / per_second
        self._slack = (burst - 1) / per_second
        self._clock = clock
        self._sleep = sleep
        self._full_at = clock()

    async def turn(self) -> None:
        """Return when the next call may go out. A waiter that is cancelled leaves its turn unused."""
        now = self._clock()
        start = max(self._full_at, now)
        self._full_at = start + self._interval
        wait = start - self._slack - now
        if wait > 0:
            await self._sleep(wait)
