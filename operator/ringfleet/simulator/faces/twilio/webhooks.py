"""What a Twilio account is told of its traffic: status callbacks and incoming messages, as forms, signed.

`X-Twilio-Signature` is HMAC-SHA1, under the auth token, of the URL followed by every name and value, sorted by name;
base64. `I-Twilio-Idempotency-Token` is the same when one is told once more. Twilio tells nobody that a number was
labelled.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from ringfleet.simulator.faces.twilio.wire import account_sid, mail_time
from ringfleet.simulator.http.pipeline import Notice
from ringfleet.simulator.traffic.webhooks import Event, Webhook

NAME: Final = "twilio"
_CALLS: Final = {"call.started": "ringing", "call.answered": "in-progress"}
_MESSAGES: Final = {"message.sent": "sent", "message.delivered": "delivered", "message.failed": "undelivered"}


def notify(webhook: Webhook, event: Event, _now: float) -> Notice | None:
    form = _form(event)
    if form is None:
        return None
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "X-Twilio-Signature": sign(webhook.secret, webhook.url, form),
        "I-Twilio-Idempotency-Token": f"event-{event.id:08d}",
    }
    return Notice(headers, urlencode(form).encode())


def sign(secret: str, url: str, form: Mapping[str, str]) -> str:
    text = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _form(event: Event) -> dict[str, str] | None:
    data = event.data
    inbound = data.get("direction") == "inbound"
    parties = (
        {
            "AccountSid": account_sid(event.account),
            "From": data["peer"] if inbound else event.number,
            "To": event.number if inbound else data["peer"],
        }
        if "peer" in data
        else {}
    )
    if event.type.startswith("call."):
        return parties | _call(event, inbound)
    if event.type == "message.received":
        sid = contact_sid("SM", str(data["message_id"]))
        texts = {"MessageSid": sid, "SmsSid": sid, "Body": str(data["text"] or ""), "NumMedia": "0", "NumSegments": "1"}
        return parties | texts | {"SmsStatus": "received", "ApiVersion": "2010-04-01"}
    if event.type in _MESSAGES:
        sid = contact_sid("SM", str(data["message_id"]))
        state = _MESSAGES[event.type]
        return parties | {"MessageSid": sid, "SmsSid": sid, "MessageStatus": state, "SmsStatus": state}
    return None


def _call(event: Event, inbound: bool) -> dict[str, str]:
    seconds = int(event.data.get("duration_seconds") or 0)
    state = _CALLS.get(event.type) or ("completed" if seconds else "no-answer")
    told = {
        "CallSid": contact_sid("CA", str(event.data["call_id"])),
        "CallStatus": state,
        "Direction": "inbound" if inbound else "outbound-api",
        "ApiVersion": "2010-04-01",
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str({"ringing": 1, "in-progress": 2}.get(state, 3)),
        "Timestamp": mail_time(event.at),
    }
    return told | ({"CallDuration": str(seconds)} if event.type == "call.ended" else {})


def contact_sid(prefix: str, id_: str) -> str:
    """The SID of a call (`CA`) or message (`SM`), from the exchange's own id of it."""
    return prefix + hashlib.md5(id_.encode(), usedforsecurity=False).hexdigest()
