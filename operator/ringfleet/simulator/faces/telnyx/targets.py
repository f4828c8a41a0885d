"""Where a number's calls and messages can go at the Telnyx face: connections of four kinds, and messaging profiles.

`_TARGETS` is the table of what can be made; making, reading, changing and deleting are the same for all. The list of
all connections has those of each kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ringfleet.simulator.clock import format_time
from ringfleet.simulator.errors import invalid
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.telnyx.numbers import CONNECTIONS, PROFILE
from ringfleet.simulator.faces.telnyx.wire import V2, Json, filters, format_id, missing, paged, parse_id, user_id
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.fields import Fields
from ringfleet.simulator.http.pipeline import Action, Answer, Asked
from ringfleet.simulator.records import Record


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of target. `fields` have what each is when nobody says; `required` must be said at making."""

    kind: str
    path: str
    fields: Mapping[str, Any]
    required: tuple[str, ...]
    made: int = 201
    """The status of the answer to its making."""


_WEBHOOKS: Final[Json] = {
    "webhook_event_url": None,
    "webhook_event_failover_url": None,
    "webhook_api_version": "1",
    "webhook_timeout_secs": None,
}
_TARGETS: Final = (
    Target(
        "credential_connection",
        "credential_connections",
        {
            "connection_name": None,
            "active": True,
            "user_name": None,
            "password": None,
            "inbound": {},
            "outbound": {},
            "tags": [],
            "sip_uri_calling_preference": "disabled",
            **_WEBHOOKS,
        },
        ("connection_name", "user_name", "password"),
    ),
    Target(
        "fqdn_connection",
        "fqdn_connections",
        {
            "connection_name": None,
            "active": True,
            "transport_protocol": "UDP",
            "inbound": {},
            "outbound": {},
            "tags": [],
            **_WEBHOOKS,
        },
        ("connection_name",),
    ),
    Target(
        "fqdn",
        "fqdns",
        {"connection_id": None, "fqdn": None, "dns_record_type": None, "port": 5060},
        ("connection_id", "fqdn", "dns_record_type"),
    ),
    Target(
        "ip_connection",
        "ip_connections",
        {
            "connection_name": None,
            "active": True,
            "transport_protocol": "UDP",
            "inbound": {},
            "outbound": {},
            "tags": [],
            **_WEBHOOKS,
        },
        (),
    ),
    Target("ip", "ips", {"connection_id": None, "ip_address": None, "port": 5060}, ("ip_address",)),
    Target(
        "texml_application",
        "texml_applications",
        {
            "friendly_name": None,
            "active": True,
            "voice_url": None,
            "voice_method": "post",
            "voice_fallback_url": None,
            "status_callback": None,
            "status_callback_method": "post",
            "inbound": {},
            "outbound": {},
            "tags": [],
        },
        ("friendly_name", "voice_url"),
    ),
    Target(
        "call_control_application",
        "call_control_applications",
        {"application_name": None, "active": True, "inbound": {}, "outbound": {}, "tags": [], **_WEBHOOKS},
        ("application_name", "webhook_event_url"),
    ),
    Target(
        PROFILE,
        "messaging_profiles",
        {
            "name": None,
            "whitelisted_destinations": None,
            "enabled": True,
            "webhook_url": None,
            "webhook_failover_url": None,
            "webhook_api_version": "2",
            "number_pool_settings": None,
            "daily_spend_limit": None,
            "daily_spend_limit_enabled": False,
            "mms_fall_back_to_sms": False,
            "smart_encoding": False,
        },
        ("name", "whitelisted_destinations"),
        made=200,
    ),
)
_NAMES: Final = ("connection_name", "application_name", "friendly_name", "name")


def make(exchange: Exchange, asked: Asked, target: Target) -> Answer:
    body = Fields(asked.body, "body")
    for name in target.required:
        if body.any(name) is None:
            raise invalid(name, "is required")
    content = {**target.fields, **_read(target, body)}
    record = exchange.records.add(asked.customer.account.id, target.kind, content)
    return Answer(target.made, {"data": _resource(asked.customer.account.id, target.kind, record)})


def show(exchange: Exchange, asked: Asked, target: Target) -> Answer:
    found = _find(exchange, asked, target)
    return Answer(200, {"data": _resource(asked.customer.account.id, target.kind, found)})


def change(exchange: Exchange, asked: Asked, target: Target) -> Answer:
    found = _find(exchange, asked, target)
    record = exchange.records.change(found, _read(target, Fields(asked.body, "body")))
    return Answer(200, {"data": _resource(asked.customer.account.id, target.kind, record)})


def drop(exchange: Exchange, asked: Asked, target: Target) -> Answer:
    record = _find(exchange, asked, target)
    exchange.records.remove(record)
    return Answer(200, {"data": _resource(asked.customer.account.id, target.kind, record)})


def show_all(exchange: Exchange, asked: Asked, target: Target) -> Answer:
    account = asked.customer.account.id
    kept = [one for one in exchange.records.all(account, target.kind) if _asked_for(one, asked)]
    return paged(asked, kept, partial(_resource, account, target.kind))


def connections(exchange: Exchange, asked: Asked) -> Answer:
    account, wanted = asked.customer.account.id, filters(asked).get(("connection_name", "contains"), "")
    found = [one for kind in CONNECTIONS for one in exchange.records.all(account, kind)]
    kept = sorted((one for one in found if wanted in _name(one)), key=lambda one: one.id)
    return paged(asked, kept, _connection)


def _read(target: Target, body: Fields) -> Json:
    return {name: body.any(name) for name in target.fields if name in body}


def _asked_for(record: Record, asked: Asked) -> bool:
    """By name: the whole (`filter[name][eq]`) or a part."""
    asked_for, name = filters(asked), _name(record)
    for field in _NAMES:
        if (part := asked_for.get((field, "contains"))) and part not in name:
            return False
        if (whole := asked_for.get((field, "eq"))) and whole != name:
            return False
    return all(asked_for.get((field,)) in (None, record.content.get(field)) for field in ("connection_id", "fqdn"))


def _name(record: Record) -> str:
    return next((str(record.content[field]) for field in _NAMES if record.content.get(field)), "")


def _find(exchange: Exchange, asked: Asked, target: Target) -> Record:
    record = exchange.records.get(asked.customer.account.id, target.kind, parse_id(asked.path["id"]))
    if record is None:
        raise missing(asked)
    return record


def _resource(account: str, kind: str, record: Record) -> Json:
    times = {"created_at": format_time(record.made_at), "updated_at": format_time(record.changed_at)}
    whose = {"organization_id": user_id(account)} if kind == PROFILE else {}
    return {"record_type": kind, "id": format_id(record.id), **whose, **record.content, **times}


def _connection(record: Record) -> Json:
    """As the list of all kinds has it."""
    kept = ("active", "tags", "webhook_event_url", "webhook_event_failover_url", "webhook_api_version")
    told = {name: record.content[name] for name in kept if name in record.content}
    outbound = record.content.get("outbound") or {}
    return {
        "record_type": record.kind,
        "id": format_id(record.id),
        "connection_name": _name(record),
        "outbound_voice_profile_id": outbound.get("outbound_voice_profile_id"),
        "created_at": format_time(record.made_at),
        "updated_at": format_time(record.changed_at),
        **told,
    }


def _routes(target: Target) -> tuple[tuple[str, str, Operation, Action], ...]:
    all_, one = f"{V2}/{target.path}", f"{V2}/{target.path}/{{id}}"
    return (
        ("POST", all_, Operation.SERVICE_PUT, partial(make, target=target)),
        ("GET", all_, Operation.SERVICE_GET, partial(show_all, target=target)),
        ("GET", one, Operation.SERVICE_GET, partial(show, target=target)),
        ("PATCH", one, Operation.SERVICE_PUT, partial(change, target=target)),
        ("DELETE", one, Operation.SERVICE_DELETE, partial(drop, target=target)),
    )


ROUTES: Final = (
    *(route for target in _TARGETS for route in _routes(target)),
    ("GET", f"{V2}/connections", Operation.SERVICE_GET, connections),
)
