"""What the accounts of a pool offer that chooses among some of them by price (`plan/number_pool/preference.py`).

::

    a turn of the pool   wants to know, in a market of an account of which nothing, or nothing new, is known
    a turn of Prices     searches the account, in its lane, and wakes the pools that order from it

Who is silent for a while counts as one that did not tell: a dead carrier never holds up an order at another one.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from ringfleet.api import NumberPool
from ringfleet.carriers.errors import AccountRestricted, CarrierError, CredentialsRejected, RequestRejected
from ringfleet.controllers.bundle_readiness import wake_pools
from ringfleet.controllers.carrier_clients import Offered, OpenAccount
from ringfleet.controllers.services import Services
from ringfleet.model import AccountKey, Market, Offer
from ringfleet.objects.number_order import market_queries
from ringfleet.objects.refs import Key, market_of
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.number_pool.plan import PoolWant
from ringfleet.plan.number_pool.preference import compared, ranks_of
from ringfleet.plan.offer_choice import rank_offers

log = structlog.get_logger(__name__)

HOLDS = 900.0
"""Seconds for which what an account offers is good enough to compare it with others."""
AGAIN = 30.0
"""Seconds for which an answer is waited for, and until an account that gave none is asked again."""
SHOWN = 30
"""How many offers of a market are asked for: a page at any carrier, and enough to know what its numbers cost."""


def ask_for_prices(services: Services, pool: NumberPool, want: PoolWant) -> float | None:
    """Have the accounts searched that the pool compares by price, where that is not known or not new. Returns the
    seconds until one that does not answer is waited for no longer; None: all have answered."""
    if want.suspended:
        return None
    market, now, waits = want.market, services.monotonic(), []
    for key, account in _to_compare(services, pool, want):
        if _is_known(account, market, now):
            continue
        since = account.priced_for.setdefault(market, now)
        services.queues.wake_prices(key)
        if now >= since + AGAIN:
            _note(account, market, None, now)
        waits.append(max(1.0, since + AGAIN - now))
    return min(waits, default=None)


async def learn_prices(services: Services, pool: NumberPool, want: PoolWant) -> None:
    """Search them here and now: for who has no lanes."""
    for key, account in _to_compare(services, pool, want):
        if not _is_known(account, want.market, services.monotonic()):
            await _learn(services, key, account, want.market)


async def read_prices(services: Services, key: Key) -> None:
    """Search one account in the markets that pools want to know of, and wake who waits for it."""
    name = AccountKey(key.namespace, key.name)
    account = services.accounts.get(name)
    if account is None:
        return
    while market := next(iter(account.priced_for), None):
        await _learn(services, name, account, market)
        account.priced_for.pop(market, None)
        wake_pools(services, name)


def as_priced(services: Services, key: AccountKey, seen: AccountSeen, pool: NumberPool) -> AccountSeen:
    """The account with what it offers in the pool's market, as far as anybody has wanted to know."""
    account, market = services.accounts.get(key), market_of(pool.spec.market)
    if account is None:
        return seen
    known = account.offered.get(market)
    awaited = market in account.priced_for and not _is_known(account, market, services.monotonic())
    return replace(seen, offered=known.offers if known else None, prices_awaited=awaited)


def _to_compare(services: Services, pool: NumberPool, want: PoolWant) -> list[tuple[AccountKey, OpenAccount]]:
    """The open accounts of which the price decides. One that can't be called is not waited for."""
    opened: list[tuple[AccountKey, OpenAccount]] = []
    for key in sorted(compared(ranks_of(want.carriers, want.preferences))):
        account = services.accounts.get(key)
        if account and services.accounts.seen(key, pool.metadata.namespace).blocked is None:
            opened.append((key, account))
    return opened


def _is_known(account: OpenAccount, market: Market, now: float) -> bool:
    known = account.offered.get(market)
    return known is not None and now < known.until


async def _learn(services: Services, key: AccountKey, account: OpenAccount, market: Market) -> None:
    try:
        offers: tuple[Offer, ...] | None = await _search(account, market)
    except (RequestRejected, AccountRestricted):  # what it refuses, it does not offer
        offers = ()
    except CarrierError as error:
        if isinstance(error, CredentialsRejected):
            services.queues.wake_account(key)
        log.info("prices not read", account=str(key), error=str(error))
        offers = None
    _note(account, market, offers, services.monotonic())


def _note(account: OpenAccount, market: Market, offers: tuple[Offer, ...] | None, now: float) -> None:
    """Keep an answer; that there was none does not undo the one before."""
    if offers is not None:
        account.offered[market] = Offered(offers, now + HOLDS)
        return
    known = account.offered.get(market)
    account.offered[market] = Offered(known.offers if known else None, now + AGAIN)


async def _search(account: OpenAccount, market: Market) -> tuple[Offer, ...]:
    """One area code after the other, as an order does, until there are enough that fit."""
    found: list[Offer] = []
    for query in market_queries(market):
        found = rank_offers(market, (*found, *(await account.carrier.search(query, SHOWN)).offers))
        if len(found) >= SHOWN:
            break
    return tuple(found)
