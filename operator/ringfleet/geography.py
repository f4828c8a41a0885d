"""Where a number is: its country, area code and state or city, by the numbering plans that `phonenumbers` carries.

Not where its owner is: people take their numbers along. It decides which caller ID looks local, and whose clock counts
for quiet hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import geocoder, timezone

from ringfleet.model import E164

NANP = 1
"""The country code of the North American Numbering Plan."""
_STATES = {
    "Alabama": "AL", "Alaska": "AK", "Arizona": "AZ", "Arkansas": "AR", "California": "CA", "Colorado": "CO",
    "Connecticut": "CT", "Delaware": "DE", "Florida": "FL", "Georgia": "GA", "Hawaii": "HI", "Idaho": "ID",
    "Illinois": "IL", "Indiana": "IN", "Iowa": "IA", "Kansas": "KS", "Kentucky": "KY", "Louisiana": "LA", "Maine": "ME",
    "Maryland": "MD", "Massachusetts": "MA", "Michigan": "MI", "Minnesota": "MN", "Mississippi": "MS", "Missouri": "MO",
    "Montana": "MT", "Nebraska": "NE", "Nevada": "NV", "New Hampshire": "NH", "New Jersey": "NJ", "New Mexico": "NM",
    "New York": "NY", "North Carolina": "NC", "North Dakota": "ND", "Ohio": "OH", "Oklahoma": "OK", "Oregon": "OR",
    "Pennsylvania": "PA", "Rhode Island": "RI", "South Carolina": "SC", "South Dakota": "SD", "Tennessee": "TN",
    "Texas": "TX", "Utah": "UT", "Vermont": "VT", "Virginia": "VA", "Washington State": "WA", "Washington": "WA",
    "Washington D.C.": "DC", "West Virginia": "WV", "Wisconsin": "WI", "Wyoming": "WY",
    "Alberta": "AB", "British Columbia": "BC", "Manitoba": "MB", "New Brunswick": "NB",
    "Newfoundland and Labrador": "NL", "Nova Scotia": "NS", "Ontario": "ON", "Prince Edward Island": "PE", "Quebec":
"QC", "Saskatchewan": "SK", }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """`region`: the state of a North American number, such as CA, elsewhere the place, such as Berlin. None: not known,
    or the number is of no place. `zones`: IANA time zones that it may be in, sorted."""

    country: str | None
    area_code: str | None
    region: str | None
    zones: tuple[str, ...]

    @property
    def places(self) -> tuple[str, ...]:
        """Its places as `plan/roster.py` writes them, nearest first; "" is everywhere."""
        if self.country is None:
            return ("",)
        near = (("a", self.area_code), ("r", self.region))
        return (*(f"{kind}:{self.country}:{name}" for kind, name in near if name), f"c:{self.country}", "")


def whereabouts(number: E164) -> Whereabouts:
    """Where a number is, by its first digits only, so that a million recipients are a few thousand places."""
    if number.startswith("+1"):
        return locate(E164(number[:5] + "5550100")) if len(number) == len("+14155550100") else locate(number)
    return locate(E164(number[:9] + "0" * (len(number) - 9)))


@lru_cache(maxsize=65536)
def locate(number_: E164) -> Whereabouts:
    """Where a number is."""
    number = phonenumbers.parse(number_, None)
    country = phonenumbers.region_code_for_number(number)
    length = phonenumbers.length_of_geographical_area_code(number)
    national = phonenumbers.national_significant_number(number)
    zones = tuple(sorted(zone for zone in timezone.time_zones_for_number(number) if zone != timezone.UNKNOWN_TIMEZONE))
    return Whereabouts(country, national[:length] or None, _region(number) if length else None, zones)


def _region(number: phonenumbers.PhoneNumber) -> str | None:
    place = geocoder.description_for_number(number, "en")
    if number.country_code != NANP:
        same = geocoder.country_name_for_number(number, "en")
        return place if place and place != same else None
    city, _, state = place.rpartition(", ")
    return state if city and len(state) == len("CA") else _STATES.get(place)
