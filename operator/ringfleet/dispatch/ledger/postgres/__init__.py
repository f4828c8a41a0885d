"""The shared engine: PostgreSQL, for several dispatchers at once.

- `engine`      the ledger: a pool of connections, one statement a pick
- `migrations`  the schema and its versions: the .sql files beside this one, in order, each applied once
- `connection`  the server's address, without its password, and what its errors mean
- `reads`       the rollup, the lists
- `maintenance` what is pruned
- `verify`      whether it keeps its own laws

All that decides is in the database: see the head of `0002_pick.sql` for why it is exact and why nothing deadlocks.
"""

from ringfleet.dispatch.ledger.postgres.connection import Address
from ringfleet.dispatch.ledger.postgres.engine import PostgresLedger
from ringfleet.dispatch.ledger.postgres.migrations import migrate
from ringfleet.dispatch.ledger.postgres.verify import verify

__all__ = ["Address", "PostgresLedger", "migrate", "verify"]
