"""What comes in at the door and what goes out: the JSON of the API, camelCase, parsed and written by msgspec.

E.164 numbers as text; times RFC 3339 in UTC. Unknown fields are refused: a misspelt one must not be a wish that nobody
hears.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

PhoneText = Annotated[
    str, Meta(pattern=r"^\+[1-9][0-9]{6,14}$", examples=["+14155550123"], description="A number in E.164 form.")
]


class Kind(StrEnum):
    NEW = "new"
    REPLY = "reply"


class PickRequest(Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Which number for a contact with `to`?

    `account`: the CarrierAccount that the contact leaves through, as `name` or `namespace/name`; needed when the set
    has numbers of several. `kind`: `reply` to somebody who called or wrote. `deferredId`: of an earlier answer, whose
    reserved room is used now.
    """

    to: PhoneText
    account: Annotated[str, Meta(max_length=512)] | None = None
    kind: Kind = Kind.NEW
    deferred_id: Annotated[str, Meta(max_length=64)] | None = None


class PickReply(Struct, rename="camel", frozen=True):
    """Use `number` now. `sticky`: the recipient has seen it before. `reassigned`: the recipient knew another one, which
    may not be used any more. `geoLevel`: by which place it was found. `remainingToday`: of the whole set."""

    pick_id: str
    number: str
    account: str
    attestation: str | None
    sticky: bool
    reassigned: bool
    geo_level: str | None
    remaining_today: int
    window_resets_at: str
    reasons: tuple[str, ...]
    inventory_age_seconds: float
    status: str = "picked"


class DeferredReply(Struct, rename="camel", frozen=True):
    """Not now: ask again with `deferredId` from `notBefore` on. Room is reserved on `number`."""

    deferred_id: str
    number: str
    not_before: str
    reasons: tuple[str, ...]
    inventory_age_seconds: float
    status: str = "deferred"


class DayCount(Struct, rename="camel", frozen=True):
    day: str
    count: int


class DeferredItem(Struct, rename="camel", frozen=True):
    """One contact that is put off. Whom it is for is not told."""

    deferred_id: str
    number: str
    not_before: str
    since: str


class DeferredList(Struct, rename="camel", frozen=True):
    """What is put off and has not gone out, by day; and the first of them."""

    by_day: tuple[DayCount, ...]
    first: tuple[DeferredItem, ...]


class Scope(StrEnum):
    SET = "set"
    BRAND = "brand"


class SuppressionRequest(Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Opt-outs: of the set, or of all sets of its brand in the namespace."""

    recipients: Annotated[tuple[PhoneText, ...], Meta(min_length=1, max_length=10_000)]
    scope: Scope = Scope.BRAND
    reason: Annotated[str, Meta(min_length=1, max_length=200)] = "imported"


class SuppressionReply(Struct, rename="camel", frozen=True):
    """How many were new, or were taken back."""

    changed: int


class SuppressionItem(Struct, rename="camel", frozen=True):
    """An opt-out; the recipient is known by a keyed hash alone."""

    recipient_hash: str
    since: str
    reason: str


class SuppressionList(Struct, rename="camel", frozen=True):
    """`next`: for the parameter `after` of the next page; null on the last."""

    items: tuple[SuppressionItem, ...]
    next: str | None = None


class NumberRollup(Struct, rename="camel", frozen=True):
    """What is known of one number. `used` is of the set's day, `reserved` of that and later ones; the 7 and 30 days
    end now."""

    number: str
    used: int
    reserved: int
    open_calls: int
    last_pick: str | None
    label: str | None
    labelled_at: str | None
    cleared_at: str | None
    calls_today: int
    calls7d: int
    answered7d: int
    calls30d: int
    answered30d: int
    seconds30d: int
    messages7d: int
    delivered7d: int
    failed7d: int


class RollupReply(Struct, rename="camel", frozen=True):
    """The set's day at a glance, for the operator. `capacity`: what its active numbers may do today."""

    set: str
    day: str
    used: int
    deferred: int
    capacity: int
    numbers: tuple[NumberRollup, ...]


class Advance(Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Dev mode only: move the dispatcher's clock ahead."""

    advance_seconds: Annotated[float, Meta(ge=0, le=400 * 86400)]
