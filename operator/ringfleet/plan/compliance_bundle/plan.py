"""What one filing does next: a bundle at one carrier account, for one number type.

::

    incomplete --> Draft --> Submitted --> InReview --+--> Approved --> Expiring --> Expired
       (nothing is sent)                              |        ^           |
                                                      |        '-- renewed-'
                                                      '--> Rejected   (rests until its content changes)

Content makes a revision. A change, or an approval that soon ends, aims at a new filing, and the approved one stays in
force beside it; where the carrier can, it takes the new one over when that is approved. One step is planned at a time:
the controller writes the plan's record, does its action, settles the answer (`plan/compliance_bundle/filing.py`) and
plans again, until there is no action; then it writes the report. When its write meets another writer it forgets what it
has seen and reads again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from ringfleet.model.compliance import FilingState, Regulation, Review, Waste
from ringfleet.plan.compliance_bundle.filing import (
    END_USER,
    WITH_CARRIER,
    Action,
    Approval,
    CarrierSeen,
    CreateParty,
    Evaluate,
    FilingKey,
    FilingRecord,
    FindFiling,
    FindItem,
    Look,
    OpenFiling,
    PutItems,
    ReadRegulation,
    Submit,
    TakeOver,
    TidyUp,
    Upload,
    begin,
    begun_until,
    of_now,
    revision_of,
    takes_over,
)
from ringfleet.plan.compliance_bundle.report import FilingReport, filing_state, renewal_at, renewal_due, told
from ringfleet.plan.compliance_bundle.requirements import BundleWant, Missing, fitting_papers, missing, wants_party
from ringfleet.plan.conditions import NEEDS_A_PERSON, Reason


@dataclass(frozen=True, slots=True)
class FilingPlan:
    """The record to write first, then the one thing to do, what to say, and when to plan again (seconds)."""

    record: FilingRecord
    action: Action | None
    report: FilingReport
    requeue: float | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """What is decided, before it is told: why it rests or what it does."""

    record: FilingRecord
    action: Action | None
    reason: Reason
    message: str
    stalled: bool = False
    working: bool = False
    until: datetime | None = None


def plan_filing(key: FilingKey, want: BundleWant, record: FilingRecord, seen: CarrierSeen, now: datetime) -> FilingPlan:
    """Decide the one next step of a filing. Pure; `now` is timezone-aware UTC."""
    record = of_now(record, now)
    if want.suspended:
        suspended = _Step(record, None, Reason.SUSPENDED, "spec.suspend is true: nothing is sent")
        return _plan(key, want, None, suspended, now)
    if not seen.read:
        read = ReadRegulation(want.country, key.type, want.end_user)
        reading = _Step(record, read, Reason.READING_REQUIREMENTS, "the requirements are being read", working=True)
        return _plan(key, want, None, _unless_resting(reading, record, seen, now), now)
    if seen.regulation is None:
        sold = f"the carrier sells no {key.type} numbers in {want.country}"
        return _plan(key, want, None, _Step(record, None, Reason.NOT_SOLD, sold, stalled=True), now)
    if not seen.regulation.requirements:
        return _nothing_asked(key, record)
    lacks = missing(seen.regulation, want)
    return _plan(key, want, lacks, _next(key, want, seen.regulation, lacks, record, seen, now), now)


def _next(
    key: FilingKey,
    want: BundleWant,
    regulation: Regulation,
    lacks: tuple[Missing, ...],
    record: FilingRecord,
    seen: CarrierSeen,
    now: datetime,
) -> _Step:
    """Follow what the carrier has, or build what it should have. An incomplete bundle only follows."""
    if held := _held_back(want, lacks):
        step = _follow(key, record, seen, now) if record.review is not Review.DRAFT else None
        return _unless_resting(step, record, seen, now) if step and step.action else _held(record, *held)
    record = _aim(record, want, revision_of(regulation, want), now)
    step = _follow(key, record, seen, now) or _tidying(key, record, now)
    step = step or _build(key, want, regulation, record, seen, now)
    if step.action is None and not _rests(seen, now) and (tidy := _tidy(key, want, regulation, record, now)):
        return replace(step, record=begin(key, record, key.tidy_reference, now), action=tidy)
    return _unless_resting(step, record, seen, now)


def _held_back(want: BundleWant, lacks: tuple[Missing, ...]) -> tuple[Reason, str] | None:
    """Why nothing new may be filed."""
    if want.unreadable:
        each = (f"{name}: {message}" for name, message in sorted(want.unreadable))
        return Reason.DOCUMENTS_UNREADABLE, "; ".join(each)
    if lacks:
        return Reason.MISSING_DOCUMENTS, "; ".join(lack.message for lack in lacks)
    return None


def _held(record: FilingRecord, reason: Reason, message: str) -> _Step:
    with_carrier = record.id and record.review is not Review.DRAFT
    return _Step(record, None, reason, message, stalled=True, until=record.next_look if with_carrier else None)


def _unless_resting(step: _Step, record: FilingRecord, seen: CarrierSeen, now: datetime) -> _Step:
    """The step, or waiting when the carrier can't be called: then `record` stays, and nothing is begun."""
    if step.action is None or not _rests(seen, now):
        return step
    if seen.blocked and seen.blocked in NEEDS_A_PERSON:
        return _Step(record, None, seen.blocked, seen.because, stalled=True, until=seen.rests_until)
    return _Step(record, None, Reason.CARRIER_UNAVAILABLE, seen.because, working=True, until=seen.rests_until)


def _rests(seen: CarrierSeen, now: datetime) -> bool:
    return seen.rests_until is not None and seen.rests_until > now


def _aim(record: FilingRecord, want: BundleWant, revision: str, now: datetime) -> FilingRecord:
    """Which filing is the newest: of the present content, and filed again when its approval ends soon."""
    if record.revision != revision:
        back = record.approved if record.approved and record.approved.revision == revision else None
        record = _return_to(record, back) if back else _anew(record, want, revision, 0)
    taken_back = record.review is Review.PROVISIONAL and record.id in record.superseded
    if record.review is Review.EXPIRED or taken_back or renewal_due(record, want, now):
        return _anew(record, want, revision, record.renewals + 1)
    return record


def _anew(record: FilingRecord, want: BundleWant, revision: str, renewals: int) -> FilingRecord:
    """A filing that is not opened yet. What is filed already and still wanted is used again."""
    hashes = {paper.hash for paper in want.papers} | ({want.party.hash} if want.party else set())
    return FilingRecord(
        revision=revision,
        renewals=renewals,
        items=tuple(item for item in record.items if item.hash in hashes),
        begun=record.begun,
        refused=record.refused,
        approved=record.approved,
        superseded=record.superseded,
        emptied=record.emptied,
        tidied=record.tidied,
    )


def _return_to(record: FilingRecord, approved: Approval) -> FilingRecord:
    """The content is again that of the filing in force: it is the newest."""
    return replace(
        record,
        revision=approved.revision,
        renewals=approved.renewals,
        id=approved.id,
        review=Review.APPROVED,
        shortcomings=(),
        submitted_at=None,
        next_look=None,
        looks=0,
        tidied="",
    )


def _follow(key: FilingKey, record: FilingRecord, seen: CarrierSeen, now: datetime) -> _Step | None:
    """Ask how it stands when that is due, and rest in between; None for a draft, which is ours to go on with."""
    if record.id is None or record.review is None:
        return None
    if record.review is Review.APPROVED and record.approved and record.approved.id != record.id:
        take_over = TakeOver(record.approved.id, record.id, key.filing_reference(record.revision, 0))
        return _going_on(record, take_over if takes_over(key, record, seen, now) else Look(record.id))
    if _look_due(record, seen, now):
        reason, message, stuck = told(record)
        return _Step(record, Look(record.id), reason, message, stalled=stuck, working=not stuck)
    if record.review is Review.DRAFT:
        return None
    reason, message, stuck = told(record)
    working = record.review in WITH_CARRIER
    return _Step(record, None, reason, message, stalled=stuck, working=working, until=record.next_look)


def _tidying(key: FilingKey, record: FilingRecord, now: datetime) -> _Step | None:
    """Wait, while something may be thrown away that is made now."""
    until = begun_until(key, record, key.tidy_reference)
    return _unknown(record, until) if until and until > now else None


def _tidy(
    key: FilingKey, want: BundleWant, regulation: Regulation, record: FilingRecord, now: datetime
) -> TidyUp | None:
    """What is left of earlier filings, of changes and of crashes goes when the newest filing is approved: end users and
    documents are personal data, and are not left lying about."""
    reference = key.filing_reference(record.revision, record.renewals)
    done = record.tidied == reference and not record.emptied
    on_its_way = any(now - one.at < key.grace for one in record.begun)
    if not regulation.deletes or record.review is not Review.APPROVED or on_its_way or done:
        return None
    hashes = (*(paper.hash for paper in want.papers), *((want.party.hash,) if want.party else ()))
    ids = (record.id, record.approved.id if record.approved else None, *record.superseded)
    keep = frozenset((*map(key.item_reference, hashes), *(one for one in ids if one)))
    return TidyUp(Waste(key.filings_prefix, key.items_prefix, keep, record.emptied), reference)


def _look_due(record: FilingRecord, seen: CarrierSeen, now: datetime) -> bool:
    if seen.live and seen.live.external_id == record.id:
        return False
    if record.review is Review.DRAFT and not record.shortcomings:
        return True
    return seen.woken or record.next_look is None or record.next_look <= now


def _build(
    key: FilingKey, want: BundleWant, regulation: Regulation, record: FilingRecord, seen: CarrierSeen, now: datetime
) -> _Step:
    """The next step from nothing to handed in."""
    wanted = tuple(_wanted_items(key, want, regulation))
    reference = key.filing_reference(record.revision, record.renewals)
    references = {reference, *(create.reference for create, _ in wanted)}
    if record.refused and record.refused.reference in references:
        refusal = f"the carrier says: {record.refused.message}"
        return _Step(record, None, Reason.DOCUMENTS_REFUSED, refusal, stalled=True)
    ids = {item.hash: item.id for item in record.items}
    for create, find in wanted:
        if create.hash not in ids:
            return _create(key, record, seen, find, create, now)
    items = tuple(sorted(ids[create.hash] for create, _ in wanted))
    if record.id is None:
        renews = record.approved.id if record.approved and takes_over(key, record, seen, now) else None
        opening = OpenFiling(regulation, items, reference, renews)
        return _create(key, record, seen, FindFiling(reference), opening, now)
    return _finish(key, record, record.id, items, seen, now)


def _wanted_items(
    key: FilingKey, want: BundleWant, regulation: Regulation
) -> Iterator[tuple[CreateParty | Upload, FindItem]]:
    if want.party and wants_party(regulation):
        reference = key.item_reference(want.party.hash)
        yield CreateParty(want.party.hash, reference), FindItem(END_USER, want.party.hash, reference)
    for paper in fitting_papers(regulation, want.papers):
        reference = key.item_reference(paper.hash)
        yield Upload(paper.name, paper.hash, reference), FindItem(paper.name, paper.hash, reference)


def _create(
    key: FilingKey,
    record: FilingRecord,
    seen: CarrierSeen,
    find: FindItem | FindFiling,
    create: CreateParty | Upload | OpenFiling,
    now: datetime,
) -> _Step:
    """Look first; then write that it is begun, and create. What was begun before must have had its time at the look."""
    if seen.absent is None or seen.absent.reference != create.reference:
        return _going_on(record, find)
    until = begun_until(key, record, create.reference)
    if until is None or until <= seen.absent.at:
        return _going_on(begin(key, record, create.reference, now), create)
    return _going_on(record, find) if until <= now else _unknown(record, until)


def _unknown(record: FilingRecord, until: datetime) -> _Step:
    unknown = "the carrier's answer is not known; it is looked up"
    return _Step(record, None, Reason.OUTCOME_UNKNOWN, unknown, working=True, until=until)


def _going_on(record: FilingRecord, action: Action) -> _Step:
    return _Step(record, action, Reason.FILING, "the bundle is being filed", working=True)


def _finish(
    key: FilingKey, record: FilingRecord, id_: str, items: tuple[str, ...], seen: CarrierSeen, now: datetime
) -> _Step:
    """From a draft with whatever is in it to one that is handed in."""
    reason, message, stuck = told(record)
    if stuck:
        return _Step(record, None, reason, message, stalled=True, until=record.next_look)
    if seen.live is None or tuple(sorted(seen.live.items)) != items:
        return _change(key, record, PutItems(id_, items), seen, now)
    return _change(key, record, Submit(id_), seen, now) if seen.checked else _going_on(record, Evaluate(id_))


def _change(key: FilingKey, record: FilingRecord, action: PutItems | Submit, seen: CarrierSeen, now: datetime) -> _Step:
    """Written as begun, as a creation is: else one that was late would hand in again what is rejected by then."""
    reference = key.change_reference(record.revision, record.renewals)
    until = begun_until(key, record, reference)
    if until is None or (seen.looked_at and until <= seen.looked_at):
        return _going_on(begin(key, record, reference, now), action)
    return _going_on(record, Look(action.id)) if until <= now else _unknown(record, until)


def _plan(
    key: FilingKey, want: BundleWant, lacks: tuple[Missing, ...] | None, step: _Step, now: datetime
) -> FilingPlan:
    record = step.record
    in_force = record.approved is not None and record.approved.in_force(now)
    state = filing_state(record, want, now)
    report = FilingReport(
        key.account, key.type, state, in_force, step.reason, step.message, step.stalled, step.working, lacks
    )
    changes = (step.until, renewal_at(record, want.renew_before), record.approved and record.approved.expires_at)
    later = [(moment - now).total_seconds() for moment in changes if moment and moment > now]
    return FilingPlan(record, step.action, report, min(later, default=None))


def _nothing_asked(key: FilingKey, record: FilingRecord) -> FilingPlan:
    message = "the carrier asks for no documents"
    report = FilingReport(key.account, key.type, FilingState.APPROVED, True, Reason.APPROVED, message, missing=())
    return FilingPlan(record, None, report)
