"""Handing a bound number over: the Secret or ConfigMap of a claim's `writeTo`, for the program that uses the number.

The object is ours by its annotation, and goes with the claim by an ownerReference. One that anybody else made is never
written over: the claim says so instead.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any

import orjson

from ringfleet.api.meta import API_VERSION, CLAIM_ANNOTATION
from ringfleet.api.routing_profile import RoutingProfile
from ringfleet.controllers.services import Services
from ringfleet.kube.errors import AlreadyExists, NotFound
from ringfleet.kube.transport import Json
from ringfleet.model.refs import Resource
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.phone_number import NumberRecord

PLACES = {
    "Secret": Resource("", "v1", "secrets", "Secret"),
    "ConfigMap": Resource("", "v1", "configmaps", "ConfigMap"),
}


async def write_number(services: Services, claim: ClaimRecord, number: NumberRecord) -> str | None:
    """Write the number where the claim wants it, when that is not what was written last.

    Returns why it could not be written, in a sentence; None when it is there.
    """
    if claim.write_to is None:
        return None
    body = _body(claim, number_data(claim, number, services.fleet.profile_of(number)))
    print_ = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
    if services.claim_queue.written.get(claim.uid) == print_:
        return None
    resource, name = PLACES[claim.write_to.kind], claim.write_to.name
    try:
        found = await services.kube.get(resource, claim.namespace, name)
    except NotFound:
        return await _create(services, claim, resource, body, print_)
    if _owner(found) != claim.uid:
        return f"{resource.kind} {name} (spec.writeTo) exists and is not this claim's: name another one, or delete it."
    await services.kube.patch(resource, claim.namespace, name, _replaced(found, body))
    services.claim_queue.written[claim.uid] = print_
    return None


async def _create(services: Services, claim: ClaimRecord, resource: Resource, body: Json, print_: str) -> str | None:
    try:
        await services.kube.create(resource, claim.namespace, body)
    except AlreadyExists:
        return f"{resource.kind} {body['metadata']['name']} (spec.writeTo) was made by another at this very moment."
    services.claim_queue.written[claim.uid] = print_
    return None


def _owner(found: Json) -> str | None:
    """The uid of the claim that the object was written for."""
    owner: str | None = (found["metadata"].get("annotations") or {}).get(CLAIM_ANNOTATION)
    return owner


def _replaced(found: Json, body: Json) -> dict[str, Any]:
    """Keys that are not written any more are taken away by null."""
    gone = dict.fromkeys(found.get("data") or {}) | body["data"]
    return {"data": gone}


def _body(claim: ClaimRecord, data: dict[str, str]) -> Json:
    assert claim.write_to
    owner = {"apiVersion": API_VERSION, "kind": "NumberClaim", "name": claim.name, "uid": claim.uid}
    return {
        "metadata": {
            "name": claim.write_to.name,
            "annotations": {CLAIM_ANNOTATION: claim.uid},
            "ownerReferences": [owner],
        },
        "data": _encoded(data) if claim.write_to.kind == "Secret" else data,
    }


def _encoded(data: dict[str, str]) -> dict[str, str]:
    return {key: b64encode(value.encode()).decode() for key, value in data.items()}


def number_data(claim: ClaimRecord, number: NumberRecord, profile: RoutingProfile | None) -> dict[str, str]:
    """What is written: the number, for whom it is, and where its calls and messages go; only what there is.

    `number` is in E.164 form; `sipUri` the first SIP target by priority, `sipUris` all of them, one a line.
    """
    data = {"number": str(number.number), "digits": number.number.digits, "tenant": claim.tenant}
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
        "messagingWebhook": messaging.webhook.url if messaging and messaging.webhook else None,
        "messagingService": service.id if service else None,
        "campaign": service.campaign if service else None,
    }
