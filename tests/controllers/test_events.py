"""What `kubectl describe` shows: a warning for what somebody should look at, and nothing in a namespace that ends."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from ringfleet.controllers.status_writer import weight_of
from ringfleet.kube.events import EventType
from tests.controllers.rig import HOUSE, Rig, a_claim, a_number, a_pool, a_rig, in_virtual_time

ENDING = (
    'events.events.k8s.io "desk" is forbidden: unable to create new content in namespace shop because it is being '
    "terminated"
)


async def events(rig: Rig, kind: str) -> list[str]:
    """Type and reason of every event about objects of a kind."""
    found = [await rig.find("Event", name) for name in await rig.names("Event")]
    return sorted(f"{one['type']} {one['reason']}" for one in found if one and one["regarding"]["kind"] == kind)


@pytest.mark.parametrize(
    ("condition", "weight"),
    [
        (("Ready", "False", "WaitingForNumber"), EventType.NORMAL),
        (("Ready", "False", "NumberNotFree"), EventType.NORMAL),
        (("PurchaseRateReached", "True", "PurchaseRateReached"), EventType.NORMAL),
        (("Ready", "True", "Suspended"), EventType.NORMAL),
        (("Ready", "False", "Suspended"), EventType.WARNING),
        (("Ready", "False", "ReadingRequirements"), None),
        (("Ready", "False", "InReview"), EventType.NORMAL),
        (("Ready", "True", "AtTarget"), EventType.NORMAL),
        (("Ready", "False", "NoStock"), EventType.WARNING),
        (("Ready", "False", "OutcomeUnknown"), EventType.WARNING),
        (("Stalled", "True", "WriteRefused"), EventType.WARNING),
        (("Reconciling", "True", "Ordering"), None),
        (("Ready", "False", "Ordering"), None),
    ],
)
def test_waiting_is_no_warning(condition: tuple[str, str, str], weight: EventType | None) -> None:
    type_, status, reason = condition
    assert weight_of({"type": type_, "status": status, "reason": reason}) == weight


@in_virtual_time
async def test_a_claim_tells_that_it_waits_and_once_that_it_is_bound() -> None:
    async with a_rig(*HOUSE, a_pool(0), a_claim(), begun=False) as rig, rig.running():
        await asyncio.sleep(10)
        assert await events(rig, "NumberClaim") == ["Normal WaitingForNumber"]
        await rig.create(a_number())
        await asyncio.sleep(60)
        assert await events(rig, "NumberClaim") == ["Normal Bound", "Normal WaitingForNumber"]


@in_virtual_time
async def test_what_ready_says_is_not_told_again_by_stalled() -> None:
    async with a_rig(*HOUSE, a_claim(), begun=False) as rig, rig.running():
        await asyncio.sleep(10)
        assert await rig.says("NumberClaim", "desk", "Stalled") == "True PoolMissing"
        assert await events(rig, "NumberClaim") == ["Warning PoolMissing"]


@in_virtual_time
async def test_a_namespace_that_ends_is_told_nothing_and_nobody_complains_of_it() -> None:
    claims = [a_claim(f"desk-{n}") for n in range(5)]
    async with a_rig(*HOUSE, a_pool(0), *claims, begun=False) as rig:
        rig.api.refuse("create", "events", 403, times=100, message=ENDING)
        with capture_logs() as logs:
            async with rig.running():
                await asyncio.sleep(30)
        assert [line for line in logs if line["event"] == "event not recorded"] == []
        assert rig.kube.writes["create", "events"] <= 5, "those that were under way when the first was refused"
