"""A number's life beyond routing: stopped and resumed, quarantined, resting, observed, lost and back, leaving."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ringfleet.model import Holding, HoldingStatus, Phase
from ringfleet.model.policy import SuspendBy
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.carrier_account.loss import LOST_MESSAGE
from ringfleet.plan.conditions import Condition, Reason, not_ready, ready, reconciling
from ringfleet.plan.phone_number.case import DesiredNumber, DesiredRouting, Leaving, NumberState, Routed
from ringfleet.plan.phone_number.plan import plan_number
from ringfleet.plan.phone_number.removal import Obstacle, Way
from ringfleet.plan.phone_number.steps import Leave, Look, NumberPlan, Resume, Step, Stop
from tests.plan.builders import a_holding, digits
from tests.plan.line import Carrier, Line

UP = AccountSeen()
DOWN = AccountSeen(Reason.CIRCUIT_OPEN, "default/main does not answer.")
AT_DESK = Routed("desk", "desk-v1")
HELD = "did-1"
BY_SPEC = "spec.suspend of the number says so."
UNPAID = "The bills of namespace shop are not paid (NumberQuota cap)."
STILL = "It carries no call or message, and is kept and billed:"
ACTIVE = a_holding(routing="desk-v1")
SUSPENDED = a_holding(status=HoldingStatus.SUSPENDED, routing="desk-v1")
PARKED = a_holding(routing=None)


def want(**rest: Any) -> DesiredNumber:
    return DesiredNumber(digits(1), **{"routing": DesiredRouting("desk", "desk-v1"), **rest})


def state(phase: Phase = Phase.AVAILABLE, **rest: Any) -> NumberState:
    return NumberState(phase, **{"external_id": HELD, "routed": AT_DESK, **rest})


def on_the_way(phase: Phase, reason: Reason, message: str, step: Step) -> NumberPlan:
    return NumberPlan(phase, (not_ready(reason, message), reconciling(reason, message)), step)


def still(phase: Phase, reason: Reason, message: str) -> NumberPlan:
    return NumberPlan(phase, (not_ready(reason, message),))


def routed(phase: Phase = Phase.AVAILABLE) -> NumberPlan:
    return NumberPlan(phase, (ready(Reason.ROUTED, "Held, and routed to 'desk'."),))


# Stopping.


@pytest.mark.parametrize(
    ("stops", "said"),
    [
        pytest.param((BY_SPEC,), BY_SPEC, id="one cause"),
        pytest.param((UNPAID,), UNPAID, id="another"),
        pytest.param(
            tuple(sorted((BY_SPEC, UNPAID))), f"{UNPAID} {BY_SPEC}", id="two at once, in the order of the alphabet"
        ),
    ],
)
@pytest.mark.parametrize("by", SuspendBy)
def test_every_reason_to_be_still_is_named_before_and_after(stops: tuple[str, ...], said: str, by: SuspendBy) -> None:
    wanted = want(stop_reasons=stops, stop_by=by)
    first = plan_number(wanted, state(), ACTIVE, UP)
    stop = Stop(HELD, by, "desk-v1" if by is SuspendBy.PARKING else None)
    assert first == on_the_way(Phase.AVAILABLE, Reason.SUSPENDED, f"{STILL} {said}", stop)
    after = plan_number(wanted, state(Phase.SUSPENDED, stopped=by), None, UP)
    assert after == still(Phase.SUSPENDED, Reason.SUSPENDED, f"{STILL} {said}")


STOPS = want(stop_reasons=(BY_SPEC,))
PARKS = want(stop_reasons=(BY_SPEC,), stop_by=SuspendBy.PARKING)


@pytest.mark.parametrize(
    ("wanted", "known", "holding", "step"),
    [
        pytest.param(
            STOPS,
            state(stopped=SuspendBy.VERB),
            None,
            Stop(HELD, SuspendBy.VERB),
            id="a stop that was meant before a crash is made",
        ),
        pytest.param(
            STOPS,
            state(Phase.SUSPENDED, stopped=SuspendBy.VERB),
            ACTIVE,
            Stop(HELD, SuspendBy.VERB),
            id="one that was resumed by another hand is stopped again",
        ),
        pytest.param(
            PARKS,
            state(Phase.SUSPENDED, stopped=SuspendBy.PARKING),
            ACTIVE,
            Stop(HELD, SuspendBy.PARKING),
            id="one that was routed by another hand is parked again",
        ),
        pytest.param(
            STOPS, state(Phase.SUSPENDED, stopped=SuspendBy.VERB), SUSPENDED, None, id="a stopped one is left"
        ),
        pytest.param(PARKS, state(Phase.SUSPENDED, stopped=SuspendBy.PARKING), PARKED, None, id="a parked one is left"),
        pytest.param(
            PARKS,
            state(Phase.SUSPENDED, stopped=SuspendBy.VERB),
            SUSPENDED,
            None,
            id="another verb does not touch a stopped one",
        ),
        pytest.param(
            PARKS,
            state(Phase.SUSPENDED, stopped=SuspendBy.VERB),
            ACTIVE,
            Stop(HELD, SuspendBy.VERB),
            id="what was begun one way is ended that way",
        ),
        pytest.param(STOPS, state(), None, Stop(HELD, SuspendBy.VERB), id="it is stopped by the carrier's verb"),
        pytest.param(PARKS, state(), None, Look(), id="before it is parked, its routing is looked up"),
        pytest.param(
            PARKS, state(routed=None), PARKED, Stop(HELD, SuspendBy.PARKING, ""), id="one without routing has none back"
        ),
        pytest.param(
            PARKS,
            state(routed=None),
            ACTIVE,
            Stop(HELD, SuspendBy.PARKING, "desk-v1"),
            id="what another hand has given is remembered",
        ),
        pytest.param(
            PARKS,
            state(stopped=SuspendBy.PARKING, parked="desk-v1"),
            None,
            Stop(HELD, SuspendBy.PARKING),
            id="what is remembered stays so after a crash",
        ),
        pytest.param(STOPS, state(), SUSPENDED, None, id="what the carrier has suspended is not stopped by us"),
        pytest.param(STOPS, state(Phase.SUSPENDED), None, None, id="nor when that was heard before"),
        pytest.param(
            want(stop_reasons=(BY_SPEC,), observed=True), state(), None, None, id="an observed one is never stopped"
        ),
        pytest.param(
            want(),
            state(Phase.SUSPENDED, stopped=SuspendBy.VERB),
            None,
            Resume(HELD, SuspendBy.VERB, "desk-v1"),
            id="it is resumed by the carrier's verb",
        ),
        pytest.param(
            want(),
            state(Phase.SUSPENDED, stopped=SuspendBy.PARKING),
            None,
            Resume(HELD, SuspendBy.PARKING, "desk-v1"),
            id="a parked one gets its route back",
        ),
        pytest.param(
            want(),
            state(stopped=SuspendBy.VERB),
            None,
            Resume(HELD, SuspendBy.VERB, "desk-v1"),
            id="a stop that was only meant is taken back",
        ),
        pytest.param(
            want(), state(Phase.SUSPENDED), None, None, id="what the carrier has suspended is not resumed by us"
        ),
        pytest.param(want(), state(Phase.SUSPENDED), SUSPENDED, None, id="whatever it says"),
        pytest.param(
            STOPS,
            state(Phase.PENDING_DOCUMENTS),
            None,
            None,
            id="a number that waits for documents carries nothing yet",
        ),
    ],
)
def test_a_number_is_stopped_and_resumed_once(
    wanted: DesiredNumber, known: NumberState, holding: Holding | None, step: Step | None
) -> None:
    assert plan_number(wanted, known, holding, UP).step == step


@pytest.mark.parametrize(("phase", "shown"), [(Phase.AVAILABLE, Phase.AVAILABLE), (Phase.SUSPENDED, Phase.ORDERING)])
def test_a_number_that_can_not_be_stopped_yet_does_not_say_that_it_is_still(phase: Phase, shown: Phase) -> None:
    known = state(phase, stopped=SuspendBy.VERB if phase is Phase.SUSPENDED else None)
    assert plan_number(STOPS, known, ACTIVE, DOWN) == still(shown, Reason.CIRCUIT_OPEN, DOWN.message)


def test_a_number_that_could_not_be_stopped_while_the_carrier_was_away_is_stopped_when_it_is_back() -> None:
    line = Line(state(), Carrier(routing="desk-v1"))
    line.take_turn(STOPS, account=DOWN)
    line.take_turn(STOPS)
    assert not line.carrier.rings()


def test_what_the_carrier_has_suspended_names_the_carrier_and_our_reasons() -> None:
    (said,) = plan_number(STOPS, state(), SUSPENDED, UP).conditions
    assert said.message == (
        "The carrier has suspended the number: it is kept and billed, and carries no call or message. "
        "spec.suspend of the number says so."
    )


def test_two_causes_that_end_one_after_the_other_resume_the_number_once_and_as_it_was() -> None:
    line = Line(state(Phase.BOUND), Carrier(routing="desk-v1"))
    for stops in ((BY_SPEC,), (UNPAID, BY_SPEC), (UNPAID,), ()):
        line.take_turn(want(bound=True, stop_reasons=stops, stop_by=SuspendBy.PARKING))
        assert line.carrier.rings() is (not stops)
    assert line.state == state(Phase.BOUND)
    stop, resume = Stop(HELD, SuspendBy.PARKING, "desk-v1"), Resume(HELD, SuspendBy.PARKING, "desk-v1")
    assert line.carrier.told == [Look(), stop, resume]


MADE_ANEW = DesiredRouting("desk", "desk-v2")


@pytest.mark.parametrize(
    ("wanted", "routed_by_us", "had", "back"),
    [
        pytest.param(want(), AT_DESK, "desk-v1", "desk-v1", id="as it was"),
        pytest.param(want(), AT_DESK, None, "desk-v1", id="parked before that was remembered"),
        pytest.param(want(routing=None), None, "theirs", "theirs", id="by another hand"),
        pytest.param(want(routing=None), None, "", None, id="none"),
        pytest.param(want(routing=MADE_ANEW), AT_DESK, "desk-v1", "desk-v2", id="its profile was made anew meanwhile"),
        pytest.param(
            *(want(routing=replace(MADE_ANEW, held=True)), AT_DESK, "desk-v1", "desk-v1"),
            id="made anew, and suspended: numbers keep what they have",
        ),
        pytest.param(
            *(want(routing=replace(MADE_ANEW, told=False)), AT_DESK, "desk-v1", "desk-v1"),
            id="made anew, and its account does not know what it says now",
        ),
        pytest.param(
            *(want(routing=DesiredRouting("desk", missing=True)), AT_DESK, "desk-v1", "desk-v1"),
            id="its profile is gone",
        ),
        pytest.param(want(), AT_DESK, "theirs", "desk-v1", id="by another hand, and mended"),
        pytest.param(want(repair=False), AT_DESK, "theirs", "theirs", id="by another hand, and only reported"),
        pytest.param(want(), None, "theirs", "desk-v1", id="a profile has come meanwhile"),
    ],
)
def test_a_parked_number_gets_the_routing_back_that_it_had_or_that_it_would_be_given_next(
    wanted: DesiredNumber, routed_by_us: Routed | None, had: str | None, back: str | None
) -> None:
    known = state(Phase.SUSPENDED, routed=routed_by_us, stopped=SuspendBy.PARKING, parked=had)
    assert plan_number(wanted, known, PARKED, UP).step == Resume(HELD, SuspendBy.PARKING, back)


def test_a_resumed_number_that_was_never_routed_is_not_available() -> None:
    line = Line(state(routed=None), Carrier())
    missing = DesiredRouting("desk", missing=True)
    line.take_turn(want(routing=missing, stop_reasons=(BY_SPEC,)))
    line.take_turn(want(routing=missing))
    assert line.state.phase is Phase.ORDERING


def test_a_parked_number_has_not_drifted() -> None:
    known = state(Phase.SUSPENDED, stopped=SuspendBy.PARKING)
    assert plan_number(PARKS, known, PARKED, UP).drift is None


# Out of use, and resting.


def test_a_quarantined_number_says_why_and_comes_back_by_a_persons_word() -> None:
    plan = plan_number(want(quarantine="flagged as spam", bound=True), state(Phase.BOUND), None, UP)
    said = "Taken out of use: flagged as spam. Remove the annotation ringfleet.dev/quarantine to use it again."
    assert plan == still(Phase.QUARANTINED, Reason.QUARANTINED, said)
    assert plan_number(want(bound=True), state(Phase.QUARANTINED), None, UP) == routed(Phase.BOUND)


RESTS = NumberPlan(
    Phase.COOLING,
    (ready(Reason.COOLING, "Held; it rests after its last claim, so that calls for its last holder die away."),),
)


@pytest.mark.parametrize(
    ("wanted", "phase", "plan"),
    [
        pytest.param(want(resting=True), Phase.BOUND, RESTS, id="after its claim"),
        pytest.param(want(resting=True), Phase.COOLING, RESTS, id="until the rest is over"),
        pytest.param(want(resting=True), Phase.AVAILABLE, RESTS, id="although the claim came and went unseen"),
        pytest.param(want(), Phase.COOLING, routed(), id="then it is available"),
        pytest.param(want(), Phase.BOUND, RESTS, id="however short the rest is, it is not skipped"),
        pytest.param(want(bound=True), Phase.COOLING, routed(Phase.BOUND), id="unless its people have it back"),
        pytest.param(want(bound=True, resting=True), Phase.AVAILABLE, routed(Phase.BOUND), id="a claim ends the rest"),
    ],
)
def test_a_number_rests_between_two_claims(wanted: DesiredNumber, phase: Phase, plan: NumberPlan) -> None:
    assert plan_number(wanted, state(phase), None, UP) == plan


def test_an_observed_number_is_available_and_says_that_it_is_only_seen() -> None:
    plan = plan_number(want(observed=True), state(routed=None), PARKED, UP)
    said = "Seen at the carrier, and only observed (spec.managementPolicy)."
    assert plan == NumberPlan(Phase.AVAILABLE, (ready(Reason.OBSERVED, said),))


def test_a_number_whose_pool_is_gone_keeps_its_route() -> None:
    plan = plan_number(want(routing=None, pool_deleted=True), state(), None, UP)
    said = "Held, and routed to 'desk', as its pool wished that is gone."
    assert plan == NumberPlan(Phase.AVAILABLE, (ready(Reason.ROUTED, said),))


# Lost and back.

GONE = still(Phase.LOST, Reason.LOST, LOST_MESSAGE)


@pytest.mark.parametrize("wanted", [want(lost=True), want(lost=True, leaving=Leaving(Way.RELEASE, granted=True))])
@pytest.mark.parametrize("phase", [Phase.BOUND, Phase.ORDERING, Phase.SUSPENDED, Phase.RELEASING])
def test_a_number_that_the_carrier_does_not_show_any_more_is_lost(wanted: DesiredNumber, phase: Phase) -> None:
    assert plan_number(wanted, state(phase), None, UP) == GONE


def test_a_lost_number_stays_lost_over_a_restart_that_forgets_the_listings() -> None:
    assert plan_number(want(), state(Phase.LOST), None, UP) == GONE


@pytest.mark.parametrize(
    ("wanted", "phase"),
    [(want(), Phase.AVAILABLE), (want(bound=True), Phase.BOUND), (want(lost=True), Phase.AVAILABLE)],
)
def test_a_lost_number_that_is_shown_again_is_what_it_was(wanted: DesiredNumber, phase: Phase) -> None:
    assert plan_number(wanted, state(Phase.LOST), ACTIVE, UP) == routed(phase)


def test_a_lost_number_that_is_shown_again_and_was_asked_to_go_goes_its_way() -> None:
    plan = plan_number(want(leaving=Leaving(Way.RELEASE, waits="It waits.")), state(Phase.LOST), ACTIVE, UP)
    assert plan == still(Phase.RELEASING, Reason.RELEASING, "It waits.")


def test_a_number_given_back_stays_so_whatever_is_wished() -> None:
    plan = plan_number(want(stop_reasons=(BY_SPEC,), lost=True), state(Phase.RELEASED), None, UP)
    assert plan == still(Phase.RELEASED, Reason.RELEASED, "It was given back to the carrier for good.")


# Leaving.

BOUND_STILL = Obstacle(Reason.RELEASE_FORBIDDEN, "It was asked to go and stays, because it is protected.")


@pytest.mark.parametrize(
    ("leaving", "account", "plan"),
    [
        pytest.param(
            Leaving(Way.RELEASE, waits="In its hold."),
            UP,
            still(Phase.RELEASING, Reason.RELEASING, "In its hold."),
            id="held",
        ),
        pytest.param(
            Leaving(Way.RELEASE, frozen=True, waits="Frozen."),
            UP,
            still(Phase.RELEASING, Reason.RELEASE_FROZEN, "Frozen."),
            id="frozen",
        ),
        pytest.param(
            Leaving(Way.RELEASE, granted=True),
            UP,
            on_the_way(Phase.RELEASING, Reason.RELEASING, "It is being given back.", Leave(HELD, Way.RELEASE)),
            id="granted",
        ),
        pytest.param(
            Leaving(Way.LET_GO, granted=True),
            UP,
            on_the_way(Phase.RELEASING, Reason.RELEASING, "It is being let go.", Leave(HELD, Way.LET_GO)),
            id="let go",
        ),
        pytest.param(
            Leaving(Way.RELEASE, granted=True),
            DOWN,
            still(Phase.RELEASING, Reason.CIRCUIT_OPEN, DOWN.message),
            id="granted while the carrier is away",
        ),
    ],
)
def test_a_number_that_was_asked_to_go_waits_for_its_leave(
    leaving: Leaving, account: AccountSeen, plan: NumberPlan
) -> None:
    assert plan_number(want(leaving=leaving), state(), None, account) == plan


def test_a_number_with_an_obstacle_stays_in_service_and_says_why() -> None:
    plan = plan_number(want(leaving=Leaving(Way.RELEASE, BOUND_STILL, granted=True)), state(), None, UP)
    blocked = Condition("ReleaseBlocked", True, Reason.RELEASE_FORBIDDEN, BOUND_STILL.message)
    assert plan == NumberPlan(Phase.AVAILABLE, (*routed().conditions, blocked))


def test_a_number_that_was_asked_to_go_can_be_taken_back() -> None:
    line = Line(state(), Carrier(routing="desk-v1"))
    line.take_turn(want(leaving=Leaving(Way.RELEASE)))
    assert line.state.phase is Phase.RELEASING
    line.take_turn(want())
    assert line.state == state()
    assert line.carrier.told == []
