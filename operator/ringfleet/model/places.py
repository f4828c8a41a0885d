"""Where an offer or a number is, for who asks for a state or a city.

::

    region      the state or province, by its two letters as ISO 3166-2 has them behind the country: CA, ON.
                Known in North America only: no carrier here searches by it elsewhere
    locality    the city, in the carrier's words: San Francisco, Berlin

A carrier writes `San Francisco, CA` in North America, and the city alone elsewhere. What it does not say of a state,
the numbering plan says of the number; of a city nothing else is believed.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import NamedTuple

from ringfleet.model import E164, Query
from ringfleet.model.geography import locate, regions_of_plan
from ringfleet.model.numbering import nanp_area_codes, nanp_countries

_MOST_LATITUDE, _MOST_LONGITUDE = 90, 180


class Place(NamedTuple):
    """A city and its state, as far as they are known."""

    locality: str | None = None
    """The city, in the carrier's words; None: it is not known."""
    region: str | None = None
    """The state or province, such as CA; None: it is not known, or the country has none here."""

    def is_in(self, region: str | None, locality: str | None) -> bool:
        """Whether it is in this state and city; None: wherever. What is not known is nowhere: a place is a must."""
        return region in (None, self.region) and (
            locality is None or (self.locality is not None and same_locality(self.locality, locality))
        )


class Position(NamedTuple):
    """A point of the map, in degrees."""

    latitude: Decimal
    longitude: Decimal

    @classmethod
    def parse(cls, text: str) -> Position:
        """Raises ValueError for what is no `latitude,longitude`."""
        try:
            latitude, longitude = (Decimal(one.strip()) for one in text.split(","))
        except (ValueError, InvalidOperation) as error:
            raise ValueError(f"{text!r} is no point of the map such as 37.77,-122.42") from error
        on_the_map = latitude.is_finite() and longitude.is_finite()
        if not on_the_map or not (abs(latitude) <= _MOST_LATITUDE and abs(longitude) <= _MOST_LONGITUDE):
            raise ValueError(f"{text!r} is no point of the map: a latitude is from -90 to 90, a longitude -180 to 180")
        return cls(latitude, longitude)

    def __str__(self) -> str:
        return f"{self.latitude:f},{self.longitude:f}"


def place_of(number: E164, said: str | None) -> Place:
    """Where a number is: `said` by its carrier, its state else by the numbering plan."""
    city, _, state = (said or "").rpartition(", ")
    if re.fullmatch("[A-Z]{2}", state):
        return Place(city or None, state)
    in_plan = locate(number).region if number.startswith("+1") else None
    return Place(said or None, in_plan)


def same_locality(one: str, other: str) -> bool:
    """Whether two words for a city mean the same: neither capitals nor spaces count."""
    return one.split() == other.split() or one.casefold().split() == other.casefold().split()


@cache
def regions_of(country: str) -> tuple[str, ...]:
    """The states or provinces of a country of North America that have area codes, sorted; none of another country."""
    if country not in nanp_countries():
        return ()
    codes = set(nanp_area_codes(country))
    named = regions_of_plan()
    return tuple(sorted({region for prefix, region in named.items() if prefix[:3] in codes and region}))


@cache
def area_codes_in(country: str, region: str) -> tuple[str, ...]:
    """The area codes of a state or province, sorted; of what is none, none."""
    if region not in regions_of(country):
        return ()
    known = set(nanp_area_codes(country))
    return tuple(sorted({digits[:3] for digits, named in regions_of_plan().items() if named == region} & known))


def answers(query: Query, number: E164, said: str | None) -> bool:
    """Whether a number has the place and the digits that a search asks for. `said`: its place, as its carrier tells it.

    Nearness is not looked at: nothing here knows how far it is from one number to another.
    """
    if query.contains is not None and not query.contains.is_in(number):
        return False
    if query.region is None and query.locality is None:
        return True
    return place_of(number, said).is_in(query.region, query.locality)
