"""Sinks: active from the start, and a test of one is always valid. One that is subscribed does not go."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from ringfleet.simulator.clock import format_time
from ringfleet.simulator.errors import invalid
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.twilio.streams.kept import (
    HOST,
    SINK,
    find,
    id_of,
    read_object,
    subscription_of,
    webhook_of,
)
from ringfleet.simulator.faces.twilio.streams.told import TEST
from ringfleet.simulator.faces.twilio.wire import Json, account_of, format_sid, meta_page
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.fields import Fields
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.records import Record

_TYPES: Final = ("webhook", "kinesis", "segment", "email")
_METHODS: Final = ("POST", "GET")


def make_sink(exchange: Exchange, asked: Asked) -> Answer:
    account, form = account_of(asked), Fields(asked.body, "body")
    type_ = form.required_choice("SinkType", _TYPES)
    told = read_object(form.required_text("SinkConfiguration"), "SinkConfiguration")
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
    return Answer(201, _sink(exchange.records.add(account, SINK, content)))


def show_sinks(exchange: Exchange, asked: Asked) -> Answer:
    query = Fields(asked.query, "query")
    status, in_use = query.text("Status"), query.text("InUse")
    found = [
        one
        for one in exchange.records.all(account_of(asked), SINK)
        if status in (None, one.content["status"])
        and in_use in (None, "true" if subscription_of(exchange, asked, one) else "false")
    ]
    return meta_page(asked, "sinks", f"{HOST}/Sinks", found, id_of, _sink)


def show_sink(exchange: Exchange, asked: Asked) -> Answer:
    return Answer(200, _sink(find(exchange, asked, SINK)))


def change_sink(exchange: Exchange, asked: Asked) -> Answer:
    record = find(exchange, asked, SINK)
    description = Fields(asked.body, "body").required_text("Description")
    return Answer(200, _sink(exchange.records.change(record, {"description": description})))


def drop_sink(exchange: Exchange, asked: Asked) -> Answer:
    record = find(exchange, asked, SINK)
    if subscription_of(exchange, asked, record):
        raise invalid("Sid", f"Sink with SID {format_sid('DG', record.id)} is in use")
    exchange.records.remove(record)
    return Answer(204)


def send_test(exchange: Exchange, asked: Asked) -> Answer:
    record, account = find(exchange, asked, SINK), account_of(asked)
    test = str(UUID(int=record.id))
    exchange.webhooks.put_sink(webhook_of(asked, record))
    exchange.webhooks.queue_at(record.id, account, TEST, "", exchange.clock.now(), {"test_id": test})
    return Answer(201, {"result": "submitted"})


def validate_sink(exchange: Exchange, asked: Asked) -> Answer:
    find(exchange, asked, SINK)
    Fields(asked.body, "body").required_text("TestId")
    return Answer(201, {"result": "valid"})


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


_ALL: Final = "/twilio/events/v1/Sinks"
_ONE: Final = f"{_ALL}/{{sid}}"
ROUTES: Final = (
    ("POST", _ALL, Operation.SERVICE_PUT, make_sink),
    ("GET", _ALL, Operation.SERVICE_GET, show_sinks),
    ("GET", _ONE, Operation.SERVICE_GET, show_sink),
    ("POST", _ONE, Operation.SERVICE_PUT, change_sink),
    ("DELETE", _ONE, Operation.SERVICE_DELETE, drop_sink),
    ("POST", f"{_ONE}/Test", Operation.SERVICE_PUT, send_test),
    ("POST", f"{_ONE}/Validate", Operation.SERVICE_PUT, validate_sink),
)
