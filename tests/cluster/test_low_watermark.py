"""The low watermark: nothing is ordered while the supply is not under it; then the pool is filled to its target."""

from __future__ import annotations

from tests.cluster.stage import Stage


def test_a_pool_under_its_low_watermark_is_filled_to_the_target_batch_by_batch(stage: Stage) -> None:
    stage.account()
    stage.profile()
    stage.pool(target=7, size={"target": 7, "min": 2}, ordering={"batchSize": 3})
    stage.start_operator()
    stage.wait_for(lambda: len(stage.numbers()) == 7, "seven numbers")
    stage.wait_for(lambda: not is_filling(stage), "the filling to be over")
    stage.patch("numberpool", "us-west", size={"target": 9})
    stage.wait_for(lambda: is_looked_at(stage), "the pool to see its new target")
    assert stage.get("numberpool", "us-west")["status"]["shortfall"] == 0
    assert stage.bills() == dict.fromkeys(stage.numbers(), 1)
    assert len(stage.numbers()) == 7


def is_filling(stage: Stage) -> bool:
    return bool(stage.get("numberpool", "us-west")["status"]["memory"]["topUp"].get("filling"))


def is_looked_at(stage: Stage) -> bool:
    pool = stage.get("numberpool", "us-west")
    return bool(pool["status"]["observedGeneration"] == pool["metadata"]["generation"])
