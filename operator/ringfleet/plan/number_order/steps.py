"""What an order may do next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ringfleet.plan.conditions import Reason


@dataclass(frozen=True, slots=True)
class Search:
    """Search the market's area codes in order, choose, and write the chosen numbers and the key."""


@dataclass(frozen=True, slots=True)
class Submit:
    """Take the purchase lock where there is one, write Submitting, buy. `resumed`: an earlier try may have reached the
    carrier."""

    resumed: bool


@dataclass(frozen=True, slots=True)
class LookUp:
    """Look up what was bought of an order that was sent, and send nothing."""

    reason: Reason
    """Why nothing may be sent."""
    message: str
    """The same in a sentence."""
    for_good: bool = False
    """Whether nothing will ever be sent again."""


@dataclass(frozen=True, slots=True)
class Record:
    """Create the PhoneNumber of every bought item, then mark the order as recorded."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """End an order that has sent nothing: the pool can go to another carrier, or is gone."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class HandBack:
    """Fail the items of which the carrier has not heard, and go on with the others: the pool orders as many of another
    carrier."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do until something changes, or until `until`."""

    reason: Reason
    message: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """Every item has its outcome and its object."""


Step = Search | Submit | LookUp | Record | GiveUp | HandBack | Wait | Done
