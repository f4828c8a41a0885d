"""What is SQLite's alone: the file, its lock and its schema; and the rankings in memory."""

from __future__ import annotations

import asyncio
import shutil
from itertools import count, islice
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.ledger.interface import LedgerUnavailable
from ringfleet.dispatch.ledger.law.member import Seat
from ringfleet.dispatch.ledger.law.members import Bench
from ringfleet.dispatch.ledger.law.reservations import Room, Rooms, first_room
from ringfleet.dispatch.ledger.owner import groups
from ringfleet.dispatch.ledger.owner.verify import judge
from ringfleet.dispatch.ledger.sqlite import store
from ringfleet.dispatch.ledger.sqlite.file import back_up
from ringfleet.dispatch.ledger.sqlite.verify import look
from ringfleet.dispatch.ledger.store import Evidence
from ringfleet.dispatch.ledger.types import Ask, Deferred, Picked
from ringfleet.model.traffic import Happening
from ringfleet.plan.rotation_set.roster import Member, State
from tests.dispatch.ledger.builders import (
    DAY,
    NOON,
    TODAY,
    US,
    WEST,
    a_member,
    a_roster,
    an_ask,
    an_event,
    fill,
    picked,
    used,
)


def verified(path: Path) -> tuple[str, ...]:
    evidence = look(path)
    return judge(evidence) if isinstance(evidence, Evidence) else evidence


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    async with SqliteLedger(tmp_path / "ledger.sqlite"):
        with pytest.raises(LedgerUnavailable, match=r"in use by another process.*PostgreSQL"):
            await SqliteLedger(tmp_path / "ledger.sqlite").__aenter__()


async def test_a_file_of_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    apsw.Connection(str(path)).execute("PRAGMA user_version=99")
    with pytest.raises(LedgerUnavailable, match="schema 99"):
        await SqliteLedger(path).__aenter__()


async def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_text("something else altogether, and long enough to be looked at as a header of a database\n" * 9)
    with pytest.raises(LedgerUnavailable, match="can't be opened"):
        await SqliteLedger(path).__aenter__()


async def test_a_closed_ledger_says_so(tmp_path: Path) -> None:
    async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        pass
    with pytest.raises(LedgerUnavailable, match="closed"):
        await ledger.pick(an_ask())


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("pick"), st.sampled_from([WEST, US])),
        st.tuples(st.just("reserve"), st.integers(0, 7)),
        st.tuples(st.just("unreserve"), st.integers(0, 7)),
        st.tuples(st.just("back"), st.integers(0, 7)),
        st.tuples(st.just("busy"), st.integers(0, 7)),
        st.tuples(st.just("other"), st.integers(0, 7)),
        st.tuples(st.just("hour"), st.just(0)),
    ),
    max_size=60,
)


@given(MOVES)
def test_the_ranking_finds_what_a_scan_would(moves: list[tuple[str, object]]) -> None:
    bench = Bench()
    tiers = [(WEST, US), (US,)]
    bench.seat_all(TODAY, [Seat(n, f"+{n}", "a", tiers[n % 2], 3 + n % 3, 2, 5, 1 + n % 2) for n in range(8)])
    after = 0.0
    for step, (move, what) in enumerate(moves):
        ask = an_ask(after=after + step)
        seat = bench.seats.get(what) if isinstance(what, int) else None
        if move == "hour":
            after += 3600.0
        elif move == "pick":
            free = [one for one in bench.seats.values() if what in one.tiers and one.objection(ask) is None]
            expected = min(free, key=Seat.rank, default=None)
            found = bench.least(str(what), ask)
            assert found is expected
            if found:
                bench.count(found, ask)
        elif seat and move == "reserve":
            bench.reserve(seat, TODAY)
        elif seat and move == "unreserve":
            bench.reserve(seat, TODAY, -1)
        elif seat and move == "back":
            bench.give_back(seat, seat.day, seat.hour)
        elif seat and move == "busy":
            bench.open_calls(seat, (seat.open_calls + 1) % 3)
        elif seat and move == "other":
            tier, state = (US, WEST)[step % 2], (State.ACTIVE, State.ACTIVE, State.RESTING)[step % 3]
            bench.reseat(seat, Member(seat.number, "a", (tier,), 2 + step % 4, 2, 5, 1, state))
        assert bench.remaining(ask) == sum(bench.left_of(one) for one in bench.seats.values())


def test_a_number_whose_pick_is_given_back_comes_forward() -> None:
    bench = Bench()
    bench.seat_all(TODAY, [Seat(n, f"+{n}", "a", (US,), 100, 100, 100) for n in range(2)])
    for after in range(4):
        ask = an_ask(after=after)
        seat = bench.least(US, ask)
        assert seat
        bench.count(seat, ask)
    first, second = bench.seats.values()
    assert bench.least(US, an_ask(after=5)) is first
    bench.give_back(second, second.day, second.hour)
    assert bench.least(US, an_ask(after=6)) is second


def test_calls_that_come_and_go_leave_each_seat_where_it_stands() -> None:
    """Else each pick would pass by all that they have left."""
    bench = Bench()
    bench.seat_all(TODAY, [Seat(n, f"+{n}", "a", (US,), 100, 100, 100) for n in range(8)])
    assert bench.least(US, an_ask()) is bench.seats[0]
    for _ in range(20):
        for seat in bench.seats.values():
            bench.open_calls(seat, 1)
            bench.open_calls(seat, 0)
    assert [len(one) for one in bench._rankings.values()] == [8]


TIERS = st.sampled_from([(WEST,), (US,), (WEST, US), ("c:DE",)])
HAPPENINGS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), TIERS),
        st.tuples(st.just("count"), st.integers(0, 7)),
        st.tuples(st.just("back"), st.integers(0, 7)),
        st.tuples(st.just("busy"), st.integers(0, 7)),
        st.tuples(st.just("label"), st.integers(0, 7)),
        st.tuples(st.just("hour"), st.just(0)),
    ),
    max_size=60,
)


@given(HAPPENINGS)
def test_the_first_room_is_what_a_look_at_all_seats_would_find(moves: list[tuple[str, Any]]) -> None:
    """While seats are used, freed, labelled and reserved in between."""
    bench = Bench()
    tiers = [(WEST, US), (US,)]
    accounts = ["a", "a", "a", "b"]
    bench.seat_all(
        TODAY,
        [Seat(n, f"+{n}", accounts[n % 4], tiers[n % 2], 2 + n % 2, n % 3, 1 + n % 2, 1 + n % 2) for n in range(8)],
    )
    after = 0.0
    for move, what in moves:
        after += 3600.0 if move == "hour" else 1.0
        ask = an_ask(after=after, account="a", tiers=what if move == "ask" else (US,), horizon=2)
        if move == "ask":
            rooms, fresh = bench.rooms(ask), Rooms(bench.seats.values(), (), ask)
            assert rooms.excluded() == fresh.excluded()
            found = rooms.first(ask)
            assert found == fresh.first(ask) == naive_room(bench, ask)
            if found:
                bench.reserve(found[0], found[1].day(ask))
        elif move == "count":
            bench.count(bench.seats[what], ask)
        elif move == "back":
            bench.give_back(bench.seats[what], bench.seats[what].day, bench.seats[what].hour)
        elif move == "busy":
            bench.open_calls(bench.seats[what], (bench.seats[what].open_calls + 1) % 3)
        elif move == "label":
            bench.label(bench.seats[what], not bench.seats[what].labelled)


def naive_room(bench: Bench, ask: Ask) -> tuple[Seat, Room] | None:
    """The law's own words: the earliest, then the first tier, then the least share of the day, then the number."""
    found = []
    for seat in bench.seats.values():
        near = [rank for rank, tier in enumerate(ask.tiers) if tier in seat.tiers]
        why = seat.objection(ask)
        if seat.account != ask.account or not near or why is None:
            continue
        room = first_room(seat, ask, why)
        if room is not None:
            day = ask.day + room.ahead
            used, cap = (seat.used_on(day), seat.daily) if room.ahead == 0 else (0, seat.daily_tomorrow)
            found.append((room.ahead, near[0], (used + seat.reserved.get(day, 0)) / cap, seat.digits))
    return (bench.seats[min(found)[3]], Room(min(found)[0])) if found else None


async def test_forgetting_leaves_what_is_young_however_much_there_is(tmp_path: Path, monkeypatch: Any) -> None:
    """In steps that are smaller than what there is; and no id is given twice."""
    monkeypatch.setattr(groups, "FORGOTTEN_AT_ONCE", 3)
    async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        await ledger.enlist(a_roster(a_member(1, daily=1000, hourly=1000), a_member(2, daily=1000, hourly=1000)))
        for after in (0.0, 40 * DAY):
            for n in range(10):
                await ledger.pick(an_ask(f"{n} {after}", after, key=f"{n} {after}", fingerprint=b"f"))
                await ledger.ingest([an_event(f"{n} {after}", Happening.CALL_STARTED, after, subject=f"{n} {after}")])
        # of the old: 10 replays, 10 contacts, 10 events, 10 calls, 1 hour of one number, and the 10 picks
        gone = await ledger.prune(NOON + 40 * DAY, NOON + DAY)
        assert gone == 51
        assert await ledger.prune(NOON + 40 * DAY, NOON + DAY) == 0
        again = await ledger.pick(an_ask("9 3456000.0", 40 * DAY, key="9 3456000.0", fingerprint=b"f"))
        assert isinstance(again, Picked)
        assert again.id == "p20"
    assert verified(tmp_path / "ledger.sqlite") == ()


async def test_an_id_is_never_given_twice_though_all_picks_were_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    for after, id_ in ((0.0, "p1"), (90 * DAY, "p2")):
        async with SqliteLedger(path) as ledger:
            await ledger.enlist(a_roster(a_member(1)))
            assert (await picked(ledger, an_ask(after=after))).id == id_
            await ledger.prune(NOON + after + 80 * DAY, NOON + after + DAY)


async def test_nothing_is_picked_until_memory_says_what_the_file_says(tmp_path: Path) -> None:
    """A commit that fails, and a roll back that fails too: as long as that, all is refused."""
    async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        await ledger.enlist(a_roster(a_member(1, daily=2)))
        await picked(ledger, an_ask("ann"))
        with pytest.MonkeyPatch.context() as broken:
            broken.setattr(ledger.store, "_end", fails)
            for name in ("bob", "cid"):
                with pytest.raises(LedgerUnavailable, match="disk I/O"):
                    await ledger.pick(an_ask(name))
        assert (await picked(ledger, an_ask("dan"))).remaining == 0
        assert isinstance(await ledger.pick(an_ask("eve")), Deferred)


def fails(how: str) -> None:
    raise LedgerUnavailable(f"{how}: disk I/O error")


async def test_a_full_disk_refuses_and_goes_on_when_there_is_space(tmp_path: Path) -> None:
    """The file may have no more pages: SQLite says what it says when the disk is full."""
    async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        await ledger.enlist(a_roster(a_member(1, daily=100_000, hourly=100_000)))
        assert isinstance(ledger.store, store.SqliteStore)
        connection = ledger.store._connection
        pages = connection.execute("PRAGMA page_count").get
        connection.execute(f"PRAGMA max_page_count={pages}")
        names = (f"n{n}" for n in count())
        with pytest.raises(LedgerUnavailable, match="full"):
            await fill(ledger, names)
        out = sum((await used(ledger)).values())
        assert next(names) == f"n{out + 1}", "all before the one that failed are counted, and it is not"
        connection.execute(f"PRAGMA max_page_count={pages * 100}")
        assert (await picked(ledger, an_ask("ann"))).id == f"p{out + 1}"
    assert verified(tmp_path / "ledger.sqlite") == ()


@pytest.mark.parametrize("suffix", ["", "-wal"])
async def test_nothing_is_acknowledged_that_goes_into_a_file_that_was_removed(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "ledger.sqlite"
    async with SqliteLedger(path) as ledger:
        await ledger.enlist(a_roster(a_member(1)))
        await fill(ledger, ("ann", "bob"))
        file = path.with_name(path.name + suffix)
        away = file.rename(tmp_path / "away")
        for name in ("cid", "dan"):
            with pytest.raises(LedgerUnavailable, match="removed or replaced"):
                await ledger.pick(an_ask(name))
        away.rename(file)
        assert (await picked(ledger, an_ask("eve"))).remaining <= 7, "it goes on, with what was told to nobody counted"


async def test_a_copy_beside_the_log_of_another_file_is_refused(tmp_path: Path) -> None:
    """SQLite would write the log into the copy: the restore would be undone, or the copy broken."""
    path, copy, killed = tmp_path / "ledger.sqlite", tmp_path / "copy.sqlite", tmp_path / "killed"
    killed.mkdir()
    async with SqliteLedger(path) as ledger:
        await ledger.enlist(a_roster(a_member(1)))
        await fill(ledger, ("ann",))
        back_up(path, copy)
        await fill(ledger, ("bob",))
        for suffix in ("", "-wal"):
            shutil.copy(path.with_name(path.name + suffix), killed / f"ledger.sqlite{suffix}")
    path = killed / "ledger.sqlite"
    shutil.copy(copy, path)
    with pytest.raises(LedgerUnavailable, match=r"remove .*ledger\.sqlite-wal"):
        await SqliteLedger(path).__aenter__()
    path.with_name("ledger.sqlite-wal").unlink()
    async with SqliteLedger(path, now=lambda: NOON) as ledger:
        assert isinstance(await ledger.pick(an_ask("cid", 60)), Deferred), "it knows that it was restored"


async def test_another_program_that_writes_into_the_file_is_waited_for_beside_the_loop(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with SqliteLedger(path) as ledger:
        await ledger.enlist(a_roster(a_member(1)))
        other = apsw.Connection(str(path))
        other.execute("BEGIN IMMEDIATE")
        asked = asyncio.ensure_future(ledger.pick(an_ask()))
        for _ in range(3):
            assert await ledger.suppressions("set:shop/calls") == ()
        assert not asked.done()
        other.execute("ROLLBACK")
        assert isinstance(await asked, Picked)
        other.close()


async def test_the_log_is_copied_back_beside_the_commits(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(store, "CHECKPOINT_PAGES", 50)
    path = tmp_path / "ledger.sqlite"
    async with SqliteLedger(path) as ledger:
        await ledger.enlist(a_roster(a_member(1, daily=100_000, hourly=100_000)))
        names = (f"n{n}" for n in count())

        async def grown() -> bool:
            await fill(ledger, islice(names, 100))
            return path.stat().st_size > 100_000

        for _ in range(1000):
            if await grown():
                return
    pytest.fail("the file never grew: nothing is copied back")
