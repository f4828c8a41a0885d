"""Places for calls at a carrier: so many at once, where "so many" may change from moment to moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Places:
    """At most `room()` bodies of `async with` run at once; at least one always may.

    Who waits looks again whenever a place is given back, so a room that has grown is noticed with the next such moment.
    """

    def __init__(self, room: Callable[[], int]) -> None:
        self._room = room
        self._taken = 0
        self._given_back = asyncio.Event()

    async def __aenter__(self) -> None:
        while self._taken >= max(1, self._room()):
            self._given_back.clear()
            await self._given_back.wait()
        self._taken += 1

    async def __aexit__(self, *_: object) -> None:
        self._taken -= 1
        self._given_back.set()
