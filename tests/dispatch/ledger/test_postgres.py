"""What is PostgreSQL's alone: whose the ledger is, what is not known to be written, and wishes from any replica."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from ringfleet.dispatch.ledger.interface import LedgerUnavailable, NotTheOwner
from ringfleet.dispatch.ledger.owner import groups
from ringfleet.dispatch.ledger.owner.wishes import Wish, write_wish
from ringfleet.dispatch.ledger.postgres.connection import Address
from ringfleet.dispatch.ledger.postgres.migrations import migrate, newest
from ringfleet.dispatch.ledger.shared import PostgresLedger
from ringfleet.dispatch.ledger.types import Ask, Letter, Picked, Suppressed
from ringfleet.model.traffic import Happening
from ringfleet.plan.rotation_set.roster import State
from tests.dispatch.ledger.builders import (
    SET,
    SET_SCOPE,
    TODAY,
    a_member,
    a_number,
    a_roster,
    an_ask,
    an_event,
    an_opt_out,
    heard_from,
    picked,
    somebody,
    used,
)
from tests.dispatch.ledger.relay import WISH, Cut, relayed
from tests.dispatch.postgres_server import PostgresServer
from tests.waiting import until

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT}"}
HERE, THERE = "http://here:8095", "http://there:8095"
STALE = "UPDATE owner SET beat = '-infinity'"
"""As if the owner had not been heard of for long."""


@pytest.fixture(autouse=True)
def quick_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "BEAT_SECONDS", 0.05)


@pytest.fixture
async def ledger_dsn(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """The DSN of the ledger."""
    async with postgres_server.ledger() as dsn:
        yield dsn


@pytest.fixture
async def ledger(ledger_dsn: str) -> AsyncIterator[PostgresLedger]:
    """The owner, with room for much."""
    async with PostgresLedger(ledger_dsn, HERE, migrates=True) as ledger:
        await ledger.enlist(a_roster(a_member(1, daily=10_000, hourly=10_000)))
        yield ledger


@asynccontextmanager
async def another(dsn: str) -> AsyncIterator[Any]:
    """A connection beside the ledger's, to its tables."""
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "ringfleet"})
    try:
        yield connection
    finally:
        await connection.close()


async def owns(ledger: PostgresLedger) -> bool:
    try:
        await ledger.rollup(SET, 0.0, TODAY)
    except LedgerUnavailable:
        return False
    return True


async def ask_until_answered(ask: Ask, *ledgers: PostgresLedger) -> Picked:
    """As a caller does: the same key again, wherever the owner is."""
    while True:
        for ledger in ledgers:
            try:
                return await picked(ledger, ask)
            except LedgerUnavailable:
                await asyncio.sleep(0)


# Whose it is.


async def test_of_two_one_decides_and_the_other_says_who(ledger_dsn: str, ledger: PostgresLedger) -> None:
    async with PostgresLedger(ledger_dsn, THERE) as second:
        with pytest.raises(NotTheOwner, match=f"decided by {HERE}") as caught:
            await second.pick(an_ask())
        assert caught.value.owner == HERE
        assert isinstance(await ledger.pick(an_ask()), Picked)


async def test_an_owner_that_ends_hands_over_at_once(ledger_dsn: str) -> None:
    """What it decided is there, folded or not; the second one never waits for five seconds."""
    async with PostgresLedger(ledger_dsn, THERE, migrates=True) as first:
        await first.enlist(a_roster(a_member(1)))
        ask = an_ask(key="k", fingerprint=b"f")
        before = await picked(first, ask)
    async with PostgresLedger(ledger_dsn, HERE) as second:
        assert await picked(second, ask) == before
        assert await used(second) == {a_number(1): 1}, "and the last roster holds"


async def test_an_owner_that_is_silent_loses_the_ledger_and_writes_nothing_more(
    ledger_dsn: str, ledger: PostgresLedger
) -> None:
    """Two that both believe: what the old one still decides is refused, and leaves nothing."""
    await picked(ledger, an_ask("ann"))
    async with another(ledger_dsn) as connection:
        await connection.execute("UPDATE owner SET token = gen_random_uuid(), address = $1", THERE)
        with pytest.raises(NotTheOwner):
            await ledger.pick(an_ask("bob"))
        assert await connection.fetchval("SELECT count(*) FROM journal WHERE kind = 1") == 1
        await connection.execute(STALE)
    await until(lambda: owns(ledger), "the ledger to be taken again")
    assert (await picked(ledger, an_ask("cid"))).remaining == 10_000 - 2


OWNER = """
import asyncio, sys
from ringfleet.dispatch.ledger.shared import PostgresLedger
from tests.dispatch.ledger.builders import an_ask

async def main():
    async with PostgresLedger(sys.argv[1], "http://child:8095") as ledger:
        for n, _ in enumerate(iter(lambda: sys.stdin.readline(), "")):
            try:
                print((await ledger.pick(an_ask(f"n{n}", key=f"k{n}", fingerprint=b"f"))).id, flush=True)
            except Exception as error:
                print(type(error).__name__, flush=True)

asyncio.run(main())
"""


@asynccontextmanager
async def a_child(script: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT, env=ENVIRONMENT,
    )  # fmt: skip
    try:
        yield child
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def asked(child: asyncio.subprocess.Process) -> str:
    assert child.stdin
    assert child.stdout
    child.stdin.write(b"\n")
    return (await child.stdout.readline()).decode().strip()


async def test_an_owner_that_is_stopped_before_it_sends_finds_the_ledger_taken(ledger_dsn: str) -> None:
    """SIGSTOP: it holds no lock, whatever the kernel goes on answering for it; and SIGCONT later, its group is none."""
    await migrate(Address(ledger_dsn))
    async with PostgresLedger(ledger_dsn, HERE) as first:
        await first.enlist(a_roster(a_member(1)))
    async with a_child(OWNER, ledger_dsn) as child:
        assert (await asked(child)).startswith("p")
        os.kill(child.pid, signal.SIGSTOP)
        async with another(ledger_dsn) as connection:
            await connection.execute(STALE)
        async with PostgresLedger(ledger_dsn, HERE) as second:
            assert isinstance(await second.pick(an_ask("bob")), Picked)
            assert child.stdin
            child.stdin.write(b"\n")
            os.kill(child.pid, signal.SIGCONT)
            assert child.stdout
            assert (await child.stdout.readline()).strip() == b"NotTheOwner"
            assert await used(second) == {a_number(1): 2}


async def test_an_owner_that_is_stopped_after_it_has_sent_holds_nothing_up(ledger_dsn: str) -> None:
    """SIGSTOP while its group waits: the group is written, another takes the ledger, and both say the same of it."""
    await migrate(Address(ledger_dsn))
    async with PostgresLedger(ledger_dsn, HERE) as first:
        await first.enlist(a_roster(a_member(1)))
    async with a_child(OWNER, ledger_dsn) as child, another(ledger_dsn) as holder:
        assert (await asked(child)).startswith("p")
        assert child.stdin
        assert child.stdout
        held = holder.transaction()
        await held.start()
        await holder.execute("SELECT FROM owner FOR UPDATE")
        child.stdin.write(b"\n")
        async with another(ledger_dsn) as observer:
            waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%journal%'"
            await until(lambda: observer.fetch(waiting), "the group to wait for the owner's row")
            os.kill(child.pid, signal.SIGSTOP)
            await held.rollback()
            made = "SELECT 1 FROM journal WHERE kind = 1 OFFSET 1"
            await until(lambda: observer.fetch(made), "the group to be written all the same")
            await observer.execute(STALE)
        async with PostgresLedger(ledger_dsn, HERE) as second:
            again = await picked(second, an_ask("n1", key="k1", fingerprint=b"f"))
            os.kill(child.pid, signal.SIGCONT)
            assert (await child.stdout.readline()).decode().strip() == again.id
            assert await used(second) == {a_number(1): 2}


async def test_an_owner_that_is_killed_under_load_loses_nothing_that_was_acknowledged(ledger_dsn: str) -> None:
    await migrate(Address(ledger_dsn))
    async with PostgresLedger(ledger_dsn, HERE) as first:
        await first.enlist(a_roster(a_member(1, daily=10_000, hourly=10_000)))
    async with a_child(OWNER, ledger_dsn) as child:
        assert child.stdin
        assert child.stdout
        child.stdin.write(b"\n" * 2_000)
        acknowledged = [(await child.stdout.readline()).decode().strip() for _ in range(200)]
        child.kill()
        acknowledged += (await child.stdout.read()).decode().split()
    async with another(ledger_dsn) as connection:
        await connection.execute(STALE)
    async with PostgresLedger(ledger_dsn, HERE) as second:
        assert (await used(second))[a_number(1)] >= len(acknowledged)
        for n, id_ in enumerate(acknowledged):
            assert (await picked(second, an_ask(f"n{n}", key=f"k{n}", fingerprint=b"f"))).id == id_


# What is not known to be written.


@pytest.mark.parametrize("where", [Cut.BEFORE, Cut.AFTER])
async def test_a_group_whose_answer_is_lost_is_asked_again_and_counts_once(
    ledger_dsn: str, ledger: PostgresLedger, where: Cut
) -> None:
    """Whether the server has written it or not: the caller is refused, and the same key has one effect."""
    await ledger.__aexit__()
    async with relayed(ledger_dsn) as relay, PostgresLedger(relay.dsn, HERE) as behind:
        await picked(behind, an_ask("ann"))
        relay.cut = where
        ask = an_ask("bob", key="k", fingerprint=b"f")
        with pytest.raises(LedgerUnavailable):
            await behind.pick(ask)
        assert relay.cuts == 1
        again = await picked(behind, ask)
        assert again.remaining == 10_000 - 2
        assert await picked(behind, ask) == again
        assert await used(behind) == {a_number(1): 2}


async def test_a_group_that_still_waits_when_its_owner_gives_up_is_nothing(
    ledger_dsn: str, ledger: PostgresLedger
) -> None:
    """Its backend goes on, and finds another token."""
    await picked(ledger, an_ask("ann"))
    async with another(ledger_dsn) as holder:
        held = holder.transaction()
        await held.start()
        await holder.execute("UPDATE owner SET token = gen_random_uuid(), beat = '-infinity'")
        asked_for = asyncio.ensure_future(ledger.pick(an_ask("bob")))
        async with another(ledger_dsn) as observer:
            waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%journal%'"
            await until(lambda: observer.fetch(waiting), "the group to wait for the owner's row")
        await held.commit()
        with pytest.raises(LedgerUnavailable):
            await asked_for
        assert await holder.fetchval("SELECT count(*) FROM journal WHERE kind = 1") == 1


# Wishes.


async def test_a_wish_of_another_replica_is_seen_by_every_later_pick(ledger_dsn: str, ledger: PostgresLedger) -> None:
    async with PostgresLedger(ledger_dsn, THERE) as front:
        assert await front.suppress([an_opt_out()]) == 1
        assert await ledger.pick(an_ask()) == Suppressed(SET_SCOPE)
        assert await front.suppress([an_opt_out()]) == 0
        assert await front.allow(SET_SCOPE, [somebody("ann")]) == 1
        assert isinstance(await ledger.pick(an_ask()), Picked)


async def test_who_has_written_to_another_replica_may_be_answered_at_once(
    ledger_dsn: str, ledger: PostgresLedger
) -> None:
    await picked(ledger, an_ask())
    async with PostgresLedger(ledger_dsn, THERE) as front:
        assert await front.ingest([heard_from()]) == 1
        assert (await picked(ledger, an_ask(after=60, reply=True))).reasons == ("reply",)


async def test_a_wish_is_taken_while_nobody_owns_the_ledger(ledger_dsn: str, ledger: PostgresLedger) -> None:
    """And so it is when the owner stops between its own commit and its answer: the wish is there."""
    async with PostgresLedger(ledger_dsn, THERE) as front:
        await ledger.__aexit__()
        front._tasks[1].cancel()  # it does not take the ledger either
        assert await front.suppress([an_opt_out()]) == 1
    async with PostgresLedger(ledger_dsn, HERE) as again:
        assert await again.pick(an_ask()) == Suppressed(SET_SCOPE)
        await again.prune(an_ask().now, 0.0)
        assert await again.pick(an_ask()) == Suppressed(SET_SCOPE)


async def test_a_wish_whose_answer_is_lost_holds_all_the_same(ledger_dsn: str, ledger: PostgresLedger) -> None:
    """Between its commit and its 2xx: the sender is refused and sends it again, and it is seen at once."""
    async with relayed(ledger_dsn) as relay, PostgresLedger(relay.dsn, THERE) as front:
        relay.of, relay.cut = WISH, Cut.AFTER
        with pytest.raises(LedgerUnavailable):
            await front.suppress([an_opt_out()])
        assert relay.cuts == 1
        assert await ledger.pick(an_ask()) == Suppressed(SET_SCOPE)
        assert await front.suppress([an_opt_out()]) == 0


async def test_wishes_that_race_picks_are_before_or_after_each(ledger_dsn: str, ledger: PostgresLedger) -> None:
    """No pick that was asked for after a wish's answer has not seen it, whoever took the wish."""
    names = [f"n{n}" for n in range(40)]
    async with PostgresLedger(ledger_dsn, THERE) as front:

        async def load() -> None:
            for n in count():
                await ledger.pick(an_ask(names[n % len(names)], n / 1000))

        racing = [asyncio.create_task(load()) for _ in range(8)]
        for name in names:
            await front.suppress([an_opt_out(name)])
            assert await ledger.pick(an_ask(name)) == Suppressed(SET_SCOPE)
        for one in racing:
            one.cancel()
        await asyncio.gather(*racing, return_exceptions=True)


async def test_what_another_replica_has_heard_is_counted_once(ledger_dsn: str, ledger: PostgresLedger) -> None:
    async with PostgresLedger(ledger_dsn, THERE) as front:
        call = an_event("e1", Happening.CALL_STARTED)
        await front.ingest([call])
        await front.ingest([call])

        async def counted() -> bool:
            rollup = await ledger.rollup(SET, an_ask().now, TODAY)
            return [hour.calls for tally in rollup.tallies for hour in tally.hours] == [1]

        await until(counted, "the event to be counted")
        assert await front.ingest([call]) == 0


async def test_what_another_replica_is_to_pass_on_the_owner_passes_on(ledger_dsn: str, ledger: PostgresLedger) -> None:
    async with PostgresLedger(ledger_dsn, THERE) as front:
        await front.post([Letter("http://here/", b"1")], 7.0)
    await until(ledger.targets, "the letter to be in the outbox")
    (posted,) = await ledger.outbox(9, "http://here/")
    assert (posted.entry, posted.at) == (b"1", 7.0)


# Takeover.


async def test_an_owner_is_replaced_again_and_again_under_load(ledger_dsn: str, ledger: PostgresLedger) -> None:
    """A model beside it: every key has one answer, every answer counts once, nothing acknowledged is lost."""
    answers: dict[str, Picked] = {}
    async with PostgresLedger(ledger_dsn, THERE) as second, another(ledger_dsn) as connection:
        names = iter(range(600))

        async def work() -> None:
            for n in names:
                ask = an_ask(f"n{n % 50}", float(n), key=f"k{n}", fingerprint=b"f")
                answers[f"k{n}"] = await ask_until_answered(ask, ledger, second)

        working = [asyncio.create_task(work()) for _ in range(8)]
        for turn in range(6):
            await until(lambda turn=turn: len(answers) >= 90 * (turn + 1), "some answers")
            await connection.execute("UPDATE owner SET token = gen_random_uuid(), address = '', beat = '-infinity'")
        await asyncio.gather(*working)
        assert len({one.id for one in answers.values()}) == len(answers) == 600
        for n in range(600):
            ask = an_ask(f"n{n % 50}", float(n), key=f"k{n}", fingerprint=b"f")
            assert await ask_until_answered(ask, ledger, second) == answers[f"k{n}"]
        owner = ledger if await owns(ledger) else second
        assert await used(owner) == Counter(one.number for one in answers.values())
        assert await connection.fetchval("SELECT count(*) FROM journal WHERE kind = 1") == 600


# The server.


async def test_what_a_database_sets_for_others_does_not_hold_for_a_ledger(postgres_dsn: str) -> None:
    """A group that has waited for a wish is decided anew, however long it has waited."""
    connection, watching = await asyncpg.connect(postgres_dsn), await asyncpg.connect(postgres_dsn)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(
        f"ALTER DATABASE {name} SET statement_timeout = 1; ALTER DATABASE {name} SET lock_timeout = 1; "
        f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'"
    )
    try:
        async with PostgresLedger(postgres_dsn, migrates=True) as ledger:
            await ledger.enlist(a_roster(a_member(1)))
            wish = write_wish(Wish(suppress=(an_opt_out("ann"),)))
            async with connection.transaction(isolation="read_committed"):
                await connection.execute("UPDATE ringfleet.owner SET wishes = 1")
                await connection.execute("INSERT INTO ringfleet.wish VALUES (1, $1)", wish)
                asked = asyncio.ensure_future(ledger.pick(an_ask("ann")))
                while not await watching.fetchval(_WAITS):
                    await asyncio.sleep(0)
                for _ in range(20):  # longer than either timeout: each is a round trip
                    await watching.fetchval(_WAITS)
            assert isinstance(await asked, Suppressed)
    finally:
        await connection.execute(f"ALTER DATABASE {name} RESET ALL")
        await connection.close()
        await watching.close()


_WAITS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INTO journal%'
"""


async def test_connections_that_are_lost_are_made_anew(ledger_dsn: str, ledger: PostgresLedger) -> None:
    await picked(ledger, an_ask("ann"))
    async with another(ledger_dsn) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert (await ask_until_answered(an_ask(), ledger)).remaining == 10_000 - 2


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


# Rosters of one that has just taken the ledger.


async def test_guardrail_an_older_copy_brings_no_quarantined_number_back(
    ledger_dsn: str, ledger: PostgresLedger
) -> None:
    """What the last owner knew holds, and what our own copy forbids; also at midnight, until all was listed anew."""
    heard: list[bool] = []
    ill = State.QUARANTINED
    async with PostgresLedger(ledger_dsn, THERE) as second:
        second.on_taken(lambda: heard.append(True))
        await ledger.enlist(a_roster(a_member(1, state=ill), a_member(2), a_member(3), a_member(4)))
        await second.enlist(a_roster(a_member(1), a_member(2, state=ill), a_member(3)))
        await ledger.__aexit__()
        await until(lambda: owns(second), "the ledger to be taken")
        assert heard
        for n in range(6):
            assert (await picked(second, an_ask(f"n{n}"))).number == a_number(3)
        tomorrow = 12 * 3600.0
        await second.enlist(a_roster(a_member(1), a_member(2), a_member(3), a_member(4), day=TODAY + 1))
        for n in range(6):
            assert (await picked(second, an_ask(f"m{n}", tomorrow))).number == a_number(3)
        second.trust_rosters()
        await second.enlist(a_roster(a_member(1), day=TODAY + 1))
        assert (await picked(second, an_ask("new", tomorrow + 1))).number == a_number(1)
