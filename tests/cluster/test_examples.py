"""Each example does what it says: `examples/*/apply.yaml` is applied, and all of `examples/*/expect.yaml` follows.

An expectation names objects by kind and name, their conditions by type, the reasons of these, and those fields of their
status that matter. It may go on in steps, a document each: another file to apply, or days that pass at the carrier.
`faults` are put in force there before that, in place of those before. `bills`: how many numbers each account there has
bought, none twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.stage import ROOT, Stage

SANDBOX = "http://127.0.0.1:8085"
"""Where the examples have the carrier."""
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/expect.yaml"))


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_becomes_what_it_promises(stage: Stage, folder: Path) -> None:
    steps = documents(folder / "expect.yaml")
    files = ["apply.yaml", *(step["apply"] for step in steps if "apply" in step)]
    manifests = [manifest for file in files for manifest in documents(folder / file)]
    ours = {name: f"{stage.namespace}-{name}" for name in namespaces(manifests)}
    try:
        set_faults(stage, steps[0])
        apply(stage, folder / "apply.yaml", ours)
        stage.start_operator(also=tuple(ours.values()), RINGFLEET_REVIEW_INTERVAL="PT1S")
        for step in steps:
            if step is not steps[0]:
                set_faults(stage, step)
            if "apply" in step:
                apply(stage, folder / step["apply"], ours)
            if "advanceDays" in step:
                stage.simulator.control("POST", "clock", {"advance_seconds": step["advanceDays"] * 86_400})
            for wish in step["objects"]:
                what = f"{wish['kind']} {wish['name']} to be as in {folder.name}/expect.yaml"
                stage.wait_for(lambda wish=wish: is_so(stage, wish, ours), what, timeout=120)
            for account, count in step.get("bills", {}).items():
                bought = [entry["number"] for entry in stage.simulator.ledger(account, "purchase")]
                assert (len(bought), len(set(bought))) == (count, count), account
    finally:
        stage.stop_operators()
        for namespace in ours.values():
            stage.cluster.leave_namespace(namespace)


def set_faults(stage: Stage, step: dict[str, Any]) -> None:
    """Put the faults of a step in force, if it says of any or of none."""
    if "faults" in step:
        stage.simulator.set_faults(*step["faults"])


def apply(stage: Stage, path: Path, ours: dict[str, str]) -> None:
    """As a user does."""
    manifests = (at_our_carrier(stage, in_our_namespaces(manifest, ours)) for manifest in documents(path))
    placed = yaml.safe_dump_all([in_namespace(stage.namespace, manifest) for manifest in manifests])
    stage.cluster.kubectl("apply", "--filename=-", stdin=placed)


def in_namespace(namespace: str, manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest in this namespace if it names none itself: kubectl refuses one that names another than its flag."""
    if manifest["kind"] == "Namespace":
        return manifest
    return {**manifest, "metadata": {"namespace": namespace, **manifest["metadata"]}}


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def namespaces(manifests: list[dict[str, Any]]) -> list[str]:
    """The namespaces that an example makes."""
    return [manifest["metadata"]["name"] for manifest in manifests if manifest["kind"] == "Namespace"]


def in_our_namespaces(part: Any, ours: dict[str, str], key: str = "") -> Any:
    """The manifest with every namespace that the example makes under the name that is free here."""
    match part:
        case {"kind": "Namespace", "metadata": {"name": name}}:
            return {**part, "metadata": {"name": ours[name]}}
        case dict():
            return {name: in_our_namespaces(value, ours, name) for name, value in part.items()}
        case list():
            return [in_our_namespaces(value, ours, key) for value in part]
        case str() if key in {"namespace", "allowedNamespaces"}:
            return ours.get(part, part)
    return part


def at_our_carrier(stage: Stage, manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest as it is, but for the address of the carrier."""
    if manifest["kind"] != "CarrierAccount":
        return manifest
    endpoint = manifest["spec"]["endpoint"].replace(SANDBOX, stage.simulator.url)
    return {**manifest, "spec": {**manifest["spec"], "endpoint": endpoint}}


def is_so(stage: Stage, wish: dict[str, Any], ours: dict[str, str]) -> bool:
    namespace = ours.get(wish.get("namespace", ""), stage.namespace)
    found = stage.api.find(wish["kind"], wish["name"], namespace)
    status = found.get("status", {}) if found else {}
    said = status.get("conditions", [])
    conditions = {condition["type"]: condition["status"] for condition in said}
    reasons = {condition["type"]: condition["reason"] for condition in said}
    found_and_said = {"conditions": conditions, "reasons": reasons, "status": status}
    return all(holds(value, wish.get(part, {})) for part, value in found_and_said.items())


def holds(value: Any, wish: Any) -> bool:
    """Whether `value` has all that `wish` names, and as it says."""
    if isinstance(wish, dict):
        return isinstance(value, dict) and all(holds(value.get(key), one) for key, one in wish.items())
    return bool(value == wish)
