"""The embedded store: one SQLite file, one process, one group at a time.

Statements run in the event loop, for they are short; a commit waits for the disk in a thread of its own, and lets the
loop have the interpreter meanwhile. So does a group for another program that writes into the file. The write-ahead log
is copied back beside the commits, in another thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TypeVar

import apsw

from ringfleet.dispatch.ledger.interface import LedgerUnavailable
from ringfleet.dispatch.ledger.sqlite import rows
from ringfleet.dispatch.ledger.sqlite.file import BUSY_MS, connect, locked, log_of, migrated, translating
from ringfleet.dispatch.ledger.sqlite.forgetting import forget
from ringfleet.dispatch.ledger.sqlite.loading import load
from ringfleet.dispatch.ledger.store import Held, Loaded, Outcome
from ringfleet.dispatch.ledger.tables import SUPPRESSIONS, TRAFFIC, UNCLEAR, Changes, Found, Row, Wanted

T = TypeVar("T")

CHECKPOINT_PAGES = 2000
"""Pages of the write-ahead log from which on it is copied back."""


class SqliteStore:
    """The store in the file at `path`, which is made when it is not there. See `store.Store`."""

    is_shared = False
    address = ""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = ThreadPoolExecutor(1, "ledger-commit")
        self._reader = ThreadPoolExecutor(1, "ledger-reader")
        self._closed = False
        self._is_elsewhere = False
        self._full = threading.Event()

    def __str__(self) -> str:
        return str(self.path)

    async def __aenter__(self) -> SqliteStore:
        """Raises LedgerUnavailable: another process has the file, or it is none of ours."""
        self._loop = asyncio.get_running_loop()
        async with AsyncExitStack() as opening:
            opening.enter_context(locked(self.path))
            self._connection = connect(self.path, make=True)
            opening.callback(self._connection.close)
            migrated(self._connection, self.path)
            self._files = self._where()
            self._reading = connect(self.path)
            opening.callback(self._reading.close)
            self._open = opening.pop_all()
        self._connection.set_wal_hook(self._on_commit)
        self._checkpointer = threading.Thread(target=self._checkpoint, name="ledger-checkpoint", daemon=True)
        self._checkpointer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closed = True
        self._full.set()
        await asyncio.to_thread(self._checkpointer.join)
        self._thread.shutdown()
        self._reader.shutdown()
        await self._open.aclose()

    async def load(self) -> Loaded:
        return await self._read(load)

    async def find(self, wanted: Wanted) -> Found:
        with translating(self.path):
            return {table: rows.find(self._connection, table, list(keys)) for table, keys in wanted.items() if keys}

    async def commit(self, changes: Changes, _: int) -> Outcome:
        if not changes:
            return Outcome.WRITTEN
        with translating(self.path, "written"):
            if not self._begin_at_once():
                await self._loop.run_in_executor(self._thread, self._begin)
            rows.write(self._connection, changes)
        await self._loop.run_in_executor(self._thread, self._commit)
        return Outcome.WRITTEN

    def _begin_at_once(self) -> bool:
        """Whether nobody else writes into the file."""
        self._connection.set_busy_timeout(0)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:
            return False
        finally:
            self._connection.set_busy_timeout(BUSY_MS)
        return True

    def _begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def _commit(self) -> None:
        """Raises LedgerUnavailable: it is on disk where nobody will find it."""
        self._end("COMMIT")
        if self._where() != self._files:
            self._is_elsewhere = True
            raise LedgerUnavailable(
                f"The ledger {self.path} was removed or replaced while it is in use: nothing is kept. Put it back with "
                "the dispatcher stopped."
            )

    def _where(self) -> Sequence[tuple[int, int] | None]:
        """Which files its path names now, and its log's."""
        return [_identity(one) for one in (self.path, log_of(self.path))]

    async def recover(self) -> bool:
        """A transaction that could not be committed is rolled back: nothing of it was. One that went elsewhere is in
        the file that we have open."""
        await self._loop.run_in_executor(self._thread, self._roll_back)
        was_elsewhere, self._is_elsewhere = self._is_elsewhere, False
        return not was_elsewhere

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._end("ROLLBACK")

    def _end(self, how: str) -> None:
        with translating(self.path, "written"):
            self._connection.execute(how)

    async def list_suppressions(self, scope: str, limit: int, after: bytes) -> Sequence[Row]:
        statement = (
            f"SELECT {', '.join(SUPPRESSIONS.columns)} FROM suppression WHERE scope = ? AND recipient > ? "  # noqa: S608
            "AND alias_of IS NULL ORDER BY recipient LIMIT ?"
        )
        return await self._read(lambda file: file.execute(statement, (scope, after, limit)).fetchall())

    async def list_keys(self) -> Sequence[Row]:
        return await self._read(lambda file: file.execute("SELECT check_value, name FROM hash_key").fetchall())

    async def list_unclear(self, set_: str, limit: int) -> Sequence[Row]:
        statement = (
            f"SELECT {', '.join(UNCLEAR.columns)} FROM unclear WHERE set_key = ? "  # noqa: S608 - our own names
            "ORDER BY at, account, event LIMIT ?"
        )
        return await self._read(lambda file: file.execute(statement, (set_, limit)).fetchall())

    async def list_traffic(self, numbers: Sequence[int], since: int) -> Sequence[Row]:
        statement = (
            f"SELECT {', '.join(name for name in TRAFFIC.columns)} FROM traffic "  # noqa: S608 - our own names
            "WHERE number = ? AND hour >= ? ORDER BY hour"
        )
        return await self._read(
            lambda file: [row for number in numbers for row in file.execute(statement, (number, since))]
        )

    async def read_outbox(self, target: str, limit: int) -> Sequence[Row]:
        statement = "SELECT id, at, entry FROM outbox WHERE target = ? ORDER BY id LIMIT ?"
        return await self._read(lambda file: file.execute(statement, (target, limit)).fetchall())

    async def list_targets(self) -> Sequence[Row]:
        return await self._read(lambda file: file.execute("SELECT DISTINCT target FROM outbox").fetchall())

    async def sum_traffic(self, numbers: Sequence[int], since: int, until: int) -> Sequence[Row]:
        sums = ", ".join(f"sum({name})" for name in TRAFFIC.columns if name not in TRAFFIC.key)
        statement = f"SELECT number, {sums} FROM traffic WHERE number = ? AND hour >= ? AND hour < ? GROUP BY number"  # noqa: S608
        return await self._read(
            lambda file: [row for number in numbers for row in file.execute(statement, (number, since, until))]
        )

    async def forget(self, what: str, before: float, limit: int, after: Row | None = None) -> tuple[int, Row | None]:
        return await self._loop.run_in_executor(self._thread, self._forget, what, before, limit, after)

    def _forget(self, what: str, before: float, limit: int, after: Row | None) -> tuple[int, Row | None]:
        with translating(self.path, "written"):
            return forget(self._connection, what, before, limit, after)

    async def _read(self, look: Callable[[apsw.Connection], T]) -> T:
        try:
            return await self._loop.run_in_executor(self._reader, look, self._reading)
        except apsw.Error as error:
            raise LedgerUnavailable(f"The ledger {self.path} can't be read: {error}.") from error

    # A file has one process, and that is its owner.

    async def hold(self) -> Held:
        return Held(is_ours=True)

    async def let_go(self) -> None:
        """The lock of the file goes with the process."""

    async def wish(self, _: bytes) -> None:
        raise AssertionError("there is no other process")

    async def read_wishes(self, _: int) -> Sequence[tuple[int, bytes]]:
        return ()

    async def leave(self, _: bytes) -> None:
        raise AssertionError("there is no other process")

    async def read_inbox(self, _: int) -> Sequence[tuple[int, bytes]]:
        return ()

    # The write-ahead log.

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


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file it is; None: there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
