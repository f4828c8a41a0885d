"""Where a number is: its country, area code and state or city, by the numbering plans that `phonenumbers` carries.

Not where its owner is: people take their numbers along. It decides which caller ID looks local, and whose clock counts
for quiet hours.

**Whose clock counts.** The library's zones of the number itself, or more of them; never those of another number that
stands in for it, because two exchanges of one area code may be an hour apart::

    +1 850 434 0123   North America       by its first seven digits: area code and exchange, or the area code alone
    +1 787, +1 671    its territories     as every area code: Puerto Rico, Guam
    +1 833, +1 436    without a place     none: toll-free, premium rate and personal numbers, and area codes that are
                                          younger than the library, may be anywhere from Guam to Bermuda
    +44 1534, +44 7x  one clock           all zones of the calling code: Jersey, Guernsey, the Isle of Man, mobiles,
                                          toll-free numbers and those for drama have London's clock, whatever they are
    +61 4x, +7 9x     several clocks      those of the number; all of the calling code's where it has no place
    +870, +881, +883  no country          none: ships, satellites, networks of the whole world

**Where a caller ID is looked for.** In the number's country, then in the one that it belongs to: a recipient in Jersey
is served by British numbers, one in Puerto Rico by American ones.

The places are in `regions/`, a file a calling code, which is read when the first number of that code is asked for: the
table of `phonenumbers` has every place in every language, and costs 100 MB to open. Each line is a place and the first
digits of the numbers there, without the calling code; where several fit, the longest counts. A line without a place:
none that is of use. Jersey=JE is of none to a number of JE, whose country says as much. `python -m tests.model.regions`
writes the files; `tests/model/test_geography.py` holds them equal to `phonenumbers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone
from phonenumbers.tzdata import TIMEZONE_DATA

from ringfleet.model import E164
from ringfleet.model.numbering import US_TERRITORIES

REGIONS = Path(__file__).with_name("regions")
NANP = 1
"""The calling code of the North American Numbering Plan."""


BELONGS_TO: Mapping[str, str] = {
    **dict.fromkeys(("GG", "IM", "JE"), "GB"),
    **dict.fromkeys(US_TERRITORIES, "US"),
    "AX": "FI",
    "SJ": "NO",
    **dict.fromkeys(("CC", "CX"), "AU"),
}
"""The country that a dependency or territory belongs to, with which it shares calling code and callers."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """`region`: the state of a North American number, such as CA, elsewhere the place, such as Berlin. None: not known,
    or the number is of no place. `zones`: IANA time zones that it may be in, sorted; none when it is of no place."""

    country: str | None
    area_code: str | None
    region: str | None
    zones: tuple[str, ...]
    within: str | None = None
    """The country that `country` belongs to, where callers of that one are near, too; None: it is its own."""
    places: tuple[str, ...] = field(init=False, compare=False, repr=False)
    """Its places as `plan/rotation_set/roster.py` writes them, nearest first; "" is everywhere."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", self._places())  # made once: each pick asks for them

    def _places(self) -> tuple[str, ...]:
        if self.country is None:
            return ("",)
        near = (("a", self.area_code), ("r", self.region))
        countries = tuple(f"c:{country}" for country in (self.country, self.within) if country)
        return (*(f"{kind}:{self.country}:{name}" for kind, name in near if name), *countries, "")


def whereabouts(number: E164) -> Whereabouts:
    """Where a recipient is, from few questions to the library: a million recipients are a few thousand places. See the
    module for what is asked."""
    if number.startswith("+1"):
        return _in_north_america(number[1:8])
    begins, length = number[:9], len(number)
    found, code = _abroad(begins, length)
    if _has_one_clock(code):
        return found
    zones = locate(number).zones or found.zones
    return found if zones == found.zones else replace(found, zones=zones)


@lru_cache(maxsize=65536)
def _in_north_america(digits: str) -> Whereabouts:
    """`digits`: the 1, the area code and the exchange."""
    area = _area(digits[1:4])
    region = _named(NANP, digits[1:]) if area.area_code else None
    zones = _zones_under(digits)
    return area if (region, zones) == (area.region, area.zones) else replace(area, region=region, zones=zones)


@cache
def _area(code: str) -> Whereabouts:
    """What all numbers of a North American area code have in common. Of which country a number is does not depend on
    its exchange: the one here is as good as any."""
    found = locate(E164(f"+1{code}5550100"))
    return _known_country(replace(found, region=_named(NANP, code), zones=_zones_under(f"1{code}")), NANP)


@lru_cache(maxsize=65536)
def _abroad(begins: str, length: int) -> tuple[Whereabouts, int]:
    """A number's places, by its first eight digits, with all zones of its calling code; and that code."""
    code = _calling_code(begins[1:])
    found = locate(E164(begins + "0" * (length - len(begins))))
    return _known_country(replace(found, zones=_zones_under(str(code))), code), code


def _known_country(found: Whereabouts, code: int) -> Whereabouts:
    """A number that the plan does not know is of the country that the calling code was given to first."""
    if found.country is None:
        first = phonenumbers.region_code_for_country_code(code)
        return replace(found, country=first) if first in phonenumbers.SUPPORTED_REGIONS else found
    if found.country not in phonenumbers.SUPPORTED_REGIONS:  # 001: of the whole world
        return replace(found, country=None)
    return replace(found, within=BELONGS_TO.get(found.country))


def _calling_code(digits: str) -> int:
    codes = (int(digits[:length]) for length in (1, 2, 3))
    return next(code for code in codes if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


@cache
def _zones_under(digits: str) -> tuple[str, ...]:
    """The zones of the longest prefix of these digits that has some. All of North America together are none: it is
    always night in one of them."""
    shortest = 2 if digits.startswith(str(NANP)) else 1
    prefixes = (digits[:length] for length in range(len(digits), shortest - 1, -1))
    return next((tuple(sorted(TIMEZONE_DATA[prefix])) for prefix in prefixes if prefix in TIMEZONE_DATA), ())


@cache
def _has_one_clock(code: int) -> bool:
    """Whether all zones of the calling code tell the same time, or there are none: then no number has to be asked."""
    clocks = [ZoneInfo(zone) for zone in _zones_under(str(code))]
    return len({tuple(moment.astimezone(clock).utcoffset() for moment in _SAMPLES) for clock in clocks}) <= 1


_SAMPLES = tuple(datetime(year, month, 1, tzinfo=UTC) for year in (2026, 2031) for month in range(1, 13))


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
    assert number.country_code is not None  # it was parsed
    return _named(number.country_code, _without_mobile_token(number), country)


def _named(code: int, digits: str, country: str | None = None) -> str | None:
    """What the longest prefix of the national number is called. What is only the name of `country` is no place."""
    regions = _regions(code)
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


def regions_of_plan() -> Mapping[str, str]:
    """The states and provinces of North America, by the first digits of the national number; "" where it is none."""
    return {digits: line.partition("=")[0] for digits, line in _regions(NANP).items()}


@cache
def _regions(calling_code: int) -> Mapping[str, str]:
    """What the file says, by the first digits of the national number."""
    file = REGIONS / f"{calling_code}.txt"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else ()
    named = (line.split("\t") for line in lines)
    return {digits: region for region, prefixes in named for digits in prefixes.split()}
