"""What is wished for one number: gathered from its spec, its claim, its pool, its quotas and what people wrote on it.

Here is only the looking; what follows from it is decided in `plan/phone_number/plan.py` and
`plan/phone_number/removal.py`.
"""

from __future__ import annotations

from datetime import datetime

from ringfleet.api import CarrierAccount, NumberPool
from ringfleet.api.number_pool import DriftPolicy
from ringfleet.controllers.bundle_attachments import newer_revision_for
from ringfleet.controllers.bundle_readiness import documents_for, registration_for
from ringfleet.controllers.services import Services
from ringfleet.model import Capability
from ringfleet.model.policy import DeletionPolicy, SuspendBy
from ringfleet.objects.phone_number import NO_NOTES, Labels, NumberRecord
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.phone_number.case import DesiredNumber, Leaving
from ringfleet.plan.phone_number.documents import last_refusal
from ringfleet.plan.phone_number.emergency import may_ask_again
from ringfleet.plan.phone_number.removal import Bearing, Farewell, Going, PoolPolicy, Way, plan_going


def labels_wanted(services: Services, record: NumberRecord) -> Labels:
    """What the number is to be labelled with, by its spec and its claim; a claim that is out of sight changes none."""
    rotation = record.labels.rotation_set
    if record.claim is None:
        rotation = None
    elif claim := services.fleet.claim_of(record):
        rotation = claim.rotation.name if claim.rotation else None
    return Labels(record.account.name, record.pool, rotation)


def number_want(services: Services, record: NumberRecord) -> DesiredNumber:
    """What a number should be."""
    pool = services.fleet.pool_of(record)
    stop_reasons, countries = stops(services, record), _emergency_countries(services, record)
    return DesiredNumber(
        number=record.number,
        routing=services.fleet.routing_want(record),
        repair=pool is None or pool.spec.drift_policy is DriftPolicy.REPAIR,
        observed=record.observed,
        bound=record.claim is not None,
        resting=services.fleet.rests_until(record) is not None,
        stop_reasons=stop_reasons,
        stopped_by_wish=record.suspended and len(stop_reasons) == 1,
        stop_by=_stop_by(services, record),
        quarantine=record.notes.quarantine,
        label=_label(services, record),
        of_set=record.claim is not None and record.claim.rotation is not None,
        leaving=leaving(services, record),
        lost=services.accounts.is_lost(record.account, record.number),
        lost_to=services.accounts.lost_to(record.account, record.number),
        installation=services.installation,
        taken_by=services.fleet.taken_by(record, record.state.foreign_mark),
        pool_deleted=record.pool is not None and pool is None,
        documents=documents_for(services, record),
        newer_revision=newer_revision_for(services, record),
        registration=registration_for(services, record),
        last_refusal=last_refusal(record.state.refused, services.clock()),
        emergency=services.emergency.want(record),
        emergency_countries=countries,
        emergency_said=_emergency_said(record) if countries is None else None,
        emergency_again=may_ask_again(record.state.emergency.refused, services.clock()),
        calls=Capability.VOICE in record.capabilities if record.capabilities else None,
        country=record.country,
    )


def _emergency_said(record: NumberRecord) -> Condition | None:
    """What its status says of its emergency address; None: nothing that this version knows."""
    said = record.emergency
    if said is None or said.reason not in _REASONS:
        return None
    return Condition("EmergencyAddressReady", said.status == "True", Reason(said.reason), said.message)


_REASONS = frozenset(Reason)


def _emergency_countries(services: Services, record: NumberRecord) -> tuple[str, ...] | None:
    account = services.accounts.get(record.account)
    return account.carrier.abilities.emergency if account else None


def _label(services: Services, record: NumberRecord) -> str | None:
    """The label that is shown for the number: as is about to be written, or as its status has it."""
    heard = services.health.get(record.place)
    return heard.label if heard else record.spam_label


def stops(services: Services, record: NumberRecord) -> tuple[str, ...]:
    """Every reason to let no traffic through, a sentence each."""
    reasons = services.quotas.stops(record)
    if record.suspended:
        reasons.append("spec.suspend of the number says so.")
    if (claim := services.fleet.claim_of(record)) and claim.suspended:
        reasons.append(f"Its claim {claim.key} is suspended (spec.suspend).")
    if record.notes.fraud:
        reasons.append(f"Marked as fraud (annotation ringfleet.dev/fraud): {record.notes.fraud}.")
    return tuple(sorted(reasons))


def _stop_by(services: Services, record: NumberRecord) -> SuspendBy:
    account = services.fleet.get(CarrierAccount, record.account.namespace, record.account.name)
    return account.spec.suspend_by if account else SuspendBy.VERB


# Leaving.


def going(services: Services, record: NumberRecord) -> Going | None:
    """Whether the number was asked to go, and how. Most were not, which is seen at a glance."""
    pool = services.fleet.pool_of(record)
    if not record.deleting and record.notes is NO_NOTES and (pool is None or not pool.metadata.deletion_timestamp):
        return None
    bearing = Bearing(
        asked=record.notes.asked,
        surplus=record.notes.surplus,
        deleting=record.deleting,
        release_on_deletion=record.release_on_deletion,
        claim=f"{record.claim.namespace}/{record.claim.name}" if record.claim else None,
        protected=record.protected,
        observed=record.observed,
        ending=record.deleting and services.namespaces.is_ending(record.namespace),
    )
    return plan_going(bearing, _policy(pool) if pool else None)


def _policy(pool: NumberPool) -> PoolPolicy:
    release = pool.spec.release
    deleted = pool.metadata.deletion_timestamp is not None and pool.spec.deletion_policy is DeletionPolicy.RELEASE
    return PoolPolicy(release.mode, release.hold, deleted)


def farewell(services: Services, record: NumberRecord, now: datetime) -> Farewell | None:
    """Since when the number is on its way out, and until when at least. Another cause does not begin the hold anew."""
    asked = going(services, record)
    if asked is None or asked.obstacle:
        return None
    since = record.state.farewell.since if record.state.farewell else now
    return Farewell(asked.cause, since, (since + asked.hold).replace(microsecond=0))


def leaving(services: Services, record: NumberRecord) -> Leaving | None:
    """How far the number's leaving is, by its pool's record; without a pool, by a person's word on the number."""
    asked = going(services, record)
    if asked is None:
        return None
    pool = services.fleet.pool_of(record)
    if asked.obstacle:
        return Leaving(asked.way, asked.obstacle)
    if asked.way is Way.LEAVE:
        return Leaving(asked.way, granted=True)
    if freeze := services.fleet.freeze_of(record):
        return Leaving(asked.way, stopped=True, waits=f"It was asked to go and stays for now. {freeze.message}")
    if pool is None:
        return Leaving(asked.way, granted=record.notes.acknowledged, frozen=True, waits=_unpaced(record))
    release, notes = pool.status.release, pool.status.memory.release
    known = record.state.farewell
    frozen = release is not None and release.frozen_since is not None
    granted = notes is not None and not frozen and record.name in services.fleet.let_go_by(pool)
    granted = granted and known is not None and known.not_before <= services.clock()
    return Leaving(asked.way, None, granted, frozen, _waits(asked, record, frozen))


def _unpaced(record: NumberRecord) -> str:
    command, where = "kubectl ringfleet acknowledge", f"-n {record.namespace}"
    all_of_it = f", and all of that pool by `{command} --pool {record.pool} {where}`" if record.pool else ""
    return (
        "It is deleted, and its pool, which would see to it that not too many go at once, is gone. It is let go by "
        f"`{command} pn/{record.name} {where}`{all_of_it}."
    )


def _waits(asked: Going, record: NumberRecord, frozen: bool) -> str:
    if frozen:
        return (
            f"It was asked to go, and NumberPool {record.pool} lets no number go now: its condition ReleaseFrozen says "
            "why, and how to go on."
        )
    if asked.way is Way.LET_GO:
        return "It is deleted under deletionPolicy Retain: our mark comes off, and it stays in the carrier account."
    return (
        "It is to be given back to the carrier for good, after the hold of its pool and within its daily budget; "
        "take the request back to keep it."
    )
