"""`make soak`: ten minutes of simulated days; `SOAK=2h make soak`: two hours, with 2,000 numbers.

    weather, people, kills, hours that pass  --for a round-->  checkpoint: fair weather, all thawed, calm  --> judged
         ^                                                                                                       |
         '------------------------------------- until the time is over ------------------------------------------'

Real API server, the sandbox carrier, the operator as a process that is killed. The seed decides what is done and in
which order; when it meets the operator, the machine decides. Ends with a table and a line of JSON; exits with 1 when
the exchange, the cluster and the model did not agree.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import suppress
from pathlib import Path
from random import Random, SystemRandom
from tempfile import TemporaryDirectory

from tests.bench.measure import show
from tests.cluster.stage import install_operator_rbac
from tests.controlplane.cluster import Cluster, running_cluster
from tests.endings import ended_politely
from tests.programs import ROOT
from tests.simulator.process import SimulatorProcess
from tests.soak.audit import Audit, first, look
from tests.soak.people import People
from tests.soak.world import World
from tests.waiting import NeverHappened, wait_until

TENANTS = 3
ROUND_S = 45.0
"""How long people act between two checkpoints."""
CALM_S = 420.0
"""How long calm may take: a whole fleet is bought, bound, given back and swept in it."""
PURCHASE_S = 15.0
FREEZE_S = 120.0
MOMENT_S = 4.0
CALM_AHEAD_S = 3700.0
"""Simulated seconds that pass before a calm: rests after failures, and the hour of an account, are over then."""
UNITS = {"s": 1 / 60, "m": 1.0, "h": 60.0}
WEATHER = (
    {"fault": "reply_lost", "operations": ["checkout"], "probability": 0.3, "how": "close"},
    {"fault": "reset_after_commit", "operations": ["cart_add", "number_patch"], "probability": 0.03},
    {"fault": "reset_after_commit", "operations": ["suspend", "release"], "probability": 0.3},
    {"fault": "reset_before_commit", "probability": 0.03},
    {"fault": "server_error", "probability": 0.05},
    {"fault": "server_error_after_commit", "operations": ["checkout", "release"], "probability": 0.2},
    {"fault": "rate_limited", "probability": 0.05, "retry_after": 1},
    {"fault": "search_down", "probability": 0.5},
    {"fault": "snapped_up", "probability": 0.05},
    {"fault": "partial_failure", "probability": 0.05},
    {"fault": "pending_documents", "probability": 0.03},
    {"fault": "listing_lag", "seconds": 20},
    {"fault": "truncated_listing", "probability": 0.3},
    {"fault": "empty_listing", "probability": 0.3},
    {"fault": "short_listing", "probability": 0.02},
    {"fault": "latency", "probability": 0.1, "seconds": 0.5},
)


class Soak:
    """One run. `faults` are all that were found."""

    def __init__(self, world: World, people: People, audit: Audit, dice: Random) -> None:
        self.world = world
        self.people = people
        self.audit = audit
        self.dice = dice
        self.rounds = 0
        self.faults: list[str] = []

    def round(self, seconds: float) -> None:
        """Weather and people for so long, then the checkpoint."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self._happen()
            self._watch()
            self._rest(self.dice.uniform(0.1, 1.0))
        self.checkpoint()

    def _rest(self, seconds: float) -> None:
        """Let the operator work; nothing is waited for."""
        until = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() > until, "a moment", interval=0.1)

    def _happen(self) -> None:
        match self.dice.choices(["people", "weather", "kill", "kill at a purchase", "time"], [12, 3, 1, 3, 1])[0]:
            case "people":
                self.people.act()
            case "weather":
                rules = self.dice.sample(WEATHER, self.dice.randint(0, 3))
                self.world.simulator.set_faults(*rules)
                self.people.doings["weather"] += 1
            case "kill":
                self.world.kill()
                self.world.start()
                self.people.doings["kill"] += 1
            case "kill at a purchase":
                self._kill_at_a_purchase()
            case "time":
                self.world.pass_time(self.dice.choice([600.0, 3600.0, 6 * 3600.0, 24 * 3600.0]))
                self.people.doings["hours pass"] += 1

    def _kill_at_a_purchase(self) -> None:
        """Let something be bought, and kill the operator the moment that the exchange has sold it: before it is written
        down, if it is not written beforehand."""
        before = len(self.world.ledger())
        self.people.wish_for_more()
        with suppress(NeverHappened):
            wait_until(lambda: len(self.world.ledger()) > before, "a purchase", timeout=PURCHASE_S, interval=0.01)
            self.people.doings["kill at a purchase"] += 1
        self.world.kill()
        self.world.start()

    def _watch(self) -> None:
        """What can be judged at any moment, and whether a freeze is acknowledged."""
        seen = look(self.world)
        self._note(self.audit.faults(seen))
        self.audit.acknowledge_freezes(seen)
        if self.world.has_died:
            self._note([f"the operator has ended by itself: {self.world.last_words()}"])
            self.world.start()

    def checkpoint(self) -> None:
        """Let all come to rest in fair weather, and judge."""
        self.world.simulator.set_faults()
        self._end_freezes()
        self.world.pass_time(CALM_AHEAD_S)
        began, left = time.monotonic(), ["not looked yet"]

        def calm() -> bool:
            nonlocal left
            self.people.acknowledge()
            self.world.simulator.control("POST", "documents/approve", {"numbers": None})
            seen = look(self.world)
            self._note(self.audit.faults(seen))
            left = self.audit.unsettled(seen)
            if not left:
                self.audit.settle(seen)
            return not left

        try:
            wait_until(calm, "calm", timeout=CALM_S, interval=1.0)
        except NeverHappened:
            self._note([f"never calm: {one}" for one in left])
        self.rounds += 1
        self._report(time.monotonic() - began)

    def _end_freezes(self) -> None:
        """Every freeze is acknowledged, holds for a moment more, and is thawed."""

        def acknowledged() -> bool:
            self._watch()
            return all(freeze.since is not None for freeze in self.people.freezes.values())

        try:
            wait_until(acknowledged, "every freeze to be acknowledged", timeout=FREEZE_S, interval=1.0)
        except NeverHappened:
            late = sorted(name for name, freeze in self.people.freezes.items() if freeze.since is None)
            self._note([f"{name} was frozen, and nobody ever said so" for name in late])
        if self.people.freezes:
            self._rest(MOMENT_S)
            self._watch()
        for what in sorted(self.people.freezes):
            self.people.thaw(what)

    def _report(self, seconds: float) -> None:
        owned = sum(bool(one["reference"]) for one in self.world.owned())
        print(
            f"checkpoint {self.rounds}: day {self.world.days:.1f}, {owned} numbers, {self.audit.bought} bought, "
            f"{self.audit.given_back} given back, {len(self.people.claims)} claims, {self.world.starts} starts, "
            f"calm after {seconds:.0f} s, {len(self.faults)} faults",
            flush=True,
        )

    def _note(self, faults: list[str]) -> None:
        for fault in faults:
            if fault not in self.faults:
                self.faults.append(fault)
                print(f"FAULT: {fault}", flush=True)


def run(minutes: float, numbers: int, seed: int) -> int:
    """A run on a control plane of its own, or on what KUBECONFIG names; the exit status."""
    with running_cluster() as cluster:
        cluster.install(ROOT / "crds")
        install_operator_rbac(cluster)
        return run_on(cluster, minutes, numbers, seed)


def run_on(cluster: Cluster, minutes: float, numbers: int, seed: int) -> int:
    """The same on a cluster that has our kinds and rights."""
    dice, rate = Random(seed), max(20, numbers // 4)
    print(f"seed {seed}: {minutes:g} minutes, at most {numbers} numbers; repeat it with --seed {seed}", flush=True)
    simulator = SimulatorProcess("--seed", str(seed), "--stock-size", "20000")
    with simulator, TemporaryDirectory(prefix="ringfleet-soak-") as folder:
        world = World(cluster, simulator, Path(folder), TENANTS)
        try:
            people = People(world, dice, numbers)
            world.furnish(rate)
            people.move_in()
            world.start()
            soak = Soak(world, people, Audit(people, rate), dice)
            soak.checkpoint()
            ends = time.monotonic() + minutes * 60
            while time.monotonic() < ends:
                soak.round(min(ROUND_S, max(5.0, ends - time.monotonic())))
        finally:
            world.close()
    return _tell(soak, seed, minutes)


def _tell(soak: Soak, seed: int, minutes: float) -> int:
    kinds = (
        "bought twice",
        "has no object",
        "lost",
        "given back, and",
        "holds",
        "is bound to",
        "than anybody wished",
        "frozen",
        "never calm",
    )
    counts = {kind: sum(kind in fault for fault in soak.faults) for kind in kinds}
    rows = [
        ("simulated days", f"{soak.world.days:.1f}", ""),
        ("checkpoints", str(soak.rounds), ""),
        ("operator started", str(soak.world.starts), ""),
        ("numbers bought, given back", f"{soak.audit.bought}, {soak.audit.given_back}", ""),
        *((f"  {name}", str(count), "") for name, count in soak.people.doings.most_common()),
        *((f"faults: {kind}", str(count), "0") for kind, count in counts.items()),
        ("faults in all", str(len(soak.faults)), "0"),
    ]
    result = {
        "seed": seed,
        "minutes": minutes,
        "days": round(soak.world.days, 2),
        "checkpoints": soak.rounds,
        "starts": soak.world.starts,
        "bought": soak.audit.bought,
        "given_back": soak.audit.given_back,
        "faults": len(soak.faults),
    }
    if soak.faults:
        print(f"They do not agree: {first(soak.faults, 20)}")
    show("Exchange, cluster and model agree" if not soak.faults else "THEY DO NOT AGREE", rows, result)
    return 1 if soak.faults else 0


def minutes_of(text: str) -> float:
    """`10`, `90s`, `10m` or `2h` as minutes."""
    return float(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else float(text)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=minutes_of, default=10.0, help="how long: 10, 90s, 10m, 2h")
    parser.add_argument("--numbers", type=int, help="the most numbers at a time; 600, and 2000 from an hour on")
    parser.add_argument("--seed", type=int, help="what is done, and in which order")
    given = parser.parse_args()
    numbers = given.numbers or (2000 if given.minutes >= UNITS["h"] else 600)
    seed = SystemRandom().randrange(10_000) if given.seed is None else given.seed
    sys.exit(ended_politely(lambda: run(given.minutes, numbers, seed)))


if __name__ == "__main__":
    main()
