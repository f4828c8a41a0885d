"""The order that a person writes to buy numbers that are named. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from ringfleet.api import NumberPool
from ringfleet.api.meta import ACCOUNT_LABEL, ORDER_FINALIZER, POOL_LABEL, POOL_UID, AccountRef, LocalRef
from ringfleet.api.number_order import NumberOrderSpec, OrderLimits
from ringfleet.model import E164, AccountKey

_LONGEST = 253
"""How long the name of an object may be."""


def named_order_name(pool: str, account: AccountKey, numbers: Iterable[E164]) -> str:
    """One name for one wish, in whatever order its numbers are given; never that of an order of the pool's own."""
    wish = " ".join([pool, str(account), *sorted(numbers)])
    return f"{pool}-named-{sha256(wish.encode()).hexdigest()[:10]}"[:_LONGEST]


def named_order_body(pool: NumberPool, account: AccountKey, numbers: tuple[E164, ...], name: str) -> dict[str, Any]:
    """The order as it is created: the pool's market, price caps and documents, and the numbers."""
    spec, limits = pool.spec, pool.spec.limits
    order = NumberOrderSpec(
        pool_ref=LocalRef(name=pool.metadata.name),
        account_ref=AccountRef(name=account.name, namespace=account.namespace),
        market=spec.market,
        count=len(numbers),
        numbers=numbers,
        limits=OrderLimits(
            max_monthly_price=limits.max_monthly_price,
            max_setup_price=limits.max_setup_price,
            currency=limits.currency,
        ),
        routing_profile_ref=spec.routing_profile_ref,
        compliance_bundle_ref=spec.compliance_bundle_ref,
    )
    return {
        "metadata": {
            "name": name,
            "namespace": pool.metadata.namespace,
            "labels": {POOL_LABEL: pool.metadata.name, ACCOUNT_LABEL: account.name},
            "annotations": {POOL_UID: pool.metadata.uid},
            "finalizers": [ORDER_FINALIZER],
        },
        "spec": order.as_dict(),
    }
