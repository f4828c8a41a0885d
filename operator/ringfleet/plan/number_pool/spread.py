"""How a pool is spread over its accounts: from none is ordered beyond its share.

::

    size   = what the pool holds or has on order + what it still wants, but no more than limits.maxNumbers
    share  = size x spread.maxShare, rounded up, so that a pool of one can be filled
    left   = share - what the account has of the pool, on order and in doubt included

An account is that at the carrier: what the pool has of it through another CarrierAccount, as one that was replaced,
counts too (`AccountSeen.same_as`). A number of which nobody knows the account counts for each. The share bounds orders
only: a pool whose other accounts have lost their numbers, or that has become smaller, goes on holding what it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal

from ringfleet.model import AccountKey, Limits
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_pool.carriers import Block, Standings
from ringfleet.plan.number_pool.supply import Supply


def size_of(limits: Limits, supply: Supply, missing: int) -> int:
    """How many numbers the pool has when the `missing` ones are there too."""
    size = supply.held + missing
    return size if limits.max_numbers is None else max(supply.held, min(size, limits.max_numbers))


def left_at(max_share: Decimal | None, held: int, size: int) -> int | None:
    """How many more numbers of a pool of `size` an account may bring that has `held` of it, 0 at least; None: as many
    as there are."""
    if max_share is None:
        return None
    share = int((max_share * size).to_integral_value(ROUND_CEILING))
    return max(0, share - held)


def spread_out(standings: Standings, left: Mapping[AccountKey, int | None]) -> Standings:
    """The same, with those blocked that have their share of the pool."""
    return {account: block or _full(account, left[account]) for account, block in standings.items()}


def _full(account: AccountKey, left: int | None) -> Block | None:
    return Block(Reason.SHARE_REACHED, share_message(account)) if left == 0 else None


def share_message(account: AccountKey) -> str:
    return (
        f"CarrierAccount {account} has its share of the pool (spec.spread.maxShare): the others are to bring what is "
        "missing, or raise the share."
    )
