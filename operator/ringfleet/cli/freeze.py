"""`ringfleet freeze` and `ringfleet thaw`: the emergency stop, for everything, one carrier account or one pool.

While it holds nothing is bought, given back, bound or picked there. `-o json` prints a list of
`{kind, namespace, name, annotation, value, changed, remarks}`; for `--all` it is of the ConfigMap, without annotation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ringfleet.cli._shared.annotate import Word, give, identify
from ringfleet.cli._shared.cluster import Cluster, cluster_options, output_option, system_option
from ringfleet.cli._shared.names import parse_name
from ringfleet.cli._shared.objects import read
from ringfleet.cli._shared.printing import echo_json

if TYPE_CHECKING:
    from ringfleet.api.meta import Resource
    from ringfleet.kube.client import Kube


def what_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--all`, `--account` and `--pool`, and where the operator is."""
    options = (
        click.option("--all", "everything", is_flag=True, help="Everything, in all namespaces."),
        click.option("--account", metavar="NAME", help="One CarrierAccount, whoever buys from it."),
        click.option("--pool", metavar="NAME", help="One NumberPool."),
        system_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@what_options
@click.option("--why", default="", help="Why; it is said wherever something waits.")
@click.option("--by", help="Who; by default the name by which the API server knows you.")
@cluster_options
@output_option()
def freeze(
    everything: bool,
    account: str | None,
    pool: str | None,
    system_namespace: str,
    why: str,
    by: str | None,
    cluster: Cluster,
    output: str,
) -> None:
    """Stop everything that moves money or numbers: at once, and until `thaw`.

    Nothing is bought, given back, bound or picked while it holds. What is at a carrier already is looked up and written
    down. Traffic goes on: to stop that, suspend the numbers.
    """
    from ringfleet.objects.freeze import annotation_of

    _choose_one(everything, account, pool)
    who = by or cluster.run(lambda kube, _: identify(kube))
    if everything:
        changed = cluster.run(lambda kube, _: _freeze_all(kube, system_namespace, who, why))
        _tell(system_namespace, output, changed=changed, done="created: everything is frozen", idle="is there already")
        return
    word = cluster.run(lambda kube, namespace: _word(kube, namespace, account, pool, annotation_of(who, why)))
    give(cluster, [word], "", sure=True, output=output)


@click.command()
@what_options
@cluster_options
@output_option()
def thaw(
    everything: bool, account: str | None, pool: str | None, system_namespace: str, cluster: Cluster, output: str
) -> None:
    """End a freeze. What it held up goes on by itself; a narrower freeze holds until it is thawed too."""
    _choose_one(everything, account, pool)
    if everything:
        changed = cluster.run(lambda kube, _: _thaw_all(kube, system_namespace))
        _tell(system_namespace, output, changed=changed, done="deleted: the freeze of everything has ended")
        return
    word = cluster.run(lambda kube, namespace: _word(kube, namespace, account, pool, None))
    give(cluster, [word], "", sure=True, output=output)


def _choose_one(everything: bool, account: str | None, pool: str | None) -> None:
    if sum(bool(one) for one in (everything, account, pool)) != 1:
        raise click.UsageError("Say one of --all, --account NAME and --pool NAME.")


async def _word(kube: Kube, namespace: str, account: str | None, pool: str | None, value: str | None) -> Word:
    from ringfleet.api import CarrierAccount, NumberPool
    from ringfleet.api.meta import FROZEN

    obj: Resource
    if account:
        obj = await read(kube, CarrierAccount, namespace, parse_name(account, CarrierAccount))
    else:
        obj = await read(kube, NumberPool, namespace, parse_name(pool or "", NumberPool))
    return Word(obj, FROZEN, value, whatever=True)


async def _freeze_all(kube: Kube, namespace: str, who: str, why: str) -> bool:
    """Whether it was not frozen before. A freeze that is there stays as it is, with the words of its time."""
    from ringfleet.kube.errors import AlreadyExists
    from ringfleet.objects.freeze import config_map_of
    from ringfleet.objects.refs import CONFIG_MAPS

    try:
        await kube.create(CONFIG_MAPS, namespace, config_map_of(who, why, namespace))
    except AlreadyExists:
        return False
    return True


async def _thaw_all(kube: Kube, namespace: str) -> bool:
    from ringfleet.kube.errors import NotFound
    from ringfleet.objects.freeze import FREEZE_NAME
    from ringfleet.objects.refs import CONFIG_MAPS

    try:
        await kube.delete(CONFIG_MAPS, namespace, FREEZE_NAME)
    except NotFound:
        return False
    return True


def _tell(namespace: str, output: str, *, changed: bool, done: str, idle: str = "is not there") -> None:
    from ringfleet.objects.freeze import FREEZE_NAME

    if output == "json":
        place = {"kind": "ConfigMap", "namespace": namespace, "name": FREEZE_NAME}
        echo_json([{**place, "annotation": None, "value": None, "changed": changed, "remarks": []}])
    else:
        click.echo(f"ConfigMap {namespace}/{FREEZE_NAME} {done if changed else f'{idle}: nothing to do'}")
