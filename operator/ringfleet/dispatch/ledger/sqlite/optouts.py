"""All opt-outs of a SQLite ledger, read while it may be in use."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from ringfleet.dispatch.ledger.interface import LedgerUnavailable
from ringfleet.dispatch.ledger.sqlite.file import SCHEMAS, look_into, translating
from ringfleet.dispatch.ledger.tables import HASH_KEYS, SUPPRESSIONS, Row


def read_opt_outs(path: Path) -> tuple[Sequence[Row], Sequence[Row]]:
    """The rows of SUPPRESSIONS and HASH_KEYS at one moment.

    Raises:
        LedgerUnavailable: it can't be read, or is of another schema.
    """
    with translating(path), closing(look_into(path)) as connection:
        if connection.execute("PRAGMA user_version").get != len(SCHEMAS):
            raise LedgerUnavailable(f"The ledger {path} is of another schema: run `ringfleet ledger migrate`.")
        connection.execute("BEGIN")
        rows, keys = (
            connection.execute(f"SELECT {', '.join(table.columns)} FROM {table.name}").fetchall()  # noqa: S608 - our own
            for table in (SUPPRESSIONS, HASH_KEYS)
        )
        return rows, keys
