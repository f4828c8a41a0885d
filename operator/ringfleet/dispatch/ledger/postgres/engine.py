"""The ledger in PostgreSQL: a pool of connections, and one statement for each question."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import asyncpg
import msgspec

from ringfleet.dispatch.ledger.interface import LedgerUnavailable
from ringfleet.dispatch.ledger.postgres.connection import CONNECT_S, STATEMENT_S, Address
from ringfleet.dispatch.ledger.postgres.left import Left
from ringfleet.dispatch.ledger.postgres.maintenance import forget
from ringfleet.dispatch.ledger.postgres.migrations import SCHEMA, migrate, refuse_other_version
from ringfleet.dispatch.ledger.postgres.reads import read_deferrals, read_rollup, read_suppressions
from ringfleet.dispatch.ledger.types import (
    Ask,
    Deferrals,
    Deferred,
    Exhausted,
    GivenBack,
    Heard,
    KeyReused,
    NoNumber,
    Picked,
    Quiet,
    Rollup,
    Roster,
    Suppressed,
    Suppression,
    TooOften,
    UnknownDeferral,
    Verdict,
)
from ringfleet.model.rotation import StickyMode
from ringfleet.model.traffic import Direction, Happening

SETTINGS = {
    "application_name": "ringfleet",
    "search_path": SCHEMA,
    "statement_timeout": f"{STATEMENT_S * 1000:.0f}",
    "idle_in_transaction_session_timeout": f"{STATEMENT_S * 1000:.0f}",
    # What is answered is on disk, whatever the server's own setting is.
    "synchronous_commit": "on",
    # Planned once a connection: planning takes longer than what is planned.
    "plan_cache_mode": "force_generic_plan",
    # A plan that is made while a table is empty would read all of it for ever; there is an index for each question.
    "enable_seqscan": "off",
    "jit": "off",
}
_ASK = f"SELECT kind, answer, counted FROM pick({', '.join(f'${n}' for n in range(1, 26))})"  # noqa: S608 - numbers
_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    verdict.__name__: msgspec.json.Decoder(verdict)
    for verdict in (Picked, Deferred, Suppressed, Quiet, TooOften, Exhausted, NoNumber, KeyReused, UnknownDeferral)
}
_LABELS = frozenset({Happening.NUMBER_LABELLED, Happening.NUMBER_CLEARED})
_STICKY_WORDS = {StickyMode.PREFER: "prefer", StickyMode.STRICT: "strict", StickyMode.NONE: "off"}
"""The words of 0002_pick.sql: a migration is never edited, whatever a RotationSet calls its modes."""
_encode = msgspec.json.Encoder().encode


class PostgresLedger:
    """A ledger in the database that `dsn` names; see `ledger.Ledger`. `migrates`: a schema that is missing or old is
    brought up to date when the ledger is opened; else it is refused. `connections`: so many questions at once, at most.
    """

    def __init__(self, dsn: str, *, migrates: bool = False, connections: int = 8) -> None:
        self.address = Address(dsn)
        self._migrates = migrates
        self._connections = connections
        self._pool: asyncpg.Pool | None = None
        self._left = Left()

    async def __aenter__(self) -> PostgresLedger:
        """Raises LedgerUnavailable: it can't be reached, or its schema is not ours."""
        if self._migrates:
            await migrate(self.address)
        with self.address.translating():
            self._pool = await asyncpg.create_pool(
                self.address.dsn,
                min_size=1,
                max_size=self._connections,
                timeout=CONNECT_S,
                command_timeout=STATEMENT_S,
                server_settings=SETTINGS,
                reset=_tidy,
            )
        try:
            async with self._connection() as connection:
                await refuse_other_version(connection, self.address)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    # What is written.

    async def enlist(self, roster: Roster) -> None:
        self._left.forget(roster.set)
        members = [asdict(one) | {"number": _digits(one.number)} for one in roster.members]
        await self._value("SELECT enlist($1, $2, $3)", roster.set, roster.day, _encode(members).decode())

    async def pick(self, ask: Ask) -> Verdict:
        left = self._left.take(ask)
        asked = (*_arguments(ask), left)
        try:
            kind, answer, counted = await self._decide(ask, *asked, False)
            if kind == "Contended":
                kind, answer, counted = await self._decide(ask, *asked, True)
        except BaseException:
            self._left.forget(ask.set)
            raise
        verdict: Verdict = _DECODERS[kind].decode(answer)
        if isinstance(verdict, Deferred):
            self._left.forget(ask.set)
        self._left.learn(ask, left, verdict.remaining if counted and isinstance(verdict, Picked) else None)
        return verdict

    async def give_back(self, set_: str, pick: str, day: int) -> GivenBack:
        self._left.forget(set_)
        return GivenBack(await self._value("SELECT give_back($1, $2, $3)", set_, _parse_id(pick, "p"), day))

    async def suppress(self, entries: Sequence[Suppression]) -> int:
        rows = ((one.scope, one.recipient, one.since, one.reason, one.by_word) for one in entries)
        columns = zip(*rows, strict=True)
        return await self._count("SELECT suppress($1, $2, $3, $4, $5)", *columns) if entries else 0

    async def allow(self, scope: str, recipients: Sequence[bytes]) -> int:
        return await self._count("SELECT allow($1, $2)", scope, recipients)

    async def ingest(self, heard: Sequence[Heard]) -> int:
        if any(one.event.happening in _LABELS for one in heard):
            self._left.forget()
        return await self._count("SELECT ingest($1)", _encode([_event(one) for one in heard]).decode())

    async def prune(self, now: float, contacts_before: float) -> int:
        async with self._connection() as connection:
            return await forget(connection, now, contacts_before)

    # What is read.

    async def deferrals(self, set_: str, day: int, limit: int = 100) -> Deferrals:
        async with self._snapshot() as connection:
            return await read_deferrals(connection, set_, day, limit)

    async def suppressions(self, scope: str, limit: int = 100, after: bytes = b"") -> tuple[Suppression, ...]:
        async with self._snapshot() as connection:
            return await read_suppressions(connection, scope, limit, after)

    async def rollup(self, set_: str, now: float, day: int, days: int = 30) -> Rollup:
        async with self._snapshot() as connection:
            return await read_rollup(connection, set_, now, day, days)

    # How.

    async def _decide(self, ask: Ask, *asked: object) -> tuple[str, str, bool]:
        """One pick; of a dry run, what it would have been: it is rolled back."""
        async with self._connection() as connection:
            if not ask.dry_run:
                return tuple(await connection.fetchrow(_ASK, *asked))
            trial = connection.transaction()
            await trial.start()
            try:
                kind, answer, counted = await connection.fetchrow(_ASK, *asked)
            finally:
                await trial.rollback()
        return kind, _without_id(answer), counted

    async def _value(self, statement: str, *arguments: object) -> Any:
        async with self._connection() as connection:
            return await connection.fetchval(statement, *arguments)

    async def _count(self, statement: str, *arguments: object) -> int:
        return int(await self._value(statement, *arguments))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        if self._pool is None:
            raise LedgerUnavailable(f"The ledger {self.address} is closed.")
        with self.address.translating():
            async with self._pool.acquire(timeout=CONNECT_S) as connection:
                yield connection

    @asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[Any]:
        """For several looks at one moment."""
        async with self._connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection


async def _tidy(connection: Any) -> None:
    """When a connection goes back to the pool. No statement of ours leaves a setting or a cursor behind, and asyncpg's
    own reset would be one more round trip a pick."""
    if connection.is_in_transaction():
        await connection.reset()


def _arguments(ask: Ask) -> tuple[object, ...]:
    """Those of `pick` in 0002_pick.sql, but for the last. A dry run is never a replay."""
    contacts, window = ask.frequency or (None, None)
    return (
        ask.set,
        ask.recipient,
        ask.known_as,
        ask.now,
        ask.day,
        ask.tomorrow,
        ask.hour_ends,
        ask.tiers,
        ask.scopes,
        ask.account,
        None if ask.dry_run else ask.key,
        ask.fingerprint,
        ask.reply,
        _STICKY_WORDS[ask.mode],
        ask.sticky_ttl,
        ask.max_wait,
        contacts,
        window,
        ask.defers,
        ask.deferral is not None,
        _parse_id(ask.deferral or "", "d"),
        ask.horizon,
        ask.quiet_until,
    )


def _event(one: Heard) -> dict[str, object]:
    """As `ingest` in 0004_events.sql reads it. What the peer is, and what was said, goes nowhere."""
    event = one.event
    return {
        "account": one.account,
        "id": event.id,
        "what": event.happening.value,
        "at": event.at.timestamp(),
        "number": _digits(event.number),
        "subject": event.subject,
        "outbound": event.direction is Direction.OUTBOUND,
        "label": event.label or "",
        "pick": _parse_id(event.pick or "", "p"),
        "opt_outs": [
            {
                "scope": out.scope,
                "recipient": out.recipient.hex(),
                "since": out.since,
                "reason": out.reason,
                "by_word": out.by_word,
            }
            for out in one.opt_outs
        ],
        "opt_ins": [{"scope": back.scope, "recipient": back.recipient.hex(), "at": back.at} for back in one.opt_ins],
    }


def _without_id(answer: str) -> str:
    fields = msgspec.json.decode(answer)
    return _encode(fields | {"id": ""} if "id" in fields else fields).decode()


def _digits(number: str) -> int:
    return int(number[1:])


_ID = re.compile(r"([pd])([0-9]{1,17})")


def _parse_id(text: str, letter: str) -> int | None:
    found = _ID.fullmatch(text)
    return int(found[2]) if found and found[1] == letter else None
