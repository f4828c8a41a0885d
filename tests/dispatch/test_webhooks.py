"""The listener for carriers' events: who is refused and how, and what is counted once."""

from __future__ import annotations

import asyncio
import hmac
import json
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from structlog.testing import capture_logs
from twilio.request_validator import RequestValidator

from ringfleet.carriers.didhub.webhook import DIDHubWebhook
from ringfleet.carriers.twilio.webhook import TwilioWebhook
from ringfleet.carriers.webhooks import Doubt, SignatureRefused, WebhookReader, WebhookRequest
from ringfleet.dispatch.event_intake import FORGOTTEN, Intake
from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.ledger.interface import Ledger, LedgerUnavailable
from ringfleet.dispatch.ledger.types import Heard, Hour, Suppression
from ringfleet.dispatch.metrics import Metrics
from ringfleet.dispatch.problems import BASE, MEDIA_TYPE, Problem
from ringfleet.dispatch.public_address import PublicAddress
from ringfleet.dispatch.recipients import Hasher
from ringfleet.dispatch.settings import DispatchSettings
from ringfleet.dispatch.webhooks import AT_ONCE_BYTES, EVENT_BYTES, Sender
from ringfleet.model import E164, AccountKey
from ringfleet.model.traffic import CarrierEvent, Direction, Happening
from ringfleet.plan.rotation_set.roster import Member
from tests.carriers.webhooks import NOW, NUMBER, PEER, SECRET, a_body, an_event, signed
from tests.dispatch.events_door import events_app
from tests.dispatch.ledger.builders import a_roster, an_ask, picked
from tests.examples import examples

HERE = AccountKey("shop", "sandbox")
BRAND = "brand:shop/acme"
HASHER = Hasher((b"key-of-this-year", b"key-of-last-year"))
SECONDS = {"call.started": 0, "call.answered": 8, "call.ended": 68}


@dataclass
class World:
    """Everything around the listener that a test can change."""

    ledger: Ledger
    now: float = NOW
    known: bool = True
    secrets: tuple[str, ...] = (SECRET,)
    owners: list[tuple[str, AccountKey]] = field(default_factory=lambda: [(NUMBER, HERE)])
    scopes: list[tuple[str, str]] = field(default_factory=lambda: [("set:shop/us", BRAND)])
    words: list[str] = field(default_factory=list)
    metrics: Metrics = field(default_factory=Metrics)
    reader: WebhookReader = field(default_factory=DIDHubWebhook)
    address: PublicAddress = field(default_factory=PublicAddress)

    async def find(self, key: AccountKey) -> Sender:
        if key != HERE:
            raise Problem("not-found", "There is no such account.")
        return Sender(self.reader, self.secrets)

    def is_known(self) -> bool:
        return self.known

    def accounts_of(self, number: E164) -> list[AccountKey]:
        return [account for digits, account in self.owners if digits == number]

    def scopes_of(self, number: E164) -> list[tuple[str, str]]:
        return self.scopes if number == NUMBER else []

    def opt_out_words(self, number: E164) -> list[str]:
        return self.words if number == NUMBER else []

    def client(self, ledger: Any = None) -> httpx.AsyncClient:
        app = events_app(ledger or self.ledger, self, HASHER.hashes, lambda: self.now, self.metrics, self.address)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://dispatcher")

    async def send(
        self, body: bytes, headers: dict[str, str] | None = None, account: str = "shop/sandbox", ledger: Any = None
    ) -> httpx.Response:
        sent = signed(body, at=int(self.now)) if headers is None else headers
        async with self.client(ledger) as client:
            return await client.post(f"/v1/events/{account}", content=body, headers=sent)

    async def tell(self, event: dict[str, Any]) -> str:
        """Send the event as the carrier does; what became of it."""
        reply = await self.send(a_body(event))
        assert reply.status_code == 200, reply.text
        status: str = reply.json()["status"]
        return status

    async def write(self, text: str, id_: str, after: float = 0, peer: str = PEER) -> str:
        """A message from PEER, so many seconds after NOW."""
        told = {"text": text, "created_at": moment(after), "message_id": id_, "peer": peer}
        return await self.tell(an_event("message.received", id_, **told))

    def wished(self, wish: str, taken: str) -> float | None:
        """How many such messages were counted."""
        labels = {"wish": wish, "taken": taken}
        return self.metrics.registry.get_sample_value("ringfleet_dispatch_opt_out_messages_total", labels)

    async def hours(self) -> tuple[Hour, ...]:
        rollup = await self.ledger.rollup("shop/us", self.now + 100, day_of(NOW))
        return rollup.tallies[0].hours

    async def opted_out(self, scope: str = BRAND) -> list[Suppression]:
        return list(await self.ledger.suppressions(scope))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        await enlist(ledger)
        yield World(ledger)


async def enlist(ledger: Ledger) -> None:
    member = Member(NUMBER, "shop/sandbox", ("",), 75, 15, 75)
    await ledger.enlist(a_roster(member, day=day_of(NOW), set_="shop/us"))


def refusal(reply: httpx.Response) -> tuple[int, str]:
    """Status and type of a problem document; everything that is one must be one."""
    assert reply.headers["content-type"] == MEDIA_TYPE
    document = reply.json()
    assert document["status"] == reply.status_code
    assert document["title"]
    assert document["detail"]
    assert document["instance"].startswith("/v1/")
    assert PEER not in reply.text
    return reply.status_code, document["type"].removeprefix(BASE)


BODY = a_body(an_event())


async def test_an_event_is_counted(world: World) -> None:
    reply = await world.send(BODY)
    assert (reply.status_code, reply.json()) == (200, {"status": "counted"})
    assert await world.hours() == (Hour(NOW // 3600, calls=1),)


# Refused, one by one.


async def test_without_a_signature_it_is_refused(world: World) -> None:
    assert refusal(await world.send(BODY, headers={})) == (401, "bad-signature")
    assert await world.hours() == ()


async def test_with_a_bad_signature_it_is_refused(world: World) -> None:
    assert refusal(await world.send(BODY, headers=signed(BODY, "another"))) == (401, "bad-signature")
    assert await world.hours() == ()


async def test_with_the_signature_of_another_body_it_is_refused(world: World) -> None:
    assert refusal(await world.send(BODY + b" ", headers=signed(BODY))) == (401, "bad-signature")


async def test_an_old_timestamp_is_refused(world: World) -> None:
    assert refusal(await world.send(BODY, headers=signed(BODY, at=NOW - 301))) == (401, "stale-signature")
    assert await world.hours() == ()


async def test_a_timestamp_from_the_future_is_refused(world: World) -> None:
    assert refusal(await world.send(BODY, headers=signed(BODY, at=NOW + 301))) == (401, "stale-signature")


async def test_a_replayed_event_is_counted_once(world: World) -> None:
    assert [await world.tell(an_event()) for _ in range(3)] == ["counted", "known", "known"]
    assert await world.hours() == (Hour(NOW // 3600, calls=1),)


async def test_a_replayed_event_is_counted_once_when_it_comes_many_times_at_once(world: World) -> None:
    replies = await asyncio.gather(*(world.tell(an_event()) for _ in range(20)))
    assert sorted(replies) == ["counted", *["known"] * 19]


async def test_a_replayed_request_is_refused_when_its_time_is_over(world: World) -> None:
    headers = signed(BODY)
    await world.send(BODY, headers)
    world.now += 400
    assert refusal(await world.send(BODY, headers)) == (401, "stale-signature")


async def test_a_huge_body_is_refused_before_its_signature_is_looked_at(world: World) -> None:
    body = b" " * (EVENT_BYTES + 1)
    assert refusal(await world.send(body)) == (413, "body-too-large")
    assert refusal(await world.send(body, headers={})) == (413, "body-too-large")


async def test_a_body_of_the_very_limit_is_read(world: World) -> None:
    assert (await world.send(BODY + b" " * (EVENT_BYTES - len(BODY)))).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 50_000])
async def test_malformed_json_is_refused(world: World, body: bytes) -> None:
    assert refusal(await world.send(body)) == (400, "malformed-request")


async def test_malformed_json_that_nobody_signed_is_not_even_read(world: World) -> None:
    assert refusal(await world.send(b"{", headers={})) == (401, "bad-signature")


async def test_a_malformed_event_is_refused_with_the_name_of_its_field(world: World) -> None:
    reply = await world.send(a_body(an_event(direction="up")))
    assert refusal(reply) == (400, "malformed-request")
    assert "event.data.direction" in reply.json()["detail"]


async def test_an_event_from_the_future_is_refused(world: World) -> None:
    reply = await world.send(a_body(an_event(created_at=moment(7200))))
    assert refusal(reply) == (400, "malformed-request")


async def test_an_unknown_account_is_refused(world: World) -> None:
    assert refusal(await world.send(BODY, account="shop/other")) == (404, "not-found")
    assert refusal(await world.send(BODY, account="other/sandbox")) == (404, "not-found")


async def test_another_path_or_method_is_refused(world: World) -> None:
    assert refusal(await world.send(BODY, account="shop")) == (404, "not-found")
    async with world.client() as client:
        assert refusal(await client.get("/v1/events/shop/sandbox")) == (405, "method-not-allowed")
        assert refusal(await client.post("/v1/namespaces/shop/rotationsets/us/picks")) == (404, "not-found")


async def test_while_the_ledger_is_away_nothing_is_acknowledged(world: World) -> None:
    class Away:
        async def ingest(self, heard: list[Heard]) -> int:
            raise LedgerUnavailable("the disk is full")

    assert refusal(await world.send(BODY, ledger=Away())) == (503, "ledger-unavailable")
    assert await world.tell(an_event()) == "counted"


async def test_before_the_numbers_are_read_nothing_is_acknowledged(world: World) -> None:
    """A STOP would be recorded where no set looks, and its repetition would be known."""
    world.known = False
    assert refusal(await world.send(BODY)) == (503, "inventory-unknown")
    world.known = True
    assert await world.tell(an_event()) == "counted"


async def test_a_fault_of_ours_tells_nothing_of_the_request(world: World) -> None:
    class Broken:
        async def ingest(self, heard: list[Heard]) -> int:
            raise RuntimeError(f"{heard[0].event.peer}")

    assert refusal(await world.send(BODY, ledger=Broken())) == (500, "internal-error")


async def test_a_large_body_is_hashed_beside_the_loop_that_answers_picks(world: World) -> None:
    world.reader = reader = ReaderOfItsThread()
    for size in (AT_ONCE_BYTES, AT_ONCE_BYTES + 1):
        await world.send(b"x" * size, {})
    here = threading.get_ident()
    assert [thread == here for thread in reader.threads] == [True, False]


# Counted.


async def test_a_secret_that_is_being_changed_holds_with_the_new_one(world: World) -> None:
    world.secrets = ("new", SECRET)
    assert (await world.send(BODY, headers=signed(BODY, "new"))).json() == {"status": "counted"}
    assert (await world.send(BODY, headers=signed(BODY))).json() == {"status": "known"}


@pytest.mark.parametrize("type_", ["bundle.reviewed", "invoice.paid"])
async def test_what_does_not_concern_us_is_acknowledged(world: World, type_: str) -> None:
    assert await world.tell({"id": "evt_9", "type": type_}) == "ignored"


@pytest.mark.parametrize("type_", ["call.started", "number.labelled"])
async def test_what_an_account_tells_of_its_number_counts_though_a_copy_of_it_names_another(
    world: World, type_: str
) -> None:
    """A namespace that was copied has objects of the same numbers: they take nobody's events away."""
    world.owners.insert(0, (NUMBER, AccountKey("staging", "sandbox")))
    assert await world.tell(an_event(type_, label="Spam Likely")) == "counted"


async def test_an_event_about_another_accounts_number_counts_for_nothing(world: World) -> None:
    world.owners[:] = [(NUMBER, AccountKey("rival", "sandbox"))]
    assert await world.tell(an_event("number.labelled", label="Spam Likely")) == "ignored"
    assert (await world.ledger.rollup("shop/us", NOW, day_of(NOW))).tallies[0].label is None


async def test_a_label_of_a_number_that_nobody_owns_counts_for_nothing(world: World) -> None:
    """Else whoever buys it begins with a number that another account has labelled."""
    world.owners.clear()
    assert await world.tell(an_event("number.labelled", label="Spam Likely")) == "ignored"
    assert (await world.ledger.rollup("shop/us", NOW, day_of(NOW))).tallies[0].label is None
    assert await world.tell(an_event(id_="evt_2")) == "counted"


async def test_an_event_that_is_older_than_the_ledgers_memory_is_not_counted_again(world: World) -> None:
    assert await world.tell(an_event(created_at=moment(-int(FORGOTTEN) - 60))) == "ignored"


@pytest.mark.parametrize("order", list(permutations(SECONDS)), ids=" ".join)
async def test_one_call_counts_alike_in_any_order(world: World, order: tuple[str, ...]) -> None:
    for type_ in order:
        await world.tell(a_moment(1, type_))
    assert await world.hours() == (Hour(NOW // 3600, calls=1, answered=1, seconds=60),)


CALLS = [(call, type_) for call in range(4) for type_ in SECONDS if call or type_ != "call.answered"]


@given(st.permutations(CALLS), st.lists(st.sampled_from(CALLS), max_size=6))
@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_and_any_repetition_count_alike(
    tmp_path_factory: pytest.TempPathFactory, order: list[tuple[int, str]], again: list[tuple[int, str]]
) -> None:
    async def play() -> tuple[Hour, ...]:
        async with SqliteLedger(tmp_path_factory.mktemp("ledger") / "ledger.sqlite") as ledger:
            await enlist(ledger)
            world = World(ledger)
            for call, type_ in [*order, *again]:
                await world.tell(a_moment(call, type_))
            assert (await ledger.rollup("shop/us", NOW + 100, day_of(NOW))).tallies[0].open_calls == 0
            return await world.hours()

    assert asyncio.run(play()) == (Hour(NOW // 3600, calls=4, answered=3, seconds=180),)


# Opt-outs.


@pytest.mark.parametrize("text", ["STOP", " stop.", "Opt out!", "unsubscribe", "Stop all"])
async def test_a_stop_word_opts_the_sender_out_of_the_brand(world: World, text: str) -> None:
    assert await world.write(text, "m1") == "counted"
    (opt_out,) = await world.opted_out()
    assert (opt_out.recipient, opt_out.since) == (HASHER.hashes(PEER)[0], NOW)
    assert await world.opted_out("set:shop/us") == []


async def test_a_stop_of_several_brands_counts_in_each(world: World) -> None:
    world.scopes = [("set:shop/us", BRAND), ("set:shop/ca", "brand:shop/other"), ("set:shop/mx", BRAND)]
    await world.write("STOP", "m1")
    assert len(await world.opted_out()) == len(await world.opted_out("brand:shop/other")) == 1


async def test_a_stop_to_a_number_of_no_set_is_not_lost(world: World) -> None:
    world.scopes = []
    await world.write("STOP", "m1")
    assert len(await world.opted_out("brand:shop/")) == 1


async def test_a_start_takes_back_a_stop_that_was_said_when_the_number_was_in_no_set(world: World) -> None:
    now, world.scopes = world.scopes, []
    await world.write("STOP", "m1")
    world.scopes = now
    await world.write("START", "m2", after=60)
    assert await world.opted_out("brand:shop/") == []


@pytest.mark.parametrize(
    "sender",
    ["12125550123", "2125550123", "(212) 555-0123", "0012125550123", "01112125550123", "whatsapp:+12125550123"],
)
async def test_a_stop_of_a_sender_in_another_form_is_that_persons(world: World, sender: str) -> None:
    assert await world.write("STOP", "m1", peer=sender) == "counted"
    assert [one.recipient for one in await world.opted_out()] == [HASHER.hashes(PEER)[0]]


@pytest.mark.parametrize("sender", [None, "", "72345", "MYBANK", "anonymous", "+15550123"])
@pytest.mark.parametrize("text", ["STOP", "START"])
async def test_a_wish_of_a_sender_who_can_not_be_read_is_refused_and_counted_and_never_acknowledged(
    world: World, sender: str | None, text: str
) -> None:
    for _ in range(2):
        reply = await world.send(a_body(an_event("message.received", text=text, peer=sender)))
        assert refusal(reply) == (422, "sender-unreadable")
    wish = "leave" if text == "STOP" else "return"
    assert world.wished(wish, taken="false") == 2
    assert await world.tell(an_event("message.received", "m2", text="Hello", peer=sender)) == "counted"


async def test_a_stop_of_which_the_carrier_says_no_time_counts_from_when_it_came(world: World) -> None:
    """Twilio signs a form and the address that it calls, and dates no message."""
    world.reader = TwilioWebhook()
    form = {"MessageSid": "SM1", "SmsStatus": "received", "From": PEER, "To": NUMBER, "Body": "Stop"}
    signature = RequestValidator(SECRET).compute_signature("http://dispatcher/v1/events/shop/sandbox", form)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
    for status in ("counted", "known"):
        reply = await world.send(urlencode(form).encode(), headers)
        assert reply.json() == {"status": status}
        world.now += 60
    (opt_out,) = await world.opted_out()
    assert (opt_out.recipient, opt_out.since) == (HASHER.hashes(PEER)[0], NOW)
    assert (await world.send(urlencode({**form, "Body": "Start"}).encode(), headers)).status_code == 401


async def test_a_stop_is_never_too_old(world: World) -> None:
    assert await world.write("STOP", "m1", after=-int(FORGOTTEN) - 86_400) == "counted"
    assert len(await world.opted_out()) == 1
    assert await world.hours() == ()


@pytest.mark.parametrize("id_", ["evt\0", "e" * 256])
async def test_an_event_whose_ids_no_ledger_can_hold_is_refused_and_a_stop_among_them_holds(
    world: World, id_: str
) -> None:
    """PostgreSQL has no NUL: such a row kept everything that was asked beside it from being written."""
    for event in (an_event(id_=id_), an_event(call_id=id_)):
        assert refusal(await world.send(a_body(event))) == (400, "malformed-request")
    assert await world.hours() == ()
    assert await world.write("STOP", id_) == "counted"
    assert len(await world.opted_out()) == 1


async def test_a_stop_that_is_too_old_to_be_counted_is_taken_twice_without_harm(world: World) -> None:
    for _ in range(2):
        await world.write("STOP", "m1", after=-int(FORGOTTEN) - 86_400)
    assert len(await world.opted_out()) == 1


async def test_a_stop_to_a_number_that_another_account_has_now_holds_in_the_namespace_it_was_said_in(
    world: World,
) -> None:
    """And nowhere else: an account opts nobody out of another's brands."""
    world.owners[:] = [(NUMBER, AccountKey("rival", "sandbox"))]
    assert await world.write("STOP", "m1") == "counted"
    assert (len(await world.opted_out("brand:shop/")), await world.opted_out()) == (1, [])


ELSEWHERE, OTHER = "sales/us", "+14155550177"
SALES = {"scopes": (f"set:{ELSEWHERE}", "brand:sales/acme", "brand:sales/"), "brand": "brand:sales/acme"}


async def called_from_elsewhere(world: World, number: str = NUMBER, account: str = "shop/sandbox") -> None:
    """Ann was written to by a set of another namespace, from a number of this account, which has left the set since."""
    member = Member(number, account, ("",), 75, 75, 75)
    await world.ledger.enlist(a_roster(member, day=day_of(NOW), set_=ELSEWHERE, **SALES))
    recipient, *others = HASHER.hashes(PEER)
    parts = {"recipient": recipient, "known_as": tuple(others), "tiers": ("",), "now": NOW, "day": day_of(NOW)}
    await picked(world.ledger, replace(an_ask(set=ELSEWHERE), **parts))
    await world.ledger.enlist(a_roster(day=day_of(NOW), set_=ELSEWHERE, **SALES))
    world.scopes[:] = []


async def test_a_stop_to_a_number_that_has_left_its_set_holds_where_the_set_is(world: World) -> None:
    await called_from_elsewhere(world)
    assert await world.write("STOP", "m1", after=60) == "counted"
    assert [one.reason for one in await world.opted_out("brand:sales/acme")] == ["message: STOP"]
    await world.write("START", "m2", after=120)
    assert await world.opted_out("brand:sales/acme") == []


async def test_it_holds_there_when_the_number_is_in_another_set_by_then(world: World) -> None:
    await called_from_elsewhere(world)
    world.scopes[:] = [("set:shop/us", BRAND)]
    await world.write("STOP", "m1", after=60)
    assert (len(await world.opted_out("brand:sales/acme")), len(await world.opted_out())) == (1, 1)


async def test_it_holds_with_everybody_who_has_contacted_the_person_by_the_accounts_numbers(world: World) -> None:
    await called_from_elsewhere(world, OTHER)
    await world.write("STOP", "m1", after=60)
    assert len(await world.opted_out("brand:sales/acme")) == 1


async def test_a_stop_to_a_number_of_a_set_is_said_to_that_set(world: World) -> None:
    await called_from_elsewhere(world, OTHER)
    world.scopes[:] = [("set:shop/us", BRAND)]
    await world.write("STOP", "m1", after=60)
    assert (len(await world.opted_out("brand:sales/acme")), len(await world.opted_out())) == (0, 1)


async def test_a_stop_that_is_too_old_to_be_counted_reaches_as_far(world: World) -> None:
    await called_from_elsewhere(world)
    assert await world.write("STOP", "m1", after=-int(FORGOTTEN) - 86_400) == "counted"
    assert await world.write("STOP", "m1", after=-int(FORGOTTEN) - 86_400) == "known"
    assert len(await world.opted_out("brand:sales/acme")) == 1


@pytest.mark.parametrize(("number", "account"), [(NUMBER, "rival/other"), (OTHER, "rival/other")])
async def test_an_account_opts_nobody_out_of_who_has_called_by_anothers_numbers(
    world: World, number: str, account: str
) -> None:
    await called_from_elsewhere(world, number, account)
    world.owners[:] = [(NUMBER, AccountKey("rival", "other"))] if number == NUMBER else world.owners
    await world.write("STOP", "m1", after=60)
    assert await world.opted_out("brand:sales/acme") == []


@pytest.mark.parametrize("text", ["Stop\n\nSent from my iPhone", "stop please", "ARRÊT"])
async def test_a_wish_with_something_around_it_is_one(world: World, text: str) -> None:
    await world.write(text, "m1")
    assert len(await world.opted_out()) == 1


async def test_a_sets_own_word_opts_the_sender_out(world: World) -> None:
    await world.write("Rimuovi!", "m1")
    assert await world.opted_out() == []
    world.words = ["RIMUOVI"]
    await world.write("Rimuovi!", "m2")
    assert [one.reason for one in await world.opted_out()] == ["message: RIMUOVI"]


async def test_a_word_that_is_long_in_its_plain_form_opts_the_sender_out(world: World) -> None:
    world.words = ["\ufdfa" * 40]
    assert await world.write("\ufdfa" * 40, "m1") == "counted"
    assert len(await world.opted_out()) == 1


async def test_a_message_that_may_be_a_wish_is_told_to_people_by_its_ids_and_without_its_text(world: World) -> None:
    with capture_logs() as logs:
        assert await world.write("Please stop PLANTED texting me", "m1") == "counted"
    (said,) = [one for one in logs if one["event"] == "message may ask to be left alone"]
    assert {name: said[name] for name in ("event_id", "message_id", "sets")} == {
        "event_id": "m1",
        "message_id": "m1",
        "sets": ["set:shop/us"],
    }
    assert "PLANTED" not in str(logs) + str(said)
    assert PEER not in str(logs)
    assert world.wished("unclear", taken="false") == 1
    assert await world.opted_out() == []


async def test_it_is_listed_for_the_set_until_a_person_has_read_it(world: World) -> None:
    for n, text in enumerate(("Please stop texting me", "Hello", "STOP", "dont stop now")):
        await world.write(text, f"m{n}", after=n)
    listed = await world.ledger.unclear("shop/us")
    assert [(one.event, one.message, one.number, one.account) for one in listed] == [
        (f"m{n}", f"m{n}", NUMBER, "shop/sandbox") for n in (0, 3)
    ]
    assert await world.ledger.unclear("shop/another") == ()
    assert await world.ledger.has_read("shop/us", "shop/sandbox", "m0")
    assert not await world.ledger.has_read("shop/us", "shop/sandbox", "m0")
    assert [one.event for one in await world.ledger.unclear("shop/us")] == ["m3"]


async def test_what_is_written_to_a_number_that_has_left_its_set_is_listed_there(world: World) -> None:
    await called_from_elsewhere(world)
    await world.ledger.enlist(a_roster(day=day_of(NOW), set_="shop/us"))
    await world.write("Please stop texting me", "m1", after=60)
    assert [one.event for one in await world.ledger.unclear(ELSEWHERE)] == ["m1"]


async def test_another_message_opts_nobody_out(world: World) -> None:
    await world.write("Please stop by at nine", "m1")
    assert await world.opted_out() == []


async def test_a_stop_that_we_sent_ourselves_opts_nobody_out(world: World) -> None:
    await world.tell(an_event("message.sent", text="STOP"))
    assert await world.opted_out() == []


@pytest.mark.parametrize("text", ["START", "unstop"])
async def test_a_start_takes_the_stop_back(world: World, text: str) -> None:
    await world.write("STOP", "m1")
    assert await world.write(text, "m2", after=60) == "counted"
    assert await world.opted_out() == []


@pytest.mark.parametrize("order", list(permutations([("STOP", "m1"), ("START", "m2")])), ids=str)
@pytest.mark.parametrize("fractions", [(0.0, 0.0), (0.2, 0.8), (0.8, 0.2)])
async def test_of_a_start_and_a_stop_of_one_second_the_stop_wins_whatever_the_order(
    world: World, order: tuple[tuple[str, str], ...], fractions: tuple[float, float]
) -> None:
    """The one came after the other, and nobody can tell which."""
    said = dict(zip(("STOP", "START"), fractions, strict=True))
    for text, id_ in order:
        await world.write(text, id_, after=said[text])
    assert len(await world.opted_out()) == 1


async def test_a_start_takes_back_a_stop_under_an_older_key(world: World) -> None:
    await world.ledger.suppress([Suppression(BRAND, HASHER.hashes(PEER)[1], NOW, "message: STOP", by_word=True)])
    await world.write("START", "m2", after=60)
    assert await world.opted_out() == []


async def test_a_start_does_not_take_back_what_a_list_has_forbidden(world: World) -> None:
    await world.ledger.suppress([Suppression(BRAND, HASHER.hashes(PEER)[0], NOW, "message: by our own list")])
    await world.write("START", "m2", after=60)
    assert len(await world.opted_out()) == 1


async def test_a_start_does_not_take_back_what_a_list_has_forbidden_after_a_stop(world: World) -> None:
    await world.write("STOP", "m1")
    await world.ledger.suppress([Suppression(BRAND, HASHER.hashes(PEER)[0], NOW + 30, "imported")])
    await world.write("START", "m2", after=60)
    assert [one.reason for one in await world.opted_out()] == ["imported"]


async def test_a_start_takes_back_nobody_elses_stop(world: World) -> None:
    for n in range(5):
        opt_out = Suppression(BRAND, HASHER.hashes(f"{PEER}{n}")[0], NOW, "message: STOP", by_word=True)
        await world.ledger.suppress([opt_out])
    await world.write("START", "m2", after=60)
    assert len(await world.opted_out()) == 5


async def test_a_start_that_comes_late_does_not_undo_a_younger_stop(world: World) -> None:
    await world.write("STOP", "m2", after=60)
    await world.write("START", "m1", after=0)
    assert len(await world.opted_out()) == 1


async def test_a_start_that_comes_late_does_not_undo_a_second_stop(world: World) -> None:
    await world.write("STOP", "m1", after=0)
    await world.write("STOP", "m3", after=60)
    await world.write("START", "m2", after=30)
    assert len(await world.opted_out()) == 1


async def test_a_start_that_is_told_again_does_not_undo_a_younger_stop(world: World) -> None:
    await world.write("STOP", "m1")
    await world.write("START", "m2", after=10)
    await world.write("STOP", "m3", after=20)
    assert await world.write("START", "m2", after=10) == "known"
    assert len(await world.opted_out()) == 1


async def test_no_recipient_and_no_text_is_logged(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.owners[:] = [(NUMBER, AccountKey("rival", "sandbox"))]
    await world.write("STOP PLANTED", "m1")
    await world.send(a_body(an_event(direction=PEER)))
    written = capsys.readouterr()
    assert PEER not in written.out + written.err
    assert "PLANTED" not in written.out + written.err


def a_moment(call: int, type_: str) -> dict[str, Any]:
    id_ = f"evt_{call}_{type_}"
    return an_event(type_, id_, call_id=f"call_{call}", created_at=moment(SECONDS[type_]))


def moment(after: float) -> str:
    return datetime.fromtimestamp(NOW + after, UTC).isoformat()


def day_of(now: float) -> int:
    return datetime.fromtimestamp(now, UTC).toordinal()


def test_a_body_is_what_a_carrier_sends() -> None:
    assert json.loads(BODY)["data"]["number"] == NUMBER


# What a reader is given.


@dataclass
class ReaderOfTheUrl:
    """A carrier that signs the URL and the fields of a form, with the first secret as its only code."""

    seen: list[WebhookRequest] = field(default_factory=list)

    def verify(self, request: WebhookRequest, secrets: Sequence[str], now: float) -> None:
        self.seen.append(request)
        code = hmac.digest(secrets[0].encode(), request.url.encode() + request.body, "sha1").hex()
        if request.headers.get("x-signature") != code:
            raise SignatureRefused(Doubt.WRONG, "The signature is not of this URL.")

    def read(self, request: WebhookRequest) -> tuple[CarrierEvent, ...]:
        return ()


@dataclass
class ReaderOfItsThread:
    """A carrier whose signatures always hold: where they are looked at is noted."""

    threads: list[int] = field(default_factory=list)

    def verify(self, request: WebhookRequest, secrets: Sequence[str], now: float) -> None:
        self.threads.append(threading.get_ident())

    def read(self, request: WebhookRequest) -> tuple[CarrierEvent, ...]:
        return ()


@dataclass
class ReaderOfOneEvent:
    """A carrier that always tells the same."""

    event: CarrierEvent

    def verify(self, request: WebhookRequest, secrets: Sequence[str], now: float) -> None:
        """Whoever it was."""

    def read(self, request: WebhookRequest) -> tuple[CarrierEvent, ...]:
        return (self.event,)


@dataclass
class LedgerThatHears:
    """Keeps what it is told."""

    heard: list[Heard] = field(default_factory=list)

    async def ingest(self, heard: Sequence[Heard]) -> int:
        self.heard += heard
        return len(heard)


STRANGER = E164("+12065550177")


@pytest.mark.parametrize(
    ("caller", "called", "direction"),
    [
        pytest.param(NUMBER, PEER, Direction.OUTBOUND, id="our number calls"),
        pytest.param(PEER, NUMBER, Direction.INBOUND, id="our number is called"),
        pytest.param(PEER, STRANGER, None, id="neither is known to be ours"),
        pytest.param(PEER, None, None, id="only a stranger's number is told"),
    ],
)
async def test_of_a_call_whose_sides_are_not_told_the_side_that_is_the_accounts_counts_and_no_stranger_is_kept(
    world: World, caller: str, called: str | None, direction: Direction | None
) -> None:
    event = CarrierEvent(
        "evt-1",
        Happening.CALL_ENDED,
        datetime.fromtimestamp(NOW, UTC),
        E164(caller),
        "call-1",
        peer=E164(called) if called else None,
        undirected=True,
    )
    world.reader, ledger = ReaderOfOneEvent(event), LedgerThatHears()
    reply = await world.send(b"{}", {}, ledger=ledger)
    assert reply.json() == {"status": "counted" if direction else "ignored"}
    told = [(one.event.number, one.event.peer, one.event.direction) for one in ledger.heard]
    assert told == ([(NUMBER, PEER, direction)] if direction else [])


PATH = "/v1/events/shop/sandbox"
TOLD = "https://events.example.com/ringfleet"
FORWARDED = {"x-forwarded-proto": "https", "x-forwarded-host": "hooks.example.com, inner:8443"}


@pytest.mark.parametrize(
    ("address", "headers", "base"),
    [
        pytest.param(PublicAddress(), {}, "http://dispatcher", id="as it came"),
        pytest.param(PublicAddress(), FORWARDED, "http://dispatcher", id="forwarded by nobody knows whom"),
        pytest.param(PublicAddress(trust_forwarded=True), FORWARDED, "https://hooks.example.com", id="forwarded"),
        pytest.param(PublicAddress(trust_forwarded=True), {}, "http://dispatcher", id="forwarded without saying so"),
        pytest.param(
            PublicAddress(trust_forwarded=True),
            {"x-forwarded-proto": "https"},
            "https://dispatcher",
            id="the proxy keeps the Host",
        ),
        pytest.param(PublicAddress(TOLD), {}, TOLD, id="as the carrier was told"),
        pytest.param(PublicAddress(f"{TOLD}/"), {}, TOLD, id="told with a slash too many"),
        pytest.param(PublicAddress(TOLD, trust_forwarded=True), FORWARDED, TOLD, id="told, and forwarded"),
    ],
)
async def test_a_signature_over_the_url_holds_for_the_url_that_the_carrier_called(
    world: World, address: PublicAddress, headers: dict[str, str], base: str
) -> None:
    reader = ReaderOfTheUrl()
    world.reader, world.address = reader, address
    url, body = f"{base}{PATH}?tag=%7Ea%20b", b"From=%2B14155550100"
    code = hmac.digest(SECRET.encode(), url.encode() + body, "sha1").hex()
    reply = await world.send(body, {"X-Signature": code, **headers}, "shop/sandbox?tag=%7Ea%20b")
    assert (reader.seen[0].url, reply.json()) == (url, {"status": "ignored"})


async def test_a_reader_is_given_the_method_and_the_body_as_they_came(world: World) -> None:
    world.reader = reader = ReaderOfTheUrl()
    await world.send(b"\x00 \xff=", {})
    assert [(one.method, one.body) for one in reader.seen] == [("POST", b"\x00 \xff=")]


def test_the_public_address_is_read_from_the_settings() -> None:
    told = DispatchSettings(dev_insecure=True, events_url=TOLD, trust_forwarded=True)
    assert told.public_address == PublicAddress(TOLD, trust_forwarded=True)
    assert DispatchSettings(dev_insecure=True).public_address == PublicAddress()


@pytest.mark.parametrize(
    "url", ["events.example.com", "ftp://events.example.com", "https://a.example/?x=1", "https://"]
)
def test_an_events_url_that_is_no_base_url_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="events_url"):
        DispatchSettings(dev_insecure=True, events_url=url)


class Second:
    """A ledger that is refused."""

    def refusal(self) -> Problem | None:
        return Problem("ledger-split", "Another ledger decides.")

    def waiting(self) -> str | None:
        return None


async def test_a_ledger_that_is_refused_acknowledges_no_event_for_an_opt_out_would_be_where_nobody_looks(
    world: World,
) -> None:
    intake = Intake(world.ledger, world, HASHER.hashes, lambda: world.now, world.metrics, standing=Second())
    body = a_body(an_event("message.received", "e", text="STOP"))
    (read,) = DIDHubWebhook().read(WebhookRequest("POST", "/", {}, body))
    with pytest.raises(Problem, match="Another ledger decides"):
        await intake.take(HERE, read)
    assert await world.opted_out() == []
