"""`status` and `tree` say what there is; `release`, `approve` and `acknowledge` write a person's word."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Ringfleet, Said
from tests.cluster.stage import SYSTEM, Stage, a_set

RELEASE = "ringfleet.dev/release"


def annotation(stage: Stage, what: str, name: str, key: str) -> str | None:
    return stage.get(what, name)["metadata"].get("annotations", {}).get(f"ringfleet.dev/{key}")


def write_status(stage: Stage, what: str, name: str, **status: Any) -> None:
    """Play the operator."""
    stage.api.patch(what, name, {"status": status}, stage.namespace, "status")


def a_number(stage: Stage, number: str = "+14155550100", **spec: Any) -> str:
    """A PhoneNumber of the pool us-west; its name. Only the operator may bind it, so a binding is written as by it."""
    claim_ref = spec.pop("claimRef", None)
    body = {"number": number, "accountRef": {"name": "sandbox"}, "poolRef": {"name": "us-west"}, **spec}
    labels = {"ringfleet.dev/pool": "us-west"}
    metadata = {"name": number[1:], "labels": labels}
    kind = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "PhoneNumber"}
    stage.apply({**kind, "metadata": metadata, "spec": {key: value for key, value in body.items() if value}})
    if claim_ref:
        operator = stage.cluster.api_as(f"system:serviceaccount:{SYSTEM}:ringfleet-operator")
        operator.patch("phonenumber", number[1:], {"spec": {"claimRef": claim_ref}}, stage.namespace)
    return number[1:]


def an_order(stage: Stage, name: str = "us-west-1", **spec: Any) -> str:
    market = {"country": "US", "type": "Geographic", "areaCodes": ["415"]}
    body = {"poolRef": {"name": "us-west"}, "accountRef": {"name": "sandbox"}, "sequence": 1, "count": 4, **spec}
    metadata = {"name": name, "labels": {"ringfleet.dev/pool": "us-west"}}
    kind = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "NumberOrder"}
    stage.apply({**kind, "metadata": metadata, "spec": {"market": market, **body}})
    return name


def test_the_fleet_is_shown_as_it_is(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.account()
    stage.profile()
    stage.pool(target=3)
    stage.start_operator()
    stage.wait_ready()
    stage.wait_for(lambda: stage.get("carrieraccount", "sandbox")["status"]["numbers"]["ours"] == 3, "a sweep")
    said = ringfleet("status", "-o", "json").json
    (pool,), (account,) = said["pools"], said["accounts"]
    monthly = stage.get("numberpool", "us-west")["status"]["cost"]["monthly"]
    assert {key: pool[key] for key in ("name", "ready", "reason", "target", "available", "short", "monthly")} == {
        "name": "us-west",
        "ready": "True",
        "reason": "AtTarget",
        "target": 3,
        "available": 3,
        "short": 0,
        "monthly": monthly,
    }
    assert said["numbers"] == {"total": 3, "phases": {"Available": 3}}
    assert said["cost"] == [{"currency": "USD", "monthly": monthly}]
    assert (account["name"], account["ready"], account["ours"]) == ("sandbox", "True", 3)

    told = ringfleet("status").out
    assert "3 numbers: 3 Available" in told.splitlines()
    assert f"{monthly} USD a month" in told.splitlines()
    assert ringfleet("status", "-A").out.count(f"{stage.namespace}/us-west") == 1

    family = ringfleet("tree", "np/us-west", "-o", "json").json
    assert family["numbers"] == {"Available": sorted(stage.numbers())}
    assert family["pool"]["says"] == "3 of 3 available, ready: AtTarget"
    assert family["orders"] == [
        {"namespace": stage.namespace, "name": "us-west-1", "says": "Complete, 3 wanted, 3 bought"}
    ]
    assert ringfleet("tree", "us-west").out.splitlines() == [
        "NumberPool/us-west  3 of 3 available, ready: AtTarget",
        "├─ CarrierAccount/sandbox  ready: Reachable",
        f"├─ RoutingProfile/front-desk  ready: {family['profile']['says'].split()[-1]}",
        "├─ NumberOrder/us-west-1  Complete, 3 wanted, 3 bought",
        f"└─ PhoneNumbers Available (3): {', '.join(sorted(stage.numbers()))}",
    ]


def test_a_tree_names_a_few_and_counts_the_rest_and_says_what_is_missing(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.pool()
    for at in range(5):
        name = a_number(stage, f"+1415555010{at}")
        write_status(stage, "phonenumber", name, phase="Cooling" if at else "Bound")
    claim = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "NumberClaim", "metadata": {"name": "web"}}
    stage.apply({**claim, "spec": {"poolRef": {"name": "us-west"}}})
    lines = ringfleet("tree", "numberpool/us-west").out.splitlines()
    assert lines[1:] == [
        "├─ CarrierAccount/sandbox  does not exist",
        "├─ RoutingProfile/front-desk  does not exist",
        "├─ PhoneNumbers Bound (1): +14155550100",
        "├─ PhoneNumbers Cooling (4): +14155550101, +14155550102, +14155550103 and 1 more",
        f"└─ NumberClaims New (1): {stage.namespace}/web",
    ]


def test_a_rotation_set_is_shown_with_its_claims_and_their_numbers(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.pool()
    stage.apply(a_set(size=3))
    write_status(
        stage,
        "rotationset",
        "calls",
        conditions=[READY],
        members={"total": 2, "active": 1, "draining": 1, "waiting": 1},
        usage={"day": "2026-11-24", "capacity": 75, "used": 12},
    )
    claim = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "NumberClaim", "spec": {"poolRef": {"name": "us-west"}}}
    labels = {"ringfleet.dev/rotation-set": "calls", "ringfleet.dev/region": "west"}
    leaving = {"ringfleet.dev/draining": "2026-11-24T00:00:00Z"}
    for turn, notes in enumerate(({}, leaving, {}), start=1):
        stage.apply({**claim, "metadata": {"name": f"calls-west-{turn}", "labels": labels, "annotations": notes}})
    for turn in (1, 2):
        number = {"name": f"1415555010{turn}", "namespace": stage.namespace, "number": f"+1415555010{turn}"}
        write_status(stage, "numberclaim", f"calls-west-{turn}", phase="Bound", phoneNumber=number)
    assert ringfleet("tree", "rotset/calls").out.splitlines() == [
        "RotationSet/calls  1 of 2 active, ready: AtTarget",
        "├─ NumberPool/us-west  not seen yet",
        "├─ RoutingProfile/front-desk  does not exist",
        "├─ NumberClaims west Bound (1): +14155550101",
        "├─ NumberClaims west Draining (1): +14155550102",
        "└─ NumberClaims west New (1): calls-west-3",
    ]
    family = ringfleet("tree", "rotationset/calls", "-o", "json").json
    assert family["claims"][1] == {
        "name": "calls-west-2",
        "region": "west",
        "state": "Draining",
        "number": "+14155550102",
    }
    (seen,) = ringfleet("status", "-o", "json").json["sets"]
    assert (seen["name"], seen["active"], seen["waiting"], seen["used"]) == ("calls", 1, 1, 12)
    (row,) = (line for line in ringfleet("status").out.splitlines() if line.startswith("calls"))
    assert row.split() == ["calls", "True", "Voice", "1", "0", "0", "1", "1", "75", "12", "0", "AtTarget"]


READY = {
    "type": "Ready",
    "status": "True",
    "reason": "AtTarget",
    "message": "It has the numbers that it wants.",
    "lastTransitionTime": "2026-11-24T00:00:00Z",
    "observedGeneration": 1,
}


def test_an_empty_namespace_says_so(ringfleet: Ringfleet) -> None:
    assert ringfleet("status").out == "There are no pools, accounts or numbers here.\n"


def test_a_release_is_asked_for_after_a_yes_and_can_be_taken_back(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.pool(release={"mode": "Manual", "hold": "72h", "maxPerDay": 3})
    name = a_number(stage)
    no = ringfleet("release", f"pn/{name}", stdin="n\n")
    assert (no.exit_code, annotation(stage, "phonenumber", name, "release")) == (1, None)
    yes = ringfleet("release", f"pn/{name}", stdin="y\n")
    assert (yes.exit_code, annotation(stage, "phonenumber", name, "release")) == (0, "+14155550100")
    assert "can be taken back for 72h; pool us-west gives back at most 3 a day." in yes.out
    again = ringfleet("release", f"pn/{name}")
    assert (again.exit_code, again.out.splitlines()[-1].endswith("nothing to do")) == (0, True)
    back = ringfleet("release", name, "--cancel", "-o", "json")
    assert back.json == [
        {
            "kind": "PhoneNumber",
            "namespace": stage.namespace,
            "name": name,
            "annotation": RELEASE,
            "value": None,
            "changed": True,
            "remarks": [],
        }
    ]
    assert annotation(stage, "phonenumber", name, "release") is None


@pytest.mark.parametrize(
    ("spec", "remark"),
    [
        ({"protected": True}, "stays while it is protected: set spec.protected to false first."),
        (
            {"claimRef": {"namespace": "web", "name": "shop", "uid": "1"}},
            "stays while NumberClaim web/shop holds it: delete the claim first.",
        ),
        (
            {"managementPolicy": "Observe"},
            "stays: it is only observed (spec.managementPolicy); give it back at the carrier by hand.",
        ),
        ({"poolRef": None}, "stays: it has no pool, whose hold and daily budget it would go by."),
        ({}, "stays while release.mode of pool us-west is Never: set it to Manual first."),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(list(value)),
)
def test_what_stands_against_a_release_is_shown(
    stage: Stage, ringfleet: Ringfleet, spec: dict[str, Any], remark: str
) -> None:
    stage.pool()
    name = a_number(stage, **spec)
    (said,) = ringfleet("release", name, "--yes", "-o", "json").json
    assert remark in said["remarks"]
    assert annotation(stage, "phonenumber", name, "release") == "+14155550100"


def test_an_order_is_approved_once_and_only_where_it_waits(stage: Stage, ringfleet: Ringfleet) -> None:
    waiting = an_order(stage, approval="Required", limits={"budget": "10.00"})
    free = an_order(stage, "us-west-2", sequence=2)
    said = ringfleet("approve", f"norder/{waiting}")
    assert said.exit_code == 0
    assert "4 of US Geographic from sandbox, for at most 10.00 USD." in said.out
    assert annotation(stage, "numberorder", waiting, "approved") == "true"
    assert ringfleet("approve", waiting, "-o", "json").json[0]["changed"] is False
    assert_error(ringfleet("approve", free), f"{stage.namespace}/{free} does not wait for approval")


def test_a_freeze_is_acknowledged_by_its_time(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.pool()
    assert_error(ringfleet("acknowledge", "np/us-west"), "there is nothing to acknowledge")
    record = {
        "frozenSince": "2026-11-24T10:00:00Z",
        "frozenBecause": "More than 5 numbers were asked to go within ten minutes.",
        "recent": [{"name": "14155550100", "at": "2026-11-24T09:59:00Z"}],
    }
    write_status(stage, "numberpool", "us-west", release=record)
    no = ringfleet("acknowledge", "np/us-west", stdin="n\n")
    assert (no.exit_code, annotation(stage, "numberpool", "us-west", "acknowledge-release")) == (1, None)
    yes = ringfleet("acknowledge", "us-west", "--yes")
    assert yes.exit_code == 0
    assert record["frozenBecause"] in yes.out
    assert "14155550100" in yes.out
    assert annotation(stage, "numberpool", "us-west", "acknowledge-release") == record["frozenSince"]


def test_a_number_without_a_pool_is_acknowledged_by_itself(stage: Stage, ringfleet: Ringfleet) -> None:
    alone = a_number(stage, poolRef=None)
    pooled = a_number(stage, "+14155550101")
    stage.pool()
    assert ringfleet("acknowledge", f"pn/{alone}", "--yes").exit_code == 0
    assert annotation(stage, "phonenumber", alone, "acknowledge-release") == "+14155550100"
    assert_error(ringfleet("acknowledge", f"pn/{pooled}", "--yes"), "acknowledge np/us-west")


@pytest.mark.parametrize(
    ("command", "argument", "kind"),
    [
        ("tree", "np/gone", "NumberPool"),
        ("release", "pn/gone", "PhoneNumber"),
        ("approve", "norder/gone", "NumberOrder"),
        ("acknowledge", "np/gone", "NumberPool"),
    ],
)
def test_what_does_not_exist_is_an_error_of_one_line(
    stage: Stage, ringfleet: Ringfleet, command: str, argument: str, kind: str
) -> None:
    assert_error(ringfleet(command, argument), f"{kind} {stage.namespace}/gone does not exist")


def assert_error(said: Said, words: str) -> None:
    assert (said.exit_code, said.out, len(said.err.splitlines())) == (1, "", 1)
    assert words in said.err
