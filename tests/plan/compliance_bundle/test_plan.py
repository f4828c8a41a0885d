"""What one filing does next, and what its bundle says of itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ringfleet.model import NumberType
from ringfleet.model.compliance import Filing, FilingState, Regulation, Review, Shortcoming
from ringfleet.plan.compliance_bundle.filing import (
    END_USER,
    GRACE,
    Absent,
    Action,
    Answer,
    Approval,
    Begun,
    CarrierSeen,
    CreateParty,
    Evaluate,
    FiledItem,
    FilingRecord,
    FindFiling,
    FindItem,
    Look,
    OpenFiling,
    PutItems,
    ReadRegulation,
    Refusal,
    Submit,
    Upload,
    refuse,
    revision_of,
    settle,
)
from ringfleet.plan.compliance_bundle.plan import FilingPlan, plan_filing
from ringfleet.plan.compliance_bundle.report import FilingReport, plan_bundle_conditions
from ringfleet.plan.compliance_bundle.requirements import BundleWant, Missing
from ringfleet.plan.conditions import Condition, Reason, not_ready, ready, reconciling, stalled
from tests.plan.builders import MAIN, NOW, SPARE
from tests.plan.registry import COMPANY, DAY, HOUR, KEY, MINUTE, PROOF, RULES, SECOND, a_bundle, a_paper, a_party

READ = CarrierSeen(read=True, regulation=RULES)
REVISION = revision_of(RULES, a_bundle())
PARTY_REF, PAPER_REF = KEY.item_reference("p0"), KEY.item_reference("d0")
FILING_REF = KEY.filing_reference(REVISION, 0)
ITEMS = (FiledItem(END_USER, "p0", "I1"), FiledItem("bill", "d0", "I2"))
BLURRED = Shortcoming("bill", "Blurred", "it can't be read")


def a_record(review: Review | None = None, **rest: Any) -> FilingRecord:
    """A filing of the bundle's content, opened as B0 when it has a review."""
    fields = {"revision": REVISION, "items": ITEMS, "id": "B0" if review else None, "next_look": NOW + HOUR}
    return FilingRecord(review=review, **{**fields, **rest})


def in_force(ends: timedelta | None = None, **rest: Any) -> FilingRecord:
    """Approved `ends` before it expires, after a year."""
    expires = NOW + ends if ends is not None else None
    begun = NOW - timedelta(days=365)
    return a_record(Review.APPROVED, approved=Approval("B0", REVISION, expires), submitted_at=begun, **rest)


def a_live(review: Review = Review.DRAFT, items: tuple[str, ...] = ("I1", "I2"), **rest: Any) -> Filing:
    return Filing("B0", FILING_REF, review, items, **rest)


def plan(record: FilingRecord, want: BundleWant | None = None, now: datetime = NOW, **seen: Any) -> FilingPlan:
    return plan_filing(KEY, want or a_bundle(), record, replace(READ, **seen), now)


NEW = FilingRecord(revision=REVISION)
CHANGE = Begun(KEY.change_reference(REVISION, 0), NOW)
LATE = replace(CHANGE, at=NOW - GRACE)
AHEAD = replace(CHANGE, at=NOW + 10 * DAY)


@pytest.mark.parametrize(
    ("record", "seen", "action"),
    [
        (FilingRecord(), {"read": False}, ReadRegulation("DE", NumberType.GEOGRAPHIC, a_bundle().end_user)),
        (FilingRecord(), {}, FindItem(END_USER, "p0", PARTY_REF)),
        (NEW, {"absent": Absent(PARTY_REF, NOW)}, CreateParty("p0", PARTY_REF)),
        (replace(NEW, items=ITEMS[:1]), {"absent": Absent(PARTY_REF, NOW)}, FindItem("bill", "d0", PAPER_REF)),
        (replace(NEW, items=ITEMS[:1]), {"absent": Absent(PAPER_REF, NOW)}, Upload("bill", "d0", PAPER_REF)),
        (replace(NEW, items=ITEMS), {}, FindFiling(FILING_REF)),
        (replace(NEW, items=ITEMS), {"absent": Absent(FILING_REF, NOW)}, OpenFiling(RULES, ("I1", "I2"), FILING_REF)),
        (a_record(Review.DRAFT), {}, Look("B0")),
        (a_record(Review.DRAFT), {"live": a_live(items=("I1",))}, PutItems("B0", ("I1", "I2"))),
        (a_record(Review.DRAFT), {"live": a_live()}, Evaluate("B0")),
        (a_record(Review.DRAFT), {"live": a_live(), "checked": True}, Submit("B0")),
        (a_record(Review.DRAFT, begun=(CHANGE,)), {"live": a_live(), "checked": True}, None),
        (a_record(Review.DRAFT, begun=(LATE,)), {"live": a_live(), "checked": True, "looked_at": NOW}, Submit("B0")),
        (
            a_record(Review.DRAFT, begun=(LATE,)),
            {"live": a_live(), "looked_at": NOW - SECOND, "checked": True},
            Look("B0"),
        ),
        (a_record(Review.DRAFT, begun=(AHEAD,)), {"live": a_live(), "checked": True}, None),
        (a_record(Review.SUBMITTED), {}, None),
        (a_record(Review.SUBMITTED), {"woken": True}, Look("B0")),
        (a_record(Review.IN_REVIEW, next_look=NOW), {}, Look("B0")),
        (a_record(Review.IN_REVIEW, next_look=NOW), {"live": a_live(Review.IN_REVIEW)}, None),
        (a_record(Review.REJECTED), {}, None),
        (a_record(Review.REJECTED, next_look=NOW), {}, Look("B0")),
        (in_force(), {}, None),
        (in_force(31 * DAY), {}, None),
        (in_force(30 * DAY), {}, FindFiling(KEY.filing_reference(REVISION, 1))),
        (a_record(Review.EXPIRED), {}, FindFiling(KEY.filing_reference(REVISION, 1))),
        (a_record(Review.DRAFT, shortcomings=(BLURRED,)), {}, None),
        (a_record(Review.DRAFT, shortcomings=(BLURRED,), next_look=NOW), {}, Look("B0")),
        (a_record(refused=Refusal(PAPER_REF, "too old")), {}, None),
        (a_record(refused=Refusal("another", "too old")), {}, FindFiling(FILING_REF)),
        (FilingRecord(), {"rests_until": NOW + SECOND, "because": "it is down"}, None),
        (FilingRecord(), {"rests_until": NOW}, FindItem(END_USER, "p0", PARTY_REF)),
    ],
)
def test_one_step_follows_from_what_is_recorded_and_seen(
    record: FilingRecord, seen: dict[str, Any], action: Action | None
) -> None:
    assert plan(record, **seen).action == action


def test_a_filing_that_a_clock_ahead_has_written_is_looked_at_as_soon_as_any() -> None:
    """A review within hours, a call whose answer was lost within its grace: by the record that is kept from now on."""
    review = plan(a_record(Review.SUBMITTED, next_look=NOW + 10 * DAY))
    assert (review.record.next_look, review.requeue) == (NOW + 6 * HOUR, 6 * 3600)
    lost = plan(a_record(Review.DRAFT, begun=(AHEAD,)), live=a_live(), checked=True)
    assert (lost.record.begun, lost.requeue) == ((CHANGE,), GRACE.total_seconds())


def test_what_is_created_is_written_as_begun_before() -> None:
    planned = plan(NEW, absent=Absent(PARTY_REF, NOW))
    assert planned.record == replace(NEW, begun=(Begun(PARTY_REF, NOW),))


def test_handing_in_is_written_as_begun_before_and_is_over_with_its_answer() -> None:
    planned = plan(a_record(Review.DRAFT), live=a_live(), checked=True)
    assert (planned.action, planned.record.begun) == (Submit("B0"), (CHANGE,))
    assert settled(planned.record, Submit("B0"), None).begun == ()


def test_what_was_begun_and_is_not_found_is_created_again_only_after_the_grace() -> None:
    record = replace(NEW, begun=(Begun(PARTY_REF, NOW),))
    early = plan(record, absent=Absent(PARTY_REF, NOW), now=NOW + GRACE - SECOND)
    assert (early.action, early.record, early.requeue) == (None, record, 1.0)
    assert early.report.reason is Reason.OUTCOME_UNKNOWN
    stale = plan(record, absent=Absent(PARTY_REF, NOW), now=NOW + GRACE)
    assert stale.action == FindItem(END_USER, "p0", PARTY_REF)
    late = plan(record, absent=Absent(PARTY_REF, NOW + GRACE), now=NOW + GRACE)
    assert late.action == CreateParty("p0", PARTY_REF)
    assert late.record.begun == (Begun(PARTY_REF, NOW + GRACE),)


def test_how_long_the_grace_is_is_a_matter_of_the_settings() -> None:
    hasty, lost = replace(KEY, grace=SECOND), replace(NEW, begun=(Begun(PARTY_REF, NOW),))
    seen = replace(READ, absent=Absent(PARTY_REF, NOW + SECOND))
    assert plan_filing(KEY, a_bundle(), lost, seen, NOW + SECOND).action is None
    assert plan_filing(hasty, a_bundle(), lost, seen, NOW + SECOND).action == CreateParty("p0", PARTY_REF)


def test_nothing_is_begun_while_the_carrier_cannot_be_called() -> None:
    planned = plan(NEW, absent=Absent(PARTY_REF, NOW), rests_until=NOW + MINUTE, because="it is down")
    assert (planned.action, planned.record, planned.requeue) == (None, NEW, 60.0)
    assert (planned.report.reason, planned.report.message) == (Reason.CARRIER_UNAVAILABLE, "it is down")


@pytest.mark.parametrize(
    ("want", "reason", "message"),
    [
        (
            a_bundle(party=a_party(attributes={})),
            Reason.MISSING_DOCUMENTS,
            "The company: business_name in spec.endUser.attributes",
        ),
        (
            a_bundle(unreadable=(("lease", "Secret s has no key a"), ("bill", "Secret s is not there"))),
            Reason.DOCUMENTS_UNREADABLE,
            "bill: Secret s is not there; lease: Secret s has no key a",
        ),
    ],
)
def test_nothing_is_sent_while_anything_is_missing(want: BundleWant, reason: Reason, message: str) -> None:
    for record in (FilingRecord(), NEW, a_record(Review.DRAFT), in_force(DAY)):
        planned = plan(record, want)
        assert (planned.action, planned.record) == (None, record)
        assert (planned.report.reason, planned.report.message, planned.report.stalled) == (reason, message, True)


def test_a_review_is_followed_while_its_bundle_has_become_incomplete() -> None:
    assert plan(a_record(Review.IN_REVIEW, next_look=NOW), a_bundle(party=None)).action == Look("B0")


def test_a_suspended_bundle_sends_nothing_and_stays_in_force() -> None:
    planned = plan(in_force(DAY), a_bundle(suspended=True))
    assert (planned.action, planned.report.ready, planned.report.state) == (None, True, FilingState.EXPIRING)


def test_a_carrier_that_asks_for_nothing_is_ready_at_once() -> None:
    planned = plan(FilingRecord(), regulation=replace(RULES, requirements=()))
    assert (planned.action, planned.report.ready, planned.report.missing) == (None, True, ())


def test_a_carrier_that_sells_no_such_numbers_is_a_persons_to_strike_out() -> None:
    report = plan(FilingRecord(), regulation=None).report
    assert (report.reason, report.stalled) == (Reason.NOT_SOLD, True)
    assert report.message == "the carrier sells no Geographic numbers in DE"


# Revisions.


def test_changed_content_is_a_new_filing_that_uses_again_what_is_filed_and_keeps_what_is_in_force() -> None:
    want = a_bundle(a_paper("d1"))
    planned = plan(in_force(), want)
    revision = revision_of(RULES, want)
    assert planned.record == FilingRecord(revision=revision, items=ITEMS[:1], approved=Approval("B0", REVISION))
    assert planned.action == FindItem("bill", "d1", KEY.item_reference("d1"))
    assert (planned.report.state, planned.report.ready) == (FilingState.DRAFT, True)


def test_content_that_is_changed_back_returns_to_the_filing_in_force() -> None:
    record = a_record(Review.IN_REVIEW, revision="other", id="B1", approved=Approval("B0", REVISION))
    planned = plan(record)
    assert (planned.record.id, planned.record.review, planned.action) == ("B0", Review.APPROVED, Look("B0"))


def test_a_rejected_filing_is_filed_again_only_when_its_content_changes() -> None:
    rejected = a_record(Review.REJECTED, shortcomings=(BLURRED,))
    report = plan(rejected).report
    assert (report.state, report.reason, report.stalled) == (FilingState.REJECTED, Reason.DOCUMENTS_REJECTED, True)
    assert report.message == "the carrier rejects it: bill: Blurred: it can't be read"
    assert plan(rejected, a_bundle(a_paper("d1"))).action == FindItem("bill", "d1", KEY.item_reference("d1"))


def test_the_order_of_documents_and_those_that_nobody_asks_for_make_no_revision() -> None:
    one, two, unasked = a_paper("d0", "bill"), a_paper("d1", "bank"), a_paper("d2", "diary", type="diary")
    assert revision_of(RULES, a_bundle(one, two)) == revision_of(RULES, a_bundle(two, unasked, one))
    assert revision_of(RULES, a_bundle(one)) != revision_of(replace(RULES, id="other"), a_bundle(one))


@pytest.mark.parametrize(
    ("record", "state", "is_ready"),
    [
        (FilingRecord(), FilingState.DRAFT, False),
        (a_record(Review.SUBMITTED), FilingState.SUBMITTED, False),
        (a_record(Review.IN_REVIEW), FilingState.IN_REVIEW, False),
        (a_record(Review.REJECTED), FilingState.REJECTED, False),
        (in_force(), FilingState.APPROVED, True),
        (in_force(31 * DAY), FilingState.APPROVED, True),
        (in_force(30 * DAY), FilingState.EXPIRING, True),
        (replace(in_force(DAY), review=Review.IN_REVIEW, renewals=1), FilingState.EXPIRING, True),
        (replace(in_force(timedelta()), review=Review.IN_REVIEW, renewals=1), FilingState.IN_REVIEW, False),
        (replace(in_force(DAY), review=Review.REJECTED, renewals=1), FilingState.REJECTED, True),
    ],
)
def test_each_state_has_its_name(record: FilingRecord, state: FilingState, is_ready: bool) -> None:
    report = plan(record).report
    assert (report.state, report.ready) == (state, is_ready)


def test_a_short_approval_is_not_renewed_in_its_first_half() -> None:
    record = replace(in_force(4 * DAY), submitted_at=NOW - 3 * DAY)
    assert (plan(record).action, plan(record).report.state) == (None, FilingState.APPROVED)
    assert plan(record, now=NOW + DAY / 2, live=a_live(Review.APPROVED)).record.renewals == 1


# Answers.


def settled(record: FilingRecord, action: Action, answer: Answer, now: datetime = NOW) -> FilingRecord:
    return settle(KEY, record, READ, action, answer, now)[0]


def test_what_was_created_is_remembered_by_its_content() -> None:
    begun = replace(NEW, begun=(Begun(PAPER_REF, NOW), Begun(PARTY_REF, NOW)))
    record = settled(begun, Upload("bill", "d0", PAPER_REF), "I2")
    assert record == replace(NEW, items=ITEMS[1:], begun=(Begun(PARTY_REF, NOW),))


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        (CreateParty("p0", PARTY_REF), "I1"),
        (Upload("bill", "d0", PAPER_REF), "I2"),
        (OpenFiling(RULES, ("I1", "I2"), FILING_REF), a_live()),
    ],
)
def test_what_was_looked_for_in_vain_is_not_absent_any_more_once_it_is_created(action: Action, answer: Answer) -> None:
    before = replace(READ, absent=Absent(FILING_REF, NOW))
    assert settle(KEY, NEW, before, action, answer, NOW)[1].absent is None


def test_a_review_is_looked_at_after_a_minute_then_less_and_less_often() -> None:
    record = settled(a_record(Review.DRAFT), Submit("B0"), None)
    now, delays = NOW, []
    for _ in range(8):
        assert record.next_look
        delays.append(int((record.next_look - now) / MINUTE))
        now = record.next_look
        record = settled(record, Look("B0"), a_live(Review.IN_REVIEW), now)
    assert delays == [1, 2, 4, 8, 16, 30, 30, 30]
    assert record.submitted_at == NOW


def test_an_approval_replaces_the_older_one_which_numbers_may_still_carry() -> None:
    record = a_record(Review.IN_REVIEW, approved=Approval("old", "older"))
    after = settled(record, Look("B0"), a_live(Review.APPROVED, expires_at=NOW + DAY))
    assert (after.approved, after.superseded) == (Approval("B0", REVISION, NOW + DAY), ("old",))


@pytest.mark.parametrize("review", [Review.IN_REVIEW, Review.REJECTED, Review.EXPIRED])
def test_what_becomes_of_a_successor_takes_nothing_from_the_filing_in_force(review: Review) -> None:
    record = a_record(Review.IN_REVIEW, approved=Approval("old", "older"))
    assert settled(record, Look("B0"), a_live(review)).approved == Approval("old", "older")


@pytest.mark.parametrize("review", [Review.REJECTED, Review.EXPIRED, Review.DRAFT])
def test_an_approval_that_the_carrier_takes_back_is_in_force_no_more(review: Review) -> None:
    after = settled(in_force(), Look("B0"), a_live(review))
    assert (after.approved, after.superseded) == (None, ("B0",))


def test_a_filing_that_is_gone_is_opened_again_only_after_the_grace_and_its_approval_stays() -> None:
    gone = settled(in_force(), Look("B0"), None)
    assert gone.approved == Approval("B0", REVISION)
    assert plan(gone, absent=Absent(FILING_REF, NOW)).action is None
    assert plan(gone, absent=Absent(FILING_REF, NOW + GRACE), now=NOW + GRACE).action == OpenFiling(
        RULES, ("I1", "I2"), FILING_REF
    )


def test_what_the_carriers_check_finds_stops_the_draft() -> None:
    record = settled(a_record(Review.DRAFT), Evaluate("B0"), (BLURRED,))
    report = plan(record, live=a_live()).report
    assert (report.reason, report.stalled) == (Reason.DOCUMENTS_REFUSED, True)
    assert report.message == "the carrier's check finds: bill: Blurred: it can't be read"


def test_what_the_carrier_does_not_take_is_not_sent_again() -> None:
    begun = replace(NEW, begun=(Begun(PARTY_REF, NOW),))
    record = refuse(KEY, begun, CreateParty("p0", PARTY_REF), "no such city")
    assert record == replace(NEW, refused=Refusal(PARTY_REF, "no such city"))
    assert plan(record).report.message == "the carrier says: no such city"
    assert refuse(KEY, NEW, Submit("B0"), "no").refused == Refusal(FILING_REF, "no")


def test_an_answer_that_fits_no_action_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="Upload was answered with NoneType"):
        settle(KEY, NEW, READ, Upload("bill", "d0", PAPER_REF), None, NOW)


# What the bundle says.

LACK = Missing("proof", "Proof of address: a document of type utility_bill")


def a_report(reason: Reason = Reason.APPROVED, message: str = "it is approved", **rest: Any) -> FilingReport:
    fields = {"account": MAIN, "type": NumberType.GEOGRAPHIC, "state": FilingState.DRAFT, "ready": False, "missing": ()}
    return FilingReport(reason=reason, message=message, **{**fields, **rest})


GOOD = a_report(ready=True)
REVIEWED = a_report(Reason.IN_REVIEW, "it is reviewed.", working=True, account=SPARE)
SHORT = a_report(Reason.MISSING_DOCUMENTS, LACK.message, stalled=True, missing=(LACK,), type=NumberType.MOBILE)
WHOLE = Condition("Complete", True, Reason.COMPLETE, "Nothing that a carrier requires is missing.")
SPARE_TOLD = "default/spare Geographic: it is reviewed."
SHORT_TOLD = f"default/main Mobile: {LACK.message}"


@pytest.mark.parametrize(
    ("reports", "conditions"),
    [
        ((GOOD,), (ready(Reason.APPROVED, "The bundle may be used at every carrier, for every number type."), WHOLE)),
        (
            (REVIEWED, GOOD),
            (not_ready(Reason.IN_REVIEW, SPARE_TOLD), WHOLE, reconciling(Reason.IN_REVIEW, SPARE_TOLD)),
        ),
        (
            (REVIEWED, SHORT),
            (
                not_ready(Reason.MISSING_DOCUMENTS, f"{SHORT_TOLD}. {SPARE_TOLD}"),
                Condition("Complete", False, Reason.MISSING_DOCUMENTS, f"{SHORT_TOLD}."),
                reconciling(Reason.IN_REVIEW, SPARE_TOLD),
            ),
        ),
        (
            (SHORT, GOOD),
            (
                not_ready(Reason.MISSING_DOCUMENTS, f"{SHORT_TOLD}."),
                Condition("Complete", False, Reason.MISSING_DOCUMENTS, f"{SHORT_TOLD}."),
                stalled(Reason.MISSING_DOCUMENTS, f"{SHORT_TOLD}."),
            ),
        ),
        (
            (a_report(Reason.READING_REQUIREMENTS, "x", missing=None),),
            (not_ready(Reason.READING_REQUIREMENTS, "default/main Geographic: x."),),
        ),
    ],
)
def test_a_bundle_is_ready_when_every_filing_is(
    reports: tuple[FilingReport, ...], conditions: tuple[Condition, ...]
) -> None:
    assert plan_bundle_conditions(reports) == conditions
    assert plan_bundle_conditions(reports[::-1]) == conditions


def test_nothing_that_a_person_says_of_himself_is_ever_said() -> None:
    secret = "Erika Mustermann"
    party = a_party(attributes={"business_name": secret}, address={"city": secret})
    want = a_bundle(replace(a_paper(attributes={"place": secret}), content=secret.encode()), party=party)
    planned = plan(FilingRecord(), want)
    assert planned.report.missing
    assert secret not in repr((planned, plan_bundle_conditions([planned.report]), want))


def test_a_regulation_without_party_files_none() -> None:
    only = Regulation("r", "DE", NumberType.GEOGRAPHIC, a_bundle().end_user, (PROOF,))
    assert plan(FilingRecord(), regulation=only).action == FindItem("bill", "d0", PAPER_REF)
    assert plan(FilingRecord(), a_bundle(party=None), regulation=only).action == FindItem("bill", "d0", PAPER_REF)
    assert plan(FilingRecord(), a_bundle(party=None), regulation=replace(RULES, requirements=(COMPANY,))).action is None
