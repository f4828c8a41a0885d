"""Reading what Telnyx says: exact, complete, with the name of what is wrong; and what is made of answers that the
sandbox carrier never gives."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ringfleet.carriers.errors import (
    CredentialsRejected,
    ListingIncomplete,
    NotActive,
    OutcomeUnknown,
    ReplyUnreadable,
    RequestRejected,
    Throttled,
)
from ringfleet.carriers.http import Refusal
from ringfleet.carriers.telnyx.account import Telnyx, open_client
from ringfleet.carriers.telnyx.numbers import DELETION_LOCK
from ringfleet.carriers.telnyx.wire import (
    NumberRow,
    OrderItem,
    OrderState,
    messaging_capabilities,
    order,
    parse_number,
    parse_offer,
    parse_order_item,
    path,
    read_refusal,
    search_params,
)
from ringfleet.model import (
    E164,
    Capability,
    Catalog,
    Holding,
    HoldingStatus,
    ItemState,
    Mark,
    Money,
    NumberType,
    Offer,
    Price,
    Purchase,
    Query,
)
from ringfleet.model.failures import FailureReason
from tests.carriers.scripts import settings

NUMBER = E164("+14155550147")
OTHER = E164("+14155550199")
MARK = Mark("inst-1", "shop", "us")
PRICE = Price(Money(Decimal("1.00"), "USD"), Money(Decimal("0.50"), "USD"))
QUERY = Query("US", NumberType.GEOGRAPHIC, "415", frozenset({Capability.SMS}))
OFFER: dict[str, Any] = {
    "phone_number": NUMBER,
    "best_effort": False,
    "cost_information": {"monthly_cost": "1.00", "upfront_cost": "0.50", "currency": "USD"},
    "features": [{"name": "sms"}, {"name": "voice"}, {"name": "holograms"}],
    "region_information": [
        {"region_type": "country_code", "region_name": "US"},
        {"region_type": "state", "region_name": "CA"},
        {"region_type": "rate_center", "region_name": "SNFC CNTRL"},
    ],
}
ROW: dict[str, Any] = {
    "id": "1293384261075731499",
    "phone_number": NUMBER,
    "status": "active",
    "phone_number_type": "local",
    "country_iso_alpha2": "US",
    "customer_reference": str(MARK),
    "tags": ["theirs", "ringfleet-price=1.00 0.50 USD"],
    "connection_id": "123",
    "messaging_profile_id": "abc",
    "deletion_lock_enabled": True,
    "purchased_at": "2026-05-26T10:00:00.25Z",
}
OFFERED = Offer(
    number=NUMBER,
    country="US",
    type=NumberType.GEOGRAPHIC,
    price=PRICE,
    area_code="415",
    region="SNFC CNTRL, CA",
    capabilities=frozenset({Capability.VOICE, Capability.SMS}),
    token="1767225600",
)


def test_an_offer_is_read_whole_with_what_was_asked() -> None:
    assert parse_offer(OFFER, QUERY, 1767225600.4) == OFFERED
    assert parse_offer({**OFFER, "best_effort": None}, QUERY, 1767225600.4) == OFFERED


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"best_effort": True}, id="something like it"),
        pytest.param({"phone_number": "+12125550147"}, id="another area code"),
        pytest.param({"features": [{"name": "voice"}]}, id="a feature is missing"),
        pytest.param({"features": None}, id="no feature"),
    ],
)
def test_a_row_that_is_not_what_was_asked_for_is_no_offer(odd: dict[str, Any]) -> None:
    assert parse_offer({**OFFER, **odd}, QUERY, 0) is None


@pytest.mark.parametrize(
    ("odd", "field"),
    [
        ({"cost_information": None}, "offer.cost_information"),
        ({"cost_information": {"monthly_cost": 1.0, "currency": "USD"}}, "offer.cost_information.monthly_cost"),
        ({"phone_number": "48880"}, "offer.phone_number"),
    ],
)
def test_an_offer_that_can_not_be_read_names_its_field(odd: dict[str, Any], field: str) -> None:
    with pytest.raises(ReplyUnreadable, match=field):
        parse_offer({**OFFER, **odd}, QUERY, 0)


def test_a_number_is_read_whole() -> None:
    holding = Holding(
        number=NUMBER,
        external_id="1293384261075731499",
        status=HoldingStatus.ACTIVE,
        country="US",
        type=NumberType.GEOGRAPHIC,
        price=PRICE,
        area_code="415",
        mark=MARK,
        routing="123/abc",
        purchased_at=datetime(2026, 5, 26, 10, tzinfo=UTC),
        attestation="A",
    )
    assert parse_number(ROW) == NumberRow(holding, "123", "abc", tuple(ROW["tags"]), locked=True)


def holding(**changes: Any) -> Holding:
    return parse_number({**ROW, **changes}).holding


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("active", HoldingStatus.ACTIVE),
        ("port-out-pending", HoldingStatus.ACTIVE),
        ("purchase-pending", HoldingStatus.ACTIVATING),
        ("provision-pending", HoldingStatus.ACTIVATING),
        ("requirement-info-pending", HoldingStatus.PENDING_DOCUMENTS),
        ("requirement-info-under-review", HoldingStatus.PENDING_DOCUMENTS),
        ("requirement-info-exception", HoldingStatus.PENDING_DOCUMENTS),
        ("emergency-only", HoldingStatus.SUSPENDED),
    ],
)
def test_every_status_of_a_number_that_is_owned_is_known(said: str, meant: HoldingStatus) -> None:
    assert holding(status=said).status is meant


@pytest.mark.parametrize(
    ("tags", "routing", "meant"),
    [
        pytest.param(["ringfleet-suspended=123/abc"], {}, HoldingStatus.ACTIVE, id="by half"),
        pytest.param(["ringfleet-suspended="], {"connection_id": None}, HoldingStatus.ACTIVE, id="messages still flow"),
        pytest.param([], {"connection_id": None, "messaging_profile_id": None}, HoldingStatus.ACTIVE, id="not routed"),
        pytest.param(
            ["ringfleet-suspended=123/"],
            {"connection_id": "", "messaging_profile_id": ""},
            HoldingStatus.SUSPENDED,
            id="suspended",
        ),
    ],
)
def test_a_number_is_suspended_when_its_tag_says_so_and_nothing_reaches_it(
    tags: list[str], routing: dict[str, Any], meant: HoldingStatus
) -> None:
    read = holding(tags=tags, **routing)
    assert read.status is meant
    assert meant is HoldingStatus.ACTIVE or read.routing == "123/"


@pytest.mark.parametrize(
    ("number", "said", "meant"),
    [
        (NUMBER, "local", NumberType.GEOGRAPHIC),
        (NUMBER, "landline", NumberType.GEOGRAPHIC),
        (NUMBER, "longcode", NumberType.GEOGRAPHIC),
        ("+447911123456", "longcode", NumberType.MOBILE),
        ("+18335550147", "tollfree", NumberType.TOLL_FREE),
        ("+18335550147", "toll_free", NumberType.TOLL_FREE),
    ],
)
def test_the_old_words_for_a_numbers_type_are_no_other_type(number: str, said: str, meant: NumberType) -> None:
    assert holding(phone_number=number, phone_number_type=said).type is meant


@pytest.mark.parametrize(
    ("tag", "price"),
    [
        ("ringfleet-price=1.00 0.50 USD", PRICE),
        ("ringfleet-price=1.00 USD", None),
        ("ringfleet-price=NaN 0.50 USD", None),
        ("price=1.00 0.50 USD", None),
    ],
)
def test_the_price_of_a_number_is_what_our_tag_says_or_is_not_known(tag: str, price: Price | None) -> None:
    assert holding(tags=[tag]).price == price


def test_where_calls_are_not_signed_there_is_no_attestation() -> None:
    assert holding(country_iso_alpha2="DE", phone_number="+493023125000").attestation is None


@pytest.mark.parametrize(
    ("odd", "field"),
    [
        ({"messaging_profile_id": "UNAVAILABLE"}, "number.messaging_profile_id"),
        ({"status": "on-holiday"}, "number.status"),
        ({"phone_number_type": "shared_cost"}, "number.phone_number_type"),
        ({"id": None}, "number.id"),
    ],
)
def test_a_number_that_can_not_be_read_names_its_field(odd: dict[str, Any], field: str) -> None:
    with pytest.raises(ReplyUnreadable, match=field):
        parse_number({**ROW, **odd})


@pytest.mark.parametrize(
    ("features", "able"),
    [
        ({"sms": {"domestic_two_way": True}, "mms": None}, {Capability.SMS}),
        ({"sms": {"international_outbound": True}, "mms": {"domestic_two_way": False}}, {Capability.SMS}),
        ({"sms": {"domestic_two_way": True}, "mms": {"domestic_two_way": True}}, {Capability.SMS, Capability.MMS}),
        ({}, set()),
        (None, set()),
    ],
)
def test_which_messages_a_number_can_carry_is_read(features: Any, able: set[Capability]) -> None:
    assert messaging_capabilities({"phone_number": NUMBER, "features": features}) == (NUMBER, able)


@pytest.mark.parametrize(
    ("row", "item"),
    [
        ({"status": "success"}, OrderItem(NUMBER, OrderState.SUCCESS)),
        ({"status": "failure"}, OrderItem(NUMBER, OrderState.FAILURE)),
        ({"status": "pending"}, OrderItem(NUMBER, OrderState.PENDING)),
        ({"status": "pending", "requirements_status": "approved"}, OrderItem(NUMBER, OrderState.PENDING)),
        ({"status": "pending", "requirements_status": "cancelled"}, OrderItem(NUMBER, OrderState.FAILURE)),
        (
            {"status": "pending", "requirements_status": "requirement-info-under-review"},
            OrderItem(NUMBER, OrderState.PENDING, waits=True),
        ),
    ],
)
def test_a_number_of_an_order_is_read(row: dict[str, Any], item: OrderItem) -> None:
    assert parse_order_item({"phone_number": NUMBER, **row}) == item


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (
            {"errors": [{"code": "20100", "title": "Insufficient Funds", "detail": "Top up."}]},
            Refusal("20100", "Insufficient Funds: Top up."),
        ),
        ({"errors": [{"code": "10005", "description": "Gone."}, {"code": "2"}]}, Refusal("10005", "Gone.")),
        ({"errors": []}, Refusal()),
        ({"message": "a proxy"}, Refusal()),
        ([], Refusal()),
    ],
)
def test_telnyx_form_of_an_error_is_read_and_others_are_no_error_in_reading(body: object, refusal: Refusal) -> None:
    assert read_refusal(httpx.Response(400, json=body)) == refusal
    assert read_refusal(httpx.Response(502, text="<html>")) == Refusal()


def test_a_search_says_exactly_what_is_asked_for() -> None:
    assert search_params(QUERY, 100, "47") == {
        "filter[country_code]": "US",
        "filter[phone_number_type]": "local",
        "filter[limit]": "100",
        "filter[best_effort]": "false",
        "filter[exclude_held_numbers]": "true",
        "filter[national_destination_code]": "415",
        "filter[features][]": ["sms"],
        "filter[phone_number][ends_with]": "47",
    }


def test_each_number_of_an_order_carries_the_group_of_its_market() -> None:
    offers = (OFFERED, replace(OFFERED, number=OTHER))
    assert order("key", offers, "group") == {
        "phone_numbers": [
            {"phone_number": NUMBER, "requirement_group_id": "group"},
            {"phone_number": OTHER, "requirement_group_id": "group"},
        ],
        "customer_reference": "key",
    }
    assert order("key", offers[:1], None)["phone_numbers"] == [{"phone_number": NUMBER}]


def test_an_id_can_not_leave_its_path() -> None:
    assert path("number", "../balance?x") == "/v2/phone_numbers/..%2Fbalance%3Fx"


# Answers that the sandbox never gives.


class Wire(httpx.AsyncBaseTransport):
    """Answers each call by its method and path; keeps what was asked. A list of answers is given one after the other,
    the last one again and again."""

    def __init__(self, **answers: object) -> None:
        answers = {"campaigns": {"records": [], "totalRecords": 0}, **answers}
        self.answers = {key: value if isinstance(value, list) else [value] for key, value in answers.items()}
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answers = self.answers[_name(request)]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        match answer:
            case httpx.Response():
                return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
            case int():
                return httpx.Response(answer, json={"errors": [{"code": str(answer), "title": "No"}]})
            case _:
                return httpx.Response(200, json=answer)

    def names(self) -> list[str]:
        return [_name(request) for request in self.asked]


_NAMES = {
    "GET /v2/phone_numbers": "numbers",
    "GET /v2/phone_numbers/messaging": "messaging",
    "GET /v2/phone_numbers/1293384261075731499": "number",
    "PATCH /v2/phone_numbers/1293384261075731499": "patch",
    "DELETE /v2/phone_numbers/1293384261075731499": "delete",
    "POST /v2/phone_numbers/actions/verify_ownership": "owned",
    "POST /v2/phone_numbers/jobs/update_phone_numbers": "job",
    "GET /v2/phone_numbers/jobs/7": "job_state",
    "GET /v2/available_phone_numbers": "search",
    "POST /v2/number_orders": "send",
    "GET /v2/number_orders": "orders",
    "GET /v2/number_orders/9": "order",
    "GET /v2/number_orders/8": "other_order",
    "GET /v2/balance": "balance",
    "GET /v2/regulatory_requirements": "requirements",
    "GET /v2/10dlc/phone_number_campaigns": "campaigns",
}


def _name(request: httpx.Request) -> str:
    return _NAMES[f"{request.method} {request.url.path}"]


def telnyx(wire: Wire) -> Telnyx:
    account = settings(credentials={"apiKey": "KEY_secret"}, lag=0.0)
    return Telnyx(account, client=open_client(account, wire))


def a_page(*rows: object, total: int | None = None, pages: int = 1) -> dict[str, object]:
    meta = {"total_results": len(rows) if total is None else total, "total_pages": pages, "page_number": 1}
    return {"data": list(rows), "meta": meta}


def owned(*numbers: E164) -> dict[str, object]:
    return {"data": {"found": [{"id": ROW["id"], "number_val_e164": number} for number in numbers], "not_found": []}}


NO_MESSAGING = a_page()
OTHER_ROW = {**ROW, "id": "2", "phone_number": OTHER}


async def test_a_number_is_asked_for_by_its_digits_and_another_one_that_has_them_too_is_not_it() -> None:
    longer = {**OTHER_ROW, "phone_number": "+441415550147"}
    wire = Wire(numbers=a_page(longer, ROW), messaging=NO_MESSAGING)
    found = await telnyx(wire).find(NUMBER)
    assert found is not None
    assert found.external_id == ROW["id"]
    assert wire.asked[0].url.params["filter[phone_number]"] == NUMBER.digits


async def test_a_number_that_the_list_does_not_show_is_asked_for_in_the_other_way_too() -> None:
    wire = Wire(numbers=a_page(OTHER_ROW), owned=owned(NUMBER), number={"data": ROW}, messaging=NO_MESSAGING)
    found = await telnyx(wire).find(NUMBER)
    assert found is not None
    assert found.number == NUMBER
    wire = Wire(numbers=a_page(), owned=owned())
    assert await telnyx(wire).find(NUMBER) is None
    assert wire.names() == ["numbers", "owned"]


@pytest.mark.parametrize("row", [{**ROW, "status": "deleted"}, {**ROW, "status": "purchase-failed"}])
async def test_a_row_about_a_number_that_is_not_owned_is_no_holding(row: dict[str, Any]) -> None:
    wire = Wire(numbers=a_page(row), owned=owned())
    assert await telnyx(wire).find(NUMBER) is None
    (page,) = [page async for page in telnyx(wire).holdings()]
    assert (page.holdings, page.unreadable) == ((), ())


@pytest.mark.parametrize("row", [{**ROW, "messaging_profile_id": "UNAVAILABLE"}, {**ROW, "phone_number": "48880"}])
async def test_a_number_whose_row_can_not_be_read_is_not_said_to_be_missing(row: dict[str, Any]) -> None:
    wire = Wire(numbers=a_page(row), owned=owned())
    with pytest.raises(ReplyUnreadable, match="the account has this number"):
        await telnyx(wire).find(NUMBER)


async def test_rows_that_can_not_be_read_are_told_and_hide_no_other() -> None:
    wire = Wire(numbers=a_page({**OTHER_ROW, "status": "odd"}, ROW, "not even an object"), messaging=NO_MESSAGING)
    (page,) = [page async for page in telnyx(wire).holdings()]
    assert [held.number for held in page] == [NUMBER]
    assert [one.number for one in page.unreadable] == [OTHER, None]


async def test_a_number_that_goes_while_pages_are_read_hides_no_other() -> None:
    """Row 3 of the first page goes: what was the first row of the second page is the last of the first one now."""
    rows = [{**ROW, "id": str(n), "phone_number": f"+1415555010{n}"} for n in range(6)]
    pages = [
        a_page(*rows[:3], total=6, pages=2),
        a_page(*rows[4:], total=5, pages=2),
        a_page(*rows[:2], rows[3], total=5, pages=2),
        a_page(*rows[4:], total=5, pages=2),
    ]
    wire = Wire(numbers=pages, messaging=NO_MESSAGING)
    held = [held.external_id async for page in telnyx(wire).holdings() for held in page]
    assert held == ["0", "1", "2", "4", "5", "3"]
    assert [request.url.params["page[number]"] for request in wire.asked if _name(request) == "numbers"] == list("1212")


async def test_a_listing_that_shows_less_than_it_says_is_no_listing() -> None:
    wire = Wire(numbers=[a_page(ROW, total=3, pages=2), a_page(total=3, pages=2)], messaging=NO_MESSAGING)
    with pytest.raises(ListingIncomplete):
        _ = [page async for page in telnyx(wire).holdings()]


async def test_a_number_is_not_given_back_by_a_key_that_may_not_delete_and_the_account_is_not_blamed() -> None:
    wire = Wire(number={"data": {**ROW, "deletion_lock_enabled": False}}, delete=403)
    with pytest.raises(RequestRejected, match="the right to delete numbers") as refused:
        await telnyx(wire).release(ROW["id"])
    assert refused.value.code == DELETION_LOCK
    with pytest.raises(CredentialsRejected):
        await telnyx(Wire(number=401)).release(ROW["id"])


async def test_a_connection_that_telnyx_does_not_take_off_is_an_error_and_no_success() -> None:
    """Only of messaging profiles it is documented that an empty text takes them off."""
    kept = {"data": {**ROW, "messaging_profile_id": None}}
    with pytest.raises(RequestRejected, match="connection_id of the number is as it was"):
        await telnyx(Wire(number=kept, patch=kept)).suspend(ROW["id"])


async def test_a_number_that_waits_for_documents_is_not_routed() -> None:
    with pytest.raises(NotActive):
        await telnyx(Wire(number={"data": {**ROW, "status": "requirement-info-pending"}})).route(ROW["id"], "1/2")


async def test_the_codes_and_the_sentence_of_telnyx_stand_in_the_error() -> None:
    said = {"errors": [{"code": "10009", "title": "Authentication failed", "detail": "No key KEY_secret."}]}
    with pytest.raises(CredentialsRejected, match=r"401 10009: Authentication failed: No key \*\*\*\.") as refused:
        await telnyx(Wire(balance=httpx.Response(401, json=said))).balance()
    assert "KEY_secret" not in str(refused.value)


async def test_an_area_code_that_telnyx_does_not_cover_is_no_error_and_a_country_that_it_does_not_is() -> None:
    wire = Wire(search=[400, {"data": []}])
    assert await telnyx(wire).search(QUERY, 5) == Catalog()
    assert "filter[national_destination_code]" not in wire.asked[1].url.params
    with pytest.raises(RequestRejected):
        await telnyx(Wire(search=400)).search(QUERY, 5)
    with pytest.raises(RequestRejected):
        await telnyx(Wire(search=400)).search(replace(QUERY, area_code=None), 5)


async def test_a_full_answer_is_followed_by_one_for_each_last_digit_until_there_is_enough() -> None:
    first = [{**OFFER, "phone_number": f"+1415555{n:04}"} for n in range(100)]
    more = [{**OFFER, "phone_number": f"+1415556{n:04}"} for n in range(20)]
    wire = Wire(search=[{"data": first}, {"data": more}, {"data": more[:1]}], requirements={"data": []})
    catalog = await telnyx(wire).search(QUERY, 50, frozenset(E164(row["phone_number"]) for row in first[:60]))
    assert len(catalog.offers) == 60
    assert wire.names() == ["search", "search", "requirements"]
    assert [request.url.params.get("filter[phone_number][ends_with]") for request in wire.asked[:2]] == [None, "0"]


# Orders.


OFFERS = (OFFERED, replace(OFFERED, number=OTHER))
PURCHASE = Purchase("rf-1", OFFERS, MARK)
SHOWN = {"data": [OFFER, {**OFFER, "phone_number": OTHER}]}
SENT = {"data": {"id": "9", "phone_numbers": []}}
MARKED = {
    "data": {
        "id": "7",
        "status": "completed",
        "successful_operations": [{"id": "1", "phone_number": NUMBER}, {"id": "2", "phone_number": OTHER}],
    }
}
AT_WORK = {"data": {"id": "7", "status": "in_progress", "successful_operations": []}}


def ordered(*states: str, **more: str) -> dict[str, object]:
    items = zip((NUMBER, OTHER), states, strict=True)
    return {"data": {"phone_numbers": [{"phone_number": number, "status": state, **more} for number, state in items]}}


def wire_of(**answers: object) -> Wire:
    usual: dict[str, object] = {
        "search": SHOWN,
        "send": SENT,
        "orders": a_page(),
        "order": ordered("success", "success"),
        "job": AT_WORK,
        "job_state": MARKED,
        "owned": owned(),
        "numbers": a_page(),
        "messaging": NO_MESSAGING,
    }
    return Wire(**{**usual, **answers})


async def test_an_order_is_followed_until_each_number_is_settled() -> None:
    wire = wire_of(order=[ordered("pending", "pending"), ordered("success", "pending"), ordered("success", "success")])
    outcomes = await telnyx(wire).buy(PURCHASE)
    assert [(outcome.state, outcome.external_id) for outcome in outcomes] == [
        (ItemState.PROVISIONED, "1"),
        (ItemState.PROVISIONED, "2"),
    ]
    assert wire.names() == ["search", "send", "order", "order", "order", "job", "job_state"]
    assert json.loads(wire.asked[-2].content) == {
        "phone_numbers": [NUMBER, OTHER],
        "customer_reference": str(MARK),
        "tags": ["ringfleet-price=1.00 0.50 USD"],
    }


async def test_what_stays_pending_and_is_not_in_the_account_is_unknown_and_the_rest_is_known() -> None:
    one = {"data": {**MARKED["data"], "successful_operations": [{"id": "1", "phone_number": NUMBER}]}}
    wire = wire_of(order=ordered("success", "pending"), job_state=one)
    with pytest.raises(OutcomeUnknown, match="pending at Telnyx for 1 of its numbers") as unknown:
        await telnyx(wire).buy(PURCHASE)
    assert [(outcome.number, outcome.state) for outcome in unknown.value.known] == [(NUMBER, ItemState.PROVISIONED)]


async def test_what_stays_pending_and_is_in_the_account_is_bought() -> None:
    one = {"data": {**MARKED["data"], "successful_operations": [{"id": "1", "phone_number": NUMBER}]}}
    there = {**OTHER_ROW, "status": "purchase-pending"}
    wire = wire_of(order=ordered("success", "pending"), job_state=one, numbers=a_page(there))
    outcomes = await telnyx(wire).buy(PURCHASE)
    assert [(outcome.state, outcome.external_id) for outcome in outcomes] == [
        (ItemState.PROVISIONED, "1"),
        (ItemState.PROVISIONED, "2"),
    ]


@pytest.mark.parametrize(
    "failing", [{"job": 422}, {"job_state": AT_WORK}], ids=["a job that is refused", "a job that does not end"]
)
async def test_numbers_that_no_job_has_marked_are_marked_one_by_one(failing: dict[str, object]) -> None:
    fresh = {**ROW, "customer_reference": None, "tags": []}
    wire = wire_of(
        **failing,
        numbers=a_page(fresh),
        patch={"data": ROW},
        order={"data": {"phone_numbers": [{"phone_number": NUMBER, "status": "success"}]}},
    )
    (outcome,) = await telnyx(wire).buy(replace(PURCHASE, offers=OFFERS[:1]))
    assert (outcome.state, outcome.external_id) == (ItemState.PROVISIONED, ROW["id"])
    assert json.loads(wire.asked[-1].content) == {
        "customer_reference": str(MARK),
        "tags": ["ringfleet-price=1.00 0.50 USD"],
    }


async def test_a_number_that_was_bought_and_can_not_be_marked_yet_is_bought_all_the_same() -> None:
    fresh = {**ROW, "customer_reference": None, "status": "requirement-info-pending"}
    waiting = {"phone_number": NUMBER, "status": "pending", "requirements_status": "requirement-info-pending"}
    wire = wire_of(job=422, numbers=a_page(fresh), patch=422, order={"data": {"phone_numbers": [waiting]}})
    (outcome,) = await telnyx(wire).buy(replace(PURCHASE, offers=OFFERS[:1]))
    assert (outcome.state, outcome.external_id) == (ItemState.PENDING_DOCUMENTS, ROW["id"])


async def test_an_answer_to_the_order_that_does_not_read_is_unknown() -> None:
    with pytest.raises(OutcomeUnknown):
        await telnyx(wire_of(send={"data": {"id": None}})).buy(PURCHASE)


async def test_an_order_that_can_not_be_followed_is_unknown() -> None:
    with pytest.raises(OutcomeUnknown):
        await telnyx(wire_of(order={"data": {}})).buy(PURCHASE)


async def test_a_lost_order_is_looked_for_three_times_before_it_is_made_again() -> None:
    wire = wire_of()
    await telnyx(wire).buy(replace(PURCHASE, resumed=True))
    assert wire.names()[:5] == ["orders", "orders", "orders", "search", "send"]
    assert wire.asked[0].url.params["filter[customer_reference]"] == "rf-1"


async def test_an_order_that_a_list_shows_late_is_found_and_not_made_again() -> None:
    late = a_page({"id": "9", "customer_reference": "rf-1"})
    wire = wire_of(orders=[a_page(), a_page({"id": "8", "customer_reference": "rf-10"}), late])
    outcomes = await telnyx(wire).buy(replace(PURCHASE, resumed=True))
    assert [outcome.state for outcome in outcomes] == [ItemState.PROVISIONED] * 2
    assert "send" not in wire.names()


async def test_a_lost_order_that_no_list_shows_while_the_account_has_its_numbers_stays_unknown() -> None:
    """Nothing is ordered again, and no number of ours is taken for somebody else's."""
    unmarked = {**ROW, "customer_reference": None, "tags": []}
    wire = wire_of(search={"data": []}, numbers=a_page(unmarked))
    with pytest.raises(OutcomeUnknown, match=r"no order of its key is shown yet\..*customer reference"):
        await telnyx(wire).buy(replace(PURCHASE, offers=OFFERS[:1], resumed=True))
    assert "send" not in wire.names()


async def test_a_person_says_by_the_numbers_reference_that_a_lost_order_has_not_bought_it() -> None:
    told = {**ROW, "customer_reference": "support hotline", "tags": []}
    wire = wire_of(search={"data": []}, numbers=a_page(told))
    (outcome,) = await telnyx(wire).buy(replace(PURCHASE, offers=OFFERS[:1], resumed=True))
    assert (outcome.state, outcome.reason) == (ItemState.FAILED, FailureReason.NUMBER_TAKEN)
    assert "send" not in wire.names()


async def test_a_number_that_carries_the_key_of_the_order_is_of_that_order() -> None:
    """Should Telnyx copy the reference of an order to its numbers; it says nowhere whether it does."""
    copied = {**ROW, "customer_reference": "rf-1", "tags": []}
    wire = wire_of(search={"data": []}, numbers=a_page(copied))
    (outcome,) = await telnyx(wire).buy(replace(PURCHASE, offers=OFFERS[:1], resumed=True))
    assert (outcome.state, outcome.external_id) == (ItemState.PROVISIONED, ROW["id"])


async def test_of_two_orders_of_one_key_the_one_that_has_bought_a_number_counts() -> None:
    """Two processes have ordered the same, and Telnyx has taken both orders."""
    both = a_page({"id": "9", "customer_reference": "rf-1"}, {"id": "8", "customer_reference": "rf-1"})
    one = {"data": {**MARKED["data"], "successful_operations": [{"id": "2", "phone_number": OTHER}]}}
    states = {"order": ordered("failure", "success"), "other_order": ordered("success", "failure")}
    wire = wire_of(**states, orders=both, job_state=[one, MARKED])
    outcomes = await telnyx(wire).buy(PURCHASE)
    assert [outcome.state for outcome in outcomes] == [ItemState.PROVISIONED] * 2


async def test_an_order_that_is_refused_for_another_reason_is_refused() -> None:
    with pytest.raises(RequestRejected) as refused:
        await telnyx(wire_of(send=422)).buy(PURCHASE)
    assert refused.value.code == "422"


@pytest.mark.parametrize(
    "told",
    [
        {"Retry-After": "120"},
        {"Retry-After": "Thu, 01 Jan 2026 00:02:00 GMT"},
        {"x-ratelimit-reset": "120"},
        {"x-ratelimit-reset": "3", "Retry-After": "120"},
    ],
)
async def test_a_throttled_order_was_not_made_and_says_when_to_come_back(told: dict[str, str]) -> None:
    headers = {**told, "Date": "Thu, 01 Jan 2026 00:00:00 GMT"}
    said = {"errors": [{"code": "10011", "title": "Too many requests"}]}
    with pytest.raises(Throttled) as throttled:
        await telnyx(wire_of(send=httpx.Response(429, headers=headers, json=said))).buy(PURCHASE)
    assert throttled.value.retry_after == 120
