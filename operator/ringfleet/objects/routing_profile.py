"""A RoutingProfile as a carrier is told it, and as numbers wish for it. Pure."""

from __future__ import annotations

import hashlib

import orjson

from ringfleet.api.routing_profile import RoutingProfile
from ringfleet.model import (
    Routing,
    SipTarget,
)
from ringfleet.plan.phone_number.case import DesiredRouting


def routing_of(profile: RoutingProfile, installation: str) -> Routing:
    """The profile as a carrier is told it."""
    voice, messaging = profile.spec.voice, profile.spec.messaging
    trunk = voice.sip_trunk if voice else None
    service = messaging.service if messaging else None
    return Routing(
        reference=f"{installation}-{profile.metadata.namespace}-{profile.metadata.name}",
        name=profile.key,
        sip_targets=tuple(SipTarget(target.uri, target.priority, target.weight) for target in trunk.targets)
        if trunk
        else (),
        voice_webhook=voice.webhook.url if voice and voice.webhook else None,
        voice_application=voice.application.id if voice and voice.application else None,
        agent=voice.agent.id if voice and voice.agent else None,
        messaging_webhook=messaging.webhook.url if messaging and messaging.webhook else None,
        messaging_service=service.id if service else None,
        campaign=service.campaign if service else None,
    )


def content_hash(profile: RoutingProfile) -> str:
    """A short digest of what the profile says, the same for the same words."""
    words = {"voice": _dump(profile.spec.voice), "messaging": _dump(profile.spec.messaging)}
    return hashlib.sha256(orjson.dumps(words, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]


def _dump(part: object) -> object:
    return part.as_dict() if hasattr(part, "as_dict") else None


def routing_want(name: str, profile: RoutingProfile | None) -> DesiredRouting:
    """The wish to be routed by the profile of this name, which is missing when `profile` is None."""
    if profile is None:
        return DesiredRouting(name, missing=True)
    return DesiredRouting(name, content_hash(profile), held=profile.spec.suspend)
