"""The traffic of a namespace's numbers, as the operator reads it: page by page, whatever set they are in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from ringfleet.dispatch.app import Dispatcher
from ringfleet.dispatch.auth import Act
from ringfleet.dispatch.inventory import Inventory
from ringfleet.dispatch.ledger.open import open_ledger
from ringfleet.dispatch.ledger.types import Heard
from ringfleet.dispatch.metrics import Metrics
from ringfleet.kube.client import Kube
from ringfleet.model.traffic import CarrierEvent, Happening
from tests.controllers.api_double import ApiDouble
from tests.controllers.rig import HERE
from tests.dispatch.fleet import fleet
from tests.dispatch.test_picks import HASHER, Noon
from tests.plan.builders import digits

PATH = f"/v1/namespaces/{HERE}/numbers/rollup"
AT = datetime(2026, 11, 24, 17, 30, tzinfo=UTC)
NONE = {"calls": 0, "answered": 0, "messages": 0, "delivered": 0, "failed": 0, "received": 0}


class Doorkeeper:
    """Lets everybody in, and notes what they asked for."""

    def __init__(self) -> None:
        self.asked: list[Act] = []

    async def allow(self, _: str | None, act: Act) -> None:
        self.asked.append(act)


class Office:
    def __init__(self, app: Any, ledger: Any, door: Doorkeeper) -> None:
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://dispatcher")
        self.ledger = ledger
        self.door = door

    async def ask(self, **query: Any) -> Any:
        reply = await self.client.get(PATH, params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def hear(self, happening: Happening, n: int = 1, at: datetime = AT, **more: Any) -> None:
        event = CarrierEvent(f"{happening}-{n}-{at}", happening, at, digits(n), subject=f"call-{n}")
        await self.ledger.ingest([Heard(f"{HERE}/main", replace(event, **more))])


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    kube = Kube(ApiDouble([]))  # type: ignore[arg-type]  # the double is the transport
    await fleet(kube)
    clock, door = Noon(), Doorkeeper()
    async with open_ledger(f"sqlite:{tmp_path}/ledger.sqlite") as ledger:
        inventory = Inventory(kube, ledger, clock)
        running = asyncio.create_task(inventory.run())
        await inventory.synced.wait()
        yield Office(Dispatcher(ledger, inventory, door, clock, lambda: HASHER, Metrics()).app(), ledger, door)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_numbers_are_told_with_what_their_carrier_says_and_nothing_of_those_at_rest(office: Office) -> None:
    await office.hear(Happening.CALL_STARTED)
    await office.hear(Happening.MESSAGE_SENT, at=AT.replace(day=23))
    await office.hear(Happening.NUMBER_LABELLED, label="Spam Likely", subject="")
    hour = "2026-11-24T17:00:00Z"
    assert await office.ask() == {
        "day": "2026-11-23",
        "numbers": [
            {
                **{"number": digits(1), "account": f"{HERE}/main", "openCalls": 1, "lastTraffic": hour},
                **{"label": "Spam Likely", "labelledAt": "2026-11-24T17:30:00Z"},
                **{"day": {**NONE, "messages": 1}, "recent": {**NONE, "calls": 1}},
                **{"week": {**NONE, "calls": 1, "messages": 1}, "month": {**NONE, "calls": 1, "messages": 1}},
            }
        ],
        "accounts": [{"account": f"{HERE}/main", "first": "2026-11-23T17:00:00Z", "last": hour}],
        "next": None,
    }
    assert office.door.asked == [Act("get", "rollup", HERE, "", "phonenumbers")]


async def test_a_page_says_where_the_next_begins(office: Office) -> None:
    for n in (1, 2):
        await office.hear(Happening.CALL_STARTED, n)
    first = await office.ask(limit=1)
    second = await office.ask(limit=1, after=first["next"])
    last = await office.ask(limit=1, after=second["next"])
    told = [[one["number"] for one in page["numbers"]] for page in (first, second, last)]
    assert (told, last["next"]) == ([[digits(1)], [digits(2)], []], None)


async def test_a_limit_that_is_none_is_refused(office: Office) -> None:
    assert (await office.client.get(PATH, params={"limit": "0"})).status_code == 400
