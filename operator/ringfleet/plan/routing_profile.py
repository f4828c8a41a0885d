"""What a carrier account is to be told of a routing profile, and what the profile says of that.

::

    told    what the profile's status remembers: the carrier's id, and a digest of what was told
    held    what the account was last seen to have, by a sweep or by our own call; a sweep sees edits and deletions

    never told, or told other words -------------> tell
    held is missing, or is not what was told ----> tell again: somebody has edited or deleted it there
    anything else -------------------------------> nothing

Each account is told in its own time; what it has been told meanwhile is known before the status says so (`caught_up`).

Numbers are pointed at the carrier's id, and nowhere before the profile was told to their account; what is told later
under the same id reaches them by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ringfleet.model import AccountKey
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Condition, Reason, not_ready, ready, reconciling


@dataclass(frozen=True, slots=True)
class Told:
    """A profile as a carrier account was told it, or as it has it."""

    external_id: str
    """The carrier's id of the profile."""
    hash: str
    """A digest of the profile's content there."""


@dataclass(frozen=True, slots=True)
class ProfilePlace:
    """One account that has numbers which are to follow the profile."""

    account: AccountKey
    seen: AccountSeen
    """Whether the account can be called."""
    told: Told | None = None
    """What the account was told last; None: nothing yet."""
    looked: bool = False
    """Whether this process knows what the account has."""
    held: Told | None = None
    """What the account has; None: no such profile, or nobody has looked, or a call to it was not answered."""


def caught_up(place: ProfilePlace, content: str) -> ProfilePlace:
    """The place, where the account has what the profile says now: then that is what it was told, although the status
    does not say so yet. `content`: the digest of what the profile says."""
    there = place.looked and place.held is not None and place.held.hash == content
    return replace(place, told=place.held) if there else place


def must_tell(place: ProfilePlace, content: str) -> bool:
    """Whether the account is to be told the profile, whose content has the digest `content`."""
    return place.told is None or place.told.hash != content or _differs(place)


def _differs(place: ProfilePlace) -> bool:
    """Whether the account has something else than it was told."""
    return place.looked and place.held != place.told


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an account could not be told."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An account did not take the profile: the same is not told again before its time, whoever asks for it."""

    content: str
    """The digest of what was refused."""
    failure: Failure
    until: float
    """In monotonic seconds."""
    failures: int = 1
    """How often in a row the same was told in vain."""


def profile_conditions(
    suspended: bool, places: Iterable[ProfilePlace], failures: Mapping[AccountKey, Failure]
) -> tuple[Condition, ...]:
    """What the profile says of itself. `failures`: of the accounts that should know it, and do not or not yet."""
    if suspended:
        said = ready(Reason.SUSPENDED, "The profile is suspended (spec.suspend): changes do not reach the carrier.")
        return (said, *_drifted(places))
    if failures:
        first = failures[min(failures, key=lambda account: (failures[account].reason is Reason.ROUTING, account))]
        message = " ".join(failures[account].message for account in sorted(failures))
        goes_on = (reconciling(Reason.ROUTING, message),) if first.reason is Reason.ROUTING else ()
        return (not_ready(first.reason, message), *goes_on)
    return (ready(Reason.CONFIGURED, "The profile is complete; its numbers are routed by it."),)


def _drifted(places: Iterable[ProfilePlace]) -> tuple[Condition, ...]:
    """Of a suspended profile: that it was edited at a carrier, which is left as it is."""
    found = sorted(str(place.account) for place in places if place.told and _differs(place))
    if not found:
        return ()
    message = (
        f"The profile was edited or deleted at the carrier, by CarrierAccount {', '.join(found)}: "
        "set spec.suspend to false to have it told again."
    )
    return (Condition("Drifted", True, Reason.DRIFTED, message),)
