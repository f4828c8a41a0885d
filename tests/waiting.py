"""Waiting for a condition: the one place of the tests that waits.

A test says what it waits for; a clock never decides whether it passes. The timeout is only there to end a test that
would hang, so it is generous, and its message says what was awaited and what was last seen.

    look -> note(source) ...  nothing true: sleep until one of the sources has changed, look again

What a look reads from may be a `Source`, which says when it has changed: a watch of the API server, a tripwire. A look
that reads from anything else as well (`note_unwatched`), or from no source, is repeated every `interval`.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")

TIMEOUT_S = 90.0
INTERVAL_S = 0.05
RESTING_S = 0.03
"""Between two looks at least: a pool of hundreds of numbers changes hundreds of times a second."""
LONGEST_REST_S = 2.0
"""A look may read more than it notes, a file say: it is repeated now and then even if no source has changed."""


class NeverHappened(AssertionError):
    """The awaited condition did not come true in time."""

    def __init__(self, what: str, timeout: float, last: object) -> None:
        super().__init__(f"waited {timeout:g} s for {what}; the last look gave {last!r}")


_changes = threading.Condition()
"""Told of every change of every source: waiters are few."""


class Source:
    """Something that says when it has changed, from any thread."""

    def __init__(self) -> None:
        self.version = 0

    def begin(self) -> None:
        """Begin to watch, if that has not begun: called after a look has noted the version, so that whoever looks
        first is told of the beginning, and looks again at what may have changed before it."""

    def changed(self) -> None:
        with _changes:
            self.version += 1
            _changes.notify_all()


class _Looked:
    """What one look has read from."""

    def __init__(self) -> None:
        self.sources: dict[Source, int] = {}
        self.unwatched = False

    @property
    def moved(self) -> bool:
        return any(source.version != version for source, version in self.sources.items())


_looked: ContextVar[_Looked | None] = ContextVar("looked", default=None)


def note(find: Callable[[], Source]) -> None:
    """Say, before reading it, what is read from; outside a wait, `find` is not called."""
    looked = _looked.get()
    if looked is not None:
        source = find()
        looked.sources.setdefault(source, source.version)
        source.begin()


def note_unwatched() -> None:
    """Say that something is read which can't say when it changes."""
    looked = _looked.get()
    if looked is not None:
        looked.unwatched = True


def wait_until(look: Callable[[], T], what: str, *, timeout: float = TIMEOUT_S, interval: float = INTERVAL_S) -> T:
    """Call `look` until it gives something true, and return that; `timeout` and `interval` are in seconds.

    An exception of `look` is the caller's affair and ends the wait: catch inside what is to be expected.

    Raises:
        NeverHappened: nothing true came within `timeout`.
    """
    deadline = time.monotonic() + timeout
    while True:
        looked = _Looked()
        token = _looked.set(looked)
        try:
            seen = look()
        finally:
            _looked.reset(token)
        if seen:
            return seen
        if time.monotonic() >= deadline:
            raise NeverHappened(what, timeout, seen)
        _rest(looked, interval, deadline)


def _rest(looked: _Looked, interval: float, deadline: float) -> None:
    """Sleep until it is worth while to look again."""
    if looked.unwatched or not looked.sources:
        time.sleep(interval)
        return
    time.sleep(RESTING_S)
    with _changes:
        _changes.wait_for(lambda: looked.moved, timeout=max(0.0, min(LONGEST_REST_S, deadline - time.monotonic())))


async def until(
    look: Callable[[], T | Awaitable[T]], what: str, *, timeout: float = TIMEOUT_S, interval: float = INTERVAL_S
) -> T:
    """The same for the event loop, every `interval`; `look` may be a plain or an async function."""
    deadline = time.monotonic() + timeout
    while not (seen := await _look(look)):
        if time.monotonic() >= deadline:
            raise NeverHappened(what, timeout, seen)
        await asyncio.sleep(interval)
    return seen


async def _look(look: Callable[[], T | Awaitable[T]]) -> T:
    seen = look()
    return await seen if isinstance(seen, Awaitable) else seen
