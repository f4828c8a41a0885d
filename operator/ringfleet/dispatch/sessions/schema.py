"""What comes in and goes out about masked sessions; the rules of `dispatch/schema.py` hold."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct, field

from ringfleet.dispatch.schema import PhoneText
from ringfleet.model.rotation import Channel

PROXY = "/v1/namespaces/{namespace}/proxyservices/{name}"
SESSION = f"{PROXY}/sessions/{{session}}"

Seconds = Annotated[int, Meta(ge=1, le=31_536_000)]
MostlyText = Annotated[str, Meta(min_length=1, max_length=191, pattern=r"^[^\x00]*$")]


class ParticipantRequest(Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """One who is to be in a session."""

    number: PhoneText
    """The participant's real number, in E.164 form. It is stored encrypted, and told to nobody but by `resolve`."""
    proxy_number: PhoneText | None = None
    """The number of the service that the participant is to get, also a reserved one; null: any that is not."""


class SessionRequest(Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """A new session: all of its participants get a number, or it is not made."""

    participants: Annotated[tuple[ParticipantRequest, ...], Meta(max_length=2)] = ()
    """None, one or both of the participants; others join by `POST .../participants`."""
    name: MostlyText | None = None
    """Your own name for the session; no two open sessions of a service have the same. Null: it has none."""
    ttl_seconds: Seconds | None = None
    """Seconds after its last call or message, or after it was made, in which it ends; null: spec.defaultTTL."""
    expires_at: datetime | None = None
    """When it ends, whatever its calls and messages; null: by ttlSeconds. spec.maxTTL ends it in any case."""


class ExtendRequest(Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Another time to live, or another end."""

    ttl_seconds: Seconds | None = None
    """Seconds after the last call or message, or after it was made, in which it ends; null: as before. Without
    expiresAt an end that was named holds no more."""
    expires_at: datetime | None = None
    """When it ends, whatever its calls and messages; null: by ttlSeconds, or as before where that is null too."""


class ResolveRequest(Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Somebody has called or written to a proxy number: who is it for?"""

    from_: PhoneText = field(name="from")
    """The number of who calls or writes, in E.164 form, as the carrier tells it."""
    to: PhoneText
    """The proxy number that was called or written to, in E.164 form."""
    channel: Channel = Channel.VOICE
    """Voice for a call, SMS for a message."""
    interaction_id: Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\x00]*$")] | None = None
    """The carrier's id of the call or message: with the same id it counts once. Null: each request counts."""


class SessionStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    EXPIRED = "expired"


class ParticipantReply(Struct, rename="camel", frozen=True):
    """One participant, without who it is."""

    participant: int
    """0 for who came first, 1 for the other."""
    proxy_number: str
    """The number that this participant calls or writes to, and sees when the other one does."""
    account: str
    """The CarrierAccount that owns `proxyNumber`, as `namespace/name`."""
    joined_at: str
    """When the participant came in."""


class SessionReply(Struct, rename="camel", frozen=True):
    """A session, without who is in it."""

    session_id: str
    """Its id."""
    name: str | None
    """The name that it was given; null: none."""
    status: SessionStatus
    """open; closed, by a request; or expired, by its time."""
    created_at: str
    """When it was made."""
    ends_at: str | None
    """When it ends unless somebody calls or writes, or when it has ended; null: it does not end by itself."""
    interactions: int
    """How many calls and messages there were."""
    last_interaction_at: str | None
    """When the last of them was; null: there was none."""
    participants: tuple[ParticipantReply, ...]
    """Who is in it, the first first."""


class SessionList(Struct, rename="camel", frozen=True):
    """The open sessions of a service, by id."""

    items: tuple[SessionReply, ...]
    """The sessions of this page."""
    next: str | None
    """`after` of the next page; null: there is none."""


class ResolveReply(Struct, rename="camel", frozen=True):
    """Connect the call, or send the message, to `to`, and show `from`."""

    session_id: str
    """The session that it belongs to."""
    to: str
    """The real number of the other participant, in E.164 form."""
    from_: str = field(name="from")
    """The proxy number to show to the other participant, in E.164 form."""
    account: str
    """The CarrierAccount that owns `from`, as `namespace/name`: the call or message has to leave through it."""
    interactions: int
    """How many calls and messages there were in the session, this one included."""


class NumberLoad(Struct, rename="camel", frozen=True):
    """How many open sessions a number has."""

    number: str
    """The number, in E.164 form."""
    sessions: int
    """Open sessions with a participant who has it."""


class PlaceUse(Struct, rename="camel", frozen=True):
    """The participants of one place, whose numbers have to be of it."""

    place: str
    """Such as c:US (a country), r:US:CA (a state or city), a:US:415 (an area code); empty: everywhere."""
    participants: int
    """Participants of open sessions."""
    busiest: int
    """The most sessions that one of them has at once, those whose number rests included."""


class RefusedCount(Struct, rename="camel", frozen=True):
    """How often a participant got no number in the last hour."""

    error_class: int
    """Such as 80206: see the problem proxy-exhausted."""
    place: str
    """Where numbers were looked for at the widest; empty: everywhere."""
    times: int
    """How often."""


class ServiceRollup(Struct, rename="camel", frozen=True):
    """How a service is used now."""

    open_sessions: int
    """How many sessions are open."""
    numbers: tuple[NumberLoad, ...]
    """Those of its numbers that have any, by number."""
    places: tuple[PlaceUse, ...]
    """Its participants by place."""
    refused: tuple[RefusedCount, ...]
    """By class and place, as far as the dispatcher that decides now knows."""
