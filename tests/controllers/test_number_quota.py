"""One turn of a quota: what it counts, and whose numbers its bills stop, and when."""

from __future__ import annotations

import pytest

from ringfleet.controllers.wake import wake_users
from ringfleet.kube.transport import Json
from ringfleet.model import AccountKey
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
)
from tests.plan.builders import a_holding, an_offer, digits


@in_virtual_time
async def test_numbers_orders_on_their_way_and_intents_are_all_counted() -> None:
    intent = an_order(count=4, sequence=2)["spec"]
    pool = a_pool(9, status={"memory": {"topUp": {"sequence": 2, "ordered": False, "order": intent}}})
    async with a_rig(*HOUSE, a_quota(numbers=9), pool, a_number(1), an_order(count=3)) as rig:
        await rig.turn("NumberQuota", "month")
        used = (await rig.status("NumberQuota", "month"))["used"]
        assert (used["numbers"], used["ordersToday"]) == (8, 1)
        assert await rig.says("NumberQuota", "month") == "True WithinLimits"


AN_HOUR = 3600.0
"""The next day, and with it perhaps a month, begins later than that; nothing sleeps for longer."""


@pytest.mark.parametrize(
    ("spec", "waits", "stopped"),
    [
        pytest.param({"billing": "Current"}, AN_HOUR, False, id="paid"),
        pytest.param({"billing": "PastDue", "grace": "60s"}, 60.0, True, id="past due"),
        pytest.param({"billing": "Suspended"}, AN_HOUR, True, id="suspended"),
        pytest.param({"billing": "Suspended", "suspend": True}, AN_HOUR, False, id="not enforced"),
    ],
)
@in_virtual_time
async def test_unpaid_bills_stop_the_numbers_of_the_namespace_when_the_grace_is_over(
    spec: Json, waits: float, stopped: bool
) -> None:
    quota = a_quota()
    quota["spec"] |= spec
    async with a_rig(*HOUSE, a_pool(0), quota, a_number(1)) as rig:
        rig.carrier.held[digits(1)] = a_holding(1, area_code="415")
        assert await rig.turn("NumberQuota", "month") == waits
        name = digits(1).digits
        if waits < AN_HOUR:
            await rig.turn("PhoneNumber", name)
            assert (await rig.status("PhoneNumber", name))["phase"] == "Available"
            await rig.woken(waits)
            await rig.turn("NumberQuota", "month")
        assert (f"PhoneNumber {name}" in await rig.woken(1.0)) is stopped
        await rig.turn("PhoneNumber", name)
        assert ((await rig.status("PhoneNumber", name))["phase"] == "Suspended") is stopped
        said = [one["message"] for one in (await rig.status("PhoneNumber", name))["conditions"]]
        assert any(f"The bills of namespace {HERE} are not paid" in message for message in said) is stopped


# While the bills are not paid.

ELSE = "else"
UNPAID = [{"billing": "Suspended"}, {"billing": "PastDue", "grace": "0s"}]


def an_unpaid_quota(namespace: str = HERE, **spec: object) -> Json:
    quota = a_quota()
    quota["metadata"]["namespace"] = namespace
    quota["spec"] |= spec or UNPAID[0]
    return quota


async def pay(rig: Rig, namespace: str = HERE) -> None:
    await rig.kube.patch(RESOURCES["NumberQuota"], namespace, "month", {"spec": {"billing": "Current"}})
    await rig.look()
    await rig.settle()


@pytest.mark.parametrize("spec", UNPAID, ids=["suspended", "the grace is over"])
@in_virtual_time
async def test_pools_of_a_namespace_that_does_not_pay_order_nothing_until_it_does(spec: Json) -> None:
    async with a_rig(*HOUSE, a_pool(2), an_unpaid_quota(**spec)) as rig:
        rig.carrier.stock += [an_offer(n) for n in (1, 2)]
        wake_users(rig.services, AccountKey(HERE, "main"))
        await rig.settle()
        assert (rig.carrier.billed.total(), await rig.names("NumberOrder")) == (0, [])
        assert await rig.says("NumberPool", "west") == "False QuotaExceeded"
        (said,) = [one for one in (await rig.status("NumberPool", "west"))["conditions"] if one["type"] == "Ready"]
        assert "The bills of the namespace are not paid (spec.billing of NumberQuota 'month')" in said["message"]
        await pay(rig)
        assert rig.carrier.billed.total() == 2


@pytest.mark.parametrize("spec", UNPAID, ids=["suspended", "the grace is over"])
@in_virtual_time
async def test_nothing_is_bought_in_place_of_numbers_that_only_come_back_when_the_bills_are_paid(spec: Json) -> None:
    """They are resumed at a carrier that takes its time, and the pool looks at once."""
    async with a_rig(*HOUSE, a_pool(2), a_number(1), a_number(2)) as rig:
        rig.carrier.stock += [an_offer(n) for n in (3, 4)]
        rig.carrier.held |= {digits(n): a_holding(n, area_code="415") for n in (1, 2)}
        await rig.create(an_unpaid_quota(**spec))
        await rig.look()
        await rig.settle()
        numbers = [await rig.status("PhoneNumber", digits(n).digits) for n in (1, 2)]
        assert [one["phase"] for one in numbers] == ["Suspended", "Suspended"]
        rig.carrier.takes["resume"] = 20.0
        await pay(rig)
        numbers = [await rig.status("PhoneNumber", digits(n).digits) for n in (1, 2)]
        assert [one["phase"] for one in numbers] == ["Available", "Available"]
        assert (rig.carrier.billed.total(), await rig.names("NumberOrder")) == (0, [])


@pytest.mark.parametrize("chosen", [False, True])
@in_virtual_time
async def test_an_order_that_was_under_way_is_not_sold_anything_while_the_bills_are_not_paid(chosen: bool) -> None:
    async with a_rig(*HOUSE, a_pool(1)) as rig:
        rig.carrier.stock += [an_offer(1)]
        await rig.turn("NumberPool", "west")
        if chosen:
            await rig.turn("NumberOrder", "west-1")
        await rig.create(an_unpaid_quota())
        await rig.look()
        await rig.settle()
        assert rig.carrier.billed.total() == 0
        assert await rig.says("NumberOrder", "west-1") == "False QuotaExceeded"
        await pay(rig)
        assert rig.carrier.billed.total() == 1


@pytest.mark.parametrize("spec", UNPAID, ids=["suspended", "the grace is over"])
@pytest.mark.parametrize("claims_from", [HERE, ELSE])
@in_virtual_time
async def test_claims_of_a_namespace_that_does_not_pay_get_no_number_until_it_does(
    spec: Json, claims_from: str
) -> None:
    """A number of its own pool is free for the moment until it is suspended."""
    claim = a_claim(poolRef={"name": "west", "namespace": HERE})
    claim["metadata"]["namespace"] = claims_from
    pool, quota = a_pool(0, allowedNamespaces=[ELSE]), an_unpaid_quota(claims_from, **spec)
    async with a_rig(*HOUSE, pool, a_number(1), claim, quota) as rig:
        rig.carrier.held[digits(1)] = a_holding(1, area_code="415")
        await rig.turn("NumberClaim", "desk", claims_from)
        await rig.settle()
        found = await rig.find("NumberClaim", "desk", claims_from)
        assert found
        said = {one["type"]: one["reason"] for one in found["status"]["conditions"]}
        assert ("phoneNumber" in found["status"], said["Ready"]) == (False, "QuotaExceeded")
        await pay(rig, claims_from)
        found = await rig.find("NumberClaim", "desk", claims_from)
        assert found
        assert found["status"]["phoneNumber"]["name"] == digits(1).digits


@pytest.mark.parametrize(
    ("pays", "stopped"), [pytest.param(ELSE, False, id="the holder"), pytest.param(HERE, True, id="the pool's owner")]
)
@in_virtual_time
async def test_a_number_is_stopped_for_the_bills_of_whoever_holds_it(pays: str, stopped: bool) -> None:
    """A paying tenant's calls go on, whatever becomes of the namespace in which the shared pool lies."""
    claim = a_claim(poolRef={"name": "west", "namespace": HERE})
    claim["metadata"]["namespace"] = ELSE
    async with a_rig(*HOUSE, a_pool(0, allowedNamespaces=[ELSE]), a_number(1), a_number(2), claim) as rig:
        rig.carrier.held |= {digits(n): a_holding(n, area_code="415") for n in (1, 2)}
        await rig.turn("NumberClaim", "desk", ELSE)
        await rig.settle()
        await rig.create(an_unpaid_quota(ELSE if pays == HERE else HERE))
        await rig.look()
        await rig.settle()
        numbers = [await rig.find("PhoneNumber", digits(n).digits) for n in (1, 2)]
        phases = {"claimRef" in one["spec"]: one["status"]["phase"] for one in numbers if one}
        assert phases == {True: "Suspended" if stopped else "Bound", False: "Available" if stopped else "Suspended"}
