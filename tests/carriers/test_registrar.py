"""Filing documents at a carrier, against the sandbox's face of it, and on a wire that fails."""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from ringfleet.carriers.didhub.registrar import DIDHubRegistrar
from ringfleet.carriers.errors import (
    CarrierError,
    CarrierUnavailable,
    CredentialsRejected,
    OutcomeUnknown,
    RequestRejected,
    Throttled,
)
from ringfleet.carriers.http import TRIES, Call
from ringfleet.carriers.registrar import Registrar
from ringfleet.model import ItemState, NumberType, Query
from ringfleet.model.compliance import (
    EndUserType,
    Filing,
    Paper,
    Party,
    Regulation,
    Requirement,
    Review,
    Shortcoming,
    Subject,
)
from tests.carriers.customer import Customer
from tests.carriers.scripts import Script, client, error

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


STREET = ("street", "city", "postal_code", "country")
SCANS = ("application/pdf", "image/jpeg", "image/png")
GERMAN_RULES = Regulation(
    *("req_de_geographic_business", "DE", GEOGRAPHIC, BUSINESS),
    (
        Requirement("end_user", Subject.END_USER, "Who uses the numbers", (), ("business_name", "registration_number")),
        Requirement("address", Subject.ADDRESS, "An address in DE", (), STREET),
        Requirement(
            *("registration", Subject.DOCUMENT, "Proof that the business is registered"),
            *(("commercial_register_extract", "trade_license"), ("document_number",), ("application/pdf",), 5 << 20),
        ),
        Requirement(
            *("residence", Subject.DOCUMENT, "Proof of the address, not older than three months"),
            *(("utility_bill", "rental_contract"), ("issued_on",), SCANS, 5 << 20),
        ),
    ),
    REVIEW,
)

Ask = Callable[[Registrar], Awaitable[object]]
CREATIONS: dict[str, Ask] = {
    "create_party": lambda registrar: registrar.create_party(PARTY, "party"),
    "upload": lambda registrar: registrar.upload(REGISTER, "register"),
    "open_filing": lambda registrar: registrar.open_filing(GERMAN_RULES, ("eu_1",), "bundle", CONTACT),
}
REPEATABLE: dict[str, Ask] = {
    "regulation": lambda registrar: registrar.regulation("DE", GEOGRAPHIC, BUSINESS),
    "find_item": lambda registrar: registrar.find_item("register"),
    "find_filing": lambda registrar: registrar.find_filing("bundle"),
    "filing": lambda registrar: registrar.filing("bun_1"),
    "put_items": lambda registrar: registrar.put_items("bun_1", ("eu_1",)),
    "evaluate": lambda registrar: registrar.evaluate("bun_1"),
    "submit": lambda registrar: registrar.submit("bun_1"),
    "attach": lambda registrar: registrar.attach("num_1", "bun_1"),
}


def registrar_of(customer: Customer) -> Registrar:
    registrar = customer.carrier.registrar
    assert registrar
    return registrar


async def german_rules(registrar: Registrar) -> Regulation:
    found = await registrar.regulation("DE", GEOGRAPHIC, BUSINESS)
    assert found
    return found


async def file_items(registrar: Registrar, *papers: Paper) -> tuple[str, ...]:
    party = await registrar.create_party(PARTY, "party")
    return (party, *[await registrar.upload(paper, paper.name) for paper in papers or (REGISTER, BILL)])


async def a_draft(registrar: Registrar, *papers: Paper) -> Filing:
    items = await file_items(registrar, *papers)
    return await registrar.open_filing(await german_rules(registrar), items, "bundle", CONTACT)


async def approved(customer: Customer) -> Filing:
    registrar = registrar_of(customer)
    draft = await a_draft(registrar)
    await registrar.submit(draft.external_id)
    let_pass(customer, REVIEW)
    return await looked_at(registrar, draft)


async def looked_at(registrar: Registrar, filing: Filing) -> Filing:
    found = await registrar.filing(filing.external_id)
    assert found
    return found


def let_pass(customer: Customer, time: timedelta) -> None:
    customer.sandbox.control("POST", "clock", {"advance_seconds": time.total_seconds()})


def now_at(customer: Customer) -> datetime:
    return datetime.fromisoformat(customer.sandbox.control("GET", "clock")["now"])


def papers_at(customer: Customer) -> list[dict[str, Any]]:
    filed = customer.sandbox.control("GET", "papers")
    return [paper for paper in filed if paper["account"] == customer.id]


async def test_what_a_market_requires_is_read_whole(customer: Customer) -> None:
    assert await german_rules(registrar_of(customer)) == GERMAN_RULES


@pytest.mark.parametrize("hours", [pytest.param({}, id="absent"), pytest.param({"review_hours": None}, id="null")])
async def test_a_carrier_that_does_not_say_how_long_it_reviews_is_not_taken_at_no_time(hours: dict[str, None]) -> None:
    reply = {"id": "req_1", "requirements": [], **hours}
    registrar = DIDHubRegistrar(client(Script(httpx.Response(200, json=reply))))
    assert await registrar.regulation("DE", GEOGRAPHIC, BUSINESS) == Regulation("req_1", "DE", GEOGRAPHIC, BUSINESS)


@pytest.mark.parametrize(
    "requirement",
    [
        pytest.param({"id": "", "subject": "document", "description": "Proof"}, id="id"),
        pytest.param({"id": "proof", "subject": "blood", "description": "Proof"}, id="subject"),
        pytest.param({"id": "proof", "subject": "document"}, id="description"),
        pytest.param(
            {"id": "proof", "subject": "document", "description": "Proof", "accepts": "passport"}, id="accepts"
        ),
        pytest.param(
            {"id": "proof", "subject": "document", "description": "Proof", "attributes": [1]}, id="attributes"
        ),
        pytest.param(
            {"id": "proof", "subject": "document", "description": "Proof", "media_types": {}, "max_bytes": -1},
            id="max_bytes",
        ),
    ],
)
async def test_a_requirement_that_does_not_read_is_not_left_out(requirement: dict[str, object]) -> None:
    reply = {"id": "req_1", "requirements": [requirement]}
    registrar = DIDHubRegistrar(client(Script(httpx.Response(200, json=reply))))
    with pytest.raises(CarrierUnavailable):
        await registrar.regulation("DE", GEOGRAPHIC, BUSINESS)


async def test_a_refusal_to_say_what_is_required_is_not_taken_for_a_market_that_is_not_sold() -> None:
    registrar = DIDHubRegistrar(client(Script(httpx.Response(400, json=error("invalid_request")))))
    with pytest.raises(RequestRejected):
        await registrar.regulation("DE", GEOGRAPHIC, BUSINESS)


async def test_a_market_that_asks_for_nothing_is_not_one_that_is_not_sold(customer: Customer) -> None:
    nothing = await registrar_of(customer).regulation("US", GEOGRAPHIC, BUSINESS)
    assert nothing is not None
    assert nothing.requirements == ()
    assert await registrar_of(customer).regulation("FR", NumberType.TOLL_FREE, BUSINESS) is None


async def test_what_is_created_is_found_by_its_reference_and_created_once(customer: Customer) -> None:
    registrar = registrar_of(customer)
    assert await registrar.find_item("register") is None
    first = await registrar.upload(REGISTER, "register")
    assert await registrar.find_item("register") == first
    assert await registrar.upload(REGISTER, "register") == first
    assert await registrar.create_party(PARTY, "party") == await registrar.create_party(PARTY, "party")
    assert [paper["reference"] for paper in papers_at(customer)] == ["register", "party"]


@pytest.mark.parametrize("fault", ["reset_after_commit", "server_error_after_commit"])
async def test_a_creation_whose_reply_is_lost_is_found_and_was_sent_once(customer: Customer, fault: str) -> None:
    registrar = registrar_of(customer)
    operations = ["document_create", "end_user_create", "bundle_create"]
    customer.sandbox.set_faults({"fault": fault, "operations": operations})
    with pytest.raises(OutcomeUnknown):
        await registrar.create_party(PARTY, "party")
    with pytest.raises(OutcomeUnknown):
        await registrar.upload(REGISTER, "register")
    items = tuple(filter(None, [await registrar.find_item("party"), await registrar.find_item("register")]))
    with pytest.raises(OutcomeUnknown):
        await registrar.open_filing(await german_rules(registrar), items, "bundle", CONTACT)
    found = await registrar.find_filing("bundle")
    assert found is not None
    assert (found.review, found.items) == (Review.DRAFT, items)
    assert [customer.calls(operation) for operation in operations] == [1, 1, 1]


async def test_a_bundle_goes_from_draft_to_approved(customer: Customer) -> None:
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
    assert (await looked_at(registrar, draft)).review is Review.APPROVED


async def test_an_approval_ends_a_year_after_it_was_given_by_the_carriers_clock(customer: Customer) -> None:
    registrar = registrar_of(customer)
    draft = await a_draft(registrar)
    before = now_at(customer)
    await registrar.submit(draft.external_id)
    after = now_at(customer)
    let_pass(customer, REVIEW)
    end = await looked_at(registrar, draft)
    assert end.expires_at
    assert before <= end.expires_at - YEAR - REVIEW <= after
    assert end == replace(draft, review=Review.APPROVED, expires_at=end.expires_at)
    let_pass(customer, YEAR)
    assert await looked_at(registrar, draft) == replace(end, review=Review.EXPIRED)


async def test_a_bundle_is_opened_once_under_its_reference(customer: Customer) -> None:
    registrar = registrar_of(customer)
    draft = await a_draft(registrar)
    assert await registrar.open_filing(GERMAN_RULES, draft.items, "bundle", CONTACT) == draft
    opened = [bundle for bundle in customer.sandbox.control("GET", "bundles") if bundle["account"] == customer.id]
    assert [bundle["reference"] for bundle in opened] == ["bundle"]


async def test_a_bundle_that_is_not_there_is_none(customer: Customer) -> None:
    registrar = registrar_of(customer)
    last = await a_draft(registrar)
    number = int(last.external_id.removeprefix("bun_")) + 1
    gone = f"bun_{number:0{len(last.external_id) - len('bun_')}}"
    assert await registrar.filing(gone) is None
    assert await registrar.find_filing("another") is None


async def test_what_a_draft_lacks_is_said_and_can_be_put_in(customer: Customer) -> None:
    registrar = registrar_of(customer)
    draft = await a_draft(registrar, BILL)
    words = "registration: Proof that the business is registered (commercial_register_extract or trade_license)"
    assert await registrar.evaluate(draft.external_id) == (Shortcoming(None, "document_missing", words),)
    with pytest.raises(RequestRejected):
        await registrar.submit(draft.external_id)
    register = await registrar.upload(REGISTER, "register")
    await registrar.put_items(draft.external_id, (*draft.items, register))
    assert await registrar.evaluate(draft.external_id) == ()


async def test_what_a_draft_says_too_little_of_is_named_by_its_id(customer: Customer) -> None:
    registrar = registrar_of(customer)
    draft = await a_draft(registrar, REGISTER, replace(BILL, attributes={}))
    lack = Shortcoming(draft.items[2], "attribute_missing", "residence: issued_on is missing")
    assert await registrar.evaluate(draft.external_id) == (lack,)


async def test_a_rejection_names_the_item_and_the_reason_and_can_be_corrected(customer: Customer) -> None:
    registrar = registrar_of(customer)
    customer.sandbox.set_faults({"fault": "review_rejected", "reason": "illegible", "document": "utility_bill"})
    draft = await a_draft(registrar)
    await registrar.submit(draft.external_id)
    let_pass(customer, REVIEW)
    reason = Shortcoming(draft.items[2], "illegible", "the reviewer did not accept the utility_bill: illegible")
    rejected = replace(draft, review=Review.REJECTED, shortcomings=(reason,))
    assert await looked_at(registrar, draft) == rejected
    customer.sandbox.set_faults()
    better = (*draft.items[:2], await registrar.upload(replace(BILL, content=b"%PDF legible"), "bill-2"))
    await registrar.put_items(draft.external_id, better)
    assert await looked_at(registrar, draft) == replace(draft, items=better)
    await registrar.submit(draft.external_id)
    let_pass(customer, REVIEW)
    assert (await looked_at(registrar, draft)).review is Review.APPROVED


async def test_a_number_that_is_bought_with_an_approved_bundle_lives_at_once(customer: Customer) -> None:
    bundle = await approved(customer)
    purchase = replace(await customer.purchase("with", 2, BERLIN), bundle=bundle.external_id)
    outcomes = await customer.carrier.buy(purchase)
    assert {outcome.state for outcome in outcomes} == {ItemState.PROVISIONED}


async def test_a_number_that_waits_lives_when_it_is_given_the_bundle(customer: Customer) -> None:
    (outcome,) = await customer.carrier.buy(await customer.purchase("without", 1, BERLIN))
    assert outcome.state is ItemState.PENDING_DOCUMENTS
    assert outcome.external_id
    bundle = await approved(customer)
    await registrar_of(customer).attach(outcome.external_id, bundle.external_id)
    await registrar_of(customer).attach(outcome.external_id, bundle.external_id)
    (held,) = await customer.listed()
    assert (held.status.value, held.bundle) == ("active", bundle.external_id)


async def test_a_refused_attachment_tells_the_carriers_code_and_nothing_that_it_says(customer: Customer) -> None:
    (outcome,) = await customer.carrier.buy(await customer.purchase("without", 1, BERLIN))
    assert outcome.external_id
    bundle = await approved(customer)
    customer.sandbox.set_faults({"fault": "attach_refused"})
    with pytest.raises(RequestRejected) as refused:
        await registrar_of(customer).attach(outcome.external_id, bundle.external_id)
    assert refused.value.code == "bundle_state"
    assert "can't be used" not in str(refused.value)
    (held,) = await customer.listed()
    assert (held.status.value, held.bundle) == ("pending_documents", None)


@pytest.mark.parametrize("create", CREATIONS.values(), ids=CREATIONS)
@pytest.mark.parametrize(
    ("line", "raised"),
    [
        (500, OutcomeUnknown),
        (503, OutcomeUnknown),
        (408, OutcomeUnknown),
        (httpx.Response(201, json={"no": "id"}), OutcomeUnknown),
        (httpx.Response(201, json=["doc_1"]), OutcomeUnknown),
        (httpx.Response(201, content=b""), OutcomeUnknown),
        (httpx.Response(201, content=b"<html>"), OutcomeUnknown),
        (httpx.ReadTimeout("late"), OutcomeUnknown),
        (httpx.RemoteProtocolError("cut"), OutcomeUnknown),
        (httpx.ConnectError("down"), CarrierUnavailable),
        (429, Throttled),
        (401, CredentialsRejected),
        (422, RequestRejected),
    ],
    ids=str,
)
async def test_a_creation_is_sent_once_whatever_is_answered(create: Ask, line: Any, raised: type[CarrierError]) -> None:
    script = Script(line)
    with pytest.raises(raised):
        await create(DIDHubRegistrar(client(script)))
    assert len(script.requests) == 1


@pytest.mark.parametrize("ask", REPEATABLE.values(), ids=REPEATABLE)
async def test_what_may_be_repeated_is_tried_again_and_never_of_unknown_outcome(ask: Ask) -> None:
    script = Script(500)
    with pytest.raises(CarrierUnavailable):
        await ask(DIDHubRegistrar(client(script)))
    assert len(script.requests) == TRIES


async def test_what_only_looks_is_tried_again() -> None:
    script = Script(500, httpx.Response(200, json={"items": [{"id": "doc_1", "reference": "register"}]}))
    assert await DIDHubRegistrar(client(script)).find_item("register") == "doc_1"
    assert len(script.requests) == 2


_LOOKALIKE = {"id": "bun_1", "reference": "bundle-2", "status": "draft", "items": [], "reasons": []}


async def test_a_reference_of_another_kind_that_only_begins_alike_is_not_ours() -> None:
    reply = {"items": [{"id": "doc_1", "reference": "register-2"}], "bundles": [_LOOKALIKE]}
    registrar = DIDHubRegistrar(client(Script(httpx.Response(200, json=reply))))
    assert await registrar.find_item("register") is None
    assert await registrar.find_filing("bundle") is None


async def test_a_taken_reference_that_is_not_found_is_an_error_and_not_a_second_try() -> None:
    script = Script(httpx.Response(409, json=error("reference_taken")), httpx.Response(200, json={"items": []}))
    with pytest.raises(RequestRejected):
        await DIDHubRegistrar(client(script)).upload(REGISTER, "register")
    assert [request.method for request in script.requests] == ["POST", "GET"]


# Secrecy

PLANTS = (
    *PARTY.attributes.values(),
    *(value for name, value in PARTY.address.items() if name in ("street", "postal_code")),
    *(REGISTER.attributes["document_number"], REGISTER.content.decode(), CONTACT),
    base64.b64encode(REGISTER.content).decode(),
)
ECHO = f"not accepted: {'; '.join(PLANTS)}"
ECHOES = {
    "in the sentence": httpx.Response(422, json=error("invalid_request", ECHO)),
    "cut short": httpx.Response(422, json=error("invalid_request", f"{'x' * 155} {ECHO}")),
    "in the code": httpx.Response(422, json=error(ECHO, ECHO)),
    "as taken": httpx.Response(409, json=error("not_taken", ECHO)),
    "with 401": httpx.Response(401, json=error("unauthorized", ECHO)),
    "with 429": httpx.Response(429, json=error("slow_down", ECHO)),
    "with 500": httpx.Response(500, json=error("broken", ECHO)),
    "not as JSON": httpx.Response(200, content=ECHO.encode()),
    "as a text": httpx.Response(200, json=ECHO),
    "as every field": httpx.Response(
        200, json={name: {"was": ECHO} for name in ("id", "items", "bundles", "missing", "requirements")}
    ),
    "as a word": httpx.Response(200, json={"id": "bun_1", "reference": "bundle", "status": ECHO, "items": [ECHO]}),
}


@pytest.mark.parametrize("reply", ECHOES.values(), ids=ECHOES)
@pytest.mark.parametrize("ask", (CREATIONS | REPEATABLE).values(), ids=CREATIONS | REPEATABLE)
async def test_what_a_carrier_repeats_of_what_was_filed_is_in_no_error_and_no_log(
    ask: Ask, reply: httpx.Response, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    told = ""
    try:
        await ask(DIDHubRegistrar(client(Script(reply))))
    except CarrierError as raised:
        told = "".join([*traceback.format_exception(raised), getattr(raised, "code", "")])
    else:
        assert reply.is_success
    assert planted_in(told + caplog.text + "".join(capsys.readouterr())) == []


async def test_nothing_of_what_is_filed_is_logged_on_its_way(
    customer: Customer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    await approved(customer)
    assert "/v1/compliance/documents" in caplog.text
    assert planted_in(caplog.text + "".join(capsys.readouterr())) == []


def planted_in(text: str) -> list[str]:
    """The plants in it, whole or only begun, as a cut leaves them."""
    return [plant for plant in PLANTS if plant[:6] in text]


async def test_a_plant_is_seen_even_when_it_is_cut() -> None:
    assert planted_in(f"refused: {PLANTS[0][:-1]}") == [PLANTS[0]]


@pytest.mark.parametrize("status", [401, 409, 422, 429, 500])
@pytest.mark.parametrize("code", ["Planted", "invalid_request"])
async def test_a_carrier_that_quotes_what_was_filed_is_not_quoted(status: int, code: str) -> None:
    echo = f"Planted GmbH of Planted 1 wrote {BILL.content!r} as numbers@planted.example"
    registrar = DIDHubRegistrar(client(Script(httpx.Response(status, json=error(code, echo)))))
    rules = Regulation("req", "DE", GEOGRAPHIC, BUSINESS)
    for call in (
        registrar.create_party(PARTY, "party"),
        registrar.upload(BILL, "bill"),
        registrar.open_filing(rules, ("doc_1",), "bundle", "numbers@planted.example"),
    ):
        with pytest.raises(CarrierError) as caught:
            await call
        told = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
        assert "planted" not in told.lower()
        assert status >= 500 or str(status) in str(caught.value)


def test_a_call_does_not_show_what_it_carries() -> None:
    assert "Planted" not in repr(Call("POST", "/v1/compliance/end-users", json={"name": "Planted GmbH"}))
