"""The life of a number: its phases, and the only steps between them.

::

                 documents asked           documents approved
    Ordering ------------------> PendingDocuments ----.
       |                               |              |
       | routed                        | routed       | activating
       |                               |              v
       '----------------> Available <--'           Ordering
                          |  ^   ^
                    claim |  |   | cooldown over
                          v  |   |
                        Bound <-> Cooling                      (back: its people have it again, plan/former_holder.py)
                                           Releasing -> Released
      (any held phase) <-> Suspended          ^
      (any held phase) <-> Quarantined        |
      (any phase) ---------------- asked to go'       (any phase) -> Lost -> back when the carrier shows it again
      (any held phase) --> Ordering, PendingDocuments: the carrier activates it, or asks for documents, once more
      Releasing --> where it came from: taken back

    Available -> Cooling: a claim came and went between two looks

A phase is a summary for display; the object's conditions and spec are the truth, so a phase is always computed anew
from what is seen: by the rules of `plan/phone_number/plan.py`, with the two functions at the end of this file. The
table holds exactly the steps that the rules can make, and refuses every other.
"""

from __future__ import annotations

from ringfleet.model import Phase
from ringfleet.plan.phone_number.case import DesiredNumber, NumberState

IN_FLIGHT = frozenset({Phase.ORDERING, Phase.PENDING_DOCUMENTS})

_HELD = frozenset({Phase.AVAILABLE, Phase.BOUND, Phase.COOLING, Phase.SUSPENDED, Phase.QUARANTINED})
_ASIDE = frozenset({Phase.SUSPENDED, Phase.QUARANTINED, Phase.RELEASING, Phase.LOST})

STEPS: dict[Phase, frozenset[Phase]] = {
    Phase.ORDERING: _HELD | {Phase.PENDING_DOCUMENTS, Phase.RELEASING, Phase.LOST},
    Phase.PENDING_DOCUMENTS: _HELD | {Phase.ORDERING, Phase.RELEASING, Phase.LOST},
    Phase.AVAILABLE: _ASIDE | IN_FLIGHT | {Phase.BOUND, Phase.COOLING},
    Phase.BOUND: _ASIDE | IN_FLIGHT | {Phase.COOLING},
    Phase.COOLING: _ASIDE | IN_FLIGHT | {Phase.AVAILABLE, Phase.BOUND},
    Phase.SUSPENDED: (_ASIDE | IN_FLIGHT | _HELD) - {Phase.SUSPENDED},
    Phase.QUARANTINED: (_ASIDE | IN_FLIGHT | _HELD) - {Phase.QUARANTINED},
    Phase.RELEASING: _HELD | IN_FLIGHT | {Phase.RELEASED, Phase.LOST},
    Phase.RELEASED: frozenset(),
    Phase.LOST: _HELD | IN_FLIGHT | {Phase.RELEASING},
}


def may_step(old: Phase, new: Phase) -> bool:
    """Whether a number may go from `old` to `new`; staying is always allowed."""
    return old is new or new in STEPS[old]


def phase_in_service(desired: DesiredNumber, state: NumberState) -> Phase:
    """The phase of a number with which nothing is amiss."""
    if desired.is_out:
        return Phase.QUARANTINED
    wish = Phase.BOUND if desired.bound else Phase.COOLING if desired.resting else Phase.AVAILABLE
    return _toward(wish, state.phase)


def phase_meanwhile(desired: DesiredNumber, state: NumberState) -> Phase:
    """The phase of a number that still waits for the carrier: as good as in service, or on its way to it.

    It is never Suspended, as that phase says that the carrier has done it.
    """
    if state.phase in IN_FLIGHT | {Phase.SUSPENDED, Phase.RELEASING, Phase.LOST}:
        return Phase.ORDERING
    return phase_in_service(desired, state)


def _toward(wish: Phase, phase: Phase) -> Phase:
    """The next phase on the way to the wished one: a number that was bound has rested before it is available, however
    short that is."""
    ways = (wish, Phase.AVAILABLE, Phase.COOLING)
    return next((way for way in ways if may_step(phase, way)), phase)
