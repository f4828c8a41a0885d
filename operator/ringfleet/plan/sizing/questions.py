"""The four calculators, each as one question and one answer: how many numbers, how much traffic, and what binds.

    PoolQuestion      numbers that a pool keeps ready        RotationQuestion  numbers for a volume, or the other way
    ProxyQuestion     numbers that mask sessions             CapacityQuestion  what runs out first behind the numbers

The command line (`cli/size.py`) and the dispatcher (`dispatch/calculators.py`) are faces of this module: both take the
names, texts, defaults and limits of its fields, both give `written(answer)`, and both refuse in the same words. A
question that passes its limits and is refused all the same contradicts itself, or no number of numbers grants it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Annotated, Any, TypeAlias

from ringfleet.plan.sizing.fields import About, Refused
from ringfleet.plan.sizing.formulas import (
    base_stock,
    base_stock_lost,
    channels,
    forecast_error,
    lead_time_demand,
    numbers_per_participant,
    proxy_size,
    proxy_size_offline,
    reorder_point,
    runway,
)
from ringfleet.plan.sizing.formulas import capacity as calls_at_once
from ringfleet.plan.sizing.rotation import EXAMPLE_CAP, Sized, Traffic, numbers_for, tier_for, volume_of

MOST_AT_ONCE = 100_000
"""The greatest demand in a lead time, or load in Erlang. The formulas count it one by one, and picks wait meanwhile."""
MOST_NUMBERS = 10**15
"""There are no more: E.164 has 15 digits."""
COUNT = 1_000_000_000
RATE = 100_000
DAYS = 1000


@dataclass(frozen=True, slots=True)
class PoolQuestion:
    """How many numbers a pool keeps ready, and when it orders more.

    size.min is the low watermark; size.target the same or more, for larger orders.
    """

    rate: Annotated[float, About("Numbers assigned a day.", least=0, most=RATE)]
    lead_time_days: Annotated[float, About("From order to usable number.", least=0, most=DAYS)]
    service_level: Annotated[float, About("Share of demand served at once.", above=0, below=1)] = 0.95
    lead_deviation_days: Annotated[float, About("Standard deviation of the lead time.", least=0, most=DAYS)] = 0.0
    demand_deviation: Annotated[
        float | None, About("Standard deviation of a day's demand. Default: Poisson's.", least=0, most=RATE)
    ] = None
    observed_days: Annotated[
        float | None, About("How long the rate was measured for; its error is allowed for.", above=0, most=RATE)
    ] = None
    available: Annotated[
        int | None, About("Numbers that are free now: how long do they last?", least=0, most=COUNT)
    ] = None


@dataclass(frozen=True, slots=True)
class PoolAnswer:
    """What a pool keeps ready, and when it orders more."""

    low_watermark: Annotated[int, About("Low watermark (size.min)")]
    base_stock: Annotated[int, About("Least stock, demand that waits")]
    base_stock_lost: Annotated[int, About("Least stock, demand that goes away")]
    mean_demand: Annotated[float, About("Demand in a lead time, mean")]
    deviation: Annotated[float, About("Demand in a lead time, deviation")]
    runway_days: Annotated[float | None, About("Days that the free numbers last")] = None


@dataclass(frozen=True, slots=True)
class RotationQuestion:
    """How many caller IDs or senders a daily volume needs, or what volume some carry, and which limit binds.

    Give the volume once, or once for each area code that must have numbers of its own.
    """

    volume: Annotated[tuple[float, ...], About("Calls or messages a day.", least=0, most=COUNT)] = ()
    numbers: Annotated[
        int | None, About("In place of {volume}: what volume do so many numbers carry?", least=0, most=COUNT)
    ] = None
    cap: Annotated[int | None, About("The most of them a day from one number.", least=1, most=COUNT)] = None
    overload_percent: Annotated[
        int,
        About(
            "Days of a hundred on which a number may meet its cap, for sticky traffic, which can't be levelled; 0: it "
            "is planned for up to its cap.",
            least=0,
            most=50,
        ),
    ] = 0
    work_days: Annotated[int, About("Days in use.", least=1, most=DAYS)] = 1
    rest_days: Annotated[int, About("Days of rest after these.", least=0, most=DAYS)] = 0
    flag_rate: Annotated[float, About("Share of the numbers that is flagged in a day.", least=0, below=1)] = 0.0
    remediation_days: Annotated[float, About("How long a flagged number is out of use.", least=0, most=10_000)] = 0.0
    headroom_percent: Annotated[int, About("Numbers beyond what is needed, in percent.", least=0, most=1000)] = 0
    per_minute: Annotated[
        int | None, About("The campaign's messages a minute, whatever numbers it has.", least=0, most=COUNT)
    ] = None
    hours: Annotated[
        float, About("With {per_minute}: hours of sending a day; quiet hours leave 13.", above=0, most=24)
    ] = 13.0
    segments: Annotated[
        int, About("With {per_minute} and {brand_daily}: segments of a message, which they count.", least=1, most=20)
    ] = 1
    brand_daily: Annotated[
        int | None, About("The brand's messages a day, whatever numbers it has.", least=0, most=COUNT)
    ] = None
    most_numbers: Annotated[
        int | None, About("The campaign's numbers (T-Mobile: 49 without an approved pool).", least=0, most=COUNT)
    ] = None
    tiers: Annotated[bool, About("An example preset: 1,000 a day and number, sold in tiers of 1, 2, 4 and 8.")] = False


@dataclass(frozen=True, slots=True)
class RotationAnswer:
    """The numbers, and the contacts a day that they make possible."""

    numbers: Annotated[int, About("Numbers")]
    volume: Annotated[int, About("A day possible")]
    binds: Annotated[str, About("What binds")]
    """Which limit keeps the volume from being more: volume, numbers, campaign, brand or numberPool."""
    limits: Annotated[dict[str, int], About("A day allowed by")]
    """Contacts a day that each limit allows, by its name."""
    utilisation: Annotated[float, About("Share of the cap that is planned for")]
    tier: Annotated[str | None, About("Smallest tier of the example")] = None


_MODE = "With {rate}: "


@dataclass(frozen=True, slots=True)
class ProxyQuestion:
    """How many numbers masked sessions need, one number for each leg.

    Say how many sessions the busiest participant has at once, or how many an hour and for how long. For strict
    geo-matching, calculate every class by itself and add.
    """

    sessions: Annotated[int, About("Open sessions at once, all participants together.", least=0, most=COUNT)]
    busiest: Annotated[
        int | None,
        About("Sessions of the busiest participant at once, quarantined ones included.", least=0, most=COUNT),
    ] = None
    per_number: Annotated[int, About("Most sessions of one number.", least=1, most=1_000_000)] = 100
    rate: Annotated[
        float | None,
        About("In place of {busiest}: sessions an hour of the busiest participant.", least=0, most=RATE),
    ] = None
    open_hours: Annotated[float | None, About(_MODE + "how long a session is open.", least=0, most=24 * DAYS)] = None
    quarantine_hours: Annotated[
        float, About(_MODE + "how long a number rests for a participant.", least=0, most=24 * DAYS)
    ] = 0.0
    blocking: Annotated[float, About(_MODE + "share that finds none.", above=0, below=1)] = 0.001


@dataclass(frozen=True, slots=True)
class ProxyAnswer:
    """The numbers that masked sessions need."""

    numbers: Annotated[int, About("Numbers")]
    least_offline: Annotated[int, About("Least, if all sessions were known")]
    per_participant: Annotated[int, About("Numbers for the busiest participant")]


@dataclass(frozen=True, slots=True)
class CapacityQuestion:
    """Which of numbers, channels and agents runs out first as traffic grows."""

    numbers: Annotated[int, About("Numbers in use.", least=0, most=COUNT)]
    calls_per_number: Annotated[
        int | None, About("Calls that one number carries at once.", least=1, most=1_000_000)
    ] = None
    numbers_per_agent: Annotated[float | None, About("Numbers that one agent needs.", least=0.001, most=COUNT)] = None
    channels: Annotated[int | None, About("Calls that the route behind them takes at once.", least=1, most=COUNT)] = (
        None
    )
    calls_per_hour: Annotated[
        float | None, About("The traffic: how many channels does it need?", least=0, most=COUNT)
    ] = None
    seconds_per_call: Annotated[float, About("How long a call takes.", least=0, most=COUNT)] = 180.0
    blocking: Annotated[float, About("Share of calls that may find no channel.", above=0, below=1)] = 0.01


@dataclass(frozen=True, slots=True)
class CapacityAnswer:
    """What each part carries; null for a part of which nothing is known."""

    numbers: Annotated[int | None, About("Calls at once that the numbers carry")]
    channels: Annotated[int | None, About("Calls at once that the channels carry")]
    agents: Annotated[int | None, About("Agents that the numbers are enough for")]
    binds: Annotated[str | None, About("Runs out first")]
    channels_needed: Annotated[int | None, About("Channels that the traffic needs")]


def size_pool(asked: PoolQuestion) -> PoolAnswer:
    """Raises Refused."""
    rate, lead_time = asked.rate, asked.lead_time_days
    if rate * lead_time > MOST_AT_ONCE:
        raise Refused(
            f"{{rate}} times {{lead_time_days}} may be {MOST_AT_ONCE:,} numbers at most: beyond, no pool is sized",
            "rate",
            "lead_time_days",
        )
    mean, variance = lead_time_demand(rate, lead_time, asked.lead_deviation_days, asked.demand_deviation)
    if asked.observed_days:
        variance += forecast_error(rate, lead_time, asked.observed_days)
    left = None if asked.available is None else runway(asked.available, rate)
    return PoolAnswer(
        low_watermark=reorder_point(mean, variance, asked.service_level),
        base_stock=base_stock(rate, lead_time, asked.service_level),
        base_stock_lost=base_stock_lost(rate, lead_time, asked.service_level),
        mean_demand=round(mean, 2),
        deviation=round(sqrt(variance), 2),
        runway_days=round(left, 1) if left is not None and isfinite(left) else None,
    )


def size_rotation(asked: RotationQuestion) -> RotationAnswer:
    """Raises Refused."""
    if asked.cap is None and not asked.tiers:
        raise Refused("say {cap}, the most calls or messages a day from one number, or {tiers}", "cap", "tiers")
    if bool(asked.volume) is (asked.numbers is not None):
        raise Refused("say one of {volume} and {numbers}", "volume", "numbers")
    traffic = _traffic(asked)
    sized = _sized(asked, traffic)
    tier = tier_for(sized.numbers) if asked.tiers else None
    return RotationAnswer(
        numbers=sized.numbers,
        volume=sized.volume,
        binds=str(sized.binds),
        limits={str(limit): most for limit, most in sized.limits},
        utilisation=round(traffic.used, 3),
        tier=tier.name if tier else None,
    )


def _traffic(asked: RotationQuestion) -> Traffic:
    return Traffic(
        cap=asked.cap or EXAMPLE_CAP,
        overload=asked.overload_percent / 100 or None,
        work_days=asked.work_days,
        rest_days=asked.rest_days,
        flag_rate=asked.flag_rate,
        remediation_days=asked.remediation_days,
        headroom_percent=asked.headroom_percent,
        per_minute=asked.per_minute,
        hours=asked.hours,
        segments=asked.segments,
        brand_daily=asked.brand_daily,
        most_numbers=asked.most_numbers,
    )


def _sized(asked: RotationQuestion, traffic: Traffic) -> Sized:
    if asked.numbers is not None:
        return volume_of(asked.numbers, traffic)
    try:
        sized = numbers_for(asked.volume, traffic)
    except ValueError as error:
        raise Refused(
            f"{error}: lower {{flag_rate}} or {{remediation_days}}", "flag_rate", "remediation_days"
        ) from error
    if sized.numbers > MOST_NUMBERS:
        raise Refused(
            "no country has so many of them: lower {volume}, {flag_rate} or {remediation_days}",
            "volume",
            "flag_rate",
            "remediation_days",
        )
    return sized


def size_proxy(asked: ProxyQuestion) -> ProxyAnswer:
    """Raises Refused."""
    busiest = asked.busiest if asked.busiest is not None else _busiest(asked)
    legs = 2 * asked.sessions
    return ProxyAnswer(
        numbers=proxy_size(busiest, legs, asked.per_number),
        least_offline=proxy_size_offline(busiest, legs, asked.per_number),
        per_participant=busiest,
    )


def _busiest(asked: ProxyQuestion) -> int:
    if asked.rate is None or asked.open_hours is None:
        raise Refused("say {busiest}, or {rate} and {open_hours}", "busiest", "rate", "open_hours")
    if asked.rate * (asked.open_hours + asked.quarantine_hours) > MOST_AT_ONCE:
        raise Refused(
            f"{{rate}} times {{open_hours}} and {{quarantine_hours}} may be {MOST_AT_ONCE:,} at most: say {{busiest}}",
            "rate",
            "open_hours",
            "quarantine_hours",
            "busiest",
        )
    return numbers_per_participant(asked.rate, asked.open_hours, asked.blocking, asked.quarantine_hours)


def size_capacity(asked: CapacityQuestion) -> CapacityAnswer:
    """Raises Refused."""
    found = calls_at_once(asked.numbers, asked.calls_per_number, asked.numbers_per_agent, asked.channels)
    return CapacityAnswer(
        numbers=found.numbers,
        channels=found.channels,
        agents=found.agents,
        binds=str(found.binds) if found.binds else None,
        channels_needed=_channels(asked),
    )


def _channels(asked: CapacityQuestion) -> int | None:
    if asked.calls_per_hour is None:
        return None
    if asked.calls_per_hour * asked.seconds_per_call > 3600 * MOST_AT_ONCE:
        raise Refused(
            f"{{calls_per_hour}} times {{seconds_per_call}} may be {MOST_AT_ONCE:,} calls at once at most: beyond, "
            "no route is sized",
            "calls_per_hour",
            "seconds_per_call",
        )
    return channels(asked.calls_per_hour, asked.seconds_per_call, asked.blocking)


SizeAnswer: TypeAlias = PoolAnswer | RotationAnswer | ProxyAnswer | CapacityAnswer


@dataclass(frozen=True, slots=True)
class Calculator:
    """The classes of a question and its answer, and the function from one to the other. It raises Refused."""

    question: type[Any]
    answer: type[Any]
    calculate: Callable[[Any], SizeAnswer]


CALCULATORS: Mapping[str, Calculator] = {
    "pool": Calculator(PoolQuestion, PoolAnswer, size_pool),
    "rotation": Calculator(RotationQuestion, RotationAnswer, size_rotation),
    "proxy": Calculator(ProxyQuestion, ProxyAnswer, size_proxy),
    "capacity": Calculator(CapacityQuestion, CapacityAnswer, size_capacity),
}
"""By the name that both faces give them."""
