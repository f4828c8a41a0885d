"""The calculators against the figures that the design derives, and the laws that hold for whatever is asked."""

from __future__ import annotations

from itertools import pairwise
from math import exp, fsum, lgamma, log, sqrt
from random import Random
from statistics import NormalDist

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ringfleet.plan.sizing.distributions import burst_tail, erlang_b, least_servers, poisson_tail
from ringfleet.plan.sizing.formulas import (
    Binding,
    Capacity,
    base_stock,
    base_stock_lost,
    capacity,
    channels,
    forecast_error,
    lead_time_demand,
    numbers_per_participant,
    proxy_size,
    proxy_size_offline,
    reorder_point,
    rotation_size,
    runway,
    utilisation,
)

FIVE_MINUTES = 5 / 1440

rates = st.floats(0, 200)
lead_times = st.floats(0, 30)
levels = st.floats(0.5, 0.9999)
means = st.floats(0.001, 100_000)


# The chances.


def summed_poisson_tail(mean: float, count: int) -> float:
    return 1.0 - fsum(exp(-mean + n * log(mean) - lgamma(n + 1)) for n in range(count))


def summed_burst_tail(mean: float, variance: float, count: int) -> float:
    shape = mean * mean / (variance - mean)
    chance = shape / (shape + mean)
    logs = (
        lgamma(n + shape) - lgamma(shape) - lgamma(n + 1) + shape * log(chance) + n * log(1 - chance)
        for n in range(count)
    )
    return 1.0 - fsum(map(exp, logs))


@pytest.mark.parametrize("mean", [0.07, 3.0, 60.0, 280.0, 5_000.0])
@pytest.mark.parametrize("times", [0.3, 0.9, 1.0, 1.1, 1.5])
def test_a_poisson_tail_is_the_sum_of_its_chances(mean: float, times: float) -> None:
    count = round(mean * times)
    assert poisson_tail(mean, count) == pytest.approx(summed_poisson_tail(mean, count), abs=1e-9)


@pytest.mark.parametrize("mean", [0.5, 60.0, 5_000.0])
@pytest.mark.parametrize("spread", [1.01, 2.0, 40.0])
@pytest.mark.parametrize("times", [0.3, 1.0, 1.5])
def test_a_burst_tail_is_the_sum_of_its_chances(mean: float, spread: float, times: float) -> None:
    count = round(mean * times)
    expected = summed_burst_tail(mean, mean * spread, count)
    assert burst_tail(mean, mean * spread, count) == pytest.approx(expected, abs=1e-8)


def test_a_tail_too_small_to_be_told_from_none_by_subtraction_is_told() -> None:
    assert poisson_tail(3.0, 30) == pytest.approx(4.2770477e-20)


@given(means, st.floats(1.0, 50.0), st.integers(0, 100_000))
def test_tails_are_chances_and_fall(mean: float, spread: float, count: int) -> None:
    tails = [burst_tail(mean, mean * spread, n) for n in (0, count, count + 1)]
    assert all(0.0 <= tail <= 1.0 + 1e-9 for tail in tails)
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(tails))


@given(st.integers(0, 300), st.floats(0.01, 200))
def test_erlang_b_is_its_definition(servers: int, load: float) -> None:
    logs = [n * log(load) - lgamma(n + 1) for n in range(servers + 1)]
    highest = max(logs)
    expected = exp(logs[-1] - highest) / fsum(exp(one - highest) for one in logs)
    assert erlang_b(servers, load) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def z(level: float) -> float:
    """The standard normal's quantile, by which a textbook spreads demand."""
    return NormalDist().inv_cdf(level)


# Pools.


@pytest.mark.parametrize(
    ("lead_time", "waits", "lost"),
    [
        pytest.param(3.0, 82, 78, id="3 d"),
        pytest.param(14.0, 325, 310, id="14 d"),
        pytest.param(FIVE_MINUTES, 2, 2, id="5 min"),
    ],
)
def test_twenty_a_day_at_half_a_percent_need_this_base_stock(lead_time: float, waits: int, lost: int) -> None:
    assert (base_stock(20, lead_time, 0.995), base_stock_lost(20, lead_time, 0.995)) == (waits, lost)


def test_lead_time_demand_spreads_by_demand_and_by_lead_time() -> None:
    assert lead_time_demand(20, 3) == (60, 60)
    assert lead_time_demand(20, 3, lead_deviation=1.5) == (60, 60 + 900)
    assert lead_time_demand(20, 3, demand_deviation=6) == (60, 3 * 36)


def test_an_estimated_rate_spreads_it_more_the_shorter_it_was_observed() -> None:
    assert forecast_error(20, 3, 14) == pytest.approx(60 * 3 / 14)
    assert forecast_error(20, 3, 1) > forecast_error(20, 3, 14)


@given(rates, lead_times, levels)
def test_base_stock_is_the_least_that_keeps_the_service_level(rate: float, lead_time: float, level: float) -> None:
    assume(rate * lead_time > 0.001)
    stock = base_stock(rate, lead_time, level)
    assert poisson_tail(rate * lead_time, stock) <= 1 - level
    assert stock in {0, 1} or poisson_tail(rate * lead_time, stock - 1) > 1 - level
    lost = base_stock_lost(rate, lead_time, level)
    assert erlang_b(lost, rate * lead_time) <= 1 - level
    assert lost <= stock


@given(rates, lead_times, levels, st.floats(0, 5), st.floats(0, 5), st.floats(0, 5))
def test_more_demand_longer_lead_times_and_higher_wishes_never_need_less(
    rate: float, lead_time: float, level: float, more: float, deviation: float, wider: float
) -> None:
    def needed(rate: float, lead_time: float, deviation: float, level: float = level) -> int:
        return reorder_point(*lead_time_demand(rate, lead_time, deviation), level)

    plain = needed(rate, lead_time, deviation)
    assert needed(rate + more, lead_time, deviation) >= plain
    assert needed(rate, lead_time + more, deviation) >= plain
    assert needed(rate, lead_time, deviation, min(0.9999, level + (1 - level) / 2)) >= plain
    assert base_stock(rate + more, lead_time, level) >= base_stock(rate, lead_time, level)


@given(rates, lead_times, st.floats(0, 5), st.floats(0, 5))
def test_a_wider_spread_never_needs_less_at_a_high_service_level(
    rate: float, lead_time: float, deviation: float, wider: float
) -> None:
    narrow = reorder_point(*lead_time_demand(rate, lead_time, deviation), 0.95)
    wide = reorder_point(*lead_time_demand(rate, lead_time, deviation + wider), 0.95)
    assert wide >= narrow or deviation + wider > lead_time, "a gamma wider than its mean is mostly near nothing"


@given(rates, lead_times, levels)
def test_a_reorder_point_for_poisson_demand_is_the_base_stock(rate: float, lead_time: float, level: float) -> None:
    assert reorder_point(*lead_time_demand(rate, lead_time), level) == base_stock(rate, lead_time, level)


@pytest.mark.parametrize("variance", [1e5, 1.002e5, 2e5, 1e8, 1e10])
def test_a_hundred_thousand_on_order_are_counted_without_overflow(variance: float) -> None:
    point = reorder_point(1e5, variance, 0.9999)
    assert burst_tail(1e5, variance, point) <= 1e-4 < burst_tail(1e5, variance, point - 1)
    assert point == pytest.approx(1e5 + z(0.9999) * sqrt(variance), rel=1.0)


def test_a_hundred_thousand_erlang_are_counted_too() -> None:
    servers = least_servers(1e5, 0.01)
    assert erlang_b(servers, 1e5) <= 0.01 < erlang_b(servers - 1, 1e5)


def test_nothing_is_kept_for_what_is_never_asked_for() -> None:
    assert (base_stock(0, 3, 0.99), base_stock_lost(0, 3, 0.99), reorder_point(0, 0, 0.99)) == (0, 0, 0)


def test_a_runway_is_what_is_available_over_what_is_used() -> None:
    assert (runway(30, 20), runway(0, 20), runway(30, 0)) == (1.5, 0, None)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, -0.1])
def test_a_service_level_that_nothing_can_keep_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="service level must be between 0 and 1"):
        base_stock(20, 3, level)


def test_negative_demand_is_refused() -> None:
    with pytest.raises(ValueError, match="rate must not be negative"):
        base_stock(-1, 3, 0.95)


# Channels and agents.


@pytest.mark.parametrize(("erlang", "expected"), [(5, 11), (20, 30), (100, 117)])
def test_channels_for_one_call_lost_in_a_hundred(erlang: int, expected: int) -> None:
    assert channels(calls_per_hour=erlang * 20, seconds_per_call=180, blocking=0.01) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((100, 2, 1.5, 50), Capacity(200, 50, 66, Binding.CHANNELS)),
        ((100, 2, 5.0, 50), Capacity(200, 50, 20, Binding.AGENTS)),
        ((10, 2, 0.1, 50), Capacity(20, 50, 100, Binding.NUMBERS)),
        ((10, 2, None, 20), Capacity(20, 20, None, Binding.NUMBERS)),
        ((10, None, None, 20), Capacity(None, 20, None, Binding.CHANNELS)),
        ((10, None, None, None), Capacity(None, None, None, None)),
        ((3, None, 0.1, None), Capacity(None, None, 30, Binding.AGENTS)),
    ],
)
def test_the_part_that_carries_the_fewest_calls_binds_first(given: tuple, expected: Capacity) -> None:
    assert capacity(*given) == expected


# Rotation.


@pytest.mark.parametrize(("cap", "percent"), [(50, 72), (75, 77), (100, 79), (200, 85), (1000, 93)])
def test_sticky_traffic_uses_this_much_of_a_cap(cap: int, percent: int) -> None:
    assert round(utilisation(cap, 0.01) * 100) == percent


@given(st.integers(1, 5_000), st.floats(0.0001, 0.4))
def test_a_planned_load_leaves_z_deviations_under_the_cap(cap: int, overload: float) -> None:
    load = utilisation(cap, overload) * cap
    assert load + z(1 - overload) * sqrt(load) == pytest.approx(cap)


def zipf(volume: float, codes: int, exponent: float) -> list[float]:
    weights = [rank**-exponent for rank in range(1, codes + 1)]
    return [volume * weight / sum(weights) for weight in weights]


@pytest.mark.parametrize(
    ("volumes", "options", "expected"),
    [
        pytest.param([10_000], {}, 134, id="pooled"),
        pytest.param(zipf(10_000, 335, 0.8), {}, 381, id="local presence"),
        pytest.param(
            [10_000],
            {"work_days": 5, "rest_days": 2, "flag_rate": 0.01, "remediation_days": 14},
            219,
            id="rest and flags",
        ),
        pytest.param([750], {"used": 0.1}, 100, id="a tenth of the cap"),
        pytest.param([75, 75], {"work_days": 5, "rest_days": 2}, 4, id="rest in each tier"),
        pytest.param([], {}, 0, id="nothing to call"),
    ],
)
def test_ten_thousand_calls_at_seventy_five_need_these_numbers(volumes: list, options: dict, expected: int) -> None:
    assert rotation_size(volumes, 75, **options) == expected


def test_numbers_that_are_flagged_faster_than_they_come_back_are_refused() -> None:
    with pytest.raises(ValueError, match="no number is left"):
        rotation_size([100], 75, flag_rate=0.1, remediation_days=10)


@given(st.lists(st.floats(1, 10_000), min_size=1, max_size=20), st.integers(1, 500), st.integers(0, 5))
def test_splitting_a_volume_never_needs_fewer_numbers(volumes: list[float], cap: int, rest: int) -> None:
    split = rotation_size(volumes, cap, work_days=5, rest_days=rest)
    assert split >= rotation_size([sum(volumes)], cap, work_days=5, rest_days=rest) - 1e-9


# Proxy.


def test_the_simulated_proxy_needs_what_was_simulated() -> None:
    assert (proxy_size(72, 40_588, 100), proxy_size_offline(72, 40_588, 100)) == (477, 406)


def test_no_sessions_need_no_numbers() -> None:
    assert (proxy_size(0, 0, 100), proxy_size_offline(0, 0, 100)) == (0, 0)


@pytest.mark.parametrize(("blocking", "quarantine", "expected"), [(0.001, 0, 18), (0.0001, 0, 21), (0.001, 24, 78)])
def test_a_participant_of_two_sessions_an_hour_for_four_hours(blocking: float, quarantine: int, expected: int) -> None:
    assert numbers_per_participant(2, 4, blocking, quarantine) == expected


@given(st.randoms(use_true_random=True), st.integers(1, 4), st.integers(1, 12), st.integers(2, 8))
def test_any_choice_among_the_sized_numbers_finds_one(random: Random, ceiling: int, most: int, people: int) -> None:
    """Participants open legs one by one, each on some number that they don't use and that is not full."""
    size = proxy_size(most, most * people, ceiling)
    load = [0] * size
    legs = [person for person in range(people) for _ in range(most)]
    random.shuffle(legs)
    used: dict[int, set[int]] = {}
    for person in legs:
        free = [n for n in range(size) if load[n] < ceiling and n not in used.setdefault(person, set())]
        choice = random.choice(free)
        used[person].add(choice)
        load[choice] += 1
