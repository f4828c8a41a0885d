"""A relay between the operator and what it calls, which stops the world at the n-th call.

    operator --> relay "kubernetes" --> API server          one Tripwire counts the calls of all relays
             --> relay "carrier"    --> simulator           in one sequence: 1, 2, 3 ...

Armed with `before`, the n-th call is never forwarded. Armed with `after`, it is forwarded, takes effect, and its whole
reply is read and thrown away. Either way the action runs (SIGKILL of the operator), and from that instant on nothing
passes: no new request goes out and no reply comes back, on any relay, until `reset`. Requests that had been forwarded
already take effect upstream, as they would on a wire.

What counts is said by a predicate; `changes_something` is the default: writes, to Kubernetes and to the carrier. Reads
and watches pass uncounted, since what they return depends on timing, not on the protocol under test. Bodies are passed
on unread, so bearer tokens and content are as the operator sent them. Watches flow as they come; other replies are
read whole first.

The relays run in a thread of their own: a test may block (kubectl, `wait_until`) while they work.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from tests.controlplane.certificates import Authority
from tests.controlplane.kubeconfig import Server
from tests.waiting import Source, note

# Headers of one connection, not of the message (RFC 9110, 7.6.1), and those that each side sets for itself.
OF_THE_CONNECTION = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection", "host"}
)

CLOSING_S = 0.1  # what is still open at the end gets this long; aiohttp takes 0 for "for ever"


class When(StrEnum):
    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Call:
    """One request as the relay saw it. `index` is its place in the sequence, None when it does not count."""

    upstream: str
    method: str
    path: str
    index: int | None = None

    @property
    def what(self) -> tuple[str, ...]:
        """What it is a call of: where to, the verb, and the path without names, such as `numberorders`, `status`.

        What stands after `namespaces` is a name, and elsewhere what has a digit in it: versions and the carrier's ids.
        """
        parts = URL(self.path, encoded=True).path.strip("/").split("/")
        if self.upstream == "kubernetes":
            return (self.upstream, self.method, *_resource(parts))
        return (self.upstream, self.method, *(part for part in parts if not any(sign.isdigit() for sign in part)))

    @property
    def watches(self) -> bool:
        return self.method == "GET" and URL(self.path, encoded=True).query.get("watch", "") in {"1", "true", "True"}


def _resource(parts: list[str]) -> list[str]:
    """Resource and subresource of a path of the API server: /api/v1/..., /apis/GROUP/VERSION/..."""
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    return rest[0::2]


def changes_something(call: Call) -> bool:
    """The default of what counts: every call but reads."""
    return call.method not in {"GET", "HEAD", "OPTIONS"}


def everything_but_watches(call: Call) -> bool:
    return not call.watches


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where a relay leads: an API server (`authority` is the PEM that vouches for it) or a plain HTTP server.

    `late`: seconds by which each piece of a watch comes later than it was sent.
    """

    url: str
    authority: bytes | None = None
    late: float = 0.0


class WorldStopped(Exception):
    """The tripwire was sprung: nothing passes."""


class Tripwire(Source):
    """Counts calls over all relays and stops the world at the armed one. Threads may look at it at any time."""

    def __init__(self, counts: Callable[[Call], bool] = changes_something) -> None:
        super().__init__()
        self.sprung = threading.Event()
        self._counts = counts
        self._calls: list[Call] = []
        self._count = 0
        self._trap: tuple[int, When] | None = None
        self._action: Callable[[], None] = lambda: None

    @property
    def calls(self) -> tuple[Call, ...]:
        """All calls since the last `reset`, in the order in which they came, counted or not."""
        return tuple(self._calls)

    @property
    def count(self) -> int:
        """How many calls counted since the last `reset`."""
        return self._count

    def arm(self, n: int, when: When | str, action: Callable[[], None]) -> None:
        """Stop the world at the `n`-th counted call from now on (the first is 1), and run `action` at that instant.

        `action` runs on the thread of the relays and must not wait for them: killing a process is fine.
        """
        self.reset()
        self._action = action
        self._trap = (n, When(when))

    def has_sprung(self) -> bool:
        """Whether the world is stopped; to be waited for."""
        note(lambda: self)
        return self.sprung.is_set()

    def reset(self) -> None:
        """Let everything pass again, and begin to count at 1."""
        self._trap = None
        self._count = 0
        self._calls = []
        self.sprung.clear()

    def admit(self, upstream: str, method: str, path: str) -> Call:
        """Enter a call into the sequence. Raises WorldStopped when it must not be forwarded."""
        self.must_run()
        call = Call(upstream, method, path)
        if self._counts(call):
            self._count += 1
            call = Call(upstream, method, path, self._count)
        self._calls.append(call)
        self._trip(call, When.BEFORE)
        return call

    def settle(self, call: Call) -> None:
        """The upstream has replied to `call`. Raises WorldStopped when the reply must not be passed on."""
        self._trip(call, When.AFTER)
        self.must_run()

    def must_run(self) -> None:
        if self.sprung.is_set():
            raise WorldStopped

    def _trip(self, call: Call, when: When) -> None:
        if call.index is not None and (call.index, when) == self._trap and not self.sprung.is_set():
            self.sprung.set()
            self._action()
            self.changed()
            raise WorldStopped


class Relays:
    """Running relays; `urls` says where each upstream is reached now. Made by `relaying`."""

    def __init__(self, urls: Mapping[str, str], authority: bytes) -> None:
        self.urls = urls
        self._authority = authority

    def server(self, upstream: str) -> Server:
        """What a kubeconfig needs: `cluster.kubeconfig_of(namespace, account, server=relays.server("kubernetes"))`."""
        return Server(self.urls[upstream], self._authority)


@contextmanager
def relaying(tripwire: Tripwire, upstreams: Mapping[str, Upstream]) -> Iterator[Relays]:
    """Run one relay for each upstream on free ports of 127.0.0.1.

    An https upstream is verified, and its relay speaks TLS too, under an authority made for this occasion.
    """
    started: Future[tuple[Relays, Callable[[], None]]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_relay_until_stopped(tripwire, upstreams, started)))
    thread.start()
    relays, stop = started.result()
    try:
        yield relays
    finally:
        stop()
        thread.join()


async def _relay_until_stopped(
    tripwire: Tripwire, upstreams: Mapping[str, Upstream], started: Future[tuple[Relays, Callable[[], None]]]
) -> None:
    authority = Authority("ringfleet test relay")
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        async with AsyncExitStack() as stack:
            urls = {
                name: await stack.enter_async_context(_listening(_Relay(name, upstream, tripwire), authority))
                for name, upstream in upstreams.items()
            }
            started.set_result((Relays(urls, authority.certificate), partial(_wake, loop, stopped)))
            await stopped.wait()
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)


def _wake(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    loop.call_soon_threadsafe(event.set)


class _Relay:
    """One upstream and the way to it."""

    def __init__(self, name: str, upstream: Upstream, tripwire: Tripwire) -> None:
        self.upstream = upstream
        self._name = name
        self._tripwire = tripwire
        self._effects: set[asyncio.Task[web.Response]] = set()
        trust = ssl.create_default_context(cadata=upstream.authority.decode()) if upstream.authority else True
        # A connection for each call and nothing sent twice: what happens to a call is what happened on the wire. Not so
        # to the API server, which hangs up on nobody: its handshakes cost more than the calls.
        self.client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust, force_close=not upstream.authority, limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            auto_decompress=False,
        )

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.content.read()
        try:
            call = self._tripwire.admit(self._name, request.method, request.raw_path)
            if call.watches:
                return await self._stream(call, request)
            # The caller may die meanwhile, and then we are cancelled; what was admitted takes effect all the same.
            return await asyncio.shield(self._effect(self._forward(call, request, body)))
        except (WorldStopped, aiohttp.ClientError):
            return _hang_up(request)

    def _effect(self, forwarding: Coroutine[None, None, web.Response]) -> asyncio.Task[web.Response]:
        task = asyncio.create_task(forwarding)
        self._effects.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[web.Response]) -> None:
        self._effects.discard(task)
        if not task.cancelled():
            task.exception()  # is the caller's, if there still is one

    async def _forward(self, call: Call, request: web.BaseRequest, body: bytes) -> web.Response:
        async with self._ask(call, request, body) as reply:
            content = await reply.read()
        self._tripwire.settle(call)
        return web.Response(status=reply.status, headers=_headers(reply), body=content)

    async def _stream(self, call: Call, request: web.BaseRequest) -> web.StreamResponse:
        async with self._ask(call, request, b"") as reply:
            passed_on = web.StreamResponse(status=reply.status, headers=_headers(reply))
            await passed_on.prepare(request)
            async for chunk in reply.content.iter_any():
                await asyncio.sleep(self.upstream.late)
                self._tripwire.must_run()
                await passed_on.write(chunk)
            await passed_on.write_eof()
        return passed_on

    def _ask(
        self, call: Call, request: web.BaseRequest, body: bytes
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        target = URL(self.upstream.url + call.path, encoded=True)
        headers = [pair for pair in request.headers.items() if pair[0].lower() not in OF_THE_CONNECTION]
        return self.client.request(call.method, target, headers=headers, data=body or None, allow_redirects=False)


@asynccontextmanager
async def _listening(relay: _Relay, authority: Authority) -> AsyncIterator[str]:
    """Listen on a free port, with TLS where the upstream has it, and give the URL."""
    secure = relay.upstream.url.startswith("https:")
    runner = web.ServerRunner(
        web.Server(relay.handle, auto_decompress=False, handler_cancellation=True), shutdown_timeout=CLOSING_S
    )
    await runner.setup()
    async with relay.client:
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=_serving(authority) if secure else None)
            await site.start()
            port = runner.addresses[0][1]
            yield f"{'https' if secure else 'http'}://127.0.0.1:{port}"
        finally:
            await runner.cleanup()


def _serving(authority: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="ringfleet-relay-") as folder:
        context.load_cert_chain(*authority.server("relay", ("127.0.0.1", "localhost")).write(Path(folder), "relay"))
    return context


def _headers(reply: aiohttp.ClientResponse) -> CIMultiDict[str]:
    """The headers of the message, without its length: that is set anew."""
    kept = OF_THE_CONNECTION | {"content-length"}
    return CIMultiDict((name, value) for name, value in reply.headers.items() if name.lower() not in kept)


def _hang_up(request: web.BaseRequest) -> web.StreamResponse:
    """End the connection without a reply, as a cut wire does."""
    if request.transport:
        request.transport.abort()
    return web.Response()  # goes nowhere: aiohttp wants one
