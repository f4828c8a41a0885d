"""The emergency address of a number (E911): set, exchanged, taken off, and what is said of it.

::

    its profile is suspended ------------------------> nothing
    nobody has one for it ---------------------------> what we have set is taken off, what others have set stays
    the carrier takes none, the number makes no calls -> said
    it can't be read, or the carrier has refused it --> said; what the number has stays meanwhile
    the carrier has something else than we set -------> set (again)
    the carrier is at work -------------------------> said, and looked at by the sweeps
    registered -------------------------------------> said

An address is known at the carrier by its owner's uid and what it says (`model/emergency.py`), so that one that was
edited is another one. All this is beside the phase and readiness of a number, which rings without: the condition is
`EmergencyAddressReady`, and is there while somebody has an address for the number, or requires one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ringfleet.model import Phase
from ringfleet.model.emergency import EmergencyState, says_more
from ringfleet.plan.phone_number.case import Case, NumberEmergency, RefusedAddress
from ringfleet.plan.phone_number.emergency_said import said_of_address
from ringfleet.plan.phone_number.emergency_seen import applies, is_ours, is_refused, is_removing, is_set, standing_of
from ringfleet.plan.phone_number.steps import ClearEmergency, Look, NumberPlan, SetEmergency
from ringfleet.plan.waits import still_waits
from ringfleet.rate import backoff

FIRST_AGAIN, LAST_AGAIN = timedelta(minutes=1), timedelta(hours=6)
"""How long a carrier that refuses an address is left alone: at first, and at last."""
CARED_FOR = frozenset({Phase.AVAILABLE, Phase.BOUND, Phase.COOLING, Phase.SUSPENDED, Phase.QUARANTINED})
"""The phases of a number whose emergency address is looked after."""


def with_emergency(case: Case, plan: NumberPlan) -> NumberPlan:
    """The plan of a number with what is said of its emergency address, and done about it when nothing else is."""
    if plan.phase not in CARED_FOR or case.desired.observed:
        return plan
    said = said_of_address(case)
    step = None if plan.step or case.account.blocked else _step(case)
    return replace(plan, step=plan.step or step, conditions=(*plan.conditions, *((said,) if said else ())))


def noted(case: Case) -> NumberEmergency:
    """What is to be remembered of the number's address, by the carrier's latest word: what we have set and is gone is
    ours no more, where nobody has an address for the number. Of one that never had any nothing is."""
    known, standing, wish = case.state.emergency, standing_of(case), case.desired.emergency
    if standing is None:
        return known
    told = standing if says_more(standing, known.standing) else known.standing
    if wish and (wish.reference or wish.unread or wish.held):
        return replace(known, standing=told)
    others = standing.address is not None and known.setting is None and known.set_to != standing.address
    gone = standing.address is None and standing.state is not EmergencyState.REMOVING
    return NumberEmergency(told) if gone or others else replace(known, standing=told)


def note_refusal(known: NumberEmergency, reference: str, code: str, message: str, now: datetime) -> NumberEmergency:
    """What to remember when the carrier has just refused an address: it is asked ever more seldom, another at once."""
    times = known.refused.times + 1 if known.refused and known.refused.reference == reference else 1
    again = now.replace(microsecond=0) + backoff(times, FIRST_AGAIN, LAST_AGAIN)
    return replace(known, refused=RefusedAddress(reference, code, message, times, again))


def may_ask_again(known: RefusedAddress | None, now: datetime) -> bool:
    """Whether the refusal is old enough."""
    return known is not None and not still_waits(known.again, now, LAST_AGAIN)


def _step(case: Case) -> SetEmergency | ClearEmergency | Look | None:
    wish = case.desired.emergency
    if wish and wish.held:
        return None
    if wish and wish.unread:
        return Look()
    if wish is None or wish.address is None:
        keeps = wish is not None and bool(wish.unreadable)
        return ClearEmergency(case.external_id) if is_ours(case) and not keeps else None
    if not applies(case) or is_set(case, wish) or is_removing(case) or is_refused(case, wish):
        return None
    return SetEmergency(case.external_id, wish.address, wish.reference)
