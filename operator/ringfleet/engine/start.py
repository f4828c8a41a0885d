"""Building a world and running it: connect, learn everything, then reconcile until told to stop.

The queue starts only when intents and numbers have been listed whole: a plan made on half a view would count too few.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial

import structlog

from ringfleet.engine.intents import Intents, Key
from ringfleet.engine.reconcile import reconcile
from ringfleet.engine.records import NumberRecord, project_number
from ringfleet.engine.world import PHONE_NUMBERS, World
from ringfleet.kube.cache import Informer
from ringfleet.kube.client import Kube, Resource
from ringfleet.kube.errors import KubeError
from ringfleet.kube.events import EventRecorder
from ringfleet.kube.lease import LeaseLock
from ringfleet.kube.queue import WorkQueue
from ringfleet.settings import Settings

log = structlog.get_logger(__name__)

NAMESPACES = Resource("", "v1", "namespaces", "Namespace")


@asynccontextmanager
async def build_world(kube: Kube, settings: Settings) -> AsyncIterator[World]:
    """A world that has learnt nothing yet; its carrier clients are closed at the end."""
    world = World(
        kube=kube,
        settings=settings,
        installation=settings.installation or await find_installation(kube),
        queue=WorkQueue[Key](workers=settings.workers),
        number_queue=WorkQueue[Key](workers=settings.number_workers),
        numbers=number_informer(kube, settings),
        events=EventRecorder(kube, settings.identity),
        leases=LeaseLock(kube),
        clock=lambda: datetime.now(UTC),
        monotonic=time.monotonic,
        intents=Intents(settings.namespaces),
    )
    try:
        yield world
    finally:
        await world.accounts.close_all()


async def find_installation(kube: Kube) -> str:
    """The id of this installation: the first part of the uid of the namespace kube-system, which no cluster changes."""
    namespace = await kube.get(NAMESPACES, None, "kube-system")
    return str(namespace["metadata"]["uid"]).split("-", 1)[0]


def number_informer(kube: Kube, settings: Settings) -> Informer[NumberRecord]:
    return Informer(
        kube,
        PHONE_NUMBERS,
        project_number,
        namespaces=settings.namespaces or None,
        indexes={
            "pool": lambda record: [(record.namespace, record.pool)] if record.pool else [],
            "account": lambda record: [record.account],
            "namespace": lambda record: [record.namespace],
        },
    )


async def run_world(world: World, stop: asyncio.Event, ready: asyncio.Event | None = None) -> None:
    """Learn everything, then reconcile until `stop` is set. `ready` is set when the queues begin to run.

    Raises:
        KubeError: the intents can't be listed at start-up: no CRDs, or no right to read them.
    """
    world.follow()
    background = [asyncio.create_task(world.numbers.run(), name="follow numbers")]
    try:
        await world.intents.relist(world.kube)
        await world.numbers.synced.wait()
        log.info("synced", numbers=len(world.numbers.store), installation=world.installation)
        background.append(asyncio.create_task(_relist(world), name="relist intents"))
        if ready:
            ready.set()
        handler = partial(reconcile, world)
        await asyncio.gather(world.queue.run(handler, stop), world.number_queue.run(handler, stop))
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)


async def _relist(world: World) -> None:
    """List the intents now and then, for the deletion that a watch has missed."""
    while True:
        await asyncio.sleep(world.settings.relist.total_seconds())
        with suppress(KubeError):
            await world.intents.relist(world.kube)
