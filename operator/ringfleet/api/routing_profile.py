"""`RoutingProfile`: where calls and messages of the numbers that name it go."""

from typing import Annotated, ClassVar

from pydantic import Field

from ringfleet.api.meta import AGE, READY, REASON, Column, HttpUrl, Part, Resource, Rule, Status

Reference = Annotated[str, Field(min_length=1, max_length=253)]


class SipTarget(Part):
    """One SIP destination."""

    uri: Annotated[
        str,
        Field(max_length=255),
        Rule('self.matches("^sips?:[^ ]+$")', "write a SIP URI, such as sip:pbx.example.com or sips:10.0.0.5:5061"),
    ]
    """Its sip: or sips: URI."""
    priority: Annotated[int, Field(ge=0, le=65535)] = 10
    """Targets with a lower priority are tried first (RFC 2782)."""
    weight: Annotated[int, Field(ge=0, le=65535)] = 100
    """The share of calls among targets of equal priority."""


class SipTrunk(Part):
    """A SIP trunk with failover."""

    targets: Annotated[tuple[SipTarget, ...], Field(min_length=1, max_length=10)]
    """Its destinations. When one does not answer, the next by priority is tried."""


class Webhook(Part):
    """A URL that the carrier calls."""

    url: HttpUrl
    """The URL."""


class Application(Part):
    """A call-control application that lives at the carrier."""

    id: Reference
    """Its id at the carrier."""


class Agent(Part):
    """An AI voice agent."""

    provider: Annotated[str, Field(max_length=63)] | None = None
    """The platform that runs the agent; the carrier's own when left out."""
    id: Reference
    """The agent's id there."""


class Voice(Part):
    """Where calls go: exactly one of the destinations."""

    rules = (
        Rule(
            "[has(self.sipTrunk), has(self.webhook), has(self.application), has(self.agent)].filter(x, x).size() == 1",
            "name exactly one destination for calls: sipTrunk, webhook, application or agent",
        ),
    )

    sip_trunk: SipTrunk | None = None
    """To a SIP trunk, with failover."""
    webhook: Webhook | None = None
    """To a URL that answers with instructions."""
    application: Application | None = None
    """To a call-control application at the carrier."""
    agent: Agent | None = None
    """To an AI voice agent."""


class MessagingService(Part):
    """A messaging service at the carrier."""

    id: Reference
    """Its id at the carrier."""
    campaign: Reference | None = None
    """The id of the registered campaign (A2P 10DLC) that the numbers send for."""


class Messaging(Part):
    """Where messages go: exactly one of the destinations."""

    rules = (
        Rule("has(self.webhook) != has(self.service)", "name exactly one destination for messages: webhook or service"),
    )

    webhook: Webhook | None = None
    """To a URL."""
    service: MessagingService | None = None
    """To a messaging service at the carrier."""


class RoutingProfileSpec(Part):
    """Where calls and messages go. A change reaches every number that names the profile."""

    rules = (
        Rule(
            "has(self.voice) || has(self.messaging)",
            "say where calls go (voice), where messages go (messaging), or both",
        ),
    )

    voice: Voice | None = None
    messaging: Messaging | None = None
    channels: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """How many calls the destination takes at the same time. A pool whose numbers could bring more says so."""
    suspend: bool = False
    """True: changes of this profile do not reach the carrier. Numbers keep the routing that they have."""


class RoutingProfileStatus(Status):
    """What follows this profile; written by the operator."""

    routed: int | None = None
    """The numbers that are routed as this profile says."""
    drifted: int | None = None
    """The numbers that should be, and were found routed otherwise at the carrier."""


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
    status: RoutingProfileStatus = RoutingProfileStatus()
