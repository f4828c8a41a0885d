"""Orders that come back from a backup, without status: what they had bought is not bought again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.stage import Stage

KINDS = ("numberpool", "numberorder", "phonenumber")
SERVERS_OWN = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")


@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param(KINDS, id="with its numbers"),
        pytest.param(("numberpool", "numberorder"), id="without its numbers"),
        pytest.param(("numberpool",), id="the pool alone"),
    ],
)
def test_a_pool_that_comes_back_without_status_has_its_numbers_and_buys_none(
    stage: Stage, kinds: tuple[str, ...]
) -> None:
    stage.account()
    stage.profile()
    stage.pool(target=3, limits={"maxNumbers": 9})
    operator = stage.start_operator()
    stage.wait_ready()
    stage.scale(5)
    stage.wait_for(lambda: list(stage.phases().values()) == ["Available"] * 5, "five numbers")
    numbers = stage.numbers()
    assert operator.stop() == 0

    backup = [backed_up(obj) for kind in kinds for obj in stage.list(kind)]
    for kind in KINDS:
        lose(stage, kind)
    stage.apply(*backup)
    stage.start_operator()
    stage.wait_for(lambda: list(stage.phases().values()) == ["Available"] * 5, "the five numbers")
    for order in [obj["metadata"]["name"] for obj in backup if obj["kind"] == "NumberOrder"]:
        stage.wait_reason("numberorder", order, "Complete")
    stage.wait_ready()
    assert (stage.numbers(), stage.bills()) == (numbers, dict.fromkeys(numbers, 1))


def backed_up(obj: dict[str, Any]) -> dict[str, Any]:
    """The object as a backup brings it back."""
    metadata = {field: value for field, value in obj["metadata"].items() if field not in SERVERS_OWN}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata, "spec": obj["spec"]}


def lose(stage: Stage, kind: str) -> None:
    """Let all objects of a kind be gone, as with their cluster: nobody tells the carrier."""
    names = [obj["metadata"]["name"] for obj in stage.list(kind)]
    for name in names:
        stage.kubectl("patch", kind, name, "--type=merge", "--patch", '{"metadata": {"finalizers": []}}')
    stage.delete(kind, *names)
