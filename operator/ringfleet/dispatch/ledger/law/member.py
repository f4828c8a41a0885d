"""One member of a set in memory: what it is, what it has done today and this hour, and why it may not be used now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ringfleet.dispatch.ledger.types import Ask, Why
from ringfleet.plan.rotation_set.roster import Member, State

DAY_BITS = 20


def place(day: int, used: int, cap: int) -> int:
    """Where a number stands among those that may be used: the day of its last use, then the share of its cap that was
    used then, in 2^-20. The least is picked. `cap` 0 stands last in its day."""
    share = (used << DAY_BITS) // cap if cap else 1 << DAY_BITS
    return (day << (DAY_BITS + 1)) + min(share, 1 << DAY_BITS)


def hour_of(now: float) -> int:
    """The hour of the clock, counted from the epoch."""
    return int(now // 3600)


@dataclass(slots=True, eq=False)
class Seat:
    """One member of a set and its counts."""

    digits: int
    """The number without its plus sign, as an integer."""
    number: str
    """The number in E.164 form."""
    account: str
    """The carrier account that owns the number, as `namespace/name`."""
    tiers: tuple[str, ...]
    """The places that the number is near to."""
    daily: int = 0
    """How many contacts the number may have on the roster's day."""
    hourly: int = 0
    """How many contacts the number may have in an hour."""
    daily_tomorrow: int = 0
    """How many contacts the number may have on the day after the roster's."""
    concurrent: int | None = None
    """How many calls may be open at once; None: no limit."""
    state: State = State.ACTIVE
    """What the roster lets the number be used for."""
    labelled: bool = False
    """Whether a spam label is shown for the number, which outweighs its state."""
    day: int = 0
    """The day that `used` counts."""
    used: int = 0
    """How many contacts the number had on `day`; it stands for 0 on any later day."""
    hour: int = 0
    """The hour that `in_hour` counts."""
    in_hour: int = 0
    """How many contacts the number had in `hour`; it stands for 0 in any later hour."""
    last: float = 0.0
    """When the number was last used, in POSIX seconds; 0: never."""
    open_calls: int = 0
    """How many calls are open now."""
    reserved: dict[int, int] = field(default_factory=dict)
    """How much room is put aside, by day."""
    version: int = 0
    """How many times the member has changed, by which an outdated entry of a heap is known."""

    @property
    def standing(self) -> State:
        """Its state, but that a spam label outweighs any."""
        return State.QUARANTINED if self.labelled else self.state

    def take(self, member: Member) -> None:
        """Be this member from now on; the counts stay."""
        self.account, self.tiers, self.state = member.account, member.tiers, member.state
        self.daily, self.hourly, self.daily_tomorrow = member.daily, member.hourly, member.daily_tomorrow
        self.concurrent = member.concurrent

    def counts(self) -> tuple[Any, ...]:
        """What it has done, to be set again."""
        reserved = dict(self.reserved) if self.reserved else {}
        return self.day, self.used, self.hour, self.in_hour, self.last, self.open_calls, self.labelled, reserved

    def set_counts(self, counts: tuple[Any, ...]) -> None:
        self.day, self.used, self.hour, self.in_hour, self.last, self.open_calls, self.labelled, self.reserved = counts

    def used_on(self, day: int) -> int:
        return self.used if self.day >= day else 0

    def used_in(self, hour: int) -> int:
        return self.in_hour if self.hour >= hour else 0

    def left_on(self, day: int) -> int:
        """What it may still do on the day; 0 when it is not picked."""
        if self.labelled or self.state is not State.ACTIVE:
            return 0
        left = self.daily - (self.used if self.day >= day else 0)
        return max(0, left - self.reserved.get(day, 0) if self.reserved else left)

    def rank(self) -> tuple[int, float, int]:
        """The least comes first: least used of its cap, then idle longest, then by number."""
        return place(self.day, self.used, self.daily), self.last, self.digits

    def objection(self, ask: Ask, own_room: int = 0, *, draining: bool = False) -> Why | None:
        """Why it may not be used for a contact that counts; None when it may. `own_room`: how much of what is reserved
        is the ask's own. `draining`: that is no reason."""
        state = State.QUARANTINED if self.labelled else self.state
        if state is not State.ACTIVE and not (draining and state is State.DRAINING):
            return _OBJECTIONS[state]
        used = self.used if self.day >= ask.day else 0
        if used >= self.daily:
            return Why.DAILY_CAP
        if self.reserved and used + self.reserved.get(ask.day, 0) - own_room >= self.daily:
            return Why.RESERVED
        if self.in_hour >= self.hourly and self.used_in(hour_of(ask.now)) >= self.hourly:
            return Why.HOURLY_CAP
        if self.concurrent is not None and self.open_calls >= self.concurrent:
            return Why.CONCURRENT
        return None


_OBJECTIONS = {
    State.QUARANTINED: Why.QUARANTINED,
    State.DRAINING: Why.DRAINING,
    State.RESTING: Why.RESTING,
}
