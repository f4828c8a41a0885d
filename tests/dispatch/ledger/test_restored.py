"""A ledger that was restored: no id is given twice, and what was used on the day of it counts as all."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

import asyncpg
import pytest

from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.optout_lists import merge_list, write_list
from ringfleet.dispatch.ledger.postgres import optouts as of_postgres
from ringfleet.dispatch.ledger.postgres.connection import Address
from ringfleet.dispatch.ledger.postgres.restored import accept_counts
from ringfleet.dispatch.ledger.shared import PostgresLedger
from ringfleet.dispatch.ledger.sqlite import file as sqlite
from ringfleet.dispatch.ledger.sqlite import optouts as of_sqlite
from ringfleet.dispatch.ledger.tables import Row
from ringfleet.dispatch.ledger.types import Exhausted, Picked, Suppressed, Why
from tests.dispatch.ledger.builders import (
    DAY,
    HOUR,
    NOON,
    SET_SCOPE,
    TODAY,
    a_member,
    a_roster,
    an_ask,
    an_opt_out,
    deferred,
    heard_from,
    picked,
    somebody,
)

MIDNIGHT = NOON + 12 * HOUR
ROSTER = a_roster(a_member(1), a_member(2))


class Machine(Protocol):
    """A store that can be copied and put back, as people do it."""

    def ledger(self) -> Ledger: ...

    async def back_up(self) -> None: ...

    async def put_back(self) -> None: ...

    async def accept(self) -> bool: ...

    async def opt_outs(self) -> tuple[Sequence[Row], Sequence[Row]]: ...


class OnSqlite:
    def __init__(self, folder: Path) -> None:
        self.path, self.copy = folder / "ledger.sqlite", folder / "copy.sqlite"

    def ledger(self) -> Ledger:
        return SqliteLedger(self.path, now=lambda: NOON)

    async def back_up(self) -> None:
        sqlite.back_up(self.path, self.copy)

    async def put_back(self) -> None:
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self.copy.replace(self.path)

    async def accept(self) -> bool:
        return sqlite.accept_counts(self.path)

    async def opt_outs(self) -> tuple[Sequence[Row], Sequence[Row]]:
        return of_sqlite.read_opt_outs(self.path)


class OnPostgres:
    """What a dump brings back is another schema, with the rows of the time of the dump."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    def ledger(self) -> Ledger:
        return PostgresLedger(self.dsn, migrates=True, now=lambda: NOON)

    async def back_up(self) -> None:
        names = await self._run("SELECT tablename FROM pg_tables WHERE schemaname = 'ringfleet'")
        await self._run("CREATE SCHEMA dumped")
        for (name,) in names:
            await self._run(f"CREATE TABLE dumped.{name} (LIKE ringfleet.{name} INCLUDING ALL)")
            await self._run(f"INSERT INTO dumped.{name} OVERRIDING SYSTEM VALUE SELECT * FROM ringfleet.{name}")

    async def put_back(self) -> None:
        await self._run("DROP SCHEMA ringfleet CASCADE")
        await self._run("ALTER SCHEMA dumped RENAME TO ringfleet")

    async def throw_away(self) -> None:
        """The copy: the database is used again."""
        await self._run("DROP SCHEMA IF EXISTS dumped CASCADE")

    async def accept(self) -> bool:
        return await accept_counts(Address(self.dsn))

    async def opt_outs(self) -> tuple[Sequence[Row], Sequence[Row]]:
        return await of_postgres.read_opt_outs(Address(self.dsn))

    async def _run(self, statement: str) -> list[tuple[str]]:
        connection = await asyncpg.connect(self.dsn)
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()


@pytest.fixture(params=["sqlite", "postgres"])
async def machine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Machine]:
    if request.param == "sqlite":
        yield OnSqlite(tmp_path)
        return
    async with request.getfixturevalue("postgres_server").database() as dsn:
        there = OnPostgres(dsn)
        yield there
        await there.throw_away()


async def lived_in(machine: Machine) -> list[str]:
    """A copy is made after the first pick; the ids of all."""
    async with machine.ledger() as ledger:
        await ledger.enlist(ROSTER)
        ids = [(await picked(ledger, an_ask("ann"))).id]
        await ledger.ingest([heard_from()])
    await machine.back_up()
    async with machine.ledger() as ledger:
        ids += [(await picked(ledger, an_ask(f"m{n}", n))).id for n in range(3)]
        await ledger.suppress([an_opt_out("bob")])
    return ids


async def test_a_ledger_that_is_only_opened_again_goes_on(machine: Machine) -> None:
    ids = await lived_in(machine)
    async with machine.ledger() as ledger:
        again = await picked(ledger, an_ask("cid", 60))
    assert int(again.id[1:]) == int(ids[-1][1:]) + 1
    assert await machine.accept() is False


async def test_no_id_is_given_twice_and_today_counts_as_used(machine: Machine) -> None:
    ids = await lived_in(machine)
    await machine.put_back()
    for turn in range(2):
        async with machine.ledger() as ledger:
            await ledger.enlist(ROSTER)
            refused = await ledger.pick(an_ask(f"n{turn}", 60, defers=False))
            assert refused == Exhausted(MIDNIGHT, ((Why.RESTORED, 2),))
            later = await deferred(ledger, an_ask(f"l{turn}", 60))
            assert (later.not_before, int(later.id[1:]) > 10**12) == (MIDNIGHT, True)
            assert (await picked(ledger, an_ask("ann", 60, reply=True))).sticky, "who has written is answered"
    async with machine.ledger() as ledger:
        await ledger.enlist(a_roster(a_member(1), a_member(2), day=TODAY + 1))
        out = await picked(ledger, an_ask("cid", 12 * HOUR))
        assert out.id not in ids


async def test_the_day_of_a_restore_is_that_of_the_sets_own_zone(machine: Machine) -> None:
    """At noon in London it is tomorrow in Auckland."""
    await lived_in(machine)
    await machine.put_back()
    async with machine.ledger() as ledger:
        far = {"zone": "Pacific/Auckland", "set_": "shop/far"}
        await ledger.enlist(a_roster(a_member(3), day=TODAY + 1, **far))
        ask = {"set": "shop/far", "day": TODAY + 1, "tomorrow": NOON + 23 * HOUR, "defers": False}
        assert isinstance(await ledger.pick(an_ask(after=60, **ask)), Exhausted)
        await ledger.enlist(a_roster(a_member(3), day=TODAY + 2, **far))
        ask |= {"day": TODAY + 2, "tomorrow": NOON + 47 * HOUR}
        assert isinstance(await ledger.pick(an_ask(after=23 * HOUR, **ask)), Picked)


async def test_a_ledger_keeps_its_id_and_a_restore_begins_an_epoch(machine: Machine) -> None:
    marks = []
    await lived_in(machine)
    for turn in range(3):
        async with machine.ledger() as ledger:
            await ledger.enlist(ROSTER)
            marks.append(ledger.mark)
        if turn == 0:
            await machine.put_back()
    before, restored, after = marks
    assert before is not None
    assert restored is not None
    assert (restored.id, before.id > 0, before.epoch) == (before.id, True, 0)
    assert restored.epoch > 0
    assert after == restored


@pytest.mark.parametrize("before", [True, False])
async def test_a_person_may_say_that_the_counts_are_right(machine: Machine, before: bool) -> None:
    ids = await lived_in(machine)
    await machine.put_back()
    if before and isinstance(machine, OnSqlite):
        assert await machine.accept()
    else:
        async with machine.ledger() as ledger:
            await ledger.enlist(ROSTER)
            assert isinstance(await ledger.pick(an_ask("n", 60, defers=False)), Exhausted)
        assert await machine.accept()
    async with machine.ledger() as ledger:
        await ledger.enlist(ROSTER)
        assert (await picked(ledger, an_ask("n", 60))).id not in ids
    assert await machine.accept() is False


async def test_opt_outs_are_kept_apart_and_merged(machine: Machine) -> None:
    await lived_in(machine)
    async with machine.ledger() as ledger:
        await ledger.meet_keys({b"a-check-value": "2026-11"})
        await ledger.suppress([an_opt_out("cid", also=(somebody("cid-under-another"),), by_word=True)])
    file = io.StringIO()
    assert write_list(*await machine.opt_outs(), file) == 2
    assert "2026-11" in file.getvalue().splitlines()[0]
    await machine.put_back()
    for new in (2, 0):
        file.seek(0)
        assert await merge_list(file, machine.ledger()) == new
    async with machine.ledger() as ledger:
        await ledger.enlist(ROSTER)
        for name in ("bob", "cid", "cid-under-another"):
            assert await ledger.pick(an_ask(name, DAY)) == Suppressed(SET_SCOPE)
        assert await ledger.meet_keys({}) == ("2026-11",), "its keys are known here too"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Line 1 of the file is no opt-out"),
        (json.dumps({"format": "another", "keys": {}}), "The file is 'another'"),
        (json.dumps({"format": "ringfleet-opt-outs/1", "keys": {}}) + "\n{}", "Line 2 of the file is no opt-out"),
    ],
)
async def test_a_file_that_is_none_is_refused_by_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        await merge_list(io.StringIO(text), SqliteLedger(tmp_path / "ledger.sqlite"))
