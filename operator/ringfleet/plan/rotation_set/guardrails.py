"""What a rotation set wants, and the guardrails that its wishes stop at.

Two kinds of guardrail. *Hard* ones are not here: they are in the law of a pick (suppression, failing closed, only our
numbers) and in `plan/rotation_set/roster.py` (an inbound route, an approved campaign), and nothing turns them off. The
others have a default that a set may make stricter freely. To make one weaker takes an annotation
`override.ringfleet.dev/<guardrail>` whose value says who allowed it and why; without it the default holds, and the set
says so. Nothing is hidden in a spec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import time, timedelta
from enum import StrEnum

from ringfleet.model.refs import ObjectRef
from ringfleet.model.rotation import Attestation, Channel, LocalPresence, StickyMode, StickyScope


class Guardrail(StrEnum):
    """What an annotation may override; the value is the annotation's name behind its prefix."""

    MIN_ATTESTATION = "min-attestation"
    RECIPIENT_FREQUENCY = "recipient-frequency"
    QUIET_HOURS = "quiet-hours"
    ON_FLAGGED = "on-flagged"
    CHURN = "churn"
    MIN_UTILISATION = "min-utilisation"
    RAMP = "ramp"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Nobody is called from `start` to `end` by the recipient's clock; over midnight when `end` is not later."""

    start: time = time(21)
    end: time = time(8)
    default_zone: str | None = None
    """The IANA zone whose clock counts where the recipient's number tells none; None: such a recipient is not called.
    It says how to read a number, and weakens no guardrail."""

    def minutes(self) -> int:
        """How long they last, in minutes; none at all when both are equal."""
        return (_minute(self.end) - _minute(self.start)) % 1440

    def contains(self, moment: time) -> bool:
        return (_minute(moment) - _minute(self.start)) % 1440 < self.minutes()

    def covers(self, other: QuietHours) -> bool:
        """Whether every minute of `other` is one of these."""
        offset = (_minute(other.start) - _minute(self.start)) % 1440
        return offset + other.minutes() <= self.minutes()


@dataclass(frozen=True, slots=True)
class Frequency:
    """One recipient is contacted at most `contacts` times in `window`; 0 for no limit."""

    contacts: int = 3
    window: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Ramp:
    """A new number starts with `start_percent` of its caps and has them whole after `days`."""

    days: int = 14
    start_percent: int = 25


@dataclass(frozen=True, slots=True)
class Terms:
    """What guardrails are about. The defaults are the guardrails. `replaces`: whether a flagged number is replaced."""

    min_attestation: Attestation = Attestation.A
    frequency: Frequency = Frequency()
    quiet: QuietHours = QuietHours()
    replaces: bool = False
    max_churn_percent: int = 10
    ramp: Ramp = Ramp()


GUARDED = Terms()


@dataclass(frozen=True, slots=True)
class Override:
    """A guardrail that somebody overrides, and what they say about it."""

    guardrail: Guardrail
    why: str


@dataclass(frozen=True, slots=True)
class Governed:
    """The terms that hold. `overrides`: used, sorted. `refused`: wishes weaker than a guardrail that nobody overrides;
    the default holds for them."""

    terms: Terms
    overrides: tuple[Override, ...] = ()
    refused: tuple[Guardrail, ...] = ()


def govern(wish: Terms, words: Mapping[str, str]) -> Governed:
    """What of `wish` holds. `words` are the annotations behind their prefix; one without a text overrides nothing."""
    said = {name: text.strip() for name, text in words.items() if text.strip()}
    weaker = [guardrail for guardrail, is_weaker in _weaknesses(wish).items() if is_weaker]
    refused = tuple(sorted(guardrail for guardrail in weaker if guardrail not in said))
    used = [guardrail for guardrail in weaker if guardrail in said]
    if Guardrail.MIN_UTILISATION in said:
        used.append(Guardrail.MIN_UTILISATION)
    overrides = tuple(Override(guardrail, said[guardrail]) for guardrail in sorted(used))
    return Governed(_held_back(wish, refused), overrides, refused)


def _weaknesses(wish: Terms) -> dict[Guardrail, bool]:
    """Where the wish is weaker than what is guarded."""
    often = wish.frequency
    return {
        Guardrail.MIN_ATTESTATION: wish.min_attestation > GUARDED.min_attestation,
        Guardrail.RECIPIENT_FREQUENCY: not 0 < often.contacts <= GUARDED.frequency.contacts
        or often.window < GUARDED.frequency.window,
        Guardrail.QUIET_HOURS: not wish.quiet.covers(GUARDED.quiet),
        Guardrail.ON_FLAGGED: wish.replaces,
        Guardrail.CHURN: wish.max_churn_percent > GUARDED.max_churn_percent,
        Guardrail.RAMP: wish.ramp.days < GUARDED.ramp.days or wish.ramp.start_percent > GUARDED.ramp.start_percent,
    }


def _held_back(wish: Terms, refused: tuple[Guardrail, ...]) -> Terms:
    held = wish
    for guardrail in refused:
        match guardrail:
            case Guardrail.MIN_ATTESTATION:
                held = replace(held, min_attestation=GUARDED.min_attestation)
            case Guardrail.RECIPIENT_FREQUENCY:
                held = replace(held, frequency=GUARDED.frequency)
            case Guardrail.QUIET_HOURS:
                held = replace(held, quiet=replace(GUARDED.quiet, default_zone=wish.quiet.default_zone))
            case Guardrail.ON_FLAGGED:
                held = replace(held, replaces=GUARDED.replaces)
            case Guardrail.CHURN:
                held = replace(held, max_churn_percent=GUARDED.max_churn_percent)
            case Guardrail.RAMP:
                held = replace(held, ramp=GUARDED.ramp)
    return held


@dataclass(frozen=True, slots=True)
class RegionWant:
    """A part of the set. `pool` is `namespace/name`; None: the set's pools. `area_codes` empty: all of the country."""

    name: str
    country: str
    percent: int
    area_codes: tuple[str, ...] = ()
    pool: ObjectRef | None = None


@dataclass(frozen=True, slots=True)
class MessagingWant:
    """Under which registration messages go out. `opt_out_words`: by which recipients opt out, beside those that hold
    in every set."""

    brand: str
    campaign: str | None = None
    campaign_approved: bool = False
    pool_approved: bool = False
    toll_free_verified: bool = False
    per_minute: int | None = None
    daily_limit: int | None = None
    segments: int = 1
    opt_out_words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RotationWant:
    """A rotation set's spec, its defaults filled in and its guardrails kept. Pools are (namespace, name)."""

    namespace: str
    name: str
    channel: Channel
    pools: tuple[ObjectRef, ...]
    daily: int
    hourly: int
    uid: str = ""
    zone: str = "UTC"
    concurrent: int | None = None
    volume: int | None = None
    size: int | None = None
    governed: Governed = Governed(GUARDED)
    work_days: int = 1
    rest_days: int = 0
    after_flag: timedelta = timedelta(days=30)
    regions: tuple[RegionWant, ...] = ()
    presence: LocalPresence = LocalPresence.COUNTRY
    sticky: StickyMode = StickyMode.PREFER
    sticky_scope: StickyScope = StickyScope.SET
    sticky_ttl: timedelta = timedelta(days=365)
    max_wait: timedelta = timedelta(hours=1)
    defers: bool = True
    room_kept: timedelta = timedelta(hours=2)
    replies_free: bool = True
    reply_window: timedelta = timedelta(hours=24)
    min_answer_rate: float = 0.5
    min_sample: int = 30
    messaging: MessagingWant | None = None
    routing_profile: str | None = None
    overload_percent: int = 0
    headroom_percent: int = 0
    suspended: bool = False

    @property
    def terms(self) -> Terms:
        return self.governed.terms

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def scopes(self) -> tuple[str, str]:
        """Where an opt-out from this set is recorded: in the set, or in its brand. Without a brand that is the
        namespace."""
        brand = self.messaging.brand if self.messaging else ""
        return f"set:{self.key}", f"brand:{self.namespace}/{brand}"

    @property
    def campaign(self) -> str:
        """By what the sets are known that send for one campaign; empty: the set names none."""
        said = self.messaging if self.channel is Channel.SMS else None
        return f"{self.namespace}/{said.brand}/{said.campaign}" if said and said.campaign else ""

    @property
    def people(self) -> str:
        """By what sets are known that are the same caller to a person; empty: this one is by itself, or stands still.

        A number sends messages for its own campaign only, so that sets for messages share numbers under one alone."""
        if self.sticky_scope is StickyScope.SET or self.suspended:
            return ""
        brand = self.messaging.brand if self.messaging else ""
        if self.channel is Channel.SMS:
            campaign = self.messaging.campaign if self.messaging else None
            return f"people:{self.channel}:{self.namespace}/{brand}/{campaign or ''}"
        of_brand = f"/{brand}" if self.sticky_scope is StickyScope.BRAND else ""
        return f"people:{self.channel}:{self.namespace}{of_brand}"

    @property
    def looks_in(self) -> tuple[str, ...]:
        """Where an opt-out from this set is looked for: who has left all of the namespace has left any brand of it.
        There is recorded what is said to a number that is in no set any more."""
        return tuple(dict.fromkeys((*self.scopes, everywhere_in(self.namespace))))


def everywhere_in(namespace: str) -> str:
    """The scope of an opt-out from all sets of a namespace."""
    return f"brand:{namespace}/"


DEFAULT_DAILY = {Channel.VOICE: 75, Channel.SMS: 1000}
"""Of a number, when the set does not say: for voice what dialers recommend, for sms a rule of thumb."""
DEFAULT_STICKY = {Channel.VOICE: StickyMode.PREFER, Channel.SMS: StickyMode.STRICT}
"""When the set does not say."""


def default_hourly(daily: int) -> int:
    """A fifth of the day's, rounded up."""
    return -(-daily // 5)


def _minute(moment: time) -> int:
    return moment.hour * 60 + moment.minute
