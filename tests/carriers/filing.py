"""What is filed at each carrier in the tests, and the ways there; all attributes and bytes are planted."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ringfleet.carriers.registrar import Registrar
from ringfleet.model import NumberType, Query
from ringfleet.model.compliance import EndUserType, Filing, Paper, Party, Regulation
from tests.carriers.customer import Customer

GEOGRAPHIC, BUSINESS = NumberType.GEOGRAPHIC, EndUserType.BUSINESS
BERLIN = Query("DE", GEOGRAPHIC, "30")
REVIEW = timedelta(hours=72)
YEAR = timedelta(days=365)
PARTY = Party(
    BUSINESS,
    "p0",
    {"business_name": "Planted GmbH", "registration_number": "HRB-47110815"},
    {"street": "Geheimgasse 7", "city": "Berlin", "postal_code": "D-10115", "country": "DE"},
)
REGISTER = Paper(
    *("register", "commercial_register_extract", "r0", "application/pdf", 12),
    {"document_number": "HRB-47110815"},
    b"%PDF the register of nobody",
)
CONTACT = "planted.person@example.com"
BILL = Paper("bill", "utility_bill", "b0", "application/pdf", 12, {"issued_on": "2026-10-01"}, b"%PDF Planted")
PLANTS = (
    *PARTY.attributes.values(),
    *(value for name, value in PARTY.address.items() if name in ("street", "postal_code")),
    *(REGISTER.attributes["document_number"], REGISTER.content.decode(), CONTACT),
    base64.b64encode(REGISTER.content).decode(),
)


@dataclass(frozen=True)
class Kit:
    """What a German business files at a carrier, in that carrier's own words."""

    party: Party = PARTY
    register: Paper = REGISTER
    bill: Paper = BILL


_TEXTS = {"registration_document_number": "HRB-47110815", "residence_issued_on": "2026-10-01"}
KITS: Mapping[str, Kit] = {
    "DIDHub": Kit(),
    "Twilio": Kit(),
    "Telnyx": Kit(
        replace(PARTY, attributes={**PARTY.attributes, **_TEXTS}),
        replace(REGISTER, type="registration", attributes={}),
        replace(BILL, type="residence", attributes={}),
    ),
}


def kit_of(customer: Customer) -> Kit:
    return KITS[customer.provider]


def registrar_of(customer: Customer) -> Registrar:
    registrar = customer.carrier.registrar
    assert registrar
    return registrar


async def german_rules(registrar: Registrar) -> Regulation:
    found = await registrar.regulation("DE", GEOGRAPHIC, BUSINESS)
    assert found
    return found


async def file_items(customer: Customer, *papers: Paper) -> tuple[str, ...]:
    """End user and documents, by default all that is asked for; their ids."""
    registrar, kit = registrar_of(customer), kit_of(customer)
    party = await registrar.create_party(kit.party, "party")
    return (party, *[await registrar.upload(paper, paper.name) for paper in papers or (kit.register, kit.bill)])


async def open_draft(customer: Customer, items: tuple[str, ...], reference: str = "bundle") -> Filing:
    registrar = registrar_of(customer)
    rules = await german_rules(registrar)
    return await registrar.open_filing(rules, items, reference, CONTACT, kit_of(customer).party)


async def a_draft(customer: Customer, *papers: Paper) -> Filing:
    return await open_draft(customer, await file_items(customer, *papers))


async def put_items(customer: Customer, filing: Filing, *items: str) -> None:
    await registrar_of(customer).put_items(filing.external_id, items, kit_of(customer).party)


async def approved(customer: Customer) -> Filing:
    draft = await a_draft(customer)
    await registrar_of(customer).submit(draft.external_id)
    let_pass(customer, REVIEW)
    return await looked_at(customer, draft)


async def looked_at(customer: Customer, filing: Filing) -> Filing:
    found = await registrar_of(customer).filing(filing.external_id)
    assert found
    return found


def let_pass(customer: Customer, time: timedelta) -> None:
    customer.sandbox.control("POST", "clock", {"advance_seconds": time.total_seconds()})


def now_at(customer: Customer) -> datetime:
    return datetime.fromisoformat(customer.sandbox.control("GET", "clock")["now"])


def papers_at(customer: Customer) -> list[dict[str, Any]]:
    filed = customer.sandbox.control("GET", "papers")
    return [paper for paper in filed if paper["account"] == customer.id]


def bundles_at(customer: Customer) -> list[dict[str, Any]]:
    return [bundle for bundle in customer.sandbox.control("GET", "bundles") if bundle["account"] == customer.id]


def planted_in(text: str) -> list[str]:
    """The plants in it, whole or only begun, as a cut leaves them."""
    return [plant for plant in PLANTS if plant[:6] in text]
