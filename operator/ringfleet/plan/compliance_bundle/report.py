"""What a filing says of itself, and a bundle over all its filings: states, reasons, and when an approval is renewed.

Messages name accounts, number types, requirements and documents, in the carrier's words where it gave any: never what
an attribute says, never a time or a count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ringfleet.model import AccountKey, NumberType
from ringfleet.model.compliance import FilingState, Review, Shortcoming
from ringfleet.plan.compliance_bundle.filing import FilingRecord
from ringfleet.plan.compliance_bundle.requirements import BundleWant, Missing
from ringfleet.plan.conditions import Condition, Reason, not_ready, ready, reconciling, stalled


@dataclass(frozen=True, slots=True)
class FilingReport:
    """What a filing says of itself."""

    account: AccountKey
    """The carrier account that the filing is for."""
    type: NumberType
    """The number type that the filing is for."""
    state: FilingState
    """Where the filing stands, as people are told."""
    ready: bool
    """Whether orders may go ahead: a filing is in force, or the carrier asks for nothing."""
    reason: Reason
    """The reason for the condition that tells of the filing."""
    message: str
    """A sentence for a person that goes with the reason."""
    stalled: bool = False
    """Whether the filing stays as it is until a person acts."""
    working: bool = False
    """Whether the filing goes on by itself."""
    missing: tuple[Missing, ...] | None = None
    """The requirements that the bundle does not meet; None while it is not known what is required."""


def told(record: FilingRecord) -> tuple[Reason, str, bool]:
    """What the carrier's last word means, and whether a person must act."""
    match record.review:
        case Review.APPROVED:
            return Reason.APPROVED, "the carrier has approved the bundle", False
        case Review.REJECTED:
            return Reason.DOCUMENTS_REJECTED, f"the carrier rejects it: {_listed(record.shortcomings)}", True
        case Review.EXPIRED:
            return Reason.DOCUMENTS_EXPIRED, "the approval has expired", False
        case Review.PROVISIONAL:
            provisional = "the carrier has approved the bundle provisionally, and sells no number under it yet"
            return Reason.IN_REVIEW, provisional, False
        case Review.SUBMITTED | Review.IN_REVIEW:
            return Reason.IN_REVIEW, "the carrier reviews the bundle", False
        case _ if record.shortcomings:
            return Reason.DOCUMENTS_REFUSED, f"the carrier's check finds: {_listed(record.shortcomings)}", True
        case _:
            return Reason.FILING, "the bundle is being filed", False


def _listed(shortcomings: Iterable[Shortcoming]) -> str:
    lines = sorted(f"{one.paper or 'the whole'}: {one.reason}: {one.message}" for one in shortcomings)
    return "; ".join(lines) or "no reason is given"


def renewal_due(record: FilingRecord, want: BundleWant, now: datetime) -> bool:
    at = renewal_at(record, want.renew_before)
    is_newest = record.approved is not None and record.approved.id == record.id
    return record.review is Review.APPROVED and is_newest and at is not None and at <= now


def renewal_at(record: FilingRecord, renew_before: timedelta) -> datetime | None:
    """`renew_before` ahead of expiry, but not in the first half of an approval: a short one would renew for ever."""
    if record.approved is None or record.approved.expires_at is None:
        return None
    ends, lead = record.approved.expires_at, renew_before
    if record.submitted_at and record.review is Review.APPROVED:
        lead = min(lead, max(timedelta(), (ends - record.submitted_at) / 2))
    return ends - lead


def filing_state(record: FilingRecord, want: BundleWant, now: datetime) -> FilingState:
    """Where it stands. While an approval is renewed, and still in force, it is Expiring."""
    approved = record.approved if record.approved and record.approved.revision == record.revision else None
    if record.review is Review.APPROVED and approved:
        if not approved.in_force(now):
            return FilingState.EXPIRED
        return FilingState.EXPIRING if renewal_due(record, want, now) else FilingState.APPROVED
    if record.review is not Review.REJECTED and approved and approved.in_force(now):
        return FilingState.EXPIRING
    if record.review is Review.PROVISIONAL:
        return FilingState.IN_REVIEW
    return FilingState(record.review or Review.DRAFT)


def plan_bundle_conditions(reports: Iterable[FilingReport]) -> tuple[Condition, ...]:
    """What a bundle says of itself, over all its filings. Complete is left out until something is known of it. While
    one filing goes on, the bundle does: then only Ready tells of another one that needs a person."""
    ordered = sorted(reports, key=lambda report: (str(report.account), report.type))
    conditions = [_readiness(ordered), *_completeness(ordered)]
    if working := [report for report in ordered if report.working]:
        conditions.append(reconciling(working[0].reason, _lines(working)))
    elif stuck := [report for report in ordered if report.stalled]:
        conditions.append(stalled(stuck[0].reason, _lines(stuck)))
    return tuple(conditions)


def _readiness(reports: list[FilingReport]) -> Condition:
    waiting = [report for report in reports if not report.ready]
    if not waiting:
        return ready(Reason.APPROVED, "The bundle may be used at every carrier, for every number type.")
    if all(report.reason is Reason.SUSPENDED for report in waiting):
        return ready(Reason.SUSPENDED, _lines(waiting))
    worst = min(waiting, key=lambda report: not report.stalled)
    return not_ready(worst.reason, _lines(waiting))


def _completeness(reports: list[FilingReport]) -> Iterator[Condition]:
    lacking = [report for report in reports if report.missing]
    if lacking:
        told = (f"{report.account} {report.type}: {_wishes(report.missing or ())}" for report in lacking)
        yield Condition("Complete", False, Reason.MISSING_DOCUMENTS, f"{'. '.join(told)}.")
    elif any(report.reason is Reason.DOCUMENTS_UNREADABLE for report in reports):
        unread = [report for report in reports if report.reason is Reason.DOCUMENTS_UNREADABLE]
        yield Condition("Complete", False, Reason.DOCUMENTS_UNREADABLE, _lines(unread))
    elif reports and all(report.missing is not None for report in reports):
        yield Condition("Complete", True, Reason.COMPLETE, "Nothing that a carrier requires is missing.")


def _wishes(lacks: Iterable[Missing]) -> str:
    return "; ".join(lack.message for lack in lacks)


def _lines(reports: Iterable[FilingReport]) -> str:
    told_by = (f"{one.account} {one.type}: {one.message.removesuffix('.')}" for one in reports)
    return f"{'. '.join(told_by)}."
