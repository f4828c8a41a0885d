"""`ringfleet idle`: the numbers that are paid for and silent, the longest silent first, and what they cost.

`-o json` prints `{numbers, cost}`: of each number `{namespace, name, idleSince, account, pool, claim, phase, monthly,
currency}`, where `claim` is null for a number that no claim holds and a price that is not known is null; `cost` is what
they cost a month together, by currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from ringfleet.cli._shared.cluster import Cluster, cluster_options, output_option
from ringfleet.cli._shared.printing import echo_json, echo_table, plural

if TYPE_CHECKING:
    from ringfleet.api import PhoneNumber
    from ringfleet.kube.client import Kube

COLUMNS = ("Number", "Idle since", "Days", "Monthly", "Phase", "Pool", "Claim", "Account")


@click.command()
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="Look in all namespaces.")
@click.option(
    "--days", type=click.IntRange(7), default=30, show_default=True, help="Silent for so many days, at least."
)
@cluster_options
@output_option()
def idle(everywhere: bool, days: int, cluster: Cluster, output: str) -> None:
    """List numbers that are paid for and silent.

    A number is silent while it makes and gets no call or message, as far as its carrier's webhooks tell the dispatcher;
    numbers of an account whose webhooks do not come are not listed. What is not held by a claim can be given back by
    `kubectl ringfleet release`; a claim's number belongs to whoever made the claim.
    """
    now = datetime.now(UTC)
    found = cluster.run(lambda kube, namespace: _silent(kube, None if everywhere else namespace))
    silent = [_row(one) for one in found if now - _since(one) >= timedelta(days=days)]
    rows = sorted(silent, key=lambda row: (row["idleSince"], row["name"]))
    if output == "json":
        echo_json({"numbers": rows, "cost": _cost(rows)})
        return
    if not rows:
        click.echo(f"No number is known to have been silent for {plural(days, 'day')}.")
        return
    echo_table((*(("Namespace",) if everywhere else ()), *COLUMNS), [_cells(row, now, everywhere) for row in rows])
    cost = ", ".join(f"{amount} {currency}" for currency, amount in _cost(rows).items())
    click.echo(f"{plural(len(rows), 'number')}, {cost or 'at prices that are not known'} a month.")


async def _silent(kube: Kube, namespace: str | None) -> list[PhoneNumber]:
    """The numbers that say since when they are silent, and are still paid for."""
    from ringfleet.api import PhoneNumber
    from ringfleet.cli._shared.objects import read_all
    from ringfleet.model import GONE

    numbers: Iterable[PhoneNumber] = await read_all(kube, PhoneNumber, namespace)
    return [one for one in numbers if one.status.idle_since and one.status.phase not in GONE]


def _since(number: PhoneNumber) -> datetime:
    """Since when a number is silent that says so."""
    assert number.status.idle_since
    return number.status.idle_since


def _row(number: PhoneNumber) -> dict[str, Any]:
    spec, status = number.spec, number.status
    claim, price = spec.claim_ref, status.price
    account = spec.account_ref
    return {
        "namespace": number.metadata.namespace,
        "name": number.metadata.name,
        "idleSince": _since(number).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "account": f"{account.namespace or number.metadata.namespace}/{account.name}",
        "pool": spec.pool_ref.name if spec.pool_ref else None,
        "claim": f"{claim.namespace}/{claim.name}" if claim else None,
        "phase": str(status.phase) if status.phase else None,
        "monthly": f"{price.monthly:f}" if price else None,
        "currency": price.currency if price else None,
    }


def _cells(row: dict[str, Any], now: datetime, everywhere: bool) -> list[object]:
    since = datetime.fromisoformat(row["idleSince"])
    price = f"{row['monthly']} {row['currency']}" if row["monthly"] else None
    named = [row["namespace"]] if everywhere else []
    days = (now - since).days
    return [*named, row["name"], row["idleSince"], days, price, row["phase"], row["pool"], row["claim"], row["account"]]


def _cost(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """By currency."""
    cost: dict[str, Decimal] = {}
    for row in rows:
        if row["monthly"]:
            cost[row["currency"]] = cost.get(row["currency"], Decimal()) + Decimal(row["monthly"])
    return {currency: f"{amount:f}" for currency, amount in sorted(cost.items())}
