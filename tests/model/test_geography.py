"""Where a number is, held equal to what the geocoder of `phonenumbers` says, which we do not load."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import E164
from ringfleet.model.geography import REGIONS, locate, whereabouts
from tests.examples import share

EVERY = round(200 / share())
"""One prefix of so many is asked for, and fewer where few examples are tried: all take minutes."""


def test_the_files_of_regions_are_what_the_pinned_geocoder_says() -> None:
    """Else run `python -m tests.model.regions`."""
    from tests.model.regions import render_regions

    assert {file.name: file.read_text(encoding="utf-8") for file in REGIONS.iterdir()} == render_regions()


def test_a_number_is_where_the_geocoder_says() -> None:
    from tests.model.geocoder import by_the_geocoder, sampled_numbers

    asked = sampled_numbers(EVERY)
    assert len(asked) > 5_000 * share()
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
    from tests.model.geocoder import by_the_geocoder

    assert locate(E164(number)).region == region == by_the_geocoder(number).region


def test_the_geocoder_is_not_loaded_to_know_where_a_number_is() -> None:
    """It holds 100 MB."""
    asked = "from ringfleet.model.geography import locate; assert locate('+493012345678').region == 'Berlin'"
    told = "import sys; assert 'phonenumbers.geodata' not in sys.modules"
    subprocess.run([sys.executable, "-c", f"{asked}; {told}"], check=True)


def test_the_zones_that_are_asked_are_those_of_the_number_itself_and_more_under_every_prefix_that_has_some() -> None:
    """By the area code alone, Pensacola (+1 850 434, Chicago's clock) is called at seven in the morning."""
    from phonenumbers.tzdata import TIMEZONE_DATA

    from tests.model.geocoder import numbers_under, zones_of

    asked = [number for prefix in sorted(TIMEZONE_DATA) for number in (*numbers_under(prefix),)[:2]]
    assert len(asked) > 3_000
    assert [number for number in asked if not _covers(whereabouts(number).zones, zones_of(number))] == []
    assert sum(not whereabouts(number).zones for number in asked) <= 2  # those under the 1 of all North America


@given(st.integers(2_000_000_000, 9_999_999_999))
def test_the_zones_that_are_asked_are_those_of_any_north_american_number(national: int) -> None:
    from tests.model.geocoder import zones_of

    number = E164(f"+1{national}")
    assert _covers(whereabouts(number).zones, zones_of(number))


def _covers(asked: tuple[str, ...], of_the_number: tuple[str, ...]) -> bool:
    """No zone at all covers everything: who is nowhere is not called."""
    return not asked or set(asked) >= set(of_the_number)


LONDON = ("Europe/Guernsey", "Europe/Isle_of_Man", "Europe/Jersey", "Europe/London")


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        pytest.param("+18504340123", ("America/Chicago",), id="Pensacola, in an area code of two clocks"),
        pytest.param("+12198820123", ("America/Chicago",), id="Gary"),
        pytest.param("+14237560123", ("America/New_York",), id="Chattanooga"),
        pytest.param("+14155550123", ("America/Los_Angeles",), id="an area code of one clock"),
        pytest.param("+18765550123", ("America/Jamaica",), id="a mobile of Jamaica"),
        pytest.param("+18335550123", (), id="toll-free in North America: anywhere from Guam to Bermuda"),
        pytest.param("+19005550123", (), id="premium rate there"),
        pytest.param("+15005550123", (), id="a personal number there"),
        pytest.param("+14365550123", (), id="an area code that is younger than the library"),
        pytest.param("+17875550123", ("America/Puerto_Rico",), id="Puerto Rico"),
        pytest.param("+13405550123", ("America/St_Thomas",), id="the Virgin Islands"),
        pytest.param("+16715550123", ("Pacific/Guam",), id="Guam"),
        pytest.param("+16845550123", ("Pacific/Pago_Pago",), id="American Samoa"),
        pytest.param("+16705550123", ("Pacific/Saipan",), id="the Northern Marianas"),
        pytest.param("+12425550123", ("America/Nassau",), id="the Bahamas, an exchange that the plan does not know"),
        pytest.param("+447911123456", LONDON, id="a British mobile"),
        pytest.param("+447700900123", LONDON, id="a British number for drama"),
        pytest.param("+448001234567", LONDON, id="toll-free in a country of one clock"),
        pytest.param("+441534234567", LONDON, id="Jersey"),
        pytest.param("+447624123456", LONDON, id="a mobile of the Isle of Man"),
        pytest.param("+870773123456", (), id="a ship"),
        pytest.param("+881612345678", (), id="a satellite phone"),
        pytest.param("+8835100012345", (), id="a network of no country"),
        pytest.param("+80012345678", (), id="toll-free in the whole world"),
    ],
)
def test_each_kind_of_number_has_its_zones_or_none(number: str, zones: tuple[str, ...]) -> None:
    assert whereabouts(E164(number)).zones == zones


@pytest.mark.parametrize(
    ("number", "places"),
    [
        pytest.param("+441534234567", ("a:JE:1534", "c:JE", "c:GB", ""), id="Jersey, in the British plan"),
        pytest.param("+447797720123", ("c:JE", "c:GB", ""), id="a mobile of Jersey"),
        pytest.param("+447700900123", ("c:GB", ""), id="a number for drama"),
        pytest.param("+17875550123", ("a:PR:787", "c:PR", "c:US", ""), id="Puerto Rico, part of the United States"),
        pytest.param("+16715550123", ("a:GU:671", "c:GU", "c:US", ""), id="Guam"),
        pytest.param("+14365550123", ("c:US", ""), id="an area code that is younger than the library"),
        pytest.param("+12425550123", ("c:BS", ""), id="the Bahamas, a country of its own"),
        pytest.param("+881612345678", ("",), id="a satellite phone, of no country"),
    ],
)
def test_who_is_in_no_country_of_its_own_is_looked_for_in_the_one_it_belongs_to(
    number: str, places: tuple[str, ...]
) -> None:
    assert whereabouts(E164(number)).places == places


def test_a_recipient_is_placed_by_the_exchange_and_the_library_is_asked_once_an_area_code() -> None:
    """It takes the library as long as all the rest of a pick."""
    locate.cache_clear()
    found = {whereabouts(E164(f"+1850{exchange}0123")).zones for exchange in range(200, 1000)}
    assert found == {("America/Chicago",), ("America/New_York",)}
    assert locate.cache_info().misses <= 1
