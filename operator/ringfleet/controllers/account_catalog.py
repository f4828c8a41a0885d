"""What an account's searches gave, kept fresh and kept over restarts, so that it is there when search is down.

::

    a turn of Catalog   search what a pool would search, and nobody has for half of spec.catalog.cacheTTL; one at once
                        write what was learnt into the ConfigMap <account>-catalog, as seldom
    the operator stops  the same, for what was learnt since
    an account opens    read that ConfigMap
    search fails        note it: the account says so, and asks again until it answers (controllers/carrier_account.py);
                        orders go on from memory; a pool that finds nothing there goes elsewhere, or says so

Only what an order would do anyway is asked, and slowly: none while the carrier asks for fewer calls, or is down.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog

from ringfleet.api import CarrierAccount, NumberPool
from ringfleet.api.meta import format_duration
from ringfleet.carriers.catalog import Remembered
from ringfleet.carriers.errors import AccountRestricted, CarrierUnavailable, CredentialsRejected, RequestRejected
from ringfleet.controllers.bundle_readiness import pools_at
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.services import Services
from ringfleet.controllers.wake import wake_callers
from ringfleet.kube.errors import AlreadyExists, Conflict, KubeError, NotFound, Unavailable
from ringfleet.kube.transport import Json
from ringfleet.model import AccountKey, Query
from ringfleet.objects.carrier_account import allowed
from ringfleet.objects.catalog import (
    CatalogUnreadable,
    SavedCatalog,
    catalog_body,
    catalog_data,
    catalog_name,
    catalog_patch,
    is_catalog_of,
    saved_catalog,
)
from ringfleet.objects.number_order import market_queries
from ringfleet.objects.refs import CONFIG_MAPS, Key, market_of
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.carrier_account.catalog import BETWEEN_SEARCHES, Refresh, as_searched_by, next_refresh, save_in

log = structlog.get_logger(__name__)

WORTH = 100
"""How many offers a search for the memory asks for: as many as are kept of it, and one page at a carrier."""
AGAIN = timedelta(minutes=1)
"""How long an account is left alone whose search, or which itself, does not work or asks for fewer calls."""


# Whether search works.


def note_search(services: Services, key: AccountKey, account: OpenAccount, stale: Query | None) -> None:
    """Remember whether search works; `stale`: a query for which it does not. The account says so, and asks again until
    it does."""
    changed = (account.stale_query is None) is not (stale is None)
    account.stale_query = stale
    if changed:
        services.queues.wake_account(key)
        wake_callers(services, key)


def wake_searchers(services: Services, key: AccountKey, account: OpenAccount) -> None:
    """While search is down: wake who lives by the memory, when something in it has become too old."""
    usable = account.catalog.usable() if account.stale_query else frozenset[Query]()
    if account.catalog_notes.usable - usable and account.stale_query:
        wake_callers(services, key)
    account.catalog_notes.usable = usable


def as_searched(services: Services, key: AccountKey, seen: AccountSeen, pool: NumberPool) -> AccountSeen:
    """The account as the pool may order from it, by what is remembered of it while its search is down."""
    account = services.accounts.get(key)
    if account is None or not seen.stale:
        return seen
    ttl = format_duration(account.catalog.ttl)
    return as_searched_by(key, seen, _queries_of(pool), account.catalog.usable(), ttl)


def _queries_of(pool: NumberPool) -> tuple[Query, ...]:
    return tuple(market_queries(market_of(pool.spec.market)))


# Searching for the memory's sake.


async def refresh_catalog(services: Services, key: Key) -> float | None:
    """Make one search that is due, and write down what was learnt when it is time. Returns the delay, in seconds, until
    another look; None while the account can't be used, or is to remember nothing.

    Raises:
        KubeError: the ConfigMap can't be written.
    """
    name = AccountKey(key.namespace, key.name)
    obj, account = services.fleet.get(CarrierAccount, *key[1:]), services.accounts.get(name)
    if obj is None or account is None or not _is_kept(services, name, obj, account):
        return None
    refresh = await _refresh(services, name, account)
    saving = await _save_when_due(services, name, obj, account, refresh)
    _say_when_settled(services, name, obj, account, refresh)
    return max(BETWEEN_SEARCHES, min(refresh.wait, saving)).total_seconds()


async def _refresh(services: Services, key: AccountKey, account: OpenAccount) -> Refresh:
    """The search that was made, if any, and when there may be another one."""
    if account.stale_query or account.carrier.health.throttled or account.carrier.health.circuit_open:
        return Refresh(None, AGAIN)
    notes, now = account.catalog_notes, services.monotonic()
    times = {query: kept.seen_at for query, kept in account.catalog.all().items()}
    last = None if notes.searched_at is None else timedelta(seconds=now - notes.searched_at)
    refresh = next_refresh(_wanted(services, key, account), times, last, account.catalog.ttl, services.clock())
    if refresh.query is None:
        return refresh
    notes.searched_at = now
    works = await _search(services, key, account, refresh.query)
    return refresh if works else Refresh(None, AGAIN)


def _wanted(services: Services, key: AccountKey, account: OpenAccount) -> frozenset[Query]:
    """What the pools would search that may order from the account."""
    pools = (services.fleet.get(NumberPool, *place) for place in pools_at(services, key))
    return frozenset(query for pool in pools if pool and _may_order(pool, key, account) for query in _queries_of(pool))


def _may_order(pool: NumberPool, key: AccountKey, account: OpenAccount) -> bool:
    meta = pool.metadata
    off = pool.spec.suspend or meta.deletion_timestamp is not None
    return not off and allowed(account.allowed_namespaces, key, meta.namespace)


async def _search(services: Services, key: AccountKey, account: OpenAccount, query: Query) -> bool:
    """Whether the carrier has answered. What it refuses is not offered; it is asked for that no sooner again."""
    try:
        catalog = await account.carrier.search(query, WORTH)
    except (RequestRejected, AccountRestricted):
        account.catalog.remember(query, ())
        return True
    except CredentialsRejected:
        services.queues.wake_account(key)
        return False
    except CarrierUnavailable as error:
        log.info("catalog not refreshed", account=str(key), error=str(error))
    else:
        if catalog.age is None:
            return True
    if not account.carrier.health.throttled:
        note_search(services, key, account, query)
    return False


def _say_when_settled(
    services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount, refresh: Refresh
) -> None:
    """Have the account say how much is remembered, once what is due was asked, if that is not what it says."""
    said = obj.status.catalog.searches if obj.status.catalog else 0
    if refresh.query is None and refresh.wait > BETWEEN_SEARCHES and len(account.catalog.usable()) != said:
        services.queues.wake_account(key)


# Over a restart.


async def recall_catalog(services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount) -> None:
    """Take in what an earlier process has kept. Whatever is wrong with it is told in the log, and it is left out."""
    notes = account.catalog_notes
    if notes.was_read or notes.seal is None or not account.catalog.ttl:
        return
    try:
        found = await services.kube.get(CONFIG_MAPS, key.namespace, catalog_name(key.name))
    except Unavailable:
        return  # it is looked for again at the next look
    except NotFound:
        found = None
    except KubeError as error:
        log.warning("kept catalog not read", account=str(key), error=str(error))
        found = None
    notes.was_read = True
    if found:
        try:
            _learn(services, account, _read(obj, account, found))
        except CatalogUnreadable as error:
            log.warning("kept catalog ignored", account=str(key), name=catalog_name(key.name), why=str(error))


def _read(obj: CarrierAccount, account: OpenAccount, found: Json) -> SavedCatalog:
    """Raises CatalogUnreadable."""
    assert account.catalog_notes.seal
    return saved_catalog(found.get("data") or {}, obj.status.account_id, account.catalog_notes.seal)


def _learn(services: Services, account: OpenAccount, saved: SavedCatalog) -> None:
    """Take in what was kept, but for the numbers that are ours by now."""
    account.catalog_notes.saved_at = saved.saved_at
    account.catalog.learn({query: _not_ours(services, kept) for query, kept in saved.memory.items()})


def _not_ours(services: Services, kept: Remembered) -> Remembered:
    numbers = services.fleet.numbers
    return Remembered(tuple(offer for offer in kept.offers if not numbers.count("number", offer.number)), kept.seen_at)


async def _save_when_due(
    services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount, refresh: Refresh
) -> timedelta:
    """Write what is remembered, if something was learnt and it is time. Returns when to look again.

    Raises:
        KubeError: it can't be written. It is tried again, and nobody waits for it.
    """
    if not account.catalog.unsaved:
        return account.catalog.ttl / 2
    wait = _may_save_in(services, account, refresh)
    if wait > timedelta(0):
        return wait
    await _save(services, key, obj, account)
    return account.catalog.ttl / 2


def _may_save_in(services: Services, account: OpenAccount, refresh: Refresh) -> timedelta:
    opened = timedelta(seconds=services.monotonic() - account.opened_at)
    return save_in(account.catalog_notes.saved_at, opened, refresh, account.catalog.ttl, services.clock())


async def save_catalogs(services: Services) -> None:
    """Write what was learnt since it was written last, when the operator stops. It is soon done, or left undone."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_AT_STOP):
            await asyncio.gather(*(_save_at_last(services, obj) for obj in services.fleet.all(CarrierAccount)))


_AT_STOP = 2.0
"""Seconds for which a stop waits for that."""


async def _save_at_last(services: Services, obj: CarrierAccount) -> None:
    key = AccountKey(obj.metadata.namespace, obj.metadata.name)
    account = services.accounts.get(key)
    if account is None or not account.catalog.unsaved or not _is_kept(services, key, obj, account):
        return
    try:
        await _save(services, key, obj, account)
    except KubeError as error:
        log.warning("catalog not kept", account=str(key), error=str(error))


def _is_kept(services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount) -> bool:
    """Whether anything is remembered of the account: it can be used, stays, and is to remember."""
    goes = obj.metadata.deletion_timestamp is not None or services.namespaces.is_ending(key.namespace)
    return not goes and bool(account.catalog.ttl) and services.accounts.seen(key, key.namespace).blocked is None


async def _save(services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount) -> None:
    """Write what is remembered into the account's ConfigMap, unless another process has just done so.

    Raises:
        KubeError: the API server does not take it.
    """
    notes, now = account.catalog_notes, services.clock()
    assert notes.seal
    found = await _find(services, key)
    if found and not is_catalog_of(found, key.name):
        if not notes.taken:
            log.warning("catalog not kept: a ConfigMap of its name is not ours", account=str(key))
        notes.taken, notes.saved_at = True, now
        return
    account_id = account.account_id if account.identity else obj.status.account_id
    if found and _is_saved_by_another(services, obj, account, found):
        return
    data = catalog_data(obj, account_id, account.catalog.all(), notes.seal, now)
    unsaved, account.catalog.unsaved = account.catalog.unsaved, False
    try:
        await _write(services, key, catalog_body(obj, data), found)
    except (Conflict, AlreadyExists, NotFound):
        account.catalog.unsaved = unsaved  # by another hand at this very moment
    except BaseException:
        account.catalog.unsaved = unsaved
        raise
    notes.saved_at = now


def _is_saved_by_another(services: Services, obj: CarrierAccount, account: OpenAccount, found: Json) -> bool:
    """Whether another process has written what it knows so lately that it is too soon to write; then that is learnt."""
    before = account.catalog_notes.saved_at
    try:
        saved = _read(obj, account, found)
    except CatalogUnreadable:
        return False
    if before is not None and saved.saved_at <= before:
        return False
    _learn(services, account, saved)
    return _may_save_in(services, account, Refresh(None, AGAIN)) > timedelta(0)


async def _find(services: Services, key: AccountKey) -> Json | None:
    try:
        return await services.kube.get(CONFIG_MAPS, key.namespace, catalog_name(key.name))
    except NotFound:
        return None


async def _write(services: Services, key: AccountKey, body: Json, found: Json | None) -> None:
    if found is None:
        await services.kube.create(CONFIG_MAPS, key.namespace, body)
    else:
        version, patch = found["metadata"]["resourceVersion"], catalog_patch(found, body)
        await services.kube.patch(CONFIG_MAPS, key.namespace, catalog_name(key.name), patch, version)
