"""A program on a leash ends when it is told to, and when its owner is gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.controlplane.program import LEASH, Leashed, ProgramEnded
from tests.waiting import wait_until

SLEEPER = [sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def test_a_killed_program_is_gone(log: Path) -> None:
    program = Leashed("sleeper", SLEEPER, log)
    pid = program.pid
    program.kill()
    assert not psutil.pid_exists(pid)


def test_sigterm_reaches_the_program_and_its_exit_code_comes_back(log: Path) -> None:
    polite = "import signal, sys; signal.signal(15, lambda *_: sys.exit(7)); print('up', flush=True); signal.pause()"
    program = Leashed("polite", [sys.executable, "-c", polite], log)
    wait_until(program.last_words, "the program to be up")
    assert program.terminate() == 7


def test_sigterm_at_once_still_ends_the_program(log: Path) -> None:
    program = Leashed("sleeper", SLEEPER, log)
    assert program.terminate() != 0


def test_an_ended_program_is_reported_with_its_code_and_last_words(log: Path) -> None:
    program = Leashed("short", [sys.executable, "-c", "print('bye'); raise SystemExit(3)"], log)
    with pytest.raises(ProgramEnded, match="short ended with code 3\nbye"):
        wait_until(program.must_run, "the program to end")
    program.kill()


def test_a_program_that_is_none_is_reported_in_one_line(log: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "program"
    damaged.write_bytes(b"\x7fELF")
    damaged.chmod(0o755)
    program = Leashed("damaged", [str(damaged)], log)
    with pytest.raises(ProgramEnded) as error:
        wait_until(program.must_run, "the program to end")
    assert str(error.value) == f"damaged ended with code 126\n{damaged}: Exec format error"
    program.kill()


def test_a_program_dies_with_an_owner_that_is_killed(log: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, sys.executable, str(LEASH), "-", *SLEEPER], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout
    leash = psutil.Process(int(owner.stdout.readline()))
    family = [leash, *wait_until(leash.children, "the program to start")]
    owner.kill()
    owner.communicate()
    _gone, alive = psutil.wait_procs(family, timeout=30)
    assert not alive


OWNER = """
import signal, subprocess, sys
leash = subprocess.Popen([sys.argv[1], "-I", "-S", *sys.argv[2:]], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
print(leash.pid, flush=True)
signal.pause()
"""
