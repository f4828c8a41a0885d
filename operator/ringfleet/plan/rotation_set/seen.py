"""What is seen of a rotation set: its claims with their numbers, its pools, its traffic by the dispatcher's ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from ringfleet.model import E164
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.rotation_set.roster import MemberSeen

"""Namespace and name of a NumberPool."""


@dataclass(frozen=True, slots=True)
class Seat:
    """One claim of the set. `member`: the number that it holds, None while it waits. `place` is the number's object.

    `draining`: it is on its way out, since `since`, where that can be read. `gone`: its number is lost, or was taken
    from it by force. `quarantine`: what the number's annotation says; `label`: what its status shows. `says`: why the
    claim is not ready, in its own words. `profile`: the routing profile that the claim names.
    """

    name: str
    region: str | None
    created: datetime
    draining: bool = False
    since: datetime | None = None
    deleting: bool = False
    gone: bool = False
    member: MemberSeen | None = None
    quarantine: str | None = None
    label: str | None = None
    says: str = ""
    profile: str | None = None

    @property
    def live(self) -> bool:
        """Whether it counts for the size that is wanted. A claim that waits does."""
        return not (self.draining or self.deleting or self.gone)


@dataclass(frozen=True, slots=True)
class PoolSeen:
    """A pool that numbers may come from; `free` of them could be had now."""

    country: str
    free: int = 0


@dataclass(frozen=True, slots=True)
class NumberUse:
    """A number's traffic, by the ledger. `reserved`: room promised for today or later. `tries` and `successes` are of
    the last seven days: calls and answered ones, or messages whose fate is known and delivered ones; `sent` counts all.
    `today`: those of the day. `answered`: calls of the last thirty days. `label`: shown for it now; `cleared`: when the
    last one had gone."""

    used: int = 0
    reserved: int = 0
    open_calls: int = 0
    last_pick: datetime | None = None
    label: str | None = None
    cleared: datetime | None = None
    tries: int = 0
    successes: int = 0
    sent: int = 0
    today: int = 0
    answered: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """The set's traffic as it was read at `at`; `day` is that of the set's time zone."""

    at: datetime
    day: date
    used: int = 0
    deferred: int = 0
    numbers: Mapping[E164, NumberUse] = field(default_factory=dict)


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
    """All of it. `taken`: the names of all claims of the namespace. `usage` None: it is not known, and `unknown` says
    why, and `blind_since` since when, where a dispatcher ought to tell. `replaced`: what the status remembers."""

    seats: tuple[Seat, ...] = ()
    taken: frozenset[str] = frozenset()
    pools: Mapping[ObjectRef, PoolSeen] = field(default_factory=dict)
    usage: Usage | None = None
    unknown: Condition = UNKNOWN
    blind_since: datetime | None = None
    replaced: tuple[Replaced, ...] = ()
