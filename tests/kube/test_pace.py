"""The bucket and the delays, as numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.kube.pace import Backoff, TokenBucket

ASKED_AT = st.lists(st.floats(0, 100), min_size=1, max_size=200).map(sorted)


@pytest.mark.parametrize(
    ("failures", "delay"),
    [(0, 1.0), (1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (7, 60.0), (1000, 60.0)],
)
def test_delays_double_up_to_the_longest(failures: int, delay: float) -> None:
    assert Backoff(first=1.0, longest=60.0).delay(failures, chance=lambda: 1.0) == delay


def test_a_delay_is_drawn_from_its_upper_half() -> None:
    backoff = Backoff(first=1.0, longest=60.0)
    assert (backoff.delay(3, chance=lambda: 0.0), backoff.delay(3, chance=lambda: 0.5)) == (2.0, 3.0)


def test_a_burst_is_free_and_the_rest_comes_at_the_rate() -> None:
    bucket = TokenBucket(rate=10, burst=3)
    assert [bucket.reserve(now=5.0) for _ in range(6)] == pytest.approx([0, 0, 0, 0.1, 0.2, 0.3])


def test_a_bucket_that_rested_is_full_and_not_fuller() -> None:
    bucket = TokenBucket(rate=10, burst=2)
    for _ in range(5):
        bucket.reserve(now=0.0)
    assert [bucket.reserve(now=1000.0) for _ in range(3)] == pytest.approx([0, 0, 0.1])


@given(ASKED_AT, st.integers(1, 20), st.floats(0.5, 50))
def test_no_second_sees_more_than_burst_and_rate(asked_at: list[float], burst: int, rate: float) -> None:
    bucket = TokenBucket(rate, burst)
    let_in = sorted(now + bucket.reserve(now) for now in asked_at)
    for start in let_in:
        in_one_second = sum(1 for at in let_in if start <= at <= start + 1)
        assert in_one_second <= burst + rate + 1
