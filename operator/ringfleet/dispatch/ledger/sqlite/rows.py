"""Rows in and out of SQLite, many at once.

Each step of a statement lets go of the interpreter's lock and must get it back, which costs more than the step where
another thread is busy. So what a batch reads comes as one row of text, and what it writes goes in by many rows a
statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import apsw

MANY = (64, 16, 4, 1)
"""So many rows, or values of a list, in one statement: few sizes, that their statements stay prepared."""

Row = tuple[Any, ...]


class Rows:
    """Statements on one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self.execute = connection.cursor().execute

    def all(self, statement: str, bindings: Row = ()) -> list[Row]:
        return self.execute(statement, bindings).fetchall()

    def first(self, statement: str, bindings: Row = ()) -> Row | None:
        rows = self.all(statement, bindings)
        return rows[0] if rows else None

    def one(self, statement: str, bindings: Row = ()) -> Any:
        row = self.first(statement, bindings)
        return row[0] if row else None

    def change(self, statement: str, bindings: Row = ()) -> int:
        """How many rows that changed."""
        self.execute(statement, bindings)
        return self.connection.changes()

    def words(self, statement: str, bindings: Row, values: Sequence[bytes]) -> list[str]:
        """The words of the one text that `statement` selects for each part of `values`: its list is in place of
        `{}`, after the bindings."""
        found: list[str] = []
        for start in range(0, len(values), MANY[0]):
            part = values[start : start + MANY[0]]
            size = next(size for size in reversed(MANY) if size >= len(part))
            text = self.one(_with_list(statement, size), (*bindings, *part, *(None,) * (size - len(part))))
            if text:
                found += text.split(" ")
        return found

    def insert(self, statement: str, rows: Sequence[Row], otherwise: str = "") -> None:
        """`statement` ends before VALUES; `otherwise` stands behind them: what is done where a row is there already."""
        start = 0
        for size in MANY:
            while len(rows) - start >= size:
                values = [value for row in rows[start : start + size] for value in row]
                self.execute(_with_rows(statement, size, len(rows[0]), otherwise), values)
                start += size


@cache
def _with_list(statement: str, size: int) -> str:
    return statement.format(", ".join("?" * size))


@cache
def _with_rows(statement: str, rows: int, columns: int, otherwise: str) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"{statement} VALUES {', '.join([row] * rows)} {otherwise}"
