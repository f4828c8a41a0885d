"""The manifests as somebody else's kustomization gives them: in another namespace, under another name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.stage import Stage
from tests.controlplane.cluster import Cluster
from tests.programs import ROOT
from tests.waiting import wait_until

PREFIX = "moved-"


def render(cluster: Cluster, folder: Path, namespace: str, what: str) -> list[dict[str, Any]]:
    """A kustomization of `manifests/<what>` with `namespace` and a namePrefix, built."""
    kustomization = {
        "namespace": namespace,
        "namePrefix": PREFIX,
        "resources": [os.path.relpath(ROOT / "manifests" / what, folder)],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return list(yaml.safe_load_all(cluster.kubectl("kustomize", str(folder))))


@pytest.fixture
def moved(cluster: Cluster, installed: None, namespace: str, tmp_path: Path) -> Iterator[str]:
    """The namespace that the operator was moved to. Not applied: the Deployment, which has no image here, and the
    kinds, which are there."""
    built = render(cluster, tmp_path, namespace, "base")
    kept = [obj for obj in built if obj["kind"] not in {"Deployment", "CustomResourceDefinition", "Namespace"}]
    text = yaml.safe_dump_all(kept)
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=text)
    try:
        yield namespace
    finally:
        cluster.kubectl("delete", "--wait=false", "-f", "-", stdin=text)


def test_an_operator_that_a_kustomization_has_moved_binds_claims(stage: Stage, moved: str) -> None:
    account = f"{PREFIX}ringfleet-operator"
    in_force = lambda: stage.cluster.may(account, "patch", "phonenumbers.ringfleet.dev", namespace=moved)  # noqa: E731
    wait_until(in_force, "the operator's role to be in force")
    stage.account()
    stage.profile()
    stage.pool(target=1)
    there = stage.cluster.kubeconfig_of(moved, account)
    stage.start_operator(kubeconfig=there, RINGFLEET_SYSTEM_NAMESPACE=moved)  # as the Deployment says
    stage.claim("desk")
    stage.wait_ready("desk", "numberclaim")
    assert stage.bound() == dict.fromkeys(["desk"], *stage.numbers())


def test_a_kustomization_that_moves_them_leaves_no_name_behind(cluster: Cluster, tmp_path: Path) -> None:
    text = yaml.safe_dump_all(
        obj
        for obj in render(cluster, tmp_path, "telephony", "overlays/sandbox")
        if obj["kind"] != "CustomResourceDefinition"
    )
    assert "ringfleet-system" not in text
    (operator,) = (
        obj
        for obj in yaml.safe_load_all(text)
        if obj["kind"] == "Deployment" and obj["metadata"]["name"] == f"{PREFIX}ringfleet-operator"
    )
    (container,) = operator["spec"]["template"]["spec"]["containers"]
    told = {one["name"]: one.get("value") for one in container["env"]}
    assert told["DISPATCHER_SERVICE"] == f"{PREFIX}ringfleet-dispatcher"
    assert told["RINGFLEET_DISPATCHER"] == "http://$(DISPATCHER_SERVICE).$(NAMESPACE).svc"
    before = [one["name"] for one in container["env"]].index
    assert max(before("DISPATCHER_SERVICE"), before("NAMESPACE")) < before("RINGFLEET_DISPATCHER")
    (account,) = (obj for obj in yaml.safe_load_all(text) if obj["kind"] == "CarrierAccount")
    assert account["spec"]["credentialsSecretRef"]["name"] == f"{PREFIX}sandbox-token"
