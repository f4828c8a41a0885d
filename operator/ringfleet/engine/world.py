"""The world as one operator process sees it: the door to the API server, what is remembered, and who wakes whom.

::

    an intent changed  (Kopf, relist, our own write) -> its key, and the keys of what depends on it
    a number changed   (informer, our own write)     -> itself if it needs a step, its pool soon, its profile later
    an account changed (probe, sweep, purchase)      -> its pools, its unfinished orders, its numbers that need a step

Reconciling is level-triggered: waking one key too many costs a look, waking one too few costs until the next relist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from ringfleet.api import NumberOrder, NumberPool, PhoneNumber, RoutingProfile
from ringfleet.api.meta import Resource as ApiObject
from ringfleet.api.meta import Status
from ringfleet.engine.accounts import Accounts, OpenAccount
from ringfleet.engine.intents import INTENTS, Intents, Key, resource_of
from ringfleet.engine.observe import account_key, number_want, order_seen, profile_name, routing_want
from ringfleet.engine.records import NumberRecord
from ringfleet.engine.report import changed_conditions, merge_patch
from ringfleet.kube.cache import Informer
from ringfleet.kube.client import Kube
from ringfleet.kube.events import EventRecorder, EventType, Regarding
from ringfleet.kube.lease import LeaseLock
from ringfleet.kube.queue import WorkQueue
from ringfleet.kube.store import Key as Place
from ringfleet.model import E164, AccountKey, Holding, ItemState, Mark
from ringfleet.plan.account import AccountSeen
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number import NumberWant, RoutingWant, plan_number
from ringfleet.plan.phase import GONE
from ringfleet.plan.supply import OrderSeen
from ringfleet.settings import Settings

POOL_DELAY = 0.5
"""Seconds in which the changes of a pool's numbers, and of its own status, are gathered into one look at the pool."""
PROFILE_DELAY = 5.0


PHONE_NUMBERS = resource_of(PhoneNumber)


class NotOpen(Exception):
    """The account was closed between the plan and the act; the key runs again when it is open."""


@dataclass(slots=True)
class World:
    """See the module. Numbers have a queue of their own, so that thousands of them never hold an order up.

    `news`: the carrier's latest word on numbers whose object does not say it yet.
    """

    kube: Kube
    settings: Settings
    installation: str
    queue: WorkQueue[Key]
    number_queue: WorkQueue[Key]
    numbers: Informer[NumberRecord]
    events: EventRecorder
    leases: LeaseLock
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    intents: Intents
    accounts: Accounts = field(default_factory=Accounts)
    news: dict[E164, Holding] = field(default_factory=dict)
    _routing: dict[str, tuple[int, RoutingWant]] = field(default_factory=dict)
    _orders: dict[str, tuple[str, OrderSeen]] = field(default_factory=dict)

    # Looking.

    def pool_of(self, record: NumberRecord) -> NumberPool | None:
        return self.intents.get(NumberPool, record.namespace, record.pool) if record.pool else None

    def number(self, namespace: str, name: str) -> NumberRecord | None:
        return self.numbers.store.get(Place(namespace, name))

    def routing_want(self, namespace: str, name: str) -> RoutingWant:
        """The wish to be routed by a profile; its content is hashed once for each generation."""
        profile = self.intents.get(RoutingProfile, namespace, name)
        if profile is None:
            return routing_want(name, None)
        known = self._routing.get(profile.metadata.uid)
        if known is None or known[0] != profile.metadata.generation:
            known = (profile.metadata.generation, routing_want(name, profile))
            self._routing[profile.metadata.uid] = known
        return known[1]

    def order_seen(self, order: NumberOrder) -> OrderSeen:
        """What a pool sees of an order; its hundred items are read once for each version."""
        meta = order.metadata
        known = self._orders.get(meta.uid)
        if known is None or known[0] != meta.resource_version:
            known = self._orders[meta.uid] = (meta.resource_version, order_seen(order))
        return known[1]

    def number_want(self, record: NumberRecord) -> NumberWant:
        pool = self.pool_of(record)
        name = profile_name(record, pool)
        return number_want(record, pool, self.routing_want(record.namespace, name) if name else None)

    def needs_step(self, record: NumberRecord) -> bool:
        """Whether reconciling this number would do or write anything."""
        if not record.status_current or record.number in self.news:
            return True
        plan = plan_number(self.number_want(record), record.state, None, AccountSeen())
        ready = next((condition for condition in record.conditions if condition.type == "Ready"), None)
        return (
            plan.step is not None
            or plan.phase is not record.state.phase
            or ready is None
            or ((ready.reason, ready.message) != (plan.conditions[0].reason, plan.conditions[0].message))
        )

    def taken_numbers(self, but: str) -> frozenset[E164]:
        """The numbers that are ours already, and those that unfinished orders other than `but` (a uid) have chosen.

        At whatever carrier: two of them may offer one number, and it is bought once.
        """
        chosen = (
            item.number
            for order in self.intents.all(NumberOrder)
            if order.metadata.uid != but and not order.status.recorded
            for item in self.order_seen(order).items
            if item.state is not ItemState.FAILED
        )
        held = (record.number for _, record in self.numbers.store.items() if record.state.phase not in GONE)
        return frozenset((*chosen, *held))

    def mark_for(self, namespace: str, pool: str) -> Mark:
        return Mark(self.installation, namespace, pool)

    def open_account(self, key: AccountKey) -> OpenAccount:
        account = self.accounts.get(key)
        if account is None:
            raise NotOpen(f"CarrierAccount {key} is not open")
        return account

    # Waking.

    def wake(self, kind: str, namespace: str, name: str, delay: float = 0.0) -> None:
        queue = self.number_queue if kind == "PhoneNumber" else self.queue
        queue.add(Key(kind, namespace, name), delay)

    def wake_number(self, record: NumberRecord) -> None:
        self.wake("PhoneNumber", record.namespace, record.name)

    def wake_account(self, key: AccountKey) -> None:
        self.wake("CarrierAccount", key.namespace, key.name)

    def wake_users(self, account: AccountKey) -> None:
        """What may go on, or must stop, now that the account's state has changed."""
        for pool in self.intents.all(NumberPool):
            if account in (account_key(one.account_ref, pool.metadata.namespace) for one in pool.spec.carriers):
                self.wake("NumberPool", pool.metadata.namespace, pool.metadata.name)
        self.wake_orders(account)
        self._wake_needy(self.numbers.store.by("account", account))

    def wake_orders(self, account: AccountKey) -> None:
        """The orders that may wait for the account or for its cart: the next one takes over at once."""
        for order in self.intents.orders_at(account):
            if not order.status.recorded:
                self.queue.add(Key("NumberOrder", order.metadata.namespace, order.metadata.name), at_once=True)

    def _wake_needy(self, records: Iterable[NumberRecord]) -> None:
        for record in records:
            if self.needs_step(record):
                self.wake_number(record)

    def follow(self) -> None:
        """From now on, wake what a change concerns."""
        for model in INTENTS:
            self.intents.store(model.__name__).subscribe(partial(self._note_intent, model.__name__))
        self.numbers.store.subscribe(lambda _, old, new: self._note_number(old, new))

    def _note_intent(self, kind: str, place: Place, old: ApiObject | None, new: ApiObject | None) -> None:
        """An intent has changed, come (`old` None) or gone (`new` None): wake it and what depends on it."""
        if kind == "CarrierAccount" and old is None:
            self.accounts.expect(AccountKey(*place))
        same_wish = old is not None and new is not None and old.metadata.generation == new.metadata.generation
        self.wake(kind, *place, POOL_DELAY if same_wish and kind == "NumberPool" else 0.0)
        order = new or old
        if isinstance(order, NumberOrder):
            self._note_order(order, gone=new is None)
        if same_wish:
            return
        if kind == "NumberPool":
            self._wake_needy(self.numbers.store.by("pool", tuple(place)))
        elif kind == "RoutingProfile":
            self._wake_followers(place)

    def _note_order(self, order: NumberOrder, gone: bool) -> None:
        if gone:
            self._orders.pop(order.metadata.uid, None)
        self.wake("NumberPool", order.metadata.namespace, order.spec.pool_ref.name)

    def _wake_followers(self, profile: Place) -> None:
        """The pools and numbers that a routing profile concerns."""
        for pool in self.intents.all(NumberPool):
            ref = pool.spec.routing_profile_ref
            if ref and (pool.metadata.namespace, ref.name) == tuple(profile):
                self.wake("NumberPool", profile.namespace, pool.metadata.name)
        self._wake_needy(self.numbers.store.by("namespace", profile.namespace))

    def _note_number(self, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """A number has changed, come (`old` None) or gone (`new` None)."""
        if new and self.needs_step(new):
            self.wake_number(new)
        record = new or old
        if record is None or (old and new and _looks_the_same(old, new)):
            return
        if record.pool:
            self.wake("NumberPool", record.namespace, record.pool, POOL_DELAY)
        for name in {seen.state.routed.profile for seen in (old, new) if seen and seen.state.routed}:
            self.wake("RoutingProfile", record.namespace, name, PROFILE_DELAY)

    # Writing.

    async def write_status(self, obj: ApiObject, status: Status) -> None:
        """Write what has changed of an object's status, under its resourceVersion, and tell it as events.

        Raises:
            Conflict: somebody else wrote in between; the key runs again with what they wrote.
        """
        old, new = obj.status.as_dict(), status.as_dict()
        patch = merge_patch(old, new)
        if not patch:
            return
        resource, meta = resource_of(obj.__class__), obj.metadata
        reply = await self.kube.patch_status(resource, meta.namespace, meta.name, patch, meta.resource_version)
        self.intents.take_in(resource.kind, reply)
        await self._tell(Regarding.of(resource, reply), old.get("conditions", ()), new.get("conditions", ()))

    async def set_finalizers(self, obj: ApiObject, finalizers: list[str]) -> None:
        resource, meta = resource_of(obj.__class__), obj.metadata
        body = {"metadata": {"finalizers": finalizers}}
        reply = await self.kube.patch(resource, meta.namespace, meta.name, body, meta.resource_version)
        self.intents.take_in(resource.kind, reply)

    async def _tell(self, regarding: Regarding, old: Any, new: Any) -> None:
        for condition in changed_conditions(old, new):
            if condition["type"] == "Reconciling" or condition["reason"] in _QUIET:
                continue
            good = (condition["type"] == "Ready") is (condition["status"] == "True")
            weight = EventType.NORMAL if good else EventType.WARNING
            await self.events.record(regarding, weight, condition["reason"], condition["message"])


_QUIET = frozenset(
    {
        Reason.ORDERING,
        Reason.SEARCHING,
        Reason.SUBMITTING,
        Reason.ROUTING,
        Reason.PROBING,
        Reason.WAITING_FOR_CART,
        Reason.ACCOUNT_NOT_READY,
    }
)


def _looks_the_same(old: NumberRecord, new: NumberRecord) -> bool:
    """Whether pool and profile would count the number as before."""
    return (old.state.phase, old.pool, old.price, old.state.routed, old.state.drift) == (
        new.state.phase,
        new.pool,
        new.price,
        new.state.routed,
        new.state.drift,
    )
