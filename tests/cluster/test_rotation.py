"""Rotation sets on a real API server: numbers come by claims, rest when they leave, and are not replaced unasked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from ringfleet.api.meta import DRAINING, QUARANTINE, REGION_LABEL, SET_LABEL
from tests.cluster.rollup import Ledger, a_ledger
from tests.cluster.stage import Stage, a_set

FAST = {"limits": {"requestsPerSecond": 200, "concurrency": 8}, "sweepInterval": "5s"}
EAST_WEST = [
    {"name": "east", "country": "US", "areaCodes": ["212"], "percent": 50},
    {"name": "west", "country": "US", "areaCodes": ["415"], "percent": 50},
]


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with a_ledger() as ledger:
        yield ledger


def open_market(stage: Stage, ledger: Ledger | None = None, *, stock: int = 12, **pool: Any) -> None:
    """A pool with numbers of two area codes, free already, and an operator that reads the ledger every second."""
    stage.stock(stock // 2, "212")
    stage.account(**FAST)
    stage.profile()
    market = {"country": "US", "type": "Geographic", "areaCodes": ["212", "415"]}
    stage.pool(target=stock, market=market, limits={"maxNumbers": stock}, reclaim={"cooldown": "1h"}, **pool)
    reads = {"RINGFLEET_DISPATCHER": ledger.url, "RINGFLEET_USAGE_INTERVAL": "PT1S"} if ledger else {}
    stage.start_operator(**reads)
    stage.wait_for(lambda: list(stage.phases().values()).count("Available") == stock, "the pool to have its numbers")


def members(stage: Stage, name: str = "calls") -> dict[str, int]:
    return dict(stage.get("rotationset", name).get("status", {}).get("members", {}))


def wait_members(stage: Stage, **expected: int) -> None:
    stage.wait_for(lambda: members(stage).items() >= expected.items(), f"the set to have {expected}")


def resize(stage: Stage, size: int) -> None:
    stage.api.scale("rotationset", "calls", size, stage.namespace)


def member_numbers(stage: Stage) -> set[str]:
    """The numbers that are labelled with the set."""
    labelled = (
        one for one in stage.list("phonenumbers") if one["metadata"].get("labels", {}).get(SET_LABEL) == "calls"
    )
    return {one["spec"]["number"] for one in labelled}


def a_working_set(stage: Stage, ledger: Ledger, **changes: Any) -> list[str]:
    """Six active numbers that the ledger knows, and are well answered; sorted."""
    open_market(stage, ledger)
    stage.apply(a_set(**changes))
    stage.wait_ready("calls", "rotationset")
    numbers = sorted(member_numbers(stage))
    ledger.know(*numbers, calls7d=100, answered7d=40)
    wait_members(stage, active=6)
    return numbers


def drained(stage: Stage) -> list[str]:
    return [one["metadata"]["name"] for one in stage.list("numberclaims") if is_draining(one)]


def is_draining(claim: dict[str, Any]) -> bool:
    return DRAINING in claim["metadata"].get("annotations", {})


def test_a_set_of_six_in_two_regions_gets_its_numbers(stage: Stage) -> None:
    open_market(stage)
    stage.apply(a_set(regions=EAST_WEST))
    stage.wait_ready("calls", "rotationset")
    (uid,) = {one["metadata"]["uid"] for one in stage.list("rotationsets")}
    claims = stage.list("numberclaims")
    assert {one["metadata"]["name"] for one in claims} == {
        f"calls-{side}-{n}" for side in ("east", "west") for n in (1, 2, 3)
    }
    assert {owner["uid"] for one in claims for owner in one["metadata"]["ownerReferences"]} == {uid}
    assert Counter(one["metadata"]["labels"][REGION_LABEL] for one in claims) == {"east": 3, "west": 3}
    assert member_numbers(stage) == set(stage.bound().values())
    codes = Counter(f"{one.rsplit('-', 1)[0][6:]} {number[2:5]}" for one, number in stage.bound().items())
    assert codes == {"east 212": 3, "west 415": 3}, "numbers of its own area codes come first"
    wait_members(stage, total=6, active=6, waiting=0)
    status = stage.get("rotationset", "calls")["status"]
    assert status["usage"]["capacity"] == 6 * 75
    assert (status["limitedBy"], status["selector"]) == ("Size", f"{SET_LABEL}=calls")
    stage.wait_reason("rotationset", "calls", "NoDispatcher", "UsageUnknown")


def test_a_set_that_waits_says_for_which_claim_and_is_served_when_stock_comes(stage: Stage) -> None:
    open_market(stage, stock=4)
    stage.apply(a_set())
    wait_members(stage, total=4, waiting=2)
    said = stage.wait_reason("rotationset", "calls", "WaitingForNumber")
    assert said["message"].startswith("NumberClaim calls-")
    stage.patch("numberpool", "us-west", limits={"maxNumbers": 8}, size={"target": 2})
    stage.wait_ready("calls", "rotationset")
    assert len(stage.list("numberclaims")) == 6


def test_a_set_grows_and_shrinks_by_draining_and_never_cuts_a_number_in_use(stage: Stage, ledger: Ledger) -> None:
    numbers = a_working_set(stage, ledger)
    resize(stage, 8)
    wait_members(stage, total=8)
    new = sorted(member_numbers(stage) - set(numbers))
    ledger.know(*new, openCalls=1)
    resize(stage, 6)
    stage.wait_for(lambda: len(drained(stage)) == 2, "the two youngest to drain")
    wait_members(stage, total=8, draining=2)
    assert {stage.bound()[name] for name in drained(stage)} == set(new)
    asked = len(ledger.asked)
    stage.wait_for(lambda: len(ledger.asked) > asked + 8, "the ledger to be read again and again")
    assert len(stage.bound()) == 8, "both are in a call"
    ledger.know(new[0], openCalls=0)
    stage.wait_for(lambda: len(stage.list("numberclaims")) == 7, "the one that is free to go")
    stage.wait_for(lambda: stage.phases()[new[0]] == "Cooling", "its number to rest")
    assert member_numbers(stage) == {*numbers, new[1]}, "its label has gone with the claim"
    resize(stage, 7)
    stage.wait_for(lambda: not drained(stage), "the other one to be kept")
    assert new[1] in stage.bound().values()


def test_a_labelled_number_is_quarantined_and_not_replaced_and_comes_back_when_it_has_rested(
    stage: Stage, ledger: Ledger
) -> None:
    """Guardrail: flagged numbers are never replaced by themselves."""
    labelled, *others = a_working_set(stage, ledger, health={"onFlagged": "QuarantineAndReplace"})
    ledger.know(labelled, label="Spam Likely")
    stage.wait_for(lambda: stage.phases()[labelled] == "Quarantined", "the number to be taken out of use")
    wait_members(stage, total=6, active=5, quarantined=1)
    number = stage.get("phonenumber", labelled[1:])
    assert number["metadata"]["annotations"][QUARANTINE].endswith("calls: labelled Spam Likely")
    assert number["status"]["health"]["spamLabel"] == "Spam Likely"
    assert number["status"]["routing"]["profile"] == "front-desk", "whoever calls it is answered"
    stage.wait_reason("rotationset", "calls", "GuardrailHolds", "GuardrailHolds")
    asked = len(ledger.asked)
    stage.wait_for(lambda: len(ledger.asked) > asked + 3, "more turns of the set")
    assert sorted(stage.bound().values()) == sorted([labelled, *others])
    ledger.know(labelled, label=None, clearedAt="2026-01-01T00:00:00Z")
    stage.wait_for(lambda: stage.phases()[labelled] == "Bound", "it to be used again")
    wait_members(stage, active=6, quarantined=0)


def test_with_the_override_a_flagged_number_is_replaced_within_the_churn_limit(stage: Stage, ledger: Ledger) -> None:
    allowed = {"override.ringfleet.dev/on-flagged": "jane", "override.ringfleet.dev/churn": "jane, for now"}
    replaces = {"onFlagged": "QuarantineAndReplace", "maxChurnPercent": 17}
    first, second, *_ = a_working_set(stage, ledger, annotations=allowed, health=replaces)
    ledger.know(first, label="Spam Likely")
    stage.wait_for(lambda: first not in stage.bound().values(), "the flagged number to leave")
    stage.wait_ready("calls", "rotationset")
    wait_members(stage, total=6)
    status = stage.get("rotationset", "calls")["status"]
    assert [one["number"] for one in status["replaced"]] == [first]
    assert status["overrides"] == ["churn", "on-flagged", "ramp"]
    ledger.know(second, label="Scam")
    stage.wait_reason("rotationset", "calls", "ChurnLimitReached", "ChurnLimited")
    assert second in stage.bound().values(), "one in six is all the churn that is allowed"
    stage.wait_reason("rotationset", "calls", "GuardrailOverridden", "GuardrailOverridden")


def test_a_number_that_is_seldom_answered_is_quarantined_and_says_its_rate(stage: Stage, ledger: Ledger) -> None:
    seldom, *_ = a_working_set(stage, ledger)
    ledger.know(seldom, calls7d=200, answered7d=6)
    stage.wait_for(lambda: stage.phases()[seldom] == "Quarantined", "the number to be taken out of use")
    health = stage.get("phonenumber", seldom[1:])["status"]["health"]
    assert float(health["answerRate"]) < 0.1
    assert health["attestation"] == "A"


def test_usage_is_written_when_it_matters_and_costs_are_told(stage: Stage, ledger: Ledger) -> None:
    numbers = a_working_set(stage, ledger)
    ledger.know(*numbers, answered30d=100)
    ledger.note_day(used=90, deferred=3)
    stage.wait_for(
        lambda: stage.get("rotationset", "calls")["status"]["usage"].get("deferred") == 3, "usage to be told"
    )
    status = stage.get("rotationset", "calls")["status"]
    assert (status["usage"]["used"], status["costPerAnswered"], status["currency"]) == (90, "0.0199", "USD")
    ledger.note_day(used=92)
    asked = len(ledger.asked)
    stage.wait_for(lambda: len(ledger.asked) > asked + 3, "more turns of the set")
    assert stage.get("rotationset", "calls")["status"]["usage"]["used"] == 90, "two calls do not matter"


def test_without_its_dispatcher_the_set_says_so_and_keeps_what_it_has(stage: Stage) -> None:
    with a_ledger() as ledger:
        labelled, *_ = a_working_set(stage, ledger)
        ledger.know(labelled, label="Spam Likely")
        stage.wait_for(lambda: stage.phases()[labelled] == "Quarantined", "the number to be taken out of use")
    stage.wait_reason("rotationset", "calls", "DispatcherUnavailable", "UsageUnknown")
    assert stage.phases()[labelled] == "Quarantined"
    assert len(stage.bound()) == 6
    assert {path for path, _ in ledger.asked} == {f"/v1/namespaces/{stage.namespace}/rotationsets/calls/rollup"}


def test_more_numbers_than_a_campaign_may_have_are_not_claimed(stage: Stage) -> None:
    """Guardrail: US messages need an approved campaign, and 50 numbers an approved number pool."""
    open_market(stage, stock=2)
    messaging = {"brand": "acme", "campaign": "C1", "campaignApproved": True}
    allowed = {"override.ringfleet.dev/min-utilisation": "tests"}
    stage.apply(a_set(channel="SMS", size=60, messaging=messaging, annotations=allowed))
    stage.wait_reason("rotationset", "calls", "NumberPoolNotApproved", "CampaignLimited")
    wait_members(stage, total=2, waiting=47)
    assert len(stage.list("numberclaims")) == 49
    assert stage.get("rotationset", "calls")["status"]["limitedBy"] == "NumberPool"


def test_when_the_set_is_deleted_its_numbers_rest_and_none_is_lost(stage: Stage) -> None:
    open_market(stage)
    stage.apply(a_set())
    stage.wait_ready("calls", "rotationset")
    numbers = member_numbers(stage)
    stage.delete("rotationset", "calls")
    stage.wait_for(lambda: {stage.phases()[number] for number in numbers} == {"Cooling"}, "its numbers to rest")
    stage.wait_for(lambda: not stage.list("numberclaims"), "its claims to go: each after its number has begun to rest")
    assert member_numbers(stage) == set()
    assert set(stage.bills().values()) == {1}


def test_numbers_that_nobody_routes_are_not_active_until_they_are(stage: Stage) -> None:
    """Guardrail: every number that is picked has an inbound route."""
    stage.account(**FAST)
    stage.profile()
    stage.pool(target=2, routingProfileRef=None)
    stage.start_operator()
    stage.apply(a_set(size=2, routingProfileRef=None))
    said = stage.wait_reason("rotationset", "calls", "MembersUnusable")
    assert "no-inbound-route" in said["message"]
    assert members(stage)["active"] == 0
    stage.patch("rotationset", "calls", routingProfileRef={"name": "front-desk"})
    wait_members(stage, active=2)
    stage.wait_ready("calls", "rotationset")


def test_two_operators_at_once_and_a_name_that_is_taken_make_no_claim_too_many(stage: Stage) -> None:
    open_market(stage)
    stage.claim("calls-2")
    stage.wait_for(lambda: "calls-2" in stage.bound(), "somebody else's claim to have a number")
    stage.start_operator("operator-2")
    stage.apply(a_set())
    stage.wait_ready("calls", "rotationset")
    stage.wait_for(lambda: len(stage.bound()) == 7, "all claims to be bound")
    assert sorted(stage.bound()) == [f"calls-{n}" for n in range(1, 8)]
    assert stage.bound()["calls-2"] not in member_numbers(stage)
    assert len(set(stage.bound().values())) == 7


def test_a_time_zone_that_is_none_is_said(stage: Stage) -> None:
    stage.start_operator()
    stage.apply(a_set(resetTimeZone="Mars/Olympus"))
    stage.wait_reason("rotationset", "calls", "InvalidSpec", "Stalled")
    stage.patch("rotationset", "calls", resetTimeZone="Europe/Berlin")
    stage.wait_reason("rotationset", "calls", "PoolMissing", "Stalled")
