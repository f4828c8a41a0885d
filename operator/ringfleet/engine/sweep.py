"""The sweep: list what the carrier says the account owns, page by page, and act on what differs.

Orphans of ours get their object, changed numbers are looked at with the carrier's word in hand, lost marks are written
again. Pages are judged as they come, so a listing that breaks off has still done what it could, and concludes nothing
from what it did not show.
"""

from __future__ import annotations

import structlog

from ringfleet.api import NumberPool
from ringfleet.engine.accounts import OpenAccount
from ringfleet.engine.record import record_number
from ringfleet.engine.records import NumberRecord
from ringfleet.engine.world import World
from ringfleet.model import E164, AccountKey, Holding, Mark
from ringfleet.plan.sweep import Findings, Known, compare

log = structlog.get_logger(__name__)


async def sweep(world: World, key: AccountKey, account: OpenAccount) -> Findings:
    """List the whole account once. `Findings.orphans` are those that no pool could adopt.

    Raises:
        ListingIncomplete: the carrier's listing ended early; what it did show has been acted on.
        CarrierError: the carrier can't be asked.
    """
    findings = Findings()
    async for page in account.carrier.holdings():
        found = compare(page, _known(world, key), _on_order(world, key), world.installation)
        adopted = [await _adopt(world, key, holding) for holding in found.orphans]
        await _note(world, key, account, found)
        left = tuple(holding for holding, home in zip(found.orphans, adopted, strict=True) if home is None)
        findings += Findings(found.owned, found.ours, found.unmanaged, left, found.changed)
    return findings


def _known(world: World, key: AccountKey) -> dict[E164, Known]:
    return {record.number: _known_of(record) for record in world.numbers.store.by("account", key)}


def _known_of(record: NumberRecord) -> Known:
    state = record.state
    return Known(
        phase=state.phase,
        external_id=state.external_id,
        routing=state.routed.external_id if state.routed else None,
        monthly=record.price.monthly if record.price else None,
        renews_at=record.renews_at,
        drifted=state.drift is not None,
    )


def _on_order(world: World, key: AccountKey) -> set[E164]:
    """The numbers of orders that have not ended: whatever the listing shows of them, the order deals with it."""
    orders = (world.order_seen(order) for order in world.intents.orders_at(key) if not order.status.recorded)
    return {item.number for order in orders for item in order.items}


async def _adopt(world: World, key: AccountKey, holding: Holding) -> Mark | None:
    """Give an orphan its object in the pool that its order, or else its mark, names. None: there is no such pool."""
    order, mark = _record_of(world, key, holding)
    if mark is None or world.intents.get(NumberPool, mark.namespace, mark.pool) is None:
        return None
    await record_number(world, holding, key, mark, order)
    log.warning("orphan adopted", number=holding.number.digits, account=str(key), pool=f"{mark.namespace}/{mark.pool}")
    return mark


def _record_of(world: World, key: AccountKey, holding: Holding) -> tuple[str | None, Mark | None]:
    """The order that names the number and the pool it is for; an orphan whose order is gone goes by its mark."""
    for order in world.intents.orders_at(key):
        if any(item.number == holding.number for item in order.status.items or ()):
            return order.metadata.name, world.mark_for(order.metadata.namespace, order.spec.pool_ref.name)
    return None, holding.mark


async def _note(world: World, key: AccountKey, account: OpenAccount, found: Findings) -> None:
    """Keep the carrier's word on changed numbers for their next look, and write marks that were lost."""
    known = {record.number: record for record in world.numbers.store.by("account", key)}
    for holding in found.changed:
        world.news[holding.number] = holding
        world.wake_number(known[holding.number])
    for holding in found.unmarked:
        record = known[holding.number]
        if record.pool and not record.observed:
            await account.carrier.mark(holding.external_id, world.mark_for(record.namespace, record.pool))
