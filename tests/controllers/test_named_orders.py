"""Orders of a person, which name their numbers."""

from __future__ import annotations

import pytest

from ringfleet.carriers.errors import OutcomeUnknown
from ringfleet.kube.transport import Json
from ringfleet.model import Mark
from tests.controllers.rig import (
    HOUSE,
    Rig,
    a_number,
    a_pool,
    a_rig,
    an_object,
    an_order,
    in_virtual_time,
    restarted,
)
from tests.plan.builders import a_holding, an_offer, digits


def a_named_order(*numbers: int, name: str = "mine", **spec: object) -> Json:
    market = {"country": "US", "type": "Geographic", "areaCodes": ["415"], "capabilities": ["Voice"]}
    says: Json = {
        "poolRef": {"name": "west"},
        "accountRef": {"name": "main"},
        "market": market,
        "count": len(numbers),
        "numbers": [digits(n) for n in numbers],
    }
    return an_object("NumberOrder", name, {**says, **spec})


async def finish(rig: Rig, name: str = "mine") -> None:
    """Turn after turn, each when the last one asked for it, a dozen at most."""
    for _ in range(12):
        delay = await rig.turn("NumberOrder", name)
        if delay is None or delay >= 3600.0:
            return
        await rig.woken(delay)


async def outcomes(rig: Rig, name: str = "mine") -> dict[str, str]:
    """Each item's state and reason, by the number's place in the builders' count."""
    items = (await rig.status("NumberOrder", name))["items"]
    return {item["number"]: f"{item['state']} {item.get('reason', '')}".strip() for item in items}


@in_virtual_time
async def test_exactly_the_named_numbers_are_bought_by_the_protocol_of_all_orders() -> None:
    async with a_rig(*HOUSE, a_pool(0), a_named_order(3, 2)) as rig:
        rig.carrier.stock += [an_offer(n) for n in range(1, 6)]
        await finish(rig)
        assert await outcomes(rig) == {digits(3): "Provisioned", digits(2): "Provisioned"}
        (purchase,) = rig.carrier.purchases
        assert [offer.number for offer in purchase.offers] == [digits(3), digits(2)]
        assert await rig.names("PhoneNumber") == sorted(digits(n).digits for n in (2, 3))
        assert await rig.says("NumberOrder", "mine") == "True Complete"


@in_virtual_time
async def test_one_that_is_not_to_be_had_says_why_and_the_others_are_bought() -> None:
    limits = {"maxMonthlyPrice": "5", "currency": "USD"}
    order = a_named_order(1, 2, 3, 4, 5, 6, limits=limits)
    async with a_rig(*HOUSE, a_pool(0), a_number(1), order, begun=False) as rig:
        rig.carrier.held[digits(1)] = a_holding(1, mark=Mark("home", "shop", "west"))
        await rig.begin()
        dumb, dear = an_offer(3, capabilities=frozenset()), an_offer(4, monthly=9)
        rig.carrier.stock += [an_offer(1), dumb, dear, an_offer(5)]
        rig.carrier.held[digits(6)] = a_holding(6, mark=None)
        await finish(rig)
        assert await outcomes(rig) == {
            digits(1): "Failed AlreadyHeld",
            digits(2): "Failed NotOffered",
            digits(3): "Failed NotOfMarket",
            digits(4): "Failed PriceAboveCap",
            digits(5): "Provisioned",
            digits(6): "Failed AlreadyHeld",
        }
        said = {item["number"]: item.get("message", "") for item in (await rig.status("NumberOrder", "mine"))["items"]}
        assert said[digits(1)] == f"{digits(1)} is ours already: PhoneNumber {digits(1).digits} of pool west."
        assert said[digits(2)] == f"shop/main does not offer {digits(2)}: it is sold, or was never for sale there."
        assert said[digits(3)] == f"{digits(3)} can't do what the market asks for: Voice."
        assert said[digits(6)].endswith("without our mark: `kubectl ringfleet adopt` takes it in.")
        assert await rig.says("NumberOrder", "mine") == "True Complete"


@pytest.mark.parametrize(
    ("limits", "bought"),
    [({"maxNumbers": 2}, 2), ({"monthlyBudget": "7"}, 2), ({"maxNumbers": 50, "monthlyBudget": "100"}, 3)],
)
@in_virtual_time
async def test_the_pools_limits_hold_for_named_numbers_too(limits: Json, bought: int) -> None:
    async with a_rig(*HOUSE, a_pool(0, limits=limits), a_named_order(1, 2, 3)) as rig:
        rig.carrier.stock += [an_offer(n) for n in range(1, 4)]
        await finish(rig)
        states = list((await outcomes(rig)).values())
        assert states == ["Provisioned"] * bought + ["Failed LimitReached"] * (3 - bought)


@in_virtual_time
async def test_two_orders_that_name_one_number_get_it_once_and_the_other_is_told() -> None:
    async with a_rig(*HOUSE, a_pool(0), a_named_order(1, name="hers"), a_named_order(1, name="his")) as rig:
        rig.carrier.stock.append(an_offer(1))
        await rig.turn_all(("NumberOrder", "hers"), ("NumberOrder", "his"))
        await finish(rig, "hers")
        await finish(rig, "his")
        assert sorted([*(await outcomes(rig, "hers")).values(), *(await outcomes(rig, "his")).values()]) == [
            "Failed AlreadyHeld",
            "Provisioned",
        ]
        assert len(rig.carrier.purchases) == 1
        assert "False OrderRefused" in [await rig.says("NumberOrder", name) for name in ("hers", "his")]


@in_virtual_time
async def test_a_pool_counts_what_a_person_orders_and_learns_nothing_from_it() -> None:
    async with a_rig(*HOUSE, a_pool(2), a_named_order(1, 9)) as rig:
        rig.carrier.stock += [an_offer(n) for n in range(1, 4)]
        await rig.turn("NumberPool", "west")
        assert await rig.names("NumberOrder") == ["mine"]  # two are in flight by the person's order
        await finish(rig)
        await rig.look()
        await rig.turn("NumberPool", "west")
        assert await rig.names("NumberOrder") == ["mine", "west-1"]
        order = await rig.find("NumberOrder", "west-1")
        assert order
        assert order["spec"]["count"] == 1


@in_virtual_time
async def test_an_answer_that_is_lost_is_looked_up_and_the_number_is_bought_once() -> None:
    async with a_rig(*HOUSE, a_pool(0), a_named_order(1)) as rig:
        rig.carrier.stock.append(an_offer(1))
        rig.carrier.lose_reply("buy", OutcomeUnknown("lost"))
        for _ in range(3):  # held, chosen, bought
            await rig.turn("NumberOrder", "mine")
        assert await outcomes(rig) == {digits(1): "Unknown"}
        async with restarted(rig) as again:
            await finish(again)
            assert await outcomes(again) == {digits(1): "Provisioned"}
            assert again.carrier.held[digits(1)].mark == Mark("home", "shop", "west")
            assert len({purchase.key for purchase in again.carrier.purchases}) == 1


@in_virtual_time
async def test_an_order_of_a_person_stays_when_the_pools_own_are_trimmed() -> None:
    done = {"completedAt": "2020-01-01T00:00:00Z", "items": [], "key": "k"}
    mine = a_named_order(1)
    mine["status"] = done
    olds = [an_order(1, n, done) for n in range(1, 5)]
    async with a_rig(*HOUSE, a_pool(0, ordering={"historyLimit": 1}), mine, *olds) as rig:
        await rig.turn("NumberPool", "west")
        deleted = [line for line in rig.told() if line.startswith("delete")]
        assert deleted == [f"delete numberorders west-{n}" for n in (1, 2, 3)]
