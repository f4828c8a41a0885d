"""The carrier is gone for a while, in the middle of an order."""

from __future__ import annotations

from tests.cluster.stage import OperatorProcess, Stage

FAST = {"limits": {"requestsPerSecond": 200, "concurrency": 8, "timeout": "2s"}}
SLOW_CART = {"fault": "latency", "operations": ["cart_add"], "seconds": 0.2}


def test_while_the_carrier_is_gone_nothing_is_lost_or_doubled_and_it_is_told_once(stage: Stage) -> None:
    stage.simulator.set_faults(SLOW_CART)
    stage.account(**FAST)
    stage.profile()
    stage.pool(target=30, ordering={"batchSize": 10})
    operator = stage.start_operator()
    stage.wait_for(lambda: some_but_not_all(stage), "the second order to be at the carrier")
    stage.simulator.kill()
    stage.wait_for(lambda: failed_probes(operator) >= 4, "four probes to have failed")
    stage.wait_reason("carrieraccount", "sandbox", "CarrierUnavailable")
    stage.wait_reason("numberpool", "us-west", "CarrierUnavailable")
    stage.simulator.start()
    stage.wait_ready()
    assert len(stage.numbers()) == 30
    assert stage.bills() == dict.fromkeys(stage.numbers(), 1)
    told = [event for event in stage.events("sandbox") if event["reason"] == "CarrierUnavailable"]
    assert [(event["type"], "series" in event) for event in told] == [("Warning", False)]


def some_but_not_all(stage: Stage) -> bool:
    """Whether one order has bought its numbers, and another one is filling the cart."""
    states = [
        item["state"] for order in stage.list("numberorders") for item in order.get("status", {}).get("items", [])
    ]
    return sum(stage.bills().values()) >= 10 and "Submitting" in states


def failed_probes(operator: OperatorProcess) -> int:
    """How often in a row the account's probe has failed by now."""
    failures = (line["failures"] for line in operator.lines() if line["event"] == "carrier unavailable")
    return max(failures, default=0)
