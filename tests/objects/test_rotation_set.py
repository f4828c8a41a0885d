"""The status of a rotation set: its traffic is written when it matters."""

from __future__ import annotations

from typing import Any

import pytest

from ringfleet.api.rotation_set import SetUsage
from ringfleet.objects.number_claim import InSet, project_claim
from ringfleet.objects.phone_number import project_number
from ringfleet.objects.rotation_set import member_seen, usage_matters
from tests.api.manifests import a_number

WRITTEN = SetUsage(day="2026-11-24", capacity=100, used=20, deferred=0)


@pytest.mark.parametrize(
    ("changes", "matters"),
    [
        ({}, False),
        ({"used": 29}, False),
        ({"used": 30}, True),
        ({"used": 19}, True),
        ({"deferred": 1}, True),
        ({"capacity": 110}, True),
        ({"day": "2026-11-25", "used": 20}, True),
    ],
)
def test_traffic_matters_by_the_day_by_tenths_and_by_the_first_that_is_put_off(
    changes: dict[str, Any], matters: bool
) -> None:
    assert usage_matters(WRITTEN, WRITTEN.model_copy(update=changes)) is matters


def test_what_is_put_off_matters_when_it_begins_and_when_it_ends() -> None:
    some = WRITTEN.model_copy(update={"deferred": 5})
    assert not usage_matters(some, some.model_copy(update={"deferred": 7}))
    assert usage_matters(some, WRITTEN)
    assert usage_matters(None, WRITTEN)


@pytest.mark.parametrize("capacity", [0, 100, 10_000])
def test_what_is_put_off_is_told_in_steps(capacity: int) -> None:
    """So that the status is never far from the count, and a count that grows by thousands is a few writes."""
    written, writes = WRITTEN.model_copy(update={"capacity": capacity}), 0
    for count in range(1, 5001):
        new = written.model_copy(update={"deferred": count})
        if usage_matters(written, new):
            written, writes = new, writes + 1
        assert written.deferred <= count < 2 * written.deferred
    assert writes <= 13 + 10


def a_claim(**metadata: Any) -> dict[str, Any]:
    meta = {"namespace": "shop", "name": "calls-1", "uid": "1", "resourceVersion": "1", "generation": 1}
    meta["creationTimestamp"] = "2026-11-24T12:00:00Z"
    return {"metadata": {**meta, **metadata}, "spec": {"poolRef": {"name": "us"}}}


def test_a_set_sees_the_campaign_that_the_profile_of_a_number_attaches_it_to() -> None:
    number, claim = a_number(), project_claim(a_claim(labels=LABELS, ownerReferences=[{**OWNER, "controller": True}]))
    born = {"uid": "1", "resourceVersion": "1", "generation": 1, "creationTimestamp": "2026-03-01T00:00:00Z"}
    meta = {**number["metadata"], "namespace": "shop", **born}
    for routing, campaign in (
        ({"profile": "texts", "campaign": "c1"}, "c1"),
        ({"profile": "texts"}, None),
        (None, None),
    ):
        status = {"routing": routing} if routing else {}
        record = project_number({"metadata": meta, "spec": number["spec"], "status": status})
        assert member_seen(claim, record).campaign == campaign


OWNER = {"apiVersion": "ringfleet.dev/v1alpha1", "kind": "RotationSet", "name": "calls", "uid": "u1"}
LABELS = {"ringfleet.dev/rotation-set": "calls", "ringfleet.dev/region": "west"}


def test_a_claim_is_in_a_set_by_its_label_and_owned_by_its_controller_alone() -> None:
    assert project_claim(a_claim()).rotation is None
    labelled = project_claim(a_claim(labels=LABELS)).rotation
    assert labelled
    assert labelled == InSet("calls", "west", draining=False)
    for controller, owner in ((True, "u1"), (False, None)):
        claim = a_claim(labels=LABELS, ownerReferences=[{**OWNER, "controller": controller}])
        found = project_claim(claim).rotation
        assert found
        assert found.owner == owner


@pytest.mark.parametrize(
    ("text", "read"),
    [("2026-11-24T12:00:00Z", True), ("yesterday", False), ("2026-11-24T12:00", False), ("", False)],
)
def test_a_draining_that_was_written_by_hand_is_one_even_if_its_time_can_not_be_read(text: str, read: bool) -> None:
    rotation = project_claim(a_claim(labels=LABELS, annotations={"ringfleet.dev/draining": text})).rotation
    assert rotation
    assert rotation.draining
    assert (rotation.since is not None) is read
