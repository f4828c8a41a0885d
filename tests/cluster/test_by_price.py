"""Two carriers of one preference: each order goes where a number costs less, and elsewhere when that one can't sell."""

from __future__ import annotations

from collections import Counter

from tests.cluster.by_price import CHEAP_AT_TELNYX, account
from tests.cluster.stage import Stage


def test_the_cheaper_of_two_carriers_gets_the_order_and_the_dearer_one_when_it_is_down(stage: Stage) -> None:
    stage.simulator.control("POST", "stock", CHEAP_AT_TELNYX)
    for provider in ("Twilio", "Telnyx"):
        account(stage, provider)
    stage.profile()
    stage.pool(target=3, carriers=[{"accountRef": {"name": one}, "preference": 1} for one in ("twilio", "telnyx")])
    stage.start_operator()
    stage.wait_ready()
    assert (bought_at(stage, "twilio"), bought_at(stage, "telnyx")) == (0, 3)
    assert {one["status"]["price"]["monthly"] for one in stage.list("phonenumbers")} == {"1.00"}

    stage.simulator.set_faults({"fault": "server_error", "account": "telnyx"})
    stage.wait_reason("carrieraccount", "telnyx", "CarrierUnavailable")
    stage.scale(5)
    stage.wait_reason("numberpool", "us-west", "FallbackCarrier", "FallbackCarrier")
    stage.wait_ready()
    assert (bought_at(stage, "twilio"), bought_at(stage, "telnyx")) == (2, 3)
    assert all(times == 1 for account in ("twilio", "telnyx") for times in billed(stage, account).values())


def bought_at(stage: Stage, account: str) -> int:
    return len(stage.simulator.ledger(account, "purchase"))


def billed(stage: Stage, account: str) -> Counter[str]:
    return Counter(entry["number"] for entry in stage.simulator.ledger(account, "purchase"))
