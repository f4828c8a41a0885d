"""HTTP clients for tests whose threads ask at the same time: each client is one thread's as long as it asks.

httpx says that threads may share a client, and its pool has a race. A thread that begins a request looks through all
connections and closes the idle ones that the server has left. Between "it is idle" and "there is something to read, so
the server has left" another thread may begin a request on that connection, and what is to read is its answer. The
connection is closed under its reader; the next socket of the process gets the same descriptor, and the reader goes on
with the bytes of somebody else: `ReadError: [SSL: BAD_RECORD_TYPE]`, or the answer to another question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx


class Clients:
    """As many clients as are in use at once, made by `make`, and kept with their connections until `close`."""

    def __init__(self, make: Callable[[], httpx.Client]) -> None:
        self._make = make
        self._idle: list[httpx.Client] = []

    @contextmanager
    def borrowed(self) -> Iterator[httpx.Client]:
        """A client that nobody else uses meanwhile."""
        try:
            client = self._idle.pop()
        except IndexError:
            client = self._make()
        try:
            yield client
        finally:
            self._idle.append(client)

    def close(self) -> None:
        """Close them all; none is in use any more."""
        while self._idle:
            self._idle.pop().close()
