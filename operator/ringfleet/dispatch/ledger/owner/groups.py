"""The ledger that the dispatcher works with: what waits, what goes together, and what became of it.

One group is on its way at a time. All that comes meanwhile is the next one. When a group can't be written, nothing of
it was answered, and memory is taken back; when it is not known whether it was written, memory is dropped and loaded
again.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

import structlog

from ringfleet.dispatch.ledger.interface import KEPT, LedgerUnavailable, NotTheOwner, Unwritable
from ringfleet.dispatch.ledger.owner import deferrals, keys, picks, rosters
from ringfleet.dispatch.ledger.owner import recipients as rights
from ringfleet.dispatch.ledger.owner.events import has_read
from ringfleet.dispatch.ledger.owner.folding import Folding
from ringfleet.dispatch.ledger.owner.group import Group
from ringfleet.dispatch.ledger.owner.jobs import Job
from ringfleet.dispatch.ledger.owner.memory import Memory
from ringfleet.dispatch.ledger.owner.outbox import take_out
from ringfleet.dispatch.ledger.owner.picks import TOLD_AGAIN
from ringfleet.dispatch.ledger.owner.reports import (
    active_since,
    report_deferrals,
    report_due,
    report_numbers,
    report_set,
)
from ringfleet.dispatch.ledger.owner.restored import begin_epoch
from ringfleet.dispatch.ledger.owner.sessions import forget_ended
from ringfleet.dispatch.ledger.owner.sessions import job_of as job_of_session
from ringfleet.dispatch.ledger.owner.wishes import (
    Wish,
    job_of,
    job_of_inbox,
    job_of_wish,
    refuse_unwritable,
    write_wish,
)
from ringfleet.dispatch.ledger.retention import KEPT_LONG, LIMITS, POSTED, ROOMS
from ringfleet.dispatch.ledger.session_types import SessionAnswer, SessionAsk
from ringfleet.dispatch.ledger.store import NOTHING, Held, Moved, Outcome, Store
from ringfleet.dispatch.ledger.tables import OUTBOX, UNCLEAR, Row, Wanted
from ringfleet.dispatch.ledger.types import (
    ANALYTICS,
    Ask,
    Cancelled,
    Deferral,
    Deferrals,
    Deferred,
    GivenBack,
    Heard,
    Letter,
    Mark,
    NumbersKnown,
    Past,
    Posted,
    Rollup,
    Roster,
    Span,
    Suppression,
    Unclear,
    Verdict,
)

MOST_AT_ONCE = 512
"""Requests in one group, at most: no caller waits for more."""
BEAT_SECONDS = 1.0
INBOX_AT_ONCE = 256
FORGOTTEN_AT_ONCE = 2000
"""Rows that are looked at in one step of forgetting: picks wait for no more."""

RESTORED = (
    "the ledger was restored: what was used today is not known, so that no set picks until its next day begins, or "
    "until `ringfleet ledger accept-counts`"
)

Work = Ask | Job

log = structlog.get_logger(__name__)


class OwnedLedger:
    """A ledger in a store: decided here when the store is ours, refused with NotTheOwner when it is another's. See
    `ledger.interface.Ledger`."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self.store = store
        self._now = now
        self._one_at_a_time = asyncio.Lock()
        self._waiting: deque[tuple[Work, asyncio.Future[Any]]] = deque()
        self._woken = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._held = Held(is_ours=False)
        self._changed = asyncio.Event()
        self._checks: frozenset[bytes] | None = None
        self._put_off = 0
        self._more_put_off = asyncio.Event()
        self._memory: Memory | None = None
        self._folding: Folding | None = None
        self._doubtful: Group | None = None
        self._is_doubtful = False
        self._rosters: dict[str, Roster] = {}
        self._trusts_rosters = True
        self._on_taken: Callable[[], None] = lambda: None
        self._forwards = False
        self._posted = 0
        self._more_posted = asyncio.Event()
        self._mark: Mark | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> OwnedLedger:
        """Raises LedgerUnavailable: the store can't be opened."""
        self._loop = asyncio.get_running_loop()
        async with AsyncExitStack() as opening:
            await opening.enter_async_context(self.store)
            await self._hold()
            if self._held.is_ours:
                await self._settle()
            self._open = opening.pop_all()
        self._tasks = [asyncio.create_task(self._serve())]
        if self.store.is_shared:
            self._tasks.append(asyncio.create_task(self._hold_on()))
        return self

    async def __aexit__(self, *_: object) -> None:
        """What was asked for before is done."""
        self._closed = True
        await self._idle.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._held.is_ours:
            with suppress(LedgerUnavailable):
                if not self.store.is_shared:
                    await self._fold_all()
                await self.store.let_go()
        await self._open.aclose()

    async def answer_at(self, url: str) -> None:
        """From the next beat on."""
        self.store.address = url
        await self._hold()

    @property
    def is_ours(self) -> bool:
        """Whether this process decides."""
        return self._held.is_ours

    @property
    def mark(self) -> Mark | None:
        """By what the ledger is told from others; None: this process has not read it yet."""
        return self._mark

    @property
    def owner(self) -> str | None:
        """Where whoever decides answers; None: nobody that is known to live."""
        return self._held.owner

    async def owner_changes(self, within: float) -> None:
        """Return when the owner is another one, or after `within` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._changed.wait()

    # What is written.

    def pick(self, ask: Ask) -> asyncio.Future[Verdict]:
        return self._put(ask)

    async def meet_keys(self, checks: Mapping[bytes, str], remember: bool = True) -> tuple[str, ...]:
        """The owner remembers the new ones; whoever else meets them has written nothing under them yet."""
        known = await self.keys()
        if missing := tuple(sorted(known[check] for check in known.keys() - checks.keys())):
            return missing
        self._checks = frozenset(checks)
        if self._held.is_ours and remember and checks.keys() - known.keys():
            await self._put(Job(lambda group: keys.remember(checks, group)))
        return ()

    async def keys(self) -> Mapping[bytes, str]:
        return {bytes(check): str(name) for check, name in await self.store.list_keys()}

    async def enlist(self, roster: Roster) -> None:
        """Where another process is the owner, the roster is only noted: it may be wanted here one day."""
        self._rosters[roster.set] = roster
        if self._held.is_ours:
            await self._enlist(roster)

    def _enlist(self, roster: Roster) -> asyncio.Future[None]:
        trusted = self._trusts_rosters
        return self._put(
            Job(lambda group: rosters.enlist(roster if trusted else rosters.restrict(roster, group), group))
        )

    def on_taken(self, hear: Callable[[], None]) -> None:
        self._on_taken = hear

    def trust_rosters(self) -> None:
        self._trusts_rosters = True

    async def give_back(self, set_: str, pick: str, day: int) -> GivenBack:
        job = Job(
            lambda group: picks.give_back(set_, pick, day, group),
            lambda _, wanted: picks.want_to_give_back(pick, wanted),
            lambda group, wanted: picks.want_its_contact(pick, group, wanted),
        )
        return GivenBack(await self._put(job))

    async def cancel(self, set_: str, deferral: str) -> Cancelled:
        job = Job(
            lambda group: deferrals.cancel(set_, deferral, group),
            lambda _, wanted: deferrals.want_deferral(deferral, wanted),
        )
        return Cancelled(await self._put(job))

    async def session(self, ask: SessionAsk) -> SessionAnswer:
        answer: SessionAnswer = await self._put(job_of_session(ask))
        return answer

    async def suppress(self, entries: Sequence[Suppression]) -> int:
        return await self._wish(Wish(suppress=tuple(entries))) if entries else 0

    async def allow(self, scope: str, recipients: Sequence[bytes]) -> int:
        return await self._wish(Wish(allow=(scope, tuple(recipients))))

    async def erase(self, recipients: Sequence[bytes]) -> int:
        return await self._wish(Wish(erase=tuple(recipients)))

    async def ingest(self, heard: Sequence[Heard]) -> int:
        return await self._wish(Wish(heard=tuple(heard))) if heard else 0

    def forward_events(self) -> None:
        self._forwards = True
        if self._memory is not None:
            self._memory.forwards = True

    async def sent(self, ids: Sequence[int]) -> None:
        await self._put(Job(lambda group: take_out(ids, group)))

    async def post(self, letters: Sequence[Letter], at: float) -> None:
        if letters:
            await self._wish(Wish(letters=tuple(letters), at=at))

    async def outbox(self, limit: int, target: str = ANALYTICS) -> tuple[Posted, ...]:
        self._refuse_anothers()
        return tuple(Posted(id_, entry, at) for id_, at, entry in await self.store.read_outbox(target, limit))

    async def targets(self) -> frozenset[str]:
        self._refuse_anothers()
        return frozenset(target for (target,) in await self.store.list_targets())

    @property
    def posted(self) -> int:
        return self._posted

    async def outbox_fills(self, than: int, within: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._posted == than:
                    await self._more_posted.wait()

    async def prune(self, now: float, contacts_before: float) -> int:
        self._refuse_anothers()
        await self._fold_all()
        await self._put(Job(lambda group: _forget_deferrals(group, now - ROOMS)))
        seen = (await self._known()).marks["wishes"]
        gone = int(await self._put(Job(lambda group: forget_ended(now, group))))
        for what, before in (
            ("replay", now - KEPT),
            ("journal", now - KEPT_LONG),
            ("event", now - KEPT_LONG),
            ("call", now - KEPT_LONG),
            ("traffic", (now - KEPT_LONG) // 3600),
            ("deferral", now - ROOMS),
            ("outbox", now - POSTED),
            ("contact", contacts_before),
            ("heard", now - KEPT_LONG),
            ("proxy_interaction", now - KEPT_LONG),
            ("proxy_replay", now - KEPT),
            ("unclear", now - KEPT_LONG),
            ("shared_use", now - LIMITS),
            ("wish", float(seen)),
        ):
            gone += await self._forget(what, before)
        return gone

    # What is read.

    async def deferrals(self, set_: str, day: int, limit: int = 100, now: float = 0.0) -> Deferrals:
        return report_deferrals(await self._known(), set_, now, day, limit)

    async def due(self, set_: str, now: float, limit: int = 100) -> tuple[Deferral, ...]:
        return report_due(await self._known(), set_, now, limit)

    @property
    def put_off(self) -> int:
        return self._put_off

    async def more_put_off(self, than: int, within: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._put_off == than:
                    await self._more_put_off.wait()

    async def unclear(self, set_: str, limit: int = 100) -> tuple[Unclear, ...]:
        rows = await self.store.list_unclear(set_, limit)
        return tuple(
            Unclear(account, event, message, f"+{number}", at) for _, account, event, message, number, at in rows
        )

    async def has_read(self, set_: str, account: str, event: str) -> bool:
        key = (set_, account, event)
        job = Job(lambda group: has_read(key, group), lambda _, wanted: wanted.setdefault(UNCLEAR, set()).add(key))
        return bool(await self._put(job))

    async def recall(self, recipients: Sequence[bytes]) -> Past:
        job = Job(
            lambda group: rights.recall(recipients, group),
            lambda group, wanted: rights.want_recipient(recipients, group, wanted),
        )
        past: Past = await self._put(job)
        return past

    async def suppressions(self, scope: str, limit: int = 100, after: bytes = b"") -> tuple[Suppression, ...]:
        rows = await self.store.list_suppressions(scope, limit, after)
        return tuple(Suppression(scope, who, since, why, bool(by_word)) for scope, who, since, why, by_word, _ in rows)

    async def rollup(self, set_: str, now: float, day: int, days: int = 30) -> Rollup:
        memory = await self._known()
        set_id = memory.sets.get(set_, 0)
        numbers = sorted(memory.members.get(set_id, ()))
        traffic = await self.store.list_traffic(numbers, int(now // 3600) - 24 * days)
        return report_set(await self._known(), set_, now, day, traffic)

    async def numbers(self, owned: Sequence[tuple[str, str]], now: float, spans: Sequence[Span]) -> NumbersKnown:
        memory = await self._known()
        busy = [(span, active_since(memory, owned, span[0])) for span in spans]
        sums = [await self.store.sum_traffic(active, *span) if active else () for span, active in busy]
        return report_numbers(await self._known(), owned, now, spans, sums)

    # Groups.

    def _put(self, work: Work) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self._loop.create_future()
        try:
            self._refuse_anothers()
        except LedgerUnavailable as error:
            future.set_exception(error)
            return future
        self._waiting.append((work, future))
        if self._idle.is_set():
            self._idle.clear()
            self._woken.set()
        return future

    async def _serve(self) -> None:
        while True:
            await self._woken.wait()
            await asyncio.sleep(0)  # after all who ask in this turn of the loop
            writes = True  # a store that can't be written is not tried again before somebody asks for something
            while self._waiting or (writes and self._folding and self._folding.is_under_way):
                writes = await self._turn()
            self._woken.clear()
            self._idle.set()

    async def _turn(self) -> bool:
        """Take all that waits into one group, and tell whoever has not gone meanwhile. False: nothing was written."""
        jobs = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_AT_ONCE))]
        async with self._one_at_a_time:
            results, writes = await self._results([work for work, _ in jobs])
        for (_, future), result in zip(jobs, results, strict=True):
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
        return writes

    async def _results(self, work: Sequence[Work]) -> tuple[list[Any], bool]:
        """What came of each, an exception or not; and whether anything was written. What only one of them is to blame
        for fails that one: the group is halved until it stands alone."""
        try:
            return await self._run(work), True
        except Exception as error:
            failure = self._failure(error)
            is_of_one = isinstance(error, Unwritable) or not isinstance(error, LedgerUnavailable)
        if len(work) == 1 or not is_of_one:
            return [failure] * len(work), False
        half = len(work) // 2
        first, some = await self._results(work[:half])
        second, others = await self._results(work[half:])
        return [*first, *second], some or others

    async def _run(self, work: Sequence[Work]) -> list[Any]:
        """Their results, in their order, which are on disk."""
        memory = await self._settle()
        keys.refuse_missing(memory, self._checks)
        memory.lapse(max((one.now for one in work if isinstance(one, Ask)), default=0.0))
        wishes: list[Job] = []
        while True:
            group = Group(memory)
            try:
                await self._find(work, wishes, group)
                for wish in wishes:
                    wish.do(group)
                results = [picks.pick(one, group) if isinstance(one, Ask) else one.do(group) for one in work]
                folds = self._folding.put_next(group.changes) if self._folding else 0
            except BaseException:
                group.undo.take_back()
                raise
            match await self._commit(group):
                case Outcome.WRITTEN:
                    self._tell_put_off(results)
                    if group.changes.rows.get(OUTBOX):
                        self._posted += 1
                        self._more_posted.set()
                        self._more_posted = asyncio.Event()
                    if self._folding and (folds or self._folding.is_due):
                        self._fold_on(folds)
                    return results
                case Outcome.OUTRUN:
                    group.undo.take_back()
                    new = await self.store.read_wishes(memory.marks["wishes"])
                    if not new:
                        self._memory = None  # a standby has taken over: what it lacks is no more
                        raise LedgerUnavailable(f"The ledger {self.store} has fewer wishes than it had.")
                    wishes = [job_of_wish(number, written) for number, written in new]
                case Outcome.DEPOSED:
                    group.undo.take_back()
                    if memory is self._memory:
                        self._step_down(Held(is_ours=False))
                    raise NotTheOwner(f"The ledger {self.store} is another's now.", self._held.owner)

    def _tell_put_off(self, results: Sequence[Any]) -> None:
        """Wake who waits for a deferral."""
        if new := sum(isinstance(one, Deferred) and one.reasons != TOLD_AGAIN for one in results):
            self._put_off += new
            self._more_put_off.set()
            self._more_put_off = asyncio.Event()

    async def _find(self, work: Sequence[Work], wishes: Sequence[Job], group: Group) -> None:
        wanted: Wanted = {}
        jobs = [*wishes, *(one for one in work if not isinstance(one, Ask))]
        for one in work:
            if isinstance(one, Ask):
                picks.want_for(one, group, wanted)
        for job in jobs:
            job.want(group, wanted)
        group.take_in(await self.store.find(wanted))
        more = picks.want_of_old_answers(group)
        for job in jobs:
            job.want_more(group, more)
        if more:
            group.take_in(await self.store.find(more))

    async def _commit(self, group: Group) -> Outcome:
        seen = group.memory.marks["wishes"]
        if group.memory is not self._memory:
            return Outcome.DEPOSED  # it was lost meanwhile, and may have been taken again: by who knows less than is so
        try:
            return await self.store.commit(group.changes, seen)
        except BaseException:
            self._doubtful, self._is_doubtful = group, True
            raise

    async def _settle(self) -> Memory:
        """Memory, which says what the store says; while that can't be had, nothing is done."""
        self._refuse_anothers(closing=True)
        if self._is_doubtful:
            if await self.store.recover() and self._doubtful is not None:
                self._doubtful.undo.take_back()
            else:
                self._memory = None
            self._doubtful, self._is_doubtful = None, False
        if self._memory is None:
            self._memory = await self._load()
            self._memory.forwards = self._forwards
            self._folding = Folding(self._memory)
        return self._memory

    async def _load(self) -> Memory:
        loaded = await self.store.load()
        memory = Memory(loaded)
        if changes := begin_epoch(memory, loaded, self._now()):
            if await self.store.commit(changes, memory.marks["wishes"]) is not Outcome.WRITTEN:
                raise LedgerUnavailable(f"The ledger {self.store} was taken by another process meanwhile.")
            if loaded.moved is Moved.RESTORED:
                log.warning(RESTORED, ledger=str(self.store))
        self._mark = memory.mark
        return memory

    async def _known(self) -> Memory:
        """Memory between two groups."""
        self._refuse_anothers()
        memory: Memory = await self._put(Job(lambda group: group.memory))
        return memory

    def _failure(self, error: Exception) -> LedgerUnavailable:
        if isinstance(error, NotTheOwner):
            return error
        log.error("the ledger could not be written", ledger=str(self.store), error=type(error).__name__)
        if isinstance(error, LedgerUnavailable):
            return error
        return LedgerUnavailable(f"The ledger {self.store} could not be written: {type(error).__name__}.")

    # Folding and forgetting.

    def _fold_on(self, folded: int) -> None:
        """`folded`: slices that were written with the group."""
        assert self._folding is not None
        if folded:
            self._folding.written(folded)
        if self._folding.is_due:
            self._folding.begin()

    async def _fold_all(self) -> None:
        """All that is decided is in the tables by key."""
        memory = await self._settle()
        upto = memory.marks["seq"]
        while memory is self._memory and memory.folded < upto:
            assert self._folding is not None
            self._folding.begin()
            if self._closed:
                await self._run([])
            else:
                await self._put(Job(lambda _: None))

    async def _forget(self, what: str, before: float) -> int:
        """In steps, between groups."""
        gone, after = 0, None
        while True:
            went, after = await self._step(what, before, after)
            gone += went
            if after is None:
                return gone

    async def _step(self, what: str, before: float, after: Row | None) -> tuple[int, Row | None]:
        async with self._one_at_a_time:
            return await self.store.forget(what, before, FORGOTTEN_AT_ONCE, after)

    # Whose it is.

    async def _wish(self, wish: Wish) -> int:
        refuse_unwritable(wish)
        if self._held.is_ours or not self.store.is_shared:
            return int(await self._put(job_of(wish)))
        job, group = job_of(wish), Group(Memory(NOTHING))
        wanted: Wanted = {}
        job.want(group, wanted)
        group.take_in(await self.store.find(wanted))
        new = int(job.do(group))  # as things are now: the owner judges again, and this is told and nothing else
        await (self.store.wish if wish.is_urgent else self.store.leave)(write_wish(wish))
        return new

    async def _hold_on(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await self._hold()
                if self._held.is_ours:
                    await self._catch_up()
            except LedgerUnavailable as error:
                log.warning("the owner of the ledger is not known", ledger=str(self.store), error=str(error))
            except Exception as error:  # a bug must not end it: an owner that is silent loses the ledger
                log.error("beat failed", ledger=str(self.store), error=type(error).__name__)  # noqa: TRY400 - may quote

    async def _catch_up(self) -> None:
        """What others have taken in is done, though nobody asks for a pick."""
        memory = self._memory
        if memory is None or memory.marks["wishes"] != self._held.wishes:
            await self._put(Job(lambda _: None))
        while left := await self.store.read_inbox(INBOX_AT_ONCE):
            await asyncio.gather(*(self._put(job_of_inbox(id_, written)) for id_, written in left))

    async def _hold(self) -> None:
        held = await self.store.hold()
        if not held.is_ours:
            self._step_down(held)
        elif not self._held.is_ours:
            self._memory, self._doubtful, self._is_doubtful = None, None, False
            self._tell_held(held)
            if self._tasks:
                self._begin_to_own()
        self._tell_held(held)

    def _tell_held(self, held: Held) -> None:
        changed = (held.is_ours, held.owner) != (self._held.is_ours, self._held.owner)
        self._held = held
        if changed:
            self._changed.set()
            self._changed = asyncio.Event()

    def _begin_to_own(self) -> None:
        """Until all was listed anew, the ledger's last rosters hold, less what our own copy forbids."""
        self._trusts_rosters = False
        for roster in self._rosters.values():
            self._enlist(roster).add_done_callback(_look_at)
        self._on_taken()

    def _step_down(self, held: Held) -> None:
        self._memory, self._folding = None, None
        self._tell_held(held)

    def _refuse_anothers(self, *, closing: bool = False) -> None:
        """Raises LedgerUnavailable: it is closed, or another's."""
        if self._closed and not closing:
            raise LedgerUnavailable(f"The ledger {self.store} is closed.")
        if not self._held.is_ours:
            owner = self._held.owner
            where = f"is decided by {owner}" if owner else "has no owner now"
            raise NotTheOwner(f"The ledger {self.store} {where}.", owner)


def _look_at(enlisting: asyncio.Future[None]) -> None:
    if not enlisting.cancelled() and (error := enlisting.exception()) is not None:
        log.warning("roster not restricted: what the ledger has holds", error=str(error))


def _forget_deferrals(group: Group, before: float) -> None:
    """Room of days that are gone."""
    memory = group.memory
    for set_id, waiting in memory.waiting.items():
        bench = memory.benches[set_id]
        for id_, one in [(id_, one) for id_, one in waiting.items() if one.put_off.not_before < before]:
            group.undo.drop(waiting, id_)
            group.undo.drop(memory.waits, (set_id, one.put_off.recipient))
            if not one.put_off.lapsed:
                seat = memory.seat(set_id, one.put_off.number)
                group.undo.touch(bench, seat)
                bench.reserve(seat, one.put_off.day, -1)
