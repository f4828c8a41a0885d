"""What an event costs does not grow with the fleet: who is woken, what is written, and what is read, is counted here.

`make bench-scale` measures the time.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from ringfleet.carriers.errors import CarrierUnavailable
from ringfleet.controllers.services import Services
from ringfleet.controllers.wake import needs_step, wake_users
from ringfleet.kube.store import Store
from ringfleet.kube.transport import Json
from ringfleet.model import AccountKey
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.plan.claim_allocator import ClaimWish, FreeNumber, fits
from ringfleet.plan.number_quota import ForOrders, Purse, Wanted, plan_orders
from tests.controllers.rig import (
    HERE,
    HOUSE,
    RESOURCES,
    a_claim,
    a_number,
    a_pool,
    a_quota,
    a_rig,
    a_told_profile,
    an_order,
    in_virtual_time,
    later,
)
from tests.plan.builders import digits

WAITING = 20


# Claims.


@in_virtual_time
async def test_a_number_that_comes_is_told_to_the_claims_that_name_it_without_a_look_at_all_others() -> None:
    several = [a_claim(f"any-{turn}") for turn in range(WAITING)]
    async with a_rig(*HOUSE, a_pool(0), *several, a_claim("named", phoneNumberName=digits(7).digits)) as rig:
        await rig.settle()
        await rig.create(a_number(7, "Bound"))
        with records_read(rig.services.fleet.claims) as read:
            await rig.look_at_numbers()
        assert {claim.name for claim in read} <= {"named"}
        assert "NumberClaim named" in await rig.woken(0.2)


@in_virtual_time
async def test_a_claim_that_goes_is_told_to_its_own_number_without_a_look_at_all_others_of_the_pool() -> None:
    stock = [a_number(n) for n in range(1, WAITING + 1)]
    async with a_rig(*HOUSE, a_pool(0), *stock) as rig:
        await rig.settle()
        await rig.create(a_claim())
        await rig.look()
        await rig.turn("NumberClaim", "desk")
        assert await rig.says("NumberClaim", "desk") == "True Bound"
        (held,) = [record for record in rig.services.fleet.numbers.values() if record.claim]
        await rig.kube.delete(RESOURCES["NumberClaim"], HERE, "desk")
        with records_read(rig.services.fleet.numbers) as read:
            await rig.look_at_claims()
        assert {record.number for record in read} == {held.number}


@contextmanager
def records_read(store: Store[Any]) -> Iterator[list[Any]]:
    """The records that a store gives out by its indexes, meanwhile."""
    read: list[Any] = []
    plain = store.by

    def by(index: str, value: Hashable) -> list[Any]:
        found = plain(index, value)
        read.extend(found)
        return found

    with patch.object(store, "by", by):
        yield read


@pytest.mark.parametrize("limits", [{"numbers": 1}, {"monthlySpend": "3"}], ids=str)
@pytest.mark.parametrize("orders", [True, False], ids=["has one ordered", "takes what is free"])
@in_virtual_time
async def test_a_number_that_a_tenant_lets_go_is_news_to_the_claim_that_gets_the_next_one(
    limits: Json, orders: bool
) -> None:
    """Not to all others that wait for room: each of them would count them all."""
    many = 3 * WAITING
    waiting = [of_tenant(a_claim(f"c{n:02}", **LENT, onNoStock="Order" if orders else "Wait")) for n in range(many)]
    free = [] if orders else [a_number(2), a_number(3)]
    pool, quota = a_pool(0, allowedNamespaces=["acme"]), of_tenant(a_quota(**limits))
    async with a_rig(*HOUSE, pool, a_number(1), *free, quota) as rig:
        await rig.create(*waiting)
        await rig.look()
        await rig.settle(700.0)
        (holder,) = [claim for claim in rig.services.fleet.claims.values() if claim.bound]
        await rig.kube.delete(RESOURCES["NumberClaim"], "acme", holder.name)
        await rig.look()
        rig.told()
        counted: list[int] = []
        with patch("ringfleet.controllers.quota_usage.plan_orders", _counting_claims(counted)):
            await rig.run_queues(9.0)
        written = [line.split()[-1] for line in rig.told() if line.startswith("patch numberclaims/status")]
        assert len(set(written)) <= 3
        assert sum(counted) <= 20 * many


@in_virtual_time
async def test_claims_that_can_not_pay_what_is_free_are_not_tried_with_each_number() -> None:
    numbers = [a_number(n) for n in range(1, WAITING)]
    pool, quota = a_pool(0, allowedNamespaces=["acme"]), of_tenant(a_quota(monthlySpend="1"))
    async with a_rig(*HOUSE, pool, *numbers, quota) as rig:
        await rig.create(*(of_tenant(a_claim(f"c{n:02}", **LENT)) for n in range(WAITING)))
        tried: list[str] = []
        with patch("ringfleet.plan.claim_allocator.fits", _counting_tries(tried)):
            await rig.look()
            await rig.settle(30.0)
        assert len(tried) <= 5 * WAITING
        assert {claim.conditions[0].reason for claim in rig.services.fleet.claims.values()} == {"QuotaExceeded"}


LENT = {"poolRef": {"name": "west", "namespace": HERE}}


def of_tenant(obj: Json) -> Json:
    return {**obj, "metadata": {**obj["metadata"], "namespace": "acme"}}


def _counting_claims(counted: list[int]) -> Callable[..., ForOrders]:
    """How many claims are gone through where room is reserved for orders."""

    def plan(quotas: Any, wanted: Iterable[Wanted]) -> ForOrders:
        found = list(wanted)
        counted.append(len(found))
        return plan_orders(quotas, found)

    return plan


def _counting_tries(tried: list[str]) -> Callable[..., bool]:
    """Which claims are tried with a number."""

    def counted(claim: ClaimWish, number: FreeNumber, purse: Purse) -> bool:
        tried.append(claim.uid)
        return fits(claim, number, purse)

    return counted


# Accounts.


@in_virtual_time
async def test_an_account_that_answers_again_concerns_the_numbers_that_wait_for_it_and_no_others() -> None:
    """Each look at a number is a plan; of a hundred thousand that would be seconds."""
    many = [a_number(n) for n in range(1, 9)]
    waits = a_number(9, "Ordering", {"externalId": None, "conditions": []})
    async with a_rig(*HOUSE, a_pool(0), *many, waits) as rig:
        rig.carrier.fail("find", *[CarrierUnavailable("no answer")] * 1_000)
        wake_users(rig.services, AccountKey(HERE, "main"))
        await rig.settle(30.0)
        for fails in (True, False):
            if fails:
                rig.carrier.fail("balance", *[CarrierUnavailable("no answer")] * 100)
            else:
                rig.carrier.stop_failing()
            looked_at: list[str] = []
            with patch("ringfleet.controllers.wake.needs_step", _counting(looked_at)):
                await rig.turn("CarrierAccount", "main")
            assert set(looked_at) == {digits(9).digits}
            assert f"PhoneNumber {digits(9).digits}" in await rig.woken(1.0)


@in_virtual_time
async def test_a_look_at_an_account_at_rest_walks_none_of_its_numbers() -> None:
    async with a_rig(*HOUSE, *(a_number(n) for n in range(1, 9))) as rig:
        with records_read(rig.services.fleet.numbers) as read:
            await rig.turn("CarrierAccount", "main")
            await rig.turn("AccountUse", "main")
        assert read == []


def _counting(names: list[str]) -> Callable[[Services, NumberRecord], bool]:
    def needs(services: Services, record: NumberRecord) -> bool:
        names.append(record.name)
        return needs_step(services, record)

    return needs


@in_virtual_time
async def test_a_number_whose_turn_failed_at_a_time_of_its_own_waits_for_the_account_too() -> None:
    """Its rest is over by the clock, so no change has shown that it has something to do."""
    rests = {"unboundAt": later(-50), "routingProfileRef": {"name": "sip"}}
    cooling = a_number(1, "Cooling", {"coolingUntil": later(10), "routing": None}, **rests)
    pool = a_pool(0, reclaim={"cooldown": "60s"})
    async with a_rig(*HOUSE, a_told_profile(), pool, cooling) as rig:
        rig.carrier.fail("route", *[CarrierUnavailable("no answer")] * 100)
        await rig.run_queues(30.0)
        assert rig.services.needy.at(AccountKey(HERE, "main")) == [ObjectRef(HERE, digits(1).digits)]


# Profiles.


@in_virtual_time
async def test_a_number_that_is_bound_or_freed_is_no_news_to_the_profile_that_routes_it() -> None:
    """A profile's look walks its namespace's numbers."""
    routed = {"routing": {"profile": "sip", "externalId": "at-carrier/sip"}}
    pool = a_pool(0, routingProfileRef={"name": "sip"}, reclaim={"cooldown": "0s"})
    async with a_rig(*HOUSE, a_told_profile(), pool, a_number(1, status=routed)) as rig:
        await rig.settle()
        await rig.create(a_claim())
        await rig.look()
        await rig.turn("NumberClaim", "desk")
        assert await rig.says("NumberClaim", "desk") == "True Bound"
        assert not {key for key in await rig.woken() if key.startswith("Profile") or key.startswith("RoutingProfile")}


# Orders.


@in_virtual_time
async def test_a_last_order_that_is_gone_is_looked_for_once_and_not_at_each_look_at_its_pool() -> None:
    memory = {"memory": {"topUp": {"sequence": 3, "ordered": True}}}
    async with a_rig(*HOUSE, a_pool(0, status=memory), an_order(sequence=2)) as rig:
        lists = rig.api.lists_of("numberorders")
        for _ in range(5):
            await rig.turn("NumberPool", "west")
        assert rig.api.lists_of("numberorders") == lists + 1
