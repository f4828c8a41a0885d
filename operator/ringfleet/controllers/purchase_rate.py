"""What was bought through an account in the last hour, by its orders and numbers; see `plan/purchase_rate.py`.

An order that has bought something is kept for an hour (`plan/number_pool/plan.py`), and its numbers, should somebody
delete it, say themselves when they were bought.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum, auto

from ringfleet.api import CarrierAccount, NumberOrder
from ringfleet.controllers.services import Services
from ringfleet.controllers.wake import orders_at
from ringfleet.model import E164, AccountKey, ItemState
from ringfleet.plan.purchase_rate import PurchaseRoom, purchase_room


class Counted(Enum):
    """Which orders count beside those that have bought."""

    SENT = auto()
    """Those of which the carrier may have heard: for an order that is about to be sent."""
    CHOSEN = auto()
    """Those too that have set numbers aside: for an order that is about to choose."""
    STARTED = auto()
    """All: for a pool that is about to start one."""


def room_at(services: Services, key: AccountKey, counted: Counted, but: str = "") -> PurchaseRoom | None:
    """What is left of the account's hour, the order `but` (a uid) left out; None when the account has no such limit."""
    account = services.fleet.get(CarrierAccount, key.namespace, key.name)
    limit = account.spec.limits.purchases_per_hour if account else None
    if limit is None:
        return None
    bought: dict[E164, datetime] = {}
    under_way = 0
    for order in orders_at(services, key):
        if order.metadata.uid == but:
            continue
        if not order.status.done:
            under_way += _under_way(order, counted)
        elif done := order.status.completed_at:
            items = order.status.items or ()
            bought |= {E164(item.number): done for item in items if item.state is not ItemState.FAILED}
    for record in services.fleet.numbers.by("account", key):
        if record.purchased_at:
            bought.setdefault(record.number, record.purchased_at)
    return purchase_room(limit, bought.values(), under_way, services.clock())


def _under_way(order: NumberOrder, counted: Counted) -> int:
    """How many numbers an order that has not ended may buy or have bought."""
    items = order.status.items
    if items is None:
        return order.spec.count if counted is Counted.STARTED else 0
    if counted is Counted.SENT and all(item.state is ItemState.PENDING for item in items):
        return 0
    return sum(item.state is not ItemState.FAILED for item in items)
