"""From where detail records are read, and until when they are known."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.plan.carrier_account.records import (
    FIRST,
    LONGEST,
    NEVER_ENDED,
    OVERLAP,
    TOLD_AFTER,
    is_unread,
    since,
    to_tell,
    until,
)
from tests.plan.builders import NOW

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (None, NOW - FIRST),
        (NOW, NOW - OVERLAP),
        (NOW - 30 * HOUR, NOW - 30 * HOUR - OVERLAP),
        (NOW - LONGEST, NOW - LONGEST),
        (NOW - 3 * LONGEST, NOW - LONGEST),
    ],
)
def test_a_listing_goes_back_beyond_what_is_known_and_never_too_far(known: datetime | None, expected: datetime) -> None:
    assert since(known, NOW) == expected


def test_what_goes_on_is_waited_for_but_not_for_ever() -> None:
    assert until(NOW, ()) == NOW
    assert until(NOW, (NOW - HOUR, NOW - 2 * HOUR)) == NOW - 2 * HOUR
    assert until(NOW, (NOW - 3 * NEVER_ENDED,)) == NOW - NEVER_ENDED


@given(st.lists(st.integers(0, 10_000_000), max_size=4), st.integers(0, 2_000_000))
def test_no_moment_is_ever_left_out_between_two_listings(goes_on: list[int], pause: int) -> None:
    """Whoever began before the first listing and had not ended is listed by the second."""
    began = [NOW - timedelta(seconds=one) for one in goes_on]
    known, again = until(NOW, began), NOW + timedelta(seconds=pause)
    young = [one for one in began if one >= NOW - NEVER_ENDED and one >= again - LONGEST]
    assert all(since(known, again) <= one for one in young)
    assert since(known, again) <= NOW or again - NOW > LONGEST


def test_a_status_follows_in_steps() -> None:
    assert to_tell(None, None) is None
    assert to_tell(None, NOW) == NOW
    assert to_tell(NOW + timedelta(microseconds=5), None) == NOW
    assert to_tell(NOW + TOLD_AFTER - timedelta(seconds=1), NOW) == NOW
    assert to_tell(NOW + TOLD_AFTER, NOW) == NOW + TOLD_AFTER


def test_one_failure_is_not_worth_a_word() -> None:
    assert [is_unread(failures) for failures in range(5)] == [False, False, False, True, True]
