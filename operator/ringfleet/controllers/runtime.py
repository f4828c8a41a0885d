"""From services to running controllers: connect, learn everything, then reconcile until told to stop.

The queues start only when intents, numbers and claims have been listed whole: a plan made on half a view would count
too few.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial

import structlog

from ringfleet.api import NumberClaim
from ringfleet.controllers.bundle_attachments import Revision, carried_by
from ringfleet.controllers.fleet import INTENTS
from ringfleet.controllers.reconcile import reconcile
from ringfleet.controllers.services import Services
from ringfleet.controllers.triggers import follow, open_queue
from ringfleet.kube.client import Kube
from ringfleet.kube.errors import KubeError
from ringfleet.kube.informer import Informer
from ringfleet.objects.freeze import FREEZE_NAME, freeze_of_all
from ringfleet.objects.number_claim import ClaimRecord, project_claim
from ringfleet.objects.phone_number import NumberRecord, project_number
from ringfleet.objects.refs import CONFIG_MAPS, NAMESPACES, PHONE_NUMBERS, resource_of
from ringfleet.plan.freeze import Freeze
from ringfleet.settings import Settings

log = structlog.get_logger(__name__)


@asynccontextmanager
async def build_services(
    kube: Kube,
    settings: Settings,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Services]:
    """Services that have learnt nothing yet; their carrier clients are closed at the end."""
    services = Services(
        kube=kube,
        settings=settings,
        installation=settings.installation or await find_installation(kube),
        number_informer=number_informer(kube, settings),
        claim_informer=claim_informer(kube, settings),
        freeze_informer=freeze_informer(kube, settings),
        clock=clock,
        monotonic=monotonic,
    )
    try:
        yield services
    finally:
        await services.accounts.close_all()
        await services.dispatcher.close()


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
            "number": lambda record: [record.number],
            "namespace": lambda record: [record.namespace],
            "claim": lambda record: [(record.claim.namespace, record.claim.name)] if record.claim else [],
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


def freeze_informer(kube: Kube, settings: Settings) -> Informer[Freeze]:
    """The one ConfigMap that freezes everything. Until it was looked for nothing runs: who may not see it stops."""
    return Informer(kube, CONFIG_MAPS, freeze_of_all, namespaces=[settings.system_namespace], name=FREEZE_NAME)


async def run_controllers(services: Services, stop: asyncio.Event, ready: asyncio.Event | None = None) -> None:
    """Learn everything, then reconcile until `stop` is set. `ready` is set when the queues begin to run.

    Raises:
        KubeError: the intents can't be listed at start-up: no CRDs, or no right to read them.
    """
    follow(services)
    background = [
        asyncio.create_task(services.number_informer.run(), name="follow numbers"),
        asyncio.create_task(services.claim_informer.run(), name="follow claims"),
        asyncio.create_task(services.freeze_informer.run(), name="follow the freeze"),
    ]
    try:
        await relist(services)
        await services.number_informer.synced.wait()
        await services.claim_informer.synced.wait()
        await services.freeze_informer.synced.wait()
        open_queue(services)
        log.info("synced", numbers=len(services.fleet.numbers), installation=services.installation)
        background.append(asyncio.create_task(_relist_now_and_then(services), name="relist intents"))
        if ready:
            ready.set()
        handler = partial(reconcile, services)
        await asyncio.gather(*(queue.run(handler, stop) for queue in services.queues))
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)


async def relist(services: Services) -> None:
    """List all intents anew, and forget those that are gone although no watch said so."""
    for model in INTENTS:
        store = services.fleet.store(model.__name__)
        for scope in services.fleet.scopes:
            page = await services.kube.list_all(resource_of(model), scope)
            store.learn_list_ended(scope, store.learn_page(page.items), int(page.resource_version))


async def _relist_now_and_then(services: Services) -> None:
    """List the intents now and then, for the deletion that a watch has missed."""
    while True:
        await asyncio.sleep(services.settings.relist.total_seconds())
        with suppress(KubeError):
            await relist(services)
