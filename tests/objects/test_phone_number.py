"""The slim record of a number: what of its JSON is taken as it is, and what only together makes sense."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from ringfleet.api import NumberPool
from ringfleet.model import Capability, Phase
from ringfleet.objects.conditions import stamp
from ringfleet.objects.phone_number import NumberRecord, pack_step, project_number, resting_until
from tests.api.manifests import a_number, a_pool
from tests.plan.builders import NOW

MINUTE = timedelta(minutes=1)


def a_record(spec: dict[str, Any], status: dict[str, Any]) -> NumberRecord:
    number = a_number()
    born = {"uid": "1", "resourceVersion": "1", "generation": 1, "creationTimestamp": "2026-03-01T00:00:00Z"}
    meta = {**number["metadata"], "namespace": "shop", **born}
    return project_number({"metadata": meta, "spec": {**number["spec"], **spec}, "status": status})


@pytest.mark.parametrize(
    ("unbound", "free_since"),
    [
        pytest.param(None, NOW, id="never bound"),
        pytest.param(NOW - MINUTE, NOW, id="bound before"),
        pytest.param(NOW, NOW, id="free at once"),
        pytest.param(NOW + MINUTE, None, id="bound meanwhile, and the status never showed it"),
    ],
)
def test_a_number_is_free_since_its_last_claim_let_it_go(unbound: datetime | None, free_since: datetime | None) -> None:
    spec = {"unboundAt": stamp(unbound)} if unbound else {}
    assert a_record(spec, {"phase": "Available", "freeSince": stamp(NOW)}).free_since == free_since


def test_guardrail_a_number_that_a_set_lets_go_rests_30_days_before_its_pool_may_give_it_back() -> None:
    """By default; and what rests is not free, so it is no surplus that a pool gives back by itself."""
    pool = NumberPool.parse(a_pool())
    resting = a_record({"unboundAt": stamp(NOW)}, {"phase": "Cooling", "observedGeneration": 1})
    assert resting_until(resting, pool) == NOW + timedelta(days=30)
    assert not resting.free


def test_a_phase_that_only_a_newer_version_knows_keeps_no_number_from_being_seen() -> None:
    assert a_record({}, {"phase": "FromTheFuture"}).state.phase is Phase.ORDERING


def test_nor_do_a_suspension_and_a_farewell_in_words_that_only_a_newer_version_knows() -> None:
    farewell = {"since": "2026-03-10T12:00:00Z", "cause": "FromTheFuture"}
    state = a_record({}, {"suspension": {"by": "FromTheFuture"}, "farewell": farewell}).state
    assert (state.stopped, state.farewell) == (None, None)


def test_nor_do_capabilities_that_only_a_newer_version_knows() -> None:
    assert a_record({}, {"capabilities": ["Voice", "FromTheFuture"]}).capabilities == {Capability.VOICE}


def test_a_step_into_a_phase_that_only_a_newer_version_knows_is_left_out_for_the_schema_would_refuse_it() -> None:
    """The whole list is written with each step, so that the number could say nothing any more."""
    bound, newer = ({"at": "2026-03-10T12:00:00Z", "phase": phase, "reason": "Bound"} for phase in ("Bound", "Lent"))
    assert a_record({}, {"history": [bound, newer]}).history == pack_step(bound)
