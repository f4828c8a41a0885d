"""Looking up what was sent of an order that may send nothing: until that ends, or for the last time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from ringfleet.model import ItemState, Outcome
from ringfleet.plan.number_order.forbidden import Forbidden
from ringfleet.plan.number_order.items import UNRESOLVED, settle
from ringfleet.plan.number_order.order import OrderState
from ringfleet.plan.number_order.steps import LookUp


def looked_up_only(why: Forbidden) -> LookUp:
    if not why.for_good:
        return LookUp(why.reason, why.sentence)
    return LookUp(why.reason, f"{why.why}: {LAST_LOOKS}", for_good=True)


LAST_LOOKS = "nothing more is bought. What was sent before is looked up for a while, and then the order ends."
LOOKED_UP_FOR = timedelta(minutes=15)
"""For how long the numbers of an abandoned order are looked up: so far at most the carriers' own listings lag behind a
purchase (`plan/carrier_account/loss.py`)."""


def looked_up(state: OrderState, step: LookUp, outcomes: Collection[Outcome], now: datetime) -> OrderState:
    """The state after every number that was sent has been asked for; `outcomes`: of those that the carrier shows.

    What it does not show may still come, and stays open; of an order that never sends again, only for a while, and what
    that has not sent fails at once.
    """
    if outcomes:
        items = settle(state.items or (), outcomes)
        state = replace(state, items=items, attempts=0, next_attempt=None, last_error="")
    if not step.for_good:
        return replace(state, abandoned_at=None)
    since = state.abandoned_at or now
    state = replace(state, abandoned_at=since)
    ended = {ItemState.PENDING} if now < since + LOOKED_UP_FOR else UNRESOLVED
    if not any(item.state in ended for item in state.items or ()):
        return state
    items = tuple(replace(item, state=ItemState.FAILED) if item.state in ended else item for item in state.items or ())
    return replace(
        state, items=items, attempts=0, next_attempt=None, last_error="", failure=step.reason, message=_NOT_SHOWN
    )


_NOT_SHOWN = (
    "The pool or the CarrierAccount of the order was deleted, or became another account, while its numbers were being "
    "bought: those that the carrier did not show afterwards count as not bought. Should it show one later, a sweep "
    "adopts or reports it."
)
