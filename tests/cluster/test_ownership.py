"""Two namespaces that one account serves: a profile is its own at the carrier, and a number belongs to one object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.manifests import a_manifest
from tests.cluster.stage import Stage, a_claim, a_pool, a_profile
from tests.cluster.test_sweep import OFTEN


@pytest.fixture
def other(stage: Stage) -> Iterator[str]:
    """A second namespace, whose name is the first one's with `-b` behind it."""
    name = f"{stage.namespace}-b"
    stage.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    stage.cluster.leave_namespace(name)


def test_two_profiles_whose_names_run_together_lead_calls_to_two_places(stage: Stage, other: str) -> None:
    """`acme/b-desk` and `acme-b/desk` were one profile at the carrier: the second tenant took the first one's calls."""
    stage.account(**OFTEN, allowedNamespaces=[other])
    stage.profile("b-desk", "sip:first.example.com")
    stage.pool(target=1, routingProfileRef={"name": "b-desk"})
    stage.start_operator(also=(other,))
    stage.wait_ready()
    carriers = [{"accountRef": {"name": "sandbox", "namespace": stage.namespace}}]
    theirs = a_pool("theirs", 1, carriers=carriers, routingProfileRef={"name": "desk"})
    stage.cluster.apply(a_profile("desk", "sip:second.example.com"), theirs, namespace=other)
    stage.wait_for(lambda: ready(stage, "numberpool", "theirs", other) == "AtTarget", "the second tenant's number")
    trunks = {one["id"]: one["sip_targets"][0]["uri"] for one in stage.at_carrier("GET", "routing-profiles")["data"]}
    leads = {owned["reference"].split("/")[2]: trunks[owned["routing_profile_id"]] for owned in stage.simulator.owned()}
    assert leads == {stage.namespace: "sip:first.example.com", other: "sip:second.example.com"}


def test_a_copy_of_a_number_in_another_namespace_gets_no_claim_and_gives_nothing_back(stage: Stage, other: str) -> None:
    stage.account(**OFTEN, allowedNamespaces=[other])
    stage.profile()
    stage.pool(target=1, limits={"maxNumbers": 1})
    stage.start_operator(also=(other,))
    stage.claim("first")
    stage.wait_ready("first", "numberclaim")
    (number,) = stage.numbers()
    stage.patch("phonenumber", number[1:], protected=True)
    account = {"name": "sandbox", "namespace": stage.namespace}
    pool = a_pool("theirs", 0, carriers=[{"accountRef": account}], release={"mode": "Manual", "hold": "0s"})
    copy = a_manifest(
        "PhoneNumber", number[1:], {"number": number, "accountRef": account, "poolRef": {"name": "theirs"}}
    )
    copy["metadata"]["annotations"] = {"ringfleet.dev/release": number}
    claim = a_claim("second", poolRef={"name": "theirs"})
    stage.cluster.apply(a_profile("front-desk", "sip:second.example.com"), pool, copy, claim, namespace=other)
    stage.wait_for(lambda: ready(stage, "phonenumber", number[1:], other) == "NumberTaken", "the copy to say so")
    stage.wait_for(lambda: ready(stage, "numberclaim", "second", other) == "WaitingForNumber", "the claim to wait")
    stage.api.delete("phonenumber", number[1:], namespace=other)
    (owned,) = stage.simulator.owned()
    assert owned["reference"].split("/")[2:] == [stage.namespace, "us-west"]
    assert stage.bound() == {"first": number}
    assert ready(stage, "phonenumber", number[1:], stage.namespace) == "Routed"


def ready(stage: Stage, what: str, name: str, namespace: str) -> str | None:
    """Why an object of the namespace is ready or not."""
    found: dict[str, Any] = stage.api.get(what, name, namespace)
    conditions = found.get("status", {}).get("conditions", ())
    return next((str(one["reason"]) for one in conditions if one["type"] == "Ready"), None)
