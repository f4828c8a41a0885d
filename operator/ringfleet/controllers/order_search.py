"""An order searches and chooses: the numbers are written before the carrier is asked to sell.

One order of an account at a time, so that no two choose the same numbers (`controllers/account_lane.py`).
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from ringfleet.api import NumberOrder, NumberPool
from ringfleet.api.meta import ORDER_FINALIZER
from ringfleet.carriers.errors import AccountRestricted, CarrierUnavailable, CredentialsRejected, RequestRejected
from ringfleet.controllers.account_catalog import note_search
from ringfleet.controllers.account_lane import Turnstile
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.named_numbers import find_named
from ringfleet.controllers.order_allowance import allowance
from ringfleet.controllers.order_status import put_off, wake_restricted, write_order
from ringfleet.controllers.order_world import pool_of
from ringfleet.controllers.purchase_rate import Counted, room_at
from ringfleet.controllers.services import Services
from ringfleet.model import E164, Offer
from ringfleet.objects.number_order import market_queries
from ringfleet.objects.number_pool import pool_want
from ringfleet.objects.refs import Key
from ringfleet.plan.conditions import Reason
from ringfleet.plan.named_numbers import name_items
from ringfleet.plan.number_order.items import Item
from ringfleet.plan.number_order.order import OrderState, OrderWant
from ringfleet.plan.number_order.plan import rate_message
from ringfleet.plan.number_order.report import MEND_THERE
from ringfleet.plan.offer_choice import Choice, choose_offers


async def search(services: Services, key: Key, order: NumberOrder, want: OrderWant, state: OrderState) -> float:
    """Search and write the choice, one order of an account at a time: the next one sees what this one has taken."""
    account = services.accounts.opened(want.account)
    turnstiles = [services.queues.lane(want.account).choosing]
    if want.numbers:
        if (
            ORDER_FINALIZER not in order.metadata.finalizers
        ):  # a person writes none; it stays while it is at the carrier
            await services.status.set_finalizers_of(order, (*order.metadata.finalizers, ORDER_FINALIZER))
            return 0.0
        turnstiles.append(services.queues.naming[key.namespace])
    with ExitStack() as entered:
        for turnstile in turnstiles:
            if not turnstile.enter(key):
                return turnstile.look_again
            entered.callback(_leave, services, turnstile)
        return await write_order(services, order, await searched(services, account, order, want, state))


def _leave(services: Services, turnstile: Turnstile) -> None:
    for waiting in turnstile.leave():
        services.queues.add(waiting, at_once=True)


async def searched(
    services: Services, account: OpenAccount, order: NumberOrder, want: OrderWant, state: OrderState
) -> OrderState:
    """The state after one search: with the numbers chosen, or with why there are none. Nothing is written.

    No more are chosen than the account may buy in this hour; the rest goes back to the pool.
    """
    pool, limit = services.fleet.get(NumberPool, *pool_of(order)), _MORE_THAN_LEFT
    if pool:
        if want.numbers and want.account not in pool_want(pool).carriers:
            message = (
                f"CarrierAccount {want.account} is none of the carriers of NumberPool {pool.key}: order from those."
            )
            return replace(state, items=(), recorded=True, failure=Reason.INVALID_SPEC, message=message)
        leave = await allowance(services, order, pool)
        if leave.count == 0 and not want.numbers:
            return replace(state, items=(), recorded=True, failure=leave.reason, message=leave.message)
        limit = leave.message or _MORE_THAN_LEFT
        want = replace(want, count=leave.count, budget=leave.budget, left=leave.left)
    if room := room_at(services, want.account, Counted.CHOSEN, but=order.metadata.uid):
        if not room.left:
            return state
        limit = limit if want.count <= room.left else rate_message(want.account)
        want = replace(want, count=min(want.count, room.left))
    taken = services.fleet.taken_numbers(but=order.metadata.uid)
    try:
        if want.numbers:
            if pool is None:  # it has gone since: the next turn says so, and nothing else is bought in place of these
                return state
            found = await find_named(services, account.carrier, order, want)
            items = name_items(want, pool_want(pool), found, limit)
            return _chosen(order, pool, replace(state, attempts=0, next_attempt=None, last_error=""), items)
        choice, age = await _choose(services, account, want, taken)
    except CarrierUnavailable as error:
        note_search(services, want.account, account, next(market_queries(want.market)))
        return put_off(services, state, error)
    except (RequestRejected, AccountRestricted) as error:
        wake_restricted(services, want.account, error)
        message = f"{str(error).rstrip('.')}. {MEND_THERE}"
        return replace(state, items=(), recorded=True, failure=Reason.ORDER_REFUSED, message=message)
    except CredentialsRejected as error:
        services.queues.wake_account(want.account)
        return put_off(services, state, error)
    state = replace(state, attempts=0, next_attempt=None, last_error="", from_catalog=age is not None)
    state = replace(state, failure=choice.shortage, message=choice.message)
    if not choice.offers:
        return replace(state, items=(), recorded=True)
    return _chosen(order, pool, state, tuple(Item(offer) for offer in choice.offers))


def _chosen(order: NumberOrder, pool: NumberPool | None, state: OrderState, items: tuple[Item, ...]) -> OrderState:
    """The state with the numbers chosen, and the key under which they are bought."""
    chosen_for = pool.metadata.uid if pool else ""
    return replace(state, items=items, key=f"rf-{order.metadata.uid}", chosen_for=chosen_for)


_MORE_THAN_LEFT = (
    "The order names more numbers than the pool may have: spec.limits and spec.spread of the pool, and the "
    "NumberQuotas of the namespace, leave room for those before it."
)


async def _choose(
    services: Services, account: OpenAccount, want: OrderWant, taken: frozenset[E164]
) -> tuple[Choice, float | None]:
    """Search one area code after the other until there are enough offers that fit; also the age of what was found.

    Numbers that are `taken`, by us or by another order, are left out. While search is down, an area code of which
    nothing is remembered is passed over for those of which something is.

    Raises:
        CarrierUnavailable: search is down, and memory has nothing.
    """
    found: dict[E164, Offer] = {}
    oldest: float | None = None
    down: CarrierUnavailable | None = None
    choice = choose_offers(want, ())
    for query in market_queries(want.market):
        asked = want.count
        while len(choice.offers) < want.count:
            try:
                catalog = await account.carrier.search(query, asked, taken)
            except CarrierUnavailable as error:
                down = down or error
                break
            note_search(services, want.account, account, query if catalog.age is not None else None)
            _note_unreadable(services, want, account, min((row.reason for row in catalog.unreadable), default=""))
            oldest = max((age for age in (oldest, catalog.age) if age is not None), default=None)
            found |= {offer.number: offer for offer in catalog.offers}
            choice = choose_offers(want, found.values())
            if len(catalog.offers) < asked or asked >= _MOST_OFFERS:
                break
            asked *= 2
    if down is None:
        return choice, oldest
    if oldest is None or not choice.offers:
        raise down
    return _short_of_search(choice, down), oldest


def _short_of_search(choice: Choice, down: CarrierUnavailable) -> Choice:
    """What is missing in a choice from memory may be there when search is back: the carrier is not out of stock."""
    return replace(choice, shortage=Reason.SEARCH_UNAVAILABLE, message=str(down)) if choice.shortage else choice


_MOST_OFFERS = 1_600


def _note_unreadable(services: Services, want: OrderWant, account: OpenAccount, offer: str) -> None:
    """Remember what is wrong with an offer that can't be read; the account says so."""
    if account.unreadable_offer != offer:
        account.unreadable_offer = offer
        services.queues.wake_account(want.account)
