"""One crash trial: an order of numbers, a SIGKILL at the n-th call, a restart, and what must hold then.

    operator (forked, killed) --> relays --> API server and simulator         the relays count the calls (relay.py)

The operator is the real one; it runs in a process that is forked from a server which has imported it already, so that
a trial costs no start-up time. What it has done is judged at the exchange and at the API server, not at the operator.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.chaos.relay import Relays, Tripwire, Upstream, When, relaying
from tests.cluster.stage import SYSTEM, a_pool, a_profile, a_secret, an_account
from tests.controlplane.cluster import Cluster
from tests.simulator.process import SimulatorProcess
from tests.waiting import wait_until

PRICE = Decimal("1.99")
CALM_S = 180.0
AREA_CODES = ("415", "628", "212", "646", "312", "303")
_turns = itertools.count()

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["ringfleet.handlers.operator", "ringfleet.cli.operator"])


def serve(kubeconfig: str, namespace: str, log: str) -> None:
    """What the forked process runs: the operator as the command runs it, its log in a file."""
    from ringfleet.cli.operator import configure_logs, run
    from ringfleet.settings import Settings

    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(sink, sys.stdout.fileno())
    os.dup2(sink, sys.stderr.fileno())
    settings = Settings(namespaces=(namespace,), kubeconfig=Path(kubeconfig), identity="crasher", health_port=0)
    configure_logs(settings)
    run(settings)


@dataclass(frozen=True)
class Weather:
    """How the carrier behaves during a trial."""

    name: str
    faults: tuple[dict[str, Any], ...] = ()


FAIR = Weather("fair")
THEFT = Weather(
    "theft", ({"fault": "snapped_up", "probability": 0.1}, {"fault": "partial_failure", "probability": 0.1})
)
SILENCE = Weather(
    "silence",
    (
        {"fault": "reply_lost", "operations": ["checkout"], "probability": 0.5, "how": "close"},
        {"fault": "reset_after_commit", "operations": ["cart_add", "number_patch"], "probability": 0.02},
        {"fault": "pending_documents", "probability": 0.1},
    ),
)


class Trial:
    """One namespace, one carrier account, one pool; made by `staged`."""

    def __init__(self, cluster: Cluster, simulator: SimulatorProcess, tripwire: Tripwire, count: int) -> None:
        self.cluster = cluster
        self.simulator = simulator
        self.tripwire = tripwire
        self.count = count
        self.namespace = cluster.new_namespace("crash")
        self.account = f"acct-{self.namespace}"
        self._operator: Any = None
        # Trials that run side by side buy in different places, or they would snap up each other's numbers.
        self._area_code = AREA_CODES[next(_turns) % len(AREA_CODES)]

    def prepare(self, relays: Relays, folder: Path) -> None:
        token = secrets.token_hex(8)
        opened = {"token": token, "id": self.account, "balance": "100000.00", "currency": "USD"}
        self.simulator.control("POST", "accounts", opened)
        self._log = folder / "operator.log"
        self._kubeconfig = self.cluster.kubeconfig_of(SYSTEM, "ringfleet-operator", server=relays.server("kubernetes"))
        self._manifests = (
            a_secret("sandbox-token", token),
            an_account(
                "sandbox",
                relays.urls["carrier"],
                limits={"requestsPerSecond": 1000, "concurrency": 16},
                sweepInterval="5s",
            ),
            a_profile("front-desk", "sip:pbx.example.com"),
            a_pool(
                "us-west",
                self.count,
                market={"country": "US", "type": "geographic", "areaCodes": [self._area_code]},
                limits={
                    "maxNumbers": self.count,
                    "maxMonthlyPrice": str(PRICE),
                    "maxSetupPrice": "0.00",
                    "monthlyBudget": str(PRICE * self.count),
                },
            ),
        )

    def start(self) -> None:
        arguments = (str(self._kubeconfig), self.namespace, str(self._log))
        self._operator = _forks.Process(target=serve, args=arguments, daemon=True)
        self._operator.start()

    def kill(self) -> None:
        """SIGKILL; may be called from the relays' thread, so it does not wait."""
        if self._operator:
            self._operator.kill()

    def end(self) -> None:
        self.kill()
        if self._operator:
            self._operator.join()
        self.cluster.delete_namespace(self.namespace)

    def run(self, n: int, when: When) -> bool:
        """Kill before or after call `n`, start again, wait for calm. Returns whether that call was reached at all."""
        self.tripwire.arm(n, when, self.kill)
        self.cluster.apply(*self._manifests, namespace=self.namespace)
        self.start()
        with self._waiting_for_ready() as waiting:
            wait_until(lambda: self._stopped_or(waiting), "a crash or calm", timeout=CALM_S)
        if not self.tripwire.sprung.is_set():
            self._wait_for_calm()
            return self.tripwire.sprung.is_set()
        self._operator.join()
        assert len(self.owned()) <= self.count, "more was bought than wanted before the restart"
        self.tripwire.reset()
        self.start()
        self._wait_for_calm()
        return True

    def _stopped_or(self, waiting: subprocess.Popen[bytes]) -> bool:
        self._approve_documents()
        return self.tripwire.sprung.is_set() or waiting.poll() is not None

    @contextmanager
    def _waiting_for_ready(self) -> Iterator[subprocess.Popen[bytes]]:
        command = [str(self.cluster.program), "--kubeconfig", str(self.cluster.kubeconfig)]
        options = ["--namespace", self.namespace, "--for=condition=Ready", f"--timeout={CALM_S:.0f}s"]
        process = subprocess.Popen(
            [*command, "wait", "numberpool/us-west", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def _wait_for_calm(self) -> None:
        """Until the pool is ready and every order has ended; documents are approved as they are asked for."""
        wait_until(self._calm, f"calm after a crash\n{self.last_words()}", timeout=CALM_S, interval=0.3)

    def _calm(self) -> bool:
        if self.tripwire.sprung.is_set():
            return True
        self._approve_documents()
        said = self.cluster.kubectl("get", "np,norder", "--namespace", self.namespace, "--output=json")
        return all(_is_calm(obj) for obj in json.loads(said)["items"])

    def _approve_documents(self) -> None:
        pending = [number["number"] for number in self.owned() if number["status"] == "pending_documents"]
        if pending:
            self.simulator.control("POST", "documents/approve", {"numbers": pending})

    def judge(self) -> None:
        """Promises 1, 2 and 5: bought once, none lost, nothing beyond the limits. Raises AssertionError."""
        bills = Counter(entry["number"] for entry in self.simulator.ledger(self.account, "purchase"))
        path = "jsonpath={range .items[*]}{.spec.number} {end}"
        objects = self.cluster.kubectl("get", "phonenumbers", "--namespace", self.namespace, "--output", path).split()
        assert set(bills.values()) == {1}, f"billed more than once: {bills.most_common(3)}"
        assert sorted(objects) == sorted(bills), "what was bought is not what is in the cluster"
        assert len(bills) == self.count, f"{len(bills)} numbers were bought, {self.count} were wanted"

    def owned(self) -> list[dict[str, Any]]:
        return self.simulator.owned(self.account)

    def last_words(self) -> str:
        lines = self._log.read_text().splitlines()[-40:] if self._log.exists() else []
        calls = [f"{call.index} {call.method} {call.path[:110]}" for call in self.tripwire.calls[-12:]]
        return "\n".join([f"namespace {self.namespace}", *lines, *calls])


def _is_calm(obj: dict[str, Any]) -> bool:
    """A pool that is ready, or an order that has ended."""
    status = obj.get("status", {})
    if obj["kind"] == "NumberOrder":
        return bool(status.get("recorded"))
    return any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", []))


@contextmanager
def staged(cluster: Cluster, simulator: SimulatorProcess, count: int) -> Iterator[Trial]:
    """A trial whose operator reaches API server and carrier only through relays with one tripwire.

    It counts the calls that change something: a crash at a read is the crash after the write before it.
    """
    tripwire = Tripwire()
    server = cluster.server()
    upstreams = {
        "kubernetes": Upstream(server.url, server.authority),
        "carrier": Upstream(simulator.url),
    }
    with TemporaryDirectory(prefix="ringfleet-crash-") as folder, relaying(tripwire, upstreams) as relays:
        trial = Trial(cluster, simulator, tripwire, count)
        try:
            trial.prepare(relays, Path(folder))
            yield trial
        finally:
            trial.end()


def crash_at(cluster: Cluster, simulator: SimulatorProcess, count: int, n: int, when: When) -> bool:
    """One whole trial, judged. Returns whether call `n` was reached."""
    with staged(cluster, simulator, count) as trial:
        try:
            reached = trial.run(n, when)
            trial.judge()
        except AssertionError as error:
            raise AssertionError(f"killed {when} call {n}: {error}\n{trial.last_words()}") from error
        return reached


def count_calls(cluster: Cluster, simulator: SimulatorProcess, count: int) -> int:
    """How many calls the same order takes when nobody is killed."""
    with staged(cluster, simulator, count) as trial:
        trial.run(1_000_000, When.BEFORE)
        trial.judge()
        return trial.tripwire.count
