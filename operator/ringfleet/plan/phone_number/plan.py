"""What one phone number does next at its carrier, and which phase it is in.

::

    gone (released, lost) -> leaving -> held back by the carrier -> stopped or resumed -> routed -> quarantined, bound,
                                                                                                    cooling, available

The first of these that has something to say decides. A number counts as available only when it is routed: a number
without a route is a dropped call. One that has nothing else to do, and carries a superseded revision of its compliance
bundle, is given the approved one; it is in service all the while. What the carrier says (a `Holding`, from the order's
answer, a look-up or the sweep) is compared with what the object remembers. A step that the law of phases does not know
(`plan/phone_number/phase.py`) is not shown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from ringfleet.model import E164, Holding, HoldingStatus, Phase
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.carrier_account.loss import LOST_MESSAGE
from ringfleet.plan.conditions import Condition, Reason, not_ready, ready, reconciling
from ringfleet.plan.phone_number.phase import IN_FLIGHT, may_step
from ringfleet.plan.phone_number.removal import Farewell, Obstacle, Way


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
    """The routing that a number was given last: profile name, content hash, and the profile's id at the carrier.

    Of a number that is only observed, the id is what the carrier says, and there is no profile of ours.
    """

    profile: str
    hash: str
    external_id: str


class StopBy(StrEnum):
    """How a number's traffic is stopped: by the carrier's own verb, or by taking its routing off."""

    VERB = "Verb"
    PARKING = "Parking"


@dataclass(frozen=True, slots=True)
class Leaving:
    """A number that was asked to go. `granted`: it may go now; until then `waits` says what it waits for."""

    way: Way
    obstacle: Obstacle | None = None
    granted: bool = False
    frozen: bool = False
    waits: str = ""


@dataclass(frozen=True, slots=True)
class Documents:
    """The compliance bundle that the number would live by. `waits_for` is it and its state in short, `message` in a
    sentence's part; `external_id`: it is approved, and this is its id at the carrier."""

    waits_for: str
    message: str
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Successor:
    """The approved revision of a compliance bundle, which numbers are to carry in place of `supersedes`, all ids of the
    carrier. `name` is the bundle's, as people know it, with its account."""

    name: str
    external_id: str
    supersedes: frozenset[str]


@dataclass(frozen=True, slots=True)
class AttachRefusal:
    """The carrier did not give the number the bundle of this id. `why` ends a sentence, and quotes no more than its
    code. `due`: that was long enough ago to ask again."""

    external_id: str
    why: str
    due: bool = False


@dataclass(frozen=True, slots=True)
class NumberWant:
    """A PhoneNumber's spec, with what its pool, claim and namespace wish for it.

    `stops` are the reasons to carry no traffic, a sentence each; `quarantine` why it is not to be used; `resting`: its
    last claim let it go too short a time ago. `observed`: read-only, by managementPolicy Observe. `lost`: the carrier
    has not shown it for long enough. `pool_gone`: its pool was deleted, and with it the wish for a routing.
    `installation`: whose mark it may carry at the carrier, besides none. `documents` is for a number that waits for a
    bundle, `successor` for one that carries one; `refusal`: what came of giving it the last.
    """

    number: E164
    routing: RoutingWant | None = None
    repair: bool = True
    observed: bool = False
    bound: bool = False
    resting: bool = False
    stops: tuple[str, ...] = ()
    stop_by: StopBy = StopBy.VERB
    quarantine: str | None = None
    leaving: Leaving | None = None
    lost: bool = False
    pool_gone: bool = False
    installation: str = ""
    documents: Documents | None = None
    successor: Successor | None = None
    refusal: AttachRefusal | None = None


@dataclass(frozen=True, slots=True)
class NumberState:
    """What a PhoneNumber's status remembers. `activating`: so said the carrier's last word. `stopped`: we have stopped
    its traffic, or are about to: it is written before the carrier is told. `attached`: the carrier's id of the bundle
    that it carries; `waits_for`: what it was last said to wait for."""

    phase: Phase = Phase.ORDERING
    external_id: str | None = None
    routed: Routed | None = None
    drift: str | None = None
    activating: bool = False
    stopped: StopBy | None = None
    farewell: Farewell | None = None
    attached: str | None = None
    waits_for: str | None = None


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
class Stop:
    """Stop the number's traffic. That it is stopped, and how, is written first."""

    external_id: str
    by: StopBy


@dataclass(frozen=True, slots=True)
class Resume:
    """Let its traffic through again; `routing` is what a parked number is routed to, as it was."""

    external_id: str
    by: StopBy
    routing: str | None = None


@dataclass(frozen=True, slots=True)
class Attach:
    """Give a number that waits for documents, or carries an older revision, the approved bundle. Twice is once."""

    external_id: str
    bundle: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Look at number, pool and carrier once more, and then let it go the given way."""

    external_id: str
    way: Way


Step = Look | Route | Unroute | Stop | Resume | Attach | Leave


@dataclass(frozen=True, slots=True)
class NumberPlan:
    """At most one carrier step, and what the number is until then."""

    phase: Phase
    conditions: tuple[Condition, ...]
    step: Step | None = None
    drift: str | None = None
    waits_for: str | None = None


def plan_number(want: NumberWant, state: NumberState, holding: Holding | None, account: AccountSeen) -> NumberPlan:
    """Decide the next step of a number. `holding` is the carrier's latest word, None when it has said nothing new."""
    plan = _plan(want, state, holding, account)
    if may_step(state.phase, plan.phase):
        return plan
    return replace(plan, phase=state.phase)


def _plan(want: NumberWant, state: NumberState, holding: Holding | None, account: AccountSeen) -> NumberPlan:
    if plan := _gone(want, state, holding):
        return plan
    external_id = holding.external_id if holding else state.external_id
    if external_id is None:
        return _waiting(Phase.ORDERING, Reason.PROBING, "The number is looked up at the carrier.", account, Look())
    if is_anothers(want, holding):
        return NumberPlan(state.phase, (not_ready(Reason.NOT_OURS, _ANOTHERS),))
    drift = _drift(state, holding)
    if plan := _leaving(want, external_id, account):
        return plan
    return _blocked(want, _kept(want, state, holding, external_id, drift, account))


def _gone(want: NumberWant, state: NumberState, holding: Holding | None) -> NumberPlan | None:
    """The plan for a number that the carrier holds for us no more; None when it does, or may."""
    if state.phase is Phase.RELEASED:
        return NumberPlan(Phase.RELEASED, (not_ready(Reason.RELEASED, "It was given back to the carrier for good."),))
    if holding is None and (want.lost or state.phase is Phase.LOST):
        return NumberPlan(Phase.LOST, (not_ready(Reason.LOST, LOST_MESSAGE),))
    return None


def is_anothers(want: NumberWant, holding: Holding | None) -> bool:
    """Whether the carrier shows the mark of another installation: then the number is not touched (promise 8)."""
    mark = holding.mark if holding and not want.observed else None
    return mark is not None and bool(want.installation) and mark.installation != want.installation


_ANOTHERS = (
    "The carrier shows the mark of another installation of Ringfleet on the number: it is left alone. Delete this "
    "object, or set spec.managementPolicy to Observe; to take the number over, have the other one let go of it first."
)


def _leaving(want: NumberWant, external_id: str, account: AccountSeen) -> NumberPlan | None:
    """The plan for a number that was asked to go, and that nothing stands against but time, place or the breaker."""
    leaving = want.leaving
    if leaving is None or leaving.obstacle:
        return None
    if want.stops and not leaving.granted:
        return None  # it must not ring while it waits
    if leaving.granted:
        message = "It is being given back." if leaving.way is Way.RELEASE else "It is being let go."
        step = Leave(external_id, leaving.way)
        return _waiting(Phase.RELEASING, Reason.RELEASING, message, account, step)
    reason = Reason.RELEASE_FROZEN if leaving.frozen else Reason.RELEASING
    return NumberPlan(Phase.RELEASING, (not_ready(reason, leaving.waits),))


def _blocked(want: NumberWant, plan: NumberPlan) -> NumberPlan:
    """The plan with why a number that was asked to go stays."""
    obstacle = want.leaving and want.leaving.obstacle
    if not obstacle:
        return plan
    said = Condition("ReleaseBlocked", True, obstacle.reason, obstacle.message)
    return replace(plan, conditions=(*plan.conditions, said))


def _kept(
    want: NumberWant,
    state: NumberState,
    holding: Holding | None,
    external_id: str,
    drift: str | None,
    account: AccountSeen,
) -> NumberPlan:
    """The plan for a number that stays."""
    status = holding.status if holding else _last_word(state)
    if status is HoldingStatus.PENDING_DOCUMENTS:
        return _waiting_for_documents(want, state, external_id, account)
    if plan := _held_back(status):
        return plan
    if want.observed:
        return _out_of_service(want, state, status) or _settled(want, state, drift)
    if plan := _traffic_step(want, state, holding, external_id, account):
        return plan
    plan = _out_of_service(want, state, status) or _routing_step(want, state, external_id, drift, account)
    plan = plan or _settled(want, state, drift)
    return plan if plan.step else _carried_on(want, state, holding, external_id, account, plan)


def _last_word(state: NumberState) -> HoldingStatus:
    """What the carrier said of the number when it was last heard, as far as it still holds the number back."""
    if state.phase is Phase.PENDING_DOCUMENTS:
        return HoldingStatus.PENDING_DOCUMENTS
    if state.phase is Phase.SUSPENDED and state.stopped is not StopBy.PARKING:
        return HoldingStatus.SUSPENDED
    return HoldingStatus.ACTIVATING if state.activating else HoldingStatus.ACTIVE


def _held_back(status: HoldingStatus) -> NumberPlan | None:
    """The plan for a number that the carrier has not made ready yet; None when it has."""
    match status:
        case HoldingStatus.ACTIVATING:
            message = "The carrier is activating the number."
            waits = (not_ready(Reason.ACTIVATING, message), reconciling(Reason.ACTIVATING, message))
            return NumberPlan(Phase.ORDERING, waits)
        case HoldingStatus.SUSPENDED | HoldingStatus.ACTIVE | HoldingStatus.PENDING_DOCUMENTS:
            return None


def _waiting_for_documents(want: NumberWant, state: NumberState, external_id: str, account: AccountSeen) -> NumberPlan:
    """The plan for a number that the carrier keeps back until it has documents: give it the bundle, once approved."""
    phase, reason, known = Phase.PENDING_DOCUMENTS, Reason.PENDING_DOCUMENTS, want.documents
    asked = "The carrier waits for identity or address documents."
    if known is None:
        return NumberPlan(phase, (not_ready(reason, asked),))
    if known.external_id is None:
        return NumberPlan(phase, (not_ready(reason, f"{asked} {known.message}"),), waits_for=known.waits_for)
    if want.observed or state.attached == known.external_id:
        message = f"The carrier has {known.message} for the number, and is looking at it."
        return NumberPlan(phase, (not_ready(reason, message),), waits_for=known.waits_for)
    if (refusal := _refusal(want, known.external_id)) and not refusal.due:
        message = f"{asked} It does not take {known.message} for the number: {refusal.why} It is asked again."
        return NumberPlan(phase, (not_ready(Reason.ATTACH_REFUSED, message),), waits_for=known.waits_for)
    step = Attach(external_id, known.external_id)
    plan = _waiting(phase, reason, f"{known.message} is being attached.", account, step)
    return replace(plan, waits_for=known.waits_for)


def _refusal(want: NumberWant, bundle: str) -> AttachRefusal | None:
    """What the carrier said when the number was to be given this very bundle."""
    return want.refusal if want.refusal and want.refusal.external_id == bundle else None


def _carried_on(
    want: NumberWant,
    state: NumberState,
    holding: Holding | None,
    external_id: str,
    account: AccountSeen,
    plan: NumberPlan,
) -> NumberPlan:
    """The plan of a number with which all is done, and giving it the revision that supersedes the one it carries.

    The carrier is looked at first: what another hand has given the number there stays. Phase and readiness are those
    of the plan, before and after.
    """
    successor = want.successor
    if successor is None or state.attached not in successor.supersedes:
        return plan
    refusal = _refusal(want, successor.external_id)
    if refusal:
        message = (
            f"The number keeps an older revision of {successor.name}, and works on: the carrier does not take the "
            f"approved one for it: {refusal.why} It is asked again."
        )
        said = Condition("DocumentsOutdated", True, Reason.ATTACH_REFUSED, message)
        plan = replace(plan, conditions=(*plan.conditions, said))
    if account.blocked or (refusal and not refusal.due):
        return plan
    return replace(plan, step=Attach(external_id, successor.external_id) if holding else Look())


def _traffic_step(
    want: NumberWant, state: NumberState, holding: Holding | None, external_id: str, account: AccountSeen
) -> NumberPlan | None:
    """Stop or resume the number's traffic, when what the carrier does is not what is wished."""
    if want.stops and not _is_stopped(state, holding):
        status = holding.status if holding else _last_word(state)
        if state.stopped is None and status is HoldingStatus.SUSPENDED:
            return None  # the carrier's own doing, and not ours to resume later
        stop = Stop(external_id, state.stopped or want.stop_by)  # what was begun one way is ended that way
        return _waiting(_meanwhile(want, state), Reason.SUSPENDED, _why(want), account, stop)
    if state.stopped and not want.stops:
        phase = state.phase if state.phase is Phase.SUSPENDED else _meanwhile(want, state)
        back = state.routed.external_id if state.routed else None
        resume = Resume(external_id, state.stopped, back)
        return _waiting(phase, Reason.SUSPENDED, "Its traffic is being resumed.", account, resume)
    return None


def _is_stopped(state: NumberState, holding: Holding | None) -> bool:
    """Whether we have stopped it, and it still is as far as we were told. Before the phase says so, nobody knows."""
    if state.stopped is None or state.phase is not Phase.SUSPENDED:
        return False
    if holding is None:
        return True
    return holding.status is HoldingStatus.SUSPENDED if state.stopped is StopBy.VERB else holding.routing is None


def _why(want: NumberWant) -> str:
    return f"It carries no call or message, and is kept and billed: {' '.join(want.stops)}"


def _out_of_service(want: NumberWant, state: NumberState, status: HoldingStatus) -> NumberPlan | None:
    """The plan for a number that lets no call through, by our doing or by the carrier's; None when it does."""
    by_us = bool(want.stops) and state.stopped is not None
    if not by_us and status is not HoldingStatus.SUSPENDED:
        return None
    by_carrier = "The carrier has suspended the number: it is kept and billed, and carries no call or message."
    message = _why(want) if by_us else " ".join((by_carrier, *want.stops))
    return NumberPlan(Phase.SUSPENDED, (not_ready(Reason.SUSPENDED, message),))


def _drift(state: NumberState, holding: Holding | None) -> str | None:
    """How the carrier's routing differs from the one that we gave; without a holding, what was known last.

    A parked number has no routing at the carrier, by our own doing.
    """
    if state.stopped is StopBy.PARKING:
        return None
    if holding is None or state.routed is None:
        return state.drift
    if holding.routing == state.routed.external_id:
        return None
    return f"The carrier routes the number to {holding.routing or 'nothing'}, not to {state.routed.external_id}."


def _routing_step(
    want: NumberWant, state: NumberState, external_id: str, drift: str | None, account: AccountSeen
) -> NumberPlan | None:
    before = _meanwhile(want, state)
    if want.routing is None:
        if state.routed is None or not state.routed.profile or want.pool_gone:
            return None
        return _waiting(before, Reason.ROUTING, "The routing is being taken off.", account, Unroute(external_id))
    if want.routing.missing:
        message = (
            f"RoutingProfile {want.routing.profile!r} (routingProfileRef.name) does not exist in its namespace: "
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


def _meanwhile(want: NumberWant, state: NumberState) -> Phase:
    """The phase of a number that still waits for the carrier: as good as in service, or on its way to it.

    It is never Suspended, as that phase says that the carrier has done it.
    """
    if state.phase in IN_FLIGHT | {Phase.SUSPENDED, Phase.RELEASING, Phase.LOST}:
        return Phase.ORDERING
    return _service(want, state)


def _service(want: NumberWant, state: NumberState) -> Phase:
    """The phase of a number with which nothing is amiss."""
    if want.quarantine is not None:
        return Phase.QUARANTINED
    wish = Phase.BOUND if want.bound else Phase.COOLING if want.resting else Phase.AVAILABLE
    return _toward(wish, state.phase)


def _waiting(
    phase: Phase, reason: Reason, message: str, account: AccountSeen, step: Step, drift: str | None = None
) -> NumberPlan:
    """A plan that needs the carrier: with its step when the account can be called, else with the account's reason."""
    if account.blocked:
        return NumberPlan(phase, (not_ready(account.blocked, account.message),), drift=drift)
    return NumberPlan(phase, (not_ready(reason, message), reconciling(reason, message)), step, drift)


def _settled(want: NumberWant, state: NumberState, drift: str | None) -> NumberPlan:
    phase = _service(want, state)
    if want.quarantine is not None:
        said = f"Taken out of use: {want.quarantine}. Remove the annotation ringfleet.dev/quarantine to use it again."
        return NumberPlan(phase, (not_ready(Reason.QUARANTINED, said),), drift=drift)
    if drift:
        return NumberPlan(phase, (not_ready(Reason.DRIFTED, f"{drift} {_why_unrepaired(want)}"),), drift=drift)
    if phase is Phase.COOLING:
        said = "Held; it rests after its last claim, so that calls for its last holder die away."
        return NumberPlan(phase, (ready(Reason.COOLING, said),))
    return NumberPlan(phase, (_in_service(want, state),))


def _why_unrepaired(want: NumberWant) -> str:
    if want.observed:
        return "It is only observed (spec.managementPolicy)."
    if want.routing is None:
        return "Its pool is gone, and with it the wish for a routing."
    return "Its RoutingProfile is suspended (spec.suspend)." if want.routing.held else "spec.driftPolicy is Report."


def _in_service(want: NumberWant, state: NumberState) -> Condition:
    if want.observed:
        return ready(Reason.OBSERVED, "Seen at the carrier, and only observed (spec.managementPolicy).")
    if want.routing is None and state.routed and state.routed.profile:
        return ready(Reason.ROUTED, f"Held, and routed to {state.routed.profile!r}, as its pool wished that is gone.")
    if want.routing is None:
        return ready(Reason.UNROUTED_BY_WISH, "Held; neither pool nor number names a routing profile.")
    return ready(Reason.ROUTED, f"Held, and routed to {want.routing.profile!r}.")


def _toward(wish: Phase, phase: Phase) -> Phase:
    """The next phase on the way to the wished one: no number skips its rest, however short that is."""
    ways = (wish, Phase.AVAILABLE, Phase.COOLING)
    return next((way for way in ways if may_step(phase, way)), phase)
