"""`python -m tests.bench.bare`: the bare HTTP layer of the dispatcher, with a constant answer; prints its URL."""

from __future__ import annotations

import asyncio

import msgspec
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringfleet.dispatch.schema import PickReply, PickRequest
from ringfleet.dispatch.serve import Listener
from ringfleet.dispatch.settings import Address

ANSWER = PickReply(
    "p1", "+14155550100", "a/b", "A", True, False, None, 1, "2026-11-25T00:00:00Z", ("same-number",), 0.1
)

read, write = msgspec.json.Decoder(PickRequest).decode, msgspec.json.Encoder().encode


async def pick(request: Request) -> Response:
    read(await request.body())
    return Response(write(ANSWER), media_type="application/json")


async def main() -> None:
    app = Starlette(routes=[Route("/v1/namespaces/{namespace}/rotationsets/{name}/picks", pick, methods=["POST"])])
    listener = Listener(app, Address("127.0.0.1", 0))
    serving = asyncio.create_task(listener.serve())
    await listener.bound.wait()
    print(listener.url, flush=True)
    await serving


if __name__ == "__main__":
    uvloop.run(main())
