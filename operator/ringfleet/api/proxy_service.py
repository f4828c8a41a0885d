"""`ProxyService`: masked numbers. Two people reach each other through numbers of yours, and neither sees the other's.

The operator decides how many numbers the service has, and gets them as everybody does, through `NumberClaim`s that it
owns. Who gets which of them for a session is the dispatcher's answer; nothing of a session is written here.
"""

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from ringfleet.api.meta import (
    AGE,
    READY,
    REASON,
    Column,
    Duration,
    ListType,
    LocalRef,
    Part,
    Resource,
    Rule,
    Status,
    Time,
    each_once,
    lasting,
    short_name,
)
from ringfleet.api.number_claim import PoolRef
from ringfleet.model.proxy import GeoLevel, NumberSelection
from ringfleet.model.rotation import Channel


class GeoMatch(Part):
    """How near to a participant the proxy number is that the participant is shown."""

    rules = (
        Rule(
            "!has(self.strict) || !self.strict || (has(self.level) && self.level in ['AreaCode', 'Region'])",
            "strict has a meaning with the levels AreaCode and Region only: Country never leaves the country, and Any "
            "takes any number",
            at=".strict",
        ),
    )

    level: GeoLevel = GeoLevel.COUNTRY
    """Where a number is looked for first: in the participant's AreaCode, Region (state or city) or Country; then wider,
    step by step up to the country. Only Any leaves the country, to which its dependencies and territories belong."""
    strict: bool = False
    """True gives a participant a number of that level or none: error class 80206. It takes many more numbers, for each
    area code or region needs enough of its own."""


class ExpectedLoad(Part):
    """What the service is to be ready for before it was seen."""

    open_sessions: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Open sessions at once, all participants together."""
    sessions_per_participant: Annotated[int, Field(ge=0, le=10_000)] = 1
    """Sessions of the busiest participant at once, those included whose numbers rest for reuseQuarantine. Each of them
    takes another number."""


class ProxyServiceSpec(Part):
    """The service as you want it."""

    rules = (
        Rule(
            "self.minNumbers <= self.maxNumbers",
            "minNumbers can't be more than maxNumbers",
            at=".minNumbers",
        ),
        Rule(
            "duration(self.defaultTTL) <= duration(self.maxTTL)",
            "defaultTTL can't be longer than maxTTL",
            at=".defaultTTL",
        ),
    )

    pools: Annotated[tuple[PoolRef, ...], Field(min_length=1, max_length=16), *each_once("a pool")]
    """NumberPools to draw numbers from, in order of preference. The service makes a NumberClaim for each number, with
    onNoStock Order. Both participants of a session get numbers of one CarrierAccount, for a carrier shows only numbers
    of its own: a service whose pools have several accounts needs enough numbers at one of them."""
    channels: Annotated[tuple[Channel, ...], Field(min_length=1, max_length=2), ListType("set")] = (
        Channel.VOICE,
        Channel.SMS,
    )
    """What sessions are for. Every number that is given can do all of it, and the service's claims ask for it."""
    geo_match: GeoMatch = GeoMatch.model_construct()
    max_sessions_per_number: Annotated[int, Field(ge=1, le=10_000)] = 100
    """The most open sessions of one number; carriers throttle and block numbers with too many."""
    default_ttl: Annotated[Duration, lasting("1m", "8760h"), Field(alias="defaultTTL")] = timedelta(hours=4)
    """How long after its last call or message, or after it was made, a session ends that does not say otherwise, from
    1m to 8760h."""
    max_ttl: Annotated[Duration, lasting("1m", "8760h"), Field(alias="maxTTL")] = timedelta(days=90)
    """How long after it was made every session ends, however it is used or extended, from 1m to 8760h."""
    reuse_quarantine: Annotated[Duration, lasting("1m", "720h")] = timedelta(hours=1)
    """How long after a session a participant is not shown its number again, from 1m to 720h: who calls back late would
    reach somebody else. Numbers that rest so count as sessions of the participant."""
    retention: Annotated[Duration, lasting("1h", "720h")] = timedelta(hours=24)
    """How long after its end a session is remembered, from 1h to 720h: so long a late caller is told that it is closed,
    and numberSelection knows which numbers a participant had. Then it is erased, with the participants' numbers."""
    number_selection: NumberSelection = NumberSelection.PREFER_STICKY
    """Whether a participant is shown a number again that an earlier session had, once reuseQuarantine is over: with
    PreferSticky that of the last one, if it may be given; with AvoidSticky one that none had, as long as there is one.
    Sessions are known for spec.retention."""
    reserved: Annotated[
        tuple[
            Annotated[
                str,
                Field(max_length=16),
                Rule(r'self.matches(r"^\+[1-9][0-9]{4,14}$")', "write a number in E.164 form, such as +14155550123"),
            ],
            ...,
        ],
        Field(max_length=1000),
        ListType("set"),
    ] = ()
    """Numbers of the service that are given to nobody who does not name them, in E.164 form. Sessions that have one go
    on, so that it is a way to empty a number, too."""
    expected: ExpectedLoad = ExpectedLoad.model_construct()
    min_numbers: Annotated[int, Field(ge=0, le=10_000)] = 1
    """The fewest numbers that the service has, whatever its load."""
    max_numbers: Annotated[int, Field(ge=0, le=10_000)] = 100
    """The most numbers that the service claims, whatever its load."""
    routing_profile_ref: LocalRef | None = None
    """RoutingProfile in this namespace that says where calls and messages to the numbers go, for all claims of the
    service: to a program that asks the dispatcher whom they are for. Of several RoutingProfiles for one number that of
    its NumberClaim wins, then that of its PhoneNumber, then that of its NumberPool; a RotationSet or ProxyService gives
    its own to its claims."""
    suspend: bool = False
    """True stops the service: it gets and gives back no numbers, and no new session is made. Open ones go on."""


class ServiceNumbers(Part):
    """The numbers of the service by what they can do now."""

    total: int = 0
    """How many numbers are bound to the service."""
    reserved: int = 0
    """How many of them are in spec.reserved."""
    draining: int = 0
    """How many of them are on their way out: given to nobody, until their last session has ended."""
    waiting: int = 0
    """How many claims of the service wait for a number."""


class ServiceSizing(Part):
    """How the number of numbers was computed: sessionsPerParticipant + (legs / maxSessionsPerNumber, rounded up) - 1,
    with which no choice of a number is ever refused."""

    sessions_per_participant: int
    """Sessions of the busiest participant at once, expected or seen, those whose numbers rest included."""
    legs: int
    """Participants of all open sessions, expected or seen: two a session."""
    spare: int = 0
    """Numbers that are claimed ahead of a greater load: for a fifth more legs, and one session more of the busiest
    participant at least."""


class ProxyServiceStatus(Status):
    """The service as it is; written by the operator."""

    numbers: ServiceNumbers | None = None
    open_sessions: int | None = None
    """How many sessions were open when the dispatcher was last read; absent while that is not known."""
    busiest_participant: int | None = None
    """The most sessions that one participant had at once then, those whose numbers rest included."""
    utilisation_percent: int | None = None
    """The share of the sessions that the numbers may have which were open then, or of the numbers that the busiest
    participant had, whichever is more, in percent."""
    refused_last_hour: int | None = None
    """How often there was no number for a participant in the hour before."""
    recommended_size: int | None = None
    """How many numbers the load takes, expected or seen; spec.minNumbers and spec.maxNumbers bound what the service
    claims."""
    sizing: ServiceSizing | None = None
    exhausted: Annotated[tuple[str, ...], ListType("set")] = ()
    """The error classes of which a participant got no number in the hour before, such as 80206."""
    usage_at: Time | None = None
    """Time at which the figures of the dispatcher were last written; they are written when they matter."""


class ProxyService(Resource):
    """Masked numbers: two people call and write to each other through numbers of yours, in sessions that the dispatcher
    makes (`ringfleet dispatch`), and neither sees the other's number. The operator claims the numbers, more of them
    before they are used up, and lets none go that has an open session. Deleting a service deletes its claims at once:
    its numbers rest in their pools, and whoever calls them reaches nobody."""

    rules = (short_name(40, "it names its claims"),)

    plural: ClassVar = "proxyservices"
    singular: ClassVar = "proxyservice"
    short_names: ClassVar = ("proxy",)
    columns: ClassVar = (
        Column("Ready", f"{READY}.status"),
        Column("Numbers", ".status.numbers.total", "integer"),
        Column("Sessions", ".status.openSessions", "integer"),
        Column("Used %", ".status.utilisationPercent", "integer"),
        Column("Refused", ".status.refusedLastHour", "integer"),
        Column("Recommended", ".status.recommendedSize", "integer", priority=1),
        REASON,
        AGE,
    )

    kind: str = "ProxyService"
    spec: ProxyServiceSpec
    status: ProxyServiceStatus = ProxyServiceStatus.model_construct()
