"""`ringfleet approve norder/NAME...`: let orders buy that wait for approval.

`-o json` prints a list of `{kind, namespace, name, annotation, value, changed, remarks}`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from ringfleet.cli._shared.annotate import Word, give
from ringfleet.cli._shared.cluster import Cluster, cluster_options, output_option
from ringfleet.cli._shared.names import parse_name
from ringfleet.cli._shared.objects import read

if TYPE_CHECKING:
    from ringfleet.api import NumberOrder
    from ringfleet.kube.client import Kube


@click.command()
@click.argument("orders", nargs=-1, required=True, metavar="norder/NAME...")
@cluster_options
@output_option()
def approve(orders: tuple[str, ...], cluster: Cluster, output: str) -> None:
    """Let orders of pools whose topUp.mode is Manual buy their numbers."""
    from ringfleet.api import NumberOrder

    names = [parse_name(text, NumberOrder) for text in orders]
    words = cluster.run(lambda kube, namespace: _words(kube, namespace, names))
    give(cluster, words, "", sure=True, output=output)


async def _words(kube: Kube, namespace: str, names: Iterable[str]) -> list[Word]:
    from ringfleet.api import NumberOrder
    from ringfleet.api.meta import APPROVED
    from ringfleet.api.number_order import Approval

    found = [await read(kube, NumberOrder, namespace, name) for name in dict.fromkeys(names)]
    for order in found:
        if order.spec.approval is not Approval.REQUIRED:
            raise click.ClickException(f"NumberOrder {order.key} does not wait for approval: it buys by itself")
    return [Word(order, APPROVED, "true", (_remark(order),)) for order in found]


def _remark(order: NumberOrder) -> str:
    spec = order.spec
    most = f", for at most {spec.limits.budget:f} {spec.limits.currency}" if spec.limits.budget is not None else ""
    return f"{spec.count} of {spec.market.country} {spec.market.type} from {spec.account_ref.name}{most}."
