"""What carriers offer of a market now: a person's question, asked with that person's rights. Nothing is held or bought.

Each carrier is asked as an order asks it, area code by area code, and what it offers is looked at again by the same
rules: what an order would refuse is not shown, and the first offer is the one that an order would take first. Beyond
what a market says, a person may ask for digits or for nearness.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from ringfleet.carriers.carrier import Carrier
from ringfleet.carriers.search_filters import looks_through
from ringfleet.dryrun.account_access import Told, ask_each
from ringfleet.kube.client import Kube
from ringfleet.model import E164, AccountKey, Catalog, Market, Offer, Query, Unreadable
from ringfleet.model.digit_pattern import DigitPattern
from ringfleet.model.places import Position
from ringfleet.objects.number_order import market_queries
from ringfleet.plan.offer_choice import rank_offers


@dataclass(frozen=True, slots=True)
class Found:
    """What one carrier offers, in the order in which an order would take it, and the rows that can't be read."""

    offers: tuple[Offer, ...]
    unreadable: tuple[Unreadable, ...] = ()
    remark: str = ""
    """A sentence on what this carrier can't be asked for, and how it was looked for instead; empty: there is nothing to
    say."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person searches."""

    market: Market
    """What any order for such a market would search."""
    contains: DigitPattern | None = None
    """The digits that the numbers must have; None: any."""
    near: E164 | Position | None = None
    """What they must be near to; None: anywhere."""

    def queries(self) -> Iterator[Query]:
        """The searches, the preferred one first."""
        return (replace(one, contains=self.contains, near=self.near) for one in market_queries(self.market))


Answer = Told[Found]


async def search_carriers(
    kube: Kube, namespace: str, names: tuple[AccountKey, ...], wish: Wish, count: int
) -> tuple[Answer, ...]:
    """At most `count` offers of each of the named accounts, or of all in the namespace: as `ask_each`."""
    return await ask_each(kube, namespace, names, partial(offers_of, wish, count))


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
    if not lacking:
        return ""
    if catalog.looked_through is None:
        return f"This carrier's search can't be asked for {lacking}: its offers were looked through here."
    return (
        f"This carrier's search can't be asked for {lacking}: the first {catalog.looked_through} offers were looked "
        "through here, and there may be more behind them. An area code narrows the search."
    )
