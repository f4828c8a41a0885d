"""Reconciling one order: search and choose, write, buy, write, record. One carrier step a turn, each behind a write.

::

    Search   offers -> chosen numbers and key written             (before the carrier is asked to sell)
    Submit   purchase lock, where orders buy in turn -> Submitting written -> freeze looked for, live -> buy
             -> outcomes written
    LookUp   while nothing may be bought (frozen, suspended, pool or account deleted): what was sent is looked up, and
             nothing is sent
    Record   one PhoneNumber for each number bought -> order marked as recorded

A crash between any two of these finds, on the way back, a written state from which the same step is safe to repeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from ringfleet.api import CarrierAccount, NumberOrder, NumberPool
from ringfleet.api.meta import ORDER_FINALIZER
from ringfleet.carriers.errors import (
    AccountRestricted,
    CarrierError,
    CarrierUnavailable,
    CredentialsRejected,
    OutcomeUnknown,
    RequestRejected,
)
from ringfleet.controllers.account_catalog import note_search
from ringfleet.controllers.account_lane import Turnstile
from ringfleet.controllers.bundle_readiness import approved_bundle, as_documents_let
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.freeze import LOOK_HOLDS, Frozen, moving, refuse_frozen
from ringfleet.controllers.named_numbers import find_named
from ringfleet.controllers.number_create import record_number
from ringfleet.controllers.number_release import find_account_gone
from ringfleet.controllers.number_signing import signed
from ringfleet.controllers.order_allowance import allowance, has_past, unlisted
from ringfleet.controllers.purchase_lock import PurchaseLockTaken, purchasing
from ringfleet.controllers.purchase_rate import Counted, room_at
from ringfleet.controllers.queues import seconds_until
from ringfleet.controllers.services import Services
from ringfleet.controllers.wake import orders_at, wake_orders
from ringfleet.kube.errors import Conflict, Forbidden, Invalid, NotFound
from ringfleet.model import E164, AccountKey, Holding, ItemState, Offer, Outcome, Phase, Purchase
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.number_order import (
    asked_for,
    chose_for_former_pool,
    holding_of,
    is_for_other_market,
    market_queries,
    order_seen,
    order_state,
    order_status,
    order_want,
)
from ringfleet.objects.number_pool import pool_want
from ringfleet.objects.phone_number import number_seen
from ringfleet.objects.refs import NUMBER_ORDERS, NUMBER_POOLS, Key, account_key, market_of
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.carrier_account.identity import USELESS
from ringfleet.plan.conditions import Reason
from ringfleet.plan.named_numbers import name_items
from ringfleet.plan.next_look import next_look_at_order
from ringfleet.plan.number_order.forbidden import forbids_buying, other_market_message
from ringfleet.plan.number_order.items import (
    SENT,
    UNRESOLVED,
    Item,
    move_unresolved,
    parked_items_done,
    settle,
    unsend,
    unsent,
)
from ringfleet.plan.number_order.last_looks import looked_up
from ringfleet.plan.number_order.order import OrderState, OrderWant
from ringfleet.plan.number_order.plan import given_up, handed_back, plan_order, rate_message
from ringfleet.plan.number_order.report import MEND_THERE, order_failure
from ringfleet.plan.number_order.retries import LONGEST_RETRY
from ringfleet.plan.number_order.steps import Done, GiveUp, HandBack, LookUp, Record, Search, Submit, Wait
from ringfleet.plan.number_order.world import OrderWorld
from ringfleet.plan.number_pool.supply import may_be_forgotten
from ringfleet.plan.offer_choice import Choice, choose_offers
from ringfleet.plan.phone_number.routing import can_be_given
from ringfleet.rate import backoff

log = structlog.get_logger(__name__)


async def reconcile_order(services: Services, key: Key) -> float | None:
    """Take the order one step further. Returns the delay, in seconds, until it wants another turn."""
    order = services.fleet.get(NumberOrder, key.namespace, key.name)
    if order is None:
        return None
    want, state = order_want(order), order_state(order)
    if order.metadata.deletion_timestamp and (
        state.recorded or _nothing_was_sent(state) or await _nobody_can_see_it_through(services, order)
    ):
        await _let_go(services, order)
        return None
    step = plan_order(want, state, order_world(services, order), services.clock())
    match step:
        case Search():
            return await _search(services, key, order, want, state)
        case Submit():
            return await _submit(services, order, want, state, step.resumed)
        case LookUp():
            return await _look_up(services, order, want, state, step)
        case Record():
            return await _record(services, order, want, state)
        case GiveUp():
            return await _write(services, order, given_up(state, step))
        case HandBack():
            return await _write(services, order, handed_back(state, step))
        case Wait(until=until):
            await services.status.write(order, order_status(order, want, state, step, services.clock()))
            now = services.clock()
            return seconds_until(until or next_look_at_order(state, now), now)
        case Done():
            return await _stand_for_numbers(services, order, want, state)


async def _stand_for_numbers(
    services: Services, order: NumberOrder, want: OrderWant, state: OrderState
) -> float | None:
    """The turn of an order that has ended: say when its numbers have their documents, and go when it is needed no more.

    Returns seconds until time alone may change that.
    """
    items = state.items and parked_items_done(state.items, _phases(services, order))
    state, now = replace(state, items=items), services.clock()
    await services.status.write(order, order_status(order, want, state, Done(), now))
    order = services.fleet.get(NumberOrder, order.metadata.namespace, order.metadata.name) or order
    await _let_go(services, order)
    if services.fleet.get(NumberPool, *pool_of(order)) is None:
        return None if await _forget(services, order, now) else _FORGOTTEN_AGAIN
    waits = any(item.state is ItemState.PENDING_DOCUMENTS for item in items or ())
    settles = order_seen(order).settles() if waits else None
    return seconds_until(settles if settles and settles > now else None, now)


_FORGOTTEN_AGAIN = 3600.0
"""Seconds until an order whose pool is gone is looked at again."""


def _phases(services: Services, order: NumberOrder) -> dict[E164, Phase]:
    """The phases of the order's numbers. One whose object is gone, and would be seen by now, was given back."""
    settles, phases = order_seen(order).settles(), dict[E164, Phase]()
    for number in (E164(item.number) for item in order.status.items or ()):
        if record := services.fleet.number(order.metadata.namespace, number.digits):
            phases[number] = record.state.phase
        elif settles and settles <= services.clock():
            phases[number] = Phase.RELEASED
    return phases


async def _forget(services: Services, order: NumberOrder, now: datetime) -> bool:
    """Delete an order whose pool is gone, if nothing is counted from it any more; whether it goes. A live look has to
    agree that there is no such pool: one that came back goes on counting from it."""
    meta, pool = order.metadata, pool_of(order)
    numbers = {record.number: number_seen(record) for record in services.fleet.numbers_in_pool(*pool)}
    if order.spec.numbers or meta.deletion_timestamp or not may_be_forgotten(order_seen(order), numbers, now):
        return False
    try:
        await services.kube.get(NUMBER_POOLS, *pool)
    except NotFound:
        with suppress(NotFound, Conflict):
            await services.kube.delete(NUMBER_ORDERS, meta.namespace, meta.name, uid=meta.uid)
        log.info("deleted an order whose pool is gone", order=order.key)
        return True
    return False


def order_world(services: Services, order: NumberOrder) -> OrderWorld:
    """The order's surroundings: account, purchase lock, pool, and whether the pool could ask another carrier."""
    pool = services.fleet.get(NumberPool, order.metadata.namespace, order.spec.pool_ref.name)
    key = account_key(order.spec.account_ref, order.metadata.namespace)
    account = services.fleet.get(CarrierAccount, key.namespace, key.name)
    others = [other for other in orders_at(services, key) if other.metadata.uid != order.metadata.uid]
    freeze = services.fleet.freeze(key, pool_of(order))
    sent, namespace, opened = _sent(order), order.metadata.namespace, services.accounts.get(key)
    return OrderWorld(
        account=services.accounts.seen_by_holder(key, namespace) if sent else _seen_unsent(services, order, pool),
        purchase_lock_taken=not sent and _buys_in_turn(opened) and _one_is_at_the_carrier(services, others),
        alternatives=_may_leave(order) and _has_alternatives(services, pool, key),
        pool_suspended=pool is not None and pool.spec.suspend,
        pool_gone=_lost_pool(order, pool),
        account_id=(opened.account_id or "") if opened else "",
        account_deleted=account is not None and account.metadata.deletion_timestamp is not None,
        to_choose=room_at(services, key, Counted.CHOSEN, but=order.metadata.uid),
        to_send=room_at(services, key, Counted.SENT, but=order.metadata.uid),
        frozen=freeze.message if freeze else None,
        unpaid=services.quotas.unpaid(namespace),
        other_market=_other_market(order, pool),
        unlisted=unlisted(services, order, pool) if order.status.items is None else (),
        has_past=order.status.items is None and pool is not None and has_past(services, order, pool),
    )


def _other_market(order: NumberOrder, pool: NumberPool | None) -> str | None:
    if pool is None or not is_for_other_market(order, pool):
        return None
    return other_market_message(order_want(order).market, market_of(pool.spec.market))


def _seen_unsent(services: Services, order: NumberOrder, pool: NumberPool | None) -> AccountSeen:
    """The account of an order of which the carrier has not heard."""
    key = account_key(order.spec.account_ref, order.metadata.namespace)
    seen = services.accounts.seen(key, order.metadata.namespace)
    return as_documents_let(services, pool, key, seen, _tenants_of(order)) if pool else seen


def _tenants_of(order: NumberOrder) -> ObjectRef | None:
    """The bundle of the claims that the order is made for; None: its pool's counts."""
    return asked_for(order.spec.for_claims).bundle


def pool_of(order: NumberOrder) -> ObjectRef:
    return ObjectRef(order.metadata.namespace, order.spec.pool_ref.name)


def _lost_pool(order: NumberOrder, pool: NumberPool | None) -> bool:
    """Whether the pool that the order is for is deleted, or is being so; another one may have its name."""
    return pool is None or pool.metadata.deletion_timestamp is not None or chose_for_former_pool(order, pool)


def _sends_nothing(services: Services, order: NumberOrder) -> bool:
    """Whether the order's pool is gone, suspended or frozen, its bills are not paid, or the object of the account that
    it names can't be used until a person mends it: it keeps no other order from the carrier."""
    namespace, pool = order.metadata.namespace, services.fleet.get(NumberPool, *pool_of(order))
    if pool is None or pool.spec.suspend or _lost_pool(order, pool) or services.quotas.unpaid(namespace):
        return True
    if services.accounts.seen_by_holder(account_key(order.spec.account_ref, namespace), namespace).blocked in USELESS:
        return True
    return services.fleet.freeze_on(None, pool_of(order)) is not None


def _buys_in_turn(account: OpenAccount | None) -> bool:
    """Whether orders of the account go one at a time."""
    return account is None or account.carrier.abilities.buys_in_turn


def _one_is_at_the_carrier(services: Services, orders: Iterable[NumberOrder]) -> bool:
    return any(_sent(one) and not _sends_nothing(services, one) for one in orders)


def _sent(order: NumberOrder) -> bool:
    return any(item.state in SENT for item in order.status.items or ())


def _may_leave(order: NumberOrder) -> bool:
    """Whether its numbers may come from another account: the claims that it is for ask for none, and nobody has named
    the numbers."""
    return not order.spec.numbers and asked_for(order.spec.for_claims).account is None


def _has_alternatives(services: Services, pool: NumberPool | None, mine: AccountKey) -> bool:
    if pool is None:
        return False
    namespace = pool.metadata.namespace
    carriers = [account_key(carrier.account_ref, namespace) for carrier in pool.spec.carriers]
    return any(one != mine and services.accounts.seen(one, namespace).blocked is None for one in carriers)


def _nothing_was_sent(state: OrderState) -> bool:
    return all(item.state is ItemState.PENDING for item in state.items or ())


async def _nobody_can_see_it_through(services: Services, order: NumberOrder) -> bool:
    """Whether what the order has sent can't be looked up, nor written down: its namespace is being deleted, and account
    or Secret are gone. Whatever it bought has our mark, and the next sweep of another account reports it."""
    key = account_key(order.spec.account_ref, order.metadata.namespace)
    if not await services.namespaces.look(order.metadata.namespace):
        return False
    gone = await find_account_gone(services, key)
    if gone:
        log.warning("order left at the carrier", order=order.key, account=str(key), why=gone)
    return gone is not None


async def _let_go(services: Services, order: NumberOrder) -> None:
    """An order that has ended, or that sent nothing and is being deleted, needs nobody to wait for it."""
    if ORDER_FINALIZER in order.metadata.finalizers:
        await services.status.set_finalizers_of(
            order, tuple(name for name in order.metadata.finalizers if name != ORDER_FINALIZER)
        )


async def _write(services: Services, order: NumberOrder, state: OrderState) -> float:
    """Write the order's state with what it says of itself now; the next turn follows at once."""
    want, now = order_want(order), services.clock()
    step = plan_order(want, state, order_world(services, order), now)
    await services.status.write(order, order_status(order, want, state, step, now))
    _tell_meter(services, order, want, state)
    return 0.0


def _tell_meter(services: Services, order: NumberOrder, want: OrderWant, state: OrderState) -> None:
    """Tell what the write of `state` over `order` has settled: items with a new outcome, and an order that has ended.

    Only once it is written: a write that met another writer comes again, and would count twice.
    """
    account = services.fleet.get(CarrierAccount, want.account.namespace, want.account.name)
    provider = account.spec.provider.value if account else "unknown"
    before = {item.number: item.state for item in order.status.items or ()}
    for item in state.items or ():
        if item.state not in _UNTOLD and item.state is not before.get(item.offer.number):
            services.meter.item_settled(provider, item.state)
            if item.state in _BOUGHT:
                services.meter.spent(provider, item.price.monthly)
                services.meter.spent(provider, item.price.setup)
    if state.recorded:
        services.meter.order_ended(provider, state.failure or "Complete")


_UNTOLD = frozenset({ItemState.PENDING, ItemState.SUBMITTING})
_BOUGHT = frozenset({ItemState.PROVISIONED, ItemState.PENDING_DOCUMENTS})


def _failed(services: Services, state: OrderState, error: CarrierError | RecordRefused | MayNotBuy) -> OrderState:
    """The state after a try that got nowhere: when it is tried again, and why it was not now."""
    attempts = state.attempts + 1
    rest = backoff(attempts, _FIRST_RETRY, LONGEST_RETRY)
    return replace(state, attempts=attempts, next_attempt=services.clock() + rest, last_error=str(error))


_FIRST_RETRY = timedelta(seconds=1)


async def _search(services: Services, key: Key, order: NumberOrder, want: OrderWant, state: OrderState) -> float:
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
        return await _write(services, order, await searched(services, account, order, want, state))


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
            found = await find_named(services, account.carrier, order, want)
            items = name_items(want, pool_want(pool).limits if pool else want.limits, found, limit)
            return _chosen(order, pool, replace(state, attempts=0, next_attempt=None, last_error=""), items)
        choice, age = await _choose(services, account, want, taken)
    except CarrierUnavailable as error:
        note_search(services, want.account, account, next(market_queries(want.market)))
        return _failed(services, state, error)
    except (RequestRejected, AccountRestricted) as error:
        _wake_restricted(services, want.account, error)
        message = f"{str(error).rstrip('.')}. {MEND_THERE}"
        return replace(state, items=(), recorded=True, failure=Reason.ORDER_REFUSED, message=message)
    except CredentialsRejected as error:
        services.queues.wake_account(want.account)
        return _failed(services, state, error)
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


async def _submit(
    services: Services, order: NumberOrder, want: OrderWant, state: OrderState, resumed: bool
) -> float | None:
    """Buy, under the account's purchase lock where orders buy in turn. `Submitting` is written before the carrier hears
    of anything."""
    account = services.accounts.opened(want.account)
    try:
        async with purchasing(services, account, want.account, order):
            if fresh := unsent(state.items or ()):
                items = move_unresolved(state.items or (), ItemState.SUBMITTING)
                state = replace(state, items=items, sent_to=account.account_id or "")
                if not resumed:
                    state = replace(state, bundle=bundle_of(services, order, want.account))
                now = services.clock()
                await services.status.write(order, order_status(order, want, state, Submit(resumed=False), now))
                order = services.fleet.get(NumberOrder, order.metadata.namespace, order.metadata.name) or order
            await _write(services, order, await _buy(services, account, order, want, state, fresh))
    except PurchaseLockTaken as busy:
        return busy.seconds
    wake_orders(services, want.account)
    return 0.0


async def _buy(
    services: Services,
    account: OpenAccount,
    order: NumberOrder,
    want: OrderWant,
    state: OrderState,
    fresh: frozenset[E164],
) -> OrderState:
    """The state after one purchase call. Nothing raised by the carrier leaves an item without a known next step.
    `fresh`: the numbers of which the carrier has not heard before."""
    items = state.items or ()
    offers = tuple(item.offer for item in items if item.state in UNRESOLVED)
    resumed = not fresh.issuperset(offer.number for offer in offers)
    mark, bundle = services.fleet.mark_for(*pool_of(order)), state.bundle
    if bundle is None and resumed:  # a version that did not note it may have sent the order
        bundle = bundle_of(services, order, want.account)
    purchase = Purchase(state.key, offers, mark, resumed, bundle, routing_of(services, account, order, want.account))
    try:
        outcomes = await _pay(services, account, want.account, order, purchase)
    except (Frozen, MayNotBuy) as error:
        services.queues.wake_account(want.account)
        log.warning("not bought", order=order.key, account=str(want.account), error=str(error))
        return state if isinstance(error, Frozen) else _failed(services, state, error)
    except OutcomeUnknown as error:
        log.warning("outcome unknown", order=order.key, account=str(want.account), error=str(error))
        items = move_unresolved(unsend(settle(items, error.known), error.unsent), ItemState.UNKNOWN)
        return _failed(services, replace(state, items=items), error)
    except (RequestRejected, AccountRestricted) as error:
        _wake_restricted(services, want.account, error)
        outcomes = tuple(Outcome(number, ItemState.FAILED, "CarrierRefused", error.words) for number in sorted(fresh))
        items = settle(items, error.known)
        if resumed:  # an earlier try may have bought the others
            return _failed(services, replace(state, items=settle(items, outcomes)), error)
    except (CarrierUnavailable, CredentialsRejected) as error:
        services.queues.wake_account(want.account)
        items = unsend(settle(items, error.known), error.unsent | fresh)
        return _failed(services, replace(state, items=items), error)
    settled = replace(state, items=settle(items, outcomes), attempts=0, next_attempt=None, last_error="")
    failure, message = order_failure(want, settled)
    return replace(settled, failure=failure, message=message)


def _wake_restricted(services: Services, account: AccountKey, error: CarrierError) -> None:
    """A refusal because of the account may be of all its calls: it looks, and says so then."""
    if isinstance(error, AccountRestricted):
        services.queues.wake_account(account)


def bundle_of(services: Services, order: NumberOrder, account: AccountKey) -> str | None:
    """The carrier's id of the bundle that the order's numbers are bought with."""
    return approved_bundle(services, services.fleet.get(NumberPool, *pool_of(order)), account, _tenants_of(order))


def routing_of(services: Services, account: OpenAccount, order: NumberOrder, key: AccountKey) -> str | None:
    """The carrier's id of the routing profile that the purchase points the numbers at, where it can: a number is then
    never without, and needs no call of its own. None: each is routed when it is bought."""
    pool = services.fleet.get(NumberPool, *pool_of(order))
    if pool is None or not account.carrier.abilities.routing_in_purchase:
        return None
    desired = services.fleet.routing_of_pool(pool, key)
    return desired.external_id if desired and can_be_given(desired) else None


class MayNotBuy(Exception):
    """By the last live look the order may buy nothing; nothing was bought."""


async def _pay(
    services: Services, account: OpenAccount, key: AccountKey, order: NumberOrder, purchase: Purchase
) -> tuple[Outcome, ...]:
    """Buy, unless a last live look finds what forbids it. The pool calls itself frozen only when nothing of it is here.

    Raises:
        Frozen: nothing was bought.
        MayNotBuy: the same.
        CarrierError: see `carriers/carrier.py`.
    """
    with moving(services, key, pool_of(order)):
        return await account.carrier.buy(purchase, partial(_look_last, services, key, order))


async def _look_last(services: Services, key: AccountKey, order: NumberOrder) -> None:
    """Look live for a freeze, whether account and pool still want the purchase, and whether the order is still as we
    know it: a process that was stopped for a while may find that another one has seen the order through meanwhile.

    Raises:
        Frozen: somebody has frozen one of them.
        MayNotBuy: one of them is deleted, also when our copy does not know it yet; or the pool is suspended; or
            another operator has worked on the order; or the look took so long that it tells nothing any more.
    """
    began = services.monotonic()
    if not await _is_as_we_know_it(services, order):
        raise MayNotBuy("Nothing was bought: another operator has worked on the order meanwhile.")
    if gone := await refuse_frozen(services, key, pool_of(order)):
        raise MayNotBuy(f"Nothing was bought: there is no {gone} any more.")
    if why := forbids_buying(order_world(services, order)):
        raise MayNotBuy(f"Nothing was bought. {why.why.rstrip('.')}.")
    if services.monotonic() > began + LOOK_HOLDS:
        raise MayNotBuy("Nothing was bought: the last look took too long, and is taken again.")


async def _is_as_we_know_it(services: Services, order: NumberOrder) -> bool:
    """Whether the order's status, read live, says of its numbers what our copy says."""
    meta = order.metadata
    try:
        live = await services.kube.get(NUMBER_ORDERS, meta.namespace, meta.name)
    except NotFound:
        return False
    services.fleet.learn("NumberOrder", live)
    return live["metadata"]["uid"] == meta.uid and order_state(NumberOrder.parse(live)) == order_state(order)


async def _look_up(services: Services, order: NumberOrder, want: OrderWant, state: OrderState, step: LookUp) -> float:
    """Ask what has become of the numbers that were sent. While the carrier says that it is at work on some of them, the
    order does not end."""
    account, items = services.accounts.opened(want.account), state.items or ()
    sent = tuple(item.offer for item in items if item.state in SENT)
    purchase = Purchase(state.key, sent, services.fleet.mark_for(*pool_of(order)), resumed=True, bundle=state.bundle)
    try:
        outcomes = await account.carrier.look_up(purchase)
    except CarrierError as error:  # of what is not told nothing is concluded
        if not isinstance(error, OutcomeUnknown):
            services.queues.wake_account(want.account)
        await _write(services, order, replace(state, items=settle(items, error.known), last_error=str(error)))
        return _LOOK_UP_AGAIN
    after = looked_up(state, step, outcomes, services.clock())
    await _write(services, order, after)
    return 0.0 if after.items != state.items else _LOOK_UP_AGAIN


_LOOK_UP_AGAIN = 60.0


async def _record(services: Services, order: NumberOrder, want: OrderWant, state: OrderState) -> float:
    """Make the PhoneNumber of every number bought, then mark the order as recorded and look at the balance.

    One that the API server refuses (a ResourceQuota, a policy of the cluster) keeps no other from being recorded. The
    order then says so, and comes back for those that are missing.
    """
    mark = services.fleet.mark_for(order.metadata.namespace, order.spec.pool_ref.name)
    holdings = [holding for item in state.items or () if (holding := holding_of(item, mark, state.bundle))]
    name = order.metadata.name
    places = asyncio.Semaphore(_RECORDED_AT_ONCE)

    async def record(holding: Holding) -> None:
        async with places:
            holding = await _signed(services, want.account, holding)
            await record_number(services, holding, want.account, mark, name)

    goes = order.metadata.deletion_timestamp or _lost_pool(order, services.fleet.get(NumberPool, *pool_of(order)))
    account = services.accounts.get(want.account)
    if account:
        account.unlisted.update(holding.number for holding in holdings)
    if goes and await services.namespaces.look(order.metadata.namespace):
        log.warning("numbers left at the carrier", order=order.key, account=str(want.account), numbers=len(holdings))
        holdings = []  # nothing is created where all is being deleted; they have our mark, and a sweep reports them
    results = await asyncio.gather(*map(record, holdings), return_exceptions=True)
    if account:
        account.quiet_sweeps = 0
        account.balance_said_at = None  # whoever looks after a purchase sees what it has cost
    services.queues.wake_account(want.account)
    if refused := _first_refusal([error for error in results if error]):
        return await _write(services, order, _failed(services, state, refused))
    return await _write(services, order, replace(state, attempts=0, next_attempt=None, last_error="", recorded=True))


async def _signed(services: Services, key: AccountKey, holding: Holding) -> Holding:
    """The number with how its calls are signed, so that a set may call from it at once. What can't be done now is done
    by the next sweep, which also says why not."""
    account = services.accounts.get(key)
    try:
        return await signed(services, key, account, holding) if account else holding
    except CarrierError as error:
        log.warning("calls not signed", number=holding.number.digits, account=str(key), error=str(error))
        return holding


class RecordRefused(Exception):
    """The API server refuses the PhoneNumber of a number that was bought."""


def _first_refusal(errors: list[BaseException]) -> RecordRefused | None:
    """What to say of the objects that could not be made: the same from try to try; None: all were made.

    Anything but a refusal is raised, and the key runs again.
    """
    refusals = sorted(str(error).removesuffix(".") for error in errors if isinstance(error, Forbidden | Invalid))
    for error in errors:
        if not isinstance(error, Forbidden | Invalid):
            raise error
    if not refusals:
        return None
    said = f"A number was bought, and the API server refuses its PhoneNumber: {refusals[0]}."
    return RecordRefused(f"{said} It is tried again; nothing is lost.")


_RECORDED_AT_ONCE = 8
"""Few enough that the next order, which now buys, does not queue behind them at the API server."""
