"""`python -m tests.bench.takeover`: how long picks stand still when the owner of a PostgreSQL ledger dies under load.

Two dispatchers before a real API server, the load on the one that does not own the ledger. The owner is killed, and the
other takes over. Told is the longest time in which no pick was answered with 200, from the kill on; what was answered
otherwise meanwhile is counted by status. The load comes from this process, and PostgreSQL runs on the same cores.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from itertools import count, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import uvloop

from tests.bench.http_load import Endless, Lane, run_lanes
from tests.bench.measure import show
from tests.bench.mix import recipient
from tests.bench.picks import NAMESPACE, put_numbers
from tests.cluster.stage import ROOT
from tests.controlplane.cluster import running_cluster
from tests.dispatch.postgres_server import running_postgres
from tests.dispatch.process import DispatcherProcess, a_set, owner_of_claims
from tests.endings import ended_politely

CONNECTIONS, NUMBERS = 32, 20
BEFORE_S = 3.0


class Watched(Endless):
    """Notes when a pick was answered with a number."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        super().__init__(requests)
        self.picked: list[float] = []

    def answered(self, body: bytes) -> None:
        if body.startswith(b'{"pickId":"'):
            self.picked.append(time.perf_counter())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="for which the load goes on")
    options = parser.parse_args()
    caps = {"daily": 1_000_000, "hourly": 1_000_000}
    with running_cluster() as cluster, running_postgres(durable=True) as server, TemporaryDirectory() as folder:
        cluster.install(ROOT / "crds")
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        cluster.apply(a_set(size=NUMBERS, perNumber=caps), namespace=NAMESPACE)
        asyncio.run(put_numbers(cluster, owner_of_claims(cluster, NAMESPACE), NUMBERS))
        given = (Path(folder), cluster.kubeconfig, NAMESPACE, "--dev-insecure")
        with (
            DispatcherProcess(*given, ledger=server.dsn) as owner,
            DispatcherProcess(*given, ledger=server.dsn) as other,
        ):
            _report(*uvloop.run(_kill_under_load(owner, other, options.seconds)))


async def _kill_under_load(
    owner: DispatcherProcess, other: DispatcherProcess, seconds: float
) -> tuple[Lane, list[float]]:
    """What was sent, and the moments of the kill, of each number picked after it, and of the end."""
    watched = Watched(_requests(other.path("picks")))
    lane = Lane(other.urls[0], watched, CONNECTIONS)
    load = asyncio.create_task(run_lanes([lane], 0.0, seconds))
    await asyncio.sleep(BEFORE_S)
    assert watched.picked, "nothing was picked before the owner died"
    killed = time.perf_counter()
    await asyncio.to_thread(owner.kill)
    await load
    return lane, [killed, *(at for at in watched.picked if at > killed)]


def _requests(path: str) -> Iterator[bytes]:
    for n in count():
        body = b'{"to":"%s"}' % recipient(n % 10_000).encode()
        yield (
            f"POST {path} HTTP/1.1\r\nHost: dispatcher\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: bench-{n}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body


def _report(lane: Lane, moments: list[float]) -> None:
    assert len(moments) > 1, f"nobody took over: {lane.load.statuses}"
    gap = max(after - before for before, after in pairwise(moments))
    refused = sum(many for status, many in lane.load.statuses.items() if status != httpx.codes.OK)
    rows = [
        ("longest time without a pick after the kill", f"{gap:.2f} s", "5 s of silence, then under 3 s to load"),
        ("answered otherwise, by status", str(dict(lane.load.statuses)), ""),
    ]
    show("Takeover under load", rows, {"takeover_s": round(gap, 2), "takeover_refused": refused})


if __name__ == "__main__":
    sys.exit(ended_politely(main))
