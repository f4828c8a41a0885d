"""A customer who files for German numbers, speaking plain DIDHub: what the tests of compliance file with."""

from __future__ import annotations

import base64
from typing import Any

import httpx

from tests.simulator.shop import Json, Shop

BUSINESS = "req_de_geographic_business"
REVIEW = 72 * 3600
ATTRIBUTES = {"business_name": "PLANTED-name", "registration_number": "PLANTED-registration"}
ADDRESS = {"street": "PLANTED-street", "city": "PLANTED-city", "postal_code": "PLANTED-code", "country": "DE"}
SAID = {"document_number": "PLANTED-number", "issued_on": "PLANTED-day"}
CONTENT = b"%PDF PLANTED-content"
CONTACT = "PLANTED@example.com"


def end_user(reference: str = "user", **changes: Any) -> Json:
    return {"reference": reference, "type": "business", "attributes": ATTRIBUTES, "address": ADDRESS} | changes


def document(type_: str = "trade_license", reference: str | None = None, **changes: Any) -> Json:
    content = base64.b64encode(CONTENT).decode()
    body = {"type": type_, "attributes": SAID, "media_type": "application/pdf", "content": content}
    return body | {"reference": reference or type_} | changes


def bundle(items: list[Any], reference: str = "bundle", **changes: Any) -> Json:
    body = {"reference": reference, "requirement_id": BUSINESS, "items": items, "contact": CONTACT}
    return body | changes


def file_items(shop: Shop) -> list[str]:
    """An end user and two documents; their ids."""
    replies = [
        shop.call("POST", "/compliance/end-users", end_user()),
        shop.call("POST", "/compliance/documents", document("trade_license")),
        shop.call("POST", "/compliance/documents", document("utility_bill")),
    ]
    return [created(reply)["id"] for reply in replies]


def file_bundle(shop: Shop) -> Json:
    """A complete draft."""
    return created(shop.call("POST", "/compliance/bundles", bundle(file_items(shop))))


def approve_bundle(shop: Shop) -> Json:
    filed = file_bundle(shop)
    assert shop.call("POST", f"/compliance/bundles/{filed['id']}/submit").status_code == 200
    shop.simulator.control("POST", "clock", {"advance_seconds": REVIEW})
    return shop.get(f"/compliance/bundles/{filed['id']}")


def created(reply: httpx.Response) -> Json:
    assert reply.status_code == 201, f"{reply.request.url}: {reply.status_code} {reply.text}"
    content: Json = reply.json()
    return content
