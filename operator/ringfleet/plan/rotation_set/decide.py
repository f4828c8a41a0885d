"""A rotation set's whole turn as one decision: what it does next and says, from what was read and gathered.

::

    SetView    the object, read once                          --.
    SetFacts   its claims, pools and traffic, gathered once   --+--> decide --> SetDecision --> status, then actions
    now                                                       --'

    size (size.py) and health (reputation.py) -> who comes and goes (plan.py) -> what is said of it (report.py)

A set whose spec makes no sense does nothing and says why: what it has stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from ringfleet.model import E164
from ringfleet.plan.conditions import Condition
from ringfleet.plan.rotation_set.calendar import misnamed_zone
from ringfleet.plan.rotation_set.guardrails import RotationWant
from ringfleet.plan.rotation_set.plan import Action, RotationPlan, plan_rotation
from ringfleet.plan.rotation_set.report import rotation_conditions, unreadable
from ringfleet.plan.rotation_set.seen import DayUsage, HealthSeen, Replaced, RotationSeen

AGAIN = 1.0
"""Seconds until another look when a write met another writer; no set is looked at sooner."""


@dataclass(frozen=True, slots=True)
class SetView:
    """A RotationSet's spec, and what its status remembers, as values: read once for a turn."""

    want: RotationWant
    """What it asks for, with the guardrails that hold for it."""
    replaced: tuple[Replaced, ...] = ()
    """The flagged numbers that others were claimed for."""


@dataclass(frozen=True, slots=True)
class SetFacts:
    """All that a set's turn may know beside the set itself: gathered once for a turn."""

    seen: RotationSeen = field(default_factory=RotationSeen)
    """Its claims with their numbers, its pools, its traffic."""
    ended: Mapping[E164, DayUsage] = field(default_factory=dict)
    """Each number's traffic of the last day that was seen to end."""
    whole: tuple[Condition, ...] = ()
    """What is said of the set's numbers as a whole, against their past."""
    read_again: float | None = None
    """Seconds until the set's traffic is read again; None: there is no dispatcher to read it from."""


@dataclass(frozen=True, slots=True)
class SetDecision:
    """What a set wants, does next, and says of itself and of its numbers."""

    want: RotationWant
    """What it asks for."""
    plan: RotationPlan | None
    """Its size, its members and its actions; None: its spec makes no sense, and nothing changes."""
    conditions: tuple[Condition, ...]
    """Every condition that it is to have."""
    health: Mapping[E164, HealthSeen] = field(default_factory=dict)
    """How each of its numbers is received, as far as its traffic tells."""
    requeue: float | None = None
    """Seconds until its traffic is read again, or time alone may change the decision; None: only something else can."""

    @property
    def actions(self) -> tuple[Action, ...]:
        """What is to be done, in this order, once the status is written."""
        return self.plan.actions if self.plan else ()


def decide(view: SetView, facts: SetFacts, now: datetime) -> SetDecision:
    """Decide a set's turn. Pure; `now` is timezone-aware UTC."""
    want, seen = view.want, replace(facts.seen, replaced=view.replaced)
    if (misnamed := misnamed_zone(want)) is not None:
        return SetDecision(want, None, unreadable(misnamed))
    plan = plan_rotation(want, seen, now)
    said = (*rotation_conditions(want, seen, plan, now), *facts.whole)
    return SetDecision(want, plan, said, _health(plan, facts), _requeue(plan, facts, now))


def _health(plan: RotationPlan, facts: SetFacts) -> dict[E164, HealthSeen]:
    return {
        number: HealthSeen(verdict.rate, verdict.label, facts.ended.get(number))
        for number, verdict in plan.verdicts.items()
    }


def _requeue(plan: RotationPlan, facts: SetFacts, now: datetime) -> float | None:
    waits = [facts.read_again, (plan.due - now).total_seconds() if plan.due else None]
    soonest = min((seconds for seconds in waits if seconds is not None), default=None)
    return None if soonest is None else max(AGAIN, soonest)
