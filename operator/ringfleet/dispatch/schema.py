"""What comes in at the door and what goes out: the JSON of the API, camelCase, parsed and written by msgspec.

E.164 numbers as text; times RFC 3339 in UTC. Unknown fields are refused: a misspelt one must not be a wish that nobody
hears.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from ringfleet.model.traffic import Direction, Happening

PhoneText = Annotated[
    str, Meta(pattern=r"^\+[1-9][0-9]{6,14}$", examples=["+14155550123"], description="A number in E.164 form.")
]


class Kind(StrEnum):
    NEW = "new"
    REPLY = "reply"


class PickRequest(Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Which number for a contact with `to`?"""

    to: PhoneText
    """The recipient, in E.164 form, such as +14155550123."""
    account: Annotated[str, Meta(max_length=512)] | None = None
    """The CarrierAccount that the contact leaves through, as `name` or `namespace/name`. Needed when the set has
    numbers of several accounts; null: the set has one."""
    kind: Kind = Kind.NEW
    """`new`: a contact of ours. `reply`: an answer to somebody who called or wrote to a number of the set within its
    replyWindow, as the carrier has told; it counts against no cap. To anybody else it is a contact like any other."""
    deferred_id: Annotated[str, Meta(max_length=64)] | None = None
    """The deferredId of an earlier 202: its reserved room is used now. Null: that of the recipient, when there is one,
    for a recipient has one at most."""


class PickReply(Struct, rename="camel", frozen=True):
    """Use `number` now."""

    pick_id: str
    """The id of this pick; `DELETE .../picks/{pickId}` gives back a pick that was not used."""
    number: str
    """The number to call or write from, in E.164 form."""
    account: str
    """The CarrierAccount that owns `number`, as `namespace/name`."""
    attestation: str | None
    """The STIR/SHAKEN attestation that calls from `number` get: A, B or C; null: not known, or it does not apply."""
    sticky: bool
    """Whether the recipient has been contacted from `number` before."""
    reassigned: bool
    """Whether the recipient knew another number, which may not be used any more."""
    geo_level: str | None
    """The place by which `number` was found near the recipient, such as a:US:415 (an area code), s:west (a region of
    the set), r:US:CA (a state or city) or c:US (a country); empty: everywhere. Null: place did not count."""
    remaining_today: int
    """Contacts that the whole set has left today."""
    window_resets_at: str
    """When the set's day ends and its budgets begin anew."""
    reasons: tuple[str, ...]
    """Why this number, in short words."""
    inventory_age_seconds: float
    """Seconds since the dispatcher last heard from the API server."""
    status: str = "picked"
    """Always `picked`."""


class DeferredReply(Struct, rename="camel", frozen=True):
    """Not now: ask again from `notBefore` on, with `deferredId` or without, under the same Idempotency-Key or another.
    Whoever asks for the same recipient before then is told the same. The room is kept for as long as the set's
    keepRoomFor says; `DELETE .../deferred/{deferredId}` gives it up."""

    deferred_id: str
    """The id of this deferral, for the field of this name of the next request."""
    number: str
    """The number on which room is reserved, in E.164 form."""
    not_before: str
    """From when on the contact may go out."""
    reasons: tuple[str, ...]
    """Why not now, in short words."""
    inventory_age_seconds: float
    """Seconds since the dispatcher last heard from the API server."""
    status: str = "deferred"
    """Always `deferred`."""


class DayCount(Struct, rename="camel", frozen=True):
    """How many contacts are put off to one day."""

    day: str
    """A date in the set's resetTimeZone."""
    count: int
    """Contacts that are put off to `day`."""


class DeferredItem(Struct, rename="camel", frozen=True):
    """One contact that is put off. Whom it is for is not told."""

    deferred_id: str
    """The id of the deferral."""
    number: str
    """The number on which room is reserved, in E.164 form."""
    not_before: str
    """From when on the contact may go out."""
    since: str
    """When it was put off."""
    idempotency_key: str | None
    """The Idempotency-Key of the latest request that was answered with it: so a caller knows whom it is for. Null: an
    older dispatcher has put it off."""


class DeferredList(Struct, rename="camel", frozen=True):
    """What is put off and has not gone out."""

    by_day: tuple[DayCount, ...]
    """How much is put off to each day, the next first."""
    first: tuple[DeferredItem, ...]
    """The contacts that come first; with `due=now`, of those that may go out now."""


class Scope(StrEnum):
    SET = "set"
    BRAND = "brand"
    NAMESPACE = "namespace"


class SuppressionRequest(Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Opt-outs to be recorded, or to be taken back."""

    recipients: Annotated[tuple[PhoneText, ...], Meta(min_length=1, max_length=10_000)]
    """Who is not to be contacted, in E.164 form."""
    scope: Scope = Scope.BRAND
    """`set`: by this RotationSet. `brand`: by all sets of its brand in the namespace. `namespace`: by all sets of the
    namespace, as whoever says STOP to a number that is in no set."""
    reason: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")] = "imported"
    """Where the opt-out comes from, for a person."""


class SuppressionReply(Struct, rename="camel", frozen=True):
    """What came of a request about opt-outs."""

    changed: int
    """How many opt-outs were new, or were taken back."""


class SuppressionItem(Struct, rename="camel", frozen=True):
    """An opt-out; the recipient is known by a keyed hash alone."""

    recipient_hash: str
    """The keyed hash of the recipient."""
    since: str
    """When it was recorded."""
    reason: str
    """Where it comes from, for a person."""


class SuppressionList(Struct, rename="camel", frozen=True):
    """One page of opt-outs."""

    items: tuple[SuppressionItem, ...]
    """The opt-outs of this page."""
    next: str | None = None
    """What the parameter `after` of the next page is; null: this is the last."""


class UnclearItem(Struct, rename="camel", frozen=True):
    """A message that may ask to be left alone: it has a word that does, and says more. Its text and sender are at the
    carrier, and not here."""

    account: str
    """The CarrierAccount that has told of it, as `namespace/name`."""
    event_id: str
    """The carrier's id of the event."""
    message_id: str
    """The carrier's id of the message."""
    number: str
    """The number that it was written to, in E.164 form."""
    at: str
    """When it was written."""


class UnclearList(Struct, rename="camel", frozen=True):
    """Messages that a person has to read."""

    items: tuple[UnclearItem, ...]
    """The oldest first."""


class NumberRollup(Struct, rename="camel", frozen=True):
    """What is known of one number. The 7 and 30 days end now."""

    number: str
    """The number, in E.164 form."""
    used: int
    """Contacts of the set's day."""
    reserved: int
    """Contacts that are put off to the set's day and later ones."""
    open_calls: int
    """Calls that go on now."""
    last_pick: str | None
    """When it was picked last; null: never."""
    label: str | None
    """The spam label that callees see, as the carrier says it; null: none."""
    labelled_at: str | None
    """When the label came; null: it has none."""
    cleared_at: str | None
    """When the last label was taken off; null: it never had one, or has one."""
    replies_today: int
    """Replies of the set's day to who had called or written, which count against no cap."""
    calls_today: int
    """Calls of the set's day that have ended."""
    calls7d: int
    """Calls of 7 days."""
    answered7d: int
    """Calls of 7 days that were answered."""
    calls30d: int
    """Calls of 30 days."""
    answered30d: int
    """Calls of 30 days that were answered."""
    seconds30d: int
    """Seconds that the calls of 30 days took."""
    messages7d: int
    """Messages of 7 days."""
    delivered7d: int
    """Messages of 7 days that were delivered."""
    failed7d: int
    """Messages of 7 days that failed."""


class RollupReply(Struct, rename="camel", frozen=True):
    """The set's day at a glance, for the operator."""

    set: str
    """The RotationSet, as `namespace/name`."""
    day: str
    """The set's day, a date in its resetTimeZone."""
    used: int
    """Contacts of the day."""
    replies: int
    """Replies of the day, which are not among `used`."""
    deferred: int
    """Contacts that are put off and have not gone out."""
    capacity: int
    """Contacts that the set's active numbers may make on this day."""
    numbers: tuple[NumberRollup, ...]
    """Its numbers, active or not."""
    ledger_split: str | None = None
    """What is to be done about a second ledger for the same sets, which is refused; null: there is none."""


class TrafficCounts(Struct, rename="camel", frozen=True):
    """A number's traffic in a span of time. Outbound, but for `received`."""

    calls: int
    """Calls."""
    answered: int
    """Calls that were answered."""
    messages: int
    """Messages."""
    delivered: int
    """Messages that were delivered."""
    failed: int
    """Messages that failed."""
    received: int
    """Calls and messages that came in."""


class NumberTraffic(Struct, rename="camel", frozen=True):
    """What the carrier has told of one number."""

    number: str
    """The number, in E.164 form."""
    account: str
    """The CarrierAccount that owns the number, as `namespace/name`."""
    open_calls: int
    """Calls that go on now."""
    label: str | None
    """The spam label that callees see, as the carrier says it; null: none."""
    labelled_at: str | None
    """When the label came; null: it has none."""
    last_traffic: str | None
    """The hour in which the last call or message was, either way; null: never."""
    day: TrafficCounts
    """The traffic of the last day that is over, in UTC."""
    recent: TrafficCounts
    """The traffic of the last 24 hours."""
    week: TrafficCounts
    """The traffic of the last 7 days."""
    month: TrafficCounts
    """The traffic of the last 35 days."""


class AccountHeard(Struct, rename="camel", frozen=True):
    """For how long a carrier account has told of traffic: beyond that, silence of a number says nothing."""

    account: str
    """The CarrierAccount, as `namespace/name`."""
    first: str
    """The first hour in which there was a call or message of any of its numbers."""
    last: str
    """The last such hour."""


class NumbersReply(Struct, rename="camel", frozen=True):
    """One page of the numbers of a namespace, those of which anything is known."""

    day: str
    """The last day that is over, a date in UTC."""
    numbers: tuple[NumberTraffic, ...]
    """The numbers of this page."""
    accounts: tuple[AccountHeard, ...]
    """The accounts of all numbers that were looked at for this page."""
    next: str | None = None
    """What the parameter `after` of the next page is; null: this is the last."""


class Advance(Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Dev mode only: move the dispatcher's clock ahead."""

    advance_seconds: Annotated[float, Meta(ge=0, le=400 * 86400)]
    """By how many seconds."""


class ToldEvent(Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """One event of a call or message, as a carrier's detail record tells it."""

    id: Annotated[str, Meta(min_length=1, max_length=512)]
    """The event's id: the one that the carrier's webhook has for it, so that it counts once."""
    happening: Happening
    """What happened, such as message.received."""
    at: Annotated[datetime, Meta(tz=True)]
    """When it happened, by the carrier's clock."""
    number: PhoneText
    """The account's number, in E.164 form."""
    subject: Annotated[str, Meta(max_length=512)]
    """The carrier's id of the call or message."""
    direction: Direction
    """Whether `number` was the calling or sending side (outbound), or the called or receiving one."""
    peer: PhoneText | None = None
    """The other side's number, in E.164 form; null: it can't be read."""
    text: str | None = None
    """What a message that came in says; null: nothing, or it is no such message."""


class ToldEvents(Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Events of one account."""

    events: Annotated[tuple[ToldEvent, ...], Meta(max_length=500)]
    """The events, the earliest first; 500 at most."""


class ToldReply(Struct, rename="camel", frozen=True):
    """What became of the events."""

    counted: int
    """Events that are new, and in the ledger now."""
    known: int
    """Events that the ledger had already."""
    ignored: int
    """Events that concern no number here."""
    refused: int
    """Events that can't be taken, such as an opt-out whose sender can't be read; the log has their ids."""
