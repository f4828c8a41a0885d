"""How one number leaves: who asked for it, what it means at the carrier, and what stands against it.

::

    asked (annotation, surplus, deleted, pool deleted)
      |-- an obstacle (bound, protected, policy)     -> it stays as it is, and says why
      '-- none: Releasing, since then
            |-- in its hold                          -> it can be taken back
            |-- not in its pool's `granted`          -> the breaker, the settling time or the day's budget holds it
            '-- granted                              -> a last live look, then: Release: given back to the carrier
                                                                                LetGo:   only our mark comes off
                                                                                Leave:   only the object goes

What is deleted under Retain because its namespace is being deleted leaves nothing but its object: nobody can take the
deletion of a namespace back, so to hold it would keep nothing, and at the carrier nothing changes. The mark tells the
next sweep whose the number was, and a pool that is made again gets it back.

Whom a pool grants, and the breaker, is `plan/number_pool/release.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ringfleet.model.policy import ReleaseMode
from ringfleet.plan.conditions import Reason


class Cause(StrEnum):
    """Who asked for the number to go."""

    MANUAL = "Manual"
    SURPLUS = "Surplus"
    DELETION = "Deletion"
    POOL_DELETION = "PoolDeletion"


class Way(StrEnum):
    """What a number's going means at the carrier."""

    RELEASE = "Release"
    """The number is given back to the carrier for good."""
    LET_GO = "LetGo"
    """Our mark comes off, and the number stays in the carrier account."""
    LEAVE = "Leave"
    """The carrier is not called: the number stays in the carrier account, with our mark, by which it is found again."""


DELETIONS = frozenset({Cause.DELETION, Cause.POOL_DELETION})
"""The causes that may be nobody's wish: a namespace or a kind that is deleted takes numbers or their pool with it."""


@dataclass(frozen=True, slots=True)
class Farewell:
    """That a number was seen to be asked to go."""

    cause: Cause
    since: datetime
    """When that was first seen."""
    not_before: datetime
    """The end of the hold: the number does not go earlier."""


@dataclass(frozen=True, slots=True)
class PoolPolicy:
    """What a number's pool says of leaving."""

    mode: ReleaseMode
    """Who may ask for a number of the pool to go (spec.release.mode)."""
    hold: timedelta
    """How long a number that was asked to go can be taken back (spec.release.hold)."""
    deleted_with_numbers: bool = False
    """The pool is being deleted, and its numbers are to be released with it."""


@dataclass(frozen=True, slots=True)
class Bearing:
    """What the number itself says: who holds it, what was asked, what protects it."""

    asked: bool = False
    """A person has asked for the number to be released, by annotation."""
    surplus: bool = False
    """The pool has marked the number as one too many."""
    deleting: bool = False
    """The PhoneNumber object is being deleted."""
    release_on_deletion: bool = False
    """A deletion gives the number back to the carrier (spec.deletionPolicy Release); False: only our mark comes off."""
    claim: str | None = None
    """The claim that has the number, as namespace/name; None: no claim has it."""
    protected: bool = False
    """The number must not go (spec.protected)."""
    observed: bool = False
    """The number is read and never changed at the carrier (spec.managementPolicy Observe)."""
    ending: bool = False
    """The number's namespace is being deleted, and all that is in it."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a number that was asked to go stays."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Going:
    """A number that was asked to go."""

    cause: Cause
    way: Way
    hold: timedelta = timedelta()
    """How long the number can be taken back, from when it was seen to be asked."""
    obstacle: Obstacle | None = None
    """Why the number stays all the same; None: nothing stands against its going."""


def plan_going(bearing: Bearing, pool: PoolPolicy | None) -> Going | None:
    """Whether the number was asked to go, and how; None when nobody asked. `pool` is None when it has none (any more).

    Deleting the object outranks the annotations: what is deleted under Retain is let go, whatever else was asked.
    """
    cause = _cause(bearing, pool)
    if cause is None:
        return None
    way = _way(bearing, cause)
    hold = pool.hold if pool and way is Way.RELEASE else timedelta()
    return Going(cause, way, hold, _obstacle(bearing, pool, way))


def _way(bearing: Bearing, cause: Cause) -> Way:
    if cause is not Cause.DELETION or bearing.release_on_deletion:
        return Way.RELEASE
    return Way.LEAVE if bearing.ending else Way.LET_GO


def _cause(bearing: Bearing, pool: PoolPolicy | None) -> Cause | None:
    if bearing.deleting:
        return Cause.DELETION
    if pool and pool.deleted_with_numbers and bearing.release_on_deletion:
        return Cause.POOL_DELETION
    if bearing.asked:
        return Cause.MANUAL
    if bearing.surplus and pool and pool.mode is ReleaseMode.AUTOMATIC:
        return Cause.SURPLUS
    return None


def _obstacle(bearing: Bearing, pool: PoolPolicy | None, way: Way) -> Obstacle | None:
    if bearing.observed:
        if way is not Way.RELEASE:
            return None
        return _refusal("it is only observed (spec.managementPolicy): give it back at the carrier by hand")
    if bearing.claim:
        return _refusal(f"NumberClaim {bearing.claim} holds it: delete the claim first")
    if bearing.protected:
        return _refusal("it is protected: set spec.protected to false first")
    if way is not Way.RELEASE:
        return None
    if pool is None:
        message = (
            "It was asked to go and stays: its pool is gone, whose hold and daily budget it would go by. "
            "Set spec.deletionPolicy to Retain to let go of it"
        )
        return Obstacle(Reason.POOL_MISSING, f"{message}{'' if bearing.ending else ', or create the pool again'}.")
    if pool.mode is ReleaseMode.NEVER:
        return _refusal("release.mode of its pool is Never: set it to Manual, or set spec.deletionPolicy to Retain")
    return None


def _refusal(why: str) -> Obstacle:
    return Obstacle(Reason.RELEASE_FORBIDDEN, f"It was asked to go and stays, because {why}.")
