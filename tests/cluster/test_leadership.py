"""Two replicas on a real API server: the leader is killed, paused or told to stop in the middle of its orders, and the
other one goes on, so that each number is bought once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cluster.stage import OperatorProcess, Stage
from tests.cluster.test_freeze import let_see

LEASE = "ringfleet-operator"
TARGET = 60


def two_replicas(stage: Stage) -> tuple[OperatorProcess, OperatorProcess]:
    """The one that leads and the one that stands by, in the middle of an order of many numbers."""
    let_see(stage)
    stage.simulator.set_faults({"fault": "latency", "operations": ["cart_add"], "seconds": 0.03})
    stage.account(limits={"requestsPerSecond": 200, "concurrency": 8, "timeout": "2s"})
    stage.profile()
    leader = replica(stage, "one")
    stage.wait_for(lambda: "leading" in told(leader), "the first one to lead")
    standby = replica(stage, "two")
    stage.wait_for(lambda: "synced" in told(standby), "the second one to stand by")
    stage.pool(target=TARGET, ordering={"batchSize": 20})
    stage.wait_for(lambda: 10 <= sum(stage.bills().values()) < TARGET, "the first ten to be bought")
    assert "leading" not in told(standby)
    return leader, standby


def replica(stage: Stage, name: str) -> OperatorProcess:
    return stage.start_operator(
        name,
        RINGFLEET_LEADER_ELECTION="true",
        RINGFLEET_LEADER_LEASE="PT4S",
        RINGFLEET_PURCHASE_LEASE="PT5S",
        RINGFLEET_SYSTEM_NAMESPACE=stage.namespace,
    )


def told(operator: OperatorProcess) -> set[str]:
    return {line["event"] for line in operator.lines()}


def holder(stage: Stage) -> str:
    return str(stage.get("lease", LEASE)["spec"]["holderIdentity"]).split("_")[0]


ENDS: dict[str, Callable[[OperatorProcess], object]] = {
    "killed": OperatorProcess.kill,
    "told to stop": OperatorProcess.stop,
    "paused": OperatorProcess.pause,
}


@pytest.mark.parametrize("how", ENDS)
def test_the_other_replica_goes_on_and_each_number_is_bought_once(stage: Stage, how: str) -> None:
    leader, standby = two_replicas(stage)
    ENDS[how](leader)
    stage.wait_for(lambda: "leading" in told(standby), "the second one to lead")
    assert holder(stage) == "two"
    if how == "paused":
        stage.wait_for(lambda: sum(stage.bills().values()) >= TARGET // 2, "the second one to have bought some")
        leader.go_on()
        assert leader.wait_ended() == 1
        assert "holds the Lease" in leader.log.read_text()
    stage.wait_ready(timeout=180)
    assert stage.bills() == dict.fromkeys(stage.numbers(), 1)
    assert len(stage.numbers()) == TARGET
    assert standby.running
