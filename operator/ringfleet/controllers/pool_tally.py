"""What each pool has, counted from change to change: a look at a pool of ten thousand numbers does not walk them all.

::

    a number came, changed or went --> its lot of its pool: one more, one less     (objects/phone_number.py: lot_of)
                                  '--> or it stands apart: it is seen by itself at each look

Apart stands whatever needs a look of its own: what is asked to go, quarantined or without a price, and what has more
than one object, whose owner depends on things that change elsewhere. The law: at every moment the tally is what one
would count from the store anew (`tests/controllers/test_pool_tally.py`).

The bindings of a pool's claims are kept in their order for the same reason: its demand asks for those since a moment.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ringfleet.kube.store import Store
from ringfleet.model import E164
from ringfleet.model.numbering import area_code_of
from ringfleet.model.policy import OnNoStock
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.phone_number import NumberRecord, lot_of
from ringfleet.plan.number_pool.supply import Lot


@dataclass(slots=True)
class PoolTally:
    """One pool counted. Only `PoolTallies` changes it."""

    lots: dict[Lot, int] = field(default_factory=dict)
    """How many numbers each lot has; no lot is empty."""
    free: int = 0
    """How many numbers of these lots are free."""
    untold: dict[ObjectRef, None] = field(default_factory=dict)
    """The objects in lots that are supply of which no carrier says the area code: their digits tell it."""
    apart: dict[ObjectRef, None] = field(default_factory=dict)
    """The objects that are in no lot, in the order in which they came to stand apart."""


class PoolTallies:
    """The tallies of all pools, kept by the changes of `numbers`. It has to hear of them before whoever looks at it."""

    def __init__(self, numbers: Store[NumberRecord]) -> None:
        self._numbers = numbers
        self._pools: dict[ObjectRef, PoolTally] = {}
        for place, record in numbers.items():
            self._put_in(place, record)
        numbers.subscribe(self._on_change)

    def of(self, pool: ObjectRef) -> PoolTally:
        """What the pool has; whoever reads it changes nothing."""
        return self._pools.get(pool) or PoolTally()

    def beside(
        self, pool: ObjectRef, named: Iterable[E164], codes: tuple[str, ...] = ()
    ) -> tuple[list[NumberRecord], dict[Lot, int]]:
        """The pool's numbers that are to be seen one by one, and the lots of the others: those that stand apart, and
        those that somebody names. `codes`: the area codes that matter; a lot has the one of them that the digits of its
        numbers tell where no carrier says any, or "" for another one."""
        tally = self.of(pool)
        lots, records = dict(tally.lots), [self._numbers.get(place) for place in tally.apart]
        named = dict.fromkeys(named)
        for record in map(self._numbers.get, tally.untold) if codes else ():
            if record and record.number not in named and (lot := lot_of(record)):
                _count(lots, lot, -1)
                _count(lots, lot._replace(area_code=area_code_of(record.number, None, codes) or ""), 1)
        for number in named:
            for record in self._numbers.by("number", number):
                if record.pool_ref == pool and record.place not in tally.apart:
                    records.append(record)
                    _count(lots, self._lot_of(record), -1)
        return [record for record in records if record], lots

    def _on_change(self, place: ObjectRef, old: NumberRecord | None, new: NumberRecord | None) -> None:
        if old is not None:
            self._take_out(place, old)
        if new is not None:
            self._put_in(place, new)
        if old is None or new is None or old.number != new.number:
            for number in {record.number for record in (old, new) if record}:
                self._sort_again(number, but=place)

    def _sort_again(self, number: E164, but: ObjectRef) -> None:
        """The number has another object more, or less: none of several is in a lot."""
        for record in self._numbers.by("number", number):
            if record.place != but:
                self._take_out(record.place, record)
                self._put_in(record.place, record)

    def _put_in(self, place: ObjectRef, record: NumberRecord) -> None:
        if record.pool_ref is None:
            return
        tally = self._pools.setdefault(record.pool_ref, PoolTally())
        if lot := self._lot_of(record):
            _count(tally.lots, lot, 1)
            tally.free += record.free
            if lot.is_supply and lot.area_code is None:
                tally.untold[place] = None
        else:
            tally.apart[place] = None

    def _take_out(self, place: ObjectRef, record: NumberRecord) -> None:
        """By where it was put, which is not where it would be put now."""
        tally = self._pools.get(record.pool_ref) if record.pool_ref else None
        if record.pool_ref is None or tally is None:
            return
        if place in tally.apart:
            del tally.apart[place]
        elif lot := lot_of(record):
            _count(tally.lots, lot, -1)
            tally.free -= record.free
            tally.untold.pop(place, None)
        if not (tally.lots or tally.apart):
            del self._pools[record.pool_ref]

    def _lot_of(self, record: NumberRecord) -> Lot | None:
        return lot_of(record) if self._numbers.count("number", record.number) == 1 else None


def _count(lots: dict[Lot, int], lot: Lot | None, change: int) -> None:
    if lot is not None:
        lots[lot] = lots.get(lot, 0) + change
        if not lots[lot]:
            del lots[lot]


class Bindings:
    """When the claims of each pool were bound, but for those that have an order made for themselves."""

    def __init__(self, claims: Store[ClaimRecord]) -> None:
        self._times: defaultdict[ObjectRef, list[datetime]] = defaultdict(list)
        for record in claims.values():
            self._on_change(ObjectRef(record.namespace, record.name), None, record)
        claims.subscribe(self._on_change)

    def since(self, pool: ObjectRef, moment: datetime | None) -> tuple[datetime, ...]:
        """Those after the moment, in their order; None: all."""
        times = self._times.get(pool, [])
        return tuple(times[bisect_right(times, moment) if moment else 0 :])

    def _on_change(self, _: ObjectRef, old: ClaimRecord | None, new: ClaimRecord | None) -> None:
        before, after = _binding(old), _binding(new)
        if before == after:
            return
        if before:
            pool, moment = before
            times = self._times[pool]
            del times[bisect_left(times, moment)]
            if not times:
                del self._times[pool]
        if after:
            pool, moment = after
            insort(self._times[pool], moment)


def _binding(claim: ClaimRecord | None) -> tuple[ObjectRef, datetime] | None:
    """The claim's pool, and when it was bound, where that counts as demand."""
    if claim is None or claim.bound_at is None or claim.on_no_stock is OnNoStock.ORDER:
        return None
    return claim.pool, claim.bound_at
