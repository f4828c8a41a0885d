"""What a PostgreSQL ledger lets go of by age, some rows at a time.

The last entry of the journal and its number stay, so that no id is given twice. It never waits for a row.
"""

from __future__ import annotations

from typing import Any

from ringfleet.dispatch.ledger.tables import Row

_OLD = {
    "replay": (
        "SELECT ctid FROM replay WHERE key IN (SELECT key FROM (SELECT r.key, j.at FROM replay r LEFT JOIN journal j "
        "USING (seq) ORDER BY r.seq LIMIT $2) AS oldest WHERE coalesce(at, 0) <= $1)"
    ),
    "journal": (
        "SELECT ctid FROM journal WHERE seq IN (SELECT seq FROM (SELECT seq, at FROM journal ORDER BY seq LIMIT $2) "
        "AS oldest WHERE at < $1) AND seq < (SELECT max(seq) FROM journal)"
    ),
    "event": "SELECT ctid FROM event WHERE at < $1 LIMIT $2",
    "call": "SELECT ctid FROM call WHERE coalesce(ended, answered, started) < $1 LIMIT $2",
    "traffic": "SELECT ctid FROM traffic WHERE hour < $1 ORDER BY hour LIMIT $2",
    "shared_use": "SELECT ctid FROM shared_use WHERE at < $1 ORDER BY at LIMIT $2",
    "unclear": "SELECT ctid FROM unclear WHERE at < $1 ORDER BY at LIMIT $2",
    "heard": "SELECT ctid FROM heard WHERE at < $1 ORDER BY at LIMIT $2",
    "proxy_interaction": "SELECT ctid FROM proxy_interaction WHERE at < $1 ORDER BY at LIMIT $2",
    "proxy_replay": "SELECT ctid FROM proxy_replay WHERE at < $1 ORDER BY at LIMIT $2",
    "outbox": "SELECT ctid FROM outbox WHERE at < $1 ORDER BY id LIMIT $2",
    "deferral": "SELECT ctid FROM deferral WHERE not_before < $1 ORDER BY not_before LIMIT $2",
    "wish": "SELECT ctid FROM wish WHERE number < $1 LIMIT $2",
    "contact": "SELECT ctid FROM contact WHERE last < $1 ORDER BY last LIMIT $2",
}


async def forget(connection: Any, what: str, before: float, limit: int) -> tuple[int, Row | None]:
    """See `Store.forget`."""
    statement = f"DELETE FROM {what} WHERE ctid = ANY (ARRAY({_OLD[what]} FOR UPDATE SKIP LOCKED))"  # noqa: S608
    done = await connection.execute(statement, before, limit)
    gone = int(done.rpartition(" ")[2])
    return gone, (gone,) if gone else None
