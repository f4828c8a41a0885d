"""`python -m tests.bench.bare`: the bare HTTP layer of the dispatcher, with a constant answer; prints its URL.

With `--protocol` it is answered in the protocol class: what a route that does nothing costs at the least. Events are
answered too, read as JSON and signed by nobody.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial

import msgspec
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from ringfleet.dispatch.http_limits import Connections, LimitedProtocol
from ringfleet.dispatch.schema import PickReply, PickRequest
from ringfleet.dispatch.serve import Listener
from ringfleet.dispatch.settings import Address

ANSWER = PickReply(
    "p1", "+14155550100", "a/b", "A", True, False, None, 1, "2026-11-25T00:00:00Z", ("same-number",), 0.1
)

COUNTED = b'{"status":"counted"}'

read, write = msgspec.json.Decoder(PickRequest).decode, msgspec.json.Encoder().encode


async def pick(request: Request) -> Response:
    read(await request.body())
    return Response(write(ANSWER), media_type="application/json")


async def event(request: Request) -> Response:
    msgspec.json.decode(await request.body())
    return Response(COUNTED, media_type="application/json")


class BareProtocol(LimitedProtocol):
    """Reads a request, and writes the answer."""

    def on_headers_complete(self) -> None:
        self._headers_are_whole()
        self._body = b""

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._message_is_whole()
        read(self._body)
        body = write(ANSWER)
        head = b"content-length: %d\r\ncontent-type: application/json\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[200] + head + body)
        self.on_response_complete()


async def main() -> None:
    routes = [
        Route("/v1/namespaces/{namespace}/rotationsets/{name}/picks", pick, methods=["POST"]),
        Route("/v1/events/{namespace}/{account}", event, methods=["POST"]),
    ]
    app = Starlette(routes=routes)
    listener = Listener(app, Address("127.0.0.1", 0))
    if "--protocol" in sys.argv:
        listener.config.http = partial(BareProtocol, connections=Connections())  # type: ignore[assignment]  # it makes one
    serving = asyncio.create_task(listener.serve())
    await listener.bound.wait()
    print(listener.url, flush=True)
    await serving


if __name__ == "__main__":
    uvloop.run(main())
