"""What an order may still buy when it runs: the pool's own arithmetic, at another moment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ringfleet.model import Limits, Money, Phase
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_pool.allowance import NOT_NEEDED, SET_ASIDE, Allowance, allow
from ringfleet.plan.number_pool.supply import Room
from tests.plan.builders import NOW, a_pool, a_world, an_order, digits, dollars, limits, numbers

CAPS = {"max_monthly": 2, "max_setup": 1}


def refused(reason: Reason | None, message: str = "") -> Allowance:
    return Allowance(0, reason=reason, message=message)


@pytest.mark.parametrize(
    ("want", "seen", "count", "budget", "expected"),
    [
        pytest.param({}, {}, 10, None, Allowance(10), id="nothing is there"),
        pytest.param({"batch_size": 2}, {}, 10, None, Allowance(10), id="a batch is no limit of what is made"),
        pytest.param({}, {"numbers": numbers(7)}, 5, None, Allowance(3), id="the rest of the target"),
        pytest.param({}, {"numbers": numbers(10)}, 5, None, refused(None, NOT_NEEDED), id="all is there"),
        pytest.param({}, {"numbers": numbers(7), "on_demand": 1}, 5, None, Allowance(4), id="and those asked for"),
        pytest.param({}, {"orders": (an_order(2, count=8),)}, 5, None, Allowance(2), id="another order has the rest"),
        pytest.param({"limits": limits(max_numbers=8)}, {"numbers": numbers(7)}, 5, None, Allowance(1), id="maximum"),
        pytest.param(
            {"limits": limits(max_numbers=8)},
            {"numbers": numbers(8, Phase.BOUND)},
            5,
            None,
            refused(Reason.MAX_NUMBERS_REACHED),
            id="the maximum is held",
        ),
        pytest.param(
            {}, {"ending": "its namespace goes"}, 5, None, refused(Reason.ORDERING_FROZEN), id="it can't be recorded"
        ),
        pytest.param(
            {},
            {"numbers": numbers(8, Phase.RELEASING, staying=True), "just_gone": frozenset({digits(9)})},
            5,
            None,
            Allowance(1),
            id="what may stay is supply",
        ),
        pytest.param({}, {"room": Room(numbers=1)}, 5, None, Allowance(1), id="quota"),
        pytest.param({}, {"room": Room(full="Full.")}, 5, None, refused(Reason.QUOTA_EXCEEDED), id="full quota"),
        pytest.param(
            {"limits": limits(monthly_budget=20)}, {}, 5, dollars(15), Allowance(5, dollars(15)), id="its own budget"
        ),
        pytest.param(
            {"limits": limits(monthly_budget=20)},
            {"numbers": numbers(4)},
            5,
            dollars(15),
            Allowance(5, dollars(12)),
            id="what is left of the budget",
        ),
        pytest.param(
            {"limits": limits(monthly_budget=8)},
            {"numbers": numbers(4)},
            5,
            dollars(15),
            refused(Reason.BUDGET_EXHAUSTED),
            id="nothing is left of it",
        ),
        pytest.param(
            {"limits": limits(monthly_budget=8)},
            {"orders": (an_order(2, budget=dollars(8)),)},
            5,
            dollars(8),
            refused(None, SET_ASIDE),
            id="it is set aside for another order",
        ),
        pytest.param(
            {"limits": limits(monthly_budget=20, **CAPS)}, {}, 5, None, Allowance(5, dollars(15)), id="a budget is new"
        ),
    ],
)
def test_an_order_buys_what_is_left_beside_all_others(
    want: dict[str, Any], seen: dict[str, Any], count: int, budget: Money | None, expected: Allowance
) -> None:
    found = allow(a_pool(**want), a_world(**seen), count, budget, "USD", NOW)
    if expected.count == 0 and not expected.message:
        assert found.message.startswith("Nothing was bought")
        found = replace(found, message="")
    assert found == expected


def test_a_pool_that_reckons_in_another_currency_by_now_is_no_measure_for_the_order() -> None:
    euros = Limits("EUR", monthly_budget=Money.parse(20, "EUR"))
    found = allow(a_pool(limits=euros), a_world(), 5, dollars(15), "USD", NOW)
    assert (found.count, found.reason) == (0, Reason.INVALID_SPEC)
