"""A pool's whole turn as one decision: what it forecasts, lets go, orders and says, from what was read and gathered.

::

    PoolView   the object, read once                    --.
    PoolFacts  what else it depends on, gathered once   --+--> decide --> PoolDecision --> status, then actions
    now                                                 --'

    demand and forecast (forecast.py) -> the target -> who may leave (release.py) -> what is left to order (plan.py)
    -> the last check (last_check.py) -> what the numbers carry (forecast.py)

A deleted pool orders nothing: `retire` decides only whom it lets go.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ringfleet.model import E164
from ringfleet.plan.conditions import Condition, Reason, not_ready
from ringfleet.plan.number_pool.adoption import AdoptionSeen, adoption_condition
from ringfleet.plan.number_pool.demand import DemandMemory, DemandSeen
from ringfleet.plan.number_pool.forecast import (
    CapacityWant,
    DemandPlan,
    DemandWant,
    follow_forecast,
    judge_capacity,
    plan_demand,
)
from ringfleet.plan.number_pool.last_check import refuse_unsafe
from ringfleet.plan.number_pool.plan import PoolPlan, PoolSeen, PoolWant, match_on_demand, plan_pool
from ringfleet.plan.number_pool.release import ReleasePlan, ReleaseSeen, ReleaseWant, plan_release
from ringfleet.plan.number_pool.supply import NumberSeen, count_supply
from ringfleet.plan.sizing.formulas import Capacity

RETIRING = "The pool is deleted under deletionPolicy Release: it goes when all its numbers have been given back."


@dataclass(frozen=True, slots=True)
class PoolView:
    """A NumberPool's spec, and what its status remembers, as values: read once for a turn."""

    want: PoolWant
    """What it asks for, before any forecast."""
    demand: DemandWant
    """How its demand is measured; `review` is 0 until it is known."""
    memory: DemandMemory
    """What was measured until now."""
    release: ReleaseWant
    """How fast it lets numbers go; its target and minimum are those of `want`."""


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """All that a pool's turn may know beside the pool itself: gathered once for a turn."""

    pool: PoolSeen = field(default_factory=PoolSeen)
    """Numbers, orders, accounts and room, before it is decided who goes."""
    demand: DemandSeen = field(default_factory=DemandSeen)
    """What happened to its stock since the memory was written."""
    review: timedelta = timedelta()
    """How long documents are reviewed before its numbers can be had; 0: they need none."""
    release: ReleaseSeen = field(default_factory=ReleaseSeen)
    """Who was asked to go, and who is idle; its supply is counted here."""
    takeable: frozenset[E164] = frozenset()
    """Numbers on their way out that would be free if they stayed: what the pool takes back, or holds, is supply."""
    capacity: CapacityWant = field(default_factory=CapacityWant)
    """What a number must carry, and what its destination takes."""
    readiness: tuple[Condition, ...] = ()
    """Whether its bundles let it order everywhere."""
    whole: tuple[Condition, ...] = ()
    """What is said of its numbers as a whole, against their past."""
    claimed: int = 0
    """How many of its numbers a claim holds."""
    waiting: int = 0
    """How many claims wait for a number of it."""
    asked_again: float | None = None
    """Seconds until a carrier is asked again whether it demands documents, or what it offers; None: all have said."""
    adoption: AdoptionSeen | None = None
    """How far it has come with adopting what it asks for; None: it asks for nothing."""


@dataclass(frozen=True, slots=True)
class PoolDecision:
    """What a pool wants, does next, lets go, and says of itself."""

    want: PoolWant
    """What it asks for, in the light of the forecast."""
    plan: PoolPlan
    """Its orders, and every condition that it is to have."""
    release: ReleasePlan
    """Whom it lets go."""
    demand: DemandPlan | None
    """What was measured and forecast; None: its turn measures nothing."""
    capacity: Capacity | None
    """What its numbers carry; None: not asked."""
    requeue: float | None
    """Seconds until time alone may change the decision; None: only something else can."""


def decide(view: PoolView, facts: PoolFacts, now: datetime) -> PoolDecision:
    """Decide a living pool's turn. Pure; `now` is timezone-aware UTC."""
    demand = _demand(view, facts, now)
    want, seen, release = survey(view, facts, now, demand)
    plan = refuse_unsafe(want, seen, plan_pool(want, seen, now))
    capacity, short = judge_capacity(facts.capacity, plan.supply.held)
    adopting = adoption_condition(facts.adoption)
    beside = (*facts.readiness, *release.conditions, *demand.conditions, *short, *facts.whole, *adopting)
    list_again = facts.adoption.again if facts.adoption else None
    requeue = soonest(plan.requeue, release.requeue, demand.requeue, facts.asked_again, list_again)
    return PoolDecision(want, replace(plan, conditions=(*plan.conditions, *beside)), release, demand, capacity, requeue)


def survey(
    view: PoolView, facts: PoolFacts, now: datetime, demand: DemandPlan | None = None
) -> tuple[PoolWant, PoolSeen, ReleasePlan]:
    """What the pool asks for in the light of its forecast, what it sees, and whom it lets go: what an order is planned
    on, and what one that runs later is held against."""
    asked = replace(view.demand, review=facts.review)
    forecast = (demand or _demand(view, facts, now)).forecast
    want = follow_forecast(view.want, asked, forecast, facts.demand)
    release = _let_go(replace(view.release, target=want.target, minimum=want.minimum), want, facts, now)
    return want, _with_release(facts, release), release


def _demand(view: PoolView, facts: PoolFacts, now: datetime) -> DemandPlan:
    return plan_demand(replace(view.demand, review=facts.review), view.memory, facts.demand, now)


def retire(view: PoolView, facts: PoolFacts, now: datetime) -> PoolDecision:
    """Decide the turn of a deleted pool whose numbers go with it; `facts.pool.numbers` are those that still do."""
    want = view.want
    release = _let_go(view.release, want, facts, now)
    supply = count_supply(want.limits, facts.pool.numbers, (), now)
    said = (not_ready(Reason.RELEASING, RETIRING), *release.conditions)
    return PoolDecision(want, PoolPlan((), facts.pool.top_up, supply, said), release, None, None, release.requeue)


def _let_go(asked: ReleaseWant, want: PoolWant, facts: PoolFacts, now: datetime) -> ReleasePlan:
    supply = count_supply(want.limits, facts.pool.numbers, facts.pool.orders, now, lots=facts.pool.lots)
    spare = supply.total - match_on_demand(want, facts.pool, now).met
    return plan_release(asked, replace(facts.release, supply=spare), now)


def _with_release(facts: PoolFacts, release: ReleasePlan) -> PoolSeen:
    """What is seen of the pool, with the numbers that are taken back or stay for now counted as supply."""

    def counted(number: NumberSeen) -> NumberSeen:
        if number.number not in facts.takeable:
            return number
        name = number.number.digits
        returning = number.returning or name in release.take_back
        return replace(number, returning=returning, staying=not returning and name in release.staying)

    return replace(
        facts.pool,
        numbers=tuple(map(counted, facts.pool.numbers)),
        just_gone=frozenset(E164(f"+{name}") for name in release.just_gone),
        frozen=release.record.frozen_since is not None,
        ending=facts.pool.ending or facts.release.ending,
    )


def soonest(*delays: float | None) -> float | None:
    """The shortest delay, in seconds; None: there is none."""
    return min((seconds for seconds in delays if seconds is not None), default=None)
