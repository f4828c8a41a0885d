"""What is read from a PostgreSQL ledger before anything is decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringfleet.dispatch.ledger.store import Loaded, Moved
from ringfleet.dispatch.ledger.tables import (
    ACTIVITY,
    CALLS,
    DEFERRALS,
    HASH_KEYS,
    LABELS,
    LEGS,
    PICKS,
    ROSTER_MEMBERS,
    ROSTERS,
    SEATS,
    SESSIONS,
    SETS,
    SHARED_USE,
    Row,
    Table,
)

LONGEST = 4 * 3600.0
"""A call that began so long before the latest one has ended, told or not."""
_SINCE = f"(SELECT max(coalesce(answered, started)) - {LONGEST} FROM call WHERE ended IS NULL)"  # noqa: S608 - a constant

_IDENTITY = """
SELECT (SELECT system_identifier FROM pg_control_system()) AS system,
  (SELECT oid::bigint FROM pg_namespace WHERE nspname = current_schema()) AS schema,
  ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint AS timeline
"""
"""A dump that is read in again makes another schema, in another cluster perhaps; a standby that takes over begins
another timeline, by which the files of its log are named. What `pg_control_checkpoint` tells is that of the last
checkpoint: minutes after the standby has taken over it is still the old one."""


async def identity_of(connection: Any) -> dict[str, int]:
    """Which server it is, which schema of it, and on which timeline."""
    return dict(await connection.fetchrow(_IDENTITY))


async def load(connection: Any) -> Loaded:
    """In a transaction that sees one moment."""
    progress = dict(await connection.fetch("SELECT name, value FROM progress"))
    folded = progress.get("folded", 0)
    identity = await identity_of(connection)
    known = {name: progress[name] for name in identity if name in progress}
    return Loaded(
        folded=folded,
        last=max(await connection.fetchval("SELECT coalesce(max(seq), 0) FROM journal"), progress.get("seq", 0)),
        wishes=progress.get("wishes", 0),
        sets=await _all(connection, SETS),
        rosters=await _all(connection, ROSTERS),
        roster_members=await _all(connection, ROSTER_MEMBERS),
        seats=await _all(connection, SEATS),
        deferrals=await _all(connection, DEFERRALS, "WHERE used = 0"),
        calls=await _all(connection, CALLS, f"WHERE ended IS NULL AND coalesce(answered, started) >= {_SINCE}"),
        labels=await _all(connection, LABELS),
        tail=await _all(connection, PICKS, f"WHERE seq > {folded} ORDER BY seq"),
        shared_use=await _all(connection, SHARED_USE),
        hash_keys=await _all(connection, HASH_KEYS),
        moved=_moved(known, identity),
        identity=identity,
        known_identity=known,
        unsure=progress.get("unsure", 0),
        mark=progress.get("mark", 0),
        epoch=progress.get("epoch", 0),
        activity=await _all(connection, ACTIVITY),
        sessions=await _all(connection, SESSIONS),
        legs=await _all(connection, LEGS),
        posted=await connection.fetchval("SELECT coalesce(max(id), 0) FROM outbox"),
    )


def _moved(known: Mapping[str, int], identity: Mapping[str, int]) -> Moved:
    if any(known.get(name, identity[name]) != identity[name] for name in ("system", "schema")):
        return Moved.RESTORED
    return Moved.FAILED_OVER if known.get("timeline", identity["timeline"]) != identity["timeline"] else Moved.NOT


async def _all(connection: Any, table: Table, which: str = "") -> list[Row]:
    rows = await connection.fetch(f"SELECT {', '.join(table.columns)} FROM {table.name} {which}")  # noqa: S608
    return [tuple(row) for row in rows]
