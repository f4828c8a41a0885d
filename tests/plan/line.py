"""One number at a carrier that does what it is told: its turns, as a controller takes them, and what may befall it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto

from ringfleet.model import Holding, HoldingStatus, Phase
from ringfleet.model.policy import SuspendBy
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.phone_number.case import DesiredNumber, NumberState, Routed
from ringfleet.plan.phone_number.plan import plan_number
from ringfleet.plan.phone_number.steps import Attach, Leave, Look, NumberPlan, Resume, Route, Step, Stop, Unroute
from tests.plan.builders import a_holding

UP = AccountSeen()
MOST_STEPS = 6


class Fate(Enum):
    """What becomes of a carrier call."""

    WORKS = auto()
    UNREACHABLE = auto()  # nothing happens, and the turn ends without a word
    NOT_SHOWN = auto()  # the carrier does not show the number: what was planned is written
    KILLED = auto()  # it takes effect, and the operator dies before it writes so


@dataclass(slots=True)
class Carrier:
    """What the carrier holds, and what it was told."""

    status: HoldingStatus = HoldingStatus.ACTIVE
    routing: str | None = None
    bundle: str | None = None
    owned: bool = True
    told: list[Step] = field(default_factory=list)

    def word(self) -> Holding:
        return a_holding(status=self.status, routing=self.routing, bundle=self.bundle)

    def tell(self, step: Step, routing: str | None) -> None:
        self.told.append(step)
        match step:
            case Stop(_, SuspendBy.VERB, _):
                self.status = HoldingStatus.SUSPENDED
            case Resume(_, SuspendBy.VERB):
                self.status = HoldingStatus.ACTIVE
            case Stop() | Unroute():
                self.routing = None
            case Resume(_, SuspendBy.PARKING, back):
                self.routing = back
            case Route():
                self.routing = routing
            case Leave():
                self.owned = False
            case Attach(_, bundle):
                self.bundle = bundle
            case Look():
                pass

    def rings(self) -> bool:
        """Whether a call gets through."""
        return self.status is HoldingStatus.ACTIVE and self.routing is not None


@dataclass(slots=True)
class Line:
    """A number as its status remembers it, and its carrier."""

    state: NumberState = field(default_factory=NumberState)
    carrier: Carrier = field(default_factory=Carrier)

    def take_turn(
        self, want: DesiredNumber, news: Holding | None = None, account: AccountSeen = UP, fate: Fate = Fate.WORKS
    ) -> NumberPlan:
        """Plan, act and write until nothing is left to do but to wait. Returns the plan that was written last."""
        state, holding, before = _heard(self.state, news), news, len(self.carrier.told)
        plan = plan_number(want, state, holding, account)
        while plan.step and not isinstance(plan.step, Leave):
            if isinstance(plan.step, Stop) and state.stopped is None:
                meant = {"stopped": plan.step.by, "parked": plan.step.parked}
                self.state, state = replace(self.state, **meant), replace(state, **meant)
            if fate is Fate.UNREACHABLE:
                return plan
            if fate is Fate.NOT_SHOWN:
                break
            assert len(self.carrier.told) < before + MOST_STEPS, f"it never ends: {self.carrier.told}"
            state, holding = self._act(want, state, holding, plan.step)
            if fate is Fate.KILLED:
                return plan
            plan = plan_number(want, state, holding, account)
        self.state = _written(state, holding, plan)
        return self._leave(want, plan) if isinstance(plan.step, Leave) and fate is Fate.WORKS else plan

    def _act(
        self, want: DesiredNumber, state: NumberState, holding: Holding | None, step: Step
    ) -> tuple[NumberState, Holding | None]:
        """What is so after the step."""
        routed = None
        if isinstance(step, Route) and want.routing:
            routed = Routed(step.profile, want.routing.external_id)
        self.carrier.tell(step, routed and routed.external_id)
        match step:
            case Stop():
                state = replace(state, phase=Phase.SUSPENDED)
            case Resume():
                state = replace(state, stopped=None, parked=None, phase=Phase.ORDERING)
            case Route() | Unroute():
                state = replace(state, routed=routed, drift=None)
            case Attach(_, bundle):
                state = replace(state, attached=bundle)
        holding = self.carrier.word() if holding or isinstance(step, Look) else None
        return _heard(state, holding), holding

    def _leave(self, want: DesiredNumber, plan: NumberPlan) -> NumberPlan:
        assert plan.step
        self.carrier.tell(plan.step, None)
        left = replace(self.state, phase=Phase.RELEASED)
        plan = plan_number(want, left, None, UP)
        self.state = _written(left, None, plan)
        return plan


def _heard(state: NumberState, holding: Holding | None) -> NumberState:
    """The number carries the bundle that the carrier says."""
    return replace(state, attached=holding.bundle) if holding and holding.bundle else state


def _written(state: NumberState, holding: Holding | None, plan: NumberPlan) -> NumberState:
    if holding:
        activating = holding.status is HoldingStatus.ACTIVATING
        state = replace(state, external_id=holding.external_id, activating=activating)
    return replace(state, phase=plan.phase, drift=plan.drift)
