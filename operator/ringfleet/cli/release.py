"""`ringfleet release pn/NAME...`: ask for numbers to be given back to their carrier, or take that back.

`-o json` prints a list of `{kind, namespace, name, annotation, value, changed, remarks}`; `value` is null when the
request is taken back, `remarks` are sentences about what stands against it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from ringfleet.cli._shared.annotate import Word, give
from ringfleet.cli._shared.cluster import Cluster, cluster_options, output_option
from ringfleet.cli._shared.names import parse_name
from ringfleet.cli._shared.objects import read, read_all

if TYPE_CHECKING:
    from ringfleet.api import NumberPool, PhoneNumber
    from ringfleet.kube.client import Kube


@click.command()
@click.argument("numbers", nargs=-1, required=True, metavar="pn/NAME...")
@click.option("--cancel", is_flag=True, help="Take the request back; possible until the carrier is called.")
@click.option("-y", "--yes", "sure", is_flag=True, help="Do not ask.")
@cluster_options
@output_option()
def release(numbers: tuple[str, ...], cancel: bool, sure: bool, cluster: Cluster, output: str) -> None:
    """Ask for numbers to be given back to the carrier for good.

    Nothing goes at once: a number that is bound or protected stays, its pool's release.mode, hold and daily budget
    apply, and until the carrier is called the request can be taken back with --cancel.
    """
    from ringfleet.api import PhoneNumber

    names = [parse_name(text, PhoneNumber) for text in numbers]
    words = cluster.run(lambda kube, namespace: _words(kube, namespace, names, cancel))
    question = "Take the request back for {}?" if cancel else "Ask for {} to be given back for good?"
    give(cluster, words, question, sure=sure or cancel, output=output)


async def _words(kube: Kube, namespace: str, names: Iterable[str], cancel: bool) -> list[Word]:
    from ringfleet.api import NumberPool, PhoneNumber
    from ringfleet.api.meta import RELEASE

    found = [await read(kube, PhoneNumber, namespace, name) for name in dict.fromkeys(names)]
    if cancel:
        return [Word(number, RELEASE, None) for number in found]
    pools = {pool.metadata.name: pool for pool in await read_all(kube, NumberPool, namespace)}
    return [Word(number, RELEASE, number.spec.number, tuple(_remarks(number, pools))) for number in found]


def _remarks(number: PhoneNumber, pools: dict[str, NumberPool]) -> Iterable[str]:
    """What stands against giving the number back, and what will hold it up."""
    from ringfleet.api.phone_number import ManagementPolicy

    spec = number.spec
    if spec.management_policy is ManagementPolicy.OBSERVE:
        yield "stays: it is only observed (spec.managementPolicy); give it back at the carrier by hand."
    if spec.claim_ref:
        claim = f"{spec.claim_ref.namespace}/{spec.claim_ref.name}"
        yield f"stays while NumberClaim {claim} holds it: delete the claim first."
    if spec.protected:
        yield "stays while it is protected: set spec.protected to false first."
    pool = pools.get(spec.pool_ref.name) if spec.pool_ref else None
    yield from _of_pool(pool) if pool else ("stays: it has no pool, whose hold and daily budget it would go by.",)


def _of_pool(pool: NumberPool) -> Iterable[str]:
    from ringfleet.model.policy import ReleaseMode

    policy = pool.spec.release.as_dict()
    if pool.spec.release.mode is ReleaseMode.NEVER:
        yield f"stays while release.mode of pool {pool.metadata.name} is Never: set it to Manual first."
    else:
        hold, most = policy["hold"], policy["maxPerDay"]
        yield f"can be taken back for {hold}; pool {pool.metadata.name} gives back at most {most} a day."
    if pool.status.release and pool.status.release.frozen_since:
        yield (
            f"waits: releases of pool {pool.metadata.name} are frozen; "
            f"kubectl ringfleet acknowledge --pool {pool.metadata.name} -n {pool.metadata.namespace} lets them go."
        )
