"""DIDHub's webhooks: who is believed, and what is read."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.carriers.didhub.webhook import MOST_CODES, DIDHubWebhook
from ringfleet.carriers.webhooks import Doubt, MalformedEvent, SignatureRefused
from ringfleet.model import E164
from ringfleet.model.traffic import CarrierEvent, Direction, Happening
from tests.carriers.webhooks import NOW, NUMBER, PEER, SECRET, a_body, a_request, an_event, signed

READER = DIDHubWebhook()
BODY = a_body(an_event())
CODE = "0" * 64


def doubt(headers: dict[str, str], body: bytes = BODY, secrets: tuple[str, ...] = (SECRET,), now: float = NOW) -> Doubt:
    with pytest.raises(SignatureRefused) as refused:
        READER.verify(a_request(body, headers), secrets, now)
    return refused.value.doubt


def read(body: bytes) -> CarrierEvent | None:
    return next(iter(READER.read(a_request(body))), None)


def test_what_the_account_has_signed_is_believed() -> None:
    READER.verify(a_request(BODY), [SECRET], NOW)


@pytest.mark.parametrize("secrets", [("new", SECRET), (SECRET, "new")])
def test_while_a_secret_changes_both_hold(secrets: tuple[str, ...]) -> None:
    READER.verify(a_request(BODY), secrets, NOW)
    READER.verify(a_request(BODY, signed(BODY, "new")), secrets, NOW)
    assert doubt(signed(BODY, "older"), secrets=secrets) is Doubt.WRONG


def test_one_good_code_of_several_is_enough() -> None:
    good = signed(BODY)["didhub-signature"]
    READER.verify(a_request(BODY, {"didhub-signature": f"{good},v1={CODE}"}), [SECRET], NOW)
    READER.verify(a_request(BODY, {"didhub-signature": f"v0=ab, v1={CODE}, {good}"}), [SECRET], NOW)


def test_more_codes_than_a_carrier_ever_sends_are_not_looked_at() -> None:
    good = signed(BODY)["didhub-signature"]
    READER.verify(a_request(BODY, {"didhub-signature": good + f",v1={CODE}" * (MOST_CODES - 1)}), [SECRET], NOW)
    for count in (MOST_CODES, 8_000):
        assert doubt({"didhub-signature": good + f",v1={CODE}" * count}) is Doubt.UNREADABLE


def test_a_body_is_hashed_once_a_secret_however_many_codes_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[object] = []
    digest = hmac.digest
    monkeypatch.setattr(hmac, "digest", lambda *said: hashed.append(said[0]) or digest(*said))
    codes = f"t={NOW}" + f",v1={CODE}" * MOST_CODES
    assert doubt({"didhub-signature": codes}, secrets=("one", "two")) is Doubt.WRONG
    assert hashed == [b"one", b"two"]


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_signature_holds_for_five_minutes_either_way(seconds: int) -> None:
    READER.verify(a_request(BODY), [SECRET], NOW + seconds)


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_an_old_signature_and_one_from_the_future_are_stale(seconds: int) -> None:
    assert doubt(signed(BODY), now=NOW + seconds) is Doubt.STALE


def test_a_time_that_was_changed_is_not_signed() -> None:
    code = signed(BODY, at=NOW)["didhub-signature"].split(",")[1]
    assert doubt({"didhub-signature": f"t={NOW + 1000},{code}"}, now=NOW + 1000) is Doubt.WRONG


@given(body=st.binary(), at=st.integers(0, len(BODY) - 1), change=st.integers(1, 255))
def test_no_other_body_goes_with_a_signature(body: bytes, at: int, change: int) -> None:
    bent = BODY[:at] + bytes([BODY[at] ^ change]) + BODY[at + 1 :]
    assert doubt(signed(BODY), bent) is Doubt.WRONG
    if body != BODY:
        assert doubt(signed(BODY), body) is Doubt.WRONG


def test_nothing_is_believed_without_a_secret() -> None:
    assert doubt(signed(BODY), secrets=()) is Doubt.WRONG
    assert doubt(signed(BODY, ""), secrets=("",)) is Doubt.WRONG


def test_a_missing_signature_is_said_to_be_missing() -> None:
    assert doubt({}) is Doubt.MISSING


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1",
        f"v1={CODE}",
        f"t=x,v1={CODE}",
        "t=1,v1=00",
        f"t=1,t=2,v1={CODE}",
        f"t=-1,v1={CODE}",
        f"t=1_0,v1={CODE}",
        f"t={'9' * 13},v1={CODE}",
        f"t=1,v1={'G' * 64}",
        f"t=1,v1={'é' * 64}",
    ],
)
def test_a_header_of_another_form_is_unreadable(header: str) -> None:
    assert doubt({"didhub-signature": header}) is Doubt.UNREADABLE


@given(st.text())
def test_whatever_the_header_says_it_is_refused_and_nothing_else_happens(header: str) -> None:
    assert doubt({"didhub-signature": header}) in (Doubt.UNREADABLE, Doubt.WRONG)


# Reading.


@pytest.mark.parametrize("type_", [one.value for one in Happening if one.startswith("call.")])
def test_an_event_of_a_call_is_read_whole(type_: str) -> None:
    body = a_body(an_event(type_, pick_id="p7", direction="inbound", created_at="2026-01-01T02:00:05+02:00"))
    at = datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC)
    call, inbound = Happening(type_), Direction.INBOUND
    assert read(body) == CarrierEvent("evt_1", call, at, E164(NUMBER), "call_1", inbound, E164(PEER), pick="p7")


@pytest.mark.parametrize("type_", [one.value for one in Happening if one.startswith("message.")])
def test_an_event_of_a_message_is_read_whole(type_: str) -> None:
    event = read(a_body(an_event(type_, text="Stop.")))
    assert event is not None
    assert (event.happening, event.subject, event.text, event.peer) == (type_, "msg_1", "Stop.", PEER)
    assert event.direction is Direction.OUTBOUND


def test_an_event_of_a_label_has_no_other_side() -> None:
    body = a_body(an_event("number.labelled", label="Spam Likely"))
    at = datetime(2026, 1, 1, tzinfo=timezone(timedelta(0)))
    assert read(body) == CarrierEvent("evt_1", Happening.NUMBER_LABELLED, at, E164(NUMBER), label="Spam Likely")


@pytest.mark.parametrize("peer", [None, "", "anonymous", "72345", "+1"])
def test_who_has_no_number_is_nobody(peer: str | None) -> None:
    event = read(a_body(an_event("message.received", peer=peer)))
    assert event is not None
    assert event.peer is None


@pytest.mark.parametrize("type_", ["bundle.reviewed", "call.ringing", "invoice.paid"])
def test_what_does_not_concern_us_is_none(type_: str) -> None:
    assert read(a_body({"id": "evt_1", "type": type_, "data": "anything"})) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": None}, "event.id"),
        ({"id": 7}, "event.id"),
        ({"type": None}, "event.type"),
        ({"created_at": None}, "event.created_at"),
        ({"created_at": "yesterday"}, "event.created_at"),
        ({"created_at": "2026-01-01T00:00:00"}, "event.created_at"),
        ({"data": None}, "event.data"),
        ({"data": []}, "event.data"),
    ],
)
def test_a_malformed_event_is_refused_by_the_name_of_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(MalformedEvent, match=field):
        read(a_body(an_event() | change))


@pytest.mark.parametrize(
    ("field", "value"), [("number", "+1415"), ("number", None), ("direction", "up"), ("call_id", ""), ("pick_id", 1)]
)
def test_malformed_data_is_refused_by_the_name_of_its_field_without_its_value(field: str, value: object) -> None:
    with pytest.raises(MalformedEvent, match=rf"^event\.data\.{field} ") as malformed:
        read(a_body(an_event(**{field: value})))
    assert PEER not in str(malformed.value)
    assert NUMBER not in str(malformed.value)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000, b"NaN"])
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        read(body)


def test_a_recipient_is_in_no_repr() -> None:
    event = read(a_body(an_event("message.received", text="PLANTED")))
    assert PEER not in repr(event)
    assert "PLANTED" not in repr(event)


def test_nothing_of_a_request_is_in_its_repr() -> None:
    assert repr(a_request(BODY)) == "WebhookRequest(method='POST')"
