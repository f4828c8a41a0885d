"""A standby takes over that has not heard of the latest rows: no id that it lacks is given again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeVar

import asyncpg
import pytest

from ringfleet.dispatch.ledger.interface import LedgerUnavailable
from ringfleet.dispatch.ledger.shared import PostgresLedger
from ringfleet.dispatch.ledger.types import Suppressed
from tests.dispatch.ledger.builders import NOON, a_member, a_roster, an_ask, an_opt_out, picked
from tests.dispatch.postgres_server import a_cluster

T = TypeVar("T")


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


async def answered(act: Callable[[], Awaitable[T]]) -> T:
    """What `act` comes to when the ledger has found the server that runs now."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await act()
            except LedgerUnavailable:
                await asyncio.sleep(0.02)


async def test_an_owner_that_outlives_its_server_goes_by_what_the_standby_has() -> None:
    """It knows of more wishes than there are: by their numbers it would wait for ever, and then pass over new ones."""
    with a_cluster() as cluster:
        async with AsyncExitStack() as open_:
            with cluster.serving() as dsn:
                owner, other = (PostgresLedger(dsn, migrates=True, now=lambda: NOON) for _ in range(2))
                await open_.enter_async_context(owner)
                await owner.enlist(a_roster(a_member(1), a_member(2)))
                ids = [(await picked(owner, an_ask("ann"))).id]
            cluster.copy()
            with cluster.serving():
                await open_.enter_async_context(other)
                await answered(lambda: other.suppress([an_opt_out("eve")]))
                ids.append((await answered(lambda: picked(owner, an_ask("bob")))).id)
            cluster.put_copy_in_its_place()
            with cluster.serving() as dsn:
                await promote(dsn)
                ids.append((await answered(lambda: picked(owner, an_ask("cid")))).id)
                await answered(lambda: other.suppress([an_opt_out("fay")]))
                assert isinstance(await answered(lambda: owner.pick(an_ask("fay"))), Suppressed)
                assert len(set(ids)) == len(ids)
                await open_.aclose()


async def test_a_counter_of_wishes_that_goes_back_is_no_reason_to_wait(postgres_dsn: str) -> None:
    async with PostgresLedger(postgres_dsn, migrates=True) as owner:
        await owner.enlist(a_roster(a_member(1)))
        async with PostgresLedger(postgres_dsn) as other:
            await other.suppress([an_opt_out("eve")])
            await picked(owner, an_ask("ann"))
            connection = await asyncpg.connect(postgres_dsn)
            await connection.execute("UPDATE ringfleet.owner SET wishes = 0; DELETE FROM ringfleet.wish")
            await connection.execute("UPDATE ringfleet.progress SET value = 0 WHERE name = 'wishes'")
            await connection.close()
            with pytest.raises(LedgerUnavailable, match="fewer"):
                await asyncio.wait_for(owner.pick(an_ask("bob")), 60)
            await other.suppress([an_opt_out("fay")])
            assert isinstance(await owner.pick(an_ask("fay")), Suppressed)
