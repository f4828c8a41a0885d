"""The bucket and the delays, as numbers; the bucket's law, for any pattern of callers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.rate import Backoff, TokenBucket, backoff

DOUBLING = [(0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (1_000_000, 60)]


@pytest.mark.parametrize(("failures", "seconds"), DOUBLING)
def test_delays_double_up_to_the_longest(failures: int, seconds: int) -> None:
    assert backoff(failures, timedelta(seconds=1), timedelta(minutes=1)) == timedelta(seconds=seconds)
    assert Backoff(first=1.0, longest=60.0).delay(failures, chance=lambda: 1.0) == seconds


def test_a_delay_is_drawn_from_its_upper_half() -> None:
    delays = Backoff(first=1.0, longest=60.0)
    assert (delays.delay(3, chance=lambda: 0.0), delays.delay(3, chance=lambda: 0.5)) == (2.0, 3.0)


def test_a_burst_is_free_and_the_rest_comes_at_the_rate() -> None:
    bucket = TokenBucket(rate=10, burst=3)
    assert [bucket.reserve(now=5.0) for _ in range(6)] == pytest.approx([0, 0, 0, 0.1, 0.2, 0.3])


def test_a_bucket_that_rested_is_full_and_not_fuller() -> None:
    bucket = TokenBucket(rate=10, burst=2)
    for _ in range(5):
        bucket.reserve(now=0.0)
    assert [bucket.reserve(now=1000.0) for _ in range(3)] == pytest.approx([0, 0, 0.1])


@given(rests=st.lists(st.floats(0, 5), min_size=1, max_size=60), rate=st.floats(0.5, 50), burst=st.integers(1, 20))
def test_no_stretch_of_time_sees_more_calls_than_rate_and_burst_allow(
    rests: list[float], rate: float, burst: int
) -> None:
    bucket, now, turns = TokenBucket(rate, burst), 1000.0, list[float]()
    for rest in rests:
        now += rest
        turns.append(now + bucket.reserve(now))
    assert turns == sorted(turns)
    for first, start in enumerate(turns):
        for last, end in enumerate(turns[first:], first):
            assert last - first + 1 <= burst + (end - start) * rate + 1e-6


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_a_bucket_that_never_has_a_token_is_refused(rate: float, burst: int) -> None:
    with pytest.raises(ValueError, match="a bucket needs"):
        TokenBucket(rate, burst)
