"""What a carrier account says of itself: reachable or why not, its balance, its numbers, and what else is amiss."""

from __future__ import annotations

from ringfleet.api import CarrierAccount
from ringfleet.api.carrier_account import (
    AccountCatalog,
    AccountMemory,
    AccountNumbers,
    AccountPurchases,
    AccountRecords,
    Balance,
    CarrierAccountStatus,
    MarkedPool,
)
from ringfleet.controllers.account_stream import broken, webhooks_in_use
from ringfleet.controllers.answer_rate import answer_rate_of
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.in_use import ACCOUNT_STAYS
from ringfleet.controllers.purchase_rate import Counted, room_at
from ringfleet.controllers.services import Services
from ringfleet.model import AccountKey, Money
from ringfleet.objects.conditions import conditions
from ringfleet.plan.carrier_account.balance import is_news
from ringfleet.plan.carrier_account.orphans import tell
from ringfleet.plan.carrier_account.records import is_unread, to_tell
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.number_order.plan import rate_message
from ringfleet.plan.purchase_rate import PurchaseRoom


async def say(
    services: Services,
    obj: CarrierAccount,
    said: tuple[Condition, ...],
    balance: Money | None = None,
    account: OpenAccount | None = None,
) -> None:
    """Write the account's status: the conditions, and what is known of balance and numbers."""
    fresh = services.fleet.get(CarrierAccount, obj.metadata.namespace, obj.metadata.name) or obj
    said = (*said, *(_stream_broken(fresh, account) if account else ()))
    name = AccountKey(fresh.metadata.namespace, fresh.metadata.name)
    room = room_at(services, name, Counted.CHOSEN)
    everything = (*said, *(_troubles(account) if account else ()), *_frozen(services, fresh), *_rate(name, room))
    everything = (*everything, *answer_rate_of(services, fresh))
    if fresh.metadata.deletion_timestamp:
        everything = (*everything, ACCOUNT_STAYS)
    _note_unseen(services, name, fresh, account, said)
    before, generation = fresh.status, fresh.metadata.generation
    counted = account is not None and (account.findings is not None or account.doubted is not None)
    status = CarrierAccountStatus(
        observed_generation=generation,
        account_id=account.account_id if account and account.identity else before.account_id,
        conditions=conditions(before.conditions, everything, generation, services.clock()),
        balance=_balance(services, account, before.balance, balance),
        numbers=_numbers(account, before.numbers) if account and counted else before.numbers,
        catalog=_catalog(services, account, before.catalog) if account else None,
        purchases=AccountPurchases(last_hour=room.used, next_time=room.again) if room else None,
        records=_records(account, before.records),
        webhooks=webhooks_in_use(fresh, account),
        installation=services.installation,
        memory=_memory(services, name, account, before.memory),
    )
    await services.status.write(fresh, status)


def _note_unseen(
    services: Services, key: AccountKey, obj: CarrierAccount, account: OpenAccount | None, said: tuple[Condition, ...]
) -> None:
    """Note whether the account was well, by its status, and is not now that this process looks at it first.

    An operator that sees a carrier fall silent says so, and buys nothing there afterwards. One that finds it silent
    although its status tells of nothing may be looking at a restored cluster, which knows of nothing bought since.
    """
    accounts = services.accounts
    if account and services.fleet.marked.is_known(account.identity):
        accounts.unseen.discard(key)
    elif obj.status.memory.unseen or (key not in accounts.met and was_well(obj) and not _is_well(said)):
        accounts.unseen.add(key)
    accounts.met.add(key)


def was_well(obj: CarrierAccount) -> bool:
    """Whether it answered when its status was written."""
    return any((one.type, one.reason) == ("Ready", Reason.REACHABLE) for one in obj.status.conditions)


def _is_well(said: tuple[Condition, ...]) -> bool:
    """The same of what is said now; a duplicate answers too, and is listed by another object."""
    return all(one.status or one.reason is Reason.DUPLICATE_ACCOUNT for one in said if one.type == "Ready")


def _memory(services: Services, key: AccountKey, account: OpenAccount | None, before: AccountMemory) -> AccountMemory:
    """Whose numbers the account was last seen to have; what an earlier process has seen, until it is listed again."""
    counts = services.fleet.marked.counts(account.identity) if account else None
    if counts is None:
        return AccountMemory(pools=before.pools, unseen=key in services.accounts.unseen or None)
    pools = sorted((f"{pool.namespace}/{pool.name}", numbers) for pool, numbers in counts.items())
    return AccountMemory(pools=tuple(MarkedPool(pool=pool, numbers=numbers) for pool, numbers in pools))


def _stream_broken(obj: CarrierAccount, account: OpenAccount) -> tuple[Condition, ...]:
    message = broken(obj, account)
    return (Condition("StreamBroken", True, Reason.STREAM_BROKEN, message),) if message else ()


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


def _catalog(services: Services, account: OpenAccount, said: AccountCatalog | None) -> AccountCatalog | None:
    """What is remembered of searches; what was written last while a change is no news."""
    known, notes = account.catalog.all().values(), account.catalog_notes
    times = [kept.seen_at for kept in known if kept.offers]
    if not times:
        return None
    oldest = min(times).replace(microsecond=0) if account.stale_query else None
    told = AccountCatalog(searches=len(times), oldest_seen_at=oldest)
    same_state = said is not None and (said.oldest_seen_at is None) is (oldest is None)
    if same_state and notes.said_at is not None and services.monotonic() < notes.said_at + _CATALOG_AFTER:
        return said
    if told != said:
        notes.said_at = services.monotonic()
    return told


_CATALOG_AFTER = 60.0
"""Seconds in which searches that are remembered or forgotten one after the other make one write."""


def _records(account: OpenAccount | None, said: AccountRecords) -> AccountRecords:
    """Until when detail records have been read, in steps."""
    readings = account.at_carrier.readings if account else {}
    until = {name: reading.until for name, reading in readings.items()}
    return AccountRecords(
        messages=to_tell(until.get("messages"), said.messages), calls=to_tell(until.get("calls"), said.calls)
    )


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
    if account.stale_query and not account.offers_remembered:
        message = (
            "The carrier's search is down, and no offers are remembered that are fresh enough: nothing is bought there "
            "until it answers again, and it is asked by itself."
        )
        troubles.append(Condition("SearchUnavailable", True, Reason.SEARCH_UNAVAILABLE, message))
    elif account.stale_query:
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
    if records := _records_unread(account):
        troubles.append(Condition("RecordsUnread", True, Reason.RECORDS_UNREAD, records))
    if account.refused:
        message = f"The last sweep could not do all that it meant to, and tries again. {tell(account.refused)}"
        troubles.append(Condition("SweepRefused", True, Reason.SWEEP_REFUSED, message))
    return tuple(troubles)


def _records_unread(account: OpenAccount) -> str:
    """Which lists could not be read, or not be handed over, three times in a row, and why."""
    readings = sorted(account.at_carrier.readings.items())
    return " ".join(
        f"The carrier's list of {name} does not reach the dispatcher: {reading.error.rstrip('.')}. It is read again by "
        "itself, from where it was left; until then a webhook that is lost stays lost."
        for name, reading in readings
        if is_unread(reading.failures)
    )


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
