"""The PostgreSQL server of the tests is a real one, ours alone, and gone when we are."""

from __future__ import annotations

import asyncpg

from ringfleet.dispatch.ledger.shared import PostgresLedger
from tests.dispatch.ledger.builders import a_member, a_number, a_roster, an_ask, picked, used
from tests.dispatch.postgres_server import PostgresServer

EVERYTHING = "SELECT count(*) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname !~ '^pg_|^inf'"


async def test_each_test_has_an_empty_database(postgres_server: PostgresServer) -> None:
    """Also when it is one that an earlier test has used, and left with somebody connected to it."""
    async with postgres_server.database() as dsn, postgres_server.database() as another:
        assert dsn != another
        left = await asyncpg.connect(dsn)
        assert await left.fetchval(EVERYTHING) == 0
        await left.execute("CREATE TABLE litter (); CREATE SCHEMA ringfleet; CREATE TABLE ringfleet.litter ()")
    for _ in range(2):
        async with postgres_server.database() as dsn:
            connection = await asyncpg.connect(dsn)
            assert await connection.fetchval(EVERYTHING) == 0
            await connection.close()


async def test_each_test_of_a_ledger_has_one_without_rows(postgres_server: PostgresServer) -> None:
    """Also when it is one that an earlier test has used, and left while somebody held its rows."""
    async with postgres_server.ledger() as dsn, PostgresLedger(dsn, migrates=True) as ledger:
        await ledger.enlist(a_roster(a_member(1)))
        first = await picked(ledger, an_ask())
        left = await asyncpg.connect(dsn)
        await left.execute("BEGIN; UPDATE ringfleet.rotation_set SET key = 'theirs'")
    for _ in range(2):
        async with postgres_server.ledger() as dsn, PostgresLedger(dsn, migrates=True) as ledger:
            assert await used(ledger) == {}
            await ledger.enlist(a_roster(a_member(1)))
            assert await picked(ledger, an_ask()) == first
            assert await used(ledger) == {a_number(1): 1}
