"""What its bundles mean for a pool: at which of its carriers it may order, how long reviews take, and what it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ringfleet.model.compliance import FilingState
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.compliance_bundle.readiness import MarketSeen, judge_readiness
from ringfleet.plan.compliance_bundle.selection import Approved, NoBundle, Rejected, Waiting
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.phone_number.case import Documents
from ringfleet.plan.phone_number.documents import documents_by
from tests.plan.builders import MAIN, SPARE

DRAFT = Waiting("acme", FilingState.DRAFT, "it is a draft.")
GOOD, BAD, NONE = Approved("acme", "B0"), Rejected("acme", "it is refused."), NoBundle("create it.")
DOWN = AccountSeen(Reason.CARRIER_UNAVAILABLE, "it is down")
READING = AccountSeen(Reason.READING_REQUIREMENTS, "It is not known yet whether the carrier asks for documents.")
UNREAD = (
    "It does not say: GET /Regulations was answered 503. It is asked again by itself; to order meanwhile, numbers that "
    "wait at the carrier if it does ask for documents, set spec.ordering.requireApprovedBundle to false."
)
DAYS = timedelta(days=3)


def a_market(**rest: Any) -> MarketSeen:
    """A carrier that can be called and has said that it demands documents; their bundle is a draft."""
    return MarketSeen(**{"account": AccountSeen(), "standing": DRAFT, "demanded": True, **rest})


def free(**rest: Any) -> MarketSeen:
    return a_market(**{"standing": NONE, "demanded": False, **rest})


def unasked(**rest: Any) -> MarketSeen:
    return a_market(**{"standing": NONE, "asked": False, "demanded": None, **rest})


def not_ready(reason: Reason, message: str) -> tuple[Condition, ...]:
    return (Condition("ComplianceReady", False, reason, message),)


WAITS = AccountSeen(Reason.WAITING_FOR_BUNDLE, "it is a draft.")
READY = (Condition("ComplianceReady", True, Reason.APPROVED, "Orders carry an approved ComplianceBundle."),)


@pytest.mark.parametrize(
    ("require", "main", "account", "said"),
    [
        pytest.param(None, free(), AccountSeen(), (), id="no documents are demanded"),
        pytest.param(None, a_market(standing=GOOD), AccountSeen(), READY, id="its bundle is approved"),
        pytest.param(None, a_market(), WAITS, not_ready(Reason.WAITING_FOR_BUNDLE, "it is a draft."), id="it waits"),
        pytest.param(
            False,
            a_market(),
            AccountSeen(),
            not_ready(Reason.PENDING_DOCUMENTS, "Numbers wait at the carrier: it is a draft."),
            id="its numbers may wait at the carrier",
        ),
        pytest.param(
            False,
            a_market(standing=BAD),
            AccountSeen(Reason.DOCUMENTS_REJECTED, "it is refused."),
            not_ready(Reason.DOCUMENTS_REJECTED, "it is refused."),
            id="numbers of a rejected bundle would wait for ever",
        ),
        pytest.param(
            False,
            unasked(),
            READING,
            not_ready(Reason.READING_REQUIREMENTS, READING.message),
            id="no number is parked by guess, before the carrier was asked",
        ),
        pytest.param(
            None,
            a_market(standing=NONE, demanded=None, error="GET /Regulations was answered 503"),
            replace(READING, message=f"{READING.message} {UNREAD}"),
            not_ready(Reason.READING_REQUIREMENTS, f"{READING.message} {UNREAD}"),
            id="why the carrier does not say what it demands is told",
        ),
        pytest.param(None, free(account=DOWN), DOWN, (), id="an account that can not be called says so itself"),
        pytest.param(
            None,
            a_market(account=DOWN),
            DOWN,
            not_ready(Reason.WAITING_FOR_BUNDLE, "it is a draft."),
            id="it can not be called, and waits for its bundle too",
        ),
        pytest.param(
            None,
            a_market(account=AccountSeen(stale=True)),
            AccountSeen(Reason.WAITING_FOR_BUNDLE, "it is a draft.", stale=True),
            not_ready(Reason.WAITING_FOR_BUNDLE, "it is a draft."),
            id="that its search is down stays known",
        ),
        pytest.param(
            None,
            unasked(account=DOWN, open=False, reachable=False),
            DOWN,
            (),
            id="nothing is said of an account not open",
        ),
    ],
)
def test_a_pool_orders_where_its_bundle_lets_it_and_says_where_not(
    require: bool | None, main: MarketSeen, account: AccountSeen, said: tuple[Condition, ...]
) -> None:
    found = judge_readiness(require, {MAIN: main})
    assert (found.accounts, found.conditions) == ({MAIN: account}, said)


@pytest.mark.parametrize(
    ("main", "spare", "of_spare"),
    [
        pytest.param(unasked(), free(), READING, id="not asked yet: the other one waits with it"),
        pytest.param(unasked(), free(account=DOWN), DOWN, id="not asked yet: the other one has its own reason"),
        pytest.param(unasked(account=DOWN, reachable=False), free(), AccountSeen(), id="it can not be asked"),
        pytest.param(free(), free(), AccountSeen(), id="it has said"),
        pytest.param(a_market(), free(), AccountSeen(), id="it has said, and waits for its bundle"),
        pytest.param(unasked(standing=GOOD), free(), AccountSeen(), id="its bundle is approved, whatever it will say"),
    ],
)
def test_a_carrier_that_is_liked_less_waits_until_the_preferred_one_has_said_what_it_demands(
    main: MarketSeen, spare: MarketSeen, of_spare: AccountSeen
) -> None:
    assert judge_readiness(None, {MAIN: main, SPARE: spare}).accounts[SPARE] == of_spare


def test_what_several_carriers_wait_for_is_said_once_each() -> None:
    both = judge_readiness(None, {MAIN: a_market(), SPARE: a_market()})
    assert both.conditions == not_ready(Reason.WAITING_FOR_BUNDLE, "it is a draft.")
    other = judge_readiness(None, {MAIN: a_market(standing=NONE), SPARE: a_market()})
    assert other.conditions == not_ready(Reason.BUNDLE_MISSING, "create it. it is a draft.")


@pytest.mark.parametrize(
    ("require", "main", "review"),
    [
        pytest.param(None, a_market(review=DAYS), DAYS, id="orders wait for it"),
        pytest.param(False, a_market(review=DAYS), DAYS, id="numbers wait for it"),
        pytest.param(None, a_market(standing=GOOD, review=DAYS), timedelta(), id="it is over"),
        pytest.param(None, free(review=DAYS), timedelta(), id="nothing is reviewed"),
        pytest.param(None, a_market(), timedelta(), id="the carrier has not said how long"),
    ],
)
def test_a_review_at_the_preferred_carrier_counts_while_something_waits_for_it(
    require: bool | None, main: MarketSeen, review: timedelta
) -> None:
    assert judge_readiness(require, {MAIN: main, SPARE: a_market(review=2 * DAYS)}).review == review


@pytest.mark.parametrize(
    ("standing", "documents"),
    [
        pytest.param(
            GOOD,
            Documents("acme: Approved", "ComplianceBundle acme at default/main", "B0"),
            id="approved: it can be attached",
        ),
        pytest.param(DRAFT, Documents("acme: Draft", "it is a draft."), id="waiting"),
        pytest.param(BAD, Documents("acme: Rejected", "it is refused.", stuck=True), id="rejected"),
        pytest.param(NONE, Documents("no bundle", "create it.", stuck=True), id="none"),
    ],
)
def test_a_number_names_the_bundle_that_it_waits_for(standing: Any, documents: Documents) -> None:
    assert documents_by(standing, MAIN) == documents
