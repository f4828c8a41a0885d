"""What a bundle remembers of its filings is read as it was written, and filings are known without their notes."""

from __future__ import annotations

from dataclasses import replace

from ringfleet.api import ComplianceBundle
from ringfleet.api.compliance_bundle import BundleMemory
from ringfleet.model import AccountKey, NumberType
from ringfleet.model.compliance import Review, Shortcoming
from ringfleet.objects.compliance_bundle import bundle_memory, filing_records, filings_status, with_filings
from ringfleet.plan.compliance_bundle.decide import BundleDecision
from ringfleet.plan.compliance_bundle.filing import Approval, Begun, FiledItem, FilingRecord, FilingRef, Refusal
from tests.api.manifests import a_bundle
from tests.plan.builders import NOW

MAIN = FilingRef(AccountKey("default", "main"), NumberType.GEOGRAPHIC)
SPARE = FilingRef(AccountKey("default", "spare"), NumberType.GEOGRAPHIC)
RECORD = FilingRecord(
    revision="ab12",
    renewals=1,
    items=(FiledItem("register", "cd34", "document-1"),),
    begun=(Begun("rf.ab12", NOW),),
    id="bundle-2",
    review=Review.REJECTED,
    shortcomings=(Shortcoming("register", "illegible", "It can't be read."),),
    refused=Refusal("rf.ef56", "Too large."),
    submitted_at=NOW,
    next_look=NOW,
    looks=3,
    approved=Approval("bundle-1", "ef56", NOW, 2),
    superseded=("bundle-0",),
)
RECORDS = {MAIN: RECORD, SPARE: FilingRecord()}


def written(memory: BundleMemory) -> ComplianceBundle:
    bundle = ComplianceBundle.parse(a_bundle())
    filings = filings_status(bundle, BundleDecision(RECORDS, {}, ()))
    return bundle.with_status(with_filings(bundle.status, filings, memory))


def test_what_was_written_is_remembered() -> None:
    assert filing_records(written(bundle_memory(RECORDS.items()))) == RECORDS


def test_without_its_notes_a_filing_is_still_known_by_the_carriers_ids() -> None:
    found = filing_records(written(BundleMemory()))
    bare = FilingRecord(
        id="bundle-2",
        review=Review.REJECTED,
        shortcomings=RECORD.shortcomings,
        submitted_at=NOW,
        next_look=NOW,
        approved=Approval("bundle-1", "", NOW),
        superseded=("bundle-0",),
    )
    assert found == {MAIN: bare, SPARE: FilingRecord()}


def test_notes_of_a_filing_that_is_gone_are_no_filing() -> None:
    gone = FilingRef(AccountKey("default", "gone"), NumberType.MOBILE)
    assert filing_records(written(bundle_memory([(gone, replace(RECORD, id=None))]))).keys() == RECORDS.keys()
