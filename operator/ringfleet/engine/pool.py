"""Reconciling one pool: count, plan, refuse what is unsafe, write the intent, create the order, say how it stands."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ringfleet.api import NumberOrder, NumberPool, RoutingProfile
from ringfleet.api.meta import ACCOUNT_LABEL, POOL_LABEL
from ringfleet.api.number_order import NumberOrderSpec
from ringfleet.engine.intents import Key, resource_of
from ringfleet.engine.observe import number_seen, pool_want, top_up
from ringfleet.engine.order import ORDER_FINALIZER
from ringfleet.engine.status import order_spec, pool_status
from ringfleet.engine.world import World
from ringfleet.kube.errors import AlreadyExists, Conflict, NotFound
from ringfleet.plan.pool import CreateOrder, PoolSeen, PoolWant, StartOrder, TrimOrder, plan_pool
from ringfleet.plan.safety import refuse_unsafe
from ringfleet.plan.topup import OrderIntent

ORDERS = resource_of(NumberOrder)


async def reconcile_pool(world: World, key: Key) -> float | None:
    """Take the pool one step further. Returns the delay, in seconds, until it wants another turn."""
    pool = world.intents.get(NumberPool, key.namespace, key.name)
    if pool is None or pool.metadata.deletion_timestamp:
        return None
    if not _last_order_is_seen(world, pool):
        await _look_for_orders(world, pool)
    now = world.clock()
    want, seen = pool_want(pool), _see(world, pool)
    plan = refuse_unsafe(want, seen, plan_pool(want, seen, now))
    await world.write_status(pool, pool_status(pool, want, plan, now))
    for action in plan.actions:
        match action:
            case StartOrder(intent) | CreateOrder(intent):
                await _create_order(world, pool, want, intent)
            case TrimOrder(name):
                await _trim(world, pool, name)
    return plan.requeue


def _last_order_is_seen(world: World, pool: NumberPool) -> bool:
    """Whether the view of orders reaches as far as the pool's own record.

    Another operator may have started orders that our watch has not brought yet; without them we would order twice.
    """
    top_up, meta = pool.status.top_up, pool.metadata
    if top_up is None or not top_up.ordered or top_up.sequence == 0:
        return True
    return world.intents.get(NumberOrder, meta.namespace, order_name(pool, top_up.sequence)) is not None


async def _look_for_orders(world: World, pool: NumberPool) -> None:
    """List the pool's orders at the API server. The last one may be gone for good: a person deleted it."""
    selector = f"{POOL_LABEL}={pool.metadata.name}"
    page = await world.kube.list_all(ORDERS, pool.metadata.namespace, label_selector=selector)
    for order in page.items:
        world.intents.take_in("NumberOrder", order)


def order_name(pool: NumberPool, sequence: int) -> str:
    return f"{pool.metadata.name}-{sequence}"


def _see(world: World, pool: NumberPool) -> PoolSeen:
    want, namespace = pool_want(pool), pool.metadata.namespace
    records = world.numbers.store.by("pool", (namespace, pool.metadata.name))
    profile = want.routing_profile
    return PoolSeen(
        numbers=tuple(number_seen(record) for record in records),
        orders=tuple(world.order_seen(order) for order in world.intents.orders_for(namespace, pool.metadata.name)),
        top_up=top_up(pool),
        accounts={account: world.accounts.seen(account, namespace) for account in want.carriers},
        routing_profile_exists=profile is None or world.intents.get(RoutingProfile, namespace, profile) is not None,
        spec_changed=pool.status.observed_generation != pool.metadata.generation,
    )


async def _create_order(world: World, pool: NumberPool, want: PoolWant, intent: OrderIntent) -> None:
    """Create the order that was written into the pool's status; if it is there already, take it as it is."""
    written = world.intents.get(NumberPool, pool.metadata.namespace, pool.metadata.name) or pool
    recorded = written.status.top_up and written.status.top_up.order
    spec = recorded if recorded and recorded.sequence == intent.sequence else order_spec(pool, want, intent)
    body = _order_body(pool, spec)
    try:
        reply = await world.kube.create(ORDERS, pool.metadata.namespace, body)
    except AlreadyExists:
        await _look_for_orders(world, pool)
    else:
        world.intents.take_in("NumberOrder", reply)


def _order_body(pool: NumberPool, spec: NumberOrderSpec) -> dict[str, Any]:
    return {
        "metadata": {
            "name": order_name(pool, spec.sequence),
            "namespace": pool.metadata.namespace,
            "labels": {POOL_LABEL: pool.metadata.name, ACCOUNT_LABEL: spec.account_ref.name},
            "finalizers": [ORDER_FINALIZER],
        },
        "spec": spec.as_dict(),
    }


async def _trim(world: World, pool: NumberPool, name: str) -> None:
    order = world.intents.get(NumberOrder, pool.metadata.namespace, name)
    if order is None or order.metadata.deletion_timestamp:
        return
    with suppress(NotFound, Conflict):
        await world.kube.delete(ORDERS, pool.metadata.namespace, name, uid=order.metadata.uid)
