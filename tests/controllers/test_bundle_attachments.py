"""Which bundle a number carries."""

from __future__ import annotations

from typing import Any

import pytest

from ringfleet.controllers.bundle_attachments import Revision, carried_by
from ringfleet.model import AccountKey
from tests.objects.test_phone_number import a_record

OLD = {"documents": {"attached": "old"}, "phase": "Available"}


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
