"""What Event Streams tell: arrays of CloudEvents, signed by the hash of their body, known by the message's SID."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from ringfleet.carriers.twilio.streamed import RECEIVED
from ringfleet.carriers.twilio.webhook import TwilioWebhook
from ringfleet.carriers.webhooks import Doubt, MalformedEvent, SignatureRefused, WebhookRequest
from ringfleet.model import E164
from ringfleet.model.traffic import CarrierEvent, Direction, Happening

READER = TwilioWebhook()
TOKEN, NOW = "12345", 1_767_225_600.0
URL = "https://events.example.com/v1/events/shop/main"
OURS, OTHERS = "+14155550100", "+12125550123"


def a_message(sid: str = "SM1", **data: Any) -> dict[str, Any]:
    """As Twilio's page of the schema Messaging.InboundMessageV1 shows one."""
    told = {"numMedia": 0, "timestamp": "2026-01-01T00:00:00.000Z", "recipients": [], "accountSid": "AC1"}
    told |= {"to": OURS, "from": OTHERS, "messageSid": sid, "numSegments": 1, "eventName": RECEIVED, "body": "STOP"}
    return {
        "specversion": "1.0",
        "type": RECEIVED,
        "source": f"/2010-04-01/Accounts/AC1/Messages/{sid}.json",
        "id": "EZ1",
        "dataschema": "https://events-schemas.twilio.com/Messaging.InboundMessageV1/5",
        "datacontenttype": "application/json",
        "time": "2026-01-01T00:00:01.000Z",
        "data": {**told, **data},
    }


TEST_EVENT = {
    "specversion": "1.0",
    "type": "com.twilio.eventstreams.test-event",
    "source": "Sink",
    "id": "AC1",
    "data": {"test_id": "cae2f9e2-c277-4612-8ad3-93c1a7a3ef88"},
}


def a_request(body: bytes, url: str = URL, token: str = TOKEN) -> WebhookRequest:
    """Signed as Twilio's own library checks it."""
    called = f"{url}?bodySHA256={sha256(body).hexdigest()}"
    signature = RequestValidator(token).compute_signature(called, {})
    headers = {"content-type": "application/json", "x-twilio-signature": str(signature)}
    return WebhookRequest("POST", called, headers, body, NOW)


def read(*events: Any) -> tuple[CarrierEvent, ...]:
    return READER.read(a_request(json.dumps(events).encode()))


def test_an_array_is_believed_that_is_signed_by_the_hash_of_its_body_and_no_other() -> None:
    request = a_request(json.dumps([a_message()]).encode())
    READER.verify(request, [TOKEN], NOW)
    forged = WebhookRequest("POST", request.url, request.headers, request.body.replace(b"STOP", b"YES!"), NOW)
    for doubtful, secret in ((forged, TOKEN), (request, "another")):
        with pytest.raises(SignatureRefused) as refused:
            READER.verify(doubtful, [secret], NOW)
        assert refused.value.doubt is Doubt.WRONG


def test_each_message_of_an_array_is_one_event_by_the_sid_that_its_webhook_has_too() -> None:
    first, second = read(a_message(), TEST_EVENT, a_message("SM2", body="hello"))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    inbound = Direction.INBOUND
    received = Happening.MESSAGE_RECEIVED
    assert first == CarrierEvent(
        "SM1:message.received", received, at, E164(OURS), "SM1", inbound, peer=E164(OTHERS), text="STOP", streamed=True
    )
    assert (second.id, second.text) == ("SM2:message.received", "hello")
    form = {"MessageSid": "SM1", "SmsStatus": "received", "From": OTHERS, "To": OURS, "Body": "STOP"}
    body = "&".join(f"{name}={text}" for name, text in form.items()).replace("+", "%2B").encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert [one.id for one in READER.read(WebhookRequest("POST", URL, headers, body, NOW))] == [first.id]


def test_a_single_event_that_is_not_in_an_array_is_read_too() -> None:
    body = json.dumps(a_message()).encode()
    assert [one.id for one in READER.read(a_request(body))] == ["SM1:message.received"]


@pytest.mark.parametrize("to", ["12345", "rcs:brand", "messenger:1234"])
def test_a_message_to_what_is_no_number_is_none_of_ours(to: str) -> None:
    assert read(a_message(to=to), a_message("SM2"))[0].subject == "SM2"


@pytest.mark.parametrize("change", [{"timestamp": "noon"}, {"messageSid": None}, {"body": 7}])
def test_a_message_that_does_not_read_hides_none_of_the_others_and_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedEvent) as malformed:
        read(a_message("SM1"), a_message("SM2", **change), a_message("SM3"))
    assert [one.subject for one in malformed.value.others] == ["SM1", "SM3"]
    assert OTHERS not in str(malformed.value)


def test_a_message_without_a_time_of_its_own_was_sent_when_its_event_was_made() -> None:
    (event,) = read(a_message(timestamp=None))
    assert event.at == datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("body", [b"{", b"[1]", b"[null]", b"\xff"])
def test_what_is_no_event_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        READER.read(a_request(body))


def test_an_empty_array_and_a_test_event_concern_nobody() -> None:
    assert read() == ()
    assert read(TEST_EVENT) == ()
