"""A ComplianceBundle between its object and the values of `plan/compliance_bundle`, both ways. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import product

from ringfleet.api import ComplianceBundle
from ringfleet.api.compliance_bundle import Approval as ApprovalStatus
from ringfleet.api.compliance_bundle import BegunCall, BundleMemory, ComplianceBundleStatus, FilingMemory, FilingReason
from ringfleet.api.compliance_bundle import FiledItem as ItemStatus
from ringfleet.api.compliance_bundle import Filing as FilingStatus
from ringfleet.api.compliance_bundle import Refusal as RefusalStatus
from ringfleet.model import AccountKey
from ringfleet.model.compliance import Dossier, FilingState, Shortcoming
from ringfleet.objects.conditions import conditions
from ringfleet.objects.refs import account_key
from ringfleet.plan.compliance_bundle.decide import BundleDecision, BundleView
from ringfleet.plan.compliance_bundle.filing import (
    Approval,
    Begun,
    FiledItem,
    FilingKey,
    FilingRecord,
    FilingRef,
    Refusal,
)
from ringfleet.plan.compliance_bundle.report import FilingReport
from ringfleet.plan.compliance_bundle.requirements import BundleWant
from ringfleet.plan.compliance_bundle.selection import BundleFiling, BundleSeen


def bundle_view(bundle: ComplianceBundle, dossier: Dossier, installation: str, grace: timedelta) -> BundleView:
    """The bundle, read for a turn, with all that it names. `grace`: how long a call of it may be on its way."""
    meta, spec = bundle.metadata, bundle.spec
    want = BundleWant(
        name=meta.name,
        country=spec.country,
        types=spec.number_types,
        end_user=spec.end_user.type,
        party=dossier.party,
        papers=dossier.papers,
        renew_before=spec.renew_before,
        suspended=spec.suspend,
        unreadable=dossier.unreadable,
    )
    accounts = [account_key(ref, meta.namespace) for ref in spec.carriers]
    return BundleView(
        want,
        tuple(FilingKey(installation, meta.uid, *ref, grace) for ref in product(accounts, spec.number_types)),
        filing_records(bundle),
    )


def filing_ref(filing: FilingStatus | FilingMemory) -> FilingRef:
    namespace, _, name = filing.account.partition("/")
    return FilingRef(AccountKey(namespace, name), filing.number_type)


def filing_records(bundle: ComplianceBundle) -> dict[FilingRef, FilingRecord]:
    """What the status remembers of each filing. What was created at the carrier is found there again by its reference,
    so a filing whose notes are missing is not filed twice."""
    status = bundle.status
    notes = {filing_ref(one): one for one in status.memory.filings}
    return {
        ref: _record(filing, notes.get(ref) or FilingMemory(account=filing.account, number_type=filing.number_type))
        for ref, filing in ((filing_ref(filing), filing) for filing in status.filings)
    }


def _record(filing: FilingStatus, notes: FilingMemory) -> FilingRecord:
    return FilingRecord(
        revision=notes.revision or "",
        renewals=notes.renewals,
        items=tuple(FiledItem(item.name, item.hash, item.id) for item in notes.items),
        begun=tuple(Begun(call.reference, call.at) for call in notes.begun),
        id=filing.id,
        review=filing.review,
        shortcomings=tuple(Shortcoming(one.document, one.reason, one.message) for one in filing.reasons),
        refused=Refusal(notes.refused.reference, notes.refused.message) if notes.refused else None,
        submitted_at=filing.submitted_at,
        next_look=filing.next_look,
        looks=notes.looks,
        approved=_approval(filing.approved, notes),
        superseded=filing.superseded,
        emptied=notes.emptied,
        tidied=notes.tidied or "",
    )


def _approval(known: ApprovalStatus | None, notes: FilingMemory) -> Approval | None:
    if known is None:
        return None
    return Approval(known.id, notes.approved_revision or "", known.expires_at, notes.approved_renewals)


def bundle_memory(records: Iterable[tuple[FilingRef, FilingRecord]]) -> BundleMemory:
    """The records as the notes keep them."""
    return BundleMemory(filings=tuple(_notes(ref, record) for ref, record in records))


def _notes(ref: FilingRef, record: FilingRecord) -> FilingMemory:
    approved = record.approved
    return FilingMemory(
        account=str(ref.account),
        number_type=ref.type,
        revision=record.revision or None,
        renewals=record.renewals,
        approved_revision=approved and approved.revision,
        approved_renewals=approved.renewals if approved else 0,
        items=tuple(ItemStatus(name=item.name, hash=item.hash, id=item.id) for item in record.items),
        begun=tuple(BegunCall(reference=call.reference, at=call.at) for call in record.begun),
        refused=record.refused and RefusalStatus(reference=record.refused.reference, message=record.refused.message),
        looks=record.looks,
        emptied=record.emptied,
        tidied=record.tidied or None,
    )


def filings_status(bundle: ComplianceBundle, decision: BundleDecision) -> tuple[FilingStatus, ...]:
    """How the filings stand, sorted; how many numbers carry each is not counted yet."""
    before = {filing_ref(filing): filing for filing in bundle.status.filings}
    return tuple(
        _filing_status(ref, record, decision.reports.get(ref), before.get(ref))
        for ref, record in sorted(decision.records.items())
    )


def _filing_status(
    ref: FilingRef, record: FilingRecord, report: FilingReport | None, before: FilingStatus | None
) -> FilingStatus:
    """How the filing stands, with what the report says; without a report, with what was said `before`."""
    approved = record.approved
    missing = before.missing if before else ()
    if report and report.missing is not None:
        missing = tuple(lack.message for lack in report.missing)
    state = report.state if report else before.state if before else FilingState.DRAFT
    return FilingStatus(
        account=str(ref.account),
        number_type=ref.type,
        state=state,
        missing=missing,
        reasons=tuple(
            FilingReason(document=one.paper, reason=one.reason, message=one.message) for one in record.shortcomings
        ),
        approved=approved and ApprovalStatus(id=approved.id, expires_at=approved.expires_at),
        id=record.id,
        review=record.review,
        superseded=record.superseded,
        submitted_at=record.submitted_at,
        next_look=record.next_look,
    )


def with_counts(filing: FilingStatus, attached: int, outdated: int) -> FilingStatus:
    """The filing with how many numbers carry it, and how many of them a revision that is superseded."""
    return filing.model_copy(update={"attached": attached, "outdated": outdated})


def bundle_status(
    bundle: ComplianceBundle, filings: tuple[FilingStatus, ...], decision: BundleDecision, now: datetime
) -> ComplianceBundleStatus:
    """The whole status; `filings` are those of the decision, counted. Between two calls a bundle that says something
    goes on saying it."""
    before, generation = bundle.status, bundle.metadata.generation
    status = with_filings(before, filings, bundle_memory(sorted(decision.records.items())))
    if decision.under_way and before.conditions:
        return status
    return status.saying(generation, conditions(before.conditions, decision.conditions, generation, now))


def with_filings(
    before: ComplianceBundleStatus, filings: tuple[FilingStatus, ...], memory: BundleMemory
) -> ComplianceBundleStatus:
    """The status with these filings, and what they are in short; it says what it said before."""
    return ComplianceBundleStatus(
        observed_generation=before.observed_generation,
        conditions=before.conditions,
        filings=filings,
        states=states(filings),
        attached=sum(filing.attached for filing in filings),
        expires_at=expiry(filings),
        memory=memory,
    )


def states(filings: Iterable[FilingStatus]) -> str | None:
    """The states of all filings in short."""
    return ", ".join(sorted({str(filing.state) for filing in filings})) or None


def expiry(filings: Iterable[FilingStatus]) -> datetime | None:
    """When the first approval expires."""
    ends = (filing.approved.expires_at for filing in filings if filing.approved)
    return min((end for end in ends if end), default=None)


def bundle_seen(bundle: ComplianceBundle) -> BundleSeen:
    """A bundle as pools and numbers see it."""
    spec, namespace, records = bundle.spec, bundle.metadata.namespace, filing_records(bundle)
    return BundleSeen(
        name=bundle.metadata.name,
        country=spec.country,
        types=spec.number_types,
        accounts=tuple(account_key(ref, namespace) for ref in spec.carriers),
        filings=tuple(
            BundleFiling(*ref, filing.state, records[ref].approved, _lacks(filing))
            for ref, filing in ((filing_ref(filing), filing) for filing in bundle.status.filings)
        ),
    )


def _lacks(filing: FilingStatus) -> tuple[str, ...]:
    """What is missing of it, or was found wrong."""
    found = (f"{one.document or 'the whole'}: {one.message or one.reason}" for one in filing.reasons)
    return (*filing.missing, *found)
