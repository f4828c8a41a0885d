"""The world as one operator process sees it: the door to the API server, what is remembered, and the queues of keys.

Here is looking, waking by name, and writing. Who wakes whom when something changes is in `controllers/triggers.py`;
what a look leads to is in the reconcile module of each kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ringfleet.api import ComplianceBundle, NumberOrder, NumberPool, RoutingProfile
from ringfleet.api.meta import Resource as ApiObject
from ringfleet.api.meta import Status
from ringfleet.controllers.bundle_attachments import Refusals
from ringfleet.controllers.carrier_clients import Accounts, OpenAccount
from ringfleet.controllers.claim_queue import Desk
from ringfleet.controllers.desired_number import farewell, number_want, resting_until
from ringfleet.controllers.dispatcher_client import Dispatcher
from ringfleet.controllers.fleet import Intents
from ringfleet.controllers.number_quota import Quotas
from ringfleet.kube.client import Kube
from ringfleet.kube.events import EventRecorder, EventType, Regarding
from ringfleet.kube.informer import Informer
from ringfleet.kube.lease import LeaseLock
from ringfleet.kube.queue import WorkQueue
from ringfleet.kube.store import Key as Place
from ringfleet.kube.transport import Json
from ringfleet.model import E164, GONE, AccountKey, Holding, ItemState, Mark, Phase
from ringfleet.model.refs import Resource
from ringfleet.objects.conditions import ConditionSeen, changed_conditions, merge_patch
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.number_order import order_seen
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.phone_number_status import HealthSeen
from ringfleet.objects.refs import Key, account_key, resource_of
from ringfleet.objects.routing_profile import routing_want
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_pool.supply import OrderSeen
from ringfleet.plan.phone_number.case import DesiredNumber, DesiredRouting
from ringfleet.plan.phone_number.plan import plan_number
from ringfleet.settings import Settings

QUOTA_DELAY = 2.0
"""Seconds in which what changes the use of a quota is gathered into one look at it."""
COUNT_DELAY = 2.0
"""Seconds in which the numbers that come to carry a bundle, or cease to, are gathered into one count of them."""
GUARD_DELAY = 1.0
"""Seconds after a claim's binding until its finalizer follows, and the phase of its number."""
LONGEST_GIVING_WAY = timedelta(seconds=30)
"""For how long after a binding these two give way to the bindings of other claims."""


class NotOpen(Exception):
    """The account was closed between the plan and the act; the key runs again when it is open."""


@dataclass(slots=True)
class World:
    """See the module. Numbers have a queue of their own, so that thousands of them never hold an order up; claims too,
    so that nothing ever holds a claim up.

    `news`: the carrier's latest word on numbers whose object does not say it yet; `health`: the dispatcher's.
    `found_going`: what was asked to go while no operator looked. `arrivals`: when a claim was first seen.
    """

    kube: Kube
    settings: Settings
    installation: str
    queue: WorkQueue[Key]
    number_queue: WorkQueue[Key]
    claim_queue: WorkQueue[Key]
    numbers: Informer[NumberRecord]
    claims: Informer[ClaimRecord]
    events: EventRecorder
    leases: LeaseLock
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    intents: Intents
    accounts: Accounts = field(default_factory=Accounts)
    news: dict[E164, Holding] = field(default_factory=dict)
    health: dict[E164, HealthSeen] = field(default_factory=dict)
    found_going: set[str] = field(default_factory=set)
    arrivals: dict[str, datetime] = field(default_factory=dict)
    desk: Desk = field(init=False)
    quotas: Quotas = field(init=False)
    refusals: Refusals = field(init=False)
    dispatcher: Dispatcher = field(init=False)
    _routing: dict[str, tuple[int, DesiredRouting]] = field(default_factory=dict)
    _orders: dict[str, tuple[str, OrderSeen]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.desk = Desk(self)
        self.quotas = Quotas(self)
        self.refusals = Refusals(self.clock)
        self.dispatcher = Dispatcher(self.settings, self.clock, self.monotonic)

    # Looking.

    def pool_of(self, record: NumberRecord) -> NumberPool | None:
        return self.intents.get(NumberPool, record.namespace, record.pool) if record.pool else None

    def number(self, namespace: str, name: str) -> NumberRecord | None:
        return self.numbers.store.get(Place(namespace, name))

    def claim(self, namespace: str, name: str) -> ClaimRecord | None:
        return self.claims.store.get(Place(namespace, name))

    def claim_by_uid(self, uid: str) -> ClaimRecord | None:
        return next(iter(self.claims.store.by("uid", uid)), None)

    def claim_of(self, record: NumberRecord) -> ClaimRecord | None:
        """The claim that holds the number, when it is in sight."""
        return self.claim_by_uid(record.claim.uid) if record.claim else None

    def claims_of_set(self, namespace: str, name: str) -> list[ClaimRecord]:
        """The claims that are labelled with a RotationSet."""
        return self.claims.store.by("set", (namespace, name))

    def numbers_of(self, claim: ClaimRecord) -> list[NumberRecord]:
        """The numbers that name the claim: one, when it is bound."""
        return self.numbers.store.by("claim", claim.uid)

    def borrowed_by(self, namespace: str) -> list[NumberRecord]:
        """The numbers of other namespaces that claims of this one hold."""
        return self.numbers.store.by("borrower", namespace)

    def profile_of(self, record: NumberRecord) -> RoutingProfile | None:
        """The routing profile that the number is to follow, when there is one."""
        place = self.profile_place(record)
        return self.intents.get(RoutingProfile, *place) if place else None

    def profile_place(self, record: NumberRecord) -> Place | None:
        """Where that profile is: its claim's wins over its own, and its own over its pool's."""
        claim = self.claim_of(record)
        if claim and claim.routing_profile:
            return Place(claim.namespace, claim.routing_profile)
        pool = self.pool_of(record)
        of_pool = pool.spec.routing_profile_ref if pool else None
        name = record.routing_profile or (of_pool.name if of_pool else None)
        return Place(record.namespace, name) if name else None

    def routing_want(self, place: Place, seen_from: str) -> DesiredRouting:
        """The wish to be routed by a profile; its content is hashed once for each generation.

        Numbers of another namespace, `seen_from`, know the profile by `namespace/name`.
        """
        name = place.name if place.namespace == seen_from else f"{place.namespace}/{place.name}"
        profile = self.intents.get(RoutingProfile, *place)
        if profile is None:
            return routing_want(name, None)
        cache = f"{profile.metadata.uid} {name}"
        known = self._routing.get(cache)
        if known is None or known[0] != profile.metadata.generation:
            known = self._routing[cache] = (profile.metadata.generation, routing_want(name, profile))
        return known[1]

    def order_seen(self, order: NumberOrder) -> OrderSeen:
        """What a pool sees of an order; its hundred items are read once for each version."""
        meta = order.metadata
        known = self._orders.get(meta.uid)
        if known is None or known[0] != meta.resource_version:
            known = self._orders[meta.uid] = (meta.resource_version, order_seen(order))
        return known[1]

    def number_want(self, record: NumberRecord) -> DesiredNumber:
        return number_want(self, record)

    def rests_until(self, record: NumberRecord) -> datetime | None:
        """Until when the number rests after its last claim; None when it does not."""
        until = resting_until(record, self.pool_of(record))
        return until if until and until > self.clock() else None

    def gives_way(self, claim: ClaimRecord) -> bool:
        """Whether what still follows on the claim's binding is put off, because other claims are being bound."""
        bound_at = claim.bound_at
        return bound_at is not None and self.desk.busy() and self.clock() - bound_at < LONGEST_GIVING_WAY

    def claim_is_missing(self, record: NumberRecord) -> bool:
        """Whether the claim that holds the number is not in sight although we would see it."""
        scopes = self.intents.scopes
        seen = record.claim is not None and (None in scopes or record.claim.namespace in scopes)
        return seen and self.claim_of(record) is None

    def needs_step(self, record: NumberRecord) -> bool:
        """Whether reconciling this number would do or write anything."""
        told = record.number in self.news or record.number in self.health
        if told or not record.status_current or self.claim_is_missing(record):
            return True
        if (not record.guarded and not record.deleting) or (record.deleting and record.guarded):
            return True
        if self._times_have_moved(record):
            return True
        plan = plan_number(self.number_want(record), record.state, None, AccountSeen())
        ready = next((condition for condition in record.conditions if condition.type == "Ready"), None)
        return (
            plan.step is not None
            or plan.phase is not record.state.phase
            or ready is None
            or (len(record.conditions), ready.reason, ready.message)
            != (len(plan.conditions), plan.conditions[0].reason, plan.conditions[0].message)
        )

    def _times_have_moved(self, record: NumberRecord) -> bool:
        """Whether a time of the number's life is not what its pool's spec makes of it now."""
        if (record.state.phase is Phase.AVAILABLE) is not (record.free_since is not None):
            return True
        known = record.state.farewell
        return record.cooling_until != self.rests_until(record) or (
            known is not None and farewell(self, record, known.since) != known
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
        back = GONE - {Phase.RELEASED}  # the object of a number that was given back is still there, so it can't be ours
        held = (record.number for record in self.numbers.store.values() if record.state.phase not in back)
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

    def wake_claim(self, claim: ClaimRecord) -> None:
        self.claim_queue.add(Key("NumberClaim", claim.namespace, claim.name), at_once=True)

    def wake_account(self, key: AccountKey) -> None:
        self.wake("CarrierAccount", key.namespace, key.name)

    def wake_users(self, account: AccountKey) -> None:
        """What may go on, or must stop, now that the account's state has changed."""
        for pool in self.intents.all(NumberPool):
            if account in (account_key(one.account_ref, pool.metadata.namespace) for one in pool.spec.carriers):
                self.wake("NumberPool", pool.metadata.namespace, pool.metadata.name)
        for bundle in self.intents.all(ComplianceBundle):
            if account in (account_key(ref, bundle.metadata.namespace) for ref in bundle.spec.carriers):
                self.wake("ComplianceBundle", bundle.metadata.namespace, bundle.metadata.name)
        self.wake_orders(account)
        self.wake_needy(self.numbers.store.by("account", account))

    def wake_orders(self, account: AccountKey) -> None:
        """The orders that may wait for the account or for its cart: the next one takes over at once."""
        for order in self.intents.orders_at(account):
            if not order.status.recorded:
                self.queue.add(Key("NumberOrder", order.metadata.namespace, order.metadata.name), at_once=True)

    def wake_needy(self, records: Iterable[NumberRecord]) -> None:
        """Those of them that need a step."""
        for record in records:
            if self.needs_step(record):
                self.wake_number(record)

    def open_desk(self) -> None:
        """Everything is listed. What was asked to go before we looked is remembered, for the breaker."""
        for record in self.numbers.store.values():
            if record.state.farewell is None and (record.deleting or record.notes.asked):
                self.found_going.add(record.uid)
        self.desk.open()

    def wake_quotas(self, namespace: str) -> None:
        for quota in self.quotas.of(namespace):
            self.wake("NumberQuota", namespace, quota.metadata.name, QUOTA_DELAY)

    def wake_bundle_counts(self, namespace: str) -> None:
        for bundle in self.intents.all(ComplianceBundle):
            if bundle.metadata.namespace == namespace:
                self.wake("BundleCount", namespace, bundle.metadata.name, COUNT_DELAY)

    def forget_order(self, uid: str) -> None:
        """What was read of an order that is gone."""
        self._orders.pop(uid, None)

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

    async def tell(self, resource: Resource, reply: Json, before: tuple[ConditionSeen, ...]) -> None:
        """Tell as events what a status that was just written says anew; `before` are its conditions until then."""
        old = [{"type": one.type, "status": one.status, "reason": one.reason} for one in before]
        await self._tell(Regarding.of(resource, reply), old, reply["status"].get("conditions", ()))

    async def set_finalizers(self, obj: ApiObject, finalizers: list[str]) -> None:
        resource, meta = resource_of(obj.__class__), obj.metadata
        body = {"metadata": {"finalizers": finalizers}}
        reply = await self.kube.patch(resource, meta.namespace, meta.name, body, meta.resource_version)
        self.intents.take_in(resource.kind, reply)

    async def _tell(self, regarding: Regarding, old: Any, new: Any) -> None:
        for condition in changed_conditions(old, new):
            if condition["type"] == "Reconciling" or condition["reason"] in _QUIET:
                continue
            good = (condition["type"] in _WISHED) is (condition["status"] == "True")
            weight = EventType.NORMAL if good else EventType.WARNING
            await self.events.record(regarding, weight, condition["reason"], condition["message"])


_WISHED = frozenset({"Ready", "Complete", "ComplianceReady"})
"""The conditions that are good when they are true."""
_QUIET = frozenset(
    {
        Reason.ORDERING,
        Reason.SEARCHING,
        Reason.SUBMITTING,
        Reason.ROUTING,
        Reason.PROBING,
        Reason.WAITING_FOR_CART,
        Reason.ACCOUNT_NOT_READY,
        Reason.BOUND,
        Reason.ROUTED,
        Reason.UNROUTED_BY_WISH,
        Reason.COOLING,
        Reason.GROWING,
    }
)
