"""The last look at a finished plan: every broken promise is caught, even where the plan would be wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ringfleet.model import Capability, Phase
from ringfleet.plan.conditions import Reason, not_ready, stalled
from ringfleet.plan.number_pool.carriers import OrderIntent, TopUp
from ringfleet.plan.number_pool.last_check import refuse_unsafe
from ringfleet.plan.number_pool.plan import Action, CreateOrder, PoolSeen, PoolWant, StartOrder, TrimOrder, plan_pool
from tests.plan.builders import MAIN, NOW, a_pool, a_world, an_ask, an_order, dollars, limits, numbers

SMS = an_ask(Capability.SMS)
TRIM = TrimOrder("west-0")


def start(count: int = 1, sequence: int = 8, budget: int | None = None) -> StartOrder:
    return StartOrder(OrderIntent(sequence, MAIN, count, None if budget is None else dollars(budget)))


def create(count: int = 1, sequence: int = 7) -> CreateOrder:
    return CreateOrder(OrderIntent(sequence, MAIN, count))


@pytest.mark.parametrize(
    ("want", "seen", "actions", "why"),
    [
        (a_pool(), a_world(top_up=TopUp(8)), [start()], "its sequence was used before"),
        (a_pool(), a_world(orders=(an_order(9),)), [start()], "its sequence was used before"),
        (a_pool(), a_world(), [start(0)], "it has 0 items and not 1 to 100"),
        (a_pool(500), a_world(), [start(101)], "it has 101 items and not 1 to 100"),
        (a_pool(5), a_world(numbers=numbers(4)), [start(2)], "it would go beyond the target"),
        (
            a_pool(5, limits=limits(max_numbers=5)),
            a_world(numbers=numbers(4, Phase.BOUND)),
            [start(2)],
            "it would go beyond spec.limits.maxNumbers",
        ),
        (
            a_pool(limits=limits(monthly_budget=9)),
            a_world(numbers=numbers(4)),
            [start(budget=2)],
            "it would go beyond spec.limits.monthlyBudget",
        ),
        (a_pool(limits=limits(monthly_budget=9)), a_world(), [start()], "it would go beyond spec.limits.monthlyBudget"),
        (a_pool(), a_world(), [start(), start(sequence=9)], "it starts two orders at once"),
        (a_pool(5), a_world(top_up=TopUp(7, create(6).intent)), [create(6)], "it would go beyond the target"),
        (
            a_pool(9),
            a_world(on_demand=[SMS]),
            [StartOrder(OrderIntent(8, MAIN, 2, ask=SMS))],
            "no claim waits for so many of its kind",
        ),
        (a_pool(), a_world(top_up=TopUp(7, create(2).intent)), [create(3)], "it is not the one that was written"),
        (a_pool(), a_world(top_up=TopUp(7)), [create()], "it is not the one that was written"),
    ],
)
def test_an_order_that_breaks_a_promise_is_taken_out(
    want: PoolWant, seen: PoolSeen, actions: list[Action], why: str
) -> None:
    plan = replace(plan_pool(want, seen, NOW), actions=(*actions, TRIM))
    refused = refuse_unsafe(want, seen, plan)
    message = f"An order was planned and refused, because {why}. This is a defect of Ringfleet: please report it."
    assert refused.actions == (TRIM,)
    assert refused.top_up == seen.top_up
    assert refused.conditions == (not_ready(Reason.UNSAFE_PLAN, message), stalled(Reason.UNSAFE_PLAN, message))


@pytest.mark.parametrize(
    ("want", "seen"),
    [
        (a_pool(), a_world()),
        (a_pool(500), a_world(numbers=numbers(1))),
        (a_pool(limits=limits(max_numbers=10, monthly_budget=9)), a_world()),
        (a_pool(), a_world(top_up=TopUp(7, create().intent, ordered=False))),
        (a_pool(), a_world(numbers=numbers(10))),
        (a_pool(1), a_world(numbers=numbers(5), on_demand=[SMS])),
    ],
)
def test_a_plan_that_keeps_its_promises_passes_unchanged(want: PoolWant, seen: PoolSeen) -> None:
    plan = plan_pool(want, seen, NOW)
    assert refuse_unsafe(want, seen, plan) == plan
