"""What the numbering plans say of countries and area codes, and what they do not know."""

from __future__ import annotations

import pytest

from ringfleet.model import Market, NumberType
from ringfleet.model.numbering import (
    NANP_SHAPE,
    NO_TRUNK_ZERO,
    countries,
    misspelt_area_codes,
    nanp_area_codes,
    nanp_countries,
    trunk_zero_countries,
    unknown_area_codes,
)


@pytest.mark.parametrize(
    ("country", "code"),
    [("US", "415"), ("US", "212"), ("US", "983"), ("CA", "604"), ("PR", "787"), ("JM", "876"), ("BS", "242")],
)
def test_area_codes_in_service_are_known_under_their_country(country: str, code: str) -> None:
    assert code in nanp_area_codes(country)


@pytest.mark.parametrize(
    ("country", "code"), [("US", "604"), ("US", "999"), ("US", "911"), ("US", "800"), ("CA", "415"), ("BS", "415")]
)
def test_an_area_code_of_elsewhere_or_nowhere_is_not(country: str, code: str) -> None:
    assert code not in nanp_area_codes(country)


def test_every_north_american_country_has_area_codes() -> None:
    assert [country for country in nanp_countries() if not nanp_area_codes(country)] == []


def test_the_countries_are_those_of_iso_3166() -> None:
    assert {"US", "DE", "GB", "IT"} <= set(countries())
    assert "UK" not in countries()


def test_a_leading_zero_is_part_of_the_code_in_italy_only() -> None:
    assert {"DE", "GB", "FR"} <= set(trunk_zero_countries())
    assert not {"IT", "SM", "VA", "US"} & set(trunk_zero_countries())


@pytest.mark.parametrize(
    ("country", "type_", "codes", "unknown"),
    [
        ("US", NumberType.GEOGRAPHIC, ("415", "628"), ()),
        ("US", NumberType.GEOGRAPHIC, ("415", "999", "604"), ("604", "999")),
        ("US", NumberType.TOLL_FREE, ("833", "415"), ("415",)),
        ("US", NumberType.MOBILE, ("999",), ()),
        ("DE", NumberType.GEOGRAPHIC, ("99999",), ()),
    ],
)
def test_area_codes_that_the_plan_does_not_know_are_told_in_order(
    country: str, type_: NumberType, codes: tuple[str, ...], unknown: tuple[str, ...]
) -> None:
    assert unknown_area_codes(Market(country, type_, codes)) == unknown


@pytest.mark.parametrize(
    ("country", "codes", "said"),
    [
        ("DE", ("30", "89"), None),
        ("DE", ("030", "89", "089"), f'{NO_TRUNK_ZERO}; not ["030", "089"]'),
        ("IT", ("06",), None),
        ("US", ("415", "621"), None),
        ("US", ("415", "1415"), f'{NANP_SHAPE}; not ["1415"]'),
    ],
)
def test_what_can_be_no_area_code_is_told_with_what_to_write(
    country: str, codes: tuple[str, ...], said: str | None
) -> None:
    assert misspelt_area_codes(country, codes) == said
