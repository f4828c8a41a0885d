"""Which bundle a number carries, and how often a carrier is asked that does not give it one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from ringfleet.controllers.bundle_attachments import Revision, carried_by
from ringfleet.controllers.bundle_refusals import FIRST_AGAIN, LAST_AGAIN, Refusals
from ringfleet.model import AccountKey
from ringfleet.plan.phone_number.case import AttachRefusal
from tests.objects.test_phone_number import a_record
from tests.plan.builders import NOW

OLD = {"documents": {"attached": "old"}, "phase": "Available"}
NUMBER = a_record({}, OLD)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.mark.parametrize(
    ("status", "carried"),
    [
        (OLD, "old"),
        ({**OLD, "phase": "PendingDocuments"}, "old"),
        ({**OLD, "documents": {"waitsFor": "germany: InReview"}}, None),
        ({**OLD, "phase": "Released"}, None),
        ({**OLD, "phase": "Lost"}, None),
        ({}, None),
    ],
)
def test_a_number_that_the_carrier_holds_carries_what_its_status_says(
    status: dict[str, Any], carried: str | None
) -> None:
    record = a_record({}, status)
    assert carried_by(record) == (Revision("shop", AccountKey("default", "main"), carried) if carried else None)


def test_a_carrier_that_refuses_is_asked_ever_more_seldom_and_of_another_revision_at_once() -> None:
    clock = Clock()
    refusals = Refusals(clock)
    assert (refusals.of(NUMBER), refusals.again(NUMBER)) == (None, None)
    waits = []
    for _ in range(12):
        assert refusals.note(NUMBER, "new", "bundle_state") == AttachRefusal("new", "it says bundle_state.")
        assert refusals.of(NUMBER) == AttachRefusal("new", "it says bundle_state.")
        again = refusals.again(NUMBER)
        assert again
        waits.append(again - clock.now)
        clock.now = again
        assert refusals.of(NUMBER) == AttachRefusal("new", "it says bundle_state.", due=True)
    assert waits[:3] == [FIRST_AGAIN, 2 * FIRST_AGAIN, 4 * FIRST_AGAIN]
    assert waits[-1] == LAST_AGAIN
    assert refusals.note(NUMBER, "newer", "") == AttachRefusal("newer", "it gives no reason that may be quoted.")
    assert refusals.again(NUMBER) == clock.now + FIRST_AGAIN
    refusals.forget(NUMBER)
    assert refusals.of(NUMBER) is None
