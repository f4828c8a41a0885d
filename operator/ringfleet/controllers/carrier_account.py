"""Reconciling one carrier account: read its Secret, keep its client open, probe it, sweep it, say how it is.

While the account can't be used, everything that needs it waits with the account's own reason, and is woken the moment
that this changes.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from ringfleet.api import CarrierAccount
from ringfleet.api.meta import ACCEPT_ACCOUNT
from ringfleet.carriers.errors import (
    AccountRestricted,
    CarrierUnavailable,
    CredentialsRejected,
    ReplyUnreadable,
    RequestRejected,
    Throttled,
)
from ringfleet.controllers.account_catalog import recall_catalog, wake_searchers
from ringfleet.controllers.account_listing import (
    listing_conditions,
    listing_interval,
    sweep_when_due,
    wake_listed_pools,
)
from ringfleet.controllers.account_opening import (
    changed_from,
    identify,
    may_be_duplicate,
    open_account,
    rank,
    read_credentials,
)
from ringfleet.controllers.account_report import say
from ringfleet.controllers.account_stream import keep_stream, leave_stream
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.in_use import is_guarded
from ringfleet.controllers.purchase_rate import Counted, room_at
from ringfleet.controllers.services import Services
from ringfleet.controllers.wake import wake_callers, wake_users
from ringfleet.model import AccountKey, Catalog, Money
from ringfleet.objects.carrier_account import told_endpoint
from ringfleet.objects.refs import Key
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.carrier_account.balance import AFTER
from ringfleet.plan.carrier_account.identity import Identity, changed_message, duplicate_message
from ringfleet.plan.conditions import Condition, Reason, not_ready, ready, reconciling, stalled
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
    before, client = services.accounts.seen(name, key.namespace), _client(services, name)
    services.accounts.awaited.setdefault(name, services.monotonic())
    try:
        if obj is None or (obj.metadata.deletion_timestamp and not is_guarded(obj)):
            await leave_stream(services, services.accounts.get(name))
            await services.accounts.close(name)
            if obj is None:  # a turn that ran while it was deleted may have noted it again
                wake_listed_pools(services, services.fleet.marked.forget_object(name))
            return None
        return await _look(services, name, obj)
    finally:  # also when the status could not be written: the next turn would see nothing new
        rank(services, name)
        _wait_no_longer(services, name)
        _wake_users(services, name, before, same=client is not None and client == _client(services, name))


def _client(services: Services, key: AccountKey) -> tuple[int, Identity] | None:
    """Through which client the account is called, and which account that is; None while either is not known."""
    account = services.accounts.get(key)
    return (id(account), account.identity) if account and account.identity else None


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


def _wake_users(services: Services, key: AccountKey, before: AccountSeen, *, same: bool) -> None:
    """Wake them if the account is not as it was `before` this look, or not as they were last told: what becomes of
    another account may have made this one a duplicate, or the one that works, without any look at it. `same`: it is the
    same account, by the same client; if it only answers again, or does no more, few have to hear of it."""
    now = services.accounts.seen(key, key.namespace)
    told = services.accounts.told.get(key, before)
    if now != before or (now.blocked, now.message) != (told.blocked, told.message):
        only_answers = same and {one.blocked for one in (before, told, now)} <= _ANSWERS_OR_NOT
        (wake_callers if only_answers else wake_users)(services, key)
    services.accounts.told[key] = now


_ANSWERS_OR_NOT = {None, Reason.CARRIER_UNAVAILABLE, Reason.THROTTLED}
"""What is only about whether the carrier answers."""


async def _look(services: Services, key: AccountKey, obj: CarrierAccount) -> float | None:
    if obj.spec.suspend:
        message = "The account is suspended (spec.suspend): nothing is called at the carrier."
        return await _shut(services, key, obj, (ready(Reason.SUSPENDED, message),), None)
    credentials = await read_credentials(services, obj)
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
    await recall_catalog(services, key, obj, account)
    return await _call(services, key, obj, account)


async def _shut(
    services: Services, key: AccountKey, obj: CarrierAccount, said: tuple[Condition, ...], again: float | None
) -> float | None:
    """Close the account's client; everybody that asks for it hears the first of `said`."""
    await services.accounts.close(key)
    services.accounts.block(key, said[0].reason, f"CarrierAccount {key}: {said[0].message}")
    await say(services, obj, said)
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
    """What the account says of credentials that the carrier does not take, or that can't even be sent there, or of an
    account that may not do what is asked."""
    secret, said = obj.spec.credentials_secret_ref.name, str(error).rstrip(".")
    if turned_away_by(error) is Reason.ACCOUNT_RESTRICTED:
        message = (
            f"{said}. The carrier knows the credentials: see in its console whether the account is suspended, closed "
            f"or in trial, and what the key in Secret {secret} may do."
        )
        return not_ready(Reason.ACCOUNT_RESTRICTED, message), stalled(Reason.ACCOUNT_RESTRICTED, message)
    message = f"{said}. Put valid credentials into Secret {secret}."
    return not_ready(Reason.CREDENTIALS_REJECTED, message), stalled(Reason.CREDENTIALS_REJECTED, message)


def turned_away_by(error: CredentialsRejected) -> Reason:
    """The reason of an account that the carrier turns away."""
    return Reason.ACCOUNT_RESTRICTED if isinstance(error, AccountRestricted) else Reason.CREDENTIALS_REJECTED


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
            if before := account.identity is None and changed_from(services, obj, account):
                return await _stand_still(services, key, obj, account, before)
            balance = await account.carrier.balance()
        except RequestRejected as error:
            return await _refused(services, key, obj, account, error)
        if may_be_duplicate(services, key, obj, account):
            return _SHORTEST_LOOK
        account.seen, account.failures, account.rejected = AccountSeen(), 0, None
        services.accounts.met.add(key)
        rank(services, key)
        if services.accounts.identities.first(key) != key:
            return await _stand_back(services, key, obj, account, balance)
        await _ask_search_again(account)
        wake_searchers(services, key, account)
        listing = await sweep_when_due(services, key, obj, account)
        await keep_stream(services, obj, account)
    except CredentialsRejected as error:
        account.rejected, account.rejected_until = error, services.monotonic() + REJECTED_AGAIN
        return await _turned_away(services, key, obj, account, error)
    except CarrierUnavailable as error:
        return await _unavailable(services, key, obj, account, error)
    await say(services, obj, (ready(Reason.REACHABLE, REACHABLE), *listing), balance, account)
    services.queues.wake_catalog(key)
    if services.dispatcher.is_there and account.carrier.records is not None:
        services.queues.wake_records(key)
    return _next_look(services, key, obj, account)


async def _turned_away(
    services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount, error: CredentialsRejected
) -> float:
    """The carrier refuses the credentials: for a while it is not asked again with them. That is said at each look, for
    one may have failed to write it, or has found the object without."""
    said = _rejected(obj, error)
    account.seen = AccountSeen(said[0].reason, f"CarrierAccount {key}: {said[0].message}")
    await say(services, obj, said, account=account)
    return SECRET_AGAIN


async def _stand_still(
    services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount, before: str
) -> float:
    """It is another account at the carrier than before: nothing is done there until a person has spoken."""
    message = changed_message(before, account.account_id, obj.spec.credentials_secret_ref.name, ACCEPT_ACCOUNT)
    if account.seen.blocked is not Reason.ACCOUNT_CHANGED:
        log.warning("account changed", account=str(key), before=before, now=account.account_id)
    account.seen, account.failures = AccountSeen(Reason.ACCOUNT_CHANGED, f"CarrierAccount {key}: {message}"), 0
    said = (not_ready(Reason.ACCOUNT_CHANGED, message), stalled(Reason.ACCOUNT_CHANGED, message))
    await say(services, obj, said, account=account)
    return SECRET_AGAIN


async def _stand_back(
    services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount, balance: Money
) -> float:
    """Another object is this account already: this one says so, and does nothing with it."""
    account.findings, account.swept_at = None, None
    assert account.identity
    wake_listed_pools(services, services.fleet.marked.note_object(key, account.identity))
    message = duplicate_message(key, services.accounts.identities.first(key))
    said = (not_ready(Reason.DUPLICATE_ACCOUNT, message), stalled(Reason.DUPLICATE_ACCOUNT, message))
    await say(services, obj, said, balance, account)
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
    await say(services, obj, said, account=account)
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
        await say(services, obj, (said, reconciling(said.reason, message)), account=account)
    log.warning("carrier unavailable", account=str(key), failures=account.failures, error=str(error))
    return _again(account)


async def _throttled(services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount) -> None:
    """The carrier asks for fewer calls. An account that has answered before stays usable, and only says that; of one
    that never has, nobody knows which it is, so that it can't be used, and says so."""
    if account.seen.blocked is None and services.accounts.identities.first(key) == key:
        still = (ready(Reason.REACHABLE, REACHABLE), *listing_conditions(account))
        await say(services, obj, still, account=account)
    if account.seen.blocked not in (Reason.ACCOUNT_NOT_READY, Reason.THROTTLED):
        return
    message = (
        f"The carrier at {told_endpoint(obj)} asks for fewer calls and has answered none so far; it is asked again by "
        "itself. Lower spec.limits.requestsPerSecond or concurrency, or see who else uses these credentials."
    )
    if _has_had_its_time(services, key):
        account.seen = AccountSeen(Reason.THROTTLED, f"CarrierAccount {key}: {message}")
    said = not_ready(Reason.THROTTLED, message)
    await say(services, obj, (said, reconciling(said.reason, message)), account=account)


def _again(account: OpenAccount) -> float:
    """Seconds until an account that could not be probed is probed again."""
    return backoff(account.failures, timedelta(seconds=1), timedelta(minutes=1)).total_seconds()


async def _ask_search_again(account: OpenAccount) -> None:
    """While search is down, ask it the query that failed; a live answer ends that, if it is a refusal too."""
    if account.stale_query is None:
        return
    try:
        catalog = await account.carrier.search(account.stale_query, 1)
    except CarrierUnavailable:
        return
    except (RequestRejected, AccountRestricted):
        catalog = Catalog()
    if catalog.age is None:
        account.stale_query = None


def _next_look(services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount) -> float:
    now = services.monotonic()
    due = (account.swept_at or 0.0) + listing_interval(services, key, obj, account) - now
    if account.balance_waits:
        due = min(due, (account.balance_said_at or 0.0) + AFTER - now)
    room = room_at(services, key, Counted.CHOSEN)
    if room and room.again:
        due = min(due, (room.again - services.clock()).total_seconds())
    return max(_SHORTEST_LOOK, min(due, _STALE_LOOK) if account.stale_query else due)


REACHABLE = "The carrier answers."
_SHORTEST_LOOK = 1.0
_STALE_LOOK = 5.0
