"""A standby takes over that has not heard of the latest rows: no id that it lacks is given again."""

from __future__ import annotations

import asyncpg

from ringfleet.dispatch.ledger.shared import PostgresLedger
from tests.dispatch.ledger.builders import NOON, a_member, a_roster, an_ask, picked
from tests.dispatch.postgres_server import a_cluster


async def picks(dsn: str, *names: str) -> list[str]:
    """The ids of one pick for each name."""
    async with PostgresLedger(dsn, migrates=True, now=lambda: NOON) as ledger:
        await ledger.enlist(a_roster(a_member(1), a_member(2)))
        return [(await picked(ledger, an_ask(name))).id for name in names]


async def promote(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        assert await connection.fetchval("SELECT pg_promote()")
    finally:
        await connection.close()


async def test_no_id_is_given_twice_after_an_older_standby_has_taken_over() -> None:
    """A promotion makes no checkpoint, by which the new timeline would be in the control file."""
    with a_cluster() as cluster:
        with cluster.serving() as dsn:
            ids = await picks(dsn, "ann")
        cluster.copy()
        with cluster.serving() as dsn:
            ids += await picks(dsn, "bob", "cid", "dan")
        cluster.put_copy_in_its_place()
        with cluster.serving() as dsn:
            await promote(dsn)
            ids += await picks(dsn, "eve", "fay")
            ids += await picks(dsn, "gil")
    assert len(set(ids)) == len(ids)
    assert int(ids[-1][1:]) == int(ids[-2][1:]) + 1, "an owner that only starts again goes on"
