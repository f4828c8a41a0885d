"""Picks that need no app: those of callers who are known, of sets whose day has begun (see `hot_protocol`).

Nothing is refused here but what the ledger refuses: every other no is the app's, by the one way in which it is told.
"""

from __future__ import annotations

import re
from asyncio import Future
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from ringfleet.dispatch.auth import Act, Authority
from ringfleet.dispatch.hot_protocol import PATHS, Begun, Told, told
from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.metrics import Metrics
from ringfleet.dispatch.picks import JSON, Picker, Question

PICK_BYTES: Final = 65_536
"""Bytes of a body, at most."""
_PATH: Final = re.compile(rb"/v1/namespaces/([a-z0-9.-]+)/rotationsets/([a-z0-9.-]+)/picks")

Refuse = Callable[[Exception, str], Response]
"""What the app answers when a request to that path ends with the exception."""


class Call(NamedTuple):
    """A request whose headers are whole."""

    act: Act
    path: str
    key: str | None
    """The Idempotency-Key."""
    started: float


class HotPicks:
    """See the module. `only_json`: see `app.only_json`."""

    most = PICK_BYTES

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
        self._picker = picker
        self._authority = authority
        self._ledger = ledger
        self._metrics = metrics
        self._refuse = refuse
        self._only_json = only_json
        self.paths: dict[bytes, Act] = {}

    def take(self, url: bytes, headers: dict[bytes, bytes], _: str) -> Call | None:
        act = self.paths.get(url) or self._read_path(url)
        if act is None or not self._ledger.is_ours:
            return None
        if self._only_json and headers.get(b"content-type") != b"application/json":
            return None
        started = perf_counter()
        token, key = headers.get(b"authorization"), headers.get(b"idempotency-key")
        if not self._authority.knows(token.decode("latin-1") if token is not None else None, act):
            return None
        return Call(act, url.decode(), key.decode("latin-1") if key is not None else None, started)

    def _read_path(self, url: bytes) -> Act | None:
        found = _PATH.fullmatch(url)
        if found is None:
            return None
        namespace, name = found[1].decode(), found[2].decode()
        act = Act("create", "picks", namespace, name)
        if len(self.paths) < PATHS and self._picker.knows(namespace, name):
            self.paths[url] = act
        return act

    def begin(self, call: Call, body: bytes) -> Begun | None:
        begun = self._picker.begin(call.act.namespace, call.act.name, call.key, body)
        if begun is None:
            return None
        question, asked = begun
        return Begun(asked, partial(self._tell, call, question))  # type: ignore[arg-type]  # a future, as it is ours

    def _tell(self, call: Call, question: Question, asked: Future[Any]) -> Told:
        """`asked`: the ledger's verdict."""
        try:
            status, headers, body = self._picker.answer(question, asked.result())
        except Exception as error:
            self._metrics.took(perf_counter() - call.started)
            return told(self._refuse(error, call.path))
        self._metrics.took(perf_counter() - call.started)
        self._metrics.answered("picked" if status == 200 else "deferred", status)  # noqa: PLR2004
        if headers is not None:
            return told(Response(body, status, headers, JSON))
        return Told(status, b"content-length: %d\r\ncontent-type: application/json\r\n" % len(body), body)
