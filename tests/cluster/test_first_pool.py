"""The main job: a pool manifest becomes numbers."""

from __future__ import annotations

from tests.cluster.stage import Stage


def test_a_pool_manifest_becomes_numbers_that_are_bought_once_and_routed(stage: Stage) -> None:
    stage.account()
    stage.profile()
    stage.pool(target=25)
    stage.start_operator(installed=True)
    stage.kubectl("wait", "--for=condition=Ready", "np/us-west", "--timeout=120s")
    numbers = stage.list("phonenumbers")
    assert {number["status"]["phase"] for number in numbers} == {"Available"}
    assert {number["status"]["routing"]["profile"] for number in numbers} == {"front-desk"}
    assert stage.bills() == {number["spec"]["number"]: 1 for number in numbers}
    assert len(numbers) == 25
    stage.wait_event("us-west-1", "Complete")  # written beside the status, not before it
    assert {event["reason"] for event in stage.events("us-west-1")} == {"Complete"}
    owned = stage.simulator.owned()
    assert all(number["routing_profile_id"] and number["reference"].startswith("rf/") for number in owned)


def test_scaling_up_orders_the_difference_and_scaling_down_only_shows_a_surplus(stage: Stage) -> None:
    stage.account()
    stage.profile()
    stage.pool(target=3)
    stage.start_operator()
    stage.wait_ready()
    stage.kubectl("scale", "np/us-west", "--replicas=8")
    stage.wait_for(lambda: len(stage.numbers()) == 8, "eight numbers")
    stage.wait_ready()
    stage.scale(2)
    stage.wait_for(lambda: stage.get("np", "us-west")["status"].get("surplus") == 6, "a surplus of six")
    assert len(stage.numbers()) == 8
    assert sum(stage.bills().values()) == 8


def test_a_stopped_operator_ends_cleanly(stage: Stage) -> None:
    stage.account()
    operator = stage.start_operator()
    stage.wait_ready("sandbox", "carrieraccount")
    assert operator.stop() == 0
