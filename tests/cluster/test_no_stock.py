"""Nothing to buy, too dear, or too little money: the pool says which, and goes on when that changes."""

from __future__ import annotations

from typing import Any

from tests.cluster.stage import Stage

ELSEWHERE = {"country": "US", "type": "Geographic", "areaCodes": ["303"]}


def test_no_stock_says_what_was_searched_and_goes_on_by_itself_at_the_time_in_the_status(
    stage: Stage,
) -> None:
    stage.stock(0, "303")
    open_shop(stage)
    stage.pool(target=3, market=ELSEWHERE)
    short = stage.wait_reason("numberpool", "us-west", "NoStock", "StockShort")
    assert short["message"] == f"{stage.namespace}/sandbox offers no more numbers for US Geographic 303 with Voice."
    assert "nextAttemptTime" in stage.get("numberpool", "us-west")["status"]
    stage.stock(100, "303")
    stage.wait_ready()
    assert stage.condition("numberpool", "us-west", "StockShort") is None
    assert stage.bills() == dict.fromkeys(stage.numbers(), 1)


def test_offers_above_the_cap_are_not_taken_and_a_higher_cap_is_tried_before_the_announced_time(stage: Stage) -> None:
    open_shop(stage)
    stage.pool(target=2, limits={"maxMonthlyPrice": "1.50"})
    short = stage.wait_reason("numberpool", "us-west", "PriceAboveCap", "StockShort")
    assert "the cheapest is 1.99 USD a month and 0.00 USD once" in short["message"]
    assert stage.bills() == {}
    announced = stage.get("numberpool", "us-west")["status"]["nextAttemptTime"]
    stage.patch("numberpool", "us-west", limits={"maxMonthlyPrice": "1.99"})
    stage.wait_ready()
    assert stage.list("numberorders")[-1]["metadata"]["creationTimestamp"] < announced


def test_a_pool_never_spends_beyond_its_monthly_budget_and_says_so(stage: Stage) -> None:
    open_shop(stage)
    stage.pool(target=25, limits={"monthlyBudget": "20.00"}, ordering={"batchSize": 4})
    stage.wait_reason("numberpool", "us-west", "BudgetExhausted", "LimitReached")
    stage.wait_for(lambda: len(stage.numbers()) == 10, "the ten numbers that 20.00 pays")
    assert 20.00 - 1.99 < spent(stage) <= 20.00
    stage.patch("numberpool", "us-west", limits={"monthlyBudget": "24.00"})
    stage.wait_for(lambda: len(stage.numbers()) == 12, "two more of the higher budget")
    assert spent(stage) <= 24.00


def test_a_number_that_the_carrier_suspended_is_not_replaced_beyond_max_numbers(stage: Stage) -> None:
    open_shop(stage, sweepInterval="5s")
    stage.pool(target=3, limits={"maxNumbers": 3})
    stage.wait_ready()
    suspend_one(stage)
    reached = stage.wait_reason("numberpool", "us-west", "MaxNumbersReached", "LimitReached")
    assert "spec.limits.maxNumbers" in reached["message"]
    assert stage.get("numberpool", "us-west")["status"]["numbers"]["suspended"] == 1
    assert sum(stage.bills().values()) == 3


def test_an_empty_purse_stops_the_pool_with_a_reason_until_it_is_filled(stage: Stage) -> None:
    pay_in(stage, "5.00")
    open_shop(stage)
    stage.pool(target=4)
    stage.wait_reason("numberpool", "us-west", "InsufficientFunds")
    assert sum(stage.bills().values()) == 2
    pay_in(stage, "100.00")
    stage.patch("numberpool", "us-west", ordering={"batchSize": 50})
    stage.wait_ready()
    assert stage.bills() == dict.fromkeys(stage.numbers(), 1)


def open_shop(stage: Stage, **account: Any) -> None:
    stage.account(limits={"requestsPerSecond": 100}, **account)
    stage.profile()
    stage.start_operator()


def pay_in(stage: Stage, balance: str) -> None:
    account = {"token": stage.simulator.token, "id": "sandbox", "balance": balance}
    stage.simulator.control("POST", "accounts", account)


def suspend_one(stage: Stage) -> None:
    """Suspend a number at the carrier, as if by hand in its portal."""
    stage.at_carrier("POST", f"numbers/{stage.simulator.owned()[0]['id']}/suspend")


def spent(stage: Stage) -> float:
    return sum(float(entry["amount"]) for entry in stage.simulator.ledger())
