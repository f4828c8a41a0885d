"""What is kept of Event Streams: sinks and subscriptions, each with the types that it is for."""

from __future__ import annotations

import json
from typing import Any, Final

from ringfleet.simulator.errors import invalid
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.twilio.wire import account_of, format_sid, missing, parse_sid
from ringfleet.simulator.fields import Fields
from ringfleet.simulator.http.pipeline import Asked
from ringfleet.simulator.records import Record
from ringfleet.simulator.traffic.webhooks import Webhook

NAME: Final = "twilio-streams"
HOST: Final = "https://events.twilio.com/v1"
SINK: Final = "sink"
SUBSCRIPTION: Final = "subscription"


def find(exchange: Exchange, asked: Asked, kind: str) -> Record:
    prefix = "DG" if kind == SINK else "DF"
    record = exchange.records.get(account_of(asked), kind, parse_sid(prefix, asked.path["sid"]))
    if record is None:
        raise missing(asked)
    return record


def subscription_of(exchange: Exchange, asked: Asked, sink: Record) -> Record | None:
    sid = format_sid("DG", sink.id)
    everything = exchange.records.all(account_of(asked), SUBSCRIPTION)
    return next((one for one in everything if one.content["sink_sid"] == sid), None)


def webhook_of(asked: Asked, sink: Record) -> Webhook:
    url = str(sink.content["sink_configuration"]["destination"])
    return Webhook(account_of(asked), url, asked.customer.basket, NAME, sink.id)


def read_object(text: Any, field: str) -> Fields:
    """JSON within a form."""
    try:
        return Fields(json.loads(text), field)
    except (TypeError, ValueError) as error:
        raise invalid(field, "is no JSON object") from error


def id_of(record: Record) -> int:
    return record.id
