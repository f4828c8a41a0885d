"""`manifests/components/dispatcher`: it builds, the API server takes it, its role is as small as it says."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ringfleet.dispatch.auth import AUDIENCE
from ringfleet.dispatch.operations import OPERATIONS
from ringfleet.dispatch.settings import Address, DispatchSettings
from tests.api.manifests import Manifest
from tests.api.test_manifests import rehearse
from tests.controlplane.api import Api

Kubectl = Callable[..., str]

MANIFESTS = Path(__file__).parents[2] / "manifests"
COMPONENT = MANIFESTS / "components" / "dispatcher"
NAME = "ringfleet-dispatcher"


def read(name: str) -> list[Manifest]:
    return list(yaml.safe_load_all((COMPONENT / name).read_text()))


@pytest.fixture
def deployment() -> Manifest:
    (found,) = read("deployment.yaml")
    return found


@pytest.fixture
def container(deployment: Manifest) -> Manifest:
    (found,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(found)


@pytest.mark.usefixtures("crds")
def test_the_component_builds_into_an_overlay_and_the_server_takes_it(
    kubectl: Kubectl, api: Api, namespace: str, tmp_path: Path
) -> None:
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(MANIFESTS / "base", tmp_path.resolve())],
        "components": [os.path.relpath(COMPONENT, tmp_path.resolve())],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    built = list(yaml.safe_load_all(kubectl("kustomize", str(tmp_path))))
    ours = [one for one in built if one["metadata"].get("labels", {}).get("app.kubernetes.io/name") == NAME]
    (component,) = read("kustomization.yaml")
    assert len(ours) == len([one for name in component["resources"] for one in read(name)])
    rehearse(api, namespace, *ours)


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        *((verb, kind) for kind in ("rotationsets", "numberclaims", "phonenumbers", "carrieraccounts",
                                                "numberpools")
          for verb in ("get", "list", "watch")),
        ("get", "secrets"),
        ("create", "tokenreviews"),
        ("create", "subjectaccessreviews"),
    ],
)  # fmt: skip
def test_the_dispatcher_may_do_its_work(verb: str, resource: str) -> None:
    assert (verb, resource) in grants("roles.yaml", NAME)


def test_the_dispatcher_may_do_nothing_more() -> None:
    """Sixteen reads and two questions, and no wildcard."""
    granted = grants("roles.yaml", NAME)
    assert len(granted) == 18
    assert {grant for grant in granted if grant[0] not in {"get", "list", "watch"}} == {
        ("create", "tokenreviews"),
        ("create", "subjectaccessreviews"),
    }
    assert {verb for verb, resource in granted if resource == "secrets"} == {"get"}
    assert "*" not in str(granted)


def test_what_callers_are_granted_are_rights_that_operations_ask_for() -> None:
    asked = {(one.right[0], f"{one.resource}/{one.right[1]}") for one in OPERATIONS if one.right}
    operators = {("get", "rotationsets/rollup"), ("get", "phonenumbers/rollup")}
    consent = grants("roles.yaml", "ringfleet-dispatch-consent")
    assert consent == {("delete", "rotationsets/suppressions")}
    assert grants("roles.yaml", "ringfleet-dispatch-caller") == asked - operators - consent
    assert operators <= grants("../../base/cluster-role.yaml", "ringfleet-operator")


def test_the_caller_role_names_the_audience() -> None:
    assert AUDIENCE in (COMPONENT / "roles.yaml").read_text()


def test_one_dispatcher_has_the_ledger(deployment: Manifest) -> None:
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})


def test_the_pod_has_no_more_than_it_needs(deployment: Manifest, container: Manifest) -> None:
    pod = deployment["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()


def test_its_environment_is_settings_that_hold_and_agree_with_its_ports(
    monkeypatch: pytest.MonkeyPatch, container: Manifest
) -> None:
    for variable in container["env"]:
        monkeypatch.setenv(variable["name"], variable.get("value", "taken-from-the-pod"))
    settings = DispatchSettings()
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {
        "picks": Address.parse(settings.listen).port,
        "events": Address.parse(settings.events).port,
        "health": Address.parse(settings.health).port,
    }
    assert settings.system_namespace == "taken-from-the-pod"
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    ledger = Path(settings.ledger.removeprefix("sqlite:"))
    assert {str(settings.keys), str(ledger.parent)} <= mounts
    known = {f"RINGFLEET_DISPATCH_{field.upper()}" for field in DispatchSettings.model_fields}
    names = [variable["name"] for variable in container["env"]]
    used = {name for variable in container["env"] for name in re.findall(r"\$\((\w+)\)", variable.get("value", ""))}
    assert set(names) - used <= known
    assert names.index("POD_IP") < names.index("RINGFLEET_DISPATCH_ADVERTISE"), "it is named there, and must be known"


def test_the_published_service_leads_to_events_alone() -> None:
    ports = {
        one["metadata"]["name"]: [port["targetPort"] for port in one["spec"]["ports"]] for one in read("services.yaml")
    }
    assert ports == {"ringfleet-dispatcher": ["picks"], "ringfleet-dispatcher-events": ["events"]}


def grants(file: str, role: str) -> set[tuple[str, str]]:
    """Verbs and resources of a role."""
    rules: list[dict[str, Any]] = next(
        one["rules"] for one in read(file) if one["kind"] == "ClusterRole" and one["metadata"]["name"] == role
    )
    return {(verb, resource) for rule in rules for verb in rule["verbs"] for resource in rule["resources"]}
