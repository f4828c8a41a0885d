"""A pick and a carrier's event are answered alike wherever their bytes are read: by the app, or in the protocol class.

Each request of the tables is sent, byte for byte, to two listeners whose dispatchers are alike; of one, all requests go
through the app. What differs between two dispatchers is left out: the date, and how old the inventory is.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from ringfleet.dispatch.app import PICK_BYTES, Dispatcher
from ringfleet.dispatch.auth import Act, Anybody, Authority
from ringfleet.dispatch.clock import Clock
from ringfleet.dispatch.hot_protocol import HotProtocol, Route
from ringfleet.dispatch.hot_route import HotPicks
from ringfleet.dispatch.http_edge import discreet
from ringfleet.dispatch.inventory import Inventory
from ringfleet.dispatch.ledger.interface import Ledger, LedgerUnavailable
from ringfleet.dispatch.ledger.open import open_ledger
from ringfleet.dispatch.ledger.types import Ask, Hour, Suppressed, Suppression
from ringfleet.dispatch.listener import Address, Listener
from ringfleet.dispatch.metrics import Metrics
from ringfleet.dispatch.problems import Problem
from ringfleet.dispatch.public_address import PublicAddress
from ringfleet.dispatch.recipients import Hasher
from ringfleet.dispatch.webhooks import AT_ONCE_BYTES, HotEvents, app_of
from ringfleet.kube.client import Kube
from ringfleet.plan.freeze import Freeze
from tests.carriers.webhooks import NOW, PEER, SECRET, a_body, an_event, signed
from tests.controllers.api_double import ApiDouble
from tests.controllers.rig import RESOURCES, an_account
from tests.dispatch.events_door import events_of
from tests.dispatch.process import a_set
from tests.dispatch.test_webhooks import World, enlist

SHOP = "shop"
PATH = f"/v1/namespaces/{SHOP}/rotationsets/outbound/picks"
ANN, BOB, EVE = "+14155550198", "+12125550197", "+13035550196"
HASHER = Hasher((b"key-of-this-year", b"key-of-last-year"))
JSON = "Content-Type: application/json"
TOKEN = "Authorization: Bearer good"


class Stopped(Clock):
    """The same moment for all."""

    def now(self) -> float:
        return datetime(2026, 11, 24, 18, tzinfo=UTC).timestamp()


class Doorkeeper:
    """Lets one token in. `knows_it`: without being asked."""

    def __init__(self, *, knows_it: bool = True) -> None:
        self.knows_it = knows_it

    async def allow(self, authorization: str | None, act: Act) -> None:
        await asyncio.sleep(0)
        if authorization != "Bearer good" or act != Act("create", "picks", SHOP, act.name):
            raise Problem("unauthenticated", "Who are you?")

    def knows(self, authorization: str | None, act: Act) -> bool:
        return self.knows_it and authorization == "Bearer good"


@dataclass
class Door:
    """A listener and what is behind it."""

    listener: Listener
    ledger: Ledger
    metrics: Metrics
    inventory: Inventory | None = None
    route: HotPicks | None = None
    to_app: list[str] = field(default_factory=list)
    """The paths of the requests that the app was given."""

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[HotProtocol, asyncio.StreamReader]]:
        """A connection: where its bytes are put in, packet for packet, and where the answers come out."""
        reader, writer = await asyncio.open_connection(*self.listener.servers[0].sockets[0].getsockname())
        ours, there = writer.get_extra_info("sockname"), self.listener.server_state.connections
        try:
            while not (found := [one for one in there if cast(HotProtocol, one).client == ours]):
                await asyncio.sleep(0)
            yield cast(HotProtocol, found[0]), reader
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            while found[0] in there:
                await asyncio.sleep(0)

    async def says(self, *packets: bytes, answers: int = 1) -> list[bytes]:
        """Its answers to what comes in these packets, without what differs between two dispatchers."""
        async with self.connected() as (protocol, reader):
            for packet in packets:
                protocol.data_received(packet)
            return [_plain(await read_answer(reader)) for _ in range(answers)]

    def counted(self) -> dict[tuple[str, str], float]:
        found = (one for family in self.metrics.registry.collect() for one in family.samples)
        return {
            (one.labels["outcome"], one.labels["status"]): one.value
            for one in found
            if one.name == "ringfleet_dispatch_answers_total"
        }

    def timed(self) -> float | None:
        return self.metrics.registry.get_sample_value("ringfleet_dispatch_pick_duration_seconds_count")


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 100"):
        return head + await read_answer(reader)
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head + await reader.readexactly(length)


def _plain(answer: bytes) -> bytes:
    return re.sub(rb"(?<=\r\ndate: )[^\r]+|(?<=Seconds\":)[0-9.]+|(?<=content-length: )[0-9]+", b"-", answer)


MakeDoors = Callable[..., Any]


@asynccontextmanager
async def a_door(
    folder: Path, *, hot: bool, authority: Authority | None = None, dev: bool = False, **spec: Any
) -> AsyncIterator[Door]:
    folder.mkdir()
    clock, metrics = Stopped(), Metrics()
    kube = Kube(ApiDouble([], clock.moment))  # type: ignore[arg-type]  # the double is the transport
    await _fleet(kube, **spec)
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(open_ledger(f"sqlite:{folder}/ledger.sqlite"))
        inventory = Inventory(kube, ledger, clock)
        stack.push_async_callback(_end, asyncio.create_task(inventory.run()))
        await inventory.synced.wait()
        dispatcher = Dispatcher(ledger, inventory, authority or Anybody(), clock, lambda: HASHER, metrics, dev=dev)
        route = dispatcher.hot() if hot else None
        async with listening(dispatcher.app(), route) as (listener, given):
            yield Door(listener, ledger, metrics, inventory, route, given)


@asynccontextmanager
async def listening(app: ASGIApp, route: Route | None) -> AsyncIterator[tuple[Listener, list[str]]]:
    """A listener, and the paths that the app is given."""
    given: list[str] = []

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        given.append(scope["path"])
        await app(scope, receive, send)

    listener = Listener(discreet(counting), Address("127.0.0.1", 0), hot=route)
    serving = asyncio.create_task(listener.serve())
    await listener.bound.wait()
    try:
        yield listener, given
    finally:
        listener.should_exit = True
        await serving


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _fleet(kube: Kube, **spec: Any) -> None:
    """A set `outbound` of two numbers, and one that is suspended."""
    await kube.create(RESOURCES["CarrierAccount"], SHOP, an_account())
    made = await kube.create(RESOURCES["RotationSet"], SHOP, a_set(**spec))
    await kube.create(RESOURCES["RotationSet"], SHOP, a_set("asleep", suspend=True))
    owner = {key: made[key] for key in ("apiVersion", "kind")} | {
        "name": "outbound",
        "uid": made["metadata"]["uid"],
        "controller": True,
    }
    for digits in ("14155550101", "12125550102"):
        claim = {"metadata": {"name": digits, "labels": {"ringfleet.dev/rotation-set": "outbound"}}}
        claim["metadata"]["ownerReferences"] = [owner]
        held = await kube.create(RESOURCES["NumberClaim"], SHOP, claim | {"spec": {"poolRef": {"name": "us-west"}}})
        holder = {"namespace": SHOP, "name": digits, "uid": held["metadata"]["uid"]}
        number = {"number": f"+{digits}", "accountRef": {"name": "main", "namespace": SHOP}, "claimRef": holder}
        await kube.create(RESOURCES["PhoneNumber"], SHOP, {"metadata": {"name": digits}, "spec": number})
        status = {"routing": {"externalId": "e"}, "health": {"attestation": "A"}, "country": "US", "phase": "Bound"}
        await kube.patch_status(RESOURCES["PhoneNumber"], SHOP, digits, status)


def request(
    to: str | None = ANN, key: str | None = "k", *lines: str, body: bytes | None = None, path: str = PATH, **said: Any
) -> bytes:
    if body is None:
        more = "".join(f',"{name}":{value}' for name, value in said.items())
        body = f'{{"to":"{to}"{more}}}'.encode()
    head = [f"POST {path} HTTP/1.1", "Host: dispatcher", JSON, *([f"Idempotency-Key: {key}"] if key else []), *lines]
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body


def changed(old: str, new: str, **given: Any) -> bytes:
    return request(**given).replace(old.encode(), new.encode(), 1)


HOT: dict[str, Sequence[bytes]] = {
    "a new recipient, and one who is known": [request(), request(key="b1"), request(BOB, "b2")],
    "the same again": [request(), request()],
    "the key of another request": [request(BOB)],
    "a key in quotation marks": [request(key='"k"')],
    "other headers": [request(ANN, "k", "X-Trace: 1", "User-Agent: dialer/1", "Accept: */*")],
    "headers in capitals": [changed("Content-Length", "CONTENT-LENGTH")],
    "a long body": [request(body=b'{"to":"%b"%b}' % (ANN.encode(), b" " * 20_000))],
    "it ends the connection": [request(ANN, "k", "Connection: close")],
    "an opt-out": [request(EVE, "c1")],
    "a reply": [request(key="c2", kind='"reply"')],
    "a deferral that is none": [request(key="c3", deferredId='"d77"')],
    "an account": [request(key="c4", account='"main"'), request(BOB, "c5", account='"shop/other"')],
    "a recipient abroad": [request("+442079460123", "c6"), request("+447700900123", "c7")],
    "no budget left": [request(f"+1415555{n:04}", f"d{n}") for n in range(10)],
}
"""In this order, one after the other."""
OTHER: dict[str, Sequence[bytes]] = {
    "a dry run": [request(path=f"{PATH}?dryRun=true")],
    "a dry run that is none": [request(path=f"{PATH}?dryRun=yes")],
    "no key": [request(key=None), request(key='""'), request(key="x" * 256)],
    "two keys": [request(ANN, "k", "Idempotency-Key: other")],
    "no JSON": [request(body=b"nonsense"), request(body=b""), request(body=b'{"to":1}'), request(body=b"\xff")],
    "a field too many": [request(body=b'{"to":"+14155550198","x":1}')],
    "no number": [request("+1415"), request("+14155550198 "), request("+4915")],
    "no such set": [request(path=PATH.replace("outbound", "none")), request(path=PATH.replace("shop", "none"))],
    "a set that is suspended": [request(path=PATH.replace("outbound", "asleep"))],
    "a path that is nearly right": [
        *(request(path=f"{PATH}/"), request(path=f"{PATH}#x"), request(path=PATH.replace("outbound", "out%62ound"))),
        *(request(path=f"//{PATH}"), request(path=PATH.upper()), request(path=f"http://dispatcher{PATH}")),
    ],
    "another method": [changed("POST", "GET"), changed("POST", "PUT"), changed("POST", "DELETE")],
    "HTTP/1.0": [changed("HTTP/1.1", "HTTP/1.0"), changed("HTTP/1.1", "HTTP/1.0", key="k2")],
    "a body that is too long": [request(body=b" " * (PICK_BYTES + 1))],
    "a body in chunks": [
        changed(f"Content-Length: {len(ANN) + 9}", "Transfer-Encoding: chunked").replace(b'{"to"', b'15\r\n{"to"', 1)
        + b"\r\n0\r\n\r\n"
    ],
    "a caller who waits for 100": [request(ANN, "k", "Expect: 100-continue")],
    "a caller who would speak otherwise": [request(ANN, "k", "Connection: upgrade", "Upgrade: h2c")],
}


@asynccontextmanager
async def both(folder: Path, **given: Any) -> AsyncIterator[tuple[Door, Door]]:
    async with a_door(folder / "hot", hot=True, **given) as hot, a_door(folder / "app", hot=False, **given) as app:
        for door in (hot, app):
            opt_out = Suppression("set:shop/outbound", HASHER.hashes(EVE)[0], 0.0, "imported")
            assert await door.ledger.suppress([opt_out]) == 1
        yield hot, app


@pytest.mark.parametrize("overflow", ["Defer", "Reject"])
async def test_a_plain_pick_is_answered_as_the_app_answers_it(overflow: str, tmp_path: Path) -> None:
    async with both(tmp_path, perNumber={"daily": 5, "hourly": 5}, overflow=overflow) as (hot, app):
        for what, requests in HOT.items():
            for sent in requests:
                assert await hot.says(sent) == await app.says(sent), what
            assert hot.to_app == [], what
        assert (hot.counted(), hot.timed()) == (app.counted(), app.timed())
        beyond = ("deferred", "202") if overflow == "Defer" else ("budget-exhausted", "429")
        assert {("picked", "200"), ("recipient-suppressed", "403"), beyond} <= hot.counted().keys()


async def test_what_is_not_plain_is_the_apps(tmp_path: Path) -> None:
    async with both(tmp_path) as (hot, app):
        for what, requests in OTHER.items():
            for sent in requests:
                assert await hot.says(sent) == await app.says(sent), what
            assert hot.to_app == app.to_app, what
        assert (hot.counted(), hot.timed()) == (app.counted(), app.timed())


async def test_in_whatever_packets_it_comes_it_is_answered_alike(tmp_path: Path) -> None:
    sent = request()
    async with both(tmp_path) as (hot, app):
        expected = await app.says(sent)
        for at in range(1, len(sent)):
            assert await hot.says(sent[:at], sent[at:]) == expected
        headers = sent.index(b"{")
        assert len(hot.to_app) == len(sent) - headers  # the headers come whole, and the body does not
        assert await hot.says(*(bytes([one]) for one in sent)) == expected


@pytest.mark.parametrize("second", [request(BOB, "k2"), request(key=None), changed("POST", "GET", key="k2")])
@pytest.mark.parametrize("first", [request(), request(key=None), request(ANN, "k", "Expect: 100-continue")])
async def test_requests_that_do_not_wait_for_an_answer_are_answered_in_their_order(
    first: bytes, second: bytes, tmp_path: Path
) -> None:
    async with both(tmp_path) as (hot, app):
        for packets in (
            [first + second],
            [first, second],
            [first + second[:60], second[60:]],
            [first + second[:-9], second[-9:]],
        ):
            assert await hot.says(*packets, answers=2) == await app.says(*packets, answers=2)
        assert await hot.says((first + second) * 3, answers=6) == await app.says((first + second) * 3, answers=6)


async def test_after_a_pick_the_connection_is_there_for_what_comes_next(tmp_path: Path) -> None:
    async with both(tmp_path) as (hot, app):
        told = []
        for door in (hot, app):
            async with door.connected() as (protocol, reader):
                answers = []
                for sent in (request(), request(key=None), request(BOB, "k2"), request(BOB, "k3", "Connection: close")):
                    protocol.data_received(sent)
                    answers.append(_plain(await read_answer(reader)))
                assert await reader.read() == b""
                told.append(answers)
        assert told[0] == told[1]
        assert hot.to_app == [PATH]


@pytest.mark.parametrize(("knows_it", "in_app"), [(True, 2), (False, 3)])
async def test_who_is_not_known_at_once_is_asked_about_by_the_app(knows_it: bool, in_app: int, tmp_path: Path) -> None:
    authority = Doorkeeper(knows_it=knows_it)
    async with both(tmp_path, authority=authority) as (hot, app):
        for sent in (request(ANN, "k", TOKEN), request(), request(ANN, "k", TOKEN.replace("good", "bad"))):
            assert await hot.says(sent) == await app.says(sent)
        assert len(hot.to_app) == in_app
        assert hot.counted() == app.counted() == {("picked", "200"): 1, ("unauthenticated", "401"): 2}


@pytest.mark.parametrize("said", ["text/plain", "application/json; charset=utf-8", ""])
async def test_in_dev_mode_only_json_picks(said: str, tmp_path: Path) -> None:
    async with both(tmp_path, dev=True) as (hot, app):
        sent = changed(JSON, f"Content-Type: {said}")
        assert await hot.says(sent) == await app.says(sent)
        assert hot.to_app == [PATH]
        assert await hot.says(request()) == await app.says(request())
        assert hot.to_app == [PATH]


async def test_what_is_frozen_while_it_serves_is_told_by_the_app(tmp_path: Path) -> None:
    async with both(tmp_path) as (hot, app):
        assert await hot.says(request()) == await app.says(request())
        for door in (hot, app):
            view = door.inventory.view(SHOP, "outbound") if door.inventory else None
            assert view is not None
            view.freeze = Freeze("NumberPool shop/us-west", "kubectl ringfleet thaw", "ada")
        refused = await hot.says(request(key="k2"))
        assert refused == await app.says(request(key="k2"))
        assert refused[0].startswith(b"HTTP/1.1 503 ")


class Slow:
    """What a ledger's `pick` is in these tests: an answer that comes when the test says so."""

    def __init__(self, door: Door) -> None:
        self.asked: list[asyncio.Future[Any]] = []
        door.ledger.pick = self.pick  # type: ignore[method-assign]  # of this one ledger

    def pick(self, _: Ask) -> asyncio.Future[Any]:
        self.asked.append(asyncio.get_running_loop().create_future())
        return self.asked[-1]


@pytest.mark.parametrize(
    ("error", "status"), [(LedgerUnavailable("it can't be written"), b"503"), (ValueError(ANN), b"500")]
)
async def test_a_ledger_that_fails_is_told_as_the_app_tells_it(error: Exception, status: bytes, tmp_path: Path) -> None:
    async with both(tmp_path) as (hot, app):
        said = []
        for door in (hot, app):
            slow = Slow(door)
            async with door.connected() as (protocol, reader):
                protocol.data_received(request())
                while not slow.asked:
                    await asyncio.sleep(0)
                slow.asked[0].set_exception(error)
                said.append(_plain(await read_answer(reader)))
        assert said[0] == said[1]
        assert said[0].split()[1] == status
        assert ANN.encode() not in said[0]
        assert hot.to_app == []
        assert hot.counted() == app.counted()


async def test_what_is_under_way_at_the_end_is_answered_and_then_the_connection_ends(tmp_path: Path) -> None:
    async with a_door(tmp_path / "hot", hot=True) as door:
        slow, verdict = Slow(door), Suppressed("set:shop/outbound")
        async with door.connected() as (protocol, reader), door.connected() as (_, idle):
            protocol.data_received(request())
            door.listener.should_exit = True
            assert await idle.read() == b""
            slow.asked[0].set_result(verdict)
            answer = await read_answer(reader)
            assert b"\r\nconnection: close\r\n" in answer
            assert await reader.read() == b""


async def test_who_has_gone_is_not_written_to(tmp_path: Path) -> None:
    async with a_door(tmp_path / "hot", hot=True) as door:
        slow = Slow(door)
        async with door.connected() as (protocol, _):
            protocol.data_received(request())
        slow.asked[0].set_result(Suppressed("set:shop/outbound"))
        await asyncio.sleep(0)
        assert door.counted() == {("recipient-suppressed", "403"): 1}


async def test_who_does_not_read_the_answers_is_not_written_to_without_an_end(tmp_path: Path) -> None:
    async with a_door(tmp_path / "hot", hot=True) as door, door.connected() as (protocol, reader):
        protocol.pause_writing()
        protocol.data_received(request())
        while not door.to_app:
            await asyncio.sleep(0)
        protocol.resume_writing()
        assert (await read_answer(reader)).startswith(b"HTTP/1.1 200 ")


async def test_a_path_that_is_made_up_is_not_remembered(tmp_path: Path) -> None:
    async with a_door(tmp_path / "hot", hot=True) as door:
        for n in range(3):
            await door.says(request(path=PATH.replace("outbound", f"none-{n}")))
        await door.says(request())
        assert door.route is not None
        assert list(door.route.paths) == [PATH.encode()]


# Events.

EVENTS_PATH = "/v1/events/shop/sandbox"


@asynccontextmanager
async def an_events_door(folder: Path, *, hot: bool) -> AsyncIterator[tuple[Door, World]]:
    folder.mkdir()
    async with open_ledger(f"sqlite:{folder}/ledger.sqlite") as ledger:
        await enlist(ledger)
        world = World(ledger)
        address = PublicAddress(trust_forwarded=True)
        events = events_of(ledger, world, HASHER.hashes, lambda: world.now, world.metrics, address)
        async with listening(app_of(events), HotEvents(events) if hot else None) as (listener, given):
            yield Door(listener, ledger, world.metrics, to_app=given), world


@asynccontextmanager
async def both_for_events(folder: Path) -> AsyncIterator[tuple[tuple[Door, World], tuple[Door, World]]]:
    async with an_events_door(folder / "hot", hot=True) as hot, an_events_door(folder / "app", hot=False) as app:
        yield hot, app


def told(body: bytes, *lines: str, path: str = EVENTS_PATH, at: int = NOW, secret: str = SECRET) -> bytes:
    said = (f"{name}: {value}" for name, value in signed(body, secret, at).items())
    head = [f"POST {path} HTTP/1.1", "Host: dispatcher", *said, *lines, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(head).encode() + body


STARTED = a_body(an_event())
PLAIN_EVENTS = {
    "a call": told(STARTED),
    "the same again": told(STARTED),
    "a STOP": told(a_body(an_event("message.received", "evt_2", text="STOP", message_id="m"))),
    "a STOP of nobody knows whom": told(a_body(an_event("message.received", "evt_3", text="STOP", peer="x"))),
    "one of no concern": told(a_body(an_event("invoice.paid", "evt_4"))),
    "another's signature": told(STARTED, secret="another"),
    "an old one": told(STARTED, at=NOW - 4000),
    "no JSON": told(b"nonsense"),
    "nothing": told(b""),
    "an account that is none": told(STARTED, path="/v1/events/shop/none"),
    "through a proxy": told(STARTED, "X-Forwarded-Proto: https", "X-Forwarded-Host: events.example.com"),
}
OTHER_EVENTS = {
    "a query": told(STARTED, path=f"{EVENTS_PATH}?x=1"),
    "a path that is written otherwise": told(STARTED, path="/v1/events/sh%6fp/sandbox"),
    "a path too many": told(STARTED, path=f"{EVENTS_PATH}/x"),
    "a long body": told(STARTED + b" " * AT_ONCE_BYTES),
    "a header twice": told(STARTED, "X-A: 1", "X-A: 2"),
    "a GET": told(STARTED).replace(b"POST", b"GET", 1),
}


async def test_a_carriers_event_is_answered_as_the_app_answers_it(tmp_path: Path) -> None:
    async with both_for_events(tmp_path) as ((hot, ours), (app, theirs)):
        for what, sent in PLAIN_EVENTS.items():
            assert await hot.says(sent) == await app.says(sent), what
            assert hot.to_app == [], what
        assert await hot.says(told(STARTED)[:-20], told(STARTED)[-20:]) == await app.says(told(STARTED))
        assert hot.to_app == [EVENTS_PATH]
        hot.to_app.clear()
        app.to_app.clear()
        for what, sent in OTHER_EVENTS.items():
            assert await hot.says(sent) == await app.says(sent), what
            assert hot.to_app == app.to_app, what
        assert hot.counted() == app.counted()
        assert await ours.opted_out() == await theirs.opted_out() != []
        assert await ours.hours() == await theirs.hours() == (Hour(NOW // 3600, calls=1, received=1),)


@pytest.mark.parametrize("error", [LedgerUnavailable("the disk is full"), ValueError(PEER)])
async def test_an_event_that_is_not_taken_in_is_told_as_the_app_tells_it(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> int:
        raise error

    async with both_for_events(tmp_path) as ((hot, _), (app, _)):
        for door in (hot, app):
            monkeypatch.setattr(door.ledger, "ingest", fail)
        answer = await hot.says(told(STARTED))
        assert answer == await app.says(told(STARTED))
        assert answer[0].split()[1] in {b"503", b"500"}
        assert PEER.encode() not in answer[0]
        assert (hot.to_app, hot.counted()) == ([], app.counted())
