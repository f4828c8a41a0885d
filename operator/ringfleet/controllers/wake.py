"""Whom a cause wakes: the keys to look at when an account, a quota, a bundle or a freeze is not as it was before.

Reconciling is level-triggered: waking one key too many costs a look, waking one too few costs until something else
wakes it, for a relist tells only what has changed. Of numbers, of which there are many, only those are woken that have
something to do (`needs_step`), or will have by time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zlib import crc32

from ringfleet.api import ComplianceBundle, NumberOrder, RotationSet, RoutingProfile
from ringfleet.controllers.bundle_readiness import pools_at, wake_pools
from ringfleet.controllers.desired_number import farewell, labels_wanted, number_want
from ringfleet.controllers.queues import POOL_DELAY, seconds_until
from ringfleet.controllers.services import Services
from ringfleet.model import AccountKey, Phase
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.phone_number import NumberRecord, rests_by_a_clock_ahead
from ringfleet.objects.refs import account_key
from ringfleet.objects.routing_profile import told_at
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import with_stalled
from ringfleet.plan.next_look import next_look_at_number
from ringfleet.plan.phone_number.plan import OUT_OF_REACH, plan_number
from ringfleet.plan.phone_number.routing import as_followed

PROFILE_DELAY = 5.0
SET_DELAY = 0.3
"""Seconds in which what happens to the claims and numbers of a rotation set is gathered into one look at it."""

RUSH_DELAY = 2.0
"""Seconds in which what happens to a pool's numbers and claims is gathered while claims are being bound, or an order is
on its way. A claim that finds no number, and an order, wake the pool sooner."""
QUOTA_DELAY = 2.0
"""Seconds in which what changes the use of a quota is gathered into one look at it."""
USE_DELAY = 1.0
"""Seconds in which the numbers that come, go or change their routing are gathered into one look at who uses what."""
COUNT_DELAY = 2.0
"""Seconds in which the numbers that come to carry a bundle, or cease to, are gathered into one count of them."""


# What is not as before.


def wake_users(services: Services, account: AccountKey) -> None:
    """What may go on, or must stop, now that the account is not what it was."""
    wake_callers(services, account)
    wake_profiles(services, account)
    wake_needy(services, services.fleet.numbers.by("account", account))


def wake_callers(services: Services, account: AccountKey) -> None:
    """What may go on, or must stop, now that the account can be called or can't, and is the same otherwise. Numbers and
    profiles that want nothing of it are left alone: there may be a hundred thousand."""
    wake_pools(services, account)
    for bundle in services.fleet.all(ComplianceBundle):
        if account in (account_key(ref, bundle.metadata.namespace) for ref in bundle.spec.carriers):
            services.queues.wake("ComplianceBundle", bundle.metadata.namespace, bundle.metadata.name)
    wake_orders(services, account)
    for pool in pools_at(services, account):  # what they wait for elsewhere may be ordered here
        wake_orders_of(services, pool)
    for profile in services.fleet.all(RoutingProfile):
        if not any((one.type, one.status) == ("Ready", "True") for one in profile.status.conditions):
            services.queues.wake("RoutingProfile", profile.metadata.namespace, profile.metadata.name)
    wake_needy(services, filter(None, map(services.fleet.numbers.get, services.needy.at(account))))


def orders_at(services: Services, account: AccountKey) -> list[NumberOrder]:
    """The orders at an account, whichever of its objects they name."""
    return [order for one in services.accounts.identities.same_as(account) for order in services.fleet.orders_at(one)]


def wake_orders(services: Services, account: AccountKey) -> None:
    """The orders that may wait for the account or for its purchase lock: the next one takes over at once."""
    for order in orders_at(services, account):
        if not order.status.done:
            services.queues.wake_order(order.metadata.namespace, order.metadata.name)


def wake_orders_of(services: Services, pool: ObjectRef) -> None:
    """The pool's orders that have not ended, and those that may stand behind them at their accounts: what the pool
    wants now may send them on, call them off, or take them elsewhere."""
    orders = (order for order in services.fleet.orders_for(*pool) if not order.status.done)
    for account in sorted({account_key(order.spec.account_ref, order.metadata.namespace) for order in orders}):
        wake_orders(services, account)


def wake_profiles(services: Services, account: AccountKey) -> None:
    """The routing profiles that the account's numbers are to follow, and those that it was told."""
    places = {services.fleet.profile_place(record) for record in services.fleet.numbers.by("account", account)}
    told = (one for one in services.fleet.all(RoutingProfile) if account in told_at(one))
    places |= {ObjectRef(one.metadata.namespace, one.metadata.name) for one in told}
    for place in places:
        if place and services.fleet.get(RoutingProfile, *place):
            services.queues.wake("RoutingProfile", *place)


def wake_quotas(services: Services, namespace: str) -> None:
    """The quotas of a namespace whose use may have changed."""
    for quota in services.quotas.of(namespace):
        services.queues.wake("NumberQuota", namespace, quota.metadata.name, QUOTA_DELAY)


def wake_bundle_counts(services: Services, namespace: str) -> None:
    """The counts of the numbers that carry the namespace's bundles."""
    for bundle in services.fleet.all_in(namespace, ComplianceBundle):
        services.queues.wake("BundleCount", namespace, bundle.metadata.name, COUNT_DELAY)


def wake_frozen(services: Services, accounts: Iterable[AccountKey], pools: Iterable[ObjectRef]) -> None:
    """A freeze of these has come, gone or changed its words: whatever it holds is looked at anew."""
    for account in accounts:
        services.claim_queue.look_again(services.fleet.numbers.by("account", account))
        services.queues.wake_account(account)
        wake_users(services, account)
    for pool in pools:
        services.claim_queue.look_again(services.fleet.numbers_in_pool(*pool))
        services.claim_queue.reconsider(services.fleet.claims.by("pool", pool))
        services.queues.wake("NumberPool", *pool)
        wake_orders_of(services, pool)
        wake_needy(services, services.fleet.numbers_in_pool(*pool))
    for rotation in services.fleet.all(RotationSet):
        services.queues.wake("RotationSet", rotation.metadata.namespace, rotation.metadata.name)


def spread(uid: str, over: float) -> float:
    """Seconds up to `over`, the same for an object each time: for what many objects are to do that has time."""
    return crc32(uid.encode()) / 2**32 * over


def wake_pool(services: Services, pool: ObjectRef) -> None:
    """What the pool counts has changed."""
    rush = services.claim_queue.busy() or _is_buying(services, pool)
    services.queues.wake("NumberPool", pool.namespace, pool.name, RUSH_DELAY if rush else POOL_DELAY)


def _is_buying(services: Services, pool: ObjectRef) -> bool:
    """Whether numbers come one by one: each look at a pool costs what its orders name, and each order's end is one."""
    orders = services.fleet.orders_for(*pool)
    return any(order.status.items and not order.status.done for order in orders)


def wake_set(services: Services, claim: ClaimRecord | None) -> None:
    """The rotation set or proxy service that a claim is of."""
    if claim and claim.service:
        services.queues.wake("ProxyService", claim.namespace, claim.service.name, SET_DELAY)
    if claim and claim.rotation:
        services.queues.wake("RotationSet", claim.namespace, claim.rotation.name, SET_DELAY)


# Numbers that have something to do.


def wake_needy(services: Services, records: Iterable[NumberRecord]) -> None:
    """Those of them that need a step, and the others when time will bring them one."""
    now = services.clock()
    for record in records:
        moment = next_look(services, record, now)
        services.needy.note(record, moment == now)
        delay = seconds_until(moment, now)
        if delay is not None:
            services.queues.wake_number(record, delay)


def next_look(services: Services, record: NumberRecord, now: datetime) -> datetime | None:
    """When the number wants a turn: now, if that would do or write anything."""
    return now if needs_step(services, record) else next_look_at_number(record, now)


def needs_step(services: Services, record: NumberRecord) -> bool:
    """Whether reconciling this number would do or write anything."""
    told = record.place in services.pending_observations or record.place in services.health
    if told or not record.status_current or services.fleet.claim_is_missing(record):
        return True
    if not record.deleting and labels_wanted(services, record) != record.labels:
        return True
    if (not record.guarded and not record.deleting) or (record.deleting and record.guarded):
        return True
    if _times_have_moved(services, record):
        return True
    seen = services.accounts.seen(record.account, record.namespace)
    account = seen if seen.blocked in OUT_OF_REACH else AccountSeen()
    want, routed = number_want(services, record), record.state.routed
    if as_followed(want.routing, routed) != routed:
        return True
    plan = plan_number(want, record.state, None, account)
    said = {(one.type, one.status == "True", one.reason, one.message) for one in record.conditions}
    planned = {(one.type, one.status, one.reason, one.message) for one in with_stalled(plan.conditions)}
    return plan.step is not None or plan.phase is not record.state.phase or said != planned


def _times_have_moved(services: Services, record: NumberRecord) -> bool:
    """Whether a time of the number's life is not what its pool's spec makes of it now."""
    if (record.state.phase is Phase.AVAILABLE) is not (record.free_since is not None):
        return True
    if rests_by_a_clock_ahead(record, services.clock()):
        return True
    known = record.state.farewell
    return record.cooling_until != services.fleet.rests_until(record) or (
        known is not None and farewell(services, record, known.since) != known
    )
