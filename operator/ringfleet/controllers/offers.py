"""What carriers offer of a market now. Nothing is held or bought.

Each carrier is asked as an order asks it, area code by area code, and what it offers is looked at again by the same
rules: what an order would refuse is not shown, and the first offer is the one that an order would take first. Beyond
what a market says, a person may ask for digits or for nearness.
"""

from __future__ import annotations

from ringfleet.carriers.carrier import Carrier
from ringfleet.carriers.search_filters import looks_through
from ringfleet.model import Catalog, Offer, Query, Unreadable
from ringfleet.objects.offers import Found, Wish
from ringfleet.plan.offer_choice import rank_offers


async def offers_of(wish: Wish, count: int, carrier: Carrier) -> Found:
    """One area code after the other, until there are enough that fit."""
    offers: list[Offer] = []
    unreadable: list[Unreadable] = []
    remarks: dict[str, None] = {}
    for query in wish.queries():
        catalog = await carrier.search(query, count)
        offers = rank_offers(wish.market, (*offers, *catalog.offers))
        unreadable += catalog.unreadable
        remarks |= dict.fromkeys(filter(None, (_remark(carrier, query, catalog),)))
        if len(offers) >= count:
            break
    return Found(tuple(offers[:count]), tuple(unreadable), " ".join(remarks))


def _remark(carrier: Carrier, query: Query, catalog: Catalog) -> str:
    """What the carrier could not be asked for: what it offers was looked through here."""
    lacking = " and ".join(looks_through(carrier.abilities, query))
    if catalog.age is not None:
        return f"Search is down at this carrier: this is what it offered {catalog.age:.0f} seconds ago."
    if not lacking:
        return ""
    if catalog.looked_through is None:
        return f"This carrier's search can't be asked for {lacking}: its offers were looked through here."
    return (
        f"This carrier's search can't be asked for {lacking}: the first {catalog.looked_through} offers were looked "
        "through here, and there may be more behind them. An area code narrows the search."
    )
