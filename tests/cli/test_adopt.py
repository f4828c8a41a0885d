"""How `kubectl ringfleet adopt` is called. What it does is told by tests/cluster/test_adopt.py."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from ringfleet.cli.main import main


@pytest.mark.parametrize("options", [[], ["--pool", "us-west", "--observe"]])
def test_one_says_either_the_pool_or_that_numbers_are_only_observed(options: list[str]) -> None:
    result = CliRunner().invoke(main, ["adopt", "--account", "sandbox", *options])
    assert (result.exit_code, "--observe only" in result.output) == (1, True)


def test_an_account_must_be_named() -> None:
    result = CliRunner().invoke(main, ["adopt", "--observe"])
    assert (result.exit_code, "--account" in result.output) == (1, True)


def test_another_kind_than_a_pool_is_refused() -> None:
    result = CliRunner().invoke(main, ["adopt", "--account", "sandbox", "--pool", "pn/us-west"])
    assert (result.exit_code, "NumberPool" in result.output) == (1, True)


def test_a_list_and_a_pattern_are_two_wishes() -> None:
    result = CliRunner().invoke(main, ["adopt", "--account", "sandbox", "--observe", "--match", "1415", "+14155550123"])
    assert (result.exit_code, "not both" in result.output) == (1, True)
