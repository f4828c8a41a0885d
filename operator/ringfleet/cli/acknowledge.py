"""`ringfleet acknowledge np/NAME`: let the numbers go that the release breaker holds.

What is acknowledged is one freeze, named by its time: a later one has to be looked at again. A number without a pool is
acknowledged by itself, as pn/NAME. `-o json` prints a list of
`{kind, namespace, name, annotation, value, changed, remarks}`.
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
    from ringfleet.api import NumberPool
    from ringfleet.kube.client import Kube


@click.command()
@click.argument("what", metavar="np/NAME")
@click.option("-y", "--yes", "sure", is_flag=True, help="Do not ask.")
@cluster_options
@output_option()
def acknowledge(what: str, sure: bool, cluster: Cluster, output: str) -> None:
    """Let the numbers of a pool go that were asked to and are held by the breaker.

    The breaker holds every release of a pool when many numbers were asked to go at once. Look at which ones, take back
    what was a mistake (kubectl ringfleet release --cancel), and then acknowledge.
    """
    word = cluster.run(lambda kube, namespace: _word(kube, namespace, what))
    give(cluster, [word], "Let them go?", sure=sure, output=output)


async def _word(kube: Kube, namespace: str, what: str) -> Word:
    from ringfleet.api import NumberPool, PhoneNumber
    from ringfleet.api.meta import ACKNOWLEDGE

    if what.partition("/")[0] in (*PhoneNumber.short_names, PhoneNumber.singular, PhoneNumber.plural):
        number = await read(kube, PhoneNumber, namespace, parse_name(what, PhoneNumber))
        if number.spec.pool_ref:
            raise click.ClickException(
                f"PhoneNumber {number.key} is in a pool: acknowledge np/{number.spec.pool_ref.name}"
            )
        return Word(number, ACKNOWLEDGE, number.spec.number)
    pool = await read(kube, NumberPool, namespace, parse_name(what, NumberPool))
    frozen = pool.status.release.as_dict().get("frozenSince") if pool.status.release else None
    if frozen is None:
        raise click.ClickException(f"NumberPool {pool.key} holds no release back: there is nothing to acknowledge")
    return Word(pool, ACKNOWLEDGE, frozen, tuple(_remarks(pool)))


def _remarks(pool: NumberPool) -> Iterable[str]:
    record = pool.status.release
    if record is None:
        return
    if record.frozen_because:
        yield record.frozen_because
    if record.recent:
        yield f"asked to go in the last ten minutes: {', '.join(asking.name for asking in record.recent)}"
