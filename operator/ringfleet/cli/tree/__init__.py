"""`ringfleet tree np/NAME`: a pool and all that belongs to it. Of a rotation set: `cli/tree/rotation_set.py`;
of a number: `cli/tree/phone_number.py`.

`-o json` prints::

    pool      {namespace, name, says}
    accounts  [{namespace, name, says}]         in the pool's order of preference
    profile   {namespace, name, says} or null
    orders    [{namespace, name, says}]         by sequence
    numbers   {Available: ["+1415...", ...], ...}
    claims    {Bound: ["namespace/name", ...], ...}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ringfleet.cli._shared.cluster import Cluster, cluster_options, output_option
from ringfleet.cli._shared.names import names_kind, parse_name
from ringfleet.cli._shared.objects import read, read_all
from ringfleet.cli._shared.printing import echo_heading, echo_json
from ringfleet.cli.tree.nodes import Relative, crowd, draw, find, line, one_json, ready_says, relative
from ringfleet.cli.tree.phone_number import number_branches, number_json, see_number
from ringfleet.cli.tree.rotation_set import see_set, set_branches, set_json
from ringfleet.kube.errors import Forbidden

if TYPE_CHECKING:
    from ringfleet.api import NumberOrder, NumberPool
    from ringfleet.kube.client import Kube


@dataclass(frozen=True, slots=True)
class Family:
    """A pool and all that belongs to it. `numbers` and `claims` by phase."""

    pool: Relative
    accounts: tuple[Relative, ...]
    profile: Relative | None
    orders: tuple[Relative, ...]
    numbers: Mapping[str, tuple[str, ...]]
    claims: Mapping[str, tuple[str, ...]]


@click.command()
@click.argument("what", metavar="np/NAME|rotset/NAME|pn/NAME")
@cluster_options
@output_option()
def tree(what: str, cluster: Cluster, output: str) -> None:
    """Show a pool with its accounts, its routing profile, its orders, and its numbers and claims by phase; a rotation
    set with its pools, its routing profile, and its claims with their numbers; or a number with its pool, account and
    claim, and how it came into its phase: when, why, and by whom."""
    from ringfleet.api import NumberPool, PhoneNumber, RotationSet

    if names_kind(what, PhoneNumber):
        of_number = parse_name(what, PhoneNumber)
        number = cluster.run(lambda kube, namespace: see_number(kube, namespace, of_number))
        _echo(output, number_json(number), line(number.number), number_branches(number))
        return

    if names_kind(what, RotationSet):
        of_set = parse_name(what, RotationSet)
        rotation = cluster.run(lambda kube, namespace: see_set(kube, namespace, of_set))
        _echo(output, set_json(rotation), line(rotation.set), set_branches(rotation))
        return
    name = parse_name(what, NumberPool)
    family = cluster.run(lambda kube, namespace: see_family(kube, namespace, name))
    _echo(output, as_json(family), line(family.pool), branches(family))


def _echo(output: str, json: Mapping[str, Any], heading: str, lines: Iterable[str]) -> None:
    if output == "json":
        echo_json(json)
        return
    echo_heading(heading)
    for branch in draw(lines):
        click.echo(branch)


async def see_family(kube: Kube, namespace: str, name: str) -> Family:
    """Read the pool and everything that names it, or that it names.

    Raises:
        click.ClickException: there is no such pool.
    """
    from ringfleet.api import CarrierAccount, NumberOrder, NumberPool, RoutingProfile
    from ringfleet.api.meta import POOL_LABEL
    from ringfleet.objects.refs import account_key

    pool = await read(kube, NumberPool, namespace, name)
    keys = [account_key(carrier.account_ref, namespace) for carrier in pool.spec.carriers]
    profile = pool.spec.routing_profile_ref
    orders = await read_all(kube, NumberOrder, namespace, label_selector=f"{POOL_LABEL}={name}")
    return Family(
        pool=relative(pool, pool_says(pool)),
        accounts=tuple([await find(kube, CarrierAccount, key.namespace, key.name) for key in keys]),
        profile=await find(kube, RoutingProfile, namespace, profile.name) if profile else None,
        orders=tuple(relative(order, order_says(order)) for order in sorted(orders, key=_sequence)),
        numbers=await _numbers(kube, namespace, name),
        claims=await _claims(kube, namespace, name),
    )


def _sequence(order: NumberOrder) -> int:
    return order.spec.sequence


async def _numbers(kube: Kube, namespace: str, pool: str) -> dict[str, tuple[str, ...]]:
    from ringfleet.api import PhoneNumber
    from ringfleet.api.meta import POOL_LABEL
    from ringfleet.objects.refs import resource_of

    found: dict[str, list[str]] = {}
    async for page in kube.pages(resource_of(PhoneNumber), namespace, label_selector=f"{POOL_LABEL}={pool}"):
        for obj in page.items:
            found.setdefault(obj.get("status", {}).get("phase", "New"), []).append(obj["spec"]["number"])
    return _sorted(found)


async def _claims(kube: Kube, namespace: str, pool: str) -> dict[str, tuple[str, ...]]:
    """The claims of the pool, those of other namespaces included where they may be read."""
    from ringfleet.api import NumberClaim

    try:
        claims = await read_all(kube, NumberClaim, None, field_selector=f"spec.poolRef.name={pool}")
    except Forbidden:
        claims = await read_all(kube, NumberClaim, namespace, field_selector=f"spec.poolRef.name={pool}")
    found: dict[str, list[str]] = {}
    for claim in claims:
        if (claim.spec.pool_ref.namespace or claim.metadata.namespace) == namespace:
            found.setdefault(str(claim.status.phase or "New"), []).append(claim.key)
    return _sorted(found)


def _sorted(found: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {phase: tuple(sorted(names)) for phase, names in sorted(found.items())}


# What each says in a line.


def pool_says(pool: NumberPool) -> str:
    numbers = pool.status.numbers
    has = f"{numbers.available} of {pool.spec.size.target} available, " if numbers else ""
    return f"{has}{ready_says(pool)}"


def order_says(order: NumberOrder) -> str:
    counts = order.status.counts
    parts = [f"{order.spec.count} wanted"]
    if counts:
        states = {
            "pending": counts.pending,
            "bought": counts.provisioned,
            "waiting for documents": counts.pending_documents,
            "failed": counts.failed,
            "unknown": counts.unknown,
        }
        parts += [f"{count} {state}" for state, count in states.items() if count]
    return f"{order.status.phase or 'New'}, {', '.join(parts)}"


# Drawing.


def branches(family: Family) -> Iterator[str]:
    yield from (line(account) for account in family.accounts)
    if family.profile:
        yield line(family.profile)
    yield from (line(order) for order in family.orders)
    yield from (crowd("PhoneNumbers", phase, names) for phase, names in family.numbers.items())
    yield from (crowd("NumberClaims", phase, names) for phase, names in family.claims.items())


def as_json(family: Family) -> dict[str, Any]:
    return {
        "pool": one_json(family.pool),
        "accounts": [one_json(account) for account in family.accounts],
        "profile": one_json(family.profile) if family.profile else None,
        "orders": [one_json(order) for order in family.orders],
        "numbers": {phase: list(names) for phase, names in family.numbers.items()},
        "claims": {phase: list(names) for phase, names in family.claims.items()},
    }
