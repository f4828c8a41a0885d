"""Two namespaces, each with its own copy of the company's token: one account at the carrier, and two objects of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.stage import Stage, a_pool, a_profile, a_secret, an_account, leave_namespace

OFTEN = {"sweepInterval": "5s", "limits": {"requestsPerSecond": 100}}


@pytest.fixture
def team(stage: Stage) -> Iterator[str]:
    """The other namespace."""
    name = stage.cluster.new_namespace("team")
    yield name
    stage.stop_operators()
    leave_namespace(stage.cluster, name)


def a_house(stage: Stage) -> tuple[dict[str, Any], ...]:
    """What each team applies: Secret and account, profile, and a pool of five."""
    return (
        a_secret("sandbox-token", stage.simulator.token),
        an_account("sandbox", stage.simulator.url, **OFTEN),
        a_profile("front-desk", "sip:pbx.example.com"),
        a_pool("us-west", 5),
    )


def numbers(stage: Stage, namespace: str) -> set[str]:
    return {one["spec"]["number"] for one in stage.api.list("phonenumbers", namespace)}


def reason(stage: Stage, kind: str, name: str, namespace: str) -> str | None:
    found = stage.api.get(kind, name, namespace).get("status", {}).get("conditions", ())
    return next((one["reason"] for one in found if one["type"] == "Ready"), None)


def test_one_of_two_accounts_with_one_token_buys_and_the_other_takes_over_when_it_is_deleted(
    stage: Stage, team: str
) -> None:
    stage.simulator.set_faults({"fault": "latency", "seconds": 0.02})
    stage.apply(*a_house(stage))
    stage.cluster.apply(*a_house(stage), namespace=team)
    stage.start_operator(also=(team,))

    stage.wait_ready()
    stage.wait_for(
        lambda: reason(stage, "numberpool", "us-west", team) == "DuplicateAccount", "the other pool to say so"
    )
    said = stage.api.get("carrieraccount", "sandbox", team)["status"]
    assert said["accountId"] == stage.get("carrieraccount", "sandbox")["status"]["accountId"] == "sandbox"
    stalled = next(one for one in said["conditions"] if one["type"] == "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "DuplicateAccount")
    assert (
        f"share {stage.namespace}/sandbox by adding namespace {team} to its spec.allowedNamespaces"
        in stalled["message"]
    )
    assert (len(stage.numbers()), numbers(stage, team)) == (5, set())
    assert stage.bills() == dict.fromkeys(stage.numbers(), 1)

    first = stage.numbers()
    stage.delete("carrieraccount", "sandbox", wait=False)
    stage.wait_for(lambda: reason(stage, "numberpool", "us-west", team) == "AtTarget", "the other one to take over")
    assert (len(numbers(stage, team)), stage.numbers()) == (5, first)
    assert stage.bills() == dict.fromkeys(first | numbers(stage, team), 1)
