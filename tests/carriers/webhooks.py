"""DIDHub's events as a test writes them, signed by a rule that is written down here once more."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from ringfleet.carriers.webhooks import WebhookRequest

SECRET = "whsec_0123456789abcdef"
NOW = 1_767_225_600
NUMBER = "+14155550100"
PEER = "+12125550123"


def an_event(type_: str = "call.started", id_: str = "evt_1", **data: Any) -> dict[str, Any]:
    subject = {"message_id": "msg_1"} if type_.startswith("message.") else {"call_id": "call_1"}
    parties = {"number": NUMBER, "peer": PEER, "direction": "outbound", "pick_id": None}
    created_at = data.pop("created_at", "2026-01-01T00:00:00Z")
    return {"id": id_, "type": type_, "created_at": created_at, "data": {**subject, **parties, **data}}


def a_body(event: object) -> bytes:
    return json.dumps(event).encode()


def signed(body: bytes, secret: str = SECRET, at: int = NOW) -> dict[str, str]:
    """The headers that go with the body."""
    code = hmac.digest(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return {"didhub-signature": f"t={at},v1={code.hex()}"}


def a_request(body: bytes, headers: dict[str, str] | None = None) -> WebhookRequest:
    """The call that carries the body, signed unless the headers say otherwise."""
    url = "https://events.example.com/v1/events/shop/sandbox"
    return WebhookRequest("POST", url, signed(body) if headers is None else headers, body)
