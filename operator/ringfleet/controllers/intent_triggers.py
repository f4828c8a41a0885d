"""What a change of an intent wakes: itself, and what depends on it.

An intent is an object that people write, seen by Kopf, by a relist, or by our own write: account, pool, order, bundle,
set, profile, quota.
"""

from __future__ import annotations

from ringfleet.api import (
    CarrierAccount,
    ComplianceBundle,
    NumberOrder,
    NumberPool,
    NumberQuota,
    ProxyService,
    RotationSet,
    RoutingProfile,
)
from ringfleet.api.meta import Resource as ApiObject
from ringfleet.controllers.bundle_attachments import outdated_numbers
from ringfleet.controllers.bundle_readiness import wake_pools
from ringfleet.controllers.queues import POOL_DELAY, seconds_until
from ringfleet.controllers.quota_usage import payers_of
from ringfleet.controllers.services import Services
from ringfleet.controllers.wake import (
    PROFILE_DELAY,
    USE_DELAY,
    wake_bundle_counts,
    wake_frozen,
    wake_needy,
    wake_orders,
    wake_orders_of,
    wake_pool,
    wake_quotas,
    wake_users,
)
from ringfleet.model import AccountKey, Phase
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.compliance_bundle import bundle_seen, filing_records
from ringfleet.objects.freeze import freeze_of
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.proxy_service import proxy_want
from ringfleet.objects.refs import account_key
from ringfleet.objects.rotation_set import pools_of
from ringfleet.objects.routing_profile import public_url_of, told_at
from ringfleet.plan.freeze import Freeze
from ringfleet.plan.next_look import next_look_at_bundle
from ringfleet.plan.number_order.items import SENT


class IntentTriggers:
    """Each `note_...` hears of a change: old None: it has come; new None: it is gone."""

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
            self._wake_itself(kind, place, same_wish)
        elif isinstance(new, ComplianceBundle):
            self._wake_bundle_when_due(new)
        if kind in _USES and new and _hold(old) != _hold(new):
            self._services.queues.wake(_USES[kind], *place, USE_DELAY)
        order = new or old
        if isinstance(order, NumberOrder):
            self._note_order(order, old, new)
        if kind == "NumberPool":
            self._note_pool(ObjectRef(*place), old, new)
            if old is None or new is None:
                self._wake_drawers(place)
        self._note_set(place, old, new)
        if kind == "ComplianceBundle":
            self._note_bundle(place, old, new)
        if kind == "NumberQuota":
            self._note_quota(place.namespace, old, new)
        if kind == "RoutingProfile" and not (same_wish and _told(old) == _told(new)):
            self._wake_followers(place)
        if kind == "CarrierAccount" and not (same_wish and _relays(old) == _relays(new)):
            wake_users(self._services, AccountKey(*place))
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
        by whether it calls them off and where else they could buy, its accounts by what it would search."""
        wake_quotas(self._services, place.namespace)
        for profile in _routes_by(old) ^ _routes_by(new):
            self._services.queues.wake("RoutingProfile", place.namespace, profile, PROFILE_DELAY)
            self._services.queues.wake("ProfileUse", place.namespace, profile, USE_DELAY)
        if new is None:  # those that have ended are kept for a while only
            for order in self._services.fleet.orders_for(*place):
                self._services.queues.wake_order(order.metadata.namespace, order.metadata.name)
        wished_anew = old is None or new is None or _wish(old) != _wish(new)
        if wished_anew or _farewells(old) != _farewells(new):
            wake_needy(self._services, self._services.fleet.numbers.by("pool", tuple(place)))
        else:
            changed = (self._services.fleet.number(place.namespace, name) for name in _granted(old) ^ _granted(new))
            wake_needy(self._services, filter(None, changed))
        if wished_anew:
            wake_orders_of(self._services, place)
            self._services.claim_queue.reconsider(self._services.fleet.claims.by("pool", place))
        if isinstance(new, NumberPool) and _searches(old) != _searches(new):
            self._wake_catalogs(new)
        if _market(old) != _market(new):  # before, its numbers may have been of another one, or of it
            self._services.claim_queue.look_again(self._services.fleet.numbers_in_pool(*place))

    def _wake_catalogs(self, pool: NumberPool) -> None:
        """The pool may search otherwise than before; an account that is not open yet is woken when it is."""
        accounts = (account_key(carrier.account_ref, pool.metadata.namespace) for carrier in pool.spec.carriers)
        for account in filter(self._services.accounts.get, accounts):
            self._services.queues.wake_catalog(account)

    def _wake_itself(self, kind: str, place: ObjectRef, same_wish: bool) -> None:
        if same_wish and kind == "NumberPool":
            wake_pool(self._services, place)
        else:
            self._services.queues.wake(kind, *place)

    def _note_set(self, place: ObjectRef, old: ApiObject | None, new: ApiObject | None) -> None:
        """Where a rotation set has come or gone, the numbers that it has let go are its own alone, or its brand's; and
        a pool does not order what claims of a set that is gone are about to let go."""
        rotation = old or new
        if not isinstance(rotation, RotationSet) or _is_there(old) is _is_there(new):
            return
        for pool in pools_of(rotation):
            records = self._services.fleet.numbers_in_pool(*pool)
            had = [one for one in records if one.last_claim and one.last_claim.rotation == place.name]
            self._services.claim_queue.look_again(had)
            if not _is_there(new):
                self._services.queues.wake("NumberPool", *pool, POOL_DELAY)

    def _wake_drawers(self, pool: ObjectRef) -> None:
        """The rotation sets and proxy services that draw from a pool which has come or gone."""
        for drawer in self._services.fleet.all(RotationSet):
            if pool in pools_of(drawer):
                self._services.queues.wake("RotationSet", drawer.metadata.namespace, drawer.metadata.name)
        for service in self._services.fleet.all(ProxyService):
            if pool in proxy_want(service).pools:
                self._services.queues.wake("ProxyService", service.metadata.namespace, service.metadata.name)

    def _note_quota(self, namespace: str, old: ApiObject | None, new: ApiObject | None) -> None:
        """What is used of a quota has changed, which pools and claims may wait for; or the state of its bills."""
        services = self._services
        for pool in services.fleet.all(NumberPool):
            if pool.metadata.namespace == namespace:
                services.queues.wake("NumberPool", namespace, pool.metadata.name)
        claims = services.fleet.claims.by("namespace", namespace)
        if _terms(old) == _terms(new):
            services.claim_queue.note_room(namespace)
        else:
            services.claim_queue.reconsider(claims)
        for place in {claim.pool for claim in claims if claim.bound is None and claim.pool.namespace != namespace}:
            services.queues.wake("NumberPool", *place, POOL_DELAY)
        if _terms(old) != _terms(new):
            for pool in services.fleet.all_in(namespace, NumberPool):
                wake_orders_of(services, ObjectRef(namespace, pool.metadata.name))
            wake_needy(services, services.fleet.numbers.by("namespace", namespace))
            wake_needy(services, services.fleet.borrowed_by(namespace))

    def _note_bundle(self, place: ObjectRef, old: ApiObject | None, new: ApiObject | None) -> None:
        """A bundle stands otherwise than before: the pools of its namespace may order or not, and their orders buy; its
        numbers may be finished or moved on to another revision."""
        if _bundle(old) == _bundle(new):
            return
        services = self._services
        wake_bundle_counts(services, place.namespace)
        if isinstance(new, ComplianceBundle):
            wake_needy(services, outdated_numbers(services, new))
        for pool in services.fleet.all_in(place.namespace, NumberPool):
            services.queues.wake("NumberPool", place.namespace, pool.metadata.name)
            here = ObjectRef(place.namespace, pool.metadata.name)
            wake_orders_of(services, here)
            services.claim_queue.reconsider(services.fleet.claims.by("pool", here))
        records = services.fleet.numbers.by("namespace", place.namespace)
        wake_needy(services, (record for record in records if _may_get(record)))
        self._tell_users_of_bundle(place)

    def _tell_users_of_bundle(self, bundle: ObjectRef) -> None:
        """The claims whose numbers are registered to it, or are to be, their numbers, and the pools that order for
        them."""
        services, claims = self._services, self._services.fleet.claims.by("namespace", bundle.namespace)
        users = [claim for claim in claims if services.claim_bundles.may_use(claim, bundle)]
        services.claim_queue.reconsider(users)
        for claim in users:
            wake_needy(services, services.fleet.numbers_of(claim))
        for pool in {claim.pool for claim in users if claim.bound is None}:
            services.queues.wake("NumberPool", *pool, POOL_DELAY)
            wake_orders_of(services, pool)

    def _wake_bundle_when_due(self, bundle: ComplianceBundle) -> None:
        """Its status may be another operator's, who has heard of an approval and when it ends."""
        now, records = self._services.clock(), filing_records(bundle).values()
        grace = self._services.settings.filing_grace
        delay = seconds_until(next_look_at_bundle(records, bundle.spec.renew_before, grace, now), now)
        if delay is not None:
            self._services.queues.wake("ComplianceBundle", bundle.metadata.namespace, bundle.metadata.name, delay)

    def _note_order(self, order: NumberOrder, old: ApiObject | None, new: ApiObject | None) -> None:
        """An order has changed: its pool counts it, and the next one of its account may be sent."""
        if new is None:
            self._services.fleet.forget_order(order.metadata.uid)
        namespace, pool = order.metadata.namespace, order.spec.pool_ref.name
        self._services.queues.wake("NumberPool", namespace, pool)
        account = account_key(order.spec.account_ref, order.metadata.namespace)
        self._services.queues.wake("AccountUse", account.namespace, account.name, USE_DELAY)
        if _has_sent(old) and not _has_sent(new):
            wake_orders(self._services, account)
        if _is_open(old) is not _is_open(new):
            self._note_purchases(account, ended=new is None or not _is_open(new))
        for payer in payers_of(order):
            wake_quotas(self._services, payer)
        buyer = self._services.fleet.get(NumberPool, namespace, pool)
        if buyer and buyer.spec.routing_profile_ref:  # told while the order is on its way, no number waits for it
            self._services.queues.wake("RoutingProfile", namespace, buyer.spec.routing_profile_ref.name)

    def _note_purchases(self, account: AccountKey, ended: bool) -> None:
        """An order of the account has begun or ended: the account says how many numbers are bought or set aside in an
        hour; where that is limited, other pools go elsewhere, or may come back."""
        if ended:
            self._services.queues.wake_account(account)
        obj = self._services.fleet.get(CarrierAccount, account.namespace, account.name)
        if obj and obj.spec.limits.purchases_per_hour is not None:
            wake_pools(self._services, account)

    def _wake_followers(self, profile: ObjectRef) -> None:
        """The pools with their orders, numbers and claims that a routing profile concerns."""
        services = self._services
        for pool in services.fleet.all(NumberPool):
            ref = pool.spec.routing_profile_ref
            if ref and (pool.metadata.namespace, ref.name) == tuple(profile):
                services.queues.wake("NumberPool", profile.namespace, pool.metadata.name)
                for order in services.fleet.orders_for(profile.namespace, pool.metadata.name):
                    if not order.status.done:
                        services.queues.wake_order(profile.namespace, order.metadata.name)
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


def _may_get(record: NumberRecord) -> bool:
    """Whether the number may be given the bundle of its pool: it waits for one, or still has that of a former claim."""
    former = record.state.registered is not None and record.claim is None
    return former or record.state.phase is Phase.PENDING_DOCUMENTS


def _hold(obj: ApiObject | None) -> object:
    """Whether an object is being deleted, and what keeps it."""
    return obj and (obj.metadata.deletion_timestamp, obj.metadata.finalizers)


def _is_there(obj: ApiObject | None) -> bool:
    """Whether an object is there, and stays."""
    return obj is not None and obj.metadata.deletion_timestamp is None


_USES = {"CarrierAccount": "AccountUse", "RoutingProfile": "ProfileUse"}


def _freeze(obj: ApiObject | None) -> Freeze | None:
    return freeze_of(obj) if isinstance(obj, CarrierAccount | NumberPool) else None


def _relays(account: ApiObject | None) -> str | None:
    """To which dispatcher the account has messages go before their program."""
    return public_url_of(account) if isinstance(account, CarrierAccount) else None


def _routes_by(pool: ApiObject | None) -> set[str]:
    """The routing profile that a pool names, if any."""
    ref = pool.spec.routing_profile_ref if isinstance(pool, NumberPool) else None
    return {ref.name} if ref else set()


def _searches(pool: ApiObject | None) -> object:
    """What a pool searches, and where."""
    return (pool.spec.market, pool.spec.carriers, pool.spec.suspend) if isinstance(pool, NumberPool) else None


def _market(pool: ApiObject | None) -> object:
    return pool.spec.market if isinstance(pool, NumberPool) else None


def _has_sent(order: ApiObject | None) -> bool:
    """Whether a carrier may have heard of the order, and its outcome is not known: no other one of the account is
    sent."""
    return isinstance(order, NumberOrder) and any(item.state in SENT for item in order.status.items or ())


def _is_open(order: ApiObject | None) -> bool:
    """Whether the order may still buy."""
    return isinstance(order, NumberOrder) and not order.status.done


def _wish(obj: ApiObject) -> int:
    return obj.metadata.generation


_BY_ANNOTATION = (RotationSet, ProxyService, RoutingProfile, CarrierAccount)


def _is_quiet(old: ApiObject | None, new: ApiObject | None) -> bool:
    """Whether a change beside the spec, such as of its own status, is no news to an object. Of a bundle because reading
    it is dear; of a rotation set, a routing profile and an account unless an annotation has changed: overrides and a
    person's word on a listing are there. An account that its own status woke would ask for a balance that moves again
    and again."""
    if isinstance(old, _BY_ANNOTATION) and isinstance(new, _BY_ANNOTATION):
        before, after = old.metadata, new.metadata
        return (before.annotations, before.deletion_timestamp) == (after.annotations, after.deletion_timestamp)
    return isinstance(new, ComplianceBundle)


def _farewells(pool: ApiObject | None) -> object:
    """Whether the pool lets numbers go, and whether it is going itself."""
    if not isinstance(pool, NumberPool):
        return None
    release = pool.status.release
    return (pool.metadata.deletion_timestamp, release and release.frozen_since)


def _granted(pool: ApiObject | None) -> frozenset[str]:
    """Whom the pool lets go, by name. As they go, there may be ten thousand others that this does not concern."""
    notes = pool.status.memory.release if isinstance(pool, NumberPool) else None
    return frozenset(notes.granted) if notes else frozenset()


def _terms(quota: ApiObject | None) -> object:
    """What of a quota concerns numbers: its spec, and since when its bills stop them."""
    return (_wish(quota), quota.status.suspended_since) if isinstance(quota, NumberQuota) else None


def _told(profile: ApiObject | None) -> object:
    """Which carrier accounts were told a routing profile, and what."""
    return told_at(profile) if isinstance(profile, RoutingProfile) else None


def _bundle(bundle: ApiObject | None) -> object:
    """What of a bundle concerns pools and numbers."""
    if not isinstance(bundle, ComplianceBundle):
        return None
    superseded = [filing.superseded for filing in bundle.status.filings]
    return (bundle_seen(bundle), superseded, bundle.spec.suspend)
