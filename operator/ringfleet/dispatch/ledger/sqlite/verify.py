"""Whether a SQLite ledger keeps its own laws: SQLite's check of the file, and then each of ours as a query for what
breaks it. All see the file at one moment, so a dispatcher may go on meanwhile.

That no recipient has two rows, and no key two answers, is the tables' own doing. Room is counted from the deferrals
themselves.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw

from ringfleet.dispatch.ledger.sqlite.file import SCHEMAS, look_into, translating

FIRST = 5
"""So many findings of a law are told one by one."""

_LAWS = (
    # Of a set's newest day, and where picks were forgotten, not of the days that were forgotten with them.
    (
        "number +{} of {}: {} counted as used on its last day, and {} picks of that day are out",
        """WITH picked AS MATERIALIZED (
             SELECT set_id, number, day, count(*) AS out FROM pick WHERE counted = 1 AND state != 1
             GROUP BY set_id, number, day
           ), kept AS (SELECT iif(min(id) > 1, min(at) + 2 * 86400, 0) AS since FROM pick)
           SELECT s.number, r.key, s.used, ifnull(p.out, 0) FROM seat s JOIN rotation_set r ON r.id = s.set_id
           JOIN kept LEFT JOIN picked p ON p.set_id = s.set_id AND p.number = s.number AND p.day = s.day
           WHERE s.day = (SELECT max(day) FROM seat t WHERE t.set_id = s.set_id)
             AND s.used != ifnull(p.out, 0) AND s.last >= since""",
    ),
    (
        "pick p{} of number +{} in {}: the number has no counts",
        """SELECT p.id, p.number, r.key FROM pick p JOIN rotation_set r ON r.id = p.set_id
           LEFT JOIN seat s ON s.set_id = p.set_id AND s.number = p.number WHERE s.number IS NULL""",
    ),
    (
        "a recipient of {} has the number +{}, which was never in it",
        """SELECT r.key, c.number FROM contact c JOIN rotation_set r ON r.id = c.set_id
           LEFT JOIN seat s ON s.set_id = c.set_id AND s.number = c.number
           WHERE c.number IS NOT NULL AND s.number IS NULL""",
    ),
    (
        "deferral d{} of {} reserves room on the number +{}, which was never in it",
        """SELECT d.id, r.key, d.number FROM deferral d JOIN rotation_set r ON r.id = d.set_id
           LEFT JOIN seat s ON s.set_id = d.set_id AND s.number = d.number WHERE s.number IS NULL""",
    ),
    (
        "a key is answered by the answer {}, which is not there or is another key's",
        """SELECT replay.answer FROM replay LEFT JOIN answer ON answer.id = replay.answer
           WHERE answer.key IS NOT replay.key""",
    ),
    (
        "answer {} is found by no key",
        "SELECT id FROM answer WHERE key NOT IN (SELECT key FROM replay)",
    ),
    (
        "{} {} belongs to no set",
        """SELECT 'pick', id FROM pick WHERE set_id NOT IN (SELECT id FROM rotation_set)
        UNION ALL SELECT 'deferral', id FROM deferral WHERE set_id NOT IN (SELECT id FROM rotation_set)""",
    ),
)


def verify(path: Path) -> tuple[str, ...]:
    """What is wrong with the ledger, in sentences; empty when nothing is.

    Raises:
        LedgerUnavailable: it can't be read.
    """
    with translating(path), closing(look_into(path)) as connection:
        connection.execute("BEGIN")
        return _look(connection)


def _look(connection: apsw.Connection) -> tuple[str, ...]:
    version = connection.execute("PRAGMA user_version").get
    if version != len(SCHEMAS):
        return (f"the schema is {version}, and this program knows {len(SCHEMAS)}: run `ringfleet ledger migrate`",)
    broken = [text for (text,) in connection.execute("PRAGMA integrity_check") if text != "ok"]
    return tuple(broken) or tuple(_broken_laws(connection))


def _broken_laws(connection: apsw.Connection) -> list[str]:
    found: list[str] = []
    for sentence, query in _LAWS:
        rows = connection.execute(query).fetchall()
        found += [sentence.format(*row) for row in rows[:FIRST]]
        if len(rows) > FIRST:
            found.append(f"... and {len(rows) - FIRST} more of the kind")
    return found
