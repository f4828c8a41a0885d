"""Making the PhoneNumbers of what an order has bought: at once, and what could not be made then at its end."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import structlog

from ringfleet.api import NumberOrder, NumberPool
from ringfleet.carriers.errors import CarrierError
from ringfleet.controllers.number_create import record_number
from ringfleet.controllers.number_signing import signed
from ringfleet.controllers.order_status import RecordRefused, put_off, write_order
from ringfleet.controllers.order_world import lost_pool, order_world, pool_of
from ringfleet.controllers.services import Services
from ringfleet.kube.errors import Forbidden, Invalid
from ringfleet.model import AccountKey, Holding
from ringfleet.objects.number_order import holding_of, order_status
from ringfleet.plan.number_order.order import OrderState, OrderWant, to_record
from ringfleet.plan.number_order.plan import plan_order

log = structlog.get_logger(__name__)


async def record(services: Services, order: NumberOrder, want: OrderWant, state: OrderState) -> float:
    """Make the PhoneNumber of every number bought, then mark the order as recorded and look at the balance.

    One that the API server refuses (a ResourceQuota, a policy of the cluster) keeps no other from being recorded. The
    order then says so, and comes back for those that are missing.
    """
    holdings = _holdings(services, order, state)
    account = services.accounts.get(want.account)
    if _is_left(services, order) and await services.namespaces.look(order.metadata.namespace):
        log.warning("numbers left at the carrier", order=order.key, account=str(want.account), numbers=len(holdings))
        holdings = []  # nothing is created where all is being deleted; they have our mark, and a sweep reports them
    errors = await _make_numbers(services, order, want, holdings)
    if account:
        account.quiet_sweeps = 0
        account.balance_said_at = None  # whoever looks after a purchase sees what it has cost
    services.queues.wake_account(want.account)
    if refused := _first_refusal(errors):
        return await write_order(services, order, put_off(services, state, refused))
    return await write_order(
        services, order, replace(state, attempts=0, next_attempt=None, last_error="", recorded=True)
    )


async def record_early(
    services: Services, order: NumberOrder, want: OrderWant, state: OrderState
) -> tuple[NumberOrder, OrderState]:
    """Make the PhoneNumbers of what is bought while the rest is in doubt, and note it. Nothing that goes wrong keeps
    the rest from being looked up: what is not noted is made again with the next turn, and at the end (promise 2)."""
    if _is_left(services, order):
        return order, state
    holdings = _holdings(services, order, state)
    errors = await _make_numbers(services, order, want, holdings)
    for error in errors:
        log.warning("not recorded yet", order=order.key, error=str(error))
    if errors:
        return order, state
    state = replace(state, early=state.early | {holding.number for holding in holdings})
    step = plan_order(want, state, order_world(services, order), services.clock())
    await services.status.write(order, order_status(order, want, state, step, services.clock()))
    return services.fleet.get(NumberOrder, order.metadata.namespace, order.metadata.name) or order, state


def _is_left(services: Services, order: NumberOrder) -> bool:
    """Whether the order or its pool is on its way out."""
    pool = services.fleet.get(NumberPool, *pool_of(order))
    return order.metadata.deletion_timestamp is not None or lost_pool(order, pool)


def _holdings(services: Services, order: NumberOrder, state: OrderState) -> list[Holding]:
    """What the carrier holds of the order that has no PhoneNumber yet."""
    mark = services.fleet.mark_for(*pool_of(order))
    return [holding for item in to_record(state) if (holding := holding_of(item, mark, state.bundle))]


async def _make_numbers(
    services: Services, order: NumberOrder, want: OrderWant, holdings: list[Holding]
) -> list[BaseException]:
    """Make their PhoneNumbers, a few at once. What went wrong, of each that could not be made."""
    places, mark = asyncio.Semaphore(_RECORDED_AT_ONCE), services.fleet.mark_for(*pool_of(order))

    async def record(holding: Holding) -> None:
        async with places:
            holding = await _signed(services, want.account, holding)
            await record_number(services, holding, want.account, mark, order.metadata.name)

    if account := services.accounts.get(want.account):
        account.unlisted.update(holding.number for holding in holdings)
    results = await asyncio.gather(*map(record, holdings), return_exceptions=True)
    return [error for error in results if error]


async def _signed(services: Services, key: AccountKey, holding: Holding) -> Holding:
    """The number with how its calls are signed, so that a set may call from it at once. What can't be done now is done
    by the next sweep, which also says why not."""
    account = services.accounts.get(key)
    try:
        return await signed(services, key, account, holding) if account else holding
    except CarrierError as error:
        log.warning("calls not signed", number=holding.number.digits, account=str(key), error=str(error))
        return holding


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
