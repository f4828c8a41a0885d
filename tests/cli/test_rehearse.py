"""What applying a manifest would do is what `kubectl apply` then does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from ringfleet.dryrun.server import Fate, Manifest, Rehearsed, overlay, rehearse
from ringfleet.kube.client import Kube
from tests.cluster.stage import a_pool, a_secret
from tests.controlplane.cluster import Cluster


@pytest.fixture
async def kube(cluster: Cluster, crds: None) -> AsyncIterator[Kube]:
    async with Kube.connect(cluster.kubeconfig, dry_run=True) as kube:
        yield kube


async def rehearsed(kube: Kube, namespace: str, *bodies: Mapping[str, Any]) -> tuple[Rehearsed, ...]:
    return await rehearse(kube, [Manifest("here.yaml", dict(body)) for body in bodies], namespace)


@pytest.mark.parametrize(
    ("wanted", "before", "patch"),
    [
        ({"a": 1}, {"a": 2, "b": 3}, {"a": 1, "b": None}),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": None}}),
        ({"a": [1]}, {"a": [1, 2]}, {"a": [1]}),
        ({}, {"a": {"b": 1}}, {"a": None}),
    ],
)
def test_what_a_manifest_no_longer_says_goes(
    wanted: dict[str, Any], before: dict[str, Any], patch: dict[str, Any]
) -> None:
    assert overlay(wanted, before) == patch


@pytest.mark.parametrize("flags", [(), ("--server-side",), ("--server-side", "--field-manager=pipeline")])
async def test_a_field_that_is_taken_out_is_out_as_with_the_apply_that_made_it(
    cluster: Cluster, kube: Kube, namespace: str, flags: tuple[str, ...]
) -> None:
    apply = ("apply", "--namespace", namespace, "--filename=-", *flags)
    pool = a_pool("us-west", 3, suspend=True, limits={"maxNumbers": 10})
    cluster.kubectl(*apply, stdin=json.dumps(pool))
    (same,) = await rehearsed(kube, namespace, pool)
    (changed,) = await rehearsed(kube, namespace, a_pool("us-west", 3, limits={"maxNumbers": 20}))
    cluster.kubectl(*apply, stdin=json.dumps(a_pool("us-west", 3, limits={"maxNumbers": 20})))
    assert (same.fate, changed.fate) == (Fate.UNCHANGED, Fate.CONFIGURED)
    assert changed.obj is not None
    assert changed.obj["spec"] == cluster.get("numberpool", "us-west", namespace=namespace)["spec"]


async def test_annotations_of_others_are_not_touched(cluster: Cluster, kube: Kube, namespace: str) -> None:
    cluster.apply(a_secret("token", "a"), namespace=namespace)
    cluster.api.patch("secret", "token", {"metadata": {"annotations": {"team": "voice"}}}, namespace)
    (found,) = await rehearsed(kube, namespace, a_secret("token", "a"))
    assert found.fate is Fate.UNCHANGED


async def test_a_word_that_yaml_made_false_of_is_to_be_quoted(kube: Kube, namespace: str) -> None:
    market = {"country": False, "type": "Geographic"}
    norway = Manifest("here.yaml", a_pool("oslo", 3, market=market), {"spec.market.country": "NO", "spec.other": "off"})
    (found,) = await rehearse(kube, [norway], namespace)
    assert found.fate is Fate.REFUSED
    assert "spec.market.country in body must be of type string" in found.message
    assert found.message.endswith('YAML reads NO as false: quote it, country: "NO".')


async def test_a_refusal_is_in_the_api_servers_words(kube: Kube, namespace: str) -> None:
    bad = a_pool("us-west", 3, size={"target": 3, "min": 4})
    typo = a_pool("us-east", 3, sise=4)
    kindless = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "NumberPond", "metadata": {"name": "x"}}
    nameless = {"apiVersion": "v1", "kind": "Secret", "metadata": {}}
    found = await rehearsed(kube, namespace, bad, typo, kindless, nameless)
    assert {one.fate for one in found} == {Fate.REFUSED}
    for one, words in zip(
        found,
        (
            'NumberPool.ringfleet.dev "us-west" is invalid: spec.size.min',
            'unknown field "spec.sise"',
            "has no kind NumberPond",
            "needs apiVersion, kind and metadata.name",
        ),
        strict=True,
    ):
        assert words in one.message
        assert "POST" not in one.message


async def test_a_namespace_that_comes_with_its_objects_is_no_obstacle(kube: Kube, namespace: str) -> None:
    fresh = f"{namespace}-new"
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": fresh}}
    inside = a_pool("us-west", 3)
    inside["metadata"]["namespace"] = fresh
    made, pool = await rehearsed(kube, namespace, space, inside)
    (alone,) = await rehearsed(kube, namespace, inside)
    assert (made.fate, made.namespace) == (Fate.CREATED, None)
    assert (pool.fate, pool.namespace, pool.message) == (
        Fate.CREATED,
        fresh,
        f"not checked: namespace {fresh} is made by the same manifests",
    )
    assert (alone.fate, f'namespaces "{fresh}" not found' in alone.message) == (Fate.REFUSED, True)


async def test_manifests_are_rehearsed_only_where_no_write_is_kept(cluster: Cluster, namespace: str) -> None:
    async with Kube.connect(cluster.kubeconfig) as real:
        with pytest.raises(ValueError, match="keeps no write"):
            await rehearsed(real, namespace, a_secret("token", "a"))
    assert cluster.api.list("secrets", namespace) == []
