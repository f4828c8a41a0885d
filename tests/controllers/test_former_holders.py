"""A number that rests after a claim has let it go: its people have it back, and nothing is bought in its place."""

from __future__ import annotations

from typing import Any

import pytest

from ringfleet.kube.transport import Json
from tests.controllers.rig import (
    HERE,
    HOUSE,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_rig,
    a_set,
    in_virtual_time,
    later,
    restarted,
)
from tests.plan.builders import digits

ONE, TWO, THREE = (digits(n).digits for n in (1, 2, 3))
ELSE = "else"
LABEL = "ringfleet.dev/rotation-set"


def a_rested(n: int = 1, status: Json | None = None, name: str = "desk", **held: str) -> Json:
    """A number that rests after a claim of ours."""
    rests = {"unboundAt": later(-60), "lastClaimRef": {"namespace": HERE, "name": name, **held}}
    until = {"coolingUntil": later(3600 * 24 * 30)}
    return a_number(n, "Cooling", until | (status or {}), **rests)


def of_set(name: str, rotation: str = "calls", **spec: object) -> Json:
    """A claim that a rotation set owns."""
    owner = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "RotationSet", "name": rotation, "uid": f"of-{rotation}"}
    claim = a_claim(name, guarded=True, capabilities=["Voice"], onNoStock="Order", **spec)
    owned = {"labels": {LABEL: rotation}, "ownerReferences": [{**owner, "controller": True}]}
    return {**claim, "metadata": {**claim["metadata"], **owned}}


async def gets(rig: Rig, name: str = "desk", namespace: str = HERE) -> str | None:
    """The number that the claim holds after its turn."""
    while await rig.turn("NumberClaim", name, namespace) == 0.0:
        pass
    claim = await rig.find("NumberClaim", name, namespace)
    held: str | None = claim["status"].get("phoneNumber", {}).get("name") if claim else None
    if held:
        number = await rig.find("PhoneNumber", held)
        assert claim
        assert number
        assert number["spec"]["claimRef"]["uid"] == claim["metadata"]["uid"]
    return held


async def let_go(rig: Rig, name: str = "desk") -> None:
    await rig.delete("NumberClaim", name)
    await rig.look()
    await rig.turn("NumberClaim", name)


@pytest.mark.parametrize("moment", ["at once", "when it rests", "after a restart"])
@in_virtual_time
async def test_a_claim_that_was_deleted_by_mistake_and_made_again_has_its_number_back(moment: str) -> None:
    """Although others are free; and nothing is ordered, for it never waits."""
    numbers = (a_number(2), a_number(1, status={"freeSince": later(-7200)}))
    claim = a_claim(guarded=True, onNoStock="Order", tenant="acme")
    async with a_rig(*HOUSE, a_pool(0), *numbers, claim) as rig:
        assert await gets(rig) == TWO
        await let_go(rig)
        number = await rig.find("PhoneNumber", TWO)
        assert number
        assert number["spec"]["lastClaimRef"] == {"namespace": HERE, "name": "desk", "tenant": "acme"}
        if moment != "at once":
            await rig.turn("PhoneNumber", TWO)
        async with restarted(rig) as again:
            operator = again if moment == "after a restart" else rig
            await operator.create(claim)
            await operator.look()
            await operator.turn("NumberPool", "west")
            assert await gets(operator) == TWO
            await operator.turn("NumberPool", "west")
            assert await operator.names("NumberOrder") == []
            await operator.settle()
            status = await operator.status("PhoneNumber", TWO)
            assert (status["phase"], status.get("coolingUntil")) == ("Bound", None)


@pytest.mark.parametrize(
    ("again", "has"),
    [
        pytest.param({"tenant": "acme"}, True, id="for its tenant"),
        pytest.param({"tenant": "beta"}, False, id="for another tenant"),
        pytest.param({}, False, id="for no tenant"),
        pytest.param({"tenant": "acme", "areaCode": "628", "areaCodeRequired": True}, False, id="with other musts"),
    ],
)
@pytest.mark.parametrize("moment", ["at once", "when it rests", "after a restart"])
@in_virtual_time
async def test_whose_a_number_was_is_known_of_a_claim_that_went_before_it_was_guarded(
    moment: str, again: dict[str, Any], has: bool
) -> None:
    """The finalizer follows when no other claim is being bound."""
    others = (a_number(2, status={"freeSince": later(-60)}), a_number(3, status={"freeSince": later(-60)}))
    async with a_rig(*HOUSE, a_pool(0), a_number(1), *others, a_claim(tenant="acme")) as rig:
        assert await gets(rig) == ONE
        claim = await rig.find("NumberClaim", "desk")
        assert claim
        assert "finalizers" not in claim["metadata"]
        await rig.delete("NumberClaim", "desk")
        async with restarted(rig) as other:
            operator = other if moment == "after a restart" else rig
            if moment != "at once":
                await operator.look()
                await operator.turn("PhoneNumber", ONE)
            await operator.create(a_claim(**again))
            await operator.look()
            await operator.turn("PhoneNumber", ONE)
            assert (await gets(operator) == ONE) is has


@in_virtual_time
async def test_whose_a_sets_number_was_is_known_of_a_claim_that_went_before_it_was_guarded() -> None:
    claim = of_set("calls-1")
    claim["metadata"]["finalizers"] = []
    async with a_rig(*HOUSE, a_pool(0), a_set(0), a_number(1), claim) as rig:
        assert await gets(rig, "calls-1") == ONE
        await rig.delete("NumberClaim", "calls-1")
        await rig.look()
        await rig.turn("PhoneNumber", ONE)
        number = await rig.find("PhoneNumber", ONE)
        assert number
        assert number["spec"]["lastClaimRef"] == {"namespace": HERE, "name": "calls-1", "rotationSet": "calls"}


@pytest.mark.parametrize(
    ("held", "claim", "has"),
    [
        pytest.param({}, a_claim(), True, id="the same name"),
        pytest.param({}, a_claim(phoneNumberName=ONE), True, id="the same name, by the number's"),
        pytest.param({}, a_claim("other"), False, id="another name"),
        pytest.param({}, a_claim("other", phoneNumberName=ONE), False, id="another name, by the number's"),
        pytest.param({}, a_claim(tenant="acme"), False, id="for a tenant by now"),
        pytest.param({"tenant": "acme"}, a_claim(tenant="beta"), False, id="for another tenant"),
        pytest.param({"tenant": "acme"}, a_claim(), False, id="for no tenant any more"),
        pytest.param({"tenant": "acme"}, a_claim("other", tenant="acme"), True, id="the same tenant"),
        pytest.param({}, a_claim(capabilities=["Fax"]), False, id="it can't do what it must"),
        pytest.param({}, a_claim(areaCode="212"), True, id="a wish is no condition"),
        pytest.param({"rotationSet": "calls"}, of_set("calls-7"), True, id="the same set"),
        pytest.param({"rotationSet": "calls"}, a_claim(), False, id="a set had it, and this is no set's"),
        pytest.param({}, of_set("desk"), False, id="a claim of no set had it, and this is a set's"),
        pytest.param({"rotationSet": "old"}, of_set("calls-1"), True, id="a set that is gone, of no brand either"),
        pytest.param(
            {"rotationSet": "old", "tenant": "acme"}, of_set("calls-1", tenant="acme"), True, id="the same brand"
        ),
        pytest.param(
            {"rotationSet": "old", "tenant": "acme"}, of_set("calls-1", tenant="beta"), False, id="another brand"
        ),
        pytest.param({"rotationSet": "old", "tenant": "acme"}, of_set("calls-1"), False, id="a brand had it"),
        pytest.param({"rotationSet": "kept"}, of_set("calls-1"), False, id="a set that is still there"),
    ],
)
@in_virtual_time
async def test_a_number_that_rests_is_for_its_people_alone(held: dict[str, str], claim: Json, has: bool) -> None:
    name = claim["metadata"]["name"]
    async with a_rig(*HOUSE, a_pool(), a_set(0, "kept"), a_rested(**held), claim) as rig:
        assert await gets(rig, name) == (ONE if has else None)


@in_virtual_time
async def test_a_claim_of_that_name_in_another_namespace_is_somebody_else() -> None:
    claim = a_claim(poolRef={"name": "west", "namespace": HERE})
    elsewhere = {**claim, "metadata": {"name": "desk", "namespace": ELSE}}
    async with a_rig(*HOUSE, a_pool(allowedNamespaces=[ELSE]), a_rested(), elsewhere) as rig:
        assert await gets(rig, "desk", ELSE) is None


@pytest.mark.parametrize("note", ["quarantine", "fraud", "release"])
@in_virtual_time
async def test_a_number_that_nobody_may_have_is_not_given_back(note: str) -> None:
    async with a_rig(*HOUSE, a_pool(), a_rested(), a_claim()) as rig:
        await rig.change("PhoneNumber", ONE, {"metadata": {"annotations": {f"ringfleet.dev/{note}": digits(1)}}})
        await rig.look()
        assert await gets(rig) is None


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(a_rested(status={"health": {"spamLabel": "Scam Likely"}}), id="labelled as spam"),
        pytest.param(a_rested(status={"suspension": {"by": "Verb"}}), id="being stopped"),
        *(
            pytest.param(a_rested(status={"phase": phase}), id=phase)
            for phase in ("Suspended", "Quarantined", "Releasing", "Lost", "PendingDocuments")
        ),
    ],
)
@in_virtual_time
async def test_a_number_that_rests_for_more_than_its_last_claim_is_not_given_back(number: Json) -> None:
    async with a_rig(*HOUSE, a_pool(), number, a_claim()) as rig:
        assert await gets(rig) is None


@pytest.mark.parametrize("spec", [{}, {"phoneNumberName": ONE}], ids=["by its claim's name", "by its own name"])
@in_virtual_time
async def test_what_keeps_a_claim_from_any_number_keeps_it_from_its_own(spec: Json) -> None:
    async with a_rig(*HOUSE, a_pool(), a_rested(), a_claim(**spec)) as rig:
        await rig.change(
            "NumberPool", "west", {"metadata": {"annotations": {"ringfleet.dev/frozen": "ada: strange bills"}}}
        )
        await rig.look()
        assert await gets(rig) is None
        assert await rig.says("NumberClaim", "desk") == "False Frozen"


@in_virtual_time
async def test_a_number_that_leaves_its_set_as_seldom_answered_rests_for_everybody() -> None:
    """It would come back to the set that has replaced it."""
    seldom = {"annotations": {"ringfleet.dev/quarantine": f"RotationSet {HERE}/calls: seldom answered"}}
    async with a_rig(*HOUSE, a_pool(0), a_number(1), of_set("calls-1")) as rig:
        assert await gets(rig, "calls-1") == ONE
        await rig.change("PhoneNumber", ONE, {"metadata": seldom})
        await rig.look()
        await let_go(rig, "calls-1")
        number = await rig.find("PhoneNumber", ONE)
        assert number
        assert "lastClaimRef" not in number["spec"]
        assert not number["metadata"].get("annotations")
        await rig.turn("PhoneNumber", ONE)
        await rig.create(of_set("calls-1"), of_set("calls-2"))
        await rig.look()
        assert [await gets(rig, name) for name in ("calls-1", "calls-2")] == [None, None]


# Rotation sets.


async def settled(rig: Rig, name: str) -> list[str]:
    """Let everything come to rest; the numbers of the set."""
    await rig.turn("RotationSet", name)
    await rig.settle()
    claims = [await rig.find("NumberClaim", one) for one in await rig.names("NumberClaim")]
    ours = [one for one in claims if one and one["metadata"]["labels"][LABEL] == name]
    return sorted(one["status"].get("phoneNumber", {}).get("name", "none") for one in ours)


async def collect(rig: Rig, rotation: str) -> None:
    """What the garbage collector does with the claims of a set that is gone."""
    for name in await rig.names("NumberClaim"):
        claim = await rig.find("NumberClaim", name)
        if claim and claim["metadata"]["labels"][LABEL] == rotation:
            await rig.delete("NumberClaim", name)
    await rig.look()


STOCK = (*HOUSE, a_pool(0), a_number(1), a_number(2), a_number(3))
BRAND = {"messaging": {"brand": "acme"}}


@pytest.mark.parametrize("spec", [{}, BRAND], ids=["without a brand", "with a brand"])
@pytest.mark.parametrize("late", [False, True], ids=["claims are gone first", "claims go later"])
@in_virtual_time
async def test_a_set_that_is_renamed_keeps_its_numbers_and_orders_none(spec: Json, late: bool) -> None:
    """The new set may be there long before the garbage collector has deleted the claims of the old one."""
    async with a_rig(*STOCK, a_set(3, **spec)) as rig:
        assert await settled(rig, "calls") == [ONE, TWO, THREE]
        await rig.delete("RotationSet", "calls")
        await rig.look()
        if not late:
            await collect(rig, "calls")
            await rig.settle()
        await rig.create(a_set(3, "outbound", **spec))
        await rig.look()
        await rig.settle()
        await collect(rig, "calls")
        assert await settled(rig, "outbound") == [ONE, TWO, THREE]
        assert await rig.names("NumberOrder") == []


@in_virtual_time
async def test_a_renamed_set_that_is_larger_orders_what_it_had_not() -> None:
    async with a_rig(*STOCK[:-1], a_set(2)) as rig:
        assert await settled(rig, "calls") == [ONE, TWO]
        await rig.delete("RotationSet", "calls")
        await rig.create(a_set(4, "outbound"))
        await rig.look()
        await rig.turn("RotationSet", "outbound")
        await rig.turn("NumberPool", "west")
        order = await rig.find("NumberOrder", "west-1")
        assert order
        assert order["spec"]["count"] == 2


@in_virtual_time
async def test_what_a_set_let_go_is_its_own_while_it_is_there_and_its_brands_when_it_is_gone() -> None:
    sets = (a_set(0, "old"), a_set(0))
    async with a_rig(*HOUSE, a_pool(0), *sets, a_rested(rotationSet="old"), of_set("calls-1")) as rig:
        assert await gets(rig, "calls-1") is None
        await rig.delete("RotationSet", "old")
        await rig.look()
        assert "NumberClaim calls-1" in await rig.woken(1.0)
        assert await gets(rig, "calls-1") == ONE


@in_virtual_time
async def test_a_set_draws_from_the_pool_in_which_a_number_of_its_own_rests() -> None:
    number = a_rested(rotationSet="calls")
    number["spec"]["poolRef"] = {"name": "east"}
    pools = [{"name": "west"}, {"name": "east"}]
    async with a_rig(*HOUSE, a_pool(), a_pool(0, "east"), a_number(2), number, a_set(1, pools=pools)) as rig:
        await rig.turn("RotationSet", "calls")
        assert await gets(rig, "calls-1") == ONE


@in_virtual_time
async def test_the_claims_of_a_set_have_its_brand_as_their_tenant() -> None:
    async with a_rig(*HOUSE, a_pool(), a_set(1, **BRAND)) as rig:
        await rig.turn("RotationSet", "calls")
        claim = await rig.find("NumberClaim", "calls-1")
        assert claim
        assert claim["spec"]["tenant"] == "acme"


@pytest.mark.parametrize(
    ("rotation", "kept"),
    [("calls", False), ("old", True)],
    ids=["the set that had it", "another set"],
)
@in_virtual_time
async def test_who_had_a_number_is_forgotten_when_it_is_bound_unless_another_sets_use_of_it_counts(
    rotation: str, kept: bool
) -> None:
    async with a_rig(*HOUSE, a_pool(0), a_rested(rotationSet=rotation), of_set("calls-1")) as rig:
        assert await gets(rig, "calls-1") == ONE
        number = await rig.find("PhoneNumber", ONE)
        assert number
        assert ("lastClaimRef" in number["spec"]) is kept
