"""The life of a number: its phases, and the only steps between them.

::

                 documents asked           documents approved
    Ordering ------------------> PendingDocuments ----.
       |  \\                            |              |
       |   \\ routed                    | rejected     | routed
       |    '-----------> Available <--+--------------'
       |                  |  ^   ^     |
       |            claim |  |   | cooldown over
       |                  v  |   |     v
       |                Bound -> Cooling     Failed
       '-> Failed         |
                          |            Releasing -> Released
      (any held phase) <-> Suspended       ^
      (any held phase) <-> Quarantined     |
      (any held phase) ------- asked to go '       (any phase) -> Lost -> back when the carrier shows it again
      (any held phase) --> Ordering, PendingDocuments: the carrier activates it, or asks for documents, once more

A phase is a summary for display; the object's conditions and spec are the truth, so a phase is always computed anew
from what is seen (`plan/number.py`) and this table only refuses a step that no story allows.
"""

from __future__ import annotations

from ringfleet.model import Phase

IN_FLIGHT = frozenset({Phase.ORDERING, Phase.PENDING_DOCUMENTS})
GONE = frozenset({Phase.RELEASED, Phase.LOST, Phase.FAILED})

_HELD = frozenset({Phase.AVAILABLE, Phase.BOUND, Phase.COOLING, Phase.SUSPENDED, Phase.QUARANTINED})
_ASIDE = frozenset({Phase.SUSPENDED, Phase.QUARANTINED, Phase.RELEASING, Phase.LOST})

STEPS: dict[Phase, frozenset[Phase]] = {
    Phase.ORDERING: _HELD | {Phase.PENDING_DOCUMENTS, Phase.FAILED, Phase.LOST},
    Phase.PENDING_DOCUMENTS: _HELD | {Phase.ORDERING, Phase.FAILED, Phase.RELEASING, Phase.LOST},
    Phase.AVAILABLE: _ASIDE | IN_FLIGHT | {Phase.BOUND},
    Phase.BOUND: _ASIDE | IN_FLIGHT | {Phase.COOLING},
    Phase.COOLING: _ASIDE | IN_FLIGHT | {Phase.AVAILABLE},
    Phase.SUSPENDED: _ASIDE | IN_FLIGHT | _HELD,
    Phase.QUARANTINED: _ASIDE | IN_FLIGHT | _HELD,
    Phase.RELEASING: _HELD | {Phase.RELEASED, Phase.LOST},
    Phase.RELEASED: frozenset(),
    Phase.LOST: _HELD | {Phase.ORDERING, Phase.PENDING_DOCUMENTS, Phase.RELEASED},
    Phase.FAILED: frozenset(),
}


def may_step(old: Phase, new: Phase) -> bool:
    """Whether a number may go from `old` to `new`; staying is always allowed."""
    return old is new or new in STEPS[old]
