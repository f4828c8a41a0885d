"""The exchange's memory: one SQLite file, one connection, one transaction a call.

The tables hold what happened; what merely follows from the seed (the stock) is computed. Two rules are the database's
own, so that no code above can break them: a number has one owner (`numbers.number` is unique), and the ledger only
grows (triggers refuse to change it).

Write-ahead log with synchronous=NORMAL: a killed process loses nothing that was committed; a power cut may.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ringfleet.simulator.refusal import Refused

Row = tuple[Any, ...]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS accounts (
    id TEXT PRIMARY KEY, currency TEXT NOT NULL, opening INTEGER NOT NULL, balance INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts) STRICT;
CREATE TABLE IF NOT EXISTS stock (
    country TEXT, type TEXT, code TEXT, content TEXT NOT NULL, PRIMARY KEY (country, type, code)) STRICT;
CREATE TABLE IF NOT EXISTS off_market (number TEXT PRIMARY KEY, until REAL) STRICT;
CREATE TABLE IF NOT EXISTS cart_items (
    id INTEGER PRIMARY KEY AUTOINCREMENT, basket TEXT NOT NULL, token TEXT NOT NULL, number TEXT NOT NULL,
    reference TEXT, monthly INTEGER NOT NULL, setup INTEGER NOT NULL, UNIQUE (basket, number)) STRICT;
CREATE TABLE IF NOT EXISTS order_items (
    account TEXT NOT NULL, key TEXT NOT NULL, cart_item INTEGER NOT NULL, number TEXT NOT NULL, token TEXT NOT NULL,
    monthly INTEGER NOT NULL, setup INTEGER NOT NULL, outcome TEXT NOT NULL, reason TEXT, message TEXT,
    number_id INTEGER, entry INTEGER, renews_at REAL, documents_deadline REAL,
    PRIMARY KEY (account, key, cart_item)) STRICT;
CREATE TABLE IF NOT EXISTS profiles (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, reference TEXT NOT NULL, content TEXT NOT NULL,
    UNIQUE (account, reference)) STRICT;
CREATE TABLE IF NOT EXISTS numbers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, number TEXT NOT NULL UNIQUE, account TEXT NOT NULL REFERENCES accounts,
    country TEXT NOT NULL, type TEXT NOT NULL, area_code TEXT, region TEXT, capabilities TEXT NOT NULL,
    monthly INTEGER NOT NULL, setup INTEGER NOT NULL, reference TEXT, profile INTEGER REFERENCES profiles,
    purchased_at REAL NOT NULL, renews_at REAL NOT NULL, active_at REAL NOT NULL, documents_deadline REAL,
    suspended INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX IF NOT EXISTS numbers_of_account ON numbers (account, id);
CREATE INDEX IF NOT EXISTS numbers_by_renewal ON numbers (renews_at);
CREATE INDEX IF NOT EXISTS numbers_by_deadline ON numbers (documents_deadline) WHERE documents_deadline IS NOT NULL;
CREATE TABLE IF NOT EXISTS ledger (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, account TEXT NOT NULL, number TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('purchase', 'monthly', 'release')), amount INTEGER NOT NULL,
    key TEXT) STRICT;
CREATE INDEX IF NOT EXISTS ledger_of_account ON ledger (account, id);
CREATE TRIGGER IF NOT EXISTS ledger_is_never_changed BEFORE UPDATE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
CREATE TRIGGER IF NOT EXISTS ledger_is_never_cut BEFORE DELETE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
"""


class Store:
    """`path` is a file, made when it is missing, or `:memory:`."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, cached_statements=256, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(_SCHEMA)

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

    def row(self, sql: str, *values: object) -> Row | None:
        row: Row | None = self._db.execute(sql, values).fetchone()
        return row

    def write(self, sql: str, *values: object) -> int:
        """Return the id of the row that was inserted, if one was."""
        return self._db.execute(sql, values).lastrowid or 0

    def setting(self, name: str) -> str | None:
        row = self.row("SELECT value FROM settings WHERE name = ?", name)
        return None if row is None else str(row[0])

    def keep_setting(self, name: str, value: str) -> None:
        self.write("INSERT INTO settings VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", name, value)

    def close(self) -> None:
        self._db.close()
