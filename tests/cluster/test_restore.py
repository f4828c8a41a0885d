"""A namespace is lost and comes back from a backup, without status and with new uids, as README.md says to do it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.cluster.stage import ACCOUNT, SYSTEM, Stage, a_set, let_go_of_namespace
from tests.controlplane.api import Refused
from tests.programs import ROOT
from tests.waiting import wait_until

_COMMAND = re.compile(r"kubectl get (\S+) -A -o json \| jq 'del\(\.items\[\] \|([^)]*)\)' > backup")


@pytest.mark.parametrize("orders", [pytest.param(True, id="with orders"), pytest.param(False, id="without orders")])
def test_a_restored_namespace_buys_nothing_and_every_claim_keeps_its_number(stage: Stage, orders: bool) -> None:
    stage.account()
    stage.profile()
    stage.pool(target=6, limits={"maxNumbers": 12})
    operator = stage.start_operator()
    stage.claim("a", "b", "c")
    stage.apply(a_set(size=2))
    stage.wait_for(lambda: len(stage.bound()) == 5, "three claims and two of the set to be bound")
    stage.wait_for(lambda: settled(stage), "the pool to be full again, and its orders complete")
    bound, numbers, bills = stage.bound(), stage.numbers(), stage.bills()
    backup = [obj for obj in back_up(stage) if orders or obj["kind"] != "NumberOrder"]

    operator.stop()
    lose_namespace(stage)
    for obj in backup:
        stage.api.create(obj, stage.namespace)
    stage.wait_for(lambda: is_collected(stage), "the garbage collector to delete what the set owned")
    stage.start_operator("operator-2")

    stage.wait_for(lambda: len(stage.bound()) == 5, "all claims to be bound again")
    stage.wait_for(lambda: settled(stage), "the pool to be at its target again")
    assert (stage.numbers(), stage.bills()) == (numbers, bills)
    now = stage.bound()
    assert {name: now[name] for name in "abc"} == {name: bound[name] for name in "abc"}
    assert set(now.values()) == set(bound.values())
    assert sorted(name[:5] for name in now if name not in "abc") == ["calls", "calls"]


def settled(stage: Stage) -> bool:
    """Whether nothing is left to be ordered: the pool is at its target, and every order has come to its end."""
    pool = stage.condition("numberpool", "us-west")
    orders = [order.get("status", {}).get("phase") for order in stage.list("numberorders")]
    return pool is not None and pool["reason"] == "AtTarget" and set(orders) <= {"Complete"}


def lose_namespace(stage: Stage) -> None:
    """Delete the namespace with all that is in it, past every guard, and make one of its name with the Secret."""
    let_go_of_namespace(stage.cluster.kubeconfig_of(SYSTEM, ACCOUNT), stage.namespace)
    stage.cluster.delete_namespace(stage.namespace)
    wait_until(lambda: stage.api.find("namespace", stage.namespace) is None, "the namespace to be gone", timeout=180)
    stage.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": stage.namespace}})
    wait_until(lambda: takes_the_secret(stage), "the API server to know that it is another namespace")


def takes_the_secret(stage: Stage) -> bool:
    """Whether the account's Secret could be made. What the API server admits by learns of namespaces by a watch: for a
    moment it takes the new one for the old one of its name, which was going."""
    try:
        stage.secret("sandbox-token", stage.simulator.token)
    except Refused as refused:
        if "is being terminated" not in refused.complaint:
            raise
        return False
    return True


def back_up(stage: Stage) -> list[dict[str, Any]]:
    """All objects as README.md's command saves them: of the kinds that it names, without what it deletes of each."""
    found = _COMMAND.search(" ".join((ROOT / "README.md").read_text().split()))
    assert found, "README.md has no such command"
    kinds, left_out = found[1], [path.strip(" .").split(".") for path in found[2].split(",")]
    objects: list[dict[str, Any]] = json.loads(stage.kubectl("get", kinds, "-o", "json"))["items"]
    for obj in objects:
        for *way, name in left_out:
            part = obj
            for step in way:
                part = part[step]
            part.pop(name, None)
    return objects


def is_collected(stage: Stage) -> bool:
    """Whether the garbage collector has seen that the owner of the set's claims is gone."""
    claims = [claim["metadata"] for claim in stage.list("numberclaims") if "ownerReferences" in claim["metadata"]]
    return all("deletionTimestamp" in meta for meta in claims)
