"""`kubectl ringfleet order --pool NAME +14155550123 ...`: buy exactly these numbers, within the pool's limits.

The command writes a NumberOrder that names them, and the operator buys. Its name comes from pool, account and numbers,
so that the same command said twice, as after a lost answer, is one order. `-o json` and `-o yaml` print one object;
amounts are text, in major units::

    namespace, order, pool, account, created    created: whether this command has written it
    done, ready, reason, message                reason and message of its Ready condition; null before the first look
    items      [{number, state, reason, message, monthly, setup, currency}]
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ringfleet.cli._shared.carriers import account_keys
from ringfleet.cli._shared.cluster import Cluster, cluster_options, output_option
from ringfleet.cli._shared.objects import read, readiness
from ringfleet.cli._shared.printing import echo_heading, echo_json, echo_table, echo_yaml, one_line

if TYPE_CHECKING:
    from ringfleet.api import NumberOrder, NumberPool
    from ringfleet.kube.client import Kube
    from ringfleet.model import E164, AccountKey

MOST = 100
COLUMNS = ("Number", "State", "Reason", "Monthly", "Setup", "Currency", "Message")
LOOK_AGAIN_S = 1.0
"""Seconds between two looks at the order while it is waited for."""


@click.command()
@click.argument("numbers", nargs=-1, required=True, metavar="+NUMBER...")
@click.option("--pool", required=True, help="NumberPool that the numbers are for; its limits hold.")
@click.option(
    "--account", help="CarrierAccount (NAME or NAMESPACE/NAME) among the pool's carriers. Default: the first."
)
@click.option("--name", help="Of the NumberOrder. Default: made of pool, account and numbers.")
@click.option("--wait", is_flag=True, help="Until every number has its outcome; ends with 1 if one was not bought.")
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=120.0, show_default=True, help="Of --wait, in seconds."
)
@cluster_options
@output_option("yaml")
def order(
    numbers: tuple[str, ...],
    pool: str,
    account: str | None,
    name: str | None,
    wait: bool,
    timeout: float,
    cluster: Cluster,
    output: str,
) -> None:
    """Buy exactly these numbers for a pool.

    Each is bought if the carrier offers it, it is of the pool's market, and the pool's limits leave room for it; else
    the order says why, and the others go on. See `kubectl ringfleet search` for what is offered.
    """
    wanted = _numbers(numbers)
    told = cluster.run(partial(_order, wanted, pool, account, name, timeout if wait else None))
    match output:
        case "json":
            echo_json(told)
        case "yaml":
            echo_yaml(told)
        case _:
            _show(told)
    if wait and not told["done"]:
        raise click.ClickException(f"the order is not done after {timeout:g} seconds: it goes on by itself")
    sys.exit(1 if wait and any(item["state"] == "Failed" for item in told["items"]) else 0)


def _numbers(texts: tuple[str, ...]) -> tuple[E164, ...]:
    """Raises click.BadParameter for what is no number, a number twice, or too many."""
    from ringfleet.model import E164

    try:
        found = tuple(map(E164.parse, texts))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="+NUMBER") from error
    if twice := sorted({number for number in found if found.count(number) > 1}):
        raise click.BadParameter(f"named twice: {', '.join(twice)}", param_hint="+NUMBER")
    if len(found) > MOST:
        raise click.BadParameter(f"{len(found)} numbers: an order has at most {MOST}", param_hint="+NUMBER")
    return found


async def _order(
    numbers: tuple[E164, ...],
    pool_name: str,
    account_name: str | None,
    name: str | None,
    patience: float | None,
    kube: Kube,
    namespace: str,
) -> dict[str, Any]:
    from ringfleet.api import NumberOrder, NumberPool
    from ringfleet.kube.errors import AlreadyExists
    from ringfleet.objects.named_order import named_order_body, named_order_name
    from ringfleet.objects.refs import NUMBER_ORDERS

    pool = await read(kube, NumberPool, namespace, pool_name)
    account = _account(pool, account_name, namespace)
    called = name or named_order_name(pool_name, account, numbers)
    try:
        await kube.create(NUMBER_ORDERS, namespace, named_order_body(pool, account, numbers, called))
        created = True
    except AlreadyExists as error:
        found = await read(kube, NumberOrder, namespace, called)
        if found.spec.numbers is None or set(found.spec.numbers) != set(numbers):
            raise click.ClickException(
                f"NumberOrder {namespace}/{called} names other numbers: choose a --name"
            ) from error
        created = False
    written = await _done(kube, namespace, called, patience)
    return _told(written, account, created)


def _account(pool: NumberPool, name: str | None, namespace: str) -> AccountKey:
    """Raises click.ClickException: it is none of the pool's carriers."""
    from ringfleet.objects.refs import account_key

    carriers = [account_key(carrier.account_ref, namespace) for carrier in pool.spec.carriers]
    if name is None:
        return carriers[0]
    (wanted,) = account_keys([name], namespace)
    if wanted not in carriers:
        raise click.ClickException(
            f"CarrierAccount {wanted} is none of the carriers of NumberPool {pool.key}: those are "
            f"{', '.join(map(str, carriers))}"
        )
    return wanted


async def _done(kube: Kube, namespace: str, name: str, patience: float | None) -> NumberOrder:
    """The order as it is now, or when it is done; `patience` in seconds, None: as it is now."""
    import asyncio

    from ringfleet.api import NumberOrder

    found = await read(kube, NumberOrder, namespace, name)
    loop = asyncio.get_running_loop()
    end = loop.time() + (patience or 0.0)
    while not found.status.done and loop.time() < end:
        await asyncio.sleep(LOOK_AGAIN_S)
        found = await read(kube, NumberOrder, namespace, name)
    return found


def _told(found: NumberOrder, account: AccountKey, created: bool) -> dict[str, Any]:
    said = readiness(found)
    items = {item.number: item for item in found.status.items or ()}
    return {
        "namespace": found.metadata.namespace,
        "order": found.metadata.name,
        "pool": found.spec.pool_ref.name,
        "account": str(account),
        "created": created,
        "done": found.status.done,
        "ready": said.status == "True" if said else None,
        "reason": said.reason if said else None,
        "message": said.message if said else None,
        "items": [_item(number, items.get(number)) for number in found.spec.numbers or ()],
    }


def _item(number: str, item: Any) -> dict[str, Any]:
    if item is None:
        return {"number": number, "state": None, **dict.fromkeys(("reason", "message", "monthly", "setup", "currency"))}
    return {
        "number": number,
        "state": str(item.state),
        "reason": item.reason,
        "message": item.message,
        "monthly": None if item.monthly is None else f"{item.monthly:f}",
        "setup": None if item.setup is None else f"{item.setup:f}",
        "currency": item.currency if item.monthly is not None else None,
    }


def _show(told: dict[str, Any]) -> None:
    verb = "written" if told["created"] else "there already"
    echo_heading(f"NumberOrder {told['namespace']}/{told['order']} at {told['account']}: {verb}")
    fields = ("number", "state", "reason", "monthly", "setup", "currency", "message")
    rows = [[one_line(item[field]) if item[field] else None for field in fields] for item in told["items"]]
    echo_table(COLUMNS, rows)
    if not told["done"]:
        click.echo(f"kubectl get norder {told['order']} --namespace {told['namespace']} --watch shows how it goes on.")
