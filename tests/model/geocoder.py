"""What the geocoder of `phonenumbers` says of numbers. It holds 100 MB: import this where it is asked, not before."""

from __future__ import annotations

from collections.abc import Iterator

import phonenumbers
from phonenumbers import geocoder, timezone
from phonenumbers.geodata import GEOCODE_DATA
from phonenumbers.tzdata import TIMEZONE_DATA

from ringfleet.model import E164
from ringfleet.model.geography import NANP, Whereabouts
from tests.model.regions import STATES

FILLINGS = ("00000000", "55501234", "23456789")


def sampled_numbers(every: int) -> list[E164]:
    """Numbers under one known prefix of so many, and of the few that have time zones under twenty times as many."""
    prefixes = sorted({*GEOCODE_DATA, *TIMEZONE_DATA})[::every] + sorted(TIMEZONE_DATA)[:: every // 20]
    return [number for prefix in prefixes for number in numbers_under(prefix)]


def by_the_geocoder(e164: str) -> Whereabouts:
    number = phonenumbers.parse(e164, None)
    length = phonenumbers.length_of_geographical_area_code(number)
    national = phonenumbers.national_significant_number(number)
    zones = sorted({*timezone.time_zones_for_number(number)} - {timezone.UNKNOWN_TIMEZONE})
    country = phonenumbers.region_code_for_number(number)
    return Whereabouts(country, national[:length] or None, region_of(number) if length else None, tuple(zones))


def zones_of(e164: str) -> tuple[str, ...]:
    """The zones of the number by the library. In North America by its prefix, whatever its type: the library says of a
    mobile of Jamaica that it may be anywhere on the continent."""
    number = phonenumbers.parse(e164, None)
    ask = timezone.time_zones_for_geographical_number if number.country_code == NANP else timezone.time_zones_for_number
    return tuple(sorted({*ask(number)} - {timezone.UNKNOWN_TIMEZONE}))


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
