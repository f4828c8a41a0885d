"""TrustHub at the Twilio face: business profiles, trust products, and the numbers that are in them.

What is said to be `pending-review` is approved at once: nobody reviews here. A number comes into a trust product only
when it is in the business profile already that the product names among its entities, as it is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from ringfleet.simulator.clock import format_time
from ringfleet.simulator.errors import invalid
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.twilio import numbers
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
from ringfleet.simulator.http.pipeline import Action, Answer, Asked
from ringfleet.simulator.records import Record

HOST: Final = "https://trusthub.twilio.com"
_STATUSES: Final = ("draft", "pending-review", "in-review", "twilio-rejected", "twilio-approved")
_DECIDED: Final = {"pending-review": "twilio-approved"}


@dataclass(frozen=True, slots=True)
class Folder:
    """A business profile or a trust product: `named` is how what is inside of it calls it."""

    kind: str
    path: str
    named: str


_PROFILE: Final = Folder("customer_profile", "CustomerProfiles", "customer_profile_sid")
_PRODUCT: Final = Folder("trust_product", "TrustProducts", "trust_product_sid")
_LINKS: Final = ("entity_assignments", "evaluations", "channel_endpoint_assignment")
_PATHS: Final = {
    "entity_assignments": "EntityAssignments",
    "evaluations": "Evaluations",
    "channel_endpoint_assignment": "ChannelEndpointAssignments",
}


def make(exchange: Exchange, asked: Asked, folder: Folder) -> Answer:
    account, form = account_of(asked), Fields(asked.body, "body")
    content = {
        "friendly_name": form.required_text("FriendlyName"),
        "email": form.required_text("Email"),
        "policy_sid": form.required_text("PolicySid"),
        "status_callback": form.text("StatusCallback"),
        "status": "draft",
    }
    return Answer(201, _resource(asked, folder, exchange.records.add(account, folder.kind, content)))


def change(exchange: Exchange, asked: Asked, folder: Folder) -> Answer:
    record, form = _find(exchange, asked, folder), Fields(asked.body, "body")
    told = {
        "status": form.choice("Status", _STATUSES),
        "friendly_name": form.text("FriendlyName"),
        "email": form.text("Email"),
        "status_callback": form.text("StatusCallback"),
    }
    changes: Json = {name: value for name, value in told.items() if value is not None}
    if "status" in changes:
        changes["status"] = _DECIDED.get(changes["status"], changes["status"])
    return Answer(200, _resource(asked, folder, exchange.records.change(record, changes)))


def show(exchange: Exchange, asked: Asked, folder: Folder) -> Answer:
    return Answer(200, _resource(asked, folder, _find(exchange, asked, folder)))


def show_all(exchange: Exchange, asked: Asked, folder: Folder) -> Answer:
    query = Fields(asked.query, "query")
    wanted = {
        "status": query.text("Status"),
        "policy_sid": query.text("PolicySid"),
        "friendly_name": query.text("FriendlyName"),
    }
    everything = exchange.records.all(account_of(asked), folder.kind)
    found = [one for one in everything if _fits(one.content, wanted)]
    return meta_page(asked, "results", f"{HOST}/v1/{folder.path}", found, _id_of, partial(_resource, asked, folder))


def drop(exchange: Exchange, asked: Asked, folder: Folder) -> Answer:
    kinds = (_inside(folder, "entity"), _inside(folder, "endpoint"))
    exchange.records.remove(_find(exchange, asked, folder), *kinds)
    return Answer(204)


# What is inside: entities, such as the profile that a product stands on, and numbers.


def add_entity(exchange: Exchange, asked: Asked, folder: Folder) -> Answer:
    sid = Fields(asked.body, "body").required_text("ObjectSid")
    return _add(exchange, asked, folder, "entity", {"object_sid": sid})


def add_number(exchange: Exchange, asked: Asked, folder: Folder) -> Answer:
    form = Fields(asked.body, "body")
    type_, sid = form.required_text("ChannelEndpointType"), form.required_text("ChannelEndpointSid")
    if type_ != "phone-number":
        raise invalid("ChannelEndpointType", f"{type_} is none: phone-number is")
    numbers.find(exchange, account_of(asked), sid)
    if folder is _PRODUCT and not _is_in_its_profile(exchange, asked, sid):
        raise invalid("ChannelEndpointSid", f"{sid} is not assigned to the customer profile of the trust product")
    inside = exchange.records.all(account_of(asked), _inside(folder, "endpoint"), _find(exchange, asked, folder).id)
    if any(one.content["channel_endpoint_sid"] == sid for one in inside):
        raise invalid("ChannelEndpointSid", f"{sid} is assigned already")
    return _add(exchange, asked, folder, "endpoint", {"channel_endpoint_type": type_, "channel_endpoint_sid": sid})


def _is_in_its_profile(exchange: Exchange, asked: Asked, sid: str) -> bool:
    account, product = account_of(asked), _find(exchange, asked, _PRODUCT)
    for entity in exchange.records.all(account, _inside(_PRODUCT, "entity"), product.id):
        profile = parse_sid("BU", entity.content["object_sid"])
        inside = exchange.records.all(account, _inside(_PROFILE, "endpoint"), profile) if profile else []
        if any(one.content["channel_endpoint_sid"] == sid for one in inside):
            return True
    return False


def _add(exchange: Exchange, asked: Asked, folder: Folder, what: str, content: Json) -> Answer:
    parent = _find(exchange, asked, folder)
    record = exchange.records.add(account_of(asked), _inside(folder, what), content, parent.id)
    return Answer(201, _part(asked, folder, what, record))


def parts(exchange: Exchange, asked: Asked, folder: Folder, what: str) -> Answer:
    sid = Fields(asked.query, "query").text("ChannelEndpointSid")
    parent = _find(exchange, asked, folder)
    everything = exchange.records.all(account_of(asked), _inside(folder, what), parent.id)
    found = [one for one in everything if sid in (None, one.content.get("channel_endpoint_sid"))]
    return meta_page(
        asked, "results", _part_url(asked, folder, what), found, _id_of, partial(_part, asked, folder, what)
    )


def drop_part(exchange: Exchange, asked: Asked, folder: Folder, what: str) -> Answer:
    letters, id_ = _LETTERS[what], asked.path["part"]
    parent = _find(exchange, asked, folder)
    kind = _inside(folder, what)
    record = exchange.records.get(account_of(asked), kind, parse_sid(letters, id_), parent.id)
    if record is None:
        raise missing(asked)
    exchange.records.remove(record)
    return Answer(204)


_LETTERS: Final = {"entity": "BV", "endpoint": "RA"}
_PART_PATHS: Final = {"entity": "EntityAssignments", "endpoint": "ChannelEndpointAssignments"}


def _inside(folder: Folder, what: str) -> str:
    return f"{folder.kind}_{what}"


def _fits(content: Mapping[str, object], wanted: Mapping[str, str | None]) -> bool:
    return all(value is None or content[name] == value for name, value in wanted.items())


def _find(exchange: Exchange, asked: Asked, folder: Folder) -> Record:
    record = exchange.records.get(account_of(asked), folder.kind, parse_sid("BU", asked.path["sid"]))
    if record is None:
        raise missing(asked)
    return record


def _id_of(record: Record) -> int:
    return record.id


def _resource(asked: Asked, folder: Folder, record: Record) -> Json:
    sid = format_sid("BU", record.id)
    url = f"{HOST}/v1/{folder.path}/{sid}"
    return {
        **record.content,
        "sid": sid,
        "account_sid": account_sid(asked.customer.account.id),
        "valid_until": None,
        "errors": None,
        "date_created": format_time(record.made_at),
        "date_updated": format_time(record.changed_at),
        "url": url,
        "links": {name: f"{url}/{_PATHS[name]}" for name in _LINKS},
    }


def _part_url(asked: Asked, folder: Folder, what: str) -> str:
    return f"{HOST}/v1/{folder.path}/{asked.path['sid']}/{_PART_PATHS[what]}"


def _part(asked: Asked, folder: Folder, what: str, record: Record) -> Json:
    sid = format_sid(_LETTERS[what], record.id)
    return {
        **record.content,
        "sid": sid,
        folder.named: asked.path["sid"],
        "account_sid": account_sid(asked.customer.account.id),
        "date_created": format_time(record.made_at),
        "url": f"{_part_url(asked, folder, what)}/{sid}",
    }


def _routes(folder: Folder) -> tuple[tuple[str, str, Operation, Action], ...]:
    all_ = f"/twilio/trusthub/v1/{folder.path}"
    one = f"{all_}/{{sid}}"
    entities, endpoints = f"{one}/EntityAssignments", f"{one}/ChannelEndpointAssignments"
    return (
        ("POST", all_, Operation.SERVICE_PUT, partial(make, folder=folder)),
        ("GET", all_, Operation.SERVICE_GET, partial(show_all, folder=folder)),
        ("GET", one, Operation.SERVICE_GET, partial(show, folder=folder)),
        ("POST", one, Operation.SERVICE_PUT, partial(change, folder=folder)),
        ("DELETE", one, Operation.SERVICE_DELETE, partial(drop, folder=folder)),
        ("POST", entities, Operation.SERVICE_PUT, partial(add_entity, folder=folder)),
        ("GET", entities, Operation.SERVICE_GET, partial(parts, folder=folder, what="entity")),
        ("DELETE", f"{entities}/{{part}}", Operation.SERVICE_DELETE, partial(drop_part, folder=folder, what="entity")),
        ("POST", endpoints, Operation.NUMBER_PATCH, partial(add_number, folder=folder)),
        ("GET", endpoints, Operation.SERVICE_GET, partial(parts, folder=folder, what="endpoint")),
        ("DELETE", f"{endpoints}/{{part}}", Operation.NUMBER_PATCH, partial(drop_part, folder=folder, what="endpoint")),
    )


ROUTES: Final = (*_routes(_PROFILE), *_routes(_PRODUCT))
