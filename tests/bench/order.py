"""`make bench-order`: five hundred numbers, from `kubectl apply` of the pool to Ready, against what bounds any client.

Once by the API of each carrier, which takes 50 ms for each call; the account allows 100 calls a second, 8 at a time.
The floor is the larger of the carrier's and the API server's. What no correct client of a carrier can undercut::

    DIDHub   a cart is one for the account and never gets two calls at once: a search, then a staging for each number
             and a checkout for each order, one after the other, and the last order's numbers are routed
    Twilio   a search shows thirty, and a call buys one, which it marks and routes: as fast as the account's limits let
    Telnyx   each order is searched for, made, read once and marked; no call is about a single number

The API server's: a PhoneNumber and its first status for each number, written here by one client that does nothing else,
as many at once as the operator may, in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psutil

from ringfleet.kube.client import Kube, Limits
from ringfleet.objects.refs import PHONE_NUMBERS
from tests.api.manifests import a_number, changed
from tests.bench.measure import WriteCounter, show
from tests.cluster.load import UNHINDERED
from tests.cluster.stage import ROOT, Stage, install_operator_rbac
from tests.controlplane.cluster import Cluster, running_cluster
from tests.endings import ended_politely
from tests.simulator.process import SimulatorProcess

BATCH = 100
LATENCY_S = 0.05
RATE = 100
CONCURRENCY = 8
PACE = min(RATE, CONCURRENCY / LATENCY_S)
"""Calls a second that the account's limits let through."""
SHOWN_AT_ONCE = 30
"""Offers of a search at Twilio."""
CALLS_AN_ORDER = 4
AIM_MS = 8


@dataclass(frozen=True, slots=True)
class Face:
    """A carrier, and how long any correct client of it takes for so many numbers, in seconds."""

    provider: str
    aim: float
    """Of wall time to floor."""
    floor: Callable[[int], float]


def _didhub(numbers: int) -> float:
    orders = math.ceil(numbers / BATCH)
    serial = (1 + numbers + orders) * LATENCY_S
    calls = 1 + numbers + orders + numbers
    return max(serial + min(BATCH, numbers) / PACE, calls / RATE)


def _twilio(numbers: int) -> float:
    return (math.ceil(numbers / SHOWN_AT_ONCE) + numbers) / PACE


def _telnyx(numbers: int) -> float:
    return max(CALLS_AN_ORDER * LATENCY_S, math.ceil(numbers / BATCH) * CALLS_AN_ORDER / PACE)


FACES = (Face("DIDHub", 1.15, _didhub), Face("Twilio", 1.5, _twilio), Face("Telnyx", 1.5, _telnyx))


@dataclass(frozen=True, slots=True)
class Measured:
    """One filled pool: wall and processor time in seconds, and what was written and called."""

    wall: float
    processor: float
    """Of the operator."""
    writes: Mapping[str, int]
    calls: Mapping[str, int]


def main() -> None:
    asked = _arguments()
    faces = [face for face in FACES if face.provider in asked.carriers.split(",")]
    with running_cluster() as cluster:
        cluster.install(ROOT / "crds")
        install_operator_rbac(cluster)
        written = asyncio.run(_write_alone(cluster, asked.numbers))
        result: dict[str, Any] = {"numbers": asked.numbers, "api_floor_s": round(written, 2)}
        for face in faces:
            measured = _fill(cluster, face, asked.numbers)
            floor = max(face.floor(asked.numbers), written)
            result |= report(face, asked.numbers, floor, measured, result)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.order")
    parser.add_argument("--numbers", type=int, default=500)
    parser.add_argument("--carriers", default=",".join(face.provider for face in FACES), help="some of them")
    return parser.parse_args()


async def _write_alone(cluster: Cluster, numbers: int) -> float:
    """Seconds for the two writes of each number where nothing else happens."""
    namespace = cluster.new_namespace("bench-order-floor")
    places = asyncio.Semaphore(Limits().writes_at_once)

    async def write(kube: Kube, at: int) -> None:
        digits = f"1415200{at:04}"
        body = changed(a_number(digits), "spec.number", f"+{digits}")
        async with places:
            await kube.create(PHONE_NUMBERS, namespace, body)
            await kube.patch_status(PHONE_NUMBERS, namespace, digits, {"phase": "Available", "externalId": digits})

    async with Kube.connect(cluster.kubeconfig, limits=UNHINDERED) as kube:
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for at in range(numbers):
                group.create_task(write(kube, at))
        return time.monotonic() - began


def _fill(cluster: Cluster, face: Face, numbers: int) -> Measured:
    flags = ("--balance", "100000.00", "--fault", f"latency:seconds={LATENCY_S}")
    with SimulatorProcess(*flags) as simulator:
        stage = Stage(cluster, cluster.new_namespace(f"bench-order-{face.provider.lower()}"), simulator)
        try:
            return measure(stage, face, numbers)
        finally:
            stage.close()


def measure(stage: Stage, face: Face, numbers: int) -> Measured:
    limits = {"requestsPerSecond": RATE, "concurrency": CONCURRENCY, "timeout": "30s"}
    stage.account_at(face.provider, limits=limits)
    stage.profile()
    operator = psutil.Process(stage.start_operator().pid)
    stage.wait_ready("sandbox", "carrieraccount")
    stage.simulator.control("POST", "calls")
    with WriteCounter(stage.cluster, stage.namespace) as counter:
        before, began = _processor(operator), time.monotonic()
        market = {"country": "US", "type": "Geographic", "areaCodes": ["415", "628", "212"]}
        stage.pool(target=numbers, market=market)
        stage.wait_ready(timeout=900)
        wall, spent = time.monotonic() - began, _processor(operator) - before
        writes, calls = counter.writes(), stage.simulator.calls()
    assert len(stage.numbers()) == numbers, "the pool is not filled"
    return Measured(wall, spent, writes, calls)


def _processor(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return float(spent.user + spent.system)


def report(
    face: Face, numbers: int, floor: float, measured: Measured, so_far: Mapping[str, Any]
) -> dict[str, float | int]:
    """Print the carrier's table, with the result so far and its own as the last line; return its own."""
    written, called = sum(measured.writes.values()) / numbers, sum(measured.calls.values()) / numbers
    ratio, processor_ms = measured.wall / floor, measured.processor * 1000 / numbers
    rows = [
        ("wall time", f"{measured.wall:.1f} s", f"floor {floor:.1f} s"),
        ("wall / floor", f"{ratio:.2f}", f"aim {face.aim}"),
        ("operator's processor time a number", f"{processor_ms:.1f} ms", f"aim {AIM_MS} ms"),
        ("carrier calls a number", f"{called:.2f}", ""),
        *_counted(measured.calls),
        ("API writes a number", f"{written:.2f}", "2 and a little: create, status"),
        *_counted(measured.writes),
    ]
    name = face.provider.lower()
    own = {
        f"{name}_ratio": round(ratio, 3),
        f"{name}_wall_s": round(measured.wall, 2),
        f"{name}_floor_s": round(floor, 2),
        f"{name}_processor_ms_per_number": round(processor_ms, 2),
        f"{name}_carrier_calls_per_number": round(called, 3),
        f"{name}_api_writes_per_number": round(written, 3),
    }
    title = f"{face.provider}: {numbers} numbers, {LATENCY_S * 1000:.0f} ms a call, {RATE} calls a second"
    show(title, rows, {**so_far, **own})
    return own


def _counted(counts: Mapping[str, int]) -> list[tuple[str, str, str]]:
    return [(f"  {name}", str(count), "") for name, count in sorted(counts.items(), key=lambda item: -item[1])]


if __name__ == "__main__":
    sys.exit(ended_politely(main))
