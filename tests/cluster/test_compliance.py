"""Documents ahead of demand: a bundle is filed once, reviewed, and every order of its market carries it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ringfleet.controllers.redaction import NO_CODE, WITHHELD
from tests.cluster.papers import BILL, PLANTED, a_german_bundle, a_revision, papers
from tests.cluster.stage import Stage

OFTEN = {"sweepInterval": "5s", "limits": {"requestsPerSecond": 200, "concurrency": 8}}
SOON = {"RINGFLEET_REVIEW_INTERVAL": "PT1S"}
BERLIN = {"country": "DE", "type": "Geographic", "areaCodes": ["30"]}
DAY = 86_400


def open_account(stage: Stage) -> None:
    stage.account(**OFTEN)
    stage.profile()
    stage.start_operator(**SOON)


def pass_days(stage: Stage, days: float) -> None:
    stage.simulator.control("POST", "clock", {"advance_seconds": days * DAY})


def filing(stage: Stage, name: str = "germany") -> dict[str, Any]:
    filings = stage.get("compliancebundle", name).get("status", {}).get("filings") or [{}]
    return dict(filings[0])


def wait_state(stage: Stage, *states: str, name: str = "germany") -> dict[str, Any]:
    stage.wait_for(lambda: filing(stage, name).get("state") in states, f"{name} to be {' or '.join(states)}")
    return filing(stage, name)


def filed(stage: Stage) -> Counter[str]:
    """How often each content was created at the carrier, and how many bundles."""
    created = Counter(f"{one['kind']} {one['sha256']}" for one in stage.simulator.control("GET", "papers"))
    return created + Counter(bundle=len(bundles(stage)))


def available(stage: Stage, pool: str) -> int:
    return int(stage.get("numberpool", pool)["status"].get("numbers", {}).get("available", 0))


def test_a_pool_waits_for_its_bundle_and_orders_the_moment_it_is_approved(stage: Stage) -> None:
    open_account(stage)
    stage.pool("berlin", target=3, market=BERLIN)
    condition = stage.wait_reason("numberpool", "berlin", "BundleMissing", "ComplianceReady")
    assert "Create a ComplianceBundle for Geographic numbers in DE" in condition["message"]
    stage.apply(papers(), a_german_bundle())
    wait_state(stage, "Submitted", "InReview")
    condition = stage.wait_reason("numberpool", "berlin", "WaitingForBundle", "ComplianceReady")
    assert "ComplianceBundle germany is" in condition["message"]
    assert stage.simulator.owned() == []
    pass_days(stage, 4)
    wait_state(stage, "Approved")
    stage.wait_ready("germany", "compliancebundle")
    stage.wait_ready("berlin")
    assert available(stage, "berlin") == 3
    assert {held["status"] for held in stage.simulator.owned()} == {"active"}


def test_a_pool_orders_by_itself_when_the_carrier_can_say_again_that_it_asks_for_nothing(stage: Stage) -> None:
    stage.simulator.set_faults({"fault": "server_error", "operations": ["requirements"]})
    open_account(stage)
    stage.pool(target=1)
    stage.wait_reason("numberpool", "us-west", "ReadingRequirements")
    assert stage.simulator.owned() == []
    stage.simulator.set_faults()
    stage.wait_ready()


def test_one_bundle_serves_many_pools_with_one_upload_of_each_document(stage: Stage) -> None:
    open_account(stage)
    stage.apply(papers(), a_german_bundle())
    wait_state(stage, "Submitted", "InReview")
    pass_days(stage, 4)
    wait_state(stage, "Approved")
    for code, count in (("30", 80), ("40", 60), ("89", 60)):
        stage.pool(f"pool-{code}", target=count, market={**BERLIN, "areaCodes": [code]})
    for code in ("30", "40", "89"):
        stage.wait_ready(f"pool-{code}", timeout=240)
    assert len(stage.simulator.owned()) == 200
    stage.wait_for(lambda: carried(stage) == (200, 0), "the bundle to count them all")
    assert set(filed(stage).values()) == {1}
    assert sum(filed(stage).values()) == 4  # the end user, two documents, and the bundle


def test_what_is_missing_is_said_before_anything_is_sent(stage: Stage) -> None:
    open_account(stage)
    stage.apply(papers(), a_german_bundle(BILL))
    condition = stage.wait_reason("compliancebundle", "germany", "MissingDocuments", "Complete")
    assert "a document of type commercial_register_extract or trade_license" in condition["message"]
    assert sum(filed(stage).values()) == 0
    stage.apply(a_german_bundle())
    wait_state(stage, "Submitted", "InReview")


def test_a_rejected_bundle_says_why_and_is_reviewed_again_when_it_is_corrected(stage: Stage) -> None:
    open_account(stage)
    rule = {"fault": "review_rejected", "reason": "illegible", "document": "utility_bill"}
    stage.simulator.set_faults(rule)
    stage.apply(papers(), a_german_bundle())
    stage.pool("berlin", target=2, market=BERLIN)
    wait_state(stage, "Submitted", "InReview")
    pass_days(stage, 4)
    rejected = wait_state(stage, "Rejected")
    assert [one["document"] for one in rejected["reasons"]] == ["bill"]
    condition = stage.wait_reason("numberpool", "berlin", "DocumentsRejected", "ComplianceReady")
    assert "bill: the reviewer did not accept the utility_bill: illegible." in condition["message"]
    stage.simulator.set_faults()
    stage.apply(*a_revision())
    wait_state(stage, "Submitted", "InReview")
    pass_days(stage, 4)
    wait_state(stage, "Approved")
    stage.wait_ready("berlin")
    assert set(filed(stage).values()) <= {1, 2}
    assert filed(stage)["bundle"] <= 2


def test_a_reviewer_who_quotes_the_end_user_is_not_quoted(stage: Stage) -> None:
    open_account(stage)
    stage.apply(papers(), a_german_bundle())
    wait_state(stage, "Submitted", "InReview")
    approve(stage, reason=f"the bill is not of {PLANTED}", document="utility_bill")
    rejected = wait_state(stage, "Rejected")
    assert rejected["reasons"] == [{"document": "bill", "reason": NO_CODE, "message": WITHHELD}]
    condition = stage.wait_reason("compliancebundle", "germany", "DocumentsRejected")
    assert f"bill: {NO_CODE}: {WITHHELD}" in condition["message"]


def test_an_approval_that_ends_soon_is_renewed_and_orders_never_stop(stage: Stage) -> None:
    """Half of so short an approval is left when its renewal begins."""
    open_account(stage)
    stage.apply(papers(), a_german_bundle(renewBefore="1h"))
    wait_state(stage, "Submitted", "InReview")
    approve(stage, valid_seconds=160)
    first = wait_state(stage, "Approved")["approved"]["id"]
    stage.wait_for(lambda: len(bundles(stage)) == 2, "a second filing", timeout=240)
    wait_state(stage, "Expiring")
    stage.pool("berlin", target=1, market=BERLIN)
    stage.wait_ready("berlin")
    approve(stage)
    stage.wait_for(lambda: filing(stage)["approved"]["id"] != first, "the new approval to be in force")
    assert wait_state(stage, "Approved")["superseded"] == [first]
    assert all(count == 1 for content, count in filed(stage).items() if content != "bundle")


def approve(stage: Stage, **more: Any) -> None:
    """End the review of the newest bundle at the carrier, as soon as there is one."""
    stage.wait_for(lambda: bundles(stage)[-1]["status"] in {"submitted", "in_review"}, "a review to be under way")
    newest = bundles(stage)[-1]
    decision = {"account": newest["account"], "reference": newest["reference"], **more}
    stage.simulator.control("POST", "bundles/decide", decision)


def bundles(stage: Stage) -> list[dict[str, Any]]:
    return list(stage.simulator.control("GET", "bundles"))


def test_an_approval_that_the_carrier_ends_stops_orders_and_is_filed_again(stage: Stage) -> None:
    open_account(stage)
    stage.apply(papers(), a_german_bundle())
    stage.pool("berlin", target=1, market=BERLIN)
    wait_state(stage, "Submitted", "InReview")
    pass_days(stage, 4)
    first = wait_state(stage, "Approved")["approved"]["id"]
    stage.wait_ready("berlin")
    pass_days(stage, 400)
    stage.wait_for(lambda: filing(stage).get("approved") is None, "the approval to be over")
    stage.wait_reason("numberpool", "berlin", "WaitingForBundle", "ComplianceReady")
    assert {held["status"] for held in stage.simulator.owned()} == {"active"}
    wait_state(stage, "Submitted", "InReview")  # a review that began after the jump would take three days more
    pass_days(stage, 4)
    stage.wait_for(lambda: (filing(stage).get("approved") or {}).get("id") not in (None, first), "a new approval")


def test_a_carrier_that_is_down_during_the_upload_gets_each_document_once(stage: Stage) -> None:
    open_account(stage)
    creating = ["end_user_create", "document_create", "bundle_create"]
    stage.simulator.set_faults({"fault": "reset_after_commit", "operations": creating})
    stage.apply(papers(), a_german_bundle())
    stage.wait_for(lambda: filed(stage).total() >= 2, "the first of it to arrive")
    stage.simulator.set_faults()
    wait_state(stage, "Submitted", "InReview")
    assert set(filed(stage).values()) == {1}


def test_a_new_revision_replaces_the_old_one_when_it_is_approved(stage: Stage) -> None:
    open_account(stage)
    stage.apply(papers(), a_german_bundle())
    stage.pool("berlin", target=2, market=BERLIN)
    wait_state(stage, "Submitted", "InReview")
    pass_days(stage, 4)
    old = wait_state(stage, "Approved")["approved"]["id"]
    stage.wait_ready("berlin")
    stage.apply(*a_revision())
    pending = wait_state(stage, "Submitted", "InReview")
    assert pending["approved"]["id"] == old
    stage.patch("numberpool", "berlin", size={"target": 3})
    stage.wait_for(lambda: available(stage, "berlin") == 3, "an order under the old revision")
    pass_days(stage, 4)
    assert wait_state(stage, "Approved")["approved"]["id"] != old
    assert {held["status"] for held in stage.simulator.owned()} == {"active"}


def live_on_a_bundle(stage: Stage, count: int) -> str:
    """Numbers that carry the approved bundle, and are counted by it; the carrier's id of it."""
    open_account(stage)
    stage.apply(papers(), a_german_bundle())
    stage.pool("berlin", target=count, market=BERLIN)
    wait_state(stage, "Submitted", "InReview")
    pass_days(stage, 4)
    old = str(wait_state(stage, "Approved")["approved"]["id"])
    stage.wait_ready("berlin")
    stage.wait_for(lambda: carried(stage) == (count, 0), "the bundle to count its numbers")
    return old


def test_numbers_are_counted_as_they_come_and_go_without_a_word_to_the_carrier(stage: Stage) -> None:
    """Between two looks at the review, which are hours apart."""
    live_on_a_bundle(stage, 2)
    stage.operators[0].kill()
    stage.start_operator("operator-2")
    stage.scale(3, "berlin")
    stage.wait_for(lambda: carried(stage) == (3, 0), "the bundle to count the new one")
    stage.simulator.control("POST", "calls")
    gone = min(stage.numbers())[1:]
    stage.patch("phonenumber", gone, deletionPolicy="Retain")
    stage.scale(2, "berlin")
    stage.delete("phonenumber", gone, wait=False)
    stage.wait_for(lambda: carried(stage) == (2, 0), "the bundle to count one less")
    assert not {"requirements", "bundle_get"} & calls(stage).keys()


def revise(stage: Stage) -> str:
    """A new revision, approved; the carrier's id of it."""
    stage.apply(*a_revision())
    wait_state(stage, "Submitted", "InReview")
    pass_days(stage, 4)
    return str(wait_state(stage, "Approved")["approved"]["id"])


def carried(stage: Stage) -> tuple[int, int]:
    """By how many numbers the bundle says that it is carried, and by how many of them in an older revision."""
    status = stage.get("compliancebundle", "germany")["status"]
    (there,) = status["filings"]
    assert status["attached"] == there["attached"]
    return there["attached"], there["outdated"]


def attached(stage: Stage) -> Counter[str]:
    """Which bundle how many numbers have at the carrier; the objects are to agree."""
    objects = {one["spec"]["number"]: one["status"] for one in stage.list("phonenumbers")}
    there = {one["number"]: one["bundle_id"] for one in stage.at_carrier("GET", "numbers")["data"]}
    known = {number: (status.get("documents") or {}).get("attached") for number, status in objects.items()}
    return Counter(there.values()) if there == known else Counter()


def ready_since(stage: Stage) -> dict[str, Any]:
    """Of each number its phase, and since when it is ready."""
    return {
        one["metadata"]["name"]: (one["status"]["phase"], condition["lastTransitionTime"])
        for one in stage.list("phonenumbers")
        for condition in one["status"]["conditions"]
        if (condition["type"], condition["status"]) == ("Ready", "True")
    }


def calls(stage: Stage) -> Counter[str]:
    return Counter(stage.simulator.control("GET", "calls")["counts"])


def test_living_numbers_are_given_a_new_revision_and_none_of_them_stops(stage: Stage) -> None:
    """Though the operator dies in the middle of it."""
    old = live_on_a_bundle(stage, 4)
    stage.claim("desk", poolRef={"name": "berlin"})
    one_bound = Counter(Available=4, Bound=1)
    stage.wait_for(lambda: Counter(stage.phases().values()) == one_bound, "a number to be bound, and replaced")
    stage.wait_for(lambda: attached(stage) == {old: 5}, "each to carry the bundle")
    stage.wait_for(lambda: carried(stage) == (5, 0), "the bundle to count them")
    assert "   5   " in stage.kubectl("get", "cb", "germany")
    before = ready_since(stage)
    stage.simulator.control("POST", "calls")
    slow = {"fault": "latency", "operations": ["bundle_attach"], "seconds": [1.0, 1.0]}
    stage.simulator.set_faults(slow)
    new = revise(stage)
    stage.wait_for(lambda: calls(stage)["bundle_attach"] >= 1, "the first numbers to be moved")
    stage.operators[0].kill()
    stage.start_operator("operator-2", **SOON)
    stage.wait_for(lambda: attached(stage) == {new: 5}, "all numbers to carry the new revision", timeout=120)
    stage.wait_for(lambda: carried(stage) == (5, 0), "the bundle to say so")
    assert ready_since(stage) == before
    assert len(before) == 5
    assert not {"suspend", "resume", "number_patch", "release", "checkout"} & calls(stage).keys()
    assert {held["status"] for held in stage.simulator.owned()} == {"active"}


def test_a_number_that_the_carrier_keeps_on_the_old_revision_says_so_and_works(stage: Stage) -> None:
    old = live_on_a_bundle(stage, 5)
    before, stubborn = ready_since(stage), min(stage.numbers())
    stage.simulator.set_faults({"fault": "attach_refused", "number": stubborn})
    new = revise(stage)
    stage.wait_for(lambda: attached(stage) == {new: 4, old: 1}, "the others to be moved")
    condition = stage.wait_reason("phonenumber", stubborn[1:], "AttachRefused", "DocumentsOutdated")
    assert "germany" in condition["message"]
    assert "it says bundle_state" in condition["message"]
    assert stubborn not in condition["message"]
    stage.wait_for(lambda: carried(stage) == (5, 1), "the bundle to count it")
    assert ready_since(stage) == before
    stage.simulator.set_faults()
    stage.wait_for(lambda: attached(stage) == {new: 5}, "the carrier to be asked again")
    stage.wait_gone("phonenumber", stubborn[1:], "DocumentsOutdated")
    assert ready_since(stage) == before


def test_a_number_that_waits_says_that_the_carrier_does_not_take_its_bundle(stage: Stage) -> None:
    open_account(stage)
    stage.simulator.set_faults({"fault": "attach_refused"})
    stage.pool("berlin", target=1, market=BERLIN, ordering={"requireApprovedBundle": False})
    stage.wait_for(lambda: set(stage.phases().values()) == {"PendingDocuments"}, "parking")
    stage.apply(papers(), a_german_bundle())
    wait_state(stage, "Submitted", "InReview")
    pass_days(stage, 4)
    condition = stage.wait_reason("phonenumber", min(stage.numbers())[1:], "AttachRefused")
    assert "does not take ComplianceBundle germany" in condition["message"]
    assert carried(stage) == (0, 0)
    stage.simulator.set_faults()
    stage.wait_ready("berlin")
    stage.wait_for(lambda: carried(stage) == (1, 0), "the bundle to count it")


def test_numbers_that_were_ordered_without_a_bundle_are_finished_by_it(stage: Stage) -> None:
    open_account(stage)
    stage.pool("berlin", target=2, market=BERLIN, ordering={"requireApprovedBundle": False})
    stage.wait_for(lambda: len(stage.phases()) == 2 and set(stage.phases().values()) == {"PendingDocuments"}, "parking")
    number = min(stage.numbers())[1:]
    stage.wait_for(lambda: "Create a ComplianceBundle" in ready_message(stage, number), "the number to say what to do")
    stage.apply(papers(), a_german_bundle(BILL))
    lacks = f"germany is Draft at {stage.namespace}/sandbox: Proof that the business is registered"
    stage.wait_for(lambda: lacks in ready_message(stage, number), "the number to say what its bundle lacks")
    stage.apply(a_german_bundle())
    wait_state(stage, "Submitted", "InReview")
    stage.wait_for(lambda: "ComplianceBundle germany" in ready_message(stage, number), "the number to name its bundle")
    shown = stage.kubectl("get", "pn", number, "--no-headers", "--output=wide")
    assert "germany: " in shown
    assert "PendingDocuments" in shown
    assert stage.get("phonenumber", number)["status"]["documentsDeadline"]
    assert "germany" in stage.kubectl("get", "cb", "--no-headers")
    pass_days(stage, 4)
    stage.wait_ready("berlin")
    assert len(stage.simulator.ledger(kind="purchase")) == 2


def ready_message(stage: Stage, number: str) -> str:
    condition = stage.condition("phonenumber", number)
    return condition["message"] if condition else ""
