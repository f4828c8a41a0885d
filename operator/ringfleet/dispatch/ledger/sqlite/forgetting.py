"""What a SQLite ledger lets go of by age, some rows at a time.

Rows in the order of their coming are looked at from the oldest on, until none of those looked at is old. The last entry
of the journal and the last deferral stay, so that no id is given twice.
"""

from __future__ import annotations

import apsw

from ringfleet.dispatch.ledger.tables import Row

_STATEMENTS = {
    "replay": (
        "DELETE FROM replay WHERE key IN (SELECT key FROM (SELECT key, at FROM replay LEFT JOIN journal USING (seq) "
        "ORDER BY replay.seq LIMIT ?1) WHERE ifnull(at, 0) <= ?2)"
    ),
    "journal": (
        "DELETE FROM journal WHERE seq IN (SELECT seq FROM (SELECT seq, at FROM journal ORDER BY seq LIMIT ?1) "
        "WHERE at < ?2) AND seq < (SELECT max(seq) FROM journal)"
    ),
    "event": (
        "DELETE FROM event WHERE rowid IN "
        "(SELECT rowid FROM (SELECT rowid, at FROM event ORDER BY rowid LIMIT ?1) WHERE at < ?2)"
    ),
    "call": (
        "DELETE FROM call WHERE rowid IN (SELECT rowid FROM (SELECT rowid, * FROM call ORDER BY rowid LIMIT ?1) "
        "WHERE coalesce(ended, answered, started) < ?2)"
    ),
    "traffic": (
        "DELETE FROM traffic WHERE (number, hour) IN "
        "(SELECT number, hour FROM traffic WHERE hour < ?2 ORDER BY hour LIMIT ?1)"
    ),
    "unclear": (
        "DELETE FROM unclear WHERE (set_key, account, event) IN "
        "(SELECT set_key, account, event FROM unclear WHERE at < ?2 ORDER BY at LIMIT ?1)"
    ),
    "shared_use": (
        "DELETE FROM shared_use WHERE (name, at) IN "
        "(SELECT name, at FROM shared_use WHERE at < ?2 ORDER BY at LIMIT ?1)"
    ),
    "heard": (
        "DELETE FROM heard WHERE (recipient, number) IN "
        "(SELECT recipient, number FROM heard WHERE at < ?2 ORDER BY at LIMIT ?1)"
    ),
    "proxy_interaction": (
        "DELETE FROM proxy_interaction WHERE id IN "
        "(SELECT id FROM proxy_interaction WHERE at < ?2 ORDER BY at LIMIT ?1)"
    ),
    "proxy_replay": (
        "DELETE FROM proxy_replay WHERE key IN (SELECT key FROM proxy_replay WHERE at < ?2 ORDER BY at LIMIT ?1)"
    ),
    "outbox": "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE at < ?2 ORDER BY id LIMIT ?1)",
    "deferral": (
        "DELETE FROM deferral WHERE id IN (SELECT id FROM deferral WHERE not_before < ?2 ORDER BY not_before LIMIT ?1)"
    ),
}
BEGINNING: Row = (0, b"")


def forget(
    connection: apsw.Connection, what: str, before: float, limit: int, after: Row | None
) -> tuple[int, Row | None]:
    """See `Store.forget`."""
    if what == "wish":
        return 0, None  # a file has one process: there are none
    if what == "contact":
        return _forget_contacts(connection, before, limit, after or BEGINNING)
    connection.execute(_STATEMENTS[what], (limit, before))
    gone = connection.changes()
    return gone, BEGINNING if gone else None


def _forget_contacts(connection: apsw.Connection, before: float, limit: int, after: Row) -> tuple[int, Row | None]:
    """They are in no order of age, so all are looked at."""
    rows: list[Row] = connection.execute(
        "SELECT set_id, recipient, last FROM contact WHERE (set_id, recipient) > (?, ?) "
        "ORDER BY set_id, recipient LIMIT ?",
        (*after, limit),
    ).fetchall()
    old = [row[:2] for row in rows if row[2] < before]
    with connection:
        connection.executemany("DELETE FROM contact WHERE set_id = ? AND recipient = ?", old)
    return len(old), rows[-1][:2] if rows else None
