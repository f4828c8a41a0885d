"""What is read from a SQLite ledger before anything is decided."""

from __future__ import annotations

import apsw

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
_SINCE = f"(SELECT max(ifnull(answered, started)) - {LONGEST} FROM call WHERE ended IS NULL)"  # noqa: S608 - a constant

_MOVED = {0: Moved.NOT, 1: Moved.RESTORED, 2: Moved.FAILED_OVER}
"""By what `back_up` writes into every copy; 2: a person has said that its counts are right."""


def load(connection: apsw.Connection) -> Loaded:
    """All of it at one moment."""
    connection.execute("SAVEPOINT look")
    try:
        return _load(connection)
    finally:
        connection.execute("RELEASE look")


def _load(connection: apsw.Connection) -> Loaded:
    progress = dict(connection.execute("SELECT name, value FROM progress"))
    folded = progress.get("folded", 0)
    last: int = connection.execute("SELECT ifnull(max(seq), 0) FROM journal").get
    restored = progress.get("restored", 0)
    return Loaded(
        folded=folded,
        last=max(last, progress.get("seq", 0)),
        wishes=0,
        sets=_all(connection, SETS),
        rosters=_all(connection, ROSTERS),
        roster_members=_all(connection, ROSTER_MEMBERS),
        seats=_all(connection, SEATS),
        deferrals=_all(connection, DEFERRALS, "WHERE used = 0"),
        calls=_all(connection, CALLS, f"WHERE ended IS NULL AND ifnull(answered, started) >= {_SINCE}"),
        labels=_all(connection, LABELS),
        tail=_all(connection, PICKS, f"WHERE seq > {folded} ORDER BY seq"),
        shared_use=_all(connection, SHARED_USE),
        hash_keys=_all(connection, HASH_KEYS),
        moved=_MOVED[restored],
        unsure=progress.get("unsure", 0),
        mark=progress.get("mark", 0),
        epoch=progress.get("epoch", 0),
        activity=_all(connection, ACTIVITY),
        sessions=_all(connection, SESSIONS),
        legs=_all(connection, LEGS),
        posted=connection.execute("SELECT ifnull(max(id), 0) FROM outbox").get,
    )


def _all(connection: apsw.Connection, table: Table, which: str = "") -> list[Row]:
    return connection.execute(f"SELECT {', '.join(table.columns)} FROM {table.name} {which}").fetchall()  # noqa: S608
