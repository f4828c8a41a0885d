"""A pool's demand between objects and plan: what is seen of it, what its status remembers, and what that says."""

from __future__ import annotations

from collections.abc import Mapping

from ringfleet.api import NumberOrder, NumberPool, RoutingProfile
from ringfleet.controllers.services import Services
from ringfleet.model import E164, ItemState, Phase
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.phone_number import NumberRecord, number_seen
from ringfleet.plan.number_claim import OnNoStock
from ringfleet.plan.number_pool.capacity import CapacityWant
from ringfleet.plan.number_pool.demand import DemandMemory, DemandSeen, OrderLead
from ringfleet.plan.phone_number.phase import IN_FLIGHT


def see_demand(services: Services, pool: NumberPool, memory: DemandMemory) -> DemandSeen:
    """What there is to count since the memory was written, and what the pool has now."""
    key = ObjectRef(pool.metadata.namespace, pool.metadata.name)
    records = {record.number: record for record in services.fleet.numbers.by("pool", key)}
    since = memory.counted_until
    claims = (claim for claim in services.fleet.claims.by("pool", key) if claim.on_no_stock is not OnNoStock.ORDER)
    bound = (claim.bound_at for claim in claims if claim.bound_at)
    return DemandSeen(
        bound=tuple(moment for moment in bound if since is None or moment > since),
        free=sum(number_seen(record).phase is Phase.AVAILABLE for record in records.values()),
        orders=tuple(_order_lead(order, records) for order in services.fleet.orders_for(*key)),
        waiting=sum(_takes_any(claim) for claim in services.claim_queue.waiting(key)),
        rate_is_given=pool.spec.demand.burn_rate_per_day is not None,
    )


def _takes_any(claim: ClaimRecord) -> bool:
    """Whether the claim takes what comes, and has no order made for itself (`PoolSeen.on_demand` counts those)."""
    return claim.named is None and claim.on_no_stock is not OnNoStock.ORDER


def _order_lead(order: NumberOrder, records: Mapping[E164, NumberRecord]) -> OrderLead:
    """An order as the pool's lead time sees it. `records`: the numbers of its pool, by number.

    A recorded order has made the objects of all its numbers, so one that is not seen is gone, and not on its way.
    """
    status = order.status
    bought = [E164(item.number) for item in status.items or () if item.state is not ItemState.FAILED]
    seen = [records[number] for number in bought if number in records]
    return OrderLead(
        sequence=order.spec.sequence,
        started_at=status.started_at,
        open=not status.recorded or any(record.state.phase in IN_FLIGHT for record in seen),
        bought=bool(bought),
        completed_at=status.completed_at,
        available_at=max((record.free_since for record in seen if record.free_since), default=None),
    )


def capacity_want(services: Services, pool: NumberPool) -> CapacityWant:
    ref, capacity = pool.spec.routing_profile_ref, pool.spec.capacity
    profile = services.fleet.get(RoutingProfile, pool.metadata.namespace, ref.name) if ref else None
    per_agent = capacity.numbers_per_agent if capacity else None
    return CapacityWant(
        calls_per_number=capacity.concurrent_calls_per_number if capacity else None,
        numbers_per_agent=float(per_agent) if per_agent else None,
        profile=profile.metadata.name if profile else None,
        channels=profile.spec.channels if profile else None,
    )
