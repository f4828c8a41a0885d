"""The routing of a number: given by its profile, taken off when no profile is wanted, mended when the carrier differs.

A number follows the id that its profile has at its carrier account. What the profile says is told to the account by the
profile itself (`plan/routing_profile.py`), before any number is pointed at it.

A number counts as available only when it is routed: a number without a route is a dropped call.
"""

from __future__ import annotations

from dataclasses import replace

from ringfleet.plan.conditions import Reason, not_ready, reconciling
from ringfleet.plan.phone_number.case import Case, DesiredRouting, Routed
from ringfleet.plan.phone_number.phase import phase_meanwhile
from ringfleet.plan.phone_number.steps import NumberPlan, Route, Unroute, through_carrier


def routing_differs(case: Case) -> NumberPlan | None:
    """The number is not routed as its profile says: route it, take the routing off, or say why neither can be done."""
    desired = case.desired.routing
    if desired is None:
        return _taken_off(case)
    if desired.missing:
        return _waits(case, Reason.ROUTING_PROFILE_MISSING, missing_message(desired))
    if follows(desired, case.state.routed) and (case.drift is None or not case.desired.repair or desired.held):
        return None
    if desired.held:
        message = (
            f"RoutingProfile {desired.profile!r} is suspended (spec.suspend): "
            "the number is routed by it as soon as it is resumed."
        )
        return _waits(case, Reason.SUSPENDED, message)
    if not desired.told:
        return _waits_for_profile(case, desired)
    step, message = Route(case.external_id, desired.profile), f"The number is being routed to {desired.profile!r}."
    return through_carrier(case, step, phase_meanwhile(case.desired, case.state), Reason.ROUTING, message, case.drift)


def missing_message(desired: DesiredRouting) -> str:
    return (
        f"RoutingProfile {desired.profile!r} (routingProfileRef.name) does not exist in its namespace: "
        "create it, or correct the name."
    )


def _waits(case: Case, reason: Reason, message: str) -> NumberPlan:
    return NumberPlan(phase_meanwhile(case.desired, case.state), (not_ready(reason, message),), drift=case.drift)


def _waits_for_profile(case: Case, desired: DesiredRouting) -> NumberPlan:
    """The plan to leave the number as it is until the profile's own reconcile has told the account what it says."""
    message = (
        f"RoutingProfile {desired.profile!r} has to be told to the carrier first: "
        "its own conditions say how far that is."
    )
    phase = phase_meanwhile(case.desired, case.state)
    said = (not_ready(Reason.ROUTING, message), reconciling(Reason.ROUTING, message))
    return NumberPlan(phase, said, drift=case.drift)


def _taken_off(case: Case) -> NumberPlan | None:
    """The plan to take off a routing of ours that nobody wants any more.

    A routing that somebody else gave the number stays, and so does that of a number whose pool was deleted.
    """
    routed = case.state.routed
    if routed is None or not routed.profile or case.desired.pool_deleted:
        return None
    step, message = Unroute(case.external_id), "The routing is being taken off."
    return through_carrier(case, step, phase_meanwhile(case.desired, case.state), Reason.ROUTING, message)


def can_be_given(desired: DesiredRouting) -> bool:
    """Whether a number may be pointed at the profile now."""
    return desired.told and not desired.missing and not desired.held


def as_followed(desired: DesiredRouting | None, routed: Routed | None) -> Routed | None:
    """The routing of the number, whether calls and messages go anywhere by it, and for which campaign, as its profile
    has been told to the carrier."""
    if desired is None or routed is None or not can_be_given(desired) or not follows(desired, routed):
        return routed
    return replace(routed, calls=desired.calls, messages=desired.messages, campaign=desired.campaign)


def follows(desired: DesiredRouting, routed: Routed | None) -> bool:
    """Whether the number is pointed at the profile. Where the profile was never told, the number keeps the routing that
    it has by it: of an older version, or of a profile of the same name before it."""
    if routed is None or routed.profile != desired.profile:
        return False
    return desired.held or not desired.external_id or routed.external_id == desired.external_id
