"""Whom a pool lets go, and when: settling, hold, budget, breaker, and the surplus that it asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model.policy import ReleaseMode
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.number_pool.release import (
    Idler,
    Leaver,
    ReleasePlan,
    ReleaseRecord,
    ReleaseSeen,
    ReleaseWant,
    most_at_once,
    plan_release,
)
from ringfleet.plan.phone_number.removal import Cause, Way
from tests.plan.builders import NOW

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HOLD = timedelta(hours=72)
TODAY = NOW.date()
EMPTY = ReleaseRecord()


def want(**rest: Any) -> ReleaseWant:
    fields = {"pool": "west", "mode": ReleaseMode.MANUAL, "hold": HOLD, "max_per_day": 2, "target": 10, "minimum": 5}
    return ReleaseWant(**{**fields, **rest})


def a_leaver(n: int, due: datetime | None = NOW, **rest: Any) -> Leaver:
    """A number that a person has asked to go; its hold is over unless `due` says otherwise."""
    since = due - HOLD if due else None
    return Leaver(
        f"1415555{n:04d}", **{"cause": Cause.MANUAL, "way": Way.RELEASE, "since": since, "not_before": due} | rest
    )


def leavers(count: int, due: datetime | None = NOW, **rest: Any) -> tuple[Leaver, ...]:
    return tuple(a_leaver(n, due, **rest) for n in range(1, count + 1))


def names(*numbers: int) -> tuple[str, ...]:
    return tuple(f"1415555{n:04d}" for n in numbers)


def seen(*going: Leaver, record: ReleaseRecord = EMPTY, **rest: Any) -> ReleaseSeen:
    return ReleaseSeen(going, record=record, **{"size": 200, "supply": 100, **rest})


def cleared(*numbers: int, **rest: Any) -> ReleaseRecord:
    return ReleaseRecord(cleared=names(*numbers), **rest)


def asked(*numbers: int, at: datetime = NOW) -> tuple[tuple[str, datetime], ...]:
    return tuple((name, at) for name in names(*numbers))


# Settling, hold, budget.


def test_nobody_goes_before_it_is_seen_for_how_long_nobody_else_was_asked() -> None:
    first = plan_release(want(), seen(*leavers(2)), NOW)
    assert first == ReleasePlan(ReleaseRecord(recent=asked(1, 2)), requeue=10.0, staying=frozenset(names(1, 2)))
    later = plan_release(want(), seen(*leavers(3), record=first.record), NOW + 9 * SECOND)
    assert (later.record.granted, later.requeue) == ((), 10.0)
    settled = plan_release(want(), seen(*leavers(3), record=later.record), NOW + 19 * SECOND)
    assert (settled.record.cleared, settled.record.granted) == (names(1, 2, 3), names(1, 2))


@pytest.mark.parametrize(
    ("going", "granted", "requeue"),
    [
        pytest.param(a_leaver(1, NOW), names(1), None, id="its hold is over"),
        pytest.param(a_leaver(1, NOW + HOUR), (), 3600.0, id="it is still in its hold"),
        pytest.param(a_leaver(1, None), (), None, id="it does not say yet that it goes"),
        pytest.param(a_leaver(1, NOW + HOUR, way=Way.LET_GO), names(1), None, id="one that is let go has no hold"),
        pytest.param(a_leaver(1, None, way=Way.LET_GO), (), None, id="but says first that it goes"),
        pytest.param(a_leaver(1, NOW, blocked=True), (), None, id="one with an obstacle stays"),
    ],
)
def test_who_may_go(going: Leaver, granted: tuple[str, ...], requeue: float | None) -> None:
    plan = plan_release(want(), seen(going, record=cleared(1)), NOW)
    assert (plan.record.granted, plan.requeue) == (granted, requeue)


def test_the_longest_asked_go_first_and_the_rest_waits_for_midnight_utc() -> None:
    going = (a_leaver(1, NOW), a_leaver(2, NOW - HOUR), a_leaver(3, NOW - 2 * HOUR), a_leaver(4, NOW, way=Way.LET_GO))
    plan = plan_release(want(), seen(*going, record=cleared(1, 2, 3, 4)), NOW)
    assert plan.record == ReleaseRecord(TODAY, names(3, 2), names(2, 3, 4), cleared=names(1, 2, 3, 4))
    assert plan.requeue == timedelta(hours=12).total_seconds()


def test_a_place_that_was_given_is_kept_and_not_given_twice() -> None:
    record = cleared(1, 2, 3, day=TODAY, released=names(3, 2), granted=names(2, 3))
    gone = plan_release(want(), seen(a_leaver(1), a_leaver(2), record=record), NOW + HOUR)
    assert (gone.record.released, gone.record.granted) == (names(3, 2), names(2))


def test_no_more_than_the_budget_go_even_when_it_is_lowered() -> None:
    record = cleared(1, 2, day=TODAY, released=names(9), granted=())
    assert plan_release(want(max_per_day=1), seen(*leavers(2), record=record), NOW).record.granted == ()
    assert plan_release(want(max_per_day=0), seen(*leavers(2), record=cleared(1, 2)), NOW).record.granted == ()


MIDNIGHT = datetime(2026, 3, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("going", "released"),
    [
        pytest.param((3, 4), names(3, 4), id="the old ones have gone"),
        pytest.param((1, 3, 4), names(1, 3), id="one has not gone yet"),
        pytest.param((), (), id="nobody is asked"),
    ],
)
def test_the_budget_begins_anew_at_midnight_utc(going: tuple[int, ...], released: tuple[str, ...]) -> None:
    record = cleared(1, 2, 3, 4, day=TODAY, released=names(1, 2), granted=names(1) if 1 in going else ())
    before = plan_release(want(), seen(*(a_leaver(n) for n in going), record=record), MIDNIGHT - SECOND)
    assert before.record.released == names(1, 2)
    after = plan_release(want(), seen(*(a_leaver(n) for n in going), record=record), MIDNIGHT)
    assert (after.record.day, after.record.released) == (MIDNIGHT.date() if released else None, released)


def test_a_clock_that_goes_back_over_midnight_gives_no_place_twice() -> None:
    """As from one replica to another: else each time that midnight passes is another day."""
    record = cleared(1, 2, 3, 4, day=MIDNIGHT.date(), released=names(1, 2), granted=names(2))
    going = (a_leaver(2), a_leaver(3), a_leaver(4))
    for moment in (MIDNIGHT - SECOND, MIDNIGHT):
        record = plan_release(want(), seen(*going, record=record), moment).record
        assert (record.day, record.released, record.granted) == (MIDNIGHT.date(), names(1, 2), names(2))


def test_a_day_that_lies_far_ahead_was_written_by_a_clock_that_was_wrong() -> None:
    record = cleared(1, 2, day=TODAY + 30 * DAY, released=names(8, 9))
    assert plan_release(want(), seen(*leavers(2), record=record), NOW).record.granted == names(1, 2)


def test_numbers_that_a_clock_ahead_has_seen_being_asked_settle_like_any_other() -> None:
    record = ReleaseRecord(recent=asked(1, at=NOW + 30 * DAY))
    record = plan_release(want(), seen(a_leaver(1), record=record), NOW).record
    assert plan_release(want(), seen(a_leaver(1), record=record), NOW + 10 * SECOND).record.granted == names(1)


def test_who_had_leave_at_midnight_and_went_unseen_counts_for_the_new_day() -> None:
    record = cleared(1, 2, 3, 4, day=TODAY, released=names(1, 2), granted=names(1, 2))
    plan = plan_release(want(), seen(a_leaver(3), a_leaver(4), record=record), MIDNIGHT + MINUTE)
    assert (plan.record.released, plan.record.granted) == (names(1, 2), ())


def test_who_was_taken_back_is_forgotten() -> None:
    record = cleared(1, 2, granted=names(1), recent=asked(1, at=NOW - HOUR))
    assert plan_release(want(), seen(record=record), NOW).record == EMPTY


# The breaker.


@pytest.mark.parametrize(
    ("size", "most"), [(0, 1), (1, 1), (19, 1), (20, 1), (39, 1), (40, 2), (99, 4), (100, 5), (120, 5), (10_000, 5)]
)
def test_five_may_be_asked_at_once_in_small_pools_one_in_twenty_but_always_one(size: int, most: int) -> None:
    assert most_at_once(size) == most
    for count in (most, most + 1):
        plan = plan_release(want(), seen(*leavers(count), size=size), NOW)
        assert (plan.record.frozen_since is not None) is (count > most)


@pytest.mark.parametrize(("minutes", "frozen"), [(9, True), (10, False)])
def test_ten_minutes_are_counted(minutes: int, frozen: bool) -> None:
    record = cleared(1, 2, 3, 4, 5, recent=asked(1, 2, 3, 4, 5))
    plan = plan_release(want(), seen(*leavers(6), record=record), NOW + minutes * MINUTE)
    assert (plan.record.frozen_since is not None) is frozen


def test_who_was_asked_passes_although_nobody_looked_for_longer_than_that() -> None:
    record = ReleaseRecord(recent=asked(1, at=NOW - HOUR))
    assert plan_release(want(), seen(a_leaver(1), record=record), NOW).record.granted == names(1)
    late = plan_release(want(), seen(a_leaver(1), a_leaver(2), record=record, size=10), NOW)
    assert late.record.frozen_since is None


def test_asking_taking_back_and_asking_others_is_counted_too() -> None:
    record = ReleaseRecord(recent=asked(1, 2, 3, 4, 5))
    assert plan_release(want(), seen(a_leaver(6), record=record), NOW + MINUTE).record.frozen_since


def test_a_pool_that_is_smaller_because_they_have_gone_does_not_open_the_breaker() -> None:
    record = ReleaseRecord(recent=asked(1, 2, 3, 4, 5))
    assert plan_release(want(), seen(record=record, size=95), NOW + MINUTE).record.frozen_since is None


TOO_MANY = "more numbers than usual were asked to go within ten minutes"
FOUND = "numbers were found asked to go that nobody had been told of while the operator was away"
ENDING = "namespace shop is being deleted, and with it all its numbers"
DELETED = {"cause": Cause.DELETION, "way": Way.LET_GO}


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        pytest.param(seen(*leavers(6)), TOO_MANY, id="six are asked"),
        pytest.param(seen(*leavers(6, **DELETED)), TOO_MANY, id="six are deleted"),
        pytest.param(seen(*leavers(6, cause=Cause.POOL_DELETION)), TOO_MANY, id="six go with their pool"),
        pytest.param(seen(*leavers(6, cause=Cause.SURPLUS)), None, id="the pool's own surplus is not counted"),
        pytest.param(seen(*leavers(6, blocked=True)), None, id="those that stay are not counted"),
        pytest.param(seen(a_leaver(1, found=True)), FOUND, id="one was found asked at start-up"),
        pytest.param(seen(a_leaver(1, found=True, blocked=True)), None, id="one that stays was found"),
        pytest.param(seen(a_leaver(1, found=True), record=cleared(1)), None, id="one was found that had been let pass"),
        pytest.param(seen(a_leaver(1, **DELETED), ending=ENDING), ENDING, id="its namespace is being deleted"),
        pytest.param(
            seen(a_leaver(1, cause=Cause.POOL_DELETION), ending=ENDING),
            ENDING,
            id="its namespace is being deleted, and takes the pool first",
        ),
        pytest.param(
            seen(a_leaver(1), ending=ENDING), None, id="a namespace that ends does not delete what a person asked"
        ),
        pytest.param(
            seen(a_leaver(1, **DELETED), ending=ENDING, record=cleared(1)),
            None,
            id="its namespace is being deleted, and a person has let it pass",
        ),
    ],
)
def test_the_breaker_opens(happens: ReleaseSeen, why: str | None) -> None:
    plan = plan_release(want(), happens, NOW)
    assert plan.record.frozen_because == why
    assert plan.record.frozen_since == (NOW if why else None)
    assert [condition.reason for condition in plan.conditions] == ([Reason.RELEASE_FROZEN] if why else [])


FROZEN = ReleaseRecord(frozen_since=NOW, frozen_because=TOO_MANY, recent=asked(1, 2, 3, 4, 5, 6))


def test_a_frozen_pool_says_why_and_what_to_do_and_takes_every_leave_back() -> None:
    record = replace(FROZEN, day=TODAY, released=names(1), granted=names(1), cleared=names(1))
    plan = plan_release(want(), seen(*leavers(6), record=record), NOW + MINUTE)
    message = (
        f"No number of the pool goes: {TOO_MANY}. Look at those of phase Releasing; to let them go, run `kubectl "
        "ringfleet acknowledge --pool west -n default`, or annotate the pool with "
        "ringfleet.dev/acknowledge-release=2026-03-10T12:00:00Z."
    )
    said = Condition("ReleaseFrozen", True, Reason.RELEASE_FROZEN, message)
    held = frozenset(names(*range(1, 7)))
    assert plan == ReleasePlan(replace(record, granted=()), conditions=(said,), staying=held)


def test_the_time_of_freezing_has_whole_seconds_so_that_a_person_can_write_it() -> None:
    plan = plan_release(want(), seen(*leavers(6)), NOW + timedelta(microseconds=7))
    assert plan.record.frozen_since == NOW


@pytest.mark.parametrize(
    ("word", "frozen"),
    [
        pytest.param(NOW, False, id="this very time"),
        pytest.param(NOW + SECOND, True, id="another time"),
        pytest.param(NOW - SECOND, True, id="an older time"),
        pytest.param(NOW.replace(tzinfo=None), True, id="a time without its zone"),
        pytest.param(None, True, id="nothing"),
    ],
)
def test_only_the_time_that_the_pool_names_lets_them_go(word: datetime | None, frozen: bool) -> None:
    plan = plan_release(want(), seen(*leavers(6), record=FROZEN, acknowledged=word), NOW + MINUTE)
    assert (plan.record.frozen_since is not None) is frozen
    assert plan.record.granted == (() if frozen else names(1, 2))


def test_a_persons_word_lets_pass_those_who_are_asked_then_and_nobody_later() -> None:
    word = plan_release(want(), seen(*leavers(6), record=FROZEN, acknowledged=NOW), NOW + MINUTE)
    assert word.record.cleared == names(1, 2, 3, 4, 5, 6)
    again = plan_release(want(), seen(*leavers(12), record=word.record, acknowledged=NOW), NOW + 2 * MINUTE)
    assert again.record.frozen_since == NOW + 2 * MINUTE


def test_a_frozen_pool_stays_frozen_when_all_are_taken_back() -> None:
    assert plan_release(want(), seen(record=FROZEN), NOW + HOUR).record.frozen_since == NOW


# Surplus.

AUTOMATIC = want(mode=ReleaseMode.AUTOMATIC, idle_after=30 * DAY)


def an_idler(n: int, idle: timedelta = 40 * DAY, renews: timedelta = HOLD + HOUR, **rest: Any) -> Idler:
    """A free number: for forty days, and in the last day before the hold of its renewal."""
    return Idler(names(n)[0], NOW - idle, NOW + renews, **rest)


@pytest.mark.parametrize(
    ("idler", "ask", "requeue"),
    [
        pytest.param(an_idler(1), names(1), None, id="idle, and just before its renewal"),
        pytest.param(an_idler(1, idle=30 * DAY), names(1), None, id="idle for exactly long enough"),
        pytest.param(an_idler(1, idle=30 * DAY - MINUTE), (), 60.0, id="not idle for long enough"),
        pytest.param(an_idler(1, renews=HOLD + DAY), names(1), None, id="the window opens"),
        pytest.param(an_idler(1, renews=HOLD + DAY + MINUTE), (), 60.0, id="the window is not open yet"),
        pytest.param(an_idler(1, renews=HOLD + SECOND), names(1), None, id="the last moment"),
        pytest.param(
            an_idler(1, renews=HOLD), (), HOLD.total_seconds(), id="the window is closed: its next month is paid"
        ),
        pytest.param(an_idler(1, renews=HOUR), (), 3600.0, id="its hold would not end before the renewal"),
        pytest.param(an_idler(1, renews=timedelta()), (), 86400.0, id="it renews now"),
        pytest.param(an_idler(1, renews=-DAY), (), 86400.0, id="its renewal is past and the next one is not known"),
        pytest.param(an_idler(1, protected=True), (), None, id="protected"),
        pytest.param(an_idler(1, asked=True), (), None, id="asked before"),
        pytest.param(replace(an_idler(1), renews_at=None), (), None, id="no renewal is known"),
        pytest.param(replace(an_idler(1), free_since=None), (), None, id="not known since when it is free"),
    ],
)
def test_surplus_is_asked_on_the_last_day_before_its_hold(
    idler: Idler, ask: tuple[str, ...], requeue: float | None
) -> None:
    plan = plan_release(AUTOMATIC, seen(idlers=(idler,), supply=20), NOW)
    assert (plan.ask, plan.requeue) == (ask, requeue)


THREE_IDLE = (an_idler(1), an_idler(2, idle=60 * DAY), an_idler(3, idle=50 * DAY))


def surplus(n: int, said: bool = True) -> Leaver:
    return a_leaver(n, NOW + DAY if said else None, cause=Cause.SURPLUS)


@pytest.mark.parametrize(
    ("wanted", "going", "supply", "ask", "take_back"),
    [
        pytest.param(replace(AUTOMATIC, max_per_day=9), (), 13, names(2, 3, 1), (), id="the longest idle first"),
        pytest.param(replace(AUTOMATIC, max_per_day=9), (), 12, names(2, 3), (), id="down to the target"),
        pytest.param(AUTOMATIC, (), 13, names(2, 3), (), id="a day's budget at a time"),
        pytest.param(AUTOMATIC, (surplus(9),), 13, names(2), (), id="less those on their way"),
        pytest.param(AUTOMATIC, (surplus(8), surplus(9)), 13, (), (), id="none when the budget is on its way"),
        pytest.param(AUTOMATIC, (), 10, (), (), id="none at the target"),
        pytest.param(
            replace(AUTOMATIC, target=3, minimum=12), (), 13, names(2), (), id="never below the low watermark"
        ),
        pytest.param(
            AUTOMATIC, (surplus(8), surplus(9)), 9, (), names(9), id="taken back when supply falls under the target"
        ),
        pytest.param(AUTOMATIC, (surplus(8), surplus(9)), 5, (), names(8, 9), id="all of them"),
        pytest.param(AUTOMATIC, (surplus(8), surplus(9)), 10, (), (), id="none at the target, with some on their way"),
        pytest.param(AUTOMATIC, (surplus(9, said=False),), 11, (), (), id="what was just asked still counts as supply"),
        pytest.param(AUTOMATIC, (surplus(9, said=False),), 12, names(2), (), id="so only what is above is asked"),
        pytest.param(
            AUTOMATIC,
            (surplus(8, said=False), surplus(9, said=False)),
            11,
            (),
            names(9),
            id="and it is taken back when it was too many",
        ),
        pytest.param(AUTOMATIC, (a_leaver(9, None),), 11, (), (), id="what a person has just asked is left out too"),
        pytest.param(replace(AUTOMATIC, mode=ReleaseMode.MANUAL), (), 20, (), (), id="mode Manual asks nobody"),
        pytest.param(replace(AUTOMATIC, mode=ReleaseMode.NEVER), (), 20, (), (), id="mode Never asks nobody"),
        pytest.param(replace(AUTOMATIC, max_per_day=0), (), 20, (), (), id="a budget of nothing asks nobody"),
    ],
)
def test_surplus_is_asked_and_taken_back(
    wanted: ReleaseWant, going: tuple[Leaver, ...], supply: int, ask: tuple[str, ...], take_back: tuple[str, ...]
) -> None:
    plan = plan_release(wanted, seen(*going, idlers=THREE_IDLE, supply=supply), NOW)
    assert (plan.ask, plan.take_back) == (ask, take_back)


@pytest.mark.parametrize("mode", [ReleaseMode.MANUAL, ReleaseMode.NEVER])
def test_a_pool_that_does_not_ask_any_more_takes_back_whom_it_has_asked(mode: ReleaseMode) -> None:
    plan = plan_release(want(mode=mode), seen(idlers=(an_idler(2, asked=True), an_idler(1, asked=True))), NOW)
    assert plan.take_back == names(1, 2)


def test_a_frozen_pool_asks_nobody_and_still_takes_back() -> None:
    frozen = seen(surplus(8), surplus(9), record=FROZEN, supply=9, idlers=THREE_IDLE)
    assert plan_release(AUTOMATIC, frozen, NOW + MINUTE).take_back == names(9)
    assert plan_release(AUTOMATIC, replace(frozen, supply=20), NOW + MINUTE).ask == ()


def test_surplus_goes_after_its_hold_and_within_the_budget_as_all_others() -> None:
    going = (surplus(1), a_leaver(2, NOW, cause=Cause.SURPLUS))
    plan = plan_release(AUTOMATIC, seen(*going, record=EMPTY), NOW)
    assert (plan.record.cleared, plan.record.granted) == (names(1, 2), names(2))


# Laws.

causes = st.sampled_from([(Cause.MANUAL, Way.RELEASE), (Cause.DELETION, Way.LET_GO), (Cause.DELETION, Way.RELEASE)])
events = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "take back", "block", "go", "acknowledge", "wait", "wait"]),
        st.integers(1, 12),
        causes,
        st.sampled_from([SECOND, 11 * SECOND, 7 * MINUTE, HOUR, 13 * HOUR, DAY]),
    ),
    max_size=60,
)


class Pool:
    """A pool whose numbers are asked, taken back and given back at any time, on a clock that is moved."""

    def __init__(self, size: int) -> None:
        self.now, self.size, self.record = NOW, size, ReleaseRecord()
        self.going: dict[int, Leaver] = {}
        self.given_back: dict[date, set[str]] = {}
        self.asked: set[str] = set()
        self.word: datetime | None = None

    def seen(self) -> ReleaseSeen:
        return seen(*self.going.values(), record=self.record, size=self.size, acknowledged=self.word)

    def plan(self) -> ReleasePlan:
        plan = plan_release(want(hold=HOUR), self.seen(), self.now)
        self.record = plan.record
        return plan

    def live(self, event: str, n: int, how: tuple[Cause, Way], wait: timedelta) -> None:
        name = names(n)[0]
        match event:
            case "ask" if n not in self.going and name not in self.gone():
                due = self.now if how[1] is Way.LET_GO else self.now + HOUR
                self.going[n] = Leaver(name, *how, since=self.now, not_before=due)
                self.asked.add(name)
            case "take back":
                self.going.pop(n, None)
            case "block" if n in self.going:
                self.going[n] = replace(self.going[n], blocked=not self.going[n].blocked)
            case "go":
                self._go()
            case "acknowledge":
                self.word = self.record.frozen_since
            case "wait":
                self.now += wait

    def _go(self) -> None:
        """Every number that has leave by the record, and still wants to, goes, a while later."""
        for n, one in list(self.going.items()):
            if one.name in self.record.granted and not one.blocked:
                del self.going[n]
                day = self.given_back.setdefault(self.now.date(), set())
                if one.way is Way.RELEASE:
                    day.add(one.name)

    def gone(self) -> set[str]:
        return set().union(*self.given_back.values()) if self.given_back else set()


@given(events, st.sampled_from([10, 40, 200]))
def test_only_those_go_who_are_asked_let_pass_and_due_and_few_enough_a_day(story: list[Any], size: int) -> None:
    pool = Pool(size)
    for event in story:
        plan = pool.plan()
        going = {one.name: one for one in pool.going.values() if not one.blocked}
        assert set(plan.record.granted) <= set(going) & set(plan.record.cleared)
        assert all(going[name].not_before <= pool.now for name in plan.record.granted)
        assert not (plan.record.frozen_since and plan.record.granted)
        pool.live(*event)
        assert all(len(day) <= 2 for day in pool.given_back.values())


@given(events, st.sampled_from([10, 40, 200]))
def test_a_pool_with_every_guard_satisfied_gives_back_exactly_those_who_were_asked(story: list[Any], size: int) -> None:
    pool = Pool(size)
    for event in story:
        pool.plan()
        pool.live(*event)
    going = {one.name for one in pool.going.values() if not one.blocked and one.way is Way.RELEASE}
    before = pool.gone()
    for _ in range(20):
        pool.plan()
        pool.live("acknowledge", 1, (Cause.MANUAL, Way.RELEASE), DAY)
        pool.plan()
        pool.live("go", 1, (Cause.MANUAL, Way.RELEASE), DAY)
        pool.now += DAY / 2
    assert pool.gone() - before == going
    assert pool.gone() <= pool.asked


@given(events, st.sampled_from([10, 40, 200]))
def test_a_pool_at_rest_remembers_the_same_again(story: list[Any], size: int) -> None:
    pool = Pool(size)
    for event in story:
        pool.plan()
        pool.live(*event)
    pool.plan()
    first = pool.plan()
    assert pool.plan() == first
    pool.now += 11 * MINUTE
    pool.plan()
    rested = pool.plan().record
    pool.now += SECOND
    assert pool.plan().record == rested


@given(events, st.sampled_from([10, 40, 200]), st.randoms(use_true_random=False))
def test_the_order_in_which_numbers_are_seen_does_not_matter(story: list[Any], size: int, random: Any) -> None:
    pool = Pool(size)
    for event in story:
        pool.plan()
        pool.live(*event)
    mixed = pool.seen()
    mixed = replace(mixed, leavers=tuple(random.sample(mixed.leavers, len(mixed.leavers))))
    assert plan_release(want(hold=HOUR), mixed, pool.now) == plan_release(want(hold=HOUR), pool.seen(), pool.now)


class Name(str):
    """A name that counts how often one of its kind is compared with another."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Name.compared += 1
        return str.__eq__(self, other)


@pytest.mark.parametrize("day", [pytest.param(TODAY, id="the same day"), pytest.param(TODAY - 3 * DAY, id="a new day")])
def test_a_plan_for_many_numbers_that_leave_compares_each_with_few_others(day: date) -> None:
    """In the event loop: what is quadratic in them lets claims wait for seconds."""
    several = [Name(f"1415{n:07d}") for n in range(600)]
    going = tuple(replace(a_leaver(n), name=name) for n, name in enumerate(several))
    others = tuple(Name(str(name)) for name in several)
    record = ReleaseRecord(day=day, released=others[:300], granted=others, cleared=others)
    Name.compared = 0
    plan = plan_release(want(max_per_day=1_000), seen(*going, record=record), NOW)
    assert len(plan.record.granted) == 600
    assert Name.compared < 40 * len(several)
