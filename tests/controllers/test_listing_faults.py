"""A listing that has rows which nobody here can read, or that can't be had at all: buying and the balance go on."""

from __future__ import annotations

import asyncio

import pytest

from ringfleet.carriers.errors import CarrierError, CarrierUnavailable, RequestRejected, Throttled
from ringfleet.kube.transport import Json
from ringfleet.model import Mark, Unreadable
from tests.controllers.rig import (
    HERE,
    HOUSE,
    Rig,
    a_number,
    a_pool,
    a_rig,
    an_order,
    in_virtual_time,
    restarted,
)
from tests.plan.builders import a_holding, an_offer, digits

OURS = Mark("home", HERE, "west")
SHORT_CODE = Unreadable("the reply's number.number is another text; an E.164 number such as +14155550123 was expected")
ODD = Unreadable("the reply's number.status is another text; one of active, suspended was expected", digits(1))


async def sweep(rig: Rig, times: int = 1) -> None:
    for _ in range(times):
        await asyncio.sleep(600)
        await rig.turn("CarrierAccount", "main")


async def account(rig: Rig) -> Json:
    return await rig.status("CarrierAccount", "main")


async def says(rig: Rig, condition: str = "Ready") -> str | None:
    return await rig.says("CarrierAccount", "main", condition)


async def target_reached(rig: Rig) -> bool:
    return len(await rig.names("PhoneNumber")) == 2


@in_virtual_time
async def test_numbers_are_bought_beside_a_row_that_can_not_be_read_and_the_account_says_which() -> None:
    async with a_rig(*HOUSE, a_pool(), begun=False) as rig:
        rig.carrier.unreadable.append(SHORT_CODE)
        rig.carrier.stock += [an_offer(1), an_offer(2)]
        async with rig.running():
            await rig.until(lambda: target_reached(rig))
            await asyncio.sleep(60)
        assert (await says(rig), await says(rig, "Unreadable")) == ("True Reachable", "True UnreadableRows")
        status = await account(rig)
        assert (status["numbers"]["owned"], status["numbers"]["ours"], status["numbers"]["unreadable"]) == (3, 2, 1)
        message = next(one["message"] for one in status["conditions"] if one["type"] == "Unreadable")
        assert SHORT_CODE.reason in message
        rig.carrier.unreadable.clear()
        rig.carrier.held[digits(9)] = a_holding(9, mark=None)
        await sweep(rig)
        assert await says(rig, "Unreadable") is None
        assert "unreadable" not in (await account(rig))["numbers"]


@in_virtual_time
async def test_a_number_of_ours_whose_row_can_not_be_read_is_left_alone_and_not_lost() -> None:
    async with a_rig(*HOUSE, a_pool(), *(a_number(n) for n in range(1, 11))) as rig:
        rig.carrier.held |= {digits(n): a_holding(n, mark=OURS) for n in range(1, 11)}
        await sweep(rig)
        del rig.carrier.held[digits(1)]
        rig.carrier.unreadable.append(ODD)
        rig.told()
        await sweep(rig, 5)
        assert not rig.is_lost(digits(1))
        assert [line for line in rig.told() if "find" in line or "phonenumbers" in line] == []
        assert (await account(rig))["numbers"]["owned"] == 10


@in_virtual_time
async def test_an_account_full_of_rows_that_can_not_be_read_has_not_shrunk_nor_after_a_restart() -> None:
    async with a_rig(*HOUSE, a_pool(1), a_number()) as rig:
        rig.carrier.held[digits(1)] = a_holding(1, mark=OURS)
        rig.carrier.unreadable += [SHORT_CODE] * 9
        await sweep(rig)
        assert (await account(rig))["numbers"]["owned"] == 10
        async with restarted(rig) as again:
            await sweep(again)
            assert await says(again, "ListingShrunk") is None


@pytest.mark.parametrize("error", [CarrierUnavailable("503"), RequestRejected("404: no such path")])
@in_virtual_time
async def test_a_listing_that_fails_holds_up_no_order_and_is_asked_ever_more_seldom(error: CarrierError) -> None:
    async with a_rig(*HOUSE, a_pool(), begun=False) as rig:
        rig.carrier.fail("holdings", *[error] * 500)
        rig.carrier.stock += [an_offer(1), an_offer(2)]
        async with rig.running():
            await rig.until(lambda: target_reached(rig))
            assert (await says(rig), await says(rig, "ListingFailed")) == ("True Reachable", "True ListingFailed")
            await asyncio.sleep(120)
            rig.told()
            await asyncio.sleep(3600)
            told = rig.told()
            assert (told.count("carrier: holdings") <= 12, told.count("carrier: balance") <= 15) == (True, True), told
            rig.carrier._errors.clear()
            await asyncio.sleep(660)
        assert (await says(rig), await says(rig, "ListingFailed")) == ("True Reachable", None)
        assert (await account(rig))["numbers"]["ours"] == 2


@in_virtual_time
async def test_a_listing_that_is_throttled_is_asked_later_and_said_nothing_of() -> None:
    async with a_rig(*HOUSE) as rig:
        rig.carrier.fail("holdings", *[Throttled("Slower.")] * 3)
        await asyncio.sleep(600)
        delays = [await rig.turn("CarrierAccount", "main")]
        for _ in range(2):
            await asyncio.sleep(delays[-1] or 0.0)
            delays.append(await rig.turn("CarrierAccount", "main"))
        assert [bool(delay and delay >= 2.5) for delay in delays] == [True] * 3
        assert (await says(rig), await says(rig, "ListingFailed")) == ("True Reachable", None)


@in_virtual_time
async def test_offers_that_can_not_be_read_are_not_ordered_and_the_account_says_so() -> None:
    async with a_rig(*HOUSE, a_pool(), an_order()) as rig:
        rig.carrier.stock += [an_offer(1), an_offer(2)]
        rig.carrier.unreadable_offers.append(Unreadable("the reply's offer.type is another text"))
        await rig.turn("NumberOrder", "west-1")
        items = (await rig.status("NumberOrder", "west-1"))["items"]
        assert [item["number"] for item in items] == [digits(1), digits(2)]
        assert "CarrierAccount main" in await rig.woken(1.0)
        await rig.turn("CarrierAccount", "main")
        assert await says(rig, "Unreadable") == "True UnreadableRows"
