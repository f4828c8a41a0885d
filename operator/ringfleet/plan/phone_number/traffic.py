"""The traffic of a number: stopped for the reasons that the object has, resumed when the last of them has ended.

What we have stopped we resume; what the carrier has suspended is not ours to resume. What was begun one way (by the
carrier's verb, by parking) is ended that way, whatever the account says by now.
"""

from __future__ import annotations

from ringfleet.model import HoldingStatus, Phase
from ringfleet.model.policy import SuspendBy
from ringfleet.plan.conditions import Reason, not_ready, ready
from ringfleet.plan.phone_number.case import Case, NumberState
from ringfleet.plan.phone_number.phase import phase_meanwhile
from ringfleet.plan.phone_number.routing import can_be_given, follows
from ringfleet.plan.phone_number.steps import Look, NumberPlan, Resume, Stop, through_carrier


def must_be_stopped(case: Case) -> NumberPlan | None:
    """There are reasons to carry no traffic, and the number is not stopped yet: stop it."""
    desired, state = case.desired, case.state
    if not desired.stop_reasons or _is_stopped(case):
        return None
    if state.stopped is None and case.status is HoldingStatus.SUSPENDED:
        return None  # the carrier's own doing, and not ours to resume later
    return through_carrier(case, _stop(case), phase_meanwhile(desired, state), Reason.SUSPENDED, _why(case))


def may_be_resumed(case: Case) -> NumberPlan | None:
    """We have stopped the number, and no reason is left: let its traffic through, as it was."""
    state = case.state
    if state.stopped is None or case.desired.stop_reasons:
        return None
    phase = state.phase if state.phase is Phase.SUSPENDED else phase_meanwhile(case.desired, state)
    resume = Resume(case.external_id, state.stopped, _routing_back(case))
    return through_carrier(case, resume, phase, Reason.SUSPENDED, "Its traffic is being resumed.")


def _routing_back(case: Case) -> str | None:
    """The routing that a parked number gets back; None: it had none.

    The one that it had when it was parked, whoever gave it. But where it would be pointed at its profile next anyhow,
    it is so at once: what it had may be gone from the carrier, which would refuse it.
    """
    had, desired = _had(case.state), case.desired.routing
    if desired is None or not can_be_given(desired):
        return had
    keeps = follows(desired, case.state.routed) and not case.desired.repair
    return had if keeps else desired.external_id or had


def _had(state: NumberState) -> str | None:
    """The routing that a parked number had; of one that was parked before that was remembered, what we gave it."""
    if state.parked is not None:
        return state.parked or None
    return state.routed.external_id if state.routed else None


def out_of_service(case: Case) -> NumberPlan | None:
    """The number lets no call through, by our doing or by the carrier's."""
    by_us = bool(case.desired.stop_reasons) and case.state.stopped is not None
    if not by_us and case.status is not HoldingStatus.SUSPENDED:
        return None
    by_carrier = "The carrier has suspended the number: it is kept and billed, and carries no call or message."
    message = _why(case) if by_us else " ".join((by_carrier, *case.desired.stop_reasons))
    if by_us and case.desired.stopped_by_wish:
        return NumberPlan(Phase.SUSPENDED, (ready(Reason.SUSPENDED, message),))
    return NumberPlan(Phase.SUSPENDED, (not_ready(Reason.SUSPENDED, message),))


def _stop(case: Case) -> Stop | Look:
    """The stop; before a number is parked, what routing it has is looked up, or it could not be given back.

    Our own memory is not enough: somebody else may have routed the number, or a crash may have kept us from noting it.
    """
    by = case.state.stopped or case.desired.stop_by  # what was begun one way is ended that way
    if by is SuspendBy.VERB or case.state.stopped is not None:
        return Stop(case.external_id, by)
    return Stop(case.external_id, by, case.holding.routing or "") if case.holding else Look()


def _is_stopped(case: Case) -> bool:
    """Whether we have stopped it, and it still is as far as we were told. Before the phase says so, nobody knows."""
    stopped, holding = case.state.stopped, case.holding
    if stopped is None or case.state.phase is not Phase.SUSPENDED:
        return False
    if holding is None:
        return True
    return holding.status is HoldingStatus.SUSPENDED if stopped is SuspendBy.VERB else holding.routing is None


def _why(case: Case) -> str:
    return f"It carries no call or message, and is kept and billed: {' '.join(case.desired.stop_reasons)}"
