"""A plan as the JSON value whose shape `cli/plan/__init__.py` documents, and the sums that every output shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ringfleet.dryrun.result import AccountPreview, Bought, Changed, PoolPreview, Preview
from ringfleet.dryrun.server import Rehearsed
from ringfleet.model import Money


def as_json(found: Preview) -> dict[str, Any]:
    return {
        "changes": found.changes,
        "failed": found.failed,
        "objects": [_object_json(one) for one in found.objects],
        "pools": [_pool_json(pool) for pool in found.pools],
        "unpooled": [_changed_json(one) for one in found.unpooled],
        "accounts": [_account_json(one) for one in found.accounts],
        "total": {**total(found), "cost": _cost_json(all_bought(found.pools))},
    }


def _object_json(one: Rehearsed) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "namespace": one.namespace,
        "name": one.name,
        "action": one.fate,
        "message": one.message,
        "source": one.source,
    }


def _pool_json(pool: PoolPreview) -> dict[str, Any]:
    return {
        "namespace": pool.namespace,
        "name": pool.name,
        "target": pool.target,
        "held": pool.held,
        "routingProfile": pool.profile,
        "short": pool.short,
        "bought": [_bought_json(one) for one in pool.bought],
        "routed": [_changed_json(one) for one in pool.routed],
        "released": [{"number": one.number, "account": str(one.account), "reason": one.why} for one in pool.released],
        "served": list(pool.served),
        "cost": _cost_json(pool.bought),
        "notes": [{"reason": note.reason, "message": note.message} for note in pool.notes],
        "errors": list(pool.errors),
    }


def _bought_json(one: Bought) -> dict[str, Any]:
    offer = one.offer
    return {
        "number": offer.number,
        "account": str(one.account),
        "order": one.order,
        "country": offer.country,
        "type": offer.type,
        "areaCode": offer.area_code,
        "region": offer.region,
        "monthly": f"{offer.price.monthly.amount:f}",
        "setup": f"{offer.price.setup.amount:f}",
        "currency": offer.price.monthly.currency,
        "needsDocuments": offer.needs_documents,
        "needsApproval": one.approval,
    }


def _changed_json(one: Changed) -> dict[str, Any]:
    return {"number": one.number, "account": str(one.account), "action": one.step, "routingProfile": one.profile}


def _account_json(one: AccountPreview) -> dict[str, Any]:
    return {
        "account": str(one.account),
        "balance": f"{one.balance.amount:f}",
        "spend": f"{one.spend.amount:f}",
        "currency": one.spend.currency,
        "covered": one.covered,
        "askedBy": "operator" if one.by_operator else "secret",
    }


def _cost_json(bought: Sequence[Bought]) -> list[dict[str, str]]:
    return [
        {"currency": monthly.currency, "monthly": f"{monthly.amount:f}", "setup": f"{setup.amount:f}"}
        for monthly, setup in costs(bought)
    ]


def costs(bought: Sequence[Bought]) -> Iterator[tuple[Money, Money]]:
    """What the numbers cost, every month and once, for each currency."""
    prices = [one.offer.price for one in bought]
    for currency in sorted({price.monthly.currency for price in prices} | {price.setup.currency for price in prices}):
        monthly = Money.total((price.monthly for price in prices if price.monthly.currency == currency), currency)
        yield monthly, Money.total((price.setup for price in prices if price.setup.currency == currency), currency)


def total(found: Preview) -> dict[str, int]:
    """How many of each, over all pools."""
    return {
        "bought": sum(len(pool.bought) for pool in found.pools),
        "routed": sum(len(pool.routed) for pool in found.pools) + len(found.unpooled),
        "released": sum(len(pool.released) for pool in found.pools),
        "refused": len(found.refused),
    }


def all_bought(pools: Iterable[PoolPreview]) -> list[Bought]:
    return [one for pool in pools for one in pool.bought]
