"""What a stranger can make a listener hold: headers of so many bytes, for so long, on so many connections.

uvicorn's parser takes headers of any length, for any time, and its server any number of connections. A stranger who
sends headers without an end fills the memory of the process that answers picks, and one who sends half of them, again
and again, takes all its open files. So each listener has a part of these, and each peer a part of that::

    connection --> the listener is full, or the peer has too many: closed
               --> headers not whole within HEADER_SECONDS: closed
               --> more than HEADER_BYTES of them: 431
"""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEADER_BYTES: Final = 16_384
HEADER_SECONDS: Final = 10.0
MOST_CONNECTIONS: Final = 2048
_SHARE: Final = 4
"""A listener takes a quarter of the files that the process may open: there are three, and the ledger."""


class TooManyBytes(Exception):
    """The headers are longer than HEADER_BYTES."""


class Connections:
    """Those of one listener, by peer. `most`: of all; half of them may be one peer's."""

    def __init__(self, most: int | None = None) -> None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        allowed = MOST_CONNECTIONS if files == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, files // _SHARE)
        self.most = allowed if most is None else most
        self._of_peer: Counter[str] = Counter()

    def enter(self, peer: str) -> bool:
        """Whether there is room for one more of the peer, which is then taken."""
        if self._of_peer.total() >= self.most or self._of_peer[peer] >= max(1, self.most // 2):
            return False
        self._of_peer[peer] += 1
        return True

    def leave(self, peer: str) -> None:
        self._of_peer[peer] -= 1
        if not self._of_peer[peer]:
            del self._of_peer[peer]


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's, with the limits of the module. `connections` are those of its listener."""

    def __init__(self, *args: Any, connections: Connections, **named: Any) -> None:
        super().__init__(*args, **named)
        self._room = connections
        self._peer: str | None = None
        self._in_headers = True
        self._received = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        peer = self.client[0] if self.client else ""
        if not self._room.enter(peer):
            transport.abort()
            return
        self._peer = peer
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._peer is not None:
            self._room.leave(self._peer)
            self._peer = None
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_headers:
            self._received += len(data)
        super().data_received(data)
        if self._in_headers and self._received and not self.transport.is_closing():  # there is more to come
            if self._received > HEADER_BYTES:
                self.send_400_response("")
            else:
                self._start_clock()

    def on_message_begin(self) -> None:
        self._header_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + len(": \r\n"))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._headers_are_whole()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._message_is_whole()

    def send_400_response(self, msg: str) -> None:
        """uvicorn's answer to what does not parse; ours to headers that are too long."""
        if max(self._header_bytes, self._received if self._in_headers else 0) <= HEADER_BYTES:
            super().send_400_response(msg)
            return
        self.transport.write(STATUS_LINE[431] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()

    _header_bytes = 0

    def _headers_are_whole(self) -> None:
        self._in_headers = False
        self._stop_clock()

    def _message_is_whole(self) -> None:
        self._in_headers, self._received = True, 0

    def _count(self, length: int) -> None:
        self._header_bytes += length
        if self._header_bytes > HEADER_BYTES:
            raise TooManyBytes

    def _expect_headers(self) -> None:
        self._in_headers, self._received = True, 0
        self._start_clock()

    def _start_clock(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.abort()
