"""The accounts of one owner at Twilio: a parent, which pays for all, and its subaccounts.

A number can be moved from one to another by hand, and keeps its SID then. Who looks for it in its old account finds
nothing: the others are asked, which only the parent's credentials can do.
"""

from __future__ import annotations

from ringfleet.carriers.errors import AccountRestricted, RequestRejected
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.twilio.api import Api
from ringfleet.carriers.twilio.wire import NOT_FOUND, NUMBERS
from ringfleet.model import E164

ACCOUNTS = "/2010-04-01/Accounts"


async def account_id(api: Api) -> str:
    """Twilio's id of the account.

    Raises:
        AccountRestricted: there is no such subaccount of the credentials' own, or it is not active.
    """
    try:
        row = await api.get("api", api.of_account(".json"))
    except RequestRejected as error:
        if api.sid == api.owner or error.code != NOT_FOUND:
            raise
        said = f"account {api.owner} has no subaccount {api.sid}: correct spec.subaccount"
        raise AccountRestricted(f"{api.name}: {said}", error.code, said) from error
    status = row.maybe_text("status")
    if api.sid != api.owner and status not in (None, "active"):
        said = f"subaccount {api.sid} is {status}"
        raise AccountRestricted(f"{api.name}: {said}; activate it in Twilio's console", "", said)
    return row.text("sid")


async def holder_of(api: Api, number: E164) -> str | None:
    """The SID of another account of the owner that has the number."""
    async for page in api.pages("api", f"{ACCOUNTS}.json", "accounts"):
        for row in (Fields(one, "account") for one in page):
            sid = row.text("sid")
            if sid != api.sid and row.maybe_text("status") != "closed" and await _has(api, sid, number):
                return sid
    return None


async def _has(api: Api, account: str, number: E164) -> bool:
    path = f"{ACCOUNTS}/{account}{NUMBERS}.json"
    pages = api.pages("api", path, "incoming_phone_numbers", {"PhoneNumber": number})
    rows = [Fields(row, "number") async for page in pages for row in page]
    return any(row.maybe_text("phone_number") == number for row in rows)
