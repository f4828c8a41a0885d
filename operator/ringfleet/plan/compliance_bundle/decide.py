"""A bundle's turn as one decision, taken anew after each call: which are next, what is written first, what is said.

::

    BundleView    the object and all that it names, read once             --.
    BundleFacts   its accounts, and what this turn has learnt of filings  --+--> decide --> BundleDecision
    now                                                                   --'      ^              |
                                                                                   |              v
                          the facts with the first answer (`go_on`) <-- its calls <-- the status, written

One call at a time is on its way to each account, so that a slow carrier holds up the filing at no other. The filings at
one account are taken in the spec's order, each as far as it goes (plan.py) before the next one is begun. One that went
as far as it could rests until the next turn: two at slow carriers would else keep each other's turn going, and the
bundle would never say how it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ringfleet.model import AccountKey
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.compliance_bundle.filing import (
    CALL_AGAIN,
    Action,
    Answer,
    CarrierSeen,
    FilingKey,
    FilingRecord,
    FilingRef,
    forget_items,
    leave_alone,
    lose_sight,
    refuse,
    revision_of,
    settle,
)
from ringfleet.plan.compliance_bundle.plan import FilingPlan, plan_filing
from ringfleet.plan.compliance_bundle.report import FilingReport, plan_bundle_conditions
from ringfleet.plan.compliance_bundle.requirements import BundleWant
from ringfleet.plan.conditions import Condition

READ_AGAIN = timedelta(seconds=10)
"""How soon a bundle is read again of which something could not be read. Secrets are not watched."""
CHANGED_AGAIN = timedelta(minutes=5)
"""How often a bundle is read although nothing else wakes it: a Secret that it names may have changed."""


@dataclass(frozen=True, slots=True)
class BundleView:
    """A ComplianceBundle's spec, all that it names, and what its status remembers, as values: read once for a turn."""

    want: BundleWant
    """What is to be filed."""
    filings: tuple[FilingKey, ...]
    """Where it is to be filed: once for each carrier and number type, in the spec's order."""
    records: Mapping[FilingRef, FilingRecord] = field(default_factory=dict)
    """What the status remembers of each filing, those that the spec does not want any more included."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What this turn has learnt of one filing by its calls."""

    record: FilingRecord
    """What is to be remembered of the filing; written with the next decision."""
    seen: CarrierSeen
    """What was seen of its carrier; gone after the turn."""


@dataclass(frozen=True, slots=True)
class BundleFacts:
    """All that a bundle's turn may know beside the bundle: gathered once, and gone on with after each call."""

    accounts: Mapping[AccountKey, AccountSeen]
    """The carrier accounts that it is filed at, as an object of its namespace may use them."""
    review_interval: timedelta | None = None
    """How often the settings have a carrier asked how a review stands; None: ever more seldom."""
    learnt: Mapping[FilingRef, Learnt] = field(default_factory=dict)
    """The filings that calls were made for."""
    resting: Mapping[FilingRef, FilingPlan] = field(default_factory=dict)
    """The filings that went as far as they can in this turn, each with its last plan."""
    under_way: Mapping[FilingRef, FilingPlan] = field(default_factory=dict)
    """The filings that have a call on its way, each with the plan that it is of; at most one for each account."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is next at its account. It is made only once the decision is written, for it may create something."""

    key: FilingKey
    """Which filing it is for."""
    action: Action
    """What the carrier is asked."""
    record: FilingRecord
    """What is remembered of the filing when the call is made."""
    seen: CarrierSeen
    """What was seen of the carrier before it."""
    as_filed: bool = False
    """Whether what is in hand of the bundle is what was filed: what the carrier says of it is about that."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The carrier has answered."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Refused:
    """The carrier took the call and said no: a person must change something."""

    message: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The carrier, or its account, can't be called now; `because` is a sentence."""

    because: str


@dataclass(frozen=True, slots=True)
class Lost:
    """No reply came: the call may have done what it was asked, or not."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The carrier has done nothing, for it has some of the items no more: they are filed anew."""

    ids: tuple[str, ...]
    """The carrier's ids of the items."""


CallOutcome = Answered | Refused | Gone | Unreachable | Lost
"""How a call ended."""


@dataclass(frozen=True, slots=True)
class BundleDecision:
    """What a bundle remembers, which calls are next, and what it says of itself."""

    records: Mapping[FilingRef, FilingRecord]
    """What is to be remembered of each filing; once no call is left, of those only that the spec wants."""
    reports: Mapping[FilingRef, FilingReport]
    """What each filing says of itself; none for one that was not begun in this turn."""
    conditions: tuple[Condition, ...]
    """Every condition that the bundle is to have, by the filings that have a report."""
    calls: tuple[Call, ...] = ()
    """The calls that are next, beside those on their way, each at another account."""
    under_way: Mapping[FilingRef, FilingPlan] = field(default_factory=dict)
    """The filings that have a call on its way once these are made; empty: nothing is left to do in this turn."""
    resting: Mapping[FilingRef, FilingPlan] = field(default_factory=dict)
    """The filings that have no call left in this turn, each with its last plan."""
    requeue: float | None = None
    """Seconds until another turn is due; None while a call is left."""


def decide(view: BundleView, facts: BundleFacts, now: datetime) -> BundleDecision:
    """Decide the next calls of a bundle's turn, or that there are none. Pure; `now` is timezone-aware UTC."""
    resting: dict[FilingRef, FilingPlan] = {}
    under_way = dict(facts.under_way)
    calls: list[Call] = []
    for key in view.filings:
        if any(ref.account == key.account for ref in under_way):
            continue
        known = _known(view, facts, key, now)
        plan = facts.resting.get(key.ref) or plan_filing(key, view.want, known.record, known.seen, now)
        if plan.action is None:
            resting[key.ref] = plan
            continue
        under_way[key.ref] = plan
        as_filed = _is_as_filed(view.want, plan.record, known.seen)
        calls.append(Call(key, plan.action, plan.record, known.seen, as_filed))
    if under_way:
        return _calling(view, {**facts.resting, **resting}, under_way, calls)
    return _at_rest(view, facts, resting)


def go_on(facts: BundleFacts, decision: BundleDecision, call: Call, outcome: CallOutcome, now: datetime) -> BundleFacts:
    """The facts to decide on when a call has ended, however it did. `decision`: the last one."""
    ref = call.key.ref
    learnt = {**facts.learnt, ref: _learn(call, outcome, now)}
    under_way = {other: plan for other, plan in decision.under_way.items() if other != ref}
    return replace(facts, learnt=learnt, resting=decision.resting, under_way=under_way)


def _learn(call: Call, outcome: CallOutcome, now: datetime) -> Learnt:
    match outcome:
        case Answered(answer):
            return Learnt(*settle(call.key, call.record, call.seen, call.action, answer, now))
        case Refused(message):
            return Learnt(refuse(call.key, call.record, call.action, message), call.seen)
        case Gone(ids):
            return Learnt(forget_items(call.key, call.record, call.action, ids), call.seen)
        case Unreachable(because):
            return Learnt(call.record, leave_alone(call.seen, because, now))
        case Lost():
            return Learnt(call.record, lose_sight(call.seen))


def _known(view: BundleView, facts: BundleFacts, key: FilingKey, now: datetime) -> Learnt:
    """What is known of a filing: by the calls of this turn, else by the status, and by whether its account can be
    called at all."""
    if learnt := facts.learnt.get(key.ref):
        return learnt
    record, account = view.records.get(key.ref, FilingRecord()), facts.accounts[key.account]
    if account.blocked is None:
        return Learnt(record, CarrierSeen(woken=facts.review_interval is not None))
    return Learnt(record, CarrierSeen(rests_until=now + CALL_AGAIN, because=account.message, blocked=account.blocked))


def _is_as_filed(want: BundleWant, record: FilingRecord, seen: CarrierSeen) -> bool:
    return seen.regulation is not None and record.revision == revision_of(seen.regulation, want)


def _calling(
    view: BundleView,
    resting: Mapping[FilingRef, FilingPlan],
    under_way: Mapping[FilingRef, FilingPlan],
    calls: Iterable[Call],
) -> BundleDecision:
    plans = {**resting, **under_way}
    plans = {key.ref: plans[key.ref] for key in view.filings if key.ref in plans}
    reports = {ref: one.report for ref, one in plans.items()}
    records = {**view.records, **{ref: one.record for ref, one in plans.items()}}
    said = plan_bundle_conditions(reports.values())
    return BundleDecision(records, reports, said, tuple(calls), under_way, resting)


def _at_rest(view: BundleView, facts: BundleFacts, resting: Mapping[FilingRef, FilingPlan]) -> BundleDecision:
    reports = {ref: plan.report for ref, plan in resting.items()}
    records = {ref: plan.record for ref, plan in resting.items()}
    again = READ_AGAIN if view.want.unreadable else CHANGED_AGAIN
    looks = (again, facts.review_interval or again)
    waits = [plan.requeue for plan in resting.values() if plan.requeue is not None]
    requeue = min(*waits, *(look.total_seconds() for look in looks))
    said = plan_bundle_conditions(reports.values())
    return BundleDecision(records, reports, said, resting=resting, requeue=requeue)
