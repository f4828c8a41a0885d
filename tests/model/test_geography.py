"""Where a number is, held equal to what the geocoder of `phonenumbers` says, which we do not load."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import phonenumbers
import pytest
from phonenumbers import geocoder, timezone
from phonenumbers.geodata import GEOCODE_DATA
from phonenumbers.tzdata import TIMEZONE_DATA

from ringfleet.model import E164
from ringfleet.model.geography import NANP, REGIONS, Whereabouts, locate
from tests.model.regions import STATES, render_regions

FILLINGS = ("00000000", "55501234", "23456789")
EVERY = 200
"""One prefix of so many is asked for, and of the few that have time zones twenty times as many: all take minutes."""


def by_the_geocoder(e164: str) -> Whereabouts:
    number = phonenumbers.parse(e164, None)
    length = phonenumbers.length_of_geographical_area_code(number)
    national = phonenumbers.national_significant_number(number)
    zones = sorted({*timezone.time_zones_for_number(number)} - {timezone.UNKNOWN_TIMEZONE})
    country = phonenumbers.region_code_for_number(number)
    return Whereabouts(country, national[:length] or None, region_of(number) if length else None, tuple(zones))


def region_of(number: phonenumbers.PhoneNumber) -> str | None:
    place = geocoder.description_for_number(number, "en")
    if number.country_code != NANP:
        return place if place and place != geocoder.country_name_for_number(number, "en") else None
    city, _, state = place.rpartition(", ")
    return state if city and len(state) == len("CA") else STATES.get(place)


def numbers_under(prefix: str) -> Iterator[E164]:
    """Valid numbers that begin so: of each length that the country has, with the mobile token where it has one."""
    codes = (int(prefix[:length]) for length in (1, 2, 3))
    code = next(code for code in codes if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
    country = phonenumbers.region_code_for_country_code(code)
    lengths = phonenumbers.PhoneMetadata.metadata_for_region(country).general_desc.possible_length
    national = prefix.removeprefix(str(code))
    for begins in dict.fromkeys((national, phonenumbers.country_mobile_token(code) + national)):
        missing = (length - len(begins) for length in lengths if length >= len(begins))
        found = (E164(f"+{code}{begins}{filling[:digits]}") for digits in missing for filling in FILLINGS)
        yield from (number for number in found if phonenumbers.is_valid_number(phonenumbers.parse(number, None)))


def test_the_files_of_regions_are_what_the_pinned_geocoder_says() -> None:
    """Else run `python -m tests.model.regions`."""
    assert {file.name: file.read_text(encoding="utf-8") for file in REGIONS.iterdir()} == render_regions()


def test_a_number_is_where_the_geocoder_says() -> None:
    prefixes = sorted({*GEOCODE_DATA, *TIMEZONE_DATA})[::EVERY] + sorted(TIMEZONE_DATA)[:: EVERY // 20]
    asked = [number for prefix in prefixes for number in numbers_under(prefix)]
    assert len(asked) > 1000
    assert {number: locate(number) for number in asked} == {number: by_the_geocoder(number) for number in asked}


@pytest.mark.parametrize(
    ("number", "region"),
    [
        ("+14155550123", "CA"),
        ("+12425550123", None),
        ("+493012345678", "Berlin"),
        ("+541123456789", "Buenos Aires"),
        ("+5491123456789", "Buenos Aires"),
        ("+441534234567", None),
        ("+61891641234", None),
        ("+61891711234", "Christmas Island"),
        ("+8613812345678", None),
        ("+6581234567", None),
    ],
)
def test_the_region_is_the_state_or_else_the_place(number: str, region: str | None) -> None:
    assert locate(E164(number)).region == region == by_the_geocoder(number).region


def test_the_geocoder_is_not_loaded_to_know_where_a_number_is() -> None:
    """It holds 100 MB."""
    asked = "from ringfleet.model.geography import locate; assert locate('+493012345678').region == 'Berlin'"
    told = "import sys; assert 'phonenumbers.geodata' not in sys.modules"
    subprocess.run([sys.executable, "-c", f"{asked}; {told}"], check=True)
