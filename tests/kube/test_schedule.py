"""The schedule against a model that keeps it simple: a dictionary, searched from end to end."""

from __future__ import annotations

import tracemalloc

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ringfleet.kube.schedule import SPARE, Schedule

KEYS = st.sampled_from("abcde")
DELAYS = st.integers(0, 5).map(float)


class ScheduleMachine(RuleBasedStateMachine):
    """Every add is run, once at a time, as soon as it is due and no sooner."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule: Schedule[str] = Schedule()
        self.now = 0.0
        self.due: dict[str, float] = {}
        self.running: set[str] = set()

    @rule(key=KEYS, delay=DELAYS)
    def add(self, key: str, delay: float) -> None:
        due = self.now + delay
        self.schedule.add(key, due)
        self.due[key] = min(due, self.due.get(key, due))

    @rule()
    def take(self) -> None:
        ready = {key: due for key, due in self.due.items() if key not in self.running and due <= self.now}
        taken = self.schedule.take(self.now)
        if taken is None:
            assert not ready
            return
        assert ready[taken] == min(ready.values())
        del self.due[taken]
        self.running.add(taken)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), again=st.none() | DELAYS)
    def done(self, data: st.DataObject, again: float | None) -> None:
        key = data.draw(st.sampled_from(sorted(self.running)))
        self.running.remove(key)
        self.schedule.done(key, None if again is None else self.now + again)
        if again is not None:
            self.due[key] = min(self.now + again, self.due.get(key, self.now + again))

    @rule(seconds=DELAYS)
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def the_next_one_is_the_soonest(self) -> None:
        waiting = [due for key, due in self.due.items() if key not in self.running]
        assert self.schedule.next_due() == min(waiting, default=None)
        assert (self.schedule.running, self.schedule.waiting) == (self.running, len(self.due))

    @invariant()
    def what_is_due_and_has_no_worker_is_overdue(self) -> None:
        overdue = {key: due for key, due in self.due.items() if key not in self.running and due <= self.now}
        assert self.schedule.overdue(self.now) == overdue
        assert self.schedule.again == len(self.due.keys() & self.running)


TestSchedule = ScheduleMachine.TestCase


def test_a_key_that_asks_for_a_far_run_each_time_leaves_no_litter() -> None:
    schedule: Schedule[str] = Schedule()
    for now in range(10_000):
        schedule.add("a", float(now))
        assert schedule.take(float(now)) == "a"
        schedule.done("a", again=now + 600.0)
    assert len(schedule._heap) <= SPARE + 3


def test_ten_thousand_keys_that_sleep_cost_a_few_hundred_bytes_each_and_stay_that_small() -> None:
    """However often each of them is seen again, and a little sooner each time, as a clock's jitter has it."""
    keys = [f"number-{n}" for n in range(10_000)]
    tracemalloc.start()
    schedule: Schedule[str] = Schedule()
    for seen in range(5):
        for n, key in enumerate(keys):
            schedule.add(key, 3_600.0 + n - seen * 0.001)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert schedule.waiting == 10_000
    assert size / 10_000 < 500
    assert schedule.take(3_000.0) is None
