"""What a rotation set does next: claim numbers, let some go, take flagged ones out of use and back into it.

::

    wanted (plan/rotation_set/size.py)  - live claims  > 0 -->  keep those that were draining, then CreateClaim
                                                   < 0 -->  DeleteClaim those that wait, then Drain the least useful
    draining  -- no open call, nothing reserved, no pick for an hour -->  DeleteClaim: the number rests in its pool
    flagged   -->  Quarantine; replaced only under the override, and within the churn limit
    quarantined by us, label gone and rested  -->  Unquarantine

A claim's name follows from the set, the region and the lowest number that is free, so two operators, or one that begins
anew after a crash, create the same claims, and never more than are wanted. Claims that wait count as numbers.

A number in use is never cut: one that drains keeps those who know it until they are done. What is not known of its use
counts against letting it go. Where a number is drained in favour of another, as when regions change, the other one is
there first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ringfleet.model import E164
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.rotation_set.guardrails import RegionWant, RotationWant
from ringfleet.plan.rotation_set.reputation import HealthTerms, Judgement, Tally, Verdict, judge
from ringfleet.plan.rotation_set.roster import Day, State, Unfit, enlist
from ringfleet.plan.rotation_set.seen import NumberUse, PoolSeen, Replaced, RotationSeen, Seat, Usage
from ringfleet.plan.rotation_set.size import SetSize, most_by_use, parts_of, size_set

QUIET = timedelta(hours=1)
"""How long a number that drains must not have been picked, before it may go."""
SETTLE = timedelta(seconds=5)
"""How old the word that a number drains must be when its use is read: so long, dispatchers may not have heard it."""
BLIND = timedelta(days=1)
"""How long a number drains whose use is not known, and has not been for so long."""
CHURN_WINDOW = timedelta(days=30)
MOST_WISHES = 16
"""Of area codes, in one claim."""
NOBODY = Day((), ())


@dataclass(frozen=True, slots=True, order=True)
class CreateClaim:
    """Claim one more number. `area_codes`: taken first, in this order; `required`: no other one is taken."""

    name: str
    pool: ObjectRef
    region: str | None = None
    area_codes: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Drain:
    """Use the claim's number for nobody new from now on."""

    claim: str


@dataclass(frozen=True, slots=True, order=True)
class Keep:
    """Use the claim's number, which was draining, again."""

    claim: str


@dataclass(frozen=True, slots=True, order=True)
class DeleteClaim:
    """Let the claim go; its number, if it has one, rests in its pool."""

    claim: str


@dataclass(frozen=True, slots=True, order=True)
class Reroute:
    """Let the claim name the set's routing profile, which is another one now, or none."""

    claim: str
    profile: str | None


@dataclass(frozen=True, slots=True, order=True)
class Quarantine:
    """Take a number out of use."""

    number: E164
    why: str


@dataclass(frozen=True, slots=True, order=True)
class Unquarantine:
    """Bring a number back that we took out of use."""

    number: E164


Action = Quarantine | Unquarantine | Reroute | Drain | Keep | DeleteClaim | CreateClaim


@dataclass(frozen=True, slots=True)
class Standing:
    """How many numbers are bound to the set, and how many of them can do what; `waiting` claims have none."""

    total: int = 0
    active: int = 0
    cooling: int = 0
    quarantined: int = 0
    draining: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class RotationPlan:
    """What the set does next, and what it says."""

    size: SetSize
    """How many numbers the set is to have, by region."""
    actions: tuple[Action, ...] = ()
    """What is to be done, in this order."""
    replaced: tuple[Replaced, ...] = ()
    """The flagged numbers that others were claimed for in the last 30 days; written to the status before any action is
    taken."""
    day: Day = NOBODY
    """The roster of today."""
    verdicts: Mapping[E164, Verdict] = field(default_factory=dict)
    """How each number is received, by number; empty while the set's traffic is not known."""
    standing: Standing = Standing()
    """The counts of the set's numbers and claims, by what they can do now."""
    churned: bool = False
    """Whether a flagged number stays because no more may be replaced."""
    due: datetime | None = None
    """When time alone changes something; None: it changes nothing."""


def plan_rotation(want: RotationWant, seen: RotationSeen, now: datetime) -> RotationPlan:
    """Decide what the set does next.

    Raises:
        ValueError: there is no such time zone as the set names.
    """
    today = now.astimezone(_zone(want)).date()
    members = (seat.member for seat in seen.seats if seat.member and not seat.gone)
    day = enlist(want, members, today, lambda _: (), seen.senders)
    verdicts = _judge(want, seen)
    out = [seat for seat in seen.seats if seat.live and seat.member and is_out(seat)]
    held = [seat for seat in seen.seats if seat.live and seat.member]
    share = len(out) / len(held) if held else 0.0
    most = most_by_use(want, sum(seat.live for seat in seen.seats), _daily_use(seen))
    size = size_set(want, _country(want, seen), share, _is_toll_free(want, seen), most)
    turn = _Turn(want, seen, size, day, verdicts, now)
    stays = want.suspended or size.is_too_large
    actions = turn.health() if stays else (*turn.health(), *turn.membership())
    return RotationPlan(
        size=size,
        actions=actions,
        replaced=turn.replaced,
        day=day,
        verdicts=verdicts,
        standing=_standing(seen, day, out),
        churned=turn.churned,
        due=_due(want, seen, today, now),
    )


def _zone(want: RotationWant) -> ZoneInfo:
    try:
        return ZoneInfo(want.zone)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"there is no time zone {want.zone!r}") from error


def is_out(seat: Seat) -> bool:
    """Whether the claim's number is quarantined, or labelled."""
    return seat.quarantine is not None or seat.label is not None


def our_word(want: RotationWant) -> str:
    """What begins a quarantine that the set itself has put on a number. A person's word is never taken back."""
    return f"{_SETS_WORD}{want.key}: "


_SETS_WORD = "RotationSet "


def is_over_with_its_use(quarantine: str | None) -> bool:
    """Whether a number that leaves its set leaves this quarantine behind: a set has put it on because the number was
    seldom answered, and its rest ends that. One for a label stays until a person lifts it, beside that which stock has
    for as long as the label is shown: somebody is to look at how the number came by it."""
    whose, _, why = (quarantine or "").partition(": ")
    return whose.startswith(_SETS_WORD) and why == Judgement.SELDOM_ANSWERED


def _why(want: RotationWant, verdict: Verdict) -> str:
    label = " ".join((verdict.label or "").split())[:100]
    return our_word(want) + (f"{_LABELLED} {label}" if verdict.judgement is Judgement.LABELLED else verdict.judgement)


_LABELLED = "labelled"


def _country(want: RotationWant, seen: RotationSeen) -> str:
    known = (seen.pools[pool].country for pool in want.pools if pool in seen.pools)
    return next(known, "")


def _is_toll_free(want: RotationWant, seen: RotationSeen) -> bool:
    """Whether all pools of a set without regions are for toll-free numbers."""
    known = [seen.pools[pool].toll_free for pool in want.pools if pool in seen.pools]
    return not want.regions and bool(known) and all(known)


def _daily_use(seen: RotationSeen) -> float:
    """The set's contacts a day: those of today, or the mean of the last seven days. 0 while that is not known."""
    if seen.usage is None:
        return 0.0
    return max(seen.usage.used, sum(use.sent for use in seen.usage.numbers.values()) / 7)


def _judge(want: RotationWant, seen: RotationSeen) -> dict[E164, Verdict]:
    """The verdicts by fresh figures; none where there are none."""
    if seen.usage is None:
        return {}
    tallies = []
    for seat in seen.seats:
        use = seat.member and seen.usage.numbers.get(seat.member.number)
        if seat.member and use:
            tallies.append(Tally(seat.member.number, use.tries, use.successes, use.label, seat.region))
    return judge(tallies, HealthTerms(want.min_answer_rate, want.min_sample))


def _standing(seen: RotationSeen, day: Day, out: Sequence[Seat]) -> Standing:
    states = Counter(member.state for member in day.members)
    uses = seen.usage.numbers if seen.usage else {}
    rests = sum(_only_rests(seat, uses) for seat in out)
    unfit = sum(why is Unfit.QUARANTINED for _, why in day.unfit)
    return Standing(
        total=sum(seat.member is not None for seat in seen.seats),
        active=states[State.ACTIVE],
        cooling=states[State.RESTING] + rests,
        quarantined=unfit - rests,
        draining=sum(seat.draining and seat.member is not None for seat in seen.seats),
        waiting=sum(seat.live and seat.member is None for seat in seen.seats),
    )


def _only_rests(seat: Seat, uses: Mapping[E164, NumberUse]) -> bool:
    """Whether the label of a number in quarantine has gone, and it rests before it is used again."""
    use = uses.get(seat.member.number) if seat.member else None
    return use is not None and use.label is None and use.cleared is not None and seat.label is None


def _due(want: RotationWant, seen: RotationSeen, today: date, now: datetime) -> datetime | None:
    """The next midnight, when caps and rests are others; the end of a number's draining, of its rest in quarantine, or
    of the time for which a replacement counts."""
    zone, tomorrow = _zone(want), date.fromordinal(today.toordinal() + 1)
    moments = [datetime.combine(tomorrow, time(), zone).astimezone(UTC)]
    draining = [seat.since for seat in seen.seats if seat.since and not seat.deleting]
    moments += [max(since, seen.blind_since or since) + BLIND for since in draining]
    moments += [one.at + CHURN_WINDOW for one in seen.replaced]
    for seat, use in _in_use(seen):
        moments += [use.last_pick + QUIET] if seat.draining and use.last_pick else []
        moments += [use.cleared + want.after_flag] if seat.quarantine and use.cleared else []
    return min((moment for moment in moments if moment > now), default=None)


def _in_use(seen: RotationSeen) -> Iterator[tuple[Seat, NumberUse]]:
    uses = seen.usage.numbers if seen.usage else {}
    return ((seat, uses[seat.member.number]) for seat in seen.seats if seat.member and seat.member.number in uses)


class _Turn:
    """One look at one set. `replaced`: the memory of replacements, with those that this turn adds; `churned`: a flagged
    number stays because no more may be replaced."""

    def __init__(
        self,
        want: RotationWant,
        seen: RotationSeen,
        size: SetSize,
        day: Day,
        verdicts: Mapping[E164, Verdict],
        now: datetime,
    ) -> None:
        self._want, self._seen, self._size, self._now = want, seen, size, now
        self._verdicts = verdicts
        self._unfit = {number for number, _ in day.unfit}
        self._seats = sorted(seen.seats, key=lambda seat: seat.name)
        self.replaced = tuple(sorted(one for one in seen.replaced if one.at > now - CHURN_WINDOW))
        self.churned = False

    # Health.

    def health(self) -> tuple[Action, ...]:
        return tuple(sorted(self._quarantines(), key=lambda one: one.number))

    def _quarantines(self) -> Iterator[Quarantine | Unquarantine]:
        for seat in self._seats:
            verdict = self._verdicts.get(seat.member.number) if seat.member else None
            if seat.member is None or verdict is None or seat.deleting or seat.gone:
                continue
            if verdict.flagged and seat.quarantine is None:
                yield Quarantine(seat.member.number, _why(self._want, verdict))
            elif self._may_come_back(seat, verdict):
                yield Unquarantine(seat.member.number)

    def _may_come_back(self, seat: Seat, verdict: Verdict) -> bool:
        """Whether what we quarantined the number for is over.

        One that was seldom answered has no calls in quarantine: it has another chance when its old ones have left the
        count, or when they do not look that bad any more.
        """
        use, said = self._use(seat), seat.quarantine or ""
        if use is None or verdict.flagged or not said.startswith(our_word(self._want)):
            return False
        if use.cleared is not None and use.cleared + self._want.after_flag > self._now:
            return False
        if said.startswith(our_word(self._want) + _LABELLED):
            return use.cleared is not None
        return verdict.tries == 0 or verdict.judgement is Judgement.FINE

    def _use(self, seat: Seat) -> NumberUse | None:
        usage = self._seen.usage
        return usage.numbers.get(seat.member.number) if usage and seat.member else None

    # Membership.

    def membership(self) -> tuple[Action, ...]:
        leaving = self._replacements()
        live = [seat for seat in self._seats if seat.live and seat not in leaving]
        surplus = self._surplus(live)
        drains = [Drain(seat.name) for seat in leaving] + [Drain(seat.name) for seat in surplus if seat.member]
        gone = [seat for seat in surplus if not seat.member] + [seat for seat in self._seats if self._may_go(seat)]
        unread = [Drain(seat.name) for seat in self._seats if seat.draining and not seat.since and not seat.deleting]
        growth = self._growth(live)
        return (*self._reroutes(), *sorted(drains + unread), *sorted(DeleteClaim(seat.name) for seat in gone), *growth)

    def _reroutes(self) -> Iterator[Reroute]:
        profile = self._want.routing_profile
        staying = (seat for seat in self._seats if not (seat.deleting or seat.gone))
        return (Reroute(seat.name, profile) for seat in staying if seat.profile != profile)

    def _replacements(self) -> list[Seat]:
        """The flagged numbers that others are claimed for; they are remembered before anything is done about them."""
        known = {one.number for one in self.replaced}
        leaving = []
        for seat in self._seats:
            if not seat.live or seat.member is None:
                continue
            if seat.member.number in known and is_out(seat):
                leaving.append(seat)  # remembered, and not yet let go: a crash came between
            elif self._want.terms.replaces and self._is_flagged(seat):
                if self._has_churn_left():
                    self.replaced = (*self.replaced, Replaced(self._now.replace(microsecond=0), seat.member.number))
                    leaving.append(seat)
                else:
                    self.churned = True
        return leaving

    def _is_flagged(self, seat: Seat) -> bool:
        verdict = self._verdicts.get(seat.member.number) if seat.member else None
        return verdict is not None and verdict.flagged

    def _has_churn_left(self) -> bool:
        held = sum(seat.live and seat.member is not None for seat in self._seats)
        return (len(self.replaced) + 1) * 100 <= held * self._want.terms.max_churn_percent

    def _surplus(self, live: Sequence[Seat]) -> list[Seat]:
        """The claims that are too many, the least useful first. Numbers leave only while enough others are there."""
        too_many = []
        for region, seats in _by_region(live).items():
            over = len(seats) - self._size.wanted.get(region, 0)
            too_many += sorted(seats, key=self._usefulness)[: max(0, over)]
        spare = sum(seat.member is not None for seat in live) - self._size.total
        waiting = [seat for seat in too_many if seat.member is None]
        bound = sorted((seat for seat in too_many if seat.member), key=self._usefulness)
        return waiting + bound[: max(0, spare)]

    def _usefulness(self, seat: Seat) -> tuple[int, float, str]:
        """One that waits first, then one that can't be used, then the youngest."""
        if seat.member is None:
            return 0, -seat.created.timestamp(), seat.name
        unfit = seat.member.number in self._unfit or is_out(seat)
        return 1 if unfit else 2, -seat.member.joined.timestamp(), seat.name

    def _may_go(self, seat: Seat) -> bool:
        """Whether nothing is left to do for the claim."""
        if seat.deleting:
            return False
        if seat.gone or (seat.draining and seat.member is None):
            return True
        return seat.draining and seat.since is not None and self._is_drained(seat, seat.since)

    def _is_drained(self, seat: Seat, since: datetime) -> bool:
        usage, use = self._seen.usage, self._use(seat)
        if usage is None or use is None:
            return self._now - max(since, self._seen.blind_since or since) >= BLIND
        quiet = use.last_pick is None or use.last_pick <= self._now - QUIET
        return usage.at >= since + SETTLE and quiet and not use.open_calls and not use.reserved

    # Growth.

    def _growth(self, live: Sequence[Seat]) -> tuple[Action, ...]:
        counts = {region: len(seats) for region, seats in _by_region(live).items()}
        names = _FreeNames(self._want.name, self._seen.taken)
        pools = _Pools(self._want, self._seen.pools)
        keeps: list[Keep] = []
        claims: list[CreateClaim] = []
        for part in parts_of(self._want, ""):
            region = part.name or None
            missing = self._size.wanted.get(region, 0) - counts.get(region, 0)
            kept = self._reusable(region)[: max(0, missing)]
            keeps += [Keep(seat.name) for seat in kept]
            for _ in range(missing - len(kept)):
                if pool := pools.next_for(part):
                    turn, name = names.next_for(region)
                    codes, required = _turned(part.area_codes, turn - 1), self._is_shared(part, pool)
                    claims.append(CreateClaim(name, pool, region, codes, required))
        return (*sorted(keeps), *claims)

    def _is_shared(self, part: RegionWant, pool: ObjectRef) -> bool:
        """Whether other regions draw from the pool too, so that one region would take the numbers of another."""
        others = (one for one in self._want.regions if one.name != part.name)
        return bool(part.area_codes) and any(pool in pools_for(self._want, one, self._seen.pools) for one in others)

    def _reusable(self, region: str | None) -> list[Seat]:
        """The draining numbers of the region that are fit for use, those that are longest in the set first."""
        replaced = {one.number for one in self.replaced}
        found = [
            seat
            for seat in self._seats
            if seat.draining and not (seat.deleting or seat.gone or self._may_go(seat)) and seat.region == region
            if seat.member and seat.member.number not in self._unfit | replaced and not is_out(seat)
        ]
        return sorted(found, key=lambda seat: (seat.member.joined if seat.member else seat.created, seat.name))


def _by_region(seats: Iterable[Seat]) -> dict[str | None, list[Seat]]:
    found: dict[str | None, list[Seat]] = {}
    for seat in seats:
        found.setdefault(seat.region, []).append(seat)
    return found


def _turned(codes: tuple[str, ...], by: int) -> tuple[str, ...]:
    """The area codes, beginning with another one for each claim, so that all of them get numbers."""
    at = by % len(codes) if codes else 0
    return (codes[at:] + codes[:at])[:MOST_WISHES]


def next_name(set_: str, region: str | None, taken: frozenset[str]) -> str:
    """The name for the next claim of a set."""
    return _FreeNames(set_, taken).next_for(region)[1]


class _FreeNames:
    """The names for new claims: `<set>-<region>-<n>`, with the lowest n that no claim of the namespace has."""

    def __init__(self, set_: str, taken: frozenset[str]) -> None:
        self._set, self._taken = set_, set(taken)
        self._next: dict[str, int] = {}
        """By what the name begins with, the lowest n that may be free: a large set looks at none of them twice."""

    def next_for(self, region: str | None) -> tuple[int, str]:
        """The n, and the name."""
        stem = f"{self._set}-{region}" if region else self._set
        turn = self._next.get(stem, 1)
        while (name := f"{stem}-{turn}") in self._taken:
            turn += 1
        self._taken.add(name)
        self._next[stem] = turn + 1
        return turn, name


def pools_for(want: RotationWant, part: RegionWant, pools: Mapping[ObjectRef, PoolSeen]) -> list[ObjectRef]:
    """The pools that are there for a part of the set, in its order. A region's are of its country."""
    named = (part.pool,) if part.pool else want.pools
    return [pool for pool in named if pool in pools and part.country in ("", pools[pool].country)]


class _Pools:
    """Which pool the next claim draws from: the first that has a number that was the set's, else the first that has one
    free, else the first."""

    def __init__(self, want: RotationWant, pools: Mapping[ObjectRef, PoolSeen]) -> None:
        self._want, self._pools = want, pools
        self._own = {name: pool.own for name, pool in pools.items()}
        self._free = {name: pool.free for name, pool in pools.items()}

    def next_for(self, part: RegionWant) -> ObjectRef | None:
        """None: there is no such pool."""
        there = pools_for(self._want, part, self._pools)
        for left in (self._own, self._free):
            if chosen := next((pool for pool in there if left[pool] > 0), None):
                left[chosen] -= 1
                return chosen
        return there[0] if there else None


def is_snowshoe(want: RotationWant, seen: RotationSeen, plan: RotationPlan, now: datetime) -> bool:
    """Whether the set grew while its numbers are hardly used: few contacts from each of many numbers.

    By the days that a number has been in the set, seven at most; those of its first day say nothing.
    """
    usage: Usage | None = seen.usage
    if usage is None or not _grows(seen, plan, now):
        return False
    active = {member.number for member in plan.day.members if member.state in {State.ACTIVE, State.RESTING}}
    daily = []
    for seat in seen.seats:
        if seat.member and seat.member.number in active and (use := usage.numbers.get(seat.member.number)):
            days = min(7, (now - seat.member.joined).days)
            daily += [use.sent / days] if days else []
    return bool(daily) and sorted(daily)[len(daily) // 2] < _HARDLY * want.daily


_HARDLY = 0.1
_LATELY = timedelta(days=7)


def _grows(seen: RotationSeen, plan: RotationPlan, now: datetime) -> bool:
    """Whether the set has grown lately, or is about to."""
    claims_more = any(isinstance(action, CreateClaim) for action in plan.actions)
    return claims_more or any(seat.live and now - seat.created < _LATELY for seat in seen.seats)
