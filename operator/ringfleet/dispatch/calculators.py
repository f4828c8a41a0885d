"""`GET /v1/size/rotation|pool|proxy`: the calculators of `plan/`, as the command line has them.

Query parameters in camelCase; durations in days, as `leadTimeDays`. The answers name every limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringfleet.dispatch.problems import Problem
from ringfleet.plan.sizing.formulas import (
    base_stock,
    base_stock_lost,
    forecast_error,
    lead_time_demand,
    proxy_size,
    proxy_size_offline,
    reorder_point,
    runway,
)
from ringfleet.plan.sizing.rotation import EXAMPLE_CAP, Sized, Traffic, numbers_for, tier_for, volume_of

T = TypeVar("T")

MOST_DEMAND = 100_000
"""Numbers asked for in one lead time. The formulas count them one by one, and picks wait meanwhile."""

Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Positive = Annotated[float, Meta(ge=0, le=1e9)]
Share = Annotated[float, Meta(gt=0, lt=1)]


class RotationQuery(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """One of `volume` (contacts a day) and `numbers`. `cap`: of one number a day. `tiers`: the example preset, 1,000 a
    day and number in tiers of 1, 2, 4 and 8."""

    volume: Positive | None = None
    numbers: Count | None = None
    cap: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    tiers: bool = False
    overload: Share | None = None
    work_days: Annotated[int, Meta(ge=1, le=1000)] = 1
    rest_days: Annotated[int, Meta(ge=0, le=1000)] = 0
    flag_rate: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    remediation_days: Annotated[float, Meta(ge=0, le=10_000)] = 0.0
    headroom_percent: Annotated[int, Meta(ge=0, le=1000)] = 0
    per_minute: Count | None = None
    hours: Annotated[float, Meta(gt=0, le=24)] = 24.0
    brand_daily: Count | None = None
    most_numbers: Count | None = None


class RotationSize(Struct, rename="camel"):
    """`binds`: what keeps the volume from being more. `limits`: contacts a day that each limit allows."""

    numbers: int
    volume: int
    binds: str
    limits: dict[str, int]
    utilisation: float
    tier: str | None = None


class PoolQuery(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """`rate`: numbers assigned a day. `observedDays`: how long it was measured for. `available`: free now."""

    rate: Annotated[float, Meta(ge=0, le=100_000)]
    lead_time_days: Annotated[float, Meta(ge=0, le=1000)]
    service_level: Share = 0.95
    lead_deviation_days: Annotated[float, Meta(ge=0, le=1000)] = 0.0
    demand_deviation: Annotated[float, Meta(ge=0, le=100_000)] | None = None
    observed_days: Annotated[float, Meta(gt=0, le=100_000)] | None = None
    available: Count | None = None


class PoolSize(Struct, rename="camel"):
    """`lowWatermark`: order below it. `baseStock`, `baseStockLost`: the least stock when demand waits, or goes away."""

    low_watermark: int
    base_stock: int
    base_stock_lost: int
    mean_demand: float
    deviation: float
    runway_days: float | None = None


class ProxyQuery(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """`busiest`: open sessions of the busiest participant. `sessions`: of all. `perNumber`: the most on one number."""

    busiest: Count
    sessions: Count
    per_number: Annotated[int, Meta(ge=1, le=1_000_000)] = 100


class ProxySize(Struct, rename="camel"):
    """`leastOffline`: if all sessions were known beforehand."""

    numbers: int
    least_offline: int


def rotation(query: RotationQuery) -> RotationSize:
    """Raises Problem when the query contradicts itself or no number of numbers grants it."""
    if query.cap is None and not query.tiers:
        raise Problem("malformed-request", "Say cap, the most contacts a day from one number, or tiers=true.")
    if (query.volume is None) is (query.numbers is None):
        raise Problem("malformed-request", "Say one of volume and numbers.")
    traffic = Traffic(
        cap=query.cap or EXAMPLE_CAP,
        overload=query.overload,
        work_days=query.work_days,
        rest_days=query.rest_days,
        flag_rate=query.flag_rate,
        remediation_days=query.remediation_days,
        headroom_percent=query.headroom_percent,
        per_minute=query.per_minute,
        hours=query.hours,
        brand_daily=query.brand_daily,
        most_numbers=query.most_numbers,
    )
    sized = _granted(lambda: _sized(query, traffic))
    tier = tier_for(sized.numbers) if query.tiers else None
    limits = {str(limit): most for limit, most in sized.limits}
    return RotationSize(
        sized.numbers, sized.volume, sized.binds, limits, round(traffic.used, 3), tier.name if tier else None
    )


def _sized(query: RotationQuery, traffic: Traffic) -> Sized:
    if query.numbers is not None:
        return volume_of(query.numbers, traffic)
    return numbers_for((query.volume or 0.0,), traffic)


def pool(query: PoolQuery) -> PoolSize:
    """Raises Problem."""
    if query.rate * query.lead_time_days > MOST_DEMAND:
        raise Problem(
            "malformed-request",
            f"rate times leadTimeDays may be {MOST_DEMAND:,} numbers at most: beyond, no pool is sized.",
        )
    mean, variance = lead_time_demand(
        query.rate, query.lead_time_days, query.lead_deviation_days, query.demand_deviation
    )
    if query.observed_days:
        variance += forecast_error(query.rate, query.lead_time_days, query.observed_days)
    left = None if query.available is None else runway(query.available, query.rate)
    return _granted(
        lambda: PoolSize(
            reorder_point(mean, variance, query.service_level),
            base_stock(query.rate, query.lead_time_days, query.service_level),
            base_stock_lost(query.rate, query.lead_time_days, query.service_level),
            round(mean, 2),
            round(sqrt(variance), 2),
            None if left is None else round(left, 1),
        )
    )


def proxy(query: ProxyQuery) -> ProxySize:
    legs = 2 * query.sessions
    return ProxySize(
        proxy_size(query.busiest, legs, query.per_number), proxy_size_offline(query.busiest, legs, query.per_number)
    )


CALCULATORS: Mapping[str, tuple[type[Struct], type[Struct], Callable[[Any], Struct]]] = {
    "rotation": (RotationQuery, RotationSize, rotation),
    "pool": (PoolQuery, PoolSize, pool),
    "proxy": (ProxyQuery, ProxySize, proxy),
}
"""By the last part of the path: what is asked, what is answered, and how."""


def size_routes() -> list[Route]:
    """Open to every caller: they read nothing of anybody's."""
    return [Route(f"/v1/size/{name}", _endpoint(*parts), methods=["GET"]) for name, parts in CALCULATORS.items()]


def _endpoint(query: type[Struct], _: type[Struct], calculate: Callable[[Any], Struct]) -> Callable[..., Any]:
    async def endpoint(request: Request) -> Response:
        return Response(msgspec.json.encode(calculate(_read(request, query))), media_type="application/json")

    return endpoint


def _read(request: Request, query: type[Struct]) -> Struct:
    given = request.query_params
    if len(given.multi_items()) != len(given):
        raise Problem("malformed-request", "Each query parameter may be given once.")
    if any(text.lower() == "null" for text in given.values()):
        raise Problem("malformed-request", "null is no value of a query parameter: leave the parameter out.")
    try:
        return msgspec.convert(dict(given), query, strict=False)
    except msgspec.ValidationError as error:
        raise Problem("malformed-request", f"The query can't be read: {error}.") from error


def _granted(calculate: Callable[[], T]) -> T:
    try:
        return calculate()
    except ValueError as error:
        raise Problem("malformed-request", f"{error}.") from error
