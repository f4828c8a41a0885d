"""Demand: orders on demand, a target that follows the forecast, and what the pool says when it runs low or dry."""

from __future__ import annotations

from typing import Any

from tests.cluster.stage import Stage

FAST = {"limits": {"requestsPerSecond": 200, "concurrency": 8}}


def status(stage: Stage) -> dict[str, Any]:
    return dict(stage.get("numberpool", "us-west").get("status", {}))


def demand(stage: Stage) -> dict[str, Any]:
    return dict(status(stage).get("demand", {}))


def test_a_pool_that_holds_none_orders_a_number_for_the_claim_that_asks_for_it(stage: Stage) -> None:
    stage.account(**FAST)
    stage.profile()
    stage.pool(target=0)
    stage.start_operator()
    stage.wait_ready()
    stage.claim("patient")
    stage.wait_for(lambda: status(stage).get("waitingClaims") == 1, "a claim to wait")
    stage.claim("another", "eager", onNoStock="Order")
    stage.wait_for(lambda: len(stage.bound()) == 3, "all three to be bound, as the first was first in the queue")
    stage.wait_for(lambda: status(stage)["supply"] == 0, "none to be left, and none on its way")
    assert stage.bills().total() == 3


def test_a_claim_that_only_waits_has_nothing_ordered_for_it(stage: Stage) -> None:
    stage.account(**FAST)
    stage.profile()
    stage.pool(target=0)
    stage.start_operator()
    stage.claim("patient")
    stage.wait_for(lambda: status(stage).get("waitingClaims") == 1, "the claim to wait")
    assert (status(stage)["shortfall"], stage.list("numberorders")) == (0, [])


def test_a_forecast_pool_keeps_what_its_demand_asks_for_within_its_limits(stage: Stage) -> None:
    """Twenty a day, two hours: two are asked for in a lead time, and five keep 95 %."""
    stage.account(**FAST)
    stage.profile()
    known = {"burnRatePerDay": "20", "leadTime": "2h", "serviceLevel": "0.95"}
    stage.pool(size={"mode": "Forecast", "target": 1}, demand=known, limits={"maxNumbers": 3})
    stage.start_operator()
    stage.wait_reason("numberpool", "us-west", "MaxNumbersReached", "LimitReached")
    stage.wait_for(lambda: list(stage.phases().values()).count("Available") == 3, "three free numbers")
    stage.patch("numberpool", "us-west", limits={"maxNumbers": 50})
    stage.wait_for(lambda: list(stage.phases().values()).count("Available") == 5, "five free numbers")
    stage.wait_for(lambda: demand(stage).get("runwayDays") == "0.2", "the runway of five numbers")
    assert demand(stage)["recommendedTarget"] == 5
    assert (demand(stage)["burnRatePerDay"], demand(stage)["leadTime"]) == ("20", "2h")
    assert "projectedExhaustion" in demand(stage)


def test_a_pool_measures_its_demand_and_a_restart_forgets_nothing(stage: Stage) -> None:
    stage.account(**FAST)
    stage.profile()
    stage.pool(target=3, limits={"maxNumbers": 3})
    operator = stage.start_operator()
    stage.wait_ready()
    stage.wait_for(lambda: "leadTime" in demand(stage), "a lead time")
    stage.claim("first", "second", "third")
    stage.wait_event("us-west", "PoolExhausted")
    stage.wait_for(lambda: demand(stage).get("burnRatePerDay") == "3", "the burn rate of three claims")
    operator.kill()
    before, notes = demand(stage), status(stage)["memory"]["demand"]
    stage.start_operator("operator-2")
    stage.claim("fourth")
    stage.wait_for(lambda: status(stage).get("waitingClaims") == 1, "the fourth claim to wait")
    assert (demand(stage), status(stage)["memory"]["demand"]) == (before, notes)


def test_a_pool_says_which_of_numbers_and_channels_runs_out_first(stage: Stage) -> None:
    stage.account(**FAST)
    stage.profile()
    stage.patch("routingprofile", "front-desk", channels=5)
    stage.pool(target=3, capacity={"concurrentCallsPerNumber": 2})
    stage.start_operator()
    said = stage.wait_reason("numberpool", "us-west", "ChannelsShort", "ChannelsShort")
    assert "the channels run out first" in said["message"]
    stage.wait_for(lambda: status(stage).get("capacity", {}).get("numbers") == 6, "the capacity of three numbers")
    assert status(stage)["capacity"] == {"numbers": 6, "channels": 5, "binds": "Channels"}
    stage.patch("routingprofile", "front-desk", channels=6)
    stage.wait_gone("numberpool", "us-west", "ChannelsShort")
