"""The queue of claims: every pool's free numbers, who waits for one, and which claim is assigned which.

::

    a number became free, rests for its people,    --> its pool's stock --.
    or is neither any more                                                |
    a claim came, changed or went                  --> asks or withdraws --+--> serve --> the claims that were assigned
    its pool or quota changed                      --> asks again --------'              a number run at once

Nothing here awaits: between looking at a number and taking it from the stock nobody else can run. The writes are in
`controllers/number_claim.py`. The queue opens when intents, numbers and claims have all been listed, so that an earlier
claim that is not seen yet loses its turn to nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ringfleet.api import NumberPool, RotationSet
from ringfleet.controllers.claim_bundles import ClaimBundles
from ringfleet.controllers.fleet import Fleet
from ringfleet.controllers.quota_usage import Quotas, Taking, payers_of
from ringfleet.controllers.rebinding import former_number
from ringfleet.model import GONE, AccountKey, Money
from ringfleet.model.asking import Ask
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.carrier_account import allowed
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.phone_number import NumberRecord, traits_of
from ringfleet.objects.refs import account_key, market_of, money_of
from ringfleet.plan.claim_allocator import ClaimWish, FreeNumber, Hand, Stock, fits
from ringfleet.plan.compliance_bundle.tenancy import POOLS_OWN
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.former_holder import People, people_of
from ringfleet.plan.number_claim import (
    Bar,
    ClaimWorld,
    bar_claim,
    misfit_message,
    waiting_conditions,
    why_unservable,
)
from ringfleet.plan.number_pool.supply import Demand
from ringfleet.plan.number_quota import ForOrders, Purse, Wanted, affords
from ringfleet.plan.phone_number.phase import IN_FLIGHT

IDLE_AFTER = 0.5
"""Seconds without an assignment, after which the queue is idle."""
LONGEST_GIVING_WAY = timedelta(seconds=30)
"""For how long after its binding what still follows on it gives way to the bindings of other claims."""


class ClaimQueue:
    """Which claim gets which free number. Synchronous: nothing can run between choosing a number and taking it.

    `on_assigned` lets a claim take its turn at once; `on_line` hears of each pool in whose queue a claim came to stand,
    or stands no more: the pool orders for those that wait. `unsure`: the claims whose last binding write was not
    answered; they look before they write. `refused`: by claim, why its last binding was refused. Such a claim stands
    beside the queue until its own next turn, which the back-off of its failures decides: nobody calls it up before.
    """

    def __init__(
        self,
        fleet: Fleet,
        quotas: Quotas,
        bundles: ClaimBundles,
        on_assigned: Callable[[ClaimRecord], None],
        on_line: Callable[[ObjectRef], None],
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._fleet = fleet
        self._quotas = quotas
        self._bundles = bundles
        self._on_assigned = on_assigned
        self._on_line = on_line
        self._clock = clock
        self._monotonic = monotonic
        self._stocks: dict[ObjectRef, Stock] = {}
        self._open = False
        self.unsure: set[str] = set()
        self.refused: dict[str, str] = {}
        self._in_progress: dict[str, tuple[str, Money | None]] = {}
        self._moved: dict[ObjectRef, set[str]] = {}
        self._assigned_at = float("-inf")
        self._moves: Counter[str] = Counter()
        self._takings: Counter[str] = Counter()
        self._rooms: dict[str, tuple[tuple[int, int], _Room]] = {}
        self._orders: dict[tuple[str, bool], tuple[tuple[int, int, int], ForOrders]] = {}

    # Looking.

    def stock(self, pool: ObjectRef) -> Stock:
        return self._stocks.setdefault(pool, Stock())

    def assignment(self, claim: ClaimRecord) -> FreeNumber | None:
        """The number that the claim was handed and has not been bound to yet."""
        return self.stock(claim.pool).hand(claim.uid)

    def busy(self) -> bool:
        """Whether claims are being bound: what nobody waits for gives way to them."""
        return self._monotonic() < self._assigned_at + IDLE_AFTER

    def place(self, claim: ClaimRecord) -> int | None:
        return self.stock(claim.pool).place(claim.uid)

    def waiting(self, pool: ObjectRef) -> list[ClaimRecord]:
        """The claims in the pool's queue, the next one to be served first."""
        found = (self._fleet.claim_by_uid(uid) for uid in self.stock(pool).waiting)
        return [claim for claim in found if claim]

    def takers(self, pool: ObjectRef) -> list[ClaimRecord]:
        """Those of the waiting claims that may get a number: of another namespace's no more than its quotas leave."""
        waiting = self.waiting(pool)
        lent = {claim.namespace for claim in waiting} - {pool.namespace}
        refused = {uid for namespace in lent for uid in self._for_orders(namespace, everyone=True).refused}
        return [claim for claim in waiting if claim.uid not in refused]

    def demands(self, pool: ObjectRef) -> tuple[Demand, ...]:
        """The claims that want a number to be ordered for them, in their order. Not those to whom a number of their
        people comes back in a moment; nor those of another namespace whose quotas leave no room for the number."""
        waiting = [claim for claim in self.waiting(pool) if claim.has_one_ordered]
        back = self._coming_back(pool) if any(map(_people_of_set, waiting)) else Counter()
        lent = sorted({claim.namespace for claim in waiting} - {pool.namespace})
        for_orders = {namespace: self._for_orders(namespace) for namespace in lent}
        may_order = {namespace: self._quotas.full_for_orders(namespace) is None for namespace in lent}
        found = []
        for claim in waiting:
            if back[people := _people_of_set(claim)]:
                back[people] -= 1
            elif claim.namespace == pool.namespace:
                found.append(Demand(ask=self._ask_of(claim)))
            elif claim.uid not in for_orders[claim.namespace].refused:
                at_most = for_orders[claim.namespace].at_most(claim.uid)
                ask = self._ask_of(claim)
                ask = replace(ask, quotas_of=claim.namespace) if at_most is not None else ask
                found.append(Demand(claim.namespace, may_order[claim.namespace], ask, at_most))
        return tuple(found)

    def _ask_of(self, claim: ClaimRecord) -> Ask:
        """What an order for the claim has to bring, documents included."""
        papers = self._bundles.papers(claim)
        return replace(claim.ask, bundle=papers.bundle, accounts=papers.supply) if papers.bundle else claim.ask

    def _room(self, namespace: str) -> _Room:
        """What the namespace's quotas leave for its claims, counted once for each change."""
        version, known = (self._quotas.version, self._takings[namespace]), self._rooms.get(namespace)
        if known is None or known[0] != version:
            taking = self._taking(namespace)
            room = _Room(self._quotas.full_for_claims(namespace, taking), self._quotas.purse(namespace, taking))
            known = self._rooms[namespace] = (version, room)
        return known[1]

    def _for_orders(self, namespace: str, everyone: bool = False) -> ForOrders:
        """What they leave for orders, likewise: each of a thousand claims asks for it, and would count them all.
        `everyone`: also for the claims that wait for stock only."""
        version = (self._quotas.version, self._takings[namespace], self._moves[namespace])
        known = self._orders.get((namespace, everyone))
        if known is None or known[0] != version:
            known = self._orders[namespace, everyone] = (version, self._count_for_orders(namespace, everyone))
        return known[1]

    def _count_for_orders(self, namespace: str, everyone: bool) -> ForOrders:
        """For which of its claims on other namespaces' pools a number may be ordered, by numbers and money, and why for
        others none. The room is reserved for them in the order of their coming, whichever pool they wait at."""
        if not self._quotas.of(namespace):
            return ForOrders()
        claims = (one for one in self._fleet.claims.by("namespace", namespace) if one.pool.namespace != namespace)
        asking = (one for one in claims if everyone or one.has_one_ordered)
        waiting = [one for one in asking if self.stock(one.pool).waits(one.uid)]
        waiting.sort(key=lambda claim: (claim.wish().ticket, claim.uid))
        prices = {pool: self._price_at(pool) for pool in {claim.pool for claim in waiting}}
        wanted = [Wanted(claim.uid, *prices[claim.pool]) for claim in waiting]
        return self._quotas.plan_orders(namespace, wanted, self._taking(namespace))

    def _price_at(self, place: ObjectRef) -> tuple[Money | None, Money | None, str | None]:
        """What a number of the pool costs a month: the dearest that it has; the most that one may, by its cap; and the
        currency in which it buys."""
        records, lots = self._fleet.counted_in_pool(place, ())
        prices = [lot.price.monthly for lot in lots if lot.phase not in GONE]
        prices += [one.price.monthly for one in records if one.price and one.state.phase not in GONE]
        pool = self._fleet.get(NumberPool, *place)
        dearest = max(prices, key=lambda price: (price.amount, price.currency), default=None)
        if pool is None:
            return dearest, None, None
        currency = pool.spec.limits.currency
        return dearest, money_of(pool.spec.limits.max_monthly_price, currency), currency

    def _coming_back(self, pool: ObjectRef) -> Counter[People | None]:
        """How many numbers of the pool are about to be let go by rotation sets that are gone, by whose they are: the
        garbage collector deletes the claims of such a set a while after it, and one that was renamed is there before.
        """
        owned = (claim for claim in self._fleet.claims.by("pool", pool) if claim.bound and _people_of_set(claim))
        orphans = (claim for claim in owned if not self._has_set(claim.namespace, claim.holder.rotation))
        return Counter(
            _people_of_set(one) for one in orphans if any(n.would_return for n in self._fleet.numbers_of(one))
        )

    def _has_set(self, namespace: str, name: str | None) -> bool:
        """Whether the rotation set is there, and stays."""
        found = self._fleet.get(RotationSet, namespace, name) if name else None
        return found is not None and found.metadata.deletion_timestamp is None

    def unservable(self, claim: ClaimRecord) -> str | None:
        """Why its pool can never give the claim what it must have; None: it may, or there is no such pool."""
        pool = self._fleet.get(NumberPool, *claim.pool)
        if pool is None:
            return None
        named = self._fleet.number(claim.pool.namespace, claim.named) if claim.named else None
        if named and not self._fleet.fits(named):
            return misfit_message(claim.want())
        known = named is not None and bool(named.capabilities)
        has = traits_of(named, claim.ask.must_codes) if named and known else None
        carriers = [account_key(one.account_ref, pool.metadata.namespace) for one in pool.spec.carriers]
        return why_unservable(claim.want(), claim.ask, market_of(pool.spec.market), has, carriers)

    def gives_way(self, claim: ClaimRecord) -> bool:
        """Whether what still follows on the claim's binding is put off, because other claims are being bound."""
        bound_at = claim.bound_at
        return bound_at is not None and self.busy() and self._clock() - bound_at < LONGEST_GIVING_WAY

    def _taking(self, namespace: str, but: str | None = None) -> Taking:
        """The numbers of other namespaces that its claims are being bound to, `but` (a uid) left out. Those that are
        seen to be bound are counted as that already."""
        others = [(uid, price) for uid, (borrower, price) in self._in_progress.items() if borrower == namespace]
        return [price for uid, price in others if uid != but and not self._is_seen_bound(uid)]

    def _is_seen_bound(self, uid: str) -> bool:
        claim = self._fleet.claim_by_uid(uid)
        return claim is not None and bool(self._fleet.numbers_of(claim))

    def obstacle(self, claim: ClaimRecord) -> Bar | None:
        """What keeps an unbound claim out of the queue."""
        pool = self._fleet.get(NumberPool, *claim.pool)
        let_in = pool is None or allowed(
            frozenset(pool.spec.allowed_namespaces), AccountKey(*claim.pool), claim.namespace
        )
        foreign = claim.namespace != claim.pool.namespace
        named = self._fleet.number(claim.pool.namespace, claim.named) if claim.named else None
        around = ClaimWorld(
            pool_exists=pool is not None,
            let_in=let_in and not (foreign and pool is None),
            quota=self._quotas.unpaid(claim.namespace) or (self._quota_full(claim) if foreign else None),
            named_exists=claim.named is None or (named is not None and named.pool == claim.pool.name),
            frozen=self._frozen(claim) if let_in else None,
            misspelt=claim.misspelt(pool.spec.market.country) if pool else None,
            refused=self.refused.get(claim.uid),
            documents=self._bundles.papers(claim).bar if let_in else None,
        )
        return bar_claim(claim.want(), around)

    def _frozen(self, claim: ClaimRecord) -> str | None:
        """Why nothing of its pool is bound. Numbers of a frozen account are not offered, see `_offered`."""
        freeze = self._fleet.freeze(None, claim.pool)
        return freeze.message if freeze else None

    def _quota_full(self, claim: ClaimRecord) -> str | None:
        """Which limit of its namespace is met; the numbers that other claims of it are being bound to count as its."""
        if claim.uid not in self._in_progress:
            return self._room(claim.namespace).full
        return self._quotas.full_for_claims(claim.namespace, self._taking(claim.namespace, but=claim.uid))

    def _purse(self, uid: str) -> Purse:
        """What the claim's number may cost, by the quotas of its namespace; a number of its own namespace's pools is
        paid for already."""
        claim = self._fleet.claim_by_uid(uid)
        if claim is None or claim.namespace == claim.pool.namespace:
            return ()
        if uid not in self._in_progress:
            return self._room(claim.namespace).purse
        return self._quotas.purse(claim.namespace, self._taking(claim.namespace, but=uid))

    def shortage(self, claim: ClaimRecord) -> Bar | None:
        """What keeps a claim that stands in the queue from a number: by its namespace's quotas, what is free is too
        dear, or none may be ordered for it; or its tenant's bundle is not approved where numbers are free."""
        purse, stock, wish = self._purse(claim.uid), self.stock(claim.pool), self._wish(claim)
        if purse and stock.has_for(wish) and not stock.has_for(wish, purse):
            return Bar(Reason.QUOTA_EXCEEDED, self._quotas.too_dear(claim.namespace))
        awaited = self._bundles.papers(claim).awaited
        if awaited and stock.has_for(replace(wish, accounts=None)) and not stock.has_for(wish):
            return Bar(awaited.reason, awaited.message)
        if (why := self._bundles.unnamed(claim)) and not stock.has_for(wish):
            return Bar(Reason.AMBIGUOUS_BUNDLE, why)
        return self._unordered(claim) if claim.has_one_ordered else None

    def _wish(self, claim: ClaimRecord) -> ClaimWish:
        """What the claim asks of its pool's stock, documents included."""
        wish, papers = claim.wish(), self._bundles.papers(claim)
        return wish if papers == POOLS_OWN else replace(wish, bundle=papers.bundle, accounts=papers.accounts)

    def waits_for_bundle(self, pool: ObjectRef, bundle: ObjectRef) -> bool:
        """Whether a claim stands in the pool's queue whose number is to be registered to the bundle."""
        return any(self._bundles.papers(claim).bundle == bundle for claim in self.waiting(pool))

    def _unordered(self, claim: ClaimRecord) -> Bar | None:
        if claim.namespace == claim.pool.namespace or not self.stock(claim.pool).waits(claim.uid):
            return None
        why = self._for_orders(claim.namespace).refused.get(claim.uid)
        if why is None and not self._is_on_order(claim):
            why = self._quotas.full_for_orders(claim.namespace)
            why = why and f"No number is ordered for it. {why}"
        return Bar(Reason.QUOTA_EXCEEDED, why) if why else None

    def _is_on_order(self, claim: ClaimRecord) -> bool:
        """Whether an order of the pool that was made for the claim's namespace has not ended yet, or a number of the
        pool is on its way."""
        orders = self._fleet.orders_for(*claim.pool)
        opened = any(claim.namespace in payers_of(order) and not order.status.done for order in orders)
        records, lots = self._fleet.counted_in_pool(claim.pool, ())
        phases = {lot.phase for lot in lots} | {one.state.phase for one in records}
        return opened or not phases.isdisjoint(IN_FLIGHT)

    # Hearing.

    def open(self) -> None:
        """Everything has been listed: let all claims ask, and serve every pool."""
        self._open = True
        for claim in self._fleet.claims.values():
            self._ask(claim)
        for pool in tuple(self._stocks):
            self.serve(pool)

    def note_number(self, old: NumberRecord | None, new: NumberRecord | None) -> None:
        """A number has changed, come or gone."""
        before, offered = _kept_in(old), self._offered(new)
        after = new.pool_ref if new and offered else None
        if before and before != after:
            assert old
            self.stock(before).withhold(old.name)
        if after and offered:
            self.stock(after).offer(offered)
            self.serve(after)

    def _offered(self, record: NumberRecord | None) -> FreeNumber | None:
        """The number as it may be handed out by its pool: unless it is neither free nor rests for somebody, or somebody
        has frozen it, or it is of another market, or another object stands for the number."""
        if record is None or _kept_in(record) is None or self._fleet.freeze_of(record):
            return None
        if not (self._fleet.fits(record) and self._fleet.owns(record)):
            return None
        return FreeNumber(
            record.name,
            record.area_code,
            record.region,
            record.capabilities,
            people=self._people(record),
            rests=not record.free,
            monthly=record.price.monthly if record.price else None,
            account=record.account,
            registered=record.state.registered,
        )

    def _people(self, record: NumberRecord) -> tuple[People, ...]:
        last = record.last_claim
        if last is None or not record.returns:
            return ()
        return people_of(last, set_is_there=self._has_set(last.namespace, last.rotation))

    def may_have(self, claim: ClaimRecord, record: NumberRecord) -> bool:
        """Whether the number may be bound to the claim that was handed it. Both may have changed since, and its purse:
        an API server that does not answer lets a number stay in a hand for long."""
        offered = self._offered(record)
        return offered is not None and fits(self._wish(claim), offered, self._purse(claim.uid))

    def look_again(self, records: Iterable[NumberRecord]) -> None:
        """To whom these numbers may be handed has changed, although they have not: they were frozen, or are so no more,
        or the set that had them has come or gone."""
        for record in records:
            self.note_number(record, record)

    def note_claim(self, old: ClaimRecord | None, new: ClaimRecord | None) -> None:
        """A claim has changed, come (`old` None) or gone (`new` None)."""
        for claim in (old, new) if _wants(old) != _wants(new) else ():
            self._note_move(claim)
        if new is None:
            assert old
            self.stock(old.pool).withdraw(old.uid)
            self.refused.pop(old.uid, None)
            self.give_up(old)
        else:
            self._ask(new)
            self.serve(new.pool)

    def _note_move(self, claim: ClaimRecord | None) -> None:
        """Another claim of its namespace waits than before, or it wants otherwise."""
        if claim:
            self._moves[claim.namespace] += 1

    def note_room(self, namespace: str) -> None:
        """What the quotas of a namespace leave has changed: its claims that borrow ask anew, and who is handed a number
        has a turn. Those that only say something else by now have one when that has lasted (`unsaid`): what one claim
        leaves is most often taken by the next one in a moment."""
        pools = set()
        for claim in self._fleet.claims.by("namespace", namespace):
            if claim.pool.namespace != namespace and claim.bound is None and not claim.failed:
                self._ask(claim)
                pools.add(claim.pool)
        for pool in pools:
            self.serve(pool)

    def unsaid(self, namespace: str) -> list[ClaimRecord]:
        """The claims of the namespace that borrow, and wait for other reasons than they say."""
        claims = self._fleet.claims.by("namespace", namespace)
        borrow = (one for one in claims if one.pool.namespace != namespace and one.bound is None and not one.failed)
        return [claim for claim in borrow if not self._fleet.numbers_of(claim) and not self._says(claim)]

    def _says(self, claim: ClaimRecord) -> bool:
        said, *_ = self.waiting_conditions(claim)
        told = (one for one in claim.conditions if one.type == said.type)
        return any((one.reason, one.message) == (said.reason, said.message) for one in told)

    def waiting_conditions(self, claim: ClaimRecord) -> tuple[Condition, ...]:
        """What an unbound claim says of itself."""
        return waiting_conditions(claim.want(), self.bar(claim), self.unservable(claim))

    def bar(self, claim: ClaimRecord) -> Bar | None:
        """What keeps an unbound claim from a number, in the queue or out of it."""
        return self.obstacle(claim) or self.shortage(claim)

    def reconsider(self, claims: Iterable[ClaimRecord]) -> None:
        """What these claims depend on has changed: those without a number ask anew."""
        pools = set()
        for claim in claims:
            if claim.bound is None and not claim.failed:
                self._ask(claim)
                self._on_assigned(claim)
                pools.add(claim.pool)
        for pool in pools:
            self.serve(pool)

    def ask_again(self, claim: ClaimRecord) -> None:
        """In the claim's own turn: what was refused may be taken by now. It is not called up for what it is handed now:
        a wake would run it again at once, past the back-off of the failure that may follow."""
        if self.refused.pop(claim.uid, None) is not None:
            self._ask(claim)
            self.serve(claim.pool, in_turn=claim.uid)

    def refuse(self, claim: ClaimRecord, why: str) -> None:
        """The claim can't be bound, and won't be by trying at once: what it was handed is offered to others."""
        self.refused[claim.uid] = why
        self.give_up(claim)

    def _ask(self, claim: ClaimRecord) -> None:
        stock = self.stock(claim.pool)
        waited = stock.waits(claim.uid)
        served = claim.bound or claim.failed or claim.deleting or self._fleet.numbers_of(claim)
        if served or self._has_one_back(claim) or self.obstacle(claim):
            stock.withdraw(claim.uid)
        else:
            stock.ask(self._wish(claim))
        if stock.waits(claim.uid) is not waited:
            self._note_move(claim)
            self._moved.setdefault(claim.pool, set()).add(claim.uid)

    def _has_one_back(self, claim: ClaimRecord) -> bool:
        """Whether it takes up a number, or one is about to be let go by a claim of its name that was deleted just now:
        that one comes back to it."""
        going = self._fleet.numbers_of_departed(claim.namespace, claim.name)
        return bool(going) or former_number(self._fleet, claim) is not None

    def serve(self, pool: ObjectRef, in_turn: str | None = None) -> None:
        """Hand out what is free, and wake those who were assigned something, but for the claim whose turn it is."""
        stock = self.stock(pool)
        while self._open and (hands := stock.serve(self._purse)):
            refused = [hand for hand in hands if not self._assign(pool, hand, in_turn)]
            for hand in refused:
                stock.settle(hand.uid)
                stock.offer(hand.number)
            for claim in (self._fleet.claim_by_uid(hand.uid) for hand in refused):
                if claim:
                    self._ask(claim)  # there may be a cheaper one
            if not refused:
                break
        self._tell_line(pool)
        self._tell_what_is_short(pool)

    def _tell_line(self, pool: ObjectRef) -> None:
        """Claims have come to stand in the line, or left it; not those that were handed a number at once."""
        moved, stock = self._moved.pop(pool, ()), self.stock(pool)
        if any(stock.hand(uid) is None for uid in moved):
            self._on_line(pool)

    def _tell_what_is_short(self, pool: ObjectRef) -> None:
        """Numbers are left, and claims wait all the same: those that can't pay for them say so."""
        stock = self.stock(pool)
        for claim in self.waiting(pool) if self._open and stock.free else ():
            lent, told = claim.namespace != pool.namespace, claim.phase is None or _says_quota(claim)
            if lent and not told and self.shortage(claim):
                self._on_assigned(claim)

    def _assign(self, pool: ObjectRef, hand: Hand, in_turn: str | None) -> bool:
        """Let the claim take what it was handed; False when it is gone, or its quota was used up by those before it."""
        claim = self._fleet.claim_by_uid(hand.uid)
        if claim is None:
            return False
        self._note_move(claim)
        self._assigned_at = self._monotonic()
        if claim.uid != in_turn:
            self._on_assigned(claim)
        if claim.namespace == pool.namespace:
            return True
        if self.obstacle(claim) or not affords(self._purse(claim.uid), hand.number.monthly):
            return False
        self._in_progress[claim.uid] = (claim.namespace, hand.number.monthly)
        self._takings[claim.namespace] += 1
        return True

    # Settling.

    def settle(self, claim: ClaimRecord) -> None:
        """The claim is bound to what it was handed."""
        self.stock(claim.pool).settle(claim.uid)
        if self._in_progress.pop(claim.uid, None):
            self._takings[claim.namespace] += 1
        self.unsure.discard(claim.uid)

    def give_up(self, claim: ClaimRecord) -> None:
        """The claim can't have what it was handed: whatever the number is now, it is offered as that."""
        handed = self.assignment(claim)
        self.settle(claim)
        record = self._fleet.number(claim.pool.namespace, handed.name) if handed else None
        if record:
            self.note_number(None, record)


@dataclass(frozen=True, slots=True)
class _Room:
    """What the quotas of a namespace leave for its claims that borrow, at one moment."""

    full: str | None
    """The limit that keeps them from any number more; None: none does."""
    purse: Purse
    """What a number may cost."""


def _wants(claim: ClaimRecord | None) -> object:
    """What of a claim is counted where room is reserved for orders."""
    return claim and (claim.pool, claim.has_one_ordered, claim.ticket)


def _kept_in(record: NumberRecord | None) -> ObjectRef | None:
    """The pool that may have the number to hand out, be it to one claim only; None when there is none."""
    return record.pool_ref if record and (record.free or record.returns) else None


def _says_quota(claim: ClaimRecord) -> bool:
    return any((one.type, one.reason) == ("Ready", Reason.QUOTA_EXCEEDED) for one in claim.conditions)


def _people_of_set(claim: ClaimRecord) -> People | None:
    """The people of a rotation set's claim that outlive the set; None for any other claim."""
    return people_of(claim.holder)[-1] if claim.holder.rotation else None
