"""When an order of an account may buy: in turn with the others, or side by side with them, as the carrier sells.

::

    in turn        one order at a time buys, in this process by a lock, among operators by a Lease: two purchases would
                   disturb each other at the carrier, where one may pay for what the other has only set aside
    side by side   a purchase is of the numbers that it names and of nothing else: as many orders buy as the account's
                   lane carries, and their calls share its concurrency

The Lease `ringfleet-purchase-<digest>` is named by the account as the carrier knows it, not by one of the objects that
may name it, and stands beside the first of them, whichever one works: two operators that do not agree on that meet
there. Its annotations name the account's object and the order. It can't fence the carrier: should two operators meet
there all the same, named numbers and the idempotency key still let nothing be bought twice (promise 1). Side by side
that alone has to do: of two operators that carry out the same order one writes `Submitting` and the other one meets
that, and what both should send, the carrier sells once, since a number is sold once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import structlog

from ringfleet.api import CarrierAccount, NumberOrder
from ringfleet.api.meta import API_VERSION
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.services import Services
from ringfleet.kube.errors import KubeError
from ringfleet.kube.lease import Held, HeldByOther
from ringfleet.model import AccountKey
from ringfleet.plan.carrier_account.identity import Identity

log = structlog.get_logger(__name__)

ORDER_ANNOTATION = "ringfleet.dev/order"
ACCOUNT_ANNOTATION = "ringfleet.dev/account"


class PurchaseLockTaken(Exception):
    """Another order has the purchase lock; ask again in `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the purchase lock is taken for {seconds:.1f} s")
        self.seconds = seconds


@asynccontextmanager
async def purchasing(
    services: Services, account: OpenAccount, key: AccountKey, order: NumberOrder
) -> AsyncIterator[None]:
    """While inside, the order may buy.

    Raises:
        PurchaseLockTaken: orders of the account buy in turn, and another one's it is.
    """
    at_carrier = account.at_carrier
    async with AsyncExitStack() as held:
        if account.carrier.abilities.buys_in_turn:
            await held.enter_async_context(_hold_lock(services, account, key, order))
        at_carrier.purchases += 1
        try:
            yield
        finally:
            at_carrier.purchases -= 1


@asynccontextmanager
async def _hold_lock(
    services: Services, account: OpenAccount, key: AccountKey, order: NumberOrder
) -> AsyncIterator[None]:
    """Hold the purchase lock of an account for one order, and keep holding it for as long as the body runs.

    Raises:
        PurchaseLockTaken: another order of this process, or another operator, has it.
    """
    if account.purchase_lock.locked():
        raise PurchaseLockTaken(_LOOK_AGAIN)
    async with account.purchase_lock:
        held = await _acquire(services, lease_name(account, key), key, order)
        renewing = asyncio.create_task(_renew(services, held), name=f"renew {held.name}")
        try:
            yield
        finally:
            renewing.cancel()
            with suppress(KubeError):
                await services.leases.release(await _last(renewing, held))


_LOOK_AGAIN = 1.0


def lease_name(account: OpenAccount, key: AccountKey) -> str:
    """The name of the account's Lease; of an account that has not been identified, by its object."""
    identity = account.identity or Identity("", "", str(key))
    return f"ringfleet-purchase-{identity.digest}"


async def _acquire(services: Services, name: str, key: AccountKey, order: NumberOrder) -> Held:
    seconds = services.settings.purchase_lease.total_seconds()
    annotations = {ORDER_ANNOTATION: order.key, ACCOUNT_ANNOTATION: str(key)}
    home = services.accounts.identities.home(key)
    result = await services.leases.acquire(
        home.namespace, name, services.settings.identity, seconds, annotations, _owners(services, home)
    )
    if isinstance(result, HeldByOther):
        raise PurchaseLockTaken(max(_LOOK_AGAIN, min(result.seconds_left, seconds / 3)))
    return result


def _owners(services: Services, key: AccountKey) -> list[dict[str, str]]:
    """The account owns its lease, so that deleting the account cleans it up."""
    account = services.fleet.get(CarrierAccount, key.namespace, key.name)
    if account is None:
        return []
    return [{"apiVersion": API_VERSION, "kind": "CarrierAccount", "name": key.name, "uid": account.metadata.uid}]


async def _renew(services: Services, held: Held) -> Held:
    """Renew at every third of the duration, until cancelled or lost; returns the last version that was held."""
    while True:
        try:
            await asyncio.sleep(held.duration / 3)
            renewed = await services.leases.renew(held)
        except asyncio.CancelledError:
            return held
        except KubeError as error:
            log.warning("purchase lease not renewed", lease=held.name, error=str(error))
            continue
        if isinstance(renewed, HeldByOther):
            log.warning("purchase lease lost", lease=held.name, holder=renewed.holder)
            return held
        held = renewed


async def _last(renewing: asyncio.Task[Held], held: Held) -> Held:
    """The newest version of the lease that the renewal saw; a renewal that never began has seen none."""
    with suppress(asyncio.CancelledError):
        return await renewing
    return held
