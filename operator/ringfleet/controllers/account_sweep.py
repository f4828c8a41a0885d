"""The sweep: list what the carrier says the account owns, page by page, and act on what differs.

Orphans of ours get their object, changed numbers are looked at with the carrier's word in hand, lost marks are written
again. Pages are judged as they come, so a listing that breaks off has still done what it could, and concludes nothing
from what it did not show. What a whole listing does not show is judged in `controllers/account_loss.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import structlog

from ringfleet.api import NumberOrder, NumberPool
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.number_create import record_number
from ringfleet.controllers.services import World
from ringfleet.model import E164, AccountKey, Holding, Mark, Phase
from ringfleet.objects.carrier_account import allowed
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.plan.carrier_account.loss import SETTLING, Listing, must_be_listed
from ringfleet.plan.carrier_account.sweep import Findings, Known, compare
from ringfleet.plan.phone_number.case import StopBy

log = structlog.get_logger(__name__)

Records = Mapping[E164, NumberRecord]


@dataclass(frozen=True, slots=True)
class Swept:
    """What a complete listing showed. `findings.orphans` are those that could not be adopted."""

    findings: Findings
    listing: Listing


async def sweep(world: World, key: AccountKey, account: OpenAccount) -> Swept:
    """List the whole account once.

    Raises:
        ListingIncomplete: the carrier's listing ended early; what it did show has been acted on.
        CarrierError: the carrier can't be asked.
    """
    records = records_at(world, key, account)
    known = {number: _known_of(record) for number, record in records.items()}
    expected = must_be_listed(known, account.roll.shown, _settling(world, key))
    findings, listed, marked = Findings(), set[E164](), set[E164]()
    async for page in account.carrier.holdings():
        listed.update(holding.number for holding in page)
        marked.update(holding.number for holding in page if _is_ours(world, holding))
        findings += await _act(world, key, account, _shown(world, key, records, page), page)
    return Swept(findings, Listing(frozenset(listed), frozenset(marked), frozenset(known), expected))


def _is_ours(world: World, holding: Holding) -> bool:
    return holding.mark is not None and holding.mark.installation == world.installation


def records_at(world: World, key: AccountKey, account: OpenAccount) -> dict[E164, NumberRecord]:
    """The objects of the account's numbers, of namespaces that it lets in. One that only observes stands back."""
    records = world.numbers.store.by("account", key)
    let_in = (record for record in records if allowed(account.allowed_namespaces, key, record.namespace))
    return {record.number: record for record in sorted(let_in, key=lambda record: not record.observed)}


def _shown(world: World, key: AccountKey, records: Records, page: Iterable[Holding]) -> dict[E164, NumberRecord]:
    """The objects of a page's numbers as they are now: some came, went or changed since the listing began."""
    found = {holding.number: _record_of(world, key, records, holding) for holding in page}
    return {number: record for number, record in found.items() if record is not None}


def _record_of(world: World, key: AccountKey, records: Records, holding: Holding) -> NumberRecord | None:
    """The object in the namespace that the mark names goes first: it was made when the number was bought."""
    if holding.mark and _is_ours(world, holding):
        record = world.number(holding.mark.namespace, holding.number.digits)
        if record and record.account == key:
            return record
    record = records.get(holding.number)
    return world.number(record.namespace, record.name) if record else None


def _known_of(record: NumberRecord) -> Known:
    state = record.state
    return Known(
        phase=state.phase,
        external_id=state.external_id,
        routing=state.routed.external_id if state.routed else None,
        bundle=state.attached,
        monthly=record.price.monthly if record.price else None,
        renews_at=record.renews_at,
        drifted=state.drift is not None,
        suspended=state.stopped is StopBy.VERB or (state.phase is Phase.SUSPENDED and state.stopped is None),
        parked=state.stopped is StopBy.PARKING,
        observed=record.observed,
        leaving=record.deleting or state.phase is Phase.RELEASING,
        attestation=record.attestation,
    )


def _on_order(world: World, key: AccountKey) -> set[E164]:
    """The numbers of orders that have not ended: whatever the listing shows of them, the order deals with it."""
    return _numbers_of(world, (order for order in world.intents.orders_at(key) if not order.status.recorded))


def _settling(world: World, key: AccountKey) -> set[E164]:
    """The numbers of orders that have not ended, or so lately that a listing may not show them yet."""
    since = world.clock() - SETTLING
    orders = world.intents.orders_at(key)
    return _numbers_of(world, (order for order in orders if (order.status.completed_at or since) >= since))


def _numbers_of(world: World, orders: Iterable[NumberOrder]) -> set[E164]:
    return {item.number for order in orders for item in world.order_seen(order).items}


async def _act(
    world: World, key: AccountKey, account: OpenAccount, records: Records, page: Iterable[Holding]
) -> Findings:
    """Judge one page and do what it asks for."""
    known = {number: _known_of(record) for number, record in records.items()}
    roll = account.roll  # what has left is no orphan while the listing shows it as it was
    spoken_for = _on_order(world, key) | roll.released | roll.unmarked
    found = compare(page, known, spoken_for, world.installation)
    adopted = [await adopt(world, key, holding) for holding in found.orphans]
    await _note(world, account, records, found)
    left = tuple(holding for holding, home in zip(found.orphans, adopted, strict=True) if home is None)
    return replace(found, orphans=left, unmarked=())


async def adopt(world: World, key: AccountKey, holding: Holding) -> Mark | None:
    """Give an orphan its object in the pool that its order, or else its mark, names. None: there is no such pool, or an
    object in its place that stands for another holding, or for none any more."""
    order, mark = _origin_of(world, key, holding)
    if mark is None or world.intents.get(NumberPool, mark.namespace, mark.pool) is None:
        return None
    there = world.number(mark.namespace, holding.number.digits)
    if there is not None and (there.account != key or there.state.phase is Phase.RELEASED):
        return None
    await record_number(world, holding, key, mark, order)
    log.warning("orphan adopted", number=holding.number.digits, account=str(key), pool=f"{mark.namespace}/{mark.pool}")
    return mark


def _origin_of(world: World, key: AccountKey, holding: Holding) -> tuple[str | None, Mark | None]:
    """The order that names the number and the pool it is for; an orphan whose order is gone goes by its mark."""
    for order in world.intents.orders_at(key):
        if any(item.number == holding.number for item in order.status.items or ()):
            return order.metadata.name, world.mark_for(order.metadata.namespace, order.spec.pool_ref.name)
    return None, holding.mark


async def _note(world: World, account: OpenAccount, records: Records, found: Findings) -> None:
    """Keep the carrier's word on changed numbers for their next look, and write marks that were lost."""
    for holding in found.changed:
        record = records[holding.number]
        if record.state.phase is Phase.LOST:
            log.info("number found again", number=record.name, account=str(record.account))
        account.note_found(holding.number)
        world.news[holding.number] = holding
        world.wake_number(record)
    for holding in found.unmarked:
        record = records[holding.number]
        if record.pool:
            await account.carrier.mark(holding.external_id, world.mark_for(record.namespace, record.pool))
