"""`manifests/` and `examples/`: they build, the API server takes them, the role is as small as it says."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ringfleet.api import KINDS
from ringfleet.settings import Settings
from tests.api.manifests import Manifest
from tests.controlplane.api import Api

Kubectl = Callable[..., str]

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").iterdir())
CLUSTER_WIDE = {
    "Namespace",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleBinding",
    "PriorityClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}
OURS = [kind.plural for kind in KINDS]


@pytest.mark.usefixtures("crds")
@pytest.mark.parametrize("folder", ["base", "overlays/sandbox"])
def test_the_manifests_build_and_the_server_takes_them(kubectl: Kubectl, api: Api, namespace: str, folder: str) -> None:
    built = list(yaml.safe_load_all(kubectl("kustomize", str(ROOT / "manifests" / folder))))
    assert built
    rehearse(api, namespace, *built)


@pytest.mark.usefixtures("crds")
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_accepted_as_it_stands(api: Api, namespace: str, example: Path) -> None:
    """But for its namespaces, which are not there: it is a dry run in one that is."""
    for manifest in yaml.safe_load_all((example / "apply.yaml").read_text()):
        api.create(in_namespace(manifest, namespace), dry_run=True)


def rehearse(api: Api, namespace: str, *manifests: Manifest) -> None:
    """A dry run of each. Raises Refused. What is of the whole cluster may be there already, so that it is applied."""
    for manifest in manifests:
        if manifest["kind"] in CLUSTER_WIDE:
            api.apply(manifest, dry_run=True)
        else:
            api.create(in_namespace(manifest, namespace), dry_run=True)


@pytest.mark.parametrize("folder", ["base", "components/dispatcher"])
def test_prometheus_is_led_to_the_port_on_which_metrics_are_told(folder: str) -> None:
    """The health port, which needs no token and is in no Service."""
    (deployment,) = yaml.safe_load_all((ROOT / "manifests" / folder / "deployment.yaml").read_text())
    template = deployment["spec"]["template"]
    (container,) = template["spec"]["containers"]
    (health,) = [port["containerPort"] for port in container["ports"] if port["name"] == "health"]
    assert template["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(health),
        "prometheus.io/path": "/metrics",
    }


def test_the_operators_health_port_is_the_one_that_its_settings_have() -> None:
    """Its manifest sets none."""
    (deployment,) = yaml.safe_load_all((ROOT / "manifests/base/deployment.yaml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert "RINGFLEET_HEALTH_PORT" not in [one["name"] for one in container["env"]]
    assert [port["containerPort"] for port in container["ports"]] == [Settings.model_fields["health_port"].default]


@pytest.mark.usefixtures("crds")
def test_the_component_for_high_availability_runs_two_of_which_one_is_elected_and_a_drained_node_leaves_one(
    kubectl: Kubectl, api: Api, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "overlay"
    folder.mkdir()
    here = os.path.relpath(ROOT / "manifests", folder.resolve())
    overlay = {"resources": [f"{here}/base"], "components": [f"{here}/components/high-availability"]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    built = [one for one in yaml.safe_load_all(kubectl("kustomize", str(folder))) if one["kind"] in HIGHLY_AVAILABLE]
    rehearse(api, namespace, *built)
    priority, deployment, budget = sorted(built, key=lambda one: HIGHLY_AVAILABLE.index(one["kind"]))
    pod = deployment["spec"]["template"]
    for variable in pod["spec"]["containers"][0]["env"]:
        monkeypatch.setenv(variable["name"], variable.get("value", "taken-from-the-pod"))
    settings = Settings()
    assert (settings.leader_election, settings.identity) == (True, "taken-from-the-pod")
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]["type"]) == (2, "RollingUpdate")
    assert pod["spec"]["priorityClassName"] == priority["metadata"]["name"]
    (spread,) = pod["spec"]["topologySpreadConstraints"]
    for selector in (budget["spec"]["selector"], spread["labelSelector"]):
        assert selector["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert budget["spec"]["maxUnavailable"] == 1


HIGHLY_AVAILABLE = ("PriorityClass", "Deployment", "PodDisruptionBudget")


def test_the_base_elects_a_leader_so_that_a_second_replica_stands_by() -> None:
    (deployment,) = yaml.safe_load_all((ROOT / "manifests/base/deployment.yaml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert {"name": "RINGFLEET_LEADER_ELECTION", "value": "true"} in container["env"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_explained_in_five_lines(example: Path) -> None:
    assert len((example / "README.md").read_text().splitlines()) == 5


@pytest.mark.parametrize(
    ("verb", "group", "resource"),
    [
        *((verb, "ringfleet.dev", kind) for kind in OURS for verb in ("get", "list", "watch")),
        *(("patch", "ringfleet.dev", f"{kind}/status") for kind in OURS),
        ("create", "ringfleet.dev", "numberorders"),
        ("delete", "ringfleet.dev", "numberorders"),
        ("create", "ringfleet.dev", "phonenumbers"),
        ("patch", "ringfleet.dev", "phonenumbers"),
        ("patch", "ringfleet.dev", "numberclaims"),
        ("create", "ringfleet.dev", "numberclaims"),
        ("delete", "ringfleet.dev", "numberclaims"),
        ("patch", "ringfleet.dev", "numberpools"),
        ("update", "ringfleet.dev", "phonenumbers/finalizers"),
        ("update", "ringfleet.dev", "numberclaims/finalizers"),
        ("update", "ringfleet.dev", "phonenumbers/binding"),
        *(("patch", "ringfleet.dev", kind) for kind in ("carrieraccounts", "routingprofiles")),
        *(("update", "ringfleet.dev", f"{kind}/finalizers") for kind in ("carrieraccounts", "routingprofiles")),
        *((verb, "", place) for place in ("secrets", "configmaps") for verb in ("get", "create", "patch", "delete")),
        ("get", "", "namespaces"),
        ("get", "apiextensions.k8s.io", "customresourcedefinitions"),
        ("create", "events.k8s.io", "events"),
        ("update", "coordination.k8s.io", "leases"),
    ],
)
def test_the_operator_may_do_its_work(verb: str, group: str, resource: str) -> None:
    assert may(verb, group, resource)


@pytest.mark.parametrize(
    ("verb", "group", "resource"),
    [
        ("delete", "ringfleet.dev", "phonenumbers"),
        ("deletecollection", "ringfleet.dev", "numberorders"),
        ("patch", "ringfleet.dev", "numberquotas"),
        ("patch", "ringfleet.dev", "rotationsets"),
        ("patch", "ringfleet.dev", "compliancebundles"),
        *(
            (verb, "ringfleet.dev", kind)
            for kind in ("carrieraccounts", "routingprofiles")
            for verb in ("update", "delete")
        ),
        *((verb, "", place) for place in ("secrets", "configmaps") for verb in ("list", "watch", "deletecollection")),
        ("list", "", "namespaces"),
        ("list", "apiextensions.k8s.io", "customresourcedefinitions"),
    ],
)
def test_the_operator_may_do_nothing_more(verb: str, group: str, resource: str) -> None:
    assert not may(verb, group, resource)


def test_of_other_kinds_the_operator_may_read_none() -> None:
    (rule,) = (rule for rule in role_rules() if "customresourcedefinitions" in rule["resources"])
    assert sorted(rule["resourceNames"]) == sorted(f"{kind}.ringfleet.dev" for kind in OURS)


def test_the_role_has_no_wildcard() -> None:
    assert [rule for rule in role_rules() if "*" in rule["apiGroups"] + rule["resources"] + rule["verbs"]] == []


def may(verb: str, group: str, resource: str) -> bool:
    return any(
        verb in rule["verbs"] and group in rule["apiGroups"] and resource in rule["resources"] for rule in role_rules()
    )


def role_rules() -> Iterator[dict[str, Any]]:
    yield from yaml.safe_load((ROOT / "manifests/base/cluster-role.yaml").read_text())["rules"]


def in_namespace(manifest: Manifest, namespace: str) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}
