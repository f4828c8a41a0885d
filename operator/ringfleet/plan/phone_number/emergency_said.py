"""What a number says of its emergency address: the condition `EmergencyAddressReady`, which is there while somebody has
one for the number, or requires one."""

from __future__ import annotations

from ringfleet.model.attestation import signs_calls
from ringfleet.model.emergency import EmergencyStanding, EmergencyState
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.phone_number.case import Case, DesiredEmergency
from ringfleet.plan.phone_number.emergency_seen import (
    applies,
    country_of,
    is_ours,
    is_removing,
    is_set,
    makes_calls,
    standing_of,
)


def said_of_address(case: Case) -> Condition | None:
    """None: there is nothing to say. While nobody knows what the carrier can do, what was said last is so still."""
    wish = case.desired.emergency
    if wish is None or (wish.unread and not wish.held):
        return None
    if case.desired.emergency_countries is None and case.desired.emergency_said:
        return case.desired.emergency_said
    if wish.unreadable:
        return _is(False, Reason.EMERGENCY_UNREADABLE, wish.unreadable)
    if wish.address is None:
        return _said_of_required(case, wish) if wish.required else None
    countries = case.desired.emergency_countries
    if countries == ():
        return _is(False, Reason.EMERGENCY_UNSUPPORTED, _unsupported(wish))
    if countries is not None and not applies(case):
        return _is(True, Reason.EMERGENCY_NOT_APPLICABLE, _not_applicable(case))
    return _said_of_wished(case, wish)


def _said_of_required(case: Case, wish: DesiredEmergency) -> Condition | None:
    """Of a number without an address of ours."""
    if not makes_calls(case) or not signs_calls(country_of(case)):
        return None
    if case.desired.emergency_countries == ():
        return _is(False, Reason.EMERGENCY_UNSUPPORTED, _unsupported(wish))
    standing = standing_of(case)
    if standing and standing.state is EmergencyState.REGISTERED and not is_ours(case):
        return _is(True, Reason.EMERGENCY_REGISTERED, "The number has an emergency address that somebody else has set.")
    message = (
        f"{wish.owner} requires an emergency address (emergencyAddressRequired), and the number has none: write "
        "spec.emergencyAddress in that RoutingProfile, or in the NumberClaim that holds the number."
    )
    return _is(False, Reason.EMERGENCY_MISSING, message)


def _said_of_wished(case: Case, wish: DesiredEmergency) -> Condition:
    standing, refused = standing_of(case), case.state.emergency.refused
    if is_set(case, wish):
        assert standing
        return _said_of_set(standing, wish)
    if refused and refused.reference == wish.reference:
        said = ": ".join(filter(None, (refused.code, refused.message))) or "it gives no reason"
        keeps = " The number keeps the one that it has." if is_ours(case) else ""
        message = f"The carrier does not take the emergency address of {wish.owner}: {said.rstrip('.')}. Correct it."
        return _is(False, Reason.EMERGENCY_REFUSED, message + keeps)
    if wish.held:
        message = f"{wish.owner} is suspended (spec.suspend): its emergency address is set as soon as it is resumed."
        return _is(False, Reason.EMERGENCY_PENDING, message)
    if case.account.blocked:
        return _is(False, Reason.EMERGENCY_PENDING, f"It is set as soon as that can be: {case.account.message}")
    if is_removing(case):
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
    if not makes_calls(case):
        return "The number makes no calls: it needs no emergency address."
    return f"The number's carrier registers no emergency addresses for numbers of {country_of(case)}."


def _is(status: bool, reason: Reason, message: str) -> Condition:
    return Condition("EmergencyAddressReady", status, reason, message)
