"""A bundle's life at one carrier, from the first document to its second renewal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ringfleet.model.compliance import FilingState, Review, Shortcoming
from ringfleet.plan.compliance_bundle.filing import Approval, FilingRecord
from ringfleet.plan.conditions import Reason
from tests.plan.registry import DAY, HOUR, KEY, MINUTE, PROOF, RULES, Desk, Operator, Registry, a_bundle, a_paper


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
