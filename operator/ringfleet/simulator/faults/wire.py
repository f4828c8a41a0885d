"""Bad replies, acted out on the real connection: reset, closed without a word, or silent.

A reset needs the socket, which ASGI does not show; `WireProtocol` puts the transport into the request's state. Every
such reply waits until uvicorn has seen the connection end, so that it does not write a reply of its own.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""struct linger of socket(7): on, zero seconds. A close then sends RST instead of FIN."""


class WireProtocol(H11Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own does
        super().connection_made(transport)
        self.app_state: dict[str, Any] = {**self.app_state, "transport": transport}


class ResetConnection(Response):
    """The client sees a reset by the peer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's
        transport = _transport(scope)
        if not transport.is_closing():  # the client may have given up by now
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()
        await _disconnected(receive)


class CloseConnection(Response):
    """The client sees the end of the stream where a reply should begin."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's
        _transport(scope).close()
        await _disconnected(receive)


class Silence(Response):
    """The client sees nothing until it gives up, or until the simulator closes."""

    def __init__(self, closing: asyncio.Event) -> None:
        super().__init__()
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ends = {asyncio.ensure_future(_disconnected(receive)), asyncio.ensure_future(self._closing.wait())}
        _, waiting = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in waiting:
            end.cancel()
        await ResetConnection()(scope, receive, send)


def _transport(scope: Scope) -> asyncio.Transport:
    transport = scope["state"]["transport"]
    assert isinstance(transport, asyncio.Transport)
    return transport


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
