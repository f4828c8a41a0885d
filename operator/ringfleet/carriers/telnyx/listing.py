"""Reading Telnyx' lists: pages by number, `meta` says how many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Mapping

from ringfleet.carriers.errors import ListingIncomplete
from ringfleet.carriers.http import ACCOUNT_CIRCUIT, AccountClient, Call
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.telnyx import wire

MOST_PAGES = 2000
"""Pages of a list that has no end: half a million numbers."""
TWICE_MORE = 2
"""How often a page is given once more at most: of a total that goes up and down there would be no end."""


async def pages(
    http: AccountClient,
    path: str,
    params: Mapping[str, str],
    circuit: str = ACCOUNT_CIRCUIT,
    quotable: frozenset[str] | None = None,
) -> AsyncGenerator[Fields, None]:
    """Every page of a list, in order. `circuit` and `quotable` as of `Call`. Raises ListingIncomplete when
    they never end.

    A row that goes while the pages are read moves those behind it forward, one of them from the next page onto one that
    has been read already. So when the total has shrunk, the page before is given once more.
    """
    number, last_total, again = 1, 0, Counter[int]()
    while number <= MOST_PAGES:
        asked = wire.page_params(number, **params)
        call = Call("GET", wire.path(path), params=asked, circuit=circuit, quotable=quotable)
        page = Fields(await http.call(call), path)
        yield page
        meta = page.inside("meta")
        total = meta.count("total_results")
        moved = number > 1 and total < last_total and again[number] < TWICE_MORE
        again[number] += moved
        last_total = total
        if not moved and number >= meta.count("total_pages"):
            return
        number += -1 if moved else 1
    raise ListingIncomplete(f"the pages of GET {wire.path(path)} never end")
