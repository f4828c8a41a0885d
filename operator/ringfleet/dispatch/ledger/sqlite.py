"""The embedded engine: one SQLite file, one process, one writer thread, group commit.

::

    pick, ingest, ... --> queue --> writer thread:  BEGIN, all that waits, COMMIT (one fsync) --> answers, all at once
    rollup, lists ------> reader connection, in a thread of its own
    checkpointer -------> copies the WAL back into the file, off the commit path

The file is this process's alone (a lock beside it says so), so the counts of the seats are held in memory and written
once a commit. When a commit fails, nothing of it was answered; memory is read from the file again.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from itertools import groupby
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import apsw
import structlog

from ringfleet.dispatch.ledger.ledger import LedgerUnavailable
from ringfleet.dispatch.ledger.sqlite_file import connect, locked, migrated, translating
from ringfleet.dispatch.ledger.sqlite_read import read_deferrals, read_rollup, read_suppressions
from ringfleet.dispatch.ledger.sqlite_write import Writer
from ringfleet.dispatch.ledger.values import (
    Ask,
    Deferrals,
    GivenBack,
    Heard,
    Rollup,
    Roster,
    Suppression,
    Verdict,
)

T = TypeVar("T")

CHECKPOINT_PAGES = 2000
"""Pages of the write-ahead log from which on it is copied back."""
MOST_AT_ONCE = 512
"""Requests in one commit, at most: no caller waits for more."""

Job = tuple[Ask | Callable[[Writer], Any], "asyncio.Future[Any]"]
"""A pick is its ask: all that come in a row are done together."""

log = structlog.get_logger(__name__)


class SqliteLedger:
    """A ledger in the file at `path`, which is made when it is not there. See `ledger.Ledger`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._reader = ThreadPoolExecutor(1, "ledger-reader")
        self._closed = threading.Event()
        self._full = threading.Event()

    async def __aenter__(self) -> SqliteLedger:
        """Raises LedgerUnavailable: another process has the file, or it is none of ours."""
        self._loop = asyncio.get_running_loop()
        async with AsyncExitStack() as opening:
            opening.enter_context(locked(self.path))
            self._connection = connect(self.path, make=True)
            opening.callback(self._connection.close)
            migrated(self._connection, self.path)
            self._reading = connect(self.path)
            opening.callback(self._reading.close)
            with translating(self.path):
                self._writer = await asyncio.to_thread(Writer, self._connection)
            self._open = opening.pop_all()
        self._connection.set_wal_hook(self._on_commit)
        self._threads = [
            threading.Thread(target=self._write, name="ledger-writer", daemon=True),
            threading.Thread(target=self._checkpoint, name="ledger-checkpoint", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closed.set()
        self._full.set()
        self._queue.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        self._reader.shutdown()
        await self._open.aclose()

    # What is written.

    def pick(self, ask: Ask) -> asyncio.Future[Verdict]:
        return self._put(ask)

    async def enlist(self, roster: Roster) -> None:
        await self._do(lambda writer: writer.enlist(roster))

    async def give_back(self, set_: str, pick: str, day: int) -> GivenBack:
        return await self._do(lambda writer: writer.give_back(set_, pick, day))

    async def suppress(self, entries: Sequence[Suppression]) -> int:
        return await self._do(lambda writer: writer.suppress(entries))

    async def allow(self, scope: str, recipients: Sequence[bytes]) -> int:
        return await self._do(lambda writer: writer.allow(scope, recipients))

    async def ingest(self, heard: Sequence[Heard]) -> int:
        return await self._do(lambda writer: writer.ingest(heard))

    async def prune(self, now: float, contacts_before: float) -> int:
        steps = self._writer.forgetting(now, contacts_before)
        gone = 0
        while (step := await self._do(lambda _: next(steps, None))) is not None:
            gone += step
        return gone

    # What is read.

    async def deferrals(self, set_: str, day: int, limit: int = 100) -> Deferrals:
        return await self._read(lambda connection: read_deferrals(connection, set_, day, limit))

    async def suppressions(self, scope: str, limit: int = 100, after: bytes = b"") -> tuple[Suppression, ...]:
        return await self._read(lambda connection: read_suppressions(connection, scope, limit, after))

    async def rollup(self, set_: str, now: float, day: int, days: int = 30) -> Rollup:
        members = self._writer.members_of(set_)
        return await self._read(lambda connection: read_rollup(connection, set_, members, now, day, days))

    # How.

    def _do(self, job: Callable[[Writer], T]) -> asyncio.Future[T]:
        """Have the writer do it; the future is done when it is on disk."""
        return self._put(job)

    def _put(self, job: Ask | Callable[[Writer], Any]) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self._loop.create_future()
        if self._closed.is_set():
            future.set_exception(LedgerUnavailable(f"The ledger {self.path} is closed."))
        else:
            self._queue.put((job, future))
        return future

    async def _read(self, look: Callable[[apsw.Connection], T]) -> T:
        try:
            return await self._loop.run_in_executor(self._reader, look, self._reading)
        except apsw.Error as error:
            raise LedgerUnavailable(f"The ledger {self.path} can't be read: {error}.") from error

    def _write(self) -> None:
        """The writer thread: whatever waits goes into one commit."""
        while True:
            jobs = self._gather()
            done = [job for job in jobs if job is not None]
            if done:
                self._loop.call_soon_threadsafe(_tell, self._commit(done))
            if len(done) < len(jobs):
                return

    def _gather(self) -> list[Job | None]:
        jobs = [self._queue.get()]
        with suppress(Empty):
            while len(jobs) < MOST_AT_ONCE and jobs[-1] is not None:
                jobs.append(self._queue.get_nowait())
        return jobs

    def _commit(self, jobs: list[Job]) -> list[tuple[asyncio.Future[Any], Any]]:
        """Do them in one transaction. When anything fails, all of it has failed: nothing was answered."""
        try:
            if self._is_lost:
                self._writer.roll_back()
                self._is_lost = False
            self._writer.begin()
            results = _do_all(self._writer, [job for job, _ in jobs])
            self._writer.commit()
        except Exception as error:
            log.exception("the ledger could not be written", ledger=str(self.path))
            self._roll_back()
            failure = f"The ledger {self.path} could not be written: {type(error).__name__}: {error}."
            return [(future, LedgerUnavailable(failure)) for _, future in jobs]
        return [(future, result) for (_, future), result in zip(jobs, results, strict=True)]

    def _roll_back(self) -> None:
        """While that fails, nothing is done: what memory says may be more than what is on disk."""
        self._is_lost = True
        with suppress(Exception):
            self._writer.roll_back()
            self._is_lost = False

    _is_lost = False

    def _on_commit(self, _: apsw.Connection, __: str, pages: int) -> int:
        if pages > CHECKPOINT_PAGES:
            self._full.set()
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        connection = connect(self.path)
        while True:
            self._full.wait()
            self._full.clear()
            if self._closed.is_set():
                break
            with suppress(apsw.Error):
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        connection.close()


def _do_all(writer: Writer, jobs: Sequence[Ask | Callable[[Writer], Any]]) -> list[Any]:
    """Their results, in their order. Picks in a row are done at once."""
    results: list[Any] = []
    for is_pick, some in groupby(jobs, lambda job: isinstance(job, Ask)):
        if is_pick:
            results += writer.pick_all(list(some))  # type: ignore[arg-type]  # asks, by the line above
        else:
            results += [job(writer) for job in some]  # type: ignore[operator]  # no asks, by the same
    return results


def _tell(results: list[tuple[asyncio.Future[Any], Any]]) -> None:
    """In the loop: whoever has gone meanwhile is not told."""
    for future, result in results:
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
