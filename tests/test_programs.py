"""Programs that are forked behave as programs that are started: status, signals, environment, output, and their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.programs import ROOT, Program, start_program
from tests.waiting import NeverHappened, wait_until

PATIENCE_S = 60.0
OWNER = """
import sys
from tests.programs import start_program

with open(sys.argv[1], "w") as log:
    program = start_program("simulator", "--port", "0", log=log, piped=True, installed=sys.argv[2] == "installed")
    program.stdout.readline()
    print(program.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@contextmanager
def a_simulator(log: Path) -> Iterator[tuple[Program, str]]:
    """A simulator that answers, and its first line."""
    with log.open("w") as sink:
        program = start_program("simulator", "--port", "0", log=sink, piped=True)
    assert program.stdout
    try:
        yield program, program.stdout.readline()
    finally:
        program.kill()
        program.wait(PATIENCE_S)
        program.stdout.close()


def run(log: Path, *arguments: str, **environment: str) -> int:
    with log.open("w") as sink:
        return start_program(*arguments, log=sink, environment=environment).wait(PATIENCE_S)


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        pytest.param(["--version"], 0, "ringfleet", id="done"),
        pytest.param([], 2, "Usage: ringfleet [OPTIONS] COMMAND", id="asked for nothing"),
        pytest.param(["dispatch", "--keys", "/nowhere"], 1, "/nowhere", id="failed"),
    ],
)
def test_a_program_ends_with_its_own_status_and_its_words_are_in_the_log(
    log: Path, arguments: list[str], status: int, says: str
) -> None:
    assert run(log, *arguments) == status
    assert says in log.read_text()


def test_what_it_prints_can_be_read_apart_from_its_log(log: Path) -> None:
    with a_simulator(log) as (program, line):
        assert "ready on" in line
        program.terminate()
        assert program.wait(PATIENCE_S) == 0
        assert program.stdout
        assert program.stdout.read() == ""
    assert "ready on" not in log.read_text()


def test_a_log_is_added_to(log: Path) -> None:
    with log.open("w") as sink:
        sink.write("before\n")
        start_program("--version", log=sink).wait(PATIENCE_S)
        start_program("--version", log=sink).wait(PATIENCE_S)
    first, second, third = log.read_text().splitlines()
    assert (first, second) == ("before", third)


def test_its_environment_is_ours_now_and_what_is_added_and_the_next_one_has_none_of_that(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the fork server was started before."""
    run(log, "--version")
    monkeypatch.setenv("RINGFLEET_DISPATCH_LISTEN", "ours")
    assert run(log, "dispatch", RINGFLEET_DISPATCH_KEYS="/added") == 1
    assert "ours" in log.read_text()
    monkeypatch.delenv("RINGFLEET_DISPATCH_LISTEN")
    assert run(log, "dispatch", RINGFLEET_DISPATCH_KEYS="/added") == 1
    assert "/added" in log.read_text()
    assert run(log, "dispatch") == 1
    assert "/added" not in log.read_text()
    assert "RINGFLEET_DISPATCH_KEYS" not in os.environ


def test_it_is_a_process_of_its_own_that_runs_until_it_is_killed(log: Path) -> None:
    with a_simulator(log) as (program, line):
        url = line.split()[-1]
        assert (
            httpx.get(f"{url}/_sandbox/healthz", trust_env=False, verify=False, timeout=PATIENCE_S).status_code == 200
        )
        assert program.pid not in {os.getpid(), os.getppid()}
        assert program.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(0.01)
        program.send_signal(signal.SIGSTOP)
        wait_until(lambda: psutil.Process(program.pid).status() == psutil.STATUS_STOPPED, "the program to be stopped")
        program.kill()
        assert program.wait(PATIENCE_S) == program.poll() == -signal.SIGKILL
        program.kill()  # nothing: the pid may be another's by now
        assert not runs(program.pid)


@pytest.mark.parametrize("how", ["forked", "installed"])
def test_a_program_does_not_outlive_tests_that_are_killed(how: str, log: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-c", OWNER, str(log), how]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as owner:
        assert owner.stdout
        pid = int(owner.stdout.readline())
        assert runs(pid)
        owner.kill()
    try:
        wait_until(lambda: not runs(pid), "the program to end")
    except NeverHappened:
        os.kill(pid, signal.SIGKILL)
        raise


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
