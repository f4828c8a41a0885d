"""The whole engine running, in memory and virtual time: queues, informers and the start."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown
from ringfleet.kube.errors import Forbidden
from ringfleet.model import Capability
from tests.controllers.rig import HOUSE, Rig, a_claim, a_number, a_pool, a_profile, a_rig, a_set, in_virtual_time
from tests.kube.virtual_time import now
from tests.plan.builders import a_holding, an_offer, digits

NUMBERS = [digits(n).digits for n in (1, 2, 3)]


def stocked(rig: Rig, count: int = 3) -> Rig:
    voice = frozenset({Capability.VOICE})
    rig.carrier.stock += [an_offer(n, capabilities=voice) for n in range(1, count + 1)]
    return rig


async def at_target(rig: Rig) -> bool:
    return await rig.says("NumberPool", "west") == "True AtTarget"


async def phases(rig: Rig) -> Counter[str]:
    statuses = [await rig.status("PhoneNumber", name) for name in await rig.names("PhoneNumber")]
    return Counter(status.get("phase", "") for status in statuses)


@in_virtual_time
async def test_a_pool_becomes_numbers_that_are_free_and_a_claim_gets_one_and_another_is_bought_in_its_place() -> None:
    pool = a_pool(2, routingProfileRef={"name": "sip"})
    async with a_rig(*HOUSE, a_profile(), pool, begun=False) as rig, stocked(rig).running():
        await rig.until(lambda: at_target(rig), within=60)
        assert (await phases(rig), await rig.names("PhoneNumber")) == (Counter(Available=2), NUMBERS[:2])
        await rig.create(a_claim())
        took = await rig.until(lambda: _is_bound(rig), within=5)
        assert took <= 0.2, "no carrier, no debounce and no other key is waited for"
        await rig.until(lambda: _is_at(rig, Available=2, Bound=1), within=60)
        assert rig.carrier.billed == Counter(digits(n) for n in (1, 2, 3))


async def _is_bound(rig: Rig, name: str = "desk") -> bool:
    return (await rig.status("NumberClaim", name)).get("phase") == "Bound"


async def _is_at(rig: Rig, **expected: int) -> bool:
    return await phases(rig) == Counter(expected)


@in_virtual_time
async def test_a_set_gets_its_claims_its_numbers_and_its_members() -> None:
    async with a_rig(*HOUSE, a_pool(0), a_set(3), begun=False) as rig, stocked(rig).running():
        await rig.until(lambda: _is_at(rig, Bound=3), within=60)
        members = (await rig.status("RotationSet", "calls"))["members"]
        assert members["total"] == 3


@in_virtual_time
async def test_a_turn_that_meets_another_writer_is_taken_again_soon_with_what_was_written() -> None:
    async with a_rig(*HOUSE, begun=False) as rig, stocked(rig).running():
        await rig.until(lambda: _is_reachable(rig))

        async def somebody_raises_the_target() -> None:
            await rig.change("NumberPool", "west", {"spec": {"size": {"target": 2}}})

        rig.api.meanwhile("patch", "numberpools/status", somebody_raises_the_target)
        await rig.create(a_pool(1))
        await rig.until(lambda: _is_at(rig, Available=2), within=30)
        order = await rig.find("NumberOrder", "west-1")
        assert order
        assert (order["spec"]["count"], await rig.names("NumberOrder")) == (2, ["west-1"])


async def _is_reachable(rig: Rig) -> bool:
    return await rig.says("CarrierAccount", "main") == "True Reachable"


@pytest.mark.parametrize("code", [409, 403, 500, 503, 429])
@in_virtual_time
async def test_an_api_server_that_refuses_writes_for_a_while_delays_and_doubles_nothing(code: int) -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig:
        for verb, target in (
            *(("patch", "numberpools/status"), ("create", "numberorders"), ("patch", "numberorders/status")),
            *(("create", "phonenumbers"), ("patch", "phonenumbers/status"), ("create", "leases")),
        ):
            rig.api.refuse(verb, target, code, times=3)
        async with stocked(rig).running():
            await rig.until(lambda: at_target(rig), within=300)
            assert (await phases(rig), rig.carrier.billed) == (Counter(Available=2), Counter([digits(1), digits(2)]))
            assert await rig.names("NumberOrder") == ["west-1"]


@in_virtual_time
async def test_a_carrier_that_fails_at_every_step_once_ends_with_each_number_bought_once() -> None:
    async with a_rig(*HOUSE, a_profile(), a_pool(2, routingProfileRef={"name": "sip"}), begun=False) as rig:
        for call in ("balance", "search", "find", "ensure_routing", "route", "holdings"):
            rig.carrier.fail(call, CarrierUnavailable("It is down."))
        rig.carrier.fail("buy", CarrierUnavailable("It is down."))
        rig.carrier.lose_reply("buy", OutcomeUnknown("The reply was lost."))
        async with stocked(rig).running():
            await rig.until(lambda: at_target(rig), within=300)
            assert (await phases(rig), rig.carrier.billed) == (Counter(Available=2), Counter([digits(1), digits(2)]))


# What a watch does not tell.


@pytest.mark.parametrize(
    "forgotten", [pytest.param(False, id="watched on"), pytest.param(True, id="listed again, after a 410")]
)
@in_virtual_time
async def test_what_happened_while_the_watch_was_broken_is_seen_afterwards_deletions_too(forgotten: bool) -> None:
    async with a_rig(*HOUSE, a_pool(0), a_number(1), a_number(2), begun=False) as rig:
        rig.carrier.held |= {digits(n): a_holding(n, area_code="415") for n in (1, 2)}
        async with rig.running():
            await rig.until(lambda: _counts(rig, 2))
            lists = rig.api.lists_of("phonenumbers")
            rig.api.cut_watches()
            await rig.change("PhoneNumber", NUMBERS[0], {"metadata": {"finalizers": []}})
            await rig.delete("PhoneNumber", NUMBERS[0])
            if forgotten:
                rig.api.forget()
            await rig.until(lambda: _counts(rig, 1), within=60)
            assert rig.api.lists_of("phonenumbers") == lists + forgotten


async def _counts(rig: Rig, total: int) -> bool:
    counted = (await rig.status("NumberPool", "west")).get("numbers") or {}
    return counted.get("total") == total


@in_virtual_time
async def test_a_deletion_of_an_intent_that_no_watch_told_is_seen_at_the_next_relist() -> None:
    async with a_rig(*HOUSE, a_pool(0), a_claim(), begun=False) as rig, rig.running(misses_deletions=True):
        await rig.until(lambda: _says(rig, "False WaitingForNumber"))
        await rig.delete("NumberPool", "west")
        await rig.until(lambda: _says(rig, "False PoolMissing"), within=301)


async def _says(rig: Rig, said: str) -> bool:
    return await rig.says("NumberClaim", "desk") == said


# Start and end.


@in_virtual_time
async def test_an_engine_that_may_not_list_does_not_begin() -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig:
        rig.api.refuse("list", "numberpools", 403)
        with pytest.raises(Forbidden):
            await rig.run()
        assert rig.told() == []


@in_virtual_time
async def test_a_turn_that_is_under_way_when_the_engine_stops_is_ended_and_no_other_begins() -> None:
    async with a_rig(*HOUSE, a_pool(2), begun=False) as rig:
        bought = asyncio.Event()

        async def slowly() -> None:
            bought.set()
            await asyncio.sleep(5)

        stocked(rig).carrier.before_buying = slowly
        async with rig.running():
            await bought.wait()
            began = now()
        assert now() - began == pytest.approx(5.0, abs=0.1)
        items = (await rig.status("NumberOrder", "west-1"))["items"]
        assert ([item["state"] for item in items], await rig.names("PhoneNumber")) == (["Provisioned"] * 2, [])
