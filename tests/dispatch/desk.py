"""A dispatcher's routes before a real ledger, with one set whose numbers may be used, and a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx

from ringfleet.dispatch.app import Dispatcher
from ringfleet.dispatch.auth import Anybody
from ringfleet.dispatch.clock import Clock
from ringfleet.dispatch.inventory import ServiceView, SetView, terms_of
from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.open import open_ledger
from ringfleet.dispatch.ledger.types import Roster
from ringfleet.dispatch.metrics import Metrics
from ringfleet.dispatch.recipients import Hasher
from ringfleet.model.refs import ObjectRef
from ringfleet.model.rotation import Channel, LocalPresence
from ringfleet.plan.freeze import Freeze
from ringfleet.plan.rotation_set.guardrails import Governed, QuietHours, RotationWant, Terms
from ringfleet.plan.rotation_set.roster import Day, Member
from tests.dispatch.ledger.builders import a_member

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
AWAKE = Governed(Terms(quiet=QuietHours(NOON.time(), NOON.time())))
HASHER = Hasher((b"key-of-this-year", b"key-of-last-year"))
ANN, BOB = "+14155550198", "+14155550197"


class Moved(Clock):
    """It stands where a test has put it."""

    at = NOON.timestamp()

    def now(self) -> float:
        return self.at


def a_want(name: str = "calls", **changes: Any) -> RotationWant:
    plain = RotationWant("shop", name, Channel.VOICE, (), 10, 10, governed=AWAKE, presence=LocalPresence.NONE)
    return replace(plain, **changes)


class Inventory:
    """Sets as a test puts them; they change with nothing."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._views: dict[ObjectRef, SetView] = {}
        self._members: dict[ObjectRef, tuple[Member, ...]] = {}
        self.services: dict[ObjectRef, ServiceView] = {}
        self.freeze: Freeze | None = None
        self.synced = asyncio.Event()
        self.synced.set()

    async def put(self, want: RotationWant, members: Iterable[Member]) -> None:
        key = ObjectRef(want.namespace, want.name)
        self._views[key], self._members[key] = SetView(want), tuple(members)
        await self.enter_day(self._views[key], self._views[key].window(self._clock.now()).day)

    async def enter_day(self, view: SetView, day: date) -> None:
        members = self._members[ObjectRef(view.want.namespace, view.want.name)]
        await self._ledger.enlist(Roster(view.want.key, day.toordinal(), members, terms_of(view.want)))
        view.day, view.roster = day, Day(members, ())

    def view(self, namespace: str, name: str) -> SetView | None:
        return self._views.get(ObjectRef(namespace, name))

    def freeze_of(self, _: SetView) -> None:
        return None

    def freeze_of_everything(self) -> Freeze | None:
        return self.freeze

    def service(self, namespace: str, name: str) -> ServiceView | None:
        return self.services.get(ObjectRef(namespace, name))

    def age(self) -> float:
        return 0.0


class Desk:
    """Who calls it, and what it works with."""

    def __init__(self, client: httpx.AsyncClient, ledger: Ledger, inventory: Inventory, clock: Moved) -> None:
        self.client = client
        self.ledger = ledger
        self.inventory = inventory
        self.clock = clock

    def after(self, seconds: float) -> None:
        self.clock.at = NOON.timestamp() + seconds

    async def pick(self, to: str, key: str = "k", set_: str = "calls", **body: Any) -> httpx.Response:
        return await self.client.post(f"{_path(set_)}/picks", json={"to": to, **body}, headers={"Idempotency-Key": key})

    async def get(self, what: str, set_: str = "calls") -> httpx.Response:
        return await self.client.get(f"{_path(set_)}/{what}")

    async def send(self, method: str, what: str, body: dict[str, Any], set_: str = "calls") -> httpx.Response:
        return await self.client.request(method, f"{_path(set_)}/{what}", json=body)

    async def delete(self, what: str, set_: str = "calls") -> httpx.Response:
        return await self.client.delete(f"{_path(set_)}/{what}")


def _path(set_: str) -> str:
    return f"/v1/namespaces/shop/rotationsets/{set_}"


@asynccontextmanager
async def a_desk(folder: Path, *members: Member, hasher: Hasher = HASHER, **changes: Any) -> AsyncIterator[Desk]:
    """Of one set, as `changes` has it; without `members` it has one number."""
    clock = Moved()
    async with open_ledger(f"sqlite:{folder}/ledger.sqlite") as ledger:
        inventory: Any = Inventory(ledger, clock)
        await inventory.put(a_want(**changes), members or (a_member(1),))
        app = Dispatcher(ledger, inventory, Anybody(), clock, lambda: hasher, Metrics()).app()
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://dispatcher") as client:
            yield Desk(client, ledger, inventory, clock)
