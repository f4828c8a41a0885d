"""The last look at a finished plan: an order that would break a promise is taken out, and the plan says so.

This recounts on its own what `plan/number_pool/plan.py` has already kept to, so that a mistake there costs a refused
order and a condition, not money (promises 1 and 5).
"""

from __future__ import annotations

from dataclasses import replace

from ringfleet.model.asking import NOTHING, Ask, can_give, narrow
from ringfleet.plan.conditions import Reason, not_ready, stalled
from ringfleet.plan.number_pool.carriers import OrderIntent
from ringfleet.plan.number_pool.plan import CreateOrder, PoolPlan, PoolSeen, PoolWant, StartOrder, ask_of_place
from ringfleet.plan.number_pool.shares import apportion, weights_of

MAX_ITEMS = 100


def refuse_unsafe(want: PoolWant, seen: PoolSeen, plan: PoolPlan) -> PoolPlan:
    """The plan without any order that breaks a limit, and with a condition that names the limit."""
    starts = [action for action in plan.actions if isinstance(action, StartOrder | CreateOrder)]
    broken = [why for start in starts if (why := _reused(seen, start) or _broken(want, seen, plan, start.intent))]
    if len(starts) > 1:
        broken.append("it starts two orders at once")
    if not broken:
        return plan
    message = f"An order was planned and refused, because {broken[0]}. This is a defect of Ringfleet: please report it."
    return replace(
        plan,
        actions=tuple(action for action in plan.actions if action not in starts),
        top_up=seen.top_up,
        conditions=(not_ready(Reason.UNSAFE_PLAN, message), stalled(Reason.UNSAFE_PLAN, message)),
    )


def _reused(seen: PoolSeen, start: StartOrder | CreateOrder) -> str | None:
    """A new intent needs a new sequence; an order that is created needs the very intent that was written."""
    used = max(seen.top_up.sequence, *(order.sequence for order in seen.orders), 0)
    if isinstance(start, StartOrder):
        return "its sequence was used before" if start.intent.sequence <= used else None
    return "it is not the one that was written" if start.intent != seen.top_up.intent else None


def _broken(want: PoolWant, seen: PoolSeen, plan: PoolPlan, intent: OrderIntent) -> str | None:
    """`want.target` is the one that was planned with: the forecast's, where size.mode is Forecast."""
    supply, limits = plan.supply, want.limits
    if not 1 <= intent.count <= MAX_ITEMS:
        return f"it has {intent.count} items and not 1 to {MAX_ITEMS}"
    if supply.total + intent.count > max(want.target, supply.total - plan.claimed) + len(seen.on_demand):
        return "it would go beyond the target"
    if intent.ask.account not in (None, intent.account):
        return "its claims ask for another account"
    claims = sum(_takes_one_of(want, ask, intent.ask) for ask in seen.on_demand)
    if intent.ask != NOTHING and intent.count > claims + _of_shares(want, intent.ask):
        return "no claim waits for so many of its kind"
    if limits.max_numbers is not None and supply.held + intent.count > limits.max_numbers:
        return "it would go beyond spec.limits.maxNumbers"
    size = supply.held + max(plan.shortfall, intent.count)
    size = size if limits.max_numbers is None else min(size, limits.max_numbers)
    held = supply.held_at(*seen.objects_of(intent.account))
    if want.max_share is not None and held + intent.count >= want.max_share * size + 1:
        return "it would go beyond spec.spread.maxShare"
    if limits.monthly_budget is None:
        return None
    if intent.budget is None or not supply.committed + intent.budget <= limits.monthly_budget:
        return "it would go beyond spec.limits.monthlyBudget"
    return None


def _of_shares(want: PoolWant, order: Ask) -> int:
    """The most that the shares of such an order's places are of the target."""
    wanted = apportion(want.target, weights_of(want.shares)) if want.shares else ()
    places = zip(want.shares, wanted, strict=False)
    return sum(many for place, many in places if ask_of_place(want.market, place) == order)


def _takes_one_of(want: PoolWant, claim: Ask, order: Ask) -> bool:
    """Whether the claim can take whatever such an order brings."""
    if (claim.bundle, claim.account) != (order.bundle, order.account) or not can_give(want.market, order):
        return False
    return claim.anywhere.is_met_by_all_of(narrow(want.market, order))
