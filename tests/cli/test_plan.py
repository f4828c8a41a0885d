"""`ringfleet plan` says what the operator then does, number by number and cent by cent, and changes nothing itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import Ringfleet
from tests.cli.test_fleet import a_number
from tests.cluster.stage import (
    Stage,
    a_claim,
    a_pool,
    a_profile,
    a_quota,
    a_secret,
    an_account,
    leave_namespace,
)
from tests.cluster.test_examples import at_our_carrier, documents, in_our_namespaces, namespaces
from tests.controlplane.rights import a_role, a_role_binding, a_rule, a_service_account
from tests.programs import ROOT, SOURCE
from tests.simulator.process import SimulatorProcess

TRACED = (
    "carrieraccounts",
    "routingprofiles",
    "numberpools",
    "numberorders",
    "phonenumbers",
    "secrets",
    "leases",
    "events.events.k8s.io",
)
EXAMPLES = sorted(
    path.parent for path in (ROOT / "examples").glob("*/apply.yaml") if "kind: NumberPool" in path.read_text()
)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_is_done_as_planned(stage: Stage, ringfleet: Ringfleet, folder: Path, example: Path) -> None:
    written = documents(example / "apply.yaml")
    ours = {name: f"{stage.namespace}-{name}" for name in namespaces(written)}
    manifests = [at_our_carrier(stage, in_our_namespaces(manifest, ours)) for manifest in written]
    write(folder / "apply.yaml", *manifests)
    write(folder / "expect.yaml", *documents(example / "expect.yaml"))
    try:
        plan_and_do(stage, ringfleet, folder, manifests, tuple(ours.values()))
    finally:
        stage.stop_operators()
        for namespace in ours.values():
            leave_namespace(stage.cluster, namespace)


def plan_and_do(
    stage: Stage, ringfleet: Ringfleet, folder: Path, manifests: list[dict[str, Any]], made: tuple[str, ...]
) -> None:
    """Plan what is in the folder, apply it, see the operator do it, and plan again. `made`: its own namespaces."""
    before = traces(stage)
    planned = ringfleet("plan", "-f", str(folder), "-o", "json")
    assert traces(stage) == before
    assert (planned.exit_code, planned.json["changes"], planned.json["failed"]) == (2, True, False)
    assert {one["action"] for one in planned.json["objects"]} == {"created"}

    for manifest in manifests:
        stage.cluster.apply(manifest, namespace=manifest["metadata"].get("namespace", stage.namespace))
    stage.start_operator(also=made)
    bought = bought_by_plan(planned.json)
    everywhere = (stage.namespace, *made)
    stage.wait_for(lambda: bought_by_operator(stage, *everywhere) == bought, "the operator to do as planned", 120)
    for pool in planned.json["pools"]:
        ready = str(not pool["short"])  # what waits for a bundle stays short, as planned
        what = f"{pool['namespace']}/{pool['name']} to be ready: {ready}"
        stage.wait_for(lambda pool=pool, ready=ready: readiness(stage, pool) == ready, what)
    served = {claim for pool in planned.json["pools"] for claim in pool["served"]}
    stage.wait_for(lambda: served_by_operator(stage, *everywhere) == served, "the claims to be served as planned")
    assert stage.bills() == dict.fromkeys((number for number, *_ in bought), 1)

    def plan() -> Any:
        return ringfleet("plan", "-f", str(folder), "-o", "json")

    # A look of the operator may still be due, which the plan foresees.
    stage.wait_for(lambda: plan().exit_code == 0, "nothing to be left to plan")
    again = plan()
    assert (again.exit_code, again.json["changes"], again.json["failed"]) == (0, False, False), again.json
    assert {one["action"] for one in again.json["objects"]} == {"unchanged"}


def readiness(stage: Stage, pool: Mapping[str, Any]) -> str | None:
    """The status of a planned pool's condition Ready, None while it has none."""
    conditions = stage.api.get("numberpool", pool["name"], pool["namespace"]).get("status", {}).get("conditions", [])
    return next((one["status"] for one in conditions if one["type"] == "Ready"), None)


def write(path: Path, *manifests: Mapping[str, Any]) -> None:
    path.write_text(yaml.safe_dump_all(manifests))


def bought_by_plan(plan: dict[str, Any]) -> set[tuple[str, ...]]:
    """Number, pool, account, monthly and setup price of each number that is to be bought."""
    return {
        (one["number"], pool["name"], one["account"].split("/")[1], one["monthly"], one["setup"])
        for pool in plan["pools"]
        for one in pool["bought"]
    }


def served_by_operator(stage: Stage, *namespaces: str) -> set[str]:
    """The claims that are bound, and whose numbers are routed as they wish, which follows a while later."""
    claims = (claim for namespace in namespaces for claim in listed(stage, "numberclaims", namespace))
    served = (claim["metadata"] for claim in claims if _is_served(claim.get("status", {})))
    return {f"{metadata['namespace']}/{metadata['name']}" for metadata in served}


def _is_served(status: Mapping[str, Any]) -> bool:
    ready = (one["status"] for one in status.get("conditions", ()) if one["type"] == "Ready")
    return status.get("phase") == "Bound" and "True" in ready


def listed(stage: Stage, what: str, namespace: str) -> list[dict[str, Any]]:
    return stage.api.list(what, namespace)


def bought_by_operator(stage: Stage, *namespaces: str) -> set[tuple[str, ...]]:
    """The same of each number that was bought, as its object says; in the stage's namespace when none is said."""
    return {
        (
            number["spec"]["number"],
            number["spec"]["poolRef"]["name"],
            number["spec"]["accountRef"]["name"],
            number["status"]["price"]["monthly"],
            number["status"]["price"]["setup"],
        )
        for namespace in namespaces or (stage.namespace,)
        for number in listed(stage, "phonenumbers", namespace)
        if "price" in number.get("status", {})
    }


def traces(stage: Stage) -> Any:
    """All that a change would show in: the versions of the objects, the carrier's ledger, and its carts."""
    found = (obj for kind in TRACED for obj in stage.list(kind))
    objects = {(obj["kind"], obj["metadata"]["name"]): obj["metadata"]["resourceVersion"] for obj in found}
    return objects, stage.simulator.ledger(), stage.simulator.owned(), stage.at_carrier("GET", "cart")


def test_the_second_carrier_fills_in_and_the_budget_ends_it(stage: Stage, ringfleet: Ringfleet, folder: Path) -> None:
    stage.stock(2)
    with SimulatorProcess() as other:
        pool = a_pool(
            "us-west",
            10,
            carriers=[{"accountRef": {"name": "sandbox"}}, {"accountRef": {"name": "spare"}}],
            limits={"monthlyBudget": "6.00"},
        )
        manifests = [*an_opened_account(stage.simulator), *an_opened_account(other, "spare"), a_front_desk(), pool]
        write(folder / "all.yaml", *manifests)
        planned = ringfleet("plan", "-f", str(folder), "-o", "json")
        (seen,) = planned.json["pools"]
        bought = bought_by_plan(planned.json)
        stage.apply(*manifests)
        stage.start_operator()
        stage.wait_for(lambda: bought_by_operator(stage) == bought, "the operator to do as planned")
        said = stage.wait_reason("numberpool", "us-west", "NoStock", "StockShort")
    assert planned.exit_code == 2
    assert {account for _, _, account, *_ in bought} == {"sandbox", "spare"}
    assert seen["short"] == 10 - len(bought) > 0
    assert [note["reason"] for note in seen["notes"]] == ["NoStock", "BudgetExhausted"]
    assert said["message"].startswith(" ".join(note["message"] for note in seen["notes"]))


def test_several_orders_of_a_batch_never_choose_the_same_number(
    stage: Stage, ringfleet: Ringfleet, folder: Path
) -> None:
    pools = [
        a_pool(name, 7, ordering={"batchSize": 2}, limits={"maxMonthlyPrice": "3.00"}) for name in ("us-a", "us-b")
    ]
    write(folder / "all.yaml", *an_opened_account(stage.simulator), a_front_desk(), *pools)
    planned = ringfleet("plan", "-f", str(folder), "-o", "json").json
    numbers = [one["number"] for pool in planned["pools"] for one in pool["bought"]]
    assert (len(numbers), len(set(numbers))) == (14, 14)
    orders = {one["order"] for pool in planned["pools"] for one in pool["bought"]}
    assert orders == {f"us-{pool}-{at}" for pool in "ab" for at in (1, 2, 3, 4)}
    assert planned["total"]["bought"] == 14


def test_a_refused_manifest_is_told_in_the_api_servers_words_and_the_rest_is_planned(
    stage: Stage, ringfleet: Ringfleet, folder: Path
) -> None:
    bad = a_pool("us-east", 3, size={"target": 3, "min": 4})
    write(folder / "all.yaml", *an_opened_account(stage.simulator), a_front_desk(), bad, a_pool("us-west", 2))
    before = traces(stage)
    planned = ringfleet("plan", "-f", str(folder), "-o", "json")
    told = ringfleet("plan", "-f", str(folder))
    assert traces(stage) == before
    assert (planned.exit_code, planned.json["failed"], planned.json["total"]["refused"]) == (1, True, 1)
    (refused,) = [one for one in planned.json["objects"] if one["action"] == "refused"]
    assert refused["name"] == "us-east"
    assert "size.min (the low watermark, 4) must not be above size.target (3)" in refused["message"]
    assert [(pool["name"], len(pool["bought"])) for pool in planned.json["pools"]] == [("us-west", 2)]
    assert (told.exit_code, refused["message"] in told.out) == (1, True)


def test_a_changed_profile_routes_the_numbers_that_follow_it(stage: Stage, ringfleet: Ringfleet, folder: Path) -> None:
    manifests = [*an_opened_account(stage.simulator), a_front_desk(), a_pool("us-west", 3)]
    stage.apply(*manifests)
    stage.start_operator()
    stage.wait_ready()
    write(folder / "profile.yaml", a_profile("front-desk", "sip:elsewhere.example.com"))
    planned = ringfleet("plan", "-f", str(folder), "-o", "json")
    (pool,) = planned.json["pools"]
    assert {(one["number"], one["action"], one["routingProfile"]) for one in pool["routed"]} == {
        (number, "Route", "front-desk") for number in stage.numbers()
    }
    assert (planned.exit_code, planned.json["total"]["routed"], pool["bought"]) == (2, 3, [])


def test_a_bigger_target_buys_only_what_is_missing(stage: Stage, ringfleet: Ringfleet, folder: Path) -> None:
    stage.apply(*an_opened_account(stage.simulator), a_front_desk(), a_pool("us-west", 2))
    stage.start_operator()
    stage.wait_ready()
    bigger = a_pool("us-west", 5)
    write(folder / "pool.yaml", bigger)
    planned = ringfleet("plan", "-f", str(folder), "-o", "json").json
    had = bought_by_operator(stage)
    stage.apply(bigger)
    both = had | bought_by_plan(planned)
    assert len(both) == 5
    stage.wait_for(lambda: bought_by_operator(stage) == both, "the operator to do as planned")


def test_claims_are_served_and_what_they_take_is_ordered_again(
    stage: Stage, ringfleet: Ringfleet, folder: Path
) -> None:
    claims = [a_claim(name) for name in ("a", "b", "c")]
    manifests = [*an_opened_account(stage.simulator), a_front_desk(), a_pool("us-west", 2), *claims]
    write(folder / "all.yaml", *manifests)
    planned = ringfleet("plan", "-f", str(folder), "-o", "json").json
    (pool,) = planned["pools"]
    bought = bought_by_plan(planned)
    assert (sorted(pool["served"]), len(bought)) == ([f"{stage.namespace}/{name}" for name in "abc"], 5)
    stage.apply(*manifests)
    stage.start_operator()
    stage.wait_for(lambda: bought_by_operator(stage) == bought, "the operator to do as planned")
    stage.wait_for(lambda: len(stage.bound()) == 3, "the claims to be bound")
    stage.wait_ready()
    assert ringfleet("plan", "-f", str(folder)).exit_code == 0


def test_a_quota_ends_a_plan_as_it_ends_the_orders(stage: Stage, ringfleet: Ringfleet, folder: Path) -> None:
    few = a_quota(limits={"numbers": 3})
    manifests = [*an_opened_account(stage.simulator), a_front_desk(), few, a_pool("us-west", 5)]
    write(folder / "all.yaml", *manifests)
    planned = ringfleet("plan", "-f", str(folder), "-o", "json").json
    (pool,) = planned["pools"]
    bought = bought_by_plan(planned)
    assert (len(bought), pool["short"], [note["reason"] for note in pool["notes"]]) == (3, 2, ["QuotaExceeded"])
    stage.apply(*manifests)
    stage.start_operator()
    stage.wait_for(lambda: bought_by_operator(stage) == bought, "the operator to do as planned")
    stage.wait_reason("numberpool", "us-west", "QuotaExceeded")


def test_numbers_that_were_asked_to_go_are_planned_to_be_released(
    stage: Stage, ringfleet: Ringfleet, folder: Path
) -> None:
    pool = a_pool("us-west", 0, release={"mode": "Manual"})
    stage.apply(*an_opened_account(stage.simulator), a_front_desk(), pool)
    asked, kept, held = (a_number(stage, f"+1415555010{at}", protected=at == 2) for at in range(3))
    assert ringfleet("release", asked, held, "--yes").exit_code == 0
    write(folder / "pool.yaml", pool)
    planned = ringfleet("plan", "-f", str(folder), "-o", "json")
    assert planned.json["pools"][0]["released"] == [
        {
            "number": f"+{asked}",
            "account": f"{stage.namespace}/sandbox",
            "reason": "Manual: it goes after the hold of its pool and within its daily budget.",
        }
    ]
    assert (planned.exit_code, planned.json["total"]["released"]) == (2, 1)
    assert kept not in planned.out


def test_a_forecast_pool_is_planned_up_to_its_forecast(stage: Stage, ringfleet: Ringfleet, folder: Path) -> None:
    demand = {"burnRatePerDay": "4", "leadTime": "24h"}
    pool = a_pool("us-west", 2, size={"mode": "Forecast", "target": 2}, demand=demand)
    manifests = [*an_opened_account(stage.simulator), a_front_desk(), pool]
    write(folder / "all.yaml", *manifests)
    planned = ringfleet("plan", "-f", str(folder), "-o", "json").json
    bought = bought_by_plan(planned)
    assert len(bought) == planned["pools"][0]["target"] > 2
    stage.apply(*manifests)
    stage.start_operator()
    stage.wait_for(lambda: bought_by_operator(stage) == bought, "the operator to do as planned")


def test_a_manual_pool_says_that_its_orders_wait_for_approval(stage: Stage, ringfleet: Ringfleet, folder: Path) -> None:
    write(folder / "all.yaml", *an_opened_account(stage.simulator), a_front_desk(), a_pool("us-west", 2, **MANUAL))
    (pool,) = ringfleet("plan", "-f", str(folder), "-o", "json").json["pools"]
    assert [one["needsApproval"] for one in pool["bought"]] == [True, True]
    assert [note["reason"] for note in pool["notes"]] == ["AwaitingApproval"]


MANUAL = {"topUp": {"mode": "Manual"}}


def test_a_token_that_cannot_be_read_is_told_for_its_pool(stage: Stage, ringfleet: Ringfleet, folder: Path) -> None:
    write(folder / "all.yaml", an_account("sandbox", stage.simulator.url), a_front_desk(), a_pool("us-west", 2))
    planned = ringfleet("plan", "-f", str(folder), "-o", "json")
    (pool,) = planned.json["pools"]
    assert (planned.exit_code, planned.json["failed"], pool["short"]) == (1, True, 2)
    assert pool["errors"] == [
        f"CarrierAccount {stage.namespace}/sandbox: Secret {stage.namespace}/sandbox-token "
        "(spec.credentialsSecretRef.name) does not exist: create it with the key 'token'."
    ]


def test_a_user_who_may_not_read_the_token_is_told_so(stage: Stage, ringfleet: Ringfleet, folder: Path) -> None:
    stage.apply(*an_opened_account(stage.simulator), a_front_desk())
    rule = a_rule(["*"], ["get", "list", "create", "patch"], "ringfleet.dev")
    binding = a_role_binding(stage.namespace, "planner", "planner")
    stage.apply(a_service_account("planner"), a_role("planner", rule), binding)
    in_force = lambda: stage.cluster.may("planner", "patch", "numberpools", namespace=stage.namespace)  # noqa: E731
    stage.wait_for(in_force, "the planner's role to be in force")
    write(folder / "pool.yaml", a_pool("us-west", 2))
    kubeconfig = stage.cluster.kubeconfig_of(stage.namespace, "planner")
    planned = ringfleet("plan", "-f", str(folder), "-o", "json", "--kubeconfig", str(kubeconfig))
    (error,) = planned.json["pools"][0]["errors"]
    assert f"CarrierAccount {stage.namespace}/sandbox: its Secret can't be read: " in error
    assert 'secrets "sandbox-token" is forbidden' in error
    assert planned.exit_code == 1


def test_a_carrier_that_is_down_is_told_for_its_pool(stage: Stage, ringfleet: Ringfleet, folder: Path) -> None:
    write(folder / "all.yaml", *an_opened_account(stage.simulator), a_front_desk(), a_pool("us-west", 2))
    stage.simulator.set_faults({"fault": "search_down"})
    planned = ringfleet("plan", "-f", str(folder), "-o", "json")
    (pool,) = planned.json["pools"]
    assert (planned.exit_code, pool["short"], pool["bought"], len(pool["errors"])) == (1, 2, [], 1)


def test_a_balance_that_does_not_cover_the_plan_is_told(stage: Stage, ringfleet: Ringfleet, folder: Path) -> None:
    stage.simulator.control("POST", "accounts", {"token": "poor-token", "id": "poor", "balance": "1.00"})
    poor = [a_secret("sandbox-token", "poor-token"), an_account("sandbox", stage.simulator.url)]
    write(folder / "all.yaml", *poor, a_front_desk(), a_pool("us-west", 5))
    (account,) = ringfleet("plan", "-f", str(folder), "-o", "json").json["accounts"]
    assert (account["balance"], account["covered"]) == ("1.00", False)
    told = ringfleet("plan", "-f", str(folder)).out
    assert f"InsufficientFunds: CarrierAccount {stage.namespace}/sandbox has 1.00 USD and would be billed" in told


def test_a_plan_is_told_in_markdown_for_a_pull_request(stage: Stage, ringfleet: Ringfleet, folder: Path) -> None:
    write(folder / "all.yaml", *an_opened_account(stage.simulator), a_front_desk(), a_pool("us-west", 12))
    seen = ringfleet("plan", "-f", str(folder), "-o", "json").json
    told = ringfleet("plan", "-f", str(folder), "-o", "markdown").out
    cost = seen["total"]["cost"][0]
    head = (
        f"**12 numbers to buy, 0 to route, 0 to release, {cost['monthly']} USD a month and {cost['setup']} USD once**"
    )
    assert head in told
    assert "<details><summary>Buy: 12</summary>" in told
    rows = [line for line in told.splitlines() if line.startswith("| +1")]
    assert [row.split(" | ")[0] for row in rows] == [f"| {one['number']}" for one in seen["pools"][0]["bought"]]


def test_manifests_come_from_files_lists_and_standard_input(stage: Stage, ringfleet: Ringfleet, folder: Path) -> None:
    account = {"apiVersion": "v1", "kind": "List", "items": an_opened_account(stage.simulator)}
    (folder / "account.json").write_text(json.dumps(account))
    write(folder / "profile.yaml", a_front_desk())
    pool = json.dumps(a_pool("us-west", 1))
    files = ("-f", str(folder / "account.json"), "-f", str(folder / "profile.yaml"), "-f", "-")
    objects = ringfleet("plan", *files, "-o", "json", stdin=pool).json["objects"]
    assert [one["kind"] for one in objects] == ["Secret", "CarrierAccount", "RoutingProfile", "NumberPool"]


@pytest.mark.parametrize(
    ("content", "complaint"), [("a: [", "is no YAML"), ("a: 1", "is no manifest"), ("", "no manifest in")]
)
def test_a_file_without_manifests_is_an_error(ringfleet: Ringfleet, folder: Path, content: str, complaint: str) -> None:
    (folder / "bad.yaml").write_text(content)
    said = ringfleet("plan", "-f", str(folder / "bad.yaml"))
    assert (said.exit_code, said.out) == (1, "")
    assert complaint in said.err
    assert str(folder / "bad.yaml") in said.err
    assert len(said.err.splitlines()) == 1


def test_kubectl_finds_the_plan_as_a_plugin(stage: Stage, folder: Path, tmp_path: Path) -> None:
    write(folder / "all.yaml", *an_opened_account(stage.simulator), a_front_desk(), a_pool("us-west", 2))
    plugin = tmp_path / "kubectl-ringfleet"
    plugin.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ringfleet "$@"\n')
    plugin.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(SOURCE),
        "PYTHONDONTWRITEBYTECODE": "",
        "KUBECONFIG": str(stage.cluster.kubeconfig),
    }
    command = [str(stage.cluster.program), "ringfleet", "plan", "-f", str(folder), "-n", stage.namespace]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.splitlines()[-1].startswith("2 numbers to buy, 0 to route, 0 to release, ")
    assert "\x1b" not in done.stdout


def an_opened_account(simulator: SimulatorProcess, name: str = "sandbox") -> list[dict[str, Any]]:
    return [a_secret(f"{name}-token", simulator.token), an_account(name, simulator.url)]


def a_front_desk() -> dict[str, Any]:
    return a_profile("front-desk", "sip:pbx.example.com")
