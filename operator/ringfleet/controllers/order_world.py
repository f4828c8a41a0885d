"""What else an order depends on, gathered for one turn: account, purchase lock, pool, profile, other carriers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from ringfleet.api import CarrierAccount, NumberOrder, NumberPool, RoutingProfile
from ringfleet.controllers.bundle_readiness import approved_bundle, as_documents_let
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.order_allowance import has_past, unlisted
from ringfleet.controllers.profile_telling import refusal_of
from ringfleet.controllers.purchase_rate import Counted, room_at
from ringfleet.controllers.services import Services
from ringfleet.controllers.wake import orders_at
from ringfleet.model import AccountKey
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.number_order import asked_for, chose_for_former_pool, is_for_other_market, order_want
from ringfleet.objects.refs import account_key, market_of
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.carrier_account.identity import USELESS
from ringfleet.plan.number_order.forbidden import other_market_message
from ringfleet.plan.number_order.items import SENT
from ringfleet.plan.number_order.world import AwaitedProfile, OrderWorld
from ringfleet.plan.waits import still_waits


def order_world(services: Services, order: NumberOrder) -> OrderWorld:
    """The order's surroundings: account, purchase lock, pool, and whether the pool could ask another carrier."""
    pool = services.fleet.get(NumberPool, order.metadata.namespace, order.spec.pool_ref.name)
    key = account_key(order.spec.account_ref, order.metadata.namespace)
    account = services.fleet.get(CarrierAccount, key.namespace, key.name)
    others = [other for other in orders_at(services, key) if other.metadata.uid != order.metadata.uid]
    freeze = services.fleet.freeze(key, pool_of(order))
    sent, namespace, opened = _sent(order), order.metadata.namespace, services.accounts.get(key)
    return OrderWorld(
        account=services.accounts.seen_by_holder(key, namespace) if sent else _seen_unsent(services, order, pool),
        purchase_lock_taken=not sent and _buys_in_turn(opened) and _one_is_at_the_carrier(services, others),
        alternatives=_may_leave(order) and _has_alternatives(services, pool, key),
        pool_suspended=pool is not None and pool.spec.suspend,
        pool_gone=lost_pool(order, pool),
        pool_awaited=pool is None and order.spec.numbers is not None and order.status.items is None,
        account_id=(opened.account_id or "") if opened else "",
        account_deleted=account is not None and account.metadata.deletion_timestamp is not None,
        to_choose=room_at(services, key, Counted.CHOSEN, but=order.metadata.uid),
        to_send=room_at(services, key, Counted.SENT, but=order.metadata.uid),
        frozen=freeze.message if freeze else None,
        unpaid=services.quotas.unpaid(namespace),
        other_market=_other_market(order, pool),
        profile=_awaited_profile(services, opened, order, pool),
        unlisted=unlisted(services, order, pool) if order.status.items is None else (),
        has_past=order.status.items is None and pool is not None and has_past(services, order, pool),
    )


def _awaited_profile(
    services: Services, account: OpenAccount | None, order: NumberOrder, pool: NumberPool | None
) -> AwaitedProfile | None:
    """The profile that the purchase could give its numbers, and that the account is being told since the order is
    there. One that it has refused is not waited for, and none for long: numbers can be routed one by one as well."""
    began, key = order.status.started_at, account_key(order.spec.account_ref, order.metadata.namespace)
    if pool is None or began is None or account is None or not account.carrier.abilities.routing_in_purchase:
        return None
    desired = services.fleet.routing_of_pool(pool, key)
    until = began + _PROFILE_WAITED_FOR
    if desired is None or desired.told or desired.missing or desired.held:
        return None
    profile = services.fleet.get(RoutingProfile, order.metadata.namespace, desired.profile)
    if profile is None or refusal_of(account, services.fleet.routing_at(profile, key)):
        return None
    waits = still_waits(until, services.clock(), _PROFILE_WAITED_FOR)
    return AwaitedProfile(desired.profile, until) if waits else None


_PROFILE_WAITED_FOR = timedelta(seconds=30)


def _other_market(order: NumberOrder, pool: NumberPool | None) -> str | None:
    if pool is None or not is_for_other_market(order, pool):
        return None
    return other_market_message(order_want(order).market, market_of(pool.spec.market))


def _seen_unsent(services: Services, order: NumberOrder, pool: NumberPool | None) -> AccountSeen:
    """The account of an order of which the carrier has not heard."""
    key = account_key(order.spec.account_ref, order.metadata.namespace)
    seen = services.accounts.seen(key, order.metadata.namespace)
    return as_documents_let(services, pool, key, seen, tenants_of(order)) if pool else seen


def tenants_of(order: NumberOrder) -> ObjectRef | None:
    """The bundle of the claims that the order is made for; None: its pool's counts."""
    return asked_for(order.spec.for_claims).bundle


def pool_of(order: NumberOrder) -> ObjectRef:
    return ObjectRef(order.metadata.namespace, order.spec.pool_ref.name)


def lost_pool(order: NumberOrder, pool: NumberPool | None) -> bool:
    """Whether the pool that the order is for is deleted, or is being so; another one may have its name."""
    return pool is None or pool.metadata.deletion_timestamp is not None or chose_for_former_pool(order, pool)


def _sends_nothing(services: Services, order: NumberOrder) -> bool:
    """Whether the order's pool is gone, suspended or frozen, its bills are not paid, or the object of the account that
    it names can't be used until a person mends it: it keeps no other order from the carrier."""
    namespace, pool = order.metadata.namespace, services.fleet.get(NumberPool, *pool_of(order))
    if pool is None or pool.spec.suspend or lost_pool(order, pool) or services.quotas.unpaid(namespace):
        return True
    if services.accounts.seen_by_holder(account_key(order.spec.account_ref, namespace), namespace).blocked in USELESS:
        return True
    return services.fleet.freeze_on(None, pool_of(order)) is not None


def _buys_in_turn(account: OpenAccount | None) -> bool:
    """Whether orders of the account go one at a time."""
    return account is None or account.carrier.abilities.buys_in_turn


def _one_is_at_the_carrier(services: Services, orders: Iterable[NumberOrder]) -> bool:
    return any(_sent(one) and not _sends_nothing(services, one) for one in orders)


def _sent(order: NumberOrder) -> bool:
    return any(item.state in SENT for item in order.status.items or ())


def _may_leave(order: NumberOrder) -> bool:
    """Whether its numbers may come from another account: the claims that it is for ask for none, and nobody has named
    the numbers."""
    return not order.spec.numbers and asked_for(order.spec.for_claims).account is None


def _has_alternatives(services: Services, pool: NumberPool | None, mine: AccountKey) -> bool:
    if pool is None:
        return False
    namespace = pool.metadata.namespace
    carriers = [account_key(carrier.account_ref, namespace) for carrier in pool.spec.carriers]
    return any(one != mine and services.accounts.seen(one, namespace).blocked is None for one in carriers)


def bundle_of(services: Services, order: NumberOrder, account: AccountKey) -> str | None:
    """The carrier's id of the bundle that the order's numbers are bought with."""
    return approved_bundle(services, services.fleet.get(NumberPool, *pool_of(order)), account, tenants_of(order))
