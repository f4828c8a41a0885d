"""The exchange's memory: one SQLite file, one connection, one transaction a call.

The tables are in `schema`. The log is written ahead with synchronous=NORMAL: a killed process loses nothing that was
committed; a power cut may.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ringfleet.simulator.errors import Refused
from ringfleet.simulator.schema import bring_up_to_date

Row = tuple[Any, ...]
LARGEST_ID = 2**63 - 1
"""The largest number that a column can be compared with."""


class Store:
    """`path` is a file, made when it is missing, or `:memory:`. Raises StateTooNew as `schema` does."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, cached_statements=256, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        bring_up_to_date(self._db, path)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, except that a refusal keeps what was written before it."""
        self._db.execute("BEGIN")
        try:
            yield
        except Refused:
            self._db.execute("COMMIT")
            raise
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def rows(self, sql: str, *values: object) -> list[Row]:
        return self._db.execute(sql, values).fetchall()

    def rows_of(self, table: str, account: str | None) -> list[Row]:
        """The rows of a table that keeps an account with each, oldest first: all, or those of one account."""
        if account is None:
            return self.rows(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608 - a constant of ours
        return self.rows(f"SELECT * FROM {table} WHERE account = ? ORDER BY id", account)  # noqa: S608 - the same

    def row(self, sql: str, *values: object) -> Row | None:
        row: Row | None = self._db.execute(sql, values).fetchone()
        return row

    def write(self, sql: str, *values: object) -> int:
        """Return the id of the row that was inserted, if one was."""
        return self._db.execute(sql, values).lastrowid or 0

    def write_all(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        self._db.executemany(sql, rows)

    def setting(self, name: str) -> str | None:
        row = self.row("SELECT value FROM settings WHERE name = ?", name)
        return None if row is None else str(row[0])

    def keep_setting(self, name: str, value: str) -> None:
        self.write("INSERT INTO settings VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", name, value)

    def close(self) -> None:
        self._db.close()
