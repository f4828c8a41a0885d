"""Five hundred numbers on a bad day."""

from __future__ import annotations

from typing import Any

from tests.cluster.stage import Stage

FAST = {"limits": {"requestsPerSecond": 500, "concurrency": 16, "timeout": "2s"}}

BAD_DAY: tuple[dict[str, Any], ...] = (
    {"fault": "snapped_up", "probability": 0.1},
    {"fault": "pending_documents", "probability": 0.1},
    {"fault": "rate_limited", "probability": 0.02, "retry_after": 1},
    {"fault": "rate_limited", "probability": 0.02, "operations": ["checkout", "cart_add", "number_patch"]},
    {"fault": "reply_lost", "operations": ["checkout"], "script": [True, False], "how": "close"},
    {"fault": "reply_lost", "operations": ["cart_add", "number_patch"], "probability": 0.01, "how": "close"},
)


def test_five_hundred_numbers_on_a_bad_day_reach_exactly_the_target_and_are_billed_once(stage: Stage) -> None:
    stage.simulator.set_faults(*BAD_DAY)
    stage.account(**FAST)
    stage.profile()
    stage.pool(target=500, market={"country": "US", "type": "Geographic", "areaCodes": ["415", "628", "212"]})
    stage.start_operator()
    stage.wait_for(lambda: _supply(stage) == 500 and _waits_for_documents_only(stage), "all to be bought", timeout=240)
    pending = [number for number in stage.simulator.owned() if number["status"] == "pending_documents"]
    assert 20 <= len(pending) <= 90
    stage.simulator.control("POST", "documents/approve", {"numbers": None})
    stage.wait_ready(timeout=240)
    numbers = stage.numbers()
    assert len(numbers) == 500
    assert stage.bills() == dict.fromkeys(numbers, 1)
    assert all(order["spec"]["count"] <= 100 for order in stage.list("numberorders"))


def _supply(stage: Stage) -> int | None:
    return stage.get("np", "us-west").get("status", {}).get("supply")


def _waits_for_documents_only(stage: Stage) -> bool:
    numbers = stage.get("np", "us-west")["status"]["numbers"]
    return numbers["available"] + numbers["pendingDocuments"] == 500
