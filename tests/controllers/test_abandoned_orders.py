"""Orders that may have been at the carrier when their pool or account was deleted: they buy nothing more."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown
from ringfleet.kube.transport import Json
from ringfleet.model import Mark
from tests.controllers.rig import HERE, HOUSE, Rig, a_pool, a_rig, an_order, in_virtual_time, restarted
from tests.plan.builders import a_holding, an_offer, digits

FIRST, SECOND = digits(1), digits(2)
OURS = Mark("home", HERE, "west")
KEPT = 3600.0
"""Seconds until an order that has ended, and whose pool is gone, is looked at again."""
FROZEN = {"metadata": {"annotations": {"ringfleet.dev/frozen": "ada: strange bills"}}}
SENT = {"items": [{"number": FIRST, "state": "Unknown", "monthly": "2", "setup": "1"}], "key": "k"}


def stocked(rig: Rig) -> None:
    rig.carrier.stock += [an_offer(n) for n in range(1, 5)]


def states(status: Json) -> list[str]:
    return [item["state"] for item in status.get("items", ())]


async def message(rig: Rig) -> str:
    (said,) = (one for one in (await rig.status("NumberOrder", "west-1"))["conditions"] if one["type"] == "Ready")
    told: str = said["message"]
    return told


async def run(rig: Rig, turns: int = 30) -> int:
    """Turn after turn, each when the last one asked for it, until the order has ended; how many that took."""
    for turn in range(turns):
        delay = await rig.turn("NumberOrder", "west-1")
        if delay is None or delay >= KEPT:
            return turn + 1
        await asyncio.sleep(delay)
    raise AssertionError("the order does not end")


async def send(rig: Rig, meanwhile: Callable[[], Awaitable[object]]) -> None:
    """Choose, and submit; `meanwhile` happens after Submitting is written and before the last look."""
    stocked(rig)
    await rig.turn("NumberOrder", "west-1")
    rig.carrier.before_buying = meanwhile
    await rig.turn("NumberOrder", "west-1")
    rig.carrier.before_buying = None


@in_virtual_time
async def test_an_order_that_a_freeze_has_stopped_buys_nothing_when_the_frozen_pool_is_deleted() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        await send(rig, lambda: rig.change("NumberPool", "west", FROZEN))
        assert await rig.says("NumberOrder", "west-1") == "False Frozen"
        await rig.delete("NumberPool", "west")
        await rig.look()
        await rig.turn("NumberOrder", "west-1")
        assert (await rig.says("NumberOrder", "west-1"), states(await rig.status("NumberOrder", "west-1"))) == (
            "False PoolMissing",
            ["Submitting"] * 2,
        )
        assert "is looked up for a while, and then the order ends" in await message(rig)
        assert await run(rig) > 14
        status = await rig.status("NumberOrder", "west-1")
        assert ("completedAt" in status, status["phase"], status["failure"]) == (True, "Failed", "PoolMissing")
        assert (await rig.says("NumberOrder", "west-1"), await rig.says("NumberOrder", "west-1", "Reconciling")) == (
            "False PoolMissing",
            None,
        )
        assert "count as not bought" in await message(rig)
        assert (rig.carrier.purchases, rig.carrier.billed, await rig.names("PhoneNumber")) == ([], Counter(), [])


@pytest.mark.parametrize("annotated", [True, False], ids=["frozen and deleted", "deleted"])
@in_virtual_time
async def test_a_pool_that_is_deleted_before_the_watch_says_so_stops_the_purchase(annotated: bool) -> None:
    """The operator's copy knows neither freeze nor deletion: what stops it is the last live look."""

    async def go() -> None:
        if annotated:
            await rig.change("NumberPool", "west", FROZEN)
        await rig.delete("NumberPool", "west")

    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        await send(rig, go)
        assert (rig.carrier.purchases, states(await rig.status("NumberOrder", "west-1"))) == ([], ["Submitting"] * 2)
        assert "there is no NumberPool shop/west any more" in (await rig.status("NumberOrder", "west-1"))["lastError"]
        await rig.look()
        await run(rig)
        assert rig.carrier.billed == Counter()
        assert await rig.says("NumberOrder", "west-1") == "False PoolMissing"


@in_virtual_time
async def test_a_pool_that_is_suspended_before_the_watch_says_so_stops_the_purchase_until_it_goes_on() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        await send(rig, lambda: rig.change("NumberPool", "west", {"spec": {"suspend": True}}))
        assert rig.carrier.purchases == []
        assert await rig.turn("NumberOrder", "west-1") == 60.0
        assert (await rig.says("NumberOrder", "west-1"), rig.carrier.billed) == ("False Suspended", Counter())
        await rig.change("NumberPool", "west", {"spec": {"suspend": False}})
        await rig.look()
        assert "NumberOrder west-1" in await rig.woken(1.0)
        await run(rig)
        assert rig.carrier.billed == Counter([FIRST, SECOND])


@in_virtual_time
async def test_a_pool_that_is_made_anew_under_the_name_does_not_go_on_with_what_the_old_one_had_sent() -> None:
    order = an_order()
    order["metadata"]["annotations"] = {"ringfleet.dev/pool-uid": "the-uid-of-the-old-one"}
    async with a_rig(*HOUSE, a_pool(), {**order, "status": SENT}) as rig:
        stocked(rig)
        await run(rig)
        assert (rig.carrier.billed, await rig.says("NumberOrder", "west-1")) == (Counter(), "False PoolMissing")


@in_virtual_time
async def test_what_an_abandoned_order_has_bought_is_written_down_and_the_rest_counts_as_not_bought() -> None:
    """The reply to the purchase was lost; the carrier shows one number, at last, and never the other one."""
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        stocked(rig)
        rig.carrier.lose_reply("buy", OutcomeUnknown("no reply"))
        for _ in range(2):
            await rig.turn("NumberOrder", "west-1")
        rig.carrier.held.clear()
        await rig.delete("NumberPool", "west")
        async with restarted(rig) as again:
            for _ in range(3):
                await again.turn("NumberOrder", "west-1")
                await asyncio.sleep(60)
            again.carrier.held[FIRST] = a_holding(1, mark=OURS)
            await run(again)
            assert states(await again.status("NumberOrder", "west-1")) == ["Provisioned", "Failed"]
            assert await again.names("PhoneNumber") == [FIRST.digits]
            assert await again.says("NumberOrder", "west-1") == "True Complete"
            assert len(again.carrier.purchases) == 1


@in_virtual_time
async def test_nothing_is_concluded_while_the_carrier_can_not_be_asked() -> None:
    async with a_rig(*HOUSE, an_order(count=1, status=SENT)) as rig:
        rig.carrier.fail("find", *[CarrierUnavailable("It answers with garbage.")] * 40)
        for _ in range(40):
            assert await rig.turn("NumberOrder", "west-1") == 60.0
            await asyncio.sleep(60)
        status = await rig.status("NumberOrder", "west-1")
        assert (states(status), status["lastError"]) == (["Unknown"], "It answers with garbage.")
        rig.carrier.held[FIRST] = a_holding(1, mark=OURS)
        await run(rig)
        assert await rig.names("PhoneNumber") == [FIRST.digits]


@in_virtual_time
async def test_an_order_does_not_end_while_the_carrier_says_that_it_is_at_work_on_it() -> None:
    """A number may be delivered hours later: given up, it would be paid for, and nobody would know of it."""
    async with a_rig(*HOUSE, an_order(count=1, status=SENT)) as rig:
        rig.carrier.fail("look_up", *[OutcomeUnknown("The order is pending.")] * 40)
        for _ in range(40):
            assert await rig.turn("NumberOrder", "west-1") == 60.0
            await asyncio.sleep(60)
        status = await rig.status("NumberOrder", "west-1")
        assert (states(status), status["lastError"]) == (["Unknown"], "The order is pending.")
        rig.carrier.held[FIRST] = a_holding(1, mark=OURS)
        await run(rig)
        assert (await rig.names("PhoneNumber"), rig.carrier.purchases) == ([FIRST.digits], [])


@in_virtual_time
async def test_an_account_that_is_being_deleted_sells_nothing_more_and_its_order_does_not_keep_it_for_ever() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order(count=1, status=SENT)) as rig:
        stocked(rig)
        await rig.turn("AccountUse", "main")
        await rig.delete("CarrierAccount", "main")
        await rig.look()
        await rig.turn("NumberOrder", "west-1")
        assert await rig.says("NumberOrder", "west-1") == "False AccountDeleted"
        await run(rig)
        assert rig.carrier.billed == Counter()
        await rig.turn("AccountUse", "main")
        assert await rig.find("CarrierAccount", "main") is None


@pytest.mark.parametrize("suspended", [False, True])
@in_virtual_time
async def test_an_order_without_a_pool_is_woken_and_ends_whatever_it_has_waited_for(suspended: bool) -> None:
    async with a_rig(*HOUSE, a_pool(suspend=suspended), an_order()) as rig:
        stocked(rig)
        await rig.turn("NumberOrder", "west-1")
        await rig.woken()  # by what it has written
        await rig.delete("NumberPool", "west")
        await rig.look()
        assert "NumberOrder west-1" in await rig.woken(1.0)
        await run(rig)
        status = await rig.status("NumberOrder", "west-1")
        assert ("completedAt" in status, status["phase"], await rig.says("NumberOrder", "west-1")) == (
            True,
            "Failed",
            "False PoolMissing",
        )


@in_virtual_time
async def test_an_order_without_a_pool_keeps_no_other_pools_order_from_their_account() -> None:
    other = an_order(sequence=7, poolRef={"name": "east"})
    async with a_rig(*HOUSE, a_pool(name="east"), an_order(count=1, status=SENT), other) as rig:
        rig.carrier.stock += [an_offer(n) for n in range(2, 5)]
        for _ in range(2):
            await rig.turn("NumberOrder", "west-7")
        assert rig.carrier.billed.total() == 2
