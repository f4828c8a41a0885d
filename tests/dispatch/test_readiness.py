"""A replica whose ledger does not work is to get no picks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.ledger.interface import LedgerUnavailable
from ringfleet.dispatch.ledger.open import open_ledger
from ringfleet.dispatch.ledger.types import Suppression
from ringfleet.dispatch.metrics import Metrics, health_app
from ringfleet.dispatch.readiness import PROBE_SECONDS, SCOPE, LedgerWatch
from tests.kube.virtual_time import run_in_virtual_time


class Disk:
    """A ledger as far as it is looked at."""

    def __init__(self) -> None:
        self.reads = self.writes = True
        self.hangs = False
        self.written: list[str] = []

    async def suppressions(self, scope: str, limit: int = 100) -> tuple[Suppression, ...]:
        if self.hangs:
            await asyncio.sleep(3600)
        if not self.reads:
            raise LedgerUnavailable("it is away")
        return ()

    async def suppress(self, entries: Sequence[Suppression]) -> int:
        if not self.writes:
            raise LedgerUnavailable("the disk is full")
        self.written += [entry.scope for entry in entries]
        return len(entries)

    async def allow(self, scope: str, recipients: Sequence[bytes]) -> int:
        return len(recipients)


async def readyz(watch: LedgerWatch, metrics: Metrics) -> int:
    app = health_app(metrics, lambda: True, lambda: 0.0, lambda: watch.alive)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://dispatcher") as client:
        return (await client.get("/readyz")).status_code


async def test_it_is_ready_while_the_ledger_can_be_read() -> None:
    disk, metrics = Disk(), Metrics()
    watch = LedgerWatch(disk)  # type: ignore[arg-type]  # as far as it is asked
    told = []
    for disk.reads in (True, False, True):
        await watch.look()
        told.append(await readyz(watch, metrics))
    assert told == [200, 503, 200]
    assert disk.written == []


async def test_a_disk_that_is_full_and_can_be_read_is_not_ready_before_a_write_works() -> None:
    disk, metrics = Disk(), Metrics()
    watch = LedgerWatch(disk)  # type: ignore[arg-type]  # as far as it is asked
    metrics.on_ledger_failure(watch.failed)
    disk.writes = False
    metrics.ledger_failed()
    assert await readyz(watch, metrics) == 503
    await watch.look()
    assert await readyz(watch, metrics) == 503
    disk.writes = True
    await watch.look()
    assert (await readyz(watch, metrics), disk.written) == (200, [SCOPE])


def test_a_ledger_that_does_not_answer_does_not_work() -> None:
    async def main() -> None:
        disk = Disk()
        watch = LedgerWatch(disk)  # type: ignore[arg-type]  # as far as it is asked
        running = asyncio.create_task(watch.run())
        disk.hangs = True
        await asyncio.sleep(2 * PROBE_SECONDS)
        assert not watch.alive
        disk.hangs = False
        await asyncio.sleep(2 * PROBE_SECONDS)
        assert watch.alive
        running.cancel()

    run_in_virtual_time(main())


async def test_a_look_leaves_no_row(tmp_path: Path) -> None:
    async with open_ledger(f"sqlite:{tmp_path}/ledger.sqlite") as ledger:
        watch = LedgerWatch(ledger)
        for _ in range(3):
            watch.failed()
            await watch.look()
            assert watch.alive
        assert await ledger.suppressions(SCOPE) == ()


async def test_a_disk_that_is_full_again_is_not_ready_again(tmp_path: Path) -> None:
    """What the first look has written is no write when it is written again."""

    def full(how: str) -> None:
        raise LedgerUnavailable(f"{how}: disk is full")

    async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        watch, told = LedgerWatch(ledger), []
        for is_full in (True, False, True, False):
            with pytest.MonkeyPatch.context() as disk:
                if is_full:
                    disk.setattr(ledger.store, "_end", full)
                watch.failed()
                await watch.look()
                told.append(watch.alive)
        assert told == [False, True, False, True]


async def test_it_is_not_ready_while_no_webhook_process_listens_and_says_so() -> None:
    told = []
    for listens in (False, True):
        app = health_app(Metrics(), lambda: True, lambda: 0.0, webhooks=lambda listens=listens: listens)  # type: ignore[misc]  # bound now
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://dispatcher") as client:
            answer = await client.get("/readyz")
            told.append((answer.status_code, answer.text))
    assert told == [(503, "the webhook process does not run\n"), (200, "ready\n")]


async def test_it_is_not_ready_while_another_ledger_decides_and_says_what_to_do() -> None:
    said = "Another ledger decides."
    app = health_app(Metrics(), lambda: True, lambda: 0.0, split=lambda: said)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://dispatcher") as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, f"{said}\n")
