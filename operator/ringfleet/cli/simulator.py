"""`ringfleet simulator`: the sandbox carrier on a port of this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from ringfleet.simulator.defaults import DEFAULT_ACCOUNTS, STOCK_SIZE
from ringfleet.simulator.faults.rules import parse_flag, parse_rule
from ringfleet.simulator.market import SLOTS
from ringfleet.simulator.money import parse_cents
from ringfleet.simulator.selling.stock_change import parse_stock_change

if TYPE_CHECKING:
    from ringfleet.simulator.app import NewAccount

T = TypeVar("T")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8900, show_default=True, help="Port to listen on; 0 takes a free one.")
@click.option("--port-file", type=click.Path(path_type=Path), help="Write the port into this file when ready.")
@click.option("--state", type=click.Path(path_type=Path), help="SQLite file that keeps the state; else in memory.")
@click.option("--seed", default=1, show_default=True, help="Seed of the stock and of all chance.")
@click.option(
    "--token",
    "tokens",
    multiple=True,
    default=tuple(":".join(one) for one in DEFAULT_ACCOUNTS.items()),
    show_default="those of the examples",
    metavar="TOKEN[:ACCOUNT]",
    help="A token and the account that it opens, the account of the token's own name by default. Repeatable.",
)
@click.option("--balance", default="1000.00", show_default=True, help="What each new account opens with.")
@click.option("--currency", default="USD", show_default=True, help="Currency of each new account.")
@click.option(
    "--stock-size",
    type=click.IntRange(0, SLOTS),
    default=STOCK_SIZE,
    show_default=True,
    help="Numbers for sale behind each area code.",
)
@click.option("--stock", "stock_file", type=_FILE, help="JSON file: a list of changes to the stock.")
@click.option("--rate-limit", type=click.FloatRange(min=0, min_open=True), help="Calls a second for each account.")
@click.option("--faults", "faults_file", type=_FILE, help="JSON file: a list of fault rules.")
@click.option(
    "--fault",
    "flags",
    multiple=True,
    metavar="NAME[:FIELD=VALUE]...",
    help="A fault rule, such as latency:seconds=0.1-0.3 or reply_lost:operations=checkout:script=0,0,1. Repeatable.",
)
def simulator(
    host: str,
    port: int,
    port_file: Path | None,
    state: Path | None,
    seed: int,
    tokens: tuple[str, ...],
    balance: str,
    currency: str,
    stock_size: int,
    stock_file: Path | None,
    rate_limit: float | None,
    faults_file: Path | None,
    flags: tuple[str, ...],
) -> None:
    """Run the sandbox carrier: a simulated DIDHub that sells numbers for play money and fails as it is told."""
    from ringfleet.simulator.app import SimulatorSettings, run
    from ringfleet.simulator.exchange import WrongSeed
    from ringfleet.simulator.schema import StateTooNew

    opening = _parse("--balance", parse_cents, balance)
    settings = SimulatorSettings(
        host=host,
        port=port,
        port_file=port_file,
        state=str(state) if state else ":memory:",
        seed=seed,
        accounts=tuple(_account(token, opening, currency) for token in tokens),
        stock_size=stock_size,
        stock=_read_list("--stock", stock_file, parse_stock_change),
        faults=(
            *_read_list("--faults", faults_file, parse_rule),
            *(_parse("--fault", parse_flag, flag) for flag in flags),
        ),
        rate_limit=rate_limit,
    )
    try:
        run(settings, ready=lambda url: click.echo(f"simulator ready on {url}"))
    except (StateTooNew, WrongSeed) as error:
        raise click.UsageError(str(error)) from error


def _account(text: str, balance: int, currency: str) -> NewAccount:
    from ringfleet.simulator.app import NewAccount

    token, _, account = text.partition(":")
    return NewAccount(token, account or token, balance, currency)


def _read_list(option: str, file: Path | None, parse: Callable[[object], T]) -> tuple[T, ...]:
    if file is None:
        return ()
    content = _parse(option, json.loads, file.read_text())
    if not isinstance(content, list):
        raise click.BadParameter(f"{file} is not a JSON list", param_hint=option)
    return tuple(_parse(option, parse, entry) for entry in content)


def _parse(option: str, parse: Callable[..., T], value: object) -> T:
    try:
        return parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from error
