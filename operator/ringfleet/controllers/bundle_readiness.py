"""Which bundle a pool's orders and its numbers live by: between bundles as seen and `plan/compliance_bundle`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import structlog

from ringfleet.api import CarrierAccount, ComplianceBundle, NumberPool
from ringfleet.api.market import Market
from ringfleet.carriers.errors import CarrierError
from ringfleet.carriers.registrar import Registrar
from ringfleet.controllers.carrier_clients import Demand
from ringfleet.controllers.services import Services
from ringfleet.model import AccountKey
from ringfleet.model.compliance import EndUserType
from ringfleet.objects.compliance_bundle import bundle_seen
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.compliance_bundle.selection import (
    Approved,
    AwaitBundle,
    BundleStanding,
    NoBundle,
    OrderAndPark,
    OrderLeave,
    OrderWith,
    Rejected,
    Waiting,
    bundle_for,
    wait_for_bundle,
)
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.phone_number.case import Documents
from ringfleet.plan.phone_number.phase import IN_FLIGHT

log = structlog.get_logger(__name__)

DEMAND_KEPT = 3600.0
"""Seconds for which what a carrier demands in a market is remembered."""
DEMAND_AGAIN = 30.0
"""Seconds until a carrier that did not say is asked again."""


def bundle_standing(services: Services, pool: NumberPool, account: AccountKey) -> BundleStanding:
    """How the bundle stands that the pool would use at the account."""
    meta, market = pool.metadata, pool.spec.market
    bundles = [bundle_seen(one) for one in services.fleet.all(ComplianceBundle) if _lives(one, meta.namespace)]
    ref = pool.spec.compliance_bundle_ref
    return bundle_for(market.country, market.type, account, bundles, services.clock(), ref.name if ref else None)


def _lives(bundle: ComplianceBundle, namespace: str) -> bool:
    return bundle.metadata.namespace == namespace and bundle.metadata.deletion_timestamp is None


def leave_to_order(services: Services, pool: NumberPool, account: AccountKey) -> OrderLeave:
    """Whether the pool may order at the account, and with which bundle."""
    open_, market = services.accounts.get(account), pool.spec.market
    demanded = open_.demands.get((market.country, market.type)) if open_ else None
    standing = bundle_standing(services, pool, account)
    return wait_for_bundle(
        pool.spec.ordering.require_approved_bundle, demanded.documents if demanded else None, standing
    )


async def learn_demands(services: Services, pool: NumberPool, accounts: tuple[AccountKey, ...]) -> float | None:
    """Ask the pool's carriers, now and then, whether they demand documents in its market.

    Returns the seconds until one that has not said is asked again; None when all have.
    """
    demands = [await _learn_demand(services, pool, key) for key in accounts]
    silent = [demand.until - services.monotonic() for demand in demands if demand and demand.documents is None]
    return max(0.0, min(silent)) if silent else None


async def _learn_demand(services: Services, pool: NumberPool, key: AccountKey) -> Demand | None:
    """What is known of the carrier now; None when its account can't be called. What it said once outlives a failure."""
    market, now, account = pool.spec.market, services.monotonic(), services.accounts.get(key)
    if account is None or services.accounts.seen(key, pool.metadata.namespace).blocked:
        return None
    known = account.demands.get((market.country, market.type))
    if known is None or now >= known.until:
        said = await _ask(account.carrier.registrar, market, now)
        if known and said.documents is None:
            said = replace(known, until=said.until)
        known = account.demands[market.country, market.type] = said
    return known


async def _ask(registrar: Registrar | None, market: Market, now: float) -> Demand:
    """Whether the carrier demands documents; unknown, and to be asked again soon, when it does not say."""
    if registrar is None:
        return Demand(documents=False, until=now + DEMAND_KEPT)
    try:
        found = await registrar.regulation(market.country, market.type, EndUserType.BUSINESS)
    except CarrierError as error:
        log.warning("requirements not read", country=market.country, type=str(market.type), error=str(error))
        return Demand(documents=None, until=now + DEMAND_AGAIN)
    if found is None or not found.requirements:
        return Demand(documents=False, until=now + DEMAND_KEPT)
    return Demand(documents=True, until=now + DEMAND_KEPT, review=found.review)


def review_ahead(services: Services, pool: NumberPool, accounts: tuple[AccountKey, ...]) -> timedelta:
    """How long a review takes that the pool's orders have to wait for, or its numbers at the carrier; by the carrier
    that it prefers."""
    account = services.accounts.get(accounts[0])
    demand = account.demands.get((pool.spec.market.country, pool.spec.market.type)) if account else None
    waits = isinstance(leave_to_order(services, pool, accounts[0]), AwaitBundle | OrderAndPark)
    return demand.review if demand and demand.review and waits else timedelta()


def to_order_from(services: Services, account: AccountKey, namespace: str) -> AccountSeen:
    """The account as an object of `namespace` may order from it, that has not done so yet."""
    obj = services.fleet.get(CarrierAccount, account.namespace, account.name)
    if obj is None or not obj.metadata.deletion_timestamp:
        return services.accounts.seen(account, namespace)
    message = f"CarrierAccount {account} is being deleted: nothing more is ordered through it."
    return AccountSeen(Reason.ACCOUNT_DELETED, message)


def account_for(services: Services, pool: NumberPool, account: AccountKey) -> AccountSeen:
    """The account as the pool may use it: one where it has to wait for its bundle can't be ordered from, nor can one
    that is being deleted."""
    seen = to_order_from(services, account, pool.metadata.namespace)
    if seen.blocked:
        return seen
    leave = leave_to_order(services, pool, account)
    return AccountSeen(leave.reason, leave.message, seen.stale) if isinstance(leave, AwaitBundle) else seen


def readiness(services: Services, pool: NumberPool, accounts: tuple[AccountKey, ...]) -> tuple[Condition, ...]:
    """Whether the pool's bundles let it order everywhere; nothing where none is needed."""
    leaves = {key: leave_to_order(services, pool, key) for key in accounts if services.accounts.get(key)}
    waits = [leave for leave in leaves.values() if isinstance(leave, AwaitBundle)]
    parks = [leave for leave in leaves.values() if isinstance(leave, OrderAndPark)]
    if waits:
        message = " ".join(dict.fromkeys(leave.message for leave in waits))
        return (Condition("ComplianceReady", False, waits[0].reason, message),)
    if parks:
        message = " ".join(dict.fromkeys(f"Numbers wait at the carrier: {leave.message}" for leave in parks))
        return (Condition("ComplianceReady", False, Reason.PENDING_DOCUMENTS, message),)
    if any(isinstance(leave, OrderWith) for leave in leaves.values()):
        return (Condition("ComplianceReady", True, Reason.APPROVED, "Orders carry an approved ComplianceBundle."),)
    return ()


def approved_bundle(services: Services, pool: NumberPool | None, account: AccountKey) -> str | None:
    """The carrier's id of the bundle that an order of the pool carries; None when none is approved."""
    standing = bundle_standing(services, pool, account) if pool else None
    return standing.external_id if isinstance(standing, Approved) else None


def documents_for(services: Services, record: NumberRecord) -> Documents | None:
    """What a number waits for whose carrier asks for documents; None when its pool, which would know, is gone."""
    pool = services.fleet.pool_of(record)
    if pool is None or record.state.phase not in IN_FLIGHT:
        return None
    standing = bundle_standing(services, pool, record.account)
    match standing:
        case Approved(bundle, external_id):
            return Documents(f"{bundle}: Approved", f"ComplianceBundle {bundle} at {record.account}", external_id)
        case Waiting(bundle, state, message):
            return Documents(f"{bundle}: {state}", message)
        case Rejected(bundle, message):
            return Documents(f"{bundle}: Rejected", message)
        case NoBundle(message):
            return Documents("no bundle", message)
