"""A number that is not this object's to touch: another installation has marked it, or another object stands for it.

Neither rule asks the carrier anything, and both stand before all that do: such a number is not even looked up. The
sweep sees every mark, and tells the object when that has changed.
"""

from __future__ import annotations

from ringfleet.model import Holding
from ringfleet.plan.conditions import Reason, not_ready
from ringfleet.plan.phone_number.case import Case, DesiredNumber, NumberState
from ringfleet.plan.phone_number.steps import NumberPlan


def marked_by_another(case: Case) -> NumberPlan | None:
    """The number carries the mark of another installation: leave it alone (promise 8)."""
    if not _is_anothers(case.desired, case.state, case.holding):
        return None
    return NumberPlan(case.state.phase, (not_ready(Reason.NOT_OURS, _ANOTHERS),))


def taken_by_another_object(case: Case) -> NumberPlan | None:
    """Another PhoneNumber stands for the number: leave it alone (promise 4)."""
    if case.desired.taken_by is None:
        return None
    message = (
        f"The number belongs to {case.desired.taken_by}: this object does nothing, and no claim is bound to it. "
        "Delete this object, which changes nothing at the carrier."
    )
    return NumberPlan(case.state.phase, (not_ready(Reason.NUMBER_TAKEN, message),))


def is_left_alone(desired: DesiredNumber, state: NumberState, holding: Holding | None) -> bool:
    """Whether one of the two rules keeps every hand off the number."""
    return desired.taken_by is not None or _is_anothers(desired, state, holding)


def _is_anothers(desired: DesiredNumber, state: NumberState, holding: Holding | None) -> bool:
    """Whether another installation has marked the number, as it was last seen. One that is only observed may have any
    mark."""
    mark = holding.mark if holding else state.foreign_mark
    if mark is None or desired.observed or not desired.installation:
        return False
    return mark.installation != desired.installation


_ANOTHERS = (
    "The carrier shows the mark of another installation of Ringfleet on the number: it is left alone. Delete this "
    "object, or set spec.managementPolicy to Observe; to take the number over, have the other one let go of it first."
)
