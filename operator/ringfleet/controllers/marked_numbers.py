"""What the carriers' last listings have shown under our marks, by the pool that each mark names.

The second witness of what a pool has. Its objects may be gone while the carrier has the numbers, and bills them: they
were deleted by force, or a namespace came back from a backup without them. Until the next sweep has made the objects
anew, such numbers count for their pool as if they were on their way (`Fleet.with_listed`); else they would be bought a
second time. What we let go ourselves is taken out at once, as a listing lags behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ringfleet.model import E164, AccountKey, Holding, Price
from ringfleet.model.refs import ObjectRef

Marked = dict[ObjectRef, dict[E164, Price]]
"""The numbers of one listing by pool, each with its price."""


class MarkedNumbers:
    """See the module. It stays when an account is closed: the numbers are there, and are paid for, all the same."""

    def __init__(self) -> None:
        self._accounts: dict[AccountKey, Marked] = {}

    def is_known(self, account: AccountKey) -> bool:
        """Whether a listing of the account that can be believed has ended in this process."""
        return account in self._accounts

    def learn(self, account: AccountKey, marked: Marked) -> frozenset[ObjectRef]:
        """Take a believed listing as the account's newest. The pools that it shows other numbers of than before."""
        before = self._accounts.get(account, {})
        self._accounts[account] = marked
        pools = before.keys() | marked.keys()
        return frozenset(pool for pool in pools if before.get(pool, {}).keys() != marked.get(pool, {}).keys())

    def forget(self, number: E164) -> None:
        """We have given the number back, or taken our mark off. It had one carrier, whichever accounts showed it."""
        for marked in self._accounts.values():
            drop(marked, (number,))

    def of(self, pool: ObjectRef) -> Iterator[tuple[E164, Price]]:
        """The numbers whose mark names the pool, at whatever account; one that two accounts show comes twice."""
        for marked in self._accounts.values():
            yield from marked.get(pool, {}).items()


def by_pool(holdings: Iterable[Holding], installation: str, into: Marked) -> None:
    """Add to `into` those of the holdings that carry a mark of ours. Equal prices are kept as one value."""
    prices: dict[Price, Price] = {}
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
