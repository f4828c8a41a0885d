"""One crash trial: a story, a SIGKILL at one call of it, a restart, and what must hold then.

    operator (killed) --> relays --> API server and simulator         the relays count the calls (relay.py)

The operator is the real one, in a process of its own (tests/programs.py). What it has done is judged at the exchange
and at the API server, not at the operator. What is told, and judged, is the story's (story.py).
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.chaos.relay import Call, Relays, Tripwire, Upstream, When, changes_something, relaying
from tests.chaos.story import Story
from tests.cluster.stage import SYSTEM, OperatorProcess, an_account_at, leave_namespace
from tests.controlplane.cluster import Cluster
from tests.simulator.process import SimulatorProcess
from tests.waiting import wait_until

CALM_S = 600.0
LOOK_S = 0.4
"""Between two looks: those of trials side by side cost as much as their operators otherwise."""
QUICK = {
    "RINGFLEET_RELEASE_SETTLE": "PT1S",
    "RINGFLEET_REVIEW_INTERVAL": "PT1S",
    # In place of two minutes: a call that the relays let pass has taken effect long before.
    "RINGFLEET_FILING_GRACE": "PT6S",
}
AREA_CODES = ("415", "628", "212", "646", "312", "303")
_turns = itertools.count()

Counts = Callable[[Call], bool]


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
        {"fault": "reply_lost", "operations": ["checkout"], "probability": 0.3, "how": "close"},
        {"fault": "reset_after_commit", "operations": ["cart_add", "number_patch"], "probability": 0.02},
        {"fault": "reset_after_commit", "operations": ["suspend", "release"], "probability": 0.5},
        {"fault": "pending_documents", "probability": 0.1},
    ),
)


class Trial:
    """One namespace, one carrier account, one story; made by `staged`."""

    def __init__(self, cluster: Cluster, simulator: SimulatorProcess, tripwire: Tripwire, story: Story) -> None:
        self.cluster = cluster
        self.simulator = simulator
        self.tripwire = tripwire
        self.story = story
        self.namespace = cluster.new_namespace("crash")
        self.account = f"acct-{self.namespace}"
        # Trials that run side by side buy in different places, or they would snap up each other's numbers.
        self.area_code = AREA_CODES[next(_turns) % len(AREA_CODES)]
        self.notes: dict[str, Any] = {}
        """What the story has seen on its way and judges by in the end."""
        self.token = ""
        """What opens the account, once it is open."""
        self._operator: OperatorProcess | None = None

    def connect(self, relays: Relays, folder: Path) -> None:
        """From now on the operator can be started: it reaches API server and carrier only through the relays."""
        self._log = folder / "operator.log"
        self._kubeconfig = self.cluster.kubeconfig_of(SYSTEM, "ringfleet-operator", server=relays.server("kubernetes"))
        self._carrier = relays.urls["carrier"]

    # What stories do.

    def open_account(self, provider: str) -> None:
        """An account of the trial's own at the carrier, and the CarrierAccount that leads there by this API."""
        self.token = token = secrets.token_hex(8)
        opened = {"token": token, "id": self.account, "balance": "100000.00", "currency": "USD"}
        self.simulator.control("POST", "accounts", opened)
        limits = {"requestsPerSecond": 1000, "concurrency": 16}
        at = (provider, self._carrier, self.account, token)
        self.apply(*an_account_at(*at, limits=limits, sweepInterval="5s"))

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        self.cluster.apply(*manifests, namespace=self.namespace)

    def patch(self, what: str, name: str, change: Mapping[str, Any]) -> None:
        self.cluster.api.patch(what, name, change, self.namespace)

    def annotate(self, what: str, name: str, **notes: str | None) -> None:
        self.cluster.api.annotate(what, name, self.namespace, **notes)

    def get(self, what: str, name: str) -> dict[str, Any]:
        return self.cluster.get(what, name, namespace=self.namespace)

    def list(self, what: str) -> list[dict[str, Any]]:
        return self.cluster.api.list(what, self.namespace)

    def owned(self) -> list[dict[str, Any]]:
        return self.simulator.owned(self.account)

    def start(self) -> None:
        """Start the operator, which must not run."""
        self._operator = OperatorProcess(self._kubeconfig, (self.namespace,), self._log, "crasher", QUICK)

    def settle(self, story: Story) -> None:
        """Wait until an earlier story is calm; for `prepare`."""
        wait_until(lambda: self._is_calm(story), f"calm before the story\n{self.last_words()}", timeout=CALM_S)

    # The trial itself.

    def run(self, n: int, when: When) -> bool:
        """Kill before or after call `n`, start again, wait for calm. Returns whether that call was reached at all."""
        self.story.prepare(self)
        running = self._operator is not None
        self.tripwire.arm(n, when, self.kill)
        self.story.act(self)
        if not running:  # one that runs may have been killed by now, and must not be started in a stopped world
            self.start()
        self._wait_for_calm()
        if not self.tripwire.sprung.is_set():
            return False
        assert self._operator
        self._operator.kill()
        self.story.judge_crash(self)
        self.tripwire.reset()
        self.start()
        self._wait_for_calm()
        return True

    def kill(self) -> None:
        """SIGKILL; may be called from the relays' thread, so it does not wait."""
        if self._operator:
            self._operator.send_kill()

    def end(self) -> None:
        if self._operator:
            self._operator.kill()
        leave_namespace(self.cluster, self.namespace)

    def _wait_for_calm(self) -> None:
        wait_until(
            lambda: self.tripwire.has_sprung() or self._is_calm(self.story),
            f"calm\n{self.last_words()}",
            timeout=CALM_S,
            interval=LOOK_S,
        )

    def _is_calm(self, story: Story) -> bool:
        story.nudge(self)
        return story.is_calm(self)

    def last_words(self) -> str:
        lines = self._log.read_text().splitlines()[-40:] if self._log.exists() else []
        calls = [f"{call.index} {call.method} {call.path[:110]}" for call in self.tripwire.calls[-12:]]
        return "\n".join([f"namespace {self.namespace}", *lines, *calls])


@contextmanager
def staged(
    cluster: Cluster, simulator: SimulatorProcess, story: Story, counts: Counts = changes_something
) -> Iterator[Trial]:
    """A trial whose operator reaches API server and carrier only through relays with one tripwire.

    By default it counts the calls that change something: a crash at a read is the crash after the write before it.
    """
    tripwire = Tripwire(counts)
    server = cluster.server()
    upstreams = {
        "kubernetes": Upstream(server.url, server.authority),
        "carrier": Upstream(simulator.url),
    }
    with TemporaryDirectory(prefix="ringfleet-crash-") as folder, relaying(tripwire, upstreams) as relays:
        trial = Trial(cluster, simulator, tripwire, story)
        try:
            trial.connect(relays, Path(folder))
            yield trial
        finally:
            trial.end()


def crash_at(
    cluster: Cluster, simulator: SimulatorProcess, story: Story, n: int, when: When, counts: Counts = changes_something
) -> bool:
    """One whole trial, judged. Returns whether call `n` was reached."""
    with staged(cluster, simulator, story, counts) as trial:
        try:
            reached = trial.run(n, when)
            story.judge(trial)
        except AssertionError as error:
            raise AssertionError(f"killed {when} call {n}: {error}\n{trial.last_words()}") from error
        return reached


def list_calls(
    cluster: Cluster, simulator: SimulatorProcess, story: Story, counts: Counts = changes_something
) -> list[Call]:
    """The calls that count of the same story when nobody is killed."""
    with staged(cluster, simulator, story, counts) as trial:
        trial.run(1_000_000, When.BEFORE)
        story.judge(trial)
        return [call for call in trial.tripwire.calls if call.index is not None]
