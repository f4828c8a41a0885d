"""Who brought a number into its phase, as far as that can be known from the number.

::

    Bound, Cooling               the claim that holds it, or let it go
    Releasing, Released          the pool that has too many, or is deleted; or the person who asked
    Quarantined                  the rotation set whose word it bears
    everything else              the carrier, or time: nobody is named
"""

from __future__ import annotations

from dataclasses import dataclass

from ringfleet.model import Phase
from ringfleet.plan.phone_number.removal import Cause


@dataclass(frozen=True, slots=True)
class Hands:
    """Who may have had a hand in a step of the number's. None: nobody."""

    claim: str | None = None
    """The claim that holds the number, as namespace/name."""
    last_claim: str | None = None
    """The claim that let it go."""
    pool: str | None = None
    """The pool's name."""
    cause: Cause | None = None
    """Why it was asked to go."""
    quarantine: str | None = None
    """The word on its quarantine."""
    person: str | None = None
    """Who asked for it by the command line."""


def by_whom(before: Phase, phase: Phase, hands: Hands) -> str | None:
    """Who brought the number from one phase into the other."""
    match phase:
        case Phase.BOUND:
            return f"NumberClaim {hands.claim}" if hands.claim else None
        case Phase.COOLING if before is not Phase.RELEASING:
            return f"NumberClaim {hands.last_claim}" if hands.last_claim else None
        case Phase.RELEASING | Phase.RELEASED if hands.cause in (Cause.SURPLUS, Cause.POOL_DELETION):
            return f"NumberPool {hands.pool}"
        case Phase.RELEASING | Phase.RELEASED if hands.cause is Cause.MANUAL:
            return hands.person
        case Phase.QUARANTINED:
            whose, said, _ = (hands.quarantine or "").partition(": ")
            return whose if said and whose.startswith("RotationSet ") else None
        case _:
            return None
