"""What the calculators answer beyond their formulas; tests/test_calculators.py asks them through both faces."""

from __future__ import annotations

from ringfleet.plan.sizing.questions import PoolQuestion, size_pool


def test_numbers_that_last_for_ever_have_no_runway() -> None:
    rates = (0.0, 1e-300)
    assert [size_pool(PoolQuestion(rate, 3, available=10**9)).runway_days for rate in rates] == [None, None]
