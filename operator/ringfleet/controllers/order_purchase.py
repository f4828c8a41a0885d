"""An order buys what it has chosen, or looks up what it has sent.

::

    Submit   purchase lock, where orders buy in turn -> Submitting written -> freeze looked for, live -> buy
             -> outcomes written
    LookUp   while nothing may be bought: what was sent is looked up, and nothing is sent
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import structlog

from ringfleet.api import NumberOrder, NumberPool
from ringfleet.carriers.errors import (
    AccountRestricted,
    CarrierError,
    CarrierUnavailable,
    CredentialsRejected,
    OutcomeUnknown,
    RequestRejected,
)
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.freeze import LOOK_HOLDS, Frozen, moving, refuse_frozen
from ringfleet.controllers.order_status import MayNotBuy, put_off, wake_restricted, write_order
from ringfleet.controllers.order_world import bundle_of, order_world, pool_of
from ringfleet.controllers.purchase_lock import PurchaseLockTaken, purchasing
from ringfleet.controllers.services import Services
from ringfleet.controllers.wake import wake_orders
from ringfleet.kube.errors import NotFound
from ringfleet.model import E164, AccountKey, ItemState, Outcome, Purchase
from ringfleet.objects.number_order import order_state, order_status
from ringfleet.objects.refs import NUMBER_ORDERS
from ringfleet.plan.number_order.forbidden import forbids_buying
from ringfleet.plan.number_order.items import SENT, UNRESOLVED, move_unresolved, settle, unsend, unsent
from ringfleet.plan.number_order.last_looks import looked_up
from ringfleet.plan.number_order.order import OrderState, OrderWant
from ringfleet.plan.number_order.report import order_failure
from ringfleet.plan.number_order.steps import LookUp, Submit
from ringfleet.plan.phone_number.routing import can_be_given

log = structlog.get_logger(__name__)


async def submit(
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
            await write_order(services, order, await _buy(services, account, order, want, state, fresh))
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
        return state if isinstance(error, Frozen) else put_off(services, state, error)
    except OutcomeUnknown as error:
        log.warning("outcome unknown", order=order.key, account=str(want.account), error=str(error))
        items = move_unresolved(unsend(settle(items, error.known), error.unsent), ItemState.UNKNOWN)
        return put_off(services, replace(state, items=items), error)
    except (RequestRejected, AccountRestricted) as error:
        wake_restricted(services, want.account, error)
        outcomes = tuple(Outcome(number, ItemState.FAILED, "CarrierRefused", error.words) for number in sorted(fresh))
        items = settle(items, error.known)
        if resumed:  # an earlier try may have bought the others
            return put_off(services, replace(state, items=settle(items, outcomes)), error)
    except (CarrierUnavailable, CredentialsRejected) as error:
        services.queues.wake_account(want.account)
        items = unsend(settle(items, error.known), error.unsent | fresh)
        return put_off(services, replace(state, items=items), error)
    settled = replace(state, items=settle(items, outcomes), attempts=0, next_attempt=None, last_error="")
    failure, message = order_failure(want, settled)
    return replace(settled, failure=failure, message=message)


def routing_of(services: Services, account: OpenAccount, order: NumberOrder, key: AccountKey) -> str | None:
    """The carrier's id of the routing profile that the purchase points the numbers at, where it can: a number is then
    never without, and needs no call of its own. None: each is routed when it is bought."""
    pool = services.fleet.get(NumberPool, *pool_of(order))
    if pool is None or not account.carrier.abilities.routing_in_purchase:
        return None
    desired = services.fleet.routing_of_pool(pool, key)
    return desired.external_id if desired and can_be_given(desired) else None


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
    if not services.leadership.held:
        raise MayNotBuy("Nothing was bought: another operator may lead by now.")


async def _is_as_we_know_it(services: Services, order: NumberOrder) -> bool:
    """Whether the order's status, read live, says of its numbers what our copy says."""
    meta = order.metadata
    try:
        live = await services.kube.get(NUMBER_ORDERS, meta.namespace, meta.name)
    except NotFound:
        return False
    services.fleet.learn("NumberOrder", live)
    return live["metadata"]["uid"] == meta.uid and order_state(NumberOrder.parse(live)) == order_state(order)


async def look_up(services: Services, order: NumberOrder, want: OrderWant, state: OrderState, step: LookUp) -> float:
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
        await write_order(services, order, replace(state, items=settle(items, error.known), last_error=str(error)))
        return _LOOK_UP_AGAIN
    after = looked_up(state, step, outcomes, services.clock())
    await write_order(services, order, after)
    return 0.0 if after.items != state.items else _LOOK_UP_AGAIN


_LOOK_UP_AGAIN = 60.0
