"""What the carriers' last listings have shown under our marks, by the pool that each mark names.

The second witness of what a pool has. Its objects may be gone while the carrier has the numbers, and bills them: they
were deleted by force, or a namespace came back from a backup without them. Until the next sweep has made the objects
anew, such numbers count for their pool as if they were on their way (`Fleet.with_listed`); else they would be bought a
second time. What we let go ourselves is taken out at once, as a listing lags behind.

A listing is of an account at the carrier, whichever CarrierAccount it was made for: when another object takes over, the
numbers are still there, and its listings replace the old one's. A listing goes with the last object of its account, as
nobody can bring its numbers back, or see what becomes of them, and the next process would not know them either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ringfleet.model import E164, AccountKey, Holding, Price
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.carrier_account.identity import Identity

Prices = dict[E164, Price | None]
"""Numbers, each with its price; None where the carrier does not say."""
Marked = dict[ObjectRef, Prices]
"""The numbers of one listing by pool."""


class MarkedNumbers:
    """See the module. A listing stays when an account is closed: the numbers are there, and are paid for, all the same.

    Whatever changes a listing says which pools have other numbers by it than before.
    """

    def __init__(self) -> None:
        self._listings: dict[Identity, Marked] = {}
        self._unrecorded: Marked = {}
        """By pool, those of them that have no object, as far as anybody has asked since the listings changed."""
        self._objects: dict[AccountKey, Identity] = {}
        """Which account each CarrierAccount stands for; of one that is another account now, until that is listed."""

    def is_known(self, identity: Identity | None) -> bool:
        """Whether a listing of the account that can be believed has ended in this process."""
        return identity in self._listings

    def counts(self, identity: Identity | None) -> dict[ObjectRef, int] | None:
        """How many numbers the account's newest listing shows under the mark of each pool; None: it is not known."""
        if identity is None or identity not in self._listings:
            return None
        return {pool: len(numbers) for pool, numbers in self._listings[identity].items() if numbers}

    def learn(self, account: AccountKey, identity: Identity, marked: Marked) -> frozenset[ObjectRef]:
        """Take a believed listing, made for one of its objects, as the account's newest."""
        changed = _differing(self._listings.get(identity, {}), marked)
        self._listings[identity] = marked
        self._unrecorded.clear()
        return changed | self.note_object(account, identity)

    def note_object(self, account: AccountKey, identity: Identity) -> frozenset[ObjectRef]:
        """The object stands for this account, although it may not be the one that it is listed for."""
        self._objects[account] = identity
        return self._drop_orphaned()

    def forget_object(self, account: AccountKey) -> frozenset[ObjectRef]:
        """The object is gone."""
        self._objects.pop(account, None)
        return self._drop_orphaned()

    def _drop_orphaned(self) -> frozenset[ObjectRef]:
        gone = self._listings.keys() - set(self._objects.values())
        if gone:
            self._unrecorded.clear()
        return frozenset(pool for identity in gone for pool in self._listings.pop(identity))

    def forget(self, number: E164) -> None:
        """We have given the number back, or taken our mark off. It had one carrier, whichever accounts showed it."""
        for marked in (*self._listings.values(), self._unrecorded):
            drop(marked, (number,))

    def note_object_of_number(self, place: ObjectRef, *, there: bool) -> None:
        """The number that `place` is named after has come to have an object there, or has none any more."""
        number = E164(f"+{place.name}")
        for pool, unrecorded in self._unrecorded.items():
            if pool.namespace != place.namespace:
                continue
            if there:
                unrecorded.pop(number, None)
            elif any(number in marked.get(pool, {}) for marked in self._listings.values()):
                unrecorded[number] = self.price_of(pool, number)

    def of(self, pool: ObjectRef) -> Iterator[tuple[E164, Price | None]]:
        """The numbers whose mark names the pool, at whatever account; one that two accounts show comes twice."""
        for marked in self._listings.values():
            yield from marked.get(pool, {}).items()

    def price_of(self, pool: ObjectRef, number: E164) -> Price | None:
        """What a listing says that the number costs, if its mark names the pool."""
        prices = (marked.get(pool, {}).get(number) for marked in reversed(self._listings.values()))
        return next(filter(None, prices), None)

    def unrecorded(self, pool: ObjectRef, is_recorded: Callable[[E164], bool]) -> Prices:
        """Those of its numbers that have no object. All of them are asked once after a listing has changed; then it is
        kept by what comes and goes (`note_object_of_number`)."""
        known = self._unrecorded.get(pool)
        if known is None:
            missing = ((number, price) for number, price in self.of(pool) if not is_recorded(number))
            known = self._unrecorded[pool] = dict(missing)
        return known


def _differing(one: Marked, other: Marked) -> frozenset[ObjectRef]:
    pools = one.keys() | other.keys()
    return frozenset(pool for pool in pools if one.get(pool, {}).keys() != other.get(pool, {}).keys())


def by_pool(holdings: Iterable[Holding], installation: str, into: Marked) -> None:
    """Add to `into` those of the holdings that carry a mark of ours. Equal prices are kept as one value."""
    prices: dict[Price | None, Price | None] = {}
    for holding in holdings:
        mark = holding.mark
        if mark is not None and mark.installation == installation:
            price = prices.setdefault(holding.price, holding.price)
            into.setdefault(ObjectRef(mark.namespace, mark.pool), {})[holding.number] = price


def drop(marked: Marked, numbers: Iterable[E164]) -> None:
    """Take the numbers out of a listing, whatever pool it shows them for."""
    for number in numbers:
        for of_pool in marked.values():
            of_pool.pop(number, None)
