"""Which rule of a number's law decides in which case, and what it does at the carrier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import Holding, HoldingStatus, Mark, Phase
from ringfleet.model.policy import SuspendBy
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.phone_number.case import (
    AttachRefusal,
    Case,
    DesiredNumber,
    DesiredRouting,
    Documents,
    Leaving,
    NewerRevision,
    NumberState,
    Registration,
    Routed,
)
from ringfleet.plan.phone_number.plan import AT_REST, NOT_HELD, OBSERVED_RULES, RULES, decide, in_service, plan_number
from ringfleet.plan.phone_number.removal import Obstacle, Way
from ringfleet.plan.phone_number.steps import Attach, Leave, Look, Resume, Route, Step, Stop, Unroute
from tests.plan.builders import a_holding, digits

UP = AccountSeen()
DOWN = AccountSeen(Reason.CIRCUIT_OPEN, "default/main does not answer.")
HELD = "did-1"
WANT = DesiredNumber(digits(1), DesiredRouting("desk", "desk-v1"), installation="home")
STATE = NumberState(Phase.AVAILABLE, HELD, Routed("desk", "desk-v1"), attached="old")
HOLDING = a_holding(routing="desk-v1", bundle="old", mark=Mark("home", "shop", "west"))

STOPS = ("spec.suspend of the number says so.",)
APPROVED = Documents("germany: Approved", "ComplianceBundle germany at default/main", "new")
NEXT = NewerRevision("ComplianceBundle germany at default/main", "new", frozenset({"old"}))
ACME = ObjectRef("acme", "papers")
TENANTS = Registration(ACME, "ComplianceBundle acme/papers at default/main", "new", frozenset({"earlier"}))
POOLS = Registration(None, "ComplianceBundle germany at default/main", "pool")
PROTECTED = Obstacle(Reason.RELEASE_FORBIDDEN, "It was asked to go and stays, because it is protected.")


def case(holding: Holding | None = None, account: AccountSeen = UP, **differs: Any) -> Case:
    """A number with which nothing is amiss, but for what `differs`: fields of its wish or of its state."""
    fields = NumberState.__dataclass_fields__
    known = {name: value for name, value in differs.items() if name in fields}
    wished = {name: value for name, value in differs.items() if name not in fields}
    return Case(replace(WANT, **wished), replace(STATE, **known), holding, account)


def observed(holding: Holding | None = None, **differs: Any) -> Case:
    return case(holding, observed=True, **differs)


def said(status: HoldingStatus = HoldingStatus.ACTIVE, **rest: Any) -> Holding:
    return replace(HOLDING, status=status, **rest)


DOCUMENTS, BUSY, SUSPENDED = HoldingStatus.PENDING_DOCUMENTS, HoldingStatus.ACTIVATING, HoldingStatus.SUSPENDED
THEIRS = said(mark=Mark("another", "shop", "west"))
TWIN = "PhoneNumber twin/14155550001"
MAY_GO = Leaving(Way.RELEASE, granted=True)
MAY_LEAVE = Leaving(Way.LEAVE, granted=True)
MAY_BE_LET_GO = Leaving(Way.LET_GO, granted=True)
NO_ACCOUNT = AccountSeen(Reason.ACCOUNT_MISSING, "CarrierAccount default/main does not exist.")
MUST_WAIT = Leaving(Way.RELEASE, waits="In its hold.")

MANAGED = [
    pytest.param(case(phase=Phase.RELEASED), "released_or_lost", None, id="given back"),
    pytest.param(case(lost=True), "released_or_lost", None, id="not listed for long"),
    pytest.param(case(phase=Phase.LOST, leaving=MAY_GO), "released_or_lost", None, id="lost, and asked to go"),
    pytest.param(case(leaving=MAY_LEAVE), "left_behind", Leave(HELD, Way.LEAVE), id="its namespace goes"),
    pytest.param(
        *(case(leaving=MAY_LEAVE, account=DOWN, external_id=None), "left_behind", Leave("", Way.LEAVE)),
        id="its namespace goes, and it was never found",
    ),
    pytest.param(
        *(case(leaving=MAY_BE_LET_GO, account=NO_ACCOUNT), "left_behind", Leave(HELD, Way.LEAVE)),
        id="let go, and nobody can tell the carrier",
    ),
    pytest.param(case(leaving=MAY_GO, account=NO_ACCOUNT), "asked_to_go", None, id="to be given back, and nobody can"),
    pytest.param(case(phase=Phase.ORDERING, external_id=None), "not_found_yet", Look(), id="new"),
    pytest.param(case(account=DOWN, external_id=None), "not_found_yet", None, id="new, and its account is down"),
    pytest.param(case(taken_by=TWIN), "taken_by_another_object", None, id="another object stands for it"),
    pytest.param(case(taken_by=TWIN, leaving=MAY_GO), "taken_by_another_object", None, id="so, and asked to go"),
    pytest.param(case(taken_by=TWIN, external_id=None), "taken_by_another_object", None, id="so, and never looked up"),
    pytest.param(case(THEIRS), "marked_by_another", None, id="with another's mark"),
    pytest.param(case(foreign_mark=THEIRS.mark), "marked_by_another", None, id="with another's mark, remembered"),
    pytest.param(
        case(foreign_mark=THEIRS.mark, stop_reasons=STOPS), "marked_by_another", None, id="so, and not to ring"
    ),
    pytest.param(case(THEIRS, leaving=MAY_GO), "marked_by_another", None, id="with another's mark, and asked to go"),
    pytest.param(case(leaving=MUST_WAIT), "asked_to_go", None, id="asked to go, in its hold"),
    pytest.param(case(leaving=MAY_GO), "asked_to_go", Leave(HELD, Way.RELEASE), id="it may go now"),
    pytest.param(
        case(leaving=MAY_GO, stop_reasons=STOPS),
        "asked_to_go",
        Leave(HELD, Way.RELEASE),
        id="it may go, and must not ring",
    ),
    pytest.param(
        case(leaving=MUST_WAIT, stop_reasons=STOPS),
        "must_be_stopped",
        Stop(HELD, SuspendBy.VERB),
        id="it must not ring while it waits to go",
    ),
    pytest.param(case(leaving=Leaving(Way.RELEASE, PROTECTED)), "in_service", None, id="asked to go, and protected"),
    pytest.param(
        case(said(DOCUMENTS), documents=APPROVED),
        "bundle_is_approved",
        Attach(HELD, "new"),
        id="it waits for documents that are approved",
    ),
    pytest.param(case(said(DOCUMENTS)), "waits_for_documents", None, id="it waits for documents that nobody has"),
    pytest.param(
        case(said(DOCUMENTS), documents=APPROVED, attached="new"),
        "waits_for_documents",
        None,
        id="the carrier has its documents",
    ),
    pytest.param(
        case(said(DOCUMENTS), stop_reasons=STOPS), "waits_for_documents", None, id="to be stopped, not active yet"
    ),
    pytest.param(case(said(BUSY)), "activating", None, id="the carrier activates it"),
    pytest.param(case(activating=True), "activating", None, id="the carrier was activating it"),
    pytest.param(case(stop_reasons=STOPS), "must_be_stopped", Stop(HELD, SuspendBy.VERB), id="to be stopped"),
    pytest.param(
        case(account=DOWN, stop_reasons=STOPS), "must_be_stopped", None, id="to be stopped, and its account is down"
    ),
    pytest.param(
        case(phase=Phase.SUSPENDED, stopped=SuspendBy.PARKING),
        "may_be_resumed",
        Resume(HELD, SuspendBy.PARKING, "desk-v1"),
        id="parked, and no reason is left",
    ),
    pytest.param(
        case(registration=TENANTS),
        "registered_to_another",
        Attach(HELD, "new", ACME),
        id="a tenant with a bundle has it",
    ),
    pytest.param(
        case(said(routing="desk-v0"), registration=TENANTS),
        "registered_to_another",
        Attach(HELD, "new", ACME),
        id="so, and routed elsewhere",
    ),
    pytest.param(case(registration=TENANTS, registered=ACME, attached="new"), "in_service", None, id="registered so"),
    pytest.param(
        *(case(registration=TENANTS, registered=ACME, attached="earlier"), "in_service", None),
        id="registered to an earlier revision",
    ),
    pytest.param(
        *(case(registration=TENANTS, attached="new"), "registered_to_another", Attach(HELD, "new", ACME)),
        id="it carries the tenant's bundle, and nobody has noted it",
    ),
    pytest.param(
        *(case(registration=POOLS, registered=ACME, attached="pool"), "registered_to_another", Attach(HELD, "pool")),
        id="it goes back to the pool's bundle, whatever it is known to carry",
    ),
    pytest.param(
        case(registration=replace(TENANTS, external_id=None)),
        "registered_to_another",
        None,
        id="the tenant's bundle is not approved",
    ),
    pytest.param(
        case(registration=replace(TENANTS, external_id=None), registered=ACME),
        "in_service",
        None,
        id="the tenant's bundle is approved no more",
    ),
    pytest.param(
        case(registration=TENANTS, last_refusal=AttachRefusal("new", "it says no.")),
        "registered_to_another",
        None,
        id="the carrier does not take the tenant's bundle for it",
    ),
    pytest.param(case(newer_revision=NEXT), "bundle_is_outdated", Look(), id="a newer revision: look first"),
    pytest.param(case(said(), newer_revision=NEXT), "bundle_is_outdated", Attach(HELD, "new"), id="a newer revision"),
    pytest.param(
        case(said(SUSPENDED), newer_revision=NEXT),
        "bundle_is_outdated",
        Attach(HELD, "new"),
        id="a newer revision, and suspended by the carrier",
    ),
    pytest.param(
        case(said(routing="desk-v0"), newer_revision=NEXT),
        "routing_differs",
        Route(HELD, "desk"),
        id="a newer revision, and routed elsewhere",
    ),
    pytest.param(
        case(account=DOWN, newer_revision=NEXT), "in_service", None, id="a newer revision, and its account is down"
    ),
    pytest.param(
        case(phase=Phase.SUSPENDED, stop_reasons=STOPS, stopped=SuspendBy.VERB), "out_of_service", None, id="stopped"
    ),
    pytest.param(case(said(SUSPENDED)), "out_of_service", None, id="suspended by the carrier"),
    pytest.param(
        case(said(SUSPENDED), routing=DesiredRouting("desk", "desk-v2")),
        "out_of_service",
        None,
        id="suspended by the carrier, and its profile has changed",
    ),
    pytest.param(
        case(routing=DesiredRouting("desk", "desk-v2")),
        "routing_differs",
        Route(HELD, "desk"),
        id="its profile was made anew",
    ),
    pytest.param(case(routing=None), "routing_differs", Unroute(HELD), id="no profile is wanted"),
    pytest.param(
        case(routing=DesiredRouting("desk", missing=True)), "routing_differs", None, id="its profile does not exist"
    ),
    pytest.param(case(), "in_service", None, id="available"),
    pytest.param(case(bound=True), "in_service", None, id="bound"),
    pytest.param(case(resting=True), "in_service", None, id="cooling"),
    pytest.param(case(quarantine="spam"), "in_service", None, id="quarantined"),
    pytest.param(case(said(routing="desk-v0"), repair=False), "in_service", None, id="drift that is only reported"),
]

OBSERVED = [
    pytest.param(observed(lost=True), "released_or_lost", None, id="not listed for long"),
    pytest.param(observed(external_id=None), "not_found_yet", Look(), id="new"),
    pytest.param(observed(THEIRS), "in_service", None, id="with another's mark"),
    pytest.param(
        observed(leaving=Leaving(Way.LET_GO, granted=True)), "asked_to_go", Leave(HELD, Way.LET_GO), id="deleted"
    ),
    pytest.param(observed(said(DOCUMENTS), documents=APPROVED), "waits_for_documents", None, id="it waits"),
    pytest.param(observed(said(BUSY)), "activating", None, id="the carrier activates it"),
    pytest.param(observed(stop_reasons=STOPS), "in_service", None, id="to be stopped"),
    pytest.param(observed(stopped=SuspendBy.VERB), "in_service", None, id="stopped before it was only observed"),
    pytest.param(observed(said(), newer_revision=NEXT), "in_service", None, id="a newer revision"),
    pytest.param(observed(said(SUSPENDED)), "out_of_service", None, id="suspended by the carrier"),
    pytest.param(
        observed(routing=DesiredRouting("desk", "desk-v2")), "in_service", None, id="its profile was made anew"
    ),
]


@pytest.mark.parametrize(("seen", "rule", "step"), MANAGED)
def test_the_first_rule_that_has_something_to_say_decides(seen: Case, rule: str, step: Step | None) -> None:
    spoke, plan = decide(seen)
    assert (_name(spoke), plan.step) == (rule, step)


@pytest.mark.parametrize(("seen", "rule", "step"), OBSERVED)
def test_a_number_that_is_only_observed_has_fewer_rules(seen: Case, rule: str, step: Step | None) -> None:
    spoke, plan = decide(seen)
    assert (_name(spoke), plan.step) == (rule, step)


@pytest.mark.parametrize(("rules", "table"), [(RULES, MANAGED), (OBSERVED_RULES, OBSERVED)])
def test_every_rule_speaks_in_some_case(rules: tuple[Any, ...], table: list[Any]) -> None:
    """In the order of the law, so that the table reads as it does; a rule that never speaks has no place in it."""
    first_words = dict.fromkeys(row.values[1] for row in sorted(table, key=lambda row: _place(rules, row.values[1])))
    assert list(first_words) == [_name(rule) for rule in rules]


@pytest.mark.parametrize("rules", [RULES, OBSERVED_RULES, AT_REST])
def test_the_rule_that_always_answers_is_the_last(rules: tuple[Any, ...]) -> None:
    """Every other rule is silent on a number with which nothing is amiss."""
    assert rules[-1] is in_service
    assert [_name(rule) for rule in rules if rule(case())] == ["in_service"]


def test_a_number_that_is_only_observed_takes_the_rules_in_the_same_order_without_those_that_change_it() -> None:
    assert [rule for rule in RULES if rule in OBSERVED_RULES] == list(OBSERVED_RULES)
    acting = {_name(rule) for rule in RULES if rule not in OBSERVED_RULES}
    assert acting == {
        "taken_by_another_object",
        "left_behind",
        "marked_by_another",
        "bundle_is_approved",
        "must_be_stopped",
        "may_be_resumed",
        "registered_to_another",
        "bundle_is_outdated",
        "routing_differs",
    }


@pytest.mark.parametrize("seen", [pytest.param(row.values[0], id=row.id) for row in MANAGED])
def test_why_a_number_stays_that_was_asked_to_go_is_said_of_every_number_that_we_hold(seen: Case) -> None:
    asked = replace(seen, desired=replace(seen.desired, leaving=Leaving(Way.RELEASE, PROTECTED)))
    rule, _ = decide(asked)
    plan = plan_number(asked.desired, asked.state, asked.holding, asked.account)
    blocked = Condition("ReleaseBlocked", True, PROTECTED.reason, PROTECTED.message)
    assert (blocked in plan.conditions) is (rule not in NOT_HELD)


@given(
    st.builds(
        case,
        st.none() | st.builds(said, st.sampled_from(HoldingStatus), routing=st.sampled_from([None, "desk-v1", "x"])),
        st.sampled_from([UP, DOWN]),
        phase=st.sampled_from(Phase),
        external_id=st.sampled_from([None, HELD]),
        stopped=st.none() | st.sampled_from(SuspendBy),
        stop_reasons=st.sampled_from([(), STOPS]),
        observed=st.booleans(),
        quarantine=st.sampled_from([None, "spam"]),
        newer_revision=st.sampled_from([None, NEXT]),
    )
)
def test_the_last_rule_answers_whatever_the_case_and_takes_no_step(seen: Case) -> None:
    assert in_service(seen).step is None


def _name(rule: Callable[..., object]) -> str:
    return rule.__name__


def _place(rules: tuple[Any, ...], name: str) -> int:
    return [_name(rule) for rule in rules].index(name)
