"""A listener: uvicorn on one address, with our limits; and where that is.

No inventory, ledger or cluster in here: the webhook process has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

import uvicorn

from ringfleet.dispatch.hot_protocol import HotProtocol, Route
from ringfleet.dispatch.http_edge import discreet
from ringfleet.dispatch.http_limits import Connections, LimitedProtocol
from ringfleet.dispatch.tls import Certificate

DRAIN_SECONDS: Final = 25
"""How long what is under way may take once no more is accepted."""


class Address(NamedTuple):
    """Where to listen. Port 0 takes a free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises ValueError: `text` is not `host:port`, the host an IP address."""
        host, _, port = text.rpartition(":")
        host = host.strip("[]")
        if not port.isascii() or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004
            raise ValueError(f"{text!r} is not an address such as 127.0.0.1:8095")
        ip_address(host)
        return cls(host, int(port))

    @property
    def loopback(self) -> bool:
        return ip_address(self.host).is_loopback


class Listener(uvicorn.Server):
    """Uvicorn on one address. Signals are the process's business, not each listener's."""

    def __init__(
        self, app: Any, address: Address, certificate: Certificate | None = None, hot: Route | None = None
    ) -> None:
        """`hot`: the requests that need no app."""
        room = Connections()
        protocol = (
            partial(HotProtocol, connections=room, route=hot) if hot else partial(LimitedProtocol, connections=room)
        )
        tls: dict[str, Any] = {"ssl_context_factory": lambda *_: certificate.context} if certificate else {}
        config = uvicorn.Config(
            discreet(app),
            http=protocol,  # type: ignore[arg-type]  # it makes one
            host=address.host,
            port=address.port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            timeout_graceful_shutdown=DRAIN_SECONDS,
            **tls,
        )
        super().__init__(config)
        self.bound = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.bound.set()

    @property
    def url(self) -> str:
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return f"{'https' if self.config.is_ssl else 'http'}://{host}:{port}"


@asynccontextmanager
async def listening(listeners: Sequence[Listener]) -> AsyncIterator[None]:
    """All of them listen; at the end they drain."""
    serving = [asyncio.create_task(listener.serve()) for listener in listeners]
    try:
        for listener, task in zip(listeners, serving, strict=True):
            bound = asyncio.create_task(listener.bound.wait())
            await asyncio.wait({bound, task}, return_when=asyncio.FIRST_COMPLETED)
            bound.cancel()
            if task.done():
                await task
                raise OSError(f"can't listen on {listener.config.host}:{listener.config.port}")
        yield
    finally:
        for listener in listeners:
            listener.should_exit = True
        await asyncio.gather(*serving, return_exceptions=True)
