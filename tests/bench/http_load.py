"""A load of HTTP requests from one process: so many connections, each with one request under way. No client library, as
the generator shares two cores with what it measures, and must cost little.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast
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


class _Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last is whole."""

    def __init__(self, requests: Iterator[bytes], load: Load, counting: asyncio.Event) -> None:
        self._requests = requests
        self._load = load
        self._counting = counting
        self._buffer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._send()

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
        self._send()

    def _send(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)


async def run_load(url: str, requests: Iterator[bytes], connections: int, warm_up: float, seconds: float) -> Load:
    """Send `requests` for `warm_up` seconds uncounted and then for `seconds`."""
    parts = urlsplit(url)
    loop, load, counting = asyncio.get_running_loop(), Load(), asyncio.Event()
    opened = [
        await loop.create_connection(lambda: _Connection(requests, load, counting), parts.hostname, parts.port)
        for _ in range(connections)
    ]
    await asyncio.sleep(warm_up)
    counting.set()
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    counting.clear()
    load.seconds = time.perf_counter() - began
    for transport, _ in opened:
        transport.close()
    return load
