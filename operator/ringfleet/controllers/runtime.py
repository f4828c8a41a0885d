"""Building a world and running it: connect, learn everything, then reconcile until told to stop.

The queues start only when intents, numbers and claims have been listed whole: a plan made on half a view would count
too few.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial

import structlog

from ringfleet.api import NumberClaim
from ringfleet.controllers.bundle_attachments import Revision, carried_by
from ringfleet.controllers.fleet import Intents
from ringfleet.controllers.reconcile import reconcile
from ringfleet.controllers.services import World
from ringfleet.controllers.triggers import follow
from ringfleet.kube.client import Kube
from ringfleet.kube.errors import KubeError
from ringfleet.kube.events import EventRecorder
from ringfleet.kube.informer import Informer
from ringfleet.kube.lease import LeaseLock
from ringfleet.kube.queue import WorkQueue
from ringfleet.objects.number_claim import ClaimRecord, project_claim
from ringfleet.objects.phone_number import NumberRecord, project_number
from ringfleet.objects.refs import NAMESPACES, PHONE_NUMBERS, Key, resource_of
from ringfleet.settings import Settings

log = structlog.get_logger(__name__)


@asynccontextmanager
async def build_world(kube: Kube, settings: Settings) -> AsyncIterator[World]:
    """A world that has learnt nothing yet; its carrier clients are closed at the end."""
    world = World(
        kube=kube,
        settings=settings,
        installation=settings.installation or await find_installation(kube),
        queue=WorkQueue[Key](workers=settings.workers),
        number_queue=WorkQueue[Key](workers=settings.number_workers),
        claim_queue=WorkQueue[Key](workers=settings.claim_workers, debounce=0.0),
        numbers=number_informer(kube, settings),
        claims=claim_informer(kube, settings),
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
        await world.dispatcher.close()


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
            "claim": lambda record: [record.claim.uid] if record.claim else [],
            "borrower": _borrower,
            "bundle": _bundle,
        },
    )


def _borrower(record: NumberRecord) -> list[str]:
    """The other namespace whose claim holds the number."""
    claim = record.claim
    return [claim.namespace] if claim and claim.namespace != record.namespace else []


def _bundle(record: NumberRecord) -> list[Revision]:
    """The revision of a compliance bundle that the number carries."""
    return [carried] if (carried := carried_by(record)) else []


def claim_informer(kube: Kube, settings: Settings) -> Informer[ClaimRecord]:
    return Informer(
        kube,
        resource_of(NumberClaim),
        project_claim,
        namespaces=settings.namespaces or None,
        indexes={
            "uid": lambda claim: [claim.uid],
            "pool": lambda claim: [claim.pool],
            "namespace": lambda claim: [claim.namespace],
            "set": lambda claim: [(claim.namespace, claim.rotation.name)] if claim.rotation else [],
        },
    )


async def run_world(world: World, stop: asyncio.Event, ready: asyncio.Event | None = None) -> None:
    """Learn everything, then reconcile until `stop` is set. `ready` is set when the queues begin to run.

    Raises:
        KubeError: the intents can't be listed at start-up: no CRDs, or no right to read them.
    """
    follow(world)
    background = [
        asyncio.create_task(world.numbers.run(), name="follow numbers"),
        asyncio.create_task(world.claims.run(), name="follow claims"),
    ]
    try:
        await world.intents.relist(world.kube)
        await world.numbers.synced.wait()
        await world.claims.synced.wait()
        world.open_desk()
        log.info("synced", numbers=len(world.numbers.store), installation=world.installation)
        background.append(asyncio.create_task(_relist(world), name="relist intents"))
        if ready:
            ready.set()
        handler = partial(reconcile, world)
        queues = (world.queue, world.number_queue, world.claim_queue)
        await asyncio.gather(*(queue.run(handler, stop) for queue in queues))
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
