"""`python -m tests.model.regions`: write operator/ringfleet/model/regions anew, from the geocoder of `phonenumbers`.

To be run when requirements-dev.lock has a new `phonenumbers`. Left out of the geocoder's table: other languages than
English; the city of a North American number, of which the state is kept; a longer prefix that says what a shorter one
has said; and China's mobile numbers, which have no area code and would be half of everything.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache

import phonenumbers
from phonenumbers import geocoder
from phonenumbers.geodata import GEOCODE_DATA

from ringfleet.model.geography import NANP, REGIONS

CHINAS_MOBILES = re.compile("861[3-9]")
STATES = {
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
    "Newfoundland and Labrador": "NL", "Nova Scotia": "NS", "Ontario": "ON", "Prince Edward Island": "PE",
    "Quebec": "QC", "Saskatchewan": "SK",
}  # fmt: skip


def render_regions() -> dict[str, str]:
    """The text of every file, by its name."""
    tables: dict[int, dict[str, str]] = defaultdict(dict)
    for prefix in sorted(GEOCODE_DATA, key=len):
        place = GEOCODE_DATA[prefix].get("en")
        if place is not None and not CHINAS_MOBILES.match(prefix):
            code = _calling_code(prefix)
            _learn(tables[code], prefix.removeprefix(str(code)), _region(code, place))
    return {f"{code}.txt": _to_text(table) for code, table in tables.items()}


def _calling_code(prefix: str) -> int:
    codes = (int(prefix[:length]) for length in (1, 2, 3))
    return next(code for code in codes if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


def _region(code: int, place: str) -> str:
    """What is said of the place. What is a whole country is written as Jersey=JE."""
    if code != NANP:
        return f"{place}={country}" if (country := _countries(code).get(place)) else place
    city, _, state = place.rpartition(", ")
    return state if city and len(state) == len("CA") else STATES.get(place, "")


@cache
def _countries(code: int) -> Mapping[str, str]:
    """The countries with this calling code, by their names."""
    countries = phonenumbers.region_codes_for_country_code(code)
    examples = ((country, phonenumbers.example_number(country)) for country in countries)
    return {geocoder.country_name_for_number(example, "en"): country for country, example in examples if example}


def _learn(table: dict[str, str], digits: str, region: str) -> None:
    shorter = (table[digits[:length]] for length in range(len(digits) - 1, 0, -1) if digits[:length] in table)
    if region != next(shorter, ""):
        table[digits] = region


def _to_text(table: Mapping[str, str]) -> str:
    """A line for each region, in the order of the alphabet."""
    prefixes: dict[str, list[str]] = defaultdict(list)
    for digits, region in table.items():
        prefixes[region].append(digits)
    return "".join(f"{region}\t{' '.join(sorted(prefixes[region]))}\n" for region in sorted(prefixes))


def write_regions() -> None:
    REGIONS.mkdir(exist_ok=True)
    for old in REGIONS.glob("*.txt"):
        old.unlink()
    for name, text in render_regions().items():
        (REGIONS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_regions()
