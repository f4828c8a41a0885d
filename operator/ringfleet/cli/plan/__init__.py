"""`ringfleet plan -f ...`: what applying manifests would buy, route and release, at which price, and what is refused.

`-o json` prints one object, whose shape is stable (fields are added, never changed); amounts are text, in major units::

    changes    true when applying would change anything: the exit code is 2 then
    failed     true when something is refused or could not be found out: the exit code is 1 then
    objects    [{kind, namespace, name, action: created | configured | unchanged | refused, message, source}]
    pools      [{namespace, name, target, held, routingProfile, short,
                 bought: [{number, account, order, country, type, areaCode, region, monthly, setup, currency,
                           needsDocuments, needsApproval}],
                 routed: [{number, account, action: Route | Unroute | ..., routingProfile}],
                 released: [{number, account, reason}],
                 served: [claim],                               waiting claims that get a number, namespace/name
                 cost: [{currency, monthly, setup}],            what is bought adds, by currency
                 notes: [{reason, message}],                    what stands against the pool's wishes
                 errors: [text]}]                               why the plan of this pool is not whole
    unpooled   [as routed]                                      numbers that are in none of these pools
    accounts   [{account, balance, spend, currency, covered, askedBy}]   covered: the balance pays for the first month;
               askedBy: operator where it has told the offers, else secret
    total      {bought, routed, released, refused, cost: [{currency, monthly, setup}]}
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ringfleet.cli._shared.cluster import Cluster, cluster_options, output_option, system_option
from ringfleet.cli._shared.printing import echo_json

if TYPE_CHECKING:
    from ringfleet.dryrun.result import Preview
    from ringfleet.dryrun.server import Manifest
    from ringfleet.kube.client import Kube

CHANGES = 2
FAILED = 1


@click.command()
@click.option(
    "-f",
    "--filename",
    "paths",
    multiple=True,
    required=True,
    type=click.Path(exists=True, allow_dash=True, path_type=Path),
    help="A manifest, a folder of manifests, or - for standard input. Repeatable.",
)
@click.option(
    "--offers-url",
    envvar="RINGFLEET_OFFERS_URL",
    help="Where the operator tells offers, as by a port-forward, to whoever may not read an account's Secret. "
    "Default: through the API server.",
)
@system_option
@cluster_options
@output_option("markdown")
def plan(paths: tuple[Path, ...], offers_url: str | None, system_namespace: str, cluster: Cluster, output: str) -> None:
    """Say what applying manifests would buy, route and release, with live prices. Nothing is changed.

    Every pool of the namespaces that the manifests are in is looked at, by the rules of the operator itself, and
    carriers are asked for their offers. Exit code: 0 nothing would change, 2 something would, 1 something is refused or
    could not be found out.
    """
    from ringfleet.cli._shared.manifests import read_manifests
    from ringfleet.cli.plan.as_json import as_json
    from ringfleet.cli.plan.as_text import as_markdown, echo_preview

    manifests = read_manifests(paths)
    found = cluster.run(
        lambda kube, namespace: _preview(kube, manifests, namespace, (system_namespace, offers_url)), dry_run=True
    )
    match output:
        case "json":
            echo_json(as_json(found))
        case "markdown":
            click.echo(as_markdown(found))
        case _:
            echo_preview(found)
    sys.exit(FAILED if found.failed else CHANGES if found.changes else 0)


async def _preview(
    kube: Kube, manifests: tuple[Manifest, ...], namespace: str, reach: tuple[str, str | None]
) -> Preview:
    from ringfleet.dryrun.operator_offers import Reach
    from ringfleet.dryrun.plan import preview

    return await preview(kube, manifests, namespace, Reach(*reach))
