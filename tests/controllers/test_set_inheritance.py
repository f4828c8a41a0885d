"""What an earlier rotation set of the same name has left: its claims and their numbers are the present one's."""

from __future__ import annotations

import pytest

from ringfleet.kube.errors import Unavailable
from ringfleet.kube.transport import Json
from tests.controllers.rig import HERE, HOUSE, Rig, a_claim, a_number, a_pool, a_rig, a_set, in_virtual_time, restarted
from tests.plan.builders import digits

ONE, TWO = digits(1).digits, digits(2).digits
EARLIER = {
    **{"apiVersion": "ringfleet.dev/v1alpha1", "kind": "RotationSet", "name": "calls", "uid": "earlier"},
    **{"controller": True, "blockOwnerDeletion": False},
}
LABEL = {"ringfleet.dev/rotation-set": "calls"}


def a_left_claim(n: int, owner: Json | None = EARLIER, pool: str = "west", **spec: object) -> Json:
    """A guarded claim of the set, as a backup brings it back: its owner is no more."""
    claim = a_claim(
        f"calls-{n}", guarded=True, poolRef={"name": pool}, capabilities=["Voice"], onNoStock="Order", **spec
    )
    owners = {"ownerReferences": [owner]} if owner else {}
    return {**claim, "metadata": {**claim["metadata"], "labels": LABEL, **owners}}


def a_left_number(n: int, **spec: object) -> Json:
    """A number that names it, by the uid of before."""
    ref = {"namespace": HERE, "name": f"calls-{n}", "uid": f"earlier-{n}"}
    return a_number(n, "Bound", {"freeSince": None}, claimRef=ref, **spec)


LEFT = (*HOUSE, a_pool(4), *(a_left_number(n) for n in (1, 2)), *(a_number(n) for n in (3, 4)))


async def holders(rig: Rig) -> dict[str, str]:
    """By the number that it holds, each live claim that the present set owns."""
    obj = await rig.find("RotationSet", "calls")
    assert obj
    claims = [await rig.find("NumberClaim", name) for name in await rig.names("NumberClaim")]
    ours = {
        one["metadata"]["uid"]: one["metadata"]["name"]
        for one in claims
        if one and one["metadata"].get("ownerReferences", [{}])[0].get("uid") == obj["metadata"]["uid"]
    }
    numbers = [await rig.find("PhoneNumber", name) for name in await rig.names("PhoneNumber")]
    held = {one["metadata"]["name"]: one["spec"].get("claimRef", {}).get("uid") for one in numbers if one}
    return {number: ours[uid] for number, uid in held.items() if uid in ours}


async def collect(rig: Rig, *names: str) -> None:
    """What the garbage collector does with claims whose owner is gone."""
    for name in names:
        await rig.delete("NumberClaim", name)
    await rig.look()


@in_virtual_time
async def test_a_set_that_came_back_owns_the_claims_that_came_back_with_it_and_they_keep_their_numbers() -> None:
    async with a_rig(*LEFT, a_left_claim(1), a_left_claim(2), a_set(2)) as rig:
        await rig.turn("RotationSet", "calls")
        for name in ("calls-1", "calls-2"):
            await rig.turn("NumberClaim", name)
        assert await holders(rig) == {ONE: "calls-1", TWO: "calls-2"}
        await rig.turn("RotationSet", "calls")
        assert await rig.names("NumberClaim") == ["calls-1", "calls-2"]


@pytest.mark.parametrize("first", ["RotationSet calls", "NumberClaim calls-1", f"PhoneNumber {ONE}"])
@in_virtual_time
async def test_a_set_keeps_the_numbers_of_claims_that_the_garbage_collector_deletes(first: str) -> None:
    async with a_rig(*LEFT, a_left_claim(1), a_left_claim(2), a_set(2)) as rig:
        await collect(rig, "calls-1", "calls-2")
        await rig.turn(*first.split())
        await rig.turn("RotationSet", "calls")
        await rig.settle()
        assert await rig.names("NumberClaim") == ["calls-3", "calls-4"]
        assert await holders(rig) == {ONE: "calls-3", TWO: "calls-4"}
        number = await rig.find("PhoneNumber", ONE)
        assert number
        assert "unboundAt" not in number["spec"]
        assert await rig.says("NumberClaim", "calls-3") == "True Bound"


@pytest.mark.parametrize("done", [pytest.param(False, id="not done"), pytest.param(True, id="done, and not answered")])
@pytest.mark.parametrize("nth", range(4))
@in_virtual_time
async def test_a_process_that_ends_while_a_set_takes_over_is_followed_by_one_that_goes_on(nth: int, done: bool) -> None:
    async with a_rig(*LEFT, a_left_claim(1), a_left_claim(2), a_set(2)) as rig:
        await collect(rig, "calls-1", "calls-2")
        rig.api.break_write(nth, done=done)
        with pytest.raises(Unavailable):
            await rig.turn("RotationSet", "calls")
        async with restarted(rig) as again:
            await again.turn("RotationSet", "calls")
            for name in ("calls-1", "calls-2"):  # whom the first list of claims wakes
                await again.turn("NumberClaim", name)
            await again.settle()
            assert await again.names("NumberClaim") == ["calls-3", "calls-4"]
            assert sorted(await holders(again)) == [ONE, TWO]


@pytest.mark.parametrize(
    "claim",
    [
        pytest.param(a_left_claim(1, owner=None), id="it only bears the label"),
        pytest.param(a_left_claim(1, owner={**EARLIER, "name": "texts"}), id="another set owned it"),
        pytest.param(a_left_claim(1, pool="east"), id="it is of a pool that the set does not draw from"),
    ],
)
@in_virtual_time
async def test_a_claim_that_is_not_of_an_earlier_set_is_left_alone(claim: Json) -> None:
    async with a_rig(*LEFT, a_pool(0, "east"), claim, a_set(2)) as rig:
        await rig.turn("RotationSet", "calls")
        found = await rig.find("NumberClaim", "calls-1")
        assert found
        assert found["metadata"].get("ownerReferences") == claim["metadata"].get("ownerReferences")


@in_virtual_time
async def test_the_claims_of_a_set_that_its_owner_has_deleted_let_their_numbers_rest() -> None:
    async with a_rig(*LEFT, a_left_claim(1)) as rig:
        await rig.turn("NumberClaim", "calls-1")
        await collect(rig, "calls-1")
        await rig.turn("NumberClaim", "calls-1")
        number = await rig.find("PhoneNumber", ONE)
        assert number
        assert ("claimRef" in number["spec"], "unboundAt" in number["spec"]) == (False, True)
