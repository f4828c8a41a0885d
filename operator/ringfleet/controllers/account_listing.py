"""When a carrier account is listed, what a listing that ended concludes, and what is said of one that did not.

The listing itself is account_sweep.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import structlog

from ringfleet.api import CarrierAccount
from ringfleet.carriers.errors import CarrierError, CredentialsRejected, ListingIncomplete, Throttled
from ringfleet.carriers.metered import timed
from ringfleet.controllers.account_sweep import Swept, accepted, believe, find_lost, read_routings, sweep
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.number_emergency import keep_addresses
from ringfleet.controllers.services import Services
from ringfleet.model import E164, AccountKey
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.carrier_account.loss import SHRUNK_MESSAGE
from ringfleet.plan.carrier_account.sweep import next_sweep
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.rate import backoff

log = structlog.get_logger(__name__)


async def sweep_when_due(
    services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount
) -> tuple[Condition, ...]:
    """Sweep when the last one is old enough. A listing that breaks off, or can't be had at all, is only said: buying
    and the balance go on without it.

    Raises:
        CredentialsRejected: they are no longer valid, or have no right to list.
    """
    if not _is_due(services, key, obj, account):
        return listing_conditions(account)
    awaited = frozenset(account.unlisted)
    try:
        with timed(partial(services.meter.swept, obj.spec.provider.value), services.monotonic):
            swept = await sweep(services, key, account)
    except CredentialsRejected:
        raise
    except ListingIncomplete as error:
        log.warning("listing incomplete", account=str(key), error=str(error))
        account.listing_incomplete, account.listing_failures, account.listing_error = True, 0, ""
    except CarrierError as error:
        account.listing_failures += 1
        account.listing_error = account.listing_error if isinstance(error, Throttled) else str(error)
        log.warning("listing failed", account=str(key), failures=account.listing_failures, error=str(error))
    else:
        account.listing_failures, account.listing_error = 0, ""
        await _conclude(services, key, obj, account, swept, awaited)
    account.swept_at = services.monotonic()
    await _read_routings_when_due(services, key, obj, account)
    return listing_conditions(account)


async def _read_routings_when_due(
    services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount
) -> None:
    """Look at the account's routing profiles and emergency addresses with a sweep; with those that come sooner than the
    interval, only once."""
    now, interval = services.monotonic(), obj.spec.sweep_interval.total_seconds()
    if account.routings_read_at is None or now >= account.routings_read_at + interval:
        account.routings_read_at = now
        await read_routings(services, key, account)
        await keep_addresses(services, key, account)


def _is_due(services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount) -> bool:
    """A person's word on a doubted listing is followed at once, and what a pool asks anew to adopt."""
    if account.swept_at is None or accepted(obj, account) or services.adoption.is_asked_anew(key):
        return True
    return services.monotonic() >= account.swept_at + listing_interval(services, key, obj, account)


async def _conclude(
    services: Services,
    key: AccountKey,
    obj: CarrierAccount,
    account: OpenAccount,
    swept: Swept,
    awaited: frozenset[E164],
) -> None:
    """Take in a listing that came to its end: what it showed, and, when it can be believed, what it did not show.

    `awaited`: the numbers that were to be told of when it began. One without an object is gone again.
    """
    account.listing_incomplete, account.listed_addresses = False, None
    account.quiet_sweeps = 0 if swept.findings.changed else account.quiet_sweeps + 1
    if believe(obj, account, swept.listing):
        account.listed_addresses = None if swept.unreadable else swept.addresses
        account.unlisted -= {number for number in awaited if not services.fleet.objects_of(number, key)}
        assert account.identity  # nobody is swept before that
        wake_listed_pools(services, services.fleet.marked.learn(key, account.identity, swept.marked))
        account.listed_at = services.clock()
        account.findings, account.orphaned = replace(swept.findings, changed=()), frozenset(swept.troubles.orphaned)
        account.unreadable = len(swept.unreadable)
        account.unreadable_row = min((row.reason for row in swept.unreadable), default="")
        wake_listed_pools(services, services.adoption.end(key, swept.answers))
        await find_lost(services, key, account, swept, _is_another_look(services, obj, account))
    account.refused = frozenset(swept.troubles.refused)


def wake_listed_pools(services: Services, pools: Iterable[ObjectRef]) -> None:
    """The pools of which the listings show other numbers than before."""
    for pool in pools:
        services.queues.wake("NumberPool", *pool)


def _is_another_look(services: Services, obj: CarrierAccount, account: OpenAccount) -> bool:
    """Whether a whole interval has passed since the last look: sweeps that come sooner make no number lost sooner."""
    now, interval = services.monotonic(), obj.spec.sweep_interval.total_seconds()
    last = account.at_carrier.counted_at
    if last is not None and now < last + interval:
        return False
    account.at_carrier.counted_at = now
    return True


def listing_conditions(account: OpenAccount) -> tuple[Condition, ...]:
    """What is amiss with the last listing."""
    if account.listing_error:
        message = (
            "The account's numbers can't be listed, and it is listed again after a while. Buying goes on, but for "
            "pools of which no listing has told yet what they have: their orders say so. The carrier: "
            f"{account.listing_error.rstrip('.')}."
        )
        return (Condition("ListingFailed", True, Reason.LISTING_FAILED, message),)
    if account.listing_incomplete:
        message = (
            "The carrier's listing ended before its own total: nothing is concluded from it, and it is listed again."
        )
        return (Condition("ListingIncomplete", True, Reason.LISTING_INCOMPLETE, message),)
    if account.doubted is not None:
        return (Condition("ListingShrunk", True, Reason.LISTING_SHRUNK, SHRUNK_MESSAGE),)
    return ()


def listing_interval(services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount) -> float:
    """Seconds between sweeps: short until each number bought was listed, and while numbers wait for the carrier, else
    as the spec says; of listings that fail, ever longer."""
    if account.listing_failures:
        return backoff(
            account.listing_failures, _LISTING_AGAIN, max(_LISTING_AGAIN, obj.spec.sweep_interval)
        ).total_seconds()
    waiting = bool(account.unlisted) or services.fleet.numbers.count("in flight", key) > 0
    return next_sweep(obj.spec.sweep_interval, waiting, account.quiet_sweeps).total_seconds()


_LISTING_AGAIN = timedelta(seconds=5)
"""How long after a first listing that failed the next one is tried."""
