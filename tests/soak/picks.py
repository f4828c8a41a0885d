"""`python -m tests.soak.picks`: picks under load while dispatchers are killed, beside a model of what was told.

::

    callers, a carrier, kills, numbers that come and go  --for a round-->  all wait, all dispatchers up  --> judged
         ^                                                                                                |
         '----------------------------- until the time is over -------------------------------------------'

Real API server, real dispatchers over HTTP: one with a SQLite ledger, some that share a PostgreSQL ledger. The seed
decides what is done and in which order; when it meets the dispatcher, the machine decides. Judged at every answer: no
number above its cap, one number for a person (of both sets that share it), nobody picked for after an acknowledged
STOP, no number with an acknowledged label, one deferral a person, the same answer to the same key. At each checkpoint
the ledger's own count of each number is that of the answers. Exits with 1 when they do not agree.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random, SystemRandom
from tempfile import TemporaryDirectory

import httpx

from tests.bench.measure import show
from tests.cluster.stage import install_operator_rbac
from tests.controlplane.cluster import Cluster, running_cluster
from tests.dispatch.postgres_server import running_postgres
from tests.endings import ended_politely
from tests.programs import ROOT
from tests.soak.__main__ import minutes_of
from tests.soak.audit import first
from tests.soak.callers import Caller
from tests.soak.contacts import Model, Person
from tests.soak.dispatchers import PLENTY, SCARCE, SETS, Dispatchers

CALLERS = 6
PACE_S = 0.08
"""What a caller waits between two things, on average."""
ROUND_S = 40.0
HURT_S = 6.0
"""Between two faults, on average."""
TURNOVER = 0.4
"""How often numbers come and go beside a fault."""
AT_REST_S = 180.0


class Pause:
    """Callers pass while it is open; `quiet` shuts it and waits until nobody is inside."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._open, self._inside, self._over = True, 0, False

    @contextmanager
    def inside(self) -> Iterator[bool]:
        """False: it is over."""
        with self._turn:
            self._turn.wait_for(lambda: self._open or self._over)
            self._inside += 1
        try:
            yield not self._over
        finally:
            with self._turn:
                self._inside -= 1
                self._turn.notify_all()

    @contextmanager
    def quiet(self) -> Iterator[bool]:
        """False: somebody does not come to an end."""
        with self._turn:
            self._open = False
            calm = self._turn.wait_for(lambda: self._inside == 0, AT_REST_S)
        try:
            yield calm
        finally:
            with self._turn:
                self._open = True
                self._turn.notify_all()

    def end(self) -> None:
        with self._turn:
            self._over = True
            self._turn.notify_all()


class Soak:
    """One run."""

    def __init__(self, world: Dispatchers, model: Model, seed: int, people: int) -> None:
        self.world, self.model = world, model
        self.people = [Person(f"+1212{2_000_000 + n:07}") for n in range(people)]
        self.checkpoints = 0
        self._dice = Random(seed)
        self._pause = Pause()
        self._over = threading.Event()
        self._callers = [Caller(world, model, self.people, Random(f"{seed}/{n}"), seed) for n in range(CALLERS)]
        self._threads = [threading.Thread(target=self._call, args=(one,), daemon=True) for one in self._callers]

    def run(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        for thread in self._threads:
            thread.start()
        try:
            while time.monotonic() < ends:
                self._round(min(ROUND_S, max(5.0, ends - time.monotonic())))
        finally:
            self._over.set()
            self._pause.end()
            for thread in self._threads:
                thread.join()

    def _call(self, caller: Caller) -> None:
        dice = Random(id(caller))
        try:
            while not self._over.wait(dice.uniform(0, 2 * PACE_S)):
                with self._pause.inside() as goes_on:
                    if goes_on:
                        caller.act()
        except Exception as error:
            self.model.fault(f"a caller has failed: {error!r}")
            raise
        finally:
            caller.close()

    def _round(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self._over.wait(self._dice.uniform(0, 2 * HURT_S))
            how = self.world.hurt(self._dice, self._over.wait)
            self.model.doings[f"dispatcher {how}"] += 1
            if self._dice.random() < TURNOVER:
                self._turn_over()
        self.checkpoint()

    def _turn_over(self) -> None:
        """A number leaves its set, and others join."""
        set_ = self._dice.choice((SCARCE, PLENTY))
        self.world.join(set_, 2 if set_ == SCARCE else 1)
        with self.model.lock:
            staying = set(self.model.labelled)
        leaving = next(number for number in self.world.members[set_] if number not in staying)
        self.world.leave(set_, leaving, time.monotonic())
        self.model.doings["numbers that come and go"] += 1

    def checkpoint(self) -> None:
        """All are up and nobody asks: the ledger has what was told."""
        with self._pause.quiet() as calm:
            if not calm:
                self.model.fault(f"somebody still asks after {AT_REST_S:.0f} s")
                return
            for set_ in SETS:
                self._compare(set_)
        self.checkpoints += 1
        picks = self.model.doings["picks: picked"]
        print(f"checkpoint {self.checkpoints}: {picks} picks, {len(self.model.faults)} faults", flush=True)

    def _compare(self, set_: str) -> None:
        for one in self.world.all:  # each of them, by whatever way
            with httpx.Client(base_url=one.urls[0], timeout=60, trust_env=False) as client:
                rollup = client.get(self.world.path(set_, "rollup"))
                deferred = client.get(self.world.path(set_, "deferred"), params={"limit": 1000})
            if {rollup.status_code, deferred.status_code} != {200}:
                self.model.fault(f"at rest {set_} has no rollup: {rollup.status_code}, {deferred.status_code}")
                continue
            self.model.compare(set_, rollup.json(), deferred.json())
            if set_ == SCARCE and len(deferred.json()["first"]) < 1000:
                self.model.compare_waiting(self.people[1::2], deferred.json())


@contextmanager
def _ledger(engine: str) -> Iterator[str | None]:
    if engine == "sqlite":
        yield None
        return
    with running_postgres() as server:
        yield server.dsn


def run_on(cluster: Cluster, engine: str, seconds: float, people: int, seed: int, replicas: int = 2) -> Soak:
    """A run on a cluster that has our kinds and rights."""
    model = Model()
    with TemporaryDirectory(prefix="ringfleet-soak-") as folder, _ledger(engine) as url:
        world = Dispatchers(cluster, Path(folder), url, replicas if url else 1, model)
        try:
            world.start()
            soak = Soak(world, model, seed, people)
            soak.run(seconds)
            if model.faults:
                print(world.last_words(), flush=True)
        finally:
            world.close()
    return soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.picks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=minutes_of, default=10.0, help="how long: 10, 90s, 10m, 2h")
    parser.add_argument("--engine", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--people", type=int, default=600, help="who is contacted")
    parser.add_argument("--replicas", type=int, default=2, help="how many dispatchers share a PostgreSQL ledger")
    parser.add_argument("--seed", type=int, help="what is done, and in which order")
    given = parser.parse_args()
    seed = SystemRandom().randrange(10_000) if given.seed is None else given.seed
    print(f"{given.engine}, seed {seed}: {given.minutes:g} minutes; repeat it with --seed {seed}", flush=True)
    with running_cluster() as cluster:
        cluster.install(ROOT / "crds")
        install_operator_rbac(cluster)
        soak = run_on(cluster, given.engine, given.minutes * 60, given.people, seed, given.replicas)
    return _tell(soak, given.engine, seed, given.minutes)


def _tell(soak: Soak, engine: str, seed: int, minutes: float) -> int:
    faults, doings = soak.model.faults, soak.model.doings
    rows = [
        ("checkpoints", str(soak.checkpoints), ""),
        *((name, str(count), "") for name, count in sorted(doings.items())),
        ("faults", str(len(faults)), "0"),
    ]
    restarts = sum(count for name, count in doings.items() if name.startswith("dispatcher "))
    result = {
        "engine": engine,
        "seed": seed,
        "minutes": minutes,
        "picks": doings["picks: picked"],
        "faults_done": restarts,
        "checkpoints": soak.checkpoints,
        "faults": len(faults),
    }
    if faults:
        print(f"They do not agree: {first(faults, 20)}")
    show("Dispatcher and model agree" if not faults else "THEY DO NOT AGREE", rows, result)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(ended_politely(main))
