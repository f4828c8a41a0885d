"""Numbers near a number or a point of the map: in the United States and Canada, by the middle of their city.

Where a city is stands here for those of the market's table. A number of a city that is not there is near to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import asin, cos, radians, sin, sqrt
from typing import Final

from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.fields import BadField, Fields
from ringfleet.simulator.market import GEOGRAPHIC
from ringfleet.simulator.selling.stock import Offer

Point = tuple[float, float]
"""Latitude and longitude, in degrees."""

_COUNTRIES: Final = ("US", "CA")
_MILES: Final = 25
_MOST_MILES: Final = 500
_EARTH_MILES: Final = 3959.0
_CITIES: Final[dict[str, Point]] = {
    "New York, NY": (40.71, -74.01),
    "Denver, CO": (39.74, -104.99),
    "Chicago, IL": (41.88, -87.63),
    "San Francisco, CA": (37.77, -122.42),
    "Oakland, CA": (37.80, -122.27),
    "Toronto, ON": (43.65, -79.38),
    "Montreal, QC": (45.50, -73.57),
    "Vancouver, BC": (49.28, -123.12),
}


def read_nearness(exchange: Exchange, country: str, query: Fields) -> Callable[[Offer], bool] | None:
    """Whether an offer is near to what is asked for; None: nothing is asked. Raises BadField."""
    number, point = query.text("NearNumber"), query.text("NearLatLong")
    if number is None and point is None:
        return None
    if country not in _COUNTRIES:
        raise BadField("NearNumber" if number else "NearLatLong", "is for the US and Canada")
    middle = _city_of(exchange, number) if number is not None else _parse_point(point or "")
    miles = query.integer("Distance", 1, _MOST_MILES) or _MILES
    return lambda offer: middle is not None and _within(miles, middle, _CITIES.get(offer.region or ""))


def _city_of(exchange: Exchange, number: str) -> Point | None:
    if not re.fullmatch(r"\+1[0-9]{10}", number):
        raise BadField("NearNumber", f"{number!r} is no number of the US or Canada")
    blocks = (block for block in exchange.stock.blocks if block.market.type == GEOGRAPHIC)
    return next((_CITIES.get(one.region or "") for one in blocks if number.startswith(one.prefix)), None)


def _parse_point(text: str) -> Point:
    if not re.fullmatch(r"-?[0-9.]+,-?[0-9.]+", text):
        raise BadField("NearLatLong", f"{text!r} is not latitude,longitude")
    latitude, longitude = text.split(",")
    return float(latitude), float(longitude)


def _within(miles: int, one: Point, other: Point | None) -> bool:
    """By the great circle between them (haversine)."""
    if other is None:
        return False
    (north, east), (to_north, to_east) = (tuple(map(radians, point)) for point in (one, other))
    half = sin((to_north - north) / 2) ** 2 + cos(north) * cos(to_north) * sin((to_east - east) / 2) ** 2
    return 2 * _EARTH_MILES * asin(sqrt(half)) <= miles
