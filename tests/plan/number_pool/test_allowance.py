"""What an order may still buy when it runs: the pool's own arithmetic, at another moment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ringfleet.model import Capability, Limits, Money, Phase
from ringfleet.model.asking import NOTHING, narrow
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_pool.allowance import NOT_CLAIMED, NOT_NEEDED, SET_ASIDE, Allowance, allow
from ringfleet.plan.number_pool.supply import Room
from tests.plan.builders import MARKET, NOW, a_pool, a_world, an_ask, an_order, digits, dollars, limits, numbers

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


SMS = an_ask(Capability.SMS)
TEXTS = narrow(MARKET, SMS)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param({"on_demand": [SMS, SMS]}, Allowance(2), id="both claims wait still"),
        pytest.param({"on_demand": [SMS]}, Allowance(1), id="one of them is gone"),
        pytest.param({}, refused(None, NOT_CLAIMED), id="both are gone, and the stock has orders of its own"),
        pytest.param({"on_demand": [NOTHING]}, refused(None, NOT_CLAIMED), id="one that asks otherwise has its own"),
        pytest.param(
            {"on_demand": [SMS], "orders": (an_order(2, count=1, ask=SMS, market=TEXTS),)},
            refused(None, NOT_CLAIMED),
            id="another order brings it",
        ),
        pytest.param(
            {"on_demand": [SMS], "orders": (an_order(2, count=9),)}, Allowance(1), id="one for the stock does not"
        ),
    ],
)
def test_an_order_for_claims_buys_for_those_that_wait_when_it_runs(seen: dict[str, Any], expected: Allowance) -> None:
    assert allow(a_pool(9), a_world(**seen), 2, None, "USD", NOW, SMS) == expected


def test_an_order_for_an_area_code_that_a_claim_wishes_and_one_for_the_stock_do_not_wait_for_each_other() -> None:
    wish = an_ask(codes="628")
    stock, claims = an_order(2, count=1), an_order(1, count=1, ask=wish, market=narrow(MARKET, wish))
    seen = a_world(on_demand=[wish])
    assert allow(a_pool(1), replace(seen, orders=(stock,)), 1, None, "USD", NOW, wish) == Allowance(1)
    assert allow(a_pool(1), replace(seen, orders=(claims,)), 1, None, "USD", NOW) == Allowance(1)
