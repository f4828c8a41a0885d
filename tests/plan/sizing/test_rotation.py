"""The rotation calculator: the rule of thumb where nothing else binds, and the limit by its name where one does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.plan.sizing.rotation import EXAMPLE_CAP, Limit, Traffic, numbers_for, tier_for, volume_of

SENDER = Traffic(cap=1000)


@given(st.integers(1, 10_000_000))
def test_the_rule_of_thumb_comes_out_when_nothing_else_binds(volume: int) -> None:
    """InsertLead's: ceil(volume / 1000)."""
    sized = numbers_for((volume,), SENDER)
    assert (sized.numbers, sized.volume, sized.binds) == (-(-volume // 1000), volume, Limit.VOLUME)


@pytest.mark.parametrize(
    ("volume", "traffic", "numbers", "possible", "binds"),
    [
        (0, Traffic(75, brand_daily=0), 0, 0, Limit.VOLUME),
        (10_000, Traffic(75), 134, 10_000, Limit.VOLUME),
        (10_000, Traffic(75, work_days=5, rest_days=2, flag_rate=0.01, remediation_days=14), 219, 10_000, Limit.VOLUME),
        (10_000, Traffic(75, headroom_percent=10), 148, 10_000, Limit.VOLUME),
        (90_000, Traffic(1000, brand_daily=40_000), 40, 40_000, Limit.BRAND),
        (500_000, Traffic(1000, per_minute=240), 188, 187_200, Limit.CAMPAIGN),
        (500_000, Traffic(1000, per_minute=240, hours=10), 144, 144_000, Limit.CAMPAIGN),
        (90_000, Traffic(1000, most_numbers=49), 49, 49_000, Limit.NUMBER_POOL),
        (90_000, Traffic(1000, brand_daily=2_000, most_numbers=49), 2, 2_000, Limit.BRAND),
        (1_000, Traffic(1000, brand_daily=2_000, most_numbers=49), 1, 1_000, Limit.VOLUME),
    ],
)
def test_the_limit_that_binds_is_named(
    volume: int, traffic: Traffic, numbers: int, possible: int, binds: Limit
) -> None:
    sized = numbers_for((volume,), traffic)
    assert (sized.numbers, sized.volume, sized.binds) == (numbers, possible, binds)


def test_guardrail_no_more_numbers_than_a_campaign_can_use() -> None:
    """More numbers make no more throughput: beyond the brand's limit the answer does not grow."""
    limited = Traffic(1000, brand_daily=40_000)
    assert numbers_for((40_000,), limited).numbers == numbers_for((4_000_000,), limited).numbers


def test_places_that_need_numbers_of_their_own_are_rounded_one_by_one() -> None:
    assert numbers_for((100,) * 3, Traffic(75)).numbers == 6


@pytest.mark.parametrize(
    ("numbers", "traffic", "volume", "binds"),
    [
        (4, SENDER, 4_000, Limit.NUMBERS),
        (60, Traffic(1000, most_numbers=49), 49_000, Limit.NUMBER_POOL),
        (60, Traffic(1000, brand_daily=10_000), 10_000, Limit.BRAND),
        (134, Traffic(75), 10_050, Limit.NUMBERS),
        (0, SENDER, 0, Limit.NUMBERS),
    ],
)
def test_the_volume_of_some_numbers(numbers: int, traffic: Traffic, volume: int, binds: Limit) -> None:
    sized = volume_of(numbers, traffic)
    assert (sized.volume, sized.binds) == (volume, binds)


TRAFFICS = st.builds(
    Traffic,
    cap=st.integers(1, 2000),
    overload=st.none() | st.floats(0.001, 0.2),
    work_days=st.integers(1, 7),
    rest_days=st.integers(0, 7),
    flag_rate=st.floats(0, 0.02),
    remediation_days=st.floats(0, 30),
    headroom_percent=st.integers(0, 50),
)


@given(TRAFFICS, st.integers(1, 1_000_000))
def test_the_numbers_for_a_volume_carry_it(traffic: Traffic, volume: int) -> None:
    sized = numbers_for((volume,), traffic)
    assert volume_of(sized.numbers, traffic).volume >= volume


@given(TRAFFICS, st.integers(2, 1_000_000))
def test_one_number_in_ten_less_does_not(traffic: Traffic, volume: int) -> None:
    """The size is not wasteful either, but for rounding: each step up adds at most one number."""
    sized = numbers_for((volume,), traffic)
    spare = 3 * (1 + traffic.rest_days / traffic.work_days) / (1 - traffic.flag_rate * traffic.remediation_days) + 3
    fewer = int(sized.numbers * 0.9 - spare)
    if fewer > 0:
        assert volume_of(fewer, traffic).volume < volume


@pytest.mark.parametrize(
    ("volume", "tier"),
    [(900, "Starter"), (1_000, "Starter"), (1_001, "Growth"), (4_000, "Scale"), (5_000, "Empire"), (9_000, None)],
)
def test_the_example_tiers(volume: int, tier: str | None) -> None:
    found = tier_for(numbers_for((volume,), Traffic(EXAMPLE_CAP)).numbers)
    assert (found and found.name) == tier
