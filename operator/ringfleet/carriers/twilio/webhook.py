"""Twilio's webhooks: status callbacks of calls and messages, and messages that come in. These are forms; what Event
Streams tell is JSON, and read in `streamed`.

    X-Twilio-Signature: base64(HMAC(secret, URL + every name and value of the form, by name))

With the auth token it is SHA-1. Where `X-Twilio-Webhooks-Signature-Settings: key=<id>,algorithm=HMAC_SHA256` stands
beside it, it is SHA-256 with the shared key of that id. The account's secrets are auth tokens, and shared keys written
as `webhooks_sharedkey_...=<secret>`. Who sends the call says by which of the two it is signed: so a shared key is never
tried with SHA-1, and an account that has shared keys only is never opened by SHA-1.

What is signed is the URL that Twilio called. It may have its port in it or not, so both are tried. Another body than a
form is signed by its hash, which the URL carries as `bodySHA256`.

No time is signed. Who has caught a call can send it again, and it is the same event then: an event is known by the call
or message that it is about, and by what became of it, never by a header. A message says no time either: it counts as
sent when it comes. The dispatcher's answer that a call used is in none of Twilio's fields: a caller that wants it told
calls with a status callback that has `?pick=<its id>` at its end.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlsplit

from ringfleet.carriers.traffic_events import event_id
from ringfleet.carriers.twilio.streamed import read_stream
from ringfleet.carriers.webhooks import Doubt, MalformedEvent, SignatureRefused, WebhookRequest, only
from ringfleet.model import E164
from ringfleet.model.senders import read_sender
from ringfleet.model.traffic import CarrierEvent, Direction, Happening

HEADER: Final = "x-twilio-signature"
SETTINGS_HEADER: Final = "x-twilio-webhooks-signature-settings"
SHARED_KEY: Final = "webhooks_sharedkey_"
FORM: Final = "application/x-www-form-urlencoded"
_LONGEST_HEADER: Final = 512
_MOST_FIELDS: Final = 500
_ALGORITHMS: Final = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
CALLS: Final = {
    "ringing": Happening.CALL_STARTED,
    "in-progress": Happening.CALL_ANSWERED,
    "completed": Happening.CALL_ENDED,
    "busy": Happening.CALL_ENDED,
    "failed": Happening.CALL_ENDED,
    "no-answer": Happening.CALL_ENDED,
    "canceled": Happening.CALL_ENDED,
}
_MESSAGES: Final = {
    "sent": Happening.MESSAGE_SENT,
    "delivered": Happening.MESSAGE_DELIVERED,
    "undelivered": Happening.MESSAGE_FAILED,
    "failed": Happening.MESSAGE_FAILED,
    "received": Happening.MESSAGE_RECEIVED,
}

Form = Mapping[str, list[str]]


class TwilioWebhook:
    """See `WebhookReader`."""

    def verify(self, request: WebhookRequest, secrets: Sequence[str], now: float) -> None:  # noqa: ARG002 - no time is signed
        signature = request.headers.get(HEADER)
        if signature is None:
            raise SignatureRefused(Doubt.MISSING, "There is no X-Twilio-Signature header.")
        if len(signature) > _LONGEST_HEADER:
            raise SignatureRefused(Doubt.UNREADABLE, f"The X-Twilio-Signature header is longer than {_LONGEST_HEADER}.")
        algorithm, keys = _signed_by(request.headers.get(SETTINGS_HEADER, ""), secrets)
        texts = [url + _parameters(request) for url in _spellings(request.url)]
        codes = [_code(key, text, algorithm) for key in keys for text in texts]
        matches = [hmac.compare_digest(code, signature.encode()) for code in codes]  # all of them, in constant time
        if not any(matches) or not _body_is_the_signed_one(request):
            raise SignatureRefused(
                Doubt.WRONG,
                "The signature is not of this call by the account's secret: compare the auth token on both sides, and "
                "the address that Twilio calls with the one that is configured here.",
            )

    def read(self, request: WebhookRequest) -> tuple[CarrierEvent, ...]:
        if not _is_form(request):
            return read_stream(request)
        try:
            fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
        except (UnicodeDecodeError, ValueError) as error:
            raise MalformedEvent("the event is no form in UTF-8") from error
        if call := fields.get("CallSid"):
            return only(_event(request, fields, call, CALLS.get(fields.get("CallStatus", ""))))
        if message := fields.get("MessageSid") or fields.get("SmsSid"):
            state = fields.get("MessageStatus") or fields.get("SmsStatus") or "received"
            return only(_event(request, fields, message, _MESSAGES.get(state)))
        return ()


# Whose signature it is.


def _signed_by(settings: str, secrets: Sequence[str]) -> tuple[str, list[str]]:
    """The algorithm, and the secrets that may have signed with it."""
    told = {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in settings.split(","))}
    algorithm = _ALGORITHMS.get((told.get("algorithm") or "HMAC_SHA1").upper())
    if algorithm is None:
        raise SignatureRefused(Doubt.UNREADABLE, "The signature is by an algorithm that is not known here.")
    shared = dict(_shared_keys(secrets))
    if algorithm == "sha1":
        return algorithm, [secret for secret in secrets if secret and not secret.startswith(SHARED_KEY)]
    return algorithm, [secret for id_, secret in shared.items() if id_ == told.get("key")]


def _shared_keys(secrets: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in secrets:
        id_, equals, secret = line.partition("=")
        if id_.startswith(SHARED_KEY) and equals and secret:
            yield id_.strip(), secret.strip()


def _code(secret: str, text: str, algorithm: str) -> bytes:
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), algorithm))


def _spellings(url: str) -> tuple[str, ...]:
    """The URL with its port, and without."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        return (url,)
    if port is None:
        return (parts.geturl(), _at(parts, f"{parts.netloc}:{443 if parts.scheme == 'https' else 80}"))
    return (parts.geturl(), _at(parts, parts.netloc.removesuffix(f":{port}")))


def _at(parts: SplitResult, netloc: str) -> str:
    return parts._replace(netloc=netloc).geturl()


def _parameters(request: WebhookRequest) -> str:
    """What is signed of a form: each name, in order, with each of its values once."""
    if not _is_form(request):
        return ""
    return "".join(name + value for name, values in sorted(_form(request).items()) for value in sorted(set(values)))


def _form(request: WebhookRequest) -> Form:
    try:
        return parse_qs(request.body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except (UnicodeDecodeError, ValueError) as error:
        raise SignatureRefused(Doubt.UNREADABLE, "The body is no form in UTF-8.") from error


def _body_is_the_signed_one(request: WebhookRequest) -> bool:
    """Whether a body that is no form is the one whose hash the signed URL has."""
    if _is_form(request):
        return True
    told = _query(request.url).get("bodySHA256")
    if told is None:
        return not request.body
    return hmac.compare_digest(hashlib.sha256(request.body).hexdigest().encode(), told.encode())


def _query(url: str) -> Mapping[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def _is_form(request: WebhookRequest) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


# What it says.


def _event(
    request: WebhookRequest, fields: Mapping[str, str], subject: str, happening: Happening | None
) -> CarrierEvent | None:
    if happening is None:
        return None
    inbound = happening is Happening.MESSAGE_RECEIVED or fields.get("Direction") == "inbound"
    ours, other = ("To", "From") if inbound else ("From", "To")
    number = _number(fields, ours)
    return CarrierEvent(
        id=event_id(subject, happening),
        happening=happening,
        at=_time(request, fields),
        number=number,
        subject=subject,
        direction=Direction.INBOUND if inbound else Direction.OUTBOUND,
        peer=read_sender(fields.get(other, ""), number),
        text=fields.get("Body") if happening is Happening.MESSAGE_RECEIVED else None,
        pick=_query(request.url).get("pick"),
    )


def _number(fields: Mapping[str, str], name: str) -> E164:
    try:
        return E164.parse(fields.get(name, ""))
    except ValueError as error:
        raise MalformedEvent(f"{name} is no E.164 number such as +14155550123") from error


def _time(request: WebhookRequest, fields: Mapping[str, str]) -> datetime:
    """When it happened, where Twilio says; else when it came."""
    try:
        told = parsedate_to_datetime(fields["Timestamp"])
    except (KeyError, ValueError):
        return datetime.fromtimestamp(request.received_at, UTC)
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)
