"""What goes into a ledger and what comes out. Frozen values; times are POSIX seconds, so that no zone is guessed.

Days and hours are windows of budget. A *day* is numbered by its date in the set's reset time zone, as
`date.toordinal()`, so that days of 23 and 25 hours are days like others. An *hour* is `floor(seconds / 3600)`.
Recipients are keyed hashes of 16 bytes; no ledger ever sees a recipient's number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ringfleet.model.rotation import StickyMode
from ringfleet.model.traffic import CarrierEvent
from ringfleet.plan.rotation_set.roster import Member


@dataclass(frozen=True, slots=True)
class Roster:
    """All members of a set for one day. What is not in it is not in the set. `set` is `namespace/name`."""

    set: str
    day: int
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """One question: which number for this recipient, now?

    `recipient` is the hash under the newest key, `known_as` those under older ones, which are looked for too. `scopes`
    are where an opt-out of the recipient would be. `tiers`, nearest first: the places in which a number is looked for.
    `tomorrow` is when the next day begins, `hour_ends` when the next hour does. `key` and `fingerprint`: of the
    request, for its replay; None for a dry run's. `reply`: an answer to somebody who called or wrote, which counts
    nowhere. `frequency`: so many contacts in so many seconds, at most; None for no limit. `deferral`: an earlier
    answer's id, whose room is used now. `defers`: whether a contact beyond the budget is put off rather than refused.
    `horizon`: how many days ahead, at most, room is reserved. `quiet_until`: it is night where the recipient is, until
    then; None when it is not.
    """

    set: str
    recipient: bytes = field(repr=False)
    now: float = 0.0
    day: int = 0
    tomorrow: float = 0.0
    hour_ends: float = 0.0
    tiers: tuple[str, ...] = ("",)
    scopes: tuple[str, ...] = ()
    known_as: tuple[bytes, ...] = field(default=(), repr=False)
    account: str | None = None
    key: str | None = None
    fingerprint: bytes = b""
    reply: bool = False
    mode: StickyMode = StickyMode.PREFER
    sticky_ttl: float = 365 * 86400.0
    max_wait: float = 3600.0
    frequency: tuple[int, float] | None = None
    defers: bool = True
    deferral: str | None = None
    horizon: int = 7
    quiet_until: float | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Picked:
    """`number` may be used now. `tier` is the place by which it was found, None when it is the recipient's old one.

    `reassigned`: the recipient knew another number, which may not be used any more. `remaining`: what the set has left
    today. `id` is empty for a dry run.
    """

    id: str
    number: str
    account: str
    sticky: bool
    reassigned: bool
    tier: str | None
    remaining: int
    reasons: tuple[str, ...]


class Why(StrEnum):
    """Why a number is not picked now. The words are stable: they are in the answers of the API."""

    DAILY_CAP = "daily-cap"
    HOURLY_CAP = "hourly-cap"
    CONCURRENT = "concurrent"
    RESERVED = "reserved"
    RESTING = "resting"
    DRAINING = "draining"
    QUARANTINED = "quarantined"
    OTHER_ACCOUNT = "other-account"
    ELSEWHERE = "elsewhere"  # in none of the places that were asked for


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now: from `not_before` on, with `id` as the deferral, for which room is reserved on `number`."""

    id: str
    number: str
    not_before: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suppressed:
    """The recipient has opted out, in `scope`."""

    scope: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """It is night where the recipient is; the morning comes at `not_before`."""

    not_before: float


@dataclass(frozen=True, slots=True)
class TooOften:
    """The recipient was contacted as often as the set allows; again from `not_before` on."""

    not_before: float


@dataclass(frozen=True, slots=True)
class Exhausted:
    """No number may be used now, and nothing is put off: the budget is used up until `not_before`. It is also the
    answer when there is no room within the horizon."""

    not_before: float
    excluded: tuple[tuple[Why, int], ...]


@dataclass(frozen=True, slots=True)
class NoNumber:
    """No number of the set may be used, and time alone will not change it. `excluded`: how many numbers for each
    reason, sorted; empty when the set has none, or no roster of it is known."""

    excluded: tuple[tuple[Why, int], ...]


@dataclass(frozen=True, slots=True)
class KeyReused:
    """The same key has come with another request before."""


@dataclass(frozen=True, slots=True)
class UnknownDeferral:
    """There is no such deferral of the set, or it is another recipient's."""


Verdict = Picked | Deferred | Suppressed | Quiet | TooOften | Exhausted | NoNumber | KeyReused | UnknownDeferral


class GivenBack(StrEnum):
    """What became of giving a pick back."""

    RETURNED = "returned"  # its unit is free again; also when that was done before
    TOO_LATE = "too-late"  # its day is over
    IN_USE = "in-use"  # the carrier has told of its call or message
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Deferral:
    """One contact that was put off. Whom it is for is known by its hash alone, and is not told."""

    id: str
    number: str
    day: int
    not_before: float
    since: float


@dataclass(frozen=True, slots=True)
class Deferrals:
    """What is put off and has not gone out yet: how much on which day, and the first of them, earliest first."""

    by_day: tuple[tuple[int, int], ...]
    first: tuple[Deferral, ...]


@dataclass(frozen=True, slots=True)
class Suppression:
    """An opt-out: nobody contacts `recipient` in `scope`, since then and for that reason. `by_word`: the recipient has
    written so, and may take it back."""

    scope: str
    recipient: bytes = field(repr=False)
    since: float
    reason: str
    by_word: bool = False


@dataclass(frozen=True, slots=True)
class OptIn:
    """What a person said at that moment takes back what they said before: their opt-out in `scope`, when it is by word
    and no younger."""

    scope: str
    recipient: bytes = field(repr=False)
    at: float


@dataclass(frozen=True, slots=True)
class Heard:
    """A carrier's event, ready to be counted. `account` is `namespace/name`: ids are unique in an account. What a
    STOP or a START means is done in the same transaction: the opt-outs of all that is heard together, then its opt-ins.
    """

    account: str
    event: CarrierEvent
    opt_outs: tuple[Suppression, ...] = ()
    opt_ins: tuple[OptIn, ...] = ()


@dataclass(frozen=True, slots=True)
class Hour:
    """A number's traffic in one hour. Outbound, except `received`."""

    hour: int
    calls: int = 0
    answered: int = 0
    seconds: int = 0
    messages: int = 0
    delivered: int = 0
    failed: int = 0
    received: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """What the ledger knows of one number. `used`: on `day`, in its set; `reserved`: from `day` on; `open_calls`: now.
    `label`: what carriers or analytics show for it, `labelled_at` since when; `cleared_at`: since when it is gone, when
    it was there. `hours`: its traffic, oldest first."""

    number: str
    used: int = 0
    reserved: int = 0
    open_calls: int = 0
    last_pick: float | None = None
    label: str | None = None
    labelled_at: float | None = None
    cleared_at: float | None = None
    hours: tuple[Hour, ...] = ()


@dataclass(frozen=True, slots=True)
class Rollup:
    """A set's day at a glance, and what is known of each member of its roster, by number."""

    set: str
    day: int
    used: int
    deferred: int
    tallies: tuple[Tally, ...]
