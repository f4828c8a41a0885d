"""Reconciling one pool: count, plan, refuse what is unsafe, write the intent, create the order, say how it stands."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ringfleet.api import NumberOrder, NumberPool, RoutingProfile
from ringfleet.api.meta import ACCOUNT_LABEL, POOL_FINALIZER, POOL_LABEL
from ringfleet.api.number_order import NumberOrderSpec
from ringfleet.api.number_pool import DeletionPolicy, NumberPoolStatus
from ringfleet.controllers.bundle_readiness import account_for, learn_demands, readiness, review_ahead
from ringfleet.controllers.desired_number import going
from ringfleet.controllers.number_order import ORDER_FINALIZER
from ringfleet.controllers.pool_demand import capacity_want, see_demand
from ringfleet.controllers.pool_release import ask_surplus, release_want, see_release
from ringfleet.controllers.services import Services
from ringfleet.kube.errors import AlreadyExists, Conflict, NotFound
from ringfleet.model import GONE, Phase
from ringfleet.objects.number_claim import PoolKey
from ringfleet.objects.number_pool import (
    capacity_status,
    demand_memory,
    demand_status,
    demand_want,
    order_spec,
    pool_status,
    pool_want,
    release_status,
    top_up,
)
from ringfleet.objects.phone_number import NumberRecord, number_seen
from ringfleet.objects.refs import NUMBER_ORDERS, Key
from ringfleet.plan.conditions import Reason, not_ready
from ringfleet.plan.number_pool.capacity import judge_capacity
from ringfleet.plan.number_pool.forecast import DemandPlan, follow_forecast, plan_demand
from ringfleet.plan.number_pool.last_check import refuse_unsafe
from ringfleet.plan.number_pool.plan import CreateOrder, PoolPlan, PoolSeen, PoolWant, StartOrder, TrimOrder, plan_pool
from ringfleet.plan.number_pool.release import ReleasePlan, plan_release
from ringfleet.plan.number_pool.supply import count_supply
from ringfleet.plan.number_pool.topup import OrderIntent


async def reconcile_pool(services: Services, key: Key) -> float | None:
    """Take the pool one step further. Returns the delay, in seconds, until it wants another turn."""
    pool = services.fleet.get(NumberPool, key.namespace, key.name)
    if pool is None:
        return None
    if pool.metadata.deletion_timestamp:
        return await _retire(services, pool)
    if _releases_with_it(pool) and POOL_FINALIZER not in pool.metadata.finalizers:
        await services.status.set_finalizers_of(pool, (*pool.metadata.finalizers, POOL_FINALIZER))
        return 0.0
    if not _last_order_is_seen(services, pool):
        await _look_for_orders(services, pool)
    if not services.quotas.of(key.namespace):
        return await _take_turn(services, pool)
    async with services.quotas.turn(key.namespace):
        return await _take_turn(services, pool)


async def _take_turn(services: Services, pool: NumberPool) -> float | None:
    """Plan what to order and whom to let go, write both down, then act."""
    decision = await decide(services, pool)
    await services.status.write(pool, decision.status)
    for action in decision.plan.actions:
        match action:
            case StartOrder(intent) | CreateOrder(intent):
                await _create_order(services, pool, decision.want, intent)
            case TrimOrder(name):
                await _trim(services, pool, name)
    await ask_surplus(services, pool, decision.release)
    return decision.requeue


@dataclass(frozen=True, slots=True)
class Decision:
    """What a pool wants, does next, lets go, and writes of itself before it does any of it.

    `requeue`: seconds until time alone may change that; None when only something else can.
    """

    want: PoolWant
    plan: PoolPlan
    release: ReleasePlan
    status: NumberPoolStatus
    requeue: float | None


async def decide(services: Services, pool: NumberPool) -> Decision:
    """Look at the pool and what it depends on as it is known now, and decide. Nothing is written."""
    now = services.clock()
    asked_again = await learn_demands(services, pool, pool_want(pool).carriers)
    demand, want = forecast_pool(services, pool, now)
    seen = see_pool(services, pool)
    supply = count_supply(want.limits, seen.numbers, seen.orders, now)
    release = plan_release(release_want(services, pool, want), await see_release(services, pool, supply), now)
    if release.take_back:
        seen = see_pool(services, pool, release.take_back)
    plan = refuse_unsafe(want, seen, plan_pool(want, seen, now))
    capacity, short = judge_capacity(capacity_want(services, pool), plan.supply.held)
    papers = readiness(services, pool, want.carriers)
    plan = replace(plan, conditions=(*plan.conditions, *papers, *release.conditions, *demand.conditions, *short))
    found = {"demand": demand_status(demand), "capacity": capacity_status(capacity)}
    status = _whole(services, pool, pool_status(pool, want, plan, now).model_copy(update=found), release)
    delays = (plan.requeue, release.requeue, demand.requeue, asked_again)
    waits = [seconds for seconds in delays if seconds is not None]
    return Decision(want, plan, release, status, min(waits, default=None))


def forecast_pool(services: Services, pool: NumberPool, now: datetime) -> tuple[DemandPlan, PoolWant]:
    """The pool's demand, and the pool as it is wanted in the light of it."""
    carriers = pool_want(pool).carriers
    asked, memory = replace(demand_want(pool), review=review_ahead(services, pool, carriers)), demand_memory(pool)
    seen = see_demand(services, pool, memory)
    demand = plan_demand(asked, memory, seen, now)
    return demand, follow_forecast(pool_want(pool), asked, demand.forecast, seen)


def _whole(services: Services, pool: NumberPool, status: NumberPoolStatus, release: ReleasePlan) -> NumberPoolStatus:
    """The status with what stands beside ordering: whom the pool lets go, and the claims on it."""
    place = PoolKey(pool.metadata.namespace, pool.metadata.name)
    claimed = sum(record.claim is not None for record in services.fleet.numbers.by("pool", tuple(place)))
    assert status.numbers
    beside = {
        "release": release_status(release.record),
        "waiting_claims": len(services.claim_queue.waiting(place)) or None,
        "numbers": status.numbers.model_copy(update={"claimed": claimed}),
    }
    return status.model_copy(update=beside)


def _releases_with_it(pool: NumberPool) -> bool:
    return pool.spec.deletion_policy is DeletionPolicy.RELEASE


async def _retire(services: Services, pool: NumberPool) -> float | None:
    """A deleted pool orders nothing. It stays until its numbers are gone, if it wants them released; else it goes."""
    records = services.fleet.numbers.by("pool", (pool.metadata.namespace, pool.metadata.name))
    leaving = [one for one in records if one.state.phase not in GONE and one.release_on_deletion]
    numbers = tuple(number_seen(record) for record in leaving)
    if not (_releases_with_it(pool) and numbers):
        if POOL_FINALIZER in pool.metadata.finalizers:
            rest = tuple(name for name in pool.metadata.finalizers if name != POOL_FINALIZER)
            await services.status.set_finalizers_of(pool, rest)
        return None
    now, want = services.clock(), pool_want(pool)
    supply = count_supply(want.limits, numbers, (), now)
    release = plan_release(release_want(services, pool, want), await see_release(services, pool, supply), now)
    message = "The pool is deleted under deletionPolicy Release: it goes when all its numbers have been given back."
    said = (not_ready(Reason.RELEASING, message), *release.conditions)
    plan = PoolPlan((), top_up(pool), supply, said)
    status = pool_status(pool, want, plan, now)
    await services.status.write(pool, _whole(services, pool, status, release))
    return release.requeue


def _last_order_is_seen(services: Services, pool: NumberPool) -> bool:
    """Whether the view of orders reaches as far as the pool's own record.

    Another operator may have started orders that our watch has not brought yet; without them we would order twice.
    """
    top_up, meta = pool.status.top_up, pool.metadata
    if top_up is None or not top_up.ordered or top_up.sequence == 0:
        return True
    return services.fleet.get(NumberOrder, meta.namespace, order_name(pool, top_up.sequence)) is not None


async def _look_for_orders(services: Services, pool: NumberPool) -> None:
    """List the pool's orders at the API server. The last one may be gone for good: a person deleted it."""
    selector = f"{POOL_LABEL}={pool.metadata.name}"
    page = await services.kube.list_all(NUMBER_ORDERS, pool.metadata.namespace, label_selector=selector)
    for order in page.items:
        services.fleet.learn("NumberOrder", order)


def order_name(pool: NumberPool, sequence: int) -> str:
    return f"{pool.metadata.name}-{sequence}"


def see_pool(services: Services, pool: NumberPool, taken_back: tuple[str, ...] = ()) -> PoolSeen:
    """All that the plan of the pool may know, as it is known now. The numbers `taken_back` are wanted again."""
    want, namespace = pool_want(pool), pool.metadata.namespace
    records = services.fleet.numbers.by("pool", (namespace, pool.metadata.name))
    profile = want.routing_profile
    return PoolSeen(
        numbers=tuple(number_seen(record, returning=_stays(services, record, taken_back)) for record in records),
        orders=tuple(
            services.fleet.order_seen(order) for order in services.fleet.orders_for(namespace, pool.metadata.name)
        ),
        top_up=top_up(pool),
        accounts={account: account_for(services, pool, account) for account in want.carriers},
        routing_profile_exists=profile is None or services.fleet.get(RoutingProfile, namespace, profile) is not None,
        room=services.quotas.room(namespace),
        spec_changed=pool.status.observed_generation != pool.metadata.generation,
        on_demand=services.claim_queue.on_demand(PoolKey(namespace, pool.metadata.name)),
    )


def _stays(services: Services, record: NumberRecord, taken_back: tuple[str, ...]) -> bool:
    """Whether a number that shows that it leaves stays after all, and can be had again."""
    if record.state.phase is not Phase.RELEASING or record.claim:
        return False
    asked = going(services, record)
    return record.name in taken_back or asked is None or asked.obstacle is not None


async def _create_order(services: Services, pool: NumberPool, want: PoolWant, intent: OrderIntent) -> None:
    """Create the order that was written into the pool's status; if it is there already, take it as it is."""
    written = services.fleet.get(NumberPool, pool.metadata.namespace, pool.metadata.name) or pool
    recorded = written.status.top_up and written.status.top_up.order
    spec = recorded if recorded and recorded.sequence == intent.sequence else order_spec(pool, want, intent)
    body = order_body(pool, spec)
    try:
        reply = await services.kube.create(NUMBER_ORDERS, pool.metadata.namespace, body)
    except AlreadyExists:
        await _look_for_orders(services, pool)
    else:
        services.fleet.learn("NumberOrder", reply)


def order_body(pool: NumberPool, spec: NumberOrderSpec) -> dict[str, Any]:
    """The order as it is created."""
    return {
        "metadata": {
            "name": order_name(pool, spec.sequence),
            "namespace": pool.metadata.namespace,
            "labels": {POOL_LABEL: pool.metadata.name, ACCOUNT_LABEL: spec.account_ref.name},
            "finalizers": [ORDER_FINALIZER],
        },
        "spec": spec.as_dict(),
    }


async def _trim(services: Services, pool: NumberPool, name: str) -> None:
    order = services.fleet.get(NumberOrder, pool.metadata.namespace, name)
    if order is None or order.metadata.deletion_timestamp:
        return
    with suppress(NotFound, Conflict):
        await services.kube.delete(NUMBER_ORDERS, pool.metadata.namespace, name, uid=order.metadata.uid)
