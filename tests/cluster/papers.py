"""A bundle for Germany that has all that the sandbox asks of a business, and what it holds of a person, planted."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from tests.api.manifests import a_manifest

PLANTED = "Planted Person GmbH"
PLANTED_STREET = "Geheimgasse 7"
PLANTED_REGISTER = b"%PDF-1.7 HRB 4711 of Planted Person GmbH, bytes that nobody may log"
PLANTED_BILL = b"%PDF-1.7 the electricity of Geheimgasse 7, bytes that nobody may log"
PLANTS = (PLANTED, PLANTED_STREET, "HRB-4711", "bytes that nobody may log", "HRB 4711")


def papers(**data: bytes) -> dict[str, Any]:
    """The Secret `papers`: register and bill, and in `data` what is to be there instead or besides."""
    contents = {"register": PLANTED_REGISTER, "bill": PLANTED_BILL, "street": PLANTED_STREET.encode(), **data}
    encoded = {key: base64.b64encode(value).decode() for key, value in contents.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "papers"}, "data": encoded}


def said(**attributes: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in attributes.items()]


def document(name: str, type_: str, key: str, **attributes: str) -> dict[str, Any]:
    file = {"secretKeyRef": {"name": "papers", "key": key}}
    return {"name": name, "type": type_, "attributes": said(**attributes), "file": file}


REGISTER = document("register", "commercial_register_extract", "register", document_number="HRB-4711")
BILL = document("bill", "utility_bill", "bill", issued_on="2026-10-01")


def a_german_bundle(*documents: Mapping[str, Any], name: str = "germany", **spec: Any) -> dict[str, Any]:
    street = {"name": "street", "secretKeyRef": {"name": "papers", "key": "street"}}
    body = {
        "country": "DE",
        "numberTypes": ["Geographic"],
        "endUser": {"type": "Business", "attributes": said(business_name=PLANTED, registration_number="HRB-4711")},
        "address": [street, *said(city="Berlin", postal_code="10115", country="DE")],
        "documents": list(documents or (REGISTER, BILL)),
        "carriers": [{"name": "sandbox"}],
        "contact": "numbers@example.com",
        **spec,
    }
    return a_manifest("ComplianceBundle", name, body)


def a_german_bundle_for(provider: str) -> dict[str, Any]:
    """The same in the words of this carrier: Telnyx asks by texts for what stands in the others' documents."""
    if provider != "Telnyx":
        return a_german_bundle()
    bundle = a_german_bundle(document("register", "registration", "register"), document("bill", "residence", "bill"))
    texts = said(registration_document_number="HRB-4711", residence_issued_on="2026-10-01")
    bundle["spec"]["endUser"]["attributes"] += texts
    return bundle


def a_revision() -> tuple[dict[str, Any], dict[str, Any]]:
    """What to apply in place of the German bundle and its papers: a sharper bill."""
    sharper = document("bill", "utility_bill", "better", issued_on="2026-11-01")
    return papers(better=b"%PDF-1.7 sharper"), a_german_bundle(REGISTER, sharper)
