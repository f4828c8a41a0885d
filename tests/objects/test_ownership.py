"""Which of several objects a number belongs to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import Mark
from ringfleet.objects.conditions import stamp
from ringfleet.objects.ownership import foreign_mark, owner_of
from ringfleet.objects.phone_number import NumberRecord, project_number
from tests.api.manifests import a_number
from tests.plan.builders import NOW


def a_record(namespace: str, age: int = 0, phase: str = "Available", **spec: Any) -> NumberRecord:
    """The object of the one number in `namespace`, so many days old."""
    number = a_number()
    born = {"uid": namespace, "resourceVersion": "1", "generation": 1}
    meta = {**number["metadata"], **born, "namespace": namespace, "creationTimestamp": stamp(NOW - timedelta(days=age))}
    return project_number({"metadata": meta, "spec": {**number["spec"], **spec}, "status": {"phase": phase}})


OLD, NEW, NEWER = a_record("one", 3), a_record("two", 2), a_record("three", 1)
OBSERVED = a_record("four", 9, managementPolicy="Observe")
RELEASED = a_record("five", 9, phase="Released")


def mark(namespace: str) -> Mark:
    return Mark("home", namespace, "west")


@pytest.mark.parametrize(
    ("decides", "records", "owner"),
    [
        pytest.param(None, [], None, id="nobody"),
        pytest.param(None, [OLD], OLD, id="the only one"),
        pytest.param(None, [NEWER, OLD, NEW], OLD, id="without a mark, the oldest"),
        pytest.param(None, [a_record("b"), a_record("a")], a_record("a"), id="of the same age, by its name"),
        pytest.param(mark("two"), [NEWER, OLD, NEW], NEW, id="the one in the namespace that the mark names"),
        pytest.param(mark("six"), [OLD, NEW], None, id="none, while the marked one is not made"),
        pytest.param(None, [OBSERVED, NEW], NEW, id="never one that only observes"),
        pytest.param(None, [RELEASED, NEW], NEW, id="never one whose number was given back"),
        pytest.param(mark("four"), [OBSERVED, NEW], None, id="not even when the mark names it"),
    ],
)
def test_a_number_belongs_to(decides: Mark | None, records: list[NumberRecord], owner: NumberRecord | None) -> None:
    assert owner_of(decides, records) == owner


@given(st.permutations([OLD, NEW, NEWER, OBSERVED, RELEASED]), st.sampled_from([None, mark("two"), mark("six")]))
def test_the_order_in_which_objects_are_seen_is_no_matter(records: list[NumberRecord], decides: Mark | None) -> None:
    assert owner_of(decides, records) == owner_of(decides, sorted(records, key=lambda one: one.namespace))


@pytest.mark.parametrize(
    ("seen", "record", "foreign"),
    [
        (None, OLD, False),
        (mark("one"), OLD, False),
        (Mark("home", "one", "east"), OLD, False),
        (mark("two"), OLD, True),
        (Mark("others", "one", "west"), OLD, True),
        (Mark("others", "one", "west"), OBSERVED, False),
    ],
)
def test_a_mark_is_foreign_by_installation_and_namespace(
    seen: Mark | None, record: NumberRecord, foreign: bool
) -> None:
    assert foreign_mark(seen, record, "home") == (seen if foreign else None)
