"""What is known of everything: intents, numbers and claims as they were last seen. Look-ups only; no I/O, no queue.

Intents (accounts, profiles, bundles, pools, orders, quotas, sets) come in by Kopf's watch, by a full list now and then
(a watch may miss a deletion), and by the replies to our own writes; numbers and claims by informers of our own, and by
those replies. What of it is newest, and what was deleted, is judged by `kube.store`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from ringfleet.api import (
    CarrierAccount,
    ComplianceBundle,
    NumberClaim,
    NumberOrder,
    NumberPool,
    NumberQuota,
    PhoneNumber,
    ProxyService,
    RotationSet,
    RoutingProfile,
)
from ringfleet.api.meta import Resource as ApiObject
from ringfleet.api.number_order import OrderItem
from ringfleet.controllers.marked_numbers import MarkedNumbers
from ringfleet.controllers.pool_tally import Bindings, PoolTallies
from ringfleet.kube.store import Store
from ringfleet.model import E164, GONE, AccountKey, ItemState, Mark, Phase, Routing
from ringfleet.model.failures import FailureReason
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.carrier_account import allowed
from ringfleet.objects.freeze import freeze_of
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.number_order import item_of, items_by_number, order_seen
from ringfleet.objects.ownership import owner_of
from ringfleet.objects.phone_number import NumberRecord, resting_until, sort_out
from ringfleet.objects.refs import Key, account_key, market_of
from ringfleet.objects.routing_profile import content_hash, public_url_of, relayed, routing_of, routing_want, told_at
from ringfleet.plan.freeze import Freeze
from ringfleet.plan.number_order.items import Item
from ringfleet.plan.number_pool.supply import Lots, NumberSeen, OrderSeen
from ringfleet.plan.phone_number.case import DesiredRouting

R = TypeVar("R", bound=ApiObject)

_TAKEN_FOR = timedelta(hours=1)
"""For how long a number that somebody else was faster with is not tried again."""

INTENTS: tuple[type[ApiObject], ...] = (
    CarrierAccount,
    RoutingProfile,
    ComplianceBundle,
    NumberPool,
    NumberOrder,
    NumberQuota,
    RotationSet,
    ProxyService,
)


def _pool_of(order: NumberOrder) -> Iterator[tuple[str, str]]:
    yield (order.metadata.namespace, order.spec.pool_ref.name)


def _account_of(order: NumberOrder) -> Iterator[AccountKey]:
    yield account_key(order.spec.account_ref, order.metadata.namespace)


def _names(record: NumberRecord, uid: str) -> bool:
    return record.claim is not None and record.claim.uid == uid


_INDEXES: dict[str, dict[str, Any]] = {"NumberOrder": {"pool": _pool_of, "account": _account_of}}


class Fleet:
    """See the module.

    `namespaces` are those that are served; empty for the whole cluster. `installation` is the id in our marks at
    carriers. `numbers` and `claims` are the stores that their informers fill; so is `freezes`, which holds what stops
    everything, or nothing.
    """

    def __init__(
        self,
        namespaces: tuple[str, ...],
        installation: str,
        numbers: Store[NumberRecord],
        claims: Store[ClaimRecord],
        freezes: Store[Freeze],
        clock: Callable[[], datetime],
    ) -> None:
        self.scopes: tuple[str | None, ...] = namespaces or (None,)
        self.installation = installation
        self.numbers = numbers
        self.claims = claims
        self.freezes = freezes
        self.marked = MarkedNumbers()
        self.tallies = PoolTallies(numbers)
        self.bindings = Bindings(claims)
        self.departed: dict[str, ClaimRecord] = {}
        """By uid, the claims that we have seen go while a number named them, as they were: until that is unbound."""
        numbers.subscribe(self._note_object)
        numbers.subscribe(self._note_unbound)
        claims.subscribe(self._note_departed)
        self._clock = clock
        self.same_account: Callable[[AccountKey], Collection[AccountKey]] = lambda account: (account,)
        """All CarrierAccounts that are one account at the carrier with this one, itself included."""
        self._stores: dict[str, Store[Any]] = {
            model.__name__: Store(model.parse, _INDEXES.get(model.__name__), self.scopes) for model in INTENTS
        }
        self._routing: dict[tuple[str, str, AccountKey], tuple[tuple[str, str | None], DesiredRouting]] = {}
        self._orders: dict[str, tuple[str, OrderSeen]] = {}
        self._items: dict[str, tuple[str, Mapping[str, OrderItem]]] = {}
        self._let_go: dict[ObjectRef, tuple[tuple[str, ...], frozenset[str]]] = {}

    # Learning.

    def store(self, kind: str) -> Store[Any]:
        """What is known of one kind of object."""
        if kind == PhoneNumber.__name__:
            return self.numbers
        return self.claims if kind == NumberClaim.__name__ else self._stores[kind]

    def learn(self, kind: str, obj: Mapping[str, Any], deleted: bool = False) -> None:
        """Learn of an object from a watch or from the reply to a write."""
        store = self.store(kind)
        if deleted:
            store.learn_deleted(dict(obj))
        else:
            store.learn(dict(obj))

    # Intents.

    def get(self, model: type[R], namespace: str, name: str) -> R | None:
        found: R | None = self._stores[model.__name__].get(ObjectRef(namespace, name))
        return found

    def all(self, model: type[R]) -> list[R]:
        return self._stores[model.__name__].values()

    def all_in(self, namespace: str, model: type[R]) -> list[R]:
        return [obj for obj in self.all(model) if obj.metadata.namespace == namespace]

    def orders_for(self, namespace: str, pool: str) -> list[NumberOrder]:
        return self._stores["NumberOrder"].by("pool", (namespace, pool))

    def orders_at(self, account: AccountKey) -> list[NumberOrder]:
        return self._stores["NumberOrder"].by("account", account)

    def order_seen(self, order: NumberOrder) -> OrderSeen:
        """What a pool sees of an order; its hundred items are read once for each version."""
        meta = order.metadata
        known = self._orders.get(meta.uid)
        if known is None or known[0] != meta.resource_version:
            known = self._orders[meta.uid] = (meta.resource_version, order_seen(order))
        return known[1]

    def item_of(self, order: NumberOrder, number: E164) -> Item | None:
        """What an order has of one number; its items are put in order once for each version."""
        meta = order.metadata
        known = self._items.get(meta.uid)
        if known is None or known[0] != meta.resource_version:
            known = self._items[meta.uid] = (meta.resource_version, items_by_number(order))
        return item_of(order, number, known[1])

    def forget_order(self, uid: str) -> None:
        """What was read of an order that is gone."""
        self._orders.pop(uid, None)
        self._items.pop(uid, None)

    def routing_want(self, record: NumberRecord) -> DesiredRouting | None:
        """The wish for the number to be routed by a profile; a profile is read once for each version and account.

        Numbers of another namespace know the profile by `namespace/name`.
        """
        place = self.profile_place(record)
        if place is None:
            return None
        name = place.name if place.namespace == record.namespace else str(place)
        return self._routing_by(place, name, record.account)

    def routing_of_pool(self, pool: NumberPool, account: AccountKey) -> DesiredRouting | None:
        """The wish for what the pool buys at the account; None: it names no profile."""
        ref = pool.spec.routing_profile_ref
        return self._routing_by(ObjectRef(pool.metadata.namespace, ref.name), ref.name, account) if ref else None

    def _routing_by(self, place: ObjectRef, name: str, account: AccountKey) -> DesiredRouting:
        """`name`: what numbers know the profile by."""
        profile = self.get(RoutingProfile, *place)
        if profile is None:
            return routing_want(name, None, None)
        told_by = self.get(CarrierAccount, account.namespace, account.name)
        public_url = public_url_of(told_by)
        cache, version = (profile.metadata.uid, name, account), (profile.metadata.resource_version, public_url)
        known = self._routing.get(cache)
        if known is None or known[0] != version:
            told, content = told_at(profile).get(account), content_hash(self.routing_at(profile, account))
            known = self._routing[cache] = (version, routing_want(name, profile, told, content))
        return known[1]

    def routing_at(self, profile: RoutingProfile, account: AccountKey) -> Routing:
        """The profile as one carrier account is told it."""
        told = self.get(CarrierAccount, account.namespace, account.name)
        return relayed(routing_of(profile, self.installation), told)

    # Freezes.

    def freeze(self, account: AccountKey | None, pool: ObjectRef | None) -> Freeze | None:
        """What stops purchases, releases and bindings at an account, or in a pool; the widest freeze first."""
        everything = self.freezes.values()
        return everything[0] if everything else self.freeze_on(account, pool)

    def freeze_on(self, account: AccountKey | None, pool: ObjectRef | None) -> Freeze | None:
        """The same, of these two alone. An account is frozen by whichever of its objects says so: where another one
        takes over from a frozen one, nothing more is bought."""
        same = self.same_account(account) if account else ()
        of_account = (self.get(CarrierAccount, one.namespace, one.name) for one in same)
        of_pool = self.get(NumberPool, *pool) if pool else None
        found = (freeze_of(obj) for obj in (*of_account, of_pool) if obj)
        return next(filter(None, found), None)

    def freeze_of(self, record: NumberRecord) -> Freeze | None:
        """What keeps a number from being given back or bound."""
        return self.freeze(record.account, record.pool_ref)

    def account_of(self, key: Key) -> AccountKey | None:
        """The carrier account that an object is of, by its key; None for what is of none, or is not there."""
        if key.kind == PhoneNumber.__name__:
            record = self.number(key.namespace, key.name)
            return record.account if record else None
        if key.kind == NumberOrder.__name__:
            order = self.get(NumberOrder, key.namespace, key.name)
            return account_key(order.spec.account_ref, key.namespace) if order else None
        return AccountKey(key.namespace, key.name)

    # Numbers.

    def number(self, namespace: str, name: str) -> NumberRecord | None:
        return self.numbers.get(ObjectRef(namespace, name))

    def numbers_of(self, claim: ClaimRecord) -> list[NumberRecord]:
        """The numbers that name the claim: one, when it is bound."""
        return [one for one in self.numbers.by("claim", (claim.namespace, claim.name)) if _names(one, claim.uid)]

    def numbers_of_namesake(self, claim: ClaimRecord) -> list[NumberRecord]:
        """The numbers that name another claim of its namespace and name, such as the one that was backed up. Not those
        of one that somebody has deleted: they are let go."""
        records = self.numbers.by("claim", (claim.namespace, claim.name))
        return [one for one in records if not _names(one, claim.uid) and self.departed_holder(one) is None]

    def numbers_of_departed(self, namespace: str, name: str) -> list[NumberRecord]:
        """The numbers that name a claim of that namespace and name which we have seen go."""
        return [one for one in self.numbers.by("claim", (namespace, name)) if self.departed_holder(one)]

    def departed_holder(self, record: NumberRecord) -> ClaimRecord | None:
        """The claim that the number names, if we have seen it go."""
        return self.departed.get(record.claim.uid) if record.claim else None

    def numbers_in_pool(self, namespace: str, pool: str) -> list[NumberRecord]:
        """The pool's numbers; those that another object stands for are not its."""
        return [record for record in self.numbers.by("pool", (namespace, pool)) if self.owns(record)]

    def counted_in_pool(
        self, pool: ObjectRef, named: Iterable[E164], codes: tuple[str, ...] = ()
    ) -> tuple[list[NumberRecord], Lots]:
        """The same, as far as they have to be seen one by one, and the lots of all others. `named`: numbers that the
        pool's orders name, or its record of those that leave: they are seen one by one, whatever they are.
        `codes`: the area codes by which the lots of its supply are told apart."""
        records, lots = self.tallies.beside(pool, named, codes)
        return [record for record in records if self.owns(record)], lots

    def free_in_pool(self, pool: ObjectRef) -> int:
        """How many of its numbers are free, and of its market."""
        tally, obj = self.tallies.of(pool), self.get(NumberPool, *pool)
        lots = sort_out(tally.lots, market_of(obj.spec.market)) if obj else {}
        misfits = sum(count for lot, count in lots.items() if lot.misfit and lot.phase is Phase.AVAILABLE)
        apart = filter(None, map(self.numbers.get, tally.apart))
        free = sum(record.free and self.owns(record) and self.fits(record) for record in apart)
        return max(0, tally.free - misfits) + free

    def fits(self, record: NumberRecord) -> bool:
        """Whether the number is of its pool's market; one whose pool is not there is of no other."""
        pool = self.pool_of(record)
        return pool is None or record.is_of(market_of(pool.spec.market))

    # Whose a number is.

    def objects_of(self, number: E164, account: AccountKey) -> list[NumberRecord]:
        """The objects of a number at an account, whichever of the account's objects they name, in all namespaces that
        these let in."""
        same, records = self.same_account(account), self.numbers.by("number", number)
        return [one for one in records if one.account in same and self.lets_in(one.account, one.namespace)]

    def lets_in(self, account: AccountKey, namespace: str) -> bool:
        """Whether objects of the namespace may use the account. Of one that is gone nobody knows whom it let in."""
        obj = self.get(CarrierAccount, account.namespace, account.name)
        return obj is None or allowed(frozenset(obj.spec.allowed_namespaces), account, namespace)

    def owner(self, number: E164, account: AccountKey, mark: Mark | None) -> NumberRecord | None:
        """The object that stands for the number, whose mark at the carrier is `mark`."""
        records = self.objects_of(number, account)
        return owner_of(mark if mark and self._decides(mark, records) else None, records)

    def _decides(self, mark: Mark, records: list[NumberRecord]) -> bool:
        """Whether a mark settles whose the number is: what it names is there, or not for this operator to look for."""
        if mark.installation != self.installation:
            return False
        if None not in self.scopes and mark.namespace not in self.scopes:
            return True
        named = self.get(NumberPool, mark.namespace, mark.pool)
        return named is not None or any(record.namespace == mark.namespace for record in records)

    def owns(self, record: NumberRecord) -> bool:
        """Whether it is this object that stands for its number, as far as marks are known. One that only observes
        competes with nobody."""
        mark = record.state.foreign_mark
        if mark and mark.installation != self.installation:
            return record.observed
        return self.taken_by(record, mark) is None

    def taken_by(self, record: NumberRecord, mark: Mark | None) -> str | None:
        """Whom the number belongs to instead of this object, as words of a sentence; None: to this one.

        `mark`: what the carrier shows, when it is foreign to the object; the marks that other objects have noted as
        foreign to them count likewise.
        """
        if record.observed or (mark is None and self.numbers.count("number", record.number) == 1):
            return None
        records = self.objects_of(record.number, record.account)
        noted = (one.state.foreign_mark for one in records if one.place != record.place)
        marks = [one for one in (mark, *noted) if one and self._decides(one, records)]
        decides = min(marks, key=str, default=None)
        owner = owner_of(decides, records)
        if owner is not None:
            return None if owner.place == record.place else f"PhoneNumber {owner.place}"
        return f"namespace {decides.namespace}, by the carrier's mark" if decides else None

    def borrowed_by(self, namespace: str) -> list[NumberRecord]:
        """The numbers of other namespaces that claims of this one hold."""
        return self.numbers.by("borrower", namespace)

    def pool_of(self, record: NumberRecord) -> NumberPool | None:
        return self.get(NumberPool, record.namespace, record.pool) if record.pool else None

    def let_go_by(self, pool: NumberPool) -> frozenset[str]:
        """The names of the numbers that the pool's record lets go: asked by each of them, of which there may be ten
        thousand, and read once for each record."""
        notes, place = pool.status.memory.release, ObjectRef(pool.metadata.namespace, pool.metadata.name)
        if notes is None:
            return frozenset()
        known = self._let_go.get(place)
        if known is None or known[0] is not notes.granted:
            known = self._let_go[place] = (notes.granted, frozenset(notes.granted))
        return known[1]

    def profile_of(self, record: NumberRecord) -> RoutingProfile | None:
        """The routing profile that the number is to follow, when there is one."""
        place = self.profile_place(record)
        return self.get(RoutingProfile, *place) if place else None

    def profile_place(self, record: NumberRecord) -> ObjectRef | None:
        """Where that profile is: its claim's wins over its own, and its own over its pool's."""
        claim = self.claim_of(record)
        if claim and claim.routing_profile:
            return ObjectRef(claim.namespace, claim.routing_profile)
        pool = self.pool_of(record)
        of_pool = pool.spec.routing_profile_ref if pool else None
        name = record.routing_profile or (of_pool.name if of_pool else None)
        return ObjectRef(record.namespace, name) if name else None

    def profiles_of(self, record: NumberRecord) -> frozenset[ObjectRef]:
        """The routing profiles that the number is routed by, and is to follow."""
        routed = record.state.routed.profile if record.state.routed else ""
        namespace, _, name = routed.rpartition("/")
        at_carrier = ObjectRef(namespace or record.namespace, name) if name else None
        return frozenset(place for place in (at_carrier, self.profile_place(record)) if place)

    def rests_until(self, record: NumberRecord) -> datetime | None:
        """Until when the number rests after its last claim; None when it does not."""
        until = resting_until(record, self.pool_of(record))
        return until if until and until > self._clock() else None

    def taken_numbers(self, but: str) -> frozenset[E164]:
        """The numbers that are ours already, those that unfinished orders other than `but` (a uid) have chosen, and
        those that an order has lately found taken: the carrier may offer them still, and would be asked for ever.

        At whatever carrier: two of them may offer one number, and it is bought once.
        """
        chosen = (
            item.number
            for order in self.all(NumberOrder)
            if order.metadata.uid != but and not order.status.done
            for item in self.order_seen(order).items
            if item.state is not ItemState.FAILED
        )
        back = GONE - {Phase.RELEASED}  # the object of a number that was given back is still there, so it can't be ours
        held = (record.number for record in self.numbers.values() if record.state.phase not in back)
        return frozenset((*chosen, *held, *self._found_taken()))

    def _found_taken(self) -> Iterator[E164]:
        since = self._clock() - _TAKEN_FOR
        for order in self.all(NumberOrder):
            if order.status.completed_at and order.status.completed_at >= since:
                items = order.status.items or ()
                yield from (E164(item.number) for item in items if item.reason == FailureReason.NUMBER_TAKEN)

    def with_listed(self, namespace: str, pool: str, numbers: Iterable[NumberSeen]) -> tuple[NumberSeen, ...]:
        """The `numbers` of a pool, as their objects tell of them, with what the carriers' listings add.

        A price that an object does not tell yet; and numbers under the pool's mark that have no object: they count as
        on their way, as the next sweep makes their objects, or says why it can't.
        """
        place, marked = ObjectRef(namespace, pool), self.marked
        priced = (one if one.price else replace(one, price=marked.price_of(place, one.number)) for one in numbers)
        missing = marked.unrecorded(place, lambda number: self.number(namespace, number.digits) is not None)
        return (*priced, *(NumberSeen(number, Phase.ORDERING, missing[number], unrecorded=True) for number in missing))

    def _note_object(self, place: ObjectRef, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """A number has come to have an object, or has none any more."""
        if old is None or new is None:
            self.marked.note_object_of_number(place, there=new is not None)

    def _note_departed(self, _: ObjectRef, old: ClaimRecord | None, new: ClaimRecord | None) -> None:
        """A claim was deleted; another one may have its name already."""
        if old and (new is None or new.uid != old.uid) and self.numbers_of(old):
            self.departed[old.uid] = old

    def _note_unbound(self, _: ObjectRef, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """Nothing is left to be done for a claim that is gone, when no number names it any more."""
        if self.departed and old and old.claim and (new is None or new.claim != old.claim):
            self.departed.pop(old.claim.uid, None)

    def mark_for(self, namespace: str, pool: str) -> Mark:
        """What a number of the pool is marked with at the carrier."""
        return Mark(self.installation, namespace, pool)

    def marks(self) -> set[Mark]:
        """The marks of all pools that may have numbers: those that are there, and those that a number or an order
        names."""
        places = {ObjectRef(pool.metadata.namespace, pool.metadata.name) for pool in self.all(NumberPool)}
        filed = (*self.numbers.filed("pool"), *self._stores["NumberOrder"].filed("pool"))
        named = {ObjectRef(*pool) for pool in filed if isinstance(pool, tuple)}
        return {self.mark_for(*place) for place in places | named}

    # Claims.

    def claim(self, namespace: str, name: str) -> ClaimRecord | None:
        return self.claims.get(ObjectRef(namespace, name))

    def claim_by_uid(self, uid: str) -> ClaimRecord | None:
        return next(iter(self.claims.by("uid", uid)), None)

    def claim_of(self, record: NumberRecord) -> ClaimRecord | None:
        """The claim that holds the number, when it is in sight."""
        return self.claim_by_uid(record.claim.uid) if record.claim else None

    def claims_of_set(self, namespace: str, name: str) -> list[ClaimRecord]:
        """The claims that are labelled with a RotationSet."""
        return self.claims.by("set", (namespace, name))

    def claims_of_service(self, namespace: str, name: str) -> list[ClaimRecord]:
        """The claims that are labelled with a ProxyService."""
        return self.claims.by("service", (namespace, name))

    def claim_is_missing(self, record: NumberRecord) -> bool:
        """Whether the claim that holds the number is not in sight although we would see it."""
        seen = record.claim is not None and (None in self.scopes or record.claim.namespace in self.scopes)
        return seen and self.claim_of(record) is None
