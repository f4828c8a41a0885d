"""Whoever is asked to end takes down what it has started, and says in one sentence why it could not begin."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import ROOT

BEGIN = """
import signal, sys
from pathlib import Path
from tests.controlplane.plane import ControlPlaneFailed
from tests.endings import ended_politely
"""
WAITS = f"""{BEGIN}
def run():
    try:
        print("up", flush=True)
        signal.pause()
    finally:
        print("taking down", flush=True)
        Path(sys.argv[1]).touch()

sys.exit(ended_politely(run))
"""
FAILS = f"""{BEGIN}
def run():
    raise ControlPlaneFailed("etcd ended: make room")

sys.exit(ended_politely(run))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_is_asked_to_end_takes_down_what_it_has_started(number: signal.Signals, tmp_path: Path) -> None:
    """Though it was started in the background of a shell, with SIGINT ignored."""
    ignoring = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{WAITS}"
    command = [sys.executable, "-c", ignoring, str(tmp_path / "down")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        assert program.stdout.readline() == "up\n"
        program.send_signal(number)
        assert program.stdout.read() == "taking down\n\nStopped; everything was taken down.\n"
    assert program.returncode == 128 + signal.SIGINT
    assert (tmp_path / "down").exists()


def test_who_loses_its_terminal_takes_down_what_it_has_started(tmp_path: Path) -> None:
    """What it prints can't be printed any more."""
    ours, its = pty.openpty()
    program = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n{WAITS}",
            tmp_path / "down",
        ],
        cwd=ROOT,
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    assert b"up" in os.read(ours, 100)
    os.close(ours)
    assert program.wait() == 128 + signal.SIGINT
    assert (tmp_path / "down").exists()


def test_what_stands_in_the_way_is_one_sentence_and_no_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", FAILS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "error: etcd ended: make room\n")
