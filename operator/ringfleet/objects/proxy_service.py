"""A proxy service between its object and the values of `plan/proxy_service`, both ways, and the claims that it makes.

The operator and the dispatcher both read services through here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ringfleet.api import ProxyService
from ringfleet.api.meta import API_VERSION, PROXY_LABEL
from ringfleet.api.proxy_service import ProxyServiceStatus, ServiceNumbers, ServiceSizing
from ringfleet.model import GONE
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.conditions import conditions
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.rotation_set import is_stopped
from ringfleet.plan.conditions import NEEDS_A_PERSON, Condition
from ringfleet.plan.proxy_service.plan import CreateClaim, ProxyWant, ServiceClaim, ServicePlan, ServiceSeen
from ringfleet.plan.proxy_service.size import Bounds, Load


def proxy_want(obj: ProxyService) -> ProxyWant:
    """What the service wants."""
    spec, meta = obj.spec, obj.metadata
    return ProxyWant(
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        pools=tuple(ObjectRef(ref.namespace or meta.namespace, ref.name) for ref in spec.pools),
        channels=frozenset(spec.channels),
        level=spec.geo_match.level,
        strict=spec.geo_match.strict,
        ttl=spec.default_ttl,
        longest=spec.max_ttl,
        quarantine=spec.reuse_quarantine,
        retention=spec.retention,
        selection=spec.number_selection,
        reserved=frozenset(spec.reserved),
        expected=Load(spec.expected.sessions_per_participant, 2 * spec.expected.open_sessions),
        bounds=Bounds(spec.min_numbers, spec.max_numbers, spec.max_sessions_per_number),
        routing_profile=spec.routing_profile_ref.name if spec.routing_profile_ref else None,
        suspended=spec.suspend,
    )


def is_usable(claim: ClaimRecord, number: NumberRecord) -> bool:
    """Whether a number of a service may be given to anybody: it is answered, and nobody and nothing stops it."""
    quarantined = number.notes.quarantine is not None or number.spam_label is not None
    return number.state.routed is not None and not quarantined and not is_stopped(claim, number)


def claim_seen(claim: ClaimRecord, number: NumberRecord | None, country: str) -> ServiceClaim:
    """A claim of a service; `number` is the one that it holds, None while it has none; `country`: of its pool."""
    service = claim.service
    assert service is not None, f"claim {claim.key} is not a service's"
    lost = claim.bound is not None and number is None
    said = next((one for one in claim.conditions if one.type == "Ready" and one.status != "True"), None)
    return ServiceClaim(
        name=claim.name,
        created=claim.created,
        number=number.number if number else None,
        country=(number.country if number else None) or country,
        usable=number is not None and is_usable(claim, number),
        draining=service.draining,
        since=service.since,
        deleting=claim.deleting,
        gone=claim.failed or lost or (number is not None and number.state.phase in GONE),
        says=said.message if said else "",
        why=next((reason for reason in NEEDS_A_PERSON if said and said.reason == reason), None),
        profile=claim.routing_profile,
    )


def claim_body(obj: ProxyService, want: ProxyWant, action: CreateClaim) -> dict[str, Any]:
    """The claim as it is created: the service owns it, and it goes when the service goes."""
    meta, (pool_namespace, pool) = obj.metadata, action.pool
    ref = {"name": pool} | ({"namespace": pool_namespace} if pool_namespace != meta.namespace else {})
    spec: dict[str, Any] = {
        "poolRef": ref,
        "capabilities": sorted(str(channel) for channel in want.channels),
        "onNoStock": "Order",
    }
    if want.routing_profile:
        spec["routingProfileRef"] = {"name": want.routing_profile}
    owner = {"apiVersion": API_VERSION, "kind": "ProxyService", "name": meta.name, "uid": meta.uid}
    return {
        "metadata": {
            "name": action.name,
            "namespace": meta.namespace,
            "labels": {PROXY_LABEL: meta.name},
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": False}],
        },
        "spec": spec,
    }


def service_status(
    obj: ProxyService, seen: ServiceSeen, plan: ServicePlan, said: tuple[Condition, ...], now: datetime
) -> ProxyServiceStatus:
    """What to write. What the dispatcher told last stands while it tells nothing."""
    want, before, size = proxy_want(obj), obj.status, plan.size
    held = [claim for claim in seen.claims if claim.number]
    figures = _figures(want, seen) if seen.sessions else _said_before(before)
    known_at = before.usage_at
    if seen.sessions and figures != _said_before(before):
        known_at = seen.sessions.at.replace(microsecond=0)
    return ProxyServiceStatus(
        observed_generation=obj.metadata.generation,
        conditions=conditions(before.conditions, said, obj.metadata.generation, now),
        numbers=ServiceNumbers(
            total=len(held),
            reserved=sum(claim.number in want.reserved for claim in held),
            draining=sum(claim.draining for claim in held),
            waiting=sum(claim.live and claim.number is None for claim in seen.claims),
        ),
        recommended_size=size.recommended,
        sizing=ServiceSizing(sessions_per_participant=size.busiest, legs=size.legs, spare=size.spare),
        usage_at=known_at,
        **figures,
    )


def _figures(want: ProxyWant, seen: ServiceSeen) -> dict[str, Any]:
    sessions = seen.sessions
    assert sessions is not None
    usable = sum(claim.usable for claim in seen.claims)
    busiest = max((load.busiest for load in sessions.places.values()), default=0)
    room = usable * want.bounds.per_number
    shares = (sum(sessions.load.values()) * 100 // room, busiest * 100 // usable) if usable and room else (0,)
    return {
        "open_sessions": sessions.open,
        "busiest_participant": busiest,
        "utilisation_percent": max(shares),
        "refused_last_hour": sum(sessions.refused.values()),
        "exhausted": tuple(str(one) for one in sorted(sessions.refused)),
    }


def _said_before(before: ProxyServiceStatus) -> dict[str, Any]:
    return {
        "open_sessions": before.open_sessions,
        "busiest_participant": before.busiest_participant,
        "utilisation_percent": before.utilisation_percent,
        "refused_last_hour": before.refused_last_hour,
        "exhausted": before.exhausted,
    }
