"""Filing documents at Twilio: the bundle's life, what a lost reply leaves, and what its wire is held against."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import httpx
import pytest

from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown, RequestRejected
from ringfleet.carriers.registrar import Registrar
from ringfleet.carriers.twilio.account import Twilio
from ringfleet.carriers.twilio.api import open_client
from ringfleet.model import ItemState, Purchase
from ringfleet.model.compliance import Filing, Review, Subject, Waste
from ringfleet.model.failures import FailureReason
from tests.carriers.customer import Customer
from tests.carriers.test_registrar import (
    BERLIN,
    BILL,
    BUSINESS,
    CONTACT,
    GEOGRAPHIC,
    PARTY,
    PLANTS,
    REGISTER,
    REVIEW,
    YEAR,
    a_draft,
    approved,
    file_items,
    german_rules,
    let_pass,
    looked_at,
    papers_at,
    registrar_of,
)
from tests.carriers.twilio_source import Operation, declared, operations
from tests.simulator.twilio_sdk import TwilioCustomer, keys_read_by

PROVIDER = "Twilio"


async def test_what_a_market_requires_is_read_whole(customer: Customer) -> None:
    rules = await german_rules(registrar_of(customer))
    assert [(one.id, one.subject) for one in rules.requirements] == [
        ("end_user", Subject.END_USER),
        ("address", Subject.ADDRESS),
        ("registration", Subject.DOCUMENT),
        ("residence", Subject.DOCUMENT),
    ]
    assert rules.requirements[2].accepts == ("commercial_register_extract", "trade_license")
    assert rules.requirements[2].attributes == ("document_number",)
    nothing = await registrar_of(customer).regulation("US", GEOGRAPHIC, BUSINESS)
    assert nothing is not None
    assert nothing.requirements == ()


async def test_a_bundle_goes_from_draft_to_approved_and_ends(customer: Customer) -> None:
    registrar = registrar_of(customer)
    draft = await a_draft(registrar)
    assert (draft.review, draft.reference, len(draft.items)) == (Review.DRAFT, "bundle", 3)
    assert await registrar.find_filing("bundle") == draft
    assert await registrar.evaluate(draft.external_id) == ()
    await registrar.submit(draft.external_id)
    await registrar.submit(draft.external_id)
    assert (await looked_at(registrar, draft)).review is Review.SUBMITTED
    let_pass(customer, REVIEW / 2)
    assert (await looked_at(registrar, draft)).review is Review.IN_REVIEW
    let_pass(customer, REVIEW / 2)
    done = await looked_at(registrar, draft)
    assert (done.review, done.items) == (Review.APPROVED, draft.items)
    assert done.expires_at is not None
    let_pass(customer, YEAR)
    assert await looked_at(registrar, draft) == replace(done, review=Review.EXPIRED)


@pytest.mark.parametrize("fault", ["reset_after_commit", "server_error_after_commit"])
async def test_a_creation_whose_reply_is_lost_is_found_and_never_made_twice(customer: Customer, fault: str) -> None:
    """Twilio itself would make a second one under the same name."""
    registrar = registrar_of(customer)
    operations = ["document_create", "end_user_create", "bundle_create"]
    customer.sandbox.set_faults({"fault": fault, "operations": operations})
    for _ in range(2):
        for lost in (registrar.create_party(PARTY, "party"), registrar.upload(REGISTER, "register")):
            if await registrar.find_item("party") and await registrar.find_item("register"):
                lost.close()
                continue
            with pytest.raises(OutcomeUnknown):
                await lost
    items = tuple(filter(None, [await registrar.find_item("party"), await registrar.find_item("register")]))
    with pytest.raises(OutcomeUnknown):
        await registrar.open_filing(await german_rules(registrar), items, "bundle", CONTACT)
    found = await registrar.find_filing("bundle")
    assert found is not None
    with pytest.raises(CarrierUnavailable):  # of the document that shows the address: it may simply be repeated
        await registrar.put_items(found.external_id, items)
    customer.sandbox.set_faults()
    await registrar.put_items(found.external_id, items)
    assert (await looked_at(registrar, found)).items == items
    assert await registrar.create_party(PARTY, "party") == items[0]
    assert await registrar.upload(REGISTER, "register") == items[1]
    again = await registrar.open_filing(await german_rules(registrar), items, "bundle", CONTACT)
    assert again.external_id == found.external_id
    assert sorted(paper["reference"] for paper in papers_at(customer)) == ["party", "register"]
    assert [customer.calls(operation) for operation in ("end_user_create", "bundle_create")] == [1, 1]


async def test_what_a_draft_lacks_is_said_and_can_be_put_in(customer: Customer) -> None:
    registrar = registrar_of(customer)
    draft = await a_draft(registrar, BILL)
    (lack,) = await registrar.evaluate(draft.external_id)
    assert (lack.paper, lack.reason) == (None, "22216")
    assert "Proof that the business is registered" in lack.message
    with pytest.raises(RequestRejected):
        await registrar.submit(draft.external_id)
    register = await registrar.upload(REGISTER, "register")
    await registrar.put_items(draft.external_id, (*draft.items, register))
    assert await registrar.evaluate(draft.external_id) == ()


async def test_a_rejection_names_the_document_and_the_reason_and_can_be_corrected(customer: Customer) -> None:
    registrar = registrar_of(customer)
    customer.sandbox.set_faults({"fault": "review_rejected", "reason": "illegible", "document": "utility_bill"})
    draft = await a_draft(registrar)
    await registrar.submit(draft.external_id)
    let_pass(customer, REVIEW)
    rejected = await looked_at(registrar, draft)
    assert rejected.review is Review.REJECTED
    assert [(one.paper, one.message) for one in rejected.shortcomings] == [
        (draft.items[2], "the reviewer did not accept the utility_bill: illegible")
    ]
    customer.sandbox.set_faults()
    better = (*draft.items[:2], await registrar.upload(replace(BILL, content=b"%PDF legible"), "bill-2"))
    await registrar.put_items(draft.external_id, better)
    changed = await looked_at(registrar, draft)
    assert (changed.review, changed.items, changed.shortcomings) == (Review.DRAFT, better, ())
    await registrar.submit(draft.external_id)
    let_pass(customer, REVIEW)
    assert (await looked_at(registrar, draft)).review is Review.APPROVED


async def test_a_number_is_sold_with_an_approved_bundle_and_not_without(customer: Customer) -> None:
    purchase = await customer.purchase("without", 1, BERLIN)
    (refused,) = await customer.carrier.buy(purchase)
    assert (refused.state, refused.reason) == (ItemState.FAILED, FailureReason.CARRIER_REFUSED)
    assert customer.bill() == []
    bundle = await approved(customer)
    (sold,) = await customer.carrier.buy(replace(purchase, key="with", bundle=bundle.external_id))
    assert sold.state is ItemState.PROVISIONED
    assert [held.bundle for held in await customer.listed()] == [bundle.external_id]


async def renewed(customer: Customer, old: Filing) -> Filing:
    """A successor of an approved bundle, approved."""
    registrar = registrar_of(customer)
    items = (*old.items[:2], await registrar.upload(replace(BILL, content=b"%PDF of this year"), "bill-2"))
    opened = await registrar.open_filing(await german_rules(registrar), items, "bundle.1", CONTACT, old.external_id)
    assert (await looked_at(registrar, opened)).items == items
    await registrar.submit(opened.external_id)
    let_pass(customer, REVIEW)
    return await looked_at(registrar, opened)


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
    assert await looked_at(registrar, old) == taken
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
    assert (await looked_at(registrar, old)).review is Review.EXPIRED
    assert (await looked_at(registrar, new)).review is Review.APPROVED


async def test_a_provisional_approval_is_none_yet(customer: Customer) -> None:
    registrar, draft = registrar_of(customer), await a_draft(registrar_of(customer))
    await registrar.submit(draft.external_id)
    decision = {"account": customer.id, "reference": "bundle", "provisional": True}
    customer.sandbox.control("POST", "bundles/decide", decision)
    assert (await looked_at(registrar, draft)).review is Review.PROVISIONAL
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
    kept = await registrar.open_filing(rules, (party, used), "home.u1.Geographic.new.0", CONTACT)
    left = await registrar.open_filing(rules, (party,), "home.u1.Geographic.old.0", CONTACT)
    others = [
        await registrar.open_filing(rules, (), "home.u1.Mobile.old.0", CONTACT),
        await registrar.open_filing(rules, (), "home.u2.Geographic.old.0", CONTACT),
    ]
    names = ("home.u1.old", "home.u1.wanted", "home.u2.old", "by hand")
    for name in names:
        await registrar.upload(replace(BILL, content=name.encode()), name)
    await registrar.create_party(replace(PARTY, address={}), "home.u1.old-party")
    keep = frozenset((kept.external_id, "home.u1.wanted"))
    for _ in range(2):
        await registrar.tidy(Waste("home.u1.Geographic.", "home.u1.", keep))
    assert await registrar.filing(left.external_id) is None
    assert (await looked_at(registrar, kept)).items == (party, used)
    assert [(await looked_at(registrar, one)).review for one in others] == [Review.DRAFT] * 2
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


async def test_a_bundle_that_is_not_there_is_none(customer: Customer) -> None:
    registrar = registrar_of(customer)
    assert await registrar.filing("BU" + "0" * 31 + "f") is None
    assert await registrar.find_filing("another") is None


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
    draft = await a_draft(registrar)
    await registrar.find_item("nothing")
    await registrar.put_items(draft.external_id, draft.items[:2])
    await registrar.put_items(draft.external_id, draft.items)
    await registrar.evaluate(draft.external_id)
    await registrar.submit(draft.external_id)
    await registrar.filing(draft.external_id)
    let_pass(customer, REVIEW)
    new = await renewed(customer, await looked_at(registrar, draft))
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
    registrar = registrar_of(customer)
    draft = await a_draft(registrar)
    sdk = TwilioCustomer.of(customer.sandbox, customer.id, customer.token)
    at = sdk.client.numbers.v2.regulatory_compliance
    bundle = at.bundles(draft.external_id)
    assert (bundle.fetch().friendly_name, bundle.fetch().status) == ("bundle", "draft")
    assert {one.object_sid for one in bundle.item_assignments.list()} > set(draft.items)
    assert bundle.evaluations.create().status == "compliant"
    assert [one.friendly_name for one in at.end_users.list()] == ["party"]
    bundle.update(status="pending-review")
    assert (await looked_at(registrar, draft)).review is Review.SUBMITTED
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


async def test_nothing_of_what_is_filed_is_logged_on_its_way(
    customer: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await file_items(registrar_of(customer))
    assert "/SupportingDocuments" in caplog.text
    assert [plant for plant in PLANTS if plant[:6] in caplog.text] == []
