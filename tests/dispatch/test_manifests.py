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
from ringfleet.dispatch.listener import Address
from ringfleet.dispatch.operations import OPERATIONS
from ringfleet.dispatch.settings import DispatchSettings
from ringfleet.settings import Settings
from tests.api.manifests import Manifest
from tests.api.test_manifests import rehearse
from tests.controlplane.api import Api

Kubectl = Callable[..., str]

MANIFESTS = Path(__file__).parents[2] / "manifests"
COMPONENT = MANIFESTS / "components" / "dispatcher"
NAME = "ringfleet-dispatcher"


def read(name: str) -> list[Manifest]:
    return list(yaml.safe_load_all((COMPONENT / name).read_text()))


def build(kubectl: Kubectl, folder: Path, *components: str) -> list[Manifest]:
    """What kustomize makes of the base with these components, in their order."""
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(MANIFESTS / "base", folder.resolve())],
        "components": [os.path.relpath(COMPONENT.parent / name, folder.resolve()) for name in components],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    return list(yaml.safe_load_all(kubectl("kustomize", str(folder))))


def of_the_dispatcher(built: list[Manifest]) -> list[Manifest]:
    return [one for one in built if one["metadata"].get("labels", {}).get("app.kubernetes.io/name") == NAME]


def container_of(built: list[Manifest], deployment: str) -> Manifest:
    (found,) = [one for one in built if (one["kind"], one["metadata"]["name"]) == ("Deployment", deployment)]
    (container,) = found["spec"]["template"]["spec"]["containers"]
    return dict(container)


def assert_named_before_it_is_used(container: Manifest) -> None:
    """Kubernetes leaves `$(NAME)` as it is unless NAME stands above it."""
    known: set[str] = set()
    for variable in container["env"]:
        assert set(re.findall(r"\$\((\w+)\)", variable.get("value", ""))) <= known, variable["name"]
        known.add(variable["name"])


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
    ours = of_the_dispatcher(build(kubectl, tmp_path, "dispatcher"))
    (component,) = read("kustomization.yaml")
    assert len(ours) == len([one for name in component["resources"] for one in read(name)])
    rehearse(api, namespace, *ours)


@pytest.mark.usefixtures("crds")
def test_the_component_for_tls_makes_listeners_probes_and_callers_speak_it(
    kubectl: Kubectl, api: Api, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = build(kubectl, tmp_path, "dispatcher", "dispatcher-tls")
    rehearse(api, namespace, *of_the_dispatcher(built))
    container = container_of(built, NAME)
    for variable in container["env"]:
        monkeypatch.setenv(variable["name"], variable.get("value", "taken-from-the-pod"))
    settings = DispatchSettings()
    mounts = [Path(mount["mountPath"]) for mount in container["volumeMounts"]]
    assert settings.tls_cert is not None
    assert settings.tls_cert.parent in mounts
    assert settings.tls_key is not None
    assert settings.tls_key.parent in mounts
    assert str(settings.advertise).startswith("https://")
    assert_named_before_it_is_used(container)
    probes = [container[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")]
    assert [probe["scheme"] for probe in probes] == ["HTTPS"] * 3
    assert {probe["port"] for probe in probes} == {"health"}
    ports = [port["port"] for one in built if one["kind"] == "Service" for port in one["spec"]["ports"]]
    assert ports == [443, 443]


def test_with_tls_the_operator_calls_by_https_and_knows_who_vouches(
    kubectl: Kubectl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = container_of(build(kubectl, tmp_path, "dispatcher", "dispatcher-tls"), "ringfleet-operator")
    for variable in operator["env"]:
        monkeypatch.setenv(variable["name"], variable.get("value", "taken-from-the-pod"))
    assert_named_before_it_is_used(operator)
    settings = Settings()
    assert str(settings.dispatcher).startswith("https://")
    assert settings.dispatcher_ca_file is not None
    assert str(settings.dispatcher_ca_file.parent) in {mount["mountPath"] for mount in operator["volumeMounts"]}


@pytest.mark.usefixtures("crds")
def test_the_component_for_analytics_says_where_events_go_and_what_signs_them(
    kubectl: Kubectl, api: Api, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = build(kubectl, tmp_path, "dispatcher", "dispatcher-analytics")
    rehearse(api, namespace, *of_the_dispatcher(built))
    container = container_of(built, NAME)
    for variable in container["env"]:
        monkeypatch.setenv(variable["name"], variable.get("value", "https://events.example.com/ringfleet"))
    settings = DispatchSettings()
    assert settings.analytics_url == "https://events.example.com/ringfleet"
    assert settings.analytics_secret is not None
    assert str(settings.analytics_secret.parent) in {mount["mountPath"] for mount in container["volumeMounts"]}


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        *((verb, kind) for kind in ("rotationsets", "numberclaims", "phonenumbers", "carrieraccounts",
                                                "numberpools", "routingprofiles")
          for verb in ("get", "list", "watch")),
        ("get", "secrets"),
        ("create", "tokenreviews"),
        ("create", "subjectaccessreviews"),
    ],
)  # fmt: skip
def test_the_dispatcher_may_do_its_work(verb: str, resource: str) -> None:
    assert (verb, resource) in grants("roles.yaml", NAME)


def test_the_dispatcher_may_do_nothing_more() -> None:
    """22 reads and two questions, and no wildcard."""
    granted = grants("roles.yaml", NAME)
    assert len(granted) == 24
    assert {grant for grant in granted if grant[0] not in {"get", "list", "watch"}} == {
        ("create", "tokenreviews"),
        ("create", "subjectaccessreviews"),
    }
    assert {verb for verb, resource in granted if resource == "secrets"} == {"get"}
    assert "*" not in str(granted)


def test_the_dispatcher_writes_one_object_in_its_own_namespace() -> None:
    """A ConfigMap that it makes can't be told by its name: there is no such rule."""
    assert grants("roles.yaml", "ringfleet-dispatcher-ledgers") == {
        ("get", "configmaps"),
        ("update", "configmaps"),
        ("create", "configmaps"),
    }


def test_what_callers_are_granted_are_rights_that_operations_ask_for() -> None:
    asked = {(one.right[0], f"{one.resource}/{one.right[1]}") for one in OPERATIONS if one.right}
    operators = {("get", f"{kind}/rollup") for kind in ("rotationsets", "proxyservices", "phonenumbers")}
    operators |= {("create", "carrieraccounts/events")}
    consent = grants("roles.yaml", "ringfleet-dispatch-consent")
    assert consent == {("delete", "rotationsets/suppressions")}
    sessions = grants("roles.yaml", "ringfleet-dispatch-sessions")
    assert {resource for _, resource in sessions} == {"proxyservices/sessions"}
    resolve = grants("roles.yaml", "ringfleet-dispatch-resolve")
    assert resolve == {("create", "proxyservices/resolve")}, "only who connects calls is told real numbers"
    callers = grants("roles.yaml", "ringfleet-dispatch-caller")
    assert callers | sessions | resolve == asked - operators - consent
    assert not callers & (sessions | resolve)
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
    assert {variable["name"] for variable in container["env"]} - {"POD_IP"} <= known
    assert_named_before_it_is_used(container)


def test_the_published_service_leads_to_events_alone() -> None:
    ports = {
        one["metadata"]["name"]: [port["targetPort"] for port in one["spec"]["ports"]] for one in read("services.yaml")
    }
    assert ports == {"ringfleet-dispatcher": ["picks"], "ringfleet-dispatcher-events": ["events"]}


def grants(file: str, role: str) -> set[tuple[str, str]]:
    """Verbs and resources of a role."""
    rules: list[dict[str, Any]] = next(
        one["rules"] for one in read(file) if one["kind"] in {"ClusterRole", "Role"} and one["metadata"]["name"] == role
    )
    return {(verb, resource) for rule in rules for verb in rule["verbs"] for resource in rule["resources"]}
