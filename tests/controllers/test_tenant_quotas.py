"""A tenant who claims from a pool of another namespace is held to its own quotas, before the binding and the order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from ringfleet.dryrun.orders import fill
from ringfleet.dryrun.simulation import what_if
from ringfleet.kube.transport import Json
from ringfleet.model import Money, Price
from ringfleet.model.refs import ObjectRef
from tests.controllers.rig import (
    HERE,
    HOUSE,
    RESOURCES,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_quota,
    a_rig,
    an_order,
    in_virtual_time,
    later,
    restarted,
)
from tests.plan.builders import a_price, an_offer, digits

ACME = "acme"


def of_acme(obj: Json) -> Json:
    return {**obj, "metadata": {**obj["metadata"], "namespace": ACME}}


def a_tenants(name: str = "desk", **spec: object) -> Json:
    return of_acme(a_claim(name, poolRef={"name": "west", "namespace": HERE}, **spec))


def claims(count: int, **spec: object) -> list[Json]:
    return [a_tenants(f"c{n}", **spec) for n in range(count)]


def quota(**limits: object) -> Json:
    return of_acme(a_quota(**limits))


def priced(n: int, monthly: str | None) -> Json:
    price = {"monthly": monthly, "setup": "1", "currency": "USD"} if monthly else None
    return a_number(n, status={"price": price})


def shared(target: int = 0, **spec: object) -> Json:
    return a_pool(target, allowedNamespaces=[ACME], **spec)


async def held(rig: Rig) -> list[str]:
    """The numbers that are bound."""
    found = [await rig.find("PhoneNumber", name) for name in await rig.names("PhoneNumber")]
    return [one["metadata"]["name"] for one in found if one and "claimRef" in one["spec"]]


async def said(rig: Rig, name: str = "desk") -> str:
    """What the claim says of itself."""
    claim = await rig.find("NumberClaim", name, ACME)
    assert claim
    (ready,) = (one for one in claim["status"]["conditions"] if one["type"] == "Ready")
    return f"{ready['reason']}: {ready['message']}"


@in_virtual_time
async def test_claims_of_one_moment_do_not_spend_more_than_their_namespace_may() -> None:
    numbers = [priced(n, "1.99") for n in range(1, 5)]
    async with a_rig(*HOUSE, shared(), *numbers, quota(monthlySpend="2.00"), *claims(4)) as rig:
        await rig.turn_all(*(("NumberClaim", f"c{n}", ACME) for n in range(4)))
        await rig.settle()
        assert len(await held(rig)) == 1
        assert [(await said(rig, f"c{n}")).split(":")[0] for n in range(4)] == ["Bound", *3 * ["QuotaExceeded"]]
        assert "spec.limits.monthlySpend of NumberQuota 'month'" in await said(rig, "c1")
        month = await rig.find("NumberQuota", "month", ACME)
        assert month
        assert month["status"]["used"]["monthlySpend"] == "1.99"


@in_virtual_time
async def test_money_that_is_free_again_is_spent_on_the_next_claim() -> None:
    numbers = [priced(n, "1.99") for n in (1, 2)]
    async with a_rig(*HOUSE, shared(), *numbers, quota(monthlySpend="2.00"), *claims(2)) as rig:
        await rig.settle()
        await rig.kube.delete(RESOURCES["NumberClaim"], ACME, "c0")
        await rig.look()
        await rig.settle()
        assert (await said(rig, "c1")).startswith("Bound")
        assert len(await held(rig)) == 1


@pytest.mark.parametrize(
    ("prices", "takes"),
    [
        pytest.param(["3", "1"], 2, id="a cheaper one"),
        pytest.param([None, "1"], 2, id="one whose price is known"),
        pytest.param(["3", None], None, id="none"),
    ],
)
@in_virtual_time
async def test_a_claim_gets_a_number_that_its_namespace_can_pay(prices: list[str | None], takes: int | None) -> None:
    numbers = [priced(n, price) for n, price in enumerate(prices, start=1)]
    async with a_rig(*HOUSE, shared(), *numbers, quota(monthlySpend="2.00"), a_tenants()) as rig:
        await rig.turn("NumberClaim", "desk", ACME)
        assert await held(rig) == ([digits(takes).digits] if takes else [])


@in_virtual_time
async def test_a_claim_that_waits_and_can_not_pay_what_comes_says_so() -> None:
    async with a_rig(*HOUSE, shared(), quota(monthlySpend="2.00"), a_tenants()) as rig:
        await rig.turn("NumberClaim", "desk", ACME)
        assert (await said(rig)).startswith("WaitingForNumber")
        await rig.create(priced(1, "3"))
        await rig.look()
        await rig.settle()
        assert (await said(rig)).startswith("QuotaExceeded")
        await rig.create(priced(2, "2"))
        await rig.look()
        await rig.settle()
        assert await held(rig) == [digits(2).digits]


@in_virtual_time
async def test_a_number_of_the_namespaces_own_pool_is_paid_for_already() -> None:
    async with a_rig(*HOUSE, a_pool(0), a_number(1), a_quota(monthlySpend="2.00"), a_claim()) as rig:
        await rig.turn("NumberClaim", "desk")
        assert await held(rig) == [digits(1).digits]


# Orders.


@pytest.mark.parametrize(
    ("limits", "pool", "ordered"),
    [
        pytest.param({}, shared(), 3, id="no limit"),
        pytest.param({"numbers": 2}, shared(), 2, id="the numbers that it may have"),
        pytest.param({"monthlySpend": "5"}, shared(limits={"maxMonthlyPrice": "2"}), 2, id="the money, by the cap"),
        pytest.param({"monthlySpend": "5"}, shared(), 1, id="one by one, when no price is known"),
        pytest.param({"monthlySpend": "0"}, shared(), 0, id="no money"),
        pytest.param({"ordersPerDay": 1}, shared(), 3, id="its one order"),
        pytest.param({"ordersPerDay": 0}, shared(), 0, id="no order"),
    ],
)
@in_virtual_time
async def test_what_is_ordered_for_a_tenant_is_within_its_quotas(limits: Json, pool: Json, ordered: int) -> None:
    async with a_rig(*HOUSE, pool, quota(**limits), *claims(3, onNoStock="Order")) as rig:
        await rig.turn("NumberPool", "west")
        orders = [await rig.find("NumberOrder", name) for name in await rig.names("NumberOrder")]
        assert [one["spec"]["count"] for one in orders if one] == ([ordered] if ordered else [])
        for n in range(3):
            await rig.turn("NumberClaim", f"c{n}", ACME)
        told = [(await said(rig, f"c{n}")).startswith("QuotaExceeded") for n in range(3)]
        assert told == [n >= ordered for n in range(3)]


@pytest.mark.parametrize("limit", ["numbers", "ordersPerDay"])
@in_virtual_time
async def test_a_tenant_that_waits_at_two_pools_is_held_to_one_limit_although_they_look_at_one_moment(
    limit: str,
) -> None:
    pools = (shared(), shared(name="east"))
    east = of_acme(a_claim("c9", poolRef={"name": "east", "namespace": HERE}, onNoStock="Order"))
    async with a_rig(*HOUSE, *pools, quota(**{limit: 1}), *claims(1, onNoStock="Order"), east) as rig:
        await rig.turn_all(("NumberPool", "west"), ("NumberPool", "east"))
        assert await rig.names("NumberOrder") == ["west-1"]


@in_virtual_time
async def test_a_pool_orders_for_no_claim_that_has_come_while_it_waited_for_its_turn() -> None:
    """Another pool may be ordering for that claim's namespace at the same moment."""
    async with a_rig(*HOUSE, shared(), a_quota(numbers=9), quota(ordersPerDay=1)) as rig:
        turn = rig.services.quotas.turn
        async with turn(ACME):
            async with turn(HERE):
                west = asyncio.create_task(rig.turn("NumberPool", "west"))
                await asyncio.sleep(1)
                await rig.create(a_tenants(onNoStock="Order"))
                await rig.look()
            assert await west == 0.0
            assert await rig.names("NumberOrder") == []
        await rig.turn("NumberPool", "west")
        assert await rig.names("NumberOrder") == ["west-1"]


@in_virtual_time
async def test_an_order_for_a_tenants_claims_is_one_of_the_tenants_orders_of_the_day() -> None:
    async with a_rig(*HOUSE, shared(), quota(ordersPerDay=1), a_tenants("c0", onNoStock="Order")) as rig:
        await rig.turn("NumberPool", "west")
        order = await rig.find("NumberOrder", "west-1")
        assert order
        assert order["metadata"]["annotations"]["ringfleet.dev/ordered-for"] == ACME
        await rig.turn("NumberQuota", "month", ACME)
        month = await rig.find("NumberQuota", "month", ACME)
        assert month
        assert month["status"]["used"]["ordersToday"] == 1
        await rig.create(a_tenants("c1", onNoStock="Order"))
        async with restarted(rig) as again:
            await again.turn("NumberPool", "west")
            assert await again.names("NumberOrder") == ["west-1"]


@in_virtual_time
async def test_a_claim_beyond_the_orders_of_the_day_says_so_and_is_ordered_for_when_there_may_be_more() -> None:
    quotas, bought = quota(ordersPerDay=1), {"items": [{"number": digits(9), "state": "Failed"}], "key": "k"}
    ended = an_order(count=1, status={**bought, "completedAt": later(0), "phase": "Failed"})
    ended["metadata"]["annotations"] = {"ringfleet.dev/ordered-for": ACME}
    async with a_rig(*HOUSE, shared(), quotas, ended, a_tenants(onNoStock="Order")) as rig:
        await rig.turn("NumberPool", "west")
        await rig.turn("NumberClaim", "desk", ACME)
        assert await rig.names("NumberOrder") == ["west-1"]
        assert (await said(rig)).startswith(
            "QuotaExceeded: No number is ordered for it. The namespace has used up spec."
        )
        await rig.kube.patch(RESOURCES["NumberQuota"], ACME, "month", {"spec": {"limits": {"ordersPerDay": 2}}})
        await rig.look()
        assert {"NumberPool west", "NumberClaim desk"} <= set(await rig.woken(1.0))
        await rig.turn("NumberPool", "west")
        assert await rig.names("NumberOrder") == ["west-1", "west-2"]


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        pytest.param({}, 1, id="it has not chosen yet"),
        pytest.param({"completedAt": later(0), "failure": "NoStock", "phase": "Failed"}, 0, id="it found nothing"),
        pytest.param({"completedAt": later(0), "items": [], "phase": "Failed"}, 0, id="it chose nothing"),
        pytest.param(
            {"completedAt": later(0), "items": [{"number": digits(9), "state": "Failed"}], "key": "k"},
            1,
            id="what it chose failed",
        ),
    ],
)
@in_virtual_time
async def test_an_order_that_ended_before_it_chose_anything_uses_up_no_order_of_the_day(
    status: Json, counts: int
) -> None:
    async with a_rig(*HOUSE, a_pool(), a_quota(ordersPerDay=1), an_order(status=status)) as rig:
        await rig.turn("NumberQuota", "month")
        assert (await rig.status("NumberQuota", "month"))["used"]["ordersToday"] == counts


def at_work(rig: Rig, monthly: int, currency: str = "USD") -> AbstractAsyncContextManager[None]:
    """Let everybody work, while the carrier offers numbers at that price."""
    price = Price(Money(Decimal(monthly), currency), Money(Decimal(1), currency))
    rig.carrier.stock = [replace(an_offer(n), price=price) for n in range(1, 9)]
    return rig.running()


@pytest.mark.parametrize(
    ("monthly", "currency", "pool", "buys"),
    [
        pytest.param(5, "USD", shared(), 0, id="it costs more than is left"),
        pytest.param(2, "EUR", shared(limits={"currency": "EUR"}), 0, id="it costs other money"),
        pytest.param(5, "USD", shared(limits={"maxMonthlyPrice": "9"}), 0, id="it costs more, and less than the cap"),
        pytest.param(5, "USD", shared(1), 1, id="the stock costs whatever it does"),
        pytest.param(2, "USD", shared(), 1, id="it can be paid"),
        pytest.param(1, "USD", shared(), 2, id="two can be paid"),
    ],
)
@in_virtual_time
async def test_no_number_is_bought_for_a_claim_that_may_not_be_bound_to_it(
    monthly: int, currency: str, pool: Json, buys: int
) -> None:
    """Whose number is then given back, for nobody wants it; and its price is known no more."""
    waiting = claims(3, onNoStock="Order")
    async with a_rig(*HOUSE, pool, quota(monthlySpend="2"), *waiting, begun=False) as rig:
        async with at_work(rig, monthly, currency):
            await asyncio.sleep(600)
            for name in () if buys else await rig.names("PhoneNumber"):
                await rig.kube.delete(RESOURCES["PhoneNumber"], HERE, name)
            await asyncio.sleep(3600)
        assert len(rig.carrier.billed) == buys
        assert len(await held(rig)) == (0 if pool["spec"]["size"]["target"] else buys)


@in_virtual_time
async def test_a_namespace_that_can_not_pay_what_there_is_keeps_nobody_else_from_a_number() -> None:
    poor = a_tenants("poor", onNoStock="Order")
    own = a_claim("own", onNoStock="Order")
    rich = {**a_tenants("rich", onNoStock="Order"), "metadata": {"name": "rich", "namespace": "rich"}}
    riches = {**a_quota(monthlySpend="100"), "metadata": {"name": "month", "namespace": "rich"}}
    pool = a_pool(0, allowedNamespaces=[ACME, "rich"])
    async with a_rig(*HOUSE, pool, quota(monthlySpend="2"), riches, poor, rich, own, begun=False) as rig:
        async with at_work(rig, 5):
            await asyncio.sleep(60)
        assert len(rig.carrier.billed) == len(await held(rig)) == 2
        assert (await said(rig, "poor")).startswith(("WaitingForNumber", "QuotaExceeded"))
        orders = [await rig.find("NumberOrder", name) for name in await rig.names("NumberOrder")]
        bought = [one for one in orders if one and one["status"].get("items")]
        payers = [one["spec"].get("forClaims", {}).get("quotasOf") for one in bought]
        assert sorted(payers, key=str) == [None, "rich"]
        assert await rig.says("NumberPool", "west", "StockShort") in (None, "True PriceAboveCap")


@in_virtual_time
async def test_an_order_buys_for_what_is_left_when_it_chooses() -> None:
    waiting = claims(1, onNoStock="Order")
    async with a_rig(*HOUSE, shared(), quota(monthlySpend="9"), *waiting) as rig:
        await rig.turn("NumberPool", "west")
        await rig.kube.patch(RESOURCES["NumberQuota"], ACME, "month", {"spec": {"limits": {"monthlySpend": "2"}}})
        await rig.look()
        async with at_work(rig, 5):
            await asyncio.sleep(60)
        assert not rig.carrier.billed
        order = await rig.status("NumberOrder", "west-1")
        assert (order["failure"], order["phase"]) == ("PriceAboveCap", "Failed")


@pytest.mark.parametrize("seed", range(3))
@in_virtual_time
async def test_whatever_tenants_claim_and_let_go_none_has_more_than_it_may_and_nothing_is_bought_in_vain(
    seed: int,
) -> None:
    """Two pools, three tenants, few numbers that they can pay; what is bound at each moment is within the quotas."""
    dice, tenants = Random(seed), ("acme", "beta", "ceta")
    spend = {one: dice.choice([2, 3, 5]) for one in tenants}
    quotas = [in_namespace(a_quota(monthlySpend=str(spend[one]), numbers=4), one) for one in tenants]
    pools = [a_pool(0, allowedNamespaces=tenants), a_pool(0, "east", allowedNamespaces=tenants)]
    alive: list[tuple[str, str]] = []
    async with a_rig(*HOUSE, *pools, *quotas, begun=False) as rig:
        rig.carrier.stock = [replace(an_offer(n), price=a_price(1 if n < 4 else 6)) for n in range(1, 30)]
        async with rig.running():
            for step in range(20):
                if dice.random() < 0.7 or not alive:
                    place = (dice.choice(tenants), f"c{step}")
                    pool = {"name": dice.choice(["west", "east"]), "namespace": HERE}
                    claim = a_claim(place[1], poolRef=pool, onNoStock=dice.choice(["Order", "Wait"]))
                    await rig.kube.create(RESOURCES["NumberClaim"], place[0], in_namespace(claim, place[0]))
                    alive.append(place)
                else:
                    place = alive.pop(dice.randrange(len(alive)))
                    await rig.kube.delete(RESOURCES["NumberClaim"], *place)
                await asyncio.sleep(dice.choice([0.05, 0.3, 1, 5, 30]))
                assert not await beyond(rig, spend)
            await asyncio.sleep(600)
            assert not await beyond(rig, spend)
            numbers = [await rig.find("PhoneNumber", name) for name in await rig.names("PhoneNumber")]
            assert all({"claimRef", "lastClaimRef"} & set(one["spec"]) for one in numbers if one)
            assert set(rig.carrier.billed.values()) <= {1}


async def beyond(rig: Rig, spend: Mapping[str, int]) -> list[str]:
    """The tenants that have more, or dearer, numbers than they may."""
    numbers = [await rig.find("PhoneNumber", name) for name in await rig.names("PhoneNumber")]
    bound = [one for one in numbers if one and "claimRef" in one["spec"]]
    prices = {str(offer.number): offer.price.monthly.amount for offer in rig.carrier.stock}
    had = {
        tenant: [prices[one["spec"]["number"]] for one in bound if one["spec"]["claimRef"]["namespace"] == tenant]
        for tenant in spend
    }
    return [tenant for tenant, mine in had.items() if sum(mine) > spend[tenant] or len(mine) > 4]


def in_namespace(obj: Json, namespace: str) -> Json:
    return {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}


# And what `ringfleet plan` says.


@in_virtual_time
async def test_a_plan_serves_no_more_claims_of_a_tenant_than_its_quotas_let_it() -> None:
    numbers = [priced(n, "1.99") for n in range(1, 5)]
    async with a_rig(*HOUSE, shared(), *numbers, quota(monthlySpend="2.00")) as rig:
        laid_over = [{**one, "apiVersion": "ringfleet.dev/v1alpha1"} for one in claims(4, onNoStock="Order")]
        async with what_if(rig.kube, [HERE, ACME], laid_over) as after:
            filling = await fill(after, ObjectRef(HERE, "west"))
            assert filling.served == [f"{ACME}/c0"]
            assert after.services.fleet.orders_for(HERE, "west") == []


@in_virtual_time
async def test_a_forecast_takes_no_claims_for_demand_that_their_own_quota_leaves_no_number_for() -> None:
    """They wait in the queue, and each may be the one that is served; the pool would buy for all of them."""
    demand = {"burnRatePerDay": "1", "leadTime": "24h"}
    pool = shared(size={"mode": "Forecast", "target": 0}, demand=demand)
    async with a_rig(*HOUSE, pool, quota(numbers=2), *claims(9)) as rig:
        await rig.turn("NumberPool", "west")
        status = await rig.status("NumberPool", "west")
        assert status["waitingClaims"] == 9
        assert status["shortfall"] == status["demand"]["recommendedTarget"] + 2
