"""What is seen of a rotation set: its claims with their numbers, its pools, its traffic by the dispatcher's ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from ringfleet.model import E164, Money
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.rotation_set.roster import MemberSeen, Sender


@dataclass(frozen=True, slots=True)
class Seat:
    """One claim of the set."""

    name: str
    """The claim's name."""
    region: str | None
    """The region of the set that the claim is for; None in a set without regions."""
    created: datetime
    """When the claim was created."""
    draining: bool = False
    """Whether the claim is on its way out of the set."""
    since: datetime | None = None
    """Since when the claim is on its way out; None: it is not, or the time can't be read."""
    deleting: bool = False
    """Whether the claim is being deleted."""
    gone: bool = False
    """Whether the claim's number is lost or given back, or was taken from it by force."""
    member: MemberSeen | None = None
    """The number that the claim holds; None while the claim waits."""
    quarantine: str | None = None
    """What the quarantine annotation of the claim's number says; None: it has none."""
    label: str | None = None
    """The spam label that the status of the claim's number shows; None: it shows none."""
    says: str = ""
    """Why the claim is not ready, in its own words; empty when it is."""
    why: Reason | None = None
    """The reason that goes with these words, where only a person ends it; else None."""
    profile: str | None = None
    """The RoutingProfile that the claim names; None: it names none."""
    rent: Money | None = None
    """What the claim's number costs a month; None: the claim waits, or the price is not known."""

    @property
    def live(self) -> bool:
        """Whether it counts for the size that is wanted. A claim that waits does."""
        return not (self.draining or self.deleting or self.gone)


@dataclass(frozen=True, slots=True)
class PoolSeen:
    """A pool that numbers may come from; `free` of them could be had now. `own`: so many were the set's before, and may
    be had again though they rest. `toll_free`: whether its numbers are."""

    country: str
    free: int = 0
    own: int = 0
    toll_free: bool = False


@dataclass(frozen=True, slots=True)
class NumberUse:
    """A number's traffic, by the dispatcher's ledger."""

    used: int = 0
    """How much of the number's cap of the day is used."""
    reserved: int = 0
    """How much room is promised on the number for today or later."""
    open_calls: int = 0
    """How many calls are open now."""
    last_pick: datetime | None = None
    """When the number was last picked; None: never."""
    label: str | None = None
    """The spam label that is shown for the number now; None: none is."""
    cleared: datetime | None = None
    """When the last spam label had gone; None: none has."""
    tries: int = 0
    """Calls of the last seven days, or messages of the last seven days whose fate is known."""
    successes: int = 0
    """Answered calls, or delivered messages, of the last seven days."""
    sent: int = 0
    """All calls, or all messages, of the last seven days."""
    today: int = 0
    """Calls, or messages, of the day."""
    answered: int = 0
    """Answered calls of the last thirty days; 0 in a set for messages."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The set's traffic as it was read at `at`; `day` is that of the set's time zone."""

    at: datetime
    day: date
    used: int = 0
    deferred: int = 0
    numbers: Mapping[E164, NumberUse] = field(default_factory=dict)
    replies: int = 0
    split: str | None = None
    """What the dispatcher says of a second ledger for the same sets; None: there is none."""


@dataclass(frozen=True, slots=True)
class DayUsage:
    """A number's traffic on a day that is over."""

    day: str
    """The day in the set's time zone, such as 2026-11-24."""
    calls: int
    """The calls of the day; in a set for messages, the messages."""
    messages: int = 0
    """The messages of the day, where calls and messages are told apart."""


@dataclass(frozen=True, slots=True)
class LastUse:
    """How a number is used by now, in whatever set it is, or in none."""

    at: datetime | None
    """The hour of its last call or message, either way; None: it never had one."""
    open_calls: int = 0
    """How many calls are open now."""
    silent: datetime | None = None
    """Since when it is silent; None: it is not, or nobody can tell."""


@dataclass(frozen=True, slots=True)
class HealthSeen:
    """What the dispatcher's ledger tells of a number."""

    rate: float | None = None
    """The share of the number's calls that are answered; None: there were no calls."""
    label: str | None = None
    """The spam label that is shown for the number; None: none is."""
    usage: DayUsage | None = None
    """The number's traffic of the last day that was seen to end; None: none was."""
    last: LastUse | None = None
    """How the number is used by now; None: who tells this does not know."""

    def over(self, before: HealthSeen | None) -> HealthSeen:
        """The same, with what only `before` knows: two tell of the numbers of a set, each what it knows."""
        if before is None:
            return self
        rate = before.rate if self.rate is None else self.rate
        return HealthSeen(rate, self.label, self.usage or before.usage, self.last or before.last)


@dataclass(frozen=True, slots=True, order=True)
class Replaced:
    """A flagged number that another one was claimed for."""

    at: datetime
    number: E164


def usage_unknown(reason: Reason, because: str) -> Condition:
    """What a set says whose traffic is not known. `because` is a sentence."""
    return Condition("UsageUnknown", True, reason, f"{because} {_MEANWHILE}")


_MEANWHILE = (
    "Until the set's traffic is known, nothing is quarantined or brought back by it, and a number that drains stays "
    "for a day."
)
UNKNOWN = usage_unknown(Reason.NO_DISPATCHER, "No dispatcher is known to the operator (RINGFLEET_DISPATCHER).")


@dataclass(frozen=True, slots=True)
class RotationSeen:
    """All that plan_rotation may know of the set's claims, pools and traffic."""

    seats: tuple[Seat, ...] = ()
    """The claims of the set."""
    taken: frozenset[str] = frozenset()
    """The names of all claims of the namespace, which a new claim must not take."""
    pools: Mapping[ObjectRef, PoolSeen] = field(default_factory=dict)
    """The pools that the set's numbers may come from, by namespace and name."""
    usage: Usage | None = None
    """The set's traffic; None: it is not known."""
    unknown: Condition = UNKNOWN
    """What the set says while its traffic is not known."""
    blind_since: datetime | None = None
    """Since when a dispatcher that ought to tell the traffic has not; None: it tells, or there is no dispatcher."""
    split: str | None = None
    """What is to be said of two ledgers for the set; None: of none that is known."""
    frozen: str | None = None
    """Why none of its numbers may be picked, by a person's word; None: nobody has frozen them all."""
    senders: tuple[Sender, ...] = ()
    """The numbers that other sets of its campaign send from."""
    replaced: tuple[Replaced, ...] = ()
    """The flagged numbers that others were claimed for, as the status remembers them."""
