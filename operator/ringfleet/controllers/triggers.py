"""Who wakes whom: what is seen of intents, numbers and claims becomes keys in the queues, and turns in the claim queue.

::

    an intent changed  (Kopf, relist, our own write) -> its key, and the keys of what depends on it
    a number changed   (informer, our own write)     -> itself when it needs a step, now or by time (plan/next_look.py);
                                                        its pool soon, its profile later; the claim queue, which may
                                                        have a claim for it
    a claim changed    (informer, our own write)     -> the claim queue; itself at once if it needs a turn; its number

What accounts wake when they are probed, swept or bought from is `wake_users`. Reconciling is level-triggered:
waking one key too many costs a look, waking one too few costs until the next relist.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from zlib import crc32

from ringfleet.api import (
    CarrierAccount,
    ComplianceBundle,
    NumberOrder,
    NumberPool,
    NumberQuota,
    RotationSet,
    RoutingProfile,
)
from ringfleet.api.meta import Resource as ApiObject
from ringfleet.controllers.bundle_attachments import carried_by, outdated_numbers
from ringfleet.controllers.bundle_readiness import wake_pools
from ringfleet.controllers.connection_secret import LOOK_AGAIN
from ringfleet.controllers.desired_number import farewell, number_want
from ringfleet.controllers.fleet import INTENTS
from ringfleet.controllers.queues import seconds_until
from ringfleet.controllers.rebinding import former_number
from ringfleet.controllers.services import Services
from ringfleet.model import GONE, AccountKey, Phase
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.compliance_bundle import bundle_seen, filing_record
from ringfleet.objects.freeze import freeze_of
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.refs import account_key
from ringfleet.objects.rotation_set import pools_of
from ringfleet.objects.routing_profile import told_at
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Reason
from ringfleet.plan.freeze import Freeze
from ringfleet.plan.next_look import (
    GUARDED_AFTER,
    next_look_at_bundle,
    next_look_at_claim,
    next_look_at_number,
)
from ringfleet.plan.phone_number.plan import plan_number

POOL_DELAY = 0.5
"""Seconds in which the changes of a pool's numbers, and of its own status, are gathered into one look at the pool."""
PROFILE_DELAY = 5.0
SET_DELAY = 0.3
"""Seconds in which what happens to the claims and numbers of a rotation set is gathered into one look at it."""

GUARD_DELAY = GUARDED_AFTER.total_seconds()
"""Seconds after a claim's binding until its finalizer follows, and the phase of its number."""
QUOTA_DELAY = 2.0
"""Seconds in which what changes the use of a quota is gathered into one look at it."""
USE_DELAY = 1.0
"""Seconds in which the numbers that come, go or change their routing are gathered into one look at who uses what."""
COUNT_DELAY = 2.0
"""Seconds in which the numbers that come to carry a bundle, or cease to, are gathered into one count of them."""


# Waking.


def wake_users(services: Services, account: AccountKey) -> None:
    """What may go on, or must stop, now that the account's state has changed."""
    wake_pools(services, account)
    for bundle in services.fleet.all(ComplianceBundle):
        if account in (account_key(ref, bundle.metadata.namespace) for ref in bundle.spec.carriers):
            services.queues.wake("ComplianceBundle", bundle.metadata.namespace, bundle.metadata.name)
    wake_orders(services, account)
    wake_profiles(services, account)
    wake_needy(services, services.fleet.numbers.by("account", account))


def orders_at(services: Services, account: AccountKey) -> list[NumberOrder]:
    """The orders at an account, whichever of its objects they name."""
    return [order for one in services.accounts.identities.same_as(account) for order in services.fleet.orders_at(one)]


def wake_orders(services: Services, account: AccountKey) -> None:
    """The orders that may wait for the account or for its purchase lock: the next one takes over at once."""
    for order in orders_at(services, account):
        if not order.status.recorded:
            services.queues.wake_order(order.metadata.namespace, order.metadata.name)


def wake_profiles(services: Services, account: AccountKey) -> None:
    """The routing profiles that the account's numbers are to follow, and those that it was told."""
    places = {services.fleet.profile_place(record) for record in services.fleet.numbers.by("account", account)}
    told = (one for one in services.fleet.all(RoutingProfile) if account in told_at(one))
    places |= {ObjectRef(one.metadata.namespace, one.metadata.name) for one in told}
    for place in places:
        if place and services.fleet.get(RoutingProfile, *place):
            services.queues.wake("RoutingProfile", *place)


def wake_needy(services: Services, records: Iterable[NumberRecord]) -> None:
    """Those of them that need a step, and the others when time will bring them one."""
    now = services.clock()
    for record in records:
        delay = seconds_until(next_look(services, record, now), now)
        if delay is not None:
            services.queues.wake_number(record, delay)


def next_look(services: Services, record: NumberRecord, now: datetime) -> datetime | None:
    """When the number wants a turn: now, if that would do or write anything."""
    return now if needs_step(services, record) else next_look_at_number(record, now)


def wake_quotas(services: Services, namespace: str) -> None:
    """The quotas of a namespace whose use may have changed."""
    for quota in services.quotas.of(namespace):
        services.queues.wake("NumberQuota", namespace, quota.metadata.name, QUOTA_DELAY)


def wake_bundle_counts(services: Services, namespace: str) -> None:
    """The counts of the numbers that carry the namespace's bundles."""
    for bundle in services.fleet.all_in(namespace, ComplianceBundle):
        services.queues.wake("BundleCount", namespace, bundle.metadata.name, COUNT_DELAY)


def wake_frozen(services: Services, accounts: Iterable[AccountKey], pools: Iterable[ObjectRef]) -> None:
    """A freeze of these has come, gone or changed its words: whatever it holds is looked at anew."""
    for account in accounts:
        services.claim_queue.thaw(services.fleet.numbers.by("account", account))
        services.queues.wake_account(account)
        wake_users(services, account)
    for pool in pools:
        services.claim_queue.thaw(services.fleet.numbers_in_pool(*pool))
        services.claim_queue.reconsider(services.fleet.claims.by("pool", pool))
        services.queues.wake("NumberPool", *pool)
        for order in services.fleet.orders_for(*pool):
            services.queues.wake("NumberOrder", order.metadata.namespace, order.metadata.name)
        wake_needy(services, services.fleet.numbers_in_pool(*pool))
    for rotation in services.fleet.all(RotationSet):
        services.queues.wake("RotationSet", rotation.metadata.namespace, rotation.metadata.name)


def open_queue(services: Services) -> None:
    """Everything is listed. What was asked to go before we looked is remembered, for the breaker. A claim whose status
    and number do not say the same has a turn: a process ended between the two writes, or the number went meanwhile.
    What claims have written somewhere is looked at as it would have been by the process before, not all at once."""
    for record in services.fleet.numbers.values():
        if record.state.farewell is None and (record.deleting or record.notes.asked):
            services.found_going.add(record.uid)
    for claim in services.fleet.claims.values():
        if (claim.bound is None) is not (not services.fleet.numbers_of(claim)):
            services.queues.wake_claim(claim)
        elif claim.bound and (claim.write_to or claim.written_to):
            services.queues.wake("NumberClaim", claim.namespace, claim.name, _spread(claim, LOOK_AGAIN))
    services.claim_queue.open()


def _spread(claim: ClaimRecord, over: float) -> float:
    """Seconds up to `over`, the same for a claim each time."""
    return crc32(claim.uid.encode()) / 2**32 * over


def needs_step(services: Services, record: NumberRecord) -> bool:
    """Whether reconciling this number would do or write anything."""
    told = record.place in services.pending_observations or record.number in services.health
    if told or not record.status_current or services.fleet.claim_is_missing(record):
        return True
    if (not record.guarded and not record.deleting) or (record.deleting and record.guarded):
        return True
    if _times_have_moved(services, record):
        return True
    seen = services.accounts.seen(record.account, record.namespace)
    account = seen if seen.blocked is Reason.ACCOUNT_MISSING else AccountSeen()
    plan = plan_number(number_want(services, record), record.state, None, account)
    ready = next((condition for condition in record.conditions if condition.type == "Ready"), None)
    return (
        plan.step is not None
        or plan.phase is not record.state.phase
        or ready is None
        or (len(record.conditions), ready.reason, ready.message)
        != (len(plan.conditions), plan.conditions[0].reason, plan.conditions[0].message)
    )


def _times_have_moved(services: Services, record: NumberRecord) -> bool:
    """Whether a time of the number's life is not what its pool's spec makes of it now."""
    if (record.state.phase is Phase.AVAILABLE) is not (record.free_since is not None):
        return True
    known = record.state.farewell
    return record.cooling_until != services.fleet.rests_until(record) or (
        known is not None and farewell(services, record, known.since) != known
    )


# Following.


def follow(services: Services) -> None:
    """From now on, wake what a change concerns."""
    bell = _Bell(services)
    for model in INTENTS:
        services.fleet.store(model.__name__).subscribe(partial(bell.note_intent, model.__name__))
    services.fleet.numbers.subscribe(lambda _, old, new: bell.note_number(old, new))
    services.fleet.claims.subscribe(lambda _, old, new: bell.note_claim(old, new))
    services.fleet.freezes.subscribe(lambda _place, _old, _new: bell.note_freeze())


class _Bell:
    """See the module. Every `note_...` hears of a change: old None: it has come; new None: it is gone."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def note_intent(self, kind: str, place: ObjectRef, old: ApiObject | None, new: ApiObject | None) -> None:
        """An intent has changed, come (`old` None) or gone (`new` None): wake it and what depends on it."""
        self._services.intent_watches.changes[kind] += new is not None
        self._services.quotas.forget()
        if kind == "CarrierAccount":
            self._note_account(AccountKey(*place), old, new)
        same_wish = old is not None and new is not None and old.metadata.generation == new.metadata.generation
        if not (same_wish and _is_quiet(old, new)):
            self._services.queues.wake(kind, *place, POOL_DELAY if same_wish and kind == "NumberPool" else 0.0)
        elif isinstance(new, ComplianceBundle):
            self._wake_bundle_when_due(new)
        if kind in _USES and new and _hold(old) != _hold(new):
            self._services.queues.wake(_USES[kind], *place, USE_DELAY)
        order = new or old
        if isinstance(order, NumberOrder):
            self._note_order(order, gone=new is None)
        if kind == "NumberPool":
            self._note_pool(ObjectRef(*place), old, new)
            if old is None or new is None:
                self._wake_drawers(place)
        if kind == "ComplianceBundle":
            self._note_bundle(place, old, new)
        if kind == "NumberQuota":
            self._note_quota(place.namespace, old, new)
        if kind == "RoutingProfile" and not (same_wish and _told(old) == _told(new)):
            self._wake_followers(place)
        if kind == "CarrierAccount" and not same_wish:
            wake_needy(self._services, self._services.fleet.numbers.by("account", AccountKey(*place)))
        if isinstance(old or new, CarrierAccount | NumberPool) and _freeze(old) != _freeze(new):
            same = self._services.accounts.identities.same_as
            accounts = same(AccountKey(*place)) if kind == "CarrierAccount" else ()
            wake_frozen(self._services, accounts, [] if accounts else [ObjectRef(*place)])

    def note_freeze(self) -> None:
        """Everything was frozen, or is so no more."""
        fleet = self._services.fleet
        accounts = [AccountKey(one.metadata.namespace, one.metadata.name) for one in fleet.all(CarrierAccount)]
        pools = [ObjectRef(one.metadata.namespace, one.metadata.name) for one in fleet.all(NumberPool)]
        wake_frozen(self._services, accounts, pools)

    def _note_account(self, key: AccountKey, old: ApiObject | None, new: ApiObject | None) -> None:
        """An account has come or gone, or is another one at the carrier than before: a duplicate may take over."""
        accounts = self._services.accounts
        if old is None:
            accounts.expect(key)
        concerned = accounts.learn(new) if isinstance(new, CarrierAccount) else accounts.identities.forget(key)
        for other in concerned:
            self._services.queues.wake_account(other)
        if new is None:
            for pool in self._services.fleet.marked.forget_object(key):
                self._services.queues.wake("NumberPool", *pool)

    def _note_pool(self, place: ObjectRef, old: ApiObject | None, new: ApiObject | None) -> None:
        """A pool has changed: its numbers by its spec and by whom it lets go, its claims by whom it lets in, its orders
        by whether it calls them off."""
        wake_quotas(self._services, place.namespace)
        if old is None or new is None or _calls_off(old) is not _calls_off(new):
            for order in self._services.fleet.orders_for(*place):
                self._services.queues.wake("NumberOrder", order.metadata.namespace, order.metadata.name)
        if old is None or new is None or _wish(old) != _wish(new) or _farewells(old) != _farewells(new):
            wake_needy(self._services, self._services.fleet.numbers.by("pool", tuple(place)))
        if old is None or new is None or _wish(old) != _wish(new):
            self._services.claim_queue.reconsider(self._services.fleet.claims.by("pool", place))

    def _wake_drawers(self, pool: ObjectRef) -> None:
        """The rotation sets that draw from a pool which has come or gone."""
        for drawer in self._services.fleet.all(RotationSet):
            if pool in pools_of(drawer):
                self._services.queues.wake("RotationSet", drawer.metadata.namespace, drawer.metadata.name)

    def _note_quota(self, namespace: str, old: ApiObject | None, new: ApiObject | None) -> None:
        """What is used of a quota has changed, which pools and claims may wait for; or the state of its bills."""
        services = self._services
        for pool in services.fleet.all(NumberPool):
            if pool.metadata.namespace == namespace:
                services.queues.wake("NumberPool", namespace, pool.metadata.name)
        services.claim_queue.reconsider(services.fleet.claims.by("namespace", namespace))
        if _terms(old) != _terms(new):
            wake_needy(services, services.fleet.numbers.by("namespace", namespace))
            wake_needy(services, services.fleet.borrowed_by(namespace))

    def _note_bundle(self, place: ObjectRef, old: ApiObject | None, new: ApiObject | None) -> None:
        """A bundle stands otherwise than before: the pools of its namespace may order, its numbers may be finished or
        moved on to another revision."""
        if _bundle(old) == _bundle(new):
            return
        services = self._services
        wake_bundle_counts(services, place.namespace)
        if isinstance(new, ComplianceBundle):
            wake_needy(services, outdated_numbers(services, new))
        for pool in services.fleet.all(NumberPool):
            if pool.metadata.namespace == place.namespace:
                services.queues.wake("NumberPool", place.namespace, pool.metadata.name)
        records = services.fleet.numbers.by("namespace", place.namespace)
        wake_needy(services, (record for record in records if record.state.phase is Phase.PENDING_DOCUMENTS))

    def _wake_bundle_when_due(self, bundle: ComplianceBundle) -> None:
        """Its status may be another operator's, who has heard of an approval and when it ends."""
        now, records = self._services.clock(), map(filing_record, bundle.status.filings)
        grace = self._services.settings.filing_grace
        delay = seconds_until(next_look_at_bundle(records, bundle.spec.renew_before, grace, now), now)
        if delay is not None:
            self._services.queues.wake("ComplianceBundle", bundle.metadata.namespace, bundle.metadata.name, delay)

    def _note_order(self, order: NumberOrder, gone: bool) -> None:
        if gone:
            self._services.fleet.forget_order(order.metadata.uid)
        namespace, pool = order.metadata.namespace, order.spec.pool_ref.name
        self._services.queues.wake("NumberPool", namespace, pool)
        account = account_key(order.spec.account_ref, order.metadata.namespace)
        self._services.queues.wake("AccountUse", account.namespace, account.name, USE_DELAY)
        wake_quotas(self._services, namespace)
        buyer = self._services.fleet.get(NumberPool, namespace, pool)
        if buyer and buyer.spec.routing_profile_ref:  # told while the order is on its way, no number waits for it
            self._services.queues.wake("RoutingProfile", namespace, buyer.spec.routing_profile_ref.name)

    def _wake_followers(self, profile: ObjectRef) -> None:
        """The pools, numbers and claims that a routing profile concerns."""
        services = self._services
        for pool in services.fleet.all(NumberPool):
            ref = pool.spec.routing_profile_ref
            if ref and (pool.metadata.namespace, ref.name) == tuple(profile):
                services.queues.wake("NumberPool", profile.namespace, pool.metadata.name)
        wake_needy(services, services.fleet.numbers.by("namespace", profile.namespace))
        wake_needy(services, services.fleet.borrowed_by(profile.namespace))
        for claim in services.fleet.claims.by("namespace", profile.namespace):
            if claim.bound and claim.routing_profile == profile.name:
                self._wake_writer(claim)
        for record in services.fleet.numbers.by("namespace", profile.namespace):
            if claim_on_it := services.fleet.claim_of(record):
                self._wake_writer(claim_on_it)

    def _wake_writer(self, claim: ClaimRecord) -> None:
        """What a claim has written somewhere follows the routing."""
        if claim.write_to:
            self._services.queues.wake_claim(claim)

    def note_number(self, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """A number has changed, come (`old` None) or gone (`new` None)."""
        self._services.quotas.forget()
        self._services.claim_queue.note_number(old, new)
        if old is None and new:
            self._tell_who_named(new)
        self._tell_who_had(old, new)
        self._note_bundle_of(old, new)
        self._note_use(old, new)
        if new:
            wake_needy(self._services, (new,))
        self._note_standing(old, new)
        self._note_member(old, new)
        record = new or old
        if record is None or (old and new and _looks_the_same(old, new)):
            return
        if record.pool:
            self._services.queues.wake("NumberPool", record.namespace, record.pool, POOL_DELAY)
        for place in {(seen.namespace, seen.state.routed.profile) for seen in (old, new) if seen and seen.state.routed}:
            self._wake_profile(*place)
        self._note_holder(old, new)

    def _note_standing(self, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """Whose the number is may have changed: its other objects look again, and so does a claim that holds it."""
        if old and new and (_standing(old), old.left_alone) == (_standing(new), new.left_alone):
            return
        record = new or old
        assert record
        for other in self._services.fleet.numbers.by("number", record.number):
            if other.place != record.place:
                self._services.claim_queue.note_number(other, other)
                wake_needy(self._services, [other])
                if other.pool:
                    self._services.queues.wake("NumberPool", other.namespace, other.pool, POOL_DELAY)
        claim = self._services.fleet.claim_of(record)
        if claim and old and new and old.left_alone is not new.left_alone:
            self._services.queues.wake_claim(claim)

    def _note_use(self, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """Who uses the number's account, or the profiles that it is routed by, may have changed."""
        record = new or old
        assert record
        services = self._services
        if old is None or new is None or (old.state.phase in GONE) is not (new.state.phase in GONE):
            services.queues.wake("AccountUse", record.account.namespace, record.account.name, USE_DELAY)
        elif (old.state.routed, old.claim) == (new.state.routed, new.claim):
            return
        for place in {place for seen in (old, new) if seen for place in services.fleet.profiles_of(seen)}:
            services.queues.wake("ProfileUse", *place, USE_DELAY)

    def _note_bundle_of(self, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """The number may carry another bundle than before."""
        before, after = carried_by(old), carried_by(new)
        if before != after:
            for namespace in {carried.namespace for carried in (before, after) if carried}:
                wake_bundle_counts(self._services, namespace)

    def _note_member(self, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """The sets whose claim holds the number, or held it, may count it otherwise than before."""
        if old and new and _as_member(old) == _as_member(new):
            return
        for claim in (self._services.fleet.claim_of(record) for record in (old, new) if record and record.claim):
            self._wake_set(claim)

    def _wake_set(self, claim: ClaimRecord | None) -> None:
        if claim and claim.rotation:
            self._services.queues.wake("RotationSet", claim.namespace, claim.rotation.name, SET_DELAY)

    def _tell_who_named(self, number: NumberRecord) -> None:
        """Claims may have asked for the number by name before there was one."""
        claims = self._services.fleet.claims.by("pool", ObjectRef(number.namespace, number.pool)) if number.pool else []
        self._services.claim_queue.reconsider([claim for claim in claims if claim.named == number.name])

    def _tell_who_had(self, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """A claim that came back before the number did takes it up, or has it back."""
        if new is None or (old and _as_former(old) == _as_former(new)):
            return
        holder = new.claim or new.last_claim
        claim = self._services.fleet.claim(holder.namespace, holder.name) if holder else None
        if claim and former_number(self._services.fleet, claim) is new:
            self._services.queues.wake_claim(claim)

    def _wake_profile(self, namespace: str, profile: str) -> None:
        """`profile` as numbers of `namespace` know it."""
        there, _, name = profile.rpartition("/")
        self._services.queues.wake("RoutingProfile", there or namespace, name, PROFILE_DELAY)

    def _note_holder(self, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """Who holds the number may have changed: the quotas of either count it, and its claim may have lost it."""
        record = new or old
        assert record
        wake_quotas(self._services, record.namespace)
        before, after = old.claim if old else None, new.claim if new else None
        if before == after:
            return
        for holder in {holder for holder in (before, after) if holder}:
            wake_quotas(self._services, holder.namespace)
            claim = self._services.fleet.claim_by_uid(holder.uid)
            if claim and not self._services.claim_queue.assignment(claim):  # else its own turn is binding it
                self._services.queues.wake_claim(claim)
            if holder.namespace != record.namespace and self._services.quotas.of(holder.namespace):
                self._services.claim_queue.reconsider(self._services.fleet.claims.by("namespace", holder.namespace))

    def note_claim(self, old: ClaimRecord | None, new: ClaimRecord | None) -> None:
        """A claim has changed, come (`old` None) or gone (`new` None)."""
        self._services.claim_queue.note_claim(old, new)
        claim = new or old
        assert claim
        self._wake_set(old)
        self._wake_set(new)
        if old is None and self._services.clock() - claim.created < _JUST_CREATED:
            self._services.arrivals[claim.uid] = self._services.clock()
        if new is None:
            self._services.arrivals.pop(claim.uid, None)
        else:
            self._wake_claim_when_due(new)
        if old and (new is None or (old.suspended, old.routing_profile) != (new.suspended, new.routing_profile)):
            for record in self._services.fleet.numbers_of(claim):
                self._services.queues.wake_number(record)
        if old is None or new is None or (old.bound, old.on_no_stock) != (new.bound, new.on_no_stock):
            self._services.queues.wake("NumberPool", *claim.pool, POOL_DELAY)

    def _wake_claim_when_due(self, claim: ClaimRecord) -> None:
        now = self._services.clock()
        if delay := seconds_until(next_look_at_claim(claim, now), now):
            self._services.queues.wake("NumberClaim", claim.namespace, claim.name, delay)
        elif delay is not None:
            self._services.queues.wake_claim(claim)


def _hold(obj: ApiObject | None) -> object:
    """Whether an object is being deleted, and what keeps it."""
    return obj and (obj.metadata.deletion_timestamp, obj.metadata.finalizers)


_USES = {"CarrierAccount": "AccountUse", "RoutingProfile": "ProfileUse"}
_JUST_CREATED = timedelta(seconds=2)
"""A creation time has whole seconds; a claim that is first seen so soon after it has just come."""


def _freeze(obj: ApiObject | None) -> Freeze | None:
    return freeze_of(obj) if isinstance(obj, CarrierAccount | NumberPool) else None


def _calls_off(pool: ApiObject | None) -> bool:
    """Whether orders of the pool that were not sent yet stay so."""
    return not isinstance(pool, NumberPool) or pool.spec.suspend or pool.metadata.deletion_timestamp is not None


def _wish(obj: ApiObject) -> int:
    return obj.metadata.generation


_BY_ANNOTATION = (RotationSet, RoutingProfile, CarrierAccount)


def _is_quiet(old: ApiObject | None, new: ApiObject | None) -> bool:
    """Whether a change beside the spec, such as of its own status, is no news to an object. Of a bundle because reading
    it is dear; of a rotation set, a routing profile and an account unless an annotation has changed: overrides and a
    person's word on a listing are there. An account that its own status woke would ask for a balance that moves again
    and again."""
    if isinstance(old, _BY_ANNOTATION) and isinstance(new, _BY_ANNOTATION):
        before, after = old.metadata, new.metadata
        return (before.annotations, before.deletion_timestamp) == (after.annotations, after.deletion_timestamp)
    return isinstance(new, ComplianceBundle)


def _as_former(record: NumberRecord) -> tuple[object, ...]:
    """What decides whether a claim had the number before."""
    return (record.claim, record.last_claim, record.state.phase)


def _standing(record: NumberRecord) -> object:
    """What decides whose a number is, when it has several objects."""
    state = record.state
    return (record.account, record.observed, state.foreign_mark, state.phase is Phase.RELEASED)


def _as_member(record: NumberRecord) -> tuple[object, ...]:
    """What a rotation set sees of a number."""
    state = record.state
    return (
        *(record.claim, record.deleting, record.notes, record.suspended, record.country, record.price),
        record.left_alone,
        *(state.phase, state.routed, state.stopped, record.attestation, record.spam_label),
    )


def _farewells(pool: ApiObject) -> object:
    """Whom the pool lets go, and whether it is going itself."""
    assert isinstance(pool, NumberPool)
    release = pool.status.release
    return (pool.metadata.deletion_timestamp, release and (release.granted, release.frozen_since))


def _terms(quota: ApiObject | None) -> object:
    """What of a quota concerns numbers: its spec, and since when its bills stop them."""
    return (_wish(quota), quota.status.suspended_since) if isinstance(quota, NumberQuota) else None


def _told(profile: ApiObject | None) -> object:
    """Which carrier accounts were told a routing profile, and what."""
    return profile.status.accounts if isinstance(profile, RoutingProfile) else None


def _bundle(bundle: ApiObject | None) -> object:
    """What of a bundle concerns pools and numbers."""
    if not isinstance(bundle, ComplianceBundle):
        return None
    superseded = [filing.superseded for filing in bundle.status.filings]
    return (bundle_seen(bundle), superseded, bundle.spec.suspend)


def _looks_the_same(old: NumberRecord, new: NumberRecord) -> bool:
    """Whether pool and profile would count the number as before."""
    return _looks(old) == _looks(new)


def _looks(record: NumberRecord) -> tuple[object, ...]:
    state = record.state
    return (
        *(state.phase, record.pool, record.price, state.routed, state.drift, state.farewell),
        *(record.claim, record.deleting, record.notes, record.protected, record.free_since, record.renews_at),
        *(record.left_alone, record.state.foreign_mark),
    )
