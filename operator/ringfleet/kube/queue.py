"""The work queue: keys come in from all sides, and a handler looks at each one in peace.

    add(key) --100 ms--> handle(key) --> None: wait for the next add
                              |  '-----> seconds: run again by then, sooner if it is added
                              |  '-----> Later: the same; it could not have its turn, so its failures stay counted
                              '-raises-> run again after a delay that doubles with each failure in a row

What happened to a key is not kept, only that it should be looked at: ten thousand adds of ten keys are ten runs. An
add waits `debounce` from the first one, so that a burst becomes one run, and no longer, so that a stream of adds can't
hold a run back. An idle queue costs nothing: it wakes when a key is due, is added or is done.

Adding works at any time; keys run while `run` runs. So a standby replica keeps its queue and starts it when it leads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Generic, NamedTuple, TypeVar

import structlog

from ringfleet.kube.errors import KubeError, Unavailable
from ringfleet.kube.schedule import Schedule
from ringfleet.rate import Backoff
from ringfleet.traces import way

K = TypeVar("K", bound=Hashable)

Handler = Callable[[K], Awaitable[float | None]]

DEBOUNCE = 0.1
GRACE = 20.0  # a pod has 30 seconds from SIGTERM to SIGKILL
RETRIES = Backoff(first=0.25, longest=300.0)

log = structlog.get_logger(__name__)


class Later(float):
    """Seconds until another turn of a key that could not have this one: nothing was tried, and nothing went well."""


class Load(NamedTuple):
    """How much a queue has to do at one moment."""

    due: int
    """Keys that could run and have no worker yet."""
    oldest: float
    """For how many seconds the one that waits longest has been due; 0.0 when none is."""
    later: int
    """Keys that wait for their time."""
    running: int
    """Keys that a worker looks at now."""
    failing: int
    """Keys whose last run failed."""


class WorkQueue(Generic[K]):
    """Keys to look at, `workers` of them at a time, never one key twice at once. All times are seconds."""

    def __init__(
        self,
        *,
        workers: int = 16,
        debounce: float = DEBOUNCE,
        retries: Backoff = RETRIES,
        grace: float = GRACE,
        on_rest: Callable[[], object] = lambda: None,
    ) -> None:
        """`on_rest` is called when a run has ended and no key is left, now or later."""
        self.workers = workers
        self._on_rest = on_rest
        self._debounce = debounce
        self._retries = retries
        self._grace = grace
        self._schedule: Schedule[K] = Schedule()
        self._failures: dict[K, int] = {}
        self._runs: set[asyncio.Task[float | None]] = set()
        self._wake = asyncio.Event()
        self.active = False
        """Whether keys run: False before `run`, after it, and on a replica that stands by."""

    @property
    def waiting(self) -> int:
        return self._schedule.waiting

    @property
    def running(self) -> int:
        return len(self._schedule.running)

    @property
    def at_rest(self) -> bool:
        """Whether no key runs or waits, not even for its time."""
        return not self._runs and not self.waiting

    def load(self) -> Load:
        """Counted now; what it costs grows with the keys that are due."""
        now = _now()
        due = self._schedule.overdue(now)
        oldest = now - min(due.values(), default=now)
        later = self.waiting - len(due) - self._schedule.again
        return Load(len(due), oldest, later, self.running, len(self._failures))

    def failures(self, key: K) -> int:
        """How often `key` has failed in a row."""
        return self._failures.get(key, 0)

    def add(self, key: K, delay: float = 0.0, *, at_once: bool = False) -> None:
        """Let `key` run `delay` from now, after the debounce at the soonest; an earlier wish stays.

        `at_once` is for what is no part of a burst, and for which somebody waits: it is not held back at all.
        """
        if self._schedule.add(key, _now() + (0.0 if at_once else max(delay, self._debounce))):
            self._wake.set()

    async def run(self, handler: Handler[K], stop: asyncio.Event) -> None:
        """Run keys as they come due until `stop` is set; then let those that run end, and cancel them after `grace`.

        Keys that wait, and those that were cancelled, stay in the queue for the next `run`.
        """
        stopping = asyncio.create_task(self._wake_when(stop))
        self.active = True
        try:
            while not stop.is_set():
                self._start_due(handler)
                await self._something_to_do()
            if self._runs:
                await asyncio.wait(self._runs, timeout=self._grace)
        finally:
            self.active = False
            stopping.cancel()
            await self._cancel_runs()

    def _start_due(self, handler: Handler[K]) -> None:
        while len(self._runs) < self.workers and (key := self._schedule.take(_now())) is not None:
            run = asyncio.create_task(self._handle(handler, key), name=f"handle {key}")
            self._runs.add(run)
            run.add_done_callback(partial(self._ended, key))

    async def _something_to_do(self) -> None:
        """Return when a key is due and there is a worker for it, or when the queue was woken."""
        due = self._schedule.next_due() if len(self._runs) < self.workers else None
        alarm = None if due is None else asyncio.get_running_loop().call_at(due, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            self._wake.clear()
            if alarm is not None:
                alarm.cancel()

    async def _handle(self, handler: Handler[K], key: K) -> float | None:
        """Run `key` once, and return the delay until it runs again."""
        try:
            wish = await handler(key)
        except Exception as error:
            return self._failed(key, error)
        if not isinstance(wish, Later):
            self._failures.pop(key, None)
        return None if wish is None else max(wish, self._debounce)

    def _failed(self, key: K, error: Exception) -> float:
        """Count the failure, and return the delay until the next try."""
        self._failures[key] = failures = self.failures(key) + 1
        delay = self._retries.delay(failures)
        if isinstance(error, Unavailable) and error.retry_after is not None:
            delay = max(delay, error.retry_after)
        told = {"error": str(error)} if isinstance(error, KubeError) else way(error)
        log.warning("failed", key=str(key), failures=failures, retry_in=round(delay, 1), **told)
        return delay

    def _ended(self, key: K, run: asyncio.Task[float | None]) -> None:
        delay = 0.0 if run.cancelled() else run.result()
        self._schedule.done(key, None if delay is None else _now() + delay)
        self._runs.discard(run)
        self._wake.set()
        if self.at_rest:
            self._on_rest()

    async def _cancel_runs(self) -> None:
        for run in self._runs:
            run.cancel()
        await asyncio.gather(*self._runs, return_exceptions=True)

    async def _wake_when(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()


def _now() -> float:
    return asyncio.get_running_loop().time()
