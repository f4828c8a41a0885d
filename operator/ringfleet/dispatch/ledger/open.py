"""Which engine a ledger has, by its address: `sqlite:PATH`, or a DSN `postgresql://...`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from ringfleet.dispatch.ledger.interface import Ledger

EXAMPLES = "sqlite:/var/lib/ringfleet/ledger.sqlite or postgresql://user@host/database"


class UnknownLedger(ValueError):
    """The address names no engine. The message says what one looks like, and never repeats the address: it may hold a
    password."""

    def __init__(self) -> None:
        super().__init__(f"The address of the ledger names no engine: write {EXAMPLES}.")


def sqlite_path(url: str) -> Path | None:
    """The file of an embedded ledger; None when the ledger is in PostgreSQL.

    Raises:
        UnknownLedger: it is neither.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest.strip("/"):
        return Path(rest.removeprefix("//"))
    if scheme in ("postgres", "postgresql") and rest.startswith("//"):
        return None
    raise UnknownLedger


def open_ledger(url: str) -> Ledger:
    """The ledger at `url`; it is opened by `async with`, which makes it, or brings its schema up to date.

    Raises:
        UnknownLedger: the address names no engine.
    """
    path = sqlite_path(url)
    engine = import_module(f"ringfleet.dispatch.ledger.{'shared' if path is None else 'embedded'}")
    ledger: Ledger = engine.PostgresLedger(url, migrates=True) if path is None else engine.SqliteLedger(path)
    return ledger
