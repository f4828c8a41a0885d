"""A bundle's life at one carrier, from the first document to its second renewal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ringfleet.model.compliance import FilingState, Review, Shortcoming
from ringfleet.plan.compliance_bundle.filing import GRACE, Approval, Begun, FilingRecord, TakeOver
from ringfleet.plan.conditions import Reason
from tests.plan.registry import (
    DAY,
    HOUR,
    IN_PLACE,
    KEY,
    MINUTE,
    PROOF,
    RULES,
    Desk,
    Operator,
    Registry,
    a_bundle,
    a_paper,
)


def test_documents_are_sent_once_and_handed_in_and_followed_until_they_are_approved() -> None:
    desk = Desk(want=a_bundle(a_paper("d0", "bill"), a_paper("d1", "bank")))
    operator = Operator(desk)
    assert operator.rest().report.state is FilingState.SUBMITTED
    for verdict, state in ((Review.IN_REVIEW, FilingState.IN_REVIEW), (Review.APPROVED, FilingState.APPROVED)):
        desk.registry.review(verdict, desk.now)
        desk.now += HOUR
        assert operator.rest().report.state is state
    items = [KEY.item_reference(content) for content in ("p0", "d0", "d1")]
    assert desk.registry.created == dict.fromkeys((*items, KEY.filing_reference(desk.record.revision, 0)), 1)


def test_a_rejected_document_is_corrected_and_only_it_is_sent_again() -> None:
    desk = Desk(want=a_bundle(a_paper("d0", "bill")))
    operator = Operator(desk)
    operator.rest()
    desk.registry.put("B0", review=Review.REJECTED, shortcomings=(Shortcoming("bill", "Blurred", "it can't be read"),))
    desk.now += MINUTE
    assert operator.rest().report.reason is Reason.DOCUMENTS_REJECTED
    before = set(desk.registry.created)
    desk.want = a_bundle(a_paper("d1", "bill"))
    assert operator.rest().report.state is FilingState.SUBMITTED
    added = {KEY.item_reference("d1"), KEY.filing_reference(desk.record.revision, 0)}
    assert set(desk.registry.created) - before == added
    assert desk.registry.submitted == ["B0", "B1"]


def test_an_approval_is_renewed_again_and_again_without_a_day_out_of_force_and_without_an_upload() -> None:
    desk = Desk(registry=Registry(valid=90 * DAY))
    operator = Operator(desk)
    operator.rest()
    desk.registry.review(Review.APPROVED, desk.now)
    desk.now += HOUR
    states = []
    for _ in range(200):
        report = operator.rest().report
        assert report.ready
        states.append(report.state)
        if desk.now.day % 5 == 0:
            desk.registry.review(Review.APPROVED, desk.now)
        desk.now += DAY
    assert set(states) == {FilingState.APPROVED, FilingState.EXPIRING}
    assert desk.record.renewals == len(desk.record.superseded) == 3
    assert sum(desk.registry.created.values()) == 2 + 4


@pytest.mark.parametrize("days", [pytest.param(1, id="approved"), pytest.param(150, id="approved, and renewed twice")])
def test_a_filing_whose_notes_are_lost_is_found_at_the_carrier_and_not_filed_again(days: int) -> None:
    desk = Desk(registry=Registry(valid=90 * DAY))
    operator = Operator(desk)
    operator.rest()
    for _ in range(days):
        desk.registry.review(Review.APPROVED, desk.now)
        desk.now += DAY
        operator.rest()
    before, created = desk.record, dict(desk.registry.created)
    assert before.approved
    desk.record = FilingRecord(
        id=before.id,
        review=before.review,
        submitted_at=before.submitted_at,
        next_look=before.next_look,
        approved=Approval(before.approved.id, "", before.approved.expires_at),
        superseded=before.superseded,
    )
    assert operator.rest().report.ready
    assert (desk.registry.created, desk.record.approved) == (created, before.approved)
    assert (desk.record.renewals, desk.record.superseded) == (before.renewals, before.superseded)


def test_without_a_review_in_time_the_approval_expires_and_the_renewal_goes_on() -> None:
    desk = Desk(registry=Registry(valid=90 * DAY))
    operator = Operator(desk)
    operator.rest()
    desk.registry.review(Review.APPROVED, desk.now)
    desk.now += 61 * DAY
    assert operator.rest().report.state is FilingState.EXPIRING
    desk.now += 30 * DAY
    report = operator.rest().report
    assert (report.state, report.ready) == (FilingState.SUBMITTED, False)
    desk.registry.review(Review.APPROVED, desk.now)
    desk.now += HOUR
    assert operator.rest().report.ready


def test_an_approval_that_is_not_renewed_for_want_of_documents_expires() -> None:
    desk = Desk(registry=Registry(valid=90 * DAY))
    operator = Operator(desk)
    operator.rest()
    desk.registry.review(Review.APPROVED, desk.now)
    desk.now += HOUR
    operator.rest()
    desk.registry.regulation = replace(RULES, requirements=(*RULES.requirements, replace(PROOF, accepts=("passport",))))
    states = []
    for _ in range(4):
        desk.now += 30 * DAY
        states.append(operator.rest().report.state)
    assert states == [FilingState.APPROVED, FilingState.EXPIRING, FilingState.EXPIRED, FilingState.EXPIRED]
    assert len(desk.registry.filings) == 1


def approve(desk: Desk, operator: Operator) -> None:
    operator.rest()
    desk.registry.review(Review.APPROVED, desk.now)
    desk.now += HOUR
    operator.rest()


@pytest.mark.parametrize("takes", [0, 20])
def test_a_renewal_is_taken_over_by_the_filing_that_numbers_carry_and_leaves_nothing_behind(takes: int) -> None:
    """Also one whose review ends when the approval that it renews is about to end: it is not renewed once more."""
    desk = Desk(registry=Registry(IN_PLACE, valid=90 * DAY))
    operator = Operator(desk)
    approve(desk, operator)
    before = desk.record.approved
    assert before
    assert before.expires_at
    desk.now += 61 * DAY
    operator.rest()
    desk.now += takes * DAY
    approve(desk, operator)
    assert desk.record.approved == replace(before, expires_at=desk.now - HOUR + 90 * DAY, renewals=1)
    assert (desk.record.id, desk.record.superseded, desk.record.emptied) == ("B0", (), ())
    assert set(desk.registry.filings) == {"B0"}
    assert operator.rest().report.state is FilingState.APPROVED


def test_new_content_goes_into_the_filing_in_force_and_what_it_replaces_is_thrown_away() -> None:
    desk = Desk(registry=Registry(IN_PLACE))
    operator = Operator(desk)
    approve(desk, operator)
    desk.want = a_bundle(a_paper("d1"))
    approve(desk, operator)
    assert desk.record.approved == Approval("B0", desk.record.revision)
    assert {one.items for one in desk.registry.filings.values()} == {("I1", "I3")}
    assert set(desk.registry.items.values()) == {"I1", "I3"}
    desk.record = FilingRecord()
    created = dict(desk.registry.created)
    assert operator.rest().report.ready
    assert (desk.registry.created, desk.record.id) == (created, "B0")


def test_a_carrier_that_lets_nothing_be_taken_over_has_the_newer_filing_in_force() -> None:
    desk = Desk(registry=Registry(IN_PLACE, valid=90 * DAY, refuses=(TakeOver,)))
    operator = Operator(desk)
    approve(desk, operator)
    desk.now += 61 * DAY
    approve(desk, operator)
    assert desk.record.approved
    assert (desk.record.approved.id, desk.record.superseded) == ("B1", ("B0",))
    assert set(desk.registry.filings) == {"B0", "B1"}


def test_an_approval_that_is_only_provisional_is_waited_for_and_one_that_becomes_so_is_filed_anew() -> None:
    desk = Desk(registry=Registry(IN_PLACE))
    operator = Operator(desk)
    operator.rest()
    for _ in range(3):
        desk.registry.put("B0", review=Review.PROVISIONAL)
        desk.now += HOUR
        report = operator.rest().report
        assert (report.state, report.reason, report.ready) == (FilingState.IN_REVIEW, Reason.IN_REVIEW, False)
    assert set(desk.registry.filings) == {"B0"}
    desk.registry.put("B0", review=Review.APPROVED)
    desk.now += HOUR
    assert operator.rest().report.ready
    desk.registry.put("B0", review=Review.PROVISIONAL)
    desk.now += DAY
    assert not operator.rest().report.ready
    assert desk.registry.submitted == ["B0", "B1"]


def test_what_a_crash_left_at_the_carrier_goes_with_the_next_approval_and_nothing_that_is_wanted() -> None:
    desk = Desk(registry=Registry(IN_PLACE))
    left, other = KEY.item_reference("crashed"), "home.u2.crashed"
    desk.registry.items |= {left: "I90", other: "I91"}
    desk.registry.created |= {left: 1}
    operator = Operator(desk)
    approve(desk, operator)
    assert set(desk.registry.items.values()) == {"I1", "I2", "I91"}
    assert desk.record.tidied == KEY.filing_reference(desk.record.revision, 0)


def test_nothing_is_made_while_a_throwing_away_may_be_on_its_way() -> None:
    desk = Desk(registry=Registry(IN_PLACE))
    operator = Operator(desk)
    approve(desk, operator)
    desk.record = replace(desk.record, begun=(Begun(KEY.tidy_reference, desk.now),))
    desk.want = a_bundle(a_paper("d1"))
    plan = operator.rest()
    assert (plan.report.reason, plan.requeue) == (Reason.OUTCOME_UNKNOWN, GRACE.total_seconds())
    desk.now += GRACE
    operator.rest()
    assert desk.registry.submitted == ["B0", "B1"]
