"""All opt-outs of a PostgreSQL ledger, read while it may be in use."""

from __future__ import annotations

from collections.abc import Sequence

from ringfleet.dispatch.ledger.postgres.connection import Address, connected
from ringfleet.dispatch.ledger.postgres.migrations import SCHEMA, refuse_other_version
from ringfleet.dispatch.ledger.tables import HASH_KEYS, SUPPRESSIONS, Row


async def read_opt_outs(address: Address) -> tuple[Sequence[Row], Sequence[Row]]:
    """The rows of SUPPRESSIONS and HASH_KEYS at one moment.

    Raises:
        LedgerUnavailable: it can't be reached or read, or is of another schema.
    """
    with address.translating():
        async with connected(address) as connection:
            await refuse_other_version(connection, address)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await connection.execute(f"SET LOCAL search_path TO {SCHEMA}")
                found = [
                    await connection.fetch(f"SELECT {', '.join(table.columns)} FROM {table.name}")  # noqa: S608 - our own
                    for table in (SUPPRESSIONS, HASH_KEYS)
                ]
    rows, keys = ([tuple(row) for row in of_table] for of_table in found)
    return rows, keys
