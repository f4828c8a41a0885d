"""What goes into a ledger and what comes out. Frozen values; times are POSIX seconds, so that no zone is guessed.

Days and hours are windows of budget. A *day* is numbered by its date in the set's reset time zone, as
`date.toordinal()`, so that days of 23 and 25 hours are days like others. An *hour* is `floor(seconds / 3600)`.
Recipients are keyed hashes of 16 bytes; no ledger ever sees a recipient's number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import msgspec

from ringfleet.model.rotation import StickyMode
from ringfleet.model.traffic import CarrierEvent
from ringfleet.plan.rotation_set.roster import Member


class Mark(NamedTuple):
    """By what a ledger is told from others."""

    id: int
    """Given at random when it was made; a copy has the same."""
    epoch: int
    """Begins anew with each restore and failover, later than all before; 0: there was none."""


class Per(StrEnum):
    """For how long a limit is."""

    DAY = "day"
    MINUTE = "minute"


@dataclass(frozen=True, slots=True)
class Limit:
    """So many, at most, in a day or a minute, in what a carrier counts."""

    name: str
    """By which sets share it, such as `brand:shop/acme`."""
    per: Per
    most: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What the owner has to know of a set beside its members: what concerns other sets too."""

    scopes: tuple[str, ...] = ()
    """Where an opt-out holds for the set."""
    limits: tuple[Limit, ...] = ()
    """What carriers allow its registered numbers, and those of other sets, together."""
    units: int = 1
    """How much of that a contact takes: its segments."""
    people: str = ""
    """By what the sets are known that are one caller to a person, so that the person's number in one of them is so in
    all; empty: the set is by itself, or picks nothing now."""
    zone: str = "UTC"
    """The time zone of its days."""
    heir_of: tuple[str, ...] = ()
    """The sets, as `namespace/name`, that are no more and whose numbers it has: their people are its own."""
    brand: str = ""
    """Where an opt-out is recorded that a person has told to a number which is the set's no more; empty: in the set."""


@dataclass(frozen=True, slots=True)
class Roster:
    """All members of a set for one day. What is not in it is not in the set. `set` is `namespace/name`."""

    set: str
    day: int
    members: tuple[Member, ...]
    terms: Terms = Terms()


def at_once(moment: float) -> float:
    """That moment itself: nobody's night stands against it."""
    return moment


@dataclass(slots=True)  # not frozen, for that takes five microseconds of each pick; nobody changes one
class Ask:
    """One question: which number for this recipient, now?"""

    set: str
    """The rotation set, as `namespace/name`."""
    recipient: bytes = field(repr=False)
    """The recipient's hash under the newest key."""
    now: float = 0.0
    """The moment of the question, in POSIX seconds."""
    day: int = 0
    """The day of the set's budget at `now`."""
    tomorrow: float = 0.0
    """When the next day of the set's budget begins, in POSIX seconds."""
    hour_ends: float = 0.0
    """When the next hour begins, in POSIX seconds."""
    tiers: tuple[str, ...] = ("",)
    """The places in which a number is looked for, nearest first; the empty one is everywhere."""
    scopes: tuple[str, ...] = ()
    """Where an opt-out of the recipient would be found."""
    known_as: tuple[bytes, ...] = field(default=(), repr=False)
    """The recipient's hashes under older keys, which are looked for too."""
    account: str | None = None
    """The carrier account that the contact leaves through, as `namespace/name`; None: any."""
    key: str | None = None
    """The request's idempotency key, by which it is answered again; None for a dry run."""
    fingerprint: bytes = b""
    """A digest of the request, by which another request under the same key is known."""
    reply: bool = False
    """Whether this answers somebody who called or wrote, which counts nowhere."""
    reply_window: float = 86400.0
    """How long whoever called or wrote may be answered, in seconds."""
    mode: StickyMode = StickyMode.PREFER
    """Whether the recipient keeps the number that it knows: never, if possible, or always."""
    sticky_ttl: float = 365 * 86400.0
    """How long a recipient's number is remembered after the last contact, in seconds."""
    max_wait: float = 3600.0
    """How long a contact may be put off so that the recipient keeps its number, in seconds."""
    frequency: tuple[int, float] | None = None
    """So many contacts with the recipient, at most, in so many seconds; None: no limit."""
    defers: bool = True
    """Whether a contact beyond the budget is put off rather than refused."""
    deferral: str | None = None
    """The id of an earlier answer whose reserved room is used now; None: the recipient's deferral, if there is one."""
    room_kept: float = 7200.0
    """How long room is kept for a contact that is put off, from the moment that it is told, in seconds."""
    begins: float = 0.0
    """When the day of the set's budget has begun, in POSIX seconds; 0: 24 hours before `tomorrow`."""
    limited: Why | None = field(default=None, init=False)
    """Which shared limit keeps registered numbers from being used now, by the owner of the ledger; None: none does."""
    full: frozenset[int] = field(default=frozenset(), init=False)
    """The days ahead on which a shared limit has no room left."""
    opens: Callable[[float], float] = field(default=at_once, repr=False, compare=False)
    """The first moment from a moment on, in POSIX seconds, at which it is not night where the recipient is."""
    horizon: int = 7
    """How many days ahead, at most, room is reserved."""
    quiet_until: float | None = None
    """When the night ends where the recipient is, in POSIX seconds; None: it is not night there."""
    dry_run: bool = False
    """Whether nothing is to be counted or remembered."""


class Picked(msgspec.Struct, frozen=True, gc=False):  # two for each pick; a frozen dataclass takes ten times as long
    """A number may be used now."""

    id: str
    """The id of the pick, by which it is given back; empty for a dry run."""
    number: str
    """The number to use, in E.164 form."""
    account: str
    """The carrier account that owns the number, as `namespace/name`."""
    sticky: bool
    """Whether the recipient has seen the number before."""
    reassigned: bool
    """Whether the recipient knew another number, which may not be used any more."""
    tier: str | None
    """The place by which the number was found; None when it is the recipient's old one."""
    remaining: int
    """How many contacts the set has left today."""
    reasons: tuple[str, ...]
    """Why this number, in stable words."""


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
    BRAND_LIMIT = "brand-limit"
    CAMPAIGN_RATE = "campaign-rate"
    RESTORED = "ledger-restored"  # what was used today is not known
    ELSEWHERE = "elsewhere"  # in none of the places that were asked for


@dataclass(frozen=True, slots=True)
class Deferred:
    """The contact is put off, and room is reserved for it."""

    id: str
    """The deferral's id, to be named when the contact is made; empty for a dry run."""
    number: str
    """The number on which room is reserved, in E.164 form."""
    not_before: float
    """From when on the contact may be made, in POSIX seconds."""
    reasons: tuple[str, ...]
    """Why the contact is put off, in stable words."""


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


class Cancelled(StrEnum):
    """What became of cancelling a deferral."""

    FREED = "freed"  # its room is free; also when that was so before
    USED = "used"  # the contact has gone out
    UNKNOWN = "unknown"


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
    key: str | None = None
    """The Idempotency-Key of the latest request that was answered with it; None: an older program has put it off."""


@dataclass(frozen=True, slots=True)
class Deferrals:
    """What is put off and has not gone out yet: how much on which day, and the first of them, earliest first."""

    by_day: tuple[tuple[int, int], ...]
    first: tuple[Deferral, ...]


@dataclass(frozen=True, slots=True)
class Suppression:
    """An opt-out: nobody contacts the recipient within the scope."""

    scope: str
    """Where the opt-out holds: one set, or all sets of a brand."""
    recipient: bytes = field(repr=False)
    """The hash of the recipient who opted out."""
    since: float
    """When the opt-out was made, in POSIX seconds."""
    reason: str
    """Why the recipient is not to be contacted."""
    by_word: bool = False
    """Whether the recipient has opted out by a message, and may take that back by another."""
    also: tuple[bytes, ...] = field(default=(), repr=False)
    """The recipient's other hashes: the opt-out is written under each, so that it holds by whatever key it is looked
    for."""


@dataclass(frozen=True, slots=True)
class PastContact:
    """A recipient's number in a set, and when the latest contacts were."""

    set: str
    number: str
    last: float
    recent: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PastPick:
    """A number that was picked for a recipient."""

    set: str
    number: str
    at: float
    counted: bool


@dataclass(frozen=True, slots=True)
class PastSession:
    """A masked session that the recipient is or was in."""

    service: str
    """The ProxyService, as `namespace/name`."""
    number: str
    """The proxy number that the recipient called, in E.164 form."""
    joined: float
    """When the recipient came into it, in POSIX seconds."""
    ended: float | None
    """When it ended, in POSIX seconds; None: it is open."""


@dataclass(frozen=True, slots=True)
class Past:
    """All that a ledger knows of one recipient."""

    contacts: tuple[PastContact, ...] = ()
    picks: tuple[PastPick, ...] = ()
    put_off: tuple[tuple[str, float], ...] = ()
    """The set of each contact that is put off, and when it may go out."""
    heard: tuple[tuple[str, float], ...] = ()
    """Each number of ours that the recipient has called or written to, and when last."""
    opt_outs: tuple[Suppression, ...] = ()
    sessions: tuple[PastSession, ...] = ()
    letters: tuple[tuple[str, float], ...] = ()
    """The URL that each request of a carrier waits to be passed on to which has the recipient's words, and when it
    came."""


@dataclass(frozen=True, slots=True)
class OptIn:
    """What a person said at that moment takes back what they said before: their opt-out in `scope`, when it is by word
    and no younger."""

    scope: str
    recipient: bytes = field(repr=False)
    at: float


LONGEST_TEXT = 255
"""Characters. PostgreSQL finds a row by 2,704 bytes at most, and an event's key has an account and an id."""


def can_be_kept(text: str) -> bool:
    """Whether every store can hold the text and find a row by it: PostgreSQL has no NUL, and nobody half a surrogate
    pair, both of which JSON can say."""
    plain = text.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in text)
    return plain and "\0" not in text and len(text) <= LONGEST_TEXT


@dataclass(frozen=True, slots=True)
class Heard:
    """A carrier's event, ready to be counted. `account` is `namespace/name`: ids are unique in an account. What a
    STOP or a START means is done in the same transaction: the opt-outs of all that is heard together, then its opt-ins.
    """

    account: str
    event: CarrierEvent
    opt_outs: tuple[Suppression, ...] = ()
    opt_ins: tuple[OptIn, ...] = ()
    sender: tuple[bytes, ...] = field(default=(), repr=False)
    """Every hash of who has called or written, the one to write first; empty: that is not known, or nobody has."""
    counts: bool = True
    """Whether the event is counted; else only its wishes are done."""
    unclear: bool = False
    """Whether it is a message that may ask to be left alone, which a person has to read."""
    owns: bool = False
    """Whether the account is known to own the number now, so that what it tells of the number's past is believed."""
    placed: bool = False
    """Whether the number is in a set now, so that it is known whom the wishes are said to."""

    @property
    def can_be_counted(self) -> bool:
        """Whether a ledger can hold what the carrier calls it."""
        return all(map(can_be_kept, (self.event.id, self.event.subject, self.event.label or "")))


@dataclass(frozen=True, slots=True)
class Unclear:
    """A message that may ask to be left alone. Who has written it, and what, the carrier tells by these ids."""

    account: str
    event: str
    message: str
    number: str
    at: float


ANALYTICS = ""
"""The target of what is for the user's analytics, wherever those are."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What a carrier has told, as it is to be told to somebody else."""

    target: str
    """The URL that it is for."""
    entry: bytes = field(repr=False)
    """A whole request, as `relay` writes it."""
    recipient: bytes = field(default=b"", repr=False)
    """The hash of the person whose words it has; empty: nobody's."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What a carrier has told, on its way to somebody else."""

    id: int
    """Its place in the outbox."""
    entry: bytes = field(repr=False)
    """For analytics a CloudEvent in JSON, for any other target the entry of a letter."""
    at: float = 0.0
    """When it happened or came, in POSIX seconds."""


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
    replies: int = 0
    """Answers to who called or wrote, which count against no cap."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What the ledger knows of one number."""

    number: str
    """The number in E.164 form."""
    used: int = 0
    """How many contacts the number had on the day, in its set."""
    reserved: int = 0
    """How much room is put aside from the day on."""
    open_calls: int = 0
    """How many calls are open now."""
    last_pick: float | None = None
    """When the number was last picked, in POSIX seconds; None: never."""
    label: str | None = None
    """The spam label that carriers or analytics show for the number; None: none is shown."""
    labelled_at: float | None = None
    """Since when the label is shown, in POSIX seconds; None: no label is shown."""
    cleared_at: float | None = None
    """Since when a label that was shown is gone, in POSIX seconds; None: there was none, or one is shown."""
    hours: tuple[Hour, ...] = ()
    """The number's traffic by the hour, oldest first."""


Span = tuple[int, int]
"""Hours: from the first to before the second."""


@dataclass(frozen=True, slots=True)
class NumberTally:
    """What an account's carrier has told of one of its numbers, in whatever set it is, or in none."""

    number: str
    """The number in E.164 form."""
    account: str
    """The carrier account that owns the number, as `namespace/name`."""
    open_calls: int = 0
    """How many calls are open now."""
    label: str | None = None
    """The spam label that is shown for the number; None: none is shown."""
    labelled_at: float | None = None
    """Since when the label is shown, in POSIX seconds; None: no label is shown."""
    last_hour: int | None = None
    """The last hour in which the number had a call or message, either way; None: never."""
    sums: tuple[Hour, ...] = ()
    """The number's traffic in each of the spans that were asked for. `hour` is the first of the span."""


@dataclass(frozen=True, slots=True)
class NumbersKnown:
    """What is known of numbers, of those of which anything is; and how long their accounts have been heard."""

    tallies: tuple[NumberTally, ...]
    """By number."""
    accounts: tuple[tuple[str, int, int], ...]
    """Each account that has told of traffic of any number, with the first and the last hour of it, by account."""


@dataclass(frozen=True, slots=True)
class Rollup:
    """A set's day at a glance, and what is known of each member of its roster, by number."""

    set: str
    day: int
    used: int
    deferred: int
    tallies: tuple[Tally, ...]
