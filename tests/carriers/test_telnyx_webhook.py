"""Telnyx' webhooks: who is believed, by Telnyx' own library too, and what is read."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.carriers.telnyx.webhook import TelnyxWebhook
from ringfleet.carriers.webhooks import Doubt, MalformedEvent, SignatureRefused, WebhookRequest
from ringfleet.model import E164
from ringfleet.model.traffic import CarrierEvent, Direction, Happening

READER = TelnyxWebhook()
NOW = 1_767_225_600
NUMBER = "+14155550100"
PEER = "+12125550123"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))

# Made by Telnyx' library from that key.
PUBLIC = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
VECTOR_BODY = b'{"data":{"event_type":"number_order.complete"}}'
VECTOR_AT = 1_700_000_000
VECTOR = "QA4q1Rkmvd198XBlJu40RvWxrJb2LQB+dKwpZsCBIJ/UD70qez5FEAfrToJzuSTH0CldrCEGeI1U5vOXaSAHBw=="


def public(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def signed(body: bytes, key: Ed25519PrivateKey = KEY, at: int = NOW) -> dict[str, str]:
    signature = base64.b64encode(key.sign(f"{at}|".encode() + body)).decode()
    return {"telnyx-timestamp": str(at), "telnyx-signature-ed25519": signature}


def a_request(body: bytes, headers: dict[str, str] | None = None) -> WebhookRequest:
    url = "https://events.example.com/v1/events/shop/telnyx"
    return WebhookRequest("POST", url, signed(body) if headers is None else headers, body)


def an_event(type_: str, **payload: Any) -> bytes:
    data = {"id": "evt-1", "event_type": type_, "occurred_at": "2026-01-01T00:00:05Z", "payload": payload}
    return json.dumps({"data": {**data, "record_type": "event"}, "meta": {"attempt": 1}}).encode()


def a_call(type_: str = "call.initiated", **changes: Any) -> bytes:
    told = {"call_leg_id": "leg-1", "direction": "outgoing", "from": NUMBER, "to": PEER, **changes}
    return an_event(type_, **{name: value for name, value in told.items() if value is not None})


def a_message(type_: str = "message.received", **changes: Any) -> bytes:
    parties = {"from": {"phone_number": PEER}, "to": [{"phone_number": NUMBER, "status": "webhook_delivered"}]}
    return an_event(type_, **{"id": "msg-1", "direction": "inbound", "text": "Stop.", **parties, **changes})


def doubt(
    headers: dict[str, str], body: bytes = VECTOR_BODY, keys: tuple[str, ...] = (PUBLIC,), now: int = NOW
) -> Doubt:
    with pytest.raises(SignatureRefused) as refused:
        READER.verify(a_request(body, headers), keys, now)
    return refused.value.doubt


def read(body: bytes) -> CarrierEvent | None:
    return next(iter(READER.read(a_request(body))), None)


# Who is believed.


def test_a_signature_that_telnyx_library_has_made_is_believed() -> None:
    assert public(KEY) == PUBLIC
    headers = {"telnyx-timestamp": str(VECTOR_AT), "telnyx-signature-ed25519": VECTOR}
    READER.verify(a_request(VECTOR_BODY, headers), [PUBLIC], VECTOR_AT)
    assert signed(VECTOR_BODY, at=VECTOR_AT) == headers


def test_what_is_believed_here_the_library_believes_and_nothing_else() -> None:
    import telnyx

    at, body = int(time.time()), a_message()
    library = telnyx.Telnyx(api_key="none", public_key=PUBLIC)
    library.webhooks.unwrap(body.decode(), headers=signed(body, at=at))
    READER.verify(a_request(body, signed(body, at=at)), [PUBLIC], at)
    bent = body.replace(b"Stop", b"Stay")
    with pytest.raises(ValueError, match="does not match"):
        library.webhooks.unwrap(bent.decode(), headers=signed(body, at=at))
    assert doubt(signed(body, at=at), bent, now=at) is Doubt.WRONG
    library.close()


@given(at=st.integers(0, len(VECTOR_BODY) * 8 - 1))
def test_one_bit_of_the_body_that_is_wrong_is_seen(at: int) -> None:
    bent = bytearray(VECTOR_BODY)
    bent[at // 8] ^= 1 << at % 8
    assert doubt(signed(VECTOR_BODY), bytes(bent)) is Doubt.WRONG


@given(at=st.integers(0, 64 * 8 - 1))
def test_one_bit_of_the_signature_that_is_wrong_is_seen(at: int) -> None:
    headers = signed(VECTOR_BODY)
    bent = bytearray(base64.b64decode(headers["telnyx-signature-ed25519"]))
    bent[at // 8] ^= 1 << at % 8
    assert doubt({**headers, "telnyx-signature-ed25519": base64.b64encode(bent).decode()}) is Doubt.WRONG


@pytest.mark.parametrize("keys", [(PUBLIC, public(OTHER)), (public(OTHER), PUBLIC), ("no key", PUBLIC)])
def test_while_a_key_changes_both_hold(keys: tuple[str, ...]) -> None:
    READER.verify(a_request(VECTOR_BODY), keys, NOW)


@pytest.mark.parametrize("keys", [(), ("",), ("no key",), (public(OTHER),), (PUBLIC[:-4],)])
def test_without_the_right_key_nothing_is_believed(keys: tuple[str, ...]) -> None:
    assert doubt(signed(VECTOR_BODY), keys=keys) is Doubt.WRONG


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_signature_holds_for_five_minutes_either_way(seconds: int) -> None:
    READER.verify(a_request(VECTOR_BODY), [PUBLIC], NOW + seconds)


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_an_old_signature_and_one_from_the_future_are_stale(seconds: int) -> None:
    assert doubt(signed(VECTOR_BODY), now=NOW + seconds) is Doubt.STALE


def test_a_time_that_was_changed_is_not_signed() -> None:
    assert doubt({**signed(VECTOR_BODY), "telnyx-timestamp": str(NOW + 1)}) is Doubt.WRONG


@pytest.mark.parametrize("header", ["telnyx-timestamp", "telnyx-signature-ed25519"])
def test_a_header_that_is_missing_is_said_to_be_missing(header: str) -> None:
    assert doubt({name: value for name, value in signed(VECTOR_BODY).items() if name != header}) is Doubt.MISSING


@pytest.mark.parametrize(
    "headers",
    [
        {"telnyx-timestamp": "yesterday"},
        {"telnyx-timestamp": "-1"},
        {"telnyx-timestamp": "1_0"},
        {"telnyx-timestamp": "9" * 13},
        {"telnyx-signature-ed25519": "é"},
        {"telnyx-signature-ed25519": "AAAA"},
        {"telnyx-signature-ed25519": VECTOR * 100},
    ],
)
def test_a_header_of_another_form_is_unreadable(headers: dict[str, str]) -> None:
    assert doubt({**signed(VECTOR_BODY), **headers}) is Doubt.UNREADABLE


# Reading.


AT = datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("type_", "happening"),
    [
        ("call.initiated", Happening.CALL_STARTED),
        ("call.answered", Happening.CALL_ANSWERED),
        ("call.hangup", Happening.CALL_ENDED),
    ],
)
def test_an_event_of_a_call_is_read_whole(type_: str, happening: Happening) -> None:
    ours, theirs, id_ = E164(NUMBER), E164(PEER), f"leg-1:{happening}"
    assert read(a_call(type_)) == CarrierEvent(id_, happening, AT, ours, "leg-1", Direction.OUTBOUND, peer=theirs)
    incoming = a_call(type_, direction="incoming", **{"from": PEER, "to": NUMBER})
    assert read(incoming) == CarrierEvent(id_, happening, AT, ours, "leg-1", Direction.INBOUND, peer=theirs)
    undirected = CarrierEvent(id_, happening, AT, ours, "leg-1", undirected=True, peer=theirs)
    assert read(a_call(type_, direction=None)) == undirected


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"direction": None, "from": "anonymous"}, id="a withheld caller of a call whose sides are not told"
        ),
        pytest.param({"from": "sip:desk@example.com"}, id="a SIP phone calls"),
        pytest.param({"direction": "incoming", "to": "sips:desk@example.com"}, id="a SIP phone is called"),
    ],
)
def test_a_call_without_a_number_of_ours_does_not_concern_us(changes: dict[str, Any]) -> None:
    assert read(a_call(**changes)) is None


@pytest.mark.parametrize(
    ("type_", "status", "happening"),
    [
        ("message.sent", "sent", Happening.MESSAGE_SENT),
        ("message.finalized", "delivered", Happening.MESSAGE_DELIVERED),
        ("message.finalized", "delivery_failed", Happening.MESSAGE_FAILED),
        ("message.finalized", "sending_failed", Happening.MESSAGE_FAILED),
        ("message.finalized", "expired", Happening.MESSAGE_FAILED),
        ("message.finalized", "delivery_unconfirmed", None),
        ("message.finalized", None, None),
    ],
)
def test_what_became_of_a_message_is_read(type_: str, status: str | None, happening: Happening | None) -> None:
    to = [{"phone_number": PEER, "status": status}]
    event = read(a_message(type_, direction="outbound", **{"from": {"phone_number": NUMBER}, "to": to}))
    assert (event and event.happening) == happening
    assert event is None or (event.number, event.peer, event.direction) == (NUMBER, PEER, Direction.OUTBOUND)


def test_a_message_that_came_in_is_read_whole() -> None:
    event = CarrierEvent(
        "msg-1:message.received",
        Happening.MESSAGE_RECEIVED,
        AT,
        E164(NUMBER),
        "msg-1",
        Direction.INBOUND,
        peer=E164(PEER),
        text="Stop.",
    )
    assert read(a_message()) == event


@pytest.mark.parametrize("peer", ["", "72345", "Acme"])
def test_who_has_no_number_is_nobody(peer: str) -> None:
    event = read(a_message(**{"from": {"phone_number": peer}}))
    assert event is not None
    assert event.peer is None


@pytest.mark.parametrize("type_", ["number_order.complete", "call.bridged", "message.read", "call.cost"])
def test_what_does_not_concern_us_is_none(type_: str) -> None:
    assert read(an_event(type_)) is None


def test_what_a_texml_application_is_told_by_form_does_not_concern_us() -> None:
    body = b"CallSid=v3&CallStatus=completed"
    headers = {**signed(body), "content-type": "application/x-www-form-urlencoded"}
    READER.verify(a_request(body, headers), [PUBLIC], NOW)
    assert READER.read(a_request(body, headers)) == ()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param(a_call(**{"from": "+1415"}), "event.data.payload.from", id="no number"),
        pytest.param(a_call(call_leg_id=""), "event.data.payload.call_leg_id", id="no call"),
        pytest.param(a_call(direction="up"), "event.data.payload.direction", id="no direction"),
        pytest.param(a_message(to=[]), "event.data.payload.to", id="no receiver"),
        pytest.param(a_message(id=None), "event.data.payload.id", id="no message"),
        pytest.param(b'{"data": {"event_type": "call.hangup"}}', "event.data.payload", id="no payload"),
        pytest.param(b'{"data": {}}', "event.data.event_type", id="no type"),
    ],
)
def test_a_malformed_event_is_refused_by_the_name_of_its_field_without_its_value(body: bytes, field: str) -> None:
    with pytest.raises(MalformedEvent, match=f"^{field} ") as malformed:
        read(body)
    assert PEER not in str(malformed.value)
    assert NUMBER not in str(malformed.value)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000, b"NaN"])
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        read(body)
