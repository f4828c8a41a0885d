"""Requests of carriers that are passed on: the program gets them as they came, and a STOP is in the ledger before."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
from aiohttp import web
from twilio.request_validator import RequestValidator

from ringfleet.carriers.telnyx.webhook import TelnyxWebhook
from ringfleet.carriers.twilio.webhook import TwilioWebhook
from ringfleet.carriers.webhooks import WebhookReader
from ringfleet.dispatch import outbox
from ringfleet.dispatch.event_intake import Intake
from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.ledger.interface import LedgerUnavailable
from ringfleet.dispatch.metrics import Metrics
from ringfleet.dispatch.public_address import PublicAddress
from ringfleet.dispatch.relay import ORIGINAL_URL, TRIES, Relay, letter_of
from ringfleet.dispatch.relay_reach import Network
from ringfleet.dispatch.senders import Senders
from ringfleet.dispatch.settings import DispatchSettings
from ringfleet.dispatch.webhooks import Events, Sender, app_of
from ringfleet.kube.client import Kube
from ringfleet.model import E164, AccountKey
from ringfleet.model.refs import ObjectRef
from tests.carriers.test_telnyx_webhook import KEY as TELNYX_KEY
from tests.carriers.test_telnyx_webhook import a_message, public, signed
from tests.carriers.test_twilio_streamed import a_message as a_message_of_a_stream
from tests.controllers.api_double import ApiDouble
from tests.controllers.rig import RESOURCES, a_profile
from tests.dispatch.ledger.builders import NOON
from tests.dispatch.test_webhooks import HASHER

HERE = AccountKey("shop", "main")
DESK = ObjectRef("shop", "front-desk")
PATH = "/v1/events/shop/main/shop/front-desk"
PUBLIC = "https://events.example.com"
TOKEN = "12345"
LOOPBACK = ip_network("127.0.0.0/8")
NUMBER, PEER = "+14155550100", "+12125550123"
FORM = {
    "MessageSid": "SM1",
    "SmsStatus": "received",
    "From": PEER,
    "To": NUMBER,
    "Body": "STOP",
    "NumMedia": "0",
}


class Program:
    """Of a user. `status`: what it answers; `requests`: what it got."""

    def __init__(self) -> None:
        self.status = 200
        self.url = ""
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.came = asyncio.Condition()

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        async with self.came:
            self.requests.append(({name.lower(): text for name, text in request.headers.items()}, body))
            self.came.notify_all()
        return web.Response(status=self.status)

    async def got(self, count: int) -> list[bytes]:
        async with self.came:
            await self.came.wait_for(lambda: len(self.requests) >= count)
        return [body for _, body in self.requests]


@asynccontextmanager
async def running() -> AsyncIterator[Program]:
    program, app = Program(), web.Application()
    app.router.add_post("/sms", program.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    program.url = f"http://127.0.0.1:{runner.addresses[0][1]}/sms"
    try:
        yield program
    finally:
        await runner.cleanup()


@dataclass
class World:
    """What the listener works with."""

    ledger: SqliteLedger
    reader: WebhookReader = field(default_factory=TwilioWebhook)
    secret: str = TOKEN
    target: str | None = None
    metrics: Metrics = field(default_factory=Metrics)

    async def find(self, _: AccountKey) -> Sender:
        return Sender(self.reader, (self.secret,))

    def is_known(self) -> bool:
        return True

    def accounts_of(self, number: E164) -> list[AccountKey]:
        return [HERE] if number == NUMBER else []

    def scopes_of(self, number: E164) -> list[tuple[str, str]]:
        return [("set:shop/us", "brand:shop/acme")] if number == NUMBER else []

    def opt_out_words(self, _: E164) -> list[str]:
        return []

    def target_of(self, key: AccountKey, profile: ObjectRef) -> str | None:
        return self.target if (key, profile) == (HERE, DESK) else None

    async def send(self, body: bytes, headers: dict[str, str], path: str = PATH) -> httpx.Response:
        now = lambda: NOON  # noqa: E731
        intake = Intake(self.ledger, self, HASHER.hashes, now, self.metrics, self.target_of)
        app = app_of(Events(self, intake, now, self.metrics, PublicAddress(PUBLIC)))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://inside") as client:
            return await client.post(path, content=body, headers=headers)

    async def write(self, path: str = PATH, **changes: str) -> httpx.Response:
        """A message, as Twilio tells it."""
        form = FORM | changes
        signature = RequestValidator(TOKEN).compute_signature(f"{PUBLIC}{path}", form)
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        return await self.send(urlencode(form).encode(), headers | {"Authorization": "Basic x"}, path)

    async def stream(self, body: bytes) -> httpx.Response:
        """Messages, as Twilio's Event Streams tell them."""
        path = f"/v1/events/shop/main?bodySHA256={sha256(body).hexdigest()}"
        signature = RequestValidator(TOKEN).compute_signature(f"{PUBLIC}{path}", {})
        return await self.send(body, {"X-Twilio-Signature": signature, "Content-Type": "application/json"}, path)

    async def opted_out(self) -> int:
        return len(await self.ledger.suppressions("brand:shop/acme"))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        assert isinstance(ledger, SqliteLedger)
        yield World(ledger, target="http://127.0.0.1:9/sms")


@asynccontextmanager
async def relaying(world: World, networks: Sequence[Network] = (LOOPBACK,)) -> AsyncIterator[None]:
    task = asyncio.create_task(Relay(world.ledger, world.metrics, networks).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(outbox, "LONGEST_WAIT_S", 0.001)


async def test_the_program_gets_the_request_as_it_came_and_can_check_its_signature(world: World) -> None:
    async with running() as program, relaying(world):
        world.target = program.url
        reply = await world.write()
        assert (reply.status_code, reply.text) == (200, "<Response/>")
        assert reply.headers["content-type"].startswith("text/xml")
        assert await world.opted_out() == 1, "before the carrier was answered"
        (body,) = await program.got(1)
    ((headers, _),) = program.requests
    assert body == urlencode(FORM).encode()
    form = dict(parse_qsl(body.decode()))
    assert RequestValidator(TOKEN).validate(headers[ORIGINAL_URL.lower()], form, headers["x-twilio-signature"])
    assert headers[ORIGINAL_URL.lower()] == f"{PUBLIC}{PATH}"
    assert "authorization" not in headers, "nothing but what the carrier signs with"


async def test_a_person_who_is_forgotten_is_not_passed_on_any_more(world: World) -> None:
    """What waits for a program that is away has their number and their words."""
    other = "+12125550124"
    await world.write(Body="my name is Ann")
    await world.write(Body="my name is Bob", MessageSid="SM2", From=other)
    ann, bob = HASHER.hashes(PEER), HASHER.hashes(other)
    assert (await world.ledger.recall(ann)).letters == ((world.target, NOON),)
    assert await world.ledger.erase(ann)
    assert (await world.ledger.recall(ann)).letters == ()
    (left,) = await world.ledger.outbox(9, world.target or "")
    assert b"Bob" in left.entry
    assert (await world.ledger.recall(bob)).letters == ((world.target, NOON),)


async def test_what_nobody_has_signed_is_passed_on_to_nobody(world: World) -> None:
    headers = {"X-Twilio-Signature": "x" * 28, "Content-Type": "application/x-www-form-urlencoded"}
    assert (await world.send(urlencode(FORM).encode(), headers)).status_code == 401
    assert await world.ledger.targets() == frozenset()
    assert await world.opted_out() == 0


async def test_a_carrier_is_told_when_nobody_would_get_it_and_the_stop_is_kept(world: World) -> None:
    """It calls the program itself then."""
    assert (await world.write("/v1/events/shop/main/shop/other")).status_code == 404
    assert await world.ledger.targets() == frozenset()
    assert await world.opted_out() == 1


async def test_while_the_outbox_can_not_be_written_the_carrier_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise LedgerUnavailable("The disk is full.")

    monkeypatch.setattr(world.ledger, "post", fail)
    assert (await world.write()).status_code == 503


async def test_what_concerns_no_number_is_passed_on_too(world: World) -> None:
    """A Telnyx profile tells its program more than messages that come in."""
    world.reader, world.secret = TelnyxWebhook(), public(TELNYX_KEY)
    body = json.dumps({"data": {"id": "1", "event_type": "message.read", "payload": {}}}).encode()
    assert (await world.send(body, signed(body, at=int(NOON)))).status_code == 200
    assert (await world.send(a_message(), signed(a_message(), at=int(NOON)))).status_code == 200
    async with running() as program:
        letters = await world.ledger.outbox(9, world.target or "")
        await world.ledger.post([replace_target(one.entry, program.url) for one in letters], NOON)
        async with relaying(world):
            assert await program.got(2) == [body, a_message()]
    assert {"telnyx-timestamp", "telnyx-signature-ed25519"} <= program.requests[0][0].keys()


def replace_target(entry: bytes, target: str) -> Any:
    from ringfleet.dispatch.ledger.types import Letter

    return Letter(target, entry)


async def test_a_target_that_is_dead_holds_up_no_other(world: World, at_once: None) -> None:
    dead = "http://127.0.0.1:9/sms"
    async with running() as program, relaying(world):
        for n in range(3):
            await world.ledger.post([a_letter(dead, n), a_letter(program.url, n)], NOON)
        assert await program.got(3) == [b"0", b"1", b"2"]
        assert len(await world.ledger.outbox(9, dead)) == 3, "it may come back"


async def test_a_program_that_comes_back_gets_all_in_their_order(world: World, at_once: None, tmp_path: Path) -> None:
    async with running() as program:
        url = program.url
    for n in range(3):
        await world.ledger.post([a_letter(url, n)], NOON)
    async with relaying(world):
        await until_failed(world)
        program.requests.clear()
        app, runner = web.Application(), None
        app.router.add_post("/sms", program.receive)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", int(url.split(":")[2].partition("/")[0])).start()
        assert await program.got(3) == [b"0", b"1", b"2"]
        await runner.cleanup()


async def test_a_stream_has_each_message_taken_once_and_a_bad_one_hides_no_stop(world: World) -> None:
    """In one array; it is refused as a whole then, and comes again, and what was taken is known."""
    bad = a_streamed_message("SM2", timestamp="noon")
    told = json.dumps([a_streamed_message("SM1"), bad, a_streamed_message("SM3", body="hi")]).encode()
    for _ in range(2):
        assert (await world.stream(told)).status_code == 400
        assert await world.opted_out() == 1
    good = json.dumps([a_streamed_message("SM3", body="hi"), a_streamed_message("SM4", body="hi")]).encode()
    replies = [await world.stream(good) for _ in range(2)]
    assert [(reply.status_code, reply.json()["status"]) for reply in replies] == [(200, "counted"), (200, "known")]
    assert (await world.write(MessageSid="SM1")).status_code == 200, "the webhook of the same message"
    tally = await world.ledger.numbers([(NUMBER, str(HERE))], NOON, [(int(NOON // 3600), int(NOON // 3600) + 1)])
    assert sum(one.received for one in tally.tallies[0].sums) == 3


async def test_of_a_number_that_has_no_object_a_stream_brings_a_stop_and_nothing_else(world: World) -> None:
    """It may be another program's, or one that is not known yet: the people who write to it are nobody's business."""
    theirs = "+14155550188"
    told = [a_streamed_message("SM1", to=theirs, body="hello"), a_streamed_message("SM2", to=theirs)]
    replies = [await world.stream(json.dumps([one]).encode()) for one in told]
    assert [reply.json()["status"] for reply in replies] == ["ignored", "counted"]
    assert len(await world.ledger.suppressions("brand:shop/")) == 1
    assert (await world.ledger.recall(HASHER.hashes(PEER))).heard == ()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_target_inside_the_cluster_is_not_called_until_its_network_is_let_in(
    world: World, at_once: None, host: str
) -> None:
    """A tenant's RoutingProfile names it: by its address, or by a name that means it."""
    async with running() as program:
        await world.ledger.post([a_letter(program.url.replace("127.0.0.1", host), 1)], NOON)
        async with relaying(world, networks=()):
            await until_failed(world, "relay-forbidden")
        assert program.requests == []
        async with relaying(world):
            assert await program.got(1) == [b"1"], "it was kept meanwhile"


@pytest.mark.parametrize(("status", "sent"), [(503, TRIES), (429, TRIES), (404, 1), (302, 1)])
async def test_a_program_has_its_say_and_what_it_can_not_take_now_is_sent_again(
    world: World, at_once: None, status: int, sent: int
) -> None:
    async with running() as program, relaying(world):
        program.status = status
        await world.ledger.post([a_letter(program.url, 1)], NOON)
        await program.got(sent)
        program.status = 200
        await world.ledger.post([a_letter(program.url, 2)], NOON)
        assert await program.got(sent + 1) == [b"1"] * sent + [b"2"]
        while await world.ledger.outbox(9, program.url):
            await asyncio.sleep(0)


async def test_a_request_goes_where_the_profile_says_and_only_of_accounts_that_were_told_it() -> None:
    """Telnyx does not sign the URL: whoever has caught a request could name any profile in it."""
    kube = Kube(ApiDouble([]))  # type: ignore[arg-type]  # the double is the transport
    resource, spec = RESOURCES["RoutingProfile"], {"messaging": {"webhook": {"url": "https://example.com/sms"}}}
    for name in ("front-desk", "calls"):
        await kube.create(resource, "shop", a_profile(name, **(spec if name == "front-desk" else {})))
        told = {"accounts": [{"account": "shop/main", "externalId": "1"}]}
        await kube.patch_status(resource, "shop", name, told)
    senders = Senders(kube, lambda: 0.0)
    following = asyncio.create_task(senders.run())
    await senders.profiles.synced.wait()
    assert senders.target_of(HERE, DESK) == "https://example.com/sms"
    assert senders.target_of(AccountKey("shop", "other"), DESK) is None
    assert senders.target_of(HERE, ObjectRef("shop", "calls")) is None
    assert senders.target_of(HERE, ObjectRef("elsewhere", "front-desk")) is None
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


@pytest.mark.parametrize(
    ("sets", "supply", "expected"),
    [((), (), None), (("sales",), (), None), ((), ("pools",), None), (("sales",), ("pools",), ("pools", "sales"))],
)
def test_profiles_are_looked_for_where_those_of_pools_and_of_claims_are(
    sets: tuple[str, ...], supply: tuple[str, ...], expected: tuple[str, ...] | None
) -> None:
    settings = DispatchSettings(dev_insecure=True, namespaces=sets, supply_namespaces=supply)
    assert settings.profile_namespaces == expected


def a_streamed_message(sid: str, **data: Any) -> dict[str, Any]:
    return a_message_of_a_stream(sid, **{"timestamp": datetime.fromtimestamp(NOON, UTC).isoformat()} | data)


async def until_failed(world: World, outcome: str = "relay-unreachable") -> None:
    name = "ringfleet_dispatch_events_forwarded_total"
    while not world.metrics.registry.get_sample_value(name, {"outcome": outcome}):
        await asyncio.sleep(0)


def a_letter(target: str, n: int) -> Any:
    return letter_of(target, f"{PUBLIC}{PATH}", {"content-type": "text/plain"}, str(n).encode())
