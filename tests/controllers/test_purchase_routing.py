"""A purchase that routes its numbers by itself: it waits until its account knows the profile, and for nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ringfleet.carriers.errors import RequestRejected
from ringfleet.kube.transport import Json
from tests.controllers.rig import HOUSE, Rig, a_pool, a_profile, a_rig, in_virtual_time
from tests.plan.builders import an_offer

POOL = a_pool(3, routingProfileRef={"name": "sip"})
WORLD: tuple[Json, ...] = (*HOUSE, a_profile(), POOL)


def routing_itself(rig: Rig) -> Rig:
    """The carrier can route in a purchase, and takes longer to be told a profile than to be searched."""
    rig.carrier.abilities = replace(rig.carrier.abilities, routing_in_purchase=True)
    rig.carrier.stock = [an_offer(n) for n in range(1, 9)]
    rig.carrier.takes["ensure_routing"] = 5.0
    return rig


def routed_one_by_one(rig: Rig) -> int:
    return len(rig.carrier.called_at.get("route", ()))


@in_virtual_time
async def test_the_first_purchase_of_a_pool_routes_its_numbers_so_that_none_needs_a_call_of_its_own() -> None:
    async with a_rig(*WORLD, begun=False) as rig:
        routing_itself(rig)
        async with rig.running():
            await asyncio.sleep(4)
            assert await rig.says("NumberOrder", "west-1") == "False Routing"
            await asyncio.sleep(26)
        assert [bool(purchase.routing) for purchase in rig.carrier.purchases] == [True]
        assert routed_one_by_one(rig) == 0
        assert await rig.says("NumberPool", "west") == "True AtTarget"


@in_virtual_time
async def test_a_profile_that_the_account_refuses_holds_no_purchase_up() -> None:
    async with a_rig(*WORLD, begun=False) as rig:
        routing_itself(rig).carrier.fail("ensure_routing", *[RequestRejected("no such connection")] * 9)
        async with rig.running():
            await asyncio.sleep(10)
        assert [purchase.routing for purchase in rig.carrier.purchases] == [None]


@in_virtual_time
async def test_a_carrier_that_never_answers_about_the_profile_holds_no_purchase_up_for_long() -> None:
    async with a_rig(*WORLD, begun=False) as rig:
        routing_itself(rig).carrier.takes["ensure_routing"] = 3600.0
        async with rig.running():
            await asyncio.sleep(60)
        assert [purchase.routing for purchase in rig.carrier.purchases] == [None]


@in_virtual_time
async def test_a_carrier_that_routes_number_by_number_sells_while_it_is_told_the_profile() -> None:
    async with a_rig(*WORLD, begun=False) as rig:
        routing_itself(rig).carrier.abilities = replace(rig.carrier.abilities, routing_in_purchase=False)
        async with rig.running():
            await asyncio.sleep(4)
            assert len(rig.carrier.purchases) == 1
