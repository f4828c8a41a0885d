"""What a killed run leaves in the temporary folder goes when the next one comes, and nothing that is used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.controlplane.folders import OwnFolder
from tests.programs import ROOT

PREFIX = "ringfleet-test-"
OWNER = f"""
import sys
from tests.controlplane.folders import OwnFolder
folder = OwnFolder("{PREFIX}")
print(folder.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


def test_a_folder_goes_when_its_owner_was_killed_and_stays_while_that_lives() -> None:
    command = [sys.executable, "-c", OWNER]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        path = Path(owner.stdout.readline().strip())
        (path / "data").mkdir()
        os.utime(path, (1, 1))
        OwnFolder(PREFIX).remove()
        assert path.exists()
        owner.kill()
        owner.wait()
        OwnFolder(PREFIX).remove()
        assert not path.exists()


def test_a_folder_that_its_owner_may_be_about_to_lock_stays(tmp_path: Path) -> None:
    young = tmp_path / f"{PREFIX}young"
    young.mkdir()
    ours = OwnFolder(PREFIX)
    assert sorted(tmp_path.iterdir()) == sorted([young, ours.path])
    ours.remove()
    assert list(tmp_path.iterdir()) == [young]
