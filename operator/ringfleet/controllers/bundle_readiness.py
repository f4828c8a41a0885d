"""Which bundle a pool's orders and its numbers live by, and whether their carriers ask for documents at all.

Here is only the looking and the asking; what it means is in `plan/compliance_bundle/readiness.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import structlog

from ringfleet.api import CarrierAccount, NumberPool
from ringfleet.carriers.errors import CarrierError
from ringfleet.carriers.registrar import Registrar
from ringfleet.controllers.carrier_clients import Demand, OpenAccount
from ringfleet.controllers.services import Services
from ringfleet.model import GONE, AccountKey, NumberType
from ringfleet.model.compliance import EndUserType
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.refs import Key, account_key
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.compliance_bundle.readiness import MarketSeen, Readiness, judge_readiness
from ringfleet.plan.compliance_bundle.selection import (
    Approved,
    AwaitBundle,
    BundleStanding,
    wait_for_bundle,
)
from ringfleet.plan.conditions import Reason
from ringfleet.plan.phone_number.case import Documents, Registration
from ringfleet.plan.phone_number.documents import documents_by
from ringfleet.plan.phone_number.phase import IN_FLIGHT

log = structlog.get_logger(__name__)

DEMAND_KEPT = 3600.0
"""Seconds for which what a carrier demands in a market is remembered."""
DEMAND_AGAIN = 30.0
"""Seconds until a carrier that did not say is asked again."""


def bundle_standing(services: Services, pool: NumberPool, account: AccountKey) -> BundleStanding:
    """How the bundle stands that the pool would use at the account."""
    return services.claim_bundles.pools_own(pool, account)


def pool_readiness(services: Services, pool: NumberPool, accounts: tuple[AccountKey, ...]) -> Readiness:
    """What its bundles mean for the pool, by what its carriers have said of its market."""
    carriers = {key: _see_market(services, pool, key) for key in accounts}
    return judge_readiness(pool.spec.ordering.require_approved_bundle, carriers)


def tenants_accounts(
    services: Services, pool: NumberPool, accounts: tuple[AccountKey, ...], tenants: ObjectRef
) -> Mapping[AccountKey, AccountSeen]:
    """The accounts as an order of the pool may use them that is made for claims with this bundle. None is parked for
    them, whatever the pool does for its stock: what a tenant asks for is paid by somebody else."""
    return judge_readiness(None, {key: _see_market(services, pool, key, tenants) for key in accounts}).accounts


def _see_market(services: Services, pool: NumberPool, key: AccountKey, tenants: ObjectRef | None = None) -> MarketSeen:
    """`tenants`: the bundle of claims' tenant that counts in place of the pool's own; None: the pool's does."""
    account = services.accounts.get(key)
    demand = account.demands.get(market_of(pool)) if account else None
    its_own = bundle_standing(services, pool, key) if tenants is None else None
    return MarketSeen(
        account=to_order_from(services, key, pool.metadata.namespace),
        standing=its_own or services.claim_bundles.standing(tenants or ObjectRef("", ""), pool, key),
        open=account is not None,
        reachable=_callable(services, pool, key) is not None,
        asked=demand is not None,
        demanded=demand.documents if demand else None,
        error=demand.error if demand else "",
        review=demand.review if demand else None,
    )


def as_documents_let(
    services: Services, pool: NumberPool, key: AccountKey, seen: AccountSeen, tenants: ObjectRef | None
) -> AccountSeen:
    """The account as an order of the pool may use it of which the carrier has not heard: the bundle that the order was
    made with may be gone, or be one of several, since then, and what is bought without one is paid for and parked.
    `tenants`: that of the claims that the order is made for."""
    if seen.blocked or not may_demand(services, key):
        return seen
    market = _see_market(services, pool, key, tenants)
    leave = market.leave(None if tenants else pool.spec.ordering.require_approved_bundle)
    if not isinstance(leave, AwaitBundle) or not (market.demanded or tenants):
        return seen
    return replace(seen, blocked=leave.reason, message=leave.message)


def may_demand(services: Services, key: AccountKey) -> bool:
    """Whether the account's carrier reviews documents at all; of one that can't be asked it is not known, so it may."""
    account = services.accounts.get(key)
    return account is None or account.carrier.registrar is not None


def ask_for_demands(services: Services, pool: NumberPool, accounts: tuple[AccountKey, ...]) -> float | None:
    """Have the pool's carriers asked, now and then, whether they demand documents in its market.

    Each is asked in its account's lane, and wakes the pool when it has said something else than before. One that is
    silent for long counts as one that did not say. Returns the seconds until one that has not said is asked again, or
    waited for no longer; None when all have.
    """
    waits = []
    for key in accounts:
        account = _callable(services, pool, key)
        if account is None:
            continue
        if _is_to_be_asked(services, key, account, market_of(pool)):
            account.wanted_markets.setdefault(market_of(pool), services.monotonic())
            services.queues.wake_requirements(key)
        waits += _waits_for(account, market_of(pool), services.monotonic())
    return max(_SOON, min(waits)) if waits else None


_SOON = 1.0


def _waits_for(account: OpenAccount, market: tuple[str, NumberType], now: float) -> list[float]:
    """Until when the carrier's word is waited for, in seconds from `now`; nothing where it has spoken."""
    known, since = account.demands.get(market), account.wanted_markets.get(market, now)
    if known and known.documents is not None:
        return []
    if known and now < known.until:
        return [known.until - now]
    if now < since + DEMAND_AGAIN:
        return [since + DEMAND_AGAIN - now]
    account.demands[market] = Demand(documents=None, until=now + DEMAND_AGAIN)
    return [DEMAND_AGAIN]


async def learn_demands(services: Services, pool: NumberPool, accounts: tuple[AccountKey, ...]) -> None:
    """Ask them here and now: for who has no lanes."""
    for key in accounts:
        account = _callable(services, pool, key)
        if account and _is_to_be_asked(services, key, account, market_of(pool)):
            await _learn_demand(services, key, account, market_of(pool))


async def read_requirements(services: Services, key: Key) -> None:
    """Ask the carrier of one account about the markets that pools want to know of, and wake who waits for it."""
    account = services.accounts.get(AccountKey(key.namespace, key.name))
    if account is None:
        return
    while market := next(iter(account.wanted_markets), None):
        before = account.demands.get(market)
        said = await _learn_demand(services, AccountKey(key.namespace, key.name), account, market)
        account.wanted_markets.pop(market, None)
        if before is None or replace(before, until=said.until) != said:
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


def _is_to_be_asked(services: Services, key: AccountKey, account: OpenAccount, market: tuple[str, NumberType]) -> bool:
    """A carrier that reviews nothing demands nothing, which needs no call."""
    known = account.demands.get(market)
    if account.carrier.registrar is None:
        account.demands[market] = Demand(documents=False, until=math.inf)
        if known is None:
            _tell_claims(services, key, market, documents=False)
        return False
    return known is None or services.monotonic() >= known.until


async def _learn_demand(
    services: Services, key: AccountKey, account: OpenAccount, market: tuple[str, NumberType]
) -> Demand:
    """What is known of the market now. What the carrier said once outlives a failure."""
    assert account.carrier.registrar
    known, now = account.demands.get(market), services.monotonic()
    said = await _ask(account.carrier.registrar, market, now)
    if known and said.documents is None:
        said = replace(known, until=said.until, error=known.error or said.error)
    account.demands[market] = said
    if known is None or known.documents is not said.documents:
        _tell_claims(services, key, market, documents=bool(said.documents))
    return said


def _tell_claims(services: Services, account: AccountKey, market: tuple[str, NumberType], *, documents: bool) -> None:
    """What the carrier asks for is another thing than was known: the claims that wait ask anew, and the orders that
    were made for them go on; the numbers of those that bring bundles of their own are registered to them."""
    for place in pools_at(services, account):
        pool = services.fleet.get(NumberPool, *place)
        if pool and market_of(pool) == market:
            claims = services.fleet.claims.by("pool", place)
            bring = [one for one in claims if services.claim_bundles.named(one, pool) is not None]
            services.claim_queue.reconsider(claims if documents else bring)
            for number in (number for claim in bring for number in services.fleet.numbers_of(claim)):
                services.queues.wake_number(number)
            for order in services.fleet.orders_for(*place):
                if not order.status.done:
                    services.queues.wake_order(order.metadata.namespace, order.metadata.name)


async def _ask(registrar: Registrar, market: tuple[str, NumberType], now: float) -> Demand:
    """Whether the carrier demands documents; unknown, and to be asked again soon, when it does not say."""
    country, type_ = market
    try:
        found = await registrar.regulation(country, type_, EndUserType.BUSINESS)
    except CarrierError as error:
        log.warning("requirements not read", country=country, type=str(type_), error=str(error))
        return Demand(documents=None, until=now + DEMAND_AGAIN, error=str(error))
    if found is None or not found.requirements:
        return Demand(documents=False, until=now + DEMAND_KEPT)
    return Demand(documents=True, until=now + DEMAND_KEPT, review=found.review)


def to_order_from(services: Services, account: AccountKey, namespace: str) -> AccountSeen:
    """The account as an object of `namespace` may order from it, that has not done so yet."""
    obj = services.fleet.get(CarrierAccount, account.namespace, account.name)
    if obj is None or not obj.metadata.deletion_timestamp:
        return services.accounts.seen(account, namespace)
    message = f"CarrierAccount {account} is being deleted: nothing more is ordered through it."
    return AccountSeen(Reason.ACCOUNT_DELETED, message)


def approved_bundle(
    services: Services, pool: NumberPool | None, account: AccountKey, tenants: ObjectRef | None
) -> str | None:
    """The carrier's id of the bundle that an order of the pool carries: the pool's, or the `tenants'`; None when it is
    not approved."""
    if pool is None or tenants:
        return services.claim_bundles.approved_id(tenants, pool, account) if pool and tenants else None
    standing = bundle_standing(services, pool, account)
    return standing.external_id if isinstance(standing, Approved) else None


def documents_for(services: Services, record: NumberRecord) -> Documents | None:
    """What a number waits for whose carrier asks for documents; None when its pool, which would know, is gone."""
    pool = services.fleet.pool_of(record)
    if pool is None or record.state.phase not in IN_FLIGHT:
        return None
    if tenants := _tenants_bundle(services, pool, record):
        standing = services.claim_bundles.standing(tenants, pool, record.account)
        return documents_by(standing, record.account, tenants)
    return documents_by(bundle_standing(services, pool, record.account), record.account)


def _tenants_bundle(services: Services, pool: NumberPool, record: NumberRecord) -> ObjectRef | None:
    """The bundle of the claim that holds the number, or of those that it was bought for; None: the pool's counts."""
    claim = services.fleet.claim_of(record)
    named = services.claim_bundles.named(claim, pool) if claim else record.state.registered
    return named if isinstance(named, ObjectRef) else None


def registration_for(services: Services, record: NumberRecord) -> Registration | None:
    """The bundle that a number in service is to be registered to; None: whichever it is registered to will do.

    A number that is in stock and still registered to a claim's bundle goes back to its pool's, as soon as that is
    approved, unless a claim waits that would have it registered to the very same.
    """
    tenants = record.state.registered
    if (record.claim is None and tenants is None) or record.observed or record.state.phase in GONE:
        return None
    pool, claim = services.fleet.pool_of(record), services.fleet.claim_of(record)
    if pool is None or (record.claim and claim is None):
        return None
    named = services.claim_bundles.named(claim, pool) if claim else None
    if isinstance(named, ObjectRef):
        return _to_tenants(services, pool, record, named)
    place = ObjectRef(pool.metadata.namespace, pool.metadata.name)
    if named or tenants is None or (claim is None and services.claim_queue.waits_for_bundle(place, tenants)):
        return None
    return _to_pools(services, pool, record)


def _to_tenants(services: Services, pool: NumberPool, record: NumberRecord, tenants: ObjectRef) -> Registration | None:
    bundles, account = services.claim_bundles, record.account
    if not (record.state.attached or bundles.demanded(pool, account)):
        return None  # nobody asks for documents
    name, standing = f"ComplianceBundle {tenants} at {account}", bundles.standing(tenants, pool, account)
    revisions = bundles.revisions(tenants, account)
    if isinstance(standing, Approved):
        return Registration(tenants, name, standing.external_id, revisions)
    leave = wait_for_bundle(None, True, standing)
    assert isinstance(leave, AwaitBundle)
    return Registration(tenants, name, None, revisions, leave.reason, leave.message)


def _to_pools(services: Services, pool: NumberPool, record: NumberRecord) -> Registration | None:
    standing = bundle_standing(services, pool, record.account)
    if not isinstance(standing, Approved):
        return None
    name = f"ComplianceBundle {standing.bundle} at {record.account}"
    return Registration(None, name, standing.external_id)
