"""A rotation set's whole turn: from what is seen of it to what it does and says. Each plan has tests of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringfleet.plan.rotation_set.decide import AGAIN, SetDecision, SetFacts, SetView, decide
from ringfleet.plan.rotation_set.guardrails import Guardrail, Override, RotationWant
from ringfleet.plan.rotation_set.plan import (
    Action,
    CreateClaim,
    DeleteClaim,
    Drain,
    Keep,
    Quarantine,
    Reroute,
    Unquarantine,
)
from ringfleet.plan.rotation_set.seen import DayUsage, HealthSeen, NumberUse, Replaced, RotationSeen, Seat, Usage
from tests.plan.rotation import (
    NOW,
    POOL,
    TODAY,
    a_seat,
    a_texting_want,
    a_want,
    governed,
    number,
    seats,
    seen,
    used,
    waiting,
)

OURS = "RotationSet shop/calls: "
LABELLED = OURS + "labelled Scam"
AT_TARGET = {"Ready": "AtTarget"}
GROWING = {"Ready": "Growing", "Reconciling": "Growing"}
WAITING = {"Ready": "WaitingForNumber", "Reconciling": "WaitingForNumber"}
REPLACES = governed(Override(Guardrail.ON_FLAGGED, "jane"), replaces=True)
ANY_SIZE = governed(Override(Guardrail.MIN_UTILISATION, "jane"))
OVERRIDDEN = {"GuardrailOverridden": "GuardrailOverridden"}


def turn(want: RotationWant, what: RotationSeen, *replaced: Replaced, **facts: Any) -> SetDecision:
    return decide(SetView(want, replaced), SetFacts(what, **facts), NOW)


def known(*some: Seat, **changes: Any) -> RotationSeen:
    """A set with these claims, all of whose numbers are well received."""
    return seen(*some, uses=used(some), **changes)


def labelled(count: int, total: int) -> RotationSeen:
    """A set whose first numbers are labelled, and known to be."""
    out = tuple(a_seat(one, quarantine=LABELLED) for one in range(1, count + 1))
    some = (*out, *seats(total - count, count + 1))
    return seen(*some, uses=used(some) | used(out, label="Scam"))


def unrouted(seat: Seat) -> Seat:
    assert seat.member
    return replace(seat, member=replace(seat.member, routed=False))


NEW = replace(a_seat(4), created=NOW - timedelta(days=3))
BUSY = replace(known(*seats(4)), usage=Usage(NOW, TODAY, used=290, deferred=20, numbers=used(seats(4))))
SCAM = used(seats(4)) | {number(1): NumberUse(label="Scam")}
RESTED = a_seat(1, quarantine=LABELLED)
CLEARED = used([RESTED], cleared=NOW - timedelta(days=31))
DRAINED = a_seat(9, draining=NOW - timedelta(minutes=2))


@pytest.mark.parametrize(
    ("want", "what", "replaced", "actions", "said"),
    [
        pytest.param(a_want(), known(*seats(4)), (), (), AT_TARGET, id="it has what it wants"),
        pytest.param(a_want(), known(*seats(3)), (), (CreateClaim("calls-4", POOL),), GROWING, id="too few: it claims"),
        pytest.param(a_want(), known(*seats(3), waiting(4)), (), (), WAITING, id="a claim waits: it counts"),
        pytest.param(
            a_want(size=3),
            known(*seats(3), waiting(4)),
            (),
            (DeleteClaim("calls-4"),),
            WAITING,
            id="too many: a claim that waits goes first",
        ),
        pytest.param(a_want(size=3), known(*seats(4)), (), (Drain("calls-1"),), AT_TARGET, id="too many: one drains"),
        pytest.param(
            a_want(), known(*seats(4), DRAINED), (), (DeleteClaim("calls-9"),), AT_TARGET, id="it has drained: it goes"
        ),
        pytest.param(
            a_want(),
            known(*seats(3), a_seat(4, draining=NOW)),
            (),
            (Keep("calls-4"),),
            AT_TARGET,
            id="too few: one that drains is kept",
        ),
        pytest.param(
            a_want(),
            seen(*seats(4), uses=SCAM),
            (),
            (Quarantine(number(1), LABELLED),),
            AT_TARGET,
            id="labelled: it is taken out of use, and not replaced",
        ),
        pytest.param(
            a_want(),
            seen(RESTED, *seats(3, 2), uses=used(seats(4)) | CLEARED),
            (),
            (Unquarantine(number(1)),),
            AT_TARGET,
            id="its label has gone, and it has rested: it comes back",
        ),
        pytest.param(
            a_want(size=20, governed=REPLACES),
            labelled(3, 20),
            (),
            (Drain("calls-1"), Drain("calls-2"), CreateClaim("calls-21", POOL), CreateClaim("calls-22", POOL)),
            GROWING | OVERRIDDEN | {"ChurnLimited": "ChurnLimitReached"},
            id="labelled ones are replaced under the override, a tenth of the set at most",
        ),
        pytest.param(
            a_want(size=9, governed=REPLACES),
            labelled(1, 9),
            (Replaced(NOW, number(1)),),
            (Drain("calls-1"), CreateClaim("calls-10", POOL)),
            GROWING | OVERRIDDEN,
            id="one whose replacement was written before a crash is replaced, although one more would be too many",
        ),
        pytest.param(
            a_want(size=1, routing_profile="sip"),
            known(a_seat(1)),
            (),
            (Reroute("calls-1", "sip"),),
            AT_TARGET,
            id="another profile: its claims name it",
        ),
        pytest.param(
            a_want(size=9, suspended=True),
            seen(*seats(4), uses=SCAM),
            (),
            (Quarantine(number(1), LABELLED),),
            {"Ready": "Suspended"},
            id="suspended: its numbers are protected, and none comes or goes",
        ),
        pytest.param(
            a_want(),
            known(*seats(4), frozen="All is frozen."),
            (),
            (),
            {"Ready": "Frozen", "Frozen": "Frozen"},
            id="frozen",
        ),
        pytest.param(
            a_want(),
            known(pools={}),
            (),
            (),
            {"Ready": "PoolMissing", "Stalled": "PoolMissing"},
            id="no pool: it claims nothing",
        ),
        pytest.param(
            a_want(zone="Mars/Olympus"),
            known(*seats(3)),
            (),
            (),
            {"Ready": "InvalidSpec", "Stalled": "InvalidSpec"},
            id="no such time zone: it does nothing",
        ),
        pytest.param(
            a_want(),
            seen(*seats(4)),
            (),
            (),
            AT_TARGET | {"UsageUnknown": "NoDispatcher"},
            id="its traffic is not known",
        ),
        pytest.param(
            a_want(),
            replace(known(*seats(4)), split="A second ledger."),
            (),
            (),
            AT_TARGET | {"LedgerSplit": "LedgerSplit"},
            id="two ledgers serve it",
        ),
        pytest.param(
            a_want(),
            known(*seats(3), a_seat(4, quarantine="by hand")),
            (),
            (),
            AT_TARGET | {"TooManyQuarantined": "TooManyQuarantined"},
            id="more than a fifth out of use: a person's word stands",
        ),
        pytest.param(
            a_want(),
            known(*seats(4, quarantine="by hand")),
            (),
            (),
            {"Ready": "MembersUnusable", "TooManyQuarantined": "TooManyQuarantined"},
            id="none can be used",
        ),
        pytest.param(
            a_want(),
            known(*seats(3), unrouted(a_seat(4))),
            (),
            (),
            AT_TARGET | {"MembersUnusable": "MembersUnusable"},
            id="one is routed to nobody",
        ),
        pytest.param(
            a_want(),
            seen(*seats(3), NEW, uses=used((*seats(3), NEW), sent=7)),
            (),
            (),
            AT_TARGET | {"SnowshoePattern": "NumbersHardlyUsed"},
            id="it has grown, and its numbers are hardly used",
        ),
        pytest.param(a_want(), BUSY, (), (), AT_TARGET | {"CapacityShort": "TooFewNumbers"}, id="more is asked of it"),
        pytest.param(
            a_want(governed=governed(Override(Guardrail.CHURN, "jane"))),
            known(*seats(4)),
            (),
            (),
            AT_TARGET | OVERRIDDEN,
            id="a guardrail is overridden",
        ),
        pytest.param(
            a_want(governed=replace(governed(), refused=(Guardrail.ON_FLAGGED,))),
            known(*seats(4)),
            (),
            (),
            AT_TARGET | {"GuardrailHolds": "GuardrailHolds"},
            id="a guardrail holds against a wish",
        ),
        pytest.param(
            a_texting_want(size=50),
            known(),
            (),
            tuple(CreateClaim(f"calls-{n}", POOL) for n in range(1, 50)),
            GROWING | {"GuardrailHolds": "GuardrailHolds"},
            id="a size without the traffic for it",
        ),
        pytest.param(
            a_texting_want(size=50, governed=ANY_SIZE),
            known(),
            (),
            tuple(CreateClaim(f"calls-{n}", POOL) for n in range(1, 50)),
            GROWING | {"CampaignLimited": "NumberPoolNotApproved", "GuardrailOverridden": "GuardrailOverridden"},
            id="a US campaign has 49 numbers",
        ),
    ],
)
def test_what_a_set_does_and_says(
    want: RotationWant,
    what: RotationSeen,
    replaced: tuple[Replaced, ...],
    actions: tuple[Action, ...],
    said: dict[str, str],
) -> None:
    decision = turn(want, what, *replaced)
    assert (decision.want, decision.actions) == (want, actions)
    assert {one.type: str(one.reason) for one in decision.conditions} == said


MIDNIGHT = (datetime(2026, 11, 25, tzinfo=UTC) - NOW).total_seconds()


@pytest.mark.parametrize(
    ("want", "what", "read_again", "requeue"),
    [
        pytest.param(a_want(), known(*seats(4)), 60.0, 60.0, id="its traffic is read again"),
        pytest.param(a_want(), known(*seats(4)), None, MIDNIGHT, id="the next day begins"),
        pytest.param(a_want(), known(*seats(4)), 0.1, AGAIN, id="never at once"),
        pytest.param(
            a_want(),
            seen(*seats(4), a_seat(9, draining=NOW - timedelta(hours=23))),
            None,
            3600.0,
            id="a number whose use is not known has drained for a day",
        ),
        pytest.param(a_want(zone="Mars/Olympus"), known(), 60.0, None, id="its spec must change first"),
    ],
)
def test_a_set_is_looked_at_again_when_that_may_change_something(
    want: RotationWant, what: RotationSeen, read_again: float | None, requeue: float | None
) -> None:
    assert turn(want, what, read_again=read_again).requeue == requeue


def test_whom_it_replaces_is_in_the_decision_so_that_it_is_written_before_anything_is_done() -> None:
    decision = turn(a_want(size=10, governed=REPLACES), labelled(1, 10))
    assert decision.plan
    assert decision.plan.replaced == (Replaced(NOW, number(1)),)
    assert decision.actions != ()


def test_how_its_numbers_are_received_is_told_with_their_day_that_is_over() -> None:
    some, over = seats(2), DayUsage("2026-11-23", 31)
    uses = used(some, tries=0, successes=0) | {number(1): NumberUse(label="Scam")}
    health = turn(a_want(size=2), seen(*some, uses=uses), ended={number(1): over, number(9): over}).health
    assert health == {number(1): HealthSeen(None, "Scam", over), number(2): HealthSeen()}
    assert turn(a_want(size=2), seen(*some), ended={number(1): over}).health == {}, "its traffic is not known"
