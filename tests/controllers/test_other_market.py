"""Numbers of another market under a pool's name: an older pool had that name, or the pool's market was edited.

They are kept and paid for, and are no stock of the pool: nothing counts them as such, and no claim gets one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ringfleet.kube.transport import Json
from ringfleet.model import Capability, NumberType
from tests.controllers.rig import (
    HOUSE,
    MARKET,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_quota,
    a_rig,
    an_order,
    in_virtual_time,
)
from tests.plan.builders import a_holding, an_offer, digits

GERMAN = {"market": {"country": "DE", "type": "Geographic"}}
OF_US = {"country": "US", "type": "Geographic"}
VOICE = frozenset({Capability.VOICE})


async def turn(rig: Rig) -> Json:
    await rig.turn("NumberPool", "west")
    return await rig.status("NumberPool", "west")


async def settle(rig: Rig, seconds: float = 60.0) -> None:
    """Let the operator learn all that there is, look at pool and orders, and do whatever follows from it."""
    await rig.look()
    await rig.turn("NumberPool", "west")
    for name in await rig.names("NumberOrder"):
        await rig.turn("NumberOrder", name)
    await rig.settle(seconds)


async def ordered(rig: Rig) -> list[int]:
    found = [await rig.find("NumberOrder", name) for name in await rig.names("NumberOrder")]
    return [order["spec"]["count"] for order in found if order]


@in_virtual_time
async def test_numbers_of_another_country_are_no_stock_and_are_paid_for_and_counted_all_the_same() -> None:
    numbers = [a_number(n, status=OF_US) for n in (1, 2)]
    async with a_rig(*HOUSE, a_pool(2, limits={"maxNumbers": 3}, **GERMAN), *numbers) as rig:
        status = await turn(rig)
        assert (status["supply"], status["numbers"]["available"], status["numbers"]["otherMarket"]) == (0, 0, 2)
        assert (status["numbers"]["total"], status["cost"]["monthly"]) == (2, "4")
        assert await ordered(rig) == [1]  # two are wanted, and maxNumbers leaves room for one
        assert await rig.says("NumberPool", "west", "OtherMarket") == "True OtherMarket"


@in_virtual_time
async def test_each_part_of_a_market_tells_its_numbers_apart_and_what_is_not_known_is_stock() -> None:
    cases: list[tuple[Json, Json, int]] = [
        (MARKET, OF_US, 1),
        (MARKET, {}, 1),
        (MARKET, OF_US | {"type": "TollFree"}, 0),
        (MARKET, OF_US | {"country": "CA"}, 0),
        (MARKET | {"capabilities": ["SMS"]}, OF_US, 0),
        (MARKET | {"capabilities": ["SMS"]}, OF_US | {"capabilities": []}, 1),
        (MARKET | {"capabilities": ["SMS"]}, OF_US | {"capabilities": ["SMS", "Voice"]}, 1),
        (MARKET | {"areaCodes": ["212"]}, OF_US, 1),
    ]
    for market, facts, supply in cases:
        async with a_rig(*HOUSE, a_pool(1, market=market), a_number(1, status=facts)) as rig:
            assert ((await turn(rig))["numbers"]["available"], market, facts) == (supply, market, facts)


@in_virtual_time
async def test_a_claim_gets_no_number_of_another_market_not_even_by_its_name() -> None:
    named = a_claim("named", phoneNumberName=digits(1).digits)
    async with a_rig(*HOUSE, a_pool(0, **GERMAN), a_number(1, status=OF_US), a_claim(), named) as rig:
        await rig.turn_all(("NumberClaim", "desk"), ("NumberClaim", "named"))
        assert await rig.says("NumberClaim", "desk") == "False WaitingForNumber"
        assert await rig.says("NumberClaim", "named") == "False PoolCannotServe"
        number = await rig.find("PhoneNumber", digits(1).digits)
        assert number
        assert "claimRef" not in number["spec"]


@in_virtual_time
async def test_a_claim_that_holds_a_number_keeps_it_when_the_market_is_another_one() -> None:
    async with a_rig(*HOUSE, a_pool(0), a_number(1, status=OF_US), a_claim()) as rig:
        await rig.turn("NumberClaim", "desk")
        assert await rig.says("NumberClaim", "desk") == "True Bound"
        await rig.change("NumberPool", "west", {"spec": {"market": MARKET | {"capabilities": ["SMS"]}}})
        await settle(rig)
        assert await rig.says("NumberClaim", "desk") == "True Bound"


@in_virtual_time
async def test_what_is_edited_into_a_market_takes_its_numbers_out_of_the_queue_and_back_into_it() -> None:
    async with a_rig(*HOUSE, a_pool(0), a_number(1, status=OF_US)) as rig:
        await settle(rig)
        await rig.change("NumberPool", "west", {"spec": {"market": MARKET | {"capabilities": ["SMS"]}}})
        await settle(rig)
        await rig.create(a_claim())
        await settle(rig)
        assert await rig.says("NumberClaim", "desk") == "False WaitingForNumber"
        await rig.change("NumberPool", "west", {"spec": {"market": MARKET | {"capabilities": ["Voice"]}}})
        await settle(rig)
        assert await rig.says("NumberClaim", "desk") == "True Bound"


@in_virtual_time
async def test_an_order_for_another_market_than_the_pools_of_today_buys_nothing_and_is_no_supply() -> None:
    async with a_rig(*HOUSE, a_pool(1, market=MARKET | {"capabilities": ["SMS"]}), an_order(1)) as rig:
        rig.carriers["shop/main"].stock = [an_offer(1, capabilities=VOICE)]
        await settle(rig)
        assert not rig.carriers["shop/main"].billed
        assert (await rig.status("NumberOrder", "west-1"))["items"] == []
        assert "west-2" in await rig.names("NumberOrder")


@in_virtual_time
async def test_an_order_that_has_chosen_and_sent_nothing_ends_when_the_market_becomes_another_one() -> None:
    chosen = {"items": [{"number": digits(1), "state": "Pending", "monthly": "2", "setup": "1"}], "key": "k"}
    async with a_rig(*HOUSE, a_pool(1, market=MARKET | {"capabilities": ["SMS"]}), an_order(1, status=chosen)) as rig:
        await settle(rig)
        assert not rig.carriers["shop/main"].purchases
        assert await rig.says("NumberOrder", "west-1") == "False OtherMarket"


@in_virtual_time
async def test_what_was_sent_for_another_market_is_seen_through_counts_in_money_and_is_no_supply() -> None:
    sent = {"items": [{"number": digits(1), "state": "Submitting", "monthly": "2", "setup": "1"}], "key": "k"}
    async with a_rig(*HOUSE, a_pool(1, market=MARKET | {"capabilities": ["SMS"]}), an_order(1, status=sent)) as rig:
        status = await turn(rig)
        assert (status["numbers"]["total"], status["cost"]["reserved"]) == (1, "3")
        assert await ordered(rig) == [1, 1]


@in_virtual_time
async def test_a_carrier_that_tells_less_of_a_number_than_it_offered_is_not_bought_from_again_and_again() -> None:
    market = MARKET | {"capabilities": ["SMS", "Voice"]}
    async with a_rig(*HOUSE, a_pool(1, market=market)) as rig:
        carrier = rig.carriers["shop/main"]
        carrier.stock = [an_offer(n, capabilities=frozenset({*VOICE, Capability.SMS})) for n in range(1, 9)]
        await settle(rig)
        carrier.held = {number: replace(one, capabilities=VOICE) for number, one in carrier.held.items()}
        await settle(rig, 3600)
        assert sum(carrier.billed.values()) == 1
        assert (await rig.status("NumberPool", "west"))["supply"] == 1


@in_virtual_time
async def test_what_an_order_bought_for_the_old_market_is_no_stock_of_the_new_one_when_it_comes_late() -> None:
    market: dict[str, Any] = MARKET | {"capabilities": ["SMS"]}
    sent = {"items": [{"number": digits(1), "state": "Submitting", "monthly": "2", "setup": "1"}], "key": "k"}
    async with a_rig(*HOUSE, a_pool(1, market=market), an_order(1, status=sent)) as rig:
        carrier = rig.carriers["shop/main"]
        mark = rig.services.fleet.mark_for("shop", "west")
        carrier.held[digits(1)] = a_holding(1, type=NumberType.GEOGRAPHIC, capabilities=VOICE, mark=mark)
        carrier.stock = [an_offer(n, capabilities=frozenset({Capability.SMS})) for n in (2, 3)]
        await settle(rig)
        status = await rig.status("NumberPool", "west")
    assert (status["numbers"]["otherMarket"], status["numbers"]["available"]) == (1, 1)


@in_virtual_time
async def test_surplus_of_another_market_is_not_given_back_by_the_pool() -> None:
    idle = {"reclaim": {"cooldown": "0s", "idleAfter": "1h"}, "release": {"mode": "Automatic", "hold": "0s"}}
    old = {**OF_US, "freeSince": "2020-01-01T00:00:00Z", "renewsAt": "2020-01-03T00:00:00Z"}
    async with a_rig(*HOUSE, a_pool(0, **GERMAN, **idle), a_quota(numbers=10), a_number(1, status=old)) as rig:
        await settle(rig)
        number = await rig.find("PhoneNumber", digits(1).digits)
        assert number
        assert "annotations" not in number["metadata"]
