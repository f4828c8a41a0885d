"""The schema of a PostgreSQL ledger, and how it comes from one version to the next.

A migration is a file beside this one whose name begins with its number, such as `0001_schema.sql`. Each runs once, in
its number's order, in one transaction for all that are missing, under an advisory lock: of several dispatchers that
start at the same time, one migrates and the others find it done. A released file is never changed; what is to be
different goes into a new one.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ringfleet.dispatch.ledger.interface import LedgerUnavailable
from ringfleet.dispatch.ledger.postgres.answers import copy_answers
from ringfleet.dispatch.ledger.postgres.connection import Address, connected

SCHEMA = "ringfleet"
"""All tables and functions are in this schema of the database, so that it may hold other things."""
MORE: Mapping[int, Callable[[Any], Awaitable[None]]] = {5: copy_answers}
"""What SQL can't do, after the script of that number and in the same transaction."""
_LOCK = 1382311500
_NAME = re.compile(r"(\d{4})_\w+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    script: str


@cache
def migrations() -> tuple[Migration, ...]:
    """All of them, oldest first."""
    found = [(_NAME.fullmatch(file.name), file) for file in files(__package__).iterdir()]
    return tuple(
        sorted((Migration(int(name[1]), file.read_text()) for name, file in found if name), key=lambda one: one.version)
    )


def newest() -> int:
    """The version that this program reads and writes."""
    return migrations()[-1].version


async def migrate(address: Address) -> tuple[int, int]:
    """Bring the ledger to `newest()`; returns the versions before and after. 0: it was empty.

    Raises:
        LedgerUnavailable: it can't be reached or changed, or it is of a newer program.
    """
    with address.translating():
        async with connected(address) as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            before = await version_of(connection)
            if before > newest():
                raise LedgerUnavailable(_too_new(address, before))
            if before == 0:
                await connection.execute(_BEGINNING)
            await connection.execute(f"SET LOCAL search_path TO {SCHEMA}")
            for one in migrations():
                if one.version > before:
                    await connection.execute(one.script)
                    if (more := MORE.get(one.version)) is not None:
                        await more(connection)
                    await connection.execute("INSERT INTO schema_version (version) VALUES ($1)", one.version)
            return before, newest()


async def version_of(connection: Any) -> int:
    """The version of the schema in this database; 0 when there is none."""
    if await connection.fetchval("SELECT to_regclass($1)", f"{SCHEMA}.schema_version") is None:
        return 0
    return int(await connection.fetchval(f"SELECT coalesce(max(version), 0) FROM {SCHEMA}.schema_version"))  # noqa: S608


async def refuse_other_version(connection: Any, address: Address) -> None:
    """Raises LedgerUnavailable: the schema is not the one that this program reads and writes."""
    version = await version_of(connection)
    if version > newest():
        raise LedgerUnavailable(_too_new(address, version))
    if version < newest():
        raise LedgerUnavailable(
            f"The ledger {address} {f'has schema {version}' if version else 'is empty'}, and this program needs "
            f"{newest()}: run `ringfleet ledger migrate`, or let the dispatcher migrate it."
        )


def _too_new(address: Address, version: int) -> str:
    return (
        f"The ledger {address} has schema {version}, and this program knows none after {newest()}: "
        "take the program that migrated it, or a later one."
    )


_BEGINNING = f"""
CREATE SCHEMA IF NOT EXISTS {SCHEMA};
CREATE TABLE {SCHEMA}.schema_version (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
"""
