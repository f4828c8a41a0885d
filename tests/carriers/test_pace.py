"""The pace: its law, for any pattern of callers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.carriers.pace import Pace
from tests.carriers.scripts import Time


async def test_a_burst_goes_at_once_and_then_one_by_one() -> None:
    time = Time()
    pace = Pace(2, 3, clock=time, sleep=time.sleep)
    for _ in range(5):
        await pace.turn()
    assert time.slept == [0.5, 0.5]


@given(rests=st.lists(st.floats(0, 5), min_size=1, max_size=60), rate=st.integers(1, 50), burst=st.integers(1, 8))
async def test_no_stretch_of_time_sees_more_calls_than_rate_and_burst_allow(
    rests: list[float], rate: int, burst: int
) -> None:
    time = Time()
    pace = Pace(rate, burst, clock=time, sleep=time.sleep)
    turns: list[float] = []
    for rest in rests:
        time.now += rest
        await pace.turn()
        turns.append(time.now)
    for first, start in enumerate(turns):
        for last, end in enumerate(turns[first:], first):
            assert last - first + 1 <= burst + (end - start) * rate + 1e-6


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_a_pace_that_never_gives_a_turn_is_refused(rate: float, burst: int) -> None:
    time = Time()
    with pytest.raises(ValueError, match="a pace needs"):
        Pace(rate, burst, clock=time, sleep=time.sleep)
