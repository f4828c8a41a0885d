"""From plans to the status that is written: what each kind says of itself. Pure; `now` is timezone-aware UTC."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ringfleet.api.meta import POOL_LABEL, AccountRef, Condition, LocalRef
from ringfleet.api.number_order import (
    Approval,
    NumberOrder,
    NumberOrderSpec,
    NumberOrderStatus,
    OrderCost,
    OrderCounts,
    OrderItem,
    OrderLimits,
    OrderPhase,
    Source,
)
from ringfleet.api.number_pool import (
    CarrierMemory,
    NumberPool,
    NumberPoolStatus,
    PoolCost,
    PoolNumbers,
    TopUpStatus,
)
from ringfleet.model import Holding, ItemState, Money, Phase
from ringfleet.objects.conditions import merge_conditions, stamp
from ringfleet.objects.phone_number import ConditionSeen, NumberRecord
from ringfleet.objects.phone_number_status import HealthSeen, health_patch
from ringfleet.plan.conditions import Condition as Said
from ringfleet.plan.number_order import Done, Item, OrderState, OrderWant, Step, Wait, order_conditions
from ringfleet.plan.number_pool.plan import PoolPlan, PoolWant
from ringfleet.plan.number_pool.topup import CarrierMemory as Memory
from ringfleet.plan.number_pool.topup import OrderIntent, TopUp
from ringfleet.plan.phone_number.plan import NumberPlan, NumberState, Routed
from ringfleet.plan.phone_number.removal import Farewell


def conditions(old: Iterable[Condition], said: Iterable[Said], generation: int, now: datetime) -> tuple[Condition, ...]:
    """The conditions to write, each keeping its time while its status stays."""
    merged = merge_conditions([condition.as_dict() for condition in old], said, generation, now)
    return tuple(Condition.model_validate(condition) for condition in merged)


def order_spec(pool: NumberPool, want: PoolWant, intent: OrderIntent) -> NumberOrderSpec:
    """The spec of the order that an intent means: the same intent makes the same order."""
    limits = want.limits
    return NumberOrderSpec(
        pool_ref=LocalRef(name=want.name),
        account_ref=AccountRef(name=intent.account.name, namespace=intent.account.namespace),
        sequence=intent.sequence,
        market=pool.spec.market,
        count=intent.count,
        limits=OrderLimits(
            max_monthly_price=limits.max_monthly and limits.max_monthly.amount,
            max_setup_price=limits.max_setup and limits.max_setup.amount,
            budget=intent.budget and intent.budget.amount,
            currency=limits.currency,
        ),
        routing_profile_ref=pool.spec.routing_profile_ref,
        compliance_bundle_ref=pool.spec.compliance_bundle_ref,
        approval=Approval.REQUIRED if want.manual else Approval.AUTOMATIC,
    )


def pool_status(pool: NumberPool, want: PoolWant, plan: PoolPlan, now: datetime) -> NumberPoolStatus:
    supply = plan.supply
    count = supply.phases
    return pool.status.model_copy(
        update={
            "observed_generation": pool.metadata.generation,
            "conditions": conditions(pool.status.conditions, plan.conditions, pool.metadata.generation, now),
            "numbers": PoolNumbers(
                total=supply.held,
                available=supply.available,
                ordering=supply.in_flight - count[Phase.PENDING_DOCUMENTS],
                pending_documents=count[Phase.PENDING_DOCUMENTS],
                bound=count[Phase.BOUND],
                cooling=count[Phase.COOLING],
                suspended=count[Phase.SUSPENDED],
                quarantined=count[Phase.QUARANTINED],
                releasing=count[Phase.RELEASING],
                lost=count[Phase.LOST],
                failed=count[Phase.FAILED],
            ),
            "supply": supply.total,
            "in_flight": supply.in_flight,
            "surplus": plan.surplus,
            "shortfall": plan.shortfall,
            "top_up": _top_up(pool, want, plan.top_up, now),
            "cost": PoolCost(
                monthly=supply.monthly.amount, reserved=supply.committed.amount, currency=supply.monthly.currency
            ),
            "replicas": supply.held,
            "selector": f"{POOL_LABEL}={want.name}",
        }
    )


def _top_up(pool: NumberPool, want: PoolWant, top_up: TopUp, now: datetime) -> TopUpStatus:
    waits = [memory.next_attempt for memory in top_up.carriers if memory.next_attempt and memory.next_attempt > now]
    return TopUpStatus(
        sequence=top_up.sequence,
        ordered=top_up.ordered,
        order=_intent_spec(pool, want, top_up),
        filling=top_up.filling or None,
        carriers=tuple(_memory(memory) for memory in top_up.carriers),
        next_attempt_time=min(waits, default=None),
    )


def _intent_spec(pool: NumberPool, want: PoolWant, top_up: TopUp) -> NumberOrderSpec | None:
    """The written intent stays as it was written; only a new one is made from the pool as it is now."""
    written = pool.status.top_up.order if pool.status.top_up else None
    if top_up.intent is None or (written and written.sequence == top_up.intent.sequence):
        return written
    return order_spec(pool, want, top_up.intent)


def _memory(memory: Memory) -> CarrierMemory:
    return CarrierMemory(
        namespace=memory.account.namespace,
        name=memory.account.name,
        sequence=memory.sequence,
        failures=memory.failures,
        reason=memory.reason,
        message=memory.message or None,
        next_attempt_time=memory.next_attempt,
    )


def order_status(
    order: NumberOrder, want: OrderWant, state: OrderState, step: Step, now: datetime
) -> NumberOrderStatus:
    said = order_conditions(want, state, step)
    old = order.status
    return NumberOrderStatus(
        observed_generation=order.metadata.generation,
        conditions=conditions(old.conditions, said, order.metadata.generation, now),
        phase=_phase(state, step),
        key=state.key or None,
        source=None if state.items is None else Source.CATALOG if state.from_catalog else Source.LIVE,
        items=None if state.items is None else tuple(_order_item(item) for item in state.items),
        counts=_counts(state),
        cost=_cost(want, state),
        attempts=state.attempts,
        next_attempt_time=state.next_attempt,
        last_error=state.last_error or None,
        recorded=state.recorded,
        failure=state.failure,
        message=state.message or None,
        started_at=old.started_at or now,
        completed_at=old.completed_at or (now if state.recorded else None),
    )


def _phase(state: OrderState, step: Step) -> OrderPhase:
    if isinstance(step, Wait) and step.reason == "AwaitingApproval":
        return OrderPhase.AWAITING_APPROVAL
    if state.items is None:
        return OrderPhase.SEARCHING
    if not isinstance(step, Done):
        return OrderPhase.SUBMITTING
    states = {item.state for item in state.items}
    if ItemState.PENDING_DOCUMENTS in states:
        return OrderPhase.PARKED
    return OrderPhase.COMPLETE if ItemState.PROVISIONED in states else OrderPhase.FAILED


def _order_item(item: Item) -> OrderItem:
    offer, outcome = item.offer, item.outcome
    return OrderItem(
        number=offer.number,
        state=item.state,
        token=offer.token or None,
        monthly=item.price.monthly.amount,
        setup=item.price.setup.amount,
        country=offer.country,
        type=offer.type,
        area_code=offer.area_code,
        region=offer.region,
        capabilities=tuple(sorted(offer.capabilities)),
        needs_documents=offer.needs_documents or None,
        external_id=outcome.external_id if outcome else None,
        reason=(outcome.reason or None) if outcome else None,
        message=(outcome.message or None) if outcome else None,
        renews_at=outcome.renews_at if outcome else None,
        documents_deadline=outcome.documents_deadline if outcome else None,
    )


def _counts(state: OrderState) -> OrderCounts:
    by_state = Counter(item.state for item in state.items or ())
    return OrderCounts(
        pending=by_state[ItemState.PENDING] + by_state[ItemState.SUBMITTING],
        provisioned=by_state[ItemState.PROVISIONED],
        pending_documents=by_state[ItemState.PENDING_DOCUMENTS],
        failed=by_state[ItemState.FAILED],
        unknown=by_state[ItemState.UNKNOWN],
    )


def _cost(want: OrderWant, state: OrderState) -> OrderCost | None:
    if state.items is None:
        return None
    currency = want.limits.currency
    counted = [item.price for item in state.items if item.state is not ItemState.FAILED]
    monthly = Money.total((price.monthly for price in counted), currency)
    setup = Money.total((price.setup for price in counted), currency)
    return OrderCost(monthly=monthly.amount, setup=setup.amount, currency=currency)


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
    if plan.drift != record.state.drift:
        patch["drift"] = plan.drift
    if state.routed != record.state.routed:
        patch["routing"] = _routing(state.routed, now)
    if state.stopped != record.state.stopped:
        patch["suspension"] = {"by": str(state.stopped)} if state.stopped else None
    if (plan.waits_for, state.attached) != (record.state.waits_for, record.state.attached):
        patch["documents"] = _documents(plan.waits_for, state.attached)
    if holding:
        patch |= _facts(record, holding)
    if received := health_patch(record, holding.attestation if holding else record.attestation, health):
        patch["health"] = received
    if health and health.usage and health.usage.day != record.usage_day:
        patch["usage"] = {"day": health.usage.day, "calls": health.usage.calls}
    return patch | _life(record, life) | condition_patch(record, plan.conditions, now)


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


class Recorded(Protocol):
    """What any slim record of an object tells of its conditions."""

    @property
    def generation(self) -> int: ...

    @property
    def status_current(self) -> bool: ...

    @property
    def conditions(self) -> tuple[ConditionSeen, ...]: ...


def condition_patch(record: Recorded, said: Iterable[Said], now: datetime) -> dict[str, Any]:
    """The part of a status patch that brings the conditions, and the generation that they speak of, up to date."""
    patch: dict[str, Any] = {} if record.status_current else {"observedGeneration": record.generation}
    old = [_seen_as_dict(condition) for condition in record.conditions]
    new = merge_conditions(old, said, record.generation, now)
    if patch or [_without_generation(condition) for condition in new] != old:
        patch["conditions"] = new
    return patch


def _routing(routed: Routed | None, now: datetime) -> dict[str, str | None] | None:
    if routed is None:
        return None
    if not routed.profile:
        return {"profile": None, "hash": None, "externalId": routed.external_id, "routedAt": None}
    return {
        "profile": routed.profile,
        "hash": routed.hash,
        "externalId": routed.external_id,
        "routedAt": stamp(now),
    }


def _documents(waits_for: str | None, attached: str | None) -> dict[str, str | None] | None:
    return {"waitsFor": waits_for, "attached": attached} if waits_for or attached else None


def _facts(record: NumberRecord, holding: Holding) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if holding.external_id != record.state.external_id:
        facts |= {
            "externalId": holding.external_id,
            "country": holding.country,
            "type": str(holding.type),
            "areaCode": holding.area_code,
            "region": holding.region,
            "capabilities": sorted(holding.capabilities),
        }
    if holding.price != record.price:
        price = holding.price
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


def _seen_as_dict(condition: ConditionSeen) -> dict[str, Any]:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": condition.since,
    }


def _without_generation(condition: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in condition.items() if key != "observedGeneration"}
