"""The memory of offers: what each search last gave, for the hours in which search is down.

An offer from memory may be sold by now. That is safe: a purchase names its numbers, and the carrier refuses those that
are gone. `Catalog.age` tells the reader that it is memory, so that a condition can say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from ringfleet.model import E164, Catalog, Offer, Query


@dataclass(frozen=True, slots=True)
class _Memory:
    offers: tuple[Offer, ...]
    seen_at: float


class CatalogMemory:
    """The last live answer to each query, forgotten after `ttl`. `clock` is monotonic and in seconds."""

    def __init__(self, ttl: timedelta, *, clock: Callable[[], float]) -> None:
        self._ttl = ttl.total_seconds()
        self._clock = clock
        self._memories: dict[Query, _Memory] = {}

    def remember(self, query: Query, offers: Iterable[Offer]) -> None:
        """Keep a live answer in place of the one before it; what is too old goes."""
        now = self._clock()
        self._memories = {key: kept for key, kept in self._memories.items() if now - kept.seen_at <= self._ttl}
        self._memories[query] = _Memory(tuple(offers), now)

    def recall(self, query: Query, exclude: frozenset[E164] = frozenset()) -> Catalog | None:
        """What the query last gave, without `exclude` and its age set, or None when nothing usable is remembered."""
        memory = self._memories.get(query)
        if memory is None:
            return None
        age = self._clock() - memory.seen_at
        offers = tuple(offer for offer in memory.offers if offer.number not in exclude)
        return Catalog(offers, age) if offers and age <= self._ttl else None

    def forget(self, numbers: Iterable[E164]) -> None:
        """Drop numbers that are known to be sold. The memory of the others grows no younger by it."""
        gone = frozenset(numbers)
        self._memories = {
            query: _Memory(tuple(offer for offer in kept.offers if offer.number not in gone), kept.seen_at)
            for query, kept in self._memories.items()
        }
