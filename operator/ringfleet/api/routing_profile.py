"""`RoutingProfile`: where calls and messages of the numbers that name it go."""

from typing import Annotated, ClassVar

from pydantic import Field

from ringfleet.api.emergency import EmergencyAddress
from ringfleet.api.meta import AGE, READY, REASON, Column, HttpUrl, ListType, Name, Part, Resource, Rule, Status

Reference = Annotated[str, Field(min_length=1, max_length=253)]


class SipTarget(Part):
    """One SIP destination."""

    uri: Annotated[
        str,
        Field(max_length=255),
        Rule(r'self.matches("^sips?:[^\\s]+$")', "write a SIP URI, such as sip:pbx.example.com or sips:10.0.0.5:5061"),
    ]
    """SIP URI that calls go to, such as sip:pbx.example.com or sips:10.0.0.5:5061."""
    priority: Annotated[int, Field(ge=0, le=65535)] = 10
    """Order of the targets: a lower number is tried first (RFC 2782)."""
    weight: Annotated[int, Field(ge=0, le=65535)] = 100
    """Share of the calls among targets of equal priority, relative to their weights (RFC 2782)."""


class SipTrunk(Part):
    """A SIP trunk with failover."""

    targets: Annotated[tuple[SipTarget, ...], Field(min_length=1, max_length=10)]
    """SIP destinations of the trunk. When one does not take a call, the carrier tries the next by priority; for how
    long it waits is the carrier's rule."""


class Webhook(Part):
    """A URL that the carrier calls."""

    url: HttpUrl
    """URL that the carrier calls for each call or message, such as https://example.com/incoming."""


class Application(Part):
    """A call-control application that lives at the carrier."""

    id: Reference
    """The carrier's id of the call-control application. Every CarrierAccount of the profile's numbers is told this same
    id, so that numbers of several accounts need a profile for each account that has its own."""


class Agent(Part):
    """An AI voice agent."""

    provider: Annotated[str, Field(max_length=63)] | None = None
    """Platform that runs the AI voice agent, such as vapi; the carrier's own when left out. No carrier is told it: it
    is for people, and for programs that read it as agentProvider in the place of a NumberClaim's writeTo."""
    id: Reference
    """Id of the AI voice agent at the platform that runs it. Every CarrierAccount of the profile's numbers is told this
    same id, so that numbers of several accounts need a profile for each account that has its own."""


class Voice(Part):
    """Where calls go: exactly one of the destinations."""

    rules = (
        Rule(
            "[has(self.sipTrunk), has(self.webhook), has(self.application), has(self.agent)].filter(x, x).size() == 1",
            "name exactly one destination for calls: sipTrunk, webhook, application or agent",
        ),
    )

    sip_trunk: SipTrunk | None = None
    """Send calls to a SIP trunk with failover."""
    webhook: Webhook | None = None
    """Send calls to a URL that answers with instructions."""
    application: Application | None = None
    """Send calls to a call-control application at the carrier."""
    agent: Agent | None = None
    """Send calls to an AI voice agent."""


class MessagingService(Part):
    """A messaging service at the carrier."""

    id: Reference
    """The carrier's own id of the messaging service. Every CarrierAccount of the profile's numbers is told this same
    id, so that numbers of several accounts need a profile for each account that has its own."""
    campaign: Reference | None = None
    """The carrier's id of the registered campaign (in the US: A2P 10DLC) that the carrier attaches the numbers to; how
    each of them stands there is in status.campaign of the PhoneNumber, and only an Assigned one sends. This
    is what carriers are told; spec.messaging of a RotationSet says what the set may send under it. Every CarrierAccount
    of the profile's numbers is told this same id, so that accounts at several carriers need a profile each."""


class Messaging(Part):
    """Where messages go: exactly one of the destinations."""

    rules = (
        Rule("has(self.webhook) != has(self.service)", "name exactly one destination for messages: webhook or service"),
    )

    webhook: Webhook | None = None
    """Send incoming messages to a URL."""
    service: MessagingService | None = None
    """Send incoming messages to a messaging service at the carrier, by its id."""


class RoutingProfileSpec(Part):
    """Where calls and messages go. A change reaches every number that names the profile."""

    rules = (
        Rule(
            "has(self.voice) || has(self.messaging)",
            "say where calls go (voice), where messages go (messaging), or both",
        ),
    )

    voice: Voice | None = None
    """Where calls go: exactly one of the destinations. Left out: the carrier is told of no destination for calls; a
    number that follows the profile counts as routed for messages only, and no Voice RotationSet uses it."""
    messaging: Messaging | None = None
    """Where messages go: exactly one of the destinations. Left out: the carrier is told of no destination for messages,
    so that those that come in reach nobody, and a number that follows the profile counts as routed all the same."""
    channels: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """How many calls the destination takes at the same time. A pool whose numbers could bring more says so in
    ChannelsShort. Not limited when left out."""
    emergency_address: EmergencyAddress | None = None
    """Emergency address (E911) of the numbers that follow the profile, set at carriers that take one, for numbers that
    can make calls. That of a number's NumberClaim goes before it. How it stands is in status.emergency and the
    condition EmergencyAddressReady of each PhoneNumber. Left out: an address that was set by it is taken off."""
    emergency_address_required: bool = False
    """True: a number of the US or Canada that follows the profile, can make calls and has no emergency address says so
    in its condition EmergencyAddressReady. It is used all the same."""
    suspend: bool = False
    """True pauses the profile: its changes do not reach the carrier, and no number is newly routed by it, so that new
    numbers do not become Available. Numbers keep the routing that they have, and calls go on."""


class ProfileAtAccount(Part):
    """A carrier account that was told this profile."""

    account: Name
    """The CarrierAccount that was told the profile, as namespace/name."""
    external_id: str
    """The carrier's id of the profile; the numbers of the account are pointed at it."""


class ProfileDigest(Part):
    """What one carrier account was told of this profile, in short."""

    account: Name
    """The CarrierAccount that was told the profile, as namespace/name."""
    hash: str
    """Digest of what the carrier was told of the profile. An account whose digest is missing is told anew."""


class ProfileMemory(Part):
    """The operator's own notes, not an interface: any version may change them. They say what each carrier account was
    told, so that a change is told once."""

    told: Annotated[tuple[ProfileDigest, ...], ListType("map", ("account",))] = ()
    """What each of the accounts in status.accounts was told."""


class RoutingProfileStatus(Status):
    """What follows this profile; written by the operator."""

    accounts: Annotated[tuple[ProfileAtAccount, ...], ListType("map", ("account",))] = ()
    """The carrier accounts that were told this profile: those of the numbers that follow it."""
    routed: int | None = None
    """How many numbers are routed as this profile says."""
    drifted: int | None = None
    """How many numbers name this profile and were found routed otherwise at the carrier."""
    memory: ProfileMemory = ProfileMemory.model_construct()


class RoutingProfile(Resource):
    """Where calls and messages go: a SIP trunk with failover targets, a webhook, an application or an AI agent for
    calls; a webhook or a messaging service for messages. Pools and numbers name it; a change reaches all of them."""

    plural: ClassVar = "routingprofiles"
    singular: ClassVar = "routingprofile"
    short_names: ClassVar = ("rp",)
    columns: ClassVar = (
        Column("Ready", f"{READY}.status"),
        Column("SIP", ".spec.voice.sipTrunk.targets[0].uri"),
        Column("Webhook", ".spec.voice.webhook.url", priority=1),
        Column("Agent", ".spec.voice.agent.id", priority=1),
        Column("Routed", ".status.routed", "integer"),
        Column("Drifted", ".status.drifted", "integer"),
        REASON,
        AGE,
    )

    kind: str = "RoutingProfile"
    spec: RoutingProfileSpec
    status: RoutingProfileStatus = RoutingProfileStatus.model_construct()
