"""Event Streams at the Twilio face: sinks, what they are subscribed to, and what they are told.

A sink is active from the start, and a test of it is always valid. It has one subscription at most, and one that has any
does not go. Only webhooks are sinks here, and only messages that come in are told: other types may be subscribed to, as
there, and are silent. A webhook is told an array of CloudEvents, signed by the hash of its body, again and again until
it says yes: at least once, and in whatever order that makes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any, Final
from uuid import UUID

from ringfleet.simulator.clock import format_time
from ringfleet.simulator.errors import invalid
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.twilio.webhooks import contact_sid
from ringfleet.simulator.faces.twilio.wire import (
    Json,
    account_of,
    account_sid,
    format_sid,
    meta_page,
    missing,
    parse_sid,
)
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.fields import Fields
from ringfleet.simulator.http.pipeline import Answer, Asked, Notice
from ringfleet.simulator.records import Record
from ringfleet.simulator.traffic.webhooks import Event, Webhook

NAME: Final = "twilio-streams"
HOST: Final = "https://events.twilio.com/v1"
RECEIVED: Final = "com.twilio.messaging.inbound-message.received"
_TEST: Final = "com.twilio.eventstreams.test-event"
_SINK: Final = "sink"
_SUBSCRIPTION: Final = "subscription"
_EVENT: Final = "subscribed_event"
_TYPES: Final = ("webhook", "kinesis", "segment", "email")
_METHODS: Final = ("POST", "GET")


# Sinks.


def make_sink(exchange: Exchange, asked: Asked) -> Answer:
    account, form = account_of(asked), Fields(asked.body, "body")
    type_ = form.required_choice("SinkType", _TYPES)
    told = _object(form.required_text("SinkConfiguration"), "SinkConfiguration")
    if type_ != "webhook":
        raise invalid("SinkType", f"{type_} is not delivered to by the sandbox carrier: webhook is")
    told.required_text("destination")
    told.required_choice("method", _METHODS)
    content = {
        "description": form.required_text("Description"),
        "sink_configuration": dict(told.content),
        "sink_type": type_,
        "status": "active",
    }
    return Answer(201, _sink(exchange.records.add(account, _SINK, content)))


def show_sinks(exchange: Exchange, asked: Asked) -> Answer:
    query = Fields(asked.query, "query")
    status, in_use = query.text("Status"), query.text("InUse")
    found = [
        one
        for one in exchange.records.all(account_of(asked), _SINK)
        if status in (None, one.content["status"])
        and in_use in (None, "true" if _subscription_of(exchange, asked, one) else "false")
    ]
    return meta_page(asked, "sinks", f"{HOST}/Sinks", found, _id_of, _sink)


def show_sink(exchange: Exchange, asked: Asked) -> Answer:
    return Answer(200, _sink(_find(exchange, asked, _SINK)))


def change_sink(exchange: Exchange, asked: Asked) -> Answer:
    record = _find(exchange, asked, _SINK)
    description = Fields(asked.body, "body").required_text("Description")
    return Answer(200, _sink(exchange.records.change(record, {"description": description})))


def drop_sink(exchange: Exchange, asked: Asked) -> Answer:
    record = _find(exchange, asked, _SINK)
    if _subscription_of(exchange, asked, record):
        raise invalid("Sid", f"Sink with SID {format_sid('DG', record.id)} is in use")
    exchange.records.remove(record)
    return Answer(204)


def send_test(exchange: Exchange, asked: Asked) -> Answer:
    record, account = _find(exchange, asked, _SINK), account_of(asked)
    test = str(UUID(int=record.id))
    exchange.webhooks.put_sink(_webhook(asked, record))
    exchange.webhooks.queue_at(record.id, account, _TEST, "", exchange.clock.now(), {"test_id": test})
    return Answer(201, {"result": "submitted"})


def validate_sink(exchange: Exchange, asked: Asked) -> Answer:
    _find(exchange, asked, _SINK)
    Fields(asked.body, "body").required_text("TestId")
    return Answer(201, {"result": "valid"})


# What they are subscribed to.


def subscribe(exchange: Exchange, asked: Asked) -> Answer:
    account, form = account_of(asked), Fields(asked.body, "body")
    description, types = form.required_text("Description"), form.any("Types")
    sink = exchange.records.get(account, _SINK, parse_sid("DG", form.required_text("SinkSid")))
    if sink is None:
        raise invalid("SinkSid", "there is no such sink")
    if _subscription_of(exchange, asked, sink):
        raise invalid("SinkSid", f"Sink with SID {format_sid('DG', sink.id)} is in use")
    events = [_object(text, "Types") for text in (types if isinstance(types, list) else [types])]
    content = {"description": description, "sink_sid": format_sid("DG", sink.id)}
    record = exchange.records.add(account, _SUBSCRIPTION, content)
    for event in events:
        exchange.records.add(account, _EVENT, _subscribed(event, "type", "schema_version"), record.id)
    _deliver(exchange, asked, record)
    return Answer(201, _subscription(asked, record))


def show_subscriptions(exchange: Exchange, asked: Asked) -> Answer:
    sink = Fields(asked.query, "query").text("SinkSid")
    everything = exchange.records.all(account_of(asked), _SUBSCRIPTION)
    found = [one for one in everything if sink in (None, one.content["sink_sid"])]
    return meta_page(
        asked, "subscriptions", f"{HOST}/Subscriptions", found, _id_of, lambda one: _subscription(asked, one)
    )


def show_subscription(exchange: Exchange, asked: Asked) -> Answer:
    return Answer(200, _subscription(asked, _find(exchange, asked, _SUBSCRIPTION)))


def drop_subscription(exchange: Exchange, asked: Asked) -> Answer:
    record = _find(exchange, asked, _SUBSCRIPTION)
    exchange.records.remove(record, _EVENT)
    exchange.webhooks.remove_sink(parse_sid("DG", record.content["sink_sid"]))
    return Answer(204)


def add_event(exchange: Exchange, asked: Asked) -> Answer:
    record, form = _find(exchange, asked, _SUBSCRIPTION), Fields(asked.body, "body")
    told = _subscribed(form, "Type", "SchemaVersion")
    if told["type"] in [one.content["type"] for one in _events(exchange, asked, record)]:
        raise invalid("Type", f"{told['type']} is subscribed to already")
    event = exchange.records.add(account_of(asked), _EVENT, told, record.id)
    _deliver(exchange, asked, record)
    return Answer(201, _event_row(asked, event))


def show_events(exchange: Exchange, asked: Asked) -> Answer:
    record = _find(exchange, asked, _SUBSCRIPTION)
    url = f"{HOST}/Subscriptions/{format_sid('DF', record.id)}/SubscribedEvents"
    found = _events(exchange, asked, record)
    return meta_page(asked, "types", url, found, _id_of, lambda one: _event_row(asked, one))


def drop_event(exchange: Exchange, asked: Asked) -> Answer:
    record = _find(exchange, asked, _SUBSCRIPTION)
    for event in _events(exchange, asked, record):
        if event.content["type"] == asked.path["type"]:
            exchange.records.remove(event)
            _deliver(exchange, asked, record)
            return Answer(204)
    raise missing(asked)


def _deliver(exchange: Exchange, asked: Asked, subscription: Record) -> None:
    """Have messages told to the sink, or not."""
    id_ = parse_sid("DG", subscription.content["sink_sid"])
    sink = exchange.records.get(account_of(asked), _SINK, id_)
    if sink and RECEIVED in [one.content["type"] for one in _events(exchange, asked, subscription)]:
        exchange.webhooks.put_sink(_webhook(asked, sink))
    else:
        exchange.webhooks.remove_sink(id_)


def _webhook(asked: Asked, sink: Record) -> Webhook:
    url = str(sink.content["sink_configuration"]["destination"])
    return Webhook(account_of(asked), url, asked.customer.basket, NAME, sink.id)


def _events(exchange: Exchange, asked: Asked, subscription: Record) -> list[Record]:
    return exchange.records.all(account_of(asked), _EVENT, subscription.id)


def _subscription_of(exchange: Exchange, asked: Asked, sink: Record) -> Record | None:
    sid = format_sid("DG", sink.id)
    everything = exchange.records.all(account_of(asked), _SUBSCRIPTION)
    return next((one for one in everything if one.content["sink_sid"] == sid), None)


def _find(exchange: Exchange, asked: Asked, kind: str) -> Record:
    prefix = "DG" if kind == _SINK else "DF"
    record = exchange.records.get(account_of(asked), kind, parse_sid(prefix, asked.path["sid"]))
    if record is None:
        raise missing(asked)
    return record


def _object(text: Any, field: str) -> Fields:
    """JSON within a form."""
    try:
        return Fields(json.loads(text), field)
    except (TypeError, ValueError) as error:
        raise invalid(field, "is no JSON object") from error


def _subscribed(event: Fields, type_: str, version: str) -> Json:
    return {"type": event.required_text(type_), "schema_version": event.integer(version, 1, 99) or 1}


def _id_of(record: Record) -> int:
    return record.id


def _sink(record: Record) -> Json:
    sid = format_sid("DG", record.id)
    url = f"{HOST}/Sinks/{sid}"
    return {
        **record.content,
        "sid": sid,
        "date_created": format_time(record.made_at),
        "date_updated": format_time(record.changed_at),
        "url": url,
        "links": {"sink_test": f"{url}/Test", "sink_validate": f"{url}/Validate"},
    }


def _subscription(asked: Asked, record: Record) -> Json:
    sid = format_sid("DF", record.id)
    url = f"{HOST}/Subscriptions/{sid}"
    return {
        **record.content,
        "sid": sid,
        "account_sid": account_sid(asked.customer.account.id),
        "date_created": format_time(record.made_at),
        "date_updated": format_time(record.changed_at),
        "url": url,
        "links": {"subscribed_events": f"{url}/SubscribedEvents"},
    }


def _event_row(asked: Asked, record: Record) -> Json:
    sid = format_sid("DF", record.parent)
    return {
        **record.content,
        "subscription_sid": sid,
        "account_sid": account_sid(asked.customer.account.id),
        "url": f"{HOST}/Subscriptions/{sid}/SubscribedEvents/{record.content['type']}",
    }


# What they are told.


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
    if event.type == _TEST:
        schema = "https://events-schemas.twilio.com/EventStreams.TestSink/1.json"
        return {**same, "type": _TEST, "source": "Sink", "id": account, "dataschema": schema, "data": event.data}
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


_SINKS: Final = "/twilio/events/v1/Sinks"
_SUBSCRIPTIONS: Final = "/twilio/events/v1/Subscriptions"
_ONE_SINK: Final = f"{_SINKS}/{{sid}}"
_ONE: Final = f"{_SUBSCRIPTIONS}/{{sid}}"
ROUTES: Final = (
    ("POST", _SINKS, Operation.SERVICE_PUT, make_sink),
    ("GET", _SINKS, Operation.SERVICE_GET, show_sinks),
    ("GET", _ONE_SINK, Operation.SERVICE_GET, show_sink),
    ("POST", _ONE_SINK, Operation.SERVICE_PUT, change_sink),
    ("DELETE", _ONE_SINK, Operation.SERVICE_DELETE, drop_sink),
    ("POST", f"{_ONE_SINK}/Test", Operation.SERVICE_PUT, send_test),
    ("POST", f"{_ONE_SINK}/Validate", Operation.SERVICE_PUT, validate_sink),
    ("POST", _SUBSCRIPTIONS, Operation.SERVICE_PUT, subscribe),
    ("GET", _SUBSCRIPTIONS, Operation.SERVICE_GET, show_subscriptions),
    ("GET", _ONE, Operation.SERVICE_GET, show_subscription),
    ("DELETE", _ONE, Operation.SERVICE_DELETE, drop_subscription),
    ("POST", f"{_ONE}/SubscribedEvents", Operation.SERVICE_PUT, add_event),
    ("GET", f"{_ONE}/SubscribedEvents", Operation.SERVICE_GET, show_events),
    ("DELETE", f"{_ONE}/SubscribedEvents/{{type}}", Operation.SERVICE_DELETE, drop_event),
)
