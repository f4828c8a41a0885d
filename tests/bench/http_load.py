"""A load of HTTP requests from one process: so many connections, each with one request under way. No client library, as
the generator shares two cores with what it measures, and must cost little.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, cast
from urllib.parse import urlsplit


@dataclass(slots=True)
class Load:
    """What was seen while it was counted: latencies in seconds, answers by status."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds if self.seconds else 0.0


class Requests(Protocol):
    """What connections send."""

    def take(self, connection: Connection) -> bytes | None:
        """The connection's next request; None: it is told later, by `send`."""
        ...

    def answered(self, body: bytes) -> None:
        """A request was answered, whatever was said."""
        ...


class Endless:
    """There is always another one."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self._requests = requests

    def take(self, _: Connection) -> bytes | None:
        return next(self._requests)

    def answered(self, _: bytes) -> None:
        """Nothing follows from it."""


class Queued:
    """Requests that come by and by: who is idle takes the next."""

    def __init__(self) -> None:
        self._requests: deque[bytes] = deque()
        self._idle: deque[Connection] = deque()
        self.on_answer: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._requests)

    def put(self, request: bytes) -> None:
        if self._idle:
            self._idle.popleft().send(request)
        else:
            self._requests.append(request)

    def take(self, connection: Connection) -> bytes | None:
        if self._requests:
            return self._requests.popleft()
        self._idle.append(connection)
        return None

    def answered(self, _: bytes) -> None:
        self.on_answer()


class Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last is whole."""

    def __init__(self, requests: Requests, load: Load, counting: asyncio.Event) -> None:
        self._requests = requests
        self._load = load
        self._counting = counting
        self._buffer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._go_on()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, gap, rest = self._buffer.partition(b"\r\n\r\n")
        if not gap:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        if self._counting.is_set():
            self._load.latencies.append(time.perf_counter() - self._sent)
            self._load.statuses[int(head[9:12])] += 1
        self._requests.answered(rest[:length])
        self._go_on()

    def _go_on(self) -> None:
        request = self._requests.take(self)
        if request is not None:
            self.send(request)

    def send(self, request: bytes) -> None:
        self._sent = time.perf_counter()
        self._transport.write(request)


@dataclass(frozen=True, slots=True)
class Lane:
    """So many connections to one listener, and what they send."""

    url: str
    requests: Requests
    connections: int
    load: Load = field(default_factory=Load)


async def run_lanes(lanes: list[Lane], warm_up: float, seconds: float) -> None:
    """Send for `warm_up` seconds uncounted and then for `seconds`."""
    loop, counting = asyncio.get_running_loop(), asyncio.Event()
    opened = []
    for lane in lanes:
        parts = urlsplit(lane.url)
        for _ in range(lane.connections):
            made = await loop.create_connection(
                lambda lane=lane: Connection(lane.requests, lane.load, counting),  # type: ignore[misc]  # one argument
                parts.hostname,
                parts.port,
            )
            opened.append(made[0])
    await asyncio.sleep(warm_up)
    counting.set()
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    counting.clear()
    for lane in lanes:
        lane.load.seconds = time.perf_counter() - began
    for transport in opened:
        transport.close()


async def run_load(url: str, requests: Iterator[bytes], connections: int, warm_up: float, seconds: float) -> Load:
    """The same with one lane, whose requests never end."""
    lane = Lane(url, Endless(requests), connections)
    await run_lanes([lane], warm_up, seconds)
    return lane.load
