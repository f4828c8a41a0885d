"""The ledger in PostgreSQL, for several dispatchers of which one is its owner."""

from __future__ import annotations

import time
from collections.abc import Callable

from ringfleet.dispatch.ledger.owner.groups import OwnedLedger
from ringfleet.dispatch.ledger.postgres.store import PostgresStore


class PostgresLedger(OwnedLedger):
    """A ledger in the database that `dsn` names. `address`: where other dispatchers reach this one when it is the
    owner. See `interface.Ledger`."""

    def __init__(
        self, dsn: str, address: str = "", *, migrates: bool = False, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(PostgresStore(dsn, address, migrates=migrates), now)
