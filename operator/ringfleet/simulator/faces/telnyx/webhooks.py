"""What a Telnyx account is told of its traffic: JSON events, signed with Ed25519 over `{timestamp}|{body}`.

The key follows from the webhook's secret, so that a test can know it; its public half is `public_key`. An event has the
same id when it is told once more. Telnyx tells nobody that a number was labelled.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from typing import TYPE_CHECKING, Any, Final

from ringfleet.simulator.clock import format_time
from ringfleet.simulator.http.pipeline import Notice
from ringfleet.simulator.traffic.webhooks import Event, Webhook

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NAME: Final = "telnyx"
_CALLS: Final = {"call.started": "call.initiated", "call.answered": "call.answered", "call.ended": "call.hangup"}
_MESSAGES: Final = {
    "message.sent": ("message.sent", "sent"),
    "message.delivered": ("message.finalized", "delivered"),
    "message.failed": ("message.finalized", "delivery_failed"),
}


def notify(webhook: Webhook, event: Event, now: float) -> Notice | None:
    told = _told(event)
    if told is None:
        return None
    type_, payload = told
    data = {
        "record_type": "event",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"event-{event.id}")),
        "event_type": type_,
        "occurred_at": format_time(event.at),
        "payload": payload,
    }
    body = json.dumps({"data": data, "meta": {"attempt": event.attempts + 1, "delivered_to": webhook.url}}).encode()
    at = str(int(now))
    signature = base64.b64encode(_key(webhook.secret).sign(f"{at}|".encode() + body)).decode()
    headers = {"telnyx-signature-ed25519": signature, "telnyx-timestamp": at, "Content-Type": "application/json"}
    return Notice(headers, body)


def public_key(secret: str) -> str:
    """Base64 of the 32 bytes that the signatures of a webhook with this secret are checked with."""
    return base64.b64encode(_key(secret).public_key().public_bytes_raw()).decode()


def _key(secret: str) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - only who has webhooks pays for it
        Ed25519PrivateKey,
    )

    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(secret.encode()).digest())


def _told(event: Event) -> tuple[str, dict[str, Any]] | None:
    data = event.data
    inbound = data.get("direction") == "inbound"
    if event.type in _CALLS:
        return _CALLS[event.type], _call(event, inbound)
    if event.type == "message.received":
        return "message.received", _message(event, "webhook_delivered", inbound=True)
    if event.type in _MESSAGES:
        type_, state = _MESSAGES[event.type]
        return type_, _message(event, state, inbound=False)
    return None


def _call(event: Event, inbound: bool) -> dict[str, Any]:
    peer, id_ = event.data["peer"], str(event.data["call_id"])
    told = {
        "call_control_id": f"v3:{id_}",
        "call_leg_id": leg_id(id_),
        "call_session_id": session_id(id_),
        "connection_id": None,
        "direction": "incoming" if inbound else "outgoing",
        "from": peer if inbound else event.number,
        "to": event.number if inbound else peer,
        "start_time": format_time(event.at),
    }
    if event.type != "call.ended":
        return told
    answered = bool(event.data.get("duration_seconds"))
    cause = {"hangup_cause": "normal_clearing" if answered else "no_answer", "hangup_source": "callee"}
    return told | cause | {"end_time": format_time(event.at)}


def _message(event: Event, state: str, inbound: bool) -> dict[str, Any]:
    peer, id_ = event.data["peer"], str(event.data["message_id"])
    sender, receiver = (peer, event.number) if inbound else (event.number, peer)
    return {
        "record_type": "message",
        "id": message_uuid(id_),
        "direction": "inbound" if inbound else "outbound",
        "type": "SMS",
        "from": {"phone_number": sender, "carrier": "", "line_type": "Wireless"},
        "to": [{"phone_number": receiver, "status": state, "carrier": "", "line_type": "Wireless"}],
        "text": event.data["text"] or "",
        "media": [],
        "received_at": format_time(event.at),
    }


def leg_id(call: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"leg-{call}"))


def session_id(call: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"session-{call}"))


def message_uuid(message: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"message-{message}"))
