"""Addresses, of the oldest product: documents and numbers name them."""

from __future__ import annotations

import re
from typing import Final

from ringfleet.simulator.errors import Code, Refused, invalid
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.twilio.compliance.form import Form
from ringfleet.simulator.faces.twilio.wire import (
    Json,
    account_of,
    account_sid,
    format_sid,
    mail_time,
    missing,
    parse_sid,
    whole_v2010_page,
)
from ringfleet.simulator.fields import Fields
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.records import Record

ADDRESS: Final = "address"
STREETS: Final = {
    "Street": "street",
    "City": "city",
    "Region": "region",
    "PostalCode": "postal_code",
    "IsoCountry": "country",
}
_BESIDE: Final = {
    "FriendlyName": "friendly_name",
    "StreetSecondary": "street_secondary",
    "EmergencyEnabled": "emergency",
}
EMERGENCY_COUNTRIES: Final = ("US", "CA", "GB")
_LONGEST_OF_EMERGENCY: Final = 32
NUMBER: Final = "number"
"""The kind of record that holds what Twilio keeps on a number."""


def create_address(exchange: Exchange, asked: Asked) -> Answer:
    account, form = account_of(asked), Form(asked.body)
    told = {field: form.text(name) for name, field in STREETS.items()}
    beside = {field: form.text(name, required=False) for name, field in _BESIDE.items()}
    content = {**told, **beside, "name": form.text("CustomerName")}
    if content["emergency"] == "true":
        _refuse_unless_known(content)
    return Answer(201, _address(asked, exchange.records.add(account, ADDRESS, content)))


def _refuse_unless_known(content: Json) -> None:
    """The emergency services know an address by its house number. The refusal quotes what was said, as at Twilio."""
    if len(content["friendly_name"]) > _LONGEST_OF_EMERGENCY or len(content["name"]) > _LONGEST_OF_EMERGENCY:
        raise invalid("FriendlyName", f"or CustomerName has more than {_LONGEST_OF_EMERGENCY} characters")
    if content["country"] not in EMERGENCY_COUNTRIES or not re.search(r"\d", content["street"]):
        said = f"Street: {content['street'].upper()}, Locality: {content['city'].upper()}"
        raise Refused(Code.ADDRESS_INVALID, f"Failed to validate address. Check the suggested address. | {said}")


def addresses(exchange: Exchange, asked: Asked) -> Answer:
    account, name = account_of(asked), Fields(asked.query, "query").text("FriendlyName")
    emergency = Fields(asked.query, "query").text("EmergencyEnabled")
    named = [one for one in exchange.records.all(account, ADDRESS) if name in (None, one.content["friendly_name"])]
    found = [one for one in named if emergency in (None, one.content.get("emergency") or "false")]
    path = f"/2010-04-01/Accounts/{account_sid(account)}/Addresses.json"
    return whole_v2010_page(asked, "addresses", path, found, lambda one: one.id, lambda one: _address(asked, one))


def address(exchange: Exchange, asked: Asked) -> Answer:
    return Answer(200, _address(asked, _found(exchange, asked)))


def delete_address(exchange: Exchange, asked: Asked) -> Answer:
    """One that a number has is kept."""
    found = _found(exchange, asked)
    for held in exchange.holdings.everyone(account_of(asked)):
        record = exchange.records.of(held.account, NUMBER, held.id)
        named = (record.content["emergency_address_sid"], record.content["address_sid"]) if record else ()
        if format_sid("AD", found.id) in named:
            raise Refused(Code.ADDRESS_IN_USE, "the address is in use by a phone number")
    exchange.records.remove(found)
    return Answer(204)


def _found(exchange: Exchange, asked: Asked) -> Record:
    found = exchange.records.get(account_of(asked), ADDRESS, parse_sid("AD", asked.path["sid"]))
    if found is None:
        raise missing(asked)
    return found


def _address(asked: Asked, one: Record) -> Json:
    owner, sid = account_sid(account_of(asked)), format_sid("AD", one.id)
    return {
        "sid": sid,
        "account_sid": owner,
        "customer_name": one.content["name"],
        "friendly_name": one.content["friendly_name"],
        "street": one.content["street"],
        "city": one.content["city"],
        "region": one.content["region"],
        "postal_code": one.content["postal_code"],
        "iso_country": one.content["country"],
        "street_secondary": one.content.get("street_secondary") or None,
        "emergency_enabled": one.content.get("emergency") == "true",
        "validated": False,
        "verified": False,
        "date_created": mail_time(one.made_at),
        "date_updated": mail_time(one.changed_at),
        "uri": f"/2010-04-01/Accounts/{owner}/Addresses/{sid}.json",
    }
