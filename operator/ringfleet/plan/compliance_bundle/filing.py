"""One bundle at one carrier account for one number type: what is remembered of it, and what each answer adds.

::

    look by reference --absent--> write `begun` --> create --> id in the record
           |                                          |
           '--found--> id in the record               '--reply lost--> look, and after the grace create again

The reference of everything created is the hash of its content under the installation and the bundle, so the same
content has the same reference, whoever creates it and whenever. It is looked for before it is created: even a record
that was lost creates nothing twice. What was begun and is not found may still be on its way to the carrier: it is
begun again only after the key's grace, which is longer than any call takes.

The approved filing stays in the record, and in force, until a newer one is approved or the carrier itself takes it
back. Where a carrier can do it, the approved one takes over what the newer one holds, and goes on under its own id: the
numbers that carry it are not told anything. The newer one is empty then, and is thrown away with what else is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from ringfleet.model import AccountKey, NumberType
from ringfleet.model.compliance import EndUserType, Filing, Regulation, Review, Shortcoming, Waste
from ringfleet.plan.compliance_bundle.requirements import BundleWant, fitting_papers, wants_party
from ringfleet.plan.conditions import Reason
from ringfleet.rate import backoff

GRACE = timedelta(minutes=2)
"""How long a call may be on its way to the carrier, unless the settings say otherwise."""
FIRST_LOOK, LAST_LOOK = timedelta(minutes=1), timedelta(minutes=30)
RESTING_LOOK = timedelta(hours=6)
CALL_AGAIN = timedelta(seconds=15)
"""How long a carrier that does not answer is left alone. Its account wakes the bundle when it answers sooner."""
END_USER = "endUser"

WITH_CARRIER = frozenset({Review.SUBMITTED, Review.IN_REVIEW, Review.PROVISIONAL})


class FilingRef(NamedTuple):
    """Which filing of a bundle: at one account, for one number type."""

    account: AccountKey
    type: NumberType


@dataclass(frozen=True, slots=True)
class FilingKey:
    """Which filing it is. `uid` is the ComplianceBundle's. `grace`: how long a call of it may be on its way."""

    installation: str
    uid: str
    account: AccountKey
    type: NumberType
    grace: timedelta = GRACE

    @property
    def ref(self) -> FilingRef:
        return FilingRef(self.account, self.type)

    def item_reference(self, content: str) -> str:
        """The carrier's reference of a party or document with this hash."""
        return f"{self.installation}.{self.uid}.{content[:32]}"

    def filing_reference(self, revision: str, renewals: int) -> str:
        """The carrier's reference of a bundle with this content, filed for the n-th time."""
        return f"{self.installation}.{self.uid}.{self.type}.{revision}.{renewals}"

    def change_reference(self, revision: str, renewals: int) -> str:
        """What the record calls a change of that bundle that is on its way; the carrier never hears it."""
        return f"{self.filing_reference(revision, renewals)}.change"

    def take_over_reference(self, revision: str, renewals: int) -> str:
        """What the record calls the refusal to let the approved filing take over that bundle."""
        return f"{self.filing_reference(revision, renewals)}.takeover"

    @property
    def tidy_reference(self) -> str:
        """What the record calls the throwing away that is on its way."""
        return f"{self.filings_prefix}tidy"

    @property
    def filings_prefix(self) -> str:
        """What each `filing_reference` begins with."""
        return f"{self.items_prefix}{self.type}."

    @property
    def items_prefix(self) -> str:
        """What each reference of the ComplianceBundle begins with."""
        return f"{self.installation}.{self.uid}."


@dataclass(frozen=True, slots=True)
class FiledItem:
    """What is at the carrier: our name for it, the hash of its content, its id."""

    name: str
    hash: str
    id: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A call that creates or hands in, whose outcome is not known, and when it was begun."""

    reference: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Absent:
    """What was looked for in vain, and when: a look that is older than a creating call's end proves nothing."""

    reference: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """A filing that the carrier has approved. `expires_at` None: never."""

    id: str
    revision: str
    expires_at: datetime | None = None
    renewals: int = 0

    def in_force(self, now: datetime) -> bool:
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the carrier did not take, by its reference, and why. It is not sent again."""

    reference: str
    message: str


@dataclass(frozen=True, slots=True)
class FilingRecord:
    """What the bundle's status remembers of one filing; written before each creating call and after each answer."""

    revision: str = ""
    """The hash of the content of the newest filing; empty before the first."""
    renewals: int = 0
    """How many times the same content was filed anew because its approval was to end."""
    items: tuple[FiledItem, ...] = ()
    """The parties and documents that are at the carrier, with their ids."""
    begun: tuple[Begun, ...] = ()
    """The creating or submitting calls whose outcome is not known, with the time of each."""
    id: str | None = None
    """The carrier's id of the newest filing; None: the carrier has not created it yet."""
    review: Review | None = None
    """Where the newest filing stands at the carrier; None before it is created."""
    shortcomings: tuple[Shortcoming, ...] = ()
    """What the carrier found wrong with the newest filing."""
    refused: Refusal | None = None
    """The call of the newest filing that the carrier refused, which is not sent again; None: no call was refused."""
    submitted_at: datetime | None = None
    """When the newest filing was handed in; None before that."""
    next_look: datetime | None = None
    """When the newest filing is to be read again; None: nothing is due by time."""
    looks: int = 0
    """How many times the newest filing was read since it was handed in; the waits between looks grow with it."""
    approved: Approval | None = None
    """The filing that is in force, which may be older than the newest one; None: no filing is in force."""
    superseded: tuple[str, ...] = ()
    """The carrier's ids of earlier approved filings, which numbers may still carry."""
    emptied: tuple[str, ...] = ()
    """The carrier's ids of filings whose content another one has taken over: they can be thrown away."""
    tidied: str = ""
    """The reference of the filing after whose approval all was thrown away that nobody needs; empty: of none."""

    @property
    def is_there(self) -> bool:
        """Whether the carrier has anything of it, or may have."""
        return bool(self.items or self.begun or self.id or self.approved or self.superseded)


@dataclass(frozen=True, slots=True)
class CarrierSeen:
    """What was learnt of the carrier in this pass; gone after it, and when a write met another writer."""

    read: bool = False
    """Whether the carrier's requirements were read."""
    regulation: Regulation | None = None
    """What the carrier requires; None, once `read` is true: the carrier sells no such numbers."""
    absent: Absent | None = None
    """What was last looked for at the carrier in vain; None: nothing was."""
    live: Filing | None = None
    """The newest filing as the carrier showed it; None: it was not read."""
    looked_at: datetime | None = None
    """When the carrier showed `live`; None: the filing was not read."""
    checked: bool = False
    """Whether the draft has passed the carrier's own check."""
    woken: bool = False
    """Whether a webhook has told that the filing has changed."""
    rests_until: datetime | None = None
    """Until when the carrier can't be called; None: it can be called."""
    because: str = ""
    """A sentence that says why the carrier can't be called; empty while it can."""
    blocked: Reason | None = None
    """The reason of its account, where that can't be called; None: it can, or the carrier itself does not answer."""


@dataclass(frozen=True, slots=True)
class ReadRegulation:
    """Read what is required."""

    country: str
    type: NumberType
    end_user: EndUserType


@dataclass(frozen=True, slots=True)
class FindItem:
    """Look for a party or document by its reference."""

    name: str
    hash: str
    reference: str


@dataclass(frozen=True, slots=True)
class CreateParty:
    """Create end user and address."""

    hash: str
    reference: str


@dataclass(frozen=True, slots=True)
class Upload:
    """Upload the document of this name."""

    name: str
    hash: str
    reference: str


@dataclass(frozen=True, slots=True)
class FindFiling:
    """Look for the bundle by its reference."""

    reference: str


@dataclass(frozen=True, slots=True)
class OpenFiling:
    """Create the bundle of these items, as a draft."""

    regulation: Regulation
    items: tuple[str, ...]
    reference: str
    renews: str | None = None
    """The carrier's id of the approved filing that takes this one over once it is approved; None: none does."""


@dataclass(frozen=True, slots=True)
class PutItems:
    """Give the draft the items that it should have."""

    id: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Have the carrier check the draft."""

    id: str


@dataclass(frozen=True, slots=True)
class Submit:
    """Hand the draft in. Only after this pass has seen it as a draft: what is rejected is not handed in again."""

    id: str


@dataclass(frozen=True, slots=True)
class Look:
    """Read the bundle as it is now."""

    id: str


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Let the approved filing `id` take over what the newer approved one, `successor`, holds, and have `reference` from
    then on: that of this content filed for the first time, by which it is found when all notes are lost. Twice is
    once."""

    id: str
    successor: str
    reference: str


@dataclass(frozen=True, slots=True)
class TidyUp:
    """Throw away what nobody needs any more. Written as begun before: until its outcome is known nothing new is made,
    which one that was late would throw away. `reference`: of the filing that it is done after."""

    waste: Waste
    reference: str


Action = (
    ReadRegulation
    | FindItem
    | CreateParty
    | Upload
    | FindFiling
    | OpenFiling
    | PutItems
    | Evaluate
    | Submit
    | Look
    | TakeOver
    | TidyUp
)
Answer = Regulation | Filing | str | tuple[Shortcoming, ...] | None


def revision_of(regulation: Regulation, want: BundleWant) -> str:
    """The hash of all that is filed under this regulation; the order of documents does not matter."""
    party = want.party.hash if want.party and wants_party(regulation) else ""
    papers = sorted(paper.hash for paper in fitting_papers(regulation, want.papers))
    return sha256("\n".join((regulation.id, party, *papers)).encode()).hexdigest()[:32]


def settle(
    key: FilingKey, record: FilingRecord, seen: CarrierSeen, action: Action, answer: Answer, now: datetime
) -> tuple[FilingRecord, CarrierSeen]:
    """The record to write and what is seen, after the carrier answered. A call that failed settles nothing."""
    match action, answer:
        case ReadRegulation(), Regulation() | None:
            return record, replace(seen, read=True, regulation=answer)
        case (FindItem(reference=reference), None) | (FindFiling(reference), None):
            return record, replace(seen, absent=Absent(reference, now))
        case ((FindItem(name, content, reference) | Upload(name, content, reference)), str(id_)):
            return _with_item(record, FiledItem(name, content, id_), reference), replace(seen, absent=None)
        case CreateParty(content, reference), str(id_):
            return _with_item(record, FiledItem(END_USER, content, id_), reference), replace(seen, absent=None)
        case ((FindFiling(reference) | OpenFiling(reference=reference)), Filing()):
            record = replace(record, begun=_without(record.begun, reference))
            fresh = replace(seen, absent=None, live=answer, looked_at=now, checked=False)
            return _with_filing(key, record, seen, answer, now), fresh
        case Look(), Filing():
            after = _with_filing(key, record, seen, answer, now)
            return after, replace(seen, live=answer, looked_at=now, woken=False)
        case Look(), None:
            return _gone(key, record, now), replace(seen, live=None, woken=False)
        case PutItems(_, items), None:
            live = seen.live and replace(seen.live, items=items)
            return _changed(key, record), replace(seen, live=live, checked=False)
        case Evaluate(), tuple():
            due = now + RESTING_LOOK if answer else record.next_look
            return replace(record, shortcomings=answer, next_look=due), replace(seen, checked=not answer)
        case Submit(), None:
            return _handed_in(_changed(key, record), now), replace(seen, live=None, checked=False)
        case TakeOver(successor=successor), Filing():
            after = replace(record, emptied=(*(one for one in record.emptied if one != successor), successor))
            return _with_filing(key, after, seen, answer, now), replace(seen, live=answer, looked_at=now)
        case TidyUp(reference=reference), None:
            return _tidied(key, record, reference), seen
    raise TypeError(f"{type(action).__name__} was answered with {type(answer).__name__}")


def lose_sight(seen: CarrierSeen) -> CarrierSeen:
    """What is seen when a call may have done what it was asked, or not: all but the requirements is read anew."""
    return CarrierSeen(read=seen.read, regulation=seen.regulation)


def leave_alone(seen: CarrierSeen, because: str, now: datetime) -> CarrierSeen:
    """What is seen when the carrier can't be called now: `because`, a sentence."""
    return replace(seen, rests_until=now + CALL_AGAIN, because=because)


def refuse(key: FilingKey, record: FilingRecord, action: Action, message: str) -> FilingRecord:
    """The record when the carrier took the call and said no (`message`, its words): a person must change something."""
    match action:
        case CreateParty(reference=reference) | Upload(reference=reference) | OpenFiling(reference=reference):
            pass
        case TakeOver():
            reference = key.take_over_reference(record.revision, record.renewals)
        case TidyUp(reference=reference):
            return _tidied(key, record, reference)
        case _:
            reference = key.filing_reference(record.revision, record.renewals)
    return replace(record, begun=_without(record.begun, reference), refused=Refusal(reference, message))


def forget_items(key: FilingKey, record: FilingRecord, action: Action, ids: tuple[str, ...]) -> FilingRecord:
    """The record when the carrier has these items no more, and so has done nothing of the call."""
    kept = tuple(item for item in record.items if item.id not in ids)
    match action:
        case OpenFiling(reference=reference):
            pass
        case _:
            reference = key.change_reference(record.revision, record.renewals)
    return replace(record, items=kept, begun=_without(record.begun, reference))


def begin(key: FilingKey, record: FilingRecord, reference: str, now: datetime) -> FilingRecord:
    """The record to write before the call that creates `reference`. What was begun long ago is forgotten."""
    young = tuple(one for one in _without(record.begun, reference) if now - one.at < key.grace)
    return replace(record, begun=(*young, Begun(reference, now)))


def of_now(record: FilingRecord, now: datetime) -> FilingRecord:
    """The record without what only a clock that was ahead can have written: a call that was begun is begun by now, and
    no look is put off for longer than looks are.

    It is kept: a call may be on its way for its whole grace from now on, and not for as long as the clock was ahead.
    """
    begun = tuple(replace(one, at=min(one.at, now)) for one in record.begun)
    look = record.next_look and min(record.next_look, now + RESTING_LOOK)
    return replace(record, begun=begun, next_look=look)


def begun_until(key: FilingKey, record: FilingRecord, reference: str) -> datetime | None:
    """Until when a call of `reference` may still be on its way; None when none was begun."""
    return next((one.at + key.grace for one in record.begun if one.reference == reference), None)


def _without(begun: tuple[Begun, ...], reference: str) -> tuple[Begun, ...]:
    return tuple(one for one in begun if one.reference != reference)


def _with_item(record: FilingRecord, item: FiledItem, reference: str) -> FilingRecord:
    others = tuple(one for one in record.items if one.hash != item.hash)
    return replace(record, items=(*others, item), begun=_without(record.begun, reference))


def takes_over(key: FilingKey, record: FilingRecord, seen: CarrierSeen, now: datetime) -> bool:
    """Whether the filing in force takes over a newer one once that is approved; else the newer one replaces it. Neither
    where the carrier can't, has refused to, or has ended the approval."""
    if seen.regulation is None or not seen.regulation.in_place or record.approved is None:
        return False
    refused = record.refused and record.refused.reference == key.take_over_reference(record.revision, record.renewals)
    return record.approved.in_force(now) and not refused


def _with_filing(
    key: FilingKey, record: FilingRecord, seen: CarrierSeen, filing: Filing, now: datetime
) -> FilingRecord:
    """The newest filing as the carrier tells it. An approval replaces the older one, unless that takes it over; a
    withdrawn one is in force no more."""
    handed_in = filing.review is not Review.DRAFT
    looks = record.looks + 1
    delay = backoff(looks + 1, FIRST_LOOK, LAST_LOOK) if filing.review in WITH_CARRIER else RESTING_LOOK
    after = replace(
        record,
        id=filing.external_id,
        review=filing.review,
        shortcomings=filing.shortcomings if handed_in else (),
        submitted_at=(record.submitted_at or now) if handed_in else None,
        looks=looks if handed_in else 0,
        next_look=now + delay if handed_in else None,
    )
    is_in_force = record.approved is not None and record.approved.id == filing.external_id
    if filing.review is Review.APPROVED and (is_in_force or not takes_over(key, record, seen, now)):
        return _approved(after, Approval(filing.external_id, record.revision, filing.expires_at, record.renewals))
    if is_in_force and filing.review is not Review.APPROVED:
        return replace(after, approved=None, superseded=_superseded(record, filing.external_id))
    return after


def _tidied(key: FilingKey, record: FilingRecord, reference: str) -> FilingRecord:
    return replace(record, begun=_without(record.begun, key.tidy_reference), tidied=reference, emptied=())


def _approved(record: FilingRecord, approval: Approval) -> FilingRecord:
    before = record.approved.id if record.approved else approval.id
    past = tuple(one for one in _superseded(record, before) if one != approval.id)
    return replace(record, approved=approval, superseded=past)


def _superseded(record: FilingRecord, last: str) -> tuple[str, ...]:
    return (*(one for one in record.superseded if one != last), last)


def _gone(key: FilingKey, record: FilingRecord, now: datetime) -> FilingRecord:
    """It was not found, and is opened anew if that lasts. An approval stays: one look in vain takes nothing away."""
    reference = key.filing_reference(record.revision, record.renewals)
    cleared = replace(record, id=None, review=None, shortcomings=(), submitted_at=None, next_look=None, looks=0)
    return begin(key, cleared, reference, now)


def _changed(key: FilingKey, record: FilingRecord) -> FilingRecord:
    reference = key.change_reference(record.revision, record.renewals)
    return replace(record, begun=_without(record.begun, reference))


def _handed_in(record: FilingRecord, now: datetime) -> FilingRecord:
    return replace(
        record, review=Review.SUBMITTED, shortcomings=(), submitted_at=now, looks=0, next_look=now + FIRST_LOOK
    )
