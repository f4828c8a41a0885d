"""The law of numbers that were asked to go: none is bought in the place of one that may stay."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import Phase
from ringfleet.model.policy import ReleaseMode
from ringfleet.objects.number_pool import release_notes, release_status
from ringfleet.plan.number_pool.carriers import TopUp
from ringfleet.plan.number_pool.decide import PoolDecision, PoolFacts, PoolView, decide
from ringfleet.plan.number_pool.demand import DemandMemory
from ringfleet.plan.number_pool.forecast import DemandWant
from ringfleet.plan.number_pool.plan import StartOrder
from ringfleet.plan.number_pool.release import Leaver, ReleaseRecord, ReleaseSeen, ReleaseWant, plan_release
from ringfleet.plan.number_pool.supply import NumberSeen
from ringfleet.plan.phone_number.removal import Cause, Way
from tests.plan.builders import NOW, a_number, a_pool, a_world, digits

SECOND = timedelta(seconds=1)
HOLD = timedelta(hours=1)
HOW = [(Cause.DELETION, Way.LET_GO), (Cause.DELETION, Way.LET_GO), (Cause.DELETION, Way.RELEASE)]
HOW += [(Cause.MANUAL, Way.RELEASE)]

events = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "ask", "take back", "go", "make anew", "acknowledge", "wait", "wait"]),
        st.integers(1, 40),
        st.sampled_from(HOW),
        st.sampled_from([SECOND, 3 * SECOND, 9 * SECOND, 20 * SECOND, 60 * SECOND, 700 * SECOND, 2 * HOLD]),
    ),
    max_size=60,
)


class Pool:
    """A pool at its target, whose numbers are deleted, taken back and made anew; what it orders comes at once."""

    def __init__(self, size: int) -> None:
        self.want = a_pool(size)
        self.now = NOW
        self.record, self.top_up, self.word = ReleaseRecord(), TopUp(), None
        self.numbers = {n: a_number(n) for n in range(1, size + 1)}
        self.leaving: dict[int, Leaver] = {}
        self.left_at: dict[int, datetime] = {}
        self.settled: Counter[str] = Counter()
        self.bought = 0
        self.next = 1000

    def live(self, event: str, n: int, how: tuple[Cause, Way], wait: timedelta) -> None:
        match event:
            case "ask" if n in self.numbers and n not in self.leaving:
                due = self.now + (HOLD if how[1] is Way.RELEASE else timedelta())
                self.leaving[n] = Leaver(digits(n).digits, *how, since=self.now, not_before=due)
            case "take back" if n in self.leaving and self.leaving[n].cause is Cause.MANUAL:
                del self.leaving[n]
            case "go":
                for one in [one for one, leaver in self.leaving.items() if leaver.name in self.record.granted]:
                    del self.leaving[one], self.numbers[one]
                    self.left_at[one] = self.now
            case "make anew" if n in self.left_at and n not in self.numbers:
                self.numbers[n] = a_number(n)
            case "acknowledge":
                self.word = self.record.frozen_since
            case "wait":
                self.now += wait
        self.turn()

    def turn(self) -> PoolDecision:
        decision = decide(self._view(), self._facts(), self.now)
        for name in set(decision.release.record.cleared) - set(self.record.cleared):
            self.settled[name] += 1
        self.record, self.top_up = decision.release.record, replace(decision.plan.top_up, ordered=True)
        for action in decision.plan.actions:
            assert isinstance(action, StartOrder)
            for _ in range(action.intent.count):
                self.next, self.bought = self.next + 1, self.bought + 1
                self.numbers[self.next] = a_number(self.next)
        return decision

    def _view(self) -> PoolView:
        release = ReleaseWant("west", ReleaseMode.MANUAL, HOLD, 100, target=self.want.target, minimum=self.want.minimum)
        return PoolView(self.want, DemandWant(), DemandMemory(), release)

    def _facts(self) -> PoolFacts:
        seen = tuple(self._seen(n, number) for n, number in self.numbers.items())
        leavers = tuple(self.leaving.values())
        return PoolFacts(
            pool=replace(a_world(numbers=seen), top_up=self.top_up),
            release=ReleaseSeen(leavers, size=len(seen), record=self.record, acknowledged=self.word),
            takeable=frozenset(digits(n) for n in self.leaving),
        )

    def _seen(self, n: int, number: NumberSeen) -> NumberSeen:
        return replace(number, phase=Phase.RELEASING) if n in self.leaving else number


@given(st.integers(1, 40), events)
def test_never_more_is_bought_than_was_let_pass_to_go(size: int, lived: list) -> None:
    pool = Pool(size)
    for event in lived:
        pool.live(*event)
        assert pool.bought <= pool.settled.total()


@given(st.integers(1, 40), st.lists(st.sampled_from([0, 1, 4, 9, 9.9]), min_size=40, max_size=40))
def test_of_a_mass_deletion_nothing_is_bought_however_it_trickles_in(size: int, pauses: list[float]) -> None:
    """Each deletion comes within the settling time of the one before it, so the last word is the breaker's."""
    pool = Pool(size)
    for n, pause in zip(range(1, size + 1), pauses, strict=False):
        pool.live("ask", n, HOW[0], SECOND)
        pool.live("wait", n, HOW[0], timedelta(seconds=pause))
        pool.live("go", n, HOW[0], SECOND)
        assert pool.bought == 0


@given(st.integers(1, 40), events)
def test_whoever_has_gone_for_good_is_replaced_in_the_end(size: int, lived: list) -> None:
    pool = Pool(size)
    for event in lived:
        pool.live(*event)
    for _ in range(3):
        pool.live("acknowledge", 1, HOW[0], SECOND)
        pool.live("wait", 1, HOW[0], 2 * HOLD)
        pool.live("go", 1, HOW[0], SECOND)
    pool.live("wait", 1, HOW[0], 2 * HOLD)
    assert len(pool.numbers) - len(pool.leaving) >= size


def test_the_record_of_many_thousands_fits_into_the_pools_object() -> None:
    """etcd takes 1.5 MiB; what can't be written can't be acknowledged either."""
    count = 100_000
    leavers = tuple(
        Leaver(f"1{n:010d}", Cause.DELETION, Way.LET_GO, since=NOW, not_before=NOW) for n in range(1, count + 1)
    )
    want = ReleaseWant("west", ReleaseMode.NEVER, HOLD, 100)
    frozen = plan_release(want, ReleaseSeen(leavers, size=count), NOW).record
    assert frozen.frozen_since == NOW
    assert _size(frozen) < 20_000
    passed = plan_release(want, ReleaseSeen(leavers, size=count, record=frozen, acknowledged=NOW), NOW).record
    assert _size(passed) < 200_000
    rest = leavers[len(passed.granted) :]
    later = plan_release(want, ReleaseSeen(rest, size=count, record=passed, acknowledged=NOW), NOW).record
    assert later.granted == tuple(one.name for one in rest[: len(passed.granted)])
    late = (Leaver("29", Cause.DELETION, Way.LET_GO, since=NOW + SECOND, not_before=NOW), rest[0])
    last = plan_release(want, ReleaseSeen(late, size=1000, record=later), NOW + SECOND)
    assert (last.record.granted, last.requeue) == ((rest[0].name,), 10.0)  # who was asked later has to settle


def _size(record: ReleaseRecord) -> int:
    parts = filter(None, (release_status(record), release_notes(record)))
    return sum(len(json.dumps(part.as_dict(), separators=(",", ":"))) for part in parts)


@given(st.integers(2, 40), st.integers(1, 29))
def test_a_number_that_is_made_anew_soon_after_it_has_gone_is_not_bought_again(size: int, seconds: int) -> None:
    pool = Pool(size)
    pool.live("ask", 1, HOW[0], SECOND)
    pool.live("wait", 1, HOW[0], 10 * SECOND)
    pool.live("go", 1, HOW[0], SECOND)
    assert 1 not in pool.numbers
    pool.live("wait", 1, HOW[0], seconds * SECOND)
    pool.live("make anew", 1, HOW[0], SECOND)
    pool.live("wait", 1, HOW[0], 2 * HOLD)
    assert (pool.bought, len(pool.numbers)) == (0, size)
