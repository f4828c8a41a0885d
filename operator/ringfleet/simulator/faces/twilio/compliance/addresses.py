"""Addresses, of the oldest product: documents and numbers name them."""

from __future__ import annotations

from typing import Final

from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.twilio.compliance.form import Form
from ringfleet.simulator.faces.twilio.wire import (
    Json,
    account_of,
    account_sid,
    format_sid,
    mail_time,
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


def create_address(exchange: Exchange, asked: Asked) -> Answer:
    account, form = account_of(asked), Form(asked.body)
    told = {field: form.text(name) for name, field in STREETS.items()}
    content = {**told, "name": form.text("CustomerName"), "friendly_name": form.text("FriendlyName", required=False)}
    return Answer(201, _address(asked, exchange.records.add(account, ADDRESS, content)))


def addresses(exchange: Exchange, asked: Asked) -> Answer:
    account, name = account_of(asked), Fields(asked.query, "query").text("FriendlyName")
    found = [one for one in exchange.records.all(account, ADDRESS) if name in (None, one.content["friendly_name"])]
    path = f"/2010-04-01/Accounts/{account_sid(account)}/Addresses.json"
    return whole_v2010_page(asked, "addresses", path, found, lambda one: one.id, lambda one: _address(asked, one))


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
        "emergency_enabled": False,
        "validated": False,
        "verified": False,
        "date_created": mail_time(one.made_at),
        "date_updated": mail_time(one.changed_at),
        "uri": f"/2010-04-01/Accounts/{owner}/Addresses/{sid}.json",
    }
