"""The calculators: how many numbers a pool, a rotation, a proxy or a team of agents needs. A formula each, no guesses.

The same functions serve the operator, the command line and the web page. Counts are whole numbers, always rounded up;
times are in days unless a name says otherwise; shares are between 0 and 1.

Sources: Palm's theorem (Feeney and Sherbrooke 1966), lost sales (Smith 1977), Erlang-B, Little's law, edge colouring. A
wish that no number of numbers can grant is a ValueError that says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, partial
from math import ceil, sqrt
from statistics import NormalDist

from ringfleet.plan.sizing.distributions import burst_tail, least_count, least_servers, poisson_tail

# A pool: numbers kept ready, and replaced after a lead time.


def base_stock(rate: float, lead_time: float, service_level: float) -> int:
    """The least stock of which at most the share 1 - `service_level` of demand meets an empty pool, and waits.

    Palm's theorem: what is on order is Poisson of mean rate times lead time, however lead times spread. `rate` in
    numbers a day, `lead_time` in days (its mean).
    """
    mean = _not_negative(rate, "rate") * _not_negative(lead_time, "lead time")
    return least_count(partial(poisson_tail, mean), _risk(service_level), mean)


def base_stock_lost(rate: float, lead_time: float, service_level: float) -> int:
    """The same when demand that meets an empty pool goes away (Smith 1977): Erlang-B."""
    mean = _not_negative(rate, "rate") * _not_negative(lead_time, "lead time")
    return least_servers(mean, _risk(service_level))


def lead_time_demand(
    rate: float, lead_time: float, lead_deviation: float = 0.0, demand_deviation: float | None = None
) -> tuple[float, float]:
    """Mean and variance of what is asked for while an order is on its way: mu L, and L sigma_D^2 + mu^2 sigma_L^2.

    `rate` (mu) in numbers a day, `lead_time` (L) and its standard deviation in days. `demand_deviation` (sigma_D) is
    the standard deviation of one day's demand; the square root of the rate when left out, as for Poisson demand.
    """
    mean = _not_negative(rate, "rate") * _not_negative(lead_time, "lead time")
    daily = rate if demand_deviation is None else demand_deviation**2
    return mean, lead_time * daily + (rate * lead_deviation) ** 2


def forecast_error(rate: float, lead_time: float, observed_days: float) -> float:
    """The variance that lead-time demand gains because the rate is an estimate from `observed_days` of Poisson demand.

    Such an estimate has the variance rate / days, and its error lasts the whole lead time: L^2 mu / days.
    """
    return lead_time * lead_time * rate / observed_days


@lru_cache(maxsize=1024)
def reorder_point(mean: float, variance: float, service_level: float) -> int:
    """The low watermark: order when the supply falls under it, and the pool runs dry in at most 1 - `service_level` of
    the order cycles.

    `mean` and `variance` are of the demand during a lead time. Poisson when they agree, which gives the base stock;
    negative binomial when demand, lead time or rate spread more (exact when the spread is gamma: Hadley and Whitin
    1963).
    """
    return least_count(partial(burst_tail, _not_negative(mean, "mean"), variance), _risk(service_level), mean)


def runway(available: int, rate: float) -> float | None:
    """Days until the available numbers are used up when nothing is ordered. None: never."""
    return available / rate if rate > 0 else None


# Capacity behind the numbers.


def channels(calls_per_hour: float, seconds_per_call: float, blocking: float) -> int:
    """The channels that lose at most the share `blocking` of calls (Erlang-B)."""
    return least_servers(calls_per_hour * seconds_per_call / 3600, _share(blocking, "blocking"))


class Binding(StrEnum):
    """What runs out first as traffic grows."""

    NUMBERS = "numbers"
    CHANNELS = "channels"
    AGENTS = "agents"


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many calls at once each part carries; None for a part of which nothing is known.

    `binds` is the part that runs out first, the one that comes first here when parts are equal. None: nothing is known.
    """

    numbers: int | None
    channels: int | None
    agents: int | None
    binds: Binding | None


def capacity(
    numbers: int,
    calls_per_number: int | None = None,
    numbers_per_agent: float | None = None,
    profile_channels: int | None = None,
) -> Capacity:
    """Which of numbers, channels and agents binds first.

    Numbers carry `calls_per_number` calls each, the routing profile `profile_channels`, and as many agents as the
    numbers are enough for one call each.
    """
    calls = numbers * calls_per_number if calls_per_number else None
    agents = int(numbers / numbers_per_agent + _ROUNDING) if numbers_per_agent else None
    parts = {Binding.NUMBERS: calls, Binding.CHANNELS: profile_channels, Binding.AGENTS: agents}
    known = {part: most for part, most in parts.items() if most is not None}
    return Capacity(calls, profile_channels, agents, min(known, key=known.__getitem__) if known else None)


# Rotation: caller IDs and senders under a cap.


def utilisation(cap: int, overload: float) -> float:
    """The share of its cap that a number may be planned for, so that it exceeds the cap in at most `overload` of days.

    Sticky traffic can't be levelled: a number's load is about Poisson, so lambda + z sqrt(lambda) = cap.
    """
    z = NormalDist().inv_cdf(1.0 - _share(overload, "overload"))
    return ((-z + sqrt(z * z + 4 * cap)) / 2) ** 2 / cap


def rotation_size(
    volumes: Sequence[float],
    cap: int,
    *,
    used: float = 1.0,
    work_days: int = 1,
    rest_days: int = 0,
    flag_rate: float = 0.0,
    remediation_days: float = 0.0,
) -> int:
    """Numbers for this many calls or messages a day, each number under `cap` a day.

    `volumes`: one a tier that must have numbers of its own (an area code, for local presence); one in all when any
    number serves any call. `used`: the share of the cap that is planned for (`utilisation`). After `work_days` a number
    rests `rest_days`. `flag_rate`: the share of numbers that is flagged in a day, and is out for `remediation_days`
    (Little's law).

    Raises:
        ValueError: more numbers are flagged than come back.
    """
    out = flag_rate * remediation_days
    if out >= 1.0:
        raise ValueError(
            f"at {flag_rate:g} flagged a day, each out for {remediation_days:g} days, no number is left to call from"
        )
    spare = (work_days + rest_days) / work_days / (1.0 - out)
    return sum(_up(_up(volume / (cap * used)) * spare) for volume in volumes)


# Proxy: masked numbers.


def proxy_size(most_sessions: int, half_edges: int, ceiling: int) -> int:
    """Numbers with which any choice works online: N >= D + ceil(H/C) - 1.

    `most_sessions` (D): sessions of the busiest participant at once, those in reuse quarantine included. `half_edges`
    (H): the legs of all open sessions, two each. `ceiling` (C): the most sessions on one number. For strict
    geo-matching size every class on its own and add.
    """
    if most_sessions == 0 or half_edges == 0:
        return 0
    return most_sessions + -(-half_edges // ceiling) - 1


def proxy_size_offline(most_sessions: int, half_edges: int, ceiling: int) -> int:
    """The least that can do, if all sessions were known beforehand: max(D, ceil(H/C)). Least-loaded comes near it."""
    return max(most_sessions, -(-half_edges // ceiling))


def numbers_per_participant(
    sessions_per_hour: float, open_hours: float, blocking: float, quarantine_hours: float = 0.0
) -> int:
    """The numbers of which a participant finds none free for at most the share `blocking` of sessions (Erlang-B)."""
    return least_servers(sessions_per_hour * (open_hours + quarantine_hours), _share(blocking, "blocking"))


_ROUNDING = 1e-9
"""What a sum of binary fractions may be off, and must not cost a number."""


def _up(value: float) -> int:
    """Rounded up, but not by what binary fractions add."""
    return ceil(value - _ROUNDING)


def _risk(service_level: float) -> float:
    return 1.0 - _share(service_level, "service level")


def _share(value: float, name: str) -> float:
    if not 0.0 < value < 1.0:
        raise ValueError(f"the {name} must be between 0 and 1, and not {value:g}")
    return value


def _not_negative(value: float, name: str) -> float:
    if value < 0:
        raise ValueError(f"the {name} must not be negative, and is {value:g}")
    return value
