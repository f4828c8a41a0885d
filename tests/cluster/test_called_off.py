"""Orders that the carrier has not heard of, and their pool no longer wants."""

from __future__ import annotations

from typing import Any

from tests.cluster.stage import Stage

BY_HAND = {"topUp": {"mode": "Manual"}}


def test_a_suspended_pool_buys_nothing_of_what_it_had_ordered_until_it_is_resumed(stage: Stage) -> None:
    name = open_order(stage)
    stage.patch("numberpool", "us-west", suspend=True)
    stage.wait_reason("numberorder", name, "Suspended")
    approve(stage, name)
    another_pool_buys_one(stage)
    stage.patch("numberpool", "us-west", suspend=False)
    stage.wait_ready()
    assert len(stage.simulator.owned()) == 4


def test_without_its_pool_an_order_ends_with_nothing_bought(stage: Stage) -> None:
    name = open_order(stage)
    stage.delete("numberpool", "us-west")
    stage.wait_for(lambda: order(stage, name)["status"].get("failure") == "PoolMissing", "the order to end")
    approve(stage, name)
    another_pool_buys_one(stage)
    assert "completedAt" in order(stage, name)["status"]


def open_order(stage: Stage) -> str:
    """A pool that waits for a person to approve its order of three; the order's name."""
    stage.account()
    stage.profile()
    stage.pool(target=3, **BY_HAND)
    stage.start_operator()
    (name,) = stage.wait_for(lambda: [one["metadata"]["name"] for one in stage.list("numberorder")], "an order")
    stage.wait_reason("numberorder", name, "AwaitingApproval")
    return name


def approve(stage: Stage, name: str) -> None:
    stage.annotate("numberorder", name, approved="true")


def another_pool_buys_one(stage: Stage) -> None:
    """Its order comes after the approval, and so is it seen; nothing else has been bought by then."""
    stage.pool("another", target=1)
    stage.wait_ready("another")
    assert len(stage.simulator.owned()) == 1


def order(stage: Stage, name: str) -> dict[str, Any]:
    return stage.get("numberorder", name)
