"""How hard one account at a carrier is pressed: one pace for all clients that this process has of it.

Two CarrierAccounts may be one account at the carrier, which counts their calls together; and while a client takes the
place of another, calls of the older one still end::

    client --Place--.
    client --Place--+--> Pace: so many calls at once, so many a second, by the smallest limits of all its places

Which account it is, a client learns by its first call. Until then its place is at a pace of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from ringfleet.rate import TokenBucket


class Pace:
    """See the module."""

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._bucket: TokenBucket | None = None
        self._taken = 0
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def concurrency(self) -> int:
        """How many calls may be on their way at once."""
        return min((place.concurrency for place in self._places), default=1)

    def join(self, place: Place) -> None:
        """A client that is opened for the account. What the account was pressed before is not forgotten."""
        self._places.append(place)
        self._keep_to_limits()

    def leave(self, place: Place) -> None:
        """A client that is closed; what it has on its way still counts."""
        self._places.remove(place)
        self._keep_to_limits()

    def _keep_to_limits(self) -> None:
        if self._places:
            rate = min(place.requests_per_second for place in self._places)
            self._bucket = self._bucket or TokenBucket(rate, self.concurrency)
            self._bucket.rate, self._bucket.burst = rate, self.concurrency
        self._call_up()

    @asynccontextmanager
    async def turn(self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> AsyncIterator[None]:
        """Wait until a call may be made; while inside, it is on its way. `clock` and `sleep` are in seconds."""
        await self._take_seat()
        try:
            if self._bucket and (wait := self._bucket.reserve(clock())):
                await sleep(wait)
            yield
        finally:
            self._taken -= 1
            self._call_up()

    async def _take_seat(self) -> None:
        """First come, first served. For whoever is called up the seat is taken already: nobody slips in between."""
        if self._taken < self.concurrency and not self._line:
            self._taken += 1
            return
        called = asyncio.get_running_loop().create_future()
        self._line.append(called)
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():
                self._taken -= 1
                self._call_up()
            raise

    def _call_up(self) -> None:
        while self._line and self._taken < self.concurrency:
            called = self._line.popleft()
            if not called.done():
                self._taken += 1
                called.set_result(None)


class Place:
    """One client's place at a pace, with the limits that it was opened with."""

    def __init__(self, requests_per_second: float, concurrency: int) -> None:
        self.requests_per_second = requests_per_second
        self.concurrency = concurrency
        self.pace = Pace()
        self.pace.join(self)

    def move(self, pace: Pace) -> None:
        """The account of the client is known: from its next call on it keeps this pace."""
        if pace is not self.pace:
            self.pace.leave(self)
            self.pace = pace
            pace.join(self)

    def give_up(self) -> None:
        """The client is closed: its limits hold nobody any more."""
        self.move(Pace())
