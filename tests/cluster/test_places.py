"""A pool whose numbers are of states and area codes, in shares."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.cluster.stage import Stage

US = {"country": "US", "type": "Geographic"}
SHARES = [{"areaCode": "415", "percent": 50}, {"region": "NY", "percent": 30}, {"areaCode": "312", "percent": 20}]


def test_free_numbers_are_spread_by_share_and_each_place_that_claims_take_from_is_filled_again(stage: Stage) -> None:
    stage.account()
    stage.profile()
    stage.pool(market=US, size={"target": 10, "shares": SHARES})
    stage.start_operator()
    stage.wait_ready()
    assert by_code(stage) == {"415": 5, "212": 3, "312": 2}
    stage.claim("one", "two", areaCode="212", areaCodeRequired=True)
    stage.wait_for(lambda: free_by_place(stage) == {"415": 5, "NY": 3, "312": 2}, "New York to be filled again")
    stage.wait_for(lambda: by_code(stage) == {"415": 5, "212": 5, "312": 2}, "two more of New York")
    assert set(stage.bills().values()) == {1}


def test_a_place_without_stock_is_named_and_the_others_are_filled(stage: Stage) -> None:
    stage.stock(1, "312")
    stage.account()
    stage.profile()
    stage.pool(market=US, size={"target": 10, "shares": SHARES})
    stage.start_operator()
    said = stage.wait_reason("numberpool", "us-west", "PlacesShort", "PlacesShort")
    assert "(spec.size.shares): 312. " in said["message"]
    assert "offers no more numbers for US Geographic 312" in said["message"]
    stage.wait_for(lambda: by_code(stage) == {"415": 5, "212": 3, "312": 1}, "the others to be filled")
    stage.stock(50, "312")
    stage.wait_ready()
    stage.wait_gone("numberpool", "us-west", "PlacesShort")


def test_a_market_of_states_is_bought_there_the_preferred_one_first(stage: Stage) -> None:
    for code in ("212", "646"):
        stage.stock(1, code)
    stage.account()
    stage.profile()
    stage.pool(market={**US, "regions": ["NY", "CA"]}, target=4)
    stage.start_operator()
    stage.wait_ready()
    assert {code: many for code, many in by_code(stage).items() if code in {"212", "646"}} == {"212": 1, "646": 1}
    assert set(by_code(stage)) <= {"212", "646", "415", "628"}


def by_code(stage: Stage) -> Counter[str]:
    return Counter(number[2:5] for number in stage.numbers())


def free_by_place(stage: Stage) -> dict[str, Any]:
    places = stage.get("numberpool", "us-west")["status"].get("places", ())
    return {one["name"]: one["held"] for one in places}
