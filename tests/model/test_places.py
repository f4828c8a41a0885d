"""Places and digits that are asked for."""

from __future__ import annotations

import pytest

from ringfleet.model import E164, NumberType, Query
from ringfleet.model.digit_pattern import DigitPattern
from ringfleet.model.places import Place, Position, answers, area_codes_in, place_of, regions_of

FRISCO = E164("+14155550123")


@pytest.mark.parametrize(
    ("number", "said", "place"),
    [
        (FRISCO, "San Francisco, CA", Place("San Francisco", "CA")),
        (FRISCO, "Winston, Salem, NC", Place("Winston, Salem", "NC")),
        (FRISCO, "NY", Place(None, "NY")),
        (FRISCO, None, Place(None, "CA")),
        (FRISCO, "San Francisco", Place("San Francisco", "CA")),
        (E164("+18005550123"), None, Place()),
        (E164("+493012345678"), "Berlin", Place("Berlin", None)),
        (E164("+493012345678"), None, Place()),
    ],
)
def test_a_place_is_what_the_carrier_says_and_a_state_else_what_the_numbering_plan_says(
    number: E164, said: str | None, place: Place
) -> None:
    assert place_of(number, said) == place


@pytest.mark.parametrize(
    ("region", "locality", "fits"),
    [
        (None, None, True),
        ("CA", None, True),
        ("NY", None, False),
        ("CA", "san  francisco", True),
        (None, "Oakland", False),
        ("NY", "San Francisco", False),
    ],
)
def test_a_place_is_a_must(region: str | None, locality: str | None, fits: bool) -> None:
    assert Place("San Francisco", "CA").is_in(region, locality) is fits
    assert Place().is_in(region, locality) is (region is None and locality is None)


def test_states_are_known_of_countries_that_have_some() -> None:
    assert len(regions_of("US")) == 51
    assert {"CA", "NY", "DC"} <= set(regions_of("US"))
    assert "ON" in regions_of("CA")
    assert "ON" not in regions_of("US")
    assert (regions_of("DE"), regions_of("JM")) == ((), ())


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("5550", True),
        ("415555", True),
        ("jkl", True),  # 555
        ("5*501", True),
        ("23$", True),
        ("0123$", True),
        ("012$", False),
        ("1415", False),  # the country's code is no part of it
        ("9*", False),
    ],
)
def test_digits_are_looked_for_in_the_national_number(text: str, fits: bool) -> None:
    assert DigitPattern.parse(text).is_in(FRISCO) is fits


@pytest.mark.parametrize("text", ["", "5", "**", "$", "55-50", "555$0", "^555", "5" * 15, "é5"])
def test_what_is_no_pattern_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="is no pattern: write"):
        DigitPattern.parse(text)


def test_a_pattern_tells_what_a_carrier_without_signs_can_be_asked() -> None:
    assert (DigitPattern.parse("2**45$").longest_run, DigitPattern.parse("2**45$").tail) == ("45", "45")
    assert (DigitPattern.parse("234*5").longest_run, DigitPattern.parse("234*5").tail) == ("234", "")


def test_an_answer_has_place_and_digits() -> None:
    query = Query("US", NumberType.GEOGRAPHIC, region="CA", contains=DigitPattern.parse("0123"))
    assert answers(query, FRISCO, None)
    assert not answers(query, FRISCO, "New York, NY")
    assert not answers(query, E164("+14155550124"), None)


@pytest.mark.parametrize("text", ["37.77", "a,b", "91,0", "0,-181", "1,2,3", "nan,1"])
def test_what_is_no_point_of_the_map_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no point of the map"):
        Position.parse(text)


def test_a_point_of_the_map_is_written_as_it_is_read() -> None:
    assert str(Position.parse("37.77, -122.42")) == "37.77,-122.42"


def test_the_area_codes_of_a_state_are_those_that_the_numbering_plan_gives_it() -> None:
    assert area_codes_in("US", "CT") == ("203", "475", "860", "959")
    assert set(area_codes_in("CA", "BC")) >= {"236", "250", "604", "778"}
    assert {area_codes_in(country, state) for country, state in (("US", "ON"), ("DE", "BE"), ("US", "ZZ"))} == {()}
    every = [code for state in regions_of("US") for code in area_codes_in("US", state)]
    assert len(every) > 300
