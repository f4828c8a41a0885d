"""Orders of a namespace that came back from a backup: without status, under new uids, with or without their numbers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from ringfleet.carriers.errors import CarrierUnavailable, ListingIncomplete
from ringfleet.controllers.wake import wake_users
from ringfleet.kube.transport import Json
from ringfleet.model import AccountKey, Holding, Mark
from tests.controllers.rig import (
    HERE,
    HOUSE,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_quota,
    a_rig,
    an_account,
    an_object,
    an_order,
    in_virtual_time,
    restarted,
)
from tests.plan.builders import a_holding, an_offer, digits

_ALIVE = (an_object("Namespace", HERE, {}), an_object("CustomResourceDefinition", "phonenumbers.ringfleet.dev", {}))
OF_A_BACKUP = {"ringfleet.dev/pool-uid": "the-uid-that-the-pool-had-then"}


def held(n: int, pool: str = "west") -> Holding:
    """The n-th number as the carrier has it, under the mark of a pool."""
    return a_holding(n, mark=Mark("home", "shop", pool), external_id=f"did-{n}")


def restored_number(n: int) -> Json:
    """The n-th number's object without the status that it had."""
    return {**a_number(n), "status": {}}


def restored_order(count: int, sequence: int) -> Json:
    order = an_order(count, sequence)
    return {**order, "metadata": {**order["metadata"], "annotations": OF_A_BACKUP}}


@asynccontextmanager
async def a_carrier_with(*objects: Json, numbers: int, pool: str = "west") -> AsyncIterator[Rig]:
    """A rig whose carrier holds so many numbers of the pool, and has more to sell; nobody has looked yet."""
    async with a_rig(*objects, begun=False) as rig:
        rig.carrier.held = {digits(n): held(n, pool) for n in range(1, numbers + 1)}
        rig.carrier.stock = [an_offer(n) for n in range(50, 70)]
        yield rig


async def work(rig: Rig, seconds: float = 120.0) -> None:
    """Let the pool, its orders and its numbers do whatever they have to."""
    wake_users(rig.services, AccountKey("shop", "main"))
    await rig.settle(seconds)


async def run_orders(rig: Rig, *sequences: int) -> None:
    for sequence in sequences:
        while (delay := await rig.turn("NumberOrder", f"west-{sequence}")) is not None and delay < 3600.0:
            await rig.woken(delay)


@pytest.mark.parametrize("objects", [pytest.param(True, id="with its numbers"), pytest.param(False, id="without them")])
@in_virtual_time
async def test_orders_that_came_back_without_status_buy_nothing(objects: bool) -> None:
    orders = (restored_order(3, 1), restored_order(2, 2))
    numbers = [restored_number(n) for n in range(1, 6)] if objects else []
    async with a_carrier_with(*HOUSE, a_pool(target=5), *orders, *numbers, numbers=5) as rig:
        await rig.begin()
        await run_orders(rig, 1, 2)
        assert rig.carrier.billed.total() == 0
        assert await rig.says("NumberOrder", "west-1") == "True Complete"
        assert (await rig.status("NumberOrder", "west-2"))["phase"] == "Complete"
        await work(rig, 300)
        assert (rig.carrier.billed.total(), len(await rig.names("PhoneNumber"))) == (0, 5)


@in_virtual_time
async def test_what_is_missing_after_a_restore_is_bought_once_however_many_orders_came_back() -> None:
    orders = [restored_order(3, sequence) for sequence in range(1, 6)]
    numbers = [restored_number(n) for n in range(1, 4)]
    async with a_carrier_with(*HOUSE, a_pool(target=5), *orders, *numbers, numbers=3) as rig:
        await rig.begin()
        await work(rig, 600)
        assert (rig.carrier.billed.total(), len(await rig.names("PhoneNumber"))) == (2, 5)


@in_virtual_time
async def test_numbers_whose_objects_vanish_under_a_running_operator_are_not_bought_again() -> None:
    numbers = [a_number(n) for n in (1, 2)]
    async with a_carrier_with(*HOUSE, a_pool(), *numbers, numbers=2) as rig:
        await rig.begin()
        for number in numbers:
            await rig.change("PhoneNumber", number["metadata"]["name"], {"metadata": {"finalizers": []}})
            await rig.delete("PhoneNumber", number["metadata"]["name"])
        await rig.create(restored_order(2, 1))
        await rig.look()
        await rig.turn("NumberPool", "west")
        await run_orders(rig, 1)
        await rig.turn("NumberPool", "west")
        assert (await rig.names("NumberOrder"), rig.carrier.billed.total()) == (["west-1"], 0)
        assert (await rig.status("NumberPool", "west"))["supply"] == 2
        await asyncio.sleep(3600)
        await rig.turn("CarrierAccount", "main")
        await work(rig)
        assert (rig.carrier.billed.total(), await rig.names("PhoneNumber")) == (0, [digits(1).digits, digits(2).digits])


@in_virtual_time
async def test_a_number_that_we_let_go_ourselves_is_replaced_although_no_listing_has_said_so() -> None:
    async with a_carrier_with(*HOUSE, *_ALIVE, a_pool(target=1), a_number(1), numbers=1) as rig:
        await rig.begin()
        await rig.delete("PhoneNumber", digits(1).digits)
        await rig.look()
        rig.carrier.fail("holdings", *[ListingIncomplete("It broke off.")] * 1000)
        await work(rig, 300)
        await rig.look()
        await work(rig, 300)
        assert rig.carrier.billed.total() == 1


@in_virtual_time
async def test_a_number_that_was_let_go_while_a_listing_ran_is_replaced() -> None:
    """The listing has shown it before, with our mark."""
    async with a_carrier_with(*HOUSE, *_ALIVE, a_pool(target=1), a_number(1), numbers=1) as rig:
        rig.carrier.takes["holdings end"] = 60.0
        async with rig.running():
            await asyncio.sleep(30)
            await rig.delete("PhoneNumber", digits(1).digits)
            await asyncio.sleep(120)
        assert rig.carrier.billed.total() == 1


@in_virtual_time
async def test_a_number_that_the_newest_listing_shows_without_our_mark_is_replaced() -> None:
    """Its object is gone too, taken away by force."""
    async with a_carrier_with(*HOUSE, *_ALIVE, a_pool(target=1), a_number(1), numbers=1) as rig:
        async with rig.running():
            await asyncio.sleep(30)
            rig.carrier.held[digits(1)] = replace(held(1), mark=None)
            await rig.change("PhoneNumber", digits(1).digits, {"metadata": {"finalizers": []}})
            await rig.delete("PhoneNumber", digits(1).digits)
            await asyncio.sleep(3 * 3600)
        assert rig.carrier.billed.total() == 1


@in_virtual_time
async def test_what_another_pool_has_bought_is_not_counted() -> None:
    async with a_carrier_with(*HOUSE, a_pool(), restored_order(2, 1), numbers=2, pool="east") as rig:
        await rig.begin()
        await run_orders(rig, 1)
        assert rig.carrier.billed.total() == 2


LIMITS = {"currency": "USD", "maxMonthlyPrice": "2", "maxSetupPrice": "1"}


@pytest.mark.parametrize(
    ("limits", "quota", "bought", "said"),
    [
        pytest.param({"maxNumbers": 4}, None, 1, "True Complete", id="one is left of maxNumbers"),
        pytest.param({"maxNumbers": 3}, None, 0, "False MaxNumbersReached", id="nothing is"),
        pytest.param({"monthlyBudget": "13", **LIMITS}, None, 1, "True Complete", id="the budget buys one"),
        pytest.param({"monthlyBudget": "9", **LIMITS}, None, 0, "False BudgetExhausted", id="the budget is spent"),
        pytest.param({}, {"numbers": 4}, 1, "True Complete", id="one is left of the quota"),
        pytest.param({}, {"numbers": 3}, 0, "False QuotaExceeded", id="the quota is full"),
        pytest.param({}, {"monthlySpend": "13", "currency": "USD"}, 1, "True Complete", id="the quota pays for one"),
        pytest.param({}, {"monthlySpend": "9", "currency": "USD"}, 0, "False QuotaExceeded", id="for none"),
    ],
)
@in_virtual_time
async def test_an_order_obeys_the_limits_when_it_runs(
    limits: dict[str, object], quota: dict[str, object] | None, bought: int, said: str
) -> None:
    """Three numbers are held, at 2 dollars a month and 1 for setting up, all of this month; two more are wanted."""
    numbers = [restored_number(n) for n in range(1, 4)]
    quotas = [a_quota(**quota)] if quota else []
    pool = a_pool(target=5, limits=limits)
    async with a_carrier_with(*HOUSE, pool, *quotas, restored_order(2, 1), *numbers, numbers=3) as rig:
        await rig.begin()
        await run_orders(rig, 1)
        assert (rig.carrier.billed.total(), await rig.says("NumberOrder", "west-1")) == (bought, said)


@in_virtual_time
async def test_an_order_of_a_backup_is_not_for_the_claims_of_today() -> None:
    """Their numbers may be theirs again in a moment; if not, the pool orders for them itself."""
    claims = [a_claim(f"desk-{n}", onNoStock="Order") for n in (1, 2)]
    async with a_carrier_with(*HOUSE, a_pool(target=0), restored_order(2, 1), *claims, numbers=0) as rig:
        await rig.begin()
        await run_orders(rig, 1)
        assert rig.carrier.billed.total() == 0


@in_virtual_time
async def test_an_order_of_the_pool_of_today_buys_for_the_claims_that_wait() -> None:
    claims = [a_claim(f"desk-{n}", onNoStock="Order") for n in (1, 2)]
    async with a_carrier_with(*HOUSE, a_pool(target=0), *claims, numbers=0) as rig:
        await rig.begin()
        await work(rig)
        assert rig.carrier.billed.total() == 2


@in_virtual_time
async def test_an_order_waits_until_the_account_was_listed_and_makes_no_listing_of_its_own() -> None:
    async with a_carrier_with(*HOUSE, a_pool(), restored_order(2, 1), numbers=2) as rig:
        shown, whole = asyncio.Event(), rig.carrier.holdings

        async def slowly() -> AsyncIterator[tuple[Holding, ...]]:
            await shown.wait()
            async for page in whole():
                yield page

        rig.carrier.holdings = slowly  # type: ignore[method-assign]  # the listing takes its time
        await rig.look()
        looking = asyncio.create_task(rig.turn("CarrierAccount", "main"))
        while rig.services.accounts.seen(AccountKey("shop", "main"), "shop").blocked:
            await asyncio.sleep(0.1)
        delay = await rig.turn("NumberOrder", "west-1")
        assert (delay, await rig.says("NumberOrder", "west-1")) == (5.0, "False WaitingForListing")
        shown.set()
        await looking
        rig.told()
        await run_orders(rig, 1)
        told = rig.told()
        assert ("carrier: holdings" in told, "carrier: buy" in told) == (False, False)


@pytest.mark.parametrize(
    ("order", "bought"),
    [
        pytest.param(None, 2, id="the pool's own order goes on"),
        pytest.param(restored_order(2, 1), 0, id="one of a backup waits"),
    ],
)
@in_virtual_time
async def test_while_the_listing_is_broken_only_orders_that_the_pool_of_today_has_made_buy(
    order: Json | None, bought: int
) -> None:
    async with a_carrier_with(*HOUSE, a_pool(), *([order] if order else []), numbers=0) as rig:
        rig.carrier.fail("holdings", *[ListingIncomplete("It broke off.")] * 1000)
        await rig.begin()
        await work(rig, 120)
        assert rig.carrier.billed.total() == bought
        if order:
            assert await rig.says("NumberOrder", "west-1") == "False WaitingForListing"


@in_virtual_time
async def test_a_pool_that_has_bought_before_need_not_wait_for_the_listing_of_the_next_process() -> None:
    async with a_carrier_with(*HOUSE, a_pool(target=1), numbers=0) as rig:
        await rig.begin()
        await work(rig)
        await rig.change("NumberPool", "west", {"spec": {"size": {"target": 2}}})
        rig.carrier.fail("holdings", *[ListingIncomplete("It broke off.")] * 1000)
        async with restarted(rig) as again:
            await work(again)
            assert again.carrier.billed.total() == 2


@pytest.mark.parametrize("seller", ["main", "spare"])
@in_virtual_time
async def test_what_was_bought_after_a_snapshot_of_the_cluster_is_not_bought_again(seller: str) -> None:
    """All objects came back as they were then, with status and uids: the pool remembers the orders before, and nothing
    tells of the one after. Both carriers take their time to list what they have."""
    async with a_carrier_with(*_ALIVE, *HOUSE, an_account("spare"), a_pool(1, **TWO), numbers=0) as rig:
        async with rig.running():
            await asyncio.sleep(300)
            await rig.change("NumberPool", "west", {"spec": {"size": {"target": 3}}})
            snapshot = rig.api.snapshot()
            if seller == "spare":
                rig.carriers["shop/spare"].stock = [an_offer(n) for n in range(80, 90)]
                go_down(rig, "main")
            await asyncio.sleep(600)
        bought = {name: rig.carriers[f"shop/{name}"].billed.total() for name in ("main", "spare")}
        assert bought == {"main": 3, "spare": 0} if seller == "main" else {"main": 1, "spare": 2}
        rig.api.restore(snapshot)
        come_back(rig, "main")
        for carrier in rig.carriers.values():
            carrier.stock = [offer for offer in carrier.stock if offer.number not in carrier.held]
            carrier.takes["holdings"] = 20.0
        async with restarted(rig, begun=False) as again, again.running():
            await asyncio.sleep(600)
            assert sum(carrier.billed.total() for carrier in rig.carriers.values()) == 3
            assert len(await again.names("PhoneNumber")) == 3
            assert await again.says("NumberPool", "west") == "True AtTarget"


@pytest.mark.parametrize("seller", ["main", "spare"])
@in_virtual_time
async def test_what_was_bought_after_a_snapshot_is_not_bought_again_when_its_carrier_is_down_at_the_restore(
    seller: str,
) -> None:
    """The pool's other carrier could sell at once. Nothing but the fall of the one that nobody has seen tells of it."""
    other = {"main": "spare", "spare": "main"}[seller]
    async with a_carrier_with(*_ALIVE, *HOUSE, an_account("spare"), a_pool(1, **TWO), numbers=0) as rig:
        async with rig.running():
            await asyncio.sleep(300)
            await rig.change("NumberPool", "west", {"spec": {"size": {"target": 3}}})
            snapshot = rig.api.snapshot()
            rig.carriers[f"shop/{seller}"].stock = [an_offer(n) for n in range(80, 90)]
            rig.carriers[f"shop/{other}"].stock = []
            await asyncio.sleep(600)
        assert rig.carriers[f"shop/{seller}"].billed.total() >= 2
        rig.api.restore(snapshot)
        rig.carriers[f"shop/{other}"].stock = [an_offer(n) for n in range(60, 70)]
        rig.carriers[f"shop/{seller}"].down |= {"account_id", "balance", "holdings", "search"}
        for _ in range(2):  # the process that begins after the restore, and the one after that
            async with restarted(rig, begun=False) as again, again.running():
                await asyncio.sleep(600)
                assert sum(carrier.billed.total() for carrier in rig.carriers.values()) == 3
                assert await again.says("NumberPool", "west") != "True AtTarget"
        rig.carriers[f"shop/{seller}"].down.clear()
        async with restarted(rig, begun=False) as again, again.running():
            await asyncio.sleep(600)
            assert sum(carrier.billed.total() for carrier in rig.carriers.values()) == 3
            assert len(await again.names("PhoneNumber")) == 3
            assert await again.says("NumberPool", "west") == "True AtTarget"


@in_virtual_time
async def test_what_the_pools_other_carrier_has_is_counted_too() -> None:
    carriers = [{"accountRef": {"name": "main"}}, {"accountRef": {"name": "spare"}}]
    house = (*HOUSE, an_account("spare"))
    async with a_carrier_with(*house, a_pool(carriers=carriers), restored_order(2, 1), numbers=0) as rig:
        rig.carriers["shop/spare"].held = {digits(n): held(n) for n in (1, 2)}
        await rig.begin()
        await run_orders(rig, 1)
        assert rig.carrier.billed.total() == 0


@in_virtual_time
async def test_a_pool_that_is_made_anew_does_not_rest_for_the_failures_of_the_old_one() -> None:
    async with a_carrier_with(*HOUSE, a_pool(target=1), numbers=0) as rig:
        rig.carrier.stock = []
        await rig.begin()
        await work(rig, 3600)
        await rig.delete("NumberPool", "west")
        await rig.look()
        await work(rig)
        await rig.create(a_pool(target=1))
        await rig.look()
        rig.carrier.stock = [an_offer(50)]
        await work(rig, 5)
        assert rig.carrier.billed.total() == 1


# A carrier that is down.

TWO = {"carriers": [{"accountRef": {"name": "main"}}, {"accountRef": {"name": "spare"}}]}
_DOWN = [CarrierUnavailable("It is down.")] * 10_000


def go_down(rig: Rig, name: str = "spare") -> None:
    for call in ("account_id", "balance", "holdings", "search"):
        rig.carriers[f"{HERE}/{name}"].fail(call, *_DOWN)


def come_back(rig: Rig, name: str = "spare") -> None:
    rig.carriers[f"{HERE}/{name}"].stop_failing()


async def message(rig: Rig, order: str) -> str:
    (said,) = (one for one in (await rig.status("NumberOrder", order))["conditions"] if one["type"] == "Ready")
    told: str = said["message"]
    return told


@pytest.mark.parametrize("missing", [0, 1], ids=["the order is for all", "the pool orders more itself"])
@in_virtual_time
async def test_after_a_restore_nothing_is_bought_before_a_carrier_that_is_down_was_asked(missing: int) -> None:
    """The second carrier has all the numbers that are wanted; their objects are not in the backup. What the pool of
    today orders beside the order of the backup waits as well."""
    pool = a_pool(2 + missing, limits={"maxNumbers": 2 + missing, "currency": "USD"}, **TWO)
    async with a_carrier_with(*_ALIVE, *HOUSE, an_account("spare"), pool, restored_order(2, 3), numbers=0) as rig:
        rig.carriers[f"{HERE}/spare"].held = {digits(n): held(n) for n in range(1, 3 + missing)}
        go_down(rig)
        async with rig.running():
            await asyncio.sleep(3600)
            orders = await rig.names("NumberOrder")
            assert orders == ["west-3", "west-4"][: 1 + missing]
            for order in orders:
                assert await rig.says("NumberOrder", order) == "False WaitingForListing"
                assert "; or delete those orders" in await message(rig, order)
                assert "CarrierAccount shop/spare: The carrier at https://api.didhub.io does not answer" in (
                    await message(rig, order)
                )
            come_back(rig)
            await asyncio.sleep(3600)
            assert (rig.carrier.billed.total(), len(await rig.names("PhoneNumber"))) == (0, 2 + missing)
            for order in orders:
                assert await rig.says("NumberOrder", order) == "True Complete"


@pytest.mark.parametrize("way", ["the carrier is taken out of the pool", "the order is deleted"])
@in_virtual_time
async def test_a_person_can_let_the_pool_order_without_the_carrier_that_is_down(way: str) -> None:
    async with a_carrier_with(
        *_ALIVE, *HOUSE, an_account("spare"), a_pool(2, **TWO), restored_order(2, 1), numbers=0
    ) as rig:
        go_down(rig)
        async with rig.running():
            await asyncio.sleep(600)
            assert rig.carrier.billed.total() == 0
            if way == "the order is deleted":
                await rig.delete("NumberOrder", "west-1")
            else:
                await rig.change("NumberPool", "west", {"spec": {"carriers": TWO["carriers"][:1]}})
            await asyncio.sleep(600)
            assert rig.carrier.billed.total() == 2


@in_virtual_time
async def test_a_new_pool_orders_although_its_second_carrier_has_never_answered() -> None:
    async with a_carrier_with(*HOUSE, an_account("spare"), a_pool(2, **TWO), numbers=0) as rig:
        go_down(rig)
        async with rig.running():
            await asyncio.sleep(300)
            assert rig.carrier.billed.total() == 2


@in_virtual_time
async def test_a_pool_that_was_made_anew_long_ago_goes_to_its_second_carrier_when_the_first_is_down() -> None:
    """Orders of the old pool are still there. The pool of today has ordered since, when all its carriers were known, so
    what it does not know in the next process is not of the old pool."""
    old = restored_order(1, 1)
    async with a_carrier_with(*HOUSE, an_account("spare"), a_pool(2, **TWO), old, numbers=0) as rig:
        await rig.begin()
        await work(rig, 600)
        assert rig.carrier.billed.total() == 2
        go_down(rig, "main")
        await rig.turn("CarrierAccount", "main")  # a fall that nobody had seen might be hidden by a restored snapshot
        rig.carriers[f"{HERE}/spare"].stock = [an_offer(n) for n in range(80, 90)]
        await rig.change("NumberPool", "west", {"spec": {"size": {"target": 3}}})
        async with restarted(rig) as again:
            await work(again, 600)
            assert again.carriers[f"{HERE}/spare"].billed.total() == 1


# A pool that came back without its orders.


@in_virtual_time
async def test_a_pool_without_orders_waits_for_a_carrier_that_is_down_and_was_seen_to_have_numbers_of_it() -> None:
    """It looks like a new one: neither orders nor numbers nor its status are in the backup."""
    async with a_carrier_with(*_ALIVE, *HOUSE, an_account("spare"), numbers=0) as rig:
        rig.carriers[f"{HERE}/spare"].held = {digits(n): held(n) for n in (1, 2)}
        async with rig.running():
            await asyncio.sleep(60)
        go_down(rig)
        await rig.create(a_pool(2, **TWO))
        async with restarted(rig, begun=False) as again, again.running():
            await asyncio.sleep(3600)
            assert (again.carrier.billed.total(), await again.says("NumberOrder", "west-1")) == (
                0,
                "False WaitingForListing",
            )
            assert "CarrierAccount shop/spare: The carrier at https://api.didhub.io does not answer" in (
                await message(again, "west-1")
            )
            come_back(again)
            await asyncio.sleep(3600)
            assert (again.carrier.billed.total(), len(await again.names("PhoneNumber"))) == (0, 2)


@in_virtual_time
async def test_a_person_lets_a_pool_without_orders_buy_by_taking_the_carrier_out_that_is_down() -> None:
    seen = {"memory": {"pools": [{"pool": f"{HERE}/west", "numbers": 2}]}}
    spare = {**an_account("spare"), "status": seen}
    async with a_carrier_with(*_ALIVE, *HOUSE, spare, a_pool(2, **TWO), numbers=0) as rig:
        go_down(rig)
        async with rig.running():
            await asyncio.sleep(600)
            assert rig.carrier.billed.total() == 0
            await rig.change("NumberPool", "west", {"spec": {"carriers": TWO["carriers"][:1]}})
            await asyncio.sleep(600)
            assert rig.carrier.billed.total() == 2


@pytest.mark.parametrize(
    ("pool", "numbers"),
    [
        pytest.param("east", (), id="they were of another pool"),
        pytest.param("west", (1, 2), id="all of them have their objects"),
    ],
)
@in_virtual_time
async def test_a_pool_that_misses_no_number_of_a_carrier_that_is_down_buys_at_the_other(
    pool: str, numbers: tuple[int, ...]
) -> None:
    """Its objects say where they are, so that what it wants beside them is wanted indeed."""
    seen = {"memory": {"pools": [{"pool": f"{HERE}/{pool}", "numbers": 2}]}}
    there = [a_number(n, accountRef={"name": "spare", "namespace": HERE}) for n in numbers]
    spare, west = {**an_account("spare"), "status": seen}, a_pool(1 + len(numbers), **TWO)
    async with a_carrier_with(*_ALIVE, *HOUSE, spare, west, *there, numbers=0) as rig:
        go_down(rig)
        async with rig.running():
            await asyncio.sleep(600)
            assert rig.carrier.billed.total() == 1
