"""A PostgreSQL server as this engine talks to it: its address without the password, its connections, its errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import parse_qs, urlsplit

import asyncpg

from ringfleet.dispatch.ledger.interface import LedgerUnavailable, Unwritable

CONNECT_S = 10.0
_TOO_LARGE = "54"
"""The class of errors of rows that are larger than an index takes."""
STATEMENT_S = 10.0
"""Seconds for which one statement may take, its locks included. A pick takes a millisecond."""
MIGRATION_S = 600.0
NO_TIMEOUTS = {"statement_timeout": "0", "lock_timeout": "0"}
"""Not even the role's or the database's: a cancelled wait for a standby says that all is well, with a warning."""


class Address:
    """Which ledger: a DSN as `postgresql://user:password@host/database`. Printed, it has no password."""

    def __init__(self, dsn: str) -> None:
        """Raises LedgerUnavailable: that is no DSN."""
        self.dsn = dsn
        try:
            parts = urlsplit(dsn)
            port = parts.port
        except ValueError as error:
            raise LedgerUnavailable(_NO_DSN) from error
        if parts.scheme not in ("postgresql", "postgres"):
            raise LedgerUnavailable(_NO_DSN)
        host = parts.hostname or parse_qs(parts.query).get("host", ["localhost"])[0]
        self._text = f"postgresql://{host}{f':{port}' if port else ''}{parts.path}"

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Address({self._text!r})"

    @contextmanager
    def translating(self) -> Iterator[None]:
        """What goes wrong between us and the server, or there, is LedgerUnavailable, and nothing is picked."""
        try:
            yield
        except (asyncpg.DataError, ValueError):
            # Not told, and not kept as the cause: it quotes the value, which may be somebody's number.
            raise Unwritable(f"The ledger {self} was asked with a value of the wrong type or size.") from None
        except asyncpg.PostgresError as error:
            refused = Unwritable if (error.sqlstate or "").startswith(_TOO_LARGE) else LedgerUnavailable
            raise refused(f"The ledger {self} refused: {_first_line(error)} ({error.sqlstate}).") from error
        except TimeoutError as error:
            raise LedgerUnavailable(f"The ledger {self} did not answer in time.") from error
        except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            raise LedgerUnavailable(f"The ledger {self} can't be reached: {_first_line(error)}.") from error


@asynccontextmanager
async def connected(address: Address) -> AsyncIterator[asyncpg.Connection]:
    """One connection, for work that takes its time."""
    connection = await asyncpg.connect(
        address.dsn, timeout=CONNECT_S, command_timeout=MIGRATION_S, server_settings=NO_TIMEOUTS
    )
    try:
        yield connection
    finally:
        await connection.close(timeout=CONNECT_S)


def _first_line(error: Exception) -> str:
    """What it says, without the details: those may quote what was asked, and a number is nobody else's affair."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


_NO_DSN = (
    "The address of the ledger is no DSN of PostgreSQL: write it as postgresql://user:password@host:5432/database."
)
