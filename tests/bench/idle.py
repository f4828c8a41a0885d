"""`make bench-idle`: what an operator costs that keeps ten thousand numbers and has nothing to do.

The numbers exist at the carrier and in the cluster and agree. A first operator looks at them once and settles whatever
it wants to write; then a fresh one is started and measured: start-up until it has everything in memory, beside a bare
paged LIST of the same objects by the same client; then a minute of doing nothing.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import psutil

from ringfleet.kube.client import Kube
from ringfleet.objects.refs import PHONE_NUMBERS
from tests.bench.measure import WriteCounter, show
from tests.cluster.stage import ROOT, OperatorProcess, Stage, install_operator_rbac
from tests.cluster.stock import put_numbers
from tests.controlplane.cluster import running_cluster
from tests.endings import ended_politely
from tests.simulator.process import SimulatorProcess
from tests.waiting import wait_until

NUMBERS = 10_000
IDLE_S = 60.0
BLOCKS = ("415", "628", "212", "646", "312")


def main() -> None:
    with running_cluster() as cluster, SimulatorProcess("--balance", "1000000.00", "--stock-size", "5000") as simulator:
        cluster.install(ROOT / "crds")
        install_operator_rbac(cluster)
        stage = Stage(cluster, cluster.new_namespace("bench-idle"), simulator)
        try:
            stage.account(limits={"requestsPerSecond": 500, "concurrency": 16})
            print(f"making {NUMBERS} numbers", file=sys.stderr, flush=True)
            asyncio.run(put_numbers(stage, dict.fromkeys(BLOCKS, NUMBERS // len(BLOCKS))))
            _settle(stage)
            _measure(stage)
        finally:
            stage.close()


def _settle(stage: Stage) -> None:
    """Let a first operator write what it wants to, and stop it."""
    print("settling", file=sys.stderr, flush=True)
    stage.pool(target=NUMBERS, routingProfileRef=None)
    operator = stage.start_operator("first")
    stage.wait_ready(timeout=600)
    stage.wait_for(lambda: _all_have_conditions(stage), "every number to say how it is", timeout=600)
    operator.stop()


def _all_have_conditions(stage: Stage) -> bool:
    said = [number.get("status", {}).get("conditions", []) for number in stage.list("phonenumbers")]
    return [conditions[0]["status"] for conditions in said if conditions] == ["True"] * NUMBERS


def _measure(stage: Stage) -> None:
    listed = asyncio.run(_list_bare(stage))
    imported = _import_alone()
    began = time.monotonic()
    operator = stage.start_operator("measured")
    wait_until(lambda: _said(operator, "synced"), "the operator to know all numbers", interval=0.01)
    started = time.monotonic() - began
    _calm_down(stage)
    process = psutil.Process(operator.pid)
    with WriteCounter(stage.cluster, stage.namespace) as counter:
        cpu, clock = process.cpu_times(), time.monotonic()
        time.sleep(IDLE_S)
        spent, passed = process.cpu_times(), time.monotonic() - clock
        writes = sum(counter.writes().values())
    used = 100 * (spent.user + spent.system - cpu.user - cpu.system) / passed
    report(started, listed, imported, process.memory_info().rss / 1e6, used, writes)


async def _list_bare(stage: Stage) -> float:
    """Seconds for the same paged LIST, by the same client, nothing done with it."""
    async with Kube.connect(stage.cluster.kubeconfig) as kube:
        await kube.get(PHONE_NUMBERS, stage.namespace, stage.simulator.owned()[0]["number"][1:])
        began = time.monotonic()
        count = 0
        async for page in kube.pages(PHONE_NUMBERS, stage.namespace):
            count += len(page.items)
        assert count == NUMBERS
        return time.monotonic() - began


def _import_alone() -> float:
    """Seconds that Python takes to load the operator's modules, which any start pays."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import ringfleet.handlers.operator"], check=True)
    return time.monotonic() - began


def _said(operator: OperatorProcess, event: str) -> bool:
    return any(line.get("event") == event for line in operator.lines())


def _calm_down(stage: Stage) -> None:
    """The account has been probed and swept once: what is measured then is idling."""
    wait_until(lambda: stage.simulator.calls().get("numbers_list", 0) > 0, "the first sweep")
    before = -1
    while (now := sum(stage.simulator.calls().values())) != before:
        before = now
        time.sleep(2.0)


def report(started: float, listed: float, imported: float, rss: float, cpu: float, writes: int) -> None:
    rows = [
        ("start to all known", f"{started:.2f} s", f"bare LIST {listed:.2f} s; aim twice that"),
        ("  of it loading Python modules", f"{imported:.2f} s", ""),
        ("resident memory", f"{rss:.0f} MB", "aim 150 MB"),
        ("processor while idle", f"{cpu:.2f} %", "of one core; aim under 1 %"),
        (f"writes in {IDLE_S:.0f} s", str(writes), "aim 0"),
    ]
    result = {
        "numbers": NUMBERS,
        "start_s": round(started, 2),
        "list_s": round(listed, 2),
        "rss_mb": round(rss, 1),
        "idle_cpu_percent": round(cpu, 2),
        "idle_writes": writes,
    }
    show(f"{NUMBERS} numbers at rest", rows, result)


if __name__ == "__main__":
    sys.exit(ended_politely(main))
