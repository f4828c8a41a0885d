"""What a ledger is asked of masked sessions, and what it answers. Frozen values; times are POSIX seconds.

A participant is known by keyed hashes, as recipients are, and the real number is sealed before it comes here: no ledger
can read it. A session's id is drawn at random by who asks, so that none is given twice, whatever was restored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from ringfleet.dispatch.ledger.types import KeyReused
from ringfleet.model.proxy import GeoLevel, NumberSelection, geo_tiers
from ringfleet.model.rotation import Channel


class State(IntEnum):
    """What a session is."""

    OPEN = 0
    CLOSED = 1
    """Somebody has closed it."""
    EXPIRED = 2
    """Its time has run out."""


# A service.


@dataclass(frozen=True, slots=True)
class ProxyNumber:
    """A number of a service."""

    number: str
    """In E.164 form."""
    account: str = ""
    """The carrier account that owns it, as `namespace/name`: both legs of a session go through one."""
    channels: frozenset[Channel] = frozenset(Channel)
    places: tuple[str, ...] = ("",)
    """Where it is, nearest first (`Whereabouts.places`)."""
    reserved: bool = False
    """Given to nobody who does not name it."""
    draining: bool = False
    """Given to nobody; its open sessions go on."""


@dataclass(frozen=True, eq=False)
class Service:
    """A ProxyService as sessions need it. Compared by identity: what is reckoned of it is kept."""

    key: str
    """`namespace/name`."""
    numbers: tuple[ProxyNumber, ...] = ()
    channels: frozenset[Channel] = frozenset(Channel)
    level: GeoLevel = GeoLevel.COUNTRY
    strict: bool = False
    per_number: int = 100
    """The most open sessions of one number."""
    selection: NumberSelection = NumberSelection.PREFER_STICKY
    ttl: float = 0.0
    """Seconds from the last interaction after which a session ends that says nothing else; 0: never."""
    longest: float = 0.0
    """Seconds from its creation after which a session ends, however it is used; 0: never."""
    quarantine: float = 0.0
    """Seconds for which a number rests for a participant after a session."""
    retention: float = 0.0
    """Seconds after its end for which a session is remembered."""
    scopes: tuple[str, ...] = ()
    """Where an opt-out holds for its participants."""
    _near: dict[str, tuple[ProxyNumber, ...]] = field(default_factory=dict, init=False)

    def near(self, tier: str) -> tuple[ProxyNumber, ...]:
        """The numbers at a place that anybody may get, in their order."""
        found = self._near.get(tier)
        if found is None:
            there = (one for one in self.numbers if tier in one.places and self._is_open(one))
            found = self._near[tier] = tuple(sorted(there, key=lambda one: one.number))
        return found

    def tiers(self, places: tuple[str, ...]) -> tuple[str, ...]:
        return geo_tiers(places, self.level, strict=self.strict)

    def _is_open(self, one: ProxyNumber) -> bool:
        return not one.draining and not one.reserved and self.channels <= one.channels


@dataclass(frozen=True, slots=True)
class Wish:
    """What one participant needs. `named`: the proxy number that the request names; None: any."""

    places: tuple[str, ...] = ("",)
    named: str | None = None


ANYWHERE = Wish()


# Asked.


@dataclass(frozen=True, slots=True)
class Newcomer:
    """One who is to come into a session."""

    hashes: tuple[bytes, ...]
    """All hashes by which the participant may be known; the first is the one to write."""
    sealed: bytes = field(repr=False)
    """The real number, which only who asks can open."""
    wish: Wish = ANYWHERE


@dataclass(frozen=True, slots=True)
class Once:
    """By what a request is known again."""

    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Make a session, with none, one or two participants: all of them, or there is no session."""

    service: Service
    id: bytes
    now: float
    newcomers: tuple[Newcomer, ...] = ()
    name: str | None = None
    """The caller's own name for it; no two open sessions of a service have the same."""
    ttl: float | None = None
    """Seconds from the last interaction after which it ends; None: as the service says."""
    expires: float | None = None
    """When it ends, whatever its interactions; None: by `ttl`."""
    once: Once | None = None


@dataclass(frozen=True, slots=True)
class JoinSession:
    """One more participant comes into a session."""

    service: Service
    id: bytes
    now: float
    newcomer: Newcomer
    once: Once | None = None


@dataclass(frozen=True, slots=True)
class LookAtSession:
    """How a session stands."""

    service: str
    id: bytes
    now: float


@dataclass(frozen=True, slots=True)
class ListSessions:
    """The open sessions of a service by id, the first `limit` after `after`; with `name` only the one of that name."""

    service: str
    now: float
    limit: int = 100
    after: bytes = b""
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ExtendSession:
    """Another time to live, or another end. `ttl` and `expires` as in OpenSession; None leaves what is so."""

    service: str
    id: bytes
    now: float
    ttl: float | None = None
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class CloseSession:
    """End a session. Twice is once."""

    service: str
    id: bytes
    now: float


@dataclass(frozen=True, slots=True)
class ResolveContact:
    """Somebody calls or writes to a proxy number: who is it for? It is written down, once for each `interaction`."""

    service: str
    hashes: tuple[bytes, ...]
    """Of who calls."""
    number: str
    """The proxy number that was dialled, in E.164 form."""
    now: float
    interaction: bytes
    """By what it is known again, 16 bytes."""
    channel: Channel = Channel.VOICE
    scopes: tuple[str, ...] = ()
    """Where an opt-out of the other participant holds."""


@dataclass(frozen=True, slots=True)
class CountSessions:
    """How a service is used."""

    service: str
    now: float


SessionAsk = (
    OpenSession
    | JoinSession
    | LookAtSession
    | ListSessions
    | ExtendSession
    | CloseSession
    | ResolveContact
    | CountSessions
)


# Answered.


@dataclass(frozen=True, slots=True)
class LegTold:
    """One participant of a session, without who it is."""

    place: int
    """0 or 1."""
    number: str
    """The proxy number that this participant calls, and sees when the other one calls."""
    account: str
    """The carrier account that owns it, as `namespace/name`."""
    joined: float


@dataclass(frozen=True, slots=True)
class SessionTold:
    """A session, without who is in it."""

    id: bytes
    name: str | None
    state: State
    created: float
    ends: float
    """When it ends by itself, or has ended; infinite: it does not."""
    interactions: int
    last: float
    """When the last interaction was; before any, when it was created."""
    legs: tuple[LegTold, ...]


@dataclass(frozen=True, slots=True)
class Resolved:
    """Whom a call or message is for."""

    session: SessionTold
    person: bytes
    """The hash under which the other participant is written."""
    sealed: bytes = field(repr=False)
    """The other participant's real number."""
    shown: str = ""
    """The proxy number under which the other participant is called or written to."""
    account: str = ""


class Exhaustion(IntEnum):
    """Why there is no number for a participant: the classes that such services have, each with a remedy of its own."""

    NO_VOICE = 80201
    NO_MESSAGES = 80202
    NONE_IN_COUNTRY = 80203
    EMPTY = 80205
    NONE_COMPATIBLE = 80206
    ONLY_RESERVED = 80207
    ALL_IN_USE = 80208
    NOT_IN_SERVICE = 80601


class Bar(StrEnum):
    """What keeps the numbers that came farthest from being given."""

    DRAINING = "draining"
    OTHER_COUNTRY = "other-country"
    NO_VOICE = "no-voice"
    NO_MESSAGES = "no-messages"
    ELSEWHERE = "elsewhere"
    RESERVED = "reserved"
    OTHER_ACCOUNT = "other-account"
    IN_USE = "in-use-by-participant"
    RESTING = "resting-for-participant"
    FULL = "full"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Refused:
    """There is no number for the participant at that place of the request; numbers by what bars them."""

    why: Exhaustion
    leg: int
    bar: Bar
    excluded: tuple[tuple[Bar, int], ...] = ()


@dataclass(frozen=True, slots=True)
class UnknownSession:
    """There is no such session, or nobody of that number and proxy number is in one that is remembered."""


@dataclass(frozen=True, slots=True)
class EndedSession:
    """It was closed, or its time has run out."""

    session: SessionTold


@dataclass(frozen=True, slots=True)
class Alone:
    """The session has no other participant yet."""

    session: SessionTold


@dataclass(frozen=True, slots=True)
class NameTaken:
    """An open session has the name."""

    id: bytes


@dataclass(frozen=True, slots=True)
class SessionFull:
    """It has two participants."""


@dataclass(frozen=True, slots=True)
class SamePerson:
    """Both participants would be one."""


@dataclass(frozen=True, slots=True)
class OptedOut:
    """The participant at that place of the request has opted out."""

    leg: int
    scope: str


@dataclass(frozen=True, slots=True)
class GeoUse:
    """The legs of one place that numbers were looked for in, at the widest: what is sized by itself."""

    geo: str
    """As `Whereabouts.places` writes it; empty: everywhere."""
    legs: int = 0
    busiest: int = 0
    """Legs of the busiest participant at once, those whose number rests included."""


@dataclass(frozen=True, slots=True)
class ServiceUsage:
    """How a service is used now."""

    open: int = 0
    load: tuple[tuple[str, int], ...] = ()
    """How many open sessions each number has that has any, by number."""
    geos: tuple[GeoUse, ...] = ()
    refused: tuple[tuple[Exhaustion, str, int], ...] = ()
    """How often there was no number in the last hour, by class and place, as far as this owner knows."""


SessionAnswer = (
    SessionTold
    | tuple[SessionTold, ...]
    | Resolved
    | ServiceUsage
    | Refused
    | UnknownSession
    | EndedSession
    | Alone
    | NameTaken
    | SessionFull
    | SamePerson
    | OptedOut
    | KeyReused
)
