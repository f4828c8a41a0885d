"""What an operator's settings refuse."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ringfleet.cli.operator import operator
from ringfleet.model import Mark
from ringfleet.settings import Settings


@given(st.text("ab1-._/ \n", min_size=1, max_size=8))
def test_every_installation_that_is_taken_makes_marks_that_are_known_again(installation: str) -> None:
    """A mark is glued together with slashes: one within an installation, and its own numbers were strangers to it."""
    try:
        taken = Settings(installation=installation).installation
    except ValidationError:
        return
    mark = Mark(taken or "default", "shop", "west")
    assert Mark.parse(str(mark)) == mark


@pytest.mark.parametrize("installation", ["prod", "eu-1.prod_2", "1f0c4c2e", ""])
def test_an_installation_is_a_short_word(installation: str) -> None:
    assert Settings(installation=installation).installation == installation


@pytest.mark.parametrize("installation", ["prod/eu", "two words", "-prod", "x" * 64])
def test_anything_else_is_refused_and_the_flag_is_named(installation: str) -> None:
    result = CliRunner().invoke(operator, ["--installation", installation])
    assert result.exit_code == 1
    assert "installation" in result.output
    assert "Traceback" not in result.output
