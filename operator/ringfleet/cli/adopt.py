"""`kubectl ringfleet adopt`: take numbers that an account already has into the cluster, after a look at the list."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ringfleet.carriers.errors import CarrierError
from ringfleet.cli._shared.cluster import Cluster, cluster_options, output_option
from ringfleet.cli._shared.names import parse_name
from ringfleet.cli._shared.printing import echo_json, echo_table, plural
from ringfleet.model import AccountKey, Holding, Price
from ringfleet.plan.carrier_account.adopt import Candidate, Selection, Wish

if TYPE_CHECKING:
    from ringfleet.dryrun.adopt import Made, Request
    from ringfleet.kube.client import Kube

COLUMNS = ("Number", "Region", "Monthly", "Status", "Reference", "Becomes")


@click.command()
@cluster_options
@click.option(
    "--account", required=True, help="The CarrierAccount, with its namespace (NAMESPACE/NAME) if it is another."
)
@click.option("--match", metavar="GLOB|PREFIX", help="Only these numbers, such as '+1415*' or 1415. Default: all.")
@click.option("--pool", help="The NumberPool that manages them from now on.")
@click.option("--observe", is_flag=True, help="Report their state only; nothing is changed at the carrier.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option()
def adopt(
    cluster: Cluster, account: str, match: str | None, pool: str | None, observe: bool, yes: bool, output: str
) -> None:
    """Adopt numbers of an account that nobody manages.

    They are listed live at the carrier. Each one gets a PhoneNumber; the operator then marks it and routes it as its
    pool says. Numbers that carry the mark of another installation are never offered. With -o json and without --yes
    nothing is asked and nothing is done.
    """
    from ringfleet.api import NumberPool
    from ringfleet.dryrun.adopt import Made

    if bool(pool) is observe:
        raise click.UsageError("say which pool manages the numbers (--pool NAME), or that they are --observe only")
    wish = Wish(match, parse_name(pool, NumberPool) if pool else None)
    request, selection = _run(cluster, partial(_find, account, wish))
    if output == "table":
        _show(selection, request)
    if not selection.adoptable or not _confirmed(selection, yes, output):
        if output == "json":
            echo_json(_as_json(selection, request, {}))
        return
    made = _run(cluster, partial(_adopt_all, request, selection.adoptable))
    if output == "json":
        echo_json(_as_json(selection, request, made))
    else:
        click.echo(f"{plural(list(made.values()).count(Made.CREATED), 'number')} adopted")


def _run(cluster: Cluster, work: Any) -> Any:
    from ringfleet.dryrun.account_access import AccountUnusable
    from ringfleet.dryrun.adopt import CannotAdopt

    try:
        return cluster.run(work)
    except (AccountUnusable, CannotAdopt, CarrierError) as error:
        raise click.ClickException(str(error)) from error


async def _find(account: str, wish: Wish, kube: Kube, namespace: str) -> tuple[Request, Selection]:
    from ringfleet.dryrun.adopt import Request, find_adoptable

    home, _, name = account.partition("/") if "/" in account else (namespace, "", account)
    return await find_adoptable(kube, Request(AccountKey(home, name), namespace, wish))


async def _adopt_all(request: Request, holdings: tuple[Holding, ...], kube: Kube, _namespace: str) -> dict[str, Made]:
    from ringfleet.dryrun.adopt import adopt as adopt_number

    return {holding.number: await adopt_number(kube, request, holding) for holding in holdings}


def _confirmed(selection: Selection, yes: bool, output: str) -> bool:
    if yes or output == "json":
        return yes
    return click.confirm(f"Adopt {plural(len(selection.adoptable), 'number')}?")


def _show(selection: Selection, request: Request) -> None:
    echo_table(COLUMNS, [_row(candidate, request) for candidate in selection.candidates])
    if not selection.candidates:
        click.echo("No number that nobody manages matches.")
    if selection.ours:
        click.echo(f"{plural(selection.ours, 'number')} more: managed or observed already, or carrying our mark")
    if selection.theirs:
        click.echo(f"{plural(selection.theirs, 'number')} more: carrying another installation's mark, left alone")


def _row(candidate: Candidate, request: Request) -> tuple[object, ...]:
    holding = candidate.holding
    price, status = holding.price.monthly if holding.price else "", str(holding.status)
    return (holding.number, holding.region, price, status, holding.reference, _becomes(candidate, request))


def _becomes(candidate: Candidate, request: Request) -> str:
    if candidate.refusal:
        return f"left out: {candidate.refusal}"
    home = f"pn/{candidate.holding.number.digits} in {request.namespace}"
    return f"{home}, of pool {request.wish.pool}" if request.wish.pool else f"{home}, observed"


def _as_json(selection: Selection, request: Request, made: dict[str, Made]) -> dict[str, Any]:
    """What the table says, for a program. `result` is absent when nothing was done for the number."""
    return {
        "account": str(request.account),
        "namespace": request.namespace,
        "pool": request.wish.pool,
        "managed": selection.ours,
        "foreign": selection.theirs,
        "numbers": [_candidate_as_json(candidate, made) for candidate in selection.candidates],
    }


def _price_as_json(price: Price) -> dict[str, str]:
    return {
        "monthly": f"{price.monthly.amount:f}",
        "setup": f"{price.setup.amount:f}",
        "currency": price.monthly.currency,
    }


def _candidate_as_json(candidate: Candidate, made: dict[str, Made]) -> dict[str, Any]:
    holding, price = candidate.holding, candidate.holding.price
    said = {
        "number": holding.number,
        "externalId": holding.external_id,
        "region": holding.region,
        "status": holding.status,
        "reference": holding.reference,
        "price": _price_as_json(price) if price else None,
        "refusal": candidate.refusal or None,
        "result": made.get(holding.number),
    }
    return {name: value for name, value in said.items() if value is not None}
