"""A number that is only observed: its object says what the carrier says, and nothing is changed there."""

from __future__ import annotations

from typing import Any

from tests.cluster.stage import Stage
from tests.cluster.test_sweep import buy_by_hand, counts, id_of, open_pool


def test_an_observed_number_says_what_the_carrier_says_and_is_never_touched(stage: Stage) -> None:
    open_pool(stage, target=0)
    stage.wait_ready("sandbox", "carrieraccount")
    number = buy_by_hand(stage, "sales, Ann")
    profile = stage.at_carrier("PUT", "routing-profiles/by-hand", {"name": "by hand", "sip_targets": []})["id"]
    at_number(stage, "PATCH", number, {"routing_profile_id": profile})
    before = stage.simulator.owned()
    stage.apply(observed(number))
    said = stage.wait_reason("phonenumber", number[1:], "Observed")
    assert said["status"] == "True"
    status = stage.get("phonenumber", number[1:])["status"]
    assert status["externalId"] == id_of(stage, number)
    assert (status["phase"], status["routing"]["externalId"]) == ("Available", profile)
    assert {"price", "region", "purchasedAt", "renewsAt", "capabilities"} <= status.keys()
    stage.wait_for(lambda: counts(stage) == {"owned": 1, "ours": 0, "unmanaged": 1, "orphans": 0}, "it not to be ours")
    assert stage.simulator.owned() == before


def test_what_somebody_does_to_an_observed_number_is_told_and_not_undone(stage: Stage) -> None:
    open_pool(stage, target=0)
    stage.wait_ready("sandbox", "carrieraccount")
    number = buy_by_hand(stage, None)
    stage.apply(observed(number))
    stage.wait_reason("phonenumber", number[1:], "Observed")
    at_number(stage, "POST", number, path="/suspend")
    stage.wait_for(lambda: status_of(stage, number)["phase"] == "Suspended", "the suspension to be told")
    at_number(stage, "POST", number, path="/resume")
    profile = stage.at_carrier("PUT", "routing-profiles/by-hand", {"name": "by hand", "sip_targets": []})["id"]
    at_number(stage, "PATCH", number, {"routing_profile_id": profile})
    stage.wait_for(
        lambda: status_of(stage, number).get("routing", {}).get("externalId") == profile, "the routing to be told"
    )
    at_number(stage, "PATCH", number, {"routing_profile_id": None})
    stage.wait_for(lambda: "routing" not in status_of(stage, number), "the routing to be told gone")
    owned = stage.simulator.owned()[0]
    assert (owned["reference"], owned["routing_profile_id"], owned["suspended"]) == (None, None, False)


def test_an_observed_number_whose_object_is_deleted_stays_as_it_is(stage: Stage) -> None:
    open_pool(stage, target=0)
    stage.wait_ready("sandbox", "carrieraccount")
    number = buy_by_hand(stage, None)
    before = stage.simulator.owned()
    stage.apply(observed(number))
    stage.wait_reason("phonenumber", number[1:], "Observed")
    stage.delete("phonenumber", number[1:])
    stage.wait_for(lambda: counts(stage)["unmanaged"] == 1, "it to count as unmanaged")
    assert (stage.numbers(), stage.simulator.owned()) == (set(), before)


def test_an_observed_number_that_the_account_does_not_have_says_so(stage: Stage) -> None:
    open_pool(stage, target=0)
    stage.wait_ready("sandbox", "carrieraccount")
    stage.apply(observed("+14155559999"))
    said = stage.wait_reason("phonenumber", "14155559999", "NumberMissing")
    assert "sandbox" in said["message"]


def observed(number: str) -> dict[str, Any]:
    """The object that a person makes to observe a number."""
    return {
        "apiVersion": "ringfleet.dev/v1alpha1",
        "kind": "PhoneNumber",
        "metadata": {"name": number[1:]},
        "spec": {"number": number, "accountRef": {"name": "sandbox"}, "managementPolicy": "Observe"},
    }


def at_number(stage: Stage, method: str, number: str, json: object = None, path: str = "") -> None:
    """Do something to the number in the account's portal."""
    stage.at_carrier(method, f"numbers/{id_of(stage, number)}{path}", json)


def status_of(stage: Stage, number: str) -> dict[str, Any]:
    return dict(stage.get("phonenumber", number[1:])["status"])
