"""A set with its numbers on the API server in memory, as operator and claims leave it: what a dispatcher follows."""

from __future__ import annotations

from typing import Any

from ringfleet.kube.client import Kube
from tests.controllers.rig import HERE, RESOURCES, a_claim, a_number, a_pool, a_set, an_account
from tests.plan.builders import digits


async def fleet(kube: Kube, stock: str = HERE, **spec: Any) -> None:
    """A set of two numbers of one account, in two pools. `stock`: the namespace of these; `spec`: of the set, beside
    what it needs."""
    made = await kube.create(RESOURCES["RotationSet"], HERE, a_set(**spec))
    owner = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "RotationSet", "name": "calls"}
    for obj in (an_account(), a_pool(name="west"), a_pool(name="east")):
        await kube.create(RESOURCES[obj["kind"]], stock, obj)
    for n, pool in enumerate(("west", "east"), 1):
        claim = a_claim(f"calls-{n}")
        claim["metadata"] |= {
            "labels": {"ringfleet.dev/rotation-set": "calls"},
            "ownerReferences": [{**owner, "uid": made["metadata"]["uid"], "controller": True}],
        }
        held = await kube.create(RESOURCES["NumberClaim"], HERE, claim)
        ref = {"namespace": HERE, "name": f"calls-{n}", "uid": held["metadata"]["uid"]}
        number = a_number(n, "Bound", claimRef=ref, poolRef={"name": pool})
        number["metadata"] |= {"namespace": stock}
        await kube.create(RESOURCES["PhoneNumber"], stock, number)
        await kube.patch_status(RESOURCES["PhoneNumber"], stock, digits(n).digits, number["status"])
