"""What the calculators' command line has to itself; its answers are compared in tests/test_calculators.py."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from ringfleet.cli.main import main

POOL = ("pool", "--rate", "20", "--service-level", "0.995")


@pytest.mark.parametrize("lead_time", ["3", "72h", "4320m"])
def test_a_time_is_a_duration_or_a_number_of_days(lead_time: str) -> None:
    result = CliRunner().invoke(main, ["size", *POOL, "--lead-time", lead_time, "-o", "json"])
    assert json.loads(result.stdout)["meanDemand"] == 60.0


@pytest.mark.parametrize("open_time", ["0.25", "6h"])
def test_a_time_that_the_formula_has_in_hours_is_written_in_the_same_way(open_time: str) -> None:
    asked = ["size", "proxy", "--sessions", "10", "--rate", "2", "--open", open_time, "-o", "json"]
    assert json.loads(CliRunner().invoke(main, asked).stdout)["perParticipant"] == 24


def test_a_size_is_told_in_words() -> None:
    result = CliRunner().invoke(main, ["size", *POOL, "--lead-time", "3"])
    assert result.stdout.splitlines()[1] == "Low watermark (size.min)            82"


def test_every_limit_is_a_row() -> None:
    asked = ["size", "rotation", "--volume", "90000", "--cap", "1000", "--brand-daily", "40000"]
    assert [line.rsplit(maxsplit=1) for line in CliRunner().invoke(main, asked).stdout.splitlines()[4:6]] == [
        ["A day allowed by brand", "40000"],
        ["A day allowed by numbers", "40000"],
    ]


def test_what_is_no_time_is_refused_with_one_that_is() -> None:
    result = CliRunner().invoke(main, ["size", *POOL, "--lead-time", "soon"])
    assert (result.exit_code, result.stdout, result.stderr) == (
        1,
        "",
        "Error: --lead-time must be a duration such as 36h or 5m, or a number of days, and is 'soon'\n",
    )


def test_help_names_options_and_says_what_stands_in_for_one_that_is_left_out() -> None:
    told = " ".join(CliRunner().invoke(main, ["size", "proxy", "--help"]).stdout.split())
    assert "--sessions INTEGER Open sessions at once, all participants together. [required]" in told
    assert "--blocking NUMBER With --rate: share that finds none. [default: 0.001]" in told
