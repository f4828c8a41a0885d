"""Two operators at once: they meet at the API server and at the carrier's cart, and nothing is bought twice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.stage import OperatorProcess, Stage

FAST = {"limits": {"requestsPerSecond": 200, "concurrency": 8, "timeout": "2s"}}

THIEVES_AND_LOST_REPLIES: tuple[dict[str, Any], ...] = (
    {"fault": "snapped_up", "probability": 0.1},
    {"fault": "latency", "operations": ["cart_add"], "seconds": 0.03},
    {"fault": "reply_lost", "operations": ["checkout"], "script": [True, False, False, True, False], "how": "close"},
    {"fault": "reply_lost", "operations": ["cart_add"], "probability": 0.01, "how": "close"},
)


@pytest.mark.parametrize("killed", [pytest.param(False, id="both live"), pytest.param(True, id="one is killed midway")])
def test_two_operators_reach_exactly_the_target_and_nothing_is_billed_twice(stage: Stage, killed: bool) -> None:
    stage.simulator.set_faults(*THIEVES_AND_LOST_REPLIES)
    stage.account(**FAST)
    stage.profile()
    first, second = (stage.start_operator(name, RINGFLEET_PURCHASE_LEASE="PT5S") for name in ("one", "two"))
    stage.wait_for(lambda: is_synced(first) and is_synced(second), "both operators to be at work")
    stage.pool(target=120, ordering={"batchSize": 20})
    if killed:
        stage.wait_for(lambda: 30 <= sum(stage.bills().values()) < 120, "the first thirty to be bought")
        first.kill()
    stage.wait_ready(timeout=180)
    assert len(stage.numbers()) == 120
    assert stage.bills() == dict.fromkeys(stage.numbers(), 1)
    assert second.running


def is_synced(operator: OperatorProcess) -> bool:
    return any(line["event"] == "synced" for line in operator.lines())
