"""The file of a SQLite ledger: its lock, its schema, and a copy of it while it is in use."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path

import apsw

from ringfleet.dispatch.ledger.interface import LedgerUnavailable
from ringfleet.dispatch.ledger.sqlite.answers import copy_answers

SCHEMAS: tuple[tuple[str, Callable[[apsw.Connection], None] | None], ...] = (
    ("schema.sql", None),
    ("0002_journal.sql", copy_answers),
    ("0003_deferrals.sql", None),
    ("0004_replies.sql", None),
    ("0005_limits.sql", None),
    ("0006_keys.sql", None),
    ("0007_unclear.sql", None),
    ("0008_numbers.sql", None),
    ("0009_relay.sql", None),
    ("0010_sessions.sql", None),
    ("0011_letters.sql", None),
)
"""From each version of the schema to the next, a script and what SQL can't do; the version is in the file as
`user_version`. A released one is never changed."""
BUSY_MS = 10_000
"""Milliseconds for which a statement waits for another program that writes into the file."""
_VERSIONS, _NO_LOG = slice(18, 20), b"\1\1"
"""Where the header of a SQLite file says how it is written, and what of a file without a write-ahead log."""
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=0", "cache_size=-131072")


def connect(path: Path, *, make: bool = False) -> apsw.Connection:
    """A connection as this engine wants it. `make`: a file that is not there is made.

    Raises:
        LedgerUnavailable: the file can't be opened, or is no database.
    """
    connection = look_into(path, make=make)
    try:
        with translating(path, "opened"):
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
    except LedgerUnavailable:
        connection.close()
        raise
    return connection


def look_into(path: Path, *, make: bool = False) -> apsw.Connection:
    """A connection that changes nothing of how the file is kept. Raises the same, also of a copy that was put where
    another file's log is."""
    _refuse_anothers_log(path)
    with translating(path, "opened"):
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if make else 0)
        connection = apsw.Connection(str(path), flags=flags, statementcachesize=200)
        connection.set_busy_timeout(BUSY_MS)
        return connection


def log_of(path: Path) -> Path:
    """Its write-ahead log."""
    return path.with_name(f"{path.name}-wal")


def _refuse_anothers_log(path: Path) -> None:
    """SQLite copies a log that it finds into whatever file is beside it: the restore would be undone, or the copy
    broken. A copy by `back_up` has no log of its own, and its header says so; that of a file with a log says WAL."""
    try:
        with path.open("rb") as handle:
            versions = handle.read(_VERSIONS.stop)[_VERSIONS]
        is_anothers = versions == _NO_LOG and log_of(path).stat().st_size > 0
    except OSError:  # there is none; or who opens it finds out
        return
    if is_anothers:
        raise LedgerUnavailable(
            f"The ledger {path} is a copy, and the log beside it is that of another file: remove {log_of(path)} and "
            f"{path.name}-shm, then start again."
        )


def migrated(connection: apsw.Connection, path: Path) -> tuple[int, int]:
    """Bring the schema up to date; returns its versions before and after. 0: the file was empty.

    Raises:
        LedgerUnavailable: it is of a newer program, or of another one.
    """
    with translating(path):
        version: int = connection.execute("PRAGMA user_version").get
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
        if version > len(SCHEMAS) or (version == 0 and tables):
            raise LedgerUnavailable(
                f"The ledger {path} has schema {version}, and this program writes {len(SCHEMAS)}: "
                "take the program that wrote it, or another file."
            )
        if version < len(SCHEMAS):
            with connection:
                for script, more in SCHEMAS[version:]:
                    connection.execute(files(__package__).joinpath(script).read_text())
                    if more is not None:
                        more(connection)
                connection.execute(f"PRAGMA user_version={len(SCHEMAS)}")
        return version, len(SCHEMAS)


def migrate(path: Path) -> tuple[int, int]:
    """The same, for a file that nobody uses: its versions before and after.

    Raises:
        LedgerUnavailable: it is in use, can't be opened or changed, or is of a newer program.
    """
    with locked(path), closing(connect(path, make=True)) as connection:
        return migrated(connection, path)


def back_up(path: Path, to: Path) -> int:
    """Copy the ledger as it is at one moment, while it may be in use, to a file that is not there yet; returns its size
    in bytes. The copy appears whole or not at all, and only its owner may read it. It is marked as one: whoever opens
    it knows that it may be of an earlier day.

    Raises:
        LedgerUnavailable: the ledger can't be read.
        FileExistsError: there is a file at `to`.
        OSError: the copy can't be written.
    """
    if to.exists():
        raise FileExistsError(f"There is a file {to}: name one that is not there.")
    part = to.with_name(f".{to.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    try:
        _copy(path, part)
        with part.open("rb") as handle:
            os.fsync(handle.fileno())
        part.rename(to)
    finally:
        part.unlink(missing_ok=True)
    return to.stat().st_size


def _copy(path: Path, to: Path) -> None:
    with closing(look_into(path)) as source, closing(look_into(to)) as copy, translating(path, "copied"):
        with copy.backup("main", source, "main") as backup:
            backup.step(-1)  # in one read of the source: what is written meanwhile does not begin it anew
        copy.execute("PRAGMA journal_mode=DELETE")
        if copy.execute("PRAGMA user_version").get > 1:
            copy.execute("INSERT OR REPLACE INTO progress (name, value) VALUES ('restored', 1)")


_ACCEPT = (
    "UPDATE progress SET value = 0 WHERE name = 'unsure' AND value > 0",
    "UPDATE progress SET value = 2 WHERE name = 'restored' AND value = 1",  # ids of its own it is given all the same
)


def accept_counts(path: Path) -> bool:
    """After a restore, of a file that nobody uses: what it has counted today is right. False: it was not restored.

    Raises:
        LedgerUnavailable: it is in use, or can't be opened or changed.
    """
    with locked(path), closing(connect(path)) as connection, translating(path, "changed"):
        migrated(connection, path)
        accepted = 0
        for statement in _ACCEPT:
            connection.execute(statement)
            accepted += connection.changes()
        return accepted > 0


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """The lock beside the file: two writers would starve each other, and count past each other.

    Raises:
        LedgerUnavailable: another process has it, or the folder can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.with_name(f"{path.name}.lock").open("w")
    except OSError as error:
        raise LedgerUnavailable(f"The ledger {path} can't be opened: {error.strerror}.") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LedgerUnavailable(
                f"The ledger {path} is in use by another process: one SQLite ledger has one dispatcher. "
                "For several replicas, take PostgreSQL."
            ) from error
        yield


@contextmanager
def translating(path: Path, what: str = "read") -> Iterator[None]:
    """What goes wrong with the file is LedgerUnavailable."""
    try:
        yield
    except apsw.Error as error:
        raise LedgerUnavailable(f"The ledger {path} can't be {what}: {error}.") from error
