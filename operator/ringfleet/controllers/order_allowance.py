"""What stands beside an order when it chooses its numbers: what its pool has, by objects, orders and listings.

An order buys only when it is known what the carriers have under its pool's mark. Every process learns that by the first
sweep of each account, which it makes anyway, so no order makes a listing of its own.
"""

from __future__ import annotations

from dataclasses import replace

from ringfleet.api import NumberOrder, NumberPool
from ringfleet.api.meta import POOL_UID
from ringfleet.controllers.number_pool import gather
from ringfleet.controllers.services import Services
from ringfleet.model import AccountKey
from ringfleet.objects.number_order import order_want
from ringfleet.objects.number_pool import pool_view, top_up
from ringfleet.objects.refs import account_key
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_order import Listed
from ringfleet.plan.number_pool.allowance import Allowance, allow
from ringfleet.plan.number_pool.decide import survey


def is_of_this_pool(order: NumberOrder, pool: NumberPool | None) -> bool:
    """Whether the very pool that is there now has made the order: not one of that name before it, as in a backup."""
    return pool is not None and order.metadata.annotations.get(POOL_UID) == pool.metadata.uid


def listed(services: Services, order: NumberOrder, pool: NumberPool | None) -> Listed:
    """How far it is known what the carriers of the order's pool have under its mark.

    A carrier that can't be called can't be asked either, and is left out. The pool's memory of an earlier order from
    the same account says that its status is no younger than that order, so that nothing is missing from it.
    """
    if pool is None:
        return Listed.KNOWN
    mine = account_key(order.spec.account_ref, order.metadata.namespace)
    if is_of_this_pool(order, pool) and _remembers(pool, mine, before=order.spec.sequence):
        return Listed.KNOWN
    carriers = {mine, *(account_key(one.account_ref, pool.metadata.namespace) for one in pool.spec.carriers)}
    states = {_listed_at(services, carrier, pool.metadata.namespace) for carrier in carriers}
    return max(states, default=Listed.KNOWN)


def _remembers(pool: NumberPool, account: AccountKey, before: int) -> bool:
    return any(memory.account == account and 0 < memory.sequence < before for memory in top_up(pool).carriers)


def _listed_at(services: Services, key: AccountKey, namespace: str) -> Listed:
    if services.fleet.marked.is_known(services.accounts.identities.of(key)):
        return Listed.KNOWN
    blocked = services.accounts.seen(key, namespace).blocked
    if blocked:
        return Listed.NOT_YET if blocked is Reason.ACCOUNT_NOT_READY else Listed.KNOWN
    account = services.accounts.get(key)
    return Listed.BROKEN if account and account.swept_at is not None else Listed.NOT_YET


async def allowance(services: Services, order: NumberOrder, pool: NumberPool) -> Allowance:
    """What the order may buy now, by what its pool would see in a turn of its own, without the order.

    One that the pool of today has not made is for the target only: claims that came back with it may have their numbers
    in a moment, and the pool orders for the others itself.
    """
    want, now = order_want(order), services.clock()
    view = pool_view(pool, services.settings.release_settle)
    facts = await gather(services, pool, view)
    others = tuple(one for one in facts.pool.orders if one.name != order.metadata.name)
    beside = replace(facts.pool, orders=others, room=services.quotas.room_beside(order))
    if not is_of_this_pool(order, pool):
        beside = replace(beside, on_demand=0)
    wish, seen, _ = survey(view, replace(facts, pool=beside), now)
    return allow(wish, seen, want.count, want.budget, want.limits.currency, now)
