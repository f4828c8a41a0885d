"""Whether a PostgreSQL ledger keeps its own laws: each is a query for what breaks it.

All see the database at one moment, so dispatchers may go on meanwhile. That no recipient has two rows, and no key two
answers, is the tables' own doing.
"""

from __future__ import annotations

from typing import Any

from ringfleet.dispatch.ledger.postgres.connection import Address, connected
from ringfleet.dispatch.ledger.postgres.migrations import SCHEMA, newest, version_of

FIRST = 5
"""So many findings of a law are told one by one."""

_LAWS = (
    # Of a set's newest day, and where picks were forgotten, not of the days that were forgotten with them.
    (
        "number +{} of {}: {} counted as used on its last day, and {} picks of that day are out",
        """WITH picked AS (
             SELECT set_, number, day, count(*) AS out FROM pick WHERE counted AND state <> 1 GROUP BY set_, number, day
           ), kept AS (SELECT CASE WHEN min(id) > 1 THEN min(at) + 2 * 86400 ELSE 0 END AS since FROM pick)
           SELECT m.number, m.set_, m.used, coalesce(p.out, 0) FROM member m CROSS JOIN kept
           LEFT JOIN picked p ON p.set_ = m.set_ AND p.number = m.number AND p.day = m.day
           WHERE m.day = (SELECT max(day) FROM member n WHERE n.set_ = m.set_)
             AND m.used <> coalesce(p.out, 0) AND m.last >= kept.since ORDER BY 2, 1""",
    ),
    # Of days that are not over: what was put aside for others is free again, and forgotten.
    (
        "number +{} of {}: room for {} is put aside on day {}, and {} are put off to it",
        """WITH aside AS (
             SELECT set_, number, key::integer AS on_day, value::integer AS room FROM member, jsonb_each_text(booked)
           ), waiting AS (
             SELECT set_, number, day AS on_day, count(*)::integer AS room FROM deferral WHERE NOT used
             GROUP BY set_, number, day
           )
           SELECT number, set_, coalesce(a.room, 0), on_day, coalesce(w.room, 0)
           FROM aside a FULL JOIN waiting w USING (set_, number, on_day) JOIN roster r USING (set_)
           WHERE coalesce(a.room, 0) <> coalesce(w.room, 0) AND on_day >= r.day ORDER BY 2, 1, 4""",
    ),
)


async def verify(address: Address) -> tuple[str, ...]:
    """What is wrong with the ledger, in sentences; empty when nothing is.

    Raises:
        LedgerUnavailable: it can't be reached or read.
    """
    with address.translating():
        async with connected(address) as connection:
            version = await version_of(connection)
            if version != newest():
                return (f"the schema is {version}, and this program knows {newest()}: run `ringfleet ledger migrate`",)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await connection.execute(f"SET LOCAL search_path TO {SCHEMA}")
                return tuple([sentence for law in _LAWS for sentence in await _broken(connection, *law)])


async def _broken(connection: Any, sentence: str, query: str) -> list[str]:
    rows = await connection.fetch(query)
    found = [sentence.format(*row) for row in rows[:FIRST]]
    return [*found, f"... and {len(rows) - FIRST} more of the kind"] if len(rows) > FIRST else found
