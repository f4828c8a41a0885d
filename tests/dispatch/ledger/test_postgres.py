"""What is PostgreSQL's alone: several processes at once, locks, migrations, and a server that goes away."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from ringfleet.dispatch.ledger.interface import LedgerUnavailable
from ringfleet.dispatch.ledger.postgres import Address, PostgresLedger, migrate
from ringfleet.dispatch.ledger.postgres.migrations import newest
from ringfleet.dispatch.ledger.types import Deferred, OptIn, Picked
from ringfleet.model.rotation import StickyMode
from ringfleet.model.traffic import Happening
from tests.dispatch.ledger.builders import (
    NOON,
    SET,
    SET_SCOPE,
    TODAY,
    US,
    WEST,
    a_member,
    a_number,
    a_roster,
    an_ask,
    an_event,
    an_opt_out,
    picked,
    somebody,
    used,
)
from tests.dispatch.postgres_server import PostgresServer
from tests.waiting import until

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT}"}
WAITING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def a_process(script: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, *arguments, stdout=asyncio.subprocess.PIPE, cwd=ROOT, env=ENVIRONMENT
    )


@pytest.fixture
async def ledger_dsn(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """The DSN of the ledger."""
    async with postgres_server.ledger() as dsn:
        yield dsn


@pytest.fixture
async def ledger(ledger_dsn: str) -> AsyncIterator[PostgresLedger]:
    async with PostgresLedger(ledger_dsn, migrates=True) as ledger:
        yield ledger


@asynccontextmanager
async def another(dsn: str) -> AsyncIterator[Any]:
    """A connection beside the ledger's, to its tables."""
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "ringfleet"})
    try:
        yield connection
    finally:
        await connection.close()


# Several at once.

ASKS = """
import asyncio, json, sys
from collections import Counter
from ringfleet.dispatch.ledger.postgres import PostgresLedger
from tests.dispatch.ledger.builders import an_ask

async def main():
    async with PostgresLedger(sys.argv[1]) as ledger:
        names, answers = iter(range(250)), Counter()
        async def work():
            for n in names:
                verdict = await ledger.pick(an_ask(f"{sys.argv[2]}{n}", defers=False))
                answers[getattr(verdict, "number", type(verdict).__name__)] += 1
        print("ready", flush=True)
        sys.stdin.readline()
        await asyncio.gather(*(work() for _ in range(16)))
        print(json.dumps(answers), flush=True)

asyncio.run(main())
"""


async def test_caps_are_exact_under_two_processes_at_once(ledger_dsn: str, ledger: PostgresLedger) -> None:
    """Room for 300, asked 250 times by each: neither can take it all."""
    await ledger.enlist(a_roster(*(a_member(n, daily=30, hourly=30) for n in range(10))))
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", ASKS, ledger_dsn, name,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT, env=ENVIRONMENT,
        )
        for name in "ab"
    ]  # fmt: skip
    for process in processes:
        assert process.stdout
        assert await process.stdout.readline() == b"ready\n"
    outputs = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    answers = [Counter(json.loads(output)) for output, _ in outputs]
    assert answers[0] + answers[1] == Counter(dict.fromkeys(map(a_number, range(10)), 30) | {"Exhausted": 200})
    assert all(one.total() - one["Exhausted"] > 0 for one in answers), "both were at it"
    assert await used(ledger) == dict.fromkeys(map(a_number, range(10)), 30)


async def test_a_cap_is_compared_again_once_the_member_is_ours(ledger_dsn: str, ledger: PostgresLedger) -> None:
    """The last unit was there when we looked, and goes to another while we wait for the member."""
    await ledger.enlist(a_roster(a_member(1, daily=2)))
    await picked(ledger, an_ask())
    async with another(ledger_dsn) as holder, holder.transaction():
        await holder.execute("UPDATE member SET used = used + 1")
        asked = asyncio.create_task(ledger.pick(an_ask(after=1, mode=StickyMode.STRICT)))
        async with another(ledger_dsn) as observer:
            await until(lambda: observer.fetch(WAITING), "the pick to wait for the member")
    assert isinstance(await asked, Deferred)
    assert await used(ledger) == {a_number(1): 2}


async def test_nobody_waits_in_a_circle(ledger_dsn: str, ledger: PostgresLedger) -> None:
    """2,000 operations of all kinds on the same few rows, by two dispatchers: a deadlock would fail one of them."""
    dice = random.Random(11)
    members = [a_member(n, daily=12, hourly=9, daily_tomorrow=400, tiers=(WEST if n % 2 else US, "")) for n in range(8)]
    out: list[Picked] = []
    put_off: dict[str, str] = {}
    done: Counter[str] = Counter()

    async def one(ledger: PostgresLedger, n: int) -> None:
        name = f"n{dice.randrange(30)}"
        match dice.randrange(20):
            case 0:
                await ledger.enlist(a_roster(*dice.sample(members, 7)))
            case 1 | 2 | 3 | 4 if out:
                await ledger.give_back(SET, out.pop(dice.randrange(len(out))).id, TODAY)
            case 5 | 6:
                batch = [
                    replace(
                        an_event(f"e{dice.randrange(900)}", dice.choice(list(Happening)), n=dice.randrange(8),
                                 subject=f"c{dice.randrange(20)}", label="Spam" if not dice.randrange(9) else ""),
                        opt_outs=(an_opt_out(f"x{dice.randrange(20)}", since=NOON + n, by_word=True),),
                        opt_ins=(OptIn(SET_SCOPE, somebody(f"x{dice.randrange(20)}"), NOON + n),),
                    )
                    for _ in range(10)
                ]  # fmt: skip
                await ledger.ingest(batch)
            case 7:
                await ledger.suppress([an_opt_out(f"x{dice.randrange(20)}") for _ in range(20)])
            case 8:
                await ledger.allow(SET_SCOPE, [somebody(f"x{dice.randrange(20)}") for _ in range(10)])
            case 9:
                await ledger.prune(an_ask(after=1000.0).now, 0.0)
            case _:
                older = (somebody(f"n{dice.randrange(30)}"),) if dice.randrange(3) == 0 else ()
                ask = an_ask(name, float(n), known_as=older, tiers=(WEST, US, ""), key=f"k{dice.randrange(400)}")
                if name in put_off and dice.randrange(2):
                    ask = replace(ask, deferral=put_off.pop(name), now=ask.now + 43200.0, day=TODAY + 1)
                verdict = await ledger.pick(ask)
                done[type(verdict).__name__] += 1
                if isinstance(verdict, Picked):
                    out.append(verdict)
                elif hasattr(verdict, "number"):
                    put_off[name] = verdict.id

    await ledger.enlist(a_roster(*members))
    async with PostgresLedger(ledger_dsn) as second:
        left = iter(range(2_000))

        async def work(ledger: PostgresLedger) -> None:
            for n in left:
                await one(ledger, n)

        await asyncio.gather(*(work(which) for which in (ledger, second) for _ in range(12)))
    assert done["Picked"] > 50
    assert done["Deferred"] > 50, "else nothing was contended for"


async def test_a_member_that_others_hold_is_waited_for_before_none_is_said(
    ledger_dsn: str, ledger: PostgresLedger
) -> None:
    await ledger.enlist(a_roster(a_member(1)))
    async with another(ledger_dsn) as holder:
        held = holder.transaction()
        await held.start()
        await holder.execute("SELECT FROM member FOR UPDATE")
        asked = asyncio.create_task(ledger.pick(an_ask()))
        async with another(ledger_dsn) as observer:
            await until(lambda: observer.fetch(WAITING), "the pick to wait for the member")
        await held.rollback()
    verdict = await asked
    assert isinstance(verdict, Picked)
    assert verdict.number == a_number(1)


async def test_a_farther_place_is_not_taken_while_others_hold_the_nearer_one(
    ledger_dsn: str, ledger: PostgresLedger
) -> None:
    await ledger.enlist(a_roster(a_member(1), a_member(2, tiers=(US, ""))))
    async with another(ledger_dsn) as holder:
        held = holder.transaction()
        await held.start()
        await holder.execute("SELECT FROM member WHERE number = $1 FOR UPDATE", int(a_number(1)[1:]))
        asked = asyncio.create_task(ledger.pick(an_ask(tiers=(WEST, US))))
        async with another(ledger_dsn) as observer:
            await until(lambda: observer.fetch(WAITING), "the pick to wait for the nearer member")
        await held.rollback()
    verdict = await asked
    assert isinstance(verdict, Picked)
    assert (verdict.number, verdict.tier) == (a_number(1), WEST)


# Crashes.

PICKS = """
import asyncio, itertools, sys
from ringfleet.dispatch.ledger.postgres import PostgresLedger
from tests.dispatch.ledger.builders import an_ask

async def main():
    async with PostgresLedger(sys.argv[1]) as ledger:
        names = itertools.count()
        async def work():
            for n in names:
                print((await ledger.pick(an_ask(f"n{n}", key=f"k{n}", fingerprint=b"f"))).id, n, flush=True)
        await asyncio.gather(*(work() for _ in range(8)))

asyncio.run(main())
"""


async def test_kill_9_of_a_dispatcher_under_load_loses_nothing_that_was_acknowledged(
    ledger_dsn: str, ledger: PostgresLedger
) -> None:
    await ledger.enlist(a_roster(*(a_member(n, daily=100_000, hourly=100_000) for n in range(50))))
    child = await a_process(PICKS, ledger_dsn)
    assert child.stdout
    lines = [await child.stdout.readline() for _ in range(300)]
    child.kill()
    lines += (await child.stdout.read()).splitlines(keepends=True)
    await child.wait()
    acknowledged = dict(reversed(line.split()) for line in lines if line.endswith(b"\n"))
    assert len(acknowledged) >= 300
    assert sum((await used(ledger)).values()) >= len(acknowledged)
    for n, id_ in acknowledged.items():
        again = await picked(ledger, an_ask(f"n{int(n)}", key=f"k{int(n)}", fingerprint=b"f"))
        assert again.id == id_.decode()


async def test_a_connection_that_is_lost_is_said_and_made_anew(ledger_dsn: str, ledger: PostgresLedger) -> None:
    """While a pick waits for its answer. What became of it is not known; nothing of it is kept here."""
    await ledger.enlist(a_roster(a_member(1)))
    async with another(ledger_dsn) as holder, holder.transaction():
        await holder.execute("SELECT FROM member FOR UPDATE")
        asked = asyncio.create_task(ledger.pick(an_ask()))
        async with another(ledger_dsn) as observer:
            for row in await until(lambda: observer.fetch(WAITING), "the pick to wait"):
                await observer.execute("SELECT pg_terminate_backend($1)", row["pid"])
        with pytest.raises(LedgerUnavailable, match=r"The ledger postgresql://.* (refused|can't be reached)"):
            await asked
    assert (await picked(ledger, an_ask())).remaining == 9


async def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    dsn = "postgresql://ringfleet:s3cret@127.0.0.1:1/ledger"
    for opening in (PostgresLedger(dsn).__aenter__(), migrate(Address(dsn))):
        with pytest.raises(LedgerUnavailable, match=r"postgresql://127.0.0.1:1/ledger can't be reached") as caught:
            await opening
        assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(Address(dsn))


@pytest.mark.parametrize("dsn", ["", "ledger.sqlite", "mysql://u:s3cret@host/db", "postgresql://u:s3cret@host:port/db"])
def test_what_is_no_dsn_is_refused_without_repeating_it(dsn: str) -> None:
    with pytest.raises(LedgerUnavailable, match="no DSN of PostgreSQL") as caught:
        PostgresLedger(dsn)
    assert "s3cret" not in str(caught.value)


async def test_an_argument_that_fits_nowhere_is_not_repeated(ledger: PostgresLedger) -> None:
    with pytest.raises(LedgerUnavailable) as caught:
        await ledger.pick(an_ask(recipient="+14155550123"))
    assert "4155550123" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_a_closed_ledger_says_so(postgres_dsn: str) -> None:
    async with PostgresLedger(postgres_dsn, migrates=True) as ledger:
        pass
    with pytest.raises(LedgerUnavailable, match="is closed"):
        await ledger.pick(an_ask())


# Migrations.


async def test_an_empty_database_is_migrated_when_that_is_allowed(postgres_dsn: str) -> None:
    with pytest.raises(LedgerUnavailable, match=r"is empty.*ringfleet ledger migrate"):
        await PostgresLedger(postgres_dsn).__aenter__()
    assert await migrate(Address(postgres_dsn)) == (0, newest())
    assert await migrate(Address(postgres_dsn)) == (newest(), newest())
    async with PostgresLedger(postgres_dsn) as ledger:
        await ledger.enlist(a_roster(a_member(1)))
        assert isinstance(await ledger.pick(an_ask()), Picked)


async def test_of_several_that_start_at_once_one_migrates(postgres_dsn: str) -> None:
    results = await asyncio.gather(*(migrate(Address(postgres_dsn)) for _ in range(4)))
    assert sorted(before for before, _ in results) == [0, *[newest()] * 3]


async def test_the_schema_of_a_newer_program_is_refused(postgres_dsn: str) -> None:
    await migrate(Address(postgres_dsn))
    async with another(postgres_dsn) as connection:
        await connection.execute("INSERT INTO schema_version (version) VALUES (99)")
    for migrates in (False, True):
        with pytest.raises(LedgerUnavailable, match=f"has schema 99.* none after {newest()}"):
            await PostgresLedger(postgres_dsn, migrates=migrates).__aenter__()


async def test_other_things_in_the_database_are_left_alone(postgres_dsn: str) -> None:
    async with another(postgres_dsn) as connection:
        await connection.execute("CREATE TABLE public.member (name text); INSERT INTO public.member VALUES ('theirs')")
        await migrate(Address(postgres_dsn))
        assert await connection.fetchval("SELECT name FROM public.member") == "theirs"
