"""Ledgers that an older program has written: what it promised holds on."""

from __future__ import annotations

import struct
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import apsw
import asyncpg
import msgspec
import pytest

from ringfleet.dispatch.ledger import postgres, sqlite
from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.keys import hash_key
from ringfleet.dispatch.ledger.postgres.connection import Address
from ringfleet.dispatch.ledger.postgres.migrations import migrate, newest
from ringfleet.dispatch.ledger.shared import PostgresLedger
from ringfleet.dispatch.ledger.types import Deferred, GivenBack, Letter, Picked, Posted, Suppressed, UnknownDeferral
from tests.dispatch.ledger.builders import (
    NOON,
    SET,
    SET_SCOPE,
    TODAY,
    a_member,
    a_number,
    a_roster,
    an_ask,
    deferred,
    picked,
    somebody,
    used,
)

ROSTER = a_roster(a_member(1, daily=2, hourly=9, daily_tomorrow=5))
TOMORROW = NOON + 12 * 3600.0


NO_SESSIONS = "".join(f"DROP TABLE proxy_{name}; " for name in ("session", "leg", "interaction", "replay"))
"""A ledger from before there were masked sessions."""


async def still_holds(ledger: Ledger) -> None:
    """Ann was called (k1), Bob too and given back, Cid is put off (k2), Eve has opted out."""
    await ledger.enlist(ROSTER)
    assert await used(ledger) == {a_number(1): 1}
    first = await picked(ledger, an_ask("ann", key="k1", fingerprint=b"f" * 16))
    assert (first.id, first.number, first.remaining) == ("p1", a_number(1), 1)
    assert await ledger.give_back(SET, "p2", TODAY) is GivenBack.RETURNED
    later = await deferred(ledger, an_ask("cid", key="k2", fingerprint=b"f" * 16))
    assert (later.id, later.not_before) == ("d1", TOMORROW)
    assert (await ledger.deferrals(SET, TODAY)).by_day == ((TODAY + 1, 1),)
    assert await ledger.pick(an_ask("eve")) == Suppressed(SET_SCOPE)
    again = await picked(ledger, an_ask("ann", 60))
    assert (again.sticky, int(again.id[1:]) > 2) == (True, True)
    new = await deferred(ledger, an_ask("fay", 60))
    assert int(new.id[1:]) > 2, "no id is given twice"
    assert await ledger.pick(an_ask("fay", 60, deferral="d1")) == UnknownDeferral()
    assert await ledger.give_back(SET, "p1", TODAY) is GivenBack.RETURNED
    assert await used(ledger) == {a_number(1): 1}


async def test_a_sqlite_ledger_of_schema_1_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    picked_ = Picked("p1", a_number(1), "shop/sandbox", False, False, "c:US", 1, ("least-used",))
    put_off = Deferred("d1", a_number(1), TOMORROW, ("all-out:daily-cap",))
    number, fingerprint = int(a_number(1)[1:]), b"f" * 16
    with closing(apsw.Connection(str(path))) as old:
        old.execute(files(sqlite).joinpath("schema.sql").read_text())
        old.execute("PRAGMA user_version = 1; INSERT INTO rotation_set VALUES (1, ?)", (SET,))
        old.execute("INSERT INTO seat VALUES (1, ?, ?, 1, ?, 1, ?)", (number, TODAY, int(NOON // 3600), NOON))
        for id_, (name, state) in enumerate((("ann", 0), ("bob", 1)), 1):
            row = (id_, number, somebody(name), NOON, TODAY, state)
            old.execute("INSERT INTO pick VALUES (?1, 1, ?2, ?3, ?4, ?5, 1, ?6)", row)
        times = struct.pack("<2d", NOON, NOON)
        old.execute("INSERT INTO contact VALUES (1, ?, ?, ?, ?)", (somebody("ann"), number, int(NOON), times))
        for id_, key, letter, answer in ((1, "k1", b"p", picked_), (2, "k2", b"d", put_off)):
            told = letter + msgspec.msgpack.encode(answer)
            old.execute("INSERT INTO answer VALUES (?, ?, ?, ?, ?)", (id_, hash_key(SET, key), NOON, fingerprint, told))
            old.execute("INSERT INTO replay VALUES (?, ?)", (hash_key(SET, key), id_))
        row = (number, somebody("cid"), TODAY + 1, TOMORROW, NOON)
        old.execute("INSERT INTO deferral VALUES (1, 1, ?, ?, ?, ?, ?, 0)", row)
        old.execute("INSERT INTO suppression VALUES (?, ?, ?, 'list', 0)", (SET_SCOPE, somebody("eve"), NOON))
    async with SqliteLedger(path) as ledger:
        await still_holds(ledger)


OLD_PICK = f"SELECT kind, answer FROM pick({', '.join(f'${n}' for n in range(1, 26))})"


def old_ask(name: str, key: str) -> tuple[object, ...]:
    ask = an_ask(name)
    return (
        *(ask.set, ask.recipient, [], ask.now, ask.day, ask.tomorrow, ask.hour_ends, list(ask.tiers), list(ask.scopes)),
        *(None, key, b"f" * 16, False, "prefer", ask.sticky_ttl, ask.max_wait, None, None, True, False, None, 7, None),
        *(None, False),
    )


async def test_a_postgres_ledger_of_schema_4_goes_on(postgres_dsn: str) -> None:
    """Made by the functions of its time."""
    connection = await asyncpg.connect(postgres_dsn)
    try:
        await connection.execute(
            "CREATE SCHEMA ringfleet; SET search_path TO ringfleet; "
            "CREATE TABLE schema_version (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        for version, name in enumerate(("0001_schema", "0002_pick", "0003_roster", "0004_events"), 1):
            await connection.execute(files(postgres).joinpath(f"{name}.sql").read_text())
            await connection.execute("INSERT INTO schema_version (version) VALUES ($1)", version)
        (member,) = ROSTER.members
        one = msgspec.to_builtins(member) | {"number": int(member.number[1:])}
        await connection.execute("SELECT enlist($1, $2, $3)", SET, TODAY, msgspec.json.encode([one]).decode())
        assert (await connection.fetchrow(OLD_PICK, *old_ask("ann", "k1")))["kind"] == "Picked"
        assert (await connection.fetchrow(OLD_PICK, *old_ask("bob", "k9")))["kind"] == "Picked"
        assert (await connection.fetchrow(OLD_PICK, *old_ask("cid", "k2")))["kind"] == "Deferred"
        await connection.execute("SELECT give_back($1, 2, $2)", SET, TODAY)
        scope, who = [SET_SCOPE], [somebody("eve")]
        await connection.execute("SELECT suppress($1, $2, $3, $4, $5)", scope, who, [NOON], ["list"], [False])
        assert await migrate(Address(postgres_dsn)) == (4, newest())
        functions = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'ringfleet'::regnamespace"
        assert await connection.fetchval(functions) == 0, "the law stands once, and not here"
    finally:
        await connection.close()
    async with PostgresLedger(postgres_dsn) as ledger:
        await still_holds(ledger)


async def test_events_that_waited_in_a_sqlite_ledger_of_schema_8_are_for_the_analytics(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with SqliteLedger(path) as new:
        assert await new.outbox(9) == ()
    with closing(apsw.Connection(str(path))) as old:
        old.execute("DROP INDEX outbox_of_target; DROP INDEX outbox_of_recipient; PRAGMA user_version = 8")
        old.execute("ALTER TABLE outbox DROP COLUMN target; ALTER TABLE outbox DROP COLUMN recipient")
        old.execute(NO_SESSIONS)
        old.execute("INSERT INTO outbox VALUES (7, ?, ?)", (NOON, b"{}"))
    async with SqliteLedger(path) as ledger:
        assert await ledger.outbox(9) == (Posted(7, b"{}", NOON),)
        await ledger.post([Letter("http://here/", b"1")], NOON)
        assert await ledger.outbox(9, "http://here/") == (Posted(8, b"1", NOON),)


async def test_events_that_waited_in_a_postgres_ledger_of_schema_11_are_for_the_analytics(postgres_dsn: str) -> None:
    await migrate(Address(postgres_dsn))
    connection = await asyncpg.connect(postgres_dsn, server_settings={"search_path": "ringfleet"})
    try:
        await connection.execute("ALTER TABLE outbox DROP COLUMN target, DROP COLUMN recipient")
        await connection.execute("DELETE FROM schema_version WHERE version >= 12")
        await connection.execute(NO_SESSIONS)
        await connection.execute("INSERT INTO outbox VALUES (7, $1, $2)", NOON, b"{}")
        assert await migrate(Address(postgres_dsn)) == (11, newest())
    finally:
        await connection.close()
    async with PostgresLedger(postgres_dsn) as ledger:
        assert await ledger.outbox(9) == (Posted(7, b"{}", NOON),)
        await ledger.post([Letter("http://here/", b"1")], NOON)
        assert await ledger.outbox(9, "http://here/") == (Posted(8, b"1", NOON),)


@pytest.mark.parametrize("module", [sqlite, postgres])
def test_a_store_asks_for_nothing_but_rows(module: object) -> None:
    """No function, trigger or procedure in what a new ledger is made of after schema 4."""
    folder = files(module)  # type: ignore[arg-type]  # a package
    scripts = [one for one in folder.iterdir() if one.name.endswith(".sql")]
    new = [one for one in scripts if one.name[:4] not in ("0001", "0002", "0003", "0004") or module is sqlite]
    assert new
    for script in new:
        said = script.read_text().upper()
        assert not any(word in said for word in ("CREATE FUNCTION", "CREATE TRIGGER", "PLPGSQL", "CREATE PROCEDURE"))
