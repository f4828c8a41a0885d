"""A pool of a market with documents, by the API of a carrier that sells no such number without them."""

from __future__ import annotations

from typing import Any

import httpx

from ringfleet.simulator.defaults import DEFAULT_ACCOUNT
from tests.carriers.customer import OPENINGS
from tests.cluster.papers import a_german_bundle, a_revision, papers
from tests.cluster.stage import Stage
from tests.cluster.test_compliance import BERLIN, OFTEN, SOON, bundles, filing, pass_days, wait_state


def test_numbers_are_bought_with_the_approved_bundle_and_keep_it_when_it_changes(stage: Stage) -> None:
    """The bundle that numbers carry takes over what its successor holds; the successor is thrown away."""
    stage.account_at("Twilio", **OFTEN)
    stage.profile()
    stage.pool("berlin", target=2, market=BERLIN)
    stage.apply(papers(), a_german_bundle())
    stage.start_operator(**SOON)
    wait_state(stage, "Submitted", "InReview")
    stage.wait_reason("numberpool", "berlin", "WaitingForBundle", "ComplianceReady")
    assert stage.simulator.owned() == []
    pass_days(stage, 4)
    bundle = wait_state(stage, "Approved")["approved"]["id"]
    stage.wait_ready("berlin")
    bought = carried(stage)
    assert len(bought) == len(stage.bills()) == 2
    (address,) = {one[1] for one in bought.values()}
    assert {one[0] for one in bought.values()} == {bundle}
    assert str(address).startswith("AD")

    before = filing(stage)
    stage.apply(*a_revision())
    stage.wait_for(lambda: len(bundles(stage)) == 2, "a copy that is filed")
    wait_state(stage, "Submitted", "InReview")
    pass_days(stage, 4)
    stage.wait_for(lambda: filing(stage)["approved"] != before["approved"], "the approval of what has changed")
    stage.wait_for(lambda: len(bundles(stage)) == 1, "the copy to be thrown away")
    after = wait_state(stage, "Approved")
    assert (after["approved"]["id"], after.get("superseded", [])) == (bundle, [])
    assert carried(stage) == bought
    assert len([one for one in stage.simulator.control("GET", "papers") if one["kind"] == "document"]) == 2


def carried(stage: Stage) -> dict[str, tuple[str | None, str | None]]:
    """By the carrier's own API the bundle and the address of each number."""
    endpoint, credentials = OPENINGS["Twilio"](stage.simulator.url, DEFAULT_ACCOUNT, stage.simulator.token)
    sid, token = credentials["accountSid"], credentials["authToken"]
    path = f"{endpoint.format(product='api')}/2010-04-01/Accounts/{sid}/IncomingPhoneNumbers.json"
    with httpx.Client(trust_env=False, timeout=30) as client:
        rows: list[dict[str, Any]] = client.get(path, auth=(sid, token)).json()["incoming_phone_numbers"]
    return {row["phone_number"]: (row["bundle_sid"], row["address_sid"]) for row in rows}
