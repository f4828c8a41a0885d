"""Telnyx' webhooks: JSON, signed with Ed25519 under a key of which Telnyx shows the public half.

    telnyx-timestamp: 1767225600
    telnyx-signature-ed25519: <base64 of the signature of "1767225600|<raw body>">

    {"data": {"id": "...", "event_type": "call.answered", "occurred_at": "2026-01-01T00:00:00Z", "payload": {...}}}

The "secrets" of a reader are public keys here, each the base64 of 32 bytes, as Telnyx' portal shows it. An event is
known by the call's leg or the message that it is about, and by what became of it: a detail record tells of the same,
and has no `data.id`. Telnyx tells nobody of spam labels. Only `call.initiated` says whether a call
comes in: of the other events of a call it is not known which side is ours (`CarrierEvent.undirected`). What a TeXML
application is told by form is signed too, and does not concern us.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from ringfleet.carriers.errors import CarrierUnavailable
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.traffic_events import event_id
from ringfleet.carriers.webhooks import Doubt, MalformedEvent, SignatureRefused, WebhookRequest, only
from ringfleet.model import E164
from ringfleet.model.senders import read_sender
from ringfleet.model.traffic import CarrierEvent, Direction, Happening

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SIGNATURE: Final = "telnyx-signature-ed25519"
TIMESTAMP: Final = "telnyx-timestamp"
WINDOW: Final = 300.0
"""Seconds that a signature may be old, or ahead of us."""
_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_TIME: Final = re.compile(r"[0-9]{1,12}")
_LONGEST_SIGNATURE: Final = 128
"""Characters; base64 of a signature has 88."""
_CALLS: Final = {
    "call.initiated": Happening.CALL_STARTED,
    "call.answered": Happening.CALL_ANSWERED,
    "call.hangup": Happening.CALL_ENDED,
}
DIRECTIONS: Final = {
    "incoming": Direction.INBOUND,
    "inbound": Direction.INBOUND,
    "outgoing": Direction.OUTBOUND,
    "outbound": Direction.OUTBOUND,
}
_FINAL: Final = {
    "delivered": Happening.MESSAGE_DELIVERED,
    "delivery_failed": Happening.MESSAGE_FAILED,
    "sending_failed": Happening.MESSAGE_FAILED,
    "expired": Happening.MESSAGE_FAILED,
}
"""What became of a message; of one that is `delivery_unconfirmed` nobody knows it."""


class TelnyxWebhook:
    """See `WebhookReader`."""

    def verify(self, request: WebhookRequest, secrets: Sequence[str], now: float) -> None:
        """The time is signed, so it is looked at last: who can't sign learns nothing of our clock."""
        at, signature = _signature(request.headers)
        message = f"{at}|".encode() + request.body
        if not any(_has_signed(key, signature, message) for key in _keys(secrets)):
            raise SignatureRefused(
                Doubt.WRONG,
                "The signature is not of this body by the account's public key: compare it with the one in the portal.",
            )
        if abs(now - int(at)) > WINDOW:
            raise SignatureRefused(
                Doubt.STALE, f"The signature is more than {WINDOW:.0f} seconds old, or from the future: sign it anew."
            )

    def read(self, request: WebhookRequest) -> tuple[CarrierEvent, ...]:
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return ()
        try:
            return only(_event(Fields(json.loads(request.body), "event").inside("data")))
        except (ValueError, RecursionError) as error:
            raise MalformedEvent("the event is no JSON document in UTF-8") from error
        except CarrierUnavailable as error:
            raise MalformedEvent(str(error).removeprefix("the reply's ")) from error


def _signature(headers: Mapping[str, str]) -> tuple[str, bytes]:
    """The time and the signature. The time stays as it was written, since that is what is signed."""
    at, text = headers.get(TIMESTAMP), headers.get(SIGNATURE)
    if at is None or text is None:
        raise SignatureRefused(Doubt.MISSING, f"There is no {TIMESTAMP if at is None else SIGNATURE} header.")
    signature = _decode(text) if len(text) <= _LONGEST_SIGNATURE else None
    if not _TIME.fullmatch(at) or signature is None or len(signature) != _SIGNATURE_BYTES:
        raise SignatureRefused(
            Doubt.UNREADABLE,
            f"{TIMESTAMP} is not in seconds, or {SIGNATURE} not the base64 of {_SIGNATURE_BYTES} bytes.",
        )
    return at, signature


def _keys(secrets: Sequence[str]) -> list[Ed25519PublicKey]:
    """Those that are keys. Loaded when there is something to check: a program without webhooks does not pay for it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - see above

    decoded = map(_decode, secrets)
    return [Ed25519PublicKey.from_public_bytes(key) for key in decoded if key is not None and len(key) == _KEY_BYTES]


def _has_signed(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - as above

    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None


def _event(data: Fields) -> CarrierEvent | None:
    type_ = data.text("event_type")
    if type_ in _CALLS:
        return _call(data, _CALLS[type_])
    payload = data.inside("payload") if type_.startswith("message.") else None
    match type_:
        case "message.received" if payload:
            return _message(data, payload, Happening.MESSAGE_RECEIVED)
        case "message.sent" if payload:
            return _message(data, payload, Happening.MESSAGE_SENT)
        case "message.finalized" if payload:
            became = _FINAL.get(_receiver(payload).maybe_text("status") or "")
            return None if became is None else _message(data, payload, became)
        case _:
            return None


def _call(data: Fields, happening: Happening) -> CarrierEvent | None:
    payload = data.inside("payload")
    told = payload.has("direction")
    direction = payload.choice("direction", DIRECTIONS) if told else Direction.OUTBOUND
    ours, peer = ("to", "from") if direction is Direction.INBOUND else ("from", "to")
    if _is_no_number(payload, ours) or (not told and _maybe_number(payload, ours) is None):
        return None
    number = payload.number(ours)
    return CarrierEvent(
        id=event_id(payload.text("call_leg_id"), happening),
        happening=happening,
        at=data.moment("occurred_at"),
        number=number,
        subject=payload.text("call_leg_id"),
        direction=direction,
        peer=read_sender(payload.maybe_text(peer) or "", number),
        undirected=not told,
    )


def _message(data: Fields, payload: Fields, happening: Happening) -> CarrierEvent:
    direction = payload.choice("direction", DIRECTIONS)
    sender, receiver = payload.inside("from"), _receiver(payload)
    ours, peer = (receiver, sender) if direction is Direction.INBOUND else (sender, receiver)
    number = ours.number("phone_number")
    return CarrierEvent(
        id=event_id(payload.text("id"), happening),
        happening=happening,
        at=data.moment("occurred_at"),
        number=number,
        subject=payload.text("id"),
        direction=direction,
        peer=read_sender(peer.maybe_text("phone_number") or "", number),
        text=payload.maybe_text("text") if happening is Happening.MESSAGE_RECEIVED else None,
    )


def _receiver(payload: Fields) -> Fields:
    """The first one: what Ringfleet counts goes to one."""
    receivers = payload.items("to")
    return Fields(receivers[0] if receivers else None, "event.data.payload.to")


def _is_no_number(payload: Fields, field: str) -> bool:
    """Whether a SIP URI stands there: a call of a number of ours has that number on our side."""
    return (payload.maybe_text(field) or "").startswith(("sip:", "sips:"))


def _maybe_number(payload: Fields, field: str) -> E164 | None:
    try:
        return payload.number(field)
    except CarrierUnavailable:
        return None
