"""The runbook says every reason of every kind, and `manifests/runbook.md` is what it says."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from ringfleet.api.conditions import CONDITIONS, NEEDS_A_PERSON, reasons_of
from ringfleet.api.runbook import entries, runbook
from ringfleet.cli.main import main
from tests.programs import ROOT


def test_the_page_in_manifests_is_what_the_runbook_says() -> None:
    """Else: ringfleet reason --markdown > manifests/runbook.md."""
    assert (ROOT / "manifests" / "runbook.md").read_text() == runbook()


def test_it_says_every_reason_of_every_kind_with_its_conditions_once() -> None:
    said = [(kind, one.reason, one.meaning) for one in entries() for kind in one.kinds]
    assert sorted(said) == sorted((kind, *both) for kind in CONDITIONS for both in reasons_of(kind).items())
    assert all(one.types for one in entries())


def test_those_that_need_a_person_stand_first() -> None:
    first, _, rest = runbook().partition("## It goes on by itself")
    for one in entries():
        assert (f"| `{one.reason}` |" in first, f"| `{one.reason}` |" in rest) == (
            one.reason in NEEDS_A_PERSON,
            one.reason not in NEEDS_A_PERSON,
        )


@pytest.mark.parametrize(
    ("names", "exit_code", "said"),
    [
        pytest.param(["releasefrozen"], 0, "ReleaseFrozen (Ready, ReleaseFrozen", id="in any case"),
        pytest.param([], 0, "WriteRefused\n", id="the list"),
        pytest.param(["RelaseFrozen"], 1, "Do you mean ReleaseFrozen or ", id="a slip"),
        pytest.param(["Weather"], 1, "`kubectl ringfleet reason` lists them.", id="a stranger"),
        pytest.param(["--markdown"], 0, "# Runbook", id="the page"),
    ],
)
def test_a_reason_is_told_in_a_terminal(names: list[str], exit_code: int, said: str) -> None:
    result = CliRunner().invoke(main, ["reason", *names])
    assert (result.exit_code, said in result.output) == (exit_code, True), result.output
