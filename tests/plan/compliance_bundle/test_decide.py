"""A bundle's whole turn: which call is next, what is remembered first, what is said. Filings have their own tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ringfleet.model import AccountKey, NumberType
from ringfleet.model.compliance import Review
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.compliance_bundle.decide import (
    Answered,
    BundleDecision,
    BundleFacts,
    BundleView,
    Call,
    CallOutcome,
    Learnt,
    Lost,
    Refused,
    Unreachable,
    decide,
    go_on,
)
from ringfleet.plan.compliance_bundle.filing import (
    Absent,
    Begun,
    CarrierSeen,
    CreateParty,
    FilingKey,
    FilingRecord,
    FilingRef,
    FindItem,
    Look,
    ReadRegulation,
    Refusal,
)
from ringfleet.plan.conditions import Reason
from tests.plan.builders import MAIN, NOW, SPARE
from tests.plan.compliance_bundle.test_plan import ITEMS, NEW, PARTY_REF, READ, a_live, a_record, in_force
from tests.plan.registry import DAY, KEY, MINUTE, RULES, SECOND, a_bundle

AT_SPARE = replace(KEY, account=SPARE)
OF_OLD = FilingRef(MAIN, NumberType.MOBILE)
DOWN = AccountSeen(Reason.CARRIER_UNAVAILABLE, "it is down")
FREE = {MAIN: AccountSeen(), SPARE: AccountSeen()}
TYPES = (NumberType.GEOGRAPHIC, NumberType.MOBILE)
BUSINESS = a_bundle().end_user
READ_FIRST = ReadRegulation("DE", NumberType.GEOGRAPHIC, BUSINESS)
READING = {"Ready": "ReadingRequirements", "Reconciling": "ReadingRequirements"}
IN_REVIEW = {"Ready": "InReview", "Complete": "Complete", "Reconciling": "InReview"}
FILING = {"Ready": "Filing", "Complete": "Complete", "Reconciling": "Filing"}
APPROVED = {"Ready": "Approved", "Complete": "Complete"}


def all_over(reason: str) -> dict[str, str]:
    return dict.fromkeys(("Ready", "Complete", "Stalled"), reason)


def a_view(**rest: Any) -> BundleView:
    return BundleView(**{"want": a_bundle(), "filings": (KEY,), **rest})


def facts(accounts: dict[AccountKey, AccountSeen] | None = None, **rest: Any) -> BundleFacts:
    return BundleFacts(FREE | (accounts or {}), **rest)


def learnt(record: FilingRecord = NEW, **seen: Any) -> BundleFacts:
    """The requirements were read in this turn."""
    return facts(learnt={KEY.ref: Learnt(record, replace(READ, **seen))})


def call_of(decision: BundleDecision) -> Call:
    """The one call that is next."""
    (call,) = decision.calls
    return call


def said(decision: BundleDecision) -> dict[str, str]:
    return {condition.type: str(condition.reason) for condition in decision.conditions}


@pytest.mark.parametrize(
    ("view", "known", "call", "conditions"),
    [
        pytest.param(a_view(), facts(), (KEY, READ_FIRST), READING, id="what is required is read first"),
        pytest.param(
            a_view(),
            learnt(),
            (KEY, FindItem("endUser", "p0", PARTY_REF)),
            FILING,
            id="what is to be created is looked for",
        ),
        pytest.param(
            a_view(),
            learnt(absent=Absent(PARTY_REF, NOW)),
            (KEY, CreateParty("p0", PARTY_REF)),
            FILING,
            id="what is not there is created",
        ),
        pytest.param(
            a_view(filings=(KEY, AT_SPARE)),
            facts({MAIN: DOWN}),
            (AT_SPARE, READ_FIRST),
            {"Ready": "CarrierUnavailable", "Reconciling": "CarrierUnavailable"},
            id="an account that can not be called keeps no other back",
        ),
        pytest.param(
            a_view(filings=(KEY, AT_SPARE)),
            learnt(a_record(Review.SUBMITTED)),
            (AT_SPARE, READ_FIRST),
            {"Ready": "InReview", "Reconciling": "InReview"},
            id="the next filing is begun when the one before has gone as far as it can",
        ),
    ],
)
def test_one_call_is_next_and_it_is_of_the_first_filing_that_has_one(
    view: BundleView, known: BundleFacts, call: tuple[Any, Any], conditions: dict[str, str]
) -> None:
    decision = decide(view, known, NOW)
    assert (call_of(decision).key, call_of(decision).action) == call
    assert (said(decision), decision.requeue) == (conditions, None)


@pytest.mark.parametrize(
    ("view", "known", "conditions", "requeue"),
    [
        pytest.param(a_view(), learnt(in_force()), APPROVED, 300.0, id="approved: it is read now and then"),
        pytest.param(
            a_view(), learnt(a_record(Review.SUBMITTED)), IN_REVIEW, 300.0, id="in review, to be looked at in an hour"
        ),
        pytest.param(
            a_view(),
            learnt(a_record(Review.SUBMITTED, next_look=NOW + MINUTE)),
            IN_REVIEW,
            60.0,
            id="in review, to be looked at in a minute",
        ),
        pytest.param(
            a_view(),
            replace(learnt(a_record(Review.SUBMITTED)), review_interval=5 * SECOND),
            IN_REVIEW,
            5.0,
            id="in review, and the settings ask more often",
        ),
        pytest.param(a_view(), learnt(in_force(30 * DAY + MINUTE)), APPROVED, 60.0, id="to be renewed in a minute"),
        pytest.param(
            a_view(),
            learnt(a_record(Review.REJECTED)),
            {"Ready": "DocumentsRejected", "Complete": "Complete", "Stalled": "DocumentsRejected"},
            300.0,
            id="rejected: a person must act",
        ),
        pytest.param(
            a_view(want=a_bundle(suspended=True)),
            facts(),
            {"Ready": "Suspended"},
            300.0,
            id="suspended: nothing is sent",
        ),
        pytest.param(
            a_view(want=a_bundle(papers=())), learnt(), all_over("MissingDocuments"), 300.0, id="a document is missing"
        ),
        pytest.param(
            a_view(want=a_bundle(unreadable=(("spec.address", "no such Secret"),))),
            learnt(),
            all_over("DocumentsUnreadable"),
            10.0,
            id="unreadable: it is read again soon, for Secrets are not watched",
        ),
        pytest.param(
            a_view(),
            facts({MAIN: DOWN}),
            {"Ready": "CarrierUnavailable", "Reconciling": "CarrierUnavailable"},
            15.0,
            id="its account can not be called",
        ),
        pytest.param(
            a_view(),
            learnt(replace(NEW, begun=(Begun(PARTY_REF, NOW - MINUTE),)), absent=Absent(PARTY_REF, NOW)),
            {"Ready": "OutcomeUnknown", "Complete": "Complete", "Reconciling": "OutcomeUnknown"},
            60.0,
            id="a call may be on its way: its grace is waited for",
        ),
        pytest.param(
            a_view(), learnt(regulation=None), {"Ready": "NotSold", "Stalled": "NotSold"}, 300.0, id="not sold there"
        ),
        pytest.param(
            a_view(),
            learnt(regulation=replace(RULES, requirements=())),
            APPROVED,
            300.0,
            id="no documents are asked for",
        ),
        pytest.param(
            a_view(want=a_bundle(suspended=True), filings=(KEY, AT_SPARE)),
            facts({SPARE: DOWN}),
            {"Ready": "Suspended"},
            300.0,
            id="a suspended bundle does not mind its accounts",
        ),
    ],
)
def test_a_bundle_without_a_call_left_says_how_it_stands_and_when_it_is_looked_at_again(
    view: BundleView, known: BundleFacts, conditions: dict[str, str], requeue: float
) -> None:
    decision = decide(view, known, NOW)
    assert (decision.calls, decision.under_way) == ((), {})
    assert (said(decision), decision.requeue) == (conditions, requeue)


def test_what_a_call_creates_is_remembered_by_the_decision_that_is_written_before_it() -> None:
    decision = decide(a_view(), learnt(absent=Absent(PARTY_REF, NOW)), NOW)
    assert decision.records == {KEY.ref: replace(NEW, begun=(Begun(PARTY_REF, NOW),))}
    assert call_of(decision).record == decision.records[KEY.ref]


def test_filings_that_are_not_wanted_any_more_are_forgotten_only_when_no_call_is_left() -> None:
    records = {OF_OLD: a_record(Review.APPROVED), KEY.ref: NEW}
    assert decide(a_view(records=records), facts(), NOW).records == records
    assert set(decide(a_view(records=records), learnt(in_force()), NOW).records) == {KEY.ref}


def test_a_filing_goes_on_from_what_its_call_has_taught_and_else_from_what_its_status_remembers() -> None:
    view = a_view(records={KEY.ref: a_record(Review.SUBMITTED, next_look=NOW)})
    first = decide(view, facts(), NOW)
    assert call_of(first).record == a_record(Review.SUBMITTED, next_look=NOW)
    read = go_on(facts(), first, call_of(first), Answered(RULES), NOW)
    look = decide(view, read, NOW)
    assert call_of(look).action == Look("B0")
    known = go_on(read, look, call_of(look), Answered(a_live(Review.IN_REVIEW)), NOW)
    assert decide(view, known, NOW).records[KEY.ref].review is Review.IN_REVIEW


BOTH = decide(a_view(filings=(KEY, AT_SPARE)), facts(), NOW).calls
CREATING = decide(a_view(), learnt(absent=Absent(PARTY_REF, NOW)), NOW)
BEGUN = replace(NEW, begun=(Begun(PARTY_REF, NOW),))
LOOKED = replace(READ, absent=Absent(PARTY_REF, NOW))


@pytest.mark.parametrize(
    ("outcome", "record", "seen"),
    [
        pytest.param(
            Answered("I1"),
            replace(NEW, items=ITEMS[:1]),
            READ,
            id="created: its id is remembered",
        ),
        pytest.param(
            Refused("no such city"),
            replace(NEW, refused=Refusal(PARTY_REF, "no such city")),
            LOOKED,
            id="refused: it is not sent again",
        ),
        pytest.param(
            Unreachable("it is down"),
            BEGUN,
            replace(LOOKED, rests_until=NOW + 15 * SECOND, because="it is down"),
            id="unreachable: it is left alone, and what was begun stays so",
        ),
        pytest.param(Lost(), BEGUN, READ, id="no reply: all but the requirements is read anew"),
    ],
)
def test_what_is_known_of_a_filing_when_a_call_has_ended(
    outcome: CallOutcome, record: FilingRecord, seen: CarrierSeen
) -> None:
    call = call_of(CREATING)
    assert call.action == CreateParty("p0", PARTY_REF)
    known = go_on(facts(), CREATING, call, outcome, NOW)
    assert (known.learnt, known.under_way) == ({KEY.ref: Learnt(record, seen)}, {})


@pytest.mark.parametrize(
    ("revision", "as_filed"),
    [
        pytest.param(NEW.revision, True, id="what is in hand was filed"),
        pytest.param("another", False, id="it has changed since"),
    ],
)
def test_a_call_tells_whether_what_is_in_hand_is_what_was_filed(revision: str, as_filed: bool) -> None:
    """A suspended or incomplete bundle still follows what it has filed before; then nothing is filed anew."""
    incomplete = a_bundle(papers=())
    record = a_record(Review.IN_REVIEW, next_look=NOW, revision=revision)
    whole = decide(a_view(want=a_bundle() if as_filed else incomplete), learnt(record), NOW)
    assert (call_of(whole).action, call_of(whole).as_filed) == (Look("B0"), as_filed)


def test_a_filing_that_went_as_far_as_it_could_is_not_taken_up_again_in_the_turn() -> None:
    """Two at slow carriers would keep each other's turn going: by when one has answered, the other is due again."""
    view = a_view(filings=(KEY, AT_SPARE))
    known, now = facts(), NOW
    calls: list[FilingKey] = []
    decision = decide(view, known, now)
    while decision.under_way:
        calls += [call.key for call in decision.calls]
        now += MINUTE
        slower = next(call for call in BOTH if call.key.ref in decision.under_way)
        known = go_on(known, decision, slower, Unreachable("it is down"), now)
        decision = decide(view, known, now)
    assert calls == [KEY, AT_SPARE]
    assert set(decision.resting) == {KEY.ref, AT_SPARE.ref}


def test_each_account_has_one_call_and_waits_for_no_other_accounts() -> None:
    """Two types at each of two accounts: the second type is begun where the first went as far as it could."""
    keys = tuple(replace(KEY, account=account, type=type_) for type_ in TYPES for account in (MAIN, SPARE))
    view = a_view(want=replace(a_bundle(), types=TYPES), filings=keys)
    first = decide(view, facts(), NOW)
    assert [call.key for call in first.calls] == [keys[0], keys[1]]
    answered = go_on(facts(), first, first.calls[1], Unreachable("it is down"), NOW)
    second = decide(view, answered, NOW)
    assert [call.key for call in second.calls] == [keys[3]]
    assert set(second.under_way) == {keys[0].ref, keys[3].ref}
    assert set(second.resting) == {keys[1].ref}


def test_a_review_is_asked_for_at_each_turn_where_the_settings_say_so() -> None:
    view = a_view(records={KEY.ref: a_record(Review.SUBMITTED)})
    asked = decide(view, facts(review_interval=timedelta(seconds=5)), NOW)
    assert call_of(asked).seen == CarrierSeen(woken=True)
    look = decide(view, go_on(facts(), asked, call_of(asked), Answered(RULES), NOW), NOW)
    assert call_of(look).action == Look("B0")
