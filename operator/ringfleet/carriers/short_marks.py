"""A carrier whose field is too short for some of our marks: what is written there is shortened, and known again.

A shortened mark (`Mark.within`) still says whose installation it is, so a sweep sees that the number is ours whether or
not anybody knows its pool any more. Which pool it is, a hash tells: it is held against those of all pools that are
known here, when a number is looked at. One of a pool that nobody knows stays as it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import replace

from ringfleet.carriers.around import Around
from ringfleet.carriers.carrier import Carrier, LastLook, look_no_more
from ringfleet.model import E164, Holding, HoldingsPage, Mark, Outcome, Purchase


class ShortMarks(Around):
    """The carrier, with marks of any length: see `Carrier` for what each call does."""

    def __init__(self, carrier: Carrier, length: int, installation: str, known: Callable[[], Iterable[Mark]]) -> None:
        """`installation`: the id in our marks. `known`: the marks of all pools that may have numbers; asked for when a
        shortened one is met."""
        super().__init__(carrier)
        self._length = length
        self._installation = installation
        self._known = known

    async def buy(self, purchase: Purchase, last_look: LastLook = look_no_more) -> tuple[Outcome, ...]:
        return await self._carrier.buy(replace(purchase, mark=purchase.mark.within(self._length)), last_look)

    async def look_up(self, purchase: Purchase) -> tuple[Outcome, ...]:
        return await self._carrier.look_up(replace(purchase, mark=purchase.mark.within(self._length)))

    async def mark(self, external_id: str, mark: Mark | None) -> None:
        await self._carrier.mark(external_id, mark and mark.within(self._length))

    async def find(self, number: E164) -> Holding | None:
        holding = await self._carrier.find(number)
        return holding and self._read((holding,))[0]

    async def holdings(self) -> AsyncIterator[HoldingsPage]:
        async for page in self._carrier.holdings():
            yield replace(page, holdings=self._read(page.holdings))

    def _read(self, holdings: tuple[Holding, ...]) -> tuple[Holding, ...]:
        """The holdings, each with the whole mark that its short one stands for, where somebody knows it."""
        if not any(one.mark and one.mark.is_short for one in holdings):
            return holdings
        whole = {short: mark for mark in self._known() if (short := mark.within(self._length)).is_short}
        return tuple(replace(one, mark=one.mark and self._whole(one.mark, whole)) for one in holdings)

    def _whole(self, shown: Mark, whole: Mapping[Mark, Mark]) -> Mark:
        """The mark that is shown shortened. Of a pool that nobody knows, as much as can be told: whose it is."""
        ours = replace(shown, installation=self._installation)
        is_ours = shown.is_short and ours.within(self._length).installation == shown.installation
        return whole.get(shown) or (ours if is_ours else shown)
