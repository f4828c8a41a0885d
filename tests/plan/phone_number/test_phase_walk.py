"""The drawing of a number's life, walked: every step of its table is taken by the real decision, and no other ever."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfleet.model import HoldingStatus, Phase
from ringfleet.model.policy import SuspendBy
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Reason
from ringfleet.plan.phone_number.case import DesiredNumber, DesiredRouting, Leaving, NumberState, Routed
from ringfleet.plan.phone_number.phase import STEPS, may_step
from ringfleet.plan.phone_number.plan import plan_number
from ringfleet.plan.phone_number.removal import Obstacle, Way
from ringfleet.plan.phone_number.routing import can_be_given
from tests.examples import examples
from tests.plan.builders import a_holding, digits
from tests.plan.line import Carrier, Fate, Line

DOWN = AccountSeen(Reason.CIRCUIT_OPEN, "default/main does not answer.")
ROUTED = Routed("desk", "desk-v1")

(ORDERING, DOCUMENTS, AVAILABLE, BOUND, COOLING, SUSPENDED, QUARANTINED, RELEASING, RELEASED, LOST) = Phase


def want(**rest: Any) -> DesiredNumber:
    return DesiredNumber(digits(1), **{"routing": DesiredRouting("desk", "desk-v1"), **rest})


@dataclass(frozen=True, slots=True)
class Cause:
    """What makes a number change: what is wished for it, and what its carrier says."""

    said: str
    want: DesiredNumber
    status: HoldingStatus = HoldingStatus.ACTIVE
    shown: bool = True


ACTIVATING = Cause("the carrier activates it", want(), HoldingStatus.ACTIVATING)
ASKED = Cause("the carrier asks for documents", want(), HoldingStatus.PENDING_DOCUMENTS)
READY = Cause("nothing is amiss, and nobody has it", want())
CLAIMED = Cause("a claim has it", want(bound=True))
LET_GO = Cause("its claim has let it go", want(resting=True))
STOPPED = Cause("its traffic is stopped", want(stop_reasons=("spec.suspend says so.",)))
SPAM = Cause("a person takes it out of use", want(quarantine="spam"))
GOES = Cause("it was asked to go", want(leaving=Leaving(Way.RELEASE)))
MAY_GO = Cause("it may go now", want(leaving=Leaving(Way.RELEASE, granted=True)))
UNSEEN = Cause("the carrier does not show it", want(lost=True), shown=False)

TABLE: list[tuple[Phase, Cause, Phase]] = [
    (ORDERING, ASKED, DOCUMENTS),
    (ORDERING, READY, AVAILABLE),
    (ORDERING, CLAIMED, BOUND),
    (ORDERING, LET_GO, COOLING),
    (ORDERING, STOPPED, SUSPENDED),
    (ORDERING, SPAM, QUARANTINED),
    (ORDERING, GOES, RELEASING),
    (ORDERING, UNSEEN, LOST),
    (DOCUMENTS, ACTIVATING, ORDERING),
    (DOCUMENTS, READY, AVAILABLE),
    (DOCUMENTS, CLAIMED, BOUND),
    (DOCUMENTS, LET_GO, COOLING),
    (DOCUMENTS, STOPPED, SUSPENDED),
    (DOCUMENTS, SPAM, QUARANTINED),
    (DOCUMENTS, GOES, RELEASING),
    (DOCUMENTS, UNSEEN, LOST),
    (AVAILABLE, ACTIVATING, ORDERING),
    (AVAILABLE, ASKED, DOCUMENTS),
    (AVAILABLE, CLAIMED, BOUND),
    (AVAILABLE, LET_GO, COOLING),
    (AVAILABLE, STOPPED, SUSPENDED),
    (AVAILABLE, SPAM, QUARANTINED),
    (AVAILABLE, GOES, RELEASING),
    (AVAILABLE, UNSEEN, LOST),
    (BOUND, ACTIVATING, ORDERING),
    (BOUND, ASKED, DOCUMENTS),
    (BOUND, LET_GO, COOLING),
    (BOUND, STOPPED, SUSPENDED),
    (BOUND, SPAM, QUARANTINED),
    (BOUND, GOES, RELEASING),
    (BOUND, UNSEEN, LOST),
    (COOLING, ACTIVATING, ORDERING),
    (COOLING, ASKED, DOCUMENTS),
    (COOLING, READY, AVAILABLE),
    (COOLING, CLAIMED, BOUND),
    (COOLING, STOPPED, SUSPENDED),
    (COOLING, SPAM, QUARANTINED),
    (COOLING, GOES, RELEASING),
    (COOLING, UNSEEN, LOST),
    (SUSPENDED, ACTIVATING, ORDERING),
    (SUSPENDED, ASKED, DOCUMENTS),
    (SUSPENDED, READY, AVAILABLE),
    (SUSPENDED, CLAIMED, BOUND),
    (SUSPENDED, LET_GO, COOLING),
    (SUSPENDED, SPAM, QUARANTINED),
    (SUSPENDED, GOES, RELEASING),
    (SUSPENDED, UNSEEN, LOST),
    (QUARANTINED, ACTIVATING, ORDERING),
    (QUARANTINED, ASKED, DOCUMENTS),
    (QUARANTINED, READY, AVAILABLE),
    (QUARANTINED, CLAIMED, BOUND),
    (QUARANTINED, LET_GO, COOLING),
    (QUARANTINED, STOPPED, SUSPENDED),
    (QUARANTINED, GOES, RELEASING),
    (QUARANTINED, UNSEEN, LOST),
    (RELEASING, ACTIVATING, ORDERING),
    (RELEASING, ASKED, DOCUMENTS),
    (RELEASING, READY, AVAILABLE),
    (RELEASING, CLAIMED, BOUND),
    (RELEASING, LET_GO, COOLING),
    (RELEASING, STOPPED, SUSPENDED),
    (RELEASING, SPAM, QUARANTINED),
    (RELEASING, MAY_GO, RELEASED),
    (RELEASING, UNSEEN, LOST),
    (LOST, ACTIVATING, ORDERING),
    (LOST, ASKED, DOCUMENTS),
    (LOST, READY, AVAILABLE),
    (LOST, CLAIMED, BOUND),
    (LOST, LET_GO, COOLING),
    (LOST, STOPPED, SUSPENDED),
    (LOST, SPAM, QUARANTINED),
    (LOST, GOES, RELEASING),
]
"""Every step of the law of phases, and what makes a number take it."""


def in_phase(phase: Phase) -> NumberState:
    """A number that has been in service, and is in `phase` now."""
    return NumberState(phase, "did-1", ROUTED, stopped=SuspendBy.PARKING if phase is SUSPENDED else None)


@pytest.mark.parametrize(("old", "cause", "new"), TABLE, ids=lambda part: getattr(part, "said", None))
def test_every_step_of_the_drawing_is_taken(old: Phase, cause: Cause, new: Phase) -> None:
    routing = None if old is SUSPENDED else "desk-v1"
    line = Line(in_phase(old), Carrier(cause.status, routing))
    line.take_turn(cause.want, line.carrier.word() if cause.shown else None)
    assert line.state.phase is new


def test_the_drawing_has_no_other_steps() -> None:
    assert sorted((old, new) for old, _, new in TABLE) == sorted((old, new) for old in Phase for new in STEPS[old])


# Whatever happens.

sentences = st.lists(st.sampled_from(["spec.suspend of the number says so.", "The bills are not paid."]), unique=True)
leavings = st.none() | st.builds(
    Leaving,
    st.sampled_from(Way),
    st.none() | st.just(Obstacle(Reason.RELEASE_FORBIDDEN, "It is protected.")),
    granted=st.booleans(),
    frozen=st.booleans(),
)
routings = st.none() | st.builds(
    DesiredRouting, st.sampled_from(["desk", "front"]), st.sampled_from(["v1", "v2"]), st.booleans(), st.booleans()
)
wants = st.builds(
    DesiredNumber,
    st.just(digits(1)),
    routings,
    repair=st.booleans(),
    observed=st.booleans(),
    bound=st.booleans(),
    resting=st.booleans(),
    stop_reasons=sentences.map(sorted).map(tuple),
    stop_by=st.sampled_from(SuspendBy),
    quarantine=st.none() | st.just("spam"),
    leaving=leavings,
    lost=st.booleans(),
    pool_deleted=st.booleans(),
)
states = st.builds(
    NumberState,
    st.sampled_from(Phase),
    st.none() | st.just("did-1"),
    st.none() | st.just(ROUTED),
    st.none() | st.just("The carrier routes the number to nothing, not to desk-v1."),
    st.booleans(),
    st.none() | st.sampled_from(SuspendBy),
)
words = st.none() | st.builds(
    a_holding, st.just(1), st.sampled_from(HoldingStatus), routing=st.sampled_from([None, "desk-v1", "front-v2"])
)
accounts = st.sampled_from([AccountSeen(), DOWN])


@given(wants, states, words, accounts)
def test_no_number_shows_a_step_that_the_drawing_refuses(
    wanted: DesiredNumber, known: NumberState, holding: Any, account: AccountSeen
) -> None:
    assert may_step(known.phase, plan_number(wanted, known, holding, account).phase)


@st.composite
def lines(draw: st.DrawFn) -> Line:
    """A number after any life: wishes that changed, carriers that were down, calls that failed and crashes."""
    line = Line()
    for _ in range(draw(st.integers(0, 12))):
        news = draw(st.booleans()) and line.carrier.owned
        word = line.carrier.word() if news else None
        line.take_turn(draw(wants), word, draw(accounts), draw(st.sampled_from(Fate)))
    return line


TURNS = 4


def come_to_rest(line: Line, wanted: DesiredNumber) -> None:
    """Take turns, the first with the carrier's word, until nothing changes. Fails when that never comes."""
    line.take_turn(wanted, line.carrier.word() if line.carrier.owned and not wanted.lost else None)
    for _ in range(TURNS):
        before = line.state
        if line.take_turn(wanted).step is None and line.state == before:
            return
    raise AssertionError(f"it finds no rest: {line.carrier.told}")


@given(lines(), wants)
def test_a_number_always_comes_to_rest(line: Line, wanted: DesiredNumber) -> None:
    come_to_rest(line, wanted)
    told = len(line.carrier.told)
    line.take_turn(wanted)
    assert len(line.carrier.told) == told


@given(lines(), wants)
def test_a_number_that_is_to_be_still_does_not_ring_and_any_other_does(line: Line, wanted: DesiredNumber) -> None:
    come_to_rest(line, wanted)
    routing = wanted.routing
    if wanted.observed or wanted.leaving or not line.carrier.owned or line.state.phase is LOST:
        return
    if wanted.stop_reasons:
        assert not line.carrier.rings()
        assert line.state.phase is SUSPENDED
    elif routing and not routing.missing and not routing.held and line.carrier.status is HoldingStatus.ACTIVE:
        assert line.carrier.routing == routing.external_id or not wanted.repair


@settings(max_examples=examples(1000))
@given(lines(), wants, sentences, st.sampled_from(SuspendBy))
def test_a_number_that_was_stopped_and_resumed_is_routed_as_it_was(
    line: Line, wanted: DesiredNumber, sentences: list[str], by: SuspendBy
) -> None:
    calm = replace(wanted, observed=False, stop_reasons=(), leaving=None, lost=False, resting=False)
    come_to_rest(line, calm)
    before = line.state, line.carrier.routing, line.carrier.status
    come_to_rest(line, replace(calm, stop_reasons=("spec.suspend says so.", *sentences), stop_by=by))
    come_to_rest(line, calm)
    after = line.state, line.carrier.routing, line.carrier.status
    if calm.routing and not can_be_given(calm.routing):  # it is on its way to a route that it waits for
        after = replace(line.state, phase=before[0].phase), *after[1:]
    assert after == before


troubles = st.lists(st.tuples(sentences, accounts, st.sampled_from(Fate)), max_size=8)


@given(troubles, sentences, st.sampled_from(SuspendBy), st.booleans())
def test_no_call_that_failed_leaves_a_number_ringing_or_still_against_the_wish(
    story: list[Any], stops: list[str], by: SuspendBy, bound: bool
) -> None:
    line = Line()
    line.take_turn(want(bound=bound, stop_by=by))
    for before, account, fate in story:
        line.take_turn(want(bound=bound, stop_reasons=tuple(before), stop_by=by), account=account, fate=fate)
    killed = any(fate is Fate.KILLED for _, _, fate in story)  # a restart lists what the carrier has
    line.take_turn(want(bound=bound, stop_reasons=tuple(stops), stop_by=by), line.carrier.word() if killed else None)
    line.take_turn(want(bound=bound, stop_reasons=tuple(stops), stop_by=by))
    assert line.carrier.rings() is not bool(stops)
    assert line.state.phase is (SUSPENDED if stops else BOUND if bound else AVAILABLE)
