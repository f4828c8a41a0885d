"""The ledger in one SQLite file, for one dispatcher, which is its owner."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ringfleet.dispatch.ledger.owner.groups import OwnedLedger
from ringfleet.dispatch.ledger.sqlite.store import SqliteStore


class SqliteLedger(OwnedLedger):
    """A ledger in the file at `path`, which is made when it is not there. See `interface.Ledger`."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        super().__init__(SqliteStore(path), now)
