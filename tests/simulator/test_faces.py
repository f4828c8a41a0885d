"""A second wire face: mounted beside the first, and its webhooks are told in its own words, under its own signature."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from starlette.requests import Request

from ringfleet.simulator.app import SimulatorSettings, build
from ringfleet.simulator.defaults import DEFAULT_ACCOUNT, DEFAULT_TOKEN
from ringfleet.simulator.errors import Code
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.registry import FACES
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.http.pipeline import Answer, Asked, Face, Notice
from ringfleet.simulator.traffic.webhooks import Event, Webhook
from tests.simulator.receiver import SECRET, Receiver, signature_is_good

BEARER = {"Authorization": f"Bearer {DEFAULT_TOKEN}"}
KEY = {"X-Key": DEFAULT_TOKEN}


def put_hook(exchange: Exchange, asked: Asked) -> Answer:
    assert isinstance(asked.body, dict)
    exchange.webhooks.put(asked.customer.account.id, asked.body["Url"], asked.body["Secret"], "second")
    return Answer(200, {"ok": True})


def key_of(request: Request) -> str | None:
    return request.headers.get("x-key")


def read_form(body: bytes) -> object:
    return dict(parse_qsl(body.decode()))


def say_no(code: str, _message: str, _status: int) -> object:
    return {"no": code}


def notify(webhook: Webhook, event: Event, _now: float) -> Notice:
    """A form, as another carrier would send it, and a signature over its URL."""
    return Notice({"X-Signature": f"{webhook.secret} {webhook.url}"}, f"Number={event.number[1:]}".encode())


SECOND = Face(
    name="second",
    routes=(("POST", "/2/Hooks.json", Operation.WEBHOOK_PUT, put_hook),),
    statuses=dict.fromkeys(Code, 400),
    token_of=key_of,
    decode=read_form,
    error=say_no,
    notify=notify,
)


class Carrier:
    """The simulator with two faces, as its customer calls it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def call(self, method: str, path: str, **rest: Any) -> Any:
        reply = await self.client.request(method, path, timeout=60, **rest)
        return reply.raise_for_status().json()

    async def be_called(self) -> None:
        """Somebody calls a number that the account has bought; wait until the account was told of it."""
        await self.call("POST", "/_sandbox/numbers", json={"account": DEFAULT_ACCOUNT, "count": 1, "area_code": "415"})
        (number,) = (await self.call("GET", "/v1/numbers", headers=BEARER))["data"]
        targets = {"name": "desk", "sip_targets": [{"uri": "sip:pbx.example.com"}]}
        profile = await self.call("PUT", "/v1/routing-profiles/desk", headers=BEARER, json=targets)
        routed = {"routing_profile_id": profile["id"]}
        await self.call("PATCH", f"/v1/numbers/{number['id']}", headers=BEARER, json=routed)
        call = {"kind": "call", "from": "+12125550123", "to": number["number"]}
        assert (await self.call("POST", "/_sandbox/traffic/inbound", json=call))["refused"] is None
        told = await self.call("GET", "/_sandbox/webhooks/pending?wait=30")
        assert (told["ripe"], told["failures"]) == (0, {})


@asynccontextmanager
async def a_carrier() -> AsyncIterator[Carrier]:
    simulator = build(SimulatorSettings(), (*FACES, SECOND))
    carrying = asyncio.create_task(simulator.courier.run())
    wire = httpx.ASGITransport(simulator.app, client=("127.0.0.1", 50_000))
    async with httpx.AsyncClient(transport=wire, base_url="http://simulator") as client:
        yield Carrier(client)
    carrying.cancel()
    with suppress(asyncio.CancelledError):
        await carrying
    simulator.exchange.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


async def test_every_face_answers_at_its_own_paths_and_says_no_in_its_own_words() -> None:
    async with a_carrier() as carrier:
        assert (await carrier.client.get("/v1/account", headers=BEARER)).status_code == 200
        assert (await carrier.client.get("/v1/account", headers=KEY)).status_code == 401
        stranger = await carrier.client.post("/2/Hooks.json", headers=BEARER)
        assert (stranger.status_code, stranger.json()) == (401, {"no": "invalid_token"})


async def test_a_webhook_is_told_and_signed_by_the_face_that_it_was_made_at(receiver: Receiver) -> None:
    async with a_carrier() as carrier:
        form = {"Url": receiver.url, "Secret": SECRET}
        await carrier.call("POST", "/2/Hooks.json", headers=KEY, data=form)
        await carrier.be_called()
    headers, body = receiver.requests[0]
    assert (headers["x-signature"], body[:11]) == (f"{SECRET} {receiver.url}", b"Number=1415")
    assert "didhub-signature" not in headers


async def test_a_webhook_that_is_made_anew_at_another_face_is_told_by_that_one(receiver: Receiver) -> None:
    async with a_carrier() as carrier:
        form = {"Url": receiver.url, "Secret": SECRET}
        await carrier.call("POST", "/2/Hooks.json", headers=KEY, data=form)
        await carrier.call("PUT", "/v1/webhooks", headers=BEARER, json={"url": receiver.url, "secret": SECRET})
        await carrier.be_called()
    assert signature_is_good(*receiver.requests[0], SECRET)


@pytest.mark.parametrize(("face", "header"), [({}, "didhub-signature"), ({"face": "second"}, "x-signature")])
async def test_the_control_endpoint_makes_a_webhook_at_any_face_and_else_at_the_first(
    receiver: Receiver, face: dict[str, str], header: str
) -> None:
    async with a_carrier() as carrier:
        hook = {"account": DEFAULT_ACCOUNT, "url": receiver.url, "secret": SECRET, **face}
        await carrier.call("POST", "/_sandbox/webhooks", json=hook)
        unknown = await carrier.client.post("/_sandbox/webhooks", json={**hook, "face": "third"})
        assert (unknown.status_code, "face" in unknown.text) == (422, True)
        await carrier.be_called()
    assert header in receiver.requests[0][0]
