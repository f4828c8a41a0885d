"""Rotation sets for tests: short words for wishes and seats, and a small world in which plans are carried out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ringfleet.model import E164
from ringfleet.model.refs import ObjectRef
from ringfleet.model.rotation import Channel
from ringfleet.plan.rotation_set.guardrails import Governed, MessagingWant, Override, Ramp, RotationWant, Terms
from ringfleet.plan.rotation_set.plan import (
    CreateClaim,
    DeleteClaim,
    Drain,
    Keep,
    Quarantine,
    RotationPlan,
    Unquarantine,
    plan_rotation,
)
from ringfleet.plan.rotation_set.roster import MemberSeen
from ringfleet.plan.rotation_set.seen import NumberUse, PoolSeen, Replaced, RotationSeen, Seat, Usage

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TODAY = date(2026, 11, 24)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
POOL: ObjectRef = ("shop", "us")
POOLS = {POOL: PoolSeen("US", 100)}


def a_want(**changes: Any) -> RotationWant:
    """A voice set of 4 numbers without a ramp."""
    terms = Governed(Terms(ramp=Ramp(0)))
    if "volume" in changes:
        changes.setdefault("size", None)
    return replace(RotationWant("shop", "calls", Channel.VOICE, (POOL,), 75, 15, size=4, governed=terms), **changes)


def a_texting_want(**changes: Any) -> RotationWant:
    approved = MessagingWant("acme", "C123", campaign_approved=True)
    return a_want(channel=Channel.SMS, daily=1000, hourly=200, **({"messaging": approved} | changes))


def governed(*overrides: Override, **terms: Any) -> Governed:
    return Governed(replace(Terms(ramp=Ramp(0)), **terms), overrides)


def number(turn: int) -> E164:
    return E164(f"+1415555{turn:04}")


def a_seat(turn: int = 1, *, region: str | None = None, **changes: Any) -> Seat:
    """A claim that has held its number for long; `draining` may be the time since when."""
    name = f"calls-{region}-{turn}" if region else f"calls-{turn}"
    if isinstance(since := changes.get("draining"), datetime):
        changes |= {"draining": True, "since": since}
    member = MemberSeen(number(turn), "shop/sandbox", LONG_AGO, region, "US", bool(since), attestation="A")
    unfit = bool(changes.get("quarantine") or changes.get("label"))
    return replace(Seat(name, region, LONG_AGO, member=replace(member, quarantined=unfit)), **changes)


def waiting(turn: int, region: str | None = None) -> Seat:
    return a_seat(turn, region=region, member=None, created=NOW)


def seats(count: int, start: int = 1, **changes: Any) -> tuple[Seat, ...]:
    return tuple(a_seat(turn, **changes) for turn in range(start, start + count))


def seen(*some: Seat, uses: Mapping[E164, NumberUse] | None = None, **changes: Any) -> RotationSeen:
    """A set with these claims; `uses` None: the traffic is not known."""
    usage = None if uses is None else Usage(NOW, TODAY, numbers=uses)
    taken = frozenset(seat.name for seat in some)
    return replace(RotationSeen(some, taken, POOLS, usage), **changes)


def used(some: Iterable[Seat], **use: Any) -> dict[E164, NumberUse]:
    """The same traffic on all of their numbers: well answered, if nothing else is said."""
    usual = replace(NumberUse(tries=100, successes=40, sent=100), **use)
    return {seat.member.number: usual for seat in some if seat.member}


@dataclass
class Town:
    """A set whose plans are carried out at once: claims are bound while the pool has numbers, one turn later."""

    want: RotationWant
    now: datetime = NOW
    seats: dict[str, Seat] = field(default_factory=dict)
    uses: dict[E164, NumberUse] | None = field(default_factory=dict)
    hidden: dict[E164, NumberUse] = field(default_factory=dict)
    blind_since: datetime | None = None
    replaced: tuple[Replaced, ...] = ()
    stock: int = 1000
    born: int = 0
    cut: list[E164] = field(default_factory=list)

    def look(self) -> RotationSeen:
        usage = None if self.uses is None else Usage(self.now, self.now.date(), numbers=dict(self.uses))
        pools = {POOL: PoolSeen("US", self.stock)}
        return RotationSeen(
            tuple(self.seats.values()),
            frozenset(self.seats),
            pools,
            usage,
            blind_since=self.blind_since,
            replaced=self.replaced,
        )

    def lose_sight(self) -> None:
        """What is used can't be read from now on; it goes on all the same."""
        if self.uses is not None:
            self.hidden, self.uses, self.blind_since = self.uses, None, self.now

    def see(self, uses: dict[E164, NumberUse]) -> None:
        self.uses, self.blind_since = uses, None

    def turn(self, most: int | None = None) -> RotationPlan:
        """Plan and act; after `most` actions the operator is killed."""
        plan = plan_rotation(self.want, self.look(), self.now)
        self.replaced = plan.replaced
        for action in plan.actions[:most]:
            self._act(action)
        return plan

    def bind(self) -> None:
        """The claims that wait are served."""
        for seat in list(self.seats.values()):
            if seat.member is None and self.stock:
                self.stock, self.born = self.stock - 1, self.born + 1
                member = MemberSeen(number(self.born), "shop/sandbox", self.now, seat.region, "US", attestation="A")
                self.seats[seat.name] = replace(seat, member=member)
                if self.uses is not None:
                    self.uses[member.number] = NumberUse()

    def settle(self) -> None:
        while self.turn().actions:
            self.bind()

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)

    def _act(self, action: object) -> None:
        match action:
            case CreateClaim(name, _, region):
                assert name not in self.seats, "a claim is created over another one"
                self.seats[name] = Seat(name, region, self.now)
            case Drain(name):
                self._change(name, draining=True, since=self.now)
            case Keep(name):
                self._change(name, draining=False, since=None)
            case DeleteClaim(name):
                self._let_go(self.seats.pop(name))
            case Quarantine(which, why):
                self._change(self._holder(which), quarantine=why)
            case Unquarantine(which):
                self._change(self._holder(which), quarantine=None)

    def _change(self, name: str, **changes: Any) -> None:
        seat = replace(self.seats[name], **changes)
        assert seat.member
        member = replace(seat.member, draining=seat.draining, quarantined=seat.quarantine is not None)
        self.seats[name] = replace(seat, member=member)

    def _holder(self, which: E164) -> str:
        return next(name for name, seat in self.seats.items() if seat.member and seat.member.number == which)

    def _let_go(self, seat: Seat) -> None:
        if seat.member is None:
            return
        self.stock += 1
        use = (self.hidden if self.uses is None else self.uses).pop(seat.member.number, NumberUse())
        if self.blind_since is not None and self.now - self.blind_since >= timedelta(days=1):
            return  # nobody can know
        recent = use.last_pick is not None and use.last_pick > self.now - timedelta(hours=1)
        if use.open_calls or use.reserved or recent:
            self.cut.append(seat.member.number)
