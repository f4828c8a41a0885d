"""A suspended routing profile: nothing of it reaches the carrier, and numbers keep the routing that they have."""

from __future__ import annotations

import pytest

from ringfleet.model import Phase
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Reason, not_ready, ready
from ringfleet.plan.phone_number.case import DesiredNumber, DesiredRouting, NumberState, Routed
from ringfleet.plan.phone_number.plan import plan_number
from ringfleet.plan.phone_number.steps import NumberPlan, Route
from tests.plan.builders import a_holding, digits

HELD = DesiredRouting("desk", "profile-1", held=True, told=False)
AT_DESK = Routed("desk", "profile-1")
ELSEWHERE = Routed("old", "profile-0")
DRIFT = "The carrier routes the number to profile-9, not to profile-1."

KEPT = NumberPlan(Phase.AVAILABLE, (ready(Reason.ROUTED, "Held, and routed to 'desk'."),))
WAITS = not_ready(
    Reason.SUSPENDED,
    "RoutingProfile 'desk' is suspended (spec.suspend): the number is routed by it as soon as it is resumed.",
)
LEFT = not_ready(Reason.DRIFTED, f"{DRIFT} Its RoutingProfile is suspended (spec.suspend).")


def state(phase: Phase, routed: Routed | None, drift: str | None = None) -> NumberState:
    return NumberState(phase, "did-1", routed, drift)


@pytest.mark.parametrize(
    ("now", "plan"),
    [
        pytest.param(state(Phase.AVAILABLE, AT_DESK), KEPT, id="a number that follows it keeps what it has"),
        pytest.param(state(Phase.ORDERING, None), NumberPlan(Phase.ORDERING, (WAITS,)), id="a new number waits"),
        pytest.param(
            state(Phase.AVAILABLE, ELSEWHERE), NumberPlan(Phase.AVAILABLE, (WAITS,)), id="one of another profile waits"
        ),
        pytest.param(
            state(Phase.AVAILABLE, AT_DESK, DRIFT),
            NumberPlan(Phase.AVAILABLE, (LEFT,), drift=DRIFT),
            id="drift is said and left",
        ),
    ],
)
def test_a_suspended_profile_routes_nothing(now: NumberState, plan: NumberPlan) -> None:
    assert plan_number(DesiredNumber(digits(1), HELD), now, None, AccountSeen()) == plan


def test_a_resumed_profile_that_was_made_anew_at_the_carrier_takes_its_numbers_along() -> None:
    resumed = DesiredNumber(digits(1), DesiredRouting("desk", "profile-2"))
    holding = a_holding(1, routing="profile-1")
    plan = plan_number(resumed, state(Phase.AVAILABLE, AT_DESK), holding, AccountSeen())
    assert plan.step == Route("did-1", "desk")
