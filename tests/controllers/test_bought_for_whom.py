"""What is bought for a claim is what the claim must have, once; and what its pool can never give is not bought."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from ringfleet.kube.errors import KubeError
from ringfleet.kube.transport import Json
from ringfleet.model import E164, Capability
from tests.controllers.rig import (
    HERE,
    HOUSE,
    RESOURCES,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_rig,
    a_set,
    in_virtual_time,
    later,
    restarted,
)
from tests.plan.builders import an_offer, digits

CALLS, TEXTS = frozenset({Capability.VOICE}), frozenset({Capability.VOICE, Capability.SMS})
STOCK = (
    *(an_offer(n, capabilities=CALLS) for n in range(1, 6)),
    *(an_offer(n, monthly=3, capabilities=TEXTS) for n in range(6, 10)),
    *(an_offer(n, monthly=4, capabilities=CALLS, area_code="628") for n in range(10, 13)),
    *(an_offer(n, monthly=5, capabilities=TEXTS, area_code="628") for n in range(13, 15)),
)
"""The cheapest first: 1 to 5 take calls, 6 to 9 messages too; so do 10 to 12, and 13 and 14, of another area code."""
MARKET = {"country": "US", "type": "Geographic"}
PATIENCE_S = 60
BOTH = {**MARKET, "areaCodes": ["415", "628"]}
ONLY_415 = {**MARKET, "areaCodes": ["415"]}


def asking(name: str = "desk", **spec: Any) -> Json:
    return a_claim(name, onNoStock="Order", **spec)


def in_628(name: str = "desk", **spec: Any) -> Json:
    return asking(name, areaCode="628", areaCodeRequired=True, **spec)


def bought(rig: Rig) -> list[int]:
    """Which numbers were bought, and that none was billed twice."""
    assert set(rig.carrier.billed.values()) <= {1}
    return sorted(int(number.digits[-4:]) for number in rig.carrier.billed)


async def work(rig: Rig) -> None:
    """Let everybody work until there is nothing left to do but wait."""
    async with at_work(rig):
        pass


@asynccontextmanager
async def at_work(rig: Rig) -> AsyncIterator[None]:
    """The same before what is done within, and after it."""
    rig.carrier.stock = list(STOCK)
    async with rig.running():
        await asyncio.sleep(PATIENCE_S)
        yield
        await asyncio.sleep(PATIENCE_S)


async def take_turns(rig: Rig) -> None:
    """One object after the other, as often as it takes."""
    for _ in range(8):
        for kind in ("NumberPool", "NumberOrder", "PhoneNumber", "NumberClaim"):
            for name in await rig.names(kind):
                await rig.turn(kind, name)


async def held_by(rig: Rig, name: str) -> int | None:
    """The number that the claim holds."""
    found = (await rig.status("NumberClaim", name)).get("phoneNumber")
    return int(found["name"][-4:]) if found else None


@pytest.mark.parametrize(
    ("market", "claim", "number"),
    [
        pytest.param(ONLY_415, asking(), 1, id="any number"),
        pytest.param(ONLY_415, asking(capabilities=["SMS"]), 6, id="messages, from a pool for calls"),
        pytest.param(BOTH, asking(areaCode="628"), 10, id="a wished area code, though another one is cheaper"),
        pytest.param(MARKET, asking(areaCode="628"), 10, id="a wished area code, from a pool of any"),
        pytest.param(BOTH, in_628(), 10, id="an area code that is a must"),
        pytest.param(MARKET, in_628(capabilities=["SMS"]), 13, id="an area code and messages"),
        pytest.param(
            BOTH,
            asking(areaCode="212", wishes=[{"areaCode": "628"}], areaCodeRequired=True),
            10,
            id="one of several area codes",
        ),
    ],
)
@in_virtual_time
async def test_a_claim_gets_the_number_that_was_bought_for_it(market: Json, claim: Json, number: int) -> None:
    async with a_rig(*HOUSE, a_pool(0, market=market), claim, begun=False) as rig:
        await work(rig)
        assert (bought(rig), await held_by(rig, "desk")) == ([number], number)
        assert await rig.says("NumberClaim", "desk") == "True Bound"


@in_virtual_time
async def test_a_number_that_is_free_and_does_not_do_is_left_and_another_one_is_bought() -> None:
    async with a_rig(*HOUSE, a_pool(1), a_number(1), asking(capabilities=["SMS"]), begun=False) as rig:
        await work(rig)
        assert (bought(rig), await held_by(rig, "desk")) == ([6], 6)


@in_virtual_time
async def test_a_set_for_messages_gets_its_numbers_from_a_pool_for_calls() -> None:
    async with a_rig(*HOUSE, a_pool(1), a_set(2, channel="SMS"), begun=False) as rig:
        await work(rig)
        assert bought(rig) == [1, 6, 7]
        assert {await held_by(rig, f"calls-{n}") for n in (1, 2)} == {6, 7}


@in_virtual_time
async def test_claims_that_ask_the_same_share_an_order_and_no_order_is_for_claims_that_ask_otherwise() -> None:
    claims = [asking("a"), asking("b", capabilities=["SMS"]), in_628("c"), asking("d", capabilities=["SMS"])]
    async with a_rig(*HOUSE, a_pool(2, market=BOTH), *claims, begun=False) as rig:
        await work(rig)
        orders = [order for name in await rig.names("NumberOrder") if (order := await rig.find("NumberOrder", name))]
        assert [(order["spec"]["count"], order["spec"].get("forClaims")) for order in orders] == [
            (1, None),
            (2, {"capabilities": ["SMS"], "areaCodes": [], "areaCodeRequired": False}),
            (1, {"capabilities": [], "areaCodes": ["628"], "areaCodeRequired": True}),
            (2, None),
        ]
        assert bought(rig) == [1, 2, 3, 6, 7, 10]
        assert [await held_by(rig, name) for name in "abcd"] == [1, 6, 10, 7]


@in_virtual_time
async def test_nothing_is_ordered_for_a_claim_on_a_number_that_is_not_free() -> None:
    named = asking(phoneNumberName=digits(1).digits)
    async with a_rig(*HOUSE, a_pool(0), a_number(1, "Cooling", unboundAt=later(-9)), named, begun=False) as rig:
        await work(rig)
        assert (bought(rig), await rig.names("NumberOrder")) == ([], [])
        assert await rig.says("NumberClaim", "desk") == "False NumberNotFree"


@in_virtual_time
async def test_what_the_pool_can_never_give_is_refused_and_bought_when_it_can_after_all() -> None:
    async with a_rig(*HOUSE, a_pool(0, market=ONLY_415), in_628(), begun=False) as rig:
        async with at_work(rig):
            assert (bought(rig), await rig.says("NumberClaim", "desk")) == ([], "False PoolCannotServe")
            assert await rig.says("NumberClaim", "desk", "Stalled") == "True PoolCannotServe"
            assert await rig.says("NumberPool", "west") == "True AtTarget"
            await rig.change("NumberPool", "west", {"spec": {"market": BOTH}})
        assert (bought(rig), await held_by(rig, "desk")) == ([10], 10)


@in_virtual_time
async def test_a_number_from_before_serves_a_claim_that_nothing_is_ordered_for() -> None:
    async with a_rig(*HOUSE, a_pool(0, market=ONLY_415), in_628(), begun=False) as rig:
        async with at_work(rig):
            await rig.create(a_number(20, status={"areaCode": "628"}))
        assert (bought(rig), await held_by(rig, "desk")) == ([], 20)


@in_virtual_time
async def test_a_named_number_that_can_not_do_what_the_claim_must_have_is_not_waited_for() -> None:
    named = a_claim(phoneNumberName=digits(1).digits, capabilities=["SMS"])
    async with a_rig(*HOUSE, a_pool(1), a_number(1), named, begun=False) as rig:
        await work(rig)
        assert await rig.says("NumberClaim", "desk") == "False PoolCannotServe"


@in_virtual_time
async def test_a_set_says_that_a_claim_of_it_can_never_be_served() -> None:
    async with a_rig(*HOUSE, a_pool(0, market=ONLY_415), a_set(1)) as rig:
        await rig.turn("RotationSet", "calls")
        await rig.change("NumberClaim", "calls-1", {"spec": {"areaCode": "628", "areaCodeRequired": True}})
        async with restarted(rig, begun=False) as again:
            await work(again)
            assert (bought(again), await again.says("RotationSet", "calls")) == ([], "False PoolCannotServe")
            assert await again.says("RotationSet", "calls", "Stalled") == "True PoolCannotServe"


@in_virtual_time
async def test_what_no_carrier_has_for_a_claim_keeps_neither_the_stock_nor_another_claim_waiting() -> None:
    claims = [asking("fax", capabilities=["Fax"]), asking("text", capabilities=["SMS"])]
    async with a_rig(*HOUSE, a_pool(2), *claims, begun=False) as rig:
        await work(rig)
        assert (bought(rig), await held_by(rig, "text"), await held_by(rig, "fax")) == ([1, 2, 6], 6, None)
        assert await rig.says("NumberPool", "west", "StockShort") == "True NoStock"
        assert await rig.says("NumberClaim", "fax") == "False WaitingForNumber"


@in_virtual_time
async def test_an_order_whose_claim_is_gone_before_it_chooses_buys_nothing() -> None:
    async with a_rig(*HOUSE, a_pool(0), asking(capabilities=["SMS"])) as rig:
        await rig.turn("NumberPool", "west")
        await rig.delete("NumberClaim", "desk")
        async with restarted(rig, begun=False) as again:
            await work(again)
            assert (bought(again), await again.says("NumberOrder", "west-1")) == ([], "True Complete")
            assert await again.names("NumberOrder") == ["west-1"]


@in_virtual_time
async def test_what_was_bought_for_a_claim_that_is_gone_is_stock_and_is_not_bought_again() -> None:
    async with a_rig(*HOUSE, a_pool(0), asking(capabilities=["SMS"]), begun=False) as rig:

        async def go() -> None:
            rig.carrier.before_buying = None
            await rig.kube.delete(RESOURCES["NumberClaim"], HERE, "desk")

        rig.carrier.before_buying = go
        async with at_work(rig):
            assert (bought(rig), (await rig.status("NumberPool", "west"))["surplus"]) == ([6], 1)
            await rig.change("NumberPool", "west", {"spec": {"size": {"target": 2}}})
        assert bought(rig) == [1, 6]


@pytest.mark.parametrize("done", [pytest.param(False, id="not done"), pytest.param(True, id="done, and not answered")])
@pytest.mark.parametrize("nth", range(12))
@in_virtual_time
async def test_a_process_that_ends_at_any_write_is_followed_by_one_that_buys_the_same_once(
    nth: int, done: bool
) -> None:
    claims = (asking("text", capabilities=["SMS"]), in_628("local", capabilities=["SMS"]))
    async with a_rig(*HOUSE, a_pool(0, market=BOTH), *claims) as rig:
        rig.carrier.stock = list(STOCK)
        rig.api.break_write(nth, done=done)
        with suppress(KubeError):
            await take_turns(rig)
        async with restarted(rig, begun=False) as again:
            await work(again)
            assert bought(again) == [6, 13]
            assert (await held_by(again, "text"), await held_by(again, "local")) == (6, 13)


@in_virtual_time
async def test_a_claim_that_asks_otherwise_by_now_has_another_order_made() -> None:
    async with a_rig(*HOUSE, a_pool(0), asking(capabilities=["Fax"]), begun=False) as rig:
        async with at_work(rig):
            await rig.change("NumberClaim", "desk", {"spec": {"capabilities": ["SMS"]}})
        assert (bought(rig), await held_by(rig, "desk")) == ([6], 6)


@in_virtual_time
async def test_a_budget_holds_over_all_orders_and_the_first_claim_comes_first() -> None:
    """A month of the first claim's number costs 4 dollars with its setup; the second one's would be 6."""
    claims = (asking("text", capabilities=["SMS"]), in_628("local", capabilities=["SMS"]))
    async with a_rig(*HOUSE, a_pool(0, market=BOTH, limits={"monthlyBudget": "8"}), *claims, begun=False) as rig:
        await work(rig)
        assert (bought(rig), await held_by(rig, "text")) == ([6], 6)
        assert rig.carrier.billed == Counter([E164(digits(6))])


@in_virtual_time
async def test_a_pool_that_follows_its_forecast_orders_no_stock_for_claims_that_could_not_take_it() -> None:
    forecast: dict[str, Any] = {
        "size": {"mode": "Forecast", "target": 0},
        "demand": {"burnRatePerDay": "0.001", "leadTime": "1h"},
    }
    waiting = [a_claim(f"c{n}", capabilities=["Fax"]) for n in range(5)]
    async with a_rig(*HOUSE, a_pool(0, **forecast), *waiting, begun=False) as rig:
        await work(rig)
        assert len(bought(rig)) == (await rig.status("NumberPool", "west"))["demand"]["recommendedTarget"]
