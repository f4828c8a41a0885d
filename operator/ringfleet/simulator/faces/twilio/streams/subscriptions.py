"""What sinks are subscribed to: a sink has one subscription at most, and only messages that come in are told."""

from __future__ import annotations

from typing import Final

from ringfleet.simulator.clock import format_time
from ringfleet.simulator.errors import invalid
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.twilio.streams.kept import (
    HOST,
    SINK,
    SUBSCRIPTION,
    find,
    id_of,
    read_object,
    subscription_of,
    webhook_of,
)
from ringfleet.simulator.faces.twilio.streams.told import RECEIVED
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
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.records import Record

_EVENT: Final = "subscribed_event"


def subscribe(exchange: Exchange, asked: Asked) -> Answer:
    account, form = account_of(asked), Fields(asked.body, "body")
    description, types = form.required_text("Description"), form.any("Types")
    sink = exchange.records.get(account, SINK, parse_sid("DG", form.required_text("SinkSid")))
    if sink is None:
        raise invalid("SinkSid", "there is no such sink")
    if subscription_of(exchange, asked, sink):
        raise invalid("SinkSid", f"Sink with SID {format_sid('DG', sink.id)} is in use")
    events = [read_object(text, "Types") for text in (types if isinstance(types, list) else [types])]
    content = {"description": description, "sink_sid": format_sid("DG", sink.id)}
    record = exchange.records.add(account, SUBSCRIPTION, content)
    for event in events:
        exchange.records.add(account, _EVENT, _subscribed(event, "type", "schema_version"), record.id)
    _deliver(exchange, asked, record)
    return Answer(201, _subscription(asked, record))


def show_subscriptions(exchange: Exchange, asked: Asked) -> Answer:
    sink = Fields(asked.query, "query").text("SinkSid")
    everything = exchange.records.all(account_of(asked), SUBSCRIPTION)
    found = [one for one in everything if sink in (None, one.content["sink_sid"])]
    return meta_page(
        asked, "subscriptions", f"{HOST}/Subscriptions", found, id_of, lambda one: _subscription(asked, one)
    )


def show_subscription(exchange: Exchange, asked: Asked) -> Answer:
    return Answer(200, _subscription(asked, find(exchange, asked, SUBSCRIPTION)))


def drop_subscription(exchange: Exchange, asked: Asked) -> Answer:
    record = find(exchange, asked, SUBSCRIPTION)
    exchange.records.remove(record, _EVENT)
    exchange.webhooks.remove_sink(parse_sid("DG", record.content["sink_sid"]))
    return Answer(204)


def add_event(exchange: Exchange, asked: Asked) -> Answer:
    record, form = find(exchange, asked, SUBSCRIPTION), Fields(asked.body, "body")
    told = _subscribed(form, "Type", "SchemaVersion")
    if told["type"] in [one.content["type"] for one in _events(exchange, asked, record)]:
        raise invalid("Type", f"{told['type']} is subscribed to already")
    event = exchange.records.add(account_of(asked), _EVENT, told, record.id)
    _deliver(exchange, asked, record)
    return Answer(201, _event_row(asked, event))


def show_events(exchange: Exchange, asked: Asked) -> Answer:
    record = find(exchange, asked, SUBSCRIPTION)
    url = f"{HOST}/Subscriptions/{format_sid('DF', record.id)}/SubscribedEvents"
    found = _events(exchange, asked, record)
    return meta_page(asked, "types", url, found, id_of, lambda one: _event_row(asked, one))


def drop_event(exchange: Exchange, asked: Asked) -> Answer:
    record = find(exchange, asked, SUBSCRIPTION)
    for event in _events(exchange, asked, record):
        if event.content["type"] == asked.path["type"]:
            exchange.records.remove(event)
            _deliver(exchange, asked, record)
            return Answer(204)
    raise missing(asked)


def _deliver(exchange: Exchange, asked: Asked, subscription: Record) -> None:
    """Have messages told to the sink, or not."""
    id_ = parse_sid("DG", subscription.content["sink_sid"])
    sink = exchange.records.get(account_of(asked), SINK, id_)
    if sink and RECEIVED in [one.content["type"] for one in _events(exchange, asked, subscription)]:
        exchange.webhooks.put_sink(webhook_of(asked, sink))
    else:
        exchange.webhooks.remove_sink(id_)


def _events(exchange: Exchange, asked: Asked, subscription: Record) -> list[Record]:
    return exchange.records.all(account_of(asked), _EVENT, subscription.id)


def _subscribed(event: Fields, type_: str, version: str) -> Json:
    return {"type": event.required_text(type_), "schema_version": event.integer(version, 1, 99) or 1}


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


_ALL: Final = "/twilio/events/v1/Subscriptions"
_ONE: Final = f"{_ALL}/{{sid}}"
ROUTES: Final = (
    ("POST", _ALL, Operation.SERVICE_PUT, subscribe),
    ("GET", _ALL, Operation.SERVICE_GET, show_subscriptions),
    ("GET", _ONE, Operation.SERVICE_GET, show_subscription),
    ("DELETE", _ONE, Operation.SERVICE_DELETE, drop_subscription),
    ("POST", f"{_ONE}/SubscribedEvents", Operation.SERVICE_PUT, add_event),
    ("GET", f"{_ONE}/SubscribedEvents", Operation.SERVICE_GET, show_events),
    ("DELETE", f"{_ONE}/SubscribedEvents/{{type}}", Operation.SERVICE_DELETE, drop_event),
)
