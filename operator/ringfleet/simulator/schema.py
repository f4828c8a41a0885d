"""The tables of the exchange's memory, and how those of an older state file become these.

The tables hold what happened; what merely follows from the seed (the stock) is computed. Two rules are the database's
own, so that no code above can break them: a number has one owner (`numbers.number` is unique), and the ledger only
grows (triggers refuse to change it).

`PRAGMA user_version` says which tables a file has. Files older than that pragma say 0 and are known by their columns::

    1 buying --bundles, documents, `bundle` columns--> 2 compliance --traffic, webhooks, attestation--> 3 traffic
    3 traffic --webhooks know their face--> 4 faces --records, `routed`--> 5 what a face keeps
    5 --traffic keeps texts and rings--> 6 what a face lists --sinks--> 7 streams of events

A step adds its columns behind the others, where a new file has them too, so that rows read alike.
"""

from __future__ import annotations

import sqlite3

VERSION = 7


class StateTooNew(ValueError):
    """The state file was written by a newer simulator, whose tables this one does not know."""


_TABLES = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS accounts (
    id TEXT PRIMARY KEY, currency TEXT NOT NULL, opening INTEGER NOT NULL, balance INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts) STRICT;
CREATE TABLE IF NOT EXISTS stock (
    country TEXT, type TEXT, code TEXT, content TEXT NOT NULL, PRIMARY KEY (country, type, code)) STRICT;
CREATE TABLE IF NOT EXISTS off_market (number TEXT PRIMARY KEY, until REAL) STRICT;
CREATE TABLE IF NOT EXISTS cart_items (
    id INTEGER PRIMARY KEY AUTOINCREMENT, basket TEXT NOT NULL, token TEXT NOT NULL, number TEXT NOT NULL,
    reference TEXT, monthly INTEGER NOT NULL, setup INTEGER NOT NULL, bundle INTEGER REFERENCES bundles,
    UNIQUE (basket, number)) STRICT;
CREATE TABLE IF NOT EXISTS order_items (
    account TEXT NOT NULL, key TEXT NOT NULL, cart_item INTEGER NOT NULL, number TEXT NOT NULL, token TEXT NOT NULL,
    monthly INTEGER NOT NULL, setup INTEGER NOT NULL, outcome TEXT NOT NULL, reason TEXT, message TEXT,
    number_id INTEGER, entry INTEGER, renews_at REAL, documents_deadline REAL,
    PRIMARY KEY (account, key, cart_item)) STRICT;
CREATE TABLE IF NOT EXISTS profiles (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, reference TEXT NOT NULL, content TEXT NOT NULL,
    UNIQUE (account, reference)) STRICT;
CREATE TABLE IF NOT EXISTS papers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL REFERENCES accounts, reference TEXT NOT NULL,
    kind TEXT NOT NULL, type TEXT NOT NULL, attributes TEXT NOT NULL, address TEXT NOT NULL, media_type TEXT,
    size INTEGER NOT NULL, sha256 TEXT, UNIQUE (account, reference)) STRICT;
CREATE TABLE IF NOT EXISTS bundles (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL REFERENCES accounts, reference TEXT NOT NULL,
    regulation TEXT NOT NULL, contact TEXT NOT NULL, papers TEXT NOT NULL, stage TEXT NOT NULL, reasons TEXT NOT NULL,
    submitted_at REAL, due_at REAL, decided_at REAL, expires_at REAL, UNIQUE (account, reference)) STRICT;
CREATE INDEX IF NOT EXISTS bundles_by_decision ON bundles (due_at) WHERE stage = 'submitted';
CREATE TABLE IF NOT EXISTS numbers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, number TEXT NOT NULL UNIQUE, account TEXT NOT NULL REFERENCES accounts,
    country TEXT NOT NULL, type TEXT NOT NULL, area_code TEXT, region TEXT, capabilities TEXT NOT NULL,
    monthly INTEGER NOT NULL, setup INTEGER NOT NULL, reference TEXT, profile INTEGER REFERENCES profiles,
    purchased_at REAL NOT NULL, renews_at REAL NOT NULL, active_at REAL NOT NULL, documents_deadline REAL,
    suspended INTEGER NOT NULL DEFAULT 0, bundle INTEGER REFERENCES bundles,
    attestation TEXT NOT NULL DEFAULT 'A', routed INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX IF NOT EXISTS numbers_of_account ON numbers (account, id);
CREATE INDEX IF NOT EXISTS numbers_by_renewal ON numbers (renews_at);
CREATE INDEX IF NOT EXISTS numbers_by_deadline ON numbers (documents_deadline) WHERE documents_deadline IS NOT NULL;
CREATE TABLE IF NOT EXISTS ledger (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, account TEXT NOT NULL, number TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (
        kind IN ('purchase', 'monthly', 'release', 'end_user', 'document', 'bundle', 'call', 'message')),
    amount INTEGER NOT NULL, key TEXT) STRICT;
CREATE INDEX IF NOT EXISTS ledger_of_account ON ledger (account, id);
CREATE TRIGGER IF NOT EXISTS ledger_is_never_changed BEFORE UPDATE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
CREATE TRIGGER IF NOT EXISTS ledger_is_never_cut BEFORE DELETE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
CREATE TABLE IF NOT EXISTS traffic (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, number TEXT NOT NULL, peer TEXT NOT NULL,
    kind TEXT NOT NULL, outbound INTEGER NOT NULL, at REAL NOT NULL, answered INTEGER NOT NULL,
    seconds INTEGER NOT NULL, pick TEXT, text TEXT, rings INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX IF NOT EXISTS traffic_of_number ON traffic (number, kind, outbound, at);
CREATE INDEX IF NOT EXISTS traffic_of_account ON traffic (account, kind, id);
CREATE TABLE IF NOT EXISTS labels (
    number TEXT PRIMARY KEY, label TEXT NOT NULL, since REAL NOT NULL, busy_at REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS webhooks (
    account TEXT PRIMARY KEY REFERENCES accounts, url TEXT NOT NULL, secret TEXT NOT NULL,
    face TEXT NOT NULL DEFAULT 'didhub') STRICT;
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, type TEXT NOT NULL, number TEXT NOT NULL,
    at REAL NOT NULL, data TEXT NOT NULL, ripe_at REAL NOT NULL, retry_at REAL NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0, sink INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE IF NOT EXISTS sinks (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts, url TEXT NOT NULL, secret TEXT NOT NULL,
    face TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS events_to_deliver ON events (ripe_at, id) WHERE NOT delivered;
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL REFERENCES accounts, kind TEXT NOT NULL,
    parent INTEGER NOT NULL, content TEXT NOT NULL, made_at REAL NOT NULL, changed_at REAL NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS records_of_account ON records (account, kind, parent, id);
CREATE TABLE IF NOT EXISTS shown (
    account TEXT NOT NULL REFERENCES accounts, number TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (account, number)) STRICT, WITHOUT ROWID;
"""

_NEW_LEDGER = """
DROP TRIGGER ledger_is_never_changed;
DROP TRIGGER ledger_is_never_cut;
DROP INDEX ledger_of_account;
ALTER TABLE ledger RENAME TO old_ledger;
"""
"""A check of a column can't be changed in place: the ledger moves into a table with the new one, entry by entry."""

_MOVE_LEDGER = "INSERT INTO ledger SELECT * FROM old_ledger; DROP TABLE old_ledger;"

_STEPS = {
    1: """
ALTER TABLE cart_items ADD COLUMN bundle INTEGER REFERENCES bundles;
ALTER TABLE numbers ADD COLUMN bundle INTEGER REFERENCES bundles;
""",
    2: """
ALTER TABLE numbers ADD COLUMN attestation TEXT NOT NULL DEFAULT 'A';
CREATE TABLE webhooks (
    account TEXT PRIMARY KEY REFERENCES accounts, url TEXT NOT NULL, secret TEXT NOT NULL) STRICT;
CREATE TABLE traffic (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, number TEXT NOT NULL, peer TEXT NOT NULL,
    kind TEXT NOT NULL, outbound INTEGER NOT NULL, at REAL NOT NULL, answered INTEGER NOT NULL,
    seconds INTEGER NOT NULL, pick TEXT) STRICT;
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, type TEXT NOT NULL, number TEXT NOT NULL,
    at REAL NOT NULL, data TEXT NOT NULL, ripe_at REAL NOT NULL, retry_at REAL NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0) STRICT;
""",
    3: "ALTER TABLE webhooks ADD COLUMN face TEXT NOT NULL DEFAULT 'didhub';",
    4: "ALTER TABLE numbers ADD COLUMN routed INTEGER NOT NULL DEFAULT 0;",
    5: """
ALTER TABLE traffic ADD COLUMN text TEXT;
ALTER TABLE traffic ADD COLUMN rings INTEGER NOT NULL DEFAULT 0;
""",
    6: "ALTER TABLE events ADD COLUMN sink INTEGER NOT NULL DEFAULT 0;",
}


def bring_up_to_date(db: sqlite3.Connection, path: str) -> None:
    """Make the tables that are missing and change those that are old, all or nothing. `path` is for the message.

    Raises:
        StateTooNew: the file is from the future.
    """
    version = _version(db)
    if version > VERSION:
        raise StateTooNew(
            f"{path} was written by a newer simulator (its tables are of version {version}, this one knows {VERSION}): "
            "use that simulator, or another file"
        )
    if version == VERSION:
        return
    old = version > 0
    steps = [_STEPS[step] for step in range(version, VERSION)] if old else []
    moves = (_NEW_LEDGER, _MOVE_LEDGER) if old else ("", "")
    script = [*steps, moves[0], _TABLES, moves[1], f"PRAGMA user_version = {VERSION};"]
    db.executescript("\n".join(["BEGIN;", *script, "COMMIT;"]))


def _version(db: sqlite3.Connection) -> int:
    """0: the file is new."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    columns = {row[1] for row in db.execute("PRAGMA table_info(numbers)")}
    if version or not columns:
        return version
    return 2 if "bundle" in columns else 1
