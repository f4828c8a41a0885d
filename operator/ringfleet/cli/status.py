"""`ringfleet status`: the fleet at a glance.

`-o json` prints::

    pools     [{namespace, name, ready, reason, message, target, held, available, inFlight, bound, short, waitingClaims,
                monthly, currency}]
    numbers   {total, phases: {Available: 3, ...}}
    claims    {total, phases: {Waiting: 1, ...}}
    sets      [{namespace, name, ready, reason, message, channel, active, cooling, quarantined, draining, waiting,
                capacity, used, deferred, recommended}]
    accounts  [{namespace, name, provider, ready, reason, message, balance, currency, owned, ours, unmanaged, orphans}]
    cost      [{currency, monthly}]
    freezes   [sentence]      what is frozen, by whom, why and how to go on
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from ringfleet.cli._shared.cluster import Cluster, cluster_options, output_option, system_option
from ringfleet.cli._shared.objects import read_all, readiness
from ringfleet.cli._shared.printing import echo_heading, echo_json, echo_table, plural
from ringfleet.model import Phase

if TYPE_CHECKING:
    from ringfleet.api import CarrierAccount, NumberPool, Resource, RotationSet
    from ringfleet.kube.client import Kube

POOLS = ("Pool", "Ready", "Target", "Available", "In flight", "Bound", "Short", "Waiting", "Monthly", "Reason")
_OF_SET = ("channel", "active", "cooling", "quarantined", "draining", "waiting", "capacity", "used", "deferred")
SETS = ("Rotation set", "Ready", *(column.capitalize() for column in _OF_SET), "Reason")
ACCOUNTS = ("Account", "Provider", "Ready", "Balance", "Owned", "Ours", "Unmanaged", "Orphans", "Reason")


@dataclass(frozen=True, slots=True)
class Fleet:
    """What there is. Phases are counted, because numbers and claims are many; "" is one that nobody has seen yet."""

    pools: tuple[NumberPool, ...]
    accounts: tuple[CarrierAccount, ...]
    numbers: Counter[str]
    claims: Counter[str]
    sets: tuple[RotationSet, ...] = ()
    everything: str | None = None
    """What freezes everything, as a sentence; None: nothing does, or it may not be seen."""

    @property
    def freezes(self) -> list[str]:
        """Everything that is frozen, a sentence each."""
        from ringfleet.objects.freeze import freeze_of

        found = [*map(freeze_of, self.accounts), *map(freeze_of, self.pools)]
        narrow = [freeze.message for freeze in found if freeze]
        return [self.everything, *narrow] if self.everything else narrow

    @property
    def cost(self) -> dict[str, Decimal]:
        """What all pools cost a month, by currency."""
        sums: dict[str, Decimal] = {}
        for cost in (pool.status.cost for pool in self.pools if pool.status.cost):
            sums[cost.currency] = sums.get(cost.currency, Decimal(0)) + cost.monthly
        return dict(sorted(sums.items()))


@click.command()
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="Look at all namespaces.")
@system_option
@cluster_options
@output_option()
def status(everywhere: bool, system_namespace: str, cluster: Cluster, output: str) -> None:
    """Show the fleet: pools, rotation sets, numbers by phase, claims that wait, accounts, and what it all costs."""
    fleet = cluster.run(lambda kube, here: see_fleet(kube, None if everywhere else here, system_namespace))
    if output == "json":
        echo_json(as_json(fleet))
    else:
        echo_fleet(fleet, everywhere)


async def see_fleet(kube: Kube, namespace: str | None, system_namespace: str) -> Fleet:
    from ringfleet.api import CarrierAccount, NumberClaim, NumberPool, PhoneNumber, RotationSet

    return Fleet(
        pools=tuple(await read_all(kube, NumberPool, namespace)),
        accounts=tuple(await read_all(kube, CarrierAccount, namespace)),
        numbers=await _phases(kube, PhoneNumber, namespace),
        claims=await _phases(kube, NumberClaim, namespace),
        sets=tuple(await read_all(kube, RotationSet, namespace)),
        everything=await _freeze_of_all(kube, system_namespace),
    )


async def _freeze_of_all(kube: Kube, system_namespace: str) -> str | None:
    from ringfleet.kube.errors import Forbidden, NotFound
    from ringfleet.objects.freeze import FREEZE_NAME, freeze_of_all
    from ringfleet.objects.refs import CONFIG_MAPS

    try:
        return freeze_of_all(await kube.get(CONFIG_MAPS, system_namespace, FREEZE_NAME)).message
    except (NotFound, Forbidden):
        return None


async def _phases(kube: Kube, kind: type[Resource], namespace: str | None) -> Counter[str]:
    """How many objects are in each phase; they are counted page by page, and not kept."""
    from ringfleet.objects.refs import resource_of

    found: Counter[str] = Counter()
    async for page in kube.pages(resource_of(kind), namespace):
        found.update(obj.get("status", {}).get("phase", "") for obj in page.items)
    return found


def echo_fleet(fleet: Fleet, everywhere: bool) -> None:
    for freeze in fleet.freezes:
        echo_heading(freeze)
    if not (fleet.pools or fleet.accounts or fleet.numbers or fleet.sets):
        click.echo("There are no pools, accounts or numbers here.")
        return
    echo_table(POOLS, [_pool_row(pool, everywhere) for pool in fleet.pools])
    click.echo()
    if fleet.sets:
        echo_table(SETS, [_set_row(one, everywhere) for one in fleet.sets])
        click.echo()
    echo_heading(f"{plural(fleet.numbers.total(), 'number')}{_spelled(_by_life(fleet.numbers))}")
    if fleet.claims:
        echo_heading(f"{plural(fleet.claims.total(), 'claim')}{_spelled(sorted(fleet.claims.items()))}")
    for currency, monthly in fleet.cost.items():
        echo_heading(f"{monthly:f} {currency} a month")
    click.echo()
    echo_table(ACCOUNTS, [_account_row(account, everywhere) for account in fleet.accounts])


def _spelled(counts: Iterable[tuple[str, int]]) -> str:
    parts = [f"{count} {phase or 'not seen yet'}" for phase, count in counts]
    return f": {', '.join(parts)}" if parts else ""


def _by_life(counts: Counter[str]) -> list[tuple[str, int]]:
    """The phases in the order of a number's life."""
    order = [str(phase) for phase in Phase]
    return sorted(counts.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order))


def _named(obj: Resource, everywhere: bool) -> str:
    return obj.key if everywhere else obj.metadata.name


def _pool_row(pool: NumberPool, everywhere: bool) -> tuple[object, ...]:
    seen = _pool_json(pool)
    monthly = f"{seen['monthly']} {seen['currency']}" if seen["monthly"] is not None else None
    return (
        _named(pool, everywhere),
        seen["ready"],
        *(seen[field] for field in ("target", "available", "inFlight", "bound", "short", "waitingClaims")),
        monthly,
        seen["reason"],
    )


def _set_row(one: RotationSet, everywhere: bool) -> tuple[object, ...]:
    seen = _set_json(one)
    return (_named(one, everywhere), *(seen[column] for column in ("ready", *_OF_SET, "reason")))


def _account_row(account: CarrierAccount, everywhere: bool) -> tuple[object, ...]:
    seen = _account_json(account)
    balance = f"{seen['balance']} {seen['currency']}" if seen["balance"] is not None else None
    counts = (seen[field] for field in ("owned", "ours", "unmanaged", "orphans"))
    return (_named(account, everywhere), seen["provider"], seen["ready"], balance, *counts, seen["reason"])


# JSON.


def as_json(fleet: Fleet) -> dict[str, Any]:
    return {
        "pools": [_pool_json(pool) for pool in fleet.pools],
        "numbers": {"total": fleet.numbers.total(), "phases": dict(_by_life(fleet.numbers))},
        "claims": {"total": fleet.claims.total(), "phases": dict(sorted(fleet.claims.items()))},
        "sets": [_set_json(one) for one in fleet.sets],
        "accounts": [_account_json(account) for account in fleet.accounts],
        "freezes": fleet.freezes,
        "cost": [{"currency": currency, "monthly": f"{monthly:f}"} for currency, monthly in fleet.cost.items()],
    }


def _said(obj: Resource) -> dict[str, Any]:
    ready = readiness(obj)
    return {
        "namespace": obj.metadata.namespace,
        "name": obj.metadata.name,
        "ready": ready.status if ready else "Unknown",
        "reason": ready.reason if ready else None,
        "message": ready.message if ready else None,
    }


def _pool_json(pool: NumberPool) -> dict[str, Any]:
    status, numbers, cost = pool.status, pool.status.numbers, pool.status.cost
    return {
        **_said(pool),
        "target": pool.spec.size.target,
        "held": numbers.total if numbers else None,
        "available": numbers.available if numbers else None,
        "inFlight": status.in_flight,
        "bound": numbers.bound if numbers else None,
        "short": status.shortfall,
        "waitingClaims": status.waiting_claims,
        "monthly": f"{cost.monthly:f}" if cost else None,
        "currency": cost.currency if cost else None,
    }


def _set_json(one: RotationSet) -> dict[str, Any]:
    members, usage = one.status.members, one.status.usage
    return {
        **_said(one),
        "channel": str(one.spec.channel),
        "active": members.active if members else None,
        "cooling": members.cooling if members else None,
        "quarantined": members.quarantined if members else None,
        "draining": members.draining if members else None,
        "waiting": members.waiting if members else None,
        "capacity": usage.capacity if usage else None,
        "used": usage.used if usage else None,
        "deferred": usage.deferred if usage else None,
        "recommended": one.status.recommended_size,
    }


def _account_json(account: CarrierAccount) -> dict[str, Any]:
    balance, numbers = account.status.balance, account.status.numbers
    return {
        **_said(account),
        "provider": account.spec.provider,
        "balance": f"{balance.amount:f}" if balance else None,
        "currency": balance.currency if balance else None,
        "owned": numbers.owned if numbers else None,
        "ours": numbers.ours if numbers else None,
        "unmanaged": numbers.unmanaged if numbers else None,
        "orphans": numbers.orphans if numbers else None,
    }
