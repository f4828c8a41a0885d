"""What only Telnyx has, on an API server: its requirement group before numbers are bought, its campaign before they
send."""

from __future__ import annotations

from typing import Any

import httpx

from ringfleet.simulator.defaults import DEFAULT_ACCOUNT
from tests.api.manifests import a_manifest
from tests.carriers.customer import OPENINGS
from tests.cluster.papers import a_german_bundle, document, papers, said
from tests.cluster.stage import Stage, a_set

OFTEN = {"sweepInterval": "5s", "limits": {"requestsPerSecond": 100, "concurrency": 8}}
WHO = {
    "business_name": "Planted Person GmbH",
    "registration_number": "HRB-4711",
    "registration_document_number": "HRB-4711",
    "residence_issued_on": "2026-10-01",
}


def test_a_group_lets_a_pool_order_and_a_campaign_lets_its_numbers_send(stage: Stage) -> None:
    stage.account_at("Telnyx", **OFTEN)
    papers_of = (document("register", "registration", "register"), document("bill", "residence", "bill"))
    user = {"type": "Business", "attributes": said(**WHO)}
    stage.apply(papers(), a_german_bundle(*papers_of, endUser=user))
    stage.pool("berlin", target=2, market={"country": "DE", "type": "Geographic", "areaCodes": ["30"]})
    service = {"id": messaging_profile(stage), "campaign": "CM1"}
    stage.apply(a_manifest("RoutingProfile", "front-desk", {"messaging": {"service": service}}))
    stage.pool(target=2, limits={"maxNumbers": 4})
    stage.apply(a_set("texts", channel="SMS", size=2, messaging={"brand": "acme", "campaignApproved": True}))
    stage.start_operator(RINGFLEET_REVIEW_INTERVAL="PT1S")
    stage.wait_for(lambda: filing(stage).get("state") == "Submitted", "the group to be handed in")
    assert not [one for one in stage.simulator.owned() if one["number"].startswith("+49")]

    stage.wait_for(lambda: campaigns(stage) == ["Pending"] * 2, "the numbers to be on their way into the campaign")
    condition = stage.wait_reason("rotationset", "texts", "MembersUnusable", "MembersUnusable")
    assert "not-in-campaign" in condition["message"]
    stage.simulator.control("POST", "clock", {"advance_seconds": 4 * 86_400})
    stage.wait_for(lambda: campaigns(stage) == ["Assigned"] * 2, "the numbers to be in the campaign")
    stage.wait_for(lambda: members(stage).get("active") == 2, "two members that may send")

    stage.wait_for(lambda: filing(stage).get("state") == "Approved", "the group to be approved")
    stage.wait_ready("berlin")
    german = [one for one in stage.simulator.owned() if one["number"].startswith("+49")]
    assert [one["status"] for one in german] == ["active"] * 2
    assert set(stage.bills().values()) == {1}


def filing(stage: Stage) -> dict[str, Any]:
    filings = stage.get("compliancebundle", "germany").get("status", {}).get("filings") or [{}]
    return dict(filings[0])


def members(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = stage.get("rotationset", "texts").get("status", {}).get("members", {})
    return found


def campaigns(stage: Stage) -> list[str]:
    """How the numbers of the set stand with their campaign."""
    bound = [one for one in stage.list("phonenumbers") if "claimRef" in one["spec"]]
    return [one["status"].get("campaign", {}).get("state", "") for one in bound]


def messaging_profile(stage: Stage) -> str:
    """A messaging profile, as a person makes it in Telnyx' portal; its id."""
    endpoint, credentials = OPENINGS["Telnyx"](stage.simulator.url, DEFAULT_ACCOUNT, stage.simulator.token)
    with httpx.Client(trust_env=False, timeout=30) as client:
        key = {"Authorization": f"Bearer {credentials['apiKey']}"}
        said = {"name": "news", "whitelisted_destinations": ["*"]}
        made = client.post(f"{endpoint}/v2/messaging_profiles", json=said, headers=key).raise_for_status()
        return str(made.json()["data"]["id"])
