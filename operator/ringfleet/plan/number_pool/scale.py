"""The free stock of a pool, as the scale subresource has it: the same quantity as spec.size.target, which scaling sets.

An autoscaler that finds nothing to do writes `status.replicas` back into the target, so that a stock which is as wished
has to be the target exactly, however much of it is being bound::

    supply, without what is there or on its way for claims, and with what of the order that starts is not for claims
      above the target                      the target, and what is too much
      from the low watermark to the target  the target: so far it is left to run down, and filled up at once from there
      while it is being filled              what there is

A forecast raises the target that a pool works by and not the one that was written: what it adds is no stock that an
autoscaler has asked for, and counts only beyond it.
"""

from __future__ import annotations

from ringfleet.model.asking import NOTHING
from ringfleet.plan.number_pool.on_demand import wanted_by
from ringfleet.plan.number_pool.plan import CreateOrder, PoolPlan, PoolWant, StartOrder


def stock_held(asked: int, want: PoolWant, plan: PoolPlan) -> int:
    """How much of the stock is held. `asked`: the target of the spec; `want` has the one that the pool works by."""
    stock = plan.supply.total - plan.claimed + _starting(plan)
    if stock > want.target:
        return asked + stock - want.target
    if stock >= want.minimum and not plan.top_up.filling:
        return asked
    return min(stock, asked)


def _starting(plan: PoolPlan) -> int:
    """How many numbers of the order that starts are for the stock. Claims that take any number come before it."""
    starts = (one.intent for one in plan.actions if isinstance(one, StartOrder | CreateOrder))
    for_claims = wanted_by(plan.lines, NOTHING) - wanted_by(plan.stock, NOTHING)
    return sum(max(0, intent.count - for_claims) for intent in starts if intent.ask == NOTHING)
