"""Owned numbers at the Telnyx face: found by digits or by reference, changed one by one or by a job.

What Telnyx keeps on a number (tags, reference, connection, messaging profile, lock) is a record; the exchange's own
reference stays what it was at purchase, so that a reference that is changed here is changed here only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ringfleet.simulator.clock import format_time
from ringfleet.simulator.errors import Code, Refused, invalid, not_found
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.telnyx import emergency
from ringfleet.simulator.faces.telnyx.search import TYPE_WORDS
from ringfleet.simulator.faces.telnyx.wire import V2, Json, filters, format_id, paged, parse_id, user_id
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.fields import BadField, Fields
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.records import Record
from ringfleet.simulator.selling.holdings import Holding, Status

NUMBER: Final = "telnyx_number"
CONNECTIONS: Final = (
    "credential_connection",
    "fqdn_connection",
    "ip_connection",
    "texml_application",
    "call_control_application",
)
PROFILE: Final = "messaging_profile"
_LEAST_DIGITS: Final = 3
_MOST_IN_A_JOB: Final = 1000
_ALL: Final = 2**31
_STATUSES: Final = {
    Status.ACTIVE: "active",
    Status.SUSPENDED: "active",
    Status.ACTIVATING: "purchase-pending",
    Status.PENDING_DOCUMENTS: "requirement-info-pending",
}
_NOT_OF_THE_DELETED: Final = (
    "country_iso_alpha2",
    "source_type",
    "messaging_campaign_id",
    "emergency_status",
    "inbound_call_screening",
)
_FRESH: Final[Json] = {
    "customer_reference": None,
    "tags": [],
    "connection_id": None,
    "messaging_profile_id": None,
    "billing_group_id": None,
    "external_pin": None,
    "hd_voice_enabled": False,
    "deletion_lock_enabled": False,
}


def numbers(exchange: Exchange, asked: Asked) -> Answer:
    account, asked_for = asked.customer.account.id, filters(asked)
    by_digits = asked_for.get(("phone_number",))
    if by_digits is None:
        page = exchange.listing(account, 0, _ALL, None)
        found, total = list(page.holdings), page.total
    else:
        found = [held for held in exchange.holdings.everyone(account) if _has_digits(held, by_digits)]
        total = len(found)
    rows = [(held, settings(exchange, held)) for held in found]
    kept = [row for row in rows if _asked_for(*row, asked_for)]
    told = total if len(kept) == len(rows) else len(kept)
    return paged(asked, kept, lambda row: _resource(exchange, row[0]), told)


def number(exchange: Exchange, asked: Asked) -> Answer:
    return Answer(200, {"data": _resource(exchange, _held(exchange, asked))})


def patch(exchange: Exchange, asked: Asked) -> Answer:
    held, body = _held(exchange, asked), Fields(asked.body, "body")
    changes: Json = {}
    for name in ("customer_reference", "billing_group_id", "external_pin"):
        if name in body:
            changes[name] = body.text(name)
    if "tags" in body:
        changes["tags"] = list(body.texts("tags") or ())
    if "hd_voice_enabled" in body:
        changes["hd_voice_enabled"] = bool(body.flag("hd_voice_enabled"))
    if "connection_id" in body:
        changes["connection_id"] = connection(exchange, asked, body.text("connection_id"))
    change(exchange, held, changes)
    return Answer(200, {"data": _resource(exchange, held)})


def all_messaging(exchange: Exchange, asked: Asked) -> Answer:
    """The settings for messages of these numbers, named in full, or of all."""
    named = [one for one in filters(asked).get(("phone_number",), "").split(",") if one]
    found = [
        held for held in exchange.holdings.everyone(asked.customer.account.id) if not named or held.number in named
    ]
    return paged(asked, found, lambda held: _messaging(exchange, held))


def messaging(exchange: Exchange, asked: Asked) -> Answer:
    return Answer(200, {"data": _messaging(exchange, _held(exchange, asked))})


def patch_messaging(exchange: Exchange, asked: Asked) -> Answer:
    """An empty text takes the profile off; none at all leaves it."""
    held, body = _held(exchange, asked), Fields(asked.body, "body")
    wanted = body.text("messaging_profile_id")
    if wanted is not None:
        change(exchange, held, {"messaging_profile_id": profile(exchange, asked, wanted)})
    return Answer(200, {"data": _messaging(exchange, held)})


def delete(exchange: Exchange, asked: Asked) -> Answer:
    held = _held(exchange, asked)
    if settings(exchange, held)["deletion_lock_enabled"]:
        raise Refused(Code.LOCKED, "the number has a deletion lock")
    if emergency.is_enabled(exchange, held):
        raise Refused(Code.ADDRESS_ATTACHED, "the number has an emergency address")
    emergency.forget(exchange, held)
    last = _resource(exchange, held)
    if (record := _record(exchange, held)) is not None:
        exchange.records.remove(record)
    exchange.holdings.release(held.account, held.id)
    told = {name: value for name, value in last.items() if name not in _NOT_OF_THE_DELETED}
    return Answer(200, {"data": {**told, "status": "deleted"}})


def enable_emergency(exchange: Exchange, asked: Asked) -> Answer:
    held = _held(exchange, asked)
    emergency.enable(exchange, held, Fields(asked.body, "body"))
    kept = settings(exchange, held)
    told = {
        "record_type": "voice_settings",
        "id": format_id(held.id),
        "phone_number": held.number,
        "connection_id": kept["connection_id"],
        "customer_reference": kept["customer_reference"],
        "emergency": emergency.words(exchange, held),
    }
    return Answer(202, {"data": told})


def verify_ownership(exchange: Exchange, asked: Asked) -> Answer:
    """Of numbers that can be edited: one that waits for documents is not found, though it is owned."""
    wanted = Fields(asked.body, "body").texts("phone_numbers") or ()
    now, account = exchange.clock.now(), asked.customer.account.id
    mine = {held.number: held for held in exchange.holdings.everyone(account) if held.status(now) is Status.ACTIVE}
    found = [{"id": format_id(mine[one].id), "number_val_e164": one} for one in wanted if one in mine]
    lost = [one for one in wanted if one not in mine]
    told = {"record_type": "number_ownership", "found": found, "not_found": lost}
    return Answer(200, {"data": told})


def update_by_job(exchange: Exchange, asked: Asked) -> Answer:
    """The only way to the deletion lock. Done at once, though it says that it is pending."""
    body = Fields(asked.body, "body")
    wanted = body.texts("phone_numbers") or ()
    if not wanted or len(wanted) > _MOST_IN_A_JOB:
        raise BadField("phone_numbers", f"are 1 to {_MOST_IN_A_JOB} ids or numbers")
    account = asked.customer.account.id
    named = {key: held for held in exchange.holdings.everyone(account) for key in (format_id(held.id), held.number)}
    changes: Json = {}
    if "deletion_lock_enabled" in body:
        changes["deletion_lock_enabled"] = bool(body.flag("deletion_lock_enabled"))
    if "customer_reference" in body:
        changes["customer_reference"] = body.text("customer_reference")
    if "tags" in body:
        changes["tags"] = list(body.texts("tags") or ())
    if "connection_id" in body:
        changes["connection_id"] = connection(exchange, asked, body.text("connection_id"))
    done = [named[one] for one in wanted if one in named]
    for held in done:
        change(exchange, held, changes)
    operations = [{"id": format_id(held.id), "phone_number": held.number} for held in done]
    failed = [one for one in wanted if one not in named]
    content = {
        "parameters": {**changes, "phone_numbers": list(wanted)},
        "phone_numbers": operations,
        "successful_operations": operations,
        "failed_operations": [{"id": None, "phone_number": one, "errors": [_UNKNOWN]} for one in failed],
    }
    job = exchange.records.add(account, "job", content)
    told = {**_job(job), "status": "pending", "pending_operations": operations, "successful_operations": []}
    return Answer(202, {"data": told})


def job(exchange: Exchange, asked: Asked) -> Answer:
    record = exchange.records.get(asked.customer.account.id, "job", parse_id(asked.path["id"]))
    if record is None:
        raise not_found("job", f"with the id {asked.path['id']}")
    return Answer(200, {"data": _job(record)})


def begin(exchange: Exchange, held: Holding, content: Mapping[str, Any]) -> None:
    """The number was just bought: what its order says of it."""
    exchange.records.add(held.account, NUMBER, {**_FRESH, **content}, held.id)
    _take_effect(exchange, held)


def change(exchange: Exchange, held: Holding, changes: Mapping[str, Any]) -> None:
    record = _record(exchange, held) or exchange.records.add(held.account, NUMBER, _FRESH, held.id)
    exchange.records.change(record, changes)
    _take_effect(exchange, held)


def settings(exchange: Exchange, held: Holding) -> Json:
    record = _record(exchange, held)
    return {**_FRESH, **(record.content if record else {})}


def connection(exchange: Exchange, asked: Asked, id_: str | None) -> str | None:
    """The connection of this id, of any kind; an empty text is none. Refused when there is no such."""
    if not id_:
        return None
    account = asked.customer.account.id
    if not any(exchange.records.get(account, kind, parse_id(id_)) for kind in CONNECTIONS):
        raise invalid("connection_id", f"there is no connection {id_}")
    return id_


def profile(exchange: Exchange, asked: Asked, id_: str | None) -> str | None:
    if not id_:
        return None
    if exchange.records.get(asked.customer.account.id, PROFILE, parse_id(id_)) is None:
        raise invalid("messaging_profile_id", f"there is no messaging profile {id_}")
    return id_


_UNKNOWN: Final = {"code": "10005", "title": "Resource not found", "detail": "the number is not in this account"}


def _has_digits(held: Holding, digits: str) -> bool:
    """Any part of the number, of three digits at least; anything else than digits finds nothing."""
    return re.fullmatch(r"\d+", digits) is not None and len(digits) >= _LEAST_DIGITS and digits in held.number


def _asked_for(held: Holding, kept: Json, asked_for: Mapping[tuple[str, ...], str]) -> bool:
    told = {
        ("customer_reference",): kept["customer_reference"],
        ("connection_id",): kept["connection_id"],
        ("country_iso_alpha2",): held.country,
        ("number_type", "eq"): TYPE_WORDS[held.type],
    }
    fits = all(asked_for.get(name) in (None, value) for name, value in told.items())
    return fits and asked_for.get(("tag",)) in (None, *kept["tags"])


def _held(exchange: Exchange, asked: Asked) -> Holding:
    return exchange.holdings.get(asked.customer.account.id, parse_id(asked.path["id"]))


def _record(exchange: Exchange, held: Holding) -> Record | None:
    return exchange.records.of(held.account, NUMBER, held.id)


def _take_effect(exchange: Exchange, held: Holding) -> None:
    kept = settings(exchange, held)
    routed = bool(kept["connection_id"] or kept["messaging_profile_id"])
    exchange.holdings.route_itself(held.account, held.id, routed)


def _resource(exchange: Exchange, held: Holding) -> Json:
    record = _record(exchange, held)
    kept = {**_FRESH, **(record.content if record else {})}
    status = _STATUSES[held.status(exchange.clock.now())]
    return {
        **kept,
        "record_type": "phone_number",
        "id": format_id(held.id),
        "phone_number": held.number,
        "country_iso_alpha2": held.country,
        "status": status,
        "phone_number_type": TYPE_WORDS[held.type],
        "purchased_at": format_time(held.purchased_at),
        "created_at": format_time(held.purchased_at),
        "updated_at": format_time(record.changed_at if record else held.purchased_at),
        "activated_at": format_time(held.active_at) if status == "active" else None,
        "source_type": "number_order",
        "connection_name": None,
        "messaging_profile_name": None,
        "messaging_campaign_id": None,
        **emergency.words(exchange, held),
        "call_forwarding_enabled": False,
        "cnam_listing_enabled": False,
        "caller_id_name_enabled": False,
        "call_recording_enabled": False,
        "t38_fax_gateway_enabled": False,
        "inbound_call_screening": "disabled",
    }


def _messaging(exchange: Exchange, held: Holding) -> Json:
    kept = settings(exchange, held)
    sms = {"domestic_two_way": "sms" in held.capabilities, "international_inbound": False}
    mms = {"domestic_two_way": "mms" in held.capabilities, "international_inbound": False}
    return {
        "record_type": "messaging_settings",
        "id": format_id(held.id),
        "phone_number": held.number,
        "country_code": held.country,
        "messaging_profile_id": kept["messaging_profile_id"],
        "messaging_product": "A2P",
        "traffic_type": "A2P",
        "eligible_messaging_products": ["A2P"],
        "type": "tollfree" if held.type == "toll_free" else "longcode",
        "features": {
            "sms": {**sms, "international_outbound": False},
            "mms": {**mms, "international_outbound": False},
        },
        "health": {"message_count": 0, "inbound_outbound_ratio": 0.0, "success_ratio": 1.0, "spam_ratio": 0.0},
        "organization_id": user_id(held.account),
        "tags": kept["tags"],
        "created_at": format_time(held.purchased_at),
        "updated_at": format_time(held.purchased_at),
    }


def _job(record: Record) -> Json:
    return {
        "record_type": "phone_numbers_job",
        "id": format_id(record.id),
        "type": "update_phone_numbers",
        "status": "completed",
        "etc": format_time(record.made_at),
        "created_at": format_time(record.made_at),
        "updated_at": format_time(record.changed_at),
        "pending_operations": [],
        **record.content,
    }


ROUTES: Final = (
    ("GET", f"{V2}/phone_numbers", Operation.NUMBERS_LIST, numbers),
    ("GET", f"{V2}/phone_numbers/messaging", Operation.SERVICE_GET, all_messaging),
    ("POST", f"{V2}/phone_numbers/actions/verify_ownership", Operation.NUMBERS_LIST, verify_ownership),
    ("POST", f"{V2}/phone_numbers/jobs/update_phone_numbers", Operation.NUMBER_PATCH, update_by_job),
    ("GET", f"{V2}/phone_numbers/jobs/{{id}}", Operation.SERVICE_GET, job),
    ("POST", f"{V2}/phone_numbers/{{id}}/actions/enable_emergency", Operation.NUMBER_PATCH, enable_emergency),
    ("GET", f"{V2}/phone_numbers/{{id}}", Operation.NUMBER_GET, number),
    ("PATCH", f"{V2}/phone_numbers/{{id}}", Operation.NUMBER_PATCH, patch),
    ("DELETE", f"{V2}/phone_numbers/{{id}}", Operation.RELEASE, delete),
    ("GET", f"{V2}/phone_numbers/{{id}}/messaging", Operation.NUMBER_GET, messaging),
    ("PATCH", f"{V2}/phone_numbers/{{id}}/messaging", Operation.NUMBER_PATCH, patch_messaging),
)
