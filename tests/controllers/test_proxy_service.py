"""One turn of a proxy service: it claims what its sessions take, ahead of them, and lets no number go that has one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ringfleet.kube.errors import Unavailable
from ringfleet.plan.proxy_service.plan import SessionsSeen
from ringfleet.plan.proxy_service.size import Load
from tests.controllers.rig import (
    HOUSE,
    Rig,
    a_number,
    a_pool,
    a_profile,
    a_rig,
    a_service,
    clock,
    in_virtual_time,
    restarted,
)
from tests.plan.builders import digits

STATUS = "patch proxyservices/status rides"
FIRST, SECOND = "create numberclaims rides-1", "create numberclaims rides-2"


async def turn(rig: Rig) -> float | None:
    return await rig.turn("ProxyService", "rides")


def sessions(busiest: int = 0, open_: int = 0, **load: int) -> SessionsSeen:
    """`n1`: the open sessions of the first of our numbers."""
    by_number = {digits(int(name.removeprefix("n"))): count for name, count in load.items()}
    return SessionsSeen(clock(), open_, by_number, {"c:US": Load(busiest, 2 * open_)})


async def bound(rig: Rig, size: int) -> Rig:
    """The service's claims made and bound, its numbers routed, and all of it said."""
    await turn(rig)
    for n in range(1, size + 1):
        await rig.turn("NumberClaim", f"rides-{n}")
    for name in await rig.names("PhoneNumber"):
        await rig.change_status("PhoneNumber", name, {"routing": {"externalId": "x"}})
    await rig.look()
    await turn(rig)
    await rig.woken()
    rig.told()
    return rig


async def said(rig: Rig) -> dict[str, Any]:
    """The reasons of the service's conditions, by type."""
    status = await rig.status("ProxyService", "rides")
    return {one["type"]: one["reason"] for one in status["conditions"]}


@in_virtual_time
async def test_a_service_says_how_it_stands_and_then_makes_its_claims_which_it_owns() -> None:
    wish = a_service(minNumbers=2, routingProfileRef={"name": "sip"})
    async with a_rig(*HOUSE, a_profile(), a_pool(), wish) as rig:
        await turn(rig)
        assert rig.told() == [STATUS, FIRST, SECOND]
        claim, obj = await rig.find("NumberClaim", "rides-1"), await rig.find("ProxyService", "rides")
        assert claim
        assert obj
        assert claim["metadata"]["labels"] == {"ringfleet.dev/proxy-service": "rides"}
        owner = {"kind": "ProxyService", "name": "rides", "uid": obj["metadata"]["uid"], "controller": True}
        (told,) = claim["metadata"]["ownerReferences"]
        assert owner.items() <= told.items()
        assert claim["spec"] == {
            **{"poolRef": {"name": "west"}, "capabilities": ["Voice"], "onNoStock": "Order"},
            "routingProfileRef": {"name": "sip"},
        }
        await turn(rig)
        assert (await rig.status("ProxyService", "rides"))["numbers"]["waiting"] == 2
        assert await said(rig) == {
            **dict.fromkeys(("Ready", "Reconciling"), "WaitingForNumber"),
            "UsageUnknown": "NoDispatcher",
        }


@pytest.mark.parametrize("done", [pytest.param(False, id="not done"), pytest.param(True, id="done, and not answered")])
@pytest.mark.parametrize("nth", range(3))
@in_virtual_time
async def test_a_process_that_ends_at_any_write_is_followed_by_one_that_makes_no_claim_too_many(
    nth: int, done: bool
) -> None:
    async with a_rig(*HOUSE, a_pool(), a_service(minNumbers=2)) as rig:
        rig.api.break_write(nth, done=done)
        with pytest.raises(Unavailable):
            await turn(rig)
        async with restarted(rig) as again:
            await turn(again)
            await turn(again)
            assert await again.names("NumberClaim") == ["rides-1", "rides-2"]


@in_virtual_time
async def test_a_service_grows_before_its_numbers_are_used_up_and_says_so_when_it_may_not() -> None:
    async with a_rig(*HOUSE, a_pool(2), a_number(1), a_number(2), a_service(minNumbers=2, maxNumbers=3)) as rig:
        rig.tell_sessions(sessions())
        await bound(rig, 2)
        rig.tell_sessions(sessions(2, 3, n1=3, n2=3))
        await turn(rig)
        assert rig.told() == [STATUS, "create numberclaims rides-3"]
        status = await rig.status("ProxyService", "rides")
        assert (status["openSessions"], status["busiestParticipant"], status["utilisationPercent"]) == (3, 2, 100)
        assert (status["recommendedSize"], status["sizing"]) == (
            3,
            {"sessionsPerParticipant": 2, "legs": 6, "spare": 1},
        )
        assert (await said(rig))["NearlyExhausted"] == "NumbersNearlyExhausted"


@in_virtual_time
async def test_no_number_is_let_go_that_has_an_open_session_or_of_which_nobody_knows() -> None:
    async with a_rig(*HOUSE, a_pool(3), *(a_number(n) for n in (1, 2, 3)), a_service(minNumbers=3)) as rig:
        rig.tell_sessions(sessions())
        await bound(rig, 3)
        await rig.change("ProxyService", "rides", {"spec": {"minNumbers": 1}})
        await rig.look_at_intents()
        rig.tell_sessions(None)
        await turn(rig)
        assert [line for line in rig.told() if "numberclaims" in line] == []
        rig.tell_sessions(sessions(1, 1, n1=1))
        await turn(rig)
        drained = [line for line in rig.told() if "numberclaims" in line]
        assert drained == ["patch numberclaims rides-3"]
        busy = sessions(1, 1, n1=1, n3=1)
        for told, gone in ((busy, []), (sessions(1, 1, n1=1), ["delete numberclaims rides-3"])):
            later = SessionsSeen(clock() + timedelta(minutes=1), told.open, told.load, told.places)
            rig.tell_sessions(later)
            await turn(rig)
            assert [line for line in rig.told() if "numberclaims" in line] == gone


@in_virtual_time
async def test_a_service_whose_claim_meets_another_writer_looks_again_at_once() -> None:
    async with a_rig(*HOUSE, a_pool(), a_service(minNumbers=1, routingProfileRef={"name": "sip"})) as rig:
        await turn(rig)
        await rig.change("ProxyService", "rides", {"spec": {"routingProfileRef": None}})
        await rig.look_at_intents()
        await rig.change("NumberClaim", "rides-1", {"metadata": {"annotations": {"somebody": "was faster"}}})
        assert await turn(rig) == 1.0


@in_virtual_time
async def test_a_service_is_woken_by_its_claims_and_by_its_pools() -> None:
    async with a_rig(*HOUSE, a_number(1), a_service(minNumbers=1)) as rig:
        await turn(rig)
        assert (await said(rig))["Ready"] == "PoolMissing"
        await rig.woken()
        await rig.create(a_pool(1))
        await rig.look_at_intents()
        assert "ProxyService rides" in " ".join(map(str, await rig.woken(1.0)))
