"""Making the PhoneNumber object of a number that the carrier holds for us: after an order, or when the sweep finds it.

The object is named by the digits, so making it twice is making it once (promise 2 without promise 1 at risk).
"""

from __future__ import annotations

from typing import Any

import structlog

from ringfleet.api import NumberPool
from ringfleet.api.meta import ACCOUNT_LABEL, NUMBER_FINALIZER, POOL_LABEL, AccountRef, LocalRef
from ringfleet.api.number_pool import DeletionPolicy
from ringfleet.api.phone_number import ManagementPolicy, PhoneNumberSpec
from ringfleet.controllers.services import PHONE_NUMBERS, World
from ringfleet.kube.errors import AlreadyExists
from ringfleet.model import E164, AccountKey, Holding, Mark

log = structlog.get_logger(__name__)


async def record_number(world: World, holding: Holding, account: AccountKey, mark: Mark, order: str | None) -> None:
    """Create the PhoneNumber of `holding` in the namespace and pool of `mark`, and keep the carrier's word for it."""
    if world.number(mark.namespace, holding.number.digits) is not None:
        return
    world.news[holding.number] = holding
    pool = world.intents.get(NumberPool, mark.namespace, mark.pool)
    policy = pool.spec.deletion_policy if pool else DeletionPolicy.RETAIN
    body = number_body(holding.number, account, mark.namespace, mark.pool, policy, order)
    try:
        reply = await world.kube.create(PHONE_NUMBERS, mark.namespace, body)
    except AlreadyExists:
        reply = await world.kube.get(PHONE_NUMBERS, mark.namespace, holding.number.digits)
    world.numbers.observe(reply)
    log.info("number recorded", number=f"{mark.namespace}/{holding.number.digits}", account=str(account), order=order)


def number_body(
    number: E164,
    account: AccountKey,
    namespace: str,
    pool: str | None,
    policy: DeletionPolicy = DeletionPolicy.RETAIN,
    order: str | None = None,
) -> dict[str, Any]:
    """A PhoneNumber to be created, with its pool's deletion policy as its own. Without a pool it is only observed."""
    spec = PhoneNumberSpec(
        number=number,
        account_ref=AccountRef(name=account.name, namespace=account.namespace),
        pool_ref=LocalRef(name=pool) if pool else None,
        order_ref=LocalRef(name=order) if order else None,
        deletion_policy=policy,
        management_policy=ManagementPolicy.MANAGE if pool else ManagementPolicy.OBSERVE,
    )
    labels = {ACCOUNT_LABEL: account.name} | ({POOL_LABEL: pool} if pool else {})
    return {
        "metadata": {
            "name": number.digits,
            "namespace": namespace,
            "labels": labels,
            "finalizers": [NUMBER_FINALIZER],
        },
        "spec": spec.as_dict(),
    }
