"""What an order says of itself, and what its pool learns from it."""

from __future__ import annotations

from collections.abc import Iterable

from ringfleet.model import ItemState
from ringfleet.model.failures import FailureReason
from ringfleet.plan.conditions import NEEDS_A_PERSON, Condition, Reason, not_ready, ready, reconciling, stalled
from ringfleet.plan.number_order.items import Item
from ringfleet.plan.number_order.order import OrderState, OrderWant
from ringfleet.plan.number_order.steps import Done, GiveUp, HandBack, LookUp, Record, Search, Step, Submit, Wait


def order_failure(want: OrderWant, state: OrderState) -> tuple[Reason | None, str]:
    """Why an order whose items are all settled taught its pool to rest this carrier, if it did.

    A shortage that was met when choosing stays one. Otherwise an order that bought anything has made progress: items
    that were snapped up are just ordered again. Where all were, the carrier may go on offering what is sold: it rests,
    and at first so shortly that nobody notices.
    """
    if state.failure or not state.items:
        return state.failure, state.message
    if any(item.state is not ItemState.FAILED for item in state.items):
        return None, ""
    heard_of = [one for one in state.items if not (one.outcome and one.outcome.reason == FailureReason.NOT_SENT)]
    reasons = sorted({item.outcome.reason for item in heard_of if item.outcome})
    if want.numbers:
        return Reason.ORDER_REFUSED, f"None of the numbers that the order names was bought: {_in_its_words(heard_of)}."
    if reasons == ["NumberTaken"]:
        return Reason.NUMBER_TAKEN, f"Others were faster with every number that {want.account} had offered."
    broke = Reason.INSUFFICIENT_FUNDS in reasons
    message = f"{want.account} refused every number of the order: {_in_its_words(heard_of) or 'no reason given'}."
    if broke:
        return Reason.INSUFFICIENT_FUNDS, f"{message} {ADD_MONEY}"
    return Reason.ORDER_REFUSED, f"{message} {MEND_THERE}"


MEND_THERE = "Mend that in the carrier's console, or change the pool's market; the pool orders again by itself."
ADD_MONEY = "Add money to the account at the carrier; the pool orders again by itself."


def _in_its_words(items: Iterable[Item]) -> str:
    """Why the numbers of an order failed: each reason once, with what the carrier has said of the first number."""
    said: dict[str, str] = {}
    for item in sorted(items, key=lambda item: item.offer.number):
        if item.outcome and item.outcome.reason:
            said.setdefault(item.outcome.reason, item.outcome.message.rstrip("."))
    return "; ".join(f"{reason} ({words})" if words else reason for reason, words in sorted(said.items()))


def order_conditions(want: OrderWant, state: OrderState, step: Step) -> tuple[Condition, ...]:
    """What the order says of itself, given the step that was planned."""
    match step:
        case Done():
            return _ended(want, state)
        case Wait(reason, message) if reason in NEEDS_A_PERSON:
            return (not_ready(reason, message), stalled(reason, message))
        case Wait(reason, message):
            return (not_ready(reason, message), reconciling(reason, message))
        case GiveUp(reason, message):
            return (not_ready(reason, message), stalled(reason, message))
        case LookUp(reason, message) | HandBack(reason, message):
            pass
        case Search():
            reason, message = Reason.SEARCHING, "Numbers are being searched."
        case Submit(resumed=True):
            reason, message = (
                Reason.OUTCOME_UNKNOWN,
                "The carrier's answer is not known; it is looked up under the same key.",
            )
        case Submit():
            reason, message = Reason.SUBMITTING, "Numbers are being bought."
        case Record():
            reason, message = Reason.ORDERING, "The numbers bought are being recorded."
    return (not_ready(reason, message), reconciling(reason, message))


def _ended(want: OrderWant, state: OrderState) -> tuple[Condition, ...]:
    """An order that has ended and bought nothing is never tried again: kstatus calls that failed."""
    items = state.items or ()
    if any(item.state is ItemState.PENDING_DOCUMENTS for item in items):
        message = "Some numbers wait for documents at the carrier."
        return (not_ready(Reason.PENDING_DOCUMENTS, message), reconciling(Reason.PENDING_DOCUMENTS, message))
    reason, message = order_failure(want, state)
    if reason and not any(item.state is ItemState.PROVISIONED for item in items):
        return (not_ready(reason, message), stalled(reason, message))
    return (ready(Reason.COMPLETE, _outcome(want, state)),)


def _outcome(want: OrderWant, state: OrderState) -> str:
    items = state.items or ()
    failed = sum(item.state is ItemState.FAILED for item in items)
    if want.numbers and failed:
        return f"{failed} of the {len(items)} numbers that the order names were not bought: {_in_its_words(items)}."
    not_needed = "" if items else state.message
    return not_needed or "Every number of the order has its outcome."
