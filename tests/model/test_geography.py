"""Where a number is, held equal to what the geocoder of `phonenumbers` says, which we do not load."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ringfleet.model import E164
from ringfleet.model.geography import REGIONS, locate
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
