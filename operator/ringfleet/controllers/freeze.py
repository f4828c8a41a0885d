"""Looking at the emergency stop live, directly before money moves. What is known of it otherwise is `Fleet.freeze`.

::

    choosing, ordering, granting, binding   by the copy that the watches keep      (Fleet.freeze)
    before a purchase, before a release     three objects read live                (refuse_frozen)

So a freeze that lands after an order was chosen, staged and written still stops its purchase: between the answer of the
API server and the call that costs money there is nothing but that call. When the three can't be read, nothing is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from ringfleet.controllers.services import Services
from ringfleet.kube.errors import NotFound
from ringfleet.kube.transport import Json
from ringfleet.model import AccountKey
from ringfleet.model.refs import ObjectRef, Resource
from ringfleet.objects.freeze import FREEZE_NAME, freeze_of_all
from ringfleet.objects.refs import CARRIER_ACCOUNTS, CONFIG_MAPS, NUMBER_POOLS
from ringfleet.plan.freeze import Freeze


class Frozen(Exception):
    """Somebody has frozen what was to be done; it was not done."""

    def __init__(self, freeze: Freeze) -> None:
        super().__init__(freeze.message)
        self.freeze = freeze


LOOK_HOLDS = 30.0
"""Seconds for which a last live look holds. A process that was stopped in between, as a suspended machine stops it, may
wake up in another world."""


@contextmanager
def moving(services: Services, account: AccountKey, pool: ObjectRef | None) -> Iterator[None]:
    """The body looks for a freeze and then calls the carrier. Account and pool call themselves frozen only when nothing
    of theirs is here; should they have been frozen meanwhile, they say so now, whatever came of the call."""
    places = (account, pool) if pool else (account,)
    services.moving.update(places)
    try:
        yield
    finally:
        services.moving.subtract(places)
        if services.fleet.freeze(account, pool):
            services.queues.wake_account(account)
            if pool:
                services.queues.wake_pool(pool)


async def refuse_frozen(services: Services, account: AccountKey, pool: ObjectRef | None) -> str:
    """Read live whether everything, the account or the pool is frozen. Returns which of the two are not there any more,
    in words; empty: both are.

    Raises:
        Frozen: one of them is.
        KubeError: they can't be read, so that it is not known.
    """
    everything, found_account, found_pool = await asyncio.gather(
        _read(services, CONFIG_MAPS, ObjectRef(services.settings.system_namespace, FREEZE_NAME)),
        _learn(services, CARRIER_ACCOUNTS, ObjectRef(account.namespace, account.name)),
        _learn(services, NUMBER_POOLS, pool),
    )
    if everything:
        services.freeze_informer.observe(everything)
        raise Frozen(freeze_of_all(everything))
    if freeze := services.fleet.freeze_on(account, pool):
        raise Frozen(freeze)
    gone = (
        "" if found_account else f"CarrierAccount {account}",
        "" if found_pool or pool is None else f"NumberPool {pool}",
    )
    return " and no ".join(filter(None, gone))


async def _learn(services: Services, resource: Resource, place: ObjectRef | None) -> Json | None:
    if place and (found := await _read(services, resource, place)):
        services.fleet.learn(resource.kind, found)
        return found
    return None


async def _read(services: Services, resource: Resource, place: ObjectRef) -> Json | None:
    try:
        return await services.kube.get(resource, *place)
    except NotFound:
        return None
