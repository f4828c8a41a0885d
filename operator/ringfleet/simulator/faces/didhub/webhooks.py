"""The webhook of an account, at the DIDHub face. Paths, events and signature are this simulator's own::

DIDHub-Signature: t=<seconds of the exchange's time>,v1=<HMAC-SHA256 of "<t>.<body>" under the secret, in hex>
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Final
from urllib.parse import urlsplit

from ringfleet.simulator.clock import format_time
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.fields import BadField, Fields
from ringfleet.simulator.http.pipeline import Answer, Asked, Notice
from ringfleet.simulator.traffic.webhooks import Event, Webhook

NAME: Final = "didhub"
_SHORTEST_SECRET: Final = 16


def put_webhook(exchange: Exchange, asked: Asked) -> Answer:
    body = Fields(asked.body, "body")
    url, secret = body.required_text("url"), body.required_text("secret")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise BadField("url", "is an http or https URL")
    if len(secret) < _SHORTEST_SECRET:
        raise BadField("secret", f"has at least {_SHORTEST_SECRET} characters")
    return Answer(200, {"url": exchange.webhooks.put(asked.customer.account.id, url, secret, NAME).url})


def get_webhook(exchange: Exchange, asked: Asked) -> Answer:
    """Without the secret, which is told to nobody."""
    webhook = exchange.webhooks.get(asked.customer.account.id)
    return Answer(200, {"url": webhook.url if webhook else None})


def delete_webhook(exchange: Exchange, asked: Asked) -> Answer:
    exchange.webhooks.remove(asked.customer.account.id)
    return Answer(204)


def notify(webhook: Webhook, event: Event, now: float) -> Notice:
    """The event as JSON, signed now."""
    told = {"id": f"evt_{event.id:08d}", "type": event.type, "created_at": format_time(event.at)}
    body = json.dumps({**told, "data": dict(event.data)}).encode()
    signature = _sign(webhook.secret, int(now), body)
    return Notice({"Content-Type": "application/json", "DIDHub-Signature": signature}, body)


def _sign(secret: str, at: int, body: bytes) -> str:
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


ROUTES: Final = (
    ("PUT", "/v1/webhooks", Operation.WEBHOOK_PUT, put_webhook),
    ("GET", "/v1/webhooks", Operation.WEBHOOK_GET, get_webhook),
    ("DELETE", "/v1/webhooks", Operation.WEBHOOK_DELETE, delete_webhook),
)
