"""Our programs as processes of their own, without paying for their start: forked from a server that has loaded them.

    test process --(what to run)--> fork server: has imported operator, dispatcher, simulator
                                        '--fork--> one process a start: pid, signals, environment, log, exit status

The child is a real process, runs what the installed command runs, and is killed with SIGKILL like any other. It does
not outlive the fork server, which does not outlive the test process. `installed=True` starts the command itself, as a
user has it on the PATH: once for each program, where that is the point. It is `mortal`, as is whatever else a test, a
bench or the soak starts by itself: whoever is killed leaves nothing that goes on.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from multiprocessing import forkserver
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import IO, Any, Protocol

import ringfleet
from tests.mortal import PR_SET_PDEATHSIG, mortal

ROOT = Path(__file__).parent.parent
SOURCE = Path(ringfleet.__file__).parents[1]
COMMAND = Path(sys.executable).with_name("ringfleet")
LOADED = (
    "ringfleet.cli.operator",
    "ringfleet.handlers.operator",
    "ringfleet.cli.dispatch",
    "ringfleet.dispatch.serve",
    "ringfleet.cli.simulator",
    "ringfleet.simulator.app",
    "ringfleet.cli._shared.logging",
    "ringfleet.carriers.didhub.account",
    "uvloop",
    "tests.built_models",
    "tests.programs",
)


class Program(Protocol):
    """What both ways of starting give: the part of `subprocess.Popen` that tests need."""

    @property
    def pid(self) -> int: ...

    @property
    def stdout(self) -> IO[str] | None: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, number: int, /) -> None: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


def start_program(
    *arguments: str,
    log: IO[str],
    environment: Mapping[str, str] | None = None,
    piped: bool = False,
    installed: bool = False,
) -> Program:
    """Start `ringfleet ARGUMENT...`. What it writes is added to `log`; `environment` is added to ours.

    `piped`: its standard output is `stdout`, to read.
    """
    environ = {**_environment(), **(environment or {})}
    if installed:
        sink = subprocess.PIPE if piped else log
        command = mortal(str(COMMAND), *arguments)
        return subprocess.Popen(command, stdout=sink, stderr=log, stdin=subprocess.DEVNULL, text=True, env=environ)
    return _Forked(arguments, log, environ, piped)


def _environment() -> dict[str, str]:
    """Ours, with our source before any other, and with bytecode kept: compiling every module costs a second a start."""
    return {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": ""}


class _Forked:
    """A forked program; see `Program`."""

    def __init__(self, arguments: tuple[str, ...], log: IO[str], environment: Mapping[str, str], piped: bool) -> None:
        self.stdout: IO[str] | None = None
        sink = log.fileno()
        if piped:
            source, sink = os.pipe()
            self.stdout = os.fdopen(source)
        log.flush()
        try:
            descriptors = (_duplicate(sink), _duplicate(log.fileno()))
            self._process = _forks().Process(
                target=_run, args=(arguments, dict(environment), *descriptors), daemon=True
            )
            self._process.start()
        finally:
            if piped:
                os.close(sink)

    @property
    def pid(self) -> int:
        assert self._process.pid
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, negative for a signal. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("ringfleet", timeout or 0.0)
        return code

    def send_signal(self, number: int, /) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has ended since
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class _Descriptor(Protocol):
    def detach(self) -> int: ...


class _duplicate:  # noqa: N801 - used as a function
    """A file descriptor on its way to the child: duplicated when the process is being spawned, not before."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        return _detached, (DupFd(self._descriptor),)


def _detached(duplicate: _Descriptor) -> int:
    return duplicate.detach()


def _run(arguments: tuple[str, ...], environment: dict[str, str], stdout: int, stderr: int) -> None:
    """What the child runs: the command as the console script runs it."""
    _die_with_the_server()
    _let_the_server_die()
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.close(stdout)
    os.close(stderr)
    sys.argv = ["ringfleet", *arguments]
    from ringfleet.cli.main import main

    main(prog_name="ringfleet")


def _die_with_the_server() -> None:
    """Linux only; elsewhere a program that runs when the tests are killed must be ended by hand."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _let_the_server_die() -> None:
    """The server ends when nobody holds a pipe any more, and hands that pipe to its children, so that they may start
    others: while we held it, the server would wait for us to end, and we for it (tests/test_programs.py)."""
    server = forkserver._forkserver
    os.close(server._forkserver_alive_fd)
    server._forkserver_alive_fd = None


@cache
def _forks() -> multiprocessing.context.ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LOADED))
    with _as_environment({**_environment(), "PYTHONPATH": f"{SOURCE}{os.pathsep}{ROOT}"}):
        forkserver.ensure_running()
    return context


@contextmanager
def _as_environment(environment: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
