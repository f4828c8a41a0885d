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

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import structlog

from ringfleet.api import NumberOrder, NumberPool
from ringfleet.api.meta import ORDER_FINALIZER
from ringfleet.controllers.number_release import find_account_gone
from ringfleet.controllers.order_purchase import look_up, submit
from ringfleet.controllers.order_recording import record, record_early
from ringfleet.controllers.order_search import search
from ringfleet.controllers.order_status import write_order
from ringfleet.controllers.order_world import order_world, pool_of
from ringfleet.controllers.queues import seconds_until
from ringfleet.controllers.services import Services
from ringfleet.kube.errors import Conflict, NotFound
from ringfleet.model import E164, ItemState, Phase
from ringfleet.objects.number_order import order_seen, order_state, order_status, order_want
from ringfleet.objects.phone_number import number_seen
from ringfleet.objects.refs import NUMBER_ORDERS, NUMBER_POOLS, Key, account_key
from ringfleet.plan.next_look import next_look_at_order
from ringfleet.plan.number_order.items import parked_items_done
from ringfleet.plan.number_order.order import OrderState, OrderWant, is_sent, to_record
from ringfleet.plan.number_order.plan import given_up, handed_back, plan_order
from ringfleet.plan.number_order.steps import Done, GiveUp, HandBack, LookUp, Record, Search, Submit, Wait
from ringfleet.plan.number_pool.supply import may_be_forgotten

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
    if is_sent(state) and to_record(state):
        order, state = await record_early(services, order, want, state)
    step = plan_order(want, state, order_world(services, order), services.clock())
    match step:
        case Search():
            return await search(services, key, order, want, state)
        case Submit():
            return await submit(services, order, want, state, step.resumed)
        case LookUp():
            return await look_up(services, order, want, state, step)
        case Record():
            return await record(services, order, want, state)
        case GiveUp():
            return await write_order(services, order, given_up(state, step))
        case HandBack():
            return await write_order(services, order, handed_back(state, step))
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
