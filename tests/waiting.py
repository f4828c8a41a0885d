"""Waiting for a condition: the one place of the tests that polls.

A test says what it waits for; a clock never decides whether it passes. The timeout is only there to end a test that
would hang, so it is generous, and its message says what was awaited and what was last seen.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

TIMEOUT_S = 90.0
INTERVAL_S = 0.05


class NeverHappened(AssertionError):
    """The awaited condition did not come true in time."""

    def __init__(self, what: str, timeout: float, last: object) -> None:
        super().__init__(f"waited {timeout:g} s for {what}; the last look gave {last!r}")


def wait_until(look: Callable[[], T], what: str, *, timeout: float = TIMEOUT_S, interval: float = INTERVAL_S) -> T:
    """Call `look` until it gives something true, and return that; `timeout` and `interval` are in seconds.

    An exception of `look` is the caller's affair and ends the wait: catch inside what is to be expected.

    Raises:
        NeverHappened: nothing true came within `timeout`.
    """
    deadline = time.monotonic() + timeout
    while not (seen := look()):
        if time.monotonic() >= deadline:
            raise NeverHappened(what, timeout, seen)
        time.sleep(interval)
    return seen


async def until(
    look: Callable[[], T | Awaitable[T]], what: str, *, timeout: float = TIMEOUT_S, interval: float = INTERVAL_S
) -> T:
    """The same for the event loop; `look` may be a plain or an async function."""
    deadline = time.monotonic() + timeout
    while not (seen := await _look(look)):
        if time.monotonic() >= deadline:
            raise NeverHappened(what, timeout, seen)
        await asyncio.sleep(interval)
    return seen


async def _look(look: Callable[[], T | Awaitable[T]]) -> T:
    seen = look()
    return await seen if isinstance(seen, Awaitable) else seen
