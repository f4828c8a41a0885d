"""What one phone number does next at its carrier, and which phase it is in: a list of rules, of which one decides.

`RULES` is the law, and its order is the law's order: the first rule that has something to say decides. Every rule that
acts at the carrier stands before the last one, which always answers. A number that is only observed
(spec.managementPolicy) takes `OBSERVED_RULES`, which has none of the rules that change something there.

A rule is a pure function: it takes a `Case` (`plan/phone_number/case.py`) and returns a plan, or None when the case is
not its own. A rule relies on those before it: one that stands after `not_found_yet` knows the carrier's id of the
number. A step that the law of phases does not know (`plan/phone_number/phase.py`) is not shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ringfleet.model import GONE, Holding, HoldingStatus, Phase
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.carrier_account.loss import lost_message
from ringfleet.plan.conditions import Condition, Reason, not_ready, ready, reconciling
from ringfleet.plan.phone_number.case import Case, DesiredNumber, NumberState
from ringfleet.plan.phone_number.documents import (
    bundle_is_approved,
    registered_to_another,
    revision_to_attach,
    waits_for_documents,
    with_newer_revision,
)
from ringfleet.plan.phone_number.emergency import with_emergency
from ringfleet.plan.phone_number.ownership import marked_by_another, taken_by_another_object
from ringfleet.plan.phone_number.phase import may_step, phase_in_service
from ringfleet.plan.phone_number.removal import Way
from ringfleet.plan.phone_number.routing import as_followed, routing_differs
from ringfleet.plan.phone_number.spam_label import advice_to_replace
from ringfleet.plan.phone_number.steps import Leave, Look, NumberPlan, through_carrier
from ringfleet.plan.phone_number.traffic import may_be_resumed, must_be_stopped, out_of_service

Rule = Callable[[Case], NumberPlan | None]


# The rules on whether the carrier holds the number for us.


def released_or_lost(case: Case) -> NumberPlan | None:
    """The carrier holds the number for us no more: nothing is left to do."""
    if case.state.phase is Phase.RELEASED:
        return NumberPlan(Phase.RELEASED, (not_ready(Reason.RELEASED, "It was given back to the carrier for good."),))
    if case.holding is None and (case.desired.lost or case.state.phase is Phase.LOST):
        return NumberPlan(Phase.LOST, (not_ready(Reason.LOST, lost_message(case.desired.lost_to)),))
    return None


def left_behind(case: Case) -> NumberPlan | None:
    """The number may go, and nobody can tell the carrier, or nobody has to: only its object goes."""
    leaving = case.desired.leaving
    if leaving is None or leaving.obstacle or not leaving.granted:
        return None
    nobody_to_ask = leaving.way is Way.LET_GO and case.account.blocked in UNREACHABLE_FOR_GOOD
    if leaving.way is not Way.LEAVE and not nobody_to_ask:
        return None
    message = "Its object goes, and it stays at the carrier with our mark."
    return NumberPlan(Phase.RELEASING, (not_ready(Reason.RELEASING, message),), Leave(case.external_id, Way.LEAVE))


UNREACHABLE_FOR_GOOD = frozenset({Reason.ACCOUNT_MISSING, Reason.SECRET_MISSING})
"""Why an account can't be called although the carrier is well: account or credentials are gone."""


def not_found_yet(case: Case) -> NumberPlan | None:
    """The number was never seen at the carrier: look it up."""
    if case.found:
        return None
    return through_carrier(case, Look(), Phase.ORDERING, Reason.PROBING, "The number is looked up at the carrier.")


# The rules on a number that we hold.


def asked_to_go(case: Case) -> NumberPlan | None:
    """The number was asked to go, and no obstacle is in the way: wait for its turn, then let it go."""
    leaving = case.desired.leaving
    if leaving is None or leaving.obstacle:
        return None
    if leaving.granted:
        message = "It is being given back." if leaving.way is Way.RELEASE else "It is being let go."
        step = Leave(case.external_id, leaving.way)
        return through_carrier(case, step, Phase.RELEASING, Reason.RELEASING, message)
    if case.desired.stop_reasons:
        return None  # it must not ring while it waits
    held = Reason.RELEASE_FROZEN if leaving.frozen else Reason.RELEASING
    reason = Reason.FROZEN if leaving.stopped else held
    return NumberPlan(Phase.RELEASING, (not_ready(reason, leaving.waits),))


def activating(case: Case) -> NumberPlan | None:
    """The carrier is at work on the number: wait."""
    if case.status is not HoldingStatus.ACTIVATING:
        return None
    message = "The carrier is activating the number."
    return NumberPlan(Phase.ORDERING, (not_ready(Reason.ACTIVATING, message), reconciling(Reason.ACTIVATING, message)))


def bundle_is_outdated(case: Case) -> NumberPlan | None:
    """A newer revision of the number's bundle is approved: attach it, when the rules of `AT_REST` take no step.

    What the number is meanwhile, those rules say.
    """
    newer = revision_to_attach(case)
    if newer is None:
        return None
    _, plan = _first_to_speak(AT_REST, case)
    return None if plan.step else with_newer_revision(case, newer, plan)


def in_service(case: Case) -> NumberPlan:
    """Nothing is left to do: the number is available, bound, cooling or quarantined. This rule always answers."""
    desired, drift, phase = case.desired, case.drift, phase_in_service(case.desired, case.state)
    if desired.quarantine is not None:
        said = (
            f"Taken out of use: {desired.quarantine}. Remove the annotation ringfleet.dev/quarantine to use it again."
        )
        return NumberPlan(phase, (not_ready(Reason.QUARANTINED, said),), drift=drift)
    if desired.is_out:
        said = (
            f"Taken out of use while carriers show it as {desired.label!r} to the people it calls: no claim gets it. "
            "It comes back when its carrier says that the label has gone; have it taken off there, or give the number "
            "back by `kubectl ringfleet release`."
        )
        return NumberPlan(phase, (not_ready(Reason.QUARANTINED, said),), drift=drift)
    if drift:
        return NumberPlan(phase, (not_ready(Reason.DRIFTED, f"{drift} {_why_unrepaired(desired)}"),), drift=drift)
    if phase is Phase.COOLING:
        said = "Held; it rests after its last claim, so that calls for its last holder die away."
        return NumberPlan(phase, (ready(Reason.COOLING, said),))
    return NumberPlan(phase, (_ready(desired, case.state),))


def _why_unrepaired(desired: DesiredNumber) -> str:
    if desired.observed:
        return "It is only observed (spec.managementPolicy)."
    if desired.routing is None:
        return "Its pool is gone, and with it the wish for a routing."
    return "Its RoutingProfile is suspended (spec.suspend)." if desired.routing.held else "spec.driftPolicy is Report."


def _ready(desired: DesiredNumber, state: NumberState) -> Condition:
    if desired.observed:
        return ready(Reason.OBSERVED, "Seen at the carrier, and only observed (spec.managementPolicy).")
    if desired.routing is None and state.routed and state.routed.profile:
        return ready(Reason.ROUTED, f"Held, and routed to {state.routed.profile!r}, as its pool wished that is gone.")
    if desired.routing is None:
        return ready(Reason.UNROUTED_BY_WISH, "Held; neither pool nor number names a routing profile.")
    routed = as_followed(desired.routing, state.routed)
    if routed and not routed.calls:
        said = f"Held, and routed to {desired.routing.profile!r} for messages only: a call to it is answered by nobody."
        return ready(Reason.ROUTED, said)
    return ready(Reason.ROUTED, f"Held, and routed to {desired.routing.profile!r}.")


# The law.

NOT_HELD: tuple[Rule, ...] = (
    released_or_lost,  # nothing is left to do
    taken_by_another_object,  # never touched
    marked_by_another,  # never touched
    left_behind,  # only its object goes
    not_found_yet,  # look it up
)
"""The rules on a number that the carrier does not hold for us, as far as we know.

Of every other number that was asked to go, and stays, the plan also says why.
"""

AT_REST: tuple[Rule, ...] = (
    out_of_service,  # suspended, parked
    routing_differs,  # route, take the routing off, or say what is in the way
    in_service,  # available, bound, cooling, quarantined: always answers
)
"""The rules on a number whose documents and traffic are as wished."""

RULES: tuple[Rule, ...] = (
    *NOT_HELD,
    asked_to_go,  # wait for hold and budget, then give it back, or let it go
    bundle_is_approved,  # attach it to a number that waits for documents
    waits_for_documents,  # a person or the carrier must act
    activating,  # the carrier is at work
    must_be_stopped,  # stop its traffic
    may_be_resumed,  # let it through again
    registered_to_another,  # register it to who has it
    bundle_is_outdated,  # attach the newer revision, when all below leave the carrier alone
    *AT_REST,
)
"""The law of a number that we manage."""

OBSERVED_RULES: tuple[Rule, ...] = (
    released_or_lost,
    not_found_yet,
    asked_to_go,  # a deleted object goes; the number stays as it is at the carrier
    waits_for_documents,
    activating,
    out_of_service,
    in_service,  # always answers
)
"""The law of a number that is only observed."""


def plan_number(
    desired: DesiredNumber, state: NumberState, holding: Holding | None, account: AccountSeen
) -> NumberPlan:
    """Decide the next step of a number. `holding` is the carrier's latest word, None when it has said nothing new."""
    case = Case(desired, state, holding, account)
    rule, plan = decide(case)
    if rule not in NOT_HELD:
        plan = _with_advice(case, _with_obstacle(case, _with_missing_account(case, plan)))
        plan = with_emergency(case, plan)
    return plan if may_step(state.phase, plan.phase) else replace(plan, phase=state.phase)


def decide(case: Case) -> tuple[Rule, NumberPlan]:
    """The first rule that has something to say, and what it says."""
    return _first_to_speak(OBSERVED_RULES if case.desired.observed else RULES, case)


def _first_to_speak(rules: tuple[Rule, ...], case: Case) -> tuple[Rule, NumberPlan]:
    return next((rule, plan) for rule in rules if (plan := rule(case)))


def _with_missing_account(case: Case, plan: NumberPlan) -> NumberPlan:
    """The plan of a number with which nothing else is amiss, when its account is gone, or does not let it in: nobody
    can look after it."""
    said, why = plan.conditions[0], case.account.blocked
    if why is None or why not in OUT_OF_REACH or not said.status:
        return plan
    message = f"{said.message} {case.account.message} Nothing is seen or changed at the carrier until then."
    return replace(plan, conditions=(not_ready(why, message), *plan.conditions[1:]))


OUT_OF_REACH = frozenset({Reason.ACCOUNT_MISSING, Reason.ACCOUNT_NOT_ALLOWED})
"""Why nobody can look after a number, although carrier and credentials may be well."""


def _with_advice(case: Case, plan: NumberPlan) -> NumberPlan:
    """The plan with the advice to replace a number that a claim holds and that has a label. Nobody takes it away: that
    would cut off who uses it, and a new number would soon have the label of the same calls."""
    desired = case.desired
    if desired.label is None or not desired.bound or desired.of_set or plan.phase in GONE:
        return plan
    message = advice_to_replace(desired.number, desired.label)
    advised = Condition("ReplaceAdvised", True, Reason.SPAM_LABELLED, message)
    return replace(plan, conditions=(*plan.conditions, advised))


def _with_obstacle(case: Case, plan: NumberPlan) -> NumberPlan:
    """The plan with why a number that was asked to go stays."""
    obstacle = case.desired.leaving and case.desired.leaving.obstacle
    if not obstacle:
        return plan
    said = Condition("ReleaseBlocked", True, obstacle.reason, obstacle.message)
    return replace(plan, conditions=(*plan.conditions, said))
