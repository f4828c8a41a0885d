"""`ringfleet order` buys the very numbers that a person names."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.cli.conftest import Ringfleet, Said
from tests.cluster.stage import Stage


def offered(ringfleet: Ringfleet, count: int) -> list[str]:
    said = ringfleet("search", "US", "--area-code", "415", "--count", str(count), "-o", "json")
    return [one["number"] for one in said.json["carriers"][0]["offers"]]


def ordered(ringfleet: Ringfleet, *arguments: str) -> Said:
    return ringfleet("order", "--pool", "us-west", *arguments, "-o", "json")


def outcomes(told: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(item["state"], item["reason"]) for item in told["items"]]


@pytest.mark.parametrize("provider", ["DIDHub", "Twilio", "Telnyx"])
def test_named_numbers_are_bought_one_that_is_gone_says_so_and_the_others_go_on(
    stage: Stage, ringfleet: Ringfleet, provider: str
) -> None:
    stage.account_at(provider)
    stage.profile()
    stage.pool(target=0)
    first, gone, last = offered(ringfleet, 3)
    stage.simulator.control("POST", "snap", {"numbers": [gone]})
    stage.start_operator()
    said = ordered(ringfleet, last, gone, first, "--wait")
    assert said.exit_code == 1
    assert outcomes(said.json) == [("Provisioned", None), ("Failed", "NotOffered"), ("Provisioned", None)]
    assert (said.json["created"], said.json["ready"], said.json["reason"]) == (True, True, "Complete")
    assert f"does not offer {gone}" in said.json["message"]
    assert stage.bills() == {first: 1, last: 1}
    again = ordered(ringfleet, first, gone, last)
    assert (again.json["created"], again.json["order"]) == (False, said.json["order"])
    stage.wait_for(lambda: len(stage.numbers()) == 2, "the objects of both numbers")


def test_two_people_order_one_number_and_one_gets_it_and_the_other_is_told(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.account()
    stage.profile()
    stage.pool(target=0)
    (number,) = offered(ringfleet, 1)
    for name in ("hers", "his"):
        assert ordered(ringfleet, number, "--name", name).exit_code == 0
    stage.start_operator()
    told = [ordered(ringfleet, number, "--name", name, "--wait").json for name in ("hers", "his")]
    assert sorted(outcomes(one)[0][0] for one in told) == ["Failed", "Provisioned"]
    (loser,) = (one for one in told if outcomes(one) != [("Provisioned", None)])
    assert outcomes(loser) == [("Failed", "AlreadyHeld")]
    assert (loser["ready"], loser["reason"]) == (False, "OrderRefused")
    assert number in loser["items"][0]["message"]
    assert stage.bills() == {number: 1}


def test_a_must_that_no_number_has_and_what_is_no_order_are_told(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.account()
    stage.profile()
    market = {"country": "US", "type": "Geographic", "capabilities": ["Voice", "Fax"]}
    stage.pool(target=0, market=market, limits={"maxNumbers": 5})
    (number,) = offered(ringfleet, 1)
    stage.start_operator()
    said = ordered(ringfleet, number, "--wait")
    assert outcomes(said.json) == [("Failed", "NotOfMarket")]
    assert f"{number} can't do what the market asks for: Fax" in said.json["items"][0]["message"]
    assert stage.bills() == {}
    as_yaml = ringfleet("order", "--pool", "us-west", number, "-o", "yaml")
    assert yaml.safe_load(as_yaml.out) == {**said.json, "created": False}
    for arguments, complaint in (
        ((number, number), f"named twice: {number}"),
        (("+1415",), "'+1415' is not a possible phone number"),
        ((number, "--account", "other"), "/other is none of the carriers of NumberPool"),
        ((number, "--name", "us-west-3"), "metadata.name must not be the pool's name and a count"),
    ):
        wrong = ordered(ringfleet, *arguments)
        assert (wrong.exit_code, wrong.out) == (1, "")
        assert complaint in wrong.err
    nowhere = ringfleet("order", "--pool", "nowhere", number)
    assert "NumberPool" in nowhere.err
    assert "does not exist" in nowhere.err
