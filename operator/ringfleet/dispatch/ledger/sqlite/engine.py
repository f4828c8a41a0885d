"""The embedded engine: one SQLite file, one process, one writer, group commit.

::

    pick, ingest, ... --> waiting --> BEGIN, all that waits, COMMIT (one fsync) --> answers, all at once; and so on
    rollup, lists ------> reader connection, in a thread of its own
    checkpointer -------> copies the WAL back into the file, off the commit path

Picks are decided in the event loop and committed in the writer thread, which then lets the loop have the interpreter
for as long as the disk takes: two threads that both want it cost each other more than a pick does. All else is done in
the thread from beginning to end, for it may take a while.

The file is this process's alone (a lock beside it says so), so the counts of the seats are held in memory and written
once a commit. When a commit fails, nothing of it was answered; memory is read from the file again.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import apsw
import structlog

from ringfleet.dispatch.ledger.interface import LedgerUnavailable
from ringfleet.dispatch.ledger.sqlite.file import connect, locked, migrated, translating
from ringfleet.dispatch.ledger.sqlite.reads import read_deferrals, read_rollup, read_suppressions
from ringfleet.dispatch.ledger.sqlite.writer import Writer
from ringfleet.dispatch.ledger.types import (
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

Work = Ask | Callable[[Writer], Any]
"""A pick is its ask: all that come in a row are done together."""
Job = tuple[Work, "asyncio.Future[Any]"]

log = structlog.get_logger(__name__)


class SqliteLedger:
    """A ledger in the file at `path`, which is made when it is not there. See `ledger.Ledger`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._waiting: deque[Job] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self._thread = ThreadPoolExecutor(1, "ledger-writer")
        self._reader = ThreadPoolExecutor(1, "ledger-reader")
        self._closed = False
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
        self._checkpointer = threading.Thread(target=self._checkpoint, name="ledger-checkpoint", daemon=True)
        self._checkpointer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """What was asked for before is done."""
        self._closed = True
        await self._idle.wait()
        self._full.set()
        await asyncio.to_thread(self._checkpointer.join)
        self._thread.shutdown()
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

    def _put(self, work: Work) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self._loop.create_future()
        if self._closed:
            future.set_exception(LedgerUnavailable(f"The ledger {self.path} is closed."))
            return future
        self._waiting.append((work, future))
        if self._idle.is_set():
            self._idle.clear()
            self._loop.call_soon(self._begin)  # after all who ask in this turn of the loop
        return future

    async def _read(self, look: Callable[[apsw.Connection], T]) -> T:
        try:
            return await self._loop.run_in_executor(self._reader, look, self._reading)
        except apsw.Error as error:
            raise LedgerUnavailable(f"The ledger {self.path} can't be read: {error}.") from error

    def _begin(self) -> None:
        """In the loop: take all that waits into one transaction."""
        jobs = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_AT_ONCE))]
        work, futures = [one for one, _ in jobs], [future for _, future in jobs]
        committing = self._loop.run_in_executor(self._thread, self._transact, work, self._decide(work))
        committing.add_done_callback(partial(self._finish, futures))

    def _decide(self, work: Sequence[Work]) -> list[Any] | Exception | None:
        """The results of picks that are not yet on disk, or why there are none; None: all is left to the thread."""
        if self._is_lost or not all(isinstance(one, Ask) for one in work):
            return None
        try:
            return self._do_all(work)
        except Exception as error:
            return error

    def _finish(self, futures: Sequence[asyncio.Future[Any]], committing: asyncio.Future[list[Any]]) -> None:
        """In the loop: tell whoever has not gone meanwhile."""
        for future, result in zip(futures, committing.result(), strict=True):
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
        if self._waiting:
            self._begin()
        else:
            self._idle.set()

    def _transact(self, work: Sequence[Work], decided: list[Any] | Exception | None) -> list[Any]:
        """In the thread: do what was not decided, and commit. When anything fails, all of it has: nothing was
        answered."""
        if isinstance(decided, Exception):
            return self._fail(work, decided)
        try:
            results = self._do_all(work) if decided is None else decided
            self._writer.commit()
        except Exception as error:
            return self._fail(work, error)
        return results

    def _fail(self, work: Sequence[Work], error: Exception) -> list[Any]:
        log.error("the ledger could not be written", ledger=str(self.path), exc_info=error)
        self._roll_back()
        failure = f"The ledger {self.path} could not be written: {type(error).__name__}: {error}."
        return [LedgerUnavailable(failure)] * len(work)

    def _do_all(self, work: Sequence[Work]) -> list[Any]:
        """Their results, in their order. Picks in a row are done at once."""
        if self._is_lost:
            self._writer.roll_back()
            self._is_lost = False
        self._writer.begin()
        results: list[Any] = []
        for is_pick, some in groupby(work, lambda one: isinstance(one, Ask)):
            if is_pick:
                results += self._writer.pick_all(list(some))  # type: ignore[arg-type]  # asks, by the line above
            else:
                results += [one(self._writer) for one in some]  # type: ignore[operator]  # no asks, by the same
        self._writer.write_seats()
        return results

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
            if self._closed:
                break
            with suppress(apsw.Error):
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        connection.close()
