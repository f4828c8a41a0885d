"""What is deleted by mistake is not bought again; a namespace that is deleted goes, and takes no number with it."""

from __future__ import annotations

import pytest

from tests.cluster.stage import Stage
from tests.cluster.test_release import OFTEN, SOON, marks, owned, released


def fill(stage: Stage, count: int) -> None:
    stage.account(**OFTEN)
    stage.profile()
    stage.pool(target=count)
    stage.start_operator(**SOON)
    stage.wait_ready()


def test_a_mass_deletion_is_frozen_and_nothing_is_bought_in_its_place(stage: Stage) -> None:
    fill(stage, 6)
    before = stage.numbers()
    stage.kubectl("delete", "phonenumbers", "--all", "--wait=false")
    stage.wait_reason("numberpool", "us-west", "ReleaseFrozen", "ReleaseFrozen")
    stage.wait_for(lambda: set(stage.phases().values()) == {"Releasing"}, "all six to be held")
    said = stage.wait_reason("numberpool", "us-west", "OrderingFrozen")
    assert "ReleaseFrozen" in said["message"]
    pool = stage.get("numberpool", "us-west")["status"]
    assert (pool["supply"], pool["shortfall"], pool["replicas"]) == (6, 0, 6)
    assert (stage.bills().keys(), len(stage.list("numberorders"))) == (before, 1)
    held = stage.condition("numberpool", "us-west", "ReleaseFrozen")
    assert held
    assert f"kubectl ringfleet acknowledge --pool us-west -n {stage.namespace}" in held["message"]
    stage.annotate("numberpool", "us-west", acknowledge_release=pool["release"]["frozenSince"])
    stage.wait_for(lambda: not stage.numbers(), "the six to be let go")
    assert set(marks(stage).values()) == {None}
    assert released(stage) == set()


@pytest.mark.parametrize(
    "restarts", [pytest.param(False, id="served"), pytest.param(True, id="restarted in the middle")]
)
def test_a_namespace_that_holds_its_own_account_is_deleted_and_takes_no_number_with_it(
    stage: Stage, restarts: bool
) -> None:
    fill(stage, 3)
    before = marks(stage)
    stage.wait_for(lambda: _guards(stage) == ["ringfleet.dev/in-use"], "the account to be guarded")
    if restarts:
        stage.operators[0].kill()
    stage.cluster.delete_namespace(stage.namespace)
    if restarts:
        stage.wait_for(lambda: not stage.list("secrets"), "the Secret to have gone")
        stage.wait_for(lambda: _is_going(stage, "carrieraccount"), "the account to be going")
        stage.wait_for(lambda: _is_going(stage, "phonenumber"), "the numbers to be going")
        stage.start_operator("operator-2", **SOON)
    stage.wait_for(lambda: stage.api.find("namespace", stage.namespace) is None, "the namespace to go", timeout=90)
    assert marks(stage) == before
    assert (len(owned(stage)), released(stage)) == (3, set())


def _guards(stage: Stage) -> list[str]:
    found: list[str] = stage.get("carrieraccount", "sandbox")["metadata"].get("finalizers", [])
    return found


def _is_going(stage: Stage, what: str) -> bool:
    return all("deletionTimestamp" in obj["metadata"] for obj in stage.list(what))
