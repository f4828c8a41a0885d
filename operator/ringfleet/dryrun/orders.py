"""A pool taken on, in a simulation, to where it has no action left.

The operator's steps with the operator's plans, one after the other: start orders, search and choose live, and then, in
place of buying, take all chosen numbers as provisioned and hand them to the claims that wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from ringfleet.api import NumberOrder, NumberPool, PhoneNumber
from ringfleet.api.number_pool import NumberPoolStatus
from ringfleet.api.phone_number import NumberDocuments, NumberPrice, PhoneNumberStatus
from ringfleet.controllers.bundle_readiness import learn_demands
from ringfleet.controllers.carrier_prices import learn_prices
from ringfleet.controllers.number_pool import decide_pool, order_body
from ringfleet.controllers.order_search import searched
from ringfleet.controllers.order_world import bundle_of, order_world
from ringfleet.controllers.services import Services
from ringfleet.dryrun.simulation import WhatIf
from ringfleet.model import Holding, HoldingStatus, ItemState, Outcome, Phase
from ringfleet.model.kinds import kind_of
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.number_order import asked_for, holding_of, order_state, order_status, order_want
from ringfleet.objects.number_pool import order_spec, pool_want
from ringfleet.objects.phone_number import number_body
from ringfleet.plan.number_order.items import UNRESOLVED, Item, move_unresolved, settle
from ringfleet.plan.number_order.order import OrderState
from ringfleet.plan.number_order.plan import SEARCHES_BEFORE_GIVING_UP, given_up, handed_back, plan_order
from ringfleet.plan.number_order.report import order_failure
from ringfleet.plan.number_order.steps import Done, GiveUp, HandBack, LookUp, Record, Search, Submit, Wait
from ringfleet.plan.number_pool.decide import PoolDecision
from ringfleet.plan.number_pool.plan import CreateOrder, StartOrder


@dataclass(slots=True)
class Filling:
    """How a pool was filled: its last decision, the claims that were served (`namespace/name`), and what those orders
    wait for, by name, that could not be brought to their end."""

    last: PoolDecision
    served: list[str] = field(default_factory=list)
    stuck: dict[str, Wait] = field(default_factory=dict)


def pool_at(services: Services, place: ObjectRef) -> NumberPool:
    pool = services.fleet.get(NumberPool, *place)
    assert pool is not None, f"there is no pool {place}"
    return pool


async def decided(services: Services, pool: NumberPool) -> tuple[PoolDecision, NumberPoolStatus]:
    """What the pool decides; what its carriers demand and, where that matters, offer is asked first, which for an
    operator its lanes do."""
    want = pool_want(pool)
    await learn_demands(services, pool, want.carriers)
    await learn_prices(services, pool, want)
    return await decide_pool(services, pool)


async def fill(after: WhatIf, place: ObjectRef) -> Filling:
    """Let the pool order until it has no action left.

    Orders are started before they choose, and choose before they are provisioned, as it goes when both are at work.
    """
    first, _ = await decided(after.services, pool_at(after.services, place))
    filling = Filling(first)
    while True:
        filling.served += after.serve_claims(place)
        pool = pool_at(after.services, place)
        filling.last, status = await decided(after.services, pool)
        after.write(pool.with_status(status))
        starts = [action for action in filling.last.plan.actions if isinstance(action, StartOrder | CreateOrder)]
        if starts:
            spec = order_spec(pool, filling.last.want, starts[0].intent)
            after.take_in(NumberOrder, order_body(pool, spec, filling.last.plan.ordered_for))
        elif order := _next_order(after.services, place, filling.stuck):
            if wait := await _advance(after, order):
                filling.stuck[order.metadata.name] = wait
        else:
            return filling


def _next_order(services: Services, place: ObjectRef, stuck: Mapping[str, Wait]) -> NumberOrder | None:
    """The open order that gets on next: first those that have not chosen, so that their numbers are taken."""
    orders = services.fleet.orders_for(*place)
    opened = [order for order in orders if not order.status.done and order.metadata.name not in stuck]
    return min(opened, key=lambda order: (order.status.items is not None, order.spec.sequence), default=None)


async def _advance(after: WhatIf, order: NumberOrder) -> Wait | None:
    """Take the order one step further, approved if it has to be; or what it waits for."""
    services = after.services
    want, state = replace(order_want(order), approved=True), order_state(order)
    world = replace(order_world(services, order), profile=None)  # nobody is told one here
    step = plan_order(want, state, world, _patience(state, services.clock()))
    match step:
        case Search():
            state = await searched(services, services.accounts.opened(want.account), order, want, state)
        case Submit():
            bundle = bundle_of(services, order, want.account)
            settled = replace(state, items=_all_provisioned(state.items or (), parks=bundle is None), bundle=bundle)
            failure, message = order_failure(want, settled)
            state = replace(settled, failure=failure, message=message)
        case Record():
            _record(after, order, state)
            state = replace(state, recorded=True)
        case GiveUp():
            state = given_up(state, step)
        case HandBack():
            state = handed_back(state, step)
        case Wait():
            return step
        case LookUp(reason, message):
            return Wait(reason, message)
        case Done():
            pass
    status = order_status(order, order_want(order), state, step, services.clock())
    after.write(order.with_status(status))
    return None


def _patience(state: OrderState, now: datetime) -> datetime:
    """The time at which a search that failed is tried again, as long as that may still lead to another carrier."""
    if state.next_attempt is None or state.attempts >= SEARCHES_BEFORE_GIVING_UP:
        return now
    return max(now, state.next_attempt)


def _all_provisioned(items: tuple[Item, ...], *, parks: bool) -> tuple[Item, ...]:
    """`parks`: no bundle is approved, so that numbers which need documents wait for one."""
    sent = move_unresolved(items, ItemState.SUBMITTING)
    return settle(sent, [_provisioned(item, parks) for item in sent if item.state in UNRESOLVED])


def _provisioned(item: Item, parks: bool) -> Outcome:
    waits = item.offer.needs_documents and parks
    state = ItemState.PENDING_DOCUMENTS if waits else ItemState.PROVISIONED
    return Outcome(item.offer.number, state, external_id="what-if", price=item.offer.price)


def _record(after: WhatIf, order: NumberOrder, state: OrderState) -> None:
    """Let the services have the numbers of the order, routed and ready, or waiting for their documents."""
    services, account = after.services, order_want(order).account
    mark = services.fleet.mark_for(order.metadata.namespace, order.spec.pool_ref.name)
    tenants = asked_for(order.spec.for_claims).bundle
    for holding in filter(None, (holding_of(item, mark, state.bundle) for item in state.items or ())):
        if services.fleet.number(mark.namespace, holding.number.digits) is None:
            body = number_body(
                holding.number,
                account,
                mark.namespace,
                mark.pool,
                order=order.metadata.name,
                bought_as=kind_of(order_want(order).market),
            )
            status = _number_status(holding, tenants, services.clock()).as_dict()
            after.take_in(PhoneNumber, {**body, "status": status})


def _number_status(holding: Holding, tenants: ObjectRef | None, now: datetime) -> PhoneNumberStatus:
    """`tenants`: the bundle of the claims that it was bought for, where it needs documents; None: the pool's."""
    waits = holding.status is HoldingStatus.PENDING_DOCUMENTS
    price = holding.price
    return PhoneNumberStatus(
        observed_generation=1,
        phase=Phase.PENDING_DOCUMENTS if waits else Phase.AVAILABLE,
        external_id=holding.external_id,
        area_code=holding.area_code,
        region=holding.region,
        capabilities=tuple(sorted(holding.capabilities)),
        price=NumberPrice(monthly=price.monthly.amount, setup=price.setup.amount, currency=price.monthly.currency)
        if price
        else None,
        purchased_at=now,
        free_since=None if waits else now,
        documents=NumberDocuments(attached=holding.bundle, registered_to=str(tenants))
        if holding.bundle and tenants
        else None,
    )
