"""`spec.limits.purchasesPerHour`: counted from the cluster, reserved before the call, over restarts, and said."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from ringfleet.carriers.errors import OutcomeUnknown
from ringfleet.kube.transport import Json
from ringfleet.model import Mark
from tests.controllers.rig import (
    HERE,
    Rig,
    a_number,
    a_pool,
    a_rig,
    a_secret,
    an_account,
    an_order,
    in_virtual_time,
    later,
    restarted,
)
from tests.kube.virtual_time import now
from tests.plan.builders import a_holding, an_offer, digits

HOUR = 3600.0


def house(limit: int) -> tuple[Json, ...]:
    return a_secret(), an_account(limits={"purchasesPerHour": limit}, sweepInterval="24h")


def stock(rig: Rig, count: int = 40) -> None:
    rig.carrier.stock += [an_offer(n) for n in range(1, count + 1)]


async def finish(rig: Rig, order: str) -> None:
    """Turn after turn, as long as the order wants another at once."""
    for _ in range(6):
        if await rig.turn("NumberOrder", order) != 0.0:
            return


def an_old_order(count: int, ago: float, sequence: int = 5, state: str = "Provisioned", **status: object) -> Json:
    """One that has bought `count` numbers so many seconds ago, for a pool of its own."""
    items = [
        {"number": digits(100 * sequence + n), "state": state, "externalId": f"did-{100 * sequence + n}", **_PRICE}
        for n in range(count)
    ]
    said = {"items": items, "key": "k", "completedAt": later(-ago), **status}
    return an_order(count, sequence, said, poolRef={"name": "other"})


_PRICE = {"monthly": "2", "setup": "1"}


@in_virtual_time
async def test_an_order_takes_no_more_than_what_is_left_of_the_hour_and_the_rest_waits() -> None:
    async with a_rig(*house(3), a_pool(8), an_old_order(1, 600)) as rig:
        stock(rig)
        await rig.turn("NumberPool", "west")
        await rig.settle(60.0)
        assert rig.carrier.billed.total() == 2
        assert await rig.says("NumberPool", "west") == "False PurchaseRateReached"
        assert await rig.says("CarrierAccount", "main", "PurchaseRateReached") == "True PurchaseRateReached"
        status = await rig.status("CarrierAccount", "main")
        assert status["purchases"] == {"lastHour": 3, "nextTime": later(3000)}
        said = next(one["message"] for one in (await rig.status("NumberPool", "west"))["conditions"])
        assert "purchasesPerHour" in said
        assert "20" not in said, "no time stands in a message"


@in_virtual_time
async def test_a_whole_pool_is_filled_by_itself_with_no_hour_over_the_limit() -> None:
    bought: list[float] = []
    async with a_rig(*house(3), a_pool(7)) as rig:
        stock(rig)

        async def note() -> None:
            before = rig.carrier.billed.total()
            asyncio.get_running_loop().call_later(0.01, lambda: count(before))

        def count(before: int) -> None:
            bought.extend([now()] * (rig.carrier.billed.total() - before))

        rig.carrier.before_buying = note
        await rig.turn("NumberPool", "west")
        await rig.settle(2.2 * HOUR)
        assert rig.carrier.billed.total() == 7
        assert await rig.says("NumberPool", "west") == "True AtTarget"
    assert all(sum(start <= one < start + HOUR for one in bought) <= 3 for start in bought)


@pytest.mark.parametrize(
    ("order", "left"),
    [
        pytest.param(an_old_order(2, 60), 1, id="bought a minute ago"),
        pytest.param(an_old_order(2, HOUR), 3, id="bought an hour ago"),
        pytest.param(an_old_order(2, 60, state="Failed"), 3, id="not bought"),
        pytest.param(an_old_order(2, 0, state="Unknown", completedAt=None), 1, id="not known"),
        pytest.param(an_old_order(2, 0, state="Submitting", completedAt=None), 1, id="being sent"),
        pytest.param(an_old_order(2, 0, state="Pending", completedAt=None), 1, id="chosen"),
    ],
)
@in_virtual_time
async def test_what_counts_is_what_the_cluster_shows_after_a_restart_too(order: Json, left: int) -> None:
    async with a_rig(*house(3), a_pool(8), order, an_order(8)) as rig:
        stock(rig)
        async with restarted(rig) as again:
            await again.turn("NumberOrder", "west-1")
            assert len((await again.status("NumberOrder", "west-1"))["items"]) == left


@in_virtual_time
async def test_numbers_count_whose_order_somebody_has_deleted() -> None:
    numbers = [a_number(n, status={"purchasedAt": later(-60)}) for n in (31, 32)]
    async with a_rig(*house(3), a_pool(8), *numbers, an_order(8), begun=False) as rig:
        rig.carrier.held.update({digits(n): a_holding(n, mark=Mark("home", HERE, "west")) for n in (31, 32)})
        await rig.begin()
        stock(rig, 20)
        await rig.turn("NumberOrder", "west-1")
        assert len((await rig.status("NumberOrder", "west-1"))["items"]) == 1


@in_virtual_time
async def test_a_purchase_whose_answer_was_lost_is_looked_up_and_counts_until_then() -> None:
    async with a_rig(*house(2), a_pool(4), an_order(2), an_order(2, 2)) as rig:
        stock(rig)
        rig.carrier.lose_reply("buy", OutcomeUnknown("no reply"))
        for _ in range(2):
            await rig.turn("NumberOrder", "west-1")
        assert await rig.turn("NumberOrder", "west-2") == 30.0
        assert await rig.says("NumberOrder", "west-2") == "False PurchaseRateReached"
        assert rig.carrier.billed == Counter([digits(1), digits(2)])


@in_virtual_time
async def test_a_limit_that_is_lowered_holds_for_what_was_chosen_before() -> None:
    async with a_rig(*house(9), a_pool(8), an_order(4)) as rig:
        stock(rig)
        await rig.turn("NumberOrder", "west-1")
        await rig.change("CarrierAccount", "main", {"spec": {"limits": {"purchasesPerHour": 3}}})
        await rig.look()
        await finish(rig, "west-1")
        assert rig.carrier.billed == Counter()
        assert await rig.says("NumberOrder", "west-1") == "False PurchaseRateReached"
        assert "completedAt" in await rig.status("NumberOrder", "west-1"), "it could never be sent as a whole"


@in_virtual_time
async def test_an_order_of_the_hour_is_kept_beyond_the_pools_history() -> None:
    """Or a number that is bought, given back and bought again would not count."""
    orders = [an_old_order(1, ago, sequence) for sequence, ago in ((1, 60.0), (2, HOUR), (3, HOUR))]
    for order in orders:
        order["spec"]["poolRef"] = {"name": "west"}
    numbers = [a_number(100 * sequence) for sequence in (1, 2, 3)]
    for limited, kept in ((house(3), ["west-1", "west-3"]), ((a_secret(), an_account()), ["west-3"])):
        async with a_rig(*limited, a_pool(3, ordering={"historyLimit": 1}), *orders, *numbers) as rig:
            await rig.turn("NumberPool", "west")
            going = [await rig.find("NumberOrder", f"west-{n}") for n in (1, 2, 3)]
            names = [one["metadata"]["name"] for one in going if one and "deletionTimestamp" not in one["metadata"]]
            assert names == kept


@pytest.mark.parametrize("limit", [100, None])
@in_virtual_time
async def test_a_limit_that_is_raised_or_taken_away_is_followed_at_once(limit: int | None) -> None:
    """As the conditions say: "or raise the limit". Nobody waits for the end of the hour then."""
    async with a_rig(*house(2), a_pool(6)) as rig:
        stock(rig)
        await rig.turn("NumberPool", "west")
        await rig.settle(600.0)
        assert rig.carrier.billed.total() == 2
        await rig.change("CarrierAccount", "main", {"spec": {"limits": {"purchasesPerHour": limit}}})
        await rig.look()
        await rig.settle(20.0)
        assert rig.carrier.billed.total() == 6


@in_virtual_time
async def test_an_account_hears_that_numbers_are_set_aside_no_more() -> None:
    """Else it says that its hour is used up until it is swept, which may be tomorrow."""
    chosen = [{"number": digits(n), "state": "Pending", **_PRICE} for n in (1, 2)]
    order = an_order(status={"items": chosen, "key": "k"})
    async with a_rig(*house(2), a_pool(suspend=True), order) as rig:
        assert await rig.says("CarrierAccount", "main", "PurchaseRateReached") == "True PurchaseRateReached"
        await rig.delete("NumberPool", "west")
        await rig.look()
        await rig.settle(20.0)
        assert await rig.says("NumberOrder", "west-1") == "False PoolMissing"
        assert await rig.says("CarrierAccount", "main", "PurchaseRateReached") is None


@in_virtual_time
async def test_a_pool_says_that_it_goes_elsewhere_while_another_ones_order_uses_up_the_hour() -> None:
    """And says it no more once the order has ended and bought nothing."""
    both = [{"accountRef": {"name": "main"}}, {"accountRef": {"name": "spare"}}]
    other = a_pool(2, "east", suspend=True)
    async with a_rig(*house(2), an_account("spare"), a_pool(0, carriers=both), other) as rig:
        await rig.turn("NumberPool", "west")
        await rig.change("NumberPool", "west", {"spec": {"size": {"target": 1}}})
        said = []
        for change in (rig.create(an_order(poolRef={"name": "east"})), rig.delete("NumberPool", "east")):
            await change
            await rig.look()
            await rig.settle(10.0)
            said.append(await rig.says("NumberPool", "west", "FallbackCarrier"))
        assert said == ["True FallbackCarrier", None]
