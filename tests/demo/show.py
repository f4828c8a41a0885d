"""What the demo shows: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Fleet:
    """One look at the fleet."""

    pool: dict[str, Any]
    orders: list[dict[str, Any]]
    accounts: list[dict[str, Any]]

    @property
    def target(self) -> int:
        return int(self.pool["spec"]["size"]["target"])

    @property
    def counts(self) -> dict[str, int]:
        return dict(self.pool.get("status", {}).get("numbers", {}))

    @property
    def available(self) -> int:
        return self.counts.get("available", 0)

    @property
    def ready(self) -> dict[str, Any]:
        """The pool's Ready condition, or an empty one before it has any."""
        conditions = self.pool.get("status", {}).get("conditions", [])
        return next((one for one in conditions if one["type"] == "Ready"), {"status": "", "message": "Not seen yet."})

    @property
    def converged(self) -> bool:
        status = self.pool.get("status", {})
        current = status.get("observedGeneration") == self.pool["metadata"]["generation"]
        return current and self.ready["status"] == "True" and self.available >= self.target

    def line(self) -> str:
        """The look in one line."""
        name, counts = self.pool["metadata"]["name"], self.counts
        return (
            f"pool {name}: {self.available}/{self.target} available, {counts.get('ordering', 0)} on the way, "
            f"{len(self.orders)} order(s). {self.ready['message']}"
        )


def say(text: str) -> None:
    """Print as it is: what kubectl has laid out is not wrapped."""
    console.print(text, soft_wrap=True, markup=False)


def step(text: str) -> None:
    """One thing that is being done."""
    console.print(Text("==> ", style="cyan") + Text(text))


@contextmanager
def watching() -> Iterator[Callable[[Fleet], None]]:
    """Gives the function to show each look with: it redraws a table, or prints a line when something changed."""
    if not sys.stdout.isatty():
        yield _printer()
        return
    with Live(console=console, refresh_per_second=8) as live:
        yield lambda fleet: live.update(_table(fleet))


def _printer() -> Callable[[Fleet], None]:
    last = ""

    def show(fleet: Fleet) -> None:
        nonlocal last
        if fleet.line() != last:
            last = fleet.line()
            print(last, flush=True)

    return show


def _table(fleet: Fleet) -> Group:
    bar = Table.grid(padding=(0, 2))
    ready = fleet.ready["status"] == "True"
    done = ProgressBar(total=max(1, fleet.target), completed=min(fleet.available, fleet.target), width=40)
    bar.add_row(Text(fleet.pool["metadata"]["name"], style="bold"), done, f"{fleet.available}/{fleet.target} available")
    orders = Table(box=None, padding=(0, 2), header_style="dim")
    for heading in ("order", "account", "count", "provisioned", "pending", "failed", "phase"):
        orders.add_column(heading, justify="left" if heading in {"order", "account", "phase"} else "right")
    for order in fleet.orders:
        orders.add_row(*_order_row(order))
    balances = ", ".join(_balance(account) for account in fleet.accounts)
    said = Text(fleet.ready["message"], style="green" if ready else "yellow")
    return Group(bar, orders, Text(balances, style="dim"), said)


def _order_row(order: dict[str, Any]) -> tuple[str, ...]:
    spec, status = order["spec"], order.get("status", {})
    counts = status.get("counts", {})
    numbers = (spec["count"], *(counts.get(name, 0) for name in ("provisioned", "pending", "failed")))
    return (
        order["metadata"]["name"],
        spec["accountRef"]["name"],
        *(str(number) for number in numbers),
        status.get("phase", ""),
    )


def _balance(account: dict[str, Any]) -> str:
    balance = account.get("status", {}).get("balance")
    left = f"{balance['amount']} {balance['currency']} left" if balance else "not reached yet"
    return f"{account['metadata']['name']}: {left}"
