"""The documents of a number: the compliance bundle that it waits for, the bundle of who uses it, and a newer revision.

A number that waits is given the bundle as soon as a carrier has approved it. A number in service that carries a
superseded revision is given the approved one; it rings all the while. A carrier that refuses is asked again later.

A number that a claim with a bundle of its own has got is registered to that before anything else is done for the claim;
and when the claim is gone, to its pool's again, as soon as that can be: no tenant's documents stand for a number that
the tenant does not have.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ringfleet.model import AccountKey, HoldingStatus, Phase
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.compliance_bundle.selection import Ambiguous, Approved, BundleStanding, NoBundle, Rejected, Waiting
from ringfleet.plan.conditions import Condition, Reason, not_ready, stalled
from ringfleet.plan.phone_number.case import AttachRefusal, Case, Documents, NewerRevision, RefusedBundle
from ringfleet.plan.phone_number.phase import phase_meanwhile
from ringfleet.plan.phone_number.steps import Attach, Look, NumberPlan, through_carrier
from ringfleet.plan.waits import still_waits
from ringfleet.rate import backoff

FIRST_AGAIN, LAST_AGAIN = timedelta(seconds=15), timedelta(hours=1)
"""How long a carrier that refuses a bundle for a number is left alone: at first, and at last."""

_ASKED = "The carrier waits for identity or address documents."


def documents_by(standing: BundleStanding, account: AccountKey, tenants: ObjectRef | None = None) -> Documents:
    """What a number at the account waits for, by how its bundle stands there. `tenants`: the bundle, where it is that
    of a claim."""
    match standing:
        case Approved(bundle, external_id):
            said = f"ComplianceBundle {bundle} at {account}"
            return Documents(f"{bundle}: Approved", said, external_id, tenants=tenants)
        case Waiting(bundle, state, message):
            return Documents(f"{bundle}: {state}", message)
        case Rejected(bundle, message):
            return Documents(f"{bundle}: Rejected", message, stuck=True)
        case NoBundle(message) | Ambiguous(message):
            return Documents("no bundle", message, stuck=True)


def bundle_is_approved(case: Case) -> NumberPlan | None:
    """The number waits for documents, and does not carry the approved bundle: attach it, or say who refuses it."""
    known = case.desired.documents
    if case.status is not HoldingStatus.PENDING_DOCUMENTS or known is None or known.external_id is None:
        return None
    if case.state.attached == known.external_id:
        return None
    if (refusal := case.refusal_of(known.external_id)) and not refusal.due:
        message = f"{_ASKED} It does not take {known.message} for the number: {refusal.why} It is asked again."
        return _waits(Reason.ATTACH_REFUSED, message, known.waits_for)
    step = Attach(case.external_id, known.external_id, known.tenants)
    message = f"{known.message} is being attached."
    plan = through_carrier(case, step, Phase.PENDING_DOCUMENTS, Reason.PENDING_DOCUMENTS, message)
    return replace(plan, waits_for=known.waits_for)


def waits_for_documents(case: Case) -> NumberPlan | None:
    """The number waits for documents: a bundle is missing, is not approved, or is with the carrier."""
    if case.status is not HoldingStatus.PENDING_DOCUMENTS:
        return None
    known = case.desired.documents
    if known is None:
        return _waits(Reason.PENDING_DOCUMENTS, _ASKED)
    if known.external_id is None:
        plan = _waits(Reason.PENDING_DOCUMENTS, f"{_ASKED} {known.message}", known.waits_for)
        return _stuck(plan) if known.stuck else plan
    message = f"The carrier has {known.message} for the number, and is looking at it."
    return _waits(Reason.PENDING_DOCUMENTS, message, known.waits_for)


def _stuck(plan: NumberPlan) -> NumberPlan:
    said = plan.conditions[0]
    return replace(plan, conditions=(*plan.conditions, stalled(said.reason, said.message)))


def _waits(reason: Reason, message: str, waits_for: str | None = None) -> NumberPlan:
    return NumberPlan(Phase.PENDING_DOCUMENTS, (not_ready(reason, message),), waits_for=waits_for)


def note_refusal(before: RefusedBundle | None, external_id: str, code: str, now: datetime) -> RefusedBundle:
    """What to remember of a carrier that has just refused; it is asked ever more seldom, of another bundle at once."""
    times = before.times + 1 if before and before.external_id == external_id else 1
    again = now.replace(microsecond=0) + backoff(times, FIRST_AGAIN, LAST_AGAIN)
    return RefusedBundle(external_id, code, times, again)


def last_refusal(known: RefusedBundle | None, now: datetime) -> AttachRefusal | None:
    """What the carrier said last, as a rule may use it at this moment."""
    if known is None:
        return None
    why = f"it says {known.code}." if known.code else "it gives no reason that may be quoted."
    return AttachRefusal(known.external_id, why, due=not still_waits(known.again, now, LAST_AGAIN))


def registered_to_another(case: Case) -> NumberPlan | None:
    """The number is registered to the bundle of somebody who does not have it: register it to that of who does, or say
    what is in the way. A revision of the right one will do."""
    wanted, state = case.desired.registration, case.state
    if wanted is None or (state.registered == wanted.tenants and wanted.has(state.attached)):
        return None
    phase = phase_meanwhile(case.desired, state)
    if wanted.external_id is None:
        known = state.registered == wanted.tenants
        return None if known else NumberPlan(phase, (not_ready(wanted.reason, wanted.message),))
    if (refusal := case.refusal_of(wanted.external_id)) and not refusal.due:
        message = f"The carrier does not take {wanted.name} for the number: {refusal.why} It is asked again."
        return NumberPlan(phase, (not_ready(Reason.ATTACH_REFUSED, message),))
    step = Attach(case.external_id, wanted.external_id, wanted.tenants)
    message = f"The number is being registered to {wanted.name}."
    return through_carrier(case, step, phase, Reason.REGISTERING, message)


def revision_to_attach(case: Case) -> NewerRevision | None:
    """The approved revision that supersedes the one which the number carries; None when it carries no such one.

    A number that carries a bundle of somebody else's is left with it.
    """
    newer = case.desired.newer_revision
    return newer if newer and case.state.attached in newer.supersedes else None


def with_newer_revision(case: Case, newer: NewerRevision, plan: NumberPlan) -> NumberPlan | None:
    """The plan of a number with which all is done, and giving it the newer revision; None when nothing is to be added.

    Phase and readiness stay those of the plan. The carrier is looked at first: a bundle that another hand has given the
    number there since stays.
    """
    refusal = case.refusal_of(newer.external_id)
    said = (_outdated(newer, refusal),) if refusal else ()
    if case.account.blocked or (refusal and not refusal.due):
        return replace(plan, conditions=(*plan.conditions, *said)) if said else None
    step = Attach(case.external_id, newer.external_id, case.state.registered) if case.holding else Look()
    return replace(plan, conditions=(*plan.conditions, *said), step=step)


def _outdated(newer: NewerRevision, refusal: AttachRefusal) -> Condition:
    message = (
        f"The number keeps an older revision of {newer.name}, and works on: the carrier does not take the "
        f"approved one for it: {refusal.why} It is asked again."
    )
    return Condition("DocumentsOutdated", True, Reason.ATTACH_REFUSED, message)
