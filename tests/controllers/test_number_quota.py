"""One turn of a quota: what it counts, and whose numbers its bills stop, and when."""

from __future__ import annotations

import pytest

from ringfleet.kube.transport import Json
from tests.controllers.rig import HERE, HOUSE, a_number, a_pool, a_quota, a_rig, an_order, in_virtual_time
from tests.plan.builders import a_holding, digits


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
