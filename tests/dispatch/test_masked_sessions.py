"""Masked sessions over HTTP: what is asked, what is told, and that nobody is told who is in a session."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from ringfleet.dispatch.inventory import ServiceView, service_of
from ringfleet.dispatch.ledger.session_types import ProxyNumber
from ringfleet.dispatch.recipients import Hasher
from ringfleet.dispatch.sealing import Sealer, Unopenable
from ringfleet.model import E164
from ringfleet.model.geography import locate
from ringfleet.model.proxy import GeoLevel
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.freeze import Freeze
from ringfleet.plan.proxy_service.plan import ProxyWant
from ringfleet.plan.proxy_service.size import Bounds
from tests.dispatch.desk import ANN, BOB, Desk, a_desk

EVE, BERLIN = "+14155550196", "+4930901820"
READS = ("sessions", "rollup")
SERVICE = "/v1/namespaces/shop/proxyservices/rides"


def a_proxy(n: int, **changes: Any) -> ProxyNumber:
    number = f"+1415555020{n}"
    return replace(ProxyNumber(number, "shop/sandbox", places=locate(E164(number)).places), **changes)


def put(desk: Desk, *numbers: ProxyNumber, suspended: bool = False, **wish: Any) -> None:
    """The service as it is declared, with these numbers."""
    want = ProxyWant("shop", "rides", **wish)
    view = ServiceView(service_of(want, numbers or (a_proxy(1), a_proxy(2))), suspended)
    desk.inventory.services[ObjectRef("shop", "rides")] = view


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tmp_path) as opened:
        put(opened)
        yield opened


async def post(desk: Desk, what: str, body: Any, key: str | None = "k") -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await desk.client.post(f"{SERVICE}/{what}", json=body, headers=headers)


async def begin(desk: Desk, *people: str, key: str = "k", **body: Any) -> httpx.Response:
    return await post(desk, "sessions", {"participants": [{"number": one} for one in people], **body}, key)


async def begun(desk: Desk, *people: str, key: str = "k", **body: Any) -> Any:
    reply = await begin(desk, *people, key=key, **body)
    assert reply.status_code == 201, reply.text
    return reply.json()


async def resolve(desk: Desk, who: str, number: str, **body: Any) -> httpx.Response:
    return await post(desk, "resolve", {"from": who, "to": number, **body}, None)


def told(reply: httpx.Response) -> tuple[int, str]:
    """The status, and the name of the problem."""
    return reply.status_code, str(reply.json()["type"]).rpartition("/")[2]


# From the first call to the last.


async def test_two_people_reach_each_other_and_see_proxy_numbers_only(desk: Desk) -> None:
    session = await begun(desk, ANN, BOB, name="ride 7")
    ann, bob = (one["proxyNumber"] for one in session["participants"])
    assert {ann, bob} == {a_proxy(1).number, a_proxy(2).number}
    there = await resolve(desk, ANN, ann, interactionId="CA1")
    assert there.json() == {
        "sessionId": session["sessionId"],
        "to": BOB,
        "from": bob,
        "account": "shop/sandbox",
        "interactions": 1,
    }
    back = await resolve(desk, BOB, bob, channel="SMS", interactionId="SM1")
    assert (back.json()["to"], back.json()["from"], back.json()["interactions"]) == (ANN, ann, 2)
    desk.after(60)
    assert (await desk.client.delete(f"{SERVICE}/sessions/{session['sessionId']}")).status_code == 204
    late = await resolve(desk, ANN, ann)
    assert told(late) == (410, "session-ended")
    assert (late.json()["sessionId"], late.json()["endedAt"]) == (session["sessionId"], "2026-11-24T12:01:00Z")


async def test_no_answer_but_that_of_resolve_and_no_row_tells_a_real_number(desk: Desk, tmp_path: Path) -> None:
    session = await begun(desk, ANN, BOB)
    path = f"{SERVICE}/sessions"
    looks = [await desk.client.get(one) for one in (path, f"{path}/{session['sessionId']}", f"{SERVICE}/rollup")]
    said = str(session) + "".join(reply.text for reply in looks)
    assert ANN not in said
    assert BOB not in said
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for number in (ANN, BOB):
        for form in (number.encode(), number[1:].encode(), base64.b64encode(number.encode())):
            assert form not in stored


async def test_a_session_says_how_it_stands(desk: Desk) -> None:
    session = await begun(desk, ANN, BOB, ttlSeconds=600)
    path = f"{SERVICE}/sessions/{session['sessionId']}"
    assert (session["status"], session["endsAt"]) == ("open", "2026-11-24T12:10:00Z")
    assert session["lastInteractionAt"] is None
    desk.after(300)
    await resolve(desk, ANN, session["participants"][0]["proxyNumber"])
    seen = (await desk.client.get(path)).json()
    assert (seen["endsAt"], seen["lastInteractionAt"]) == ("2026-11-24T12:15:00Z", "2026-11-24T12:05:00Z")
    longer = await desk.client.patch(path, json={"expiresAt": "2026-11-25T00:00:00Z"})
    assert longer.json()["endsAt"] == "2026-11-25T00:00:00Z"
    desk.after(12 * 3600)
    assert (await desk.client.get(path)).json()["status"] == "expired"
    assert told(await desk.client.patch(path, json={"ttlSeconds": 60})) == (410, "session-ended")


async def test_participants_may_come_one_by_one(desk: Desk) -> None:
    session = await begun(desk)
    path = f"sessions/{session['sessionId']}/participants"
    first = await post(desk, path, {"number": ANN}, "k1")
    alone = first.json()["participants"][0]["proxyNumber"]
    assert told(await resolve(desk, ANN, alone)) == (409, "session-incomplete")
    assert (await post(desk, path, {"number": BOB}, "k2")).status_code == 201
    assert (await resolve(desk, ANN, alone)).json()["to"] == BOB
    assert told(await post(desk, path, {"number": EVE}, "k3")) == (409, "session-full")


async def test_open_sessions_are_listed_page_by_page_and_found_by_name(desk: Desk) -> None:
    put(desk, *(a_proxy(n) for n in range(1, 4)))
    rides = [await begun(desk, ANN, f"+1415555015{n}", key=f"k{n}", name=f"ride {n}") for n in range(3)]
    made = sorted(ride["sessionId"] for ride in rides)
    first = (await desk.client.get(f"{SERVICE}/sessions?limit=2")).json()
    rest = (await desk.client.get(f"{SERVICE}/sessions?limit=2&after={first['next']}")).json()
    assert [one["sessionId"] for one in (*first["items"], *rest["items"])] == made
    assert rest["next"] is None
    named = (await desk.client.get(f"{SERVICE}/sessions?sessionName=ride 1")).json()
    assert [one["name"] for one in named["items"]] == ["ride 1"]


# What is refused.


async def test_who_gets_no_number_is_told_the_class_whose_it_was_and_what_would_help(desk: Desk) -> None:
    put(desk, a_proxy(1))
    await begun(desk, ANN, BOB)
    refused = await begin(desk, EVE, BOB, key="k2")
    assert told(refused) == (409, "proxy-exhausted")
    problem = refused.json()
    assert (problem["errorClass"], problem["participant"], problem["reason"]) == (80206, 1, "in-use-by-participant")
    assert problem["excluded"] == {"in-use-by-participant": 1}
    assert "add numbers" in problem["detail"]
    assert BOB not in refused.text
    rollup = (await desk.client.get(f"{SERVICE}/rollup")).json()
    assert rollup["refused"] == [{"errorClass": 80206, "place": "c:US", "times": 1}]
    assert rollup["openSessions"] == 1
    assert rollup["numbers"] == [{"number": a_proxy(1).number, "sessions": 1}]
    assert rollup["places"] == [{"place": "c:US", "participants": 2, "busiest": 1}]


async def test_every_class_has_words_of_its_own(desk: Desk) -> None:
    cases = [
        ([a_proxy(1, draining=True)], {}, ANN, {}, 80205),
        ([a_proxy(1)], {}, BERLIN, {}, 80203),
        ([a_proxy(1, channels=frozenset())], {}, ANN, {}, 80201),
        ([a_proxy(1)], {"level": GeoLevel.AREA_CODE, "strict": True}, "+12125550199", {}, 80206),
        ([a_proxy(1, reserved=True)], {}, ANN, {}, 80207),
        ([a_proxy(1)], {"bounds": Bounds(per_number=0)}, ANN, {}, 80208),
        ([a_proxy(1)], {}, ANN, {"proxyNumber": a_proxy(2).number}, 80601),
    ]
    sentences = set()
    for n, (numbers, wish, who, more, expected) in enumerate(cases):
        put(desk, *numbers, **wish)
        refused = await post(desk, "sessions", {"participants": [{"number": who, **more}]}, f"k{n}")
        assert refused.json()["errorClass"] == expected, refused.text
        sentences.add(refused.json()["detail"])
    assert len(sentences) == len(cases)


async def test_who_is_in_no_session_is_told_apart_from_who_was_in_one(desk: Desk) -> None:
    session = await begun(desk, ANN, BOB)
    assert told(await resolve(desk, EVE, session["participants"][0]["proxyNumber"])) == (404, "no-session")
    assert told(await resolve(desk, ANN, "+14155550999")) == (404, "no-session")


async def test_the_same_key_makes_one_session_and_another_body_under_it_none(desk: Desk) -> None:
    first = await begun(desk, ANN, BOB, key="k1")
    assert await begun(desk, ANN, BOB, key="k1") == first
    assert told(await begin(desk, ANN, EVE, key="k1")) == (422, "idempotency-key-reused")
    assert told(await post(desk, "sessions", {}, None)) == (400, "idempotency-key-missing")


async def test_what_makes_no_sense_is_refused_with_the_field(desk: Desk) -> None:
    bad = await begin(desk, ANN, "+1415555019")
    assert (told(bad), bad.json()["errors"][0]["pointer"]) == ((400, "malformed-request"), "/participants/1/number")
    assert told(await begin(desk, ANN, ANN)) == (400, "malformed-request")
    assert told(await begin(desk, ANN, BOB, EVE)) == (400, "malformed-request")
    assert told(await begin(desk, expiresAt="2026-11-25T00:00:00")) == (400, "malformed-request")
    assert told(await desk.client.get(f"{SERVICE}/sessions/none")) == (404, "not-found")
    assert told(await desk.client.get(f"{SERVICE}/sessions?sessionName=")) == (400, "malformed-request")


async def test_while_a_service_is_suspended_frozen_or_not_there_no_session_begins_and_open_ones_go_on(
    desk: Desk,
) -> None:
    session = await begun(desk, ANN, BOB)
    put(desk, suspended=True)
    assert told(await begin(desk, EVE, key="k2")) == (409, "service-suspended")
    put(desk)
    desk.inventory.freeze = Freeze("Everything", "kubectl ringfleet thaw")
    assert told(await begin(desk, EVE, key="k2")) == (503, "frozen")
    desk.inventory.freeze = None
    desk.inventory.services.clear()
    for reply in (await begin(desk, EVE, key="k2"), *[await desk.client.get(f"{SERVICE}/{what}") for what in READS]):
        assert told(reply) == (404, "not-found")
    desk.inventory.synced.clear()
    assert [(await desk.client.get(f"{SERVICE}/{what}")).status_code for what in READS] == [200, 200]
    assert told(await begin(desk, EVE, key="k2")) == (503, "inventory-unknown")
    assert (await resolve(desk, ANN, session["participants"][0]["proxyNumber"])).json()["to"] == BOB


async def test_an_opt_out_from_all_of_the_namespace_holds_in_sessions_too(desk: Desk) -> None:
    session = await begun(desk, ANN, BOB)
    await desk.send("POST", "suppressions", {"recipients": [BOB], "scope": "namespace"})
    assert told(await resolve(desk, ANN, session["participants"][0]["proxyNumber"])) == (403, "recipient-suppressed")
    refused = await begin(desk, EVE, BOB, key="k2")
    assert (told(refused), refused.json()["participant"]) == ((403, "recipient-suppressed"), 1)


# Sealing.


def test_a_number_is_sealed_by_the_newest_key_and_opened_by_any_that_is_there() -> None:
    old, both = Hasher((b"last-year's-key!",)), Hasher((b"this-year's-key!", b"last-year's-key!"))
    sealed = old.sealer.seal(ANN, b"ann")
    assert both.sealer.open(sealed, b"ann") == ANN
    assert old.sealer.seal(ANN, b"ann") != sealed, "nobody sees that two rows are one number"
    with pytest.raises(Unopenable, match="key"):
        old.sealer.open(both.sealer.seal(ANN, b"ann"), b"ann")


def test_a_sealed_number_that_was_changed_or_moved_to_somebody_elses_row_is_not_opened() -> None:
    sealer = Sealer((b"k" * 16,))
    sealed = sealer.seal(ANN, b"ann")
    for row, who in ((sealed, b"bob"), (sealed[:-1] + bytes([sealed[-1] ^ 1]), b"ann")):
        with pytest.raises(Unopenable, match="changed"):
            sealer.open(row, who)
