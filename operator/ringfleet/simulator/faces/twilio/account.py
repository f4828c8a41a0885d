"""The account itself at the Twilio face: its state, its balance, its subaccounts. The answer holds its auth token, as
Twilio's.

A subaccount is opened by its own credentials everywhere, and by its parent's where the path names an account: at every
other host those act for the parent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.twilio.wire import API, Json, account_of, account_sid, mail_time
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.fields import Fields
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.money import format_cents
from ringfleet.simulator.records import SUBACCOUNT
from ringfleet.simulator.selling.carts import Customer

_SUBRESOURCES: Final = {
    "available_phone_numbers": "AvailablePhoneNumbers",
    "incoming_phone_numbers": "IncomingPhoneNumbers",
    "applications": "Applications",
    "balance": "Balance",
}
_OPENED: Final = 1_700_000_000.0
"""When every account was opened. It matters to nobody."""


def acts_for(exchange: Exchange, caller: Customer, path: Mapping[str, str]) -> Customer:
    for one in _below(exchange, caller):
        if account_sid(one.account.id) == path.get("account"):
            return one
    return caller


def _below(exchange: Exchange, caller: Customer) -> list[Customer]:
    """With the token that each was given last."""
    kept = (record.content for record in exchange.records.all(caller.account.id, SUBACCOUNT))
    tokens = {one["id"]: one["token"] for one in kept}
    return [Customer(exchange.accounts.find(id_), token) for id_, token in tokens.items()]


def _parent(exchange: Exchange, account_: str) -> str:
    """The id of the account above it, or its own."""
    for one in exchange.accounts.all():
        if any(record.content["id"] == account_ for record in exchange.records.all(one.id, SUBACCOUNT)):
            return one.id
    return account_


def account(exchange: Exchange, asked: Asked) -> Answer:
    account_of(asked)
    return Answer(200, _account(exchange, asked.customer))


def accounts(exchange: Exchange, asked: Asked) -> Answer:
    wanted = Fields(asked.query, "query").text("FriendlyName")
    everyone = (asked.customer, *_below(exchange, asked.customer))
    mine = [_account(exchange, one) for one in everyone if wanted in (None, one.account.id)]
    path = "/2010-04-01/Accounts.json"
    page = {"page": 0, "page_size": 50, "start": 0, "end": 0, "uri": path, "first_page_uri": path}
    return Answer(200, {"accounts": mine, **page, "next_page_uri": None, "previous_page_uri": None})


def balance(_: Exchange, asked: Asked) -> Answer:
    account_of(asked)
    mine = asked.customer.account
    told = {"account_sid": account_sid(mine.id), "balance": format_cents(mine.balance), "currency": mine.currency}
    return Answer(200, told)


def _account(exchange: Exchange, customer: Customer) -> Json:
    mine = customer.account
    sid = account_sid(mine.id)
    return {
        "sid": sid,
        "owner_account_sid": account_sid(_parent(exchange, mine.id)),
        "friendly_name": mine.id,
        "status": "active" if mine.balance >= 0 else "suspended",
        "type": "Full",
        "auth_token": customer.basket,
        "date_created": mail_time(_OPENED),
        "date_updated": mail_time(_OPENED),
        "uri": f"/2010-04-01/Accounts/{sid}.json",
        "subresource_uris": {name: f"/2010-04-01/Accounts/{sid}/{path}.json" for name, path in _SUBRESOURCES.items()},
    }


ROUTES: Final = (
    ("GET", "/twilio/api/2010-04-01/Accounts.json", Operation.ACCOUNT, accounts),
    ("GET", f"{API}.json", Operation.ACCOUNT, account),
    ("GET", f"{API}/Balance.json", Operation.ACCOUNT, balance),
)
