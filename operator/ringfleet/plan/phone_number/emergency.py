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

from ringfleet.model import Capability, Phase
from ringfleet.model.attestation import signs_calls
from ringfleet.model.emergency import EmergencyStanding, EmergencyState, says_more
from ringfleet.model.geography import whereabouts
from ringfleet.model.numbering import is_american
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.phone_number.case import (
    Case,
    DesiredEmergency,
    NumberEmergency,
    RefusedAddress,
)
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
    said = _said(case)
    step = None if plan.step or case.account.blocked else _step(case)
    return replace(plan, step=plan.step or step, conditions=(*plan.conditions, *((said,) if said else ())))


def noted(case: Case) -> NumberEmergency:
    """What is to be remembered of the number's address, by the carrier's latest word: what we have set and is gone is
    ours no more, where nobody has an address for the number. Of one that never had any nothing is."""
    known, standing, wish = case.state.emergency, _standing(case), case.desired.emergency
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


# What is done.


def _step(case: Case) -> SetEmergency | ClearEmergency | Look | None:
    wish = case.desired.emergency
    if wish and wish.held:
        return None
    if wish and wish.unread:
        return Look()
    if wish is None or wish.address is None:
        keeps = wish is not None and bool(wish.unreadable)
        return ClearEmergency(case.external_id) if _is_ours(case) and not keeps else None
    if not _applies(case) or _is_set(case, wish) or _is_removing(case) or _is_refused(case, wish):
        return None
    return SetEmergency(case.external_id, wish.address, wish.reference)


def _standing(case: Case) -> EmergencyStanding | None:
    told = case.holding.emergency if case.holding else None
    return told or case.state.emergency.standing


def _is_ours(case: Case) -> bool:
    """Whether the number has an address that we have set, or may have."""
    known, standing = case.state.emergency, _standing(case)
    if known.reference is None and known.setting is None:
        return False
    if standing is None:
        return True
    return standing.address is not None and (known.setting is not None or known.set_to == standing.address)


def _is_set(case: Case, wish: DesiredEmergency) -> bool:
    """Whether the number has the wished address, registered or not."""
    known, standing = case.state.emergency, _standing(case)
    return (
        standing is not None
        and known.reference == wish.reference
        and known.set_to == standing.address
        and standing.address is not None
    )


def _is_removing(case: Case) -> bool:
    standing = _standing(case)
    return standing is not None and standing.state is EmergencyState.REMOVING


def _is_refused(case: Case, wish: DesiredEmergency) -> bool:
    refused = case.state.emergency.refused
    return refused is not None and refused.reference == wish.reference and not case.desired.emergency_again


def _applies(case: Case) -> bool:
    """Whether the carrier gives such a number an address."""
    return _makes_calls(case) and _register(case) in (case.desired.emergency_countries or ())


def _makes_calls(case: Case) -> bool:
    """One of which nobody has said what it can do counts as one that can."""
    if case.holding and case.holding.capabilities:
        return Capability.VOICE in case.holding.capabilities
    return case.desired.calls is not False


def _country(case: Case) -> str | None:
    """By the carrier's word, or else by its digits."""
    told = case.holding.country if case.holding else case.desired.country
    return told or whereabouts(case.desired.number).country


def _register(case: Case) -> str | None:
    """The country whose emergency services know the number: the territories of the United States have theirs."""
    country = _country(case)
    return "US" if is_american(country) else country


# What is said.


def _said(case: Case) -> Condition | None:
    wish = case.desired.emergency
    if wish is None or (wish.unread and not wish.held):
        return None
    if wish.unreadable:
        return _is(False, Reason.EMERGENCY_UNREADABLE, wish.unreadable)
    if wish.address is None:
        return _said_of_required(case, wish) if wish.required else None
    countries = case.desired.emergency_countries
    if countries == ():
        return _is(False, Reason.EMERGENCY_UNSUPPORTED, _unsupported(wish))
    if countries is not None and not _applies(case):
        return _is(True, Reason.EMERGENCY_NOT_APPLICABLE, _not_applicable(case))
    return _said_of_wished(case, wish)


def _said_of_required(case: Case, wish: DesiredEmergency) -> Condition | None:
    """Of a number without an address of ours."""
    if not _makes_calls(case) or not signs_calls(_country(case)):
        return None
    if case.desired.emergency_countries == ():
        return _is(False, Reason.EMERGENCY_UNSUPPORTED, _unsupported(wish))
    standing = _standing(case)
    if standing and standing.state is EmergencyState.REGISTERED and not _is_ours(case):
        return _is(True, Reason.EMERGENCY_REGISTERED, "The number has an emergency address that somebody else has set.")
    message = (
        f"{wish.owner} requires an emergency address (emergencyAddressRequired), and the number has none: write "
        "spec.emergencyAddress in that RoutingProfile, or in the NumberClaim that holds the number."
    )
    return _is(False, Reason.EMERGENCY_MISSING, message)


def _said_of_wished(case: Case, wish: DesiredEmergency) -> Condition:
    standing, refused = _standing(case), case.state.emergency.refused
    if _is_set(case, wish):
        assert standing
        return _said_of_set(standing, wish)
    if refused and refused.reference == wish.reference:
        said = ": ".join(filter(None, (refused.code, refused.message))) or "it gives no reason"
        message = f"The carrier does not take the emergency address of {wish.owner}: {said.rstrip('.')}. Correct it."
        return _is(False, Reason.EMERGENCY_REFUSED, message)
    if wish.held:
        message = f"{wish.owner} is suspended (spec.suspend): its emergency address is set as soon as it is resumed."
        return _is(False, Reason.EMERGENCY_PENDING, message)
    if case.account.blocked:
        return _is(False, Reason.EMERGENCY_PENDING, f"It is set as soon as that can be: {case.account.message}")
    if _is_removing(case):
        message = "The carrier is taking the former emergency address off the number; the new one is set after that."
        return _is(False, Reason.EMERGENCY_PENDING, message)
    return _is(False, Reason.EMERGENCY_PENDING, f"The emergency address of {wish.owner} is being set.")


def _said_of_set(standing: EmergencyStanding, wish: DesiredEmergency) -> Condition:
    match standing.state:
        case EmergencyState.REGISTERED:
            return _is(True, Reason.EMERGENCY_REGISTERED, f"The emergency address of {wish.owner} is registered.")
        case EmergencyState.FAILED:
            message = (
                f"The carrier could not register the emergency address of {wish.owner}, and gives no reason: look at "
                "the number in its console, and correct the address."
            )
            return _is(False, Reason.EMERGENCY_REFUSED, message)
        case _:
            message = f"The carrier is registering the emergency address of {wish.owner}."
            return _is(False, Reason.EMERGENCY_PENDING, message)


def _unsupported(wish: DesiredEmergency) -> str:
    return (
        f"{wish.owner} has or requires an emergency address, and the number's carrier takes none by its API: register "
        "it in the carrier's console, or use a number of another carrier."
    )


def _not_applicable(case: Case) -> str:
    if not _makes_calls(case):
        return "The number makes no calls: it needs no emergency address."
    return f"The number's carrier registers no emergency addresses for numbers of {_country(case)}."


def _is(status: bool, reason: Reason, message: str) -> Condition:
    return Condition("EmergencyAddressReady", status, reason, message)
