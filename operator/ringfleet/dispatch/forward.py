"""What another dispatcher decides is carried there, as it came, and its answer is carried back: one hop.

::

    ours                        answered here
    another's, not forwarded    to the owner, with the caller's own token, which the owner checks
    another's, forwarded        421: whoever sent it looks again who the owner is
    nobody's                    503, after it was looked for; nothing is stolen for a request

The same key comes again to whoever owns the ledger then, so a request that got lost on the way is sent again.

Over TLS an owner is one of us when it shows our own certificate, or one below our own chain: the caller's token goes
nowhere else. Its name says nothing, for it is reached by an address.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import aiohttp
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ringfleet.dispatch.metrics import Metrics
from ringfleet.dispatch.problems import Problem, answer

FORWARDED = b"ringfleet-forwarded"
"""The header of a request that has had its hop."""
PATIENCE_S = 5.0
"""Seconds for which an owner is looked for before the caller is told."""
HOP_S = 10.0
WAIT_S = 20.0
"""Seconds for which an owner may be asked to wait for what is put off."""
_OWNERS = ("/picks", "/deferred", "/rollup", "/unclear", "/sessions", "/resolve")
"""What only the owner knows. Opt-outs and their lists, calculators and the description are anybody's."""
_HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"host"})
MISDIRECTED = 421

log = structlog.get_logger(__name__)


class Owned(Protocol):
    """A ledger that says whose it is."""

    @property
    def is_ours(self) -> bool: ...

    @property
    def owner(self) -> str | None: ...

    async def owner_changes(self, within: float) -> None:
        """Return when the owner is another one, or after `within` seconds."""
        ...


class Forward:
    """The app before which it stands, for what is decided here. `most`: bytes of a body. `chain`: the file of our own
    certificate; None: we speak plain HTTP."""

    def __init__(self, app: ASGIApp, ledger: Owned, metrics: Metrics, most: int, chain: Path | None = None) -> None:
        self._app = app
        self._ledger = ledger
        self._metrics = metrics
        self._most = most
        self._chain = chain
        self._trust: ssl.SSLContext | None = None
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._ledger.is_ours or not _is_the_owners(scope["path"]):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        if any(name == FORWARDED for name, _ in scope["headers"]):
            response = self._tell(request, Problem("not-the-owner", "Another dispatcher decides for this ledger."))
        else:
            response = await self._forward(request)
        await response(scope, receive, send)

    async def _forward(self, request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._most:
                return self._tell(request, Problem("body-too-large", f"The body has more than {self._most:,} bytes."))
        clock = asyncio.get_running_loop().time
        until = clock() + PATIENCE_S
        while clock() < until:
            owner = self._ledger.owner
            if owner is not None and (response := await self._hop(owner, request, body)) is not None:
                return response
            await self._ledger.owner_changes(min(1.0, max(0.0, until - clock())))
            if self._ledger.is_ours:
                return await self._answer_here(request, body)
        self._metrics.ledger_failed()
        detail = "No dispatcher that decides for this ledger can be reached now. Ask again with the same key."
        return self._tell(request, Problem("ledger-unavailable", detail))

    async def _hop(self, owner: str, request: Request, body: bytes) -> Response | None:
        """The owner's answer; None: it is not the owner, or does not answer."""
        headers = [
            *((name.decode("latin-1"), value.decode("latin-1")) for name, value in _carried(request.scope["headers"])),
            (FORWARDED.decode(), "1"),
        ]
        query = request.scope["query_string"].decode("latin-1")
        url = f"{owner}{request.scope['raw_path'].decode('latin-1')}{'?' + query if query else ''}"
        try:
            async with self._connections().request(
                request.method, url, data=body, headers=headers, allow_redirects=False, timeout=_patience(url)
            ) as reply:
                if reply.status == MISDIRECTED:
                    return None
                told = await reply.read()
                raw = _carried(reply.raw_headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if isinstance(error, aiohttp.ClientSSLError) and self._trust is not None:
                self._trust.load_verify_locations(self._chain)  # ours may have been renewed
            log.warning("the owner of the ledger does not answer", owner=owner, error=type(error).__name__)
            return None
        response = Response(told, reply.status)
        response.raw_headers += [(name, value) for name, value in raw if name != b"content-length"]
        return response

    async def _answer_here(self, request: Request, body: bytes) -> Response:
        """The ledger has become ours meanwhile."""
        started: dict[str, object] = {}
        chunks: list[bytes] = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            else:
                chunks.append(bytes(message.get("body", b"")))  # type: ignore[call-overload]  # bytes, by ASGI

        await self._app(request.scope, receive, send)  # type: ignore[arg-type]  # messages are mutable mappings
        response = Response(b"".join(chunks), int(str(started["status"])))
        carried = _carried(started["headers"])  # type: ignore[arg-type]  # pairs, by ASGI
        response.raw_headers += [(name, value) for name, value in carried if name != b"content-length"]
        return response

    def _tell(self, request: Request, problem: Problem) -> Response:
        self._metrics.answered(problem.type.name, int(problem.type.status))
        return answer(problem, request.url.path)

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            if self._chain is not None:
                self._trust = ssl.create_default_context(cafile=self._chain)
                self._trust.check_hostname = False
                self._trust.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # our own certificate is enough
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=256, ssl=self._trust or True),
                auto_decompress=False,
            )
        return self._session


def _patience(url: str) -> aiohttp.ClientTimeout:
    waits = "/deferred?" in url
    return aiohttp.ClientTimeout(total=HOP_S + WAIT_S if waits else HOP_S, connect=1.0)


def _is_the_owners(path: str) -> bool:
    return path.startswith("/v1/namespaces/") and any(part in path for part in _OWNERS)


def _carried(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in headers if name.lower() not in _HOP_BY_HOP]
