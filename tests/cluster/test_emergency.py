"""Emergency addresses on the real API server, by the APIs of Twilio and Telnyx."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from ringfleet.simulator.defaults import DEFAULT_ACCOUNT
from tests.carriers.customer import OPENINGS
from tests.cluster.stage import Stage

OFTEN = {"sweepInterval": "5s", "limits": {"requestsPerSecond": 100, "concurrency": 8}}
OFFICE = {
    "name": "Example Inc.",
    "street": "645 Harrison St",
    "city": "San Francisco",
    "region": "CA",
    "postalCode": "94105",
    "country": "US",
}
HOME = {**OFFICE, "name": "Jane Roe", "street": "1 Main St"}
REGISTERED = ("True", "EmergencyRegistered")


@pytest.mark.parametrize("provider", ["Twilio", "Telnyx"])
def test_an_emergency_address_is_made_once_set_exchanged_and_goes_before_its_number(
    stage: Stage, provider: str
) -> None:
    """The operator dies between address and number; a claim brings an address of its own, out of a Secret."""
    stage.account_at(provider, **OFTEN)
    stage.profile()
    stage.pool(target=2, limits={"maxNumbers": 2}, reclaim={"cooldown": "1s"})
    operator = stage.start_operator()
    stage.wait_ready()

    making = ["service_put"] if provider == "Twilio" else ["end_user_create"]
    stage.simulator.set_faults({"fault": "reply_lost", "operations": making, "how": "hang", "script": [1]})
    stage.patch("routingprofile", "front-desk", emergencyAddress=OFFICE)
    stage.wait_for(lambda: addresses(stage, provider), "the address to be made")
    operator.kill()
    stage.simulator.set_faults()
    stage.start_operator("operator-2")
    stage.wait_for(lambda: set(said(stage).values()) == {REGISTERED}, "both numbers to have it")
    (office,) = addresses(stage, provider)
    assert set(on_numbers(stage, provider).values()) == {office}, "two numbers of one profile share an address"

    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "home"}, "stringData": HOME}
    stage.apply(secret)
    stage.claim("jane", emergencyAddress={"secretRef": {"name": "home"}})
    stage.wait_for(
        lambda: len(addresses(stage, provider)) == 2 and set(said(stage).values()) == {REGISTERED}, "two addresses"
    )
    janes = stage.bound()["jane"]
    assert on_numbers(stage, provider)[janes] != office
    stage.delete("numberclaim", "jane")
    stage.wait_for(
        lambda: addresses(stage, provider) == {office} and on_numbers(stage, provider)[janes] == office,
        "the number to have the profile's address again, and Jane's to be deleted",
    )

    stage.patch("numberpool", "us-west", size={"target": 1}, release={"mode": "Manual", "hold": "1s"})
    stage.annotate("phonenumber", janes[1:], release=janes)
    stage.wait_for(lambda: stage.phases().get(janes) in (None, "Released"), "the number to be given back")
    assert {one["number"] for one in stage.simulator.owned()} == set(stage.bills()) - {janes}


def said(stage: Stage) -> dict[str, tuple[str, str] | None]:
    """Status and reason of what each number says of its emergency address."""
    names = [one["metadata"]["name"] for one in stage.list("phonenumbers")]
    found = {name: stage.condition("phonenumber", name, "EmergencyAddressReady") for name in names}
    return {name: (one["status"], one["reason"]) if one else None for name, one in found.items()}


def addresses(stage: Stage, provider: str) -> set[str]:
    """The ids of the addresses that the account has, by the carrier's own API."""
    return {str(row["sid" if provider == "Twilio" else "id"]) for row in _rows(stage, provider, "addresses")}


def on_numbers(stage: Stage, provider: str) -> dict[str, str | None]:
    """The address of each number, by the carrier's own API."""
    field = "emergency_address_sid" if provider == "Twilio" else "emergency_address_id"
    return {row["phone_number"]: row[field] for row in _rows(stage, provider, "numbers")}


def _rows(stage: Stage, provider: str, of: str) -> list[Mapping[str, Any]]:
    endpoint, credentials = OPENINGS[provider](stage.simulator.url, DEFAULT_ACCOUNT, stage.simulator.token)
    with httpx.Client(trust_env=False, timeout=30) as client:
        if provider == "Telnyx":
            key = {"Authorization": f"Bearer {credentials['apiKey']}"}
            path = {"addresses": "addresses", "numbers": "phone_numbers"}[of]
            told: dict[str, list[Mapping[str, Any]]] = client.get(f"{endpoint}/v2/{path}", headers=key).json()
            return told["data"]
        sid, token = credentials["accountSid"], credentials["authToken"]
        file, name = {
            "addresses": ("Addresses", "addresses"),
            "numbers": ("IncomingPhoneNumbers", "incoming_phone_numbers"),
        }[of]
        url = f"{endpoint.format(product='api')}/2010-04-01/Accounts/{sid}/{file}.json"
        told = client.get(url, auth=(sid, token)).json()
        return told[name]
