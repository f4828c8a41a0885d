"""A NumberPool between its object and the values of `plan`, both ways. Pure; `now` is timezone-aware UTC.

First what is read from spec and status, then the status that is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

from ringfleet.api.meta import POOL_LABEL, AccountRef, LocalRef
from ringfleet.api.number_order import (
    Approval,
    NumberOrderSpec,
    OrderLimits,
)
from ringfleet.api.number_pool import (
    AdoptionRefusal,
    AdoptionStatus,
    Asking,
    CapacityStatus,
    ClaimsMemory,
    DemandStatus,
    LeadTime,
    NumberPool,
    NumberPoolStatus,
    PoolAccount,
    PoolCost,
    PoolMemory,
    PoolNumbers,
    PoolPlace,
    ReleaseMemory,
    ReleaseStatus,
    SizeMode,
    TopUpMemory,
    TopUpMode,
)
from ringfleet.api.number_pool import CarrierMemory as CarrierNotes
from ringfleet.api.number_pool import DemandMemory as DemandNotes
from ringfleet.api.number_pool import Tally as TallyNotes
from ringfleet.model import (
    AccountKey,
    Limits,
    Phase,
)
from ringfleet.model.asking import NOTHING, Ask
from ringfleet.model.places import area_codes_in
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.conditions import conditions
from ringfleet.objects.number_order import for_claims, order_intent
from ringfleet.objects.refs import account_key, market_of, money_of
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_pool.adoption import AdoptionSeen
from ringfleet.plan.number_pool.carriers import CarrierMemory, OrderIntent, TopUp
from ringfleet.plan.number_pool.decide import PoolDecision, PoolFacts, PoolView
from ringfleet.plan.number_pool.demand import DemandMemory, Lead, Tally
from ringfleet.plan.number_pool.forecast import DemandPlan, DemandWant
from ringfleet.plan.number_pool.plan import PoolWant
from ringfleet.plan.number_pool.release import ReleaseRecord, ReleaseWant
from ringfleet.plan.number_pool.scale import stock_held
from ringfleet.plan.number_pool.shares import PlaceShare, PlaceStanding
from ringfleet.plan.number_pool.supply import Supply
from ringfleet.plan.sizing.formulas import Capacity


def pool_view(pool: NumberPool, settle: timedelta) -> PoolView:
    """What the pool asks for and remembers, read once for a turn. `settle`: see `ReleaseWant`."""
    want = pool_want(pool)
    return PoolView(want, demand_want(pool), demand_memory(pool), release_want(pool, want, settle))


def release_want(pool: NumberPool, want: PoolWant, settle: timedelta) -> ReleaseWant:
    spec = pool.spec
    return ReleaseWant(
        pool=pool.metadata.name,
        mode=spec.release.mode,
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
        max_share=spec.spread.max_share,
        preferences=tuple(one.preference for one in spec.carriers if one.preference is not None),
        shares=shares_of(pool),
    )


def shares_of(pool: NumberPool) -> tuple[PlaceShare, ...]:
    """The places of which the pool keeps a share, each with the area codes that none before it has."""
    shares, taken = list[PlaceShare](), set[str]()
    for one in pool.spec.size.shares:
        codes = (one.area_code,) if one.area_code else area_codes_in(pool.spec.market.country, one.region or "")
        shares.append(PlaceShare(one.place, tuple(code for code in codes if code not in taken), one.percent))
        taken.update(codes)
    return tuple(shares)


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
    notes = pool.status.memory.top_up
    if notes is None:
        return TopUp()
    intent = order_intent(notes.order, pool.metadata.namespace) if notes.order else None
    carriers = tuple(_carrier_memory(carrier) for carrier in (*notes.carriers, *notes.for_claims))
    return TopUp(notes.sequence, intent, notes.ordered, carriers, bool(notes.filling))


def _carrier_memory(notes: CarrierNotes) -> CarrierMemory:
    return CarrierMemory(
        AccountKey(notes.namespace, notes.name),
        notes.sequence,
        notes.failures,
        Reason.read(notes.reason),
        notes.message or "",
        notes.next_attempt_time,
        _musts(notes) if isinstance(notes, ClaimsMemory) else NOTHING,
    )


def _musts(notes: ClaimsMemory) -> Ask:
    namespace, _, name = (notes.bundle or "").partition("/")
    bundle = ObjectRef(namespace, name) if name else None
    return Ask(frozenset(notes.capabilities), notes.area_codes, bool(notes.area_codes), notes.quotas_of, bundle)


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
    notes = pool.status.memory.demand
    if notes is None:
        return DemandMemory()
    return DemandMemory(
        notes.counted_until,
        bool(notes.stocked),
        _tally(notes.long),
        _tally(notes.short),
        tuple(Lead(lead.order, lead.took, lead.at) for lead in notes.lead_times),
        notes.awaited,
        notes.orders_until or 0,
    )


def _tally(notes: TallyNotes | None) -> Tally:
    if notes is None:
        return Tally()
    return Tally(float(notes.bindings), timedelta(seconds=float(notes.stocked_seconds)))


# The record.


def release_record(pool: NumberPool) -> ReleaseRecord:
    said = pool.status.release or ReleaseStatus()
    notes = pool.status.memory.release or ReleaseMemory()
    return ReleaseRecord(
        day=date.fromisoformat(said.day) if said.day else None,
        released=said.released,
        granted=notes.granted,
        recent=tuple((asking.name, asking.at) for asking in said.recent),
        cleared=notes.cleared,
        cleared_until=notes.cleared_until,
        frozen_since=said.frozen_since,
        frozen_because=said.frozen_because,
    )


def order_spec(pool: NumberPool, want: PoolWant, intent: OrderIntent) -> NumberOrderSpec:
    """The spec of the order that an intent means: the same intent makes the same order."""
    limits = want.limits
    return NumberOrderSpec(
        pool_ref=LocalRef(name=want.name),
        account_ref=AccountRef(name=intent.account.name, namespace=intent.account.namespace),
        sequence=intent.sequence,
        market=pool.spec.market,
        for_claims=for_claims(intent.ask),
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
        accounts=_accounts(decision.want, supply),
        places=_places(plan.places),
        supply=supply.total,
        in_flight=supply.in_flight,
        surplus=plan.surplus,
        shortfall=plan.shortfall,
        waiting_claims=facts.waiting or None,
        next_attempt_time=_next_attempt(plan.top_up, now),
        demand=demand_status(decision.demand) if decision.demand else before.demand,
        capacity=capacity_status(decision.capacity) if decision.capacity else before.capacity,
        cost=PoolCost(
            monthly=supply.monthly.amount, reserved=supply.committed.amount, currency=supply.monthly.currency
        ),
        release=release_status(decision.release.record),
        adoption=adoption_status(facts.adoption),
        replicas=stock_held(pool.spec.size.target, decision.want, plan),
        selector=f"{POOL_LABEL}={decision.want.name}",
        memory=PoolMemory(
            top_up=top_up_notes(pool, decision.want, plan.top_up),
            demand=demand_notes(decision.demand.memory) if decision.demand else before.memory.demand,
            release=release_notes(decision.release.record),
        ),
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
        other_market=supply.misfits,
    )


def _accounts(want: PoolWant, supply: Supply) -> tuple[PoolAccount, ...]:
    """What the pool has of each account; nothing is said where there is only one."""
    places = {account for account in (*want.carriers, *supply.by_account) if account}
    if len(places) == 1:
        return ()
    return tuple(
        PoolAccount(
            namespace=account.namespace,
            name=account.name,
            numbers=(count := supply.by_account.get(account, 0)),
            share=_decimal(count / supply.held if supply.held else 0.0, 2),
        )
        for account in sorted(places)
    )


def _places(standings: Iterable[PlaceStanding]) -> tuple[PoolPlace, ...]:
    return tuple(
        PoolPlace(name=one.share.name, percent=one.share.percent, wanted=one.wanted, held=one.held) for one in standings
    )


def _next_attempt(top_up: TopUp, now: datetime) -> datetime | None:
    waits = (memory.next_attempt for memory in top_up.carriers if memory.next_attempt)
    return min((moment for moment in waits if moment > now), default=None)


def top_up_notes(pool: NumberPool, want: PoolWant, top_up: TopUp) -> TopUpMemory:
    return TopUpMemory(
        sequence=top_up.sequence,
        ordered=top_up.ordered,
        order=_intent_spec(pool, want, top_up),
        filling=top_up.filling or None,
        carriers=tuple(_carrier_notes(memory) for memory in top_up.carriers if memory.musts == NOTHING),
        for_claims=tuple(_claims_notes(memory) for memory in top_up.carriers if memory.musts != NOTHING),
    )


def _intent_spec(pool: NumberPool, want: PoolWant, top_up: TopUp) -> NumberOrderSpec | None:
    """The written intent stays as it was written; only a new one is made from the pool as it is now."""
    notes = pool.status.memory.top_up
    written = notes.order if notes else None
    if top_up.intent is None or (written and written.sequence == top_up.intent.sequence):
        return written
    return order_spec(pool, want, top_up.intent)


def _carrier_notes(memory: CarrierMemory) -> CarrierNotes:
    return CarrierNotes(
        namespace=memory.account.namespace,
        name=memory.account.name,
        sequence=memory.sequence,
        failures=memory.failures,
        reason=memory.reason,
        message=memory.message or None,
        next_attempt_time=memory.next_attempt,
    )


def _claims_notes(memory: CarrierMemory) -> ClaimsMemory:
    return ClaimsMemory(
        **dict(_carrier_notes(memory)),
        capabilities=tuple(sorted(memory.musts.capabilities)),
        area_codes=memory.musts.area_codes,
        quotas_of=memory.musts.quotas_of,
        bundle=str(memory.musts.bundle) if memory.musts.bundle else None,
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
    )


def demand_notes(memory: DemandMemory) -> DemandNotes:
    return DemandNotes(
        counted_until=memory.counted_until,
        stocked=memory.stocked or None,
        long=_tally_notes(memory.long),
        short=_tally_notes(memory.short),
        lead_times=tuple(LeadTime(order=lead.sequence, took=lead.took, at=lead.at) for lead in memory.leads),
        awaited=memory.awaited,
        orders_until=memory.orders_until or None,
    )


def _tally_notes(tally: Tally) -> TallyNotes | None:
    bindings, seconds = _decimal(tally.bindings, 4), _decimal(tally.stocked.total_seconds(), 4)
    return TallyNotes(bindings=bindings, stocked_seconds=seconds) if bindings or seconds else None


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


def adoption_status(seen: AdoptionSeen | None) -> AdoptionStatus | None:
    """What became of the numbers that the pool asks for; None when it asks for none."""
    if seen is None:
        return None
    refused = sorted(seen.refused.items())
    return AdoptionStatus(
        adopted=len(seen.adopted),
        pending=len(seen.pending),
        not_adopted=len(refused),
        refused=tuple(AdoptionRefusal(number=number, reason=why) for number, why in refused[:MOST_REFUSALS]),
        unread_lines=tuple(sorted(seen.unread)[:MOST_REFUSALS]),
    )


MOST_REFUSALS = 100
"""How many refusals a status tells: each is some fifty bytes."""


def release_status(record: ReleaseRecord) -> ReleaseStatus | None:
    """What of the record a person asks for; None when there is nothing to say."""
    if not (record.day or record.recent or record.frozen_since):
        return None
    return ReleaseStatus(
        day=record.day.isoformat() if record.day else None,
        released=record.released,
        recent=tuple(Asking(name=name, at=at) for name, at in record.recent),
        frozen_since=record.frozen_since,
        frozen_because=record.frozen_because,
    )


def release_notes(record: ReleaseRecord) -> ReleaseMemory | None:
    """The rest of it; None when there is nothing to keep."""
    if not (record.granted or record.cleared or record.cleared_until):
        return None
    return ReleaseMemory(
        granted=record.granted,
        cleared=record.cleared,
        cleared_until=record.cleared_until,
    )
