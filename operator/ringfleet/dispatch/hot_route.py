"""Picks answered where their bytes come in: without a scope, a task, a router and a response for each.

Most requests are picks by a caller who is known, whole in one packet, on a connection where nothing is under way. They
are read, asked and answered in the protocol class itself::

    headers whole --> plain, and the caller known? --no--> the app, as if this were not here
    body whole    --> asked of the ledger         --no--> the app: the headers and the body are given to it now
    body not whole yet ------------------------------->  the app: it waits for the rest, and knows for how long
    verdict       --> written

So nothing is refused here but what the ledger refuses: every other no is the app's, by the one way in which it is told.
What is answered is the same, byte for byte (`tests/dispatch/test_hot_route.py`).

To uvicorn a pick that is asked is the cycle of its connection: a request that comes before the answer waits for it, and
a shutdown lets it be answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, Final, NamedTuple

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from ringfleet.dispatch.auth import Act, Authority
from ringfleet.dispatch.http_limits import LimitedProtocol
from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.types import Verdict
from ringfleet.dispatch.metrics import Metrics
from ringfleet.dispatch.picks import JSON, Picker, Question

PICK_BYTES: Final = 65_536
"""Bytes of a body, at most."""
PATHS: Final = 4096
"""So many paths are known without being read again."""

_PATH: Final = re.compile(rb"/v1/namespaces/([a-z0-9.-]+)/rotationsets/([a-z0-9.-]+)/picks")
_ELSEWHERE: Final = frozenset({b"transfer-encoding", b"expect", b"upgrade"})
"""Headers of requests that are not plain."""

Headers = Sequence[tuple[bytes, bytes]]
Refuse = Callable[[Exception, str], Response]
"""What the app answers when a request to that path ends with the exception."""


class Call(NamedTuple):
    """A request whose headers are whole."""

    act: Act
    path: str
    key: str | None
    """The Idempotency-Key."""
    started: float


class HotRoute:
    """What requests are plain, and what is answered to them. `only_json`: see `app.only_json`."""

    def __init__(
        self,
        picker: Picker,
        authority: Authority,
        ledger: Ledger,
        metrics: Metrics,
        refuse: Refuse,
        *,
        only_json: bool,
    ) -> None:
        self.picker = picker
        self._authority = authority
        self._ledger = ledger
        self.metrics = metrics
        self.refuse = refuse
        self._only_json = only_json
        self.paths: dict[bytes, Act] = {}

    def take(self, url: bytes, headers: Headers) -> Call | None:
        """The request, when it is plain and may be answered here."""
        act = self.paths.get(url) or self._read_path(url)
        if act is None or not self._ledger.is_ours:
            return None
        said = dict(headers)
        if len(said) < len(headers) or not _ELSEWHERE.isdisjoint(said):
            return None
        if self._only_json and said.get(b"content-type") != b"application/json":
            return None
        started = perf_counter()
        token, key = said.get(b"authorization"), said.get(b"idempotency-key")
        if not self._authority.knows(token.decode("latin-1") if token is not None else None, act):
            return None
        return Call(act, url.decode(), key.decode("latin-1") if key is not None else None, started)

    def _read_path(self, url: bytes) -> Act | None:
        found = _PATH.fullmatch(url)
        if found is None:
            return None
        namespace, name = found[1].decode(), found[2].decode()
        act = Act("create", "picks", namespace, name)
        if len(self.paths) < PATHS and self.picker.knows(namespace, name):
            self.paths[url] = act
        return act


class Pick:
    """A pick that the ledger was asked for. To uvicorn, the cycle of its connection."""

    __slots__ = ("_call", "_hot", "_protocol", "_question", "disconnected", "keep_alive", "response_complete")

    def __init__(self, protocol: PickProtocol, hot: HotRoute, call: Call, question: Question, keep_alive: bool) -> None:
        self._protocol, self._hot, self._call, self._question = protocol, hot, call, question
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_complete = False

    @property
    def message_event(self) -> Pick:
        """What uvicorn sets when the connection is lost."""
        return self

    def set(self) -> None:
        """Nobody waits for it."""

    def tell(self, asked: Any) -> None:
        """`asked`: the ledger's verdict."""
        hot = self._hot
        try:
            verdict: Verdict = asked.result()
            status, headers, body = hot.picker.answer(self._question, verdict)
        except Exception as error:
            hot.metrics.took(perf_counter() - self._call.started)
            self._write(hot.refuse(error, self._call.path))
            return
        hot.metrics.took(perf_counter() - self._call.started)
        hot.metrics.answered("picked" if status == 200 else "deferred", status)  # noqa: PLR2004
        if headers is None:
            self._send(status, b"content-length: %d\r\ncontent-type: application/json\r\n" % len(body), body)
        else:
            self._write(Response(body, status, headers, JSON))

    def _write(self, response: Response) -> None:
        lines = [b"%b: %b\r\n" % header for header in response.raw_headers]
        self._send(response.status_code, b"".join(lines), bytes(response.body))

    def _send(self, status: int, headers: bytes, body: bytes) -> None:
        self.response_complete = True
        if not self.disconnected:
            self._protocol.answer(status, headers, body, self.keep_alive)


class PickProtocol(LimitedProtocol):
    """HTTP on one connection; see the module."""

    def __init__(self, *args: Any, hot: HotRoute, **named: Any) -> None:
        super().__init__(*args, **named)
        self.hot = hot
        self._call: Call | None = None
        self._body = b""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._call is not None:
            self._hand_over()

    def on_headers_complete(self) -> None:
        if self._is_free() and (call := self.hot.take(self.url, self.headers)) is not None:
            self._headers_are_whole()
            self._call, self._body = call, b""
        else:
            super().on_headers_complete()

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
        if len(self._body) > PICK_BYTES:
            self._hand_over()

    def on_message_complete(self) -> None:
        if self._call is None or not self._begin(self._call):
            self._hand_over()
            super().on_message_complete()

    def _begin(self, call: Call) -> bool:
        try:
            begun = self.hot.picker.begin(call.act.namespace, call.act.name, call.key, self._body)
        except Exception:  # a fault of ours, which the app meets too, and tells
            return False
        if begun is None:
            return False
        question, asked = begun
        self._call = None
        pick = Pick(self, self.hot, call, question, self.parser.should_keep_alive())
        self.cycle = pick  # type: ignore[assignment]  # as far as uvicorn goes
        self._message_is_whole()
        asked.add_done_callback(pick.tell)  # type: ignore[attr-defined]  # a future, where the ledger is ours
        return True

    def _hand_over(self) -> None:
        """The app answers."""
        if self._call is not None:
            self._call = None
            super().on_headers_complete()
            super().on_body(self._body)

    def answer(self, status: int, headers: bytes, body: bytes, keep_alive: bool) -> None:
        """What `RequestResponseCycle.send` writes, at once."""
        lines = [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
        end = b"\r\n" if keep_alive else b"connection: close\r\n\r\n"
        self.transport.write(b"".join([STATUS_LINE[status], *lines, headers, end, body]))
        if not keep_alive:
            self.transport.close()
        self.on_response_complete()
