"""Whose documents the number of a claim is registered under, and where that can be done."""

from __future__ import annotations

import pytest

from ringfleet.model import AccountKey, NumberType
from ringfleet.model.compliance import FilingState
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.compliance_bundle.selection import Approved, AwaitBundle, NoBundle, Rejected, Waiting
from ringfleet.plan.compliance_bundle.tenancy import POOLS_OWN, BundleAt, Papers, Unnamed, judge_papers, name_one
from ringfleet.plan.conditions import Reason
from tests.plan.builders import MAIN, SPARE

ACME, OTHER = ObjectRef("acme", "papers"), ObjectRef("acme", "more")
GOOD, SOON = Approved("acme/papers", "B1"), Waiting("acme/papers", FilingState.IN_REVIEW, "It is in review.")
NONE, BAD = NoBundle("Create it."), Rejected("acme/papers", "It is rejected.")
UNSAID = AwaitBundle(Reason.READING_REQUIREMENTS, "It is not known yet whether the carrier asks for documents.")
WAITS = AwaitBundle(Reason.WAITING_FOR_BUNDLE, "It is in review.")


@pytest.mark.parametrize(
    ("named", "there", "papers"),
    [
        pytest.param(None, {MAIN: BundleAt(True, NONE)}, POOLS_OWN, id="none is named"),
        pytest.param(ACME, {MAIN: BundleAt(False, NONE)}, POOLS_OWN, id="no documents are asked for"),
        pytest.param(ACME, {MAIN: BundleAt(True, GOOD)}, Papers(ACME, frozenset({MAIN})), id="approved"),
        pytest.param(ACME, {MAIN: BundleAt(None, GOOD)}, Papers(ACME, frozenset({MAIN})), id="approved, not asked yet"),
        pytest.param(ACME, {MAIN: BundleAt(True, SOON)}, Papers(ACME, frozenset(), WAITS), id="in review"),
        pytest.param(
            ACME, {MAIN: BundleAt(None, SOON)}, Papers(ACME, frozenset(), UNSAID, frozenset({MAIN})), id="not known yet"
        ),
        pytest.param(
            ACME,
            {MAIN: BundleAt(True, SOON), SPARE: BundleAt(True, GOOD)},
            Papers(ACME, frozenset({SPARE}), WAITS),
            id="approved at the second account",
        ),
        pytest.param(
            ACME,
            {MAIN: BundleAt(False, NONE), SPARE: BundleAt(True, BAD)},
            Papers(ACME, frozenset({MAIN}), AwaitBundle(Reason.DOCUMENTS_REJECTED, "It is rejected.")),
            id="only one of them asks",
        ),
        pytest.param(
            Unnamed("Name one."),
            {MAIN: BundleAt(True, NONE)},
            Papers(None, frozenset(), AwaitBundle(Reason.AMBIGUOUS_BUNDLE, "Name one.")),
            id="several are meant",
        ),
    ],
)
def test_a_claim_may_have_numbers_where_its_tenants_bundle_is_approved(
    named: ObjectRef | Unnamed | None, there: dict[AccountKey, BundleAt], papers: Papers
) -> None:
    assert judge_papers(named, there) == papers
    assert papers.bar == (papers.awaited if papers.accounts == frozenset() else None)


def test_of_several_default_bundles_none_is_taken() -> None:
    assert name_one((), "DE", NumberType.MOBILE) is None
    assert name_one((ACME, ACME), "DE", NumberType.MOBILE) == ACME
    assert name_one((ACME, OTHER), "DE", NumberType.MOBILE) == Unnamed(
        "NumberQuotas of namespace acme name several ComplianceBundles for Mobile numbers in DE: more, papers. "
        "Name the one to use in spec.complianceBundleRef of the NumberClaim."
    )
