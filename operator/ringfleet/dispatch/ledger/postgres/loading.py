"""What is read from a PostgreSQL ledger before anything is decided."""

from __future__ import annotations

from typing import Any

from ringfleet.dispatch.ledger.store import Loaded
from ringfleet.dispatch.ledger.tables import (
    CALLS,
    DEFERRALS,
    HASH_KEYS,
    LABELS,
    PICKS,
    ROSTER_MEMBERS,
    ROSTERS,
    SEATS,
    SETS,
    SHARED_USE,
    Row,
    Table,
)

LONGEST = 4 * 3600.0
"""A call that began so long before the latest one has ended, told or not."""
_SINCE = f"(SELECT max(coalesce(answered, started)) - {LONGEST} FROM call WHERE ended IS NULL)"  # noqa: S608 - a constant


async def load(connection: Any) -> Loaded:
    """In a transaction that sees one moment."""
    progress = dict(await connection.fetch("SELECT name, value FROM progress"))
    folded = progress.get("folded", 0)
    return Loaded(
        folded=folded,
        last=await connection.fetchval("SELECT coalesce(max(seq), 0) FROM journal"),
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
    )


async def _all(connection: Any, table: Table, which: str = "") -> list[Row]:
    rows = await connection.fetch(f"SELECT {', '.join(table.columns)} FROM {table.name} {which}")  # noqa: S608
    return [tuple(row) for row in rows]
