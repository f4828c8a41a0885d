"""What a person says of a PostgreSQL ledger that was restored."""

from __future__ import annotations

from ringfleet.dispatch.ledger.postgres.connection import Address, connected
from ringfleet.dispatch.ledger.postgres.migrations import SCHEMA, refuse_other_version

_ACCEPT = "UPDATE progress SET value = 0 WHERE name = 'unsure' AND value > 0"
_DEPOSE = "UPDATE owner SET token = gen_random_uuid(), beat = '-infinity'"
"""Whoever owns it loads it anew."""


async def accept_counts(address: Address) -> bool:
    """What it has counted today is right. False: it was not restored, or nobody has opened it since.

    Raises:
        LedgerUnavailable: it can't be reached or changed, or is of another schema.
    """
    with address.translating():
        async with connected(address) as connection:
            await refuse_other_version(connection, address)
            async with connection.transaction():
                await connection.execute(f"SET LOCAL search_path TO {SCHEMA}")
                accepted = await connection.execute(_ACCEPT)
                await connection.execute(_DEPOSE)
    return not accepted.endswith(" 0")
