"""`make bench-sessions`: masked sessions a second and calls resolved a second, by engine, each of them on disk.

The ledger alone, without the HTTP layer: a service of 406 numbers, 100 sessions each at most, 64 clients. Each opens a
session with two participants, resolves a call each way, and closes it; `--open` sessions stay open meanwhile. The load
comes from this process, on the same cores. Processor time is told beside the rate: on a busy machine it is what can be
compared.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import time
from collections.abc import Awaitable
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.open import open_ledger
from ringfleet.dispatch.ledger.session_types import (
    CloseSession,
    Newcomer,
    OpenSession,
    ProxyNumber,
    ResolveContact,
    Resolved,
    Service,
    SessionTold,
)
from ringfleet.model.proxy import GeoLevel
from tests.bench.measure import percentile, show
from tests.dispatch.postgres_server import running_postgres

NUMBERS, PER_NUMBER, CLIENTS = 406, 100, 64
NOW = 1_800_000_000.0
T = TypeVar("T")

SERVICE = Service(
    "bench/rides",
    tuple(ProxyNumber(f"+1{4150000000 + n}", "bench/main") for n in range(NUMBERS)),
    level=GeoLevel.ANY,
    per_number=PER_NUMBER,
    ttl=4 * 3600.0,
    quarantine=60.0,
    retention=3600.0,
)


class Clock:
    """How long each of a kind took, in seconds."""

    def __init__(self) -> None:
        self.took: list[float] = []

    async def time(self, work: Awaitable[T]) -> T:
        began = time.perf_counter()
        done = await work
        self.took.append(time.perf_counter() - began)
        return done


async def begin(ledger: Ledger) -> tuple[SessionTold, list[Newcomer]]:
    """A session of two people who are in no other one."""
    people = [Newcomer((secrets.token_bytes(16),), secrets.token_bytes(49)) for _ in range(2)]
    told = await ledger.session(OpenSession(SERVICE, secrets.token_bytes(16), NOW, tuple(people)))
    assert isinstance(told, SessionTold), told
    return told, people


async def measure(ledger: Ledger, stays: int, seconds: float) -> dict[str, float]:
    """Rates and latencies of so many seconds."""
    for _ in range(0, stays, CLIENTS):
        await asyncio.gather(*(begin(ledger) for _ in range(CLIENTS)))
    opens, resolves, rounds = Clock(), Clock(), count()
    until = time.perf_counter() + seconds

    async def client() -> None:
        while time.perf_counter() < until:
            told, people = await opens.time(begin(ledger))
            for leg, who in zip(told.legs, people, strict=True):
                ask = ResolveContact(SERVICE.key, who.hashes, leg.number, NOW, secrets.token_bytes(16))
                assert isinstance(await resolves.time(ledger.session(ask)), Resolved)
            await ledger.session(CloseSession(SERVICE.key, told.id, NOW))
            next(rounds)

    began, processor = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    wall, processor = time.perf_counter() - began, time.process_time() - processor
    done = next(rounds)
    return {
        "sessions_per_s": done / wall,
        "resolves_per_s": 2 * done / wall,
        "open_p50_ms": 1000 * percentile(sorted(opens.took), 0.5),
        "open_p99_ms": 1000 * percentile(sorted(opens.took), 0.99),
        "resolve_p99_ms": 1000 * percentile(sorted(resolves.took), 0.99),
        "processor_us_per_session": 1e6 * processor / done,
    }


async def run(name: str, url: str, stays: int, seconds: float) -> None:
    async with open_ledger(url) as ledger:
        found = await measure(ledger, stays, seconds)
    rows = [(what.replace("_", " "), f"{value:,.1f}", "") for what, value in found.items()]
    show(f"{name}, {stays:,} sessions open", rows, found)


async def main(engines: list[str], stays: int, seconds: float) -> None:
    if "sqlite" in engines:
        with TemporaryDirectory() as folder:
            await run("sqlite", f"sqlite:{Path(folder) / 'ledger.sqlite'}", stays, seconds)
    if "postgres" in engines:
        with running_postgres(durable=True) as server:
            async with server.database() as dsn:
                await run("postgres", dsn, stays, seconds)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--engines", nargs="+", default=["sqlite", "postgres"])
    arguments.add_argument("--open", type=int, default=10_000, help="sessions that stay open meanwhile")
    arguments.add_argument("--seconds", type=float, default=10.0)
    said = arguments.parse_args()
    asyncio.run(main(said.engines, said.open, said.seconds))
