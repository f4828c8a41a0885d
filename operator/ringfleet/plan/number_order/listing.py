"""Whether it is known what the carriers have for an order's pool: before that nothing is bought."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_order.steps import Wait
from ringfleet.plan.number_order.world import Listed, OrderWorld, Unlisted


def await_listing(world: OrderWorld, now: datetime) -> Wait | None:
    """What the carriers have for the pool must be known before more is bought: the objects may be gone, as after a
    restore. A carrier that is dead, or whose listing breaks off, stops no pool that has bought before, nor one that is
    new as far as can be known: it has no order of an earlier pool, and the carrier was not seen to have numbers of it
    that the cluster does not know."""
    waited_for = [
        one for one in world.unlisted if world.has_past or one.hides or one.unseen or one.how is Listed.NOT_YET
    ]
    if not waited_for:
        return None
    if any(one.how is not Listed.NOT_YET for one in waited_for):
        message = _waiting_message(world, waited_for)
        return Wait(Reason.WAITING_FOR_LISTING, message, now + LISTED_AGAIN)
    names = ", ".join(f"CarrierAccount {one.account}" for one in waited_for)
    return Wait(Reason.WAITING_FOR_LISTING, f"{NOT_LISTED}: {names}.", now + LISTED_AGAIN)


LISTED_AGAIN = timedelta(seconds=5)
NOT_LISTED = "Nothing is bought before all carriers of the pool have been listed once, for what they have of the pool"


def _waiting_message(world: OrderWorld, waited_for: list[Unlisted]) -> str:
    if world.has_past:
        return restored_message(waited_for)
    return _hiding_message(waited_for) if any(one.hides for one in waited_for) else _unseen_message(waited_for)


def _unseen_message(unlisted: Iterable[Unlisted]) -> str:
    """Why an order waits for a carrier that was well before the operator began, and is not now; and what to do."""
    return (
        "These were well when an operator saw them last, and could not be listed since this one began. Should the "
        "cluster be restored from a backup, what is wanted may have been bought there already: nothing is bought "
        f"before they have been listed. {'; '.join(one.words for one in unlisted)}. Mend that; or, if nothing was "
        "restored, take them out of the pool's spec.carriers until they are back."
    )


def restored_message(unlisted: Iterable[Unlisted]) -> str:
    """Why an order waits that may be for numbers which are there already, and what to do."""
    return (
        "There are orders for this pool that it has not made itself, as after a restore, so that their numbers may be "
        "at the carriers already: nothing is bought before all of these have been listed. "
        f"{'; '.join(one.words for one in unlisted)}. Mend that; or take a carrier that has none of these numbers out "
        "of the pool's spec.carriers; or delete those orders."
    )


def _hiding_message(unlisted: Iterable[Unlisted]) -> str:
    """Why a pool that looks new waits for a carrier, and what to do."""
    return (
        "When they were listed last, these had numbers of this pool that have no PhoneNumber, as after a restore: what "
        "is wanted may be there already, so that nothing is bought before all of them have been listed again. "
        f"{'; '.join(one.words for one in unlisted)}. Mend that; or take them out of the pool's spec.carriers, and "
        "their numbers are left there."
    )
