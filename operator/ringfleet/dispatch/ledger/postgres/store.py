"""The shared store: PostgreSQL, for several processes of which one owns it.

Groups go out on a connection of their own, one at a time; what they need is read on a second one, all else on others.
A group whose answer does not come may be written later, when its backend goes on: so after a group of which nothing is
known the connection is let go, and a new token is taken, which waits for that backend; what it writes after that finds
the wrong token, and is nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg

from ringfleet.dispatch.ledger.interface import LedgerUnavailable, Unwritable
from ringfleet.dispatch.ledger.postgres.connection import CONNECT_S, NO_TIMEOUTS, Address
from ringfleet.dispatch.ledger.postgres.forgetting import forget
from ringfleet.dispatch.ledger.postgres.loading import identity_of, load
from ringfleet.dispatch.ledger.postgres.migrations import SCHEMA, migrate, refuse_other_version
from ringfleet.dispatch.ledger.postgres.statements import find_statement, group_statement
from ringfleet.dispatch.ledger.store import Held, Loaded, Outcome
from ringfleet.dispatch.ledger.tables import SUPPRESSIONS, TRAFFIC, UNCLEAR, Changes, Found, Row, Table, Wanted

T = TypeVar("T")

SETTINGS = {
    "application_name": "ringfleet",
    "search_path": SCHEMA,
    # What is answered is on disk, whatever the server's own setting is, or the role's or the database's.
    "synchronous_commit": "on",
    **NO_TIMEOUTS,
    # A group that has waited for a wish sees it. At a higher level it would fail instead, and memory be loaded anew.
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "plan_cache_mode": "force_generic_plan",  # planned once a connection: planning takes longer than what is planned
    # A plan made while a table is empty would read all of it for ever. Each key is looked up by its index.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}
ANSWER_S = 10.0
"""Seconds after which a group that was sent counts as one of which nothing is known."""
STALE_S = 5
"""Seconds after which an owner that has not said that it is alive may lose the ledger."""
READERS = 4

_TAKE = """
UPDATE owner SET token = $1, address = $2, beat = clock_timestamp()
WHERE token = $3 AND beat < clock_timestamp() - $4 * interval '1 s' RETURNING wishes
"""
_RENEW = "UPDATE owner SET token = $1, beat = clock_timestamp() WHERE token = $2 RETURNING wishes"
_BEAT = "UPDATE owner SET beat = clock_timestamp(), address = $2 WHERE token = $1 RETURNING wishes"
_LOOK = f"SELECT token, address, wishes, beat < clock_timestamp() - {STALE_S} * interval '1 s' AS stale FROM owner"  # noqa: S608
_LET_GO = "UPDATE owner SET beat = '-infinity', address = '' WHERE token = $1"
_WISH = """
WITH o AS (UPDATE owner SET wishes = wishes + 1 RETURNING wishes) INSERT INTO wish SELECT o.wishes, $1 FROM o
"""


class PostgresStore:
    """The store in the database that `dsn` names. `address`: where the owner answers when it is we. `migrates`: a
    schema that is missing or old is brought up to date. See `store.Store`."""

    is_shared = True

    def __init__(self, dsn: str, address: str, *, migrates: bool = False) -> None:
        self.server = Address(dsn)
        self.address = address
        self._migrates = migrates
        self._pool: asyncpg.Pool | None = None
        self._sender: asyncpg.Connection | None = None
        self._finder: asyncpg.Connection | None = None
        self._is_looking = False
        self._refused = False
        self._identity: Mapping[str, int] = {}
        self._token: UUID | None = None
        self._turn = asyncio.Lock()

    def __str__(self) -> str:
        return str(self.server)

    async def __aenter__(self) -> PostgresStore:
        """Raises LedgerUnavailable: it can't be reached, or its schema is not ours."""
        if self._migrates:
            await migrate(self.server)
        with self.server.translating():
            self._pool = await asyncpg.create_pool(
                self.server.dsn, min_size=1, max_size=READERS, timeout=CONNECT_S, server_settings=SETTINGS, reset=_tidy
            )
        try:
            async with self._reading() as connection:
                await refuse_other_version(connection, self.server)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._hang_up()
        if self._finder is not None:
            self._finder.terminate()
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def load(self) -> Loaded:
        async with self._reading() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            loaded = await load(connection)
        self._identity = loaded.identity
        return loaded

    async def find(self, wanted: Wanted) -> Found:
        statement, given, tables = find_statement(wanted)
        found: dict[Table, list[Row]] = {table: [] for table in tables}
        for place, row in await self._look_up(statement, given) if tables else ():
            found[tables[place]].append(row)
        return found

    async def _look_up(self, statement: str, given: Sequence[object]) -> list[tuple[int, Row]]:
        """On a connection that is kept for it, when it is free: to borrow one takes as long as to ask."""
        if self._is_looking:
            return await self._fetch(statement, *given)
        self._is_looking = True
        try:
            with self.server.translating():
                if self._finder is None or self._finder.is_closed():
                    self._finder = await self._connect()
                rows: list[tuple[int, Row]] = await self._finder.fetch(statement, *given, timeout=ANSWER_S)
                return rows
        finally:
            self._is_looking = False

    async def commit(self, changes: Changes, wishes: int) -> Outcome:
        token = self._token  # before anything is waited for: it is that of the memory by which this was decided
        statement, given = group_statement(changes)
        sender = await self._connected()
        self._refused = False
        try:
            with self.server.translating():
                written = await self._in_time(sender.fetchval(statement, token, wishes, *given))
        except Unwritable:
            self._refused = True
            raise
        if written:
            return Outcome.WRITTEN
        (seen,) = await self._fetch(_LOOK)
        return Outcome.OUTRUN if seen["token"] == token else Outcome.DEPOSED

    async def recover(self) -> bool:
        """A new token: this waits for what is still being written under the old one. What the server has refused, or
        could not be sent, is not."""
        if self._refused:
            self._refused = False
            return True
        self._hang_up()
        async with self._turn:
            token, old = uuid4(), self._token
            renewed = await self._fetch(_RENEW, token, old)
            self._token = token if renewed else None
        return False

    async def hold(self) -> Held:
        async with self._turn:  # the token that is looked for is not renewed meanwhile
            return await self._hold()

    async def _hold(self) -> Held:
        if self._token is not None and (beaten := await self._fetch(_BEAT, self._token, self.address)):
            return Held(True, beaten[0][0], self.address or None)
        self._token = None
        (seen,) = await self._fetch(_LOOK)
        if not seen["stale"]:
            return Held(False, seen["wishes"], seen["address"] or None)
        token = uuid4()
        taken = await self._fetch(_TAKE, token, self.address, seen["token"], STALE_S)
        if not taken:
            return Held(False)
        self._token = token
        return Held(True, taken[0][0], self.address or None)

    async def let_go(self) -> None:
        if self._token is not None:
            await self._fetch(_LET_GO, self._token)
            self._token = None

    async def wish(self, entry: bytes) -> None:
        await self._fetch(_WISH, entry)

    async def read_wishes(self, after: int) -> Sequence[tuple[int, bytes]]:
        rows = await self._fetch("SELECT number, entry FROM wish WHERE number > $1 ORDER BY number", after)
        return [(row[0], row[1]) for row in rows]

    async def leave(self, entry: bytes) -> None:
        await self._fetch("INSERT INTO inbox (entry) VALUES ($1)", entry)

    async def read_inbox(self, limit: int) -> Sequence[tuple[int, bytes]]:
        return [
            (row[0], row[1]) for row in await self._fetch("SELECT id, entry FROM inbox ORDER BY id LIMIT $1", limit)
        ]

    async def list_suppressions(self, scope: str, limit: int, after: bytes) -> Sequence[Row]:
        statement = (
            f"SELECT {', '.join(SUPPRESSIONS.columns)} FROM suppression "  # noqa: S608 - our own names
            "WHERE scope = $1 AND recipient > $2 AND alias_of IS NULL ORDER BY recipient LIMIT $3"
        )
        return [tuple(row) for row in await self._fetch(statement, scope, after, limit)]

    async def list_keys(self) -> Sequence[Row]:
        return [tuple(row) for row in await self._fetch("SELECT check_value, name FROM hash_key")]

    async def list_unclear(self, set_: str, limit: int) -> Sequence[Row]:
        statement = (
            f"SELECT {', '.join(UNCLEAR.columns)} FROM unclear WHERE set_key = $1 "  # noqa: S608 - our own names
            "ORDER BY at, account, event LIMIT $2"
        )
        return [tuple(row) for row in await self._fetch(statement, set_, limit)]

    async def list_traffic(self, numbers: Sequence[int], since: int) -> Sequence[Row]:
        statement = (
            f"SELECT {', '.join(TRAFFIC.columns)} FROM traffic "  # noqa: S608 - our own names
            "WHERE number = ANY ($1) AND hour >= $2 ORDER BY number, hour"
        )
        return [tuple(row) for row in await self._fetch(statement, numbers, since)]

    async def read_outbox(self, target: str, limit: int) -> Sequence[Row]:
        statement = "SELECT id, at, entry FROM outbox WHERE target = $1 ORDER BY id LIMIT $2"
        return [tuple(row) for row in await self._fetch(statement, target, limit)]

    async def list_targets(self) -> Sequence[Row]:
        return [tuple(row) for row in await self._fetch("SELECT DISTINCT target FROM outbox")]

    async def sum_traffic(self, numbers: Sequence[int], since: int, until: int) -> Sequence[Row]:
        sums = ", ".join(f"sum({name})::bigint" for name in TRAFFIC.columns if name not in TRAFFIC.key)
        statement = (
            f"SELECT number, {sums} FROM traffic "  # noqa: S608 - our own names
            "WHERE number = ANY ($1) AND hour >= $2 AND hour < $3 GROUP BY number"
        )
        return [tuple(row) for row in await self._fetch(statement, numbers, since, until)]

    async def forget(self, what: str, before: float, limit: int, _: Row | None = None) -> tuple[int, Row | None]:
        async with self._reading() as connection:
            return await forget(connection, what, before, limit)

    # How.

    async def _connected(self) -> asyncpg.Connection:
        """Raises LedgerUnavailable: it is a standby that has taken over, and may lack what memory has from before."""
        if self._sender is None or self._sender.is_closed():
            with self.server.translating():
                self._sender = await self._connect()
                found = await identity_of(self._sender)
            if found != self._identity:
                raise LedgerUnavailable(f"The ledger {self.server} is answered for by another server than before.")
        return self._sender

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(self.server.dsn, timeout=CONNECT_S, server_settings=SETTINGS)

    async def _in_time(self, sent: Awaitable[T]) -> T:
        """Its answer. Never cancelled: a cancelled commit may say that all is well. What is late is hung up on."""
        task = asyncio.ensure_future(sent)
        done, _ = await asyncio.wait({task}, timeout=ANSWER_S)
        if not done:
            self._hang_up()
            task.cancel()
            raise TimeoutError
        return task.result()

    def _hang_up(self) -> None:
        if self._sender is not None:
            self._sender.terminate()
            self._sender = None

    async def _fetch(self, statement: str, *given: object) -> list[Any]:
        async with self._reading() as connection:
            rows: list[Any] = await connection.fetch(statement, *given, timeout=ANSWER_S)
            return rows

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Any]:
        if self._pool is None:
            raise LedgerUnavailable(f"The ledger {self.server} is closed.")
        with self.server.translating():
            async with self._pool.acquire(timeout=CONNECT_S) as connection:
                yield connection


async def _tidy(connection: Any) -> None:
    """When a connection goes back to the pool. No statement of ours leaves a setting or a cursor behind, and asyncpg's
    own reset would be one more round trip."""
    if connection.is_in_transaction():
        await connection.reset()
