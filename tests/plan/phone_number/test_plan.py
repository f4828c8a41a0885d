"""What one number does next, and which phase it is in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import Holding, HoldingStatus, Phase
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Reason, not_ready, ready, reconciling
from ringfleet.plan.phone_number.case import DesiredNumber, DesiredRouting, NumberState, Routed
from ringfleet.plan.phone_number.phase import may_step
from ringfleet.plan.phone_number.plan import plan_number
from ringfleet.plan.phone_number.steps import Look, NumberPlan, Route, Unroute
from tests.plan.builders import a_holding, digits

UP = AccountSeen()
DOWN = AccountSeen(Reason.CIRCUIT_OPEN, "default/main does not answer.")
DESK = DesiredRouting("desk", "profile-1")
AT_DESK = Routed("desk", "profile-1")
HELD = "did-1"


def want(routing: DesiredRouting | None = DESK, **rest: Any) -> DesiredNumber:
    return DesiredNumber(digits(1), routing, **rest)


def state(phase: Phase = Phase.AVAILABLE, **rest: Any) -> NumberState:
    return NumberState(phase, **{"external_id": HELD, "routed": AT_DESK, **rest})


def on_the_way(phase: Phase, reason: Reason, message: str, step: Look | Route | Unroute, **rest: Any) -> NumberPlan:
    return NumberPlan(phase, (not_ready(reason, message), reconciling(reason, message)), step, **rest)


def held(phase: Phase = Phase.AVAILABLE) -> NumberPlan:
    return NumberPlan(phase, (ready(Reason.ROUTED, "Held, and routed to 'desk'."),))


def waits(phase: Phase, reason: Reason, message: str, **rest: Any) -> NumberPlan:
    return NumberPlan(phase, (not_ready(reason, message),), **rest)


NEW = NumberState()
ROUTING = "The number is being routed to 'desk'."
DOCUMENTS = waits(
    Phase.PENDING_DOCUMENTS, Reason.PENDING_DOCUMENTS, "The carrier waits for identity or address documents."
)
ACTIVATING = NumberPlan(
    Phase.ORDERING,
    (
        not_ready(Reason.ACTIVATING, "The carrier is activating the number."),
        reconciling(Reason.ACTIVATING, "The carrier is activating the number."),
    ),
)
STOPPED = waits(
    Phase.SUSPENDED,
    Reason.SUSPENDED,
    "The carrier has suspended the number: it is kept and billed, and carries no call or message.",
)
NO_PROFILE = (
    "RoutingProfile 'desk' (routingProfileRef.name) does not exist in its namespace: create it, or correct the name."
)


DRIFTED = "The carrier routes the number to profile-9, not to profile-1."
ASTRAY = a_holding(routing="profile-9")

LOOKED_UP = on_the_way(Phase.ORDERING, Reason.PROBING, "The number is looked up at the carrier.", Look())
BEING_ROUTED = on_the_way(Phase.ORDERING, Reason.ROUTING, ROUTING, Route(HELD, "desk"))
BLOCKED = waits(Phase.ORDERING, Reason.CIRCUIT_OPEN, DOWN.message)
UNROUTED = NumberPlan(
    Phase.AVAILABLE, (ready(Reason.UNROUTED_BY_WISH, "Held; neither pool nor number names a routing profile."),)
)


@pytest.mark.parametrize(
    ("wanted", "known", "holding", "account", "plan"),
    [
        pytest.param(want(), NEW, None, UP, LOOKED_UP, id="a number that was never seen is looked up"),
        pytest.param(want(), NEW, None, DOWN, BLOCKED, id="a look-up waits for the carrier"),
        pytest.param(want(), NEW, a_holding(), UP, BEING_ROUTED, id="a number is routed before it is available"),
        pytest.param(want(), NEW, a_holding(), DOWN, BLOCKED, id="routing waits for the carrier"),
        pytest.param(
            want(), state(Phase.ORDERING, routed=None), None, UP, BEING_ROUTED, id="after a crash the routing goes on"
        ),
        pytest.param(want(), state(Phase.ORDERING), None, UP, held(), id="a routed number is available"),
        pytest.param(want(), state(), None, DOWN, held(), id="a number that needs nothing needs no carrier"),
        pytest.param(
            want(bound=True), state(Phase.BOUND), None, UP, held(Phase.BOUND), id="a bound number stays bound"
        ),
        pytest.param(want(None), NEW, a_holding(), UP, UNROUTED, id="without a profile it is available at once"),
    ],
)
def test_a_number_comes_to_be_available(
    wanted: DesiredNumber, known: NumberState, holding: Holding | None, account: AccountSeen, plan: NumberPlan
) -> None:
    assert plan_number(wanted, known, holding, account) == plan


@pytest.mark.parametrize(
    ("known", "status", "plan"),
    [
        (NEW, HoldingStatus.PENDING_DOCUMENTS, DOCUMENTS),
        (state(Phase.PENDING_DOCUMENTS, routed=None), None, DOCUMENTS),
        (state(), HoldingStatus.PENDING_DOCUMENTS, DOCUMENTS),
        (NEW, HoldingStatus.ACTIVATING, ACTIVATING),
        (state(Phase.ORDERING, routed=None, activating=True), None, ACTIVATING),
        (state(), HoldingStatus.SUSPENDED, STOPPED),
        (state(Phase.SUSPENDED), None, STOPPED),
    ],
)
@pytest.mark.parametrize("account", [UP, DOWN])
def test_a_number_that_the_carrier_holds_back_waits_and_is_not_touched(
    known: NumberState, status: HoldingStatus | None, plan: NumberPlan, account: AccountSeen
) -> None:
    assert plan_number(want(), known, status and a_holding(status=status), account) == plan


@pytest.mark.parametrize(
    "known",
    [
        state(Phase.PENDING_DOCUMENTS, routed=None),
        state(Phase.ORDERING, routed=None, activating=True),
        state(Phase.SUSPENDED, routed=None),
    ],
)
def test_a_number_that_the_carrier_lets_go_is_routed_at_last(known: NumberState) -> None:
    assert plan_number(want(), known, a_holding(), UP) == BEING_ROUTED


def test_a_number_that_the_carrier_resumes_is_as_it_was() -> None:
    assert plan_number(want(), state(Phase.SUSPENDED), a_holding(routing="profile-1"), UP) == held()


@pytest.mark.parametrize(
    "routed",
    [
        pytest.param(Routed("desk", "profile-0"), id="its profile was made anew at the carrier"),
        pytest.param(Routed("front", "profile-2"), id="another profile"),
        pytest.param(None, id="it was never routed"),
    ],
)
def test_a_number_is_routed_anew_and_stays_available_meanwhile(routed: Routed | None) -> None:
    expected = on_the_way(Phase.AVAILABLE, Reason.ROUTING, ROUTING, Route(HELD, "desk"))
    assert plan_number(want(), state(routed=routed), None, UP) == expected


@pytest.mark.parametrize("phase", [Phase.ORDERING, Phase.AVAILABLE, Phase.BOUND])
def test_a_missing_profile_is_named_and_the_number_stays_what_it_is(phase: Phase) -> None:
    wanted = want(DesiredRouting("desk", missing=True), bound=phase is Phase.BOUND)
    assert plan_number(wanted, state(phase), None, UP) == waits(phase, Reason.ROUTING_PROFILE_MISSING, NO_PROFILE)


def test_a_number_keeps_its_routing_while_its_profile_was_never_told_to_its_account() -> None:
    """As after an upgrade: what the number is routed to was told by an older version, and calls go on."""
    untold = DesiredRouting("desk", told=False)
    assert plan_number(want(untold), state(), None, UP) == held()


def test_a_number_is_pointed_at_no_profile_that_its_account_was_not_told() -> None:
    said = "RoutingProfile 'desk' has to be told to the carrier first: its own conditions say how far that is."
    conditions = (not_ready(Reason.ROUTING, said), reconciling(Reason.ROUTING, said))
    for untold in (DesiredRouting("desk", told=False), DesiredRouting("desk", "profile-1", told=False)):
        plan = plan_number(want(untold), state(Phase.ORDERING, routed=None), None, UP)
        assert plan == NumberPlan(Phase.ORDERING, conditions)


def test_what_a_profile_says_anew_under_its_old_id_is_no_step_of_its_numbers() -> None:
    assert plan_number(want(DesiredRouting("desk", "profile-1", told=False)), state(), None, UP) == held()


PAUSED = DesiredRouting("desk", "profile-1", held=True, told=False)


@pytest.mark.parametrize("known", [state(), state(routed=Routed("desk", "profile-1"))])
def test_a_suspended_profile_leaves_its_numbers_as_they_are(known: NumberState) -> None:
    assert plan_number(want(PAUSED), known, None, UP) == held()


def test_a_suspended_profile_repairs_no_drift() -> None:
    plan = plan_number(want(PAUSED), state(), ASTRAY, UP)
    said = f"{DRIFTED} Its RoutingProfile is suspended (spec.suspend)."
    assert plan == waits(Phase.AVAILABLE, Reason.DRIFTED, said, drift=DRIFTED)


@pytest.mark.parametrize("routed", [None, Routed("front", "profile-2")])
def test_a_number_waits_for_a_suspended_profile_that_it_does_not_have_yet(routed: Routed | None) -> None:
    said = "RoutingProfile 'desk' is suspended (spec.suspend): the number is routed by it as soon as it is resumed."
    plan = plan_number(want(PAUSED), state(Phase.ORDERING, routed=routed), None, UP)
    assert plan == waits(Phase.ORDERING, Reason.SUSPENDED, said)


def test_a_number_that_wants_no_routing_any_more_is_unrouted() -> None:
    expected = on_the_way(Phase.AVAILABLE, Reason.ROUTING, "The routing is being taken off.", Unroute(HELD))
    assert plan_number(want(None), state(), None, UP) == expected


# Drift.


@pytest.mark.parametrize("known", [state(), state(drift=DRIFTED)])
def test_drift_is_repaired(known: NumberState) -> None:
    plan = plan_number(want(), known, ASTRAY, UP)
    assert plan == on_the_way(Phase.AVAILABLE, Reason.ROUTING, ROUTING, Route(HELD, "desk"), drift=DRIFTED)


def test_drift_that_was_found_before_is_still_repaired_after_a_restart() -> None:
    plan = plan_number(want(), state(drift=DRIFTED), None, UP)
    assert (plan.step, plan.drift) == (Route(HELD, "desk"), DRIFTED)


def test_a_number_routed_to_nothing_has_drifted() -> None:
    plan = plan_number(want(), state(), a_holding(routing=None), UP)
    assert plan.drift == "The carrier routes the number to nothing, not to profile-1."


def test_drift_that_is_only_reported_is_left_as_it_is() -> None:
    plan = plan_number(want(repair=False), state(), ASTRAY, UP)
    said = f"{DRIFTED} spec.driftPolicy is Report."
    assert plan == waits(Phase.AVAILABLE, Reason.DRIFTED, said, drift=DRIFTED)


def test_drift_that_healed_by_itself_is_forgotten() -> None:
    assert plan_number(want(), state(drift=DRIFTED), a_holding(routing="profile-1"), UP) == held()


def test_a_number_that_is_only_observed_is_never_routed() -> None:
    for known in (state(routed=None), state(routed=Routed("desk", "profile-1")), state(drift=DRIFTED)):
        assert plan_number(want(observed=True), known, ASTRAY, UP).step is None


def test_drift_that_stays_says_whose_wish_that_is() -> None:
    known = state(drift=DRIFTED)
    observed = plan_number(want(observed=True), known, None, UP).conditions[0].message
    orphaned = plan_number(want(None, pool_deleted=True), known, None, UP).conditions[0].message
    assert observed == f"{DRIFTED} It is only observed (spec.managementPolicy)."
    assert orphaned == f"{DRIFTED} Its pool is gone, and with it the wish for a routing."


# Whose it is, while the carrier is away.


@pytest.mark.parametrize(
    ("phase", "wanted", "shown"),
    [
        (Phase.AVAILABLE, want(bound=True), Phase.BOUND),
        (Phase.BOUND, want(resting=True), Phase.COOLING),
        (Phase.COOLING, want(), Phase.AVAILABLE),
        (Phase.AVAILABLE, want(quarantine="spam"), Phase.QUARANTINED),
        (Phase.ORDERING, want(bound=True), Phase.ORDERING),
        (Phase.SUSPENDED, want(bound=True), Phase.ORDERING),
        (Phase.RELEASING, want(bound=True), Phase.ORDERING),
    ],
)
def test_a_number_that_waits_to_be_routed_anew_still_shows_whose_it_is(
    phase: Phase, wanted: DesiredNumber, shown: Phase
) -> None:
    known = state(phase, routed=Routed("front", "profile-2"), stopped=None)
    holding = a_holding(routing="profile-2") if phase is Phase.SUSPENDED else None
    assert plan_number(wanted, known, holding, DOWN) == waits(shown, Reason.CIRCUIT_OPEN, DOWN.message)


# Laws.

wants = st.builds(
    DesiredNumber,
    st.just(digits(1)),
    st.none()
    | st.builds(
        DesiredRouting,
        st.sampled_from(["desk", "front"]),
        st.sampled_from(["", "v1", "v2"]),
        missing=st.booleans(),
        told=st.booleans(),
    ),
    repair=st.booleans(),
    observed=st.booleans(),
    bound=st.booleans(),
)
holdings = st.none() | st.builds(
    a_holding, st.just(1), st.sampled_from(list(HoldingStatus)), routing=st.sampled_from([None, "v1", "v2"])
)
accounts = st.sampled_from([UP, DOWN])


def act(
    known: NumberState, plan: NumberPlan, holding: Holding | None, works: bool, wanted: DesiredNumber
) -> NumberState:
    """The number after its plan was written, and its step taken if that `works`."""
    heard = (
        replace(known, external_id=holding.external_id, activating=holding.status is HoldingStatus.ACTIVATING)
        if holding
        else known
    )
    after = replace(heard, phase=plan.phase, drift=plan.drift)
    match plan.step:
        case Look() if works:
            return replace(after, external_id=HELD)
        case Route(_, profile) if works and wanted.routing:
            return replace(after, routed=Routed(profile, wanted.routing.external_id), drift=None)
        case Unroute() if works:
            return replace(after, routed=None, drift=None)
        case _:
            return after


@given(st.lists(st.tuples(wants, holdings, accounts, st.booleans()), max_size=30))
def test_a_number_only_takes_steps_that_its_table_knows(story: list[Any]) -> None:
    known = NumberState()
    for wanted, holding, account, works in story:
        plan = plan_number(wanted, known, holding, account)
        assert may_step(known.phase, plan.phase), (known.phase, plan.phase)
        assert plan.step is None or account.blocked is None
        assert plan.step is None or not wanted.observed or isinstance(plan.step, Look)
        known = act(known, plan, holding, works, wanted)


@given(
    st.lists(st.tuples(wants, holdings, accounts, st.booleans()), max_size=15),
    wants,
    st.sampled_from([None, "desk-v1"]),
)
def test_a_number_comes_to_rest_within_a_few_turns_and_stays_there(
    story: list[Any], wanted: DesiredNumber, routing: str | None
) -> None:
    known = NumberState()
    for before, holding, account, works in story:
        known = act(known, plan_number(before, known, holding, account), holding, works, before)
    holding: Holding | None = a_holding(routing=known.routed.external_id if known.routed else routing)
    for _ in range(4):
        plan = plan_number(wanted, known, holding, UP)
        known, holding = act(known, plan, holding, True, wanted), None
    plan = plan_number(wanted, known, None, UP)
    assert (plan.step, plan.phase) == (None, known.phase)
    if wanted.routing is None or (wanted.routing.told and wanted.routing.external_id and not wanted.routing.missing):
        assert known.phase is (Phase.BOUND if wanted.bound else Phase.AVAILABLE)
