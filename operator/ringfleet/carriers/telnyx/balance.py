"""The money of a Telnyx account."""

from __future__ import annotations

from ringfleet.carriers.http import AccountClient, Call
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.telnyx import wire
from ringfleet.model import Money


async def spendable(http: AccountClient) -> Money:
    """What can be spent: the balance and the credit that Telnyx gives, less what is pending."""
    row = Fields(await http.call(Call("GET", wire.path("balance"))), "reply").inside("data")
    return row.money("available_credit", row.text("currency"))
