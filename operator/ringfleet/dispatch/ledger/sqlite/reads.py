"""What is read from a SQLite ledger beside the writer: deferrals, opt-outs, and a set's day at a glance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import apsw

from ringfleet.dispatch.ledger.interface import LONGEST_CALL
from ringfleet.dispatch.ledger.law.member import hour_of
from ringfleet.dispatch.ledger.types import Deferral, Deferrals, Hour, Rollup, Suppression, Tally

_SET = "(SELECT id FROM rotation_set WHERE key = ?1)"


def read_deferrals(connection: apsw.Connection, set_: str, day: int, limit: int) -> Deferrals:
    by_day = _rows(
        connection,
        f"SELECT day, count(*) FROM deferral WHERE set_id = {_SET} AND used = 0 AND day >= ?2 "  # noqa: S608 - a constant
        "GROUP BY day ORDER BY day",
        (set_, day),
    )
    first = _rows(
        connection,
        f"SELECT id, number, day, not_before, since FROM deferral WHERE set_id = {_SET} AND used = 0 "  # noqa: S608
        "AND day >= ?2 ORDER BY not_before, id LIMIT ?3",
        (set_, day, limit),
    )
    return Deferrals(tuple(by_day), tuple(Deferral(f"d{id_}", f"+{number}", *rest) for id_, number, *rest in first))


def read_suppressions(connection: apsw.Connection, scope: str, limit: int, after: bytes) -> tuple[Suppression, ...]:
    rows = connection.execute(
        "SELECT recipient, since, reason, by_word FROM suppression WHERE scope = ? AND recipient > ? "
        "ORDER BY recipient LIMIT ?",
        (scope, after, limit),
    )
    return tuple(Suppression(scope, who, since, reason, bool(by_word)) for who, since, reason, by_word in rows)


def read_rollup(
    connection: apsw.Connection, set_: str, members: Sequence[int], now: float, day: int, days: int
) -> Rollup:
    with connection:
        seats = _by_number(
            connection.execute(f"SELECT number, day, used, last FROM seat WHERE set_id = {_SET}", (set_,))  # noqa: S608
        )
        reserved = dict(
            _rows(
                connection,
                f"SELECT number, count(*) FROM deferral WHERE set_id = {_SET} AND used = 0 AND day >= ?2 "  # noqa: S608
                "GROUP BY number",
                (set_, day),
            )
        )
        deferred = connection.execute(
            f"SELECT count(*) FROM deferral WHERE set_id = {_SET} AND used = 0 AND day >= ?2",  # noqa: S608
            (set_, day),
        ).get
        open_calls = dict(
            _rows(
                connection,
                "SELECT number, count(*) FROM call WHERE ended IS NULL AND ifnull(answered, started) >= ? "
                "GROUP BY number",
                (now - LONGEST_CALL,),
            )
        )
        labels = _by_number(connection.execute("SELECT number, label, labelled, cleared FROM label"))
        hours: dict[int, list[Hour]] = {}
        for number in members:
            rows = connection.execute(
                "SELECT hour, calls, answered, seconds, messages, delivered, failed, received FROM traffic "
                "WHERE number = ? AND hour >= ? ORDER BY hour",
                (number, hour_of(now) - 24 * days),
            )
            hours[number] = [Hour(*counts) for counts in rows]
    tallies = []
    for number in sorted(members):
        on, used, last = seats.get(number, (0, 0, None))
        label, labelled, cleared = labels.get(number, ("", None, None))
        shown = labelled is not None and labelled > (cleared or 0.0)
        tallies.append(
            Tally(
                number=f"+{number}",
                used=used if on >= day else 0,
                reserved=reserved.get(number, 0),
                open_calls=open_calls.get(number, 0),
                last_pick=last or None,
                label=label if shown else None,
                labelled_at=labelled if shown else None,
                cleared_at=None if shown else cleared,
                hours=tuple(hours[number]),
            )
        )
    return Rollup(set_, day, sum(tally.used for tally in tallies), deferred, tuple(tallies))


def _rows(connection: apsw.Connection, statement: str, bindings: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    return connection.execute(statement, bindings).fetchall()


def _by_number(rows: Iterable[tuple[Any, ...]]) -> dict[int, tuple[Any, ...]]:
    return {row[0]: row[1:] for row in rows}
