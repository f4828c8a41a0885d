"""What a question for offers may cost: how often a person asks, and how long a body may take."""

from __future__ import annotations

import asyncio
import json
from unittest import mock

import pytest
from aiohttp import web
from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request

from ringfleet.handlers import offers
from ringfleet.handlers.offers import BODY_SECONDS, BURST, OffersDesk
from ringfleet.kube.access import Access, Caller
from ringfleet.kube.client import Kube
from ringfleet.objects.offers import OFFERS_PATH, TOKEN_HEADER
from tests.controllers.rig import HERE, HOUSE, Rig, a_rig, an_account, in_virtual_time
from tests.kube.virtual_time import now
from tests.plan.builders import an_offer


@pytest.fixture(autouse=True)
def let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody is called by the token, and may ask. Who may is held by the real API server's story."""

    async def whose(_: Kube, token: str, __: str) -> Caller:
        return Caller(token, "", (), (), None)

    async def always(*_: Kube | Caller | Access) -> bool:
        return True

    monkeypatch.setattr(offers, "review_token", whose)
    monkeypatch.setattr(offers, "may", always)


def a_request(person: str, body: object = None) -> web.Request:
    """`body` None: it never comes to its end."""
    payload = StreamReader(mock.Mock(_reading_paused=False), 2**16, loop=asyncio.get_running_loop())
    if body is not None:
        payload.feed_data(json.dumps(body).encode())
        payload.feed_eof()
    return make_mocked_request("POST", OFFERS_PATH, headers={TOKEN_HEADER: person}, payload=payload)


def told(reply: web.Response) -> dict[str, object]:
    assert isinstance(reply.body, bytes)
    answer: dict[str, object] = json.loads(reply.body)
    return answer


def question(**more: object) -> dict[str, object]:
    return {"namespace": HERE, "country": "US", "areaCodes": ["415"], **more}


async def asked(rig: Rig, **more: object) -> list[dict[str, object]]:
    reply = await OffersDesk(rig.services).answer(a_request("ann", question(**more)))
    assert reply.status == 200
    carriers = told(reply)["carriers"]
    assert isinstance(carriers, list)
    return carriers


@in_virtual_time
async def test_one_person_who_asks_too_often_waits_and_nobody_else_does() -> None:
    async with a_rig(*HOUSE) as rig:
        desk = OffersDesk(rig.services)
        replies = [await desk.answer(a_request("ann", {})) for _ in range(BURST + 1)]
        assert [one.status for one in replies] == [400] * BURST + [429]
        assert replies[-1].headers["Retry-After"] == "1"
        assert (await desk.answer(a_request("ben", {}))).status == 400
        await asyncio.sleep(1.0)
        assert (await desk.answer(a_request("ann", {}))).status == 400


@in_virtual_time
async def test_a_body_that_does_not_come_is_given_up() -> None:
    async with a_rig(*HOUSE) as rig:
        began = now()
        reply = await OffersDesk(rig.services).answer(a_request("ann"))
        assert (reply.status, now() - began) == (408, BODY_SECONDS)


@in_virtual_time
async def test_each_account_answers_by_itself_and_one_that_takes_too_long_says_so() -> None:
    async with a_rig(*HOUSE, an_account("spare")) as rig:
        rig.carrier.stock += [an_offer(1), an_offer(2, area_code="212")]
        rig.carriers[f"{HERE}/spare"].takes["search"] = 3600.0
        quick, slow = await asked(rig)
        assert quick["offers"] == [
            {
                "number": str(an_offer(1).number),
                "areaCode": "415",
                "region": None,
                "capabilities": ["Voice"],
                "monthly": "2",
                "setup": "1",
                "currency": "USD",
                "needsDocuments": False,
            }
        ]
        assert slow["trouble"] == "The carrier has not answered within 25 seconds."


@in_virtual_time
async def test_an_account_that_lets_a_namespace_in_answers_there_and_any_other_is_as_one_that_is_not() -> None:
    async with a_rig(*HOUSE, an_account("spare", allowedNamespaces=["team"])) as rig:
        carriers = await asked(rig, namespace="team", accounts=[f"{HERE}/spare", f"{HERE}/main", f"{HERE}/none"])
        assert [one["trouble"] for one in carriers] == [
            None,
            "There is no such account, or it does not let this namespace in.",
            "There is no such account, or it does not let this namespace in.",
        ]
