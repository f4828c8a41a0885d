"""The Makefile makes .venv once, whoever else makes it at that moment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent
PYTHON = f"""#!/bin/sh
case "$*" in
  "-m venv"*)
    echo begun >> log
    rm -rf .venv; mkdir -p .venv/bin
    for name in pip python ruff; do printf '#!/bin/sh\\n' > .venv/bin/$name; chmod +x .venv/bin/$name; done
    read go < go ;;
  *) exec "{sys.executable}" "$@" ;;
esac
"""
"""It makes a .venv with nothing in it, and waits before it ends."""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements-dev.lock", "pyproject.toml", "log"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1, 1))  # a shell compares whole seconds
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    os.mkfifo(tmp_path / "go")
    return tmp_path


def make(clone: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["make", "format", "PYTHON=./python"], cwd=clone, stdout=subprocess.DEVNULL)


def begun(clone: Path) -> int:
    return (clone / "log").read_text().count("begun")


def test_two_targets_that_are_made_at_once_make_one_venv(clone: Path) -> None:
    first = make(clone)
    wait_until(lambda: begun(clone) == 1, "the first to make .venv")
    second = make(clone)
    wait_until(lambda: begun(clone) == 2 or _waits(second), "the second to come to it")
    with (clone / "go").open("w") as go:
        go.write("go\n" * 2)
        go.flush()
        assert (first.wait(), second.wait()) == (0, 0)
    assert begun(clone) == 1


def _waits(make: subprocess.Popen[bytes]) -> bool:
    try:
        return any("flock" in word for child in psutil.Process(make.pid).children() for word in child.cmdline())
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(("said", "run"), [((), "-m tests.demo"), (("CARRIER=twilio",), "-m tests.demo twilio")])
def test_the_demo_is_at_the_carrier_that_is_asked_for(said: tuple[str, ...], run: str) -> None:
    told = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "demo", *said],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.splitlines()[-1].strip().endswith(run)
