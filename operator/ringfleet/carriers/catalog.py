"""The memory of offers: what each search last gave, for the hours in which search is down.

An offer from memory may be sold by now. That is safe: a purchase names its numbers, and the carrier refuses those that
are gone. `Catalog.age` tells the reader that it is memory, so that a condition can say so.

The memory outlives its process (`objects/catalog.py`), so its times are of the clock on the wall. That one may be set
back: what would then be seen later than now counts as seen now, and no age is negative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ringfleet.model import E164, Catalog, Offer, Query


@dataclass(frozen=True, slots=True)
class Remembered:
    """What one search gave when it was last answered live; no offers: there were none."""

    offers: tuple[Offer, ...]
    seen_at: datetime


class CatalogMemory:
    """The last live answer to each query, forgotten after `ttl`; of a `ttl` of nothing, nothing is remembered.

    `unsaved`: whether something was learnt live that no later process would know yet.
    """

    def __init__(
        self, ttl: timedelta = timedelta(0), *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.ttl = ttl
        self.unsaved = False
        self._clock = clock
        self._memories: dict[Query, Remembered] = {}

    def remember(self, query: Query, offers: Iterable[Offer]) -> None:
        """Keep a live answer in place of the one before it."""
        self._memories[query] = Remembered(tuple(offers), self._clock())
        self.unsaved = True

    def learn(self, found: Mapping[Query, Remembered]) -> None:
        """Take in what another process has seen, where that is newer."""
        for query, other in found.items():
            mine = self._memories.get(query)
            if mine is None or mine.seen_at < other.seen_at:
                self._memories[query] = other

    def recall(self, query: Query, exclude: frozenset[E164] = frozenset()) -> Catalog | None:
        """What the query last gave, without `exclude` and its age set, or None when nothing usable is remembered."""
        memory = self.all().get(query)
        if memory is None:
            return None
        offers = tuple(offer for offer in memory.offers if offer.number not in exclude)
        return Catalog(offers, (self._clock() - memory.seen_at).total_seconds()) if offers else None

    def forget(self, numbers: Iterable[E164]) -> None:
        """Drop numbers that are known to be sold. The memory of the others grows no younger by it."""
        gone = frozenset(numbers)
        self._memories = {
            query: replace(kept, offers=tuple(offer for offer in kept.offers if offer.number not in gone))
            for query, kept in self._memories.items()
        }

    def all(self) -> Mapping[Query, Remembered]:
        """What is remembered of each query; what is too old is gone."""
        now = self._clock()
        self._memories = {
            query: kept if kept.seen_at <= now else replace(kept, seen_at=now)
            for query, kept in self._memories.items()
            if self.ttl and now - kept.seen_at <= self.ttl
        }
        return self._memories

    def usable(self) -> frozenset[Query]:
        """The queries that could be answered from memory now."""
        return frozenset(query for query, kept in self.all().items() if kept.offers)
