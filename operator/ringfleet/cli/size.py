"""`ringfleet size pool|rotation|proxy|capacity`: how many numbers are needed, by `plan/sizing`.

`-o json` prints one object; the fields are those of the table, in camelCase::

    pool      {lowWatermark, baseStock, baseStockLost, meanDemand, deviation, runwayDays}
    rotation  {numbers, volume, binds: volume | numbers | campaign | brand | numberPool, numbersAllows, utilisation}
    proxy     {numbers, leastOffline, perParticipant}
    capacity  {numbers, channels, agents, binds: numbers | channels | agents | null, channelsNeeded}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import wraps
from math import sqrt
from typing import Any

import click

from ringfleet.cli._shared.cluster import output_option
from ringfleet.cli._shared.printing import echo_json, echo_table
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
from ringfleet.plan.sizing.rotation import EXAMPLE_CAP, Traffic, numbers_for, tier_for, volume_of

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class Days(click.ParamType[float]):
    """A duration such as 36h or 5m, or a number of days; in days."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from ringfleet.api.meta import parse_duration

        if isinstance(value, float):
            return value
        try:
            return float(value) if _is_number(value) else parse_duration(value) / DAY
        except ValueError as error:
            self.fail(f"{error}, nor a number of days", param, ctx)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


DAYS = Days()
SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
POSITIVE = click.FloatRange(min=0)
COUNT = click.IntRange(min=0)

Answers = Mapping[str, tuple[str, float | int | str | None]]
"""By the field's name: what it is, in words, and its value."""


@click.group()
def size() -> None:
    """Calculate how many numbers a pool, a rotation or a proxy service needs."""


def _calculator(calculate: Callable[..., Answers]) -> Callable[..., None]:
    """Make a command of a calculation: print its answers, and a wish that can't be granted as an error."""

    @output_option()
    @wraps(calculate)
    def command(*, output: str, **wishes: Any) -> None:
        try:
            answers = calculate(**wishes)
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        if output == "json":
            echo_json({field: value for field, (_, value) in answers.items()})
        else:
            echo_table(("What", "Value"), [(what, value) for what, value in answers.values()])

    return command


@size.command("pool")
@click.option("--rate", required=True, type=POSITIVE, help="Numbers assigned a day.")
@click.option("--lead-time", required=True, type=DAYS, help="From order to usable number: 36h, 5m, or days as 2.5.")
@click.option("--service-level", default=0.95, show_default=True, type=SHARE, help="Share of demand served at once.")
@click.option("--lead-deviation", default=0.0, type=DAYS, help="Standard deviation of the lead time.")
@click.option("--demand-deviation", type=POSITIVE, help="Standard deviation of a day's demand. Default: Poisson's.")
@click.option("--observed", type=DAYS, help="How long the rate was measured for; its error is allowed for.")
@click.option("--available", type=COUNT, help="Numbers that are free now: how long do they last?")
@_calculator
def pool(
    rate: float,
    lead_time: float,
    service_level: float,
    lead_deviation: float,
    demand_deviation: float | None,
    observed: float | None,
    available: int | None,
) -> Answers:
    """How many numbers a pool keeps ready, and when it orders more.

    size.min is the low watermark; size.target the same or more, for larger orders.
    """
    mean, variance = lead_time_demand(rate, lead_time, lead_deviation, demand_deviation)
    if observed:
        variance += forecast_error(rate, lead_time, observed)
    left = None if available is None else runway(available, rate)
    return {
        "lowWatermark": ("Low watermark (size.min)", reorder_point(mean, variance, service_level)),
        "baseStock": ("Least stock, demand that waits", base_stock(rate, lead_time, service_level)),
        "baseStockLost": ("Least stock, demand that goes away", base_stock_lost(rate, lead_time, service_level)),
        "meanDemand": ("Demand in a lead time, mean", round(mean, 2)),
        "deviation": ("Demand in a lead time, deviation", round(sqrt(variance), 2)),
        "runwayDays": ("Days that the free numbers last", None if left is None else round(left, 1)),
    }


@size.command("rotation")
@click.option("--volume", "volumes", multiple=True, type=POSITIVE, help="Calls or messages a day.")
@click.option("--numbers", "have", type=COUNT, help="In place of --volume: what volume do so many numbers carry?")
@click.option("--cap", type=click.IntRange(min=1), help="The most of them a day from one number.")
@click.option("--overload", type=SHARE, help="Share of days in which a number may exceed its cap, for sticky traffic.")
@click.option("--work-days", default=1, show_default=True, type=click.IntRange(min=1), help="Days in use.")
@click.option("--rest-days", default=0, show_default=True, type=COUNT, help="Days of rest after these.")
@click.option("--flag-rate", default=0.0, type=POSITIVE, help="Share of the numbers that is flagged in a day.")
@click.option("--remediation", default=0.0, type=DAYS, help="How long a flagged number is out of use.")
@click.option("--headroom", default=0, type=COUNT, help="Numbers beyond what is needed, in percent.")
@click.option("--per-minute", type=COUNT, help="The campaign's messages a minute, whatever numbers it has.")
@click.option(
    "--hours", default=24.0, show_default=True, type=POSITIVE, help="With --per-minute: hours of sending a day."
)
@click.option("--brand-daily", type=COUNT, help="The brand's messages a day, whatever numbers it has.")
@click.option("--most-numbers", type=COUNT, help="The campaign's numbers (T-Mobile: 49 without an approved pool).")
@click.option(
    "--tiers", is_flag=True, help="An example preset: 1,000 a day and number, sold in tiers of 1, 2, 4 and 8."
)
@_calculator
def rotation(
    volumes: tuple[float, ...],
    have: int | None,
    cap: int | None,
    remediation: float,
    headroom: int,
    tiers: bool,
    **limits: Any,
) -> Answers:
    """How many caller IDs or senders a daily volume needs, or what volume some carry, and which limit binds.

    Give --volume once, or once for each area code that must have numbers of its own.
    """
    if cap is None and not tiers:
        raise ValueError("say --cap, the most calls or messages a day from one number, or --tiers")
    if bool(volumes) is (have is not None):
        raise ValueError("say one of --volume and --numbers")
    traffic = Traffic(
        cap or EXAMPLE_CAP, remediation_days=remediation, headroom_percent=headroom, **_traffic_fields(limits)
    )
    sized = numbers_for(volumes, traffic) if have is None else volume_of(have, traffic)
    tier = tier_for(sized.numbers) if tiers else None
    return {
        "numbers": ("Numbers", sized.numbers),
        "volume": ("A day possible", sized.volume),
        "binds": ("What binds", sized.binds),
        **{f"{limit}Allows": (f"A day allowed by {limit}", most) for limit, most in sized.limits},
        "utilisation": ("Share of the cap that is planned for", round(traffic.used, 3)),
        **({"tier": ("Smallest tier of the example", tier.name if tier else None)} if tiers else {}),
    }


def _traffic_fields(limits: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in limits.items() if value is not None}


@size.command("proxy")
@click.option("--busiest", type=COUNT, help="Sessions of the busiest participant at once, quarantined ones included.")
@click.option("--sessions", required=True, type=COUNT, help="Open sessions at once, all participants together.")
@click.option(
    "--per-number", default=100, show_default=True, type=click.IntRange(min=1), help="Most sessions of one number."
)
@click.option("--rate", type=POSITIVE, help="In place of --busiest: sessions an hour of the busiest participant.")
@click.option("--open", "open_time", type=DAYS, help="With --rate: how long a session is open.")
@click.option("--quarantine", default=0.0, type=DAYS, help="With --rate: how long a number rests for a participant.")
@click.option("--blocking", default=0.001, show_default=True, type=SHARE, help="With --rate: share that finds none.")
@_calculator
def proxy(
    busiest: int | None,
    sessions: int,
    per_number: int,
    rate: float | None,
    open_time: float | None,
    quarantine: float,
    blocking: float,
) -> Answers:
    """How many numbers masked sessions need, one number for each leg.

    Say how many sessions the busiest participant has at once, or how many an hour and for how long. For strict
    geo-matching, calculate every class by itself and add.
    """
    if busiest is None:
        if rate is None or open_time is None:
            raise ValueError("say --busiest, or --rate and --open")
        busiest = numbers_per_participant(rate, open_time * (DAY / HOUR), blocking, quarantine * (DAY / HOUR))
    legs = 2 * sessions
    return {
        "numbers": ("Numbers", proxy_size(busiest, legs, per_number)),
        "leastOffline": ("Least, if all sessions were known", proxy_size_offline(busiest, legs, per_number)),
        "perParticipant": ("Numbers for the busiest participant", busiest),
    }


@size.command("capacity")
@click.option("--numbers", required=True, type=COUNT, help="Numbers in use.")
@click.option("--calls-per-number", type=click.IntRange(min=1), help="Calls that one number carries at once.")
@click.option("--numbers-per-agent", type=click.FloatRange(min=0, min_open=True), help="Numbers that one agent needs.")
@click.option("--channels", "most", type=click.IntRange(min=1), help="Calls that the route behind them takes at once.")
@click.option("--calls-per-hour", type=POSITIVE, help="The traffic: how many channels does it need?")
@click.option("--seconds-per-call", default=180.0, show_default=True, type=POSITIVE, help="How long a call takes.")
@click.option(
    "--blocking", default=0.01, show_default=True, type=SHARE, help="Share of calls that may find no channel."
)
@_calculator
def capacity(
    numbers: int,
    calls_per_number: int | None,
    numbers_per_agent: float | None,
    most: int | None,
    calls_per_hour: float | None,
    seconds_per_call: float,
    blocking: float,
) -> Answers:
    """Which of numbers, channels and agents runs out first as traffic grows."""
    found = calls_at_once(numbers, calls_per_number, numbers_per_agent, most)
    needed = None if calls_per_hour is None else channels(calls_per_hour, seconds_per_call, blocking)
    return {
        "numbers": ("Calls at once that the numbers carry", found.numbers),
        "channels": ("Calls at once that the channels carry", found.channels),
        "agents": ("Agents that the numbers are enough for", found.agents),
        "binds": ("Runs out first", found.binds),
        "channelsNeeded": ("Channels that the traffic needs", needed),
    }
