"""What is done about the emergency address of a number, and what is said of it, as a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ringfleet.model import Capability, Phase
from ringfleet.model.emergency import NO_ADDRESS, EmergencyAddress, EmergencyStanding, EmergencyState
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.next_look import next_look_at_number
from ringfleet.plan.phone_number.case import (
    DesiredEmergency,
    DesiredNumber,
    NumberEmergency,
    NumberState,
    RefusedAddress,
)
from ringfleet.plan.phone_number.emergency import FIRST_AGAIN, LAST_AGAIN, may_ask_again, note_refusal
from ringfleet.plan.phone_number.plan import plan_number
from ringfleet.plan.phone_number.steps import ClearEmergency, Look, SetEmergency, Step
from tests.plan.builders import NOW, a_holding, digits

DESK = EmergencyAddress("Example Inc.", "645 Harrison St", "San Francisco", "CA", "94105", "US")
R1, R2 = "911.home.1", "911.home.2"
WISH = DesiredEmergency("RoutingProfile shop/sip", DESK, R1)
REQUIRED = DesiredEmergency("RoutingProfile shop/sip", required=True)
UNREAD = DesiredEmergency("NumberClaim shop/desk", unread=True)
UNREADABLE = DesiredEmergency("NumberClaim shop/desk", unreadable="Secret shop/home does not exist.")
DOWN = AccountSeen(Reason.CIRCUIT_OPEN, "default/main does not answer.")
SET = SetEmergency("did-1", DESK, R1)
CLEAR = ClearEmergency("did-1")


def stands(state: EmergencyState, address: str | None = "AD1", **rest: Any) -> NumberEmergency:
    """A number that has this address, which we have set as `R1`."""
    ours = {"reference": R1, "set_to": "AD1"} if address else {}
    return NumberEmergency(EmergencyStanding(state, address), **{**ours, **rest})


DONE = stands(EmergencyState.REGISTERED)
REFUSED = NumberEmergency(NO_ADDRESS, refused=RefusedAddress(R1, "21629", "No such street", 1, NOW))


@pytest.mark.parametrize(
    ("wish", "known", "step", "said"),
    [
        pytest.param(None, NumberEmergency(), None, None, id="nobody has one"),
        pytest.param(WISH, NumberEmergency(), SET, "False EmergencyPending", id="set"),
        pytest.param(WISH, DONE, None, "True EmergencyRegistered", id="registered"),
        pytest.param(WISH, stands(EmergencyState.PENDING), None, "False EmergencyPending", id="being registered"),
        pytest.param(WISH, stands(EmergencyState.FAILED), None, "False EmergencyRefused", id="failed"),
        pytest.param(WISH, replace(DONE, reference=R2), SET, "False EmergencyPending", id="edited"),
        pytest.param(WISH, replace(DONE, set_to="AD2"), SET, "False EmergencyPending", id="changed by another hand"),
        pytest.param(
            WISH, stands(EmergencyState.REMOVING, None), None, "False EmergencyPending", id="the former one is going"
        ),
        pytest.param(WISH, REFUSED, None, "False EmergencyRefused", id="refused"),
        pytest.param(
            replace(WISH, reference=R2), REFUSED, replace(SET, reference=R2), "False EmergencyPending", id="corrected"
        ),
        pytest.param(UNREAD, NumberEmergency(), Look(), None, id="not read yet"),
        pytest.param(UNREADABLE, DONE, None, "False EmergencyUnreadable", id="what can't be read takes nothing off"),
        pytest.param(
            replace(WISH, held=True), NumberEmergency(), None, "False EmergencyPending", id="held, and not set"
        ),
        pytest.param(replace(WISH, held=True), DONE, None, "True EmergencyRegistered", id="held, and set"),
        pytest.param(replace(REQUIRED, held=True, required=False), DONE, None, None, id="held, and taken back"),
        pytest.param(REQUIRED, NumberEmergency(), None, "False EmergencyMissing", id="required and missing"),
        pytest.param(REQUIRED, DONE, CLEAR, "False EmergencyMissing", id="required, and taken back"),
        pytest.param(None, DONE, CLEAR, None, id="taken off"),
        pytest.param(None, NumberEmergency(setting=R1), CLEAR, None, id="begun by a process that ended"),
        pytest.param(None, stands(EmergencyState.REMOVING, None), None, None, id="it is going"),
        pytest.param(None, replace(DONE, set_to="AD2"), None, None, id="another's stays"),
        pytest.param(
            None, stands(EmergencyState.REGISTERED, reference=None, set_to=None), None, None, id="it never was ours"
        ),
    ],
)
def test_what_is_done_and_said(
    wish: DesiredEmergency | None, known: NumberEmergency, step: Step | None, said: str | None
) -> None:
    assert decided(wish, known) == (step, said)
    assert decided(wish, known, account=DOWN)[0] is None, "nothing is done while the account can't be called"
    assert decided(wish, known, observed=True) == (None, None), "nor of one that is only observed"
    assert decided(wish, known, phase=Phase.PENDING_DOCUMENTS) == (None, None)


def decided(
    wish: DesiredEmergency | None,
    known: NumberEmergency,
    account: AccountSeen = AccountSeen(),  # noqa: B008 - frozen
    phase: Phase = Phase.AVAILABLE,
    **rest: Any,
) -> tuple[Step | None, str | None]:
    want = DesiredNumber(
        digits(1), None, emergency=wish, **{"emergency_countries": ("CA", "US"), "country": "US", "calls": True, **rest}
    )
    plan = plan_number(want, NumberState(phase, "did-1", emergency=known), None, account)
    found = (f"{one.status} {one.reason}" for one in plan.conditions if one.type == "EmergencyAddressReady")
    return plan.step, next(found, None)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"country": "US"}, "False EmergencyPending"),
        ({"country": "PR"}, "False EmergencyPending"),
        ({"country": "DE"}, "True EmergencyNotApplicable"),
        ({"calls": False}, "True EmergencyNotApplicable"),
        ({"emergency_countries": ()}, "False EmergencyUnsupported"),
    ],
)
def test_where_a_wished_address_can_be_set(facts: dict[str, Any], said: str) -> None:
    step, found = decided(WISH, NumberEmergency(), **facts)
    assert (step is not None, found) == (said == "False EmergencyPending", said)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"country": "CA"}, "False EmergencyMissing"),
        ({"country": "DE"}, None),
        ({"calls": False}, None),
        ({"emergency_countries": ()}, "False EmergencyUnsupported"),
    ],
)
def test_of_which_numbers_one_is_required(facts: dict[str, Any], said: str | None) -> None:
    assert decided(REQUIRED, NumberEmergency(), **facts) == (None, said)


def test_while_nobody_knows_what_the_carrier_can_do_what_was_said_last_is_so_still() -> None:
    before = Condition("EmergencyAddressReady", False, Reason.EMERGENCY_UNSUPPORTED, "It takes none.")
    facts: dict[str, Any] = {"emergency_countries": None, "emergency_said": before}
    assert decided(WISH, NumberEmergency(), **facts) == (None, "False EmergencyUnsupported")
    assert decided(None, NumberEmergency(), **facts) == (None, None)


def test_the_carriers_word_goes_before_what_is_remembered() -> None:
    want = DesiredNumber(digits(1), None, emergency=WISH, emergency_countries=("US",))
    astray = a_holding(emergency=EmergencyStanding(EmergencyState.REGISTERED, "AD9"))
    state = NumberState(Phase.AVAILABLE, "did-1", emergency=DONE)
    assert plan_number(want, state, astray, AccountSeen()).step == SET
    silent = a_holding(capabilities=frozenset({Capability.SMS}))
    assert plan_number(want, state, silent, AccountSeen()).step is None


def test_a_carrier_that_refuses_is_asked_ever_more_seldom_and_the_number_is_due_then() -> None:
    known, waits = NumberEmergency(), []
    for _ in range(12):
        known = note_refusal(known, R1, "21629", "No such street", NOW)
        assert known.refused
        waits.append(known.refused.again - NOW)
    assert (waits[0], waits[1], waits[-1]) == (FIRST_AGAIN, 2 * FIRST_AGAIN, LAST_AGAIN)
    assert known.refused
    assert not may_ask_again(known.refused, NOW)
    assert may_ask_again(known.refused, known.refused.again)
    number = _Number(NumberState(emergency=known))
    assert next_look_at_number(number, NOW) == NOW + LAST_AGAIN
    other = note_refusal(known, R2, "21629", "", NOW)
    assert other.refused
    assert other.refused.again == NOW + timedelta(minutes=1), "another address begins anew"


class _Number:
    cooling_until = None

    def __init__(self, state: NumberState) -> None:
        self.state = state
