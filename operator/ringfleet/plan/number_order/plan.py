"""The one next step of an order, from its spec, its status and what else it depends on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ringfleet.model import AccountKey, ItemState
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_order.forbidden import called_off, forbids_buying, sent_elsewhere
from ringfleet.plan.number_order.items import UNRESOLVED, hand_back, move_unresolved, unsent
from ringfleet.plan.number_order.last_looks import looked_up_only
from ringfleet.plan.number_order.listing import await_listing
from ringfleet.plan.number_order.order import OrderState, OrderWant, is_sent
from ringfleet.plan.number_order.retries import resting
from ringfleet.plan.number_order.steps import Done, GiveUp, HandBack, Record, Search, Step, Submit, Wait
from ringfleet.plan.number_order.world import OrderWorld

SEARCHES_BEFORE_GIVING_UP = 2
PURCHASES_BEFORE_HANDING_BACK = 2
"""How many tries in a row a carrier has to sell what it has not heard of, before another one of the pool is asked."""


def plan_order(want: OrderWant, state: OrderState, world: OrderWorld, now: datetime) -> Step:
    """Decide the one next step of an order. Pure; `now` is timezone-aware UTC."""
    if state.recorded:
        return Done()
    if state.items is not None and all(item.state not in UNRESOLVED for item in state.items):
        return resting(state, now) or Record()
    if stopped := called_off(state, world):
        return stopped
    if state.items is None:
        return _before_choosing(want, state, world, now)
    if world.account.blocked:
        return _at_a_blocked_account(state, world, world.account.blocked)
    if forbidden := sent_elsewhere(want, state, world) or forbids_buying(world):
        return looked_up_only(forbidden)
    if world.alternatives and state.attempts >= PURCHASES_BEFORE_HANDING_BACK and unsent(state.items or ()):
        return _leave(state, Reason.CARRIER_UNAVAILABLE, state.last_error)
    if rest := resting(state, now):
        return rest
    if world.purchase_lock_taken:
        return Wait(
            Reason.WAITING_FOR_PURCHASE_LOCK,
            "Another order of this account is at the carrier; orders go one at a time.",
        )
    return _too_many(want, state, world, now) or Submit(resumed=is_sent(state))


def _too_many(want: OrderWant, state: OrderState, world: OrderWorld, now: datetime) -> Step | None:
    """What stops an order that was not sent because the account has bought enough for this hour.

    Its numbers were within the limit when they were chosen: the limit was lowered since, or another operator chose too.
    """
    room, count = world.to_send, len(unsent(state.items or ()))
    if is_sent(state) or room is None or count <= room.left:
        return None
    if count > room.limit:
        return GiveUp(Reason.PURCHASE_RATE_REACHED, rate_message(want.account))
    return Wait(Reason.PURCHASE_RATE_REACHED, rate_message(want.account), room.look_again(now))


def rate_message(account: AccountKey) -> str:
    return (
        f"CarrierAccount {account} has bought spec.limits.purchasesPerHour numbers within the hour, those under way "
        "included: it goes on by itself (status.purchases.nextTime there says when), or raise the limit."
    )


def _at_a_blocked_account(state: OrderState, world: OrderWorld, why: Reason) -> Step:
    """What the carrier has not heard of leaves an account that can't be called, if the pool has another one.

    Also numbers that are chosen: else they count as supply, and nothing is ordered elsewhere, for as long as the
    carrier is down. An account that is just being reached for the first time is waited for.
    """
    may_leave = state.items is None or unsent(state.items)
    if world.alternatives and may_leave and why is not Reason.ACCOUNT_NOT_READY:
        return _leave(state, why, world.account.message)
    forbidden = forbids_buying(world)
    if forbidden and forbidden.for_good:
        return Wait(why, f"{forbidden.why}, and what it had sent can't be looked up: {world.account.message}")
    return Wait(why, world.account.message)


def _leave(state: OrderState, why: Reason, message: str) -> GiveUp | HandBack:
    """Go to another carrier with all that this one has not heard of: the order itself ends, if that is all of it."""
    if all(item.state is ItemState.PENDING for item in state.items or ()):
        return GiveUp(why, message)
    return HandBack(why, message)


def _before_choosing(want: OrderWant, state: OrderState, world: OrderWorld, now: datetime) -> Step:
    if not want.approved:
        return Wait(
            Reason.AWAITING_APPROVAL, "The pool's topUp.mode is Manual: annotate ringfleet.dev/approved=true to buy."
        )
    if world.account.blocked:
        return _at_a_blocked_account(state, world, world.account.blocked)
    if world.alternatives and state.attempts >= SEARCHES_BEFORE_GIVING_UP:
        return GiveUp(
            Reason.SEARCH_UNAVAILABLE, f"Search at {want.account} is down; another carrier of the pool is asked."
        )
    if world.to_choose and not world.to_choose.left:
        return Wait(Reason.PURCHASE_RATE_REACHED, rate_message(want.account), world.to_choose.look_again(now))
    return await_listing(world, now) or resting(state, now) or Search()


def handed_back(state: OrderState, step: HandBack) -> OrderState:
    """The state of an order that goes on without what the carrier has not heard of. The pool rests the carrier for it,
    when the order has ended: else it would order there again. If nothing is open, what was bought is recorded at once.
    """
    items = hand_back(state.items or (), step.message)
    state = replace(state, items=items, failure=step.reason, message=step.message)
    if is_sent(state):
        return state
    return replace(state, attempts=0, next_attempt=None, last_error="")


def given_up(state: OrderState, step: GiveUp) -> OrderState:
    """The state of an order that ends because of `step`. What it has chosen, and never sent, fails with it."""
    items = move_unresolved(state.items or (), ItemState.FAILED)
    return replace(state, items=items, recorded=True, failure=step.reason, message=step.message)
