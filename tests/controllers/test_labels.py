"""Labels are for people who select by them: they follow spec, and nothing is decided by them."""

from __future__ import annotations

from ringfleet.objects.number_claim import project_claim
from tests.controllers.rig import (
    HERE,
    HOUSE,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_rig,
    an_order,
    in_virtual_time,
)
from tests.plan.builders import digits

ONE = digits(1).digits
RIGHT = {"ringfleet.dev/account": "main", "ringfleet.dev/pool": "west"}
WRONG = {"ringfleet.dev/account": "spare", "ringfleet.dev/pool": "east", "ringfleet.dev/rotation-set": "calls"}


async def labels(rig: Rig) -> dict[str, str]:
    found = await rig.find("PhoneNumber", ONE)
    assert found
    labels: dict[str, str] = found["metadata"]["labels"]
    return labels


@in_virtual_time
async def test_labels_that_were_changed_by_hand_are_written_again_and_count_for_nothing_meanwhile() -> None:
    async with a_rig(*HOUSE, a_pool(1), a_pool(0, name="east"), a_number()) as rig:
        await rig.change("PhoneNumber", ONE, {"metadata": {"labels": WRONG}})
        await rig.look_at_numbers()
        for name, free in (("west", 1), ("east", 0)):
            await rig.turn("NumberPool", name)
            assert (await rig.status("NumberPool", name))["numbers"]["available"] == free
        assert f"PhoneNumber {ONE}" in await rig.woken()
        await rig.turn("PhoneNumber", ONE)
        assert await labels(rig) == RIGHT
        rig.told()
        await rig.turn("PhoneNumber", ONE)
        assert rig.told() == []


@in_virtual_time
async def test_labels_follow_a_number_that_is_moved_to_another_pool() -> None:
    async with a_rig(*HOUSE, a_pool(0), a_pool(0, name="east"), a_number()) as rig:
        await rig.change("PhoneNumber", ONE, {"spec": {"poolRef": {"name": "east"}}})
        await rig.look_at_numbers()
        await rig.turn("PhoneNumber", ONE)
        assert (await labels(rig))["ringfleet.dev/pool"] == "east"


@in_virtual_time
async def test_an_order_whose_label_was_changed_by_hand_is_still_its_pools() -> None:
    ordered = {"memory": {"topUp": {"sequence": 1, "ordered": True}}}
    order = an_order(1)
    order["metadata"]["labels"]["ringfleet.dev/pool"] = "east"
    async with a_rig(*HOUSE, a_pool(1, status=ordered)) as rig:
        await rig.create(order)
        await rig.turn("NumberPool", "west")
        assert await rig.names("NumberOrder") == ["west-1"]


def test_a_claim_that_a_set_owns_is_of_that_set_whatever_its_label_says() -> None:
    owner = {
        "apiVersion": "ringfleet.dev/v1alpha1",
        "kind": "RotationSet",
        "name": "calls",
        "uid": "u",
        "controller": True,
    }
    for written, name in (({}, "calls"), ({"ringfleet.dev/rotation-set": "others"}, "calls")):
        claim = a_claim()
        claim["metadata"] |= {
            **{"namespace": HERE, "uid": "c", "resourceVersion": "1", "generation": 1},
            **{"creationTimestamp": "2026-11-24T09:00:00Z", "labels": written, "ownerReferences": [owner]},
        }
        rotation = project_claim(claim).rotation
        assert rotation
        assert (rotation.name, rotation.owner) == (name, "u")
