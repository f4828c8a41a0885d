"""One turn of a NumberPool: read it, gather what it depends on, decide, write the intent, act."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import Any

from ringfleet.api import NumberOrder, NumberPool, RoutingProfile
from ringfleet.api.meta import ACCOUNT_LABEL, ORDER_FINALIZER, ORDERED_FOR, POOL_FINALIZER, POOL_LABEL, POOL_UID
from ringfleet.api.number_order import NumberOrderSpec
from ringfleet.api.number_pool import NumberPoolStatus
from ringfleet.controllers.account_catalog import as_searched
from ringfleet.controllers.adoption import adoption_seen, read_wish
from ringfleet.controllers.answer_rate import answer_rate_of
from ringfleet.controllers.bundle_readiness import ask_for_demands, pool_readiness, tenants_accounts
from ringfleet.controllers.carrier_prices import as_priced, ask_for_prices
from ringfleet.controllers.desired_number import going, stops
from ringfleet.controllers.pool_release import ask_surplus, find_deletion, see_release
from ringfleet.controllers.purchase_rate import Counted, room_at
from ringfleet.controllers.queues import LONGEST_SLEEP
from ringfleet.controllers.services import Services
from ringfleet.kube.errors import AlreadyExists, Conflict, NotFound
from ringfleet.model import E164, GONE, AccountKey, ItemState, Market, Phase
from ringfleet.model.policy import DeletionPolicy, OnNoStock
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.number_order import asked_for, is_for_other_market, is_of_former_pool
from ringfleet.objects.number_pool import (
    order_spec,
    pool_status,
    pool_view,
    release_record,
    shares_of,
    top_up,
)
from ringfleet.objects.phone_number import NO_NOTES, NumberRecord, number_seen, sort_out
from ringfleet.objects.refs import NUMBER_ORDERS, Key, market_of
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_order.plan import rate_message
from ringfleet.plan.number_pool.carriers import OrderIntent
from ringfleet.plan.number_pool.decide import PoolDecision, PoolFacts, PoolView, decide, retire, soonest
from ringfleet.plan.number_pool.demand import DemandMemory, DemandSeen, OrderLead
from ringfleet.plan.number_pool.forecast import CapacityWant
from ringfleet.plan.number_pool.on_demand import codes_that_matter
from ringfleet.plan.number_pool.plan import CreateOrder, PoolSeen, PoolWant, StartOrder, TrimOrder
from ringfleet.plan.number_pool.supply import Demand, Lots, OrderSeen
from ringfleet.plan.phone_number.phase import IN_FLIGHT


async def reconcile_pool(services: Services, key: Key) -> float | None:
    """Take the pool one step further. Returns the delay, in seconds, until it wants another turn."""
    pool = services.fleet.get(NumberPool, key.namespace, key.name)
    if pool is None:
        services.adoption.forget(ObjectRef(key.namespace, key.name))
        return None
    await read_wish(services, pool)
    if pool.metadata.deletion_timestamp:
        return await _retire(services, pool)
    if _releases_with_it(pool) and POOL_FINALIZER not in pool.metadata.finalizers:
        await services.status.set_finalizers_of(pool, (*pool.metadata.finalizers, POOL_FINALIZER))
        return 0.0
    unread = () if _last_order_is_seen(services, pool) else await _look_for_orders(services, pool)
    async with AsyncExitStack() as turns:
        payers = _payers(services, pool)
        for namespace in payers:  # in one order everywhere, so that no two pools wait for each other
            await turns.enter_async_context(services.quotas.turn(namespace))
        return await _take_turn(services, pool, unread, payers)


def _payers(services: Services, pool: NumberPool) -> list[str]:
    """The namespaces whose quotas count what the pool orders: its own, and those of the claims that wait for it."""
    waiting = services.claim_queue.waiting(ObjectRef(pool.metadata.namespace, pool.metadata.name))
    namespaces = {claim.namespace for claim in waiting if claim.on_no_stock is OnNoStock.ORDER}
    return sorted(name for name in namespaces | {pool.metadata.namespace} if services.quotas.of(name))


async def _take_turn(
    services: Services, pool: NumberPool, unread: tuple[str, ...], payers: Sequence[str]
) -> float | None:
    """Decide, write down what is to be ordered and who is let go, then act. `unread`: its orders that can't be read;
    `payers`: the namespaces whose turn the pool has."""
    view = pool_view(pool, services.settings.release_settle)
    facts = await gather(services, pool, view)
    if not set(_payers(services, pool)) <= set(payers):
        return 0.0  # a claim has come meanwhile of a namespace for which another pool may be ordering
    facts = replace(facts, pool=replace(facts.pool, unread=unread))
    decision = decide(view, facts, services.clock())
    if _orders(decision) and (ending := await find_deletion(services, pool.metadata.namespace)):
        facts = replace(facts, pool=replace(facts.pool, ending=ending))
        decision = decide(view, facts, services.clock())
    await services.status.write(pool, pool_status(pool, facts, decision, services.clock()))
    for action in decision.plan.actions:
        match action:
            case StartOrder(intent) | CreateOrder(intent):
                await _create_order(services, pool, decision.want, intent, decision.plan.ordered_for)
            case TrimOrder(name):
                await _trim(services, pool, name)
    await ask_surplus(services, pool, decision.release)
    if facts.pool.ending or facts.release.ending:
        return min(decision.requeue or _ENDING_AGAIN, _ENDING_AGAIN)
    return decision.requeue and min(decision.requeue, LONGEST_SLEEP.total_seconds())


_ENDING_AGAIN = 30.0
"""Seconds until a pool looks again whether its namespace, or the kind of its numbers, is still being deleted."""


def _orders(decision: PoolDecision) -> bool:
    return any(isinstance(action, StartOrder | CreateOrder) for action in decision.plan.actions)


async def decide_pool(services: Services, pool: NumberPool) -> tuple[PoolDecision, NumberPoolStatus]:
    """What the pool does next, and the status that says so. Nothing is written."""
    view = pool_view(pool, services.settings.release_settle)
    facts = await gather(services, pool, view)
    now = services.clock()
    decision = decide(view, facts, now)
    return decision, pool_status(pool, facts, decision, now)


async def gather(services: Services, pool: NumberPool, view: PoolView) -> PoolFacts:
    """All that the pool's turn depends on. Whatever awaits comes first, so the rest is of one moment."""
    carriers, namespace = view.want.carriers, pool.metadata.namespace
    asked_again = soonest(ask_for_demands(services, pool, carriers), ask_for_prices(services, pool, view.want))
    release = await see_release(services, pool)
    place, ready = ObjectRef(namespace, pool.metadata.name), pool_readiness(services, pool, carriers)
    demands = services.claim_queue.demands(place)
    records, lots = count_numbers(services, pool, demands)
    return PoolFacts(
        pool=see_pool(services, pool, view.want, (records, lots), demands, ready.accounts),
        demand=see_demand(services, pool, view.memory, (records, lots)),
        review=ready.review,
        release=release,
        takeable=frozenset(record.number for record in records if _may_return(services, record)),
        capacity=capacity_want(services, pool),
        readiness=ready.conditions,
        whole=answer_rate_of(services, pool),
        claimed=_claimed(records, lots),
        waiting=len(services.claim_queue.waiting(place)),
        asked_again=asked_again,
        adoption=adoption_seen(services, pool),
    )


InPool = tuple[list[NumberRecord], Lots]
"""A pool's numbers: those that are seen one by one, and the lots of all others."""


def count_numbers(services: Services, pool: NumberPool, demands: Iterable[Demand]) -> InPool:
    """The pool's numbers. One by one are seen those that its orders name, whose place they take, and those that its
    record says have lately been asked to go, whether they are there again or not."""
    place = ObjectRef(pool.metadata.namespace, pool.metadata.name)
    orders = (services.fleet.order_seen(order) for order in services.fleet.orders_for(*place))
    bought = (item.number for order in orders for item in order.items)
    leaving = (E164(f"+{name}") for name, _ in release_record(pool).recent)
    codes = codes_that_matter((*(one.ask for one in demands), *(share.ask for share in shares_of(pool))))
    records, lots = services.fleet.counted_in_pool(place, (*bought, *leaving), codes)
    return records, sort_out(lots, market_of(pool.spec.market))


def _claimed(records: list[NumberRecord], lots: Lots) -> int:
    """How many of them a claim holds."""
    alike = sum(count for lot, count in lots.items() if lot.claimed)
    return alike + sum(record.claim is not None for record in records)


def see_pool(
    services: Services,
    pool: NumberPool,
    want: PoolWant,
    counted: InPool,
    demands: tuple[Demand, ...],
    accounts: Mapping[AccountKey, AccountSeen],
) -> PoolSeen:
    """The pool's numbers, orders and room, as they are known now, the claims that have a number ordered (`demands`),
    and its accounts as its bundles let it use them."""
    namespace, name, profile = pool.metadata.namespace, pool.metadata.name, want.routing_profile
    records, lots = counted
    numbers = (number_seen(record, want.market, returning=_returns(services, record)) for record in records)
    return PoolSeen(
        numbers=services.fleet.with_listed(namespace, name, numbers),
        lots=lots,
        orders=tuple(_order_seen(services, pool, order) for order in services.fleet.orders_for(namespace, name)),
        top_up=top_up(pool),
        accounts=_as_they_may_sell(services, pool, accounts),
        of_tenants={
            bundle: _as_they_may_sell(services, pool, tenants_accounts(services, pool, want.carriers, bundle))
            for bundle in _bundles_of_tenants(services, pool, demands)
        },
        routing_profile_exists=profile is None or services.fleet.get(RoutingProfile, namespace, profile) is not None,
        room=services.quotas.room(namespace),
        spec_changed=pool.status.observed_generation != pool.metadata.generation,
        on_demand=tuple(one.ask for one in demands),
        demands=demands,
        stopped=_frozen(services, ObjectRef(namespace, name), want),
        was_ready=_was_ready(pool),
        moving=services.moving[ObjectRef(namespace, name)] > 0,
    )


def _bundles_of_tenants(services: Services, pool: NumberPool, demands: tuple[Demand, ...]) -> set[ObjectRef]:
    """The bundles of the claims that have a number ordered, and of those that have one on order."""
    orders = services.fleet.orders_for(pool.metadata.namespace, pool.metadata.name)
    asks = (*(one.ask for one in demands), *(asked_for(one.spec.for_claims) for one in orders if not one.status.done))
    return {ask.bundle for ask in asks if ask.bundle}


def _as_they_may_sell(
    services: Services, pool: NumberPool, accounts: Mapping[AccountKey, AccountSeen]
) -> dict[AccountKey, AccountSeen]:
    return {account: _as_pool_may_use_it(services, account, seen, pool) for account, seen in accounts.items()}


def _as_pool_may_use_it(services: Services, account: AccountKey, seen: AccountSeen, pool: NumberPool) -> AccountSeen:
    seen = as_priced(services, account, as_searched(services, account, seen, pool), pool)
    same = frozenset(services.accounts.identities.same_as(account)) - {account}
    return replace(_as_it_may_sell(services, account, seen), same_as=same)


def _was_ready(pool: NumberPool) -> bool:
    """Whether its status says that it is ready, of the spec of today."""
    said = (one for one in pool.status.conditions if one.type == "Ready")
    current = pool.status.observed_generation == pool.metadata.generation
    return current and any(one.status == "True" and one.reason == Reason.AT_TARGET for one in said)


def _as_it_may_sell(services: Services, account: AccountKey, seen: AccountSeen) -> AccountSeen:
    """The account as the pool may use it: from one that is frozen, or has sold enough for this hour, nothing is
    ordered."""
    if freeze := services.fleet.freeze_on(account, None):
        return AccountSeen(Reason.FROZEN, freeze.message)
    room = room_at(services, account, Counted.STARTED)
    if room is None:
        return seen
    if room.left or seen.blocked:
        return replace(seen, purchases_left=room.left)
    return AccountSeen(
        Reason.PURCHASE_RATE_REACHED, rate_message(account), until=room.look_again(services.clock()), purchases_left=0
    )


def _frozen(services: Services, pool: ObjectRef, want: PoolWant) -> str | None:
    """Why nothing of the pool may be used: it is frozen itself, or all its accounts are."""
    if freeze := services.fleet.freeze(None, pool):
        return freeze.message
    freezes = [services.fleet.freeze_on(account, None) for account in want.carriers]
    return " ".join(freeze.message for freeze in freezes if freeze) if all(freezes) else None


def _order_seen(services: Services, pool: NumberPool, order: NumberOrder) -> OrderSeen:
    seen = services.fleet.order_seen(order)
    return replace(seen, former=is_of_former_pool(order, pool), misfit=is_for_other_market(order, pool))


def _may_return(services: Services, record: NumberRecord) -> bool:
    """Whether the number would be free if it did not leave."""
    leaving = record.state.phase is Phase.RELEASING and record.claim is None and services.fleet.fits(record)
    is_out = record.notes.quarantine is not None or record.spam_label is not None
    return leaving and not is_out and services.fleet.rests_until(record) is None


def _returns(services: Services, record: NumberRecord) -> bool:
    """Whether a number that can't be had now can be had again soon, by itself: nothing is ordered in its place."""
    return _stays(services, record) or _resumes(services, record)


def _resumes(services: Services, record: NumberRecord) -> bool:
    """Whether a free number that we have stopped is only to be resumed yet, as when the bills have just been paid."""
    if record.state.phase is not Phase.SUSPENDED or record.state.stopped is None or record.claim:
        return False
    if not services.fleet.fits(record):
        return False
    if record.observed or record.deleting or record.notes != NO_NOTES or record.spam_label:
        return False
    return not stops(services, record) and services.fleet.rests_until(record) is None


def _stays(services: Services, record: NumberRecord) -> bool:
    """Whether a number that shows that it leaves stays after all, and can be had again."""
    if not _may_return(services, record):
        return False
    asked = going(services, record)
    return asked is None or asked.obstacle is not None


def _releases_with_it(pool: NumberPool) -> bool:
    return pool.spec.deletion_policy is DeletionPolicy.RELEASE


async def _retire(services: Services, pool: NumberPool) -> float | None:
    """A deleted pool orders nothing. It stays until its numbers are gone, if it wants them released; else it goes."""
    records = services.fleet.numbers_in_pool(pool.metadata.namespace, pool.metadata.name)
    leaving = [one for one in records if one.state.phase not in GONE and one.release_on_deletion]
    if not (_releases_with_it(pool) and leaving):
        if POOL_FINALIZER in pool.metadata.finalizers:
            rest = tuple(name for name in pool.metadata.finalizers if name != POOL_FINALIZER)
            await services.status.set_finalizers_of(pool, rest)
        return None
    view = pool_view(pool, services.settings.release_settle)
    facts = PoolFacts(
        pool=PoolSeen(numbers=tuple(number_seen(record) for record in leaving), top_up=top_up(pool)),
        release=await see_release(services, pool),
        claimed=sum(record.claim is not None for record in records),
        waiting=len(services.claim_queue.waiting(ObjectRef(pool.metadata.namespace, pool.metadata.name))),
    )
    now = services.clock()
    decision = retire(view, facts, now)
    await services.status.write(pool, pool_status(pool, facts, decision, now))
    return decision.requeue and min(decision.requeue, LONGEST_SLEEP.total_seconds())


def _last_order_is_seen(services: Services, pool: NumberPool) -> bool:
    """Whether the view of orders reaches as far as the pool's own record.

    Another operator may have started orders that our watch has not brought yet; without them we would order twice. A
    pool without notes may have lost them, and says nothing of its orders.
    """
    notes, meta = pool.status.memory.top_up, pool.metadata
    if notes is None:
        return False
    if notes.sequence == 0 or (notes.ordered and services.gone_orders.get(meta.uid) == notes.sequence):
        return True
    if not notes.ordered:
        return notes.order is not None  # else a newer version meant it: nobody knows what, nor whether it exists
    return services.fleet.get(NumberOrder, meta.namespace, order_name(pool, notes.sequence)) is not None


async def _look_for_orders(services: Services, pool: NumberPool) -> tuple[str, ...]:
    """List the pool's orders at the API server. The names of those that are there and can't be read, as after a
    downgrade: nobody knows what they have bought.

    The last one may be gone for good: a person deleted it, or it was called off before it was made. Nobody makes it any
    more, so this process does not ask for it again.
    """
    page = await services.kube.list_all(NUMBER_ORDERS, pool.metadata.namespace)
    orders = [order for order in page.items if pool.metadata.name in _pools_named(order)]
    for order in orders:
        services.fleet.learn("NumberOrder", order)
    notes, unread = pool.status.memory.top_up, [order for order in orders if not NumberOrder.can_read(order)]
    names = {order["metadata"]["name"] for order in orders}
    if notes and notes.ordered and not unread and order_name(pool, notes.sequence) not in names:
        services.gone_orders[pool.metadata.uid] = notes.sequence
    return tuple(sorted(order["metadata"]["name"] for order in unread))


def _pools_named(order: Mapping[str, Any]) -> set[str | None]:
    """The pool that an order is of by its spec; and by its label, as one that can't be read may not say it there. A
    label alone is not asked for: it can be edited by hand, and the order would be started anew."""
    named = (order.get("spec") or {}).get("poolRef") or {}
    return {named.get("name"), (order["metadata"].get("labels") or {}).get(POOL_LABEL)}


def order_name(pool: NumberPool, sequence: int) -> str:
    return f"{pool.metadata.name}-{sequence}"


async def _create_order(
    services: Services, pool: NumberPool, want: PoolWant, intent: OrderIntent, claimers: Sequence[str]
) -> None:
    """Create the order that was written into the pool's status; if it is there already, take it as it is. `claimers`:
    the other namespaces whose claims it is made for."""
    written = services.fleet.get(NumberPool, pool.metadata.namespace, pool.metadata.name) or pool
    notes = written.status.memory.top_up
    recorded = notes and notes.order
    spec = recorded if recorded and recorded.sequence == intent.sequence else order_spec(pool, want, intent)
    body = order_body(pool, spec, claimers)
    try:
        reply = await services.kube.create(NUMBER_ORDERS, pool.metadata.namespace, body)
    except AlreadyExists:
        await _look_for_orders(services, pool)
    else:
        services.fleet.learn("NumberOrder", reply)


def order_body(pool: NumberPool, spec: NumberOrderSpec, claimers: Sequence[str] = ()) -> dict[str, Any]:
    """The order as it is created; `claimers`: as above."""
    made_for = {ORDERED_FOR: ",".join(claimers)} if claimers else {}
    return {
        "metadata": {
            "name": order_name(pool, spec.sequence),
            "namespace": pool.metadata.namespace,
            "labels": {POOL_LABEL: pool.metadata.name, ACCOUNT_LABEL: spec.account_ref.name},
            "annotations": {POOL_UID: pool.metadata.uid, **made_for},
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


def see_demand(services: Services, pool: NumberPool, memory: DemandMemory, counted: InPool) -> DemandSeen:
    """What there is to count since the memory was written, and what the pool has now. `counted`: its numbers, of which
    those that its orders name are seen one by one."""
    key = ObjectRef(pool.metadata.namespace, pool.metadata.name)
    market = market_of(pool.spec.market)
    records, lots = {record.number: record for record in counted[0]}, counted[1]
    alike = sum(count for lot, count in lots.items() if lot.phase is Phase.AVAILABLE and not lot.misfit)
    apart = (record for record in records.values() if services.fleet.fits(record))
    return DemandSeen(
        bound=services.fleet.bindings.since(key, memory.counted_until),
        free=alike + sum(number_seen(record).phase is Phase.AVAILABLE for record in apart),
        orders=tuple(_order_lead(order, records) for order in services.fleet.orders_for(*key)),
        waiting=sum(_takes_any(claim, market) for claim in services.claim_queue.takers(key)),
        rate_is_given=pool.spec.demand.burn_rate_per_day is not None,
    )


def _takes_any(claim: ClaimRecord, market: Market) -> bool:
    """Whether the claim takes what the pool orders for its stock, and has no order made for itself (those are in
    `PoolSeen.on_demand`). `market`: of that stock."""
    ordered = claim.on_no_stock is OnNoStock.ORDER
    return claim.named is None and not ordered and claim.ask.is_met_by_all_of(market)


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
        open=not status.done or any(record.state.phase in IN_FLIGHT for record in seen),
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
