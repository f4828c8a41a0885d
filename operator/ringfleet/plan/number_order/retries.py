"""The rest after a call that failed."""

from __future__ import annotations

from datetime import datetime, timedelta

from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_order.items import UNRESOLVED
from ringfleet.plan.number_order.order import OrderState, is_sent
from ringfleet.plan.number_order.steps import Wait
from ringfleet.plan.waits import still_waits

LONGEST_RETRY = timedelta(minutes=5)
"""How long after a call that failed the next one is made at the latest."""


def resting(state: OrderState, now: datetime) -> Wait | None:
    if not still_waits(state.next_attempt, now, LONGEST_RETRY):
        return None
    return Wait(_hindrance(state), state.last_error, state.next_attempt)


def _hindrance(state: OrderState) -> Reason:
    """What the last try failed at."""
    if state.items is None:
        return Reason.SEARCH_UNAVAILABLE
    if is_sent(state):
        return Reason.OUTCOME_UNKNOWN
    settled = all(item.state not in UNRESOLVED for item in state.items)
    return Reason.WRITE_REFUSED if settled else Reason.CARRIER_UNAVAILABLE
