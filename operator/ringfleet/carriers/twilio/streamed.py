"""What Twilio's Event Streams tell a webhook sink: an array of CloudEvents, of which messages that come in concern us.

It is signed as every webhook is (`webhook`), by the hash of its body. Twilio tells each event at least once, and in no
order (twilio.com/docs/events/event-delivery-and-duplication): a message is known by its SID, by which its webhook and
its record know it too. The sink hears of all messages of the account. Those to what is no number, such as a short code,
are none of ours; of those to a number that has no object here only a STOP is kept (`event_intake`). Schema:
`Messaging.InboundMessageV1`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ringfleet.carriers.errors import CarrierUnavailable
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.traffic_events import message_received
from ringfleet.carriers.webhooks import MalformedEvent, WebhookRequest
from ringfleet.model import E164
from ringfleet.model.traffic import CarrierEvent

RECEIVED: Final = "com.twilio.messaging.inbound-message.received"


def read_stream(request: WebhookRequest) -> tuple[CarrierEvent, ...]:
    """The messages that came in. Raises MalformedEvent: one of them does not read; it tells the others."""
    try:
        told = json.loads(request.body) if request.body else []
    except (ValueError, RecursionError) as error:
        raise MalformedEvent("the events are no JSON document in UTF-8") from error
    return _read_each(told if isinstance(told, list) else [told])


def _read_each(told: Iterable[object]) -> tuple[CarrierEvent, ...]:
    found, amiss = list[CarrierEvent](), ""
    for one in told:
        try:
            event = _read(Fields(one, "event"))
        except CarrierUnavailable as error:
            amiss = str(error).removeprefix("the reply's ")
        else:
            found += [event] if event else []
    if amiss:
        raise MalformedEvent(amiss, tuple(found))
    return tuple(found)


def _read(event: Fields) -> CarrierEvent | None:
    if event.maybe_text("type") != RECEIVED:
        return None
    data = event.inside("data")
    try:
        number = E164.parse(data.text("to"))
    except ValueError:
        return None
    at = data.moment("timestamp") if data.has("timestamp") else event.moment("time")
    told = message_received(data.text("messageSid"), at, number, data.maybe_text("from"), data.maybe_text("body"))
    return replace(told, streamed=True)
