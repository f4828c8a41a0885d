"""Two replicas: one works, the other one knows everything and stands by; and what becomes of a leader that can't say
that it is there."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ringfleet.controllers.followers import troubles
from ringfleet.controllers.leadership import LEASE_NAME, LeadershipLost
from ringfleet.kube.transport import Json
from ringfleet.model import Mark
from tests.controllers.rig import HERE, HOUSE, RESOURCES, Rig, a_pool, a_rig, an_order, beside, in_virtual_time
from tests.controllers.test_runtime import at_target, stocked
from tests.controllers.test_stopped_process import a_number_that_goes, a_pool_that_lets_go
from tests.kube.virtual_time import now
from tests.plan.builders import a_holding, digits

LEASE_S = 10
UNTIL_LOOKS_S = 1.0
"""How long `Rig.until` may take to see that something has happened."""


@asynccontextmanager
async def two(*objects: Json) -> AsyncIterator[tuple[Rig, Rig]]:
    async with (
        a_rig(*HOUSE, *objects, begun=False, identity="operator-a", leader_election=True) as first,
        beside(first, identity="operator-b", leader_election=True) as second,
    ):
        yield stocked(first, 9), second


async def leader(rig: Rig) -> str:
    lease = await rig.find("Lease", LEASE_NAME, rig.services.settings.system_namespace)
    assert lease
    return str(lease["spec"]["holderIdentity"]).split("_")[0]


def leads(rig: Rig) -> bool:
    return rig.services.leadership.held


async def _leads(rig: Rig) -> bool:
    return leads(rig)


async def _stands_by(rig: Rig) -> bool:
    return rig.services.leadership.stands_by


@in_virtual_time
async def test_one_of_two_replicas_works_and_the_other_one_is_ready_and_knows_everything() -> None:
    async with two(a_pool(2)) as (first, second), first.running():
        await first.until(lambda: _leads(first))
        async with second.running():
            await first.until(lambda: at_target(first), within=60)
            await second.until(lambda: _stands_by(second), within=5)
            assert (leads(first), leads(second), await leader(first)) == (True, False, "operator-a")
            assert (troubles(second.services), len(second.services.fleet.numbers)) == ([], 2)
            assert not second.services.queues.intents.active
            assert first.carrier.billed == Counter([digits(1), digits(2)])


@in_virtual_time
async def test_a_leader_that_ends_in_good_order_is_followed_at_once() -> None:
    async with two(a_pool(2)) as (first, second):
        async with first.running():
            await first.until(lambda: at_target(first), within=60)
            waiting = second.running()
            await waiting.__aenter__()
        try:
            took = await second.until(lambda: _leads(second), within=LEASE_S)
            assert took <= second.services.leadership.between_looks + UNTIL_LOOKS_S
            await second.change("NumberPool", "west", {"spec": {"size": {"target": 3}}})
            await second.until(lambda: _available(second, 3), within=60)
        finally:
            await waiting.__aexit__(None, None, None)


@in_virtual_time
async def test_who_begins_to_lead_knows_what_its_own_watch_has_missed() -> None:
    async with two() as (first, second):
        async with first.running():
            await first.until(lambda: _leads(first))
            waiting = second.running(misses="NumberPool")
            await waiting.__aenter__()
            await second.until(lambda: _stands_by(second))
        try:
            await second.create(a_pool(2))
            await second.until(lambda: _available(second, 2), within=60)
        finally:
            await waiting.__aexit__(None, None, None)


async def _available(rig: Rig, count: int) -> bool:
    return len(await rig.names("PhoneNumber")) == count and await at_target(rig)


@in_virtual_time
async def test_a_leader_that_was_killed_is_followed_when_its_lease_has_run_out_and_nothing_is_bought_twice() -> None:
    async with two(a_pool(4)) as (first, second):
        asked_to_sell = asyncio.Event()

        async def never_ends() -> None:
            asked_to_sell.set()
            await asyncio.Event().wait()

        first.carrier.before_buying = never_ends
        running = asyncio.create_task(first.run())
        async with asyncio.timeout(60):
            await asked_to_sell.wait()
        first.services.leadership._held = None  # who is killed gives nothing back
        running.cancel()
        first.carrier.before_buying, killed = None, now()
        async with second.running():
            await second.until(lambda: _leads(second), within=60)
            look = second.services.leadership.between_looks
            assert LEASE_S - look <= now() - killed <= LEASE_S + look + UNTIL_LOOKS_S
            await second.until(lambda: _available(second, 4), within=600)
            assert first.carrier.billed == Counter(digits(n) for n in (1, 2, 3, 4))


@in_virtual_time
async def test_a_leader_whose_api_server_is_away_rests_and_goes_on_when_it_answers() -> None:
    async with two(a_pool(1)) as (first, _), first.running():
        await first.until(lambda: at_target(first), within=60)
        first.api.refuse("update", "leases", 503, times=300)
        await first.until(lambda: _rests(first), within=60)
        assert troubles(first.services) == [
            "It led, and could not say so in time: the API server does not take its Lease."
        ]
        written = first.api.version
        await first.change("NumberPool", "west", {"spec": {"size": {"target": 2}}})
        await asyncio.sleep(30)
        assert first.api.version == written + 1, "only what the person wrote"
        await first.until(lambda: _available(first, 2), within=1200)


async def _rests(rig: Rig) -> bool:
    return not leads(rig)


@in_virtual_time
async def test_a_leader_that_finds_its_lease_with_another_one_ends() -> None:
    async with two() as (first, second):
        running = asyncio.create_task(first.run())
        await first.until(lambda: _leads(first))
        lease = await first.find("Lease", LEASE_NAME, first.services.settings.system_namespace)
        assert lease
        lease["spec"]["holderIdentity"] = "operator-b_1"
        await second.kube.replace(RESOURCES["Lease"], lease["metadata"]["namespace"], LEASE_NAME, lease)
        with pytest.raises(LeadershipLost, match="'operator-b_1' holds the Lease ringfleet-system/ringfleet-operator"):
            async with asyncio.timeout(60):
                await running


# Directly before money moves.


async def its_time_runs_out(rig: Rig, during: tuple[str, str]) -> None:
    """It leads, and is stopped during a look for as long as its Lease holds, and shorter than the look does."""
    assert await rig.services.leadership.win()
    rig.api.meanwhile(*during, lambda: asyncio.sleep(LEASE_S + 1))


@in_virtual_time
async def test_a_leader_whose_time_ran_out_during_the_last_look_buys_nothing() -> None:
    async with a_rig(*HOUSE, a_pool(1), an_order(1), leader_election=True) as rig:
        await its_time_runs_out(stocked(rig), ("get", "configmaps"))
        for _ in range(4):
            await rig.turn("NumberOrder", "west-1")
        assert (rig.carrier.billed, leads(rig)) == (Counter(), False)
        await asyncio.sleep(60)
        assert await rig.services.leadership.win()
        for _ in range(4):
            await rig.turn("NumberOrder", "west-1")
        assert rig.carrier.billed == Counter([digits(1)])


@in_virtual_time
async def test_a_leader_whose_time_ran_out_during_the_last_look_lets_no_number_go() -> None:
    async with a_rig(*HOUSE, a_pool_that_lets_go(), a_number_that_goes(), leader_election=True) as rig:
        rig.carrier.held = {digits(1): a_holding(1, mark=Mark("home", HERE, "west"))}
        await its_time_runs_out(rig, ("get", "configmaps"))
        await rig.turn("PhoneNumber", digits(1).digits)
        assert digits(1) in rig.carrier.held
        assert await rig.services.leadership.win()
        await rig.turn("PhoneNumber", digits(1).digits)
        assert digits(1) not in rig.carrier.held
