"""What the README says of the first real number, run as it stands there: at the sandbox carrier, and with its token."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from ringfleet.simulator.defaults import DEFAULT_ACCOUNT
from tests.carriers.customer import OPENINGS
from tests.cli.conftest import Ringfleet
from tests.cluster.stage import ROOT, Stage

SECTION = re.compile(
    r"^\*\*Your first real number\.\*\*.*?```yaml\n(.*?)```\n\n```\n(.*?)```", re.MULTILINE | re.DOTALL
)


def test_the_first_number_is_planned_approved_and_bought_by_the_commands_of_the_readme(
    stage: Stage, ringfleet: Ringfleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = SECTION.search((ROOT / "README.md").read_text())
    assert found
    endpoint, credentials = OPENINGS["Twilio"](stage.simulator.url, DEFAULT_ACCOUNT, stage.simulator.token)
    account, pool = yaml.safe_load_all(found[1])
    account["spec"]["endpoint"] = endpoint
    (tmp_path / "FILE").write_text(yaml.safe_dump_all([account, pool]))
    monkeypatch.chdir(tmp_path)
    stage.start_operator()
    said = ""
    for line in found[2].splitlines():
        kubectl, *words = shlex.split(filled_in(line, credentials), comments=True)
        assert kubectl == "kubectl"
        if words[0] != "ringfleet":
            said = stage.cluster.kubectl(*words, "--namespace", stage.namespace)
        else:
            assert stage.bills() == {}, "nothing is bought before it is approved"
            answer = ringfleet(*words[1:])
            assert answer.exit_code == (2 if words[1] == "plan" else 0), answer.err
            assert words[1] != "plan" or "1 number to buy" in answer.out
    (number,) = stage.bills()
    assert (stage.bills(), number[1:] in said) == ({number: 1}, True)


def filled_in(line: str, credentials: Mapping[str, str]) -> str:
    """The command with the credentials in the place of its dots."""
    for key, value in credentials.items():
        line = re.sub(rf"{key}=[^ ]*\.\.\.", f"{key}={value}", line)
    assert "..." not in line
    return line
