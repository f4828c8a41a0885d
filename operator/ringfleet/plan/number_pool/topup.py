"""What a pool remembers of its own ordering, and learns from orders that have ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ringfleet.model import AccountKey, Money
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_pool.supply import OrderSeen
from ringfleet.rate import backoff

FIRST_SHORT_REST = timedelta(seconds=1)
"""After others were faster: as a rule the next search offers other numbers."""
FIRST_REST = timedelta(seconds=5)
"""After a failure that soon passes."""
FIRST_LONG_REST = timedelta(seconds=30)
LONGEST_REST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class CarrierMemory:
    """What the last orders from one carrier taught the pool. `sequence` is the last order that was counted."""

    account: AccountKey
    sequence: int
    failures: int = 0
    reason: Reason | None = None
    message: str = ""
    next_attempt: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderIntent:
    """The spec of one order, as it is written into the pool before the order exists."""

    sequence: int
    account: AccountKey
    count: int
    budget: Money | None = None


@dataclass(frozen=True, slots=True)
class TopUp:
    """The pool's own record: the last order that it meant to start, whether that was seen, and carrier memories.

    `filling`: the supply fell under the low watermark, and orders have not yet brought it back to the target.
    """

    sequence: int = 0
    intent: OrderIntent | None = None
    ordered: bool = True
    carriers: tuple[CarrierMemory, ...] = ()
    filling: bool = False


def forgive(top_up: TopUp) -> TopUp:
    """The same record with no carrier resting: what was short for an old spec may be there for the new one."""
    return replace(top_up, carriers=tuple(CarrierMemory(memory.account, memory.sequence) for memory in top_up.carriers))


def learn(top_up: TopUp, orders: Iterable[OrderSeen], now: datetime) -> TopUp:
    """Note that the started order is seen, and count each finished order's failure once, by its sequence."""
    orders = sorted(orders, key=lambda order: order.sequence)
    if not top_up.ordered and any(order.sequence == top_up.sequence for order in orders):
        top_up = replace(top_up, ordered=True)
    memories = {memory.account: memory for memory in top_up.carriers}
    for order in orders:
        memory = memories.get(order.account) or CarrierMemory(order.account, 0)
        if order.finished and order.sequence > memory.sequence and not order.former:
            memories[order.account] = _remember(memory, order, now)
    return replace(top_up, carriers=tuple(memories[account] for account in sorted(memories)))


def _remember(memory: CarrierMemory, order: OrderSeen, now: datetime) -> CarrierMemory:
    if order.failure is None or order.failure in _OF_THE_POOL:
        return CarrierMemory(memory.account, order.sequence)
    failures = memory.failures + 1
    return CarrierMemory(
        memory.account,
        order.sequence,
        failures,
        order.failure,
        order.message,
        now + backoff(failures, _first_rest(order.failure), LONGEST_REST),
    )


def _first_rest(failure: Reason) -> timedelta:
    if failure is Reason.NUMBER_TAKEN:
        return FIRST_SHORT_REST
    return FIRST_REST if failure in _PASSING else FIRST_LONG_REST


_OF_THE_POOL = frozenset({Reason.MAX_NUMBERS_REACHED, Reason.QUOTA_EXCEEDED, Reason.ORDERING_FROZEN})
"""Limits that left an order nothing to buy when it ran. The pool itself is held by them; no carrier rests for that."""
_PASSING = frozenset({Reason.SEARCH_UNAVAILABLE, Reason.CARRIER_UNAVAILABLE, Reason.ORDER_REFUSED})
