"""Making the PhoneNumber object of a number that the carrier holds for us: after an order, or when the sweep finds it.

The object is named by the digits, so making it twice is making it once (promise 2 without promise 1 at risk).
"""

from __future__ import annotations

import structlog

from ringfleet.api.meta import ACCOUNT_LABEL, POOL_LABEL, AccountRef, LocalRef
from ringfleet.api.phone_number import PhoneNumberSpec
from ringfleet.engine.world import PHONE_NUMBERS, World
from ringfleet.kube.errors import AlreadyExists
from ringfleet.model import AccountKey, Holding, Mark

log = structlog.get_logger(__name__)


async def record_number(world: World, holding: Holding, account: AccountKey, mark: Mark, order: str | None) -> None:
    """Create the PhoneNumber of `holding` in the namespace and pool of `mark`, and keep the carrier's word for it."""
    if world.number(mark.namespace, holding.number.digits) is not None:
        return
    world.news[holding.number] = holding
    spec = PhoneNumberSpec(
        number=holding.number,
        account_ref=AccountRef(name=account.name, namespace=account.namespace),
        pool_ref=LocalRef(name=mark.pool),
        order_ref=LocalRef(name=order) if order else None,
    )
    body = {
        "metadata": {
            "name": holding.number.digits,
            "namespace": mark.namespace,
            "labels": {POOL_LABEL: mark.pool, ACCOUNT_LABEL: account.name},
        },
        "spec": spec.as_dict(),
    }
    try:
        reply = await world.kube.create(PHONE_NUMBERS, mark.namespace, body)
    except AlreadyExists:
        reply = await world.kube.get(PHONE_NUMBERS, mark.namespace, holding.number.digits)
    world.numbers.observe(reply)
    log.info("number recorded", number=f"{mark.namespace}/{holding.number.digits}", account=str(account), order=order)
