"""What a sink is told: an array of CloudEvents, signed by the hash of its body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Final

from ringfleet.simulator.clock import format_time
from ringfleet.simulator.faces.twilio.webhooks import contact_sid
from ringfleet.simulator.faces.twilio.wire import Json, account_sid
from ringfleet.simulator.http.pipeline import Notice
from ringfleet.simulator.traffic.webhooks import Event, Webhook

RECEIVED: Final = "com.twilio.messaging.inbound-message.received"
TEST: Final = "com.twilio.eventstreams.test-event"


def notify(webhook: Webhook, event: Event, _now: float) -> Notice | None:
    told = _told(event)
    if told is None:
        return None
    body = json.dumps([told]).encode()
    query = f"?bodySHA256={hashlib.sha256(body).hexdigest()}"
    code = hmac.digest(webhook.secret.encode(), f"{webhook.url}{query}".encode(), "sha1")
    headers = {"Content-Type": "application/json", "X-Twilio-Signature": base64.b64encode(code).decode()}
    return Notice(headers, body, query)


def _told(event: Event) -> Json | None:
    at, account = format_time(event.at), account_sid(event.account)
    same = {"specversion": "1.0", "datacontenttype": "application/json", "time": at}
    if event.type == TEST:
        schema = "https://events-schemas.twilio.com/EventStreams.TestSink/1.json"
        return {**same, "type": TEST, "source": "Sink", "id": account, "dataschema": schema, "data": event.data}
    if event.type != "message.received":
        return None
    sid = contact_sid("SM", str(event.data["message_id"]))
    return {
        **same,
        "type": RECEIVED,
        "source": f"/2010-04-01/Accounts/{account}/Messages/{sid}.json",
        "id": f"EZ{event.id:032x}",
        "dataschema": "https://events-schemas.twilio.com/Messaging.InboundMessageV1/5",
        "data": {
            "numMedia": 0,
            "timestamp": at,
            "recipients": [],
            "accountSid": account,
            "to": event.number,
            "from": event.data["peer"],
            "messageSid": sid,
            "numSegments": 1,
            "eventName": RECEIVED,
            "body": str(event.data["text"] or ""),
        },
    }
