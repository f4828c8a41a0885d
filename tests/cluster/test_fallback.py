"""When the preferred carrier can't sell, the next one is asked, and the pool says so."""

from __future__ import annotations

from tests.cluster.stage import Stage
from tests.simulator.process import SimulatorProcess

CARRIERS = [{"accountRef": {"name": "sandbox"}}, {"accountRef": {"name": "spare"}}]


def test_a_carrier_that_is_down_is_stood_in_for_and_preferred_again_when_it_is_back(stage: Stage) -> None:
    stage.simulator.set_faults({"fault": "server_error", "account": "sandbox"})
    two_carriers(stage)
    said = stage.wait_reason("numberpool", "us-west", "FallbackCarrier", "FallbackCarrier")
    stands_in = f"New orders go to {stage.namespace}/spare instead of {stage.namespace}/sandbox: "
    assert said["message"].startswith(stands_in)
    assert "does not answer" in said["message"]
    stage.wait_ready()
    assert (bought_at(stage, "sandbox"), bought_at(stage, "spare")) == (0, 3)
    assert stage.wait_event("us-west", "FallbackCarrier")["type"] == "Warning"
    stage.simulator.set_faults()
    stage.wait_gone("numberpool", "us-west", "FallbackCarrier")
    stage.scale(5)
    stage.wait_for(lambda: bought_at(stage, "sandbox") == 2, "two numbers from the preferred carrier")


def test_a_carrier_whose_search_is_down_and_who_has_no_memory_is_stood_in_for(stage: Stage) -> None:
    stage.simulator.set_faults({"fault": "search_down", "account": "sandbox"})
    two_carriers(stage)
    stage.wait_ready()
    assert (bought_at(stage, "sandbox"), bought_at(stage, "spare")) == (0, 3)
    event = stage.wait_event("us-west", "FallbackCarrier")
    assert f"Search at {stage.namespace}/sandbox is down" in event["note"]
    stage.wait_reason("carrieraccount", "sandbox", "SearchUnavailable", "SearchUnavailable")
    assert stage.condition("numberpool", "us-west", "CatalogStale") is None, "nothing is remembered"


def test_a_carrier_without_stock_is_stood_in_for(stage: Stage) -> None:
    stage.stock(1)
    with SimulatorProcess() as other:
        two_carriers(stage, spare=other)
        stage.wait_ready()
        assert len(other.ledger(kind="purchase")) == 2
    assert bought_at(stage, "sandbox") == 1
    event = stage.wait_event("us-west", "FallbackCarrier")
    assert f"{stage.namespace}/sandbox offers no more numbers" in event["note"]


def two_carriers(stage: Stage, spare: SimulatorProcess | None = None) -> None:
    """A pool of three that prefers `sandbox` to `spare`, an account of its own; and an operator."""
    there = spare or stage.simulator
    there.control("POST", "accounts", {"token": "spare-token", "id": "spare", "balance": "100.00"})
    stage.account()
    stage.account("spare", token="spare-token", url=there.url)
    stage.profile()
    stage.pool(target=3, carriers=CARRIERS)
    stage.start_operator()


def bought_at(stage: Stage, account: str) -> int:
    return len(stage.simulator.ledger(account, "purchase"))
