"""The work queue, in virtual time: when what runs, to the millisecond."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfleet.kube.errors import Unavailable
from ringfleet.kube.queue import Later, WorkQueue
from ringfleet.rate import Backoff
from tests.examples import examples
from tests.kube.virtual_time import now, run_in_virtual_time

Handle = Callable[[str], Awaitable[float | None]]
Step = tuple[float, str]


def runs(
    *adds: Step, handle: Handle | None = None, until: float = 3600.0, queue: WorkQueue[str] | None = None
) -> list[Step]:
    """The (time, key) of every start when the keys of `adds` are added at their times, `until` the queue is stopped."""
    return run_in_virtual_time(_runs(adds, handle, until, queue or WorkQueue(retries=Backoff(1.0, 8.0))))


async def _runs(adds: tuple[Step, ...], handle: Handle | None, until: float, queue: WorkQueue[str]) -> list[Step]:
    seen: list[Step] = []

    async def note(key: str) -> float | None:
        seen.append((round(now(), 3), key))
        return await handle(key) if handle else None

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for at, key in adds:
        loop.call_at(at, queue.add, key)
    loop.call_at(until, stop.set)
    await queue.run(note, stop)
    return seen


def taking(seconds: float) -> Handle:
    async def handle(_key: str) -> None:
        await asyncio.sleep(seconds)

    return handle


@pytest.mark.parametrize(
    ("adds", "expected"),
    [
        ([(0, "a")], [(0.1, "a")]),
        ([(0, "a"), (0, "b")], [(0.1, "a"), (0.1, "b")]),
        ([(0, "a"), (0.05, "a"), (0.09, "a")], [(0.1, "a")]),
        ([(0, "a"), (0.2, "a")], [(0.1, "a"), (0.3, "a")]),
    ],
)
def test_a_burst_of_adds_is_one_run_a_tenth_of_a_second_after_its_first(adds: list[Step], expected: list[Step]) -> None:
    assert runs(*adds) == expected


def test_what_somebody_waits_for_runs_at_once_and_is_not_held_back_by_an_earlier_add() -> None:
    queue: WorkQueue[str] = WorkQueue()

    async def hurry() -> list[Step]:
        asyncio.get_running_loop().call_at(0.05, partial(queue.add, "a", at_once=True))
        return await _runs(((0.03, "a"),), None, 10.0, queue)

    assert run_in_virtual_time(hurry()) == [(0.05, "a")]


def test_a_stream_of_adds_does_not_hold_a_run_back() -> None:
    stream = [(n / 100, "a") for n in range(100)]
    assert [at for at, _ in runs(*stream)] == pytest.approx([0.1 + n * 0.11 for n in range(10)], abs=0.011)


def test_what_is_added_while_it_runs_runs_once_more_afterwards() -> None:
    adds = [(0, "a"), (0.5, "a"), (0.6, "a"), (0.7, "a")]
    assert runs(*adds, handle=taking(1.0)) == [(0.1, "a"), (1.1, "a")]


def test_a_handler_gets_its_key_again_after_the_delay_it_asked_for() -> None:
    async def every_minute(_key: str) -> float:
        return 60.0

    assert runs((0, "a"), handle=every_minute, until=150.0) == [(0.1, "a"), (60.1, "a"), (120.1, "a")]


def test_an_add_runs_a_key_sooner_than_it_asked_for() -> None:
    async def in_an_hour(_key: str) -> float:
        return 3600.0

    assert runs((0, "a"), (5, "a"), handle=in_an_hour, until=3000.0) == [(0.1, "a"), (5.1, "a")]


def test_a_later_wish_does_not_put_off_a_sooner_one() -> None:
    async def story() -> list[Step]:
        queue: WorkQueue[str] = WorkQueue()
        queue.add("a", delay=2.0)
        queue.add("a", delay=50.0)
        return await _runs((), None, 100.0, queue)

    assert run_in_virtual_time(story()) == [(2.0, "a")]


def test_failures_double_the_delay_and_a_success_forgets_them() -> None:
    outcomes = iter([RuntimeError("1"), RuntimeError("2"), RuntimeError("3"), 100.0, RuntimeError("1 again"), None])

    async def unlucky(_key: str) -> float | None:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    starts = [at for at, _ in runs((0, "a"), handle=unlucky)]
    delays = [after - before for before, after in pairwise(starts)]
    full = [1.0, 2.0, 4.0, 100.0, 1.0]  # jitter takes up to half of a backoff, and nothing of a wish
    assert len(delays) == len(full)
    assert all(most / 2 <= delay <= most + 0.001 for delay, most in zip(delays, full, strict=True)), delays
    assert delays[3] == pytest.approx(100.0)


def test_a_key_that_could_not_have_its_turn_has_failed_as_often_as_before() -> None:
    outcomes = iter(
        [RuntimeError("1"), RuntimeError("2"), Later(20.0), RuntimeError("3"), 5.0, RuntimeError("1 again")]
    )

    async def kept_waiting(_key: str) -> float:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    starts = [at for at, _ in runs((0, "a"), handle=kept_waiting, until=34.0)]
    delays = [after - before for before, after in pairwise(starts)]
    full = [1.0, 2.0, 20.0, 4.0, 5.0]
    assert len(delays) >= len(full)
    assert all(most / 2 <= delay <= most + 0.001 for delay, most in zip(delays, full, strict=False)), delays


def test_a_key_that_fails_does_not_hold_up_another() -> None:
    async def fails_on_a(key: str) -> None:
        if key == "a":
            raise RuntimeError("no")

    assert (0.3, "b") in runs((0, "a"), (0.2, "b"), handle=fails_on_a, until=10.0)


def test_an_api_server_that_asks_for_patience_gets_it() -> None:
    async def overloaded(_key: str) -> None:
        raise Unavailable("busy", retry_after=30.0)

    assert runs((0, "a"), handle=overloaded, until=40.0) == [(0.1, "a"), (30.1, "a")]


def test_only_so_many_run_at_once_and_the_one_due_longest_comes_first() -> None:
    queue: WorkQueue[str] = WorkQueue(workers=2)
    adds = [(0.0, "a"), (0.01, "b"), (0.02, "c"), (0.03, "d")]
    assert runs(*adds, handle=taking(10), queue=queue) == [(0.1, "a"), (0.11, "b"), (10.1, "c"), (10.11, "d")]


def test_keys_added_before_a_run_wait_for_it() -> None:
    async def story() -> list[Step]:
        queue: WorkQueue[str] = WorkQueue()
        queue.add("a")
        await asyncio.sleep(100)
        queue.add("a")
        return await _runs((), None, 200.0, queue)

    assert run_in_virtual_time(story()) == [(100.0, "a")]


def test_stopping_starts_nothing_more_and_lets_what_runs_end() -> None:
    ended = []

    async def slow(key: str) -> None:
        await asyncio.sleep(5)
        ended.append(key)

    assert runs((0, "a"), (0.95, "b"), handle=slow, until=1.0) == [(0.1, "a")]
    assert ended == ["a"]


def test_what_outlasts_its_grace_is_cancelled_and_runs_again_next_time() -> None:
    async def story() -> tuple[float, list[Step]]:
        queue: WorkQueue[str] = WorkQueue(grace=3.0)
        await _runs(((0, "a"),), taking(1000), 1.0, queue)
        stopped_at = now()
        return stopped_at, await _runs((), None, stopped_at + 1, queue)

    assert run_in_virtual_time(story()) == (4.0, [(4.0, "a")])


def test_cancelling_the_queue_cancels_its_runs_and_keeps_their_keys() -> None:
    async def story() -> tuple[int, list[Step]]:
        queue: WorkQueue[str] = WorkQueue(debounce=0.0)
        queue.add("a")
        run = asyncio.create_task(_runs((), taking(1000), 1000.0, queue))
        while not queue.running:  # its task is made, but has not begun
            await asyncio.sleep(0)
        run.cancel()
        await asyncio.wait([run])
        return queue.running, await _runs((), None, 1.0, queue)

    assert run_in_virtual_time(story()) == (0, [(0.0, "a")])


def test_an_idle_queue_does_not_wake_up() -> None:
    async def story() -> int:
        wakings = 0
        queue: WorkQueue[str] = WorkQueue()
        wait = queue._wake.wait

        async def counted() -> bool:
            nonlocal wakings
            wakings += 1
            return await wait()

        queue._wake.wait = counted  # type: ignore[method-assign]
        queue.add("later", delay=3000.0)
        await _runs((), None, 2000.0, queue)
        return wakings

    assert run_in_virtual_time(story()) <= 2


@settings(max_examples=examples(100), deadline=None)
@given(
    adds=st.lists(st.tuples(st.floats(0, 20), st.sampled_from("abcd")), max_size=40),
    duration=st.floats(0, 3),
    workers=st.integers(1, 3),
    fails=st.sets(st.integers(0, 60)),
)
def test_every_add_is_followed_by_a_run_and_no_key_runs_twice_at_once(
    adds: list[Step], duration: float, workers: int, fails: set[int]
) -> None:
    at_once: Counter[str] = Counter()
    finished: list[Step] = []
    number = 0

    async def handle(key: str) -> None:
        nonlocal number
        number += 1
        unlucky, started = number in fails, now()
        at_once[key] += 1
        assert at_once[key] == 1
        assert at_once.total() <= workers
        await asyncio.sleep(duration)
        at_once[key] -= 1
        if unlucky:
            raise RuntimeError("unlucky")
        finished.append((started, key))

    runs(*adds, handle=handle, queue=WorkQueue(workers=workers, retries=Backoff(1.0, 8.0)))
    for added_at, key in adds:
        assert any(started >= added_at and ran == key for started, ran in finished), (added_at, key, finished)


def test_two_queues_whose_keys_come_up_a_moment_after_a_timer_do_not_wake_each_other_for_ever() -> None:
    """As a real clock they need one that goes on: the one of these tests stands still while anything runs."""

    async def both() -> list[float]:
        seen: list[float] = []

        async def note(_key: str) -> None:
            seen.append(now())

        def soon(rounds: int, act: Callable[[], object]) -> None:
            loop.call_soon(soon, rounds - 1, act) if rounds else act()

        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        queues = [WorkQueue[str](debounce=0.0) for _ in range(2)]
        before = 1.0 - 1e-10
        for rounds, queue in enumerate(queues):  # the second is a round of the loop behind the first
            loop.call_at(before, soon, rounds, partial(queue.add, "a", 1.0 - before))
        loop.call_at(2.0, stop.set)
        await asyncio.gather(*(queue.run(note, stop) for queue in queues))
        return seen

    assert run_in_virtual_time(both()) == pytest.approx([1.0, 1.0])
