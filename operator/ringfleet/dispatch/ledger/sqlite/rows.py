"""Statements by key, many rows at once, made from the tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import apsw

from ringfleet.dispatch.ledger.tables import ANSWERS, Changes, Key, Mode, Row, Table

MANY = (64, 16, 4, 1)
"""So many rows in one statement: few sizes, that their statements stay prepared."""


def find(connection: apsw.Connection, table: Table, keys: Sequence[Key]) -> list[Row]:
    """The rows of these keys, by the table's `looks_by`."""
    found: list[Row] = []
    for start in range(0, len(keys), MANY[0]):
        part = keys[start : start + MANY[0]]
        size = next(size for size in reversed(MANY) if size >= len(part))
        values = [value for key in part for value in key] + [None] * ((size - len(part)) * len(table.looks_by))
        found += connection.execute(_select(table, size), values).fetchall()
    return found


def write(connection: apsw.Connection, changes: Changes) -> None:
    """All of it, in the transaction that is under way."""
    for table, keys in changes.drops.items():
        if keys:
            connection.executemany(_delete(table), keys)
    for table, rows in changes.rows.items():
        for size, values in _in_parts(list(rows.values())):
            connection.execute(_insert(table, size), values)


def _in_parts(rows: Sequence[Row]) -> Iterator[tuple[int, list[Any]]]:
    start = 0
    for size in MANY:
        while len(rows) - start >= size:
            yield size, [value for row in rows[start : start + size] for value in row]
            start += size


@cache
def _select(table: Table, size: int) -> str:
    columns = ", ".join(table.columns)
    if table is ANSWERS:
        columns = ", ".join(["replay.key", *list(table.columns)[1:]]).replace(", seq,", ", journal.seq,")
        return f"SELECT {columns} FROM replay JOIN journal USING (seq) WHERE replay.key IN ({_marks(size)})"  # noqa: S608
    by = table.looks_by
    if len(by) == 1:
        return f"SELECT {columns} FROM {table.name} WHERE {by[0]} IN ({_marks(size)})"  # noqa: S608 - our own names
    wanted = ", ".join([f"({_marks(len(by))})"] * size)
    return f"SELECT {columns} FROM {table.name} WHERE ({', '.join(by)}) IN (VALUES {wanted})"  # noqa: S608 - the same


@cache
def _insert(table: Table, size: int) -> str:
    names = list(table.columns)
    values = ", ".join([f"({_marks(len(names))})"] * size)
    match table.mode:
        case Mode.CHANGE:
            sets = ", ".join(f"{name} = u.{name}" for name in names if name not in table.key)
            same = " AND ".join(f"{table.name}.{key} = u.{key}" for key in table.key)
            said = ", ".join(f"column{place} AS {name}" for place, name in enumerate(names, 1))
            return f"UPDATE {table.name} SET {sets} FROM (SELECT {said} FROM (VALUES {values})) AS u WHERE {same}"  # noqa: S608
        case Mode.ADD:
            adds = ", ".join(f"{name} = {name} + excluded.{name}" for name in names if name not in table.key)
            end = f" ON CONFLICT DO UPDATE SET {adds}"
            verb = "INSERT"
        case Mode.PUT:
            verb, end = "INSERT OR REPLACE", ""
        case Mode.APPEND:
            verb, end = "INSERT", ""
    return f"{verb} INTO {table.name} ({', '.join(names)}) VALUES {values}{end}"


@cache
def _delete(table: Table) -> str:
    return f"DELETE FROM {table.name} WHERE {' AND '.join(f'{key} = ?' for key in table.key)}"  # noqa: S608 - the same


def _marks(count: int) -> str:
    return ", ".join("?" * count)
