"""One turn of a ProxyService: read it, gather its claims, pools and sessions, decide, write the status, act.

As with a rotation set, the status is written first, and then each action is one write: a claim created, marked or
deleted. Numbers are bound by their claims (`controllers/number_claim.py`); sessions are the dispatcher's.
"""

from __future__ import annotations

from typing import Any

import structlog

from ringfleet.api import NumberPool, ProxyService
from ringfleet.api.meta import DRAINING
from ringfleet.controllers.dispatcher_client import Unreadable
from ringfleet.controllers.number_claim import look_at
from ringfleet.controllers.queues import LONGEST_SLEEP
from ringfleet.controllers.services import Services
from ringfleet.kube.errors import AlreadyExists, Conflict, NotFound
from ringfleet.objects.conditions import stamp
from ringfleet.objects.number_claim import ClaimRecord, project_claim
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.proxy_service import claim_body, claim_seen, proxy_want, service_status
from ringfleet.objects.refs import NUMBER_CLAIMS, Key
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.proxy_service.plan import (
    Action,
    CreateClaim,
    DeleteClaim,
    Drain,
    Keep,
    PoolSeen,
    ProxyWant,
    Reroute,
    ServiceSeen,
    SessionsSeen,
    plan_service,
)
from ringfleet.plan.proxy_service.report import service_conditions, sessions_unknown

log = structlog.get_logger(__name__)

AGAIN = 1.0
"""Seconds until another look when a write met another writer, or claims are left to make."""
MOST_CLAIMS = 100
"""So many claims a service makes in one turn: a size that was a mistake, and is corrected at once, orders no more."""


async def reconcile_service(services: Services, key: Key) -> float | None:
    """Take the service one step further. Returns seconds until its sessions are read again."""
    obj = services.fleet.get(ProxyService, key.namespace, key.name)
    if obj is None or obj.metadata.deletion_timestamp:
        return None  # its claims go with it: the garbage collector sees to that, and their numbers rest
    want = proxy_want(obj)
    seen = await gather(services, want)
    plan = plan_service(want, seen)
    said = service_conditions(want, seen, plan)
    await services.status.write(obj, service_status(obj, seen, plan, said, services.clock()))
    creates = [action for action in plan.actions if isinstance(action, CreateClaim)]
    others = [action for action in plan.actions if not isinstance(action, CreateClaim)]
    done = [await _act(services, obj, want, action) for action in (*others, *creates[:MOST_CLAIMS])]
    if len(creates) > MOST_CLAIMS or not all(done):
        return AGAIN
    again = seen.read_again
    return None if again is None else max(AGAIN, min(again, LONGEST_SLEEP.total_seconds()))


# Looking.


async def gather(services: Services, want: ProxyWant) -> ServiceSeen:
    """All that the service's turn depends on. Whatever awaits comes first, so the rest is of one moment."""
    sessions, unknown = await _read(services, want)
    for claim, number in _members(services, want):
        if claim.bound and number is None:  # gone, or our copy of the numbers is late
            await look_at(services, *claim.bound)
    return see_service(services, want, sessions, unknown)


def see_service(
    services: Services, want: ProxyWant, sessions: SessionsSeen | None = None, unknown: Condition | None = None
) -> ServiceSeen:
    """The service's claims with their numbers, and its pools, as they are known now; its sessions as they were read."""
    pools = {place: services.fleet.get(NumberPool, *place) for place in want.pools}
    members = _members(services, want)
    return ServiceSeen(
        claims=tuple(claim_seen(claim, number, _country(services, claim)) for claim, number in members),
        taken=frozenset(claim.name for claim in services.fleet.claims.by("namespace", want.namespace)),
        pools={
            place: PoolSeen(pool.spec.market.country, services.fleet.free_in_pool(place))
            for place, pool in pools.items()
            if pool
        },
        sessions=sessions,
        unknown=unknown,
        read_again=services.dispatcher.interval,
    )


def claims_of_service(services: Services, obj: ProxyService) -> list[dict[str, Any]]:
    """The claims that the service would make now, as it would create them, by the load that it expects."""
    want = proxy_want(obj)
    actions = plan_service(want, see_service(services, want)).actions
    return [claim_body(obj, want, one) for one in actions if isinstance(one, CreateClaim)]


NO_DISPATCHER = sessions_unknown(Reason.NO_DISPATCHER, "No dispatcher is known to the operator (RINGFLEET_DISPATCHER).")


async def _read(services: Services, want: ProxyWant) -> tuple[SessionsSeen | None, Condition | None]:
    """The service's sessions, or what it says while they are not known."""
    if not services.dispatcher.is_there:
        return None, NO_DISPATCHER
    try:
        return await services.dispatcher.read_sessions(want.namespace, want.name), None
    except Unreadable as error:
        log.warning("sessions of a proxy service not read", service=want.key, error=str(error))
        return None, sessions_unknown(Reason.DISPATCHER_UNAVAILABLE, str(error))


def _country(services: Services, claim: ClaimRecord) -> str:
    """That of the claim's pool; empty: there is no such pool."""
    pool = services.fleet.get(NumberPool, *claim.pool)
    return pool.spec.market.country if pool else ""


def _members(services: Services, want: ProxyWant) -> list[tuple[ClaimRecord, NumberRecord | None]]:
    """The claims that the service owns, each with the number that it holds."""
    claims = services.fleet.claims_of_service(want.namespace, want.name)
    ours = sorted((claim for claim in claims if claim.is_of_service(want.uid)), key=lambda claim: claim.name)
    return [(claim, _number(services, claim)) for claim in ours]


def _number(services: Services, claim: ClaimRecord) -> NumberRecord | None:
    """The number that the claim holds; should there be two, the one that its status names."""
    held = [one for one in services.fleet.numbers_of(claim) if services.fleet.owns(one)]
    return min(held, key=lambda one: ((one.namespace, one.name) != claim.bound, one.name), default=None)


# Acting.


async def _act(services: Services, obj: ProxyService, want: ProxyWant, action: Action) -> bool:
    """Take one action; False when another writer was there first."""
    try:
        match action:
            case CreateClaim():
                return await _create(services, obj, want, action)
            case Drain(name):
                await _mark(services, want, name, {"metadata": {"annotations": {DRAINING: stamp(services.clock())}}})
            case Keep(name):
                await _mark(services, want, name, {"metadata": {"annotations": {DRAINING: None}}})
            case Reroute(name, profile):
                ref = {"name": profile} if profile else None
                await _mark(services, want, name, {"spec": {"routingProfileRef": ref}})
            case DeleteClaim(name):
                await _delete(services, want, name)
    except (Conflict, NotFound):
        return False
    log.info("proxy service changed", service=want.key, action=type(action).__name__)
    return True


async def _create(services: Services, obj: ProxyService, want: ProxyWant, action: CreateClaim) -> bool:
    """Create a claim; False when somebody else has one of that name. The next turn goes around it. One that the service
    has made before is as good."""
    try:
        reply = await services.kube.create(NUMBER_CLAIMS, want.namespace, claim_body(obj, want, action))
    except AlreadyExists:
        reply = await services.kube.get(NUMBER_CLAIMS, want.namespace, action.name)
    services.fleet.learn("NumberClaim", reply)
    claim = project_claim(reply)
    log.info("proxy service claims a number", service=want.key, claim=claim.key)
    return claim.is_of_service(want.uid)


async def _mark(services: Services, want: ProxyWant, name: str, body: dict[str, Any]) -> None:
    """Change one of the service's claims, as it was seen."""
    if claim := services.fleet.claim(want.namespace, name):
        reply = await services.kube.patch(NUMBER_CLAIMS, claim.namespace, claim.name, body, claim.resource_version)
        services.fleet.learn("NumberClaim", reply)


async def _delete(services: Services, want: ProxyWant, name: str) -> None:
    """Delete one of the service's claims, as it was seen: one that has just been bound is looked at again first."""
    if claim := services.fleet.claim(want.namespace, name):
        version = claim.resource_version
        await services.kube.delete(NUMBER_CLAIMS, claim.namespace, name, uid=claim.uid, resource_version=version)
