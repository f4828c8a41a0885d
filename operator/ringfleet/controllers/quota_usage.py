"""The quotas of namespaces: what is used of them, what room is left, and whose numbers their bills stop.

What is used is counted from pools, orders and numbers, anew after each change of any of them, so a quota needs no
record of its own. Pools of one namespace that start orders take turns by `turn`, so that no two see the same room; the
intent of the one is written, and counted, before the next one looks.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime

from ringfleet.api import NumberOrder, NumberPool, NumberQuota
from ringfleet.api.meta import ORDERED_FOR
from ringfleet.controllers.fleet import Fleet
from ringfleet.model import Limits, Money
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.number_order import order_intent
from ringfleet.objects.number_quota import quota_want
from ringfleet.objects.phone_number import NumberRecord, number_seen
from ringfleet.plan.number_pool.supply import OrderSeen, Room, Supply, count_supply
from ringfleet.plan.number_quota import (
    Bills,
    ForOrders,
    Purse,
    QuotaWant,
    Used,
    Wanted,
    count_used,
    full_for_claims,
    full_for_orders,
    judge_bills,
    plan_orders,
    purse_under,
    room_under,
    too_dear,
    unpaid_message,
    with_claims,
    without,
)

Taking = Sequence[Money | None]
"""Numbers that are being bound, by their monthly price; None: it is not known."""


def payers_of(order: NumberOrder) -> frozenset[str]:
    """The namespaces whose order it is: its pool's, and those of the claims that it was made for."""
    claimers = order.metadata.annotations.get(ORDERED_FOR, "").split(",")
    return frozenset((order.metadata.namespace, *filter(None, claimers)))


class Quotas:
    """See the module."""

    def __init__(self, fleet: Fleet, clock: Callable[[], datetime]) -> None:
        self._fleet = fleet
        self._clock = clock
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._counts: dict[tuple[str, str], Used] = {}
        self.version = 0
        """Another one after each change of what is counted."""

    def turn(self, namespace: str) -> asyncio.Lock:
        """Held by the one pool of the namespace that looks at its room and writes its intent."""
        return self._turns[namespace]

    def of(self, namespace: str) -> list[NumberQuota]:
        """The quotas of a namespace, by name."""
        return sorted(self._fleet.all_in(namespace, NumberQuota), key=lambda quota: quota.metadata.name)

    def forget(self) -> None:
        """Something that is counted has changed."""
        self._counts.clear()
        self.version += 1

    def used(self, namespace: str, currency: str) -> Used:
        """What the namespace uses, money in `currency`."""
        known = self._counts.get((namespace, currency))
        if known is None:
            known = self._counts[namespace, currency] = self._count(namespace, currency)
        return known

    def _count(self, namespace: str, currency: str) -> Used:
        borrowed = [one.price.monthly if one.price else None for one in self._fleet.borrowed_by(namespace)]
        supplies = (self._supply(pool, currency) for pool in self._fleet.all_in(namespace, NumberPool))
        return count_used(supplies, borrowed, self._orders_today(namespace), currency)

    def _supply(self, pool: NumberPool, currency: str) -> Supply:
        fleet, namespace, name = self._fleet, pool.metadata.namespace, pool.metadata.name
        orders = [fleet.order_seen(order) for order in fleet.orders_for(namespace, name)]
        named = [item.number for order in orders for item in order.items]
        records, lots = fleet.counted_in_pool(ObjectRef(namespace, name), named)
        numbers = fleet.with_listed(namespace, name, map(number_seen, records))
        orders += self._intended(pool, orders)
        return count_supply(Limits(currency=currency), numbers, orders, self._clock(), lots=lots)

    def _intended(self, pool: NumberPool, orders: list[OrderSeen]) -> tuple[OrderSeen, ...]:
        """The order that the pool has written down and that is not there yet: it counts as if it were."""
        top_up = pool.status.memory.top_up
        if top_up is None or top_up.order is None or top_up.ordered:
            return ()
        intent = order_intent(top_up.order, pool.metadata.namespace)
        if any(order.sequence == intent.sequence for order in orders):
            return ()
        return (OrderSeen(intent.sequence, "", intent.account, intent.count, budget=intent.budget),)

    def _orders_today(self, namespace: str) -> int:
        today = self._clock().date()
        return sum(self._is_of(order, today) for order in self._fleet.all(NumberOrder) if namespace in payers_of(order))

    def _is_of(self, order: NumberOrder, today: date) -> bool:
        """Whether the order counts as one of that day. One that ended before it chose anything has used up nothing."""
        chose_nothing = order.status.done and not order.status.items
        return not chose_nothing and (order.metadata.creation_timestamp or self._clock()).date() == today

    def room(self, namespace: str) -> Room:
        """What the pools of the namespace may still order."""
        return self._if_paid(namespace, room_under(self._counted(namespace)))

    def _if_paid(self, namespace: str, room: Room) -> Room:
        """No room while the bills are not paid."""
        unpaid = self.unpaid(namespace)
        return replace(room, full=unpaid) if unpaid else room

    def room_beside(self, order: NumberOrder) -> Room:
        """What one order that has not chosen its numbers yet may buy, beside all others. It is counted itself: its
        numbers, its budget, and the order."""
        counted, now = self._counted(order.metadata.namespace), self._clock()
        intent = order_intent(order.spec, order.metadata.namespace)
        today = (order.metadata.creation_timestamp or now).date() == now.date()
        room = room_under((want, without(used, intent, today)) for want, used in counted)
        return self._if_paid(order.metadata.namespace, room)

    def full_for_claims(self, namespace: str, taking: Taking) -> str | None:
        """Why a claim of the namespace may take no number of another one; None when it may.

        `taking`: what more is being bound to its claims right now, by monthly price.
        """
        return full_for_claims(self._counted(namespace, taking))

    def purse(self, namespace: str, taking: Taking) -> Purse:
        """What a number of another namespace may cost that is bound to a claim of this one; empty: whatever it does."""
        return purse_under(self._counted(namespace, taking))

    def too_dear(self, namespace: str) -> str:
        """Why a claim of the namespace goes without a number that is free."""
        return too_dear(self._counted(namespace))

    def plan_orders(self, namespace: str, wanted: Iterable[Wanted], taking: Taking) -> ForOrders:
        """For which claims of the namespace a number of another one may be ordered, and what it may cost."""
        return plan_orders(self._counted(namespace, taking), wanted)

    def full_for_orders(self, namespace: str) -> str | None:
        """Why no more orders may be started today for claims of the namespace; None when they may."""
        return full_for_orders(self._counted(namespace))

    def _counted(self, namespace: str, taking: Taking = ()) -> list[tuple[QuotaWant, Used]]:
        wants = [quota_want(quota) for quota in self.of(namespace)]
        return [(want, with_claims(self.used(namespace, want.currency), taking)) for want in wants]

    def unpaid(self, namespace: str) -> str | None:
        """Why nothing is bought for the namespace or bound to its claims, as its bills are not paid; None when they
        are. The spec of now decides: not even what was written a moment ago is bought."""
        return next((unpaid_message(quota_want(quota)) for quota in self._unpaid(namespace)), None)

    def _unpaid(self, namespace: str) -> Iterator[NumberQuota]:
        """The quotas by which the bills of a namespace stop all that it has."""
        for quota in self.of(namespace):
            before = Bills(quota.status.past_due_since, quota.status.suspended_since)
            if judge_bills(quota_want(quota), before, self._clock()).stops:
                yield quota

    def stops(self, record: NumberRecord) -> list[str]:
        """Why the bills of the namespace that holds a number, its claim's or else its own, stop its traffic."""
        namespace = record.claim.namespace if record.claim else record.namespace
        return [
            f"The bills of namespace {namespace} are not paid (NumberQuota {quota.metadata.name})."
            for quota in self._unpaid(namespace)
        ]
