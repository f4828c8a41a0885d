"""A program on a leash, seen from its owner; `leash.py` is the other end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.waiting import wait_until

LEASH = Path(__file__).with_name("leash.py")


class ProgramEnded(RuntimeError):
    """A program that should run has ended; the message carries its exit code and last log lines."""


class Leashed:
    """A program that dies with us. `arguments` begins with the program itself; its output is added to `log`. `user` is
    the id of the user and group that it runs as; ours when left out."""

    def __init__(
        self,
        name: str,
        arguments: list[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        user: int | None = None,
    ) -> None:
        self.name = name
        self._log = log
        with log.open("ab") as output:
            self._leash = subprocess.Popen(
                [sys.executable, "-I", "-S", str(LEASH), "-" if user is None else str(user), *arguments],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    @property
    def pid(self) -> int:
        """The process id of the program itself (the leash is its parent)."""
        return int(wait_until(psutil.Process(self._leash.pid).children, f"{self.name} to start")[0].pid)

    @property
    def runs(self) -> bool:
        return self._leash.poll() is None

    def wait(self) -> int:
        """Return when the program has ended, with its exit code."""
        return self._leash.wait()

    def must_run(self) -> None:
        """Raises ProgramEnded when the program has ended."""
        code = self._leash.poll()
        if code is not None:
            raise ProgramEnded(f"{self.name} ended with code {code}\n{self.last_words()}")

    def terminate(self, timeout: float = 30.0) -> int:
        """Ask the program to end with SIGTERM, wait `timeout` seconds at most, and return its exit code."""
        self._leash.terminate()
        code = self._leash.wait(timeout)
        self.kill()
        return code

    def kill(self) -> None:
        """SIGKILL the program if it still runs, and return when it is gone."""
        assert self._leash.stdin
        self._leash.stdin.close()
        self._leash.wait()

    def last_words(self, lines: int = 15) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])
