"""What a PostgreSQL ledger forgets: in small transactions, passing over what is in use, one dispatcher at a time."""

from __future__ import annotations

from typing import Any

from ringfleet.dispatch.ledger.interface import KEPT

KEPT_LONG = 35 * 86400.0
"""Seconds for which picks and events are kept."""
AT_ONCE = 5_000
_LOCK = 1382311504


async def forget(connection: Any, now: float, contacts_before: float) -> int:
    """Returns how many rows went; 0, too, when another dispatcher is at it."""
    if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
        return 0
    try:
        long_ago = now - KEPT_LONG
        gone = 0
        for table, old, moment in (
            ("replay", "at < $1", now - KEPT),
            ("pick", "at < $1", long_ago),
            ("event", "at < $1", long_ago),
            ("call", "coalesce(ended, answered, started) < $1", long_ago),
            ("traffic", "hour < $1", long_ago // 3600),
            ("deferral", "not_before < $1", now - 2 * 86400.0),
            ("contact", "last < $1", contacts_before),
            ("member", "NOT listed AND last < $1", long_ago),
        ):
            gone += await _forget_rows(connection, table, old, moment)
        return gone
    finally:
        await connection.fetchval("SELECT pg_advisory_unlock($1)", _LOCK)


async def _forget_rows(connection: Any, table: str, old: str, moment: float) -> int:
    """Never waits for a row, so that nobody waits in a circle; what was passed over is old the next time, too."""
    statement = (
        f"DELETE FROM {table} WHERE ctid = ANY (ARRAY("  # noqa: S608 - the constants above
        f"SELECT ctid FROM {table} WHERE {old} LIMIT {AT_ONCE} FOR UPDATE SKIP LOCKED))"
    )
    gone = 0
    while True:
        deleted = int((await connection.execute(statement, moment)).rpartition(" ")[2])
        gone += deleted
        if deleted < AT_ONCE:
            return gone
