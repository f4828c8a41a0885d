"""Whom a pool lets go, and when: the breaker, the settling time, the hold, the day's budget, and the surplus it asks.

::

    asked --(settled: nobody else was asked for a while)--> cleared --(hold over, a place today)--> granted
      |
      '-- too many at once, found going at start-up, or their namespace or kind is going away
              --> frozen: nobody is cleared or granted, until a person acknowledges

A number that was asked to go counts as supply until it is settled that it goes, so that nothing is bought in its place
while the breaker holds it, or may yet open: `ReleasePlan.staying`. One that is let go of under Retain counts until its
object has gone, and a while longer, `COMES_BACK`: a person may be about to make the object anew.

The pool's record is written to its status before any number acts on it, so a crash finds who may go and who may not;
numbers that are not in `granted` stay (promise 3). Everything here recounts from what is seen, and keeps only what
can't be seen again: who was asked in the last ten minutes, whom a person let pass, whose place of today is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from ringfleet.model.policy import ReleaseMode
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.phone_number.removal import DELETIONS, Cause, Way

WINDOW = timedelta(minutes=10)
MOST_AT_ONCE = 5
SHARE_AT_ONCE = 20  # one in twenty: 5 %
LAST_DAY = timedelta(days=1)
MOST_LISTED = 100
"""How many of those that were asked at once a frozen pool lists: they may be tens of thousands, and an object has its
size. Who is frozen is seen on the numbers."""
MOST_CLEARED = 10_000
"""How many that were let pass are named: an object of two hundred thousand names is more than etcd takes. Of more it is
told by the time at which each was asked, which stands on the number."""
MOST_GRANTED = 10_000
"""How many are let go of at once, for the same reason; as they go, others follow."""
COMES_BACK = timedelta(seconds=30)
"""How long, after it was settled that a number is let go of, its object may be made anew: `kubectl replace --force`."""


@dataclass(frozen=True, slots=True)
class ReleaseWant:
    """A pool's spec, as far as leaving goes. `settle`: how long nobody new must have been asked before anyone goes.
    `namespace` is the pool's; of the pool it is only said."""

    pool: str
    mode: ReleaseMode
    hold: timedelta
    max_per_day: int
    idle_after: timedelta | None = None
    target: int = 0
    minimum: int = 0
    settle: timedelta = timedelta(seconds=10)
    namespace: str = "default"


@dataclass(frozen=True, slots=True)
class Leaver:
    """A number that was asked to go. `since` None: it does not say so itself yet. `found`: it was so at start-up."""

    name: str
    cause: Cause
    way: Way
    blocked: bool = False
    since: datetime | None = None
    not_before: datetime | None = None
    found: bool = False


@dataclass(frozen=True, slots=True)
class Idler:
    """A number that is free, and since when it is idle, by claims or by traffic, as its pool counts. `asked`: its pool
    has asked it to go as surplus."""

    name: str
    free_since: datetime | None
    renews_at: datetime | None
    protected: bool = False
    asked: bool = False


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """What the pool remembers of leaving; see the module. Names are those of PhoneNumbers."""

    day: date | None = None
    released: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()
    recent: tuple[tuple[str, datetime], ...] = ()
    cleared: tuple[str, ...] = ()
    frozen_since: datetime | None = None
    frozen_because: str | None = None
    cleared_until: datetime | None = None
    """So many passed that they are not named: whoever says itself that it was asked at this time or before has passed.
    None: all that passed are named."""

    def has_passed(self) -> Callable[[Leaver], bool]:
        """Whether a number that was asked to go has been let pass."""
        names, until = frozenset(self.cleared), self.cleared_until
        return lambda one: one.name in names or (until is not None and one.since is not None and one.since <= until)


@dataclass(frozen=True, slots=True)
class ReleaseSeen:
    """What a pool sees now of its numbers that leave, or could."""

    leavers: tuple[Leaver, ...] = ()
    """The numbers that were asked to go."""
    idlers: tuple[Idler, ...] = ()
    """The numbers that are free, and those that the pool has asked to go as surplus."""
    size: int = 0
    """How many numbers the pool holds, those that were asked to go included."""
    supply: int = 0
    """How many numbers are free to assign, or will be without another order."""
    record: ReleaseRecord = ReleaseRecord()
    """What the pool remembers of leaving."""
    ending: str | None = None
    """A clause that says that the namespace or kind of the numbers is being deleted; None: it is not."""
    acknowledged: datetime | None = None
    """The time that a person has written to acknowledge a release that was stopped; None: nobody has."""


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """What to remember, whom to ask as surplus or not to ask any more, what to say, when to look again (seconds)."""

    record: ReleaseRecord
    ask: tuple[str, ...] = ()
    take_back: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    requeue: float | None = None
    staying: frozenset[str] = frozenset()
    """The numbers that were asked to go and count as supply all the same."""
    just_gone: frozenset[str] = frozenset()
    """The numbers that count as supply if their objects are not there any more, as they may be made anew."""


def plan_release(want: ReleaseWant, seen: ReleaseSeen, now: datetime) -> ReleasePlan:
    """Decide who may go. Pure; `now` is timezone-aware UTC, and whole seconds are enough."""
    going = tuple(sorted((one for one in seen.leavers if not one.blocked), key=lambda one: one.name))
    before = _new_day(_forget(seen.record, seen.leavers, now), now)
    record = _notice(before, going, now)
    if record.frozen_since and seen.acknowledged == record.frozen_since:
        record = replace(_passing(record, going), recent=(), frozen_since=None, frozen_because=None)
    if record.frozen_since is None and (why := _too_much(seen, record, going, before, now)):
        record = replace(record, frozen_since=now.replace(microsecond=0), frozen_because=why)
    if record.frozen_since:
        record = replace(record, recent=record.recent[:MOST_LISTED])
    ask, take_back, next_ask = plan_surplus(want, seen, now)
    just_gone, next_gone = _just_gone(want, record, seen.leavers, now)
    if record.frozen_since:
        record, said, held = replace(record, granted=()), _frozen(want, record), frozenset(_names(going))
        return ReleasePlan(record, (), take_back, (said,), _soonest((next_gone,), now), held, just_gone)
    record, settling = _clear(want, record, going, now)
    record, next_due = _grant(want, record, going, now)
    requeue = _soonest((settling, next_due, next_ask, next_gone), now)
    return ReleasePlan(record, ask, take_back, (), requeue, _staying(record, going), just_gone)


def _staying(record: ReleaseRecord, going: Iterable[Leaver]) -> frozenset[str]:
    """Who counts as supply still: those of whom it is not settled that they go, and those that are only let go of."""
    passed = record.has_passed()
    return frozenset(one.name for one in going if one.way is Way.LET_GO or not passed(one))


def _just_gone(
    want: ReleaseWant, record: ReleaseRecord, leavers: Iterable[Leaver], now: datetime
) -> tuple[frozenset[str], datetime | None]:
    """Who was let go of a moment ago, and when the first is gone for good. What was given back is gone at once."""
    known = {one.name for one in leavers} | set(record.released)
    ends = {name: at + want.settle + COMES_BACK for name, at in record.recent if name not in known}
    late = {name: end for name, end in ends.items() if end > now}
    return frozenset(late), min(late.values(), default=None)


def most_at_once(size: int) -> int:
    """How many of a pool of `size` may be asked to go within the window: five, in small pools 5 %, but always one."""
    return max(1, min(MOST_AT_ONCE, size // SHARE_AT_ONCE))


def _names(going: Iterable[Leaver]) -> tuple[str, ...]:
    return tuple(one.name for one in going)


def _forget(record: ReleaseRecord, leavers: Iterable[Leaver], now: datetime) -> ReleaseRecord:
    """Without those who are not going any more, and without what settled before the window began. What a clock that
    went wrong has put into the future is of now."""
    leavers, passed, until = tuple(leavers), record.has_passed(), record.cleared_until
    names = {one.name for one in leavers}
    waiting = {one.name for one in leavers if not (one.blocked or passed(one))}
    return replace(
        record,
        cleared=tuple(name for name in record.cleared if name in names),
        cleared_until=until if until and any(one.since and one.since <= until for one in leavers) else None,
        recent=tuple((name, min(at, now)) for name, at in record.recent if now - at < WINDOW or name in waiting),
    )


def _new_day(record: ReleaseRecord, now: datetime) -> ReleaseRecord:
    """The budget begins anew at midnight UTC. Who still had leave takes a place of the new day, gone since or not.

    A clock that goes back over midnight, as from one replica to another, does not give the places of a day again.
    """
    today = now.date()
    if record.day is None or today <= record.day <= today + LAST_DAY:
        return record
    granted = frozenset(record.granted)
    late = tuple(name for name in record.released if name in granted)
    return replace(record, day=today if late else None, released=late)


def _notice(record: ReleaseRecord, going: Iterable[Leaver], now: datetime) -> ReleaseRecord:
    """Put down who was asked and has not been let pass. The pool's own surplus is paced by itself and not counted."""
    known, passed = {name for name, _ in record.recent}, record.has_passed()
    asked = (one for one in going if one.cause is not Cause.SURPLUS and not passed(one))
    new = tuple((one.name, now) for one in asked if one.name not in known)
    return replace(record, recent=(*record.recent, *new))


def _too_much(
    seen: ReleaseSeen, record: ReleaseRecord, going: tuple[Leaver, ...], before: ReleaseRecord, now: datetime
) -> str | None:
    """Why the breaker opens now; None when it does not. `before` is the record without who was asked just now: a pool
    that has only become smaller, because those that were asked have gone, opens nothing."""
    passed = record.has_passed()
    uncleared = [one for one in going if not passed(one)]
    if seen.ending and any(one.cause in DELETIONS for one in uncleared):
        return seen.ending
    if any(one.found for one in uncleared):
        return "numbers were found asked to go that nobody had been told of while the operator was away"
    at_once = sum(now - at < WINDOW for _, at in record.recent)
    if record.recent != before.recent and at_once > most_at_once(seen.size):
        return "more numbers than usual were asked to go within ten minutes"
    return None


def _frozen(want: ReleaseWant, record: ReleaseRecord) -> Condition:
    assert record.frozen_since
    message = (
        f"No number of the pool goes: {record.frozen_because}. Look at those of phase Releasing; to let them go, run "
        f"`kubectl ringfleet acknowledge --pool {want.pool} -n {want.namespace}`, or annotate the pool with "
        f"ringfleet.dev/acknowledge-release={record.frozen_since:%Y-%m-%dT%H:%M:%SZ}."
    )
    return Condition("ReleaseFrozen", True, Reason.RELEASE_FROZEN, message)


def _clear(
    want: ReleaseWant, record: ReleaseRecord, going: tuple[Leaver, ...], now: datetime
) -> tuple[ReleaseRecord, datetime | None]:
    """Let pass who was asked, once nobody new has been asked for the settling time; surplus passes at once."""
    asked, passed = dict(record.recent), record.has_passed()
    waiting = [asked[one.name] for one in going if one.name in asked and not passed(one)]
    settled = max(waiting) + want.settle if waiting else None
    if settled and now < settled:
        surplus = {one.name for one in going if one.cause is Cause.SURPLUS and not passed(one)}
        return replace(record, cleared=tuple(sorted({*record.cleared, *surplus}))), settled
    return _passing(record, going), None


def _passing(record: ReleaseRecord, going: tuple[Leaver, ...]) -> ReleaseRecord:
    """Let all of them pass: by name, or, of too many, by the time at which each was asked. One that does not say that
    time yet is named."""
    if len(going) <= MOST_CLEARED:
        return replace(record, cleared=_names(going), cleared_until=None)
    until = max((one.since for one in going if one.since), default=None)
    named = tuple(one.name for one in going if one.since is None)
    return replace(record, cleared=named[:MOST_CLEARED], cleared_until=until)


def _grant(
    want: ReleaseWant, record: ReleaseRecord, going: tuple[Leaver, ...], now: datetime
) -> tuple[ReleaseRecord, datetime | None]:
    """Who may go now: those let go under Retain at once, those given back after their hold, `max_per_day` of them."""
    passed = record.has_passed()
    cleared = [one for one in going if passed(one)]
    let_go = [one.name for one in cleared if one.way is Way.LET_GO and one.since][:MOST_GRANTED]
    held = [one for one in cleared if one.way is Way.RELEASE and one.not_before]
    due = sorted((one for one in held if _due(one) <= now), key=lambda one: (_due(one), one.name))
    before = frozenset(record.released)
    placed = [one.name for one in due if one.name in before]
    free = max(0, want.max_per_day - len(record.released))
    newly = [one.name for one in due if one.name not in before][:free]
    released = (*record.released, *newly)
    granted = tuple(sorted((*let_go, *placed, *newly)))
    later = [_due(one) for one in held if _due(one) > now]
    if len(due) > len(placed) + len(newly):
        later.append(_midnight(now))
    day = max(now.date(), record.day or now.date()) if released else record.day
    return replace(record, day=day, released=released, granted=granted), min(later, default=None)


def _due(one: Leaver) -> datetime:
    assert one.not_before
    return one.not_before


def _midnight(now: datetime) -> datetime:
    return (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def _soonest(moments: Iterable[datetime | None], now: datetime) -> float | None:
    """Seconds until the first of them."""
    return min((max(0.0, (moment - now).total_seconds()) for moment in moments if moment), default=None)


def plan_surplus(
    want: ReleaseWant, seen: ReleaseSeen, now: datetime
) -> tuple[tuple[str, ...], tuple[str, ...], datetime | None]:
    """Whom the pool asks to go as surplus, whom it takes back, and when the next one's time comes.

    The hold is to end on the last day before a number's renewal, so it is asked within the day that lies a hold before.
    Never more than `max_per_day` are on their way, and never so many that supply falls under target or low watermark.
    A pool that does not ask any more takes all back.
    """
    if want.mode is not ReleaseMode.AUTOMATIC or want.idle_after is None:
        return (), tuple(sorted(one.name for one in seen.idlers if one.asked)), None
    leaving = sorted(one.name for one in seen.leavers if one.cause is Cause.SURPLUS)
    unsaid = [one for one in seen.leavers if one.since is None and not one.blocked]  # they still count as supply
    excess = seen.supply - max(want.target, want.minimum)
    lack = sum(one.cause is Cause.SURPLUS for one in unsaid) - excess
    if lack > 0:
        return (), tuple(leaving[-lack:]), None
    room = min(excess - len(unsaid), want.max_per_day - len(leaving))
    idle = sorted(
        (one for one in seen.idlers if one.free_since and one.renews_at and not one.protected and not one.asked),
        key=lambda one: (one.free_since, one.name),
    )
    times = {one.name: _asking_time(want, one, now) for one in idle}
    ready = [one.name for one in idle if times[one.name] <= now][: max(0, room)]
    next_time = min((moment for moment in times.values() if moment > now), default=None) if room > 0 else None
    return tuple(ready), (), next_time


def _asking_time(want: ReleaseWant, one: Idler, now: datetime) -> datetime:
    """When the number is asked: idle for long enough, and a hold and at most a day before its renewal.

    Too late for this renewal: the next month is paid, and is looked at when its end is known.
    """
    assert one.free_since
    assert one.renews_at
    idle = one.free_since + (want.idle_after or timedelta())
    opens, closes = one.renews_at - want.hold - LAST_DAY, one.renews_at - want.hold
    if max(idle, now) < closes:
        return max(idle, opens)
    later = max(idle, one.renews_at)
    return later if later > now else now + LAST_DAY
