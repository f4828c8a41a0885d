"""Where a number is: its country, area code and state or city, by the numbering plans that `phonenumbers` carries.

Not where its owner is: people take their numbers along. It decides which caller ID looks local, and whose clock counts
for quiet hours.

The places are in `regions/`, a file a calling code, which is read when the first number of that code is asked for: the
table of `phonenumbers` has every place in every language, and costs 100 MB to open. Each line is a place and the first
digits of the numbers there, without the calling code; where several fit, the longest counts. A line without a place:
none that is of use. Jersey=JE is of none to a number of JE, whose country says as much. `python -m tests.model.regions`
writes the files; `tests/model/test_geography.py` holds them equal to `phonenumbers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import phonenumbers
from phonenumbers import timezone

from ringfleet.model import E164

REGIONS = Path(__file__).with_name("regions")
NANP = 1
"""The calling code of the North American Numbering Plan."""


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
        """Its places as `plan/rotation_set/roster.py` writes them, nearest first; "" is everywhere."""
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
    return Whereabouts(country, national[:length] or None, _region(number, country) if length else None, zones)


def _region(number: phonenumbers.PhoneNumber, country: str | None) -> str | None:
    """The state or place of a number that has an area code."""
    regions, digits = _regions(number.country_code), _without_mobile_token(number)
    found = (regions[digits[:length]] for length in range(len(digits), 0, -1) if digits[:length] in regions)
    region, _, same = next(found, "").partition("=")
    return region if region and same != country else None


def _without_mobile_token(number: phonenumbers.PhoneNumber) -> str:
    """The national number as a caller in its country knows it: Argentina's mobiles have a 9 before the area code."""
    assert number.country_code is not None  # it was parsed
    national = phonenumbers.national_significant_number(number)
    token = phonenumbers.country_mobile_token(number.country_code)
    if not token or not national.startswith(token):
        return national
    country = phonenumbers.region_code_for_country_code(number.country_code)
    try:
        return phonenumbers.national_significant_number(phonenumbers.parse(national.removeprefix(token), country))
    except phonenumbers.NumberParseException:
        return national


@cache
def _regions(calling_code: int) -> Mapping[str, str]:
    """What the file says, by the first digits of the national number."""
    file = REGIONS / f"{calling_code}.txt"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else ()
    named = (line.split("\t") for line in lines)
    return {digits: region for region, prefixes in named for digits in prefixes.split()}
