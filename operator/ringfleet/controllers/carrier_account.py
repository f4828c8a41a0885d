"""Reconciling one carrier account: read its Secret, keep its client open, probe it, sweep it, say how it is.

While the account can't be used, everything that needs it waits with the account's own reason, and is woken the moment
that this changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial

import structlog

from ringfleet.api import CarrierAccount
from ringfleet.api.carrier_account import AccountNumbers, AccountPurchases, Balance, CarrierAccountStatus
from ringfleet.carriers.errors import (
    CarrierError,
    CarrierUnavailable,
    CredentialsRejected,
    ListingIncomplete,
    ReplyUnreadable,
    RequestRejected,
    Throttled,
)
from ringfleet.carriers.metered import MeteredCarrier, timed
from ringfleet.carriers.registry import open_carrier
from ringfleet.controllers.account_sweep import Swept, accepted, believe, find_lost, read_routings, sweep
from ringfleet.controllers.carrier_clients import OpenAccount, fingerprint, not_reached
from ringfleet.controllers.in_use import ACCOUNT_STAYS, is_guarded
from ringfleet.controllers.purchase_rate import Counted, room_at
from ringfleet.controllers.services import Services
from ringfleet.controllers.wake import wake_users
from ringfleet.kube.errors import NotFound
from ringfleet.model import AccountKey, Money
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.carrier_account import credentials_in, settings_of, standing_of, told_endpoint
from ringfleet.objects.conditions import conditions
from ringfleet.objects.refs import SECRETS, Key
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.carrier_account.balance import AFTER, is_news
from ringfleet.plan.carrier_account.identity import duplicate_message, first_of
from ringfleet.plan.carrier_account.loss import SHRUNK_MESSAGE
from ringfleet.plan.carrier_account.orphans import tell
from ringfleet.plan.carrier_account.sweep import next_sweep
from ringfleet.plan.conditions import Condition, Reason, not_ready, ready, reconciling, stalled
from ringfleet.plan.number_order import rate_message
from ringfleet.plan.phone_number.phase import IN_FLIGHT
from ringfleet.plan.purchase_rate import PurchaseRoom
from ringfleet.rate import backoff

log = structlog.get_logger(__name__)

SECRET_AGAIN = 5.0
"""Seconds between looks at a Secret that is missing or whose credentials were refused. Secrets are not watched."""
REJECTED_AGAIN = 600.0
"""Seconds until refused credentials are tried again as they are: the fault may have been the carrier's. Seldom enough
that nobody locks the account for it."""


async def reconcile_account(services: Services, key: Key) -> float | None:
    """Take one look at the account. Returns the delay, in seconds, until it wants another."""
    name = AccountKey(key.namespace, key.name)
    obj = services.fleet.get(CarrierAccount, key.namespace, key.name)
    if obj and obj.metadata.deletion_timestamp:
        await services.namespaces.look(key.namespace)
    before = services.accounts.seen(name, key.namespace)
    services.accounts.awaited.setdefault(name, services.monotonic())
    try:
        if obj is None or (obj.metadata.deletion_timestamp and not is_guarded(obj)):
            await services.accounts.close(name)
            if obj is None:  # a turn that ran while it was deleted may have noted it again
                _wake_pools(services, services.fleet.marked.forget_object(name))
            return None
        return await _look(services, name, obj)
    finally:  # also when the status could not be written: the next turn would see nothing new
        _rank(services, name)
        _wait_no_longer(services, name)
        _wake_users(services, name, before)


def _wait_no_longer(services: Services, key: AccountKey) -> None:
    """Whoever could use another account waits a while for the first word of this one, and then goes on without it:
    it may never come, whatever has ended the looks at it."""
    if not is_awaited(services, key):
        services.accounts.awaited.pop(key, None)
    elif _has_had_its_time(services, key):
        message = f"CarrierAccount {key} could not be reached so far, see its conditions; it is tried again by itself."
        services.accounts.give_up_waiting(key, AccountSeen(Reason.CARRIER_UNAVAILABLE, message))


def is_awaited(services: Services, key: AccountKey) -> bool:
    """Whether the account is being reached for the first time, and nobody knows yet whether it can be called."""
    return services.accounts.seen_by_holder(key, key.namespace).blocked is Reason.ACCOUNT_NOT_READY


def _has_had_its_time(services: Services, key: AccountKey) -> bool:
    return services.monotonic() >= services.accounts.awaited.get(key, services.monotonic()) + _WAITED_FOR


_WAITED_FOR = 30.0
"""Seconds for which the first word of an account is waited for."""


def _wake_users(services: Services, key: AccountKey, before: AccountSeen) -> None:
    """Wake them if the account is not as it was `before` this look, or not as they were last told: what becomes of
    another account may have made this one a duplicate, or the one that works, without any look at it."""
    now = services.accounts.seen(key, key.namespace)
    told = services.accounts.told.get(key, before)
    if now != before or (now.blocked, now.message) != (told.blocked, told.message):
        wake_users(services, key)
    services.accounts.told[key] = now


async def _look(services: Services, key: AccountKey, obj: CarrierAccount) -> float | None:
    if obj.spec.suspend:
        message = "The account is suspended (spec.suspend): nothing is called at the carrier."
        return await _shut(services, key, obj, (not_ready(Reason.SUSPENDED, message),), None)
    credentials = await _credentials(services, obj)
    if isinstance(credentials, Condition):
        if not obj.metadata.deletion_timestamp:
            return await _shut(services, key, obj, (credentials,), SECRET_AGAIN)
        if kept := services.accounts.get(key):
            return await _call(services, key, obj, kept)  # its Secret went first, and what uses it still has to go
        return await _shut(services, key, obj, (_without_secret(services, obj, credentials),), SECRET_AGAIN)
    try:
        account = await open_account(services, key, obj, credentials)
    except CredentialsRejected as error:
        return await _shut(services, key, obj, _rejected(obj, error), SECRET_AGAIN)
    except ValueError:  # stored by a version that let it pass; what stands there may hold a password, so it is not told
        message = "spec.endpoint is no URL that can be called: write one such as https://api.example.com."
        said = (not_ready(Reason.INVALID_SPEC, message), stalled(Reason.INVALID_SPEC, message))
        return await _shut(services, key, obj, said, None)
    return await _call(services, key, obj, account)


async def _shut(
    services: Services, key: AccountKey, obj: CarrierAccount, said: tuple[Condition, ...], again: float | None
) -> float | None:
    """Close the account's client; everybody that asks for it hears the first of `said`."""
    await services.accounts.close(key)
    services.accounts.block(key, said[0].reason, f"CarrierAccount {key}: {said[0].message}")
    await _say(services, obj, said)
    return again


def _without_secret(services: Services, obj: CarrierAccount, missing: Condition) -> Condition:
    """What a deleted account says that has lost its credentials over a restart. Nothing is created in a namespace that
    is being deleted, so that is not asked for there."""
    message = (
        "It is being deleted, and its credentials are gone, so that the carrier can't be called: what is deleted under"
    )
    message = f"{message} deletionPolicy Retain goes all the same, and stays at the carrier with our mark."
    if not services.namespaces.is_ending(obj.metadata.namespace):
        message = f"{message} To have the carrier told, create the Secret again: {missing.message}"
    return not_ready(missing.reason, message)


def _rejected(obj: CarrierAccount, error: CredentialsRejected) -> tuple[Condition, ...]:
    """What the account says of credentials that the carrier does not take, or that can't even be sent there."""
    message = f"{error} Put valid credentials into Secret {obj.spec.credentials_secret_ref.name}."
    return not_ready(Reason.CREDENTIALS_REJECTED, message), stalled(Reason.CREDENTIALS_REJECTED, message)


async def _credentials(services: Services, obj: CarrierAccount) -> Mapping[str, str] | Condition:
    """The account's credentials, or the condition that says what is missing."""
    try:
        secret = await services.kube.get(SECRETS, obj.metadata.namespace, obj.spec.credentials_secret_ref.name)
    except NotFound:
        secret = None
    return credentials_in(secret, obj)


async def open_account(
    services: Services, key: AccountKey, obj: CarrierAccount, credentials: Mapping[str, str]
) -> OpenAccount:
    """The account's open client; a new one when its settings or any of its credentials have changed."""
    spec, settings = obj.spec, settings_of(obj, credentials)
    print_ = fingerprint(spec.provider, repr(sorted(credentials.items())), repr(settings))
    account = services.accounts.get(key)
    if account is None or account.fingerprint != print_:
        told = partial(services.meter.carrier_called, spec.provider.value)
        carrier = MeteredCarrier(open_carrier(spec.provider, settings), told, services.monotonic)
        account = OpenAccount(
            carrier,
            print_,
            frozenset(),
            not_reached(key),
            credentials=fingerprint(repr(sorted(credentials.items()))),
            opened_at=services.monotonic(),
            concurrency=settings.concurrency,
        )
        if counted := obj.status.numbers:
            account.last_owned, account.doubted = counted.owned, counted.shrunk_to
        await services.accounts.open(key, account)
    if account.allowed_namespaces != frozenset(spec.allowed_namespaces):
        account.allowed_namespaces = frozenset(spec.allowed_namespaces)
        wake_users(services, key)
    return account


async def identify(services: Services, obj: CarrierAccount, account: OpenAccount) -> None:
    """Ask the carrier, once for each client, which account this is; whoever is one with it, or was, is woken.

    Raises:
        CarrierError: the carrier can't be asked.
    """
    if account.identity is None:
        account.account_id = await account.carrier.account_id()
        account.identity = standing_of(obj, account.account_id or f"credentials {account.credentials}").identity
        account.at_carrier = services.accounts.identities.at_carrier(account.identity)
    _rank(services, AccountKey(obj.metadata.namespace, obj.metadata.name))


def _rank(services: Services, key: AccountKey) -> None:
    """Note whether the account is the one that works, of those that are one at the carrier; the others look anew. One
    that was deleted during its turn is none of them."""
    fresh = services.fleet.get(CarrierAccount, key.namespace, key.name)
    concerned = services.accounts.learn(fresh) if fresh else services.accounts.identities.forget(key)
    for other in concerned:
        services.queues.wake_account(other)


def _may_be_duplicate(services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount) -> bool:
    """Whether an older account at this endpoint has not been identified yet: it may be this very one, and is waited for
    a while, so that of two that are made together the wrong one buys nothing first."""
    if obj.status.account_id is not None or services.monotonic() > account.opened_at + _WAIT_FOR_OLDER:
        return False
    mine = standing_of(obj, "")
    others = (standing_of(other, "") for other in services.fleet.all(CarrierAccount) if other.status.account_id is None)
    return any(
        other.identity == mine.identity
        and first_of((mine, other)) != key
        and services.accounts.seen(other.account, other.account.namespace).blocked is Reason.ACCOUNT_NOT_READY
        for other in others
    )


_WAIT_FOR_OLDER = 30.0
"""Seconds for which an account that nobody has identified before waits for the older ones at its endpoint."""


async def _call(services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount) -> float:
    """Probe the account, unless the carrier has just refused what its client was opened with."""
    if account.rejected and services.monotonic() < account.rejected_until:
        return await _turned_away(services, key, obj, account, account.rejected)
    return await _probe(services, key, obj, account)


async def _probe(services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount) -> float:
    """Ask who it is and for the balance, sweep when it is time, and say how that went."""
    try:
        try:
            await identify(services, obj, account)
            balance = await account.carrier.balance()
        except RequestRejected as error:
            return await _refused(services, key, obj, account, error)
        if _may_be_duplicate(services, key, obj, account):
            return _SHORTEST_LOOK
        account.seen, account.failures, account.rejected = AccountSeen(), 0, None
        _rank(services, key)
        if services.accounts.identities.first(key) != key:
            return await _stand_back(services, key, obj, account, balance)
        await _ask_search_again(account)
        listing = await _sweep_when_due(services, key, obj, account)
    except CredentialsRejected as error:
        account.rejected, account.rejected_until = error, services.monotonic() + REJECTED_AGAIN
        return await _turned_away(services, key, obj, account, error)
    except CarrierUnavailable as error:
        return await _unavailable(services, key, obj, account, error)
    await _say(services, obj, (ready(Reason.REACHABLE, "The carrier answers."), *listing), balance, account)
    return _next_look(services, key, obj, account)


async def _turned_away(
    services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount, error: CredentialsRejected
) -> float:
    """The carrier refuses the credentials: for a while it is not asked again with them. That is said at each look, for
    one may have failed to write it, or has found the object without."""
    said = _rejected(obj, error)
    account.seen = AccountSeen(Reason.CREDENTIALS_REJECTED, f"CarrierAccount {key}: {said[0].message}")
    await _say(services, obj, said, account=account)
    return SECRET_AGAIN


async def _stand_back(
    services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount, balance: Money
) -> float:
    """Another object is this account already: this one says so, and does nothing with it."""
    account.findings, account.swept_at = None, None
    assert account.identity
    _wake_pools(services, services.fleet.marked.note_object(key, account.identity))
    message = duplicate_message(key, services.accounts.identities.first(key))
    said = (not_ready(Reason.DUPLICATE_ACCOUNT, message), stalled(Reason.DUPLICATE_ACCOUNT, message))
    await _say(services, obj, said, balance, account)
    return _DUPLICATE_AGAIN


_DUPLICATE_AGAIN = 60.0
"""Seconds between looks at a duplicate: its Secret may hold another token by then."""


async def _refused(
    services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount, error: RequestRejected
) -> float:
    """Something answers at the endpoint and does not know the simplest call: it is hardly the carrier's API."""
    account.failures += 1
    message = f"{error}: check spec.endpoint, which is {told_endpoint(obj)}."
    account.seen = AccountSeen(Reason.INVALID_SPEC, f"CarrierAccount {key}: {message}")
    said = (not_ready(Reason.INVALID_SPEC, message), stalled(Reason.INVALID_SPEC, message))
    await _say(services, obj, said, account=account)
    return _again(account)


async def _unavailable(
    services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount, error: CarrierUnavailable
) -> float:
    """The carrier does not answer: say so once, and look again after a growing delay."""
    account.failures += 1
    if isinstance(error, Throttled):
        await _throttled(services, key, obj, account)
    else:
        answers = "answers in a way that can't be read" if isinstance(error, ReplyUnreadable) else "does not answer"
        message = f"The carrier at {told_endpoint(obj)} {answers}; nothing is lost, and it is asked again."
        account.seen = AccountSeen(Reason.CARRIER_UNAVAILABLE, f"CarrierAccount {key}: {message}")
        said = not_ready(Reason.CARRIER_UNAVAILABLE, message)
        await _say(services, obj, (said, reconciling(said.reason, message)), account=account)
    log.warning("carrier unavailable", account=str(key), failures=account.failures, error=str(error))
    return _again(account)


async def _throttled(services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount) -> None:
    """The carrier asks for fewer calls. An account that has answered before stays as it is; of one that never has,
    nobody knows which it is, so that it can't be used, and says so."""
    if account.seen.blocked not in (Reason.ACCOUNT_NOT_READY, Reason.THROTTLED):
        return
    message = (
        f"The carrier at {told_endpoint(obj)} asks for fewer calls and has answered none so far; it is asked again by "
        "itself. Lower spec.limits.requestsPerSecond or concurrency, or see who else uses these credentials."
    )
    if _has_had_its_time(services, key):
        account.seen = AccountSeen(Reason.THROTTLED, f"CarrierAccount {key}: {message}")
    said = not_ready(Reason.THROTTLED, message)
    await _say(services, obj, (said, reconciling(said.reason, message)), account=account)


def _again(account: OpenAccount) -> float:
    """Seconds until an account that could not be probed is probed again."""
    return backoff(account.failures, timedelta(seconds=1), timedelta(minutes=1)).total_seconds()


async def _ask_search_again(account: OpenAccount) -> None:
    """While search is down, ask it the query that failed; a live answer ends that."""
    if account.stale_query is None:
        return
    try:
        catalog = await account.carrier.search(account.stale_query, 1)
    except CarrierUnavailable:
        return
    if catalog.age is None:
        account.stale_query = None


async def _sweep_when_due(
    services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount
) -> tuple[Condition, ...]:
    """Sweep when the last one is old enough. A listing that breaks off, or can't be had at all, is only said: buying
    and the balance go on without it.

    Raises:
        CredentialsRejected: they are no longer valid, or have no right to list.
    """
    if not _is_due(services, key, obj, account):
        return _listing_condition(account)
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
        await _conclude(services, key, obj, account, swept)
    account.swept_at = services.monotonic()
    await _read_routings_when_due(services, key, obj, account)
    return _listing_condition(account)


async def _read_routings_when_due(
    services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount
) -> None:
    """Look at the account's routing profiles with a sweep; with those that come sooner than the interval, only once."""
    now, interval = services.monotonic(), obj.spec.sweep_interval.total_seconds()
    if account.routings_read_at is None or now >= account.routings_read_at + interval:
        account.routings_read_at = now
        await read_routings(services, key, account)


def _is_due(services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount) -> bool:
    """A person's word on a doubted listing is followed at once."""
    if account.swept_at is None or accepted(obj, account):
        return True
    return services.monotonic() >= account.swept_at + _interval(services, key, obj, account)


async def _conclude(
    services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount, swept: Swept
) -> None:
    """Take in a listing that came to its end: what it showed, and, when it can be believed, what it did not show."""
    account.listing_incomplete = False
    account.quiet_sweeps = 0 if swept.findings.changed else account.quiet_sweeps + 1
    if believe(obj, account, swept.listing):
        account.bought_since_sweep = False
        assert account.identity  # nobody is swept before that
        _wake_pools(services, services.fleet.marked.learn(key, account.identity, swept.marked))
        account.findings, account.orphaned = replace(swept.findings, changed=()), frozenset(swept.troubles.orphaned)
        account.unreadable = len(swept.unreadable)
        account.unreadable_row = min((row.reason for row in swept.unreadable), default="")
        await find_lost(services, key, account, swept, _is_another_look(services, obj, account))
    account.refused = frozenset(swept.troubles.refused)


def _wake_pools(services: Services, pools: Iterable[ObjectRef]) -> None:
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


def _listing_condition(account: OpenAccount) -> tuple[Condition, ...]:
    if account.listing_error:
        message = (
            "The account's numbers can't be listed; buying goes on, and it is listed again after a while. The carrier: "
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


def _interval(services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount) -> float:
    """Seconds between sweeps: short after a purchase and while numbers wait for the carrier, else as the spec says; of
    listings that fail, ever longer."""
    if account.listing_failures:
        return backoff(
            account.listing_failures, _LISTING_AGAIN, max(_LISTING_AGAIN, obj.spec.sweep_interval)
        ).total_seconds()
    records = services.fleet.numbers.by("account", key)
    waiting = account.bought_since_sweep or any(record.state.phase in IN_FLIGHT for record in records)
    return next_sweep(obj.spec.sweep_interval, waiting, account.quiet_sweeps).total_seconds()


def _next_look(services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount) -> float:
    now = services.monotonic()
    due = (account.swept_at or 0.0) + _interval(services, key, obj, account) - now
    if account.balance_waits:
        due = min(due, (account.balance_said_at or 0.0) + AFTER - now)
    room = room_at(services, key, Counted.CHOSEN)
    if room and room.again:
        due = min(due, (room.again - services.clock()).total_seconds())
    return max(_SHORTEST_LOOK, min(due, _STALE_LOOK) if account.stale_query else due)


_LISTING_AGAIN = timedelta(seconds=5)
"""How long after a first listing that failed the next one is tried."""
_SHORTEST_LOOK = 1.0
_STALE_LOOK = 5.0


async def _say(
    services: Services,
    obj: CarrierAccount,
    said: tuple[Condition, ...],
    balance: Money | None = None,
    account: OpenAccount | None = None,
) -> None:
    """Write the account's status: the conditions, and what is known of balance and numbers."""
    fresh = services.fleet.get(CarrierAccount, obj.metadata.namespace, obj.metadata.name) or obj
    name = AccountKey(fresh.metadata.namespace, fresh.metadata.name)
    room = room_at(services, name, Counted.CHOSEN)
    everything = (*said, *(_troubles(account) if account else ()), *_frozen(services, fresh), *_rate(name, room))
    if fresh.metadata.deletion_timestamp:
        everything = (*everything, ACCOUNT_STAYS)
    before, generation = fresh.status, fresh.metadata.generation
    counted = account is not None and (account.findings is not None or account.doubted is not None)
    status = CarrierAccountStatus(
        observed_generation=generation,
        account_id=account.account_id if account and account.identity else before.account_id,
        conditions=conditions(before.conditions, everything, generation, services.clock()),
        balance=_balance(services, account, before.balance, balance),
        numbers=_numbers(account, before.numbers) if account and counted else before.numbers,
        purchases=AccountPurchases(last_hour=room.used, next_time=room.again) if room else None,
        installation=services.installation,
    )
    await services.status.write(fresh, status)


def _frozen(services: Services, obj: CarrierAccount) -> tuple[Condition, ...]:
    """That a person has frozen the account, or everything, and no purchase or release is at the carrier. It is reached
    and swept all the same."""
    key = AccountKey(obj.metadata.namespace, obj.metadata.name)
    freeze = services.fleet.freeze(key, None)
    if freeze is None or services.moving[key]:
        return ()
    return (Condition("Frozen", True, Reason.FROZEN, freeze.message),)


def _rate(key: AccountKey, room: PurchaseRoom | None) -> tuple[Condition, ...]:
    """That the purchases of an hour are used up."""
    if room is None or room.left:
        return ()
    return (Condition("PurchaseRateReached", True, Reason.PURCHASE_RATE_REACHED, rate_message(key)),)


def _balance(
    services: Services, account: OpenAccount | None, said: Balance | None, balance: Money | None
) -> Balance | None:
    """The balance to write; what was written last while a new one is no news."""
    if account is None or balance is None:
        return said
    since = None if account.balance_said_at is None else services.monotonic() - account.balance_said_at
    before = Money(said.amount, said.currency) if said else None
    account.balance_waits = balance != before
    if not is_news(before, balance, since):
        return said
    account.balance_said_at, account.balance_waits = services.monotonic(), False
    return Balance(amount=balance.amount, currency=balance.currency)


def _numbers(account: OpenAccount, before: AccountNumbers | None) -> AccountNumbers:
    """The counts of the last listing that was believed, and that of a later one that was not."""
    if found := account.findings:
        counts = (found.owned, found.ours, found.unmanaged, len(found.orphans))
    elif before:
        counts = (before.owned, before.ours, before.unmanaged, before.orphans)
    else:
        counts = (account.last_owned or 0, 0, 0, 0)
    owned, ours, unmanaged, orphans = counts
    unreadable = (account.unreadable or None) if account.findings or before is None else before.unreadable
    return AccountNumbers(
        owned=owned,
        ours=ours,
        unmanaged=unmanaged,
        orphans=orphans,
        unreadable=unreadable,
        shrunk_to=account.doubted,
    )


def _troubles(account: OpenAccount) -> tuple[Condition, ...]:
    """What is not as it should be although the account may be usable."""
    health = account.carrier.health
    troubles = []
    if account.stale_query:
        message = "The carrier's search is down: orders go on from what it offered last, while that is fresh enough."
        troubles.append(Condition("CatalogStale", True, Reason.CATALOG_STALE, message))
    if health.throttled:
        message = "The carrier asks for fewer calls: lower spec.limits.requestsPerSecond or concurrency."
        troubles.append(Condition("Throttled", True, Reason.THROTTLED, message))
    if health.circuit_open:
        message = "The last calls to the carrier all failed: it is left alone for a while, then probed."
        troubles.append(Condition("CircuitOpen", True, Reason.CIRCUIT_OPEN, message))
    if account.findings and account.findings.orphans:
        message = f"The carrier has numbers of ours that can't be adopted. {tell(account.orphaned)}"
        troubles.append(Condition("Orphans", True, Reason.ORPHANS, message))
    if unreadable := _unreadable(account):
        troubles.append(Condition("Unreadable", True, Reason.UNREADABLE, unreadable))
    if account.refused:
        message = f"The last sweep could not do all that it meant to, and tries again. {tell(account.refused)}"
        troubles.append(Condition("SweepRefused", True, Reason.SWEEP_REFUSED, message))
    return tuple(troubles)


def _unreadable(account: OpenAccount) -> str:
    """What the carrier says that nobody here can read, and what comes of it."""
    rows = offers = ""
    if account.unreadable_row:
        rows = (
            f"The listing has numbers that can't be read, which are counted and left alone: {account.unreadable_row}."
        )
    if account.unreadable_offer:
        offers = f"The catalog has offers that can't be read, which are not ordered: {account.unreadable_offer}."
    return " ".join(filter(None, (rows, offers)))
