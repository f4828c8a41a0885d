"""What is frozen is not picked, be it everything, an account or a pool; also from an inventory that is old."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from ringfleet.dispatch.clock import Clock
from ringfleet.dispatch.inventory import Inventory
from ringfleet.dispatch.ledger.types import Roster
from ringfleet.dispatch.picks import Picker
from ringfleet.dispatch.problems import Problem
from ringfleet.dispatch.recipients import Hasher
from ringfleet.kube.client import Kube
from ringfleet.kube.transport import Json
from ringfleet.model.refs import Resource
from ringfleet.plan.rotation_set.roster import State
from tests.controllers.api_double import ApiDouble
from tests.controllers.rig import HERE, RESOURCES
from tests.dispatch.fleet import fleet
from tests.kube.virtual_time import run_in_virtual_time
from tests.plan.builders import digits

SYSTEM = "elsewhere"
FREEZE: Json = {"metadata": {"name": "ringfleet-freeze"}, "data": {"who": "ada", "why": "strange bills"}}
FIRST, SECOND = digits(1), digits(2)
SAID = {"metadata": {"annotations": {"ringfleet.dev/frozen": "ada: strange bills"}}}


class Rosters:
    """A ledger as far as the inventory asks it: it takes rosters in, and was never asked to pick."""

    def __init__(self) -> None:
        self.members: dict[str, State] = {}

    async def enlist(self, roster: Roster) -> None:
        self.members = {member.number: member.state for member in roster.members}

    def on_taken(self, hear: object) -> None:
        """It never changes hands."""

    async def pick(self, ask: object) -> object:
        raise AssertionError(f"a number was asked for: {ask}")


@asynccontextmanager
async def following(api: ApiDouble) -> AsyncIterator[tuple[Inventory, Rosters]]:
    ledger: Any = Rosters()
    inventory = Inventory(Kube(api), ledger, Clock(), None, SYSTEM)  # type: ignore[arg-type]  # the double is the transport
    running = asyncio.create_task(inventory.run())
    try:
        yield inventory, ledger
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def heard() -> None:
    """In virtual time: whatever is on its way has come."""
    await asyncio.sleep(1.0)


async def refused(inventory: Inventory, ledger: Any, *, dry_run: bool = False) -> dict[str, Any]:
    picker = Picker(ledger, inventory, Clock(), lambda: Hasher((b"x" * 32,)))
    with pytest.raises(Problem) as caught:
        await picker.pick(HERE, "calls", "key", b'{"to": "+14155550198"}', dry_run)
    return caught.value.document()


@pytest.mark.parametrize("dry_run", [False, True])
def test_while_everything_is_frozen_no_set_gives_a_number_and_the_answer_says_why(dry_run: bool) -> None:
    async def main() -> None:
        api = ApiDouble([])
        kube = Kube(api)  # type: ignore[arg-type]  # the same
        await fleet(kube)
        await kube.create(RESOURCES["ConfigMap"], SYSTEM, FREEZE)
        async with following(api) as (inventory, ledger):
            await inventory.synced.wait()
            problem = await refused(inventory, ledger, dry_run=dry_run)
        assert (problem["status"], problem["type"].rpartition("/")[2]) == (503, "frozen")
        assert "frozen by ada (strange bills)" in problem["detail"]
        assert "kubectl ringfleet thaw --all" in problem["detail"]

    run_in_virtual_time(main())


def test_an_old_inventory_keeps_what_was_frozen_last() -> None:
    """The API server is away: picks would go on, and do not."""

    async def main() -> None:
        api = ApiDouble([])
        kube = Kube(api)  # type: ignore[arg-type]  # the same
        await fleet(kube)
        await kube.create(RESOURCES["ConfigMap"], SYSTEM, FREEZE)
        async with following(api) as (inventory, ledger):
            await inventory.synced.wait()
            api.refuse("list", "configmaps", 503, times=1000)
            api.forget()
            api.cut_watches()
            await asyncio.sleep(3600)
            assert (await refused(inventory, ledger))["status"] == 503

    run_in_virtual_time(main())


@pytest.mark.parametrize(
    ("frozen", "left"),
    [
        pytest.param(("CarrierAccount", "main"), [], id="the account of all"),
        pytest.param(("NumberPool", "west"), [SECOND], id="the pool of one"),
    ],
)
def test_the_numbers_of_a_frozen_account_or_pool_are_used_for_nobody(frozen: tuple[str, str], left: list[str]) -> None:
    async def main() -> None:
        api = ApiDouble([])
        kube = Kube(api)  # type: ignore[arg-type]  # the same
        await fleet(kube)
        async with following(api) as (inventory, ledger):
            await inventory.synced.wait()
            kind, name = frozen
            await kube.patch(_place(kind), HERE, name, SAID)
            await heard()
            usable = [number for number, state in ledger.members.items() if state is not State.QUARANTINED]
            view = inventory.view(HERE, "calls")
            assert view
            assert view.unfit["frozen"] == 2 - len(left)
            if not left:
                assert (await refused(inventory, ledger))["type"].endswith("frozen")
            await kube.patch(_place(kind), HERE, name, {"metadata": {"annotations": {"ringfleet.dev/frozen": None}}})
            await heard()
            assert (view.unfit["frozen"], inventory.freeze_of(view)) == (0, None)
        assert [one for one in usable if one in left] == usable

    run_in_virtual_time(main())


def _place(kind: str) -> Resource:
    return RESOURCES[kind]


@pytest.mark.parametrize(("supply", "seen"), [(None, 2), (["stock"], 2), ([HERE], 0)])
def test_a_dispatcher_of_one_namespace_sees_the_numbers_of_a_shared_pool(supply: list[str] | None, seen: int) -> None:
    """They are in the pool's namespace, and not in that of the sets that have them."""

    async def main() -> None:
        api, ledger = ApiDouble([]), Rosters()
        kube = Kube(api)  # type: ignore[arg-type]  # the same
        await fleet(kube, stock="stock")
        inventory = Inventory(kube, ledger, Clock(), [HERE], SYSTEM, supply)  # type: ignore[arg-type]  # as far as asked
        running = asyncio.create_task(inventory.run())
        await inventory.synced.wait()
        running.cancel()
        assert len(ledger.members) == seen

    run_in_virtual_time(main())


def test_nothing_is_picked_before_the_freeze_was_looked_for() -> None:
    async def main() -> None:
        api = ApiDouble([])
        await fleet(Kube(api))  # type: ignore[arg-type]  # the same
        api.refuse("list", "configmaps", 403, times=1000)
        async with following(api) as (inventory, ledger):
            await asyncio.sleep(600)
            assert (await refused(inventory, ledger))["type"].endswith("inventory-unknown")

    run_in_virtual_time(main())
