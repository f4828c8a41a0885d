"""What one phone number does next: look it up, route it, and which phase it is in.

A number counts as available only when it is routed: a number without a route is a dropped call. What the carrier says
(a `Holding`, from the order's answer, a look-up or the sweep) is compared with what the object remembers.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringfleet.model import E164, Holding, HoldingStatus, Phase
from ringfleet.plan.account import AccountSeen
from ringfleet.plan.conditions import Condition, Reason, not_ready, ready, reconciling
from ringfleet.plan.phase import IN_FLIGHT, may_step


@dataclass(frozen=True, slots=True)
class RoutingWant:
    """A routing profile and the hash of its content; `missing` when no such profile exists.

    `held`: it is suspended, so nothing is told to the carrier. Numbers keep the routing that they have.
    """

    profile: str
    hash: str = ""
    missing: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class Routed:
    """The routing that a number was given last: profile name, content hash, and the profile's id at the carrier."""

    profile: str
    hash: str
    external_id: str


@dataclass(frozen=True, slots=True)
class NumberWant:
    """A PhoneNumber's spec, with its pool's wish for drift. `observed`: read-only, by managementPolicy Observe."""

    number: E164
    routing: RoutingWant | None = None
    repair: bool = True
    observed: bool = False
    bound: bool = False


@dataclass(frozen=True, slots=True)
class NumberState:
    """What a PhoneNumber's status remembers. `activating`: so said the carrier's last word."""

    phase: Phase = Phase.ORDERING
    external_id: str | None = None
    routed: Routed | None = None
    drift: str | None = None
    activating: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """Find the number at the carrier: the object does not know its external id."""


@dataclass(frozen=True, slots=True)
class Route:
    """Point the number at its profile."""

    external_id: str
    profile: str


@dataclass(frozen=True, slots=True)
class Unroute:
    """Take the routing off a number whose profile is no longer wanted."""

    external_id: str


@dataclass(frozen=True, slots=True)
class NumberPlan:
    """At most one carrier step, and what the number is until then."""

    phase: Phase
    conditions: tuple[Condition, ...]
    step: Look | Route | Unroute | None = None
    drift: str | None = None


def plan_number(want: NumberWant, state: NumberState, holding: Holding | None, account: AccountSeen) -> NumberPlan:
    """Decide the next step of a number. `holding` is the carrier's latest word, None when it has said nothing new."""
    external_id = holding.external_id if holding else state.external_id
    if external_id is None:
        return _waiting(Phase.ORDERING, Reason.PROBING, "The number is looked up at the carrier.", account, Look())
    drift = _drift(state, holding)
    if plan := _out_of_service(holding.status if holding else _last_word(state)):
        return plan
    if not want.observed and (plan := _routing_step(want, state, external_id, drift, account)):
        return plan
    return _settled(want, state, drift)


def _last_word(state: NumberState) -> HoldingStatus:
    """What the carrier said of the number when it was last heard, as far as it still holds the number back."""
    if state.phase is Phase.PENDING_DOCUMENTS:
        return HoldingStatus.PENDING_DOCUMENTS
    if state.phase is Phase.SUSPENDED:
        return HoldingStatus.SUSPENDED
    return HoldingStatus.ACTIVATING if state.activating else HoldingStatus.ACTIVE


def _out_of_service(status: HoldingStatus) -> NumberPlan | None:
    """The plan for a number that the carrier lets no call through to; None when it does."""
    match status:
        case HoldingStatus.PENDING_DOCUMENTS:
            message = "The carrier waits for identity or address documents."
            return NumberPlan(Phase.PENDING_DOCUMENTS, (not_ready(Reason.PENDING_DOCUMENTS, message),))
        case HoldingStatus.ACTIVATING:
            message = "The carrier is activating the number."
            waits = (not_ready(Reason.ACTIVATING, message), reconciling(Reason.ACTIVATING, message))
            return NumberPlan(Phase.ORDERING, waits)
        case HoldingStatus.SUSPENDED:
            message = "The carrier has suspended the number: it is kept and billed, and carries no call or message."
            return NumberPlan(Phase.SUSPENDED, (not_ready(Reason.SUSPENDED, message),))
        case HoldingStatus.ACTIVE:
            return None


def _drift(state: NumberState, holding: Holding | None) -> str | None:
    """How the carrier's routing differs from the one that we gave; without a holding, what was known last."""
    if holding is None or state.routed is None:
        return state.drift
    if holding.routing == state.routed.external_id:
        return None
    return f"The carrier routes the number to {holding.routing or 'nothing'}, not to {state.routed.external_id}."


def _routing_step(
    want: NumberWant, state: NumberState, external_id: str, drift: str | None, account: AccountSeen
) -> NumberPlan | None:
    before = Phase.ORDERING if state.phase in IN_FLIGHT | {Phase.SUSPENDED} else state.phase
    if want.routing is None:
        if state.routed is None:
            return None
        return _waiting(before, Reason.ROUTING, "The routing is being taken off.", account, Unroute(external_id))
    if want.routing.missing:
        message = (
            f"RoutingProfile {want.routing.profile!r} (spec.routingProfileRef.name) does not exist in this namespace: "
            "create it, or correct the name."
        )
        return NumberPlan(before, (not_ready(Reason.ROUTING_PROFILE_MISSING, message),), drift=drift)
    if _follows(want.routing, state.routed) and (drift is None or not want.repair or want.routing.held):
        return None
    if want.routing.held:
        message = (
            f"RoutingProfile {want.routing.profile!r} is suspended (spec.suspend): "
            "the number is routed by it as soon as it is resumed."
        )
        return NumberPlan(before, (not_ready(Reason.SUSPENDED, message),), drift=drift)
    message = f"The number is being routed to {want.routing.profile!r}."
    return _waiting(before, Reason.ROUTING, message, account, Route(external_id, want.routing.profile), drift)


def _follows(want: RoutingWant, routed: Routed | None) -> bool:
    """Whether the number is routed by the profile, as the profile was when it last could reach the carrier."""
    return routed is not None and routed.profile == want.profile and (want.held or routed.hash == want.hash)


def _waiting(
    phase: Phase,
    reason: Reason,
    message: str,
    account: AccountSeen,
    step: Look | Route | Unroute,
    drift: str | None = None,
) -> NumberPlan:
    """A plan that needs the carrier: with its step when the account can be called, else with the account's reason."""
    if account.blocked:
        return NumberPlan(phase, (not_ready(account.blocked, account.message),), drift=drift)
    return NumberPlan(phase, (not_ready(reason, message), reconciling(reason, message)), step, drift)


def _settled(want: NumberWant, state: NumberState, drift: str | None) -> NumberPlan:
    phase = _toward(Phase.BOUND if want.bound else Phase.AVAILABLE, state.phase)
    if drift:
        held = want.routing is not None and want.routing.held
        why = "Its RoutingProfile is suspended (spec.suspend)." if held else "spec.driftPolicy is Report."
        return NumberPlan(phase, (not_ready(Reason.DRIFTED, f"{drift} {why}"),), drift=drift)
    if want.routing is None:
        return NumberPlan(
            phase, (ready(Reason.UNROUTED_BY_WISH, "Held; neither pool nor number names a routing profile."),)
        )
    return NumberPlan(phase, (ready(Reason.ROUTED, f"Held, and routed to {want.routing.profile!r}."),))


def _toward(wish: Phase, phase: Phase) -> Phase:
    """The next phase on the way to the wished one: a number that its claim let go cools before it is available."""
    ways = (wish, Phase.AVAILABLE, Phase.COOLING)
    return next((way for way in ways if may_step(phase, way)), phase)
