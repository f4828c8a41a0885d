"""What an order may still buy when it runs, beside all else that its pool has or may have.

An order was within the limits when its pool made it. That may be long ago: it waited for an approval or for a carrier,
the limits were lowered, or it came back from a backup, without status and beside the very numbers that it had bought.
So it is counted again, by the arithmetic that made it, at the moment at which it chooses its numbers (promises 1 and
5). The other orders of the pool count in full, so that of several orders together none goes beyond a limit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ringfleet.model import AccountKey, Money
from ringfleet.model.asking import NOTHING, Ask, beyond
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_pool.on_demand import wanted_by
from ringfleet.plan.number_pool.plan import (
    PoolSeen,
    PoolWant,
    affordable,
    ask_of_place,
    match_on_demand,
    reserve,
    share_left,
    stock_lines,
    unmet_demands,
)
from ringfleet.plan.number_pool.spread import share_message
from ringfleet.plan.number_pool.supply import Demand, Supply, count_supply

NOT_NEEDED = "Nothing was bought: the pool has, or has on order, all the numbers that it asks for."
NOT_CLAIMED = "Nothing was bought: the claims that it was made for have a number, or have one on order, or are gone."
SET_ASIDE = "Nothing was bought: what is left of the budget is set aside for other orders of the pool."


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many numbers an order may buy, and for how much money. None of them: why, in a sentence."""

    count: int
    """How many; 0: none."""
    budget: Money | None = None
    """What their first month may cost; None: as much as the price caps let it."""
    left: Money | None = None
    """What each may cost a month by the quotas of the claims' namespace; None: they set no limit."""
    reason: Reason | None = None
    """Which limit leaves nothing; None: none does, or nothing is wanted."""
    message: str = ""
    """Why nothing may be bought; empty when something may."""


def allow(
    want: PoolWant,
    seen: PoolSeen,
    count: int,
    budget: Money | None,
    currency: str,
    now: datetime,
    ask: Ask = NOTHING,
    account: AccountKey | None = None,
    named: bool = False,
) -> Allowance:
    """Count what is left for one order of `count` numbers. Pure; `now` is timezone-aware UTC.

    `seen` is the pool without this order, and its room that of the quotas without it. `currency` is the order's, which
    the pool's may have left since. `ask`: what the claims ask for which alone it buys; NOTHING: it is for the stock.
    `account`: where it buys; None: that does not matter. `named`: a person has named its numbers, so that it buys them
    whether or not the pool lacks any.
    """
    if seen.ending:
        message = f"Nothing was bought, for it could not be written down: {seen.ending}."
        return Allowance(0, reason=Reason.ORDERING_FROZEN, message=message)
    supply = count_supply(want.limits, seen.numbers, seen.orders, now, seen.just_gone, seen.lots)
    claims = _for_claims(want, seen, ask, now)[:count] if ask != NOTHING else ()
    wanted = count if named else min(count, len(claims) + _for_stock(want, seen, supply, ask, now))
    if wanted == 0:
        return Allowance(0, message=NOT_NEEDED if ask == NOTHING or _is_of_a_share(want, ask) else NOT_CLAIMED)
    missing = _missing(want, seen, supply, now)
    share = share_left(want, seen, supply, max(missing, count) if named else missing, account) if account else None
    if account and share == 0:
        return Allowance(0, reason=Reason.SHARE_REACHED, message=f"Nothing was bought: {share_message(account)}")
    wanted = wanted if share is None else min(wanted, share)
    count, block = affordable(replace(want, batch_size=wanted), supply, seen.room, wanted)
    if block:
        return Allowance(0, reason=block.reason, message=f"Nothing was bought: {block.message}")
    if count == 0:
        return Allowance(0, message=SET_ASIDE)
    left = reserve(want.limits, supply, seen.room, count)
    if left is not None and left.currency != currency:
        message = (
            f"Nothing was bought: the order's limits are in {currency}, and those of its pool or namespace in "
            f"{left.currency}. The pool makes a new order in the currency of today."
        )
        return Allowance(0, reason=Reason.INVALID_SPEC, message=message)
    most = min((one.at_most for one in claims if one.at_most is not None), key=lambda money: money.amount, default=None)
    if left is None or (budget is not None and budget <= left):
        return Allowance(count, budget, most)
    return Allowance(count, left, most)


def _missing(want: PoolWant, seen: PoolSeen, supply: Supply, now: datetime) -> int:
    """How many numbers the pool lacks, for its stock and for all claims that have one ordered."""
    claims = match_on_demand(want, seen, now)
    return len(claims.unmet) + max(0, want.target - (supply.total - claims.met))


def _is_of_a_share(want: PoolWant, ask: Ask) -> bool:
    return any(ask_of_place(want.market, place) == ask for place in want.shares)


def _for_stock(want: PoolWant, seen: PoolSeen, supply: Supply, ask: Ask, now: datetime) -> int:
    """How many numbers the pool needs that such an order brings: for its stock, and, of its market, for claims that
    take any of it."""
    claims = match_on_demand(want, seen, now)
    missing = stock_lines(want, claims, max(0, want.target - (supply.total - claims.met)))
    if ask != NOTHING:
        return wanted_by(missing, ask)
    free = (claim for claim in claims.unmet if claim.quotas_of is None and claim.bundle is None)
    takers = sum(claim.is_met_by_all_of(want.market) for claim in free)
    return takers + wanted_by(missing, NOTHING)


def _for_claims(want: PoolWant, seen: PoolSeen, ask: Ask, now: datetime) -> tuple[Demand, ...]:
    """The claims of that kind that have nothing coming, the next one to be served first. What an order for the stock
    may bring is not for them: it would only be ordered for the stock once more, and would be of no area code that they
    wish."""
    others = tuple(order for order in seen.orders if order.ask != NOTHING or order.chosen or order.finished)
    unmet = unmet_demands(want, replace(seen, orders=others), now)
    return tuple(one for one in unmet if beyond(want.market, one.ask) == ask)
