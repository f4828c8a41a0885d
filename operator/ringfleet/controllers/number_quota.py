"""The quotas of namespaces: what is used of them, what room is left, and whose numbers their bills stop.

What is used is counted from pools, orders and numbers, anew after each change of any of them, so a quota needs no
record of its own. Pools of one namespace that start orders take turns by `turn`, so that no two see the same room; the
intent of the one is written, and counted, before the next one looks.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from ringfleet.api import NumberOrder, NumberPool, NumberQuota
from ringfleet.api.number_quota import QuotaUsed
from ringfleet.model import Limits
from ringfleet.objects.conditions import conditions
from ringfleet.objects.number_order import order_intent
from ringfleet.objects.number_quota import quota_want
from ringfleet.objects.phone_number import NumberRecord, number_seen
from ringfleet.objects.refs import Key
from ringfleet.plan.number_pool.supply import OrderSeen, Room, Supply, count_supply
from ringfleet.plan.number_quota import (
    Billing,
    Bills,
    QuotaWant,
    Used,
    count_used,
    judge_bills,
    numbers_full,
    quota_conditions,
    room_under,
)

if TYPE_CHECKING:
    from ringfleet.controllers.services import World


class Quotas:
    """See the module."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._counts: dict[tuple[str, str], Used] = {}

    def turn(self, namespace: str) -> asyncio.Lock:
        """Held by the one pool of the namespace that looks at its room and writes its intent."""
        return self._turns[namespace]

    def of(self, namespace: str) -> list[NumberQuota]:
        """The quotas of a namespace, by name."""
        found = [quota for quota in self._world.intents.all(NumberQuota) if quota.metadata.namespace == namespace]
        return sorted(found, key=lambda quota: quota.metadata.name)

    def forget(self) -> None:
        """Something that is counted has changed."""
        self._counts.clear()

    def used(self, namespace: str, currency: str) -> Used:
        """What the namespace uses, money in `currency`."""
        known = self._counts.get((namespace, currency))
        if known is None:
            known = self._counts[namespace, currency] = self._count(namespace, currency)
        return known

    def _count(self, namespace: str, currency: str) -> Used:
        world = self._world
        pools = [pool for pool in world.intents.all(NumberPool) if pool.metadata.namespace == namespace]
        borrowed = [one.price.monthly if one.price else None for one in world.borrowed_by(namespace)]
        supplies = (self._supply(pool, currency) for pool in pools)
        return count_used(supplies, borrowed, self._orders_today(namespace), currency)

    def _supply(self, pool: NumberPool, currency: str) -> Supply:
        world, namespace, name = self._world, pool.metadata.namespace, pool.metadata.name
        records = world.numbers.store.by("pool", (namespace, name))
        orders = [world.order_seen(order) for order in world.intents.orders_for(namespace, name)]
        numbers = (number_seen(record) for record in records)
        limits = Limits(currency=currency)
        return count_supply(limits, numbers, (*orders, *self._intended(pool, orders)), world.clock())

    def _intended(self, pool: NumberPool, orders: list[OrderSeen]) -> tuple[OrderSeen, ...]:
        """The order that the pool has written down and that is not there yet: it counts as if it were."""
        top_up = pool.status.top_up
        if top_up is None or top_up.order is None or top_up.ordered:
            return ()
        intent = order_intent(top_up.order, pool.metadata.namespace)
        if any(order.sequence == intent.sequence for order in orders):
            return ()
        return (OrderSeen(intent.sequence, "", intent.account, intent.count, budget=intent.budget),)

    def _orders_today(self, namespace: str) -> int:
        today = self._world.clock().date()
        orders = (order for order in self._world.intents.all(NumberOrder) if order.metadata.namespace == namespace)
        return sum((order.metadata.creation_timestamp or self._world.clock()).date() == today for order in orders)

    def room(self, namespace: str) -> Room:
        """What the pools of the namespace may still order."""
        return room_under(self._counted(namespace))

    def full_for_claims(self, namespace: str, uid: str) -> str | None:
        """Why the claim `uid` of a namespace may take no number of another one; None when it may.

        The numbers that other claims of it are being bound to right now count as theirs.
        """
        return numbers_full(self._counted(namespace, self._world.desk.lent_to(namespace, but=uid)))

    def _counted(self, namespace: str, more: int = 0) -> list[tuple[QuotaWant, Used]]:
        counted = []
        for quota in self.of(namespace):
            want = quota_want(quota)
            used = self.used(namespace, want.currency)
            counted.append((want, Used(used.numbers + more, used.spend, used.orders_today, used.foreign)))
        return counted

    def stops(self, record: NumberRecord) -> list[str]:
        """Why the bills of a number's namespace, or of its claim's, stop its traffic."""
        namespaces = {record.namespace} | ({record.claim.namespace} if record.claim else set())
        return [
            f"The bills of namespace {namespace} are not paid (NumberQuota {quota.metadata.name})."
            for namespace in sorted(namespaces)
            for quota in self.of(namespace)
            if quota.status.suspended_since
            and Billing(quota.spec.billing) is not Billing.CURRENT
            and not quota.spec.suspend
        ]


async def reconcile_quota(world: World, key: Key) -> float | None:
    """Count what is used and look at the bills. Returns seconds until the grace or the day of the orders is over."""
    quota = world.intents.get(NumberQuota, key.namespace, key.name)
    if quota is None or quota.metadata.deletion_timestamp:
        return None
    world.quotas.forget()  # it may be another day
    want, status = quota_want(quota), quota.status
    used = world.quotas.used(key.namespace, want.currency)
    bills = judge_bills(want, Bills(status.past_due_since, status.suspended_since), world.clock())
    said = quota_conditions(want, used, bills)
    update = {
        "observed_generation": quota.metadata.generation,
        "conditions": conditions(status.conditions, said, quota.metadata.generation, world.clock()),
        "used": QuotaUsed(
            numbers=used.numbers, monthly_spend=used.spend and used.spend.amount, orders_today=used.orders_today
        ),
        "past_due_since": bills.past_due_since,
        "suspended_since": bills.suspended_since,
    }
    await world.write_status(quota, status.model_copy(update=update))
    waits = (bills.seconds, _until_midnight(world) if used.orders_today else None)
    return min((seconds for seconds in waits if seconds is not None), default=None)


def _until_midnight(world: World) -> float:
    """Seconds until the next day begins, in UTC."""
    now = world.clock()
    tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (tomorrow - now).total_seconds()
