"""`ringfleet search` shows what carriers offer, as an order would choose from it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import Ringfleet
from tests.cluster.stage import Stage, a_pool, a_profile

NOWHERE = "http://127.0.0.1:9"


def found(ringfleet: Ringfleet, *arguments: str) -> list[dict[str, Any]]:
    """The offers of the first account."""
    offers: list[dict[str, Any]] = ringfleet("search", *arguments, "-o", "json").json["carriers"][0]["offers"]
    return offers


@pytest.mark.parametrize("provider", ["DIDHub", "Twilio", "Telnyx"])
def test_the_first_offers_are_those_that_a_plan_would_buy(
    stage: Stage, ringfleet: Ringfleet, folder: Path, provider: str
) -> None:
    stage.account_at(provider)
    offers = found(ringfleet, "us", "--area-code", "415", "--area-code", "212", "--capability", "voice", "--count", "3")
    assert [one["areaCode"] for one in offers] == ["415"] * 3
    assert all("Voice" in one["capabilities"] and one["currency"] == "USD" for one in offers)
    market = {"country": "US", "type": "Geographic", "areaCodes": ["415", "212"], "capabilities": ["Voice"]}
    manifests = [a_profile("front-desk", "sip:pbx.example.com"), a_pool("us-west", 3, market=market)]
    (folder / "all.yaml").write_text(yaml.safe_dump_all(manifests))
    planned = ringfleet("plan", "-f", str(folder), "-o", "json").json["pools"][0]["bought"]
    prices = [[(one["number"], one["monthly"], one["setup"]) for one in many] for many in (offers, planned)]
    assert prices[0] == prices[1]
    assert stage.list("numberorders") == []


@pytest.mark.parametrize("provider", ["DIDHub", "Twilio", "Telnyx"])
def test_search_by_state_city_and_digits_at_every_face(stage: Stage, ringfleet: Ringfleet, provider: str) -> None:
    stage.account_at(provider)
    said = ringfleet("search", "US", "--region", "ny", "--contains", "2*3", "--count", "3", "-o", "json")
    (told,) = said.json["carriers"]
    assert {one["areaCode"] for one in told["offers"]} <= {"212", "646"}
    assert len(told["offers"]) == 3
    assert all(re.search("2[0-9]3", one["number"][2:]) for one in told["offers"])
    lacking = "This carrier's search can't be asked for a state and digits of the number: "
    assert (told["remark"] or "").startswith(lacking) is (provider == "DIDHub")
    assert {one["region"] for one in found(ringfleet, "US", "--locality", "denver")} <= {"Denver, CO"}
    as_yaml = ringfleet("search", "US", "--region", "NY", "--contains", "2*3", "--count", "3", "-o", "yaml")
    assert yaml.safe_load(as_yaml.out) == said.json


def test_nearness_is_answered_where_the_carrier_can_and_said_where_it_can_t(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.account_at("Twilio")
    stage.account("hub")
    said = ringfleet("search", "US", "--near", "37.80,-122.27", "--count", "2")
    assert said.exit_code == 1
    assert "/hub can't be asked: " in said.err
    assert "this carrier's search can't be asked for nearness to a place: leave it out there" in said.err
    assert "2 numbers for US Geographic near 37.80,-122.27" in said.out
    assert "San Francisco, CA" in said.out


def test_a_person_reads_number_place_and_price(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.account()
    said = ringfleet("search", "US", "--area-code", "415", "--count", "1")
    assert (said.exit_code, said.err) == (0, "")
    headline, columns, row = said.out.splitlines()
    assert headline == f"{stage.namespace}/sandbox: 1 number for US Geographic 415"
    assert columns.split()[0] == "NUMBER"
    assert row.startswith("+1415")
    assert "USD" in row.split()


def test_what_needs_documents_says_so(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.account()
    assert {one["needsDocuments"] for one in found(ringfleet, "DE")} == {True}
    assert {one["needsDocuments"] for one in found(ringfleet, "US")} == {False}


def test_a_carrier_that_does_not_answer_is_named_and_the_others_are_shown(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.account()
    stage.account("away", url=NOWHERE)
    said = ringfleet("search", "US")
    assert said.exit_code == 1
    assert said.err.startswith(f"{stage.namespace}/away can't be asked: ")
    assert f"{stage.namespace}/sandbox: 20 numbers for US Geographic" in said.out
    assert ringfleet("search", "US", "--account", "sandbox").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(("UK",), "'UK' is no country: write its ISO 3166-1 alpha-2 code", id="country"),
        pytest.param(("US", "--area-code", "4155"), '["4155"]', id="shape"),
        pytest.param(("US", "--area-code", "211"), "US has no Geographic numbers in 211", id="area code"),
        pytest.param(("DE", "--area-code", "030"), '["030"]', id="trunk zero"),
        pytest.param(("US", "--capability", "smoke"), "'smoke' is not one of 'Voice'", id="capability"),
        pytest.param(("US", "--region", "XX"), "US has no XX: write the two letters of a state", id="state"),
        pytest.param(("DE", "--region", "BE"), "numbers of DE are told apart by no state here", id="no states"),
        pytest.param(("US", "--contains", "5-5"), "'5-5' is no pattern: write digits", id="pattern"),
        pytest.param(("US", "--near", "Oakland"), "'Oakland' is no point of the map", id="near"),
        pytest.param(("US", "--near", "+1415"), "'+1415' is not a possible phone number", id="near a number"),
        pytest.param(("US", "--count", "0"), "0 is not in the range 1<=x<=1000", id="count"),
        pytest.param(("US", "--account", "nobody"), "/nobody does not exist: see kubectl get ca", id="account"),
    ],
)
def test_what_is_unknown_is_an_error(
    stage: Stage, ringfleet: Ringfleet, arguments: tuple[str, ...], complaint: str
) -> None:
    stage.account()
    said = ringfleet("search", *arguments)
    assert (said.exit_code, said.out) == (1, "")
    assert complaint in said.err
