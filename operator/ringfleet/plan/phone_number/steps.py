"""The steps that can be taken for a number at its carrier, and the plan of a number, which has one of them at most."""

from __future__ import annotations

from dataclasses import dataclass

from ringfleet.model import Phase
from ringfleet.model.emergency import EmergencyAddress
from ringfleet.model.policy import SuspendBy
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.conditions import Condition, Reason, not_ready, reconciling
from ringfleet.plan.phone_number.case import Case
from ringfleet.plan.phone_number.removal import Way


@dataclass(frozen=True, slots=True)
class Look:
    """Find the number at the carrier."""


@dataclass(frozen=True, slots=True)
class Route:
    """Point the number at its routing profile."""

    external_id: str
    profile: str
    """Name of the RoutingProfile."""


@dataclass(frozen=True, slots=True)
class Unroute:
    """Take the routing off a number whose profile is no longer wanted."""

    external_id: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the number's traffic. That the number is stopped, and how, is written before the carrier is told."""

    external_id: str
    by: SuspendBy
    parked: str | None = None
    """The carrier's id of the routing that is taken off a number to be parked, to be remembered with that; empty: it
    has none. None: what is remembered stands."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Let the number's traffic through again."""

    external_id: str
    by: SuspendBy
    routing: str | None = None
    """The carrier's id of the routing that a parked number had, and gets back; None: it had none."""


@dataclass(frozen=True, slots=True)
class Attach:
    """Give the number an approved compliance bundle. To give it twice does no harm."""

    external_id: str
    bundle: str
    """The carrier's id of the bundle."""
    tenants: ObjectRef | None = None
    """The bundle, where it is that of a claim, which is written before the carrier is told; None: it is the pool's."""


@dataclass(frozen=True, slots=True)
class SetEmergency:
    """Give the number its emergency address, which is made if need be. What it is known by is written before."""

    external_id: str
    address: EmergencyAddress
    reference: str
    """What the address is known by at the carrier."""


@dataclass(frozen=True, slots=True)
class ClearEmergency:
    """Take off the emergency address that we gave the number, if it has that still."""

    external_id: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Look at number, pool and carrier once more, and then let the number go."""

    external_id: str
    way: Way


Step = Look | Route | Unroute | Stop | Resume | Attach | SetEmergency | ClearEmergency | Leave


@dataclass(frozen=True, slots=True)
class NumberPlan:
    """At most one step at the carrier, and what the number is until then."""

    phase: Phase
    conditions: tuple[Condition, ...]
    step: Step | None = None
    """What to do at the carrier; None: nothing, or the account can't be called now."""
    drift: str | None = None
    """How the carrier's routing differs from ours, as a sentence; None: it does not."""
    waits_for: str | None = None
    """The bundle that the number waits for, with its state; None: it waits for none."""


def through_carrier(
    case: Case, step: Step, phase: Phase, reason: Reason, message: str, drift: str | None = None
) -> NumberPlan:
    """The plan to take a step: with the step when the account can be called, else with why it can't be."""
    account = case.account
    if account.blocked:
        return NumberPlan(phase, (not_ready(account.blocked, account.message),), drift=drift)
    return NumberPlan(phase, (not_ready(reason, message), reconciling(reason, message)), step, drift)
