"""Filing documents at Telnyx: requirement groups, and what only they do."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from ringfleet.carriers.errors import CarrierUnavailable, ItemsGone, RequestRejected
from ringfleet.carriers.telnyx.filed_items import NO_ADDRESS
from ringfleet.carriers.telnyx.registrar import NOT_ORDERED, TelnyxRegistrar
from ringfleet.carriers.telnyx.requirements import Demands, word_of
from ringfleet.carriers.telnyx.wire import read_refusal
from ringfleet.model import Catalog, ItemState, Query
from ringfleet.model.compliance import Review, Shortcoming, Subject
from tests.carriers.customer import Customer
from tests.carriers.filing import (
    BERLIN,
    BUSINESS,
    GEOGRAPHIC,
    a_draft,
    approved,
    file_items,
    german_rules,
    kit_of,
    let_pass,
    looked_at,
    open_draft,
    put_items,
    registrar_of,
)
from tests.carriers.registrar_conformance import RegistrarConformance
from tests.carriers.scripts import Script, client
from tests.carriers.test_telnyx import OnTelnyx
from tests.carriers.test_telnyx_wire import OFFERED

MILAN = Query("IT", GEOGRAPHIC, "02")
HALF_AN_HOUR = timedelta(minutes=30)


class TestTelnyx(RegistrarConformance, OnTelnyx):
    provider = "Telnyx"
    absent = "1293384261099999999"
    lacks = ("missing", "Registration: Proof that the business is registered")
    declined = ("declined", "Telnyx has declined: Residence: Proof of the address")
    attach_code = "10015"
    tells_bundle = False

    async def test_what_a_market_requires_has_a_word_for_each_value(self, customer: Customer) -> None:
        rules = await german_rules(registrar_of(customer))
        assert [(one.subject, one.accepts or one.attributes) for one in rules.requirements] == [
            (Subject.END_USER, ("business_name",)),
            (Subject.END_USER, ("registration_number",)),
            (Subject.ADDRESS, ("street", "city", "postal_code", "country")),
            (Subject.DOCUMENT, ("registration",)),
            (Subject.END_USER, ("registration_document_number",)),
            (Subject.DOCUMENT, ("residence",)),
            (Subject.END_USER, ("residence_issued_on",)),
        ]
        papers = [one for one in rules.requirements if one.subject is Subject.DOCUMENT]
        assert {(one.media_types, one.max_bytes) for one in papers} == {
            (("application/pdf", "image/jpeg", "image/png"), 20_000_000)
        }

    async def test_an_offer_says_whether_its_market_asks_for_documents(self, customer: Customer) -> None:
        german = await customer.purchase("de", 1, BERLIN)
        american = await customer.purchase("us", 1)
        assert [offer.needs_documents for offer in (*german.offers, *american.offers)] == [True, False]
        customer.sandbox.set_faults({"fault": "server_error", "operations": ["requirements"]})
        async with customer.another() as other:
            found = await other.search(BERLIN, 1)
        assert not found.offers[0].needs_documents

    # Documents that go by themselves.

    async def test_a_document_that_was_deleted_before_it_was_in_a_group_is_told_and_nothing_is_made(
        self, customer: Customer
    ) -> None:
        items = await file_items(customer)
        let_pass(customer, HALF_AN_HOUR)
        with pytest.raises(ItemsGone) as gone:
            await open_draft(customer, items)
        assert gone.value.ids == items[1:]
        assert await registrar_of(customer).find_filing("bundle") is None
        again = await file_items(customer)
        assert again[0] == items[0]
        assert not set(again[1:]) & set(items[1:])
        draft = await open_draft(customer, again)
        let_pass(customer, HALF_AN_HOUR)
        assert await registrar_of(customer).evaluate(draft.external_id) == ()

    async def test_a_document_that_is_gone_is_not_put_into_a_draft(self, customer: Customer) -> None:
        kit, draft = kit_of(customer), await a_draft(customer)
        late = await registrar_of(customer).upload(replace(kit.bill, content=b"%PDF late"), "bill-2")
        let_pass(customer, HALF_AN_HOUR)
        with pytest.raises(ItemsGone) as gone:
            await put_items(customer, draft, *draft.items[:2], late)
        assert gone.value.ids == (late,)
        assert await looked_at(customer, draft) == draft

    # Values.

    async def test_the_texts_of_the_end_user_go_with_the_group_and_an_address_is_an_item(
        self, customer: Customer
    ) -> None:
        draft = await a_draft(customer)
        group = self.bare(customer, f"requirement_groups/{draft.external_id}")
        texts = [row["field_value"] for row in group["regulatory_requirements"] if row["field_type"] == "textual"]
        assert texts == ["Planted GmbH", "HRB-47110815", "HRB-47110815"]
        assert [item.partition(":")[0] for item in draft.items] == ["address", "document", "document"]

    async def test_an_end_user_without_an_address_is_texts_alone(self, customer: Customer) -> None:
        party = replace(kit_of(customer).party, address={})
        assert await registrar_of(customer).create_party(party, "party") == NO_ADDRESS
        assert customer.calls("end_user_create") == 0

    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("Proof of address (utility bill)", "proof_of_address_utility_bill"),
            ("VAT / Tax-ID", "vat_tax_id"),
            ("n" * 70, "n" * 63),
        ],
    )
    def test_a_requirement_is_called_by_its_name(self, name: str, word: str) -> None:
        assert word_of(name) == word

    # Numbers.

    async def test_in_some_countries_nothing_is_sold_without_a_group(self, customer: Customer) -> None:
        purchase = await customer.purchase("it", 1, MILAN)
        with pytest.raises(RequestRejected, match="fulfilled group only"):
            await customer.carrier.buy(purchase)
        assert customer.bill() == []

    async def test_a_group_of_another_market_sells_nothing(self, customer: Customer) -> None:
        bundle = await approved(customer)
        purchase = replace(await customer.purchase("it", 1, MILAN), bundle=bundle.external_id)
        with pytest.raises(RequestRejected):
            await customer.carrier.buy(purchase)
        assert customer.bill() == []

    async def test_an_order_whose_reply_is_lost_is_bought_once_and_lives_by_its_group(self, customer: Customer) -> None:
        bundle = await approved(customer)
        purchase = replace(await customer.purchase("de", 3, BERLIN), bundle=bundle.external_id)
        customer.sandbox.set_faults({"fault": "reply_lost", "operations": ["checkout"], "how": "close"})
        with pytest.raises(Exception, match="no answer"):
            await customer.carrier.buy(purchase)
        customer.sandbox.set_faults()
        async with customer.another() as successor:
            outcomes = await successor.buy(replace(purchase, resumed=True))
        assert {outcome.state for outcome in outcomes} == {ItemState.PROVISIONED}
        assert customer.billed() == Counter(offer.number for offer in purchase.offers)

    async def test_a_number_in_service_keeps_the_group_that_it_was_bought_with(self, customer: Customer) -> None:
        first = await approved(customer)
        purchase = replace(await customer.purchase("de", 1, BERLIN), bundle=first.external_id)
        (outcome,) = await customer.carrier.buy(purchase)
        assert outcome.external_id
        with pytest.raises(RequestRejected) as refused:
            await registrar_of(customer).attach(outcome.external_id, first.external_id)
        assert refused.value.code == "10015"
        assert [held.status.value for held in await customer.listed()] == ["active"]

    async def test_a_number_that_no_order_has_brought_says_so(self, customer: Customer) -> None:
        customer.sandbox.control("POST", "numbers", {"account": customer.id, "count": 1, "area_code": "212"})
        (held,) = await customer.listed()
        with pytest.raises(RequestRejected) as refused:
            await registrar_of(customer).attach(held.external_id, "1")
        assert refused.value.code == NOT_ORDERED

    def bare(self, customer: Customer, path: str) -> dict[str, list[dict[str, str]]]:
        url, key = f"{customer.settings.endpoint}/v2/{path}", {"Authorization": f"Bearer {customer.token}"}
        found: dict[str, list[dict[str, str]]] = httpx.get(url, headers=key, timeout=60, trust_env=False).json()
        return found


# Answers that the sandbox never gives.

VALUE = {"requirement_id": "r1", "field_type": "document", "field_value": "d1", "status": "approved"}
GROUP = {
    "id": "g1",
    "status": "unapproved",
    "customer_reference": "bundle",
    "country_code": "DE",
    "phone_number_type": "local",
    "regulatory_requirements": [VALUE],
}
RULES = {"data": [{"regulatory_requirements": [{"id": "r1", "name": "Proof", "field_type": "document"}]}]}


def said(*answers: object) -> TelnyxRegistrar:
    script = Script(*(httpx.Response(200, json=answer) for answer in answers))
    return TelnyxRegistrar("shop/telnyx", client(script, read=read_refusal))


async def test_an_approval_ends_with_the_first_of_its_values() -> None:
    ends = [{**VALUE, "expires_at": f"2027-0{month}-01T00:00:00Z"} for month in (5, 3, 4)]
    found = await said({**GROUP, "status": "approved", "regulatory_requirements": ends}).filing("g1")
    assert found is not None
    assert found.expires_at is not None
    assert found.expires_at.month == 3


async def test_of_two_groups_of_one_reference_the_older_one_is_meant_and_the_list_is_bare() -> None:
    younger = {**GROUP, "id": "g2", "created_at": "2026-06-02T00:00:00Z"}
    older = {**GROUP, "id": "g3", "created_at": "2026-06-01T00:00:00Z"}
    others = {**GROUP, "id": "g0", "customer_reference": "bundle.1", "created_at": "2026-01-01T00:00:00Z"}
    found = await said([others, younger, older]).find_filing("bundle")
    assert found is not None
    assert found.external_id == "g3"


async def test_a_group_that_is_declined_without_a_value_that_is_sends_to_the_mail() -> None:
    found = await said({**GROUP, "status": "declined"}, RULES).filing("g1")
    assert found is not None
    assert (found.review, [one.paper for one in found.shortcomings]) == (Review.REJECTED, [None])
    assert "e-mail" in found.shortcomings[0].message


@pytest.mark.parametrize(
    ("document", "fault"),
    [({"av_scan_status": "infected", "status": "pending"}, "infected"), ({"status": "denied"}, "denied")],
)
async def test_a_document_that_telnyx_will_not_have_is_told_before_the_review(
    document: dict[str, str], fault: str
) -> None:
    lacks = await said(GROUP, RULES, {"data": {"id": "d1", **document}}).evaluate("g1")
    assert lacks == (Shortcoming("document:d1", fault, f"Telnyx says that the document is {fault}"),)


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"id": "r1", "name": "Proof", "field_type": "blood"}, id="another kind"),
        pytest.param({"id": "r1", "field_type": "document"}, id="no name"),
        pytest.param({"name": "Proof", "field_type": "document"}, id="no id"),
    ],
)
async def test_a_requirement_that_does_not_read_is_not_left_out(odd: dict[str, str]) -> None:
    with pytest.raises(CarrierUnavailable):
        await said({"data": [{"regulatory_requirements": [odd]}]}).regulation("DE", GEOGRAPHIC, BUSINESS)


async def test_what_a_market_asks_for_is_asked_once_an_hour() -> None:
    now, asked = [0.0], list[str]()
    registrar = said(RULES)

    async def ask(country: str, type_: object) -> object:
        asked.append(country)
        return await registrar.asked_of(country, GEOGRAPHIC)

    demands = Demands(ask, lambda: now[0])  # type: ignore[arg-type]
    for now[0] in (0.0, 3599.0, 3600.0):
        told = await demands.tell(BERLIN, Catalog((OFFERED,)))
        assert told.offers[0].needs_documents
    assert asked == ["DE", "DE"]
