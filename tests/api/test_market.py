"""The tables of countries and area codes that the API server checks against."""

from __future__ import annotations

import pytest

from ringfleet.api.market import countries, nanp_area_codes, nanp_countries, trunk_zero_countries


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
