"""What carriers offer of a market now: a person's question, asked with that person's rights. Nothing is held or bought.

Each carrier is asked as an order asks it, area code by area code, and what it offers is looked at again by the same
rules: what an order would refuse is not shown, and the first offer is the one that an order would take first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ringfleet.carriers.carrier import Carrier
from ringfleet.dryrun.account_access import Told, ask_each
from ringfleet.kube.client import Kube
from ringfleet.model import AccountKey, Market, Offer, Unreadable
from ringfleet.objects.number_order import market_queries
from ringfleet.plan.offer_choice import rank_offers


@dataclass(frozen=True, slots=True)
class Found:
    """What one carrier offers, in the order in which an order would take it, and the rows that can't be read."""

    offers: tuple[Offer, ...]
    unreadable: tuple[Unreadable, ...] = ()


Answer = Told[Found]


async def search_carriers(
    kube: Kube, namespace: str, names: tuple[AccountKey, ...], market: Market, count: int
) -> tuple[Answer, ...]:
    """At most `count` offers of each of the named accounts, or of all in the namespace: as `ask_each`."""
    return await ask_each(kube, namespace, names, partial(offers_of, market, count))


async def offers_of(market: Market, count: int, carrier: Carrier) -> Found:
    """One area code after the other, until there are enough that fit."""
    offers: list[Offer] = []
    unreadable: list[Unreadable] = []
    for query in market_queries(market):
        catalog = await carrier.search(query, count)
        offers = rank_offers(market, (*offers, *catalog.offers))
        unreadable += catalog.unreadable
        if len(offers) >= count:
            break
    return Found(tuple(offers[:count]), tuple(unreadable))
