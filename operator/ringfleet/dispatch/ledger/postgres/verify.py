"""What a PostgreSQL ledger says of itself: the evidence for the check of its laws."""

from __future__ import annotations

from typing import Any

from ringfleet.dispatch.ledger.postgres.connection import Address, connected
from ringfleet.dispatch.ledger.postgres.loading import load
from ringfleet.dispatch.ledger.postgres.migrations import SCHEMA, newest, version_of
from ringfleet.dispatch.ledger.store import Evidence

_OUT = """
SELECT set_id, number, day, sum(CASE WHEN kind IN (1, 5) THEN 1 ELSE -1 END) AS out FROM journal
WHERE kind IN (1, 3, 5, 6) AND counted = 1 GROUP BY set_id, number, day
"""


async def look(address: Address) -> Evidence | tuple[str, ...]:
    """All of it at one moment, so dispatchers may go on meanwhile; or, in sentences, why it can't be looked at.

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
                return await _evidence(connection)


async def _evidence(connection: Any) -> Evidence:
    oldest = await connection.fetchrow("SELECT seq, at FROM journal ORDER BY seq LIMIT 1")
    contacts = await connection.fetch("SELECT DISTINCT set_id, number FROM contact WHERE number IS NOT NULL")
    lost = await connection.fetch("SELECT seq FROM replay WHERE seq NOT IN (SELECT seq FROM journal)")
    return Evidence(
        loaded=await load(connection),
        out={(row[0], row[1], row[2]): row[3] for row in await connection.fetch(_OUT)},
        oldest=tuple(oldest) if oldest else None,
        contacts=[tuple(row) for row in contacts],
        lost_replays=[row[0] for row in lost],
    )
