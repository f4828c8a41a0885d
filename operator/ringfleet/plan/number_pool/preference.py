"""In which turn a pool asks its carriers: by preference, and those of one preference by price.

::

    preference   1 before 2; a pool that gives none has its accounts in the order of its list
    cost         of a number in its first HORIZON months, setup included, on the average of those that an order would
                 take there first: of its area codes in their order, within the price caps
    not known    an account whose prices are being asked, or that is being reached for the first time, is waited for;
                 one that does not tell, or offers nothing that fits, comes after those of its preference whose cost is
                 known

Amounts of two currencies are never compared: an offer in another currency than the pool's is above its caps, and no
order takes it. Who has only such offers has no cost, and the pool says so (condition PriceUnknown).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ringfleet.model import AccountKey, Limits, Market, Money, Offer
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.number_pool.carriers import Block, Standings
from ringfleet.plan.offer_choice import rank_offers, within_caps

HORIZON = 12
"""Months over which the setup of a number is spread when carriers are compared by price."""
Ranks = Mapping[AccountKey, int]
"""Accounts in the order of the pool's list, each with its preference: the lowest is asked first."""


def ranks_of(carriers: Iterable[AccountKey], preferences: tuple[int, ...]) -> Ranks:
    """The preference of each account; where the pool gives none, its place in the list."""
    carriers = tuple(carriers)
    return dict(zip(carriers, preferences or range(1, len(carriers) + 1), strict=True))


def compared(ranks: Ranks) -> frozenset[AccountKey]:
    """The accounts of which the price decides, as another one has the same preference."""
    counts = Counter(ranks.values())
    return frozenset(account for account, rank in ranks.items() if counts[rank] > 1)


def in_turn(
    ranks: Ranks, accounts: Mapping[AccountKey, AccountSeen], market: Market, limits: Limits, count: int
) -> tuple[AccountKey, ...]:
    """The accounts as an order of `count` numbers of the market asks them; of equal ones the first of the list."""
    priced = compared(ranks)

    def place(account: AccountKey) -> tuple[int, int, object]:
        seen = accounts.get(account)
        if seen is None or account not in priced:
            return ranks[account], 2, 0
        if seen.prices_awaited or seen.blocked is Reason.ACCOUNT_NOT_READY:
            return ranks[account], 0, 0
        cost = cost_of(market, limits, seen.offered or (), count)
        return (ranks[account], 1, cost.amount) if cost else (ranks[account], 2, 0)

    return tuple(sorted(ranks, key=place))


def cost_of(market: Market, limits: Limits, offers: Iterable[Offer], count: int) -> Money | None:
    """What one of the `count` numbers, 1 at least, that an order would take of these costs in its first HORIZON months,
    on the average, in the currency of `limits`; None: it would take none."""
    taken = [offer.price for offer in rank_offers(market, offers) if within_caps(limits, offer.price)][:count]
    if not taken:
        return None
    total = Money.total((price.monthly * HORIZON + price.setup for price in taken), limits.currency)
    return replace(total, amount=total.amount / len(taken))


def costs_in(market: Market, offers: Iterable[Offer]) -> tuple[Money, ...]:
    """The same of all the offers, each currency by itself, sorted by it."""
    offers = tuple(offers)
    found = (cost_of(market, Limits(one), offers, len(offers)) for one in _currencies(market, offers))
    return tuple(filter(None, found))


def _currencies(market: Market, offers: Iterable[Offer]) -> list[str]:
    return sorted({offer.price.monthly.currency for offer in rank_offers(market, offers)})


def await_prices(standings: Standings, ranks: Ranks, accounts: Mapping[AccountKey, AccountSeen]) -> Standings:
    """The same, with those blocked that could be ordered from and have not told the prices by which they are chosen."""
    priced = compared(ranks)
    return {
        account: block or (_awaited(account) if account in priced and accounts[account].prices_awaited else None)
        for account, block in standings.items()
    }


def _awaited(account: AccountKey) -> Block:
    return Block(Reason.READING_PRICES, f"CarrierAccount {account} is being asked what it offers, and at which price.")


def unpriced(
    ranks: Ranks, accounts: Mapping[AccountKey, AccountSeen], market: Market, limits: Limits
) -> Iterator[Condition]:
    """What is said of accounts that are to be compared, and offer numbers in other currencies only."""
    found: dict[AccountKey, str] = {}
    for account in sorted(compared(ranks) & accounts.keys()):
        currencies = _currencies(market, accounts[account].offered or ())
        if currencies and limits.currency not in currencies:
            found[account] = f"CarrierAccount {account} offers numbers of the market in {', '.join(currencies)}"
    if found:
        message = (
            f"{'; '.join(found.values())}; the pool orders in {limits.currency} (spec.limits.currency). Prices in two "
            "currencies are not compared, and nothing is ordered there: give accounts of one currency one preference."
        )
        yield Condition("PriceUnknown", True, Reason.PRICE_UNKNOWN, message)
