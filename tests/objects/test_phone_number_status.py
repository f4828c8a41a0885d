"""When a number's health is worth a write, and what is written of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ringfleet.objects.phone_number import NumberRecord, project_number
from ringfleet.objects.phone_number_status import health_patch, is_news
from ringfleet.plan.rotation_set.seen import DayUsage, HealthSeen
from tests.api.manifests import a_number
from tests.plan.builders import NOW


def a_record(health: dict[str, Any] | None = None, usage: dict[str, Any] | None = None) -> NumberRecord:
    number = a_number()
    born = {"uid": "1", "resourceVersion": "1", "generation": 1, "creationTimestamp": "2026-03-01T00:00:00Z"}
    meta = {**number["metadata"], "namespace": "shop", **born}
    status = {name: part for name, part in (("health", health), ("usage", usage)) if part}
    return project_number({"metadata": meta, "spec": number["spec"], "status": status})


WRITTEN = {"answerRate": "0.4", "spamLabel": "Scam", "attestation": "A"}


@pytest.mark.parametrize(
    ("seen", "news", "patch"),
    [
        (HealthSeen(0.4, "Scam"), False, {}),
        (HealthSeen(0.42, "Scam"), False, {"answerRate": "0.42"}),  # goes along when something else is written
        (HealthSeen(0.45, "Scam"), True, {"answerRate": "0.45"}),
        (HealthSeen(0.35, "Scam"), True, {"answerRate": "0.35"}),
        (HealthSeen(None, "Scam"), False, {}),
        (HealthSeen(0.4, None), True, {"spamLabel": None}),
        (HealthSeen(0.4, "Spam Likely"), True, {"spamLabel": "Spam Likely"}),
        (HealthSeen(0.4, "Scam", DayUsage("2026-11-24", 3)), True, {}),
        (HealthSeen(0.4, "Scam", DayUsage("2026-11-23", 3)), False, {}),
    ],
)
def test_health_is_written_when_a_label_changes_a_rate_has_moved_or_a_day_is_over(
    seen: HealthSeen, news: bool, patch: dict[str, str | None]
) -> None:
    record = a_record(WRITTEN, {"day": "2026-11-23", "calls": 5})
    assert (is_news(record, seen, NOW), health_patch(record, "A", seen)) == (news, patch)


def test_the_first_rate_is_news_and_the_carriers_attestation_is_written_without_any() -> None:
    record = a_record()
    assert is_news(record, HealthSeen(0.0), NOW)
    assert health_patch(record, "B", HealthSeen(1 / 3)) == {"attestation": "B", "answerRate": "0.33"}
    assert health_patch(record, "B", None) == {"attestation": "B"}
    assert (record.answer_rate, a_record(WRITTEN).answer_rate) == (None, Decimal("0.4"))
