"""How objects are named on the command line, and how tables look in a pipe."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from ringfleet.api import PhoneNumber
from ringfleet.cli._shared.names import parse_name
from ringfleet.cli._shared.printing import echo_table
from ringfleet.cli.main import main


@pytest.mark.parametrize(
    "text", ["14155550123", "pn/14155550123", "phonenumber/14155550123", "phonenumbers.ringfleet.dev/14155550123"]
)
def test_an_object_is_named_as_kubectl_has_it(text: str) -> None:
    assert parse_name(text, PhoneNumber) == "14155550123"


@pytest.mark.parametrize("text", ["np/14155550123", "pn/", "/14155550123", ""])
def test_another_kind_and_an_empty_name_are_refused(text: str) -> None:
    with pytest.raises(click.UsageError, match="write pn/NAME"):
        parse_name(text, PhoneNumber)


def test_a_table_in_a_pipe_is_plain_columns(capsys: pytest.CaptureFixture[str]) -> None:
    echo_table(["Name", "Phase"], [["us-west", None], ["a-longer-name", "Ready [x]"]])
    assert capsys.readouterr().out == "NAME           PHASE\nus-west        -\na-longer-name  Ready [x]\n"


def test_a_wrong_option_ends_with_1_because_2_means_that_a_plan_has_changes() -> None:
    assert CliRunner().invoke(main, ["nothing-of-the-kind"]).exit_code == 1
