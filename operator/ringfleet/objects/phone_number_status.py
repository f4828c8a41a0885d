"""The status that is written of a PhoneNumber, as merge patches. Pure; `now` is timezone-aware UTC.

How a number is received is written only when it is news: there may be many numbers, and calls never end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ringfleet.model import Holding, Phase
from ringfleet.model.attestation import attestation_now
from ringfleet.model.campaign import CampaignSeat, says_more
from ringfleet.objects.conditions import condition_patch, stamp
from ringfleet.objects.phone_number import NumberRecord, unpack_step
from ringfleet.plan.phone_number.case import NO_EMERGENCY, NumberEmergency, NumberState, RefusedBundle, Routed
from ringfleet.plan.phone_number.history import Hands, by_whom
from ringfleet.plan.phone_number.removal import Farewell
from ringfleet.plan.phone_number.steps import NumberPlan
from ringfleet.plan.rotation_set.seen import HealthSeen, LastUse

MOVED = Decimal("0.05")
"""So far an answer rate must have moved to be written again."""
_HUNDREDTH = Decimal("0.01")


SELDOM = timedelta(hours=1)
"""How a number is used is written at most so often."""
A_WHILE = timedelta(days=1)
"""So much later the last traffic must be to be written again by itself."""


def is_news(record: NumberRecord, seen: HealthSeen, now: datetime) -> bool:
    """Whether it is worth a write: another label, a silence that has begun or ended; and, at most once an hour, an
    answer rate that has moved, a day that is over, traffic after a day, or twice or half as many open calls."""
    if seen.label != record.spam_label or (seen.last and seen.last.silent != record.idle_since):
        return True
    if record.usage_at and now - record.usage_at < SELDOM:
        return False
    over = seen.usage is not None and seen.usage.day != record.usage_day
    return over or _has_moved(record.answer_rate, seen.rate) or (seen.last is not None and _is_used(record, seen.last))


def _is_used(record: NumberRecord, last: LastUse) -> bool:
    """Whether the number is used otherwise than its status says."""
    if last.at and (record.last_traffic is None or last.at - record.last_traffic >= A_WHILE):
        return True
    return _told_lines(last.open_calls).bit_length() != record.open_calls.bit_length()


def _told_lines(open_calls: int) -> int:
    """One call comes and goes: two at once are the first that are told."""
    return open_calls if open_calls > 1 else 0


def _has_moved(written: Decimal | None, rate: float | None) -> bool:
    if rate is None:
        return False  # no calls for a while: what was seen last stands
    return written is None or abs(_rounded(rate) - written) >= MOVED


def _rounded(rate: float) -> Decimal:
    return Decimal(rate).quantize(_HUNDREDTH)


def health_patch(record: NumberRecord, attestation: str | None, seen: HealthSeen | None) -> dict[str, str | None]:
    """The merge patch for status.health; empty when it says all that already."""
    patch: dict[str, str | None] = {}
    if attestation != record.attestation:
        patch["attestation"] = attestation
    if seen is None:
        return patch
    if seen.label != record.spam_label:
        patch["spamLabel"] = seen.label
    if seen.rate is not None and _rounded(seen.rate) != record.answer_rate:
        patch["answerRate"] = f"{_rounded(seen.rate):f}"
    return patch


def number_patch(
    record: NumberRecord,
    plan: NumberPlan,
    holding: Holding | None,
    state: NumberState,
    life: Life,
    now: datetime,
    health: HealthSeen | None = None,
) -> dict[str, Any]:
    """The merge patch for a PhoneNumber's status; empty when it says all that already.

    `holding` is the carrier's latest word, None when there is none that is new; `state` what has been done to the
    number since it was read; `life` the times of its life beyond the carrier; `health` what the dispatcher knows of it,
    None when that is nothing new.
    """
    patch: dict[str, Any] = {}
    if plan.phase is not record.state.phase or not record.conditions:
        patch["phase"] = str(plan.phase)
        patch["history"] = _history(record, plan, life, now)
    if plan.drift != record.state.drift:
        patch["drift"] = plan.drift
    if state.routed != record.state.routed:
        patch["routing"] = _routing(state.routed, record.state.routed, now)
    if (state.stopped, state.parked) != (record.state.stopped, record.state.parked):
        patch["suspension"] = suspension(state)
    if state.foreign_mark != record.state.foreign_mark:
        patch["foreignMark"] = str(state.foreign_mark) if state.foreign_mark else None
    known = record.state
    if (plan.waits_for, *_papers(state)) != (known.waits_for, *_papers(known)):
        patch["documents"] = documents(plan.waits_for, state)
    if holding:
        patch |= _facts(record, holding)
    received = health_patch(record, attestation_now(holding, record.attestation), health)
    if received:
        patch["health"] = received
    if state.emergency != record.state.emergency:
        patch["emergency"] = emergency(state.emergency)
    if holding and holding.seat and says_more(holding.seat, record.seat):
        patch["campaign"] = _campaign(holding.seat, record.seat)
    if health and (used := _usage(record, health, "answerRate" in received, now)):
        patch["usage"] = used
    if health and health.last and health.last.silent != record.idle_since:
        patch["idleSince"] = stamp(health.last.silent) if health.last.silent else None
    return patch | _life(record, life) | condition_patch(record, plan.conditions, now)


def _campaign(seat: CampaignSeat, before: CampaignSeat | None) -> dict[str, str | None]:
    said: dict[str, str | None] = {"id": seat.campaign, "state": str(seat.state)}
    if seat.message or (before and before.message):
        said["message"] = seat.message or None
    return said


def _usage(record: NumberRecord, health: HealthSeen, rated: bool, now: datetime) -> dict[str, Any]:
    """`rated`: an answer rate is written."""
    used: dict[str, Any] = {}
    if health.usage and health.usage.day != record.usage_day:
        used |= {"day": health.usage.day, "calls": health.usage.calls, "messages": health.usage.messages}
    if (last := health.last) and last.at and last.at != record.last_traffic:
        used["lastTraffic"] = stamp(last.at)
    if last and _told_lines(last.open_calls) != record.open_calls:
        used["openCalls"] = _told_lines(last.open_calls)
    return used | {"at": stamp(now)} if used or rated else {}


STEPS_KEPT = 20
"""So many steps of a number's life are kept."""


def _history(record: NumberRecord, plan: NumberPlan, life: Life, now: datetime) -> list[dict[str, str]]:
    """The steps of the number's life, with the one that is being written. A list is written whole."""
    reason = next((str(said.reason) for said in plan.conditions if said.type == "Ready"), "")
    step = {"at": stamp(now), "phase": str(plan.phase), "reason": reason}
    if by := by_whom(record.state.phase, plan.phase, _hands(record, life)):
        step["by"] = " ".join(by.split())[:MOST_OF_A_NAME]
    before = [unpack_step(line) for line in record.history.splitlines()]
    return [*before, step][-STEPS_KEPT:]


MOST_OF_A_NAME = 256
"""Characters of who it was; anybody may write an annotation."""


def _hands(record: NumberRecord, life: Life) -> Hands:
    farewell = life.farewell or record.state.farewell
    return Hands(
        claim=f"{record.claim.namespace}/{record.claim.name}" if record.claim else None,
        last_claim=str(record.last_claim.place) if record.last_claim else None,
        pool=record.pool,
        cause=farewell.cause if farewell else None,
        quarantine=record.notes.quarantine,
        person=record.requested_by,
    )


def suspension(state: NumberState) -> dict[str, str] | None:
    """How the number's traffic is stopped; None: it is not."""
    if state.stopped is None:
        return None
    return {"by": str(state.stopped)} | ({} if state.parked is None else {"routing": state.parked})


@dataclass(frozen=True, slots=True)
class Life:
    """A number's times: until when it rests, since when it is free, and that it was asked to go."""

    cooling_until: datetime | None = None
    free_since: datetime | None = None
    farewell: Farewell | None = None


def _life(record: NumberRecord, life: Life) -> dict[str, Any]:
    patch: dict[str, Any] = {}
    if life.cooling_until != record.cooling_until:
        patch["coolingUntil"] = stamp(life.cooling_until) if life.cooling_until else None
    if life.free_since != record.free_since:
        patch["freeSince"] = stamp(life.free_since) if life.free_since else None
    if life.farewell != record.state.farewell:
        patch["farewell"] = _farewell(life.farewell)
    return patch


def _farewell(farewell: Farewell | None) -> dict[str, str] | None:
    if farewell is None:
        return None
    since, not_before = stamp(farewell.since), stamp(farewell.not_before)
    return {"since": since, "cause": str(farewell.cause), "notBefore": not_before}


def _routing(routed: Routed | None, before: Routed | None, now: datetime) -> dict[str, Any] | None:
    if routed is None:
        return None
    where: dict[str, Any] = {"calls": None if routed.calls else False, "messages": None if routed.messages else False}
    if routed.campaign or (before and before.campaign):
        where["campaign"] = routed.campaign
    if before and (routed.profile, routed.external_id) == (before.profile, before.external_id):
        return where
    if not routed.profile:
        return {"profile": None, "externalId": routed.external_id, "routedAt": None, **where}
    return {"profile": routed.profile, "externalId": routed.external_id, "routedAt": stamp(now), **where}


def _papers(state: NumberState) -> tuple[object, ...]:
    return (state.attached, state.registered, state.refused)


def documents(waits_for: str | None, state: NumberState) -> dict[str, Any] | None:
    """The number's documents; None: there is nothing to tell of them."""
    if not (waits_for or any(_papers(state))):
        return None
    registered = str(state.registered) if state.registered else None
    refused = _refused(state.refused)
    return {"waitsFor": waits_for, "attached": state.attached, "registeredTo": registered, "refused": refused}


def emergency(known: NumberEmergency) -> dict[str, Any] | None:
    """The number's emergency address; None: there is nothing to tell of it."""
    if known == NO_EMERGENCY:
        return None
    standing, refused = known.standing, known.refused
    return {
        "state": str(standing.state) if standing else None,
        "address": standing.address if standing else None,
        "reference": known.reference,
        "setTo": known.set_to,
        "setting": known.setting,
        "refused": refused
        and {
            "reference": refused.reference,
            "code": refused.code,
            "message": refused.message,
            "times": refused.times,
            "again": stamp(refused.again),
        },
    }


def _refused(refused: RefusedBundle | None) -> dict[str, Any] | None:
    if refused is None:
        return None
    again = stamp(refused.again)
    return {"bundle": refused.external_id, "code": refused.code, "times": refused.times, "again": again}


def _facts(record: NumberRecord, holding: Holding) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if holding.external_id != record.state.external_id:
        facts |= {
            "externalId": holding.external_id,
            "country": holding.country,
            "type": str(holding.type),
            "areaCode": holding.area_code,
            "region": holding.region,
        }
    if holding.capabilities and (facts or not record.capabilities):
        facts["capabilities"] = sorted(holding.capabilities)
    if (price := holding.price) and price != record.price:
        facts["price"] = {
            "monthly": f"{price.monthly.amount:f}",
            "setup": f"{price.setup.amount:f}",
            "currency": price.monthly.currency,
        }
    if holding.purchased_at and holding.purchased_at != record.purchased_at:
        facts["purchasedAt"] = stamp(holding.purchased_at)
    if holding.renews_at and holding.renews_at != record.renews_at:
        facts["renewsAt"] = stamp(holding.renews_at)
    if holding.documents_deadline or record.state.phase is Phase.PENDING_DOCUMENTS:
        facts["documentsDeadline"] = stamp(holding.documents_deadline) if holding.documents_deadline else None
    return facts
