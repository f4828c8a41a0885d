"""`ringfleet requirements` says what carriers ask for, and writes a bundle that they then find complete."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import yaml

from tests.cli.conftest import Ringfleet
from tests.cluster.papers import PLANTED_BILL, PLANTED_REGISTER, papers
from tests.cluster.stage import Stage

GERMANY = ("DE", "--type", "geographic")
NAME = "de-geographic-business"
FILLED = {
    "business_name": "Acme GmbH",
    "registration_number": "HRB-4711",
    "street": "Hauptstr. 7",
    "city": "Berlin",
    "postal_code": "10115",
    "country": "DE",
    "document_number": "HRB-4711",
    "issued_on": "2026-10-01",
}
NOWHERE = "http://127.0.0.1:9"


def filled_in(skeleton: dict[str, Any]) -> dict[str, Any]:
    """The skeleton as a person fills it in; fails on an attribute that nobody has asked for."""
    spec = {key: value for key, value in skeleton["spec"].items() if key != "suspend"}
    lists = (spec["endUser"]["attributes"], spec["address"], *(one["attributes"] for one in spec["documents"]))
    for attribute in (attribute for attributes in lists for attribute in attributes):
        assert attribute["value"] == "CHANGE-ME"
        attribute["value"] = FILLED[attribute["name"]]
    return {**skeleton, "spec": {**spec, "contact": "numbers@example.com"}}


def test_each_carrier_is_told_with_its_review_and_what_satisfies_it(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.account()
    said = ringfleet("requirements", *GERMANY)
    assert (said.exit_code, said.err) == (0, "")
    headline, columns, *rows = said.out.splitlines()
    assert headline == (
        f"{stage.namespace}/sandbox: 4 requirements for Geographic numbers in DE for Business; "
        "its review takes about 72 hours"
    )
    assert columns.split() == ["REQUIREMENT", "ABOUT", "WHAT", "SATISFIED", "BY"]
    assert [row.split()[0] for row in rows] == ["end_user", "address", "registration", "residence"]
    assert rows[0].endswith("business_name, registration_number in spec.endUser.attributes")
    wanted = "a document of type utility_bill or rental_contract with attributes issued_on; PDF, JPEG or PNG up to "
    assert rows[3].endswith(f"{wanted}5 MiB")


def test_a_program_reads_the_same(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.account()
    said = ringfleet("requirements", "gb", "--type", "mobile", "--end-user", "individual", "-o", "json").json
    carrier = said.pop("carriers")[0]
    assert said == {"country": "GB", "type": "Mobile", "endUser": "Individual"}
    assert (carrier["sold"], carrier["reviewHours"], carrier["trouble"]) == (True, 24.0, None)
    assert [one["id"] for one in carrier["requirements"]] == ["end_user", "address", "identity"]


def test_the_skeleton_is_accepted_as_it_is_and_complete_when_filled_in(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.account()
    stage.simulator.control("POST", "accounts", {"token": "second-token", "id": "second"})
    stage.account("second", token="second-token")
    written = ringfleet("requirements", *GERMANY, "-o", "yaml")
    assert (written.exit_code, written.err) == (0, "")
    assert "    type: utility_bill  # or rental_contract\n" in written.out
    skeleton = yaml.safe_load(written.out)
    assert skeleton["spec"]["carriers"] == [{"name": "sandbox"}, {"name": "second"}]
    stage.apply(skeleton)
    secret = papers(registration=PLANTED_REGISTER, residence=PLANTED_BILL)
    stage.apply({**secret, "metadata": {"name": f"{NAME}-papers"}})
    stage.start_operator()
    stage.patch("compliancebundle", NAME, **filled_in(skeleton)["spec"] | {"suspend": None})
    stage.wait_for(lambda: states(stage) <= {"Submitted", "InReview"} and states(stage), "both carriers to review it")
    assert stage.wait_reason("compliancebundle", NAME, "Complete", "Complete")["status"] == "True"


def states(stage: Stage) -> set[str]:
    filings: Iterable[dict[str, Any]] = stage.get("compliancebundle", NAME).get("status", {}).get("filings", [])
    return {filing["state"] for filing in filings}


def test_every_market_has_a_skeleton_that_the_api_server_accepts(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.account()
    markets = [("FR", "geographic"), ("GB", "geographic"), ("NL", "mobile"), ("BR", "geographic"), ("DE", "national")]
    for country, type_ in markets:
        for end_user in ("business", "individual"):
            said = ringfleet("requirements", country, "--type", type_, "--end-user", end_user, "-o", "yaml")
            stage.apply(yaml.safe_load(said.out))
    assert len(stage.list("compliancebundles")) == 2 * len(markets)


def test_no_skeleton_reaches_a_carrier_before_it_is_filled_in(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.account()
    said = ringfleet("requirements", "GB", "--type", "geographic", "-o", "yaml")
    assert yaml.safe_load(said.out)["spec"]["suspend"] is True


def test_a_carrier_that_does_not_answer_is_named_and_the_others_are_shown(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.account()
    stage.account("away", url=NOWHERE)
    said = ringfleet("requirements", *GERMANY, "-o", "yaml")
    assert said.exit_code == 1
    assert said.err.startswith(f"{stage.namespace}/away can't be asked: ")
    assert yaml.safe_load(said.out)["spec"]["carriers"] == [{"name": "sandbox"}]


def test_only_the_accounts_that_are_named_are_asked(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.account()
    stage.account("away", url=NOWHERE)
    said = ringfleet("requirements", *GERMANY, "--account", "sandbox")
    assert (said.exit_code, said.err) == (0, "")


def test_an_account_without_its_secret_says_so(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.account()
    stage.delete("secret", "sandbox-token")
    said = ringfleet("requirements", *GERMANY)
    assert (said.exit_code, said.out) == (1, "")
    assert "sandbox-token (spec.credentialsSecretRef.name) does not exist" in said.err


def test_a_market_that_asks_for_nothing_needs_no_bundle(stage: Stage, ringfleet: Ringfleet) -> None:
    stage.account()
    told = ringfleet("requirements", "US", "--type", "geographic")
    assert (told.exit_code, "asks for nothing" in told.out) == (0, True)
    written = ringfleet("requirements", "US", "--type", "geographic", "-o", "yaml")
    assert (written.exit_code, written.out) == (1, "")
    assert "no carrier that answered asks for anything" in written.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("UK", "--type", "geographic"), "'UK' is no country: write its ISO 3166-1 alpha-2 code"),
        (("DE", "--type", "pager"), "'pager' is not one of 'Geographic'"),
        (("DE",), "Missing option '--type'"),
        (("FJ", "--type", "geographic"), "no Geographic numbers in FJ are sold by"),
        ((*GERMANY, "--account", "nobody"), "/nobody does not exist: see kubectl get ca"),
    ],
)
def test_what_is_unknown_is_an_error(
    stage: Stage, ringfleet: Ringfleet, arguments: tuple[str, ...], complaint: str
) -> None:
    stage.account()
    said = ringfleet("requirements", *arguments)
    assert (said.exit_code, said.out) == (1, "")
    assert complaint in said.err


def test_an_empty_namespace_says_that_there_is_nobody_to_ask(stage: Stage, ringfleet: Ringfleet) -> None:
    said = ringfleet("requirements", *GERMANY)
    assert (said.exit_code, "has no CarrierAccount" in said.err) == (1, True)
