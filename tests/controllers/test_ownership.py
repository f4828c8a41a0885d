"""Whose a number is: one of two objects, by the carrier's mark, and never one that another installation has marked."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ringfleet.kube.transport import Json
from ringfleet.model import Holding, Mark
from tests.controllers.rig import (
    HERE,
    RESOURCES,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_profile,
    a_rig,
    a_secret,
    an_account,
    beside,
    in_virtual_time,
    later,
    restarted,
)
from tests.plan.builders import a_holding, digits

ONE = digits(1)
NAME = ONE.digits
OURS = Mark("home", HERE, "west")
TWINS = Mark("home", "twin", "west")
OTHERS = Mark("others", "a", "b")
HOUSE = (a_secret(), an_account(allowedNamespaces=["*"], sweepInterval="60s"))
SHARED = {"accountRef": {"name": "main", "namespace": HERE}}


def in_twin(obj: Json) -> Json:
    return {**obj, "metadata": {**obj["metadata"], "namespace": "twin"}}


def twin_pool(**spec: object) -> Json:
    return in_twin(a_pool(0, carriers=[SHARED], **spec))


def hold(rig: Rig, mark: Mark | None = OURS) -> None:
    rig.carrier.held[ONE] = a_holding(1, mark=mark, area_code="415")


def change_mark(rig: Rig, mark: Mark | None) -> None:
    rig.carrier.held[ONE] = replace(rig.carrier.held[ONE], mark=mark)


def held(rig: Rig) -> Holding | None:
    return rig.carrier.held.get(ONE)


async def look_around(rig: Rig, seconds: float = 150.0) -> None:
    """Let the operator see all, give everything a turn, and sweep twice."""
    await rig.look()
    for kind in ("CarrierAccount", "NumberPool", "RoutingProfile"):
        for obj in rig.services.fleet.store(kind).values():
            rig.services.queues.wake(kind, obj.metadata.namespace, obj.metadata.name)
    for record in rig.services.fleet.numbers.values():
        rig.services.queues.wake_number(record)
    for claim in rig.services.fleet.claims.values():
        rig.services.queues.wake_claim(claim)
    await rig.run_queues(seconds)


async def says(rig: Rig, kind: str, name: str, namespace: str = HERE) -> str | None:
    found = await rig.find(kind, name, namespace)
    conditions = (found or {}).get("status", {}).get("conditions", ())
    return next((f"{one['status']} {one['reason']}" for one in conditions if one["type"] == "Ready"), None)


async def bound_to(rig: Rig, namespace: str) -> str | None:
    """The claim that the number's object in the namespace names."""
    found = await rig.find("PhoneNumber", NAME, namespace)
    claim = (found or {}).get("spec", {}).get("claimRef")
    return claim["name"] if claim else None


def touched(rig: Rig) -> list[str]:
    """What was changed at the carrier since the story was last told."""
    verbs = ("route", "mark", "suspend", "resume", "release")
    return [line for line in rig.told() if line.startswith("carrier:") and line.split()[1] in verbs]


# Two objects for one number.


@pytest.mark.parametrize("mark", [OURS, None])
@in_virtual_time
async def test_of_two_objects_for_one_number_one_is_bound_and_the_later_says_so_and_does_nothing(
    mark: Mark | None,
) -> None:
    async with a_rig(*HOUSE, a_pool(0), twin_pool(), a_number(1)) as rig:
        hold(rig, mark)
        await asyncio.sleep(2)
        await rig.create(in_twin(a_number(1)), a_claim("mine"), in_twin(a_claim("yours")))
        await look_around(rig)
        assert (await bound_to(rig, HERE), await bound_to(rig, "twin")) == ("mine", None)
        assert await says(rig, "PhoneNumber", NAME, "twin") == "False NumberTaken"
        assert await says(rig, "PhoneNumber", NAME) == "True NoRoutingWanted"
        assert await says(rig, "NumberClaim", "yours", "twin") == "False WaitingForNumber"
        assert (held(rig) or a_holding()).mark == OURS


@in_virtual_time
async def test_a_claim_that_was_restored_beside_its_original_does_not_take_up_the_copy_of_the_number() -> None:
    async with a_rig(*HOUSE, a_pool(0), twin_pool(), a_number(1), a_claim("desk")) as rig:
        hold(rig)
        await look_around(rig)
        holder = {"namespace": "twin", "name": "desk", "uid": "backed-up"}
        bound = {"namespace": "twin", "name": NAME, "number": ONE}
        copy = in_twin(a_claim("desk", status={"phase": "Bound", "phoneNumber": bound}))
        await rig.create(copy, in_twin(a_number(1, "Bound", claimRef=holder)))
        await look_around(rig)
        assert await says(rig, "NumberClaim", "desk") == "True Bound"
        restored, twin = await rig.find("NumberClaim", "desk", "twin"), await rig.find("PhoneNumber", NAME, "twin")
        assert restored
        assert twin
        assert twin["spec"].get("claimRef", {}).get("uid") != restored["metadata"]["uid"]
        assert (await says(rig, "NumberClaim", "desk", "twin") or "").startswith("False")
        assert await says(rig, "PhoneNumber", NAME, "twin") == "False NumberTaken"


@in_virtual_time
async def test_the_mark_decides_against_age() -> None:
    async with a_rig(*HOUSE, a_pool(0), twin_pool(), in_twin(a_number(1))) as rig:
        hold(rig)
        await asyncio.sleep(2)
        await rig.create(a_number(1))
        await look_around(rig)
        assert await says(rig, "PhoneNumber", NAME) == "True NoRoutingWanted"
        assert await says(rig, "PhoneNumber", NAME, "twin") == "False NumberTaken"
        rig.told()
        await look_around(rig)
        assert [line for line in rig.told() if "phonenumbers/status" in line] == [], "both are at rest"


@in_virtual_time
async def test_no_pool_counts_a_number_that_is_anothers() -> None:
    async with a_rig(*HOUSE, a_pool(0), twin_pool(), a_number(1)) as rig:
        hold(rig)
        await asyncio.sleep(2)
        await rig.create(in_twin(a_number(1)))
        await look_around(rig)
        counts = [((await rig.find("NumberPool", "west", place)) or {})["status"]["supply"] for place in (HERE, "twin")]
        assert counts == [1, 0]


@in_virtual_time
async def test_a_number_is_never_given_back_through_an_object_that_it_does_not_belong_to() -> None:
    status = {"memory": {"release": {"granted": [NAME]}}}
    pool = twin_pool(release={"mode": "Manual", "hold": "0s"})
    farewell = {"since": later(-60), "cause": "Manual", "notBefore": later(-60)}
    twin = in_twin(a_number(1, "Releasing", {"farewell": farewell}))
    twin["metadata"]["annotations"] = {"ringfleet.dev/release": ONE}
    async with a_rig(*HOUSE, a_pool(0), {**pool, "status": status}, a_number(1, protected=True)) as rig:
        hold(rig)
        await asyncio.sleep(2)
        await rig.create(twin)
        await rig.look()
        await rig.turn("PhoneNumber", NAME, "twin")
        await look_around(rig)
        assert (held(rig) is not None, touched(rig)) == (True, [])
        assert await says(rig, "PhoneNumber", NAME, "twin") == "False NumberTaken"


@pytest.mark.parametrize("mark", [TWINS, Mark("home", HERE, "east"), OTHERS, None])
@in_virtual_time
async def test_the_last_look_before_a_release_finds_the_mark_of_this_very_object_or_nothing_goes(
    mark: Mark | None,
) -> None:
    """The operator knows of no other object: only the carrier's mark says whose the number is."""
    pool = a_pool(0, release={"mode": "Manual", "hold": "0s"}, status={"memory": {"release": {"granted": [NAME]}}})
    farewell = {"since": later(-60), "cause": "Manual", "notBefore": later(-60)}
    number = a_number(1, "Releasing", {"farewell": farewell})
    number["metadata"]["annotations"] = {"ringfleet.dev/release": ONE}
    async with a_rig(*HOUSE, pool, number) as rig:
        hold(rig, mark)
        await rig.turn("PhoneNumber", NAME)
        assert (held(rig) is not None, touched(rig)) == (True, [])


@in_virtual_time
async def test_a_number_that_was_just_moved_to_another_pool_loses_its_old_mark_when_it_is_let_go() -> None:
    farewell = {"since": later(-60), "cause": "Deletion", "notBefore": later(-60)}
    number = a_number(1, "Releasing", {"farewell": farewell}, poolRef={"name": "east"})
    pool = a_pool(0, "east", status={"memory": {"release": {"granted": [NAME]}}})
    async with a_rig(*HOUSE, a_pool(0), pool, number) as rig:
        hold(rig)
        await rig.delete("PhoneNumber", NAME)
        await rig.look()
        await rig.turn("PhoneNumber", NAME)
        assert (await rig.find("PhoneNumber", NAME), (held(rig) or a_holding()).mark) == (None, None)


@in_virtual_time
async def test_the_later_object_is_deleted_without_a_word_to_the_carrier() -> None:
    async with a_rig(*HOUSE, a_pool(0), twin_pool(), a_number(1)) as rig:
        hold(rig)
        await asyncio.sleep(2)
        await rig.create(in_twin(a_number(1, deletionPolicy="Release")))
        await look_around(rig)
        rig.told()
        await rig.kube.delete(RESOURCES["PhoneNumber"], "twin", NAME)
        await look_around(rig)
        assert (await rig.find("PhoneNumber", NAME, "twin"), touched(rig)) == (None, [])
        assert await says(rig, "PhoneNumber", NAME) == "True NoRoutingWanted"


@in_virtual_time
async def test_when_the_object_that_had_the_number_is_gone_the_other_one_has_it() -> None:
    async with a_rig(*HOUSE, a_pool(0), twin_pool(), a_number(1)) as rig:
        hold(rig, None)
        await asyncio.sleep(2)
        await rig.create(in_twin(a_number(1)), in_twin(a_claim("yours")))
        await look_around(rig)
        await rig.change("PhoneNumber", NAME, {"metadata": {"finalizers": []}})
        change_mark(rig, None)
        await rig.delete("PhoneNumber", NAME)
        await look_around(rig)
        assert (await bound_to(rig, "twin"), (held(rig) or a_holding()).mark) == ("yours", TWINS)


@in_virtual_time
async def test_a_number_marked_for_a_pool_gets_its_object_there_although_another_namespace_has_one() -> None:
    async with a_rig(*HOUSE, a_pool(0), twin_pool(), in_twin(a_number(1)), in_twin(a_claim("yours"))) as rig:
        hold(rig)
        await look_around(rig)
        assert await says(rig, "PhoneNumber", NAME) == "True NoRoutingWanted"
        assert await says(rig, "PhoneNumber", NAME, "twin") == "False NumberTaken"
        claims = {await says(rig, "NumberClaim", "yours", "twin")}
        assert claims <= {"False NumberTaken", "False WaitingForNumber"}


@in_virtual_time
async def test_a_number_whose_mark_names_what_is_gone_belongs_to_its_only_object_and_is_marked_anew() -> None:
    """As after a restore into a namespace of another name."""
    async with a_rig(*HOUSE, twin_pool(), in_twin(a_number(1))) as rig:
        hold(rig)
        await look_around(rig)
        assert (held(rig) or a_holding()).mark == TWINS
        assert await says(rig, "PhoneNumber", NAME, "twin") == "True NoRoutingWanted"


@in_virtual_time
async def test_a_number_that_was_moved_to_another_pool_is_marked_for_that_one() -> None:
    east = a_pool(0, "east")
    async with a_rig(*HOUSE, a_pool(0), east, a_number(1, poolRef={"name": "east"})) as rig:
        hold(rig)
        await look_around(rig)
        assert (held(rig) or a_holding()).mark == Mark("home", HERE, "east")


@in_virtual_time
async def test_a_copy_in_a_namespace_that_the_account_does_not_let_in_takes_nothing() -> None:
    house = (a_secret(), an_account(sweepInterval="60s"))
    async with a_rig(*house, twin_pool(), in_twin(a_number(1))) as rig:
        await asyncio.sleep(2)
        await rig.create(a_pool(0), a_number(1), a_claim("mine"))
        hold(rig, None)
        await look_around(rig)
        assert (await bound_to(rig, HERE), (held(rig) or a_holding()).mark) == ("mine", OURS)


# Another installation's.


@in_virtual_time
async def test_a_number_that_another_installation_has_marked_is_seen_by_the_sweep_and_left_alone() -> None:
    async with a_rig(*HOUSE, a_profile(), a_pool(0), a_number(1)) as rig:
        hold(rig)
        await look_around(rig)
        change_mark(rig, OTHERS)
        await look_around(rig)
        assert await says(rig, "PhoneNumber", NAME) == "False NotOurs"
        rig.told()
        changes = {"suspend": True, "routingProfileRef": {"name": "sip"}}
        await rig.change("PhoneNumber", NAME, {"spec": changes})
        await rig.create(a_claim())
        await look_around(rig)
        assert (touched(rig), await bound_to(rig, HERE)) == ([], None)
        assert await says(rig, "PhoneNumber", NAME) == "False NotOurs"
        account = await rig.status("CarrierAccount", "main")
        assert (account["numbers"]["ours"], account["numbers"]["unmanaged"]) == (0, 1)


@in_virtual_time
async def test_that_a_number_is_not_ours_is_remembered_over_a_restart_until_a_look_shows_otherwise() -> None:
    async with a_rig(*HOUSE, a_pool(0), a_number(1)) as rig:
        hold(rig)
        await look_around(rig)
        change_mark(rig, OTHERS)
        await look_around(rig)
        await rig.change("PhoneNumber", NAME, {"spec": {"suspend": True}})
        async with restarted(rig) as again:
            await again.turn("PhoneNumber", NAME)
            assert (touched(again), await says(again, "PhoneNumber", NAME)) == ([], "False NotOurs")
            change_mark(again, OURS)
            await look_around(again)
            assert await says(again, "PhoneNumber", NAME) == "True Suspended"
            assert touched(again) == ["carrier: suspend did-1"]


@in_virtual_time
async def test_a_claim_whose_number_became_another_installations_says_so() -> None:
    async with a_rig(*HOUSE, a_pool(0), a_number(1), a_claim()) as rig:
        hold(rig)
        await look_around(rig)
        assert await says(rig, "NumberClaim", "desk") == "True Bound"
        change_mark(rig, OTHERS)
        await look_around(rig)
        assert await says(rig, "NumberClaim", "desk") == "False NumberTaken"
        change_mark(rig, OURS)
        await look_around(rig)
        assert await says(rig, "NumberClaim", "desk") == "True Bound"


# Two operators that see nothing of each other's namespaces.

ALONE = (a_secret(), an_account(sweepInterval="60s"))
BOTH_HOUSES = (*ALONE, *map(in_twin, ALONE))
IN_BOTH = (a_number(1), in_twin(a_number(1, accountRef={"name": "main", "namespace": "twin"})))


@pytest.mark.parametrize(
    ("mark", "one_of"), [pytest.param(OURS, {HERE}, id="marked"), pytest.param(None, {HERE, "twin"}, id="not marked")]
)
@in_virtual_time
async def test_of_two_operators_for_one_number_the_one_goes_on_that_the_mark_names_and_the_other_stands_back(
    mark: Mark | None, one_of: set[str]
) -> None:
    """Neither knows of the other's account or object: only the mark tells them, by the next sweep."""
    async with a_rig(begun=False, namespaces=(HERE,)) as mine:
        mine.carriers["twin/main"] = mine.carrier
        hold(mine, mark)
        await mine.create(*BOTH_HOUSES, a_pool(0), in_twin(a_pool(0)), *IN_BOTH)
        async with beside(mine, namespaces=("twin",)) as theirs, mine.running(), theirs.running():
            await asyncio.sleep(600)
            found = {namespace: await says(mine, "PhoneNumber", NAME, namespace) for namespace in (HERE, "twin")}
            named = (held(mine) or a_holding()).mark
            assert named
            assert named.namespace in one_of
            assert found[named.namespace] == "True NoRoutingWanted"
            assert set(found.values()) == {"True NoRoutingWanted", "False NumberTaken"}
            accounts = [await says(mine, "CarrierAccount", "main", namespace) for namespace in (HERE, "twin")]
            assert accounts == ["True Reachable", "True Reachable"]
