"""Filing documents at Twilio: the bundle's life, what a lost reply leaves, and what its wire is held against."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import httpx

from ringfleet.carriers.registrar import Registrar
from ringfleet.carriers.twilio.account import Twilio
from ringfleet.carriers.twilio.api import open_client
from ringfleet.model.compliance import Review, Subject
from tests.carriers.customer import Customer
from tests.carriers.filing import (
    BERLIN,
    BILL,
    CONTACT,
    PARTY,
    REGISTER,
    a_draft,
    approved,
    german_rules,
    looked_at,
    registrar_of,
)
from tests.carriers.registrar_conformance import RegistrarConformance
from tests.carriers.twilio_source import Operation, declared, operations
from tests.simulator.twilio_sdk import TwilioCustomer, keys_read_by

PROVIDER = "Twilio"


class TestTwilio(RegistrarConformance):
    provider = "Twilio"
    absent = "BU" + "0" * 31 + "f"
    lacks = ("22216", "Proof that the business is registered")
    declined = ("rejected", "the reviewer did not accept the utility_bill: illegible")

    async def test_what_a_market_requires_is_read_whole(self, customer: Customer) -> None:
        rules = await german_rules(registrar_of(customer))
        assert [(one.id, one.subject) for one in rules.requirements] == [
            ("end_user", Subject.END_USER),
            ("address", Subject.ADDRESS),
            ("registration", Subject.DOCUMENT),
            ("residence", Subject.DOCUMENT),
        ]
        assert rules.requirements[2].accepts == ("commercial_register_extract", "trade_license")
        assert rules.requirements[2].attributes == ("document_number",)

    async def test_a_number_that_is_bought_with_a_bundle_says_so(self, customer: Customer) -> None:
        bundle = await approved(customer)
        purchase = await customer.purchase("with", 1, BERLIN)
        await customer.carrier.buy(replace(purchase, bundle=bundle.external_id))
        assert [held.bundle for held in await customer.listed()] == [bundle.external_id]


class Listening(httpx.AsyncHTTPTransport):
    """Notes the names of what is sent: of the query, of the form, and of the parts."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str, str, frozenset[str]]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        _, _, product, path = request.url.path.split("/", 3)
        body = (await request.aread()).decode()
        pattern = r'form-data; name="(\w+)"' if body.startswith("--") else r"(?:^|&)(\w+)="
        names = frozenset({*request.url.params, *re.findall(pattern, body)})
        self.sent.append((product, request.method, f"/{path}", names))
        return await super().handle_async_request(request)


@cache
def known() -> list[Operation]:
    return operations("api", "numbers")


async def whole_life(registrar: Registrar) -> None:
    party = await registrar.create_party(PARTY, "party")
    items = (party, *[await registrar.upload(paper, paper.name) for paper in (REGISTER, BILL)])
    draft = await registrar.open_filing(await german_rules(registrar), items, "bundle", CONTACT, PARTY)
    await registrar.find_item("nothing")
    await registrar.put_items(draft.external_id, draft.items[:2], PARTY)
    await registrar.put_items(draft.external_id, draft.items, PARTY)
    await registrar.evaluate(draft.external_id)
    await registrar.submit(draft.external_id)
    await registrar.filing(draft.external_id)


async def test_everything_that_is_filed_is_declared_by_twilios_own_library(customer: Customer) -> None:
    """All but the part with the bytes, and its host, which the library does not know."""
    wire = Listening()
    async with Twilio(customer.settings, client=open_client(customer.settings, wire)) as carrier:
        assert carrier.registrar
        await whole_life(carrier.registrar)
    undeclared = []
    for product, method, path, names in wire.sent:
        told = declared(known(), product.removesuffix("-upload"), method, path).values()
        said = names - {"File"} if product == "numbers-upload" else names
        if not any(said <= one for one in told):
            undeclared.append((product, method, path, names))
    assert undeclared == []
    assert {product for product, *_ in wire.sent} == {"api", "numbers", "numbers-upload"}


async def test_twilios_library_reads_back_what_was_filed(customer: Customer) -> None:
    draft = await a_draft(customer)
    sdk = TwilioCustomer.of(customer.sandbox, customer.id, customer.token)
    at = sdk.client.numbers.v2.regulatory_compliance
    bundle = at.bundles(draft.external_id)
    assert (bundle.fetch().friendly_name, bundle.fetch().status) == ("bundle", "draft")
    assert {one.object_sid for one in bundle.item_assignments.list()} > set(draft.items)
    assert bundle.evaluations.create().status == "compliant"
    assert [one.friendly_name for one in at.end_users.list()] == ["party"]
    bundle.update(status="pending-review")
    assert (await looked_at(customer, draft)).review is Review.SUBMITTED
    sdk.close()


async def test_the_face_answers_just_the_keys_that_twilios_models_read(customer: Customer) -> None:
    draft = await a_draft(customer)
    sdk = TwilioCustomer.of(customer.sandbox, customer.id, customer.token)
    at = sdk.client.numbers.v2.regulatory_compliance
    bundle = at.bundles(draft.external_id)
    founds = (
        at.regulations.list()[0],
        at.end_users.list()[0],
        at.supporting_documents.list()[0],
        sdk.me.addresses.list()[0],
        bundle.item_assignments.list()[0],
        bundle.fetch(),
        bundle.evaluations.create(),
    )
    for found, seen in zip(founds, sdk.wire.seen, strict=True):
        answer = seen.answer
        key = answer["meta"]["key"] if "meta" in answer else "addresses"
        row = answer[key][0] if key in answer else answer
        assert set(row) <= keys_read_by(type(found)), type(found)
    sdk.close()
