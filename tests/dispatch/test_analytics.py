"""Events that are sent on: signed, in batches, and again until somebody has taken them."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import ValidationError

from ringfleet.dispatch.analytics import MEDIA_TYPE, Forwarding
from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.metrics import Metrics
from ringfleet.dispatch.outbox import LONGEST_WAIT_S, wait_after
from ringfleet.dispatch.settings import DispatchSettings
from ringfleet.model.traffic import Happening
from tests.dispatch.ledger.builders import an_event

NOW = 1_795_521_600.0
SECRET = b"swordfish"


class Receiver:
    """Somebody's analytics. `status`: what is answered; `most`: events in a batch, beyond which it is too large."""

    def __init__(self) -> None:
        self.status = 200
        self.most = 1000
        self.url = ""
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.taken: list[str] = []
        self.came = asyncio.Event()

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        events = json.loads(body)
        self.requests.append((dict(request.headers), body))
        status = 413 if len(events) > self.most else self.status
        if status == 200:
            self.taken += [event["id"] for event in events]
        self.came.set()
        return web.Response(status=status)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/in", receiver.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/in"
    try:
        yield receiver
    finally:
        await runner.cleanup()


class Desk:
    def __init__(self, ledger: SqliteLedger, receiver: Receiver, secret: Path) -> None:
        self.ledger = ledger
        self.receiver = receiver
        self.metrics = Metrics()
        self.forwarding = Forwarding(ledger, receiver.url, secret, lambda: NOW, self.metrics)

    async def send(self) -> bool:
        async with aiohttp.ClientSession() as session:
            return await self.forwarding.send_some(session)

    async def hear(self, *ids: str) -> None:
        await self.ledger.ingest([an_event(id_, Happening.CALL_STARTED, subject=id_) for id_ in ids])

    def sent(self, outcome: str) -> float | None:
        name = "ringfleet_dispatch_events_forwarded_total"
        return self.metrics.registry.get_sample_value(name, {"outcome": outcome})


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET + b"\n")
    async with receiving() as receiver, SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        assert isinstance(ledger, SqliteLedger)
        ledger.forward_events()
        yield Desk(ledger, receiver, secret)


async def test_events_are_sent_signed_and_taken_out_when_they_have_arrived(desk: Desk) -> None:
    await desk.hear("e1", "e2")
    assert await desk.send()
    ((headers, body),) = desk.receiver.requests
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET, signed, sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert (headers["Content-Type"], headers["webhook-timestamp"]) == (MEDIA_TYPE, str(int(NOW)))
    assert (desk.receiver.taken, await desk.ledger.outbox(9), desk.sent("taken")) == (["e1", "e2"], (), 2.0)
    assert not await desk.send(), "there is nothing more"
    assert len(desk.receiver.requests) == 1


@pytest.mark.parametrize("status", [500, 503, 429, 404, 302])
async def test_what_is_not_taken_is_sent_again_as_it_was(desk: Desk, status: int) -> None:
    desk.receiver.status = status
    await desk.hear("e1")
    assert not await desk.send()
    await desk.hear("e2")
    desk.receiver.status = 200
    assert await desk.send()
    assert (desk.receiver.taken, desk.sent("refused")) == (["e1", "e2"], 1.0)


async def test_a_receiver_that_is_away_loses_nothing(desk: Desk) -> None:
    await desk.hear("e1")
    url, desk.forwarding._url = desk.forwarding._url, "http://127.0.0.1:9/in"
    assert not await desk.send()
    desk.forwarding._url = url
    assert await desk.send()
    assert (desk.receiver.taken, desk.sent("unreachable")) == (["e1"], 1.0)


async def test_a_batch_that_is_too_large_is_sent_in_smaller_ones(desk: Desk) -> None:
    desk.receiver.most = 1
    await desk.hear("e1", "e2", "e3")
    while await desk.ledger.outbox(1):
        await desk.send()
    assert desk.receiver.taken == ["e1", "e2", "e3"]


async def test_another_batch_never_has_the_id_of_one_that_was_taken(desk: Desk, tmp_path: Path) -> None:
    """Receivers drop what comes under an id that they have seen, and the outbox counts from one again: after a restart,
    when it was empty, and after a restore."""
    desk.receiver.status = 503
    await desk.hear("e1")
    await desk.send()
    desk.receiver.status = 200
    await desk.send()
    await desk.ledger.__aexit__()
    async with SqliteLedger(tmp_path / "ledger.sqlite") as again:
        assert isinstance(again, SqliteLedger)
        again.forward_events()
        desk.ledger = desk.forwarding._ledger = again  # type: ignore[assignment]  # a protocol's
        await desk.hear("e2")
        await desk.send()
    first, repeated, other = (headers["webhook-id"] for headers, _ in desk.receiver.requests)
    assert (first == repeated, first == other, desk.receiver.taken) == (True, False, ["e1", "e2"])


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1.0), (2, 2.0), (9, 256.0), (10, LONGEST_WAIT_S)])
def test_a_receiver_that_is_away_is_asked_ever_more_seldom(failures: int, seconds: float) -> None:
    assert wait_after(failures) == seconds


def test_a_receiver_may_be_away_for_a_year() -> None:
    assert wait_after(105_120) == LONGEST_WAIT_S


async def test_what_comes_is_sent_at_once(desk: Desk) -> None:
    running = asyncio.create_task(desk.forwarding.run())
    await desk.hear("e1")
    await desk.receiver.came.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert desk.receiver.taken == ["e1"]


@pytest.mark.parametrize("given", [{"analytics_url": "https://events.example.com/"}, {"analytics_secret": "/secret"}])
def test_where_events_go_and_what_signs_them_belong_together(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="analytics_url"):
        DispatchSettings(dev_insecure=True, **given)
