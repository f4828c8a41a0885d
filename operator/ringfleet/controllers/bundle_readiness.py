"""Which bundle a pool's orders and its numbers live by: between bundles as seen and `plan/compliance_bundle`."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import structlog

from ringfleet.api import CarrierAccount, ComplianceBundle, NumberPool
from ringfleet.carriers.errors import CarrierError
from ringfleet.carriers.registrar import Registrar
from ringfleet.controllers.carrier_clients import Demand, OpenAccount
from ringfleet.controllers.services import Services
from ringfleet.model import AccountKey, NumberType
from ringfleet.model.compliance import EndUserType
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.compliance_bundle import bundle_seen
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.refs import Key, account_key
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
    open_ = services.accounts.get(account)
    demanded = open_.demands.get(market_of(pool)) if open_ else None
    standing = bundle_standing(services, pool, account)
    if demanded is None:  # nobody has asked yet, which is soon over: so no pool parks numbers by guess
        return wait_for_bundle(None, None, standing)
    return wait_for_bundle(pool.spec.ordering.require_approved_bundle, demanded.documents, standing)


def ask_for_demands(services: Services, pool: NumberPool, accounts: tuple[AccountKey, ...]) -> float | None:
    """Have the pool's carriers asked, now and then, whether they demand documents in its market.

    Each is asked in its account's lane, and wakes the pool when it has said something else than before. Returns the
    seconds until one that has not said is asked again; None when all have.
    """
    waits = []
    for key in accounts:
        account = _callable(services, pool, key)
        if account is None:
            continue
        if _is_to_be_asked(services, account, market_of(pool)):
            account.wanted_markets.add(market_of(pool))
            services.queues.wake_requirements(key)
        known = account.demands.get(market_of(pool))
        waits += [known.until - services.monotonic()] if known and known.documents is None else []
    return max(_SOON, min(waits)) if waits else None


_SOON = 1.0


async def learn_demands(services: Services, pool: NumberPool, accounts: tuple[AccountKey, ...]) -> None:
    """Ask them here and now: for who has no lanes."""
    for key in accounts:
        account = _callable(services, pool, key)
        if account and _is_to_be_asked(services, account, market_of(pool)):
            await _learn_demand(services, account, market_of(pool))


async def read_requirements(services: Services, key: Key) -> None:
    """Ask the carrier of one account about the markets that pools want to know of, and wake who waits for it."""
    account = services.accounts.get(AccountKey(key.namespace, key.name))
    if account is None:
        return
    while market := next(iter(account.wanted_markets), None):
        before = account.demands.get(market)
        said = await _learn_demand(services, account, market)
        account.wanted_markets.discard(market)
        if before is None or (before.documents, before.review) != (said.documents, said.review):
            wake_pools(services, AccountKey(key.namespace, key.name))


def wake_pools(services: Services, account: AccountKey) -> None:
    """The pools that order from the account."""
    for pool in pools_at(services, account):
        services.queues.wake("NumberPool", *pool)


def pools_at(services: Services, account: AccountKey) -> list[ObjectRef]:
    """The pools that order from the account, whether it lets them or not."""
    return [
        ObjectRef(pool.metadata.namespace, pool.metadata.name)
        for pool in services.fleet.all(NumberPool)
        if account in (account_key(one.account_ref, pool.metadata.namespace) for one in pool.spec.carriers)
    ]


def market_of(pool: NumberPool) -> tuple[str, NumberType]:
    return pool.spec.market.country, pool.spec.market.type


def _callable(services: Services, pool: NumberPool, key: AccountKey) -> OpenAccount | None:
    blocked = services.accounts.seen(key, pool.metadata.namespace).blocked
    return None if blocked else services.accounts.get(key)


def _is_to_be_asked(services: Services, account: OpenAccount, market: tuple[str, NumberType]) -> bool:
    """A carrier that reviews nothing demands nothing, which needs no call."""
    known = account.demands.get(market)
    if account.carrier.registrar is None:
        account.demands[market] = Demand(documents=False, until=math.inf)
        return False
    return known is None or services.monotonic() >= known.until


async def _learn_demand(services: Services, account: OpenAccount, market: tuple[str, NumberType]) -> Demand:
    """What is known of the market now. What the carrier said once outlives a failure."""
    assert account.carrier.registrar
    known, now = account.demands.get(market), services.monotonic()
    said = await _ask(account.carrier.registrar, market, now)
    if known and said.documents is None:
        said = replace(known, until=said.until)
    account.demands[market] = said
    return said


async def _ask(registrar: Registrar, market: tuple[str, NumberType], now: float) -> Demand:
    """Whether the carrier demands documents; unknown, and to be asked again soon, when it does not say."""
    country, type_ = market
    try:
        found = await registrar.regulation(country, type_, EndUserType.BUSINESS)
    except CarrierError as error:
        log.warning("requirements not read", country=country, type=str(type_), error=str(error))
        return Demand(documents=None, until=now + DEMAND_AGAIN)
    if found is None or not found.requirements:
        return Demand(documents=False, until=now + DEMAND_KEPT)
    return Demand(documents=True, until=now + DEMAND_KEPT, review=found.review)


def review_ahead(services: Services, pool: NumberPool, accounts: tuple[AccountKey, ...]) -> timedelta:
    """How long a review takes that the pool's orders have to wait for, or its numbers at the carrier; by the carrier
    that it prefers."""
    account = services.accounts.get(accounts[0])
    demand = account.demands.get(market_of(pool)) if account else None
    waits = isinstance(leave_to_order(services, pool, accounts[0]), AwaitBundle | OrderAndPark)
    return demand.review if demand and demand.review and waits else timedelta()


def to_order_from(services: Services, account: AccountKey, namespace: str) -> AccountSeen:
    """The account as an object of `namespace` may order from it, that has not done so yet."""
    obj = services.fleet.get(CarrierAccount, account.namespace, account.name)
    if obj is None or not obj.metadata.deletion_timestamp:
        return services.accounts.seen(account, namespace)
    message = f"CarrierAccount {account} is being deleted: nothing more is ordered through it."
    return AccountSeen(Reason.ACCOUNT_DELETED, message)


def accounts_for(
    services: Services, pool: NumberPool, accounts: tuple[AccountKey, ...]
) -> dict[AccountKey, AccountSeen]:
    """The accounts as the pool may use them. While one has not said for the first time what it demands, those that the
    pool likes less wait with it: the next moment may tell that it can be ordered from."""
    found: dict[AccountKey, AccountSeen] = {}
    awaited: AccountSeen | None = None
    for key in accounts:
        seen = account_for(services, pool, key)
        found[key] = awaited if awaited and not seen.blocked else seen
        account = _callable(services, pool, key)
        if account and seen.blocked and market_of(pool) not in account.demands:
            awaited = awaited or seen
    return found


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
