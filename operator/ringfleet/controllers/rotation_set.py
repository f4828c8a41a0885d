"""One turn of a RotationSet: read it, gather its claims, pools and traffic, decide, write the status, act.

::

    the status is written first: it remembers which numbers are replaced, before any of them is
    then each action is one write: a claim created, marked or deleted, a number taken out of use or back

What meets another writer is left for the next turn. Numbers themselves are bound by their claims
(`controllers/number_claim.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import structlog

from ringfleet.api import NumberPool, RotationSet
from ringfleet.api.meta import DRAINING, QUARANTINE
from ringfleet.controllers.answer_rate import answer_rate_of
from ringfleet.controllers.dispatcher_client import Reading
from ringfleet.controllers.number_claim import look_at
from ringfleet.controllers.number_traffic import tell
from ringfleet.controllers.queues import LONGEST_SLEEP
from ringfleet.controllers.services import Services
from ringfleet.controllers.set_inheritance import inherit
from ringfleet.kube.errors import AlreadyExists, Conflict, NotFound
from ringfleet.model import E164, NumberType
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.conditions import stamp
from ringfleet.objects.number_claim import ClaimRecord, project_claim
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.refs import NUMBER_CLAIMS, PHONE_NUMBERS, Key
from ringfleet.objects.rotation_set import (
    claim_body,
    member_seen,
    people_of_set,
    pools_of,
    rotation_want,
    seat_seen,
    set_status,
    set_view,
)
from ringfleet.plan.rotation_set.decide import AGAIN, SetDecision, SetFacts, SetView, decide
from ringfleet.plan.rotation_set.guardrails import RotationWant
from ringfleet.plan.rotation_set.plan import (
    Action,
    CreateClaim,
    DeleteClaim,
    Drain,
    Keep,
    Quarantine,
    Reroute,
    Unquarantine,
)
from ringfleet.plan.rotation_set.roster import Sender, senders_of
from ringfleet.plan.rotation_set.seen import PoolSeen, RotationSeen

log = structlog.get_logger(__name__)


async def reconcile_set(services: Services, key: Key) -> float | None:
    """Take the set one step further. Returns seconds until its traffic is read again, or time changes something."""
    obj = services.fleet.get(RotationSet, key.namespace, key.name)
    if obj is None or obj.metadata.deletion_timestamp:
        services.dispatcher.forget(key.namespace, key.name)
        return None  # its claims go with it: the garbage collector sees to that, and their numbers rest
    await inherit(services, obj)
    view = set_view(obj)
    facts = await gather(services, obj, view)
    now = services.clock()
    decision = decide(view, facts, now)
    await services.status.write(obj, set_status(obj, facts, decision, now))
    _tell_numbers(services, obj, decision)
    actions, cut = _for_this_turn(decision.actions)
    done = [await _act(services, obj, decision.want, action) for action in actions]
    if cut or not all(done):
        return AGAIN
    return decision.requeue and min(decision.requeue, LONGEST_SLEEP.total_seconds())


MOST_CLAIMS = 100
"""So many claims a set makes in one turn: the next one obeys the spec as it is then, so that a size that was a mistake,
and is corrected at once, claims and orders no more than this."""


def _for_this_turn(actions: Sequence[Action]) -> tuple[list[Action], bool]:
    """What is done now, in its order, and whether claims are left for the next turn."""
    claims = [action for action in actions if isinstance(action, CreateClaim)]
    others = [action for action in actions if not isinstance(action, CreateClaim)]
    return others + claims[:MOST_CLAIMS], len(claims) > MOST_CLAIMS


def claims_to_make(services: Services, obj: RotationSet) -> list[dict[str, Any]]:
    """The claims that the set would make now, as it would create them; none while its spec makes no sense."""
    decision = decide(set_view(obj), see_set(services, obj, Reading()), services.clock())
    return [claim_body(obj, decision.want, one) for one in decision.actions if isinstance(one, CreateClaim)]


# Looking.


async def gather(services: Services, obj: RotationSet, view: SetView) -> SetFacts:
    """All that the set's turn depends on. Whatever awaits comes first, so the rest is of one moment."""
    reading = await services.dispatcher.read(obj.metadata.namespace, obj.metadata.name, view.want.channel)
    for claim, number in _members(services, obj):
        if claim.bound and number is None:  # gone, or our copy of the numbers is late
            await look_at(services, *claim.bound)
    return see_set(services, obj, reading)


def see_set(services: Services, obj: RotationSet, reading: Reading) -> SetFacts:
    """The set's claims with their numbers, and its pools, as they are known now; its traffic as it was read."""
    members, namespace = _members(services, obj), obj.metadata.namespace
    pools = {place: services.fleet.get(NumberPool, *place) for place in pools_of(obj)}
    seen = RotationSeen(
        seats=tuple(seat_seen(claim, number) for claim, number in members),
        taken=frozenset(claim.name for claim in services.fleet.claims.by("namespace", namespace)),
        pools={place: _pool(services, obj, pool) for place, pool in pools.items() if pool},
        usage=reading.usage,
        unknown=reading.unknown,
        blind_since=reading.blind_since,
        split=reading.split,
        frozen=_frozen(services, members),
        senders=tuple(_senders(services, obj)),
    )
    whole = answer_rate_of(services, obj)
    return SetFacts(seen, reading.ended, whole, services.dispatcher.interval)


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


def _frozen(services: Services, members: Members) -> str | None:
    """Why no number of the set may be picked: everything is frozen, or each of its numbers is."""
    if freeze := services.fleet.freeze(None, None):
        return freeze.message
    freezes = [services.fleet.freeze_of(number) for _, number in members if number]
    return freezes[0].message if all(freezes) and freezes and freezes[0] else None


def _senders(services: Services, obj: RotationSet) -> Iterator[Sender]:
    """The numbers that other sets of its campaign send from."""
    campaign = rotation_want(obj).campaign
    for other in services.fleet.all_in(obj.metadata.namespace, RotationSet) if campaign else ():
        want = rotation_want(other)
        if want.campaign == campaign and other.metadata.uid != obj.metadata.uid:
            held = _members(services, other)
            yield from senders_of(want, [member_seen(claim, number) for claim, number in held if number])


def _pool(services: Services, obj: RotationSet, pool: NumberPool) -> PoolSeen:
    meta = pool.metadata
    place = ObjectRef(meta.namespace, meta.name)
    own = services.claim_queue.stock(place).formerly(people_of_set(obj))
    market = pool.spec.market
    toll_free = market.type is NumberType.TOLL_FREE
    return PoolSeen(market.country, services.fleet.free_in_pool(place), own, toll_free)


# Acting.


def _tell_numbers(services: Services, obj: RotationSet, decision: SetDecision) -> None:
    """Let numbers say how they are received, where that is news. Their own reconcile writes it."""
    for _, number in _members(services, obj):
        if number and (heard := decision.health.get(number.number)):
            tell(services, number, heard)


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
