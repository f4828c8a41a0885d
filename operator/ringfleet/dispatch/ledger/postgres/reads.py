"""What is read from a PostgreSQL ledger: deferrals, opt-outs, and a set's day at a glance."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ringfleet.dispatch.ledger.types import Deferral, Deferrals, Hour, Rollup, Suppression, Tally

_WAITING = "FROM deferral WHERE set_ = $1 AND NOT used AND day >= $2"

_MEMBERS = """
SELECT m.number, m.last,
  CASE WHEN m.day >= $2 THEN m.used ELSE 0 END AS used,
  (SELECT count(*) FROM deferral AS d
    WHERE d.set_ = $1 AND NOT d.used AND d.day >= $2 AND d.number = m.number) AS reserved,
  open_calls(m.number, $3) AS open_calls,
  l.label, l.labelled, l.cleared, l.shown
FROM member AS m LEFT JOIN label AS l ON l.number = m.number
WHERE m.set_ = $1 AND m.listed ORDER BY m.number
"""

_HOURS = """
SELECT number, hour, calls, answered, seconds, messages, delivered, failed, received
FROM traffic WHERE number = ANY ($1) AND hour >= $2 ORDER BY number, hour
"""


async def read_deferrals(connection: Any, set_: str, day: int, limit: int) -> Deferrals:
    by_day = await connection.fetch(f"SELECT day, count(*) {_WAITING} GROUP BY day ORDER BY day", set_, day)
    first = await connection.fetch(
        f"SELECT id, number, day, not_before, since {_WAITING} ORDER BY not_before, id LIMIT $3", set_, day, limit
    )
    return Deferrals(
        tuple((day, count) for day, count in by_day),
        tuple(Deferral(f"d{id_}", f"+{number}", *rest) for id_, number, *rest in first),
    )


async def read_suppressions(connection: Any, scope: str, limit: int, after: bytes) -> tuple[Suppression, ...]:
    rows = await connection.fetch(
        "SELECT recipient, since, reason, by_word FROM suppression WHERE scope = $1 AND recipient > $2 "
        "ORDER BY recipient LIMIT $3",
        scope,
        after,
        limit,
    )
    return tuple(Suppression(scope, *row) for row in rows)


async def read_rollup(connection: Any, set_: str, now: float, day: int, days: int) -> Rollup:
    members = await connection.fetch(_MEMBERS, set_, day, now)
    deferred = await connection.fetchval(f"SELECT count(*) {_WAITING}", set_, day)
    hours: dict[int, list[Hour]] = defaultdict(list)
    first_hour = int(now // 3600) - 24 * days
    for number, *counts in await connection.fetch(_HOURS, [row["number"] for row in members], first_hour):
        hours[number].append(Hour(*counts))
    tallies = tuple(_tally(row, tuple(hours[row["number"]])) for row in members)
    return Rollup(set_, day, sum(tally.used for tally in tallies), deferred, tallies)


def _tally(row: Any, hours: tuple[Hour, ...]) -> Tally:
    shown = bool(row["shown"])
    return Tally(
        number=f"+{row['number']}",
        used=row["used"],
        reserved=row["reserved"],
        open_calls=row["open_calls"],
        last_pick=row["last"] or None,
        label=row["label"] if shown else None,
        labelled_at=row["labelled"] if shown else None,
        cleared_at=None if shown else row["cleared"],
        hours=hours,
    )
