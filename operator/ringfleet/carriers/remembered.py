"""A carrier whose search is answered from memory while it is down: no adapter need know of it.

What was bought, or may have been, is offered no more; what an answer left out because the caller has it already, too.
"""

from __future__ import annotations

from ringfleet.carriers.around import Around
from ringfleet.carriers.carrier import Carrier, LastLook, look_no_more
from ringfleet.carriers.catalog import CatalogMemory
from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown
from ringfleet.model import E164, Catalog, Outcome, Purchase, Query


class RememberingCarrier(Around):
    """The carrier, with a memory of what it offers: see `Carrier` for what each call does."""

    def __init__(self, carrier: Carrier, memory: CatalogMemory) -> None:
        super().__init__(carrier)
        self._memory = memory

    async def search(self, query: Query, count: int, exclude: frozenset[E164] = frozenset()) -> Catalog:
        """Live, or else from memory with `Catalog.age` set. Raises CarrierUnavailable when there is none either.

        What only a person asks for, digits or nearness, is not remembered: no order would ask for it again.
        """
        try:
            found = await self._carrier.search(query, count, exclude)
        except CarrierUnavailable:
            if remembered := self._memory.recall(query, exclude):
                return remembered
            raise
        if query.contains is None and query.near is None:
            self._memory.remember(query, found.offers)
        return found

    async def buy(self, purchase: Purchase, last_look: LastLook = look_no_more) -> tuple[Outcome, ...]:
        try:
            outcomes = await self._carrier.buy(purchase, last_look)
        except OutcomeUnknown:
            self._forget(purchase)
            raise
        self._forget(purchase)
        return outcomes

    def _forget(self, purchase: Purchase) -> None:
        self._memory.forget(offer.number for offer in purchase.offers)
