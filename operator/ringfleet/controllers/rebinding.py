"""Which number a claim had before, and whether a number's claim is really gone; the law is in `plan/rebinding.py`.

Here is only the looking. The write is one of the claim's own turn (`controllers/number_claim.py`); a number that is
to be taken up is left as it is by its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from ringfleet.api import RotationSet
from ringfleet.controllers.fleet import Fleet
from ringfleet.model import Capability, Phase
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.phone_number import NO_NOTES, NumberRecord, traits_of
from ringfleet.objects.rotation_set import pools_of
from ringfleet.plan.rebinding import ClaimBack, NumberBack, has_back, takes_up


def former_number(fleet: Fleet, claim: ClaimRecord) -> NumberRecord | None:
    """The number that was the claim's before, and is to be again; None when there is none.

    Should there be two, then the one that its status names, or the first by name: the other one rests. A copy of a
    number that is another object's is nobody's to take up.
    """
    found = [one for one in _candidates(fleet, claim) if fleet.owns(one)]
    return min(found, key=lambda one: ((one.namespace, one.name) != claim.bound, one.name), default=None)


def is_to_be_taken_up(fleet: Fleet, claim: ClaimRecord, record: NumberRecord) -> bool:
    """Whether the number, which names an earlier claim of that namespace and name, waits for the claim."""
    return takes_up(_claim_back(fleet, claim), _number_back(record, claim))


def heir_of(fleet: Fleet, claim: ClaimRecord) -> RotationSet | None:
    """The rotation set that takes over the number of a claim which another set of its name has owned; None when the
    claim is free to go.

    Such a set was restored, or replaced; the garbage collector deletes its claims, for the owner they name is gone.
    """
    rotation = claim.rotation
    if rotation is None or rotation.owner is None or not numbers_held(fleet, claim):
        return None
    found = fleet.get(RotationSet, claim.namespace, rotation.name)
    if found is None or found.metadata.deletion_timestamp or found.metadata.uid == rotation.owner:
        return None
    wanted = Capability(found.spec.channel) in claim.capabilities and claim.pool in pools_of(found)
    return found if wanted else None


def numbers_held(fleet: Fleet, claim: ClaimRecord) -> list[NumberRecord]:
    """The numbers that name the claim, by its uid or by that of the one that was backed up."""
    return fleet.numbers_of(claim) + fleet.numbers_of_namesake(claim)


def _candidates(fleet: Fleet, claim: ClaimRecord) -> Iterator[NumberRecord]:
    namesakes = fleet.numbers_of_namesake(claim)
    told = fleet.number(*claim.bound) if claim.bound else None
    let_go = [told] if told and told.claim is None else []
    if namesakes or let_go:
        back = _claim_back(fleet, claim)
        yield from (one for one in namesakes if takes_up(back, _number_back(one, claim)))
        yield from (one for one in let_go if has_back(back, _number_back(one, claim)))


def _claim_back(fleet: Fleet, claim: ClaimRecord) -> ClaimBack:
    return ClaimBack(
        place=ObjectRef(claim.namespace, claim.name),
        pool=claim.pool,
        named=claim.named,
        bound=claim.bound,
        ask=claim.ask,
        holds=bool(fleet.numbers_of(claim)),
        deleting=claim.deleting,
        tenant=claim.tenant,
    )


def _number_back(record: NumberRecord, claim: ClaimRecord) -> NumberBack:
    rests = record.state.phase in (Phase.AVAILABLE, Phase.BOUND, Phase.COOLING)
    return NumberBack(
        place=ObjectRef(record.namespace, record.name),
        pool=ObjectRef(record.namespace, record.pool) if record.pool else None,
        traits=traits_of(record, claim.ask.must_codes) if record.capabilities else None,
        tenant=record.claim.tenant if record.claim else None,
        last=record.last_claim.place if record.last_claim else None,
        usable=rests and record.notes == NO_NOTES and not (record.deleting or record.observed or record.suspended),
    )
