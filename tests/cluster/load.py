"""A load: objects created at fixed times, whatever becomes of the earlier ones, and when each was seen to be Bound.

    create, create, create ...      open loop: one every 1/rate seconds, no reply is waited for
    watch  ------- Bound -- Bound   a connection that sees what any user's watch would see

Latency is from the moment that the creation is sent to the moment that the watch tells of the binding, on one clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from ringfleet.kube.client import Kube, Limits
from ringfleet.kube.transport import Json
from ringfleet.model.refs import Resource
from tests.waiting import until

UNHINDERED = Limits(writes_per_second=10_000.0, burst=10_000, writes_at_once=1_000)
"""For the connection of a load: nothing on our side slows it down."""


@dataclass(frozen=True, slots=True)
class Load:
    """What became of the objects, by name; times in seconds of one clock. `ended` is when the next would have come."""

    rate: float
    ended: float
    sent: Mapping[str, float]
    bound: Mapping[str, float]

    def latencies(self) -> list[float]:
        """Seconds from creation to Bound, sorted."""
        return sorted(self.bound[name] - sent for name, sent in self.sent.items())

    def pace(self) -> float:
        """Creations a second that really were sent: less than `rate` when the sender was too slow for it."""
        return len(self.sent) / (self.ended - min(self.sent.values()))

    def unbound(self, moment: float) -> int:
        """How many were created and not Bound at that moment."""
        created = sum(sent <= moment for sent in self.sent.values())
        return created - sum(bound <= moment for bound in self.bound.values())


async def run_load(kube: Kube, resource: Resource, namespace: str, bodies: Sequence[Json], rate: float) -> Load:
    """Create `bodies`, `rate` a second, and return when all are Bound.

    Raises:
        NeverHappened: they are not, minutes later.
    """
    sent: dict[str, float] = {}
    bound: dict[str, float] = {}
    version = (await kube.list_all(resource, namespace)).resource_version
    async with asyncio.TaskGroup() as group:
        names = frozenset(body["metadata"]["name"] for body in bodies)
        watch = group.create_task(_note_bound(kube, resource, namespace, version, names, bound))
        async for body in _in_time(bodies, rate):
            sent[body["metadata"]["name"]] = _now()
            group.create_task(kube.create(resource, namespace, body))
        ended = _now()
        await until(lambda: len(bound) == len(bodies), f"{len(bodies)} {resource.plural} to be Bound", timeout=180)
        watch.cancel()
    return Load(rate, ended, sent, bound)


async def _in_time(bodies: Sequence[Json], rate: float) -> AsyncIterator[Json]:
    """Each body at its time; ends when the next one would be due."""
    began = _now()
    for turn, body in enumerate(bodies, start=1):
        yield body
        await asyncio.sleep(began + turn / rate - _now())


async def _note_bound(
    kube: Kube, resource: Resource, namespace: str, version: str, names: frozenset[str], bound: dict[str, float]
) -> None:
    """Note when each of `names` is first seen Bound; of earlier loads, this watch may still hear.

    Watches on and on: the API server ends the watch of a reader that is slow at a busy moment, as we may be.
    """
    while True:
        async with aclosing(kube.watch(resource, namespace, version)) as events:
            async for event in events:
                version = event.obj["metadata"]["resourceVersion"]
                name = event.obj["metadata"]["name"]
                if name in names and event.obj.get("status", {}).get("phase") == "Bound":
                    bound.setdefault(name, _now())


def _now() -> float:
    return asyncio.get_running_loop().time()
