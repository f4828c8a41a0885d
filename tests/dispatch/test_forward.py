"""What another dispatcher decides is carried to it, and nowhere else: one hop, and no answer that was not given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ringfleet.dispatch import forward
from ringfleet.dispatch.forward import Forward
from ringfleet.dispatch.listener import Address, Listener
from ringfleet.dispatch.metrics import Metrics
from ringfleet.dispatch.operations import OPERATIONS, Operation
from ringfleet.dispatch.tls import Certificate
from tests.controlplane.certificates import Authority

PICKS = "/v1/namespaces/shop/rotationsets/calls/picks"
OPT_OUTS = "/v1/namespaces/shop/rotationsets/calls/suppressions"


@dataclass
class Ownership:
    """A ledger that says whose it is, and changes hands when it is looked at again."""

    is_ours: bool = False
    owner: str | None = None
    then: list[tuple[bool, str | None]] = field(default_factory=list)

    async def owner_changes(self, within: float) -> None:
        assert within <= forward.PATIENCE_S
        if self.then:
            self.is_ours, self.owner = self.then.pop(0)
        await asyncio.sleep(0)


async def here(request: Request) -> Response:
    return PlainTextResponse(f"here {(await request.body()).decode()}", headers={"x-seen": request.method})


@asynccontextmanager
async def an_owner(status: int = 202) -> AsyncIterator[tuple[str, list[web.Request]]]:
    """Another dispatcher on loopback, and what it was asked."""
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        asked.append(request)
        return web.Response(status=status, text="there", headers={"Retry-After": "7"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


@asynccontextmanager
async def a_front(ledger: Ownership) -> AsyncIterator[httpx.AsyncClient]:
    routes = [Route(path, here, methods=["GET", "POST"]) for path in (PICKS, OPT_OUTS)]
    front = Forward(Starlette(routes=routes), ledger, Metrics(), most=100)
    transport = httpx.ASGITransport(app=front)
    async with httpx.AsyncClient(transport=transport, base_url="http://front") as client:
        yield client
    await front.close()


async def test_what_is_ours_is_answered_here() -> None:
    async with a_front(Ownership(is_ours=True)) as client:
        assert (await client.post(PICKS, content="x")).text == "here x"


async def test_what_is_anothers_is_carried_as_it_came_and_its_answer_back() -> None:
    async with an_owner() as (url, asked), a_front(Ownership(owner=url)) as client:
        said = {"Authorization": "Bearer abc", "Idempotency-Key": "k1"}
        reply = await client.post(f"{PICKS}?dryRun=true", content=b'{"to":"+1"}', headers=said)
    assert (reply.status_code, reply.text, reply.headers["retry-after"]) == (202, "there", "7")
    (request,) = asked
    assert (request.method, request.path_qs) == ("POST", f"{PICKS}?dryRun=true")
    assert await request.read() == b'{"to":"+1"}'
    assert {name: request.headers[name] for name in said} == said
    assert request.headers["Ringfleet-Forwarded"] == "1"


async def test_opt_outs_are_taken_wherever_they_come() -> None:
    async with a_front(Ownership()) as client:
        assert (await client.post(OPT_OUTS, content="x")).text == "here x"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.id)
async def test_whatever_may_say_that_another_decides_is_carried_to_the_owner_and_nothing_else(
    operation: Operation,
) -> None:
    names = dict.fromkeys(("namespace", "name", "pick", "deferral", "session", "account"), "one")
    async with a_front(Ownership(owner="http://127.0.0.1:1")) as client:
        path = operation.path.format(**names)
        reply = await client.request(operation.method.upper(), path, headers={"Ringfleet-Forwarded": "1"})
    assert (reply.status_code == 421) is ("not-the-owner" in operation.problems)


async def test_a_request_has_one_hop() -> None:
    async with a_front(Ownership(owner="http://127.0.0.1:1")) as client:
        reply = await client.post(PICKS, headers={"Ringfleet-Forwarded": "1"})
    assert (reply.status_code, reply.json()["type"].rpartition("/")[2]) == (421, "not-the-owner")


async def test_when_the_owner_is_another_meanwhile_that_one_is_asked() -> None:
    async with (
        an_owner(421) as (old, _),
        an_owner() as (new, asked),
        a_front(Ownership(owner=old, then=[(False, new)])) as client,
    ):
        assert (await client.post(PICKS, content="x")).text == "there"
    assert len(asked) == 1


async def test_an_owner_that_does_not_answer_is_followed_by_us() -> None:
    ledger = Ownership(owner="http://127.0.0.1:1", then=[(True, None)])
    async with a_front(ledger) as client:
        reply = await client.post(PICKS, content="x")
    assert (reply.status_code, reply.text, reply.headers["x-seen"]) == (200, "here x", "POST")


async def test_without_an_owner_the_caller_is_told_and_nothing_is_stolen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "PATIENCE_S", 0.0)
    async with a_front(Ownership()) as client:
        reply = await client.post(PICKS)
    assert (reply.status_code, reply.json()["type"].rpartition("/")[2]) == (503, "ledger-unavailable")


async def test_a_body_that_is_too_large_goes_nowhere() -> None:
    async with an_owner() as (url, asked), a_front(Ownership(owner=url)) as client:
        assert (await client.post(PICKS, content=b"x" * 101)).status_code == 413
    assert asked == []


async def test_over_tls_a_token_goes_to_who_shows_our_own_certificate_and_to_nobody_else(tmp_path: Path) -> None:
    """Also when ours was renewed since we last looked."""
    pairs = [Authority(name).server("dispatcher", ("10.0.0.1",)) for name in ("old", "new")]
    asked: list[bytes] = []

    async def answer(request: Request) -> Response:
        asked.append(request.headers["authorization"].encode())
        return PlainTextResponse("there")

    app = Starlette(routes=[Route(PICKS, answer, methods=["POST"])])
    ours = tmp_path / "ours.crt"
    ours.write_bytes(pairs[0].certificate)
    (tmp_path / "tls.crt").write_bytes(pairs[1].certificate)
    (tmp_path / "tls.key").write_bytes(pairs[1].key)
    listener = Listener(app, Address("127.0.0.1", 0), Certificate(tmp_path / "tls.crt", tmp_path / "tls.key"))
    serving = asyncio.create_task(listener.serve())
    await listener.bound.wait()
    owner = listener.url
    front = Forward(app, Ownership(owner=owner, then=[(False, owner), (False, None)]), Metrics(), 100, ours)
    try:
        transport = httpx.ASGITransport(app=front)
        async with httpx.AsyncClient(transport=transport, base_url="http://front") as client:
            said = {"Authorization": "Bearer abc"}
            assert await front._hop(owner, _a_request(said), b"") is None
            assert asked == []
            ours.write_bytes(pairs[1].certificate)
            assert (await client.post(PICKS, headers=said)).text == "there"
        assert asked == [b"Bearer abc"]
    finally:
        await front.close()
        listener.should_exit = True
        await serving


def _a_request(headers: dict[str, str]) -> Request:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": PICKS, "raw_path": PICKS.encode(), "query_string": b""}
    return Request({**scope, "headers": raw})
