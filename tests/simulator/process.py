"""The real simulator program as a subprocess, for every test that needs a carrier.

    with SimulatorProcess("--fault", "latency:seconds=0.05") as simulator:
        adapter = open_carrier("DIDHub", AccountSettings("shop/main", simulator.url, {"token": simulator.token}))
        simulator.control("POST", "clock", {"advance_seconds": 86_400})

State is in a file, so that `kill` and `restart` lose nothing that was committed; the port stays the same.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO, Any

import httpx

from ringfleet.simulator.defaults import DEFAULT_TOKEN
from tests.clients import Clients
from tests.programs import Program, start_program
from tests.waiting import note_unwatched

_CONTROL_TIMEOUT = 60.0
_STOP_TIMEOUT = 30.0


class SimulatorFailed(RuntimeError):
    """The simulator ended before it answered; the message is what it said."""


class SimulatorProcess:
    """`flags` are those of `ringfleet simulator`. Without `state`, the state file lives as long as the object;
    `installed`: as `tests/programs.py`."""

    token = DEFAULT_TOKEN

    def __init__(self, *flags: str, state: Path | None = None, port: int = 0, installed: bool = False) -> None:
        self._flags = flags
        self._installed = installed
        self._folder = tempfile.TemporaryDirectory(prefix="simulator-")
        self._state = state or Path(self._folder.name) / "state.db"
        self._port = port
        self._process: Program | None = None
        self._errors: IO[str] | None = None
        self._clients = Clients(lambda: httpx.Client(verify=False, trust_env=False, timeout=_CONTROL_TIMEOUT))

    def __enter__(self) -> SimulatorProcess:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        assert self._port, "the simulator was not started"
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the simulator does not run"
        return self._process.pid

    def start(self) -> SimulatorProcess:
        """Return when calls are answered. Raises SimulatorFailed with what the program said when it ends instead."""
        assert self._process is None, "the simulator runs already"
        self._errors = (Path(self._folder.name) / "stderr").open("w+")
        arguments = ["--port", str(self._port), "--state", str(self._state), *self._flags]
        self._process = start_program("simulator", *arguments, log=self._errors, piped=True, installed=self._installed)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if "ready on" not in line:
            self.stop()
            raise SimulatorFailed(f"the simulator did not start: {line}{self.errors()}")
        self._port = int(line.rsplit(":", 1)[1])
        return self

    def errors(self) -> str:
        """What the program wrote to stderr since it was last started."""
        return (Path(self._folder.name) / "stderr").read_text()

    def stop(self) -> int:
        """SIGTERM; return the exit status."""
        if self._process is not None:
            self._process.terminate()
        return self._wait()

    def kill(self) -> int:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
        return self._wait()

    def restart(self) -> SimulatorProcess:
        """Stop it if it runs, and start it again on the same state and port."""
        self.stop()
        return self.start()

    def close(self) -> None:
        self.stop()
        self._clients.close()
        self._folder.cleanup()

    def control(self, method: str, path: str, json: object = None, timeout: float = _CONTROL_TIMEOUT) -> Any:
        """Call the control endpoint (`simulator/http/control.py` lists it). Raises AssertionError when it refuses."""
        note_unwatched()
        with self._clients.borrowed() as client:
            reply = client.request(method, f"{self.url}/_sandbox/{path}", json=json, timeout=timeout)
        assert reply.is_success, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply.json()

    def set_faults(self, *rules: dict[str, Any]) -> None:
        """Put these rules in force, in place of all others; none is fair weather."""
        self.control("PUT", "faults", list(rules))

    def ledger(self, account: str | None = None, kind: str | None = None) -> list[dict[str, Any]]:
        """The entries of one account or all, of one kind (`purchase`, `document` ...: `accounts.Kind`) or all."""
        entries = self.control("GET", f"ledger?account={account}" if account else "ledger")["entries"]
        return [entry for entry in entries if kind in (None, entry["kind"])]

    def owned(self, account: str | None = None) -> list[dict[str, Any]]:
        """The truth about who owns what, with no lag."""
        answer = self.control("GET", f"numbers?account={account}" if account else "numbers")
        owned: list[dict[str, Any]] = answer["owned"]
        return owned

    def calls(self) -> dict[str, int]:
        """How often each operation was called since `POST calls`."""
        counts: dict[str, int] = self.control("GET", "calls?last=0")["counts"]
        return counts

    def _wait(self) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        try:
            return process.wait(timeout=_STOP_TIMEOUT)
        finally:
            process.kill()  # nothing, when it has ended as it should
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
            if self._errors is not None:
                self._errors.close()
