"""What a number says of its traffic: by itself, or by its set where that tells it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ringfleet.plan.number_traffic import Counts, Heard, NumberTraffic, health_of, silent_for
from ringfleet.plan.rotation_set.seen import DayUsage, HealthSeen, LastUse
from tests.plan.builders import NOW

WEEK, DAY = Counts(calls=90, answered=30), Counts(calls=9, messages=2)
BUSY = NumberTraffic(2, "Spam Likely", NOW, day=DAY, week=WEEK)


def test_a_number_of_a_set_leaves_its_rate_and_its_day_to_the_set() -> None:
    """Which has a clock of its own, and compares its numbers with each other."""
    last = LastUse(NOW, 2, None)
    own = HealthSeen(0.35, "Spam Likely", DayUsage("2026-07-01", 9, 2), last)
    assert health_of(BUSY, "2026-07-01", 0.5, None, of_set=False) == own
    assert health_of(BUSY, "2026-07-01", 0.5, None, of_set=True) == HealthSeen(None, "Spam Likely", None, last)


@pytest.mark.parametrize(
    ("counts", "tries", "successes"),
    [
        (Counts(calls=3, answered=5), 3, 3),  # of two calls only the answer has been told
        (Counts(calls=3, answered=1, delivered=4, failed=2), 9, 5),
        (Counts(messages=9, received=9), 0, 0),
    ],
)
def test_what_counts_as_a_try_and_as_a_success(counts: Counts, tries: int, successes: int) -> None:
    assert (counts.tries, counts.successes) == (tries, successes)


def test_a_number_that_was_used_after_its_account_was_heard_last_has_been_silent_for_no_time() -> None:
    assert silent_for(NOW, Heard(NOW - timedelta(days=9), NOW - timedelta(days=1))) == timedelta()
