"""Filing documents at Twilio: the bundle's life, what a lost reply leaves, and what its wire is held against."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import httpx
import pytest

from ringfleet.carriers.errors import RequestRejected
from ringfleet.carriers.registrar import Registrar
from ringfleet.carriers.twilio.account import Twilio
from ringfleet.carriers.twilio.api import open_client
from ringfleet.model import ItemState, Purchase
from ringfleet.model.compliance import Filing, Review, Subject, Waste
from ringfleet.model.failures import FailureReason
from tests.carriers.customer import Customer
from tests.carriers.filing import (
    BERLIN,
    BILL,
    CONTACT,
    PARTY,
    REGISTER,
    REVIEW,
    YEAR,
    a_draft,
    approved,
    german_rules,
    let_pass,
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


async def renewed(customer: Customer, old: Filing) -> Filing:
    """A successor of an approved bundle, approved."""
    registrar = registrar_of(customer)
    items = (*old.items[:2], await registrar.upload(replace(BILL, content=b"%PDF of this year"), "bill-2"))
    opened = await registrar.open_filing(
        await german_rules(registrar), items, "bundle.1", CONTACT, PARTY, old.external_id
    )
    assert (await looked_at(customer, opened)).items == items
    await registrar.submit(opened.external_id)
    let_pass(customer, REVIEW)
    return await looked_at(customer, opened)


async def test_a_successor_is_a_copy_whose_items_the_approved_bundle_takes_over(customer: Customer) -> None:
    """A number keeps the bundle that it carries."""
    registrar, old = registrar_of(customer), await approved(customer)
    purchase = await customer.purchase("with", 1, BERLIN)
    await customer.carrier.buy(replace(purchase, bundle=old.external_id))
    let_pass(customer, YEAR - 10 * REVIEW)
    new = await renewed(customer, old)
    for _ in range(2):
        taken = await registrar.take_over(old.external_id, new.external_id, "bundle")
        assert taken == replace(new, external_id=old.external_id, reference="bundle")
    assert await looked_at(customer, old) == taken
    assert [held.bundle for held in await customer.listed()] == [old.external_id]
    await registrar.tidy(Waste("bundle", "b", frozenset(), (new.external_id,)))
    assert await registrar.filing(new.external_id) is None
    assert await registrar.find_filing("bundle") == taken


async def test_a_bundle_that_has_run_out_takes_nothing_over_and_its_successor_begins_empty(customer: Customer) -> None:
    registrar, old = registrar_of(customer), await approved(customer)
    let_pass(customer, YEAR)
    new = await renewed(customer, old)
    with pytest.raises(RequestRejected):
        await registrar.take_over(old.external_id, new.external_id, "bundle")
    assert (await looked_at(customer, old)).review is Review.EXPIRED
    assert (await looked_at(customer, new)).review is Review.APPROVED


async def test_a_provisional_approval_is_none_yet(customer: Customer) -> None:
    registrar, draft = registrar_of(customer), await a_draft(customer)
    await registrar.submit(draft.external_id)
    decision = {"account": customer.id, "reference": "bundle", "provisional": True}
    customer.sandbox.control("POST", "bundles/decide", decision)
    assert (await looked_at(customer, draft)).review is Review.PROVISIONAL
    purchase = replace(await customer.purchase("early", 1, BERLIN), bundle=draft.external_id)
    (refused,) = await customer.carrier.buy(purchase)
    assert (refused.state, refused.reason) == (ItemState.FAILED, FailureReason.CARRIER_REFUSED)


async def test_a_number_is_bought_with_the_address_that_its_bundle_shows(customer: Customer) -> None:
    bundle = await approved(customer)
    purchase = await customer.purchase("with", 1, BERLIN)
    assert [offer.needs_documents for offer in purchase.offers] == [True]
    (refused,) = await customer.carrier.buy(without_need(replace(purchase, key="bare", bundle=bundle.external_id)))
    assert "21631" in (refused.message or "") or "Requires an Address" in (refused.message or "")
    (sold,) = await customer.carrier.buy(replace(purchase, bundle=bundle.external_id))
    assert sold.state is ItemState.PROVISIONED
    sdk = TwilioCustomer.of(customer.sandbox, customer.id, customer.token)
    (held,), (address,) = sdk.me.incoming_phone_numbers.list(), sdk.me.addresses.list()
    assert (held.bundle_sid, held.address_sid) == (bundle.external_id, address.sid)
    sdk.close()


def without_need(purchase: Purchase) -> Purchase:
    """The same, of offers that say nothing of an address."""
    return replace(purchase, offers=tuple(replace(offer, needs_documents=False) for offer in purchase.offers))


async def test_what_nobody_needs_is_thrown_away_and_nothing_that_is_in_a_bundle_or_anothers(customer: Customer) -> None:
    registrar = registrar_of(customer)
    rules = await german_rules(registrar)
    party = await registrar.create_party(PARTY, "home.u1.p0")
    used = await registrar.upload(REGISTER, "home.u1.r0")
    kept = await registrar.open_filing(rules, (party, used), "home.u1.Geographic.new.0", CONTACT, PARTY)
    left = await registrar.open_filing(rules, (party,), "home.u1.Geographic.old.0", CONTACT, PARTY)
    others = [
        await registrar.open_filing(rules, (), "home.u1.Mobile.old.0", CONTACT, PARTY),
        await registrar.open_filing(rules, (), "home.u2.Geographic.old.0", CONTACT, PARTY),
    ]
    names = ("home.u1.old", "home.u1.wanted", "home.u2.old", "by hand")
    for name in names:
        await registrar.upload(replace(BILL, content=name.encode()), name)
    await registrar.create_party(replace(PARTY, address={}), "home.u1.old-party")
    keep = frozenset((kept.external_id, "home.u1.wanted"))
    for _ in range(2):
        await registrar.tidy(Waste("home.u1.Geographic.", "home.u1.", keep))
    assert await registrar.filing(left.external_id) is None
    assert (await looked_at(customer, kept)).items == (party, used)
    assert [(await looked_at(customer, one)).review for one in others] == [Review.DRAFT] * 2
    assert [name for name in names if await registrar.find_item(name)] == list(names[1:])
    assert await registrar.find_item("home.u1.old-party") is None
    assert customer.calls("item_delete") == 2  # what is in a bundle is not even tried


async def test_of_two_things_with_one_name_every_operator_takes_the_older_one(customer: Customer) -> None:
    """Twilio makes both when two operators ask at one instant."""
    sdk = TwilioCustomer.of(customer.sandbox, customer.id, customer.token)
    at, rules = sdk.client.numbers.v2.regulatory_compliance, await german_rules(registrar_of(customer))
    bundles = [at.bundles.create("bundle", CONTACT, regulation_sid=rules.id).sid for _ in range(2)]
    users = [at.end_users.create("party", "business").sid for _ in range(2)]
    found = await registrar_of(customer).find_filing("bundle")
    assert found is not None
    assert found.external_id == bundles[0]
    assert await registrar_of(customer).find_item("party") == users[0]
    sdk.close()


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


async def whole_life(customer: Customer, registrar: Registrar) -> None:
    items = [await registrar.create_party(PARTY, "party")]
    items += [await registrar.upload(paper, paper.name) for paper in (REGISTER, BILL)]
    draft = await registrar.open_filing(await german_rules(registrar), tuple(items), "bundle", CONTACT, PARTY)
    await registrar.find_item("nothing")
    await registrar.put_items(draft.external_id, draft.items[:2], PARTY)
    await registrar.put_items(draft.external_id, draft.items, PARTY)
    await registrar.evaluate(draft.external_id)
    await registrar.submit(draft.external_id)
    await registrar.filing(draft.external_id)
    let_pass(customer, REVIEW)
    new = await renewed(customer, await looked_at(customer, draft))
    await registrar.take_over(draft.external_id, new.external_id, "bundle")
    await registrar.tidy(Waste("bundle", "bill", frozenset(), (new.external_id,)))


async def test_everything_that_is_filed_is_declared_by_twilios_own_library(customer: Customer) -> None:
    """All but the part with the bytes, and its host, which the library does not know."""
    wire = Listening()
    async with Twilio(customer.settings, client=open_client(customer.settings, wire)) as carrier:
        assert carrier.registrar
        await whole_life(customer, carrier.registrar)
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
    old = await approved(customer)
    new = await renewed(customer, old)
    sdk = TwilioCustomer.of(customer.sandbox, customer.id, customer.token)
    at = sdk.client.numbers.v2.regulatory_compliance
    bundle = at.bundles(old.external_id)
    founds = (
        at.regulations.list()[0],
        at.end_users.list()[0],
        at.supporting_documents.list()[0],
        sdk.me.addresses.list()[0],
        bundle.item_assignments.list()[0],
        bundle.fetch(),
        bundle.evaluations.create(),
        bundle.bundle_copies.create(friendly_name="copy"),
        bundle.replace_items.create(from_bundle_sid=new.external_id),
    )
    for found, seen in zip(founds, sdk.wire.seen, strict=True):
        answer = seen.answer
        key = answer["meta"]["key"] if "meta" in answer else "addresses"
        row = answer[key][0] if key in answer else answer
        assert set(row) <= keys_read_by(type(found)), type(found)
    sdk.close()
