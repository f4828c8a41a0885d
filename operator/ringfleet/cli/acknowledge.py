"""`ringfleet acknowledge`: let the numbers go that the release breaker holds: of a pool, of a namespace, or one.

What is acknowledged is one freeze of a pool, named by its time: a later one has to be looked at again. Numbers whose
pool is gone are acknowledged by themselves, one annotation each, whichever way they are named. `-o json` prints a list
of `{kind, namespace, name, annotation, value, changed, remarks}`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from ringfleet.cli._shared.annotate import Word, give
from ringfleet.cli._shared.cluster import Cluster, cluster_options, output_option
from ringfleet.cli._shared.names import names_kind, parse_name
from ringfleet.cli._shared.objects import read, read_all

if TYPE_CHECKING:
    from ringfleet.api import NumberPool, PhoneNumber
    from ringfleet.kube.client import Kube


@click.command()
@click.argument("what", required=False, metavar="[np/NAME|pn/NAME]")
@click.option("--pool", help="The numbers of this pool, whether it is still there or not.")
@click.option("--all", "everything", is_flag=True, help="All that is held in the namespace.")
@click.option("-y", "--yes", "sure", is_flag=True, help="Do not ask.")
@cluster_options
@output_option()
def acknowledge(
    what: str | None, pool: str | None, everything: bool, sure: bool, cluster: Cluster, output: str
) -> None:
    """Let numbers go that were asked to and are held by the breaker.

    The breaker holds every release of a pool when many numbers were asked to go at once, and numbers that are deleted
    after their pool. Look at which ones, take back what was a mistake (kubectl ringfleet release --cancel), and then
    acknowledge: a pool (--pool NAME, or np/NAME), a number whose pool is gone (pn/NAME), or all of a namespace (--all).
    """
    from ringfleet.api import NumberPool, PhoneNumber

    if sum((what is not None, pool is not None, everything)) != 1:
        raise click.UsageError("say which numbers may go: --pool NAME, --all, or pn/NAME")
    if everything:
        words = cluster.run(_of_namespace)
    elif what and names_kind(what, PhoneNumber):
        words = cluster.run(lambda kube, namespace: _of_number(kube, namespace, parse_name(what, PhoneNumber)))
    else:
        name = pool or parse_name(what or "", NumberPool)
        words = cluster.run(lambda kube, namespace: _of_pool(kube, namespace, name))
    give(cluster, words, "Let them go?", sure=sure, output=output)


async def _of_number(kube: Kube, namespace: str, name: str) -> list[Word]:
    from ringfleet.api import NumberPool, PhoneNumber

    number = await read(kube, PhoneNumber, namespace, name)
    pools = {pool.metadata.name for pool in await read_all(kube, NumberPool, namespace)}
    if number.spec.pool_ref and number.spec.pool_ref.name in pools:
        raise click.ClickException(f"PhoneNumber {number.key} is in a pool: acknowledge np/{number.spec.pool_ref.name}")
    return [_number_word(number)]


async def _of_pool(kube: Kube, namespace: str, name: str) -> list[Word]:
    from ringfleet.api import NumberPool

    pools = {pool.metadata.name: pool for pool in await read_all(kube, NumberPool, namespace)}
    if pool := pools.get(name):
        if _frozen_since(pool) is None:
            raise click.ClickException(f"NumberPool {pool.key} holds no release back: there is nothing to acknowledge")
        return [_pool_word(pool)]
    numbers = await _deleted_without_pool(kube, namespace, pools)
    words = [_number_word(one) for one in numbers if one.spec.pool_ref and one.spec.pool_ref.name == name]
    if not words:
        raise click.ClickException(
            f"NumberPool {namespace}/{name} does not exist, and no deleted PhoneNumber names it: "
            f"see kubectl get np,pn --namespace {namespace}"
        )
    return words


async def _of_namespace(kube: Kube, namespace: str) -> list[Word]:
    from ringfleet.api import NumberPool

    pools = {pool.metadata.name: pool for pool in await read_all(kube, NumberPool, namespace)}
    words = [_pool_word(pool) for pool in pools.values() if _frozen_since(pool)]
    words += [_number_word(one) for one in await _deleted_without_pool(kube, namespace, pools)]
    if not words:
        raise click.ClickException(f"nothing is held back in namespace {namespace}: there is nothing to acknowledge")
    return words


async def _deleted_without_pool(kube: Kube, namespace: str, pools: Iterable[str]) -> list[PhoneNumber]:
    """The numbers that are deleted and have no pool, or none any more."""
    from ringfleet.api import PhoneNumber

    found = (one for one in await read_all(kube, PhoneNumber, namespace) if one.metadata.deletion_timestamp)
    return [one for one in found if one.spec.pool_ref is None or one.spec.pool_ref.name not in pools]


def _number_word(number: PhoneNumber) -> Word:
    from ringfleet.api.meta import ACKNOWLEDGE
    from ringfleet.model.policy import DeletionPolicy

    stays = (
        "stays under deletionPolicy Release, for its pool is gone: set spec.deletionPolicy to Retain to let go of it"
    )
    remarks = (stays,) if number.spec.deletion_policy is DeletionPolicy.RELEASE else ()
    return Word(number, ACKNOWLEDGE, number.spec.number, remarks)


def _pool_word(pool: NumberPool) -> Word:
    from ringfleet.api.meta import ACKNOWLEDGE

    return Word(pool, ACKNOWLEDGE, _frozen_since(pool), tuple(_remarks(pool)))


def _frozen_since(pool: NumberPool) -> str | None:
    since: str | None = pool.status.release.as_dict().get("frozenSince") if pool.status.release else None
    return since


def _remarks(pool: NumberPool) -> Iterable[str]:
    record = pool.status.release
    if record is None:
        return
    if record.frozen_because:
        yield record.frozen_because
    if record.recent:
        yield f"asked to go, among others: {', '.join(asking.name for asking in record.recent)}"
