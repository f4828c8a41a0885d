"""Each example does what it says: `apply.yaml` is applied, and all of `expect.yaml` becomes true.

`expect.yaml` names objects by kind and name, their conditions by type, and those fields of their status that matter.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.stage import ROOT, Stage

EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/expect.yaml"))


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_becomes_what_it_promises(stage: Stage, folder: Path) -> None:
    stage.apply(*(at_our_carrier(stage, manifest) for manifest in documents(folder / "apply.yaml")))
    stage.start_operator()
    (expected,) = documents(folder / "expect.yaml")
    for wish in expected["objects"]:
        what = f"{wish['kind']} {wish['name']} to be as in {folder.name}/expect.yaml"
        stage.wait_for(lambda wish=wish: is_so(stage, wish), what, timeout=120)


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def at_our_carrier(stage: Stage, manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest as it is, but for the address of the carrier."""
    if manifest["kind"] != "CarrierAccount":
        return manifest
    return {**manifest, "spec": {**manifest["spec"], "endpoint": stage.simulator.url}}


def is_so(stage: Stage, wish: dict[str, Any]) -> bool:
    found = [obj for obj in stage.list(wish["kind"]) if obj["metadata"]["name"] == wish["name"]]
    status = found[0].get("status", {}) if found else {}
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions", [])}
    return holds(conditions, wish.get("conditions", {})) and holds(status, wish.get("status", {}))


def holds(value: Any, wish: Any) -> bool:
    """Whether `value` has all that `wish` names, and as it says."""
    if isinstance(wish, dict):
        return isinstance(value, dict) and all(holds(value.get(key), one) for key, one in wish.items())
    return bool(value == wish)
