"""Making the PhoneNumber object of a number that the carrier holds for us: after an order, or when the sweep finds it.

The object is named by the digits, so making it twice is making it once (promise 2 without promise 1 at risk).
"""

from __future__ import annotations

import structlog

from ringfleet.api import NumberOrder, NumberPool
from ringfleet.controllers.services import Services
from ringfleet.kube.errors import AlreadyExists
from ringfleet.model import AccountKey, Holding, Mark
from ringfleet.model.kinds import kind_of
from ringfleet.model.policy import DeletionPolicy
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.number_order import order_want
from ringfleet.objects.phone_number import number_body
from ringfleet.objects.refs import PHONE_NUMBERS

log = structlog.get_logger(__name__)


async def record_number(
    services: Services,
    holding: Holding,
    account: AccountKey,
    mark: Mark,
    order: str | None,
    *,
    established: bool = False,
) -> None:
    """Create the PhoneNumber of `holding` in the namespace and pool of `mark`, and keep the carrier's word for it.
    `established`: it was in use before."""
    if services.fleet.number(mark.namespace, holding.number.digits) is not None:
        return
    services.pending_observations[ObjectRef(mark.namespace, holding.number.digits)] = holding
    pool = services.fleet.get(NumberPool, mark.namespace, mark.pool)
    policy = pool.spec.deletion_policy if pool else DeletionPolicy.RETAIN
    bought_by = services.fleet.get(NumberOrder, mark.namespace, order) if order else None
    bought_as = kind_of(order_want(bought_by).market) if bought_by else None
    body = number_body(
        holding.number,
        account,
        mark.namespace,
        mark.pool,
        policy,
        order,
        bought_as,
        established=established,
    )
    try:
        reply = await services.kube.create(PHONE_NUMBERS, mark.namespace, body)
    except AlreadyExists:
        reply = await services.kube.get(PHONE_NUMBERS, mark.namespace, holding.number.digits)
    services.fleet.learn("PhoneNumber", reply)
    log.info("number recorded", number=f"{mark.namespace}/{holding.number.digits}", account=str(account), order=order)
