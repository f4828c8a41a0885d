"""Searching Telnyx' stock, for what to buy, and once more directly before it is bought.

A search has no pages, only a limit. When a full answer is not enough, the same is asked for each last digit, then for
each of the last two: ten searches that can't overlap in place of one that can't go on. Where Telnyx has no coverage it
refuses the search; where it has no stock it finds nothing.

The look before a purchase has three uses. Telnyx orders only what a search has shown to the account lately (85000). An
order names no price, so that a price which has risen would be paid unseen. And what is gone need not be ordered.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from ringfleet.carriers.errors import CarrierUnavailable, RequestRejected
from ringfleet.carriers.http import AccountClient, Call
from ringfleet.carriers.json_fields import Fields, read_rows
from ringfleet.carriers.telnyx import wire
from ringfleet.model import E164, Catalog, NumberType, Offer, Query, Unreadable

SEARCH_CIRCUIT = "search"
LIMIT = 100
"""Offers of one search: so many Telnyx gives where it is asked for no number."""
LAST_DIGITS = 2
FRESH_S = 60.0
"""Seconds for which an offer that has just been shown need not be looked at one by one."""
TRUSTED_S = 900.0
"""Seconds for which an offer may be bought unseen while search is down."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look before the purchase has shown."""

    shown: Mapping[E164, Offer] = field(default_factory=dict)
    """The offers as they are now."""
    gone: frozenset[E164] = frozenset()
    """Those that are for sale no more, or are the account's own by now."""


class Search:
    """`now` is in POSIX seconds."""

    def __init__(self, http: AccountClient, now: Callable[[], float] = time.time) -> None:
        self._http = http
        self._now = now

    async def search(self, query: Query, count: int, exclude: frozenset[E164]) -> Catalog:
        """As `Carrier.search`. Raises RequestRejected for what Telnyx sells nowhere in the country. What it does not
        know of a place is none of its, and no reason to refuse."""
        try:
            return await self._search(query, count, exclude)
        except RequestRejected:
            whole = replace(query, area_code=None, region=None, locality=None, contains=None)
            if query == whole:
                raise
        await self._rows(whole)  # refused too: it is not because of the area code or the place
        return Catalog()

    async def _search(self, query: Query, count: int, exclude: frozenset[E164]) -> Catalog:
        found: dict[E164, Offer] = {}
        unreadable: dict[str, Unreadable] = {}
        tail = query.contains.tail if query.contains else ""
        endings = deque([tail])
        while endings and sum(number not in exclude for number in found) < count:
            ending = endings.popleft()
            offers, others, rows = await self._rows(query, ending)
            found |= {offer.number: offer for offer in offers}
            unreadable |= {f"{one.number} {one.reason}": one for one in others}
            if rows >= LIMIT and len(ending) < len(tail) + LAST_DIGITS:
                endings.extend(f"{digit}{ending}" for digit in "0123456789")
        offers = tuple(offer for offer in found.values() if offer.number not in exclude)
        return Catalog(offers, unreadable=tuple(unreadable.values()))

    async def look(self, offers: Iterable[Offer], *, again: bool) -> Look:
        """What has become of `offers`. `again`: they were ordered before, so that each is looked for.

        Raises CarrierUnavailable: search is down, and some were shown too long ago to be bought unseen.
        """
        wanted = {offer.number: offer for offer in offers}
        try:
            shown = await self._look_at_markets(wanted.values())
            doubtful = [
                one for one in wanted.values() if one.number not in shown and (again or not self._is_fresh(one))
            ]
            alone = await asyncio.gather(*map(self.find, doubtful))
        except CarrierUnavailable:
            if again or any(self._age(offer) > TRUSTED_S for offer in wanted.values()):
                raise
            return Look(wanted)
        gone = frozenset(one.number for one, found in zip(doubtful, alone, strict=True) if found is None)
        shown |= {found.number: found for found in alone if found}
        return Look({number: shown.get(number, one) for number, one in wanted.items() if number not in gone}, gone)

    async def _look_at_markets(self, offers: Iterable[Offer]) -> dict[E164, Offer]:
        """One search for all offers of a market: mostly it shows them all once more."""
        shown: dict[E164, Offer] = {}
        for query in dict.fromkeys(map(_query_of, offers)):
            found, _, _ = await self._rows(query)
            shown |= {offer.number: offer for offer in found}
        return shown

    async def find(self, offer: Offer) -> Offer | None:
        """The offer as it is now; None: it is not for sale."""
        query = _query_of(offer)
        digits = wire.national_digits(offer.number).removeprefix(query.area_code or "")
        found, _, _ = await self._rows(query, digits)
        return next((one for one in found if one.number == offer.number), None)

    async def _rows(self, query: Query, ending: str = "") -> tuple[tuple[Offer, ...], tuple[Unreadable, ...], int]:
        """What is for sale, what of it can't be read, and how many rows there were."""
        params = wire.search_params(query, LIMIT, ending)
        call = Call("GET", wire.path("available numbers"), params=params, circuit=SEARCH_CIRCUIT)
        rows, now = Fields(await self._http.call(call), "offers").items("data"), self._now()
        offers, unreadable = read_rows(rows, lambda row: wire.parse_offer(row, query, now), wire.NUMBER)
        return tuple(filter(None, offers)), unreadable, len(rows)

    def _is_fresh(self, offer: Offer) -> bool:
        return self._age(offer) <= FRESH_S

    def _age(self, offer: Offer) -> float:
        """Seconds since the offer was shown; without end when it does not say when."""
        return abs(self._now() - float(offer.token)) if offer.token.isdecimal() else float("inf")


def _query_of(offer: Offer) -> Query:
    """The market of an offer. The area code is asked for where it is sure to be one to Telnyx, too."""
    local = offer.type is NumberType.GEOGRAPHIC
    return Query(offer.country, offer.type, offer.area_code if local else None)
