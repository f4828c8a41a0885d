"""Requests answered where their bytes come in: without a scope, a router and a response of the app for each.

Most requests are of one kind, whole in one packet, on a connection where nothing is under way. A `Route` says which of
them are plain, and answers them in the protocol class::

    headers whole --> plain?   --no--> the app, as if this were not here
    body whole    --> begun?   --no--> the app: the headers and the body are given to it now
    body not whole yet ------------->  the app: it waits for the rest, and knows for how long
    done          --> written

What is answered is the same, byte for byte (`tests/dispatch/test_hot_route.py`).

To uvicorn a request that is under way here is the cycle of its connection: a request that comes before the answer waits
for it, and a shutdown lets it be answered.
"""

from __future__ import annotations

from asyncio import Future, Task
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from ringfleet.dispatch.http_limits import HEADER_BYTES, LimitedProtocol, TooManyBytes

PATHS: Final = 4096
"""So many paths are known without being read again."""
_ELSEWHERE: Final = frozenset({b"transfer-encoding", b"expect", b"upgrade"})
"""Headers of requests that are not plain."""

Headers = Sequence[tuple[bytes, bytes]]


class Told(NamedTuple):
    """An answer. `headers`: the lines of those beside uvicorn's own."""

    status: int
    headers: bytes
    body: bytes


class Begun(NamedTuple):
    """A request that is under way: `tell` makes the answer when `asked` is done, whatever came of it."""

    asked: Future[Any]
    tell: Callable[[Future[Any]], Told]


class Route(Protocol):
    """What is answered here. `most`: bytes of a body; a longer one is the app's."""

    most: int

    def take(self, url: bytes, headers: dict[bytes, bytes], scheme: str) -> Any | None:
        """The request, as `begin` wants it, when it may be answered here; each of its headers came once."""
        ...

    def begin(self, call: Any, body: bytes) -> Begun | None:
        """None: it is the app's, and nothing was done."""
        ...


def plain_headers(headers: Headers) -> dict[bytes, bytes] | None:
    """Those of a request that is as most are; None: one came twice, or asks for more than an answer."""
    said = dict(headers)
    return said if len(said) == len(headers) and _ELSEWHERE.isdisjoint(said) else None


def told(response: Response) -> Told:
    """What the app would write."""
    lines = b"".join(b"%b: %b\r\n" % header for header in response.raw_headers)
    return Told(response.status_code, lines, bytes(response.body))


class Cycle:
    """A request that is under way. To uvicorn, the cycle of its connection."""

    __slots__ = ("_protocol", "_tell", "disconnected", "keep_alive", "response_complete")

    def __init__(self, protocol: HotProtocol, tell: Callable[[Future[Any]], Told], keep_alive: bool) -> None:
        self._protocol, self._tell = protocol, tell
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_complete = False

    @property
    def message_event(self) -> Cycle:
        """What uvicorn sets when the connection is lost."""
        return self

    def set(self) -> None:
        """Nobody waits for it."""

    def done(self, asked: Future[Any]) -> None:
        answer = None if asked.cancelled() else self._tell(asked)
        self.response_complete = True
        if self.disconnected:
            return
        if answer is None:  # it took longer than a shutdown waits
            self._protocol.transport.close()
        else:
            self._protocol.answer(answer, self.keep_alive)


class HotProtocol(LimitedProtocol):
    """HTTP on one connection; see the module."""

    def __init__(self, *args: Any, route: Route, **named: Any) -> None:
        super().__init__(*args, **named)
        self._route = route
        self._call: Any | None = None
        self._body = b""
        self._dated: tuple[object, bytes] = (None, b"")

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._call is not None:
            self._hand_over()

    def on_message_begin(self) -> None:
        """What uvicorn's does, but for the scope, which is made when the app is to answer."""
        self._header_bytes = 0
        self.url, self.headers = b"", []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Only kept; what uvicorn makes of it is made with the scope."""
        self._header_bytes += len(name) + len(value) + 4
        if self._header_bytes > HEADER_BYTES:
            raise TooManyBytes
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._is_free() and (said := plain_headers(self.headers)) is not None:
            self._call = self._route.take(self.url, said, self.scheme or "")
        if self._call is not None:
            self._headers_are_whole()
            self._body = b""
        else:
            self._make_scope()
            super().on_headers_complete()

    def _make_scope(self) -> None:
        """All that uvicorn would have done by now, in its order."""
        url, headers = self.url, self.headers
        super().on_message_begin()
        super().on_url(url)
        for name, value in headers:
            super().on_header(name, value)

    def _is_free(self) -> bool:
        """Whether the request may be answered before it is known what becomes of others of its connection."""
        return (
            (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and not self.transport.is_closing()
            and self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
        )

    def on_body(self, body: bytes) -> None:
        if self._call is None:
            super().on_body(body)
            return
        self._body += body
        if len(self._body) > self._route.most:
            self._hand_over()

    def on_message_complete(self) -> None:
        if self._call is None or not self._begin(self._call):
            self._hand_over()
            super().on_message_complete()

    def _begin(self, call: Any) -> bool:
        try:
            begun = self._route.begin(call, self._body)
        except Exception:  # a fault of ours, which the app meets too, and tells
            return False
        if begun is None:
            return False
        self._call = None
        cycle = Cycle(self, begun.tell, self.parser.should_keep_alive())
        self.cycle = cycle  # type: ignore[assignment]  # as far as uvicorn goes
        self._message_is_whole()
        if isinstance(begun.asked, Task):  # which a shutdown waits for, as for those of the app
            self.tasks.add(begun.asked)
            begun.asked.add_done_callback(self.tasks.discard)
        begun.asked.add_done_callback(cycle.done)
        return True

    def _hand_over(self) -> None:
        """The app answers."""
        if self._call is not None:
            self._call = None
            self._make_scope()
            super().on_headers_complete()
            super().on_body(self._body)

    def answer(self, answer: Told, keep_alive: bool) -> None:
        """What `RequestResponseCycle.send` writes, at once."""
        end = b"\r\n" if keep_alive else b"connection: close\r\n\r\n"
        lines = (STATUS_LINE[answer.status], self._default_headers(), answer.headers, end, answer.body)
        self.transport.write(b"".join(lines))
        if not keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _default_headers(self) -> bytes:
        """Those of every answer; uvicorn makes them anew when the second is over."""
        now = self.server_state.default_headers
        if now is not self._dated[0]:
            self._dated = now, b"".join(b"%b: %b\r\n" % header for header in now)
        return self._dated[1]
