"""From services to running controllers: connect, learn everything, lead, then reconcile until told to stop.

The queues start only when intents, numbers and claims have been listed whole: a plan made on half a view would count
too few. And only while this process leads (`leadership.py`): one that stands by follows everything and works nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog

from ringfleet.api import NumberClaim
from ringfleet.controllers.account_catalog import save_catalogs
from ringfleet.controllers.bundle_attachments import Revision, carried_by
from ringfleet.controllers.fleet import INTENTS
from ringfleet.controllers.reconcile import reconcile
from ringfleet.controllers.services import Services
from ringfleet.controllers.stopping import unless
from ringfleet.controllers.triggers import follow, open_queue
from ringfleet.kube.client import Kube
from ringfleet.kube.errors import KubeError, NotConfigured, NotFound, WentBack
from ringfleet.kube.informer import PAUSES, Informer
from ringfleet.kube.installation import find_installation
from ringfleet.kube.queue import Later
from ringfleet.model.emergency import AT_WORK
from ringfleet.model.refs import ObjectRef, Resource
from ringfleet.objects.freeze import FREEZE_NAME, freeze_of_all
from ringfleet.objects.number_claim import ClaimRecord, project_claim
from ringfleet.objects.phone_number import NumberRecord, project_number
from ringfleet.objects.refs import CONFIG_MAPS, NUMBER_CLAIMS, PHONE_NUMBERS, Key, resource_of
from ringfleet.plan.freeze import Freeze
from ringfleet.plan.phone_number.phase import IN_FLIGHT
from ringfleet.settings import Settings
from ringfleet.traces import way

KINDS_MISSING = (
    "The API server does not serve all kinds of Ringfleet: install crds/ first: kubectl apply --server-side -k crds"
)

log = structlog.get_logger(__name__)


@asynccontextmanager
async def build_services(
    kube: Kube,
    settings: Settings,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    monotonic: Callable[[], float] = time.monotonic,
    installation: str | None = None,
) -> AsyncIterator[Services]:
    """Services that have learnt nothing yet; their carrier clients are closed at the end.

    `installation`: its id, where it is known already.
    """
    services = Services(
        kube=kube,
        settings=settings,
        installation=installation or settings.installation or await find_installation(kube),
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


def number_informer(kube: Kube, settings: Settings) -> Informer[NumberRecord]:
    return Informer(
        kube,
        PHONE_NUMBERS,
        project_number,
        namespaces=settings.namespaces or None,
        indexes={
            "pool": lambda record: [(record.namespace, record.pool)] if record.pool else [],
            "account": lambda record: [record.account],
            "in flight": lambda record: [record.account] if _waits_for_carrier(record) else [],
            "number": lambda record: [record.number],
            "namespace": lambda record: [record.namespace],
            "claim": lambda record: [(record.claim.namespace, record.claim.name)] if record.claim else [],
            "borrower": _borrower,
            "bundle": _bundle,
            "left registered": _left_registered,
        },
    )


def _waits_for_carrier(record: NumberRecord) -> bool:
    """Whether the carrier is at work on the number, so that the account is listed sooner."""
    standing = record.state.emergency.standing
    return record.state.phase in IN_FLIGHT or (standing is not None and standing.state in AT_WORK)


def _borrower(record: NumberRecord) -> list[str]:
    """The other namespace whose claim holds the number."""
    claim = record.claim
    return [claim.namespace] if claim and claim.namespace != record.namespace else []


def _bundle(record: NumberRecord) -> list[Revision]:
    """The revision of a compliance bundle that the number carries."""
    return [carried] if (carried := carried_by(record)) else []


def _left_registered(record: NumberRecord) -> list[tuple[str, str]]:
    """The pool, when the number is registered to the bundle of a claim that does not hold it any more."""
    return [(record.namespace, record.pool)] if record.pool and record.state.registered and not record.claim else []


def claim_informer(kube: Kube, settings: Settings) -> Informer[ClaimRecord]:
    return Informer(
        kube,
        resource_of(NumberClaim),
        project_claim,
        namespaces=settings.namespaces or None,
        indexes={
            "uid": lambda claim: [claim.uid],
            "pool": lambda claim: [claim.pool],
            "named": lambda claim: [ObjectRef(claim.pool.namespace, claim.named)] if claim.named else [],
            "namespace": lambda claim: [claim.namespace],
            "service": lambda claim: [(claim.namespace, claim.service.name)] if claim.service else [],
            "set": lambda claim: [(claim.namespace, claim.rotation.name)] if claim.rotation else [],
        },
    )


def freeze_informer(kube: Kube, settings: Settings) -> Informer[Freeze]:
    """The one ConfigMap that freezes everything. Until it was looked for nothing runs: who may not see it stops."""
    return Informer(kube, CONFIG_MAPS, freeze_of_all, namespaces=[settings.system_namespace], name=FREEZE_NAME)


async def run_controllers(services: Services, stop: asyncio.Event, ready: asyncio.Event | None = None) -> None:
    """Learn everything, then reconcile until `stop` is set. `ready` is set when everything is known, and the queues
    begin to run as soon as this process leads.

    Whatever runs in the background is missed when it ends: then all ends, with its error.

    Raises:
        NotConfigured: the kinds are not installed.
        WentBack: the API server has forgotten what it has told.
        LeadershipLost: another operator leads.
        KubeError: they can't be listed at start-up: no right to read them.
    """
    follow(services)
    with first_failure():
        async with asyncio.TaskGroup() as group:
            background = [
                group.create_task(_for_ever(services.number_informer.run(), "the follower of numbers")),
                group.create_task(_for_ever(services.claim_informer.run(), "the follower of claims")),
                group.create_task(_for_ever(services.freeze_informer.run(), "the follower of the freeze")),
            ]
            try:
                if await unless(stop, _learn_everything(services)):
                    background.append(group.create_task(_relist_now_and_then(services), name="relist intents"))
                    log.info("synced", numbers=len(services.fleet.numbers), installation=services.installation)
                    if ready:
                        ready.set()
                    if await unless(stop, _lead(services)):
                        background.append(group.create_task(services.leadership.keep(), name="keep leadership"))
                        await _work(services, stop)
            finally:
                for task in background:
                    task.cancel()
                await services.leadership.give_back()


async def _lead(services: Services) -> bool:
    """True: this process leads, and knows what the one before has written last.

    Raises:
        KubeError: the intents can't be listed; another process may lead then.
    """
    if await services.leadership.win():
        await relist(services)
    open_queue(services)
    return True


async def _work(services: Services, stop: asyncio.Event) -> None:
    await services.queues.run(partial(_turn, services), stop)
    if services.leadership.held:
        await save_catalogs(services)


async def _turn(services: Services, key: Key) -> float | None:
    """A turn of the leader; while it does not know whether it still leads, nobody has one."""
    if not services.leadership.held:
        return Later(services.leadership.between_looks)
    return await reconcile(services, key)


async def _learn_everything(services: Services) -> bool:
    """True: all is known.

    Raises:
        NotConfigured: a kind is not there.
    """
    try:
        await relist(services)
        for resource in (PHONE_NUMBERS, NUMBER_CLAIMS):  # their informers would wait for their kind for ever
            await _first_page(services, resource)
    except NotFound as error:
        raise NotConfigured(f"{KINDS_MISSING} ({error})") from error
    for kind in services.intent_watches.kinds:
        services.intent_watches.heard(kind)  # what was there before the watch began, the watch need not tell
    await services.number_informer.synced.wait()
    await services.claim_informer.synced.wait()
    await services.freeze_informer.synced.wait()
    return True


async def _first_page(services: Services, resource: Resource) -> None:
    async with aclosing(services.kube.pages(resource, services.fleet.scopes[0], page=1)) as pages:
        await anext(pages)


async def _for_ever(follower: Coroutine[Any, Any, None], name: str) -> None:
    """Run what must never end."""
    await follower
    raise RuntimeError(f"{name} has ended")


@contextmanager
def first_failure() -> Iterator[None]:
    """Let the first error of a group of tasks out as itself: whoever waits for the group knows no groups."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from error.__cause__


async def relist(services: Services) -> None:
    """List all intents anew, and forget those that are gone although no watch said so.

    Raises:
        WentBack: the API server has forgotten what it has told.
    """
    watches = services.intent_watches
    for model in INTENTS:
        kind = model.__name__
        store = services.fleet.store(kind)
        for scope in services.fleet.scopes:
            page = await services.kube.list_all(resource_of(model), scope)
            version, before = int(page.resource_version), watches.changes[kind]
            store.refuse_older(scope, version)
            store.learn_list_ended(scope, store.learn_page(page.items), version)
            watches.listed(kind, news=watches.changes[kind] != before)


async def _relist_now_and_then(services: Services) -> None:
    """List the intents now and then, for the deletion that a watch has missed. A list that fails is made again soon."""
    interval, failures = services.settings.relist.total_seconds(), 0
    while True:
        await asyncio.sleep(min(interval, PAUSES.delay(failures)) if failures else interval)
        try:
            await relist(services)
            failures = 0
        except WentBack:
            raise
        except Exception as error:
            failures += 1
            services.intent_watches.tried()
            told = {"error": str(error)} if isinstance(error, KubeError) else way(error)
            log.warning("intents not listed anew", failures=failures, **told)
