"""Reconciling one rotation set: look at its claims, its pools and its traffic; plan; say how it stands; act.

::

    the status is written first: it remembers which numbers are replaced, before any of them is
    then each action is one write: a claim created, marked or deleted, a number taken out of use or back

What meets another writer is left for the next turn. Numbers themselves are bound by their claims
(`controllers/number_claim.py`).
"""

from __future__ import annotations

from typing import Any

import structlog

from ringfleet.api import NumberPool, RotationSet
from ringfleet.api.meta import DRAINING, QUARANTINE, REGION_LABEL, SET_LABEL
from ringfleet.controllers.dispatcher_client import Reading
from ringfleet.controllers.number_claim import look_at
from ringfleet.controllers.queues import seconds_until
from ringfleet.controllers.services import Services
from ringfleet.controllers.set_inheritance import inherit, owner_reference
from ringfleet.kube.errors import AlreadyExists, Conflict, NotFound
from ringfleet.model import E164, GONE
from ringfleet.objects.conditions import conditions, stamp
from ringfleet.objects.number_claim import ClaimRecord, project_claim
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.phone_number_status import HealthSeen, is_news
from ringfleet.objects.refs import NUMBER_CLAIMS, PHONE_NUMBERS, Key
from ringfleet.objects.rotation_set import member_seen, pools_of, rotation_status, rotation_want
from ringfleet.plan.rotation_set.guardrails import RotationWant
from ringfleet.plan.rotation_set.plan import (
    Action,
    CreateClaim,
    DeleteClaim,
    Drain,
    Keep,
    Quarantine,
    Reroute,
    RotationPlan,
    Unquarantine,
    plan_rotation,
)
from ringfleet.plan.rotation_set.report import rotation_conditions, unreadable
from ringfleet.plan.rotation_set.seen import PoolSeen, Replaced, RotationSeen, Seat

log = structlog.get_logger(__name__)

AGAIN = 1.0
"""Seconds until another look when a write met another writer."""


async def reconcile_set(services: Services, key: Key) -> float | None:
    """Take the set one step further. Returns seconds until its traffic is read again, or time changes something."""
    obj = services.fleet.get(RotationSet, key.namespace, key.name)
    if obj is None or obj.metadata.deletion_timestamp:
        services.dispatcher.forget(key.namespace, key.name)
        return None  # its claims go with it: the garbage collector sees to that, and their numbers rest
    await inherit(services, obj)
    want = rotation_want(obj)
    reading = await services.dispatcher.read(key.namespace, key.name, want.channel)
    now = services.clock()
    for claim, number in _members(services, obj):
        if claim.bound and number is None:  # gone, or our copy of the numbers is late
            await look_at(services, *claim.bound)
    members = _members(services, obj)
    seen = _seen(services, obj, members, reading)
    try:
        plan = plan_rotation(want, seen, now)
    except ValueError:
        said = conditions(obj.status.conditions, unreadable(want), obj.metadata.generation, now)
        await services.status.write(obj, obj.status.saying(obj.metadata.generation, said))
        return None
    _tell_numbers(services, members, plan, reading)
    said = conditions(obj.status.conditions, rotation_conditions(want, seen, plan, now), obj.metadata.generation, now)
    held = [number for _, number in members if number]
    await services.status.write(obj, rotation_status(obj, want, seen, plan, held, said, now))
    done = [await _act(services, obj, want, action) for action in plan.actions]
    waits = [services.dispatcher.interval, seconds_until(plan.due, now)]
    waits += [] if all(done) else [AGAIN]
    return max(AGAIN, min((seconds for seconds in waits if seconds is not None), default=3600.0))


def claims_to_make(services: Services, obj: RotationSet) -> list[dict[str, Any]]:
    """The claims that the set would make now, as it would create them; none while its spec makes no sense."""
    want = rotation_want(obj)
    try:
        plan = plan_rotation(want, _seen(services, obj, _members(services, obj), Reading()), services.clock())
    except ValueError:
        return []
    return [claim_body(obj, want, action) for action in plan.actions if isinstance(action, CreateClaim)]


# Looking.

Members = list[tuple[ClaimRecord, NumberRecord | None]]
"""The claims that the set owns, each with the number that it holds."""


def _members(services: Services, obj: RotationSet) -> Members:
    claims = services.fleet.claims_of_set(obj.metadata.namespace, obj.metadata.name)
    ours = [claim for claim in claims if claim.is_of(obj.metadata.uid)]
    return [(claim, _number(services, claim)) for claim in sorted(ours, key=lambda claim: claim.name)]


def _number(services: Services, claim: ClaimRecord) -> NumberRecord | None:
    """The number that the claim holds; should there be two, the one that its status names."""
    held = [one for one in services.fleet.numbers_of(claim) if services.fleet.owns(one)]
    return min(held, key=lambda one: ((one.namespace, one.name) != claim.bound, one.name), default=None)


def _seen(services: Services, obj: RotationSet, members: Members, reading: Reading) -> RotationSeen:
    namespace = obj.metadata.namespace
    pools = {place: services.fleet.get(NumberPool, *place) for place in pools_of(obj)}
    return RotationSeen(
        seats=tuple(_seat(claim, number) for claim, number in members),
        taken=frozenset(claim.name for claim in services.fleet.claims.by("namespace", namespace)),
        pools={place: _pool(services, pool) for place, pool in pools.items() if pool},
        usage=reading.usage,
        unknown=reading.unknown,
        blind_since=reading.blind_since,
        replaced=tuple(Replaced(one.at, E164(one.number)) for one in obj.status.replaced),
    )


def _pool(services: Services, pool: NumberPool) -> PoolSeen:
    meta = pool.metadata
    records = services.fleet.numbers_in_pool(meta.namespace, meta.name)
    return PoolSeen(pool.spec.market.country, sum(record.free for record in records))


def _seat(claim: ClaimRecord, number: NumberRecord | None) -> Seat:
    assert claim.rotation
    lost = claim.bound is not None and number is None
    return Seat(
        name=claim.name,
        region=claim.rotation.region,
        created=claim.created,
        draining=claim.rotation.draining,
        since=claim.rotation.since,
        deleting=claim.deleting,
        gone=claim.failed or lost or (number is not None and number.state.phase in GONE),
        member=member_seen(claim, number) if number else None,
        quarantine=number.notes.quarantine if number else None,
        label=number.spam_label if number else None,
        says=next((one.message for one in claim.conditions if one.type == "Ready" and one.status != "True"), ""),
        profile=claim.routing_profile,
    )


def _tell_numbers(services: Services, members: Members, plan: RotationPlan, reading: Reading) -> None:
    """Let numbers say how they are received, where that is news. Their own reconcile writes it."""
    for _, number in members:
        verdict = plan.verdicts.get(number.number) if number else None
        if number is None or verdict is None:
            continue
        heard = HealthSeen(verdict.rate, verdict.label, reading.ended.get(number.number))
        if is_news(number, heard):
            services.health[number.number] = heard
            services.queues.wake_number(number)


# Acting.


async def _act(services: Services, obj: RotationSet, want: RotationWant, action: Action) -> bool:
    """Take one action; False when another writer was there first."""
    try:
        match action:
            case CreateClaim():
                return await _create(services, obj, want, action)
            case Drain(name):
                await _mark(services, obj, name, {"metadata": {"annotations": {DRAINING: stamp(services.clock())}}})
            case Keep(name):
                await _mark(services, obj, name, {"metadata": {"annotations": {DRAINING: None}}})
            case Reroute(name, profile):
                ref = {"name": profile} if profile else None
                await _mark(services, obj, name, {"spec": {"routingProfileRef": ref}})
            case DeleteClaim(name):
                await _delete(services, obj, name)
            case Quarantine(number, why):
                await _annotate(services, obj, number, why)
            case Unquarantine(number):
                await _annotate(services, obj, number, None)
    except (Conflict, NotFound):
        return False
    log.info("rotation set changed", set=obj.key, action=type(action).__name__)
    return True


async def _create(services: Services, obj: RotationSet, want: RotationWant, action: CreateClaim) -> bool:
    """Create a claim; False when somebody else has one of that name. The next turn goes around it.

    One that the set has made before is as good: an operator that was killed, or another one, was as far already.
    """
    namespace = obj.metadata.namespace
    try:
        reply = await services.kube.create(NUMBER_CLAIMS, namespace, claim_body(obj, want, action))
    except AlreadyExists:
        reply = await services.kube.get(NUMBER_CLAIMS, namespace, action.name)
    services.fleet.learn("NumberClaim", reply)
    claim = project_claim(reply)
    log.info("rotation set claims a number", set=obj.key, claim=claim.key)
    return claim.is_of(obj.metadata.uid)


def claim_body(obj: RotationSet, want: RotationWant, action: CreateClaim) -> dict[str, Any]:
    """The claim as it is created: the set owns it, and it goes when the set goes."""
    meta, (pool_namespace, pool) = obj.metadata, action.pool
    ref = {"name": pool} | ({"namespace": pool_namespace} if pool_namespace != meta.namespace else {})
    region = {REGION_LABEL: action.region} if action.region else {}
    first, *others = action.area_codes or (None,)
    # On demand, so that the pool orders for a whole set at once, and keeps its own target for others.
    spec: dict[str, Any] = {"poolRef": ref, "capabilities": [str(want.channel)], "onNoStock": "Order"}
    if first:
        spec["areaCode"] = first
    if others:
        spec["wishes"] = [{"areaCode": code} for code in others]
    if want.routing_profile:
        spec["routingProfileRef"] = {"name": want.routing_profile}
    return {
        "metadata": {
            "name": action.name,
            "namespace": meta.namespace,
            "labels": {SET_LABEL: meta.name, **region},
            "ownerReferences": [owner_reference(obj)],
        },
        "spec": spec,
    }


async def _mark(services: Services, obj: RotationSet, name: str, body: dict[str, Any]) -> None:
    """Change one of the set's claims, as it was seen."""
    if claim := services.fleet.claim(obj.metadata.namespace, name):
        reply = await services.kube.patch(NUMBER_CLAIMS, claim.namespace, claim.name, body, claim.resource_version)
        services.fleet.learn("NumberClaim", reply)


async def _delete(services: Services, obj: RotationSet, name: str) -> None:
    """Delete one of the set's claims, as it was seen: one that has just been bound is looked at again first."""
    if claim := services.fleet.claim(obj.metadata.namespace, name):
        version = claim.resource_version
        await services.kube.delete(NUMBER_CLAIMS, claim.namespace, name, uid=claim.uid, resource_version=version)


async def _annotate(services: Services, obj: RotationSet, number: E164, quarantine: str | None) -> None:
    """Take a member out of use, or let it back."""
    held = next((one for _, one in _members(services, obj) if one and one.number == number), None)
    if held:
        body = {"metadata": {"annotations": {QUARANTINE: quarantine}}}
        reply = await services.kube.patch(PHONE_NUMBERS, held.namespace, held.name, body, held.resource_version)
        services.fleet.learn("PhoneNumber", reply)
