"""`make bench-order`: five hundred numbers, from `kubectl apply` of the pool to Ready, against the carrier's floor.

The carrier takes 50 ms for each call; the account allows 100 calls a second, 8 at a time. A cart is one for the
account and never gets two calls at once, so the floor of any correct client of this wire is: one search, then a
staging for each number and a checkout for each order, one after the other, then the routing of the last order's
numbers as fast as the account's limits allow. Everything else can overlap with that.
"""

from __future__ import annotations

import math
import sys
import time

from tests.bench.measure import WriteCounter, show
from tests.cluster.stage import ROOT, Stage, install_operator_rbac
from tests.controlplane.cluster import running_cluster
from tests.endings import ended_politely
from tests.simulator.process import SimulatorProcess

NUMBERS = 500
BATCH = 100
LATENCY_S = 0.05
RATE = 100
CONCURRENCY = 8
AIM = 1.15


def floor() -> float:
    """Seconds that no correct client can undercut; see the module."""
    orders = math.ceil(NUMBERS / BATCH)
    serial = (1 + NUMBERS + orders) * LATENCY_S
    calls = 1 + NUMBERS + orders + NUMBERS
    return max(serial + BATCH / min(RATE, CONCURRENCY / LATENCY_S), calls / RATE)


def main() -> None:
    flags = ("--balance", "100000.00", "--fault", f"latency:seconds={LATENCY_S}")
    with running_cluster() as cluster, SimulatorProcess(*flags) as simulator:
        cluster.install(ROOT / "crds")
        install_operator_rbac(cluster)
        stage = Stage(cluster, cluster.new_namespace("bench-order"), simulator)
        try:
            measure(stage)
        finally:
            stage.close()


def measure(stage: Stage) -> None:
    limits = {"requestsPerSecond": RATE, "concurrency": CONCURRENCY, "timeout": "30s"}
    stage.account(limits=limits)
    stage.profile()
    stage.start_operator()
    stage.wait_ready("sandbox", "carrieraccount")
    stage.simulator.control("POST", "calls")
    with WriteCounter(stage.cluster, stage.namespace) as counter:
        began = time.monotonic()
        stage.pool(target=NUMBERS, market={"country": "US", "type": "Geographic", "areaCodes": ["415", "628", "212"]})
        stage.wait_ready(timeout=300)
        wall = time.monotonic() - began
        writes, calls = counter.writes(), stage.simulator.calls()
    assert len(stage.numbers()) == NUMBERS, "the pool is not filled"
    report(wall, writes, calls)


def report(wall: float, writes: dict[str, int], calls: dict[str, int]) -> None:
    written, called = sum(writes.values()) / NUMBERS, sum(calls.values()) / NUMBERS
    rows = [
        ("wall time", f"{wall:.1f} s", f"floor {floor():.1f} s"),
        ("wall / floor", f"{wall / floor():.2f}", f"aim {AIM}"),
        ("carrier calls a number", f"{called:.2f}", "2 and a little: stage, route"),
        *((f"  {name}", str(count), "") for name, count in sorted(calls.items(), key=lambda item: -item[1])),
        ("API writes a number", f"{written:.2f}", "2 and a little: create, status"),
        *((f"  {name}", str(count), "") for name, count in sorted(writes.items(), key=lambda item: -item[1])),
    ]
    result = {
        "numbers": NUMBERS,
        "wall_s": round(wall, 2),
        "floor_s": round(floor(), 2),
        "ratio": round(wall / floor(), 3),
        "carrier_calls_per_number": round(called, 3),
        "api_writes_per_number": round(written, 3),
    }
    show(f"{NUMBERS} numbers, {LATENCY_S * 1000:.0f} ms a call, {RATE} calls a second", rows, result)


if __name__ == "__main__":
    sys.exit(ended_politely(main))
