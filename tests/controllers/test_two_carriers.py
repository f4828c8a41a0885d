"""Pools that order from several carriers: which one gets what, and whose number a claim is given."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from ringfleet.controllers.carrier_prices import HOLDS
from ringfleet.kube.transport import Json
from tests.controllers.rig import (
    HERE,
    HOUSE,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_rig,
    an_account,
    in_virtual_time,
    restarted,
)
from tests.plan.builders import a_price, an_offer

BOTH = [{"accountRef": {"name": "main"}}, {"accountRef": {"name": "spare"}}]
HOUSES = (*HOUSE, an_account("spare"))
AT_SPARE = {"accountRef": {"name": "spare"}}


def stocked(rig: Rig, main: int = 9, spare: int = 9) -> Rig:
    """Numbers from 1 at one carrier, from 11 at the other."""
    rig.carrier.stock = [an_offer(n) for n in range(1, 1 + main)]
    rig.carriers[f"{HERE}/spare"].stock = [an_offer(n) for n in range(11, 11 + spare)]
    return rig


def bought(rig: Rig) -> tuple[int, int]:
    """How many were bought at each of the carriers, none of them twice."""
    shops = rig.carrier, rig.carriers[f"{HERE}/spare"]
    assert all(set(shop.billed.values()) <= {1} for shop in shops)
    return shops[0].billed.total(), shops[1].billed.total()


async def work(rig: Rig, seconds: float = 120) -> None:
    async with rig.running():
        await asyncio.sleep(seconds)


def asking(**spec: Any) -> Json:
    return a_claim(onNoStock="Order", **spec)


async def number_of(rig: Rig, claim: str = "desk") -> str | None:
    name = ((await rig.status("NumberClaim", claim)).get("phoneNumber") or {}).get("name")
    return name[-4:].lstrip("0") if name else None


@in_virtual_time
async def test_a_claim_gets_a_number_of_the_account_that_it_asks_for_and_of_no_other() -> None:
    ours = (a_number(1), a_number(2, accountRef={"name": "spare", "namespace": HERE}))
    async with a_rig(*HOUSES, a_pool(0, carriers=BOTH), *ours, a_claim(**AT_SPARE), begun=False) as rig:
        await work(rig)
        assert (await number_of(rig), bought(rig)) == ("2", (0, 0))


@in_virtual_time
async def test_the_number_that_a_claim_has_ordered_comes_from_the_account_that_it_asks_for() -> None:
    async with a_rig(*HOUSES, a_pool(0, carriers=BOTH), a_number(1), asking(**AT_SPARE), begun=False) as rig:
        await work(stocked(rig))
        assert (await number_of(rig), bought(rig)) == ("11", (0, 1))
        order = await rig.find("NumberOrder", "west-1")
        assert order
        there = {"name": "spare", "namespace": HERE}
        assert (order["spec"]["accountRef"], order["spec"]["forClaims"]["accountRef"]) == (there, there)


@in_virtual_time
async def test_an_order_for_an_account_that_is_down_goes_nowhere_else_and_comes_when_that_is_back() -> None:
    async with a_rig(*HOUSES, a_pool(0, carriers=BOTH), asking(**AT_SPARE)) as rig:
        await rig.turn("NumberPool", "west")
        stocked(rig).carriers[f"{HERE}/spare"].down |= {"balance", "search", "buy"}
        async with restarted(rig, begun=False) as again:
            stocked(again)
            async with again.running():
                await asyncio.sleep(600)
                assert (await number_of(again), bought(again)) == (None, (0, 0))
                again.carriers[f"{HERE}/spare"].down.clear()
                await asyncio.sleep(900)
            assert (await number_of(again), bought(again)) == ("11", (0, 1))
            assert await again.names("NumberOrder") == ["west-1"], "it waited, and did not end for another account"


@in_virtual_time
async def test_a_claim_that_asks_for_an_account_which_its_pool_does_not_order_from_says_so() -> None:
    pool = a_pool(0, carriers=BOTH[:1])
    async with a_rig(*HOUSES, pool, a_number(1), asking(**AT_SPARE), begun=False) as rig:
        await work(stocked(rig))
        assert (await number_of(rig), bought(rig)) == (None, (0, 0))
        assert await rig.says("NumberClaim", "desk") == "False PoolCannotServe"


@in_virtual_time
async def test_a_pool_that_is_spread_says_what_it_has_of_each_account() -> None:
    pool = a_pool(10, carriers=BOTH, spread={"maxShare": "0.6"}, ordering={"batchSize": 4})
    async with a_rig(*HOUSES, pool, begun=False) as rig:
        await work(stocked(rig))
        assert bought(rig) == (6, 4)
        status = await rig.status("NumberPool", "west")
        assert status["accounts"] == [
            {"namespace": HERE, "name": "main", "numbers": 6, "share": "0.6"},
            {"namespace": HERE, "name": "spare", "numbers": 4, "share": "0.4"},
        ]
        assert await rig.says("NumberPool", "west") == "True AtTarget"


@in_virtual_time
async def test_an_account_that_stands_in_for_another_gets_no_more_than_its_share() -> None:
    async with a_rig(*HOUSES, a_pool(10, carriers=BOTH, spread={"maxShare": "0.6"}), begun=False) as rig:
        await work(stocked(rig, main=3))
        assert bought(rig) == (3, 6)
        assert await rig.says("NumberPool", "west") == "False NoStock"


@in_virtual_time
async def test_what_another_object_of_an_account_has_brought_counts_for_the_share_of_the_account() -> None:
    ours = (a_number(n, accountRef={"name": "spare", "namespace": HERE}) for n in range(1, 6))
    pool = a_pool(10, carriers=BOTH, spread={"maxShare": "0.5"})
    async with a_rig(*HOUSES, pool, *ours, begun=False) as rig:
        rig.carriers[f"{HERE}/spare"].id = rig.carrier.id
        rig.carrier.stock = [an_offer(n) for n in range(11, 20)]
        await work(rig)
        assert bought(rig) == (0, 0)


BY_PRICE = [{**one, "preference": 1} for one in BOTH]


def priced(rig: Rig, main: int, spare: int) -> Rig:
    """The same stock, at so many dollars a month."""
    stocked(rig)
    for shop, monthly in ((rig.carrier, main), (rig.carriers[f"{HERE}/spare"], spare)):
        shop.stock = [replace(offer, price=a_price(monthly)) for offer in shop.stock]
    return rig


@in_virtual_time
async def test_of_two_carriers_with_one_preference_the_cheaper_one_is_ordered_from() -> None:
    async with a_rig(*HOUSES, a_pool(3, carriers=BY_PRICE), begun=False) as rig:
        await work(priced(rig, main=3, spare=2))
        assert bought(rig) == (0, 3)
        assert await rig.says("NumberPool", "west") == "True AtTarget"


@in_virtual_time
async def test_without_preferences_the_list_counts_and_nobody_is_searched_to_compare() -> None:
    async with a_rig(*HOUSES, a_pool(3, carriers=BOTH), begun=False) as rig:
        await work(priced(rig, main=3, spare=2), seconds=5)
        assert bought(rig) == (3, 0)
        assert "search" not in rig.carriers[f"{HERE}/spare"].called_at


@in_virtual_time
async def test_the_cheaper_carrier_gets_no_more_than_its_share_and_the_other_one_the_rest() -> None:
    pool = a_pool(10, carriers=BY_PRICE, spread={"maxShare": "0.6"})
    async with a_rig(*HOUSES, pool, begun=False) as rig:
        await work(priced(rig, main=3, spare=2))
        assert bought(rig) == (4, 6)


@in_virtual_time
async def test_a_slow_answer_about_prices_is_waited_for() -> None:
    async with a_rig(*HOUSES, a_pool(3, carriers=BY_PRICE), begun=False) as rig:
        priced(rig, main=3, spare=2).carriers[f"{HERE}/spare"].takes["search"] = 10.0
        async with rig.running():
            await asyncio.sleep(5)
            assert await rig.says("NumberPool", "west") == "False ReadingPrices"
            await asyncio.sleep(115)
        assert bought(rig) == (0, 3)


@in_virtual_time
async def test_a_carrier_that_never_tells_its_prices_holds_no_order_up() -> None:
    async with a_rig(*HOUSES, a_pool(3, carriers=BY_PRICE), begun=False) as rig:
        priced(rig, main=3, spare=2).carriers[f"{HERE}/spare"].takes["search"] = 3600.0
        await work(rig)
        assert bought(rig) == (3, 0)


@in_virtual_time
async def test_prices_that_have_changed_are_seen_at_the_next_order_after_a_quarter_of_an_hour() -> None:
    async with a_rig(*HOUSES, a_pool(1, carriers=BY_PRICE), begun=False) as rig:
        priced(rig, main=3, spare=2)
        async with rig.running():
            await asyncio.sleep(60)
            assert bought(rig) == (0, 1)
            priced(rig, main=1, spare=2)
            await asyncio.sleep(HOLDS)
            await rig.change("NumberPool", "west", {"spec": {"size": {"target": 2}}})
            await asyncio.sleep(60)
        assert bought(rig) == (1, 1)
