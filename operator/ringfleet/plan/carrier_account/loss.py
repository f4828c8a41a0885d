"""When a number that the carrier does not list any more is lost, and which listings may say so.

::

    a complete listing ---> far shorter than the last one? --yes--> doubted: nothing is concluded
                              | no                                  (the measure stays: repeating it changes nothing)
                              v
    expected, not listed ---> 1st look, 2nd, 3rd ---> asked for by its digits ---> shown: it counts from none again
                                                                             '---> not shown: lost
    listed, or found -------> no look, not lost: a lost number comes back by itself

A doubted listing is believed when a person says so, by writing the count that the status shows for it into the
annotation `ringfleet.dev/accept-listing` of the account, and when the next listing then shows this very count. Nothing
else gets out of it: a carrier that goes on hiding a third of the numbers for a month would get past any waiting.
Numbers that we gave back ourselves are taken off what is expected.

The looks and what was shown are kept in the process only: after a restart counting begins anew, on the safe side. How
many numbers the last good listing had is in the account's status.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from ringfleet.model import E164, GONE
from ringfleet.plan.carrier_account.sweep import Known

LOST_AFTER = 3
"""How many listings in a row must leave a number out; they count at most once in the account's sweep interval."""
SETTLING = timedelta(minutes=15)
"""How long after its purchase a number that no listing has shown yet need not be listed: listings lag behind."""
ASKED_AT_ONCE = 100
"""How many numbers are asked for by their digits after one listing; the others after the next."""

LOST_MESSAGE = (
    "The carrier shows this number no more, neither in its listings nor when it is asked for: ask the carrier what "
    "became of it. It comes back by itself when the carrier shows it again. If it is gone for good, delete this object."
)


def lost_message(account: str | None) -> str:
    """What a lost number says. `account`: the carrier's id of the account that has it now; None: none is known."""
    if account is None:
        return LOST_MESSAGE
    return (
        f"The number is in account {account} at the carrier now, and not in that of its CarrierAccount: somebody has "
        "moved it. Move it back, and it comes back here by itself; or delete this object, and let a CarrierAccount of "
        "that account adopt it."
    )


SHRUNK_MESSAGE = (
    "The carrier lists far fewer numbers (status.numbers.shrunkTo) than before (status.numbers.owned): nothing is "
    "concluded from that. If they are really gone, annotate the account with ringfleet.dev/accept-listing and the "
    "value of status.numbers.shrunkTo."
)


@dataclass(frozen=True, slots=True)
class Roll:
    """What the listings of one account have told this process."""

    shown: frozenset[E164] = frozenset()
    """The numbers of ours that a listing has shown."""
    looks: Mapping[E164, int] = field(default_factory=dict)
    """How many listings in a row have left a number out, by number."""
    lost: frozenset[E164] = frozenset()
    """The numbers that listings left out, that were then asked for by their digits, and that were not found."""
    released: frozenset[E164] = frozenset()
    """The numbers that we have given back, and that a listing may show still."""
    unmarked: frozenset[E164] = frozenset()
    """The numbers that we have taken our mark off, and that a listing may show with our mark still."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One complete listing of an account, held against what we knew when it began."""

    listed: frozenset[E164]
    """All numbers that the listing shows, those of rows that can't be read included: they are there."""
    marked: frozenset[E164]
    """The numbers of the listing that carry our mark."""
    known: frozenset[E164]
    """The numbers that had a PhoneNumber when the listing began."""
    expected: frozenset[E164]
    """The numbers that the listing had to show."""
    nameless: int = 0
    """How many rows have a number that can't be read, such as a short code."""

    @property
    def owned(self) -> int:
        """How many numbers the account owns."""
        return len(self.listed) + self.nameless


def is_short(owned: int, before: int, released: int) -> bool:
    """Whether a listing of `owned` numbers is under 80 % of the last good one, less what we have given back since."""
    return owned * 5 < (before - released) * 4


def is_accepted(word: str | None, doubted: int | None) -> bool:
    """Whether a person's `word` (the annotation) is the count that the status shows for the doubted listing."""
    return doubted is not None and word == str(doubted)


def must_be_listed(known: Mapping[E164, Known], shown: Collection[E164], settling: Collection[E164]) -> frozenset[E164]:
    """The numbers that a listing which begins now has to show.

    `settling`: those of orders that have not ended, or ended less than `SETTLING` ago; they count once they were shown.
    """
    return frozenset(
        number
        for number, seen in known.items()
        if seen.external_id and seen.phase not in GONE and (number in shown or number not in settling)
    )


def call_roll(roll: Roll, listing: Listing, counts: bool) -> Roll:
    """The roll after a listing that is believed. `counts`: enough time has passed for it to be another look."""
    missed = listing.expected - listing.listed
    return Roll(
        shown=(roll.shown | listing.listed) & listing.known,
        looks={number: roll.looks.get(number, 0) + (1 if counts else 0) for number in missed},
        lost=(roll.lost - listing.listed) & listing.known,
        released=roll.released & listing.listed,
        unmarked=roll.unmarked & listing.marked,
    )


def to_ask_for(roll: Roll) -> tuple[E164, ...]:
    """The numbers that were left out often enough: ask the carrier for each by its digits."""
    missed = sorted(number for number, looks in roll.looks.items() if looks >= LOST_AFTER and number not in roll.lost)
    return tuple(missed[:ASKED_AT_ONCE])


def found(roll: Roll, number: E164) -> Roll:
    """The carrier has shown the number when it was asked for it."""
    if number not in roll.looks and number not in roll.lost:
        return roll
    looks = {other: count for other, count in roll.looks.items() if other != number}
    return replace(roll, looks=looks, lost=roll.lost - {number})


def not_found(roll: Roll, number: E164) -> Roll:
    """The carrier has not shown the number even when it was asked for it: it is lost."""
    return replace(roll, lost=roll.lost | {number})


def left(roll: Roll, number: E164, released: bool) -> Roll:
    """We have given the number back, or else taken our mark off: a listing may show for a while how it was before."""
    if released:
        return replace(roll, released=roll.released | {number})
    return replace(roll, unmarked=roll.unmarked | {number})
