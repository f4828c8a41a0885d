"""A RoutingProfile as a carrier is told it, and as numbers wish for it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, replace

import orjson

from ringfleet.api.carrier_account import CarrierAccount, InboundBy, InboundNow
from ringfleet.api.routing_profile import ProfileAtAccount, ProfileDigest, ProfileMemory, RoutingProfile
from ringfleet.model import AccountKey, HeldRouting, Routing, SipTarget
from ringfleet.objects.carrier_account import events_url
from ringfleet.plan.phone_number.case import DesiredRouting
from ringfleet.plan.routing_profile import Told

REFERENCE_LENGTH = 64
"""So many characters of a reference every carrier is thought to keep."""


def reference_of(installation: str, uid: str) -> str:
    """What a profile is known by at carriers: never by namespace and name, which run together.

    The uid alone says which profile it is; before it stands whose it is, for people, as far as there is room.
    """
    return f"{installation[: REFERENCE_LENGTH - len(uid) - 1]}.{uid}"


def routing_of(profile: RoutingProfile, installation: str) -> Routing:
    """The profile as a carrier is told it."""
    voice, messaging = profile.spec.voice, profile.spec.messaging
    trunk = voice.sip_trunk if voice else None
    service = messaging.service if messaging else None
    return Routing(
        reference=reference_of(installation, profile.metadata.uid),
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


def public_url_of(account: CarrierAccount | None) -> str | None:
    """The base URL by which the account's carrier is to call the dispatcher in place of the program that messages are
    for; None: it is not to."""
    if account is None or account.spec.webhooks is None:
        return None
    used = account.status.webhooks
    match account.spec.webhooks.inbound:
        case InboundBy.EVENT_STREAMS:
            return None
        case InboundBy.AUTO if used and used.inbound is InboundNow.EVENT_STREAMS:
            return None
        case _:
            return account.spec.webhooks.public_url


def relayed(routing: Routing, account: CarrierAccount | None) -> Routing:
    """The same as one carrier account is told it: where the account says so, the dispatcher is called for messages, and
    their program when that can't be."""
    public_url = public_url_of(account)
    if account is None or public_url is None or routing.messaging_webhook is None:
        return routing
    ours = f"{events_url(account, public_url)}/{routing.name}"
    return replace(routing, messaging_webhook=ours, messaging_fallback=routing.messaging_webhook)


def content_hash(routing: Routing) -> str:
    """A short digest of what a carrier is told, the same for the same words. The reference is no part of them. What
    later versions can say besides is a part only where it is said, so that no upgrade tells everything anew."""
    words = asdict(replace(routing, reference=""))
    if routing.messaging_fallback is None:
        del words["messaging_fallback"]
    return hashlib.sha256(orjson.dumps(words)).hexdigest()[:12]


def as_told(held: HeldRouting) -> Told:
    """What a carrier account has, to be held against what it was told."""
    return Told(held.external_id, content_hash(held.routing))


def told_at(profile: RoutingProfile) -> dict[AccountKey, Told]:
    """What the carrier accounts were told, by the profile's status."""
    hashes = {digest.account: digest.hash for digest in profile.status.memory.told}
    return {
        _account(entry.account): Told(entry.external_id, hashes.get(entry.account, ""))
        for entry in profile.status.accounts
    }


def _account(text: str) -> AccountKey:
    namespace, _, name = text.partition("/")
    return AccountKey(namespace, name)


def told_status(told: Mapping[AccountKey, Told]) -> tuple[ProfileAtAccount, ...]:
    """The accounts that were told it, for the status to be written."""
    return tuple(
        ProfileAtAccount(account=str(account), external_id=one.external_id) for account, one in sorted(told.items())
    )


def told_notes(told: Mapping[AccountKey, Told]) -> ProfileMemory:
    """What they were told, for the notes."""
    return ProfileMemory(
        told=tuple(ProfileDigest(account=str(account), hash=one.hash) for account, one in sorted(told.items()))
    )


def routing_want(name: str, profile: RoutingProfile | None, told: Told | None, content: str = "") -> DesiredRouting:
    """The wish to be routed by the profile of this name, which is missing when `profile` is None.

    `told`: what the number's account was told of it; `content`: the digest of what it says now.
    """
    if profile is None:
        return DesiredRouting(name, missing=True)
    external_id = told.external_id if told else ""
    is_told = told is not None and told.hash == content
    calls, messages = profile.spec.voice is not None, profile.spec.messaging is not None
    service = profile.spec.messaging.service if profile.spec.messaging else None
    campaign = service.campaign if service else None
    return DesiredRouting(name, external_id, False, profile.spec.suspend, is_told, calls, messages, campaign)
