"""`kubectl ringfleet adopt`: take numbers that an account already has into the cluster, after a look at the list.

Which numbers is said by a pattern, by arguments, or by a file in whatever form it was pasted (`model/pasted.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

import click

from ringfleet.carriers.errors import CarrierError
from ringfleet.cli._shared.cluster import Cluster, cluster_options, output_option
from ringfleet.cli._shared.names import parse_name
from ringfleet.cli._shared.printing import echo_json, echo_table, one_line, plural
from ringfleet.model import AccountKey, Holding, Money, Price
from ringfleet.plan.carrier_account.adopt import Candidate, Selection, Wish

if TYPE_CHECKING:
    from ringfleet.dryrun.adopt import Made, Request
    from ringfleet.kube.client import Kube
    from ringfleet.model.pasted import Pasted, Unread

COLUMNS = ("Number", "Region", "Monthly", "Status", "Routed by", "Reference", "Becomes")
MOST_TOLD = 20
"""How many numbers that are left out, and lines that can't be read, the table tells; JSON tells all."""
LONGEST_TEXT = 60
TEXT = click.File(encoding="utf-8-sig", errors="replace")


@click.command()
@cluster_options
@click.argument("numbers", nargs=-1, metavar="[NUMBER]...")
@click.option(
    "--account", required=True, help="The CarrierAccount, with its namespace (NAMESPACE/NAME) if it is another."
)
@click.option("--match", metavar="GLOB|PREFIX", help="Only these numbers, such as '+1415*' or 1415. Default: all.")
@click.option("-f", "--file", "file", type=TEXT, help="A list of numbers, in whatever form; - reads it from stdin.")
@click.option("--pool", help="The NumberPool that manages them from now on.")
@click.option("--observe", is_flag=True, help="Report their state only; nothing is changed at the carrier.")
@click.option("--established", is_flag=True, help="They were in use before: RotationSets do not ramp them up.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option()
def adopt(
    cluster: Cluster,
    numbers: tuple[str, ...],
    account: str,
    match: str | None,
    file: TextIO | None,
    pool: str | None,
    observe: bool,
    established: bool,
    yes: bool,
    output: str,
) -> None:
    """Adopt numbers of an account that nobody manages.

    They are listed live at the carrier. Each one gets a PhoneNumber; the operator then marks it and routes it as its
    pool says. Numbers that carry the mark of another installation are never offered. A list may be pasted as it comes:
    a column of a spreadsheet, with a header, blanks, dashes or commas; one without country codes is read as of the
    pool's country. With -o json and without --yes nothing is asked and nothing is done.
    """
    from ringfleet.api import NumberPool
    from ringfleet.dryrun.adopt import Made

    if bool(pool) is observe:
        raise click.UsageError("say which pool manages the numbers (--pool NAME), or that they are --observe only")
    if match and (numbers or file):
        raise click.UsageError("name the numbers or give a pattern (--match), not both")
    wish = Wish(match, parse_name(pool, NumberPool) if pool else None)
    pasted = _run(cluster, partial(_read, "\n".join((*numbers, *_text_of(file))), wish.pool))
    if (numbers or file) and not pasted.numbers:
        raise click.ClickException("".join(("no number can be read", *map(_as_clause, pasted.unread[:1]))))
    wish = replace(wish, numbers=pasted.numbers)
    request, selection = _run(cluster, partial(_find, account, wish, established))
    if output == "table":
        _show(selection, request, pasted.unread)
    if not selection.adoptable or not _confirmed(selection, yes, output):
        if output == "json":
            echo_json(_as_json(selection, request, pasted.unread, {}))
        return
    made = _run(cluster, partial(_adopt_all, request, selection.adoptable))
    if output == "json":
        echo_json(_as_json(selection, request, pasted.unread, made))
    else:
        click.echo(f"{plural(list(made.values()).count(Made.CREATED), 'number')} adopted")


def _text_of(file: TextIO | None) -> tuple[str, ...]:
    return (file.read(LARGEST_FILE),) if file else ()


LARGEST_FILE = 10_000_000
"""Characters of a file that are read: some hundred thousand numbers."""


def _as_clause(unread: Unread) -> str:
    return f": of line {unread.line}, {unread.reason}"


def _run(cluster: Cluster, work: Any) -> Any:
    from ringfleet.dryrun.account_access import AccountUnusable
    from ringfleet.dryrun.adopt import CannotAdopt

    try:
        return cluster.run(work)
    except (AccountUnusable, CannotAdopt, CarrierError) as error:
        raise click.ClickException(str(error)) from error


async def _read(text: str, pool: str | None, kube: Kube, namespace: str) -> Pasted:
    from ringfleet.dryrun.adopt import country_of
    from ringfleet.model.pasted import read_numbers

    return read_numbers(text, await country_of(kube, namespace, pool) if text else None)


async def _find(account: str, wish: Wish, established: bool, kube: Kube, namespace: str) -> tuple[Request, Selection]:
    from ringfleet.dryrun.adopt import Request, find_adoptable

    home, _, name = account.partition("/") if "/" in account else (namespace, "", account)
    return await find_adoptable(kube, Request(AccountKey(home, name), namespace, wish, established))


async def _adopt_all(request: Request, holdings: tuple[Holding, ...], kube: Kube, _namespace: str) -> dict[str, Made]:
    from ringfleet.dryrun.adopt import adopt as adopt_number

    return {holding.number: await adopt_number(kube, request, holding) for holding in holdings}


def _confirmed(selection: Selection, yes: bool, output: str) -> bool:
    if yes or output == "json":
        return yes
    return click.confirm(f"Adopt {plural(len(selection.adoptable), 'number')}?")


# What is printed.


def _show(selection: Selection, request: Request, unread: Sequence[Unread]) -> None:
    echo_table(COLUMNS, [_row(candidate, request) for candidate in selection.candidates])
    if not selection.candidates:
        click.echo("No number that nobody manages matches.")
    if selection.adoptable:
        click.echo(_changes(selection.adoptable, request))
    told = [one for one in selection.left_out if request.wish.numbers or not one.as_wished]
    _list_some("Not adopted", (f"{one.number}: {one.reason}" for one in told))
    _list_some("Not read", (f"line {one.line}, {_shown(one)!r}: {one.reason}" for one in unread))
    _list_some("Rows of the carrier without a number", selection.nameless)
    if more := len(selection.left_out) - len(told):
        click.echo(f"{plural(more, 'number')} more: managed or observed already, or carrying our mark")


def _list_some(title: str, lines: Iterable[str]) -> None:
    told = list(lines)
    if told:
        click.echo(f"{title}:")
    for line in told[:MOST_TOLD]:
        click.echo(f"  {line}")
    if len(told) > MOST_TOLD:
        click.echo(f"  and {len(told) - MOST_TOLD} more; -o json tells all")


def _shown(unread: Unread) -> str:
    text = one_line(unread.text)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."


def _changes(adoptable: Sequence[Holding], request: Request) -> str:
    """What adopting them costs, and changes at the carrier."""
    cost = f"{plural(len(adoptable), 'number')}, {_cost_of(adoptable)}."
    if request.wish.pool is None:
        return f"{cost} Nothing is changed at the carrier."
    mark = f"the mark {request.mark} in the place of its reference" if request.mark else "our mark"
    routing = (
        f"the routing of RoutingProfile {request.routing_profile} in the place of what it has"
        if request.routing_profile
        else f"no routing but what it has, for pool {request.wish.pool} names no RoutingProfile"
    )
    ramp = ", and in a RotationSet its whole caps at once" if request.established else ""
    return f"{cost} Each gets {mark}, {routing}{ramp}."


def _cost_of(holdings: Iterable[Holding]) -> str:
    """What they cost a month, in each currency."""
    by_currency: dict[str, Money] = {}
    unpriced = 0
    for holding in holdings:
        if holding.price is None:
            unpriced += 1
            continue
        monthly = holding.price.monthly
        by_currency[monthly.currency] = by_currency.get(monthly.currency, Money.zero(monthly.currency)) + monthly
    known = " and ".join(str(by_currency[currency]) for currency in sorted(by_currency))
    unknown = f"{unpriced} of unknown price" if unpriced else ""
    return ", ".join(filter(None, (f"{known} a month" if known else "", unknown)))


def _row(candidate: Candidate, request: Request) -> tuple[object, ...]:
    holding = candidate.holding
    price, status = holding.price.monthly if holding.price else "", str(holding.status)
    reference = one_line(holding.reference) if holding.reference else None
    place = holding.region or place_of(holding.number)
    return (holding.number, place, price, status, holding.routing, reference, _becomes(candidate, request))


def place_of(number: str) -> str | None:
    """Where a number is by the numbering plan, for a carrier that does not say."""
    from ringfleet.model import E164
    from ringfleet.model.geography import whereabouts

    return whereabouts(E164(number)).region


def _becomes(candidate: Candidate, request: Request) -> str:
    if candidate.refusal:
        return f"left out: {candidate.refusal}"
    home = f"pn/{candidate.holding.number.digits} in {request.namespace}"
    return f"{home}, of pool {request.wish.pool}" if request.wish.pool else f"{home}, observed"


def _as_json(selection: Selection, request: Request, unread: Sequence[Unread], made: dict[str, Made]) -> dict[str, Any]:
    """What the table says, for a program. `result` is absent when nothing was done for the number."""
    return {
        "account": str(request.account),
        "namespace": request.namespace,
        "pool": request.wish.pool,
        "mark": str(request.mark) if request.mark else None,
        "routingProfile": request.routing_profile,
        "established": request.established,
        "managed": selection.ours,
        "foreign": selection.theirs,
        "numbers": [_candidate_as_json(candidate, made) for candidate in selection.candidates],
        "leftOut": [{"number": one.number, "reason": one.reason} for one in selection.left_out],
        "unread": [{"line": one.line, "text": _shown(one), "reason": one.reason} for one in unread],
        "unreadableRows": list(selection.nameless),
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
        "region": holding.region or place_of(holding.number),
        "status": holding.status,
        "routing": holding.routing,
        "reference": holding.reference,
        "price": _price_as_json(price) if price else None,
        "refusal": candidate.refusal or None,
        "result": made.get(holding.number),
    }
    return {name: value for name, value in said.items() if value is not None}
