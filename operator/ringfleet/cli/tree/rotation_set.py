"""`ringfleet tree rotset/NAME`: a rotation set, the pools that it draws from, and its claims with their numbers.

`-o json` prints::

    set       {namespace, name, says}
    pools     [{namespace, name, says}]         in the set's order of preference, those of its regions after them
    profile   {namespace, name, says} or null
    claims    [{name, region, state, number}]   by name; state: Bound, Waiting, Failed, Draining or New
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ringfleet.cli._shared.objects import read, read_all, readiness
from ringfleet.cli.tree.nodes import Relative, crowd, find, line, one_json

if TYPE_CHECKING:
    from ringfleet.api import NumberClaim, RotationSet
    from ringfleet.api.number_claim import PoolRef
    from ringfleet.kube.client import Kube


@dataclass(frozen=True, slots=True)
class Seat:
    """One claim of the set. `number` is None while it waits."""

    name: str
    region: str | None
    state: str
    number: str | None


@dataclass(frozen=True, slots=True)
class SetFamily:
    """A rotation set and all that belongs to it."""

    set: Relative
    pools: tuple[Relative, ...]
    profile: Relative | None
    seats: tuple[Seat, ...]


async def see_set(kube: Kube, namespace: str, name: str) -> SetFamily:
    """Read the set, what it names, and its claims.

    Raises:
        click.ClickException: there is no such set.
    """
    from ringfleet.api import NumberClaim, RotationSet, RoutingProfile
    from ringfleet.api.meta import SET_LABEL

    obj = await read(kube, RotationSet, namespace, name)
    refs = dict.fromkeys((*obj.spec.pools, *(region.pool_ref for region in obj.spec.regions if region.pool_ref)))
    profile = obj.spec.routing_profile_ref
    claims = await read_all(kube, NumberClaim, namespace, label_selector=f"{SET_LABEL}={name}")
    return SetFamily(
        set=Relative("RotationSet", namespace, name, set_says(obj)),
        pools=tuple([await _pool(kube, namespace, ref) for ref in refs]),
        profile=await find(kube, RoutingProfile, namespace, profile.name) if profile else None,
        seats=tuple(_seat(claim) for claim in sorted(claims, key=lambda claim: claim.metadata.name)),
    )


async def _pool(kube: Kube, namespace: str, ref: PoolRef) -> Relative:
    from ringfleet.api import NumberPool

    return await find(kube, NumberPool, ref.namespace or namespace, ref.name)


def _seat(claim: NumberClaim) -> Seat:
    from ringfleet.api.meta import DRAINING, REGION_LABEL

    meta, number = claim.metadata, claim.status.phone_number
    state = "Draining" if DRAINING in meta.annotations else str(claim.status.phase or "New")
    return Seat(meta.name, meta.labels.get(REGION_LABEL), state, number.number if number else None)


def set_says(obj: RotationSet) -> str:
    members, ready = obj.status.members, readiness(obj)
    if ready is None:
        return "not seen yet"
    counts = f"{members.active} of {members.total} active, " if members else ""
    return f"{counts}{'ready' if ready.status == 'True' else 'not ready'}: {ready.reason}"


def set_branches(family: SetFamily) -> Iterator[str]:
    """The lines below the set's own."""
    yield from (line(pool) for pool in family.pools)
    if family.profile:
        yield line(family.profile)
    groups: dict[tuple[str, str], list[str]] = {}
    for seat in family.seats:
        groups.setdefault((seat.region or "", seat.state), []).append(seat.number or seat.name)
    for (region, state), names in sorted(groups.items()):
        yield crowd(f"NumberClaims {region}".strip(), state, tuple(sorted(names)))


def set_json(family: SetFamily) -> dict[str, Any]:
    return {
        "set": one_json(family.set),
        "pools": [one_json(pool) for pool in family.pools],
        "profile": one_json(family.profile) if family.profile else None,
        "claims": [
            {"name": seat.name, "region": seat.region, "state": seat.state, "number": seat.number}
            for seat in family.seats
        ],
    }
