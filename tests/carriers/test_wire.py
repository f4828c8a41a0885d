"""Reading what DIDHub says: exact, complete, and with the name of what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.carriers.didhub.wire import (
    PATHS,
    parse_cart_item,
    parse_holding,
    parse_offer,
    parse_outcome,
    parse_profile,
    path,
    profile,
    read_refusal,
    search_params,
    staging,
)
from ringfleet.carriers.errors import CarrierUnavailable
from ringfleet.carriers.http import Refusal
from ringfleet.carriers.json_fields import Fields
from ringfleet.model import (
    E164,
    Capability,
    HeldRouting,
    Holding,
    HoldingStatus,
    ItemState,
    Mark,
    Money,
    NumberType,
    Offer,
    Outcome,
    Price,
    Query,
    Routing,
    SipTarget,
)
from ringfleet.model.failures import FailureReason

NUMBER = E164("+12125550147")
PRICE = Price(Money(Decimal("1.99"), "USD"), Money(Decimal("0.00"), "USD"))
PRICES = {"monthly_price": "1.99", "setup_price": "0.00", "currency": "USD"}
PLACE = {"country": "US", "type": "geographic", "area_code": "415", "region": "San Francisco, CA"}
OFFER: dict[str, Any] = {
    "select_token": "sel_415_x",
    "number": NUMBER,
    **PLACE,
    "capabilities": ["voice", "sms", "holograms"],
    "requires_documents": False,
    "snapshot": {"number": NUMBER, **PRICES},
}
HOLDING: dict[str, Any] = {
    "id": "num_1",
    "number": NUMBER,
    "status": "active",
    **PLACE,
    "capabilities": ["voice"],
    **PRICES,
    "reference": "rf/inst-1/shop/us",
    "routing_profile_id": "rp_1",
    "bundle_id": "bun_1",
    "attestation": "B",
    "purchased_at": "2026-05-26T10:00:00Z",
    "renews_at": "2026-06-26T12:00:00+02:00",
    "documents_deadline": None,
}
OUTCOME: dict[str, Any] = {
    "number": NUMBER,
    "select_token": "sel_415_x",
    "outcome": "provisioned",
    "reason": None,
    "message": None,
    "number_id": "num_1",
    "transaction_id": "txn_1",
    **PRICES,
    "renews_at": "2026-06-26T10:00:00Z",
    "documents_deadline": None,
}
RENEWS = datetime(2026, 6, 26, 10, tzinfo=UTC)


def test_an_offer_is_read_whole() -> None:
    assert parse_offer(OFFER) == Offer(
        number=NUMBER,
        country="US",
        type=NumberType.GEOGRAPHIC,
        price=PRICE,
        area_code="415",
        region="San Francisco, CA",
        capabilities=frozenset({Capability.VOICE, Capability.SMS}),
        needs_documents=False,
        token="sel_415_x",
    )


def test_a_holding_is_read_whole_with_its_times_in_utc() -> None:
    assert parse_holding(HOLDING) == Holding(
        number=NUMBER,
        external_id="num_1",
        status=HoldingStatus.ACTIVE,
        country="US",
        type=NumberType.GEOGRAPHIC,
        price=PRICE,
        area_code="415",
        region="San Francisco, CA",
        capabilities=frozenset({Capability.VOICE}),
        mark=Mark("inst-1", "shop", "us"),
        routing="rp_1",
        bundle="bun_1",
        purchased_at=datetime(2026, 5, 26, 10, tzinfo=UTC),
        renews_at=RENEWS,
        attestation="B",
    )


@pytest.mark.parametrize("fraction", [".250", ".999999", ".000001", ".5"])
def test_times_are_cut_to_the_whole_seconds_that_a_status_keeps(fraction: str) -> None:
    fine = {"purchased_at": f"2026-05-26T10:00:00{fraction}Z", "renews_at": f"2026-06-26T12:00:00{fraction}+02:00"}
    assert parse_holding(HOLDING | fine) == parse_holding(HOLDING)
    assert parse_outcome(OUTCOME | {"renews_at": f"2026-06-26T10:00:00{fraction}Z"}) == parse_outcome(OUTCOME)
    assert Fields(fine, "event").maybe_moment("purchased_at") != parse_holding(HOLDING).purchased_at


@pytest.mark.parametrize(
    "never",
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"],
)
def test_a_time_that_stands_for_never_is_none(never: str) -> None:
    """The last of them is no time of UTC at all."""
    said = {"purchased_at": never, "renews_at": never}
    assert parse_holding(HOLDING | said) == parse_holding(HOLDING | {"purchased_at": None, "renews_at": None})


@pytest.mark.parametrize("word", [None, "", "D", "a"])
def test_an_attestation_that_is_no_known_word_is_none(word: str | None) -> None:
    assert parse_holding({**HOLDING, "attestation": word}).attestation is None


@pytest.mark.parametrize("reference", [None, "", "support", "rf/only/three", "rf/a/b/c/d", "xx/a/b/c"])
def test_a_reference_that_is_no_mark_is_somebody_elses_word(reference: str | None) -> None:
    holding = parse_holding({**HOLDING, "reference": reference})
    assert (holding.mark, holding.reference) == (None, reference or None)


@pytest.mark.parametrize(
    ("said", "state"), [("provisioned", ItemState.PROVISIONED), ("pending_documents", ItemState.PENDING_DOCUMENTS)]
)
def test_what_was_bought_is_read_with_the_carriers_price(said: str, state: ItemState) -> None:
    dearer = Price(Money(Decimal("2.50"), "USD"), Money(Decimal("0.00"), "USD"))
    assert parse_outcome({**OUTCOME, "outcome": said, "monthly_price": "2.50"}) == Outcome(
        NUMBER, state, external_id="num_1", price=dearer, renews_at=RENEWS
    )


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("number_unavailable", FailureReason.NUMBER_TAKEN),
        ("select_token_expired", FailureReason.OFFER_EXPIRED),
        ("price_changed", FailureReason.PRICE_CHANGED),
        ("insufficient_funds", FailureReason.INSUFFICIENT_FUNDS),
        ("carrier_error", FailureReason.CARRIER_REFUSED),
        ("never_heard_of", FailureReason.CARRIER_REFUSED),
        (None, FailureReason.CARRIER_REFUSED),
    ],
)
def test_what_failed_is_read_with_its_reason(said: str | None, reason: FailureReason) -> None:
    failed = {**OUTCOME, "outcome": "failed", "reason": said, "message": "It did\nnot work.", "number_id": None}
    assert parse_outcome(failed) == Outcome(NUMBER, ItemState.FAILED, reason, "It did not work.")


@pytest.mark.parametrize(
    ("parse", "sample", "field", "value"),
    [
        *[(parse_offer, OFFER, field, None) for field in ("number", "country", "type", "select_token", "snapshot")],
        (parse_offer, OFFER, "number", "4155550123"),
        (parse_offer, OFFER, "type", "satellite"),
        (parse_offer, OFFER, "capabilities", "voice"),
        (parse_offer, OFFER, "requires_documents", "no"),
        *[(parse_holding, HOLDING, field, None) for field in ("id", "number", "status", "country", "currency")],
        (parse_holding, HOLDING, "id", 7),
        (parse_holding, HOLDING, "id", "num_\ud800"),
        (parse_holding, HOLDING, "region", "\udfff"),
        (parse_holding, HOLDING, "capabilities", ["voice", "\ud800"]),
        (parse_holding, HOLDING, "status", "gone"),
        (parse_holding, HOLDING, "monthly_price", 1.99),
        (parse_holding, HOLDING, "monthly_price", "-1.99"),
        (parse_holding, HOLDING, "renews_at", "tomorrow"),
        (parse_holding, HOLDING, "renews_at", "2026-06-26T10:00:00"),
        *[(parse_outcome, OUTCOME, field, None) for field in ("number", "outcome", "monthly_price", "currency")],
        (parse_outcome, OUTCOME, "outcome", "maybe"),
        (parse_cart_item, {"id": "ci_1", "number": NUMBER, "select_token": "t"}, "id", None),
    ],
)
def test_a_field_that_is_wrong_is_named_and_its_value_is_not(
    parse: Any, sample: dict[str, Any], field: str, value: object
) -> None:
    with pytest.raises(CarrierUnavailable) as caught:
        parse({**sample, field: value})
    assert field in str(caught.value)
    assert NUMBER.digits not in str(caught.value)


@pytest.mark.parametrize("json", [None, [], "text", 7])
def test_what_is_no_object_is_no_offer(json: object) -> None:
    with pytest.raises(CarrierUnavailable, match="the reply's offer is"):
        parse_offer(json)


@given(cents=st.integers(0, 10**12), places=st.integers(0, 4))
def test_an_amount_is_read_exactly_as_it_was_written(cents: int, places: int) -> None:
    exact = Decimal(cents).scaleb(-places)
    read = parse_holding({**HOLDING, "monthly_price": f"{exact:f}"}).price.monthly
    assert (read.amount, str(read.amount)) == (exact, f"{exact:f}")


@given(text=st.text() | st.from_regex(r"[-+0-9eE._ ]+", fullmatch=True))
def test_a_text_is_a_plain_decimal_or_it_is_refused(text: str) -> None:
    try:
        amount = Fields({"amount": text}, "reply").money("amount", "USD").amount
    except CarrierUnavailable:
        return
    assert text.isascii()
    assert set(text) <= set("-.0123456789")
    assert f"{amount:f}" == f"{Decimal(text):f}"


@given(value=st.integers() | st.floats() | st.booleans() | st.none() | st.lists(st.text()))
def test_money_that_is_not_a_text_is_refused(value: object) -> None:
    with pytest.raises(CarrierUnavailable):
        Fields({"amount": value}, "reply").money("amount", "USD")


def test_the_snapshot_says_the_price_back_in_the_very_same_digits() -> None:
    offer = parse_offer({**OFFER, "snapshot": {**PRICES, "monthly_price": "2.10"}})
    assert staging(offer, Mark("inst-1", "shop", "us")) == {
        "select_token": "sel_415_x",
        "snapshot": {"number": NUMBER, "monthly_price": "2.10", "setup_price": "0.00", "currency": "USD"},
        "reference": "rf/inst-1/shop/us",
    }


def test_a_search_says_only_what_the_query_says() -> None:
    assert search_params(Query("GB", NumberType.TOLL_FREE)) == {"country": "GB", "type": "toll_free", "limit": "100"}
    assert search_params(Query("US", NumberType.GEOGRAPHIC, "415", frozenset({Capability.VOICE, Capability.SMS}))) == {
        "country": "US",
        "type": "geographic",
        "limit": "100",
        "area_code": "415",
        "capabilities": "sms,voice",
    }


def test_an_id_can_not_lead_to_another_path() -> None:
    assert path("number", "num_1/suspend?x=../") == "/v1/numbers/num_1%2Fsuspend%3Fx%3D..%2F"


def test_the_guides_three_paths_are_as_the_guide_has_them() -> None:
    assert [PATHS[name] for name in ("catalog", "cart items", "checkout")] == [
        "/v1/catalog/search",
        "/v1/cart/items",
        "/v1/cart/checkout",
    ]


PROFILE = Routing("inst-1.uid", "shop/desk", (SipTarget("sip:pbx.example.com"),), messaging_service="MG1")


def test_a_profile_is_read_as_it_was_told() -> None:
    row = {"id": "rp_1", "reference": PROFILE.reference, **profile(PROFILE)}
    assert parse_profile(row) == HeldRouting("rp_1", PROFILE)


@pytest.mark.parametrize("edit", [{"sip_targets": None}, {"sip_targets": [{"uri": "sip:a"}]}, {"agent": 7}])
def test_a_profile_that_somebody_has_edited_beyond_our_words_is_not_the_one_that_was_told(edit: dict[str, Any]) -> None:
    row = {"id": "rp_1", "reference": PROFILE.reference, **profile(PROFILE), **edit}
    assert parse_profile(row) == HeldRouting("rp_1", Routing(PROFILE.reference, PROFILE.name))


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"error": "no"}', b'{"error": {"message": "x"}}'])
def test_an_error_in_anothers_words_is_no_refusal_of_didhub(content: bytes) -> None:
    assert read_refusal(httpx.Response(502, content=content)) == Refusal()
