"""`go list` and `go build` as seen from here: what there is to compile, and one program after the other.

Go keeps each package that it has compiled in its own cache (GOCACHE), so an interrupted build loses only the packages
that were being compiled. `go` and its compilers run in a session of their own, which Ctrl-C does not reach: when an
exception ends the wait for them, we end them, and when we are killed, the kernel ends `go` (`mortal`). An interrupted
`go build` dies on the spot and would leave a gigabyte in the machine's temporary folder, so it works in a folder that
its caller removes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tests.controlplane.failures import NothingToRunOn
from tests.mortal import mortal

LIST_FORMAT = '{{.ImportPath}}{{if ne .Name "main"}}{{if .Stale}} stale{{end}}{{end}}'

NEEDED = "Go fetches modules over the network (GOPROXY) once, into a folder that it can write to (GOMODCACHE)."


class BuildFailed(NothingToRunOn):
    """`go` failed, and the message ends with what it said; or there is no folder to build into."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What some programs are made of: how many packages, and which of them are not compiled yet. The programs' own main
    packages count as compiled: they take no time, and what does, linking, is counted by program."""

    packages: int
    pending: frozenset[str]


@dataclass(frozen=True, slots=True)
class Compiler:
    go: Path
    module: Path
    """The folder of the module to build from."""
    scratch: Path
    """An empty folder on the file system of what is built."""
    flags: Sequence[str]
    environment: Mapping[str, str]
    """What is added to our own environment."""

    def survey(self, packages: Sequence[str]) -> Survey:
        """List all that the packages are made of; this fetches the modules when they are not there."""
        with self._running(["list", "-deps", "-f", LIST_FORMAT, *self.flags, *packages], subprocess.PIPE) as process:
            said, complaint = process.communicate()
        if process.returncode != 0:
            raise BuildFailed(f"go list failed:\n{complaint.strip()}\n{NEEDED}")
        lines = [line.split() for line in said.splitlines()]
        return Survey(len(lines), frozenset(line[0] for line in lines if line[1:] == ["stale"]))

    def build(self, package: str, output: Path, tell: Callable[[str], None]) -> None:
        """Build one program into `output`, and tell each package as its compilation begins."""
        unfinished = self.scratch / output.name
        said = []
        with self._running(["build", "-v", "-o", str(unfinished), *self.flags, package], subprocess.STDOUT) as process:
            for line in process.stdout or ():
                said.append(line.rstrip())
                tell(said[-1])
            process.wait()
        if process.returncode != 0:
            raise BuildFailed(f"go build of {output.name} failed:\n" + "\n".join(said[-15:]))
        unfinished.rename(output)

    @contextmanager
    def _running(self, arguments: list[str], stderr: int) -> Iterator[subprocess.Popen[str]]:
        process = None
        try:
            with _signals_wait():
                process = self._start(arguments, stderr)
            yield process
        finally:
            if process:
                _end(process)

    def _start(self, arguments: list[str], stderr: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            mortal(str(self.go), *arguments),
            cwd=self.module,
            env={**os.environ, **self.environment, "GOTMPDIR": str(self.scratch)},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            errors="replace",
            start_new_session=True,
        )


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM ends us by an exception meanwhile, as Ctrl-C does: by its default we would be gone and `go` would not."""
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL or not _is_main_thread():
        yield
        return
    signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


@contextmanager
def _signals_wait() -> Iterator[None]:
    """SIGINT and SIGTERM take effect at the end: their exception in the midst of a start would leave us without the
    process that was started, and nobody could end it (test_a_signal_in_the_midst_of_a_start_ends_go_too)."""
    if not _is_main_thread():  # no exception of a signal comes here
        yield
        return
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = {number: signal.signal(number, lambda number, _frame: came.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for caught in came:
            signal.raise_signal(caught)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _end(process: subprocess.Popen[str]) -> None:
    """End `go` and its compilers if they still run. `go` has no gentler end: it dies of SIGINT and SIGTERM alike."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()
