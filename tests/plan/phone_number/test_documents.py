"""The documents of a number: those that it waits for, and those that it lives on when a revision supersedes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import Holding, HoldingStatus, Phase
from ringfleet.model.policy import SuspendBy
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Condition, Reason, not_ready, ready, reconciling
from ringfleet.plan.phone_number.case import (
    AttachRefusal,
    DesiredNumber,
    DesiredRouting,
    Documents,
    NewerRevision,
    NumberState,
    RefusedBundle,
    Routed,
)
from ringfleet.plan.phone_number.documents import FIRST_AGAIN, LAST_AGAIN, last_refusal, note_refusal
from ringfleet.plan.phone_number.plan import plan_number
from ringfleet.plan.phone_number.steps import Attach, Look, NumberPlan, Route, Step, Stop
from tests.plan.builders import NOW, a_holding, digits
from tests.plan.line import Carrier, Fate, Line

UP = AccountSeen()
DOWN = AccountSeen(Reason.CIRCUIT_OPEN, "default/main does not answer.")
HELD = "did-1"
AT_DESK = Routed("desk", "desk-v1")
SUSPENDED = a_holding(status=HoldingStatus.SUSPENDED, routing="desk-v1", bundle="old")
LIVING = a_holding(routing="desk-v1", bundle="old")

GERMANY = "ComplianceBundle germany at default/main"
NEXT = NewerRevision(GERMANY, "new", frozenset({"older", "old"}))
REFUSED = AttachRefusal("new", "it says bundle_state.")
DUE = replace(REFUSED, due=True)


def want(**rest: Any) -> DesiredNumber:
    return DesiredNumber(digits(1), **{"routing": DesiredRouting("desk", "desk-v1"), **rest})


def state(phase: Phase = Phase.AVAILABLE, **rest: Any) -> NumberState:
    return NumberState(phase, **{"external_id": HELD, "routed": AT_DESK, "attached": "old", **rest})


# Waiting for a bundle.

APPROVED = Documents("germany: Approved", GERMANY, "new")
WAITING = state(Phase.PENDING_DOCUMENTS, routed=None, attached=None)
ASKED = "The carrier waits for identity or address documents."
BEING_ATTACHED = f"{GERMANY} is being attached."
NOT_TAKEN = f"{ASKED} It does not take {GERMANY} for the number: it says bundle_state. It is asked again."
LOOKED_AT = f"The carrier has {GERMANY} for the number, and is looking at it."


@pytest.mark.parametrize(
    ("known", "account", "refusal", "reason", "message", "step"),
    [
        pytest.param(
            WAITING,
            UP,
            None,
            Reason.PENDING_DOCUMENTS,
            BEING_ATTACHED,
            Attach(HELD, "new"),
            id="the approved bundle is attached",
        ),
        pytest.param(WAITING, DOWN, None, Reason.CIRCUIT_OPEN, DOWN.message, None, id="when the account can be called"),
        pytest.param(
            WAITING,
            UP,
            REFUSED,
            Reason.ATTACH_REFUSED,
            NOT_TAKEN,
            None,
            id="a refusal is said, and not asked again at once",
        ),
        pytest.param(WAITING, DOWN, REFUSED, Reason.ATTACH_REFUSED, NOT_TAKEN, None, id="whatever the account does"),
        pytest.param(
            WAITING,
            UP,
            DUE,
            Reason.PENDING_DOCUMENTS,
            BEING_ATTACHED,
            Attach(HELD, "new"),
            id="it is asked again when it is due",
        ),
        pytest.param(
            WAITING,
            UP,
            replace(REFUSED, external_id="old"),
            Reason.PENDING_DOCUMENTS,
            BEING_ATTACHED,
            Attach(HELD, "new"),
            id="another bundle is another question",
        ),
        pytest.param(
            replace(WAITING, attached="old"),
            UP,
            None,
            Reason.PENDING_DOCUMENTS,
            BEING_ATTACHED,
            Attach(HELD, "new"),
            id="one that carries an older revision gets the approved one",
        ),
        pytest.param(
            replace(WAITING, attached="new"),
            UP,
            REFUSED,
            Reason.PENDING_DOCUMENTS,
            LOOKED_AT,
            None,
            id="one that carries it waits for the carrier",
        ),
    ],
)
def test_a_number_that_waits_is_given_its_bundle(
    known: NumberState,
    account: AccountSeen,
    refusal: AttachRefusal | None,
    reason: Reason,
    message: str,
    step: Step | None,
) -> None:
    wanted = want(documents=APPROVED, last_refusal=refusal)
    said = not_ready(reason, message)
    conditions = (said, reconciling(reason, message)) if step else (said,)
    expected = NumberPlan(Phase.PENDING_DOCUMENTS, conditions, step, waits_for="germany: Approved")
    assert plan_number(wanted, known, None, account) == expected


# Living on a superseded one.

ROUTED = ready(Reason.ROUTED, "Held, and routed to 'desk'.")
KEPT = Condition(
    "DocumentsOutdated",
    True,
    Reason.ATTACH_REFUSED,
    f"The number keeps an older revision of {GERMANY}, and works on: the carrier does not take the approved one for "
    "it: it says bundle_state. It is asked again.",
)


@pytest.mark.parametrize(
    ("wanted", "known", "holding", "account", "conditions", "step"),
    [
        pytest.param(
            want(newer_revision=NEXT), state(), None, UP, (ROUTED,), Look(), id="the carrier is looked at first"
        ),
        pytest.param(
            want(newer_revision=NEXT),
            state(),
            LIVING,
            UP,
            (ROUTED,),
            Attach(HELD, "new"),
            id="it is given the approved revision",
        ),
        pytest.param(
            want(newer_revision=NEXT),
            state(),
            None,
            DOWN,
            (ROUTED,),
            None,
            id="while the account can't be called it keeps what it has",
        ),
        pytest.param(
            want(newer_revision=NEXT),
            state(attached="new"),
            None,
            UP,
            (ROUTED,),
            None,
            id="one that carries it is done",
        ),
        pytest.param(
            want(newer_revision=NEXT),
            state(attached="another"),
            LIVING,
            UP,
            (ROUTED,),
            None,
            id="what another hand has given it stays",
        ),
        pytest.param(
            want(newer_revision=NEXT),
            state(attached=None),
            None,
            UP,
            (ROUTED,),
            None,
            id="one that carries none is given none",
        ),
        pytest.param(
            want(newer_revision=NEXT, last_refusal=REFUSED),
            state(),
            LIVING,
            UP,
            (ROUTED, KEPT),
            None,
            id="a refusal is said beside its readiness",
        ),
        pytest.param(
            want(newer_revision=NEXT, last_refusal=DUE),
            state(),
            LIVING,
            UP,
            (ROUTED, KEPT),
            Attach(HELD, "new"),
            id="it is asked again when it is due",
        ),
        pytest.param(
            want(newer_revision=NEXT, last_refusal=DUE),
            state(),
            LIVING,
            DOWN,
            (ROUTED, KEPT),
            None,
            id="and goes on being said while the account can't be called",
        ),
        pytest.param(
            want(newer_revision=NEXT, last_refusal=replace(REFUSED, external_id="old")),
            state(),
            None,
            UP,
            (ROUTED,),
            Look(),
            id="what was refused of another revision is not asked about",
        ),
    ],
)
def test_a_living_number_is_moved_to_the_revision_that_supersedes_its_own(
    wanted: DesiredNumber,
    known: NumberState,
    holding: Holding | None,
    account: AccountSeen,
    conditions: tuple[Condition, ...],
    step: Step | None,
) -> None:
    assert plan_number(wanted, known, holding, account) == NumberPlan(Phase.AVAILABLE, conditions, step)


@pytest.mark.parametrize(
    ("wanted", "known", "holding", "step"),
    [
        pytest.param(
            want(newer_revision=NEXT, stop_reasons=("Unpaid.",)),
            state(),
            LIVING,
            Stop(HELD, SuspendBy.VERB),
            id="its traffic is stopped first",
        ),
        pytest.param(
            want(newer_revision=NEXT, routing=DesiredRouting("desk", "desk-v2")),
            state(),
            LIVING,
            Route(HELD, "desk"),
            id="its routing goes first",
        ),
        pytest.param(
            want(newer_revision=NEXT, observed=True),
            state(),
            LIVING,
            None,
            id="one that is only observed is not touched",
        ),
        pytest.param(
            want(newer_revision=NEXT),
            state(Phase.SUSPENDED),
            SUSPENDED,
            Attach(HELD, "new"),
            id="one that is suspended is moved",
        ),
        pytest.param(
            want(newer_revision=NEXT, quarantine="odd"),
            state(Phase.QUARANTINED),
            LIVING,
            Attach(HELD, "new"),
            id="one that is in quarantine is moved",
        ),
    ],
)
def test_moving_comes_last(
    wanted: DesiredNumber, known: NumberState, holding: Holding | None, step: Step | None
) -> None:
    assert plan_number(wanted, known, holding, UP).step == step


@given(
    phase=st.sampled_from([phase for phase in Phase if phase is not Phase.PENDING_DOCUMENTS]),
    attached=st.sampled_from((None, "older", "old", "new", "another")),
    holding=st.none()
    | st.builds(a_holding, status=st.sampled_from(HoldingStatus), routing=st.sampled_from((None, "desk-v1"))),
    refusal=st.sampled_from((None, REFUSED, DUE)),
    account=st.sampled_from((UP, DOWN)),
    wishes=st.fixed_dictionaries({"bound": st.booleans(), "resting": st.booleans(), "observed": st.booleans()}),
)
def test_a_superseded_bundle_never_changes_what_a_number_is(
    phase: Phase,
    attached: str | None,
    holding: Holding | None,
    refusal: AttachRefusal | None,
    account: AccountSeen,
    wishes: dict[str, bool],
) -> None:
    """Phase, readiness and every other step are what they would be without."""
    known = state(phase, attached=attached)
    calm = plan_number(want(**wishes), known, holding, account)
    moved = plan_number(want(**wishes, newer_revision=NEXT, last_refusal=refusal), known, holding, account)
    assert (moved.phase, moved.drift) == (calm.phase, calm.drift)
    assert tuple(one for one in moved.conditions if one != KEPT) == calm.conditions
    if calm.step:
        assert moved.step == calm.step
    else:
        assert moved.step is None or isinstance(moved.step, Look | Attach)


@given(st.lists(st.sampled_from(Fate), max_size=6))
def test_whatever_befalls_the_calls_it_rings_and_carries_the_new_one_in_the_end(fates: list[Fate]) -> None:
    line = Line(state(), Carrier(routing="desk-v1", bundle="old"))
    for fate in fates:
        line.take_turn(want(newer_revision=NEXT), fate=fate)
        assert line.carrier.rings()
        assert line.state.phase is Phase.AVAILABLE
    line.take_turn(want(newer_revision=NEXT))
    assert (line.carrier.bundle, line.state.attached) == ("new", "new")
    assert line.take_turn(want(newer_revision=NEXT)).step is None


def test_a_refusal_that_a_clock_ahead_has_written_holds_nothing_up() -> None:
    ahead = note_refusal(None, "new", "bundle_state", NOW + timedelta(days=10))
    assert last_refusal(ahead, NOW) == AttachRefusal("new", "it says bundle_state.", due=True)
    an_hour = replace(ahead, again=NOW + LAST_AGAIN)
    assert last_refusal(an_hour, NOW) == AttachRefusal("new", "it says bundle_state.")


def test_a_carrier_that_refuses_is_asked_ever_more_seldom_and_of_another_revision_at_once() -> None:
    refused, now, waits = None, NOW, []
    assert last_refusal(refused, now) is None
    for _ in range(12):
        refused = note_refusal(refused, "new", "bundle_state", now)
        assert last_refusal(refused, now) == AttachRefusal("new", "it says bundle_state.")
        waits.append(refused.again - now)
        now = refused.again
        assert last_refusal(refused, now) == AttachRefusal("new", "it says bundle_state.", due=True)
    assert waits[:3] == [FIRST_AGAIN, 2 * FIRST_AGAIN, 4 * FIRST_AGAIN]
    assert waits[-1] == LAST_AGAIN
    newer = note_refusal(refused, "newer", "", now)
    assert newer == RefusedBundle("newer", "", 1, now + FIRST_AGAIN)
    assert last_refusal(newer, now) == AttachRefusal("newer", "it gives no reason that may be quoted.")
