"""The account's money at the Telnyx face."""

from __future__ import annotations

from typing import Final

from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.telnyx.wire import V2
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.money import format_cents


def balance(_: Exchange, asked: Asked) -> Answer:
    mine = asked.customer.account
    told = {
        "record_type": "balance",
        "balance": format_cents(mine.balance),
        "credit_limit": "0.00",
        "available_credit": format_cents(mine.balance),
        "pending": "0.00",
        "currency": mine.currency,
    }
    return Answer(200, {"data": told})


ROUTES: Final = (("GET", f"{V2}/balance", Operation.ACCOUNT, balance),)
