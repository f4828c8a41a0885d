"""What stands beside an order when it chooses its numbers: what its pool has, by objects, orders and listings.

An order buys only when it is known what the carriers have under its pool's mark. Every process learns that by the first
sweep of each account, which it makes anyway, so no order makes a listing of its own.

Which carriers have to be known is decided by where the order comes from, for a dead one may never be::

    the pool of today has made it                   those that can be called: a dead second carrier holds up no pool
    the same, it is the pool's first, and a         that one too, dead or not: the pool has come back without its
    carrier had numbers of the pool when it was     orders
    last listed, which have no object now
    the same, and a carrier was well when an        that one too: a snapshot of etcd may have been restored, and
    operator saw it last, but not since this one    what was bought after it is in no object
    has begun
    another pool of its name has made this order,   all, dead ones too: it is of a backup, and what was bought before
    or any that is there                            the backup is at the carriers, with or without objects

That the pool remembers earlier orders proves nothing: a snapshot of etcd brings pool and memory back as they were, and
what was bought after it is in no object. What tells of it is a carrier's fall that nobody has seen: an operator that
runs writes it down (`status.memory.unseen` of the account keeps it over a restart).

Orders tell a restore from a beginning: a pool keeps its last ones, whatever becomes of their numbers, and each carries
the uid of the pool that made it, which no restored pool has.
"""

from __future__ import annotations

from dataclasses import replace

from ringfleet.api import CarrierAccount, NumberOrder, NumberPool
from ringfleet.api.meta import POOL_UID
from ringfleet.controllers.account_report import was_well
from ringfleet.controllers.number_pool import gather
from ringfleet.controllers.services import Services
from ringfleet.model import GONE, AccountKey
from ringfleet.objects.number_order import asked_for, is_for_other_market, is_of_former_pool, order_want
from ringfleet.objects.number_pool import pool_view, top_up
from ringfleet.objects.refs import account_key, market_of
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_order.forbidden import other_market_message
from ringfleet.plan.number_order.world import Listed, Unlisted
from ringfleet.plan.number_pool.allowance import Allowance, allow
from ringfleet.plan.number_pool.decide import survey


def is_of_this_pool(order: NumberOrder, pool: NumberPool | None) -> bool:
    """Whether the very pool that is there now has made the order: not one of that name before it, as in a backup."""
    return pool is not None and order.metadata.annotations.get(POOL_UID) == pool.metadata.uid


def has_past(services: Services, order: NumberOrder, pool: NumberPool) -> bool:
    """Whether the pool may have numbers that the cluster does not know any more; see the module. An order of its own
    that it remembers was held up by that already, so later ones are not."""
    if not is_of_this_pool(order, pool):
        return True
    if any(0 < memory.sequence < order.spec.sequence for memory in top_up(pool).carriers):
        return False
    orders = services.fleet.orders_for(pool.metadata.namespace, pool.metadata.name)
    return any(is_of_former_pool(other, pool) for other in orders)


def unlisted(services: Services, order: NumberOrder, pool: NumberPool | None) -> tuple[Unlisted, ...]:
    """The accounts of the order's pool of which it is not known what they have under its mark."""
    if pool is None:
        return ()
    mine = account_key(order.spec.account_ref, order.metadata.namespace)
    carriers = {mine, *(account_key(one.account_ref, pool.metadata.namespace) for one in pool.spec.carriers)}
    namespace = pool.metadata.namespace
    found = (_unlisted_at(services, carrier, namespace, carrier == mine) for carrier in sorted(carriers, key=str))
    is_new = all(memory.sequence == 0 for memory in top_up(pool).carriers)
    return tuple(
        replace(one, hides=is_new and _hides(services, one.account, pool), unseen=_is_unseen(services, one.account))
        for one in found
        if one
    )


def _is_unseen(services: Services, key: AccountKey) -> bool:
    """Whether the account was well by its status, and this process has not been able to list it."""
    account, accounts = services.fleet.get(CarrierAccount, key.namespace, key.name), services.accounts
    if account is None:
        return False
    return (
        key in accounts.unseen or bool(account.status.memory.unseen) or (key not in accounts.met and was_well(account))
    )


def _hides(services: Services, key: AccountKey, pool: NumberPool) -> bool:
    """Whether the account had more numbers of the pool, when it was last listed by whatever process, than the pool has
    objects there."""
    account = services.fleet.get(CarrierAccount, key.namespace, key.name)
    listed = sum(one.numbers for one in account.status.memory.pools if one.pool == pool.key) if account else 0
    records = services.fleet.numbers_in_pool(pool.metadata.namespace, pool.metadata.name)
    same = services.accounts.identities.same_as(key)
    return listed > sum(one.account in same and one.state.phase not in GONE for one in records)


def _unlisted_at(services: Services, key: AccountKey, namespace: str, mine: bool) -> Unlisted | None:
    """The same of one account. Of another than the order's own the first listing is waited for only a while: a slow
    carrier holds up nobody at a quick one."""
    if services.fleet.marked.is_known(services.accounts.identities.of(key)):
        return None
    seen = services.accounts.seen(key, namespace)
    if seen.blocked:
        how = Listed.NOT_YET if seen.blocked is Reason.ACCOUNT_NOT_READY else Listed.BLOCKED
        return Unlisted(key, how, seen.message)
    account = services.accounts.opened(key)
    had_its_time = not mine and services.monotonic() >= account.opened_at + _OTHERS_WAITED_FOR
    return Unlisted(key, Listed.BROKEN if had_its_time or account.swept_at is not None else Listed.NOT_YET)


_OTHERS_WAITED_FOR = 60.0
"""Seconds from the opening of another account of the pool for which its first listing is waited for."""


async def allowance(services: Services, order: NumberOrder, pool: NumberPool) -> Allowance:
    """What the order may buy now, by what its pool would see in a turn of its own, without the order.

    One that the pool of today has not made is for the target only: claims that came back with it may have their numbers
    in a moment, and the pool orders for the others itself.
    """
    want, now = order_want(order), services.clock()
    if is_for_other_market(order, pool):
        return Allowance(0, message=other_market_message(want.market, market_of(pool.spec.market)))
    view = pool_view(pool, services.settings.release_settle)
    facts = await gather(services, pool, view)
    others = tuple(one for one in facts.pool.orders if one.name != order.metadata.name)
    beside = replace(facts.pool, orders=others, room=services.quotas.room_beside(order))
    if not is_of_this_pool(order, pool):
        beside = replace(beside, on_demand=())
    wish, seen, _ = survey(view, replace(facts, pool=beside), now)
    ask = asked_for(order.spec.for_claims)
    currency, named = want.limits.currency, bool(want.numbers)
    return allow(wish, seen, want.count, want.budget, currency, now, ask, want.account, named)
