"""Statements by key, made from the tables.

A group is one statement that commits by itself: the row of the owner is locked and looked at, and all that the group
writes is written when that row says so, else nothing. No lock outlives the statement, so a process that stops holds
none.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from ringfleet.dispatch.ledger.tables import ANSWERS, Changes, Mode, Table, Wanted

_OWNS = "o AS MATERIALIZED (SELECT 1 FROM owner WHERE token = $1 AND wishes = $2 FOR NO KEY UPDATE)"


def group_statement(changes: Changes) -> tuple[str, list[Any]]:
    """The statement of a group and its arguments after the token and the wishes. It says 1 when all was written, and 0
    when nothing was."""
    shape: list[tuple[Table, bool]] = []
    arguments: list[Any] = []
    for table, keys in changes.drops.items():
        if keys:
            shape.append((table, True))
            arguments += [list(column) for column in zip(*sorted(keys), strict=True)]
    for table, rows in changes.rows.items():
        if rows:
            shape.append((table, False))
            arguments += [list(column) for column in zip(*rows.values(), strict=True)]
    return _group(tuple(shape)), arguments


@cache
def _group(shape: tuple[tuple[Table, bool], ...]) -> str:
    place, parts = 3, [_OWNS]
    for index, (table, drops) in enumerate(shape):
        columns = {key: table.columns[key] for key in table.key} if drops else dict(table.columns)
        arrays = ", ".join(f"${place + n}::{type_}[]" for n, type_ in enumerate(columns.values()))
        place += len(columns)
        given = f"unnest({arrays}) AS u ({', '.join(columns)})"
        parts.append(f"w{index} AS ({_write(table, drops, given, list(columns))})")
    return f"WITH {', '.join(parts)} SELECT count(*) FROM o"  # noqa: S608 - our own names


def _write(table: Table, drops: bool, given: str, columns: list[str]) -> str:
    same = " AND ".join(f"t.{key} = u.{key}" for key in table.key)
    if drops:
        return f"DELETE FROM {table.name} AS t USING {given}, o WHERE {same}"  # noqa: S608 - our own names
    others = [name for name in columns if name not in table.key]
    if table.mode is Mode.CHANGE:
        sets = ", ".join(f"{name} = u.{name}" for name in others)
        return f"UPDATE {table.name} AS t SET {sets} FROM {given}, o WHERE {same}"  # noqa: S608 - the same
    insert = f"INSERT INTO {table.name} AS t ({', '.join(columns)}) SELECT u.* FROM {given}, o"  # noqa: S608 - the same
    match table.mode:
        case Mode.PUT:
            sets = ", ".join(f"{name} = excluded.{name}" for name in others)
        case Mode.ADD:
            sets = ", ".join(f"{name} = t.{name} + excluded.{name}" for name in others)
        case _:
            return insert
    return f"{insert} ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {sets}"


def find_statement(wanted: Wanted) -> tuple[str, list[Any], tuple[Table, ...]]:
    """One statement for the rows of all these keys, by each table's `looks_by`; its arguments; and the tables. Each of
    its rows is the place of a table among them, and a row of that table."""
    tables = tuple(table for table, keys in wanted.items() if keys)
    return _find(tables), [list(column) for table in tables for column in zip(*wanted[table], strict=True)], tables


@cache
def _find(tables: tuple[Table, ...]) -> str:
    first, parts = 1, []
    for place, table in enumerate(tables):
        parts.append(_find_in(table, place, first))
        first += len(table.looks_by)
    return " UNION ALL ".join(parts)


def _find_in(table: Table, place: int, first: int) -> str:
    by = table.looks_by
    arrays = ", ".join(f"${at}::{table.columns[name]}[]" for at, name in enumerate(by, first))
    given = f"unnest({arrays}) AS u ({', '.join(by)})"
    if table is ANSWERS:
        columns = ", ".join(["r.key", *(f"j.{name}" for name in list(table.columns)[1:])])
        return f"SELECT {place}, ROW({columns}) FROM {given} JOIN replay r ON r.key = u.key JOIN journal j ON j.seq = r.seq"  # noqa: E501, S608
    columns = ", ".join(f"t.{name}" for name in table.columns)
    same = " AND ".join(f"t.{name} = u.{name}" for name in by)
    return f"SELECT {place}, ROW({columns}) FROM {given} JOIN {table.name} AS t ON {same}"  # noqa: S608 - our own names
