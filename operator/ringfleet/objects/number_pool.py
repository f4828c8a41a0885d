"""A NumberPool between its object and the values of `plan`, both ways. Pure; `now` is timezone-aware UTC.

First what is read from spec and status, then the status that is written.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from ringfleet.api.meta import POOL_LABEL, AccountRef, LocalRef
from ringfleet.api.number_order import (
    Approval,
    NumberOrderSpec,
    OrderLimits,
)
from ringfleet.api.number_pool import (
    Asking,
    CapacityStatus,
    CarrierMemory,
    DemandStatus,
    LeadTime,
    NumberPool,
    NumberPoolStatus,
    PoolCost,
    PoolNumbers,
    ReleaseStatus,
    SizeMode,
    TopUpMode,
    TopUpStatus,
)
from ringfleet.api.number_pool import DemandMemory as MemoryStatus
from ringfleet.api.number_pool import Tally as TallyStatus
from ringfleet.model import (
    AccountKey,
    Limits,
    Phase,
)
from ringfleet.objects.conditions import conditions
from ringfleet.objects.number_order import order_intent
from ringfleet.objects.refs import account_key, market_of, money_of
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_pool.decide import PoolDecision, PoolFacts, PoolView
from ringfleet.plan.number_pool.demand import DemandMemory, Lead, Tally
from ringfleet.plan.number_pool.forecast import DemandPlan, DemandWant
from ringfleet.plan.number_pool.plan import PoolWant
from ringfleet.plan.number_pool.release import ReleaseRecord, ReleaseWant
from ringfleet.plan.number_pool.supply import Supply
from ringfleet.plan.number_pool.topup import CarrierMemory as Memory
from ringfleet.plan.number_pool.topup import OrderIntent, TopUp
from ringfleet.plan.phone_number.removal import Mode
from ringfleet.plan.sizing.formulas import Capacity


def pool_view(pool: NumberPool, settle: timedelta) -> PoolView:
    """What the pool asks for and remembers, read once for a turn. `settle`: see `ReleaseWant`."""
    want = pool_want(pool)
    return PoolView(want, demand_want(pool), demand_memory(pool), release_want(pool, want, settle))


def release_want(pool: NumberPool, want: PoolWant, settle: timedelta) -> ReleaseWant:
    spec = pool.spec
    return ReleaseWant(
        pool=pool.metadata.name,
        mode=Mode(spec.release.mode),
        hold=spec.release.hold,
        max_per_day=spec.release.max_per_day,
        idle_after=spec.reclaim.idle_after,
        target=want.target,
        minimum=want.minimum,
        settle=settle,
        namespace=pool.metadata.namespace,
    )


def pool_want(pool: NumberPool) -> PoolWant:
    spec = pool.spec
    return PoolWant(
        name=pool.metadata.name,
        market=market_of(spec.market),
        carriers=tuple(account_key(carrier.account_ref, pool.metadata.namespace) for carrier in spec.carriers),
        target=spec.size.target,
        minimum=spec.size.target if spec.size.min is None else spec.size.min,
        limits=_pool_limits(pool),
        batch_size=spec.ordering.batch_size,
        history=spec.ordering.history_limit,
        routing_profile=spec.routing_profile_ref.name if spec.routing_profile_ref else None,
        manual=spec.top_up.mode is TopUpMode.MANUAL,
        suspended=spec.suspend,
    )


def _pool_limits(pool: NumberPool) -> Limits:
    limits = pool.spec.limits
    return Limits(
        currency=limits.currency,
        max_numbers=limits.max_numbers,
        monthly_budget=money_of(limits.monthly_budget, limits.currency),
        max_monthly=money_of(limits.max_monthly_price, limits.currency),
        max_setup=money_of(limits.max_setup_price, limits.currency),
    )


def top_up(pool: NumberPool) -> TopUp:
    status = pool.status.top_up
    if status is None:
        return TopUp()
    intent = order_intent(status.order, pool.metadata.namespace) if status.order else None
    carriers = tuple(_memory_seen(memory) for memory in status.carriers)
    return TopUp(status.sequence, intent, status.ordered, carriers, bool(status.filling))


def _memory_seen(memory: CarrierMemory) -> Memory:
    return Memory(
        AccountKey(memory.namespace, memory.name),
        memory.sequence,
        memory.failures,
        Reason(memory.reason) if memory.reason else None,
        memory.message or "",
        memory.next_attempt_time,
    )


# From objects to values.


def demand_want(pool: NumberPool) -> DemandWant:
    demand = pool.spec.demand
    return DemandWant(
        service_level=float(demand.service_level),
        burn_rate=None if demand.burn_rate_per_day is None else float(demand.burn_rate_per_day),
        lead_time=demand.lead_time,
        follow=pool.spec.size.mode is SizeMode.FORECAST,
    )


def demand_memory(pool: NumberPool) -> DemandMemory:
    status = pool.status.demand.memory if pool.status.demand else None
    if status is None:
        return DemandMemory()
    return DemandMemory(
        status.counted_until,
        bool(status.stocked),
        _tally(status.long),
        _tally(status.short),
        tuple(Lead(lead.order, lead.took) for lead in status.lead_times),
        status.awaited,
        status.orders_until or 0,
    )


def _tally(status: TallyStatus | None) -> Tally:
    if status is None:
        return Tally()
    return Tally(float(status.bindings), timedelta(seconds=float(status.stocked_seconds)))


# The record.


def release_record(status: ReleaseStatus | None) -> ReleaseRecord:
    if status is None:
        return ReleaseRecord()
    return ReleaseRecord(
        day=date.fromisoformat(status.day) if status.day else None,
        released=status.released,
        granted=status.granted,
        recent=tuple((asking.name, asking.at) for asking in status.recent),
        cleared=status.cleared,
        frozen_since=status.frozen_since,
        frozen_because=status.frozen_because,
    )


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


def pool_status(pool: NumberPool, facts: PoolFacts, decision: PoolDecision, now: datetime) -> NumberPoolStatus:
    """The whole status. What a turn does not measure stays as it was."""
    plan, supply, before = decision.plan, decision.plan.supply, pool.status
    generation = pool.metadata.generation
    return NumberPoolStatus(
        observed_generation=generation,
        conditions=conditions(before.conditions, plan.conditions, generation, now),
        numbers=_numbers(supply, facts.claimed),
        supply=supply.total,
        in_flight=supply.in_flight,
        surplus=plan.surplus,
        shortfall=plan.shortfall,
        waiting_claims=facts.waiting or None,
        top_up=_top_up(pool, decision.want, plan.top_up, now),
        demand=demand_status(decision.demand) if decision.demand else before.demand,
        capacity=capacity_status(decision.capacity) if decision.capacity else before.capacity,
        cost=PoolCost(
            monthly=supply.monthly.amount, reserved=supply.committed.amount, currency=supply.monthly.currency
        ),
        release=release_status(decision.release.record),
        replicas=supply.held,
        selector=f"{POOL_LABEL}={decision.want.name}",
    )


def _numbers(supply: Supply, claimed: int) -> PoolNumbers:
    count = supply.phases
    return PoolNumbers(
        total=supply.held,
        available=supply.available,
        ordering=supply.in_flight - count[Phase.PENDING_DOCUMENTS],
        pending_documents=count[Phase.PENDING_DOCUMENTS],
        bound=count[Phase.BOUND],
        claimed=claimed,
        cooling=count[Phase.COOLING],
        suspended=count[Phase.SUSPENDED],
        quarantined=count[Phase.QUARANTINED],
        releasing=count[Phase.RELEASING],
        lost=count[Phase.LOST],
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


# And back.


def demand_status(plan: DemandPlan) -> DemandStatus:
    forecast = plan.forecast
    return DemandStatus(
        burn_rate_per_day=_quantity(forecast.burn_rate, 2),
        lead_time=forecast.lead_time,
        recommended_target=forecast.recommended,
        runway_days=_quantity(forecast.runway, 1),
        projected_exhaustion=forecast.exhaustion,
        memory=_memory_status(plan.memory),
    )


def _memory_status(memory: DemandMemory) -> MemoryStatus:
    return MemoryStatus(
        counted_until=memory.counted_until,
        stocked=memory.stocked or None,
        long=_tally_status(memory.long),
        short=_tally_status(memory.short),
        lead_times=tuple(LeadTime(order=lead.sequence, took=lead.took) for lead in memory.leads),
        awaited=memory.awaited,
        orders_until=memory.orders_until or None,
    )


def _tally_status(tally: Tally) -> TallyStatus | None:
    bindings, seconds = _decimal(tally.bindings, 4), _decimal(tally.stocked.total_seconds(), 4)
    return TallyStatus(bindings=bindings, stocked_seconds=seconds) if bindings or seconds else None


def _quantity(value: float | None, decimals: int) -> Decimal | None:
    return None if value is None else _decimal(value, decimals)


def _decimal(value: float, decimals: int) -> Decimal:
    """As a `Quantity` is written: no zeros at its end, and seven digits before the point at most."""
    text = f"{min(value, _MOST):.{decimals}f}"
    return Decimal(text.rstrip("0").rstrip("."))


_MOST = 9_999_999.0


def capacity_status(capacity: Capacity) -> CapacityStatus | None:
    if capacity.binds is None:
        return None
    return CapacityStatus(
        numbers=capacity.numbers,
        channels=capacity.channels,
        agents=capacity.agents,
        binds=capacity.binds.name.capitalize(),
    )


def release_status(record: ReleaseRecord) -> ReleaseStatus | None:
    """The record as the status keeps it; None when there is nothing to keep."""
    if record == ReleaseRecord():
        return None
    return ReleaseStatus(
        day=record.day.isoformat() if record.day else None,
        released=record.released,
        granted=record.granted,
        recent=tuple(Asking(name=name, at=at) for name, at in record.recent),
        cleared=record.cleared,
        frozen_since=record.frozen_since,
        frozen_because=record.frozen_because,
    )
