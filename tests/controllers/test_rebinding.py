"""A claim that has come back, from a backup or made anew, and the number that was its own before."""

from __future__ import annotations

import asyncio

import pytest

from ringfleet.kube.errors import Conflict, Unavailable
from ringfleet.kube.transport import Json
from tests.controllers.rig import (
    HERE,
    HOUSE,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_rig,
    in_virtual_time,
    later,
    restarted,
)
from tests.plan.builders import digits

ONE, TWO, THREE = (digits(n).digits for n in (1, 2, 3))
OURS = {"namespace": HERE, "name": "desk"}
STALE = {**OURS, "uid": "of-the-backup"}
BOUND = {"phase": "Bound", "freeSince": None}


def a_restored(n: int, phase: str = "Bound", claim: str = "desk", **spec: object) -> Json:
    """A number whose claimRef came back from a backup, and with it the uid of a claim that is no more."""
    return a_number(n, phase, claimRef={**STALE, "name": claim}, **spec)


def a_rested(n: int, claim: str = "desk") -> Json:
    """A number that rests after a claim."""
    rests = {"unboundAt": later(-60), "lastClaimRef": {**OURS, "name": claim}}
    return a_number(n, "Cooling", {"coolingUntil": later(3600 * 24 * 30)}, **rests)


async def take_turns(rig: Rig) -> None:
    """Turn after turn of the claim, each when the last one asked for it, until it wants none."""
    while (delay := await rig.turn("NumberClaim", "desk")) is not None:
        await rig.woken(delay)


async def claims(rig: Rig) -> dict[str, str | None]:
    """By claim, the number that holds it by its uid."""
    numbers = [await rig.find("PhoneNumber", name) for name in await rig.names("PhoneNumber")]
    found = {}
    for name in await rig.names("NumberClaim"):
        claim = await rig.find("NumberClaim", name)
        assert claim
        uid = claim["metadata"]["uid"]
        held = [one["metadata"]["name"] for one in numbers if one and one["spec"].get("claimRef", {}).get("uid") == uid]
        assert len(held) <= 1
        found[name] = held[0] if held else None
    return found


# The number still names the claim.


@in_virtual_time
async def test_restored_claims_take_up_their_own_numbers_and_no_others_whoever_comes_first() -> None:
    """Nor do those that are restored stand in line for the free one, although they are older."""
    numbers = (a_number(1), a_restored(2), a_restored(3, claim="other"))
    async with a_rig(*HOUSE, a_pool(3), *numbers, a_claim("other"), a_claim()) as rig:
        await asyncio.sleep(5.0)
        await rig.create(a_claim("first"))
        await rig.look()
        for name in ("other", "desk", "first"):
            while await rig.turn("NumberClaim", name) == 0.0:
                pass
        assert await claims(rig) == {"desk": TWO, "first": ONE, "other": THREE}
        assert await rig.says("NumberClaim", "desk") == "True Bound"
        assert (await rig.status("NumberClaim", "desk"))["phoneNumber"]["name"] == TWO


@in_virtual_time
async def test_a_restored_number_waits_for_its_claim_and_is_not_unbound_by_its_own_turn() -> None:
    async with a_rig(*HOUSE, a_pool(), a_restored(1), a_claim()) as rig:
        await rig.turn("PhoneNumber", ONE)
        number = await rig.find("PhoneNumber", ONE)
        assert number
        assert number["spec"]["claimRef"] == STALE
        await rig.turn("NumberClaim", "desk")
        assert await claims(rig) == {"desk": ONE}


@in_virtual_time
async def test_an_operator_that_starts_on_a_restored_namespace_settles_it() -> None:
    numbers = (a_restored(1), a_restored(2, claim="other"), a_number(3))
    async with a_rig(*HOUSE, a_pool(3), *numbers, a_claim("new"), a_claim(), a_claim("other"), begun=False) as rig:
        async with rig.running():
            await rig.until(lambda: _all_bound(rig, 3), within=30.0)
        assert await claims(rig) == {"desk": ONE, "other": TWO, "new": THREE}


@in_virtual_time
async def test_a_claim_that_came_back_before_its_number_takes_it_up_when_it_comes() -> None:
    async with a_rig(*HOUSE, a_pool(3), a_claim(), begun=False) as rig:
        async with rig.running():
            await rig.until(lambda: _says(rig, "False WaitingForNumber"))
            await rig.create(a_restored(1))
            await rig.until(lambda: _all_bound(rig, 1), within=30.0)
        assert await claims(rig) == {"desk": ONE}


@pytest.mark.parametrize("done", [pytest.param(False, id="not done"), pytest.param(True, id="done, and not answered")])
@pytest.mark.parametrize("nth", range(2))
@in_virtual_time
async def test_a_process_that_ends_while_a_claim_takes_its_number_up_is_followed_by_one_that_binds_no_second(
    nth: int, done: bool
) -> None:
    async with a_rig(*HOUSE, a_pool(), a_restored(1), a_number(2), a_claim()) as rig:
        rig.api.break_write(nth, done=done)
        with pytest.raises(Unavailable):
            await take_turns(rig)
        async with restarted(rig) as again:
            await again.turn("NumberClaim", "desk")
            assert await claims(again) == {"desk": ONE}
            assert (await again.status("NumberClaim", "desk"))["phoneNumber"]["name"] == ONE


@pytest.mark.parametrize(
    "claim",
    [
        pytest.param(a_claim(phoneNumberName=TWO), id="it asks for another number"),
        pytest.param(a_claim(poolRef={"name": "east"}), id="it is of another pool"),
        pytest.param(a_claim(capabilities=["Fax"]), id="the number can't do what it must"),
        pytest.param(a_claim("another"), id="it has another name"),
        pytest.param(
            a_claim("desk", {"phase": "Bound", "phoneNumber": {**OURS, "name": TWO, "number": digits(2)}}),
            id="its status names another number",
        ),
    ],
)
@in_virtual_time
async def test_a_number_whose_claim_is_no_more_is_unbound_when_the_one_of_that_name_is_not_for_it(claim: Json) -> None:
    async with a_rig(*HOUSE, a_pool(), a_restored(1), a_number(2), claim) as rig:
        await rig.turn("NumberClaim", claim["metadata"]["name"])
        await rig.turn("PhoneNumber", ONE)
        number = await rig.find("PhoneNumber", ONE)
        assert number
        assert number["spec"].get("claimRef") is None
        assert number["spec"]["lastClaimRef"] == OURS
        assert "unboundAt" in number["spec"]


@in_virtual_time
async def test_a_claim_that_is_for_another_tenant_by_now_takes_its_number_up_when_it_is_restored() -> None:
    async with a_rig(*HOUSE, a_pool(0), a_number(1), a_number(2), a_claim(tenant="acme")) as rig:
        await rig.turn("NumberClaim", "desk")
        await rig.change("NumberClaim", "desk", {"spec": {"tenant": "beta"}})
        await rig.look()
        await rig.turn("NumberClaim", "desk")
        held = (await rig.status("NumberClaim", "desk"))["phoneNumber"]["name"]
        await rig.delete("NumberClaim", "desk")
        await rig.create(a_claim(tenant="beta"))
        await rig.look()
        await rig.turn("NumberClaim", "desk")
        assert (await rig.status("NumberClaim", "desk"))["phoneNumber"]["name"] == held


@in_virtual_time
async def test_a_claim_that_has_a_number_by_now_takes_up_no_second_one() -> None:
    """It was bound by the last write of a process, and does not say so yet."""
    async with a_rig(*HOUSE, a_pool(), a_claim()) as rig:
        claim = await rig.find("NumberClaim", "desk")
        assert claim
        await rig.create(a_number(1, claimRef={**OURS, "uid": claim["metadata"]["uid"]}), a_restored(2))
        await rig.look()
        await rig.turn("PhoneNumber", TWO)
        await rig.turn("NumberClaim", "desk")
        assert await claims(rig) == {"desk": ONE}
        number = await rig.find("PhoneNumber", TWO)
        assert number
        assert ("claimRef" in number["spec"], "unboundAt" in number["spec"]) == (False, True)


@in_virtual_time
async def test_of_two_numbers_that_name_a_restored_claim_the_one_that_its_status_names_is_taken_up() -> None:
    told = {"phase": "Bound", "phoneNumber": {**OURS, "name": TWO, "number": digits(2)}}
    async with a_rig(*HOUSE, a_pool(), a_restored(1), a_restored(2), a_claim("desk", told)) as rig:
        await rig.turn("NumberClaim", "desk")
        await rig.turn("PhoneNumber", ONE)
        assert await claims(rig) == {"desk": TWO}
        number = await rig.find("PhoneNumber", ONE)
        assert number
        assert "claimRef" not in number["spec"]


@in_virtual_time
async def test_a_number_of_a_claim_that_our_copy_has_not_seen_yet_is_not_taken_from_it() -> None:
    """The claim was made again meanwhile, and another operator has bound it: ours is the one that is gone."""
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_claim()) as rig:
        await rig.turn("NumberClaim", "desk")
        await rig.change("PhoneNumber", ONE, {"spec": {"claimRef": None}})
        await rig.look()
        await rig.delete("NumberClaim", "desk")
        await rig.create(a_claim())
        there = await rig.find("NumberClaim", "desk")
        assert there
        await rig.change("PhoneNumber", ONE, {"spec": {"claimRef": {**OURS, "uid": there["metadata"]["uid"]}}})
        await rig.look_at_numbers()
        with pytest.raises(Conflict):
            await rig.turn("NumberClaim", "desk")
        assert await claims(rig) == {"desk": ONE}


# The number was unbound.


@in_virtual_time
async def test_a_claim_that_its_owner_has_deleted_and_made_again_has_its_number_back() -> None:
    async with a_rig(*HOUSE, a_pool(), a_number(1), a_number(2), a_claim(guarded=True)) as rig:
        await rig.turn("NumberClaim", "desk")
        await rig.delete("NumberClaim", "desk")
        await rig.look()
        await rig.turn("NumberClaim", "desk")
        await rig.turn("PhoneNumber", ONE)
        await rig.create(a_claim())
        await rig.look()
        await rig.turn("NumberClaim", "desk")
        assert await claims(rig) == {"desk": ONE}


NAMED = {"phase": "Bound", "phoneNumber": {**OURS, "name": ONE, "number": digits(1)}}


@pytest.mark.parametrize(
    ("claim", "gets"),
    [
        pytest.param(a_claim(phoneNumberName=ONE), ONE, id="asked for by its name"),
        pytest.param(a_claim("desk", NAMED), ONE, id="named by a status that was restored"),
        pytest.param(a_claim(), ONE, id="not asked for"),
        pytest.param(a_claim("another", phoneNumberName=ONE), None, id="by a claim that never had it"),
    ],
)
@in_virtual_time
async def test_a_number_that_rests_is_given_back_to_the_claim_that_had_it(claim: Json, gets: str | None) -> None:
    name = claim["metadata"]["name"]
    async with a_rig(*HOUSE, a_pool(), a_rested(1), claim) as rig:
        await rig.turn("NumberClaim", name)
        assert await claims(rig) == {name: gets}
        number = await rig.find("PhoneNumber", ONE)
        assert number
        assert ("lastClaimRef" in number["spec"]) is (gets is None)


@pytest.mark.parametrize(
    "note", ["ringfleet.dev/quarantine", "ringfleet.dev/fraud", "ringfleet.dev/release"], ids=lambda note: note[14:]
)
@in_virtual_time
async def test_a_number_that_nobody_may_have_is_not_given_back_either(note: str) -> None:
    async with a_rig(*HOUSE, a_pool(), a_rested(1), a_claim(phoneNumberName=ONE)) as rig:
        await rig.change("PhoneNumber", ONE, {"metadata": {"annotations": {note: digits(1)}}})
        await rig.look()
        await rig.turn("NumberClaim", "desk")
        assert await claims(rig) == {"desk": None}


@in_virtual_time
async def test_a_claim_whose_number_went_while_no_operator_looked_says_so() -> None:
    told = {**NAMED, "observedGeneration": 1, "conditions": []}
    claim = a_claim("desk", told, guarded=True)
    async with a_rig(*HOUSE, a_pool(), a_number(2), claim, begun=False) as rig, rig.running():
        await rig.until(lambda: _says(rig, "False NumberMissing"), within=30.0)


@in_virtual_time
async def test_a_claim_that_waited_and_was_bound_by_the_last_write_of_a_process_is_told_by_the_next() -> None:
    waiting = {"phase": "Waiting", "observedGeneration": 1, "memory": {"ticket": 1}}
    async with a_rig(*HOUSE, a_pool(), a_claim("desk", waiting), begun=False) as rig:
        claim = await rig.find("NumberClaim", "desk")
        assert claim
        await rig.create(a_number(1, claimRef={**OURS, "uid": claim["metadata"]["uid"]}))
        async with rig.running():
            await rig.until(lambda: _says(rig, "True Bound"), within=30.0)


@in_virtual_time
async def test_a_claim_that_another_operator_binds_is_told() -> None:
    async with a_rig(*HOUSE, a_pool(), a_claim(), begun=False) as rig, rig.running():
        await rig.until(lambda: _says(rig, "False WaitingForNumber"))
        claim = await rig.find("NumberClaim", "desk")
        assert claim
        await rig.create(a_number(1, claimRef={**OURS, "uid": claim["metadata"]["uid"]}))
        await rig.until(lambda: _says(rig, "True Bound"), within=30.0)


async def _says(rig: Rig, said: str) -> bool:
    return await rig.says("NumberClaim", "desk") == said


async def _all_bound(rig: Rig, count: int) -> bool:
    return sum(number is not None for number in (await claims(rig)).values()) == count
