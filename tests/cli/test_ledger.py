"""`ringfleet ledger`: made and brought up to date, copied while it is in use, and checked against its laws."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import apsw
import asyncpg
import pytest
from click.testing import CliRunner, Result

from ringfleet.cli.main import main
from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.shared import PostgresLedger
from ringfleet.dispatch.ledger.sqlite.file import SCHEMAS
from ringfleet.dispatch.ledger.types import GivenBack
from ringfleet.dispatch.recipients import read_keys
from tests.dispatch.conftest import postgres_dsn, postgres_server
from tests.dispatch.ledger.builders import (
    DAY,
    NOON,
    SET,
    TODAY,
    a_member,
    a_roster,
    an_ask,
    deferred,
    fill,
    picked,
    used,
)

Run = Callable[..., Result]

__all__ = ["postgres_dsn", "postgres_server"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def run(path: Path) -> Run:
    return lambda command, *arguments: CliRunner().invoke(
        main, ["ledger", command, "--ledger", f"sqlite:{path}", *map(str, arguments)]
    )


async def lived_in(ledger: Ledger) -> None:
    """Picks with and without a key, one given back, one put off."""
    await ledger.enlist(a_roster(a_member(1, daily=3), a_member(2, daily=3)))
    await fill(ledger, ("ann", "bob", "cid"))
    first = await picked(ledger, an_ask("dan", key="k1", fingerprint=b"f"))
    assert await ledger.give_back(SET, first.id, TODAY) is GivenBack.RETURNED
    await fill(ledger, ("eve", "fay", "gus"))
    await deferred(ledger, an_ask("hal", key="k2", fingerprint=b"f"))


@pytest.fixture
async def kept(path: Path) -> Path:
    async with SqliteLedger(path) as ledger:
        await lived_in(ledger)
    return path


def test_a_ledger_is_made_once(run: Run, path: Path) -> None:
    assert (run("migrate").output, path.exists()) == (f"Made, with schema {len(SCHEMAS)}.\n", True)
    assert run("migrate").output == f"The schema is {len(SCHEMAS)}: nothing to do.\n"


async def test_a_ledger_in_use_is_not_migrated(run: Run, path: Path) -> None:
    async with SqliteLedger(path):
        result = run("migrate")
    assert (result.exit_code, result.output.count("in use by another process")) == (1, 1)


async def test_a_copy_is_made_while_picks_go_on(run: Run, path: Path, tmp_path: Path) -> None:
    """It has all that was acknowledged before, and it is a ledger."""
    copy = tmp_path / "copy.sqlite"
    async with SqliteLedger(path) as ledger:
        await ledger.enlist(a_roster(a_member(1, daily=100_000, hourly=100_000)))
        await fill(ledger, (f"n{n}" for n in range(50)))
        going_on = asyncio.create_task(fill(ledger, (f"m{n}" for n in range(500))))
        result = await asyncio.to_thread(run, "backup", copy)
        await going_on
    assert result.exit_code == 0, result.output
    assert sorted(one.name for one in tmp_path.iterdir() if "copy" in one.name) == ["copy.sqlite"]
    assert copy.stat().st_mode & 0o077 == 0
    assert CliRunner().invoke(main, ["ledger", "verify", "--ledger", f"sqlite:{copy}"]).exit_code == 0
    async with SqliteLedger(copy, now=lambda: NOON - 2 * DAY) as again:  # restored before the day of this test
        await again.enlist(a_roster(a_member(1, daily=100_000, hourly=100_000)))
        assert sum((await used(again)).values()) >= 50
        assert (await picked(again, an_ask("n7", dry_run=True))).sticky


def test_a_copy_never_takes_the_place_of_a_file(run: Run, kept: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("precious")
    result = run("backup", there)
    assert (result.exit_code, there.read_text()) == (1, "precious")


@pytest.mark.parametrize("command", ["backup", "verify"])
def test_a_ledger_that_is_not_there_is_not_made(run: Run, path: Path, tmp_path: Path, command: str) -> None:
    result = run(command, *([tmp_path / "copy"] if command == "backup" else []))
    assert (result.exit_code, "can't be opened" in result.output, list(tmp_path.iterdir())) == (1, True, [])


def test_a_ledger_that_keeps_its_laws_passes(run: Run, kept: Path) -> None:
    assert run("verify").output == "The ledger keeps its laws.\n"


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (
            "UPDATE seat SET used = used + 1 WHERE number = 14155550001",
            "number +14155550001 of shop/calls: 4 counted as used on its last day, and 3 picks of that day are out",
        ),
        (
            "UPDATE journal SET counted = 0 WHERE seq = 1",
            "number +14155550001 of shop/calls: 3 counted as used on its last day, and 2 picks of that day are out",
        ),
        (
            "UPDATE contact SET number = 1 WHERE recipient = (SELECT recipient FROM journal WHERE seq = 1)",
            "a recipient of shop/calls has the number +1, which was never in it",
        ),
        (
            "UPDATE journal SET number = 1 WHERE seq = 4",
            "picks of the number +1 in shop/calls: the number has no counts",
        ),
        (
            "UPDATE deferral SET number = 1",
            "deferral d9 of shop/calls reserves room on the number +1, which was never in it",
        ),
        (
            "DELETE FROM journal WHERE seq = 4",
            "a key is answered by the entry 4, which is not there",
        ),
        ("UPDATE deferral SET set_id = 9", "deferral 9 belongs to no set"),
        (
            "PRAGMA user_version = 0",
            f"the schema is 0, and this program knows {len(SCHEMAS)}: run `ringfleet ledger migrate`",
        ),
    ],
)
def test_a_broken_law_is_told_in_a_sentence(run: Run, kept: Path, damage: str, sentence: str) -> None:
    connection = apsw.Connection(str(kept))
    connection.execute(damage)
    connection.close()
    result = run("verify")
    assert (result.exit_code, sentence in result.output.splitlines()) == (1, True), result.output


def test_a_file_that_is_damaged_is_told(run: Run, kept: Path) -> None:
    connection = apsw.Connection(str(kept))
    page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'journal'").get
    connection.close()
    with kept.open("r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(b"\xff" * 100)
    result = run("verify")
    assert (result.exit_code, "btree" in result.output.lower() or "malformed" in result.output) == (1, True)


async def in_postgres(dsn: str, command: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, main, ["ledger", command, "--ledger", dsn])


async def test_a_postgres_ledger_is_made_once_and_verified(postgres_dsn: str) -> None:
    assert (await in_postgres(postgres_dsn, "verify")).exit_code == 1
    assert (await in_postgres(postgres_dsn, "migrate")).output.startswith("Made, with schema ")
    assert (await in_postgres(postgres_dsn, "migrate")).output.endswith("nothing to do.\n")
    async with PostgresLedger(postgres_dsn) as ledger:
        await lived_in(ledger)
        assert (await in_postgres(postgres_dsn, "verify")).output == "The ledger keeps its laws.\n"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE journal SET counted = 0 WHERE seq = 1", "3 counted as used on its last day, and 2 picks"),
        ("INSERT INTO replay VALUES ('k', 99)", "a key is answered by the entry 99, which is not there"),
    ],
)
async def test_a_broken_law_in_postgres_is_told_in_a_sentence(postgres_dsn: str, damage: str, told: str) -> None:
    async with PostgresLedger(postgres_dsn, migrates=True) as ledger:
        await lived_in(ledger)
        await ledger.prune(an_ask().now, 0.0)  # it folds the journal first
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute(f"SET search_path TO ringfleet; {damage}")
    await connection.close()
    result = await in_postgres(postgres_dsn, "verify")
    assert (result.exit_code, told in result.output) == (1, True), result.output


def test_an_address_that_is_none_is_not_repeated() -> None:
    """It may hold a password."""
    result = CliRunner().invoke(main, ["ledger", "verify", "--ledger", "mysql://me:secret@host/db"])
    assert (result.exit_code, "secret" in result.output) == (1, False)


def test_postgres_is_backed_up_by_its_own_means(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["ledger", "backup", "--ledger", "postgresql://me:secret@host/db", str(tmp_path)])
    assert result.exit_code != 0
    assert "secret" not in result.output


# Restored, apart, and one person's rights.


async def test_after_a_restore_a_person_says_that_the_counts_are_right(run: Run, kept: Path, tmp_path: Path) -> None:
    assert run("accept-counts").output == "The ledger was not restored: nothing to do.\n"
    run("backup", tmp_path / "copy.sqlite")
    (tmp_path / "copy.sqlite").replace(kept)
    assert run("accept-counts").output == "Today's counts are taken for right.\n"
    async with SqliteLedger(kept) as ledger:
        await ledger.enlist(a_roster(a_member(1, daily=9), a_member(2, daily=9)))
        assert len((await picked(ledger, an_ask("ivy"))).id) > 12


def test_opt_outs_go_from_one_ledger_to_another(run: Run, kept: Path, tmp_path: Path) -> None:
    with closing(apsw.Connection(str(kept))) as connection:
        row = ("brand:shop/acme", b"h" * 16, 1.0, "our own list")
        connection.execute("INSERT INTO suppression VALUES (?, ?, ?, ?, 0, NULL)", row)
    file, other = tmp_path / "opt-outs.jsonl", f"sqlite:{tmp_path}/other.sqlite"
    assert run("export-opt-outs", file).output == "1 opt-outs\n"
    assert run("export-opt-outs", file).exit_code != 0, "no file is written over"
    merge = ["ledger", "merge-opt-outs", "--ledger", other, str(file)]
    assert [CliRunner().invoke(main, merge).output for _ in range(2)] == [
        "1 opt-outs are new\n",
        "0 opt-outs are new\n",
    ]
    file.write_text("nonsense")
    assert "Line 1 of the file is no opt-out" in CliRunner().invoke(main, merge).output


def test_one_person_is_told_and_forgotten(run: Run, path: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "2026-11").write_bytes(b"k" * 32)
    ann = read_keys(keys).hashes("+14155550198")

    async def live() -> None:
        async with SqliteLedger(path) as ledger:
            await ledger.enlist(a_roster(a_member(1)))
            await picked(ledger, replace(an_ask(), recipient=ann[0]))

    asyncio.run(live())
    told = json.loads(run("export-recipient", "--keys", keys, "+14155550198").output)
    assert [one["number"] for one in told["picks"]] == ["+14155550001"]
    assert run("erase-recipient", "--keys", keys, "+14155550198").output == "2 rows forgotten\n"
    assert not any(json.loads(run("export-recipient", "--keys", keys, "+14155550198").output).values())
    assert "no possible number" in run("export-recipient", "--keys", keys, "4155550198").output
    (keys / "2026-11").write_bytes(b"x" * 32)
    assert "under the key 2026-11" in run("erase-recipient", "--keys", keys, "+14155550198").output


def test_what_is_kept_is_told(run: Run) -> None:
    result = CliRunner().invoke(main, ["ledger", "retention"])
    assert "suppression       recipients  for ever, until they are taken back: opt-outs\n" in result.output
