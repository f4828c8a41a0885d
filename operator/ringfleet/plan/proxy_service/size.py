"""How many numbers a proxy service needs: D + ceil(H/C) - 1, with which no choice of a number is ever refused.

D is the most sessions of one participant at once, those included whose numbers rest; H are the participants of all open
sessions; C the most sessions of a number. The load that was seen is sized with a margin, so that numbers are claimed
before they are used up; the load that a person expects as it is. Where participants need numbers of their own place,
each place is sized by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ringfleet.plan.sizing.formulas import proxy_size

MARGIN_PERCENT = 20
"""More legs than were seen, for which there are numbers already; of the busiest participant's sessions one at least."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the participants of one place do at once."""

    busiest: int = 0
    """D."""
    legs: int = 0
    """H."""

    def with_margin(self) -> Load:
        more = 1 + self.busiest * MARGIN_PERCENT // 100 if self.busiest else 0
        return Load(self.busiest + more, self.legs + -(-self.legs * MARGIN_PERCENT // 100))


NO_LOAD = Load()
NOTHING: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ServiceSize:
    """How many numbers a service is to have, and why."""

    by_country: Mapping[str, int]
    """How many it claims, by country; all under "" where any number serves anybody."""
    recommended: int
    """How many the load takes, whatever bounds there are."""
    busiest: int
    """D, without a margin: the greater of expected and seen, of the place where it is greatest."""
    legs: int
    """H, without a margin: the greater of expected and seen, of all places together."""
    spare: int
    """How many of `recommended` are margin."""

    @property
    def wanted(self) -> int:
        """How many it claims."""
        return sum(self.by_country.values())

    @property
    def is_bounded(self) -> bool:
        """Whether it may have fewer than the load takes."""
        return self.wanted < self.recommended


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a person says of the size, whatever the load is."""

    least: int = 1
    most: int = 100
    per_number: int = 100
    """C."""


DEFAULT_BOUNDS = Bounds()


def size_service(
    home: str, expected: Load, seen: Mapping[str, Load], bounds: Bounds, reserved: Mapping[str, int] = NOTHING
) -> ServiceSize:
    """`home`: the country that the expected load is of, and what it is short of `bounds.least`; "" where any number
    serves anybody. `seen`: by place, as `Whereabouts.places` writes it; empty while it is not known. `reserved`:
    numbers by country that it gives to nobody who does not name them: they are of no use for the load."""
    per_number = bounds.per_number
    planned = {home: proxy_size(expected.busiest, expected.legs, per_number)}
    measured, with_margin = (
        _by_country(seen, per_number),
        _by_country({place: load.with_margin() for place, load in seen.items()}, per_number),
    )
    countries = sorted({*planned, *with_margin, *reserved}, key=lambda country: (country != home, country))
    load = {one: max(planned.get(one, 0), with_margin.get(one, 0)) for one in countries}
    needs = {one: load[one] + reserved.get(one, 0) for one in countries}
    bare = sum(max(planned.get(one, 0), measured.get(one, 0)) for one in countries)
    return ServiceSize(
        by_country=_bounded(needs, home, bounds),
        recommended=sum(needs.values()),
        busiest=max([expected.busiest, *(one.busiest for one in seen.values())]),
        legs=max(expected.legs, sum(one.legs for one in seen.values())),
        spare=max(0, sum(load.values()) - bare),
    )


def country_of(place: str) -> str:
    """The country of a place as `Whereabouts.places` writes it; "" of everywhere.

    Every number of a country serves its participants but where an area code or region is asked for strictly, and of
    those the claims name none: so many numbers as all of them take together are claimed in the country."""
    return place.split(":")[1] if place else ""


def _by_country(loads: Mapping[str, Load], per_number: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, load in loads.items():
        country = country_of(place)
        found[country] = found.get(country, 0) + proxy_size(load.busiest, load.legs, per_number)
    return found


def _bounded(needs: Mapping[str, int], home: str, bounds: Bounds) -> dict[str, int]:
    """What may be claimed of it; the home country comes first."""
    short, left = max(0, bounds.least - sum(needs.values())), bounds.most
    wanted = {}
    for country, need in needs.items():
        wanted[country] = min(need + (short if country == home else 0), left)
        left -= wanted[country]
    return wanted
