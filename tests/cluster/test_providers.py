"""The main job and a number's life by the APIs of Twilio and Telnyx; the other stories here speak DIDHub's."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ringfleet.carriers.twilio.signing import SHAKEN_POLICY
from ringfleet.simulator.defaults import DEFAULT_ACCOUNT
from tests.carriers.customer import OPENINGS
from tests.cluster.stage import Stage, a_set

OFTEN = {"sweepInterval": "5s", "limits": {"requestsPerSecond": 100, "concurrency": 8}}
PROVIDERS = ("Twilio", "Telnyx")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_pool_becomes_numbers_which_live_and_go_as_they_are_told(stage: Stage, provider: str) -> None:
    """Bought once and routed, claimed, topped up, stopped and resumed; given back is only what was let go."""
    stage.account_at(provider, **OFTEN)
    stage.profile()
    stage.pool(target=3, limits={"maxNumbers": 6})
    stage.start_operator()
    stage.wait_ready()
    assert stage.bills() == dict.fromkeys(stage.numbers(), 1)
    assert len(stage.numbers()) == 3
    first = targets(stage, provider)
    assert all(first.values()), "a number counts as stock before it is routed"
    assert len(set(first.values())) == 1, "a target was made twice"

    stage.claim("desk")
    stage.wait_for(
        lambda: len(stage.numbers()) == 4 and "desk" in stage.bound(), "a bound number, and one in its place"
    )
    stage.wait_ready()
    desk = stage.bound()["desk"]
    stage.patch("numberclaim", "desk", suspend=True)
    stage.wait_for(lambda: stage.phases()[desk] == "Suspended", "the number to be stopped")
    (target,) = set(first.values())
    assert not carries_traffic(stage, provider, desk, str(target))
    stage.patch("numberclaim", "desk", suspend=False)
    stage.wait_for(lambda: stage.phases()[desk] == "Bound", "the number to be resumed")
    assert carries_traffic(stage, provider, desk, str(target))

    stage.patch("numberpool", "us-west", size={"target": 2}, release={"mode": "Manual", "hold": "1s"})
    gone = min(number for number, phase in stage.phases().items() if phase == "Available")
    stage.annotate("phonenumber", gone[1:], release=gone)
    stage.wait_for(lambda: stage.phases().get(gone) in (None, "Released"), "the number to be given back")
    assert [entry["number"] for entry in stage.simulator.ledger(kind="release")] == [gone]
    assert {one["number"] for one in stage.simulator.owned()} == set(stage.bills()) - {gone}
    assert set(stage.bills().values()) == {1}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_voice_set_calls_from_numbers_of_each_carrier(stage: Stage, provider: str) -> None:
    """From numbers whose calls are known to be signed: Telnyx signs all of its own, Twilio those of a trust product."""
    signed = {"trustProduct": a_trust_product(stage)} if provider == "Twilio" else {}
    stage.account_at(provider, **OFTEN, **signed)
    stage.profile()
    stage.pool(target=2, limits={"maxNumbers": 4})
    stage.apply(a_set(size=2))
    stage.start_operator()
    stage.wait_for(lambda: members(stage).get("active") == 2, "two members that may be called from")
    assert {
        one["status"]["health"]["attestation"] for one in stage.list("phonenumbers") if "claimRef" in one["spec"]
    } == {"A"}


def members(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = stage.get("rotationset", "calls").get("status", {}).get("members", {})
    return found


def a_trust_product(stage: Stage) -> str:
    """An approved SHAKEN trust product of the account at Twilio, as a person makes it in the console; its SID."""
    endpoint, credentials = OPENINGS["Twilio"](stage.simulator.url, DEFAULT_ACCOUNT, stage.simulator.token)
    user = credentials["accountSid"], credentials["authToken"]
    with httpx.Client(base_url=endpoint.format(product="trusthub"), auth=user, trust_env=False, timeout=30) as hub:

        def make(path: str, **form: str) -> str:
            return str(hub.post(path, data=form).raise_for_status().json()["sid"])

        named = {"FriendlyName": "shop", "Email": "a@example.com"}
        profile = make("/v1/CustomerProfiles", **named, PolicySid="RN" + "0" * 32)
        product = make("/v1/TrustProducts", **named, PolicySid=SHAKEN_POLICY)
        make(f"/v1/TrustProducts/{product}/EntityAssignments", ObjectSid=profile)
        return make(f"/v1/TrustProducts/{product}", Status="pending-review")


def carries_traffic(stage: Stage, provider: str, number: str, target: str) -> bool:
    """Whether calls of the number go where they went at first."""
    (held,) = [one for one in stage.simulator.owned() if one["number"] == number]
    return not held["suspended"] and targets(stage, provider)[number] == target


def targets(stage: Stage, provider: str) -> dict[str, str | None]:
    """Where the carrier's own API says that calls of each number go: a trunk at Twilio, a connection at Telnyx."""
    endpoint, credentials = OPENINGS[provider](stage.simulator.url, DEFAULT_ACCOUNT, stage.simulator.token)
    with httpx.Client(trust_env=False, timeout=30) as client:
        if provider == "Telnyx":
            key = {"Authorization": f"Bearer {credentials['apiKey']}"}
            rows = client.get(f"{endpoint}/v2/phone_numbers", headers=key).json()["data"]
            return {row["phone_number"]: row["connection_id"] for row in rows}
        sid, token = credentials["accountSid"], credentials["authToken"]
        path = f"{endpoint.format(product='api')}/2010-04-01/Accounts/{sid}/IncomingPhoneNumbers.json"
        rows = client.get(path, auth=(sid, token)).json()["incoming_phone_numbers"]
        return {row["phone_number"]: row["trunk_sid"] for row in rows}


def test_what_telnyx_has_sold_to_an_order_whose_pool_is_deleted_is_found_and_has_our_mark(stage: Stage) -> None:
    """The answer is lost, and with it what would have marked the numbers; nobody may come back to buy."""
    lost = {"fault": "reply_lost", "operations": ["checkout"], "how": "close", "script": [1]}
    stage.simulator.set_faults(lost, {"fault": "server_error", "operations": ["order_find"]})
    stage.account_at("Telnyx", **OFTEN)
    stage.profile()
    stage.pool(target=2, limits={"maxNumbers": 2})
    stage.start_operator()
    stage.wait_for(lambda: len(stage.bills()) == 2, "two numbers to be sold")
    stage.delete("numberpool", "us-west", wait=False)
    stage.wait_for(lambda: not stage.list("numberpools"), "the pool to be gone")
    stage.simulator.set_faults()
    stage.wait_for(lambda: stage.numbers() == set(stage.bills()), "the numbers to be found", timeout=400)
    assert set(stage.bills().values()) == {1}
    endpoint, credentials = OPENINGS["Telnyx"](stage.simulator.url, DEFAULT_ACCOUNT, stage.simulator.token)
    key = {"Authorization": f"Bearer {credentials['apiKey']}"}
    rows = httpx.get(f"{endpoint}/v2/phone_numbers", headers=key, trust_env=False, timeout=30).json()["data"]
    assert {row["customer_reference"].rpartition("/")[2] for row in rows} == {"us-west"}
