"""Reconciling one claim: two writes bind it, and no carrier is called on the way.

::

    handed a number (controllers/claim_queue.py)
      1. PATCH the number's spec.claimRef, under its resourceVersion   refused (409): another number
      2. PATCH the claim's status, under its resourceVersion          unanswered: look before writing again
      later: the Secret or ConfigMap of writeTo; the event, as soon as no other claim is being bound

After the first write the claim has its number, whatever happens: a restart finds it by the claim's uid, on the number.
So a claim needs no finalizer: the number of one that was deleted names a uid that is no more, and is let go by its
claim's key when that was seen, else by its own turn (`controllers/phone_number.py`). Only the claims of a rotation set
carry one, from their creation (`controllers/set_inheritance.py`).
Should two operators have bound two numbers for one claim, the claim's status names the one that counts, and the other
one, of which nobody was told, goes back to the stock.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import structlog

from ringfleet.api.meta import CLAIM_FINALIZER, QUARANTINE, SET_LABEL, format_duration
from ringfleet.controllers.after_rush import put_off
from ringfleet.controllers.claimed_number import find_hindrance, said_of
from ringfleet.controllers.connection_secret import LOOK_AGAIN, TRY_AGAIN, places_of, wished_place, write_number
from ringfleet.controllers.rebinding import former_number, heir_of, is_to_be_taken_up
from ringfleet.controllers.services import Services
from ringfleet.controllers.status_writer import BINDER
from ringfleet.kube.errors import Conflict, KubeError, NotFound, Unavailable
from ringfleet.kube.events import EventType
from ringfleet.model.policy import OnNoStock
from ringfleet.objects.conditions import condition_patch, stamp
from ringfleet.objects.number_claim import ClaimRecord, project_claim, shown_of
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.refs import NUMBER_CLAIMS, PHONE_NUMBERS, Key
from ringfleet.plan.conditions import Condition, Reason, not_ready
from ringfleet.plan.former_holder import FormerHolder
from ringfleet.plan.rotation_set.plan import is_over_with_its_use

log = structlog.get_logger(__name__)


async def reconcile_claim(services: Services, key: Key) -> float | None:
    """Bind the claim, say how it stands, or unbind it. Returns the delay, in seconds, until it wants another turn."""
    await _let_go_of_departed(services, key)
    claim = services.fleet.claim(key.namespace, key.name)
    if claim is None:
        return None
    if claim.deleting:
        return await _let_go(services, claim)
    number = await committed(services, claim)
    claim = services.fleet.claim(key.namespace, key.name) or claim
    if number is None:
        try:
            number = await _bind(services, claim)
        except KubeError as error:
            if why := services.claim_queue.refused.get(claim.uid):
                await (_say_refused(services, claim, why) if claim.bound else _say_waiting(services, claim))
                error.told = True
            raise
        if number is None and services.claim_queue.assignment(claim):
            return 0.0
    if number is not None:
        return await _say_bound(services, claim, number)
    await (_say_broken(services, claim) if claim.bound else _say_waiting(services, claim))
    await _fit_guard(services, claim)
    return _look_at_place_again(services, claim)


def _look_at_place_again(services: Services, claim: ClaimRecord) -> float | None:
    """Seconds until a claim that waits looks where it stands in the queue: the sooner, the nearer it is to its turn, so
    that however long a queue is, hardly one of its claims is written a second."""
    place = services.claim_queue.place(claim)
    return None if place is None else min(place * _A_PLACE_S, _LONGEST_PLACE_S)


_A_PLACE_S = 10.0
_LONGEST_PLACE_S = 600.0


# Binding.


async def committed(services: Services, claim: ClaimRecord) -> NumberRecord | None:
    """The number that is bound to the claim already, by the copy or by a live look where the copy may be late.

    Two operators may have bound one each. Which of them it is, the claim's status says, and nothing else; until it
    does, both stay bound, for either operator may be about to write it.
    """
    held = services.fleet.numbers_of(claim)
    if claim.bound and all((one.namespace, one.name) != claim.bound for one in held):
        await look_at(services, *claim.bound)
        held = services.fleet.numbers_of(claim)
    elif claim.uid in services.claim_queue.unsure and (handed := services.claim_queue.assignment(claim)):
        await look_at(services, claim.pool.namespace, handed.name)
        held = services.fleet.numbers_of(claim)
    if len(held) > 1 and claim.bound is None:
        claim = await _read(services, claim)
    if claim.bound is None:
        return min(held, key=lambda one: one.name, default=None)
    for stray in held:
        if (stray.namespace, stray.name) != claim.bound:
            log.warning("a second number was bound to a claim", claim=claim.key, number=stray.name)
            await _patch_number(services, stray, {"claimRef": None})
    return next((one for one in held if (one.namespace, one.name) == claim.bound), None)


async def _read(services: Services, claim: ClaimRecord) -> ClaimRecord:
    """Read the claim live, past our copy."""
    with suppress(NotFound):
        services.fleet.learn("NumberClaim", await services.kube.get(NUMBER_CLAIMS, claim.namespace, claim.name))
    return services.fleet.claim(claim.namespace, claim.name) or claim


async def look_at(services: Services, namespace: str, name: str) -> bool:
    """Read a number live, past our copy; whether it is there."""
    try:
        services.fleet.learn("PhoneNumber", await services.kube.get(PHONE_NUMBERS, namespace, name))
    except NotFound:
        log.warning("a claim's number is gone", number=f"{namespace}/{name}")
        return False
    return True


async def _patch_number(
    services: Services, record: NumberRecord, spec: dict[str, Any], rotation: str | None = None, lifts: bool = False
) -> NumberRecord | None:
    """Change a number's spec, and which RotationSet it is labelled with, under its resourceVersion; the record as it
    is then. `lifts`: its quarantine is over.

    Raises:
        Conflict: the number has changed meanwhile.
    """
    namespace, name = record.namespace, record.name
    annotations = {"annotations": {QUARANTINE: None}} if lifts else {}
    body = {"metadata": {"labels": {SET_LABEL: rotation}, **annotations}, "spec": spec}
    reply = await services.kube.patch(PHONE_NUMBERS, namespace, name, body, record.resource_version, manager=BINDER)
    services.fleet.learn("PhoneNumber", reply)
    return services.fleet.number(namespace, name)


async def _bind(services: Services, claim: ClaimRecord) -> NumberRecord | None:
    """Write the claim on the number that it was handed; None when it has none, or can't have this one.

    Raises:
        KubeError: the write was refused. Unless it was not answered, the claim queue has noted why.
    """
    services.claim_queue.ask_again(claim)
    record = former_number(services.fleet, claim) or _handed(services, claim)
    if record is None or (not record.free and not await _is_there(services, claim)):
        return None
    try:
        bound = await bind(services, record, claim)
    except (Conflict, NotFound) as error:
        there = await look_at(services, record.namespace, record.name)
        if there and services.fleet.number(record.namespace, record.name) == record:
            _note_refusal(services, claim, record, error)  # nobody was faster: a policy says no in these words
            raise
        _ask_anew(services, claim, offers=there)
        return None
    except Unavailable:
        services.claim_queue.unsure.add(claim.uid)
        raise
    except KubeError as error:
        _note_refusal(services, claim, record, error)
        raise
    services.claim_queue.settle(claim)
    return bound


async def bind(services: Services, record: NumberRecord, claim: ClaimRecord) -> NumberRecord | None:
    """Write the claim on the number; the record as it is then.

    Whose it is stands on the number, for the claim may be gone before anybody guards it. Who had it before is forgotten
    then. Only what another rotation set has used it for today counts on: see
    `objects/rotation_set.py`.

    Raises:
        Conflict: the number has changed meanwhile.
    """
    holder, last = claim.holder, record.last_claim
    spec: dict[str, Any] = {"claimRef": {**_held_by(holder), "uid": claim.uid}}
    if last is None or last.rotation is None or last.rotation == holder.rotation:
        spec["lastClaimRef"] = None
    return await _patch_number(services, record, spec, claim.rotation.name if claim.rotation else None)


def _handed(services: Services, claim: ClaimRecord) -> NumberRecord | None:
    """The number that the claim queue has handed the claim. One that it can't have any more goes back."""
    handed = services.claim_queue.assignment(claim)
    if handed is None:
        return None
    record = services.fleet.number(claim.pool.namespace, handed.name)
    stays = record is None or not services.claim_queue.may_have(claim, record)
    if record is None or stays or services.claim_queue.obstacle(claim):
        _ask_anew(services, claim)
        return None
    return record


async def _is_there(services: Services, claim: ClaimRecord) -> bool:
    """Whether the claim is there, by a live look. A number that names another claim of its name may be bound to one
    that our copy has not seen yet: then it is our claim that is gone."""
    try:
        found = await services.kube.get(NUMBER_CLAIMS, claim.namespace, claim.name)
    except NotFound:
        return False
    return bool(found["metadata"]["uid"] == claim.uid)


def _note_refusal(services: Services, claim: ClaimRecord, record: NumberRecord, error: KubeError) -> None:
    """The binding is refused, and would be again at once: by a right, a rule or a policy."""
    why = f"The API server refuses to bind PhoneNumber {record.namespace}/{record.name} to the claim: {error}"
    services.claim_queue.refuse(claim, why)


def _ask_anew(services: Services, claim: ClaimRecord, offers: bool = True) -> None:
    """`offers`: the number that the claim was handed is offered to others. One that is gone is not, although our copy
    may have it still: it would be handed to one claim after another until the copy knows."""
    (services.claim_queue.give_up if offers else services.claim_queue.settle)(claim)
    services.claim_queue.reconsider([services.fleet.claim(claim.namespace, claim.name) or claim])


# Saying.


async def _say_bound(services: Services, claim: ClaimRecord, number: NumberRecord) -> float | None:
    """The second write; then what nobody waits for."""
    if _is_for_another_by_now(claim, number):
        number = await bind(services, number, claim) or number
    places = places_of(claim)
    noted = claim.bound is not None and places == claim.written_to
    hindrance = find_hindrance(services, number)
    refused = await write_number(services, claim, number, hindrance) if places and noted else None
    said = said_of(services, claim, number, hindrance, refused)
    patch: dict[str, Any] = {}
    if claim.phase != "Bound" or claim.bound is None:
        now = services.clock()
        patch = {
            "phase": "Bound",
            "phoneNumber": _bound_number(number),
            "boundAt": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "timeToBind": format_duration(_waited(services, claim, now)),
            "place": None,
        }
    elif shown_of(number) != claim.shown:
        patch = {"phoneNumber": _bound_number(number)}
    now_at = wished_place(claim) if noted and not refused else places
    if now_at != claim.written_to:
        patch["memory"] = {"writtenTo": [place._asdict() for place in now_at] or None}
    if await _write(services, claim, patch, said):
        if "boundAt" in patch:
            services.untold.add(claim.uid)
            put_off(services, Key("NumberClaim", claim.namespace, claim.name))
        return 0.0 if places else None
    await _follow_up(services, claim, said[0])
    return (TRY_AGAIN if refused else LOOK_AGAIN) if places else None


async def _follow_up(services: Services, claim: ClaimRecord, ready: Condition) -> None:
    """What nobody waits for: an event that tells of the binding, and the finalizer as it is to be."""
    untold = claim.uid in services.untold and ready.reason is Reason.BOUND
    if not untold and claim.guarded is claim.to_be_guarded:
        return
    if services.claim_queue.gives_way(claim):
        put_off(services, Key("NumberClaim", claim.namespace, claim.name))
        return
    await _fit_guard(services, claim)
    if untold:
        services.untold.discard(claim.uid)
        await services.status.announce(NUMBER_CLAIMS, claim, ready.reason, ready.message, EventType.NORMAL)


def _is_for_another_by_now(claim: ClaimRecord, number: NumberRecord) -> bool:
    """Whether the claim is for another tenant than when it was bound. Its number tells so: a claim that comes back from
    a backup takes its number up by that."""
    return number.claim is not None and number.claim.tenant not in (None, claim.tenant)


def _bound_number(number: NumberRecord) -> dict[str, Any]:
    place = {"namespace": number.namespace, "name": number.name, "number": number.number}
    return place | shown_of(number).as_status()


def _waited(services: Services, claim: ClaimRecord, now: datetime) -> timedelta:
    """How long the claim has waited. A creation time has whole seconds, so when we saw it come counts where we did."""
    return max(timedelta(), now - services.arrivals.pop(claim.uid, claim.created))


async def _fit_guard(services: Services, claim: ClaimRecord) -> None:
    """Take the finalizer off a claim that an earlier version has put it on, or that came back with it from a backup;
    put it on a set's."""
    claim = services.fleet.claim(claim.namespace, claim.name) or claim
    if claim.guarded is not claim.to_be_guarded:
        others = _other_finalizers(claim)
        await _set_finalizers(services, claim, (*others, CLAIM_FINALIZER) if claim.to_be_guarded else others)


async def _say_waiting(services: Services, claim: ClaimRecord) -> None:
    if claim.failed:
        return
    fails = claim.on_no_stock is OnNoStock.FAIL and services.claim_queue.bar(claim) is None
    said = services.claim_queue.waiting_conditions(claim)
    patch: dict[str, Any] = {}
    if (phase := "Failed" if fails else "Waiting") != claim.phase:
        patch["phase"] = phase
    if claim.ticket is None:
        patch["memory"] = {"ticket": claim.wish().ticket}
    if (place := services.claim_queue.place(claim)) != claim.place:
        patch["place"] = None if fails else place
    await _write(services, claim, patch, said)


async def _say_refused(services: Services, claim: ClaimRecord, why: str) -> None:
    """The number that its status names could not be bound to it again."""
    await _write(services, claim, {}, (not_ready(Reason.BINDING_REFUSED, why),))


async def _say_broken(services: Services, claim: ClaimRecord) -> None:
    """Its number was taken from it by force. A committed binding is not exchanged for another."""
    assert claim.bound
    message = (
        f"PhoneNumber {claim.bound.namespace}/{claim.bound.name}, which it held, is gone or was taken from it by hand: "
        "delete this claim and make another one."
    )
    await _write(services, claim, {}, (not_ready(Reason.NUMBER_MISSING, message),))


async def _write(
    services: Services, claim: ClaimRecord, patch: dict[str, Any], said: tuple[Condition, ...]
) -> dict[str, Any] | None:
    """Patch what has changed of the claim's status; the reply, None when there was nothing to write."""
    patch |= condition_patch(claim, said, services.clock())
    if not patch:
        return None
    return await services.status.patch(NUMBER_CLAIMS, claim, patch)


# Letting go.


async def _let_go(services: Services, claim: ClaimRecord) -> float | None:
    """Unbind its number, which rests from now on; then the claim may go."""
    services.claim_queue.give_up(claim)
    if claim.bound and not services.fleet.numbers_of(claim):
        await look_at(services, *claim.bound)
    if heir := heir_of(services.fleet, claim):
        services.queues.wake("RotationSet", heir.metadata.namespace, heir.metadata.name)
        return None  # it has its turn when the set has taken its number over
    for record in services.fleet.numbers_of(claim):
        await unbind(services, record, claim)
    if claim.guarded:
        await _set_finalizers(services, claim, _other_finalizers(claim))
    return None


def _other_finalizers(claim: ClaimRecord) -> tuple[str, ...]:
    return tuple(name for name in claim.finalizers if name != CLAIM_FINALIZER)


async def _let_go_of_departed(services: Services, key: Key) -> None:
    """Unbind the number of a claim of that name which was deleted; a live look says so once more."""
    for record in services.fleet.numbers_of_departed(key.namespace, key.name):
        if await claim_is_gone(services, record):
            await unbind(services, record, services.fleet.departed_holder(record))


async def unbind(services: Services, record: NumberRecord, claim: ClaimRecord | None = None) -> None:
    """Take the claim off a number. From `unboundAt` on it rests, and its people may have it back: all but those of a
    number that rests because it was seldom answered, who are not noted. `claim`: the one that holds it; None when it is
    not there any more, or not seen."""
    lifts = is_over_with_its_use(record.notes.quarantine)
    last = None if lifts else _last_claim(record, claim)
    spec = {"claimRef": None, "unboundAt": stamp(services.clock()), "lastClaimRef": last}
    try:
        await _patch_number(services, record, spec, lifts=lifts)
    except Conflict:
        await look_at(services, record.namespace, record.name)
        raise


async def rest_from_now(services: Services, record: NumberRecord) -> NumberRecord:
    """Let a number's rest begin now, of which a clock that was ahead has written that it begins later: it would last
    for as long as that clock was ahead.

    Raises:
        Conflict: the number has changed meanwhile.
    """
    return await _patch_number(services, record, {"unboundAt": stamp(services.clock())}) or record


def _last_claim(record: NumberRecord, claim: ClaimRecord | None) -> dict[str, str | None] | None:
    """Who held the number: the claim as it is, or as it was bound."""
    if record.claim is None:
        return None
    return _held_by(claim.holder if claim else record.claim.as_former)


def _held_by(holder: FormerHolder) -> dict[str, str | None]:
    """Each field of it, as a merge patch leaves the others as they were."""
    return {
        "namespace": holder.namespace,
        "name": holder.name,
        "tenant": holder.tenant,
        "rotationSet": holder.rotation,
    }


async def claim_is_gone(services: Services, record: NumberRecord) -> bool:
    """Whether the claim that a number names is not there any more, by a live look, and no other one of its namespace
    and name takes the number up, or leaves it to its rotation set. Of a claim that we have seen go nobody takes it up:
    it was deleted, and not restored under another uid."""
    assert record.claim
    try:
        found = await services.kube.get(NUMBER_CLAIMS, record.claim.namespace, record.claim.name)
    except NotFound:
        return True
    claim = project_claim(found)
    if claim.uid == record.claim.uid:
        return False
    if services.fleet.departed_holder(record):
        return True
    if is_to_be_taken_up(services.fleet, claim, record):
        return False
    return heir_of(services.fleet, claim) is None


async def _set_finalizers(services: Services, claim: ClaimRecord, names: tuple[str, ...]) -> None:
    with suppress(NotFound):
        await services.status.set_finalizers(NUMBER_CLAIMS, claim.namespace, claim.name, names, claim.resource_version)
