"""What a number is that the carrier shows no more, and what an observed one is."""

from __future__ import annotations

import pytest

from ringfleet.model import Holding, Phase
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.carrier_account.loss import LOST_MESSAGE
from ringfleet.plan.conditions import Reason, not_ready, ready
from ringfleet.plan.phone_number.case import DesiredNumber, DesiredRouting, NumberState, Routed
from ringfleet.plan.phone_number.plan import plan_number
from ringfleet.plan.phone_number.steps import NumberPlan, Route
from tests.plan.builders import a_holding, digits

UP = AccountSeen()
DESK = DesiredRouting("desk", "profile-1")
AT_DESK = Routed("desk", "profile-1")
LOST = NumberPlan(Phase.LOST, (not_ready(Reason.LOST, LOST_MESSAGE),))
HELD = NumberPlan(Phase.AVAILABLE, (ready(Reason.ROUTED, "Held, and routed to 'desk'."),))
OBSERVED = NumberPlan(
    Phase.AVAILABLE, (ready(Reason.OBSERVED, "Seen at the carrier, and only observed (spec.managementPolicy)."),)
)


def state(phase: Phase, routed: Routed | None = AT_DESK) -> NumberState:
    return NumberState(phase, "did-1", routed)


@pytest.mark.parametrize(
    ("phase", "lost", "holding", "expected"),
    [
        pytest.param(Phase.AVAILABLE, True, None, LOST, id="it is lost"),
        pytest.param(Phase.BOUND, True, None, LOST, id="a claim has it, and it is lost"),
        pytest.param(Phase.LOST, True, None, LOST, id="it is lost still"),
        pytest.param(
            Phase.LOST, False, None, LOST, id="a restart has forgotten the listings, and no listing has shown it since"
        ),
        pytest.param(Phase.LOST, False, a_holding(routing="profile-1"), HELD, id="it is shown again"),
        pytest.param(
            Phase.LOST, True, a_holding(routing="profile-1"), HELD, id="it was found before the sweep has taken that in"
        ),
        pytest.param(Phase.AVAILABLE, False, None, HELD, id="it is there"),
    ],
)
def test_a_lost_number_is_lost_until_the_carrier_shows_it(
    phase: Phase, lost: bool, holding: Holding | None, expected: NumberPlan
) -> None:
    assert plan_number(DesiredNumber(digits(1), DESK, lost=lost), state(phase), holding, UP) == expected


def test_a_lost_number_that_comes_back_unrouted_is_routed_before_it_is_available() -> None:
    plan = plan_number(DesiredNumber(digits(1), DESK), state(Phase.LOST), a_holding(routing=None), UP)
    assert (plan.phase, plan.step) == (Phase.ORDERING, Route("did-1", "desk"))


@pytest.mark.parametrize(
    "routed", [pytest.param(None, id="not routed"), pytest.param(Routed("", "profile-9"), id="routed by somebody")]
)
def test_an_observed_number_is_left_as_it_is(routed: Routed | None) -> None:
    holding = a_holding(routing=routed.external_id if routed else None, mark=None)
    observed = DesiredNumber(digits(1), DESK, observed=True)
    assert plan_number(observed, state(Phase.ORDERING, routed), holding, UP) == OBSERVED


def test_the_routing_that_somebody_else_gave_a_number_is_not_taken_off() -> None:
    seen = state(Phase.AVAILABLE, Routed("", "profile-9"))
    assert plan_number(DesiredNumber(digits(1)), seen, None, UP).step is None
