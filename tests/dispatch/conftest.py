"""What the tests of the dispatcher share: a PostgreSQL server for the session, an empty database for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.dispatch.postgres_server import PostgresServer, running_postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL server, the same for all tests: use a `postgres_dsn` of it."""
    with running_postgres() as server:
        yield server


@pytest.fixture
async def postgres_dsn(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """The DSN of an empty database that only this test uses."""
    async with postgres_server.database() as dsn:
        yield dsn
