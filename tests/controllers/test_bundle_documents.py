"""What a bundle names is read from where it is kept; what can't be is told by its place, and never by its content."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from ringfleet.api import ComplianceBundle
from ringfleet.controllers.bundle_documents import read_dossier
from ringfleet.controllers.redaction import discretion_of
from ringfleet.kube.client import Kube
from ringfleet.model.compliance import Dossier, EndUserType
from tests.api.manifests import a_bundle, changed
from tests.controlplane.cluster import Cluster

PDF = b"%PDF-1.7 the register of Planted Person"
PNG = b"\x89PNG\r\n\x1a\n the passport of Planted Person"


@pytest.fixture
async def kube(cluster: Cluster) -> AsyncIterator[Kube]:
    async with Kube.connect(cluster.kubeconfig) as kube:
        yield kube


def papers(**data: bytes) -> str:
    """A Secret `papers`; in the names of its keys, two underscores stand for a dot."""
    encoded = {key.replace("__", "."): base64.b64encode(value).decode() for key, value in data.items()}
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "papers"}, "data": encoded})


def bundle(namespace: str, *documents: dict[str, Any], uid: str = "u-1", **spec: Any) -> ComplianceBundle:
    manifest = changed(a_bundle(), "spec.documents", list(documents))
    for field, value in spec.items():
        manifest = changed(manifest, f"spec.{field}", value)
    metadata = {**manifest["metadata"], "namespace": namespace, "uid": uid}
    return ComplianceBundle.parse({**manifest, "metadata": metadata})


def kept(name: str, key: str, type_: str = "passport", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, "file": {"secretKeyRef": {"name": "papers", "key": key}}, **more}


async def read(kube: Kube, of: ComplianceBundle, directory: Path | None = None) -> Dossier:
    return await read_dossier(kube, of, directory)


async def test_files_and_attributes_come_from_the_secrets_that_are_named(
    kube: Kube, kubectl: Callable[..., str], namespace: str
) -> None:
    kubectl("apply", "-n", namespace, "-f-", stdin=papers(register__pdf=PDF, id__png=PNG, birth=b"1970-01-01\n"))
    born = [{"name": "birth_date", "secretKeyRef": {"name": "papers", "key": "birth"}}]
    end_user = {"type": "Individual", "attributes": born}
    dossier = await read(
        kube, bundle(namespace, kept("register", "register.pdf"), kept("id", "id.png"), endUser=end_user)
    )
    assert dossier.unreadable == ()
    assert dossier.party.type is EndUserType.INDIVIDUAL
    assert dossier.party.attributes == {"birth_date": "1970-01-01"}
    assert [(paper.name, paper.media_type, paper.size) for paper in dossier.papers] == [
        ("register", "application/pdf", len(PDF)),
        ("id", "image/png", len(PNG)),
    ]
    assert [paper.content for paper in dossier.papers] == [PDF, PNG]


async def test_files_come_from_config_maps_and_the_mounted_directory_too(
    kube: Kube, kubectl: Callable[..., str], namespace: str, tmp_path: Path
) -> None:
    public = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "public"}}
    binary = {"form.pdf": base64.b64encode(PDF).decode()}
    kubectl("apply", "-n", namespace, "-f-", stdin=json.dumps({**public, "binaryData": binary}))
    mounted = tmp_path / namespace / "acme"
    mounted.mkdir(parents=True)
    (mounted / "id.png").write_bytes(PNG)
    form = {"name": "form", "type": "form", "file": {"configMapKeyRef": {"name": "public", "key": "form.pdf"}}}
    passport = {"name": "id", "type": "passport", "file": {"path": "acme/id.png"}}
    dossier = await read(kube, bundle(namespace, form, passport), tmp_path)
    assert dossier.unreadable == ()
    assert [paper.content for paper in dossier.papers] == [PDF, PNG]


async def test_what_can_not_be_read_is_told_by_its_field_and_place(
    kube: Kube, kubectl: Callable[..., str], namespace: str, tmp_path: Path
) -> None:
    kubectl("apply", "-n", namespace, "-f-", stdin=papers(letter=b"Dear Planted Person", id__png=PNG))
    (tmp_path / namespace).mkdir()
    (tmp_path / "other").write_bytes(PDF)
    (tmp_path / namespace / "way-out").symlink_to(tmp_path / "other")
    elsewhere = {"name": "elsewhere", "type": "form", "file": {"secretKeyRef": {"name": "none", "key": "a"}}}
    linked = {"name": "linked", "type": "form", "file": {"path": "way-out"}}
    street = [{"name": "street", "secretKeyRef": {"name": "papers", "key": "street"}}]
    documents = (kept("a-letter", "letter"), kept("a-pdf", "id.png", mediaType="application/pdf"), elsewhere, linked)
    dossier = await read(kube, bundle(namespace, *documents, address=street), tmp_path)
    assert dossier.unreadable == (
        ("spec.address[name=street]", "Secret papers has no key 'street': put it there"),
        ("spec.documents[name=a-letter].file", "its first bytes are not those of a PDF, JPEG or PNG file"),
        ("spec.documents[name=a-pdf].file", "mediaType says application/pdf, and its first bytes say image/png"),
        ("spec.documents[name=elsewhere].file", "Secret none does not exist: create it with the key 'a'"),
        (
            "spec.documents[name=linked].file",
            "there is no file 'way-out' in the operator's documents directory of this namespace",
        ),
    )
    assert dossier.papers == ()


async def test_a_hash_is_of_the_content_and_of_nothing_else(
    kube: Kube, kubectl: Callable[..., str], namespace: str
) -> None:
    kubectl("apply", "-n", namespace, "-f-", stdin=papers(one=PDF, two=PDF, three=PDF + b"!"))

    async def hash_of(key: str, uid: str = "u-1", **more: Any) -> str:
        return (await read(kube, bundle(namespace, kept("register", key, **more), uid=uid))).papers[0].hash

    first = await hash_of("one")
    assert await hash_of("two") == first
    assert await hash_of("three") != first
    assert await hash_of("one", type_="utility_bill") != first
    assert await hash_of("one", attributes=[{"name": "issued_on", "value": "2026-01-01"}]) != first
    assert await hash_of("one", uid="u-2") != first


async def test_nothing_of_a_person_shows_when_a_dossier_is_printed(
    kube: Kube, kubectl: Callable[..., str], namespace: str
) -> None:
    kubectl("apply", "-n", namespace, "-f-", stdin=papers(id__png=PNG))
    planted = {"name": "business_name", "value": "Planted Person"}
    document = kept("id", "id.png", attributes=[planted])
    of = bundle(namespace, document, endUser={"type": "Business", "attributes": [planted]}, address=[planted])
    dossier = await read(kube, of)
    assert (dossier.party.attributes, dossier.party.address) == ({"business_name": "Planted Person"},) * 2
    assert dossier.papers[0].content == PNG
    assert "Planted" not in repr(dossier)


async def test_all_that_was_read_is_held_against_what_a_carrier_says(
    kube: Kube, kubectl: Callable[..., str], namespace: str
) -> None:
    kubectl("apply", "-n", namespace, "-f-", stdin=papers(id__png=PNG))
    person = {"type": "Individual", "attributes": [{"name": "name", "value": "Hannah"}]}
    street, number = [{"name": "street", "value": "Lindenweg"}], [{"name": "number", "value": "X99"}]
    of = bundle(namespace, kept("id", "id.png", attributes=number), endUser=person, address=street)
    discretion = discretion_of(await read(kube, of))
    assert discretion.allows("The copy is too dark.")
    for quote in ("Hannah", "Lindenweg", "X99", "ort of Planted P", of.spec.contact.partition("@")[2]):
        assert not discretion.allows(f"I can't read {quote} in it."), quote
    unread = await read(kube, bundle(namespace, kept("gone", "gone.pdf"), endUser=person))
    assert not discretion_of(unread).allows("The copy is too dark.")
