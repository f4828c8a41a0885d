"""`manifests/components/name-references`: under namePrefix our kinds go on naming the objects that they name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from ringfleet.api import KINDS, NumberOrder
from ringfleet.api.compliance_bundle import KeyRef
from ringfleet.api.meta import AccountRef, LocalRef, Part, SecretKeyRef
from ringfleet.api.number_claim import ClaimAccountRef, PoolRef
from tests.api.manifests import Manifest

ROOT = Path(__file__).parents[2]
COMPONENT = ROOT / "manifests" / "components" / "name-references"
EXAMPLES = sorted((ROOT / "examples").iterdir())
REFERENCES = (LocalRef, AccountRef, SecretKeyRef, PoolRef, ClaimAccountRef, KeyRef)
NOT_REFERRED_TO = {
    "NumberClaim spec/writeTo/secret/name": "it is made, and not referred to",
    "NumberClaim spec/writeTo/configMap/name": "it is made, and not referred to",
    "PhoneNumber spec/orderRef/name": "the operator writes it",
}


def test_every_field_that_names_another_object_is_there() -> None:
    written = {f"{kind.__name__} {path}" for kind in KINDS if kind is not NumberOrder for path in _references(kind)}
    config = yaml.safe_load((COMPONENT / "name-references.yaml").read_text())
    known = {f"{spec['kind']} {spec['path']}" for rule in config["nameReference"] for spec in rule["fieldSpecs"]}
    assert known == written - NOT_REFERRED_TO.keys()
    assert {"PhoneNumber spec/poolRef/name", "NumberClaim spec/poolRef"} <= known


def _references(kind: type[Part]) -> Iterator[str]:
    """The paths of what names other objects in a kind's spec, as kustomize writes them: a list is no step of its own.
    One that may name a namespace ends at itself."""
    yield from _below(kind.model_fields["spec"].annotation, "spec")


def _below(annotation: Any, path: str) -> Iterator[str]:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        if issubclass(annotation, REFERENCES):
            yield path if "namespace" in annotation.model_fields else f"{path}/name"
            return
        for field in annotation.model_fields.values():
            yield from _below(field.annotation, f"{path}/{field.alias}")
    for argument in get_args(annotation):
        yield from _below(argument, path)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_goes_on_naming_its_own_objects_under_a_prefix(
    kubectl: Callable[..., str], tmp_path: Path, example: Path
) -> None:
    before = list(yaml.safe_load_all((example / "apply.yaml").read_text()))
    (tmp_path / "apply.yaml").write_text((example / "apply.yaml").read_text())
    kustomization = {
        "namePrefix": "dev-",
        "resources": ["apply.yaml"],
        "components": [os.path.relpath(COMPONENT, tmp_path)],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    built = list(yaml.safe_load_all(kubectl("kustomize", str(tmp_path))))
    there = {obj["metadata"]["name"] for obj in built}
    assert there >= {f"dev-{obj['metadata']['name']}" for obj in before if obj["kind"] != "Namespace"}
    named = [name for obj in built for name in _named_by(obj)]
    assert named
    assert [name for name in named if name not in there] == []


def _named_by(obj: Manifest) -> Iterator[str]:
    """What an object of ours names in its own namespace, by the fields that are references."""
    models = {kind.__name__: kind for kind in KINDS}
    if obj["kind"] in models:
        for path in _references(models[obj["kind"]]):
            if f"{obj['kind']} {path}" not in NOT_REFERRED_TO:
                yield from _at(obj, path.split("/"), obj["metadata"].get("namespace"))


def _at(value: Any, steps: list[str], namespace: str | None) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _at(one, steps, namespace)
    elif not steps and isinstance(value, Mapping):
        if value.get("namespace", namespace) == namespace:
            yield value["name"]
    elif not steps:
        yield value
    elif steps[0] in value:
        yield from _at(value[steps[0]], steps[1:], namespace)
