"""What a SQLite ledger says of itself: SQLite's check of the file, and the evidence for the check of its laws."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw

from ringfleet.dispatch.ledger.sqlite.file import SCHEMAS, look_into, translating
from ringfleet.dispatch.ledger.sqlite.loading import load
from ringfleet.dispatch.ledger.store import Evidence
from ringfleet.dispatch.ledger.tables import Row


def look(path: Path) -> Evidence | tuple[str, ...]:
    """All of it at one moment, so a dispatcher may go on meanwhile; or, in sentences, why it can't be looked at.

    Raises:
        LedgerUnavailable: it can't be read.
    """
    with translating(path), closing(look_into(path)) as connection:
        connection.execute("BEGIN")
        version = connection.execute("PRAGMA user_version").get
        if version != len(SCHEMAS):
            return (f"the schema is {version}, and this program knows {len(SCHEMAS)}: run `ringfleet ledger migrate`",)
        broken = [text for (text,) in connection.execute("PRAGMA integrity_check") if text != "ok"]
        return tuple(broken) or _evidence(connection)


def _evidence(connection: apsw.Connection) -> Evidence:
    out = connection.execute(
        "SELECT set_id, number, day, sum(iif(kind IN (1, 5), 1, -1)) FROM journal "
        "WHERE kind IN (1, 3, 5, 6) AND counted = 1 GROUP BY set_id, number, day"
    )
    oldest: list[Row] = connection.execute("SELECT seq, at FROM journal ORDER BY seq LIMIT 1").fetchall()
    contacts: list[Row] = connection.execute(
        "SELECT DISTINCT set_id, number FROM contact WHERE number IS NOT NULL"
    ).fetchall()
    lost: list[Row] = connection.execute("SELECT seq FROM replay WHERE seq NOT IN (SELECT seq FROM journal)").fetchall()
    return Evidence(
        loaded=load(connection),
        out={(set_id, number, day): picks for set_id, number, day, picks in out},
        oldest=(oldest[0][0], oldest[0][1]) if oldest else None,
        contacts=[(set_id, number) for set_id, number in contacts],
        lost_replays=[seq for (seq,) in lost],
    )
