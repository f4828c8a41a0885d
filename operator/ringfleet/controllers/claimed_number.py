"""What a claim tells of its number to a tenant who may not read PhoneNumbers: whether it serves, or why not.

A number that is not ready serves nobody, and its claim says so in the number's own words. A number that is ready may
still be routed as its pool wishes, when a claim with a RoutingProfile of its own has just come: that is no service yet.
"""

from __future__ import annotations

from ringfleet.controllers.services import Services
from ringfleet.objects.number_claim import ClaimRecord, shown_of
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.plan.conditions import Condition, Reason, with_stalled
from ringfleet.plan.number_claim import Hindrance, bound_conditions
from ringfleet.plan.phone_number.routing import follows, missing_message


def find_hindrance(services: Services, number: NumberRecord) -> Hindrance | None:
    """What keeps the number from serving its claim; None: nothing does."""
    said = number.ready
    if said and (said.status != "True" or said.reason == Reason.SUSPENDED):
        return Hindrance(Reason.read(said.reason) or Reason.UNRECOGNIZED, said.message, number.reconciling)
    wanted = None if number.observed else services.fleet.routing_want(number)
    if wanted is None:
        return None
    if wanted.missing:
        return Hindrance(Reason.ROUTING_PROFILE_MISSING, missing_message(wanted))
    if not follows(wanted, number.state.routed):
        message = f"The number is about to be routed to {wanted.profile!r}."
        return Hindrance(Reason.ROUTING, message, goes_on=True)
    return None


def said_of(
    services: Services, claim: ClaimRecord, number: NumberRecord, hindrance: Hindrance | None, refused: str | None
) -> tuple[Condition, ...]:
    """The conditions of a claim that holds the number. `refused`: why it could not be written where writeTo says."""
    left_alone = str(number.place) if not services.fleet.owns(number) else None
    label = None if claim.rotation else number.spam_label  # a set quarantines it, and decides who takes its place
    said = bound_conditions(number.number, claim.suspended, refused, left_alone, hindrance, label)
    address = None if left_alone else number.emergency
    if address is None:
        return said
    reason = Reason.read(address.reason) or Reason.UNRECOGNIZED
    return (*said, Condition("EmergencyAddressReady", address.status == "True", reason, address.message))


def tells_of(services: Services, claim: ClaimRecord, number: NumberRecord) -> bool:
    """Whether the claim's status tells of the number as it is."""
    wanted = with_stalled(said_of(services, claim, number, find_hindrance(services, number), None))
    said = {(one.type, one.status == "True", one.reason, one.message) for one in claim.conditions}
    return said == {(one.type, one.status, one.reason, one.message) for one in wanted} and claim.shown == shown_of(
        number
    )


def not_in_service(
    services: Services, claim: ClaimRecord, number: NumberRecord, hindrance: Hindrance | None
) -> Reason | None:
    """Why a program may not expect calls or messages to get through; None: it may."""
    if not services.fleet.owns(number):
        return Reason.NUMBER_TAKEN
    if claim.suspended:
        return Reason.SUSPENDED
    return hindrance.reason if hindrance else None
