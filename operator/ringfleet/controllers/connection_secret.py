"""Handing a bound number over: the Secret or ConfigMap of a claim's `writeTo`, for the program that uses the number.

::

    1. memory.writtenTo says where it is, or is to be        no list and no watch finds it again otherwise
    2. GET it; create it, or patch what differs              at each turn of the claim, and every few minutes
    3. delete what spec.writeTo does not name any more       only what is ours
    4. memory.writtenTo says so

The object is ours by its annotation, and goes with the claim by an ownerReference. One that anybody else made is never
written over: the claim says so instead. What was written for an earlier claim of the same name, before a restore, is
the claim's.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import structlog

from ringfleet.api.meta import API_VERSION, CLAIM_ANNOTATION, CLAIM_LABEL, MANAGED_BY
from ringfleet.api.routing_profile import RoutingProfile
from ringfleet.controllers.claimed_number import not_in_service
from ringfleet.controllers.services import Services
from ringfleet.kube.errors import AlreadyExists, Conflict, KubeError, NotFound, Unavailable
from ringfleet.kube.transport import Json
from ringfleet.model.refs import Resource
from ringfleet.objects.number_claim import ClaimRecord, Place
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_claim import Hindrance

log = structlog.get_logger(__name__)

PLACES = {
    "Secret": Resource("", "v1", "secrets", "Secret"),
    "ConfigMap": Resource("", "v1", "configmaps", "ConfigMap"),
}
LOOK_AGAIN = 300.0
"""Seconds until what was written is looked at again."""
TRY_AGAIN = 60.0
"""Seconds until a write that was refused is tried again."""
_LONGEST_LABEL = 63


def places_of(claim: ClaimRecord) -> tuple[Place, ...]:
    """Where something of the claim is, or is to be: the place of its writeTo, and those of before."""
    return tuple(sorted({*claim.written_to, *wished_place(claim)}))


def wished_place(claim: ClaimRecord) -> tuple[Place, ...]:
    """The place of its writeTo; none when it has none."""
    return (claim.write_to,) if claim.write_to else ()


async def write_number(
    services: Services, claim: ClaimRecord, number: NumberRecord, hindrance: Hindrance | None
) -> str | None:
    """See that the number is where the claim wants it, and nowhere else. Its status names all places already.

    Returns why it could not be done, in a sentence; None when it is so.

    Raises:
        Conflict: somebody else has written it at this very moment.
        Unavailable: the API server did not answer.
    """
    try:
        for place in wished_place(claim):
            if refused := await _write(services, claim, number, hindrance, place):
                return refused
        for place in set(claim.written_to) - set(wished_place(claim)):
            await _remove(services, claim, place)
    except (Conflict, Unavailable):
        raise
    except KubeError as error:
        return f"The API server refuses what spec.writeTo asks for: {error}"
    return None


async def _write(
    services: Services, claim: ClaimRecord, number: NumberRecord, hindrance: Hindrance | None, place: Place
) -> str | None:
    """Why it was left alone, in a sentence; None when it says what it is to say."""
    why = not_in_service(services, claim, number, hindrance)
    body = _body(claim, place, number_data(claim, number, services.fleet.profile_of(number), why))
    found = await _find(services, claim, place) or await _create(services, claim, place, body)
    if not _is_ours(found, claim):
        return (
            f"{place.kind} {place.name} (spec.writeTo) exists and is not this claim's: name another one, or delete it."
        )
    if patch := _difference(found, body):
        version = found["metadata"]["resourceVersion"]
        await services.kube.patch(PLACES[place.kind], claim.namespace, place.name, patch, version)
        log.info("put right what a claim has written", claim=claim.key, kind=place.kind, name=place.name)
    return None


async def _find(services: Services, claim: ClaimRecord, place: Place) -> Json | None:
    try:
        return await services.kube.get(PLACES[place.kind], claim.namespace, place.name)
    except NotFound:
        return None


async def _create(services: Services, claim: ClaimRecord, place: Place, body: Json) -> Json:
    """The object as it was created; or the one that somebody else has made at this very moment."""
    try:
        return await services.kube.create(PLACES[place.kind], claim.namespace, body)
    except AlreadyExists:
        return await services.kube.get(PLACES[place.kind], claim.namespace, place.name)


async def _remove(services: Services, claim: ClaimRecord, place: Place) -> None:
    found = await _find(services, claim, place)
    if found and _is_ours(found, claim):
        with suppress(NotFound):
            uid = found["metadata"]["uid"]
            await services.kube.delete(PLACES[place.kind], claim.namespace, place.name, uid=uid)
        log.info("removed what a claim had written", claim=claim.key, kind=place.kind, name=place.name)


def _is_ours(found: Json, claim: ClaimRecord) -> bool:
    """Whether it was written for the claim, or for one of its name that came before it."""
    meta = found["metadata"]
    written_for = (meta.get("annotations") or {}).get(CLAIM_ANNOTATION)
    owners = [(ref["kind"], ref["name"]) for ref in meta.get("ownerReferences") or ()]
    return written_for == claim.uid or (written_for is not None and ("NumberClaim", claim.name) in owners)


def _difference(found: Json, body: Json) -> Json:
    """The merge patch by which what was found becomes what is to be; empty when it is so.

    Data that is not ours is taken away, labels and annotations of others stay.
    """
    held, wanted = found["metadata"], body["metadata"]
    parts = {key: _missing(held.get(key) or {}, wanted[key]) for key in ("labels", "annotations")}
    meta: dict[str, Any] = {key: missing for key, missing in parts.items() if missing}
    if held.get("ownerReferences") != wanted["ownerReferences"]:
        meta["ownerReferences"] = wanted["ownerReferences"]
    data = found.get("data") or {}
    changed = {"data": dict.fromkeys(data) | body["data"]} if data != body["data"] else {}
    return ({"metadata": meta} if meta else {}) | changed


def _missing(held: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in wanted.items() if held.get(key) != value}


def _body(claim: ClaimRecord, place: Place, data: dict[str, str]) -> Json:
    owner = {"apiVersion": API_VERSION, "kind": "NumberClaim", "name": claim.name, "uid": claim.uid}
    named = {CLAIM_LABEL: claim.name} if len(claim.name) <= _LONGEST_LABEL else {}
    return {
        "metadata": {
            "name": place.name,
            "labels": {MANAGED_BY: "ringfleet", **named},
            "annotations": {CLAIM_ANNOTATION: claim.uid},
            "ownerReferences": [owner],
        },
        "data": _encoded(data) if place.kind == "Secret" else data,
    }


def _encoded(data: dict[str, str]) -> dict[str, str]:
    return {key: b64encode(value.encode()).decode() for key, value in data.items()}


def number_data(
    claim: ClaimRecord, number: NumberRecord, profile: RoutingProfile | None, why_not: Reason | None = None
) -> dict[str, str]:
    """What is written: the number, whether it may be used, for whom it is, and where its calls and messages go; only
    what there is.

    `number` is in E.164 form; `sipUri` the first SIP target by priority, `sipUris` all of them, one a line. `why_not`:
    why no call or message may be expected to get through.
    """
    data = {"number": str(number.number), "digits": number.number.digits, "tenant": claim.tenant}
    data |= {"inService": "false", "reason": str(why_not)} if why_not else {"inService": "true"}
    return {key: value for key, value in {**data, **_route_data(profile)}.items() if value}


def _route_data(profile: RoutingProfile | None) -> dict[str, str | None]:
    if profile is None:
        return {}
    voice, messaging = profile.spec.voice, profile.spec.messaging
    trunk = voice.sip_trunk if voice else None
    targets = sorted(trunk.targets, key=lambda target: target.priority) if trunk else []
    service = messaging.service if messaging else None
    return {
        "routingProfile": profile.metadata.name,
        "sipUri": targets[0].uri if targets else None,
        "sipUris": "\n".join(target.uri for target in targets),
        "voiceWebhook": voice.webhook.url if voice and voice.webhook else None,
        "voiceApplication": voice.application.id if voice and voice.application else None,
        "agent": voice.agent.id if voice and voice.agent else None,
        "agentProvider": voice.agent.provider if voice and voice.agent else None,
        "messagingWebhook": messaging.webhook.url if messaging and messaging.webhook else None,
        "messagingService": service.id if service else None,
        "campaign": service.campaign if service else None,
    }
