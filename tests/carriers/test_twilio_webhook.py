"""Twilio's webhooks: who is believed, by Twilio's own library too, and what is read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from ringfleet.carriers.twilio.webhook import FORM, TwilioWebhook
from ringfleet.carriers.webhooks import Doubt, MalformedEvent, SignatureRefused, WebhookRequest
from ringfleet.model import E164
from ringfleet.model.traffic import CarrierEvent, Direction, Happening

READER = TwilioWebhook()
TOKEN, KEY_ID, KEY = "12345", "webhooks_sharedkey_1", "shared secret"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
GOLDEN = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
NOW = 1_767_225_600.0
OURS, OTHERS = "+14155550100", "+12125550123"


def a_request(
    form: object, signature: str | None, url: str = URL, settings: str = "", type_: str = FORM
) -> WebhookRequest:
    body = form if isinstance(form, bytes) else urlencode(form).encode()  # type: ignore[arg-type]
    headers = {"content-type": f"{type_}; charset=utf-8"}
    headers |= {"x-twilio-signature": signature} if signature is not None else {}
    headers |= {"x-twilio-webhooks-signature-settings": settings} if settings else {}
    return WebhookRequest("POST", url, headers, body, NOW)


def doubt(request: WebhookRequest, secrets: Sequence[str] = (TOKEN,)) -> Doubt:
    with pytest.raises(SignatureRefused) as refused:
        READER.verify(request, secrets, NOW)
    return refused.value.doubt


def signed_by_sdk(form: dict[str, str], url: str = URL, secret: str = TOKEN, algorithm: str = "HMAC_SHA1") -> str:
    return str(RequestValidator(secret).compute_signature(url, form, algorithm))


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param("RSOYDt4T1cUTdK1PDd93/VVr8B8=", id="without the port"),
        pytest.param("kvajT1Ptam85bY51eRf/AJRuM3w=", id="with the port"),
    ],
)
@pytest.mark.parametrize("url", [URL, URL.replace(".com/", ".com:443/")])
def test_a_call_is_believed_whether_or_not_its_port_was_signed_and_is_called(signature: str, url: str) -> None:
    READER.verify(a_request(GOLDEN, signature, url), [TOKEN], NOW)


def test_a_shared_key_signs_by_another_algorithm_and_is_chosen_by_its_id() -> None:
    signature = "033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s="
    settings = f"key={KEY_ID},algorithm=HMAC_SHA256"
    request = a_request(GOLDEN, signature, settings=settings)
    READER.verify(request, ["auth token", f"{KEY_ID}={TOKEN}"], NOW)
    assert doubt(request, [f"{KEY_ID}2={TOKEN}"]) is Doubt.WRONG, "the key of another id"
    assert doubt(request, [TOKEN]) is Doubt.WRONG, "an auth token is no shared key"


def test_an_account_of_shared_keys_is_not_opened_by_the_older_algorithm() -> None:
    """Who calls says by what he has signed: that must not choose the weaker of two."""
    signature = signed_by_sdk(GOLDEN)
    assert doubt(a_request(GOLDEN, signature), [f"{KEY_ID}={TOKEN}"]) is Doubt.WRONG
    line = f"{KEY_ID}={KEY}"
    assert doubt(a_request(GOLDEN, signed_by_sdk(GOLDEN, secret=line)), [line]) is Doubt.WRONG


BODY = b'{"property": "value", "boolean": true}'
HASHED = f"{URL}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"


def test_another_body_than_a_form_is_believed_by_its_hash() -> None:
    signature = "a9nBmqA0ju/hNViExpshrM61xv4="
    json = "application/json"
    READER.verify(a_request(BODY, signature, HASHED, type_=json), [TOKEN], NOW)
    assert doubt(a_request(BODY + b" ", signature, HASHED, type_=json)) is Doubt.WRONG
    no_hash = signed_by_sdk({})
    assert doubt(a_request(BODY, no_hash, type_=json)) is Doubt.WRONG, "what is not signed is not believed"


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        pytest.param(a_request(GOLDEN, None), Doubt.MISSING, id="no signature"),
        pytest.param(a_request(GOLDEN, ""), Doubt.WRONG, id="an empty one"),
        pytest.param(a_request(GOLDEN, "x" * 10_000), Doubt.UNREADABLE, id="an endless one"),
        pytest.param(a_request(GOLDEN, "RSOYDt4T1cUTdK1PDd93/VVr8B9="), Doubt.WRONG, id="one bit"),
        pytest.param(a_request({**GOLDEN, "Digits": "1235"}, signed_by_sdk(GOLDEN)), Doubt.WRONG, id="a value"),
        pytest.param(a_request({**GOLDEN, "New": ""}, signed_by_sdk(GOLDEN)), Doubt.WRONG, id="a name"),
        pytest.param(a_request(GOLDEN, signed_by_sdk(GOLDEN), URL + "&x=1"), Doubt.WRONG, id="the address"),
        pytest.param(a_request(GOLDEN, signed_by_sdk(GOLDEN, secret="")), Doubt.WRONG, id="no secret"),
        pytest.param(a_request(b"\xff", "x"), Doubt.UNREADABLE, id="no text"),
        pytest.param(
            a_request(GOLDEN, signed_by_sdk(GOLDEN), settings="key=1,algorithm=NONE"), Doubt.UNREADABLE, id="algorithm"
        ),
    ],
)
def test_what_the_account_has_not_signed_so_is_not_believed(request_: WebhookRequest, why: Doubt) -> None:
    assert doubt(request_, [TOKEN, ""]) is why


def test_while_the_auth_token_changes_both_hold() -> None:
    for secret in ("old", "new"):
        READER.verify(a_request(GOLDEN, signed_by_sdk(GOLDEN, secret=secret)), ["old", "new"], NOW)


texts = st.text(st.characters(blacklist_categories=("Cs",)), max_size=20)


@given(st.dictionaries(texts, texts, max_size=6), st.sampled_from(["HMAC_SHA1", "HMAC_SHA256"]))
def test_whatever_twilios_own_library_signs_is_believed(form: dict[str, str], algorithm: str) -> None:
    settings = f"key={KEY_ID},algorithm={algorithm}" if algorithm == "HMAC_SHA256" else ""
    signature = signed_by_sdk(form, secret=KEY, algorithm=algorithm)
    READER.verify(a_request(form, signature, settings=settings), [KEY, f"{KEY_ID}={KEY}"], NOW)


# What is read.


def read(form: dict[str, str], url: str = URL) -> CarrierEvent | None:
    return next(iter(READER.read(a_request(form, "", url))), None)


CALL = {"CallSid": "CA1", "From": OURS, "To": OTHERS, "Direction": "outbound-api", "CallStatus": "in-progress"}
CALL |= {"Timestamp": "Thu, 01 Jan 2026 00:00:05 +0000"}


def test_a_call_of_ours_is_read_with_the_answer_that_it_used() -> None:
    assert read(CALL, f"{URL}&pick=p-1") == CarrierEvent(
        id="CA1:call.answered",
        happening=Happening.CALL_ANSWERED,
        at=datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC),
        number=E164(OURS),
        subject="CA1",
        direction=Direction.OUTBOUND,
        peer=E164(OTHERS),
        pick="p-1",
    )


@pytest.mark.parametrize(
    ("status", "happening"),
    [
        ("ringing", Happening.CALL_STARTED),
        ("in-progress", Happening.CALL_ANSWERED),
        *((status, Happening.CALL_ENDED) for status in ("completed", "busy", "failed", "no-answer", "canceled")),
    ],
)
def test_each_state_of_a_call_is_known(status: str, happening: Happening) -> None:
    event = read({**CALL, "CallStatus": status})
    assert event
    assert event.happening is happening


def test_a_call_that_comes_in_is_of_the_called_number() -> None:
    event = read({**CALL, "From": OTHERS, "To": OURS, "Direction": "inbound"})
    assert event
    assert (event.number, event.peer, event.direction) == (OURS, OTHERS, Direction.INBOUND)


MESSAGE = {"MessageSid": "SM1", "SmsSid": "SM1", "From": OTHERS, "To": OURS, "Body": "STOP", "NumMedia": "0"}


def test_a_message_that_comes_in_counts_from_when_it_came() -> None:
    """Twilio says no time of it."""
    assert read(MESSAGE) == CarrierEvent(
        id="SM1:message.received",
        happening=Happening.MESSAGE_RECEIVED,
        at=datetime.fromtimestamp(NOW, UTC),
        number=E164(OURS),
        subject="SM1",
        direction=Direction.INBOUND,
        peer=E164(OTHERS),
        text="STOP",
    )


@pytest.mark.parametrize(
    ("status", "happening"),
    [
        ("sent", Happening.MESSAGE_SENT),
        ("delivered", Happening.MESSAGE_DELIVERED),
        ("undelivered", Happening.MESSAGE_FAILED),
        ("failed", Happening.MESSAGE_FAILED),
    ],
)
def test_what_becomes_of_a_message_of_ours_is_known(status: str, happening: Happening) -> None:
    form = {"MessageSid": "SM1", "From": OURS, "To": OTHERS, "MessageStatus": status, "SmsStatus": status}
    event = read(form)
    assert event
    assert (event.happening, event.number, event.peer, event.text) == (happening, OURS, OTHERS, None)


def test_the_same_is_the_same_event_however_often_it_is_sent() -> None:
    """Whatever a header says that nobody has signed."""
    request = a_request(MESSAGE, "")
    again = WebhookRequest(
        request.method, request.url, {**request.headers, "i-twilio-idempotency-token": "2"}, request.body, NOW + 60
    )
    (first,), (second,) = READER.read(request), READER.read(again)
    assert first
    assert second
    assert first.id == second.id


@pytest.mark.parametrize(
    "form",
    [
        pytest.param({**CALL, "CallStatus": "queued"}, id="a state that nobody asks for"),
        pytest.param({**MESSAGE, "SmsStatus": "accepted"}, id="a message that is not sent yet"),
        pytest.param({"ServiceSid": "MG1"}, id="something else"),
    ],
)
def test_what_does_not_concern_us_is_passed_over(form: dict[str, str]) -> None:
    assert read(form) is None


def test_what_is_no_form_is_passed_over() -> None:
    assert READER.read(a_request(b"{}", "", type_="application/json")) == ()


def test_an_event_of_a_number_that_does_not_read_is_malformed_and_the_number_is_not_told() -> None:
    with pytest.raises(MalformedEvent) as refused:
        read({**CALL, "From": "anonymous 987"})
    assert "987" not in str(refused.value)


def test_the_body_is_hashed_as_it_came() -> None:
    assert HASHED.endswith(hashlib.sha256(BODY).hexdigest())
