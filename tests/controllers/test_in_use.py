"""What is used is not deleted before what uses it; a namespace with all that is in it goes, whatever goes first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import permutations
from typing import Any

import pytest

from ringfleet.kube.transport import Json
from ringfleet.model import Mark
from tests.controllers.rig import (
    HERE,
    INSTALLATION,
    RESOURCES,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_profile,
    a_rig,
    a_secret,
    an_account,
    an_object,
    an_order,
    in_virtual_time,
    restarted,
)
from tests.controllers.test_number_pool import KIND
from tests.plan.builders import a_holding, an_offer, digits

MINE = Mark(INSTALLATION, HERE, "west")
THREE = range(1, 4)
ROUTED = {"routingProfileRef": {"name": "sip"}}
SPACE = an_object("Namespace", HERE, {}, finalizers=["kubernetes"])
KINDS = ("Secret", "CarrierAccount", "RoutingProfile", "NumberPool", "NumberOrder", "PhoneNumber")
IN_USE = "ringfleet.dev/in-use"
HOUR = 3600.0


def a_house(*numbers: Json, **pool: Any) -> tuple[Json, ...]:
    numbers = numbers or tuple(a_number(n) for n in THREE)
    return (SPACE, KIND, a_secret(), an_account(), a_profile(), a_pool(3, **ROUTED, **pool), *numbers)


@asynccontextmanager
async def a_running_rig(*objects: Json, settle: float = 60.0) -> AsyncIterator[Rig]:
    """A running operator that has settled; its carrier holds the numbers of the house, and would sell more."""
    async with a_rig(*objects, begun=False) as rig:
        for n in THREE if "PhoneNumber" in {obj["kind"] for obj in objects} else ():
            rig.carrier.held[digits(n)] = a_holding(n, mark=MINE)
        rig.carrier.stock = [an_offer(n) for n in range(100, 130)]
        async with rig.running():
            await asyncio.sleep(settle)
            rig.told()
            yield rig


async def delete_all(rig: Rig, kind: str) -> None:
    """What the namespace controller does with one kind."""
    for name in await rig.names(kind):
        await rig.kube.delete(RESOURCES[kind], HERE, name)


async def delete_namespace(rig: Rig, kinds: tuple[str, ...], pause: float = 0.0) -> None:
    await rig.kube.delete(RESOURCES["Namespace"], None, HERE)
    rig.told()
    for kind in kinds:
        await delete_all(rig, kind)
        await asyncio.sleep(pause)


async def left(rig: Rig) -> list[str]:
    return [f"{kind} {name}" for kind in KINDS for name in await rig.names(kind)]


def marks(rig: Rig) -> list[Mark | None]:
    return [rig.carrier.held[digits(n)].mark for n in THREE]


def at_carrier(rig: Rig) -> list[str]:
    """What was changed at the carrier since the story was last told."""
    looks = ("balance", "find", "search", "holdings")
    return [line for line in rig.told() if line.startswith("carrier:") and line.split()[1] not in looks]


async def finalizers(rig: Rig, kind: str, name: str) -> list[str]:
    found = await rig.find(kind, name)
    assert found
    names: list[str] = found["metadata"].get("finalizers", [])
    return names


# A namespace.


@pytest.mark.parametrize(
    ("kinds", "pause"),
    [
        *((kinds, 7.0) for kinds in permutations(("Secret", "CarrierAccount", "NumberPool", "PhoneNumber"))),
        (("Secret", "CarrierAccount", "NumberPool", "PhoneNumber"), 0.0),
    ],
)
@in_virtual_time
async def test_a_deleted_namespace_goes_whatever_goes_first_and_changes_nothing_at_the_carrier(
    kinds: tuple[str, ...], pause: float
) -> None:
    """Nobody is asked for a word: nothing is given back, and the marks tell whose the numbers are."""
    async with a_running_rig(*a_house()) as rig:
        await delete_namespace(rig, (*kinds, "RoutingProfile", "NumberOrder"), pause)
        await asyncio.sleep(HOUR)
        assert await left(rig) == []
        assert (at_carrier(rig), marks(rig)) == ([], [MINE] * 3)
        assert rig.carrier.opened == 0


@in_virtual_time
async def test_a_namespace_that_is_made_again_gets_its_numbers_back_by_their_marks_and_buys_none() -> None:
    async with a_running_rig(*a_house()) as rig:
        await delete_namespace(rig, KINDS)
        await asyncio.sleep(HOUR)
        await rig.kube.patch(RESOURCES["Namespace"], None, HERE, {"metadata": {"finalizers": None}})
        assert await left(rig) == []
        await rig.create(an_object("Namespace", HERE, {}), a_secret(), an_account(), a_profile(), a_pool(3, **ROUTED))
        await asyncio.sleep(HOUR)
        assert await rig.names("PhoneNumber") == [digits(n).digits for n in THREE]
        assert (await rig.says("NumberPool", "west"), sum(rig.carrier.billed.values())) == ("True AtTarget", 0)


@pytest.mark.parametrize(
    "done", [("Secret",), ("Secret", "CarrierAccount"), ("Secret", "CarrierAccount", "NumberPool")]
)
@in_virtual_time
async def test_a_restart_in_the_middle_does_not_keep_a_namespace(done: tuple[str, ...]) -> None:
    async with a_running_rig(*a_house()) as rig:
        await delete_namespace(rig, done)
        await asyncio.sleep(30.0)
    async with restarted_running(rig) as again:
        await asyncio.sleep(30.0)
        said = await again.status("CarrierAccount", "main")
        (ready,) = [one for one in said["conditions"] if one["type"] == "Ready"]
        assert (ready["reason"], "create" in ready["message"]) == ("SecretMissing", done == ("Secret",))
        for kind in KINDS:
            await delete_all(again, kind)
        await asyncio.sleep(HOUR)
        assert (await left(again), marks(again)) == ([], [MINE] * 3)


@asynccontextmanager
async def restarted_running(rig: Rig) -> AsyncIterator[Rig]:
    async with restarted(rig) as again, again.running():
        yield again


@in_virtual_time
async def test_numbers_to_be_given_back_stay_in_a_deleted_namespace_until_a_person_says_so_once() -> None:
    numbers = [a_number(n, deletionPolicy="Release") for n in THREE]
    policy = {"deletionPolicy": "Release", "release": {"mode": "Manual", "hold": "0s", "maxPerDay": 10}}
    async with a_running_rig(*a_house(*numbers, **policy)) as rig:
        await delete_namespace(rig, KINDS)
        await asyncio.sleep(HOUR)
        assert (len(await rig.names("PhoneNumber")), marks(rig)) == (3, [MINE] * 3)
        frozen = (await rig.status("NumberPool", "west"))["release"]
        assert frozen["frozenBecause"].startswith("namespace shop is being deleted")
        word = {"metadata": {"annotations": {"ringfleet.dev/acknowledge-release": frozen["frozenSince"]}}}
        await rig.change("NumberPool", "west", word)
        await asyncio.sleep(HOUR)
        assert (await left(rig), rig.carrier.held) == ([], {})


@in_virtual_time
async def test_a_number_to_be_given_back_whose_pool_went_first_is_not_told_to_create_anything() -> None:
    async with a_running_rig(*a_house(a_number(1, deletionPolicy="Release"))) as rig:
        await delete_namespace(rig, KINDS)
        await asyncio.sleep(HOUR)
        said = await rig.status("PhoneNumber", digits(1).digits)
        (blocked,) = [one for one in said["conditions"] if one["type"] == "ReleaseBlocked"]
        assert (blocked["reason"], "create" in blocked["message"]) == ("PoolMissing", False)
        await rig.change("PhoneNumber", digits(1).digits, {"spec": {"deletionPolicy": "Retain"}})
        await asyncio.sleep(HOUR)
        assert (await left(rig), marks(rig)) == ([], [MINE] * 3)


@in_virtual_time
async def test_an_order_that_was_sent_goes_with_its_namespace_when_nobody_can_see_it_through() -> None:
    item = {"number": digits(9), "state": "Unknown", "monthly": "2", "setup": "1"}
    order = an_order(count=1, status={"items": [item], "key": "k"})
    async with a_rig(SPACE, KIND, an_account(), a_pool(0), order, begun=False) as rig, rig.running():
        await asyncio.sleep(60.0)
        await delete_namespace(rig, KINDS)
        await asyncio.sleep(HOUR)
        assert await left(rig) == []


@in_virtual_time
async def test_what_a_late_order_has_bought_is_not_written_down_in_a_namespace_that_goes() -> None:
    item = {"number": digits(2), "state": "Provisioned", "externalId": "did-2", "monthly": "2", "setup": "1"}
    order = an_order(count=1, status={"items": [item], "key": "k"})
    async with a_running_rig(SPACE, KIND, a_secret(), an_account(), a_pool(0), settle=0.0) as rig:
        await delete_namespace(rig, ("NumberPool",))
        await rig.create(order)
        await delete_namespace(rig, KINDS)
        await asyncio.sleep(HOUR)
        assert await left(rig) == []
        assert [line for line in rig.told() if line.startswith("create phonenumbers")] == []


@in_virtual_time
async def test_a_bound_number_goes_with_its_namespace_once_its_claim_has() -> None:
    async with a_running_rig(*a_house()) as rig:
        await rig.create(a_claim())
        await asyncio.sleep(60.0)
        assert await rig.says("NumberClaim", "desk") == "True Bound"
        await delete_namespace(rig, KINDS)
        await asyncio.sleep(HOUR)
        assert await left(rig) == ["CarrierAccount main", "RoutingProfile sip", f"PhoneNumber {digits(1).digits}"]
        await delete_all(rig, "NumberClaim")
        await asyncio.sleep(HOUR)
        assert (await left(rig), marks(rig)) == ([], [MINE] * 3)


# An account.


@in_virtual_time
async def test_an_account_is_guarded_while_it_is_used_and_not_before_nor_after() -> None:
    async with a_running_rig(SPACE, KIND, a_secret(), an_account(), a_pool(0)) as rig:
        assert await finalizers(rig, "CarrierAccount", "main") == []
        await rig.change("NumberPool", "west", {"spec": {"size": {"target": 1}}})
        await asyncio.sleep(60.0)
        assert await finalizers(rig, "CarrierAccount", "main") == [IN_USE]
        await rig.change("NumberPool", "west", {"spec": {"size": {"target": 0}}})
        await delete_all(rig, "PhoneNumber")
        await asyncio.sleep(HOUR)
        assert await finalizers(rig, "CarrierAccount", "main") == []


@in_virtual_time
async def test_a_deleted_account_serves_on_without_its_secret_until_nobody_uses_it() -> None:
    async with a_running_rig(*a_house()) as rig:
        await delete_all(rig, "CarrierAccount")
        await delete_all(rig, "Secret")
        await asyncio.sleep(HOUR)
        assert await rig.says("CarrierAccount", "main", "InUse") == "True InUse"
        assert await rig.says("CarrierAccount", "main") == "True Reachable"
        await rig.change("NumberPool", "west", {"spec": {"size": {"target": 5}}})
        await asyncio.sleep(HOUR)
        assert await rig.says("NumberPool", "west") == "False AccountDeleted"
        assert (await rig.names("NumberOrder"), sum(rig.carrier.billed.values())) == ([], 0)
        await rig.change("NumberPool", "west", {"spec": {"size": {"target": 0}}})
        for n in THREE:
            await rig.delete("PhoneNumber", digits(n).digits)
            await asyncio.sleep(HOUR)
        assert (marks(rig), rig.carrier.opened, await rig.find("CarrierAccount", "main")) == ([None] * 3, 0, None)


@in_virtual_time
async def test_an_order_that_was_not_sent_does_not_hold_a_deleted_account() -> None:
    order = an_order(count=2)
    async with a_rig(SPACE, KIND, an_account(), a_pool(2), order, begun=False) as rig, rig.running():
        await asyncio.sleep(60.0)
        assert await finalizers(rig, "CarrierAccount", "main") == [IN_USE]
        await delete_all(rig, "CarrierAccount")
        await asyncio.sleep(HOUR)
        assert await rig.find("CarrierAccount", "main") is None
        assert await rig.says("NumberOrder", "west-1") == "False AccountDeleted"


# What is gone all the same: an administrator has forced it.


async def force(rig: Rig, kind: str, name: str) -> None:
    """Delete an object, with whatever keeps it."""
    await rig.kube.patch(RESOURCES[kind], HERE, name, {"metadata": {"finalizers": None}})
    await rig.kube.delete(RESOURCES[kind], HERE, name)


@in_virtual_time
async def test_numbers_and_pool_of_an_account_that_is_gone_are_not_ready() -> None:
    async with a_running_rig(*a_house()) as rig:
        assert await rig.says("NumberPool", "west") == "True AtTarget"
        await force(rig, "CarrierAccount", "main")
        await asyncio.sleep(60.0)
        assert await rig.says("NumberPool", "west") == "False AccountMissing"
        assert [await rig.says("PhoneNumber", digits(n).digits) for n in THREE] == ["False AccountMissing"] * 3
        status = await rig.status("PhoneNumber", digits(1).digits)
        assert (status["phase"], "spec.carriers" in str(status["conditions"])) == ("Available", False)
        rig.told()
        await asyncio.sleep(HOUR)
        assert [line for line in rig.told() if "phonenumbers" in line] == []
        await rig.create(an_account())
        await asyncio.sleep(60.0)
        assert await rig.says("NumberPool", "west") == "True AtTarget"
        assert await rig.says("PhoneNumber", digits(1).digits) == "True Routed"


@pytest.mark.parametrize("gone", [("CarrierAccount", "main"), ("Secret", "token")])
@in_virtual_time
async def test_a_deleted_number_whose_carrier_nobody_can_call_goes_and_says_that_it_stays_there(
    gone: tuple[str, str],
) -> None:
    async with a_running_rig(*a_house()) as rig:
        await rig.change("NumberPool", "west", {"spec": {"size": {"target": 0}}})
        await force(rig, *gone)
        await asyncio.sleep(HOUR)
        await rig.delete("PhoneNumber", digits(1).digits)
        await asyncio.sleep(HOUR)
        assert (await rig.find("PhoneNumber", digits(1).digits), marks(rig)) == (None, [MINE] * 3)
        events = await rig.kube.list_all(RESOURCES["Event"], HERE)
        notes = [event["note"] for event in events.items if event["reason"] == "LeftAtCarrier"]
        assert len(notes) == 1
        assert "with our mark" in notes[0]
        if gone[0] == "Secret":
            await rig.create(a_secret())
        else:
            await rig.create(an_account())
        await asyncio.sleep(HOUR)
        assert await rig.names("PhoneNumber") == [digits(n).digits for n in THREE], "the sweep takes it back"


@in_virtual_time
async def test_a_number_to_be_given_back_waits_for_an_account_that_is_gone() -> None:
    policy = {"release": {"mode": "Manual", "hold": "0s", "maxPerDay": 10}}
    async with a_running_rig(*a_house(a_number(1, deletionPolicy="Release"), **policy)) as rig:
        await force(rig, "CarrierAccount", "main")
        await rig.delete("PhoneNumber", digits(1).digits)
        await asyncio.sleep(HOUR)
        assert digits(1).digits in await rig.names("PhoneNumber")
        assert await rig.says("PhoneNumber", digits(1).digits) == "False AccountMissing"


# A routing profile.


@in_virtual_time
async def test_a_deleted_profile_stays_while_numbers_are_routed_by_it_and_says_so() -> None:
    async with a_running_rig(*a_house(), a_profile("other"), a_profile("unused")) as rig:
        assert await finalizers(rig, "RoutingProfile", "sip") == [IN_USE]
        assert await finalizers(rig, "RoutingProfile", "unused") == []
        await rig.delete("RoutingProfile", "sip")
        await asyncio.sleep(60.0)
        assert await rig.says("RoutingProfile", "sip", "InUse") == "True InUse"
        assert await rig.says("PhoneNumber", digits(1).digits) == "True Routed"
        await rig.change("NumberPool", "west", {"spec": {"routingProfileRef": {"name": "other"}}})
        await asyncio.sleep(60.0)
        assert await rig.find("RoutingProfile", "sip") is None
        assert await finalizers(rig, "RoutingProfile", "other") == [IN_USE]
        assert await rig.says("PhoneNumber", digits(1).digits) == "True Routed"
