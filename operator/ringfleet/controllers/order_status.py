"""Writing down how far an order is, and telling the meter what that has settled."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ringfleet.api import CarrierAccount, NumberOrder
from ringfleet.carriers.errors import AccountRestricted, CarrierError
from ringfleet.controllers.order_world import order_world
from ringfleet.controllers.services import Services
from ringfleet.model import AccountKey, ItemState
from ringfleet.objects.number_order import order_status, order_want
from ringfleet.plan.number_order.items import BOUGHT
from ringfleet.plan.number_order.order import OrderState, OrderWant
from ringfleet.plan.number_order.plan import plan_order
from ringfleet.plan.number_order.retries import LONGEST_RETRY
from ringfleet.rate import backoff


async def write_order(services: Services, order: NumberOrder, state: OrderState) -> float:
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
            if item.state in BOUGHT:
                services.meter.spent(provider, item.price.monthly)
                services.meter.spent(provider, item.price.setup)
    if state.recorded:
        services.meter.order_ended(provider, state.failure or "Complete")


_UNTOLD = frozenset({ItemState.PENDING, ItemState.SUBMITTING})


def put_off(services: Services, state: OrderState, error: CarrierError | RecordRefused | MayNotBuy) -> OrderState:
    """The state after a try that got nowhere: when it is tried again, and why it was not now."""
    attempts = state.attempts + 1
    rest = backoff(attempts, _FIRST_RETRY, LONGEST_RETRY)
    return replace(state, attempts=attempts, next_attempt=services.clock() + rest, last_error=str(error))


_FIRST_RETRY = timedelta(seconds=1)


def wake_restricted(services: Services, account: AccountKey, error: CarrierError) -> None:
    """A refusal because of the account may be of all its calls: it looks, and says so then."""
    if isinstance(error, AccountRestricted):
        services.queues.wake_account(account)


class MayNotBuy(Exception):
    """By the last live look the order may buy nothing; nothing was bought."""


class RecordRefused(Exception):
    """The API server refuses the PhoneNumber of a number that was bought."""
