"""The claims that an earlier rotation set of the same name has left, and their numbers: the set that is there has them.

::

    the set came back from a backup, or was replaced: its claims name an owner that is no more
      a claim that stays                            -> names the set that is there as its owner
      one that the garbage collector is deleting    -> 1. a claim in its place, for its number by name
                                                       2. PATCH the number's claimRef to that claim
                                                       3. the old one, which has no number any more, goes

Dying between any two is no harm: a claim in place is found by the number that it asks for. A claim that only bears the
set's label is not taken: anybody may write that.
"""

from __future__ import annotations

import structlog

from ringfleet.api import RotationSet
from ringfleet.api.meta import CLAIM_FINALIZER, DRAINING, REGION_LABEL, SET_LABEL
from ringfleet.controllers.number_claim import bind
from ringfleet.controllers.rebinding import heir_of, numbers_held
from ringfleet.controllers.services import Services
from ringfleet.kube.transport import Json
from ringfleet.objects.number_claim import ClaimRecord, project_claim
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.refs import NUMBER_CLAIMS
from ringfleet.objects.rotation_set import owner_reference
from ringfleet.plan.rotation_set.plan import next_name

log = structlog.get_logger(__name__)


async def inherit(services: Services, obj: RotationSet) -> None:
    """Take over what an earlier set of this name has left.

    Raises:
        Conflict: a claim or a number has changed meanwhile; the next turn goes on.
    """
    for claim in services.fleet.claims_of_set(obj.metadata.namespace, obj.metadata.name):
        if heir_of(services.fleet, claim) is not obj:
            continue
        if not claim.deleting:
            await _adopt(services, obj, claim)
            continue
        for record in numbers_held(services.fleet, claim):
            await _succeed(services, obj, claim, record)
        services.queues.wake_claim(claim)


async def _adopt(services: Services, obj: RotationSet, claim: ClaimRecord) -> None:
    live = await services.kube.get(NUMBER_CLAIMS, claim.namespace, claim.name)
    others = [ref for ref in live["metadata"].get("ownerReferences", ()) if not ref.get("controller")]
    body = {"metadata": {"ownerReferences": [owner_reference(obj), *others]}}
    reply = await services.kube.patch(NUMBER_CLAIMS, claim.namespace, claim.name, body, claim.resource_version)
    services.fleet.learn("NumberClaim", reply)
    log.warning("claim of an earlier set taken over", set=obj.key, claim=claim.key)


async def _succeed(services: Services, obj: RotationSet, claim: ClaimRecord, record: NumberRecord) -> None:
    """Let another claim hold the number. It never rests, for its set has never let it go."""
    siblings = services.fleet.claims_of_set(obj.metadata.namespace, obj.metadata.name)
    ours = (one for one in siblings if one.is_of(obj.metadata.uid) and not one.deleting)
    successor = next((one for one in ours if one.named == record.name), None)
    if successor is None:
        live = await services.kube.get(NUMBER_CLAIMS, claim.namespace, claim.name)
        reply = await services.kube.create(NUMBER_CLAIMS, claim.namespace, _body(services, obj, live, record))
        services.fleet.learn("NumberClaim", reply)
        successor = project_claim(reply)
    await bind(services, record, successor)
    log.warning("number of a claim that goes taken over", set=obj.key, claim=claim.key, successor=successor.key)


def _body(services: Services, obj: RotationSet, claim: Json, record: NumberRecord) -> Json:
    """The claim in the place of `claim`, for its very number."""
    meta = claim["metadata"]
    labels, notes = meta.get("labels") or {}, meta.get("annotations") or {}
    taken = frozenset(one.name for one in services.fleet.claims.by("namespace", obj.metadata.namespace))
    return {
        "metadata": {
            "name": next_name(obj.metadata.name, labels.get(REGION_LABEL), taken),
            "labels": {key: labels[key] for key in (SET_LABEL, REGION_LABEL) if key in labels},
            "annotations": {key: notes[key] for key in (DRAINING,) if key in notes},
            "ownerReferences": [owner_reference(obj)],
            "finalizers": [CLAIM_FINALIZER],
        },
        "spec": {**claim["spec"], "phoneNumberName": record.name, "onNoStock": "Wait"},
    }
