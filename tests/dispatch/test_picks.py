"""What a recipient's number says about a pick: by whose clock it is night, and whose opt-out counts.

No number of the set may be used here, so a pick that nothing else stands against ends as `no-eligible-number`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ringfleet.dispatch.clock import Clock
from ringfleet.dispatch.inventory import Inventory
from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.open import open_ledger
from ringfleet.dispatch.ledger.types import Suppression
from ringfleet.dispatch.picks import Picker
from ringfleet.dispatch.problems import Problem
from ringfleet.dispatch.recipients import Hasher
from ringfleet.kube.client import Kube
from tests.controllers.api_double import ApiDouble
from tests.controllers.rig import HERE
from tests.dispatch.fleet import fleet

HASHER = Hasher((b"key-of-this-year", b"key-of-last-year"))
FREE = "no-eligible-number"
TOLL_FREE, SATELLITE = "+18335550123", "+881612345678"
PENSACOLA, GARY, CHATTANOOGA = "+18504340123", "+12198820123", "+14237560123"


class Noon(Clock):
    """A clock that stands where a test has put it."""

    def __init__(self) -> None:
        super().__init__()
        self.at = datetime(2026, 11, 24, 18, tzinfo=UTC)

    def now(self) -> float:
        return self.at.timestamp()


class Desk:
    """One set and who asks it."""

    def __init__(self, picker: Picker, ledger: Ledger, clock: Noon) -> None:
        self.picker = picker
        self.ledger = ledger
        self.clock = clock

    async def problem(self, to: str) -> dict[str, Any]:
        with pytest.raises(Problem) as caught:
            await self.picker.pick(HERE, "calls", "a-key", json.dumps({"to": to}).encode(), False)
        return caught.value.document()

    async def says(self, to: str, at: str | None = None, zone: str = "UTC") -> str:
        """The type of the problem; `at` such as 2026-11-29T07:15."""
        if at is not None:
            self.clock.at = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone))
        kind: str = (await self.problem(to))["type"].rpartition("/")[2]
        return kind


MakeDesk = Callable[..., Any]


@pytest.fixture
def a_desk(tmp_path: Path) -> MakeDesk:
    @asynccontextmanager
    async def make(**spec: Any) -> AsyncIterator[Desk]:
        kube = Kube(ApiDouble([]))  # type: ignore[arg-type]  # the double is the transport
        await fleet(kube, **spec)
        clock = Noon()
        async with open_ledger(f"sqlite:{tmp_path}/ledger.sqlite") as ledger:
            inventory = Inventory(kube, ledger, clock)
            running = asyncio.create_task(inventory.run())
            await inventory.synced.wait()
            yield Desk(Picker(ledger, inventory, clock, lambda: HASHER), ledger, clock)
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    return make


@pytest.mark.parametrize(
    ("to", "zone", "early", "late"),
    [
        pytest.param(PENSACOLA, "America/Chicago", "2026-11-29T07:15", "2026-11-29T20:45", id="+1 850 434"),
        pytest.param(GARY, "America/Chicago", "2026-11-29T07:15", "2026-11-29T20:45", id="+1 219 882"),
        pytest.param(CHATTANOOGA, "America/New_York", "2026-11-29T21:30", "2026-11-29T08:15", id="+1 423 756"),
    ],
)
async def test_guardrail_the_clock_is_that_of_the_exchange_and_not_of_another_one_in_the_area_code(
    a_desk: MakeDesk, to: str, zone: str, early: str, late: str
) -> None:
    """At a quarter past seven in Pensacola it is a quarter past eight in Tallahassee, which has the same area code."""
    async with a_desk() as desk:
        assert await desk.says(to, early, zone) == "quiet-hours"
        assert await desk.says(to, late, zone) == FREE


@pytest.mark.parametrize("to", [TOLL_FREE, SATELLITE, "+14365550123"])
async def test_guardrail_a_recipient_of_no_known_clock_is_refused_without_a_time_that_never_comes(
    a_desk: MakeDesk, to: str
) -> None:
    async with a_desk() as desk:
        problem = await desk.problem(to)
    assert (problem["status"], problem["type"].rpartition("/")[2]) == (409, "time-zone-unknown")
    assert "notBefore" not in problem
    assert "spec.quietHours.defaultTimeZone" in problem["detail"]


async def test_the_set_may_say_by_which_clock_such_a_recipient_is_called(a_desk: MakeDesk) -> None:
    async with a_desk(quietHours={"defaultTimeZone": "America/Denver"}) as desk:
        assert await desk.says(TOLL_FREE, "2026-11-24T12:00", "America/Denver") == FREE
        assert await desk.says(TOLL_FREE, "2026-11-24T21:00", "America/Denver") == "quiet-hours"
        assert await desk.says("+12125550123", "2026-11-24T20:00", "America/Denver") == "quiet-hours"  # New York's own


async def test_a_default_clock_that_is_none_is_told_and_nobody_is_called_by_it(a_desk: MakeDesk) -> None:
    async with a_desk(quietHours={"defaultTimeZone": "Mars/Olympus"}) as desk:
        problem = await desk.problem(TOLL_FREE)
    assert problem["type"].endswith("/set-invalid")
    assert "spec.quietHours.defaultTimeZone 'Mars/Olympus'" in problem["detail"]


@pytest.mark.parametrize(
    ("said", "called"),
    [
        pytest.param("+541155500123", "+5491155500123", id="Argentina's 9"),
        pytest.param("+5491155500123", "+541155500123", id="without it"),
        pytest.param("+551185550123", "+5511985550123", id="Brazil's ninth digit"),
        pytest.param("+5511985550123", "+551185550123", id="without it in Brazil"),
    ],
)
async def test_guardrail_who_has_opted_out_is_known_by_every_spelling_of_the_number(
    a_desk: MakeDesk, said: str, called: str
) -> None:
    async with a_desk() as desk:
        await desk.ledger.suppress([Suppression("set:shop/calls", HASHER.hashes(said)[0], 0.0, "our own list")])
        assert await desk.says(called) == "recipient-suppressed"
