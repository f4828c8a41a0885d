"""US campaigns (10DLC) at the Telnyx face: which campaign a number sends for.

A number comes in asynchronously: it is PENDING_ASSIGNMENT for a while, and then ASSIGNED or FAILED_ASSIGNMENT. Only one
with a messaging profile is let in. Which campaigns there are is not kept: any id is one. Names are in camel case, and a
list has `records` and `totalRecords`, as all of this product.
"""

from __future__ import annotations

from typing import Final

from ringfleet.simulator.clock import format_time
from ringfleet.simulator.errors import invalid, not_found
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.telnyx import numbers
from ringfleet.simulator.faces.telnyx.wire import V2, Json
from ringfleet.simulator.faults.rules import Fault, Operation
from ringfleet.simulator.fields import Fields
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.records import Record
from ringfleet.simulator.selling.holdings import Holding

SEATED_S: Final = 30.0
"""How long it takes a number to come into a campaign, in seconds."""
_SEAT: Final = "phone_number_campaign"
_PAGE: Final = 50


def enter(exchange: Exchange, asked: Asked) -> Answer:
    body = Fields(asked.body, "body")
    held = _held(exchange, asked, body.required_text("phoneNumber"))
    if exchange.records.of(held.account, _SEAT, held.id):
        raise invalid("phoneNumber", "is in a campaign already")
    return Answer(200, _row(exchange, held, _put(exchange, held, body.required_text("campaignId"))))


def change(exchange: Exchange, asked: Asked) -> Answer:
    held = _held(exchange, asked, asked.path["number"])
    exchange.records.remove(_seat(exchange, held))
    campaign = Fields(asked.body, "body").required_text("campaignId")
    return Answer(200, _row(exchange, held, _put(exchange, held, campaign)))


def show(exchange: Exchange, asked: Asked) -> Answer:
    held = _held(exchange, asked, asked.path["number"])
    return Answer(200, _row(exchange, held, _seat(exchange, held)))


def leave(exchange: Exchange, asked: Asked) -> Answer:
    held = _held(exchange, asked, asked.path["number"])
    record = _seat(exchange, held)
    told = _row(exchange, held, record)
    exchange.records.remove(record)
    return Answer(200, told)


def show_all(exchange: Exchange, asked: Asked) -> Answer:
    query = Fields(asked.query, "query")
    number, size = query.integer("page", 1, 2**31) or 1, query.integer("recordsPerPage", 1, 500) or _PAGE
    seats = [
        (held, record)
        for held in exchange.holdings.everyone(asked.customer.account.id)
        if (record := exchange.records.of(held.account, _SEAT, held.id))
    ]
    rows = [_row(exchange, *one) for one in seats[(number - 1) * size : number * size]]
    return Answer(200, {"records": rows, "page": number, "totalRecords": len(seats)})


def _held(exchange: Exchange, asked: Asked, number: str) -> Holding:
    owner = exchange.holdings.owner(number)
    if owner is None or owner.account != asked.customer.account.id:
        raise not_found("number", "with these digits in this account")
    return owner


def _seat(exchange: Exchange, held: Holding) -> Record:
    record = exchange.records.of(held.account, _SEAT, held.id)
    if record is None:
        raise not_found("campaign", "of this number")
    return record


def _put(exchange: Exchange, held: Holding, campaign: str) -> Record:
    if not numbers.settings(exchange, held)["messaging_profile_id"]:
        raise invalid("phoneNumber", "has no messaging profile")
    refused = exchange.faults.strike(Fault.CAMPAIGN_REFUSED, Operation.SERVICE_PUT, held.account, held.number)
    content = {"campaign": campaign, "reason": refused.rule.reason if refused else None}
    return exchange.records.add(held.account, _SEAT, content, held.id)


def _row(exchange: Exchange, held: Holding, record: Record) -> Json:
    settled, reason = exchange.clock.now() >= record.made_at + SEATED_S, record.content["reason"]
    outcome = "FAILED_ASSIGNMENT" if reason else "ASSIGNED"
    return {
        "phoneNumber": held.number,
        "campaignId": record.content["campaign"],
        "assignmentStatus": outcome if settled else "PENDING_ASSIGNMENT",
        "failureReasons": reason if settled else None,
        "createdAt": format_time(record.made_at),
        "updatedAt": format_time(record.changed_at),
    }


_ALL: Final = f"{V2}/10dlc/phone_number_campaigns"
_ONE: Final = f"{_ALL}/{{number}}"
ROUTES: Final = (
    ("POST", _ALL, Operation.SERVICE_PUT, enter),
    ("GET", _ALL, Operation.SERVICE_GET, show_all),
    ("GET", _ONE, Operation.SERVICE_GET, show),
    ("PUT", _ONE, Operation.SERVICE_PUT, change),
    ("DELETE", _ONE, Operation.SERVICE_DELETE, leave),
)
