"""Filing documents: what every registrar does, what only DIDHub's does, and all of them on a wire that fails."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from ringfleet.carriers.didhub.registrar import DIDHubRegistrar
from ringfleet.carriers.didhub.wire import read_refusal as read_didhub
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
from ringfleet.carriers.telnyx.registrar import TelnyxRegistrar
from ringfleet.carriers.telnyx.wire import read_refusal as read_telnyx
from ringfleet.carriers.twilio.api import Api
from ringfleet.carriers.twilio.registrar import TwilioRegistrar
from ringfleet.carriers.twilio.wire import read_refusal as read_twilio
from ringfleet.model import NumberType
from ringfleet.model.compliance import Regulation, Requirement, Review, Shortcoming, Subject
from tests.carriers.customer import Customer
from tests.carriers.filing import (
    BERLIN,
    BILL,
    BUSINESS,
    CONTACT,
    GEOGRAPHIC,
    PARTY,
    PLANTS,
    REGISTER,
    REVIEW,
    a_draft,
    approved,
    german_rules,
    let_pass,
    looked_at,
    planted_in,
    registrar_of,
)
from tests.carriers.registrar_conformance import RegistrarConformance
from tests.carriers.scripts import Script, client, error, settings

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
    "open_filing": lambda registrar: registrar.open_filing(GERMAN_RULES, ("eu_1",), "bundle", CONTACT, PARTY),
}
REPEATABLE: dict[str, Ask] = {
    "regulation": lambda registrar: registrar.regulation("DE", GEOGRAPHIC, BUSINESS),
    "find_item": lambda registrar: registrar.find_item("register"),
    "find_filing": lambda registrar: registrar.find_filing("bundle"),
    "filing": lambda registrar: registrar.filing("bun_1"),
    "put_items": lambda registrar: registrar.put_items("bun_1", ("eu_1",), PARTY),
    "evaluate": lambda registrar: registrar.evaluate("bun_1"),
    "submit": lambda registrar: registrar.submit("bun_1"),
    "attach": lambda registrar: registrar.attach("num_1", "bun_1"),
}


TWILIO = {"endpoint": "http://carrier.test/{product}", "credentials": {"accountSid": f"AC{'0' * 32}", "authToken": "t"}}
REGISTRARS: dict[str, Callable[[httpx.AsyncBaseTransport], Registrar]] = {
    "DIDHub": lambda wire: DIDHubRegistrar(client(wire, read=read_didhub)),
    "Twilio": lambda wire: TwilioRegistrar(Api(settings(**TWILIO), client(wire, read=read_twilio))),
    "Telnyx": lambda wire: TelnyxRegistrar("shop/telnyx", client(wire, read=read_telnyx)),
}


class TestDIDHub(RegistrarConformance):
    provider = "DIDHub"
    absent = "bun_99999999"
    lacks = ("document_missing", "registration: Proof that the business is registered (commercial_register_extract or")
    declined = ("illegible", "the reviewer did not accept the utility_bill: illegible")
    attach_code = "bundle_state"

    async def test_what_a_market_requires_is_read_whole(self, customer: Customer) -> None:
        assert await german_rules(registrar_of(customer)) == GERMAN_RULES

    async def test_a_market_that_is_not_sold_is_none(self, customer: Customer) -> None:
        assert await registrar_of(customer).regulation("FR", NumberType.TOLL_FREE, BUSINESS) is None

    async def test_a_bundle_that_somebody_looks_at_is_in_review(self, customer: Customer) -> None:
        draft = await a_draft(customer)
        await registrar_of(customer).submit(draft.external_id)
        let_pass(customer, REVIEW / 2)
        assert (await looked_at(customer, draft)).review is Review.IN_REVIEW

    async def test_what_a_draft_says_too_little_of_is_named_by_its_id(self, customer: Customer) -> None:
        draft = await a_draft(customer, REGISTER, replace(BILL, attributes={}))
        lack = Shortcoming(draft.items[2], "attribute_missing", "residence: issued_on is missing")
        assert await registrar_of(customer).evaluate(draft.external_id) == (lack,)

    async def test_to_give_a_number_its_bundle_twice_is_once(self, customer: Customer) -> None:
        bundle = await approved(customer)
        purchase = replace(await customer.purchase("with", 1, BERLIN), bundle=bundle.external_id)
        (outcome,) = await customer.carrier.buy(purchase)
        assert outcome.external_id
        await registrar_of(customer).attach(outcome.external_id, bundle.external_id)
        await registrar_of(customer).attach(outcome.external_id, bundle.external_id)
        assert [held.bundle for held in await customer.listed()] == [bundle.external_id]


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


class Empty(Script):
    """A carrier that has nothing yet, whatever it is asked for: each creation is answered with `lines`."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            lists = {"data": [], "results": [], "addresses": []}
            return httpx.Response(200, json={**lists, "meta": {"total_results": 0, "total_pages": 0}})
        return await super().handle_async_request(request)


@pytest.mark.parametrize("open_", REGISTRARS.values(), ids=REGISTRARS)
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
async def test_a_creation_is_sent_once_whatever_is_answered(
    open_: Callable[[httpx.AsyncBaseTransport], Registrar], create: Ask, line: Any, raised: type[CarrierError]
) -> None:
    script = Empty(line)
    with pytest.raises(raised):
        await create(open_(script))
    assert len(script.requests) == 1


@pytest.mark.parametrize("open_", REGISTRARS.values(), ids=REGISTRARS)
@pytest.mark.parametrize("ask", REPEATABLE.values(), ids=REPEATABLE)
async def test_what_may_be_repeated_is_tried_again_and_never_of_unknown_outcome(
    open_: Callable[[httpx.AsyncBaseTransport], Registrar], ask: Ask
) -> None:
    script = Script(500)
    with pytest.raises(CarrierUnavailable):
        await ask(open_(script))
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

ECHO = f"not accepted: {'; '.join(PLANTS)}"


def refusal(code: str, sentence: str) -> dict[str, object]:
    """An error in the form of every carrier at once."""
    told = {"code": code, "title": sentence, "detail": sentence, "message": sentence}
    return {**error(code, sentence), "errors": [told], **told}


ROWS = ("id", "sid", "items", "bundles", "missing", "requirements", "results", "addresses", "data", "status", "meta")
ECHOES = {
    "in the sentence": httpx.Response(422, json=refusal("invalid_request", ECHO)),
    "cut short": httpx.Response(422, json=refusal("invalid_request", f"{'x' * 155} {ECHO}")),
    "in the code": httpx.Response(422, json=refusal(ECHO, ECHO)),
    "as taken": httpx.Response(409, json=refusal("not_taken", ECHO)),
    "with 401": httpx.Response(401, json=refusal("unauthorized", ECHO)),
    "with 429": httpx.Response(429, json=refusal("slow_down", ECHO)),
    "with 500": httpx.Response(500, json=refusal("broken", ECHO)),
    "not as JSON": httpx.Response(200, content=ECHO.encode()),
    "as a text": httpx.Response(200, json=ECHO),
    "as every field": httpx.Response(200, json={name: {"was": ECHO} for name in ROWS}),
    "as a word": httpx.Response(
        200, json={"id": "bun_1", "sid": "BU1", "reference": "bundle", "status": ECHO, "items": [ECHO]}
    ),
}


@pytest.mark.parametrize("reply", ECHOES.values(), ids=ECHOES)
@pytest.mark.parametrize("ask", (CREATIONS | REPEATABLE).values(), ids=CREATIONS | REPEATABLE)
@pytest.mark.parametrize("open_", REGISTRARS.values(), ids=REGISTRARS)
async def test_what_a_carrier_repeats_of_what_was_filed_is_in_no_error_and_no_log(
    open_: Callable[[httpx.AsyncBaseTransport], Registrar],
    ask: Ask,
    reply: httpx.Response,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    told = ""
    try:
        await ask(open_(Script(reply)))
    except CarrierError as raised:
        told = "".join([*traceback.format_exception(raised), getattr(raised, "code", "")])
    else:
        assert reply.is_success
    assert planted_in(told + caplog.text + "".join(capsys.readouterr())) == []


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
        registrar.open_filing(rules, ("doc_1",), "bundle", "numbers@planted.example", PARTY),
    ):
        with pytest.raises(CarrierError) as caught:
            await call
        told = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
        assert "planted" not in told.lower()
        assert status >= 500 or str(status) in str(caught.value)


def test_a_call_does_not_show_what_it_carries() -> None:
    assert "Planted" not in repr(Call("POST", "/v1/compliance/end-users", json={"name": "Planted GmbH"}))
