"""What the scale subresource says is held of what is asked for: the same quantity in both."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import Capability, Phase
from ringfleet.model.asking import NOTHING
from ringfleet.plan.number_pool.carriers import TopUp
from ringfleet.plan.number_pool.plan import PoolSeen, PoolWant, plan_pool
from ringfleet.plan.number_pool.scale import stock_held
from tests.plan.builders import NOW, a_pool, a_world, an_ask, an_order, numbers

TEXTS, IN_212 = an_ask(Capability.SMS), an_ask(codes="212", required=True)
"""What no free number of these pools has; and what they order for a claim, and what they never do."""


def held(want: PoolWant, seen: PoolSeen, asked: int | None = None) -> int:
    plan = plan_pool(want, seen, NOW)
    return stock_held(want.target if asked is None else asked, want, plan)


@pytest.mark.parametrize(
    ("want", "seen", "expected"),
    [
        pytest.param(a_pool(3), a_world(numbers=(*numbers(3), *numbers(4, Phase.BOUND, first=9))), 3, id="at rest"),
        pytest.param(a_pool(0), a_world(numbers=numbers(4, Phase.BOUND)), 0, id="none is asked for"),
        pytest.param(a_pool(3), a_world(numbers=numbers(2)), 3, id="one was bound, and is ordered anew"),
        pytest.param(
            a_pool(3), a_world(numbers=(*numbers(1), *numbers(2, Phase.ORDERING, first=5))), 3, id="it is ordered"
        ),
        pytest.param(a_pool(9, minimum=2), a_world(numbers=numbers(4)), 9, id="it runs down to the low watermark"),
        pytest.param(a_pool(9, minimum=2), a_world(numbers=numbers(1)), 9, id="under it, all is ordered"),
        pytest.param(a_pool(9, suspended=True), a_world(numbers=numbers(4)), 4, id="nothing is ordered"),
        pytest.param(a_pool(3), a_world(numbers=numbers(5)), 5, id="a surplus"),
        pytest.param(
            a_pool(3), a_world(numbers=numbers(5, Phase.ORDERING), on_demand=2), 3, id="what is on its way for claims"
        ),
        pytest.param(
            a_pool(3), a_world(orders=(an_order(count=5),), on_demand=2, top_up=TopUp(1)), 3, id="ordered with it"
        ),
        pytest.param(a_pool(0, suspended=True), a_world(on_demand=2), 0, id="never less than none"),
        pytest.param(
            a_pool(3), a_world(numbers=numbers(5), on_demand=2), 3, id="what is there for claims is none of it"
        ),
        pytest.param(a_pool(3), a_world(numbers=numbers(3), on_demand=(TEXTS,)), 3, id="an order for a claim is none"),
        pytest.param(a_pool(3), a_world(numbers=numbers(3), on_demand=(IN_212,)), 3, id="a claim that gets none"),
        pytest.param(
            a_pool(3, suspended=True),
            a_world(numbers=numbers(3), on_demand=(TEXTS, NOTHING)),
            2,
            id="one that takes one",
        ),
    ],
)
def test_what_is_held_is_of_the_kind_of_what_is_asked_for(want: PoolWant, seen: PoolSeen, expected: int) -> None:
    assert held(want, seen) == expected


@pytest.mark.parametrize(("stock", "expected"), [(12, 5), (14, 7), (11, 5), (3, 3)])
def test_what_a_forecast_adds_is_no_stock_that_was_asked_for(stock: int, expected: int) -> None:
    """The target is 5, the forecast makes 12 of it, and nothing can be ordered."""
    assert held(a_pool(12, suspended=True), a_world(numbers=numbers(stock)), asked=5) == expected


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 30))
def test_what_claims_take_moves_nothing_while_numbers_can_be_had(target: int, minimum: int, bound: int) -> None:
    """However many of a full stock are bound, an autoscaler that writes back what it reads leaves the target alone."""
    want = a_pool(target, minimum=min(minimum, target))
    taken = min(bound, target)
    seen = a_world(numbers=(*numbers(target - taken), *numbers(bound, Phase.BOUND, first=100)))
    assert held(want, seen) == target
