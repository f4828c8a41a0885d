"""What an account's carrier lists of messages and calls, read and handed to the dispatcher: what its webhooks have
lost, and what none of them tells.

::

    carrier --detail records since the last reading--> one of our numbers? --> dispatcher: each event once, by its id
                                                                                     |
    `until` moves on  <------------------- all of it is in the ledger ---------------'

A webhook of a message that comes in may be sent once only: while the dispatcher is down, a STOP is nowhere but in the
carrier's list. The operator reads it, because it has the credentials and keeps the account's pace; nothing counts as
read before the dispatcher has it on disk. Events go by the account of the number's own object, as its webhook does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import structlog

from ringfleet.api import CarrierAccount
from ringfleet.api.carrier_account import AccountRecords
from ringfleet.carriers.detail_records import DetailRecords
from ringfleet.carriers.errors import CarrierError
from ringfleet.controllers.account_identities import Reading
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.dispatcher_client import NotTaken, Taken, Unreadable
from ringfleet.controllers.services import Services
from ringfleet.model import E164, AccountKey
from ringfleet.model.traffic import CarrierEvent, RecordsPage
from ringfleet.objects.refs import Key
from ringfleet.plan.carrier_account import records
from ringfleet.plan.carrier_account.records import is_unread
from ringfleet.rate import backoff
from ringfleet.settings import Settings

log = structlog.get_logger(__name__)

BATCH = 500
"""Events that are handed over at once."""
SOON = timedelta(seconds=2)
"""After which a reading that failed is made again, ever later, up to the interval."""

Pages = Callable[[datetime, Container[str]], AsyncIterator[RecordsPage]]


@dataclass(frozen=True, slots=True)
class Listed:
    """One of a carrier's lists: what it is called, how it is read and how often, and until when the status says that it
    was."""

    name: str
    pages: Callable[[DetailRecords], Pages]
    interval: Callable[[Settings], timedelta]
    told: Callable[[AccountRecords], datetime | None]


MESSAGES = Listed("messages", lambda one: one.messages, lambda one: one.messages_interval, lambda one: one.messages)
CALLS = Listed("calls", lambda one: one.calls, lambda one: one.calls_interval, lambda one: one.calls)


async def read_records(services: Services, key: Key) -> float | None:
    """Read what is due. Returns the seconds until something is again; None: until the account is looked at anew."""
    name = AccountKey(key.namespace, key.name)
    account, obj = services.accounts.get(name), services.fleet.get(CarrierAccount, key.namespace, key.name)
    if account is None or obj is None or not _is_read(services, name, account):
        return None
    numbers = _numbers_of(services, name)
    for listed in (MESSAGES, CALLS):
        reading = account.at_carrier.readings.setdefault(listed.name, Reading(listed.told(obj.status.records)))
        if reading.due <= services.monotonic():
            await _read(services, name, account, listed, reading, numbers)
    return max(0.0, min(one.due for one in account.at_carrier.readings.values()) - services.monotonic())


def _is_read(services: Services, key: AccountKey, account: OpenAccount) -> bool:
    """Whether this object is the one that reads the account's records, and can now."""
    works = account.identity is not None and account.seen.blocked is None
    is_first = services.accounts.identities.first(key) == key
    return works and is_first and services.dispatcher.is_there and account.carrier.records is not None


def _numbers_of(services: Services, key: AccountKey) -> Mapping[E164, AccountKey]:
    """The numbers that have an object here, whatever has become of them, each with the account that it names. Other
    programs of the account have numbers too, whose messages are none of ours."""
    accounts = services.accounts.identities.same_as(key)
    found = (record for one in accounts for record in services.fleet.numbers.by("account", one))
    return {record.number: record.account for record in sorted(found, key=lambda one: one.observed, reverse=True)}


async def _read(
    services: Services,
    key: AccountKey,
    account: OpenAccount,
    listed: Listed,
    reading: Reading,
    numbers: Mapping[E164, AccountKey],
) -> None:
    """Read one list, and say when it is due again."""
    interval, failures, wait = listed.interval(services.settings), reading.failures, None
    try:
        await _heal(services, account, listed, reading, numbers)
    except (CarrierError, Unreadable) as error:
        log.warning("detail records not read", account=str(key), list=listed.name, error=str(error))
        reading.failures, reading.error = failures + 1, str(error)
        wait = backoff(reading.failures, min(SOON, interval), interval)
    else:
        reading.failures, reading.error = 0, ""
    reading.due = services.monotonic() + (wait or interval).total_seconds()
    if is_unread(failures) is not is_unread(reading.failures):
        services.queues.wake_account(key)  # it says so


async def _heal(
    services: Services, account: OpenAccount, listed: Listed, reading: Reading, numbers: Mapping[E164, AccountKey]
) -> None:
    """Hand over what the list has since the last reading.

    Raises:
        CarrierError: the carrier's list ended early; what it did show has been handed over.
        Unreadable: the dispatcher has not taken it.
    """
    assert account.carrier.records
    began, unfinished = services.clock(), list[datetime]()
    since = records.since(reading.until, began)
    unreadable, events = 0, list[CarrierEvent]()
    try:
        async for page in listed.pages(account.carrier.records)(since, reading.told):
            events += [event for event in page.events if event.number in numbers]
            unfinished += [page.unfinished] if page.unfinished else []
            unreadable += page.unreadable
    except CarrierError:
        await _hand_over(services, reading, numbers, events)
        raise
    await _hand_over(services, reading, numbers, events)
    if unreadable:
        log.warning("detail records that can't be read", account=account.account_id, list=listed.name, count=unreadable)
    reading.until = records.until(began, unfinished)
    reading.told = {id_: at for id_, at in reading.told.items() if at >= records.since(reading.until, began)}


async def _hand_over(
    services: Services, reading: Reading, numbers: Mapping[E164, AccountKey], events: list[CarrierEvent]
) -> None:
    """Tell the dispatcher, the earliest first: a START takes back only what was said before it."""
    by_account: dict[AccountKey, list[CarrierEvent]] = {}
    for event in sorted(events, key=lambda one: one.at):
        by_account.setdefault(numbers[event.number], []).append(event)
    for key, told in by_account.items():
        for batch in _batches(told):
            taken = await _tell(services, key, batch)
            reading.told |= {event.id: event.at for event in batch}
            if taken.new or taken.refused:
                log.info("detail records handed over", account=str(key), new=taken.new, refused=taken.refused)


async def _tell(services: Services, key: AccountKey, batch: list[CarrierEvent]) -> Taken:
    """Tell the dispatcher a batch. One event that it never takes is left out, and holds up none of the others."""
    try:
        return await services.dispatcher.tell(key, batch)
    except NotTaken as error:
        if len(batch) == 1:
            log.warning("detail record not taken", account=str(key), event_id=batch[0].id, error=str(error))
            return Taken(refused=1)
    middle = len(batch) // 2
    halves = [await _tell(services, key, half) for half in (batch[:middle], batch[middle:])]
    return Taken(sum(half.new for half in halves), sum(half.refused for half in halves))


def _batches(events: list[CarrierEvent]) -> Iterator[list[CarrierEvent]]:
    rest = iter(events)
    while batch := list(islice(rest, BATCH)):
        yield batch
