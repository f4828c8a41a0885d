"""The account itself at the Twilio face: its state and its balance. The answer holds its auth token, as Twilio's."""

from __future__ import annotations

from typing import Final

from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.twilio.wire import API, Json, account_of, account_sid, mail_time
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.fields import Fields
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.money import format_cents

_SUBRESOURCES: Final = {
    "available_phone_numbers": "AvailablePhoneNumbers",
    "incoming_phone_numbers": "IncomingPhoneNumbers",
    "applications": "Applications",
    "balance": "Balance",
}
_OPENED: Final = 1_700_000_000.0
"""When every account was opened. It matters to nobody."""


def account(_: Exchange, asked: Asked) -> Answer:
    account_of(asked)
    return Answer(200, _account(asked))


def accounts(_: Exchange, asked: Asked) -> Answer:
    """The caller's own: it has no subaccounts."""
    wanted = Fields(asked.query, "query").text("FriendlyName")
    mine = [] if wanted not in (None, asked.customer.account.id) else [_account(asked)]
    path = "/2010-04-01/Accounts.json"
    page = {"page": 0, "page_size": 50, "start": 0, "end": 0, "uri": path, "first_page_uri": path}
    return Answer(200, {"accounts": mine, **page, "next_page_uri": None, "previous_page_uri": None})


def balance(_: Exchange, asked: Asked) -> Answer:
    account_of(asked)
    mine = asked.customer.account
    told = {"account_sid": account_sid(mine.id), "balance": format_cents(mine.balance), "currency": mine.currency}
    return Answer(200, told)


def _account(asked: Asked) -> Json:
    mine = asked.customer.account
    sid = account_sid(mine.id)
    return {
        "sid": sid,
        "owner_account_sid": sid,
        "friendly_name": mine.id,
        "status": "active" if mine.balance >= 0 else "suspended",
        "type": "Full",
        "auth_token": asked.customer.basket,
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
