"""What an operator serves once its API server has answered: controllers, the Kopf shell, the health endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog

from ringfleet.controllers.followers import observe, troubles
from ringfleet.controllers.metrics import Metrics
from ringfleet.controllers.runtime import build_services, first_failure, run_controllers
from ringfleet.controllers.services import Services
from ringfleet.controllers.stopping import heed_signals
from ringfleet.handlers.liveness import serve_health
from ringfleet.handlers.offers import serve_offers
from ringfleet.handlers.shell import run_shell
from ringfleet.kube.client import Kube
from ringfleet.kube.errors import Unavailable
from ringfleet.settings import Settings

SHELL_GRACE = 2.0
"""Seconds that Kopf has to end its watches."""

log = structlog.get_logger(__name__)


async def serve(kube: Kube, settings: Settings, installation: str, stop: asyncio.Event) -> None:
    """Serve until `stop` is set.

    Raises:
        KubeError: the API server refuses us, or does not serve our kinds.
    """
    async with build_services(kube, settings, installation=installation) as services:
        services.meter = metrics = Metrics(services)
        host, asked_port = settings.health_host, settings.health_port
        followers, why_not = partial(observe, services), partial(troubles, services)
        async with serve_health(host, asked_port, followers, why_not, metrics.registry) as port:
            log.info("operator starting", identity=settings.identity, health_port=port, namespaces=settings.namespaces)
            async with _offers(services):
                await run_both(services, stop)


@asynccontextmanager
async def _offers(services: Services) -> AsyncIterator[None]:
    """Tell what carriers offer while the body runs, where that is wished."""
    settings = services.settings
    if settings.offers_port is None:
        yield
        return
    async with serve_offers(settings.offers_host, settings.offers_port, services) as port:
        log.info("offers are told", port=port)
        yield


async def run_both(services: Services, stop: asyncio.Event) -> None:
    """The controllers first; Kopf's watch once everything is listed. When either ends, so does the other."""
    ready = asyncio.Event()
    with first_failure():
        async with asyncio.TaskGroup() as group:
            running = group.create_task(run_controllers(services, stop, ready), name="controllers")
            waiting = asyncio.create_task(ready.wait())
            await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if not running.done():
                await _run_shell_beside(services, running, stop)


async def _run_shell_beside(services: Services, running: asyncio.Task[None], stop: asyncio.Event) -> None:
    """Run Kopf's watches until the controllers have ended.

    Raises:
        Unavailable: the watches have ended by themselves, as they do when the credentials are not accepted any more.
    """
    shell_stop = asyncio.Event()
    shell = asyncio.create_task(run_shell(services, shell_stop, partial(heed_signals, stop)), name="kopf")
    await asyncio.wait({running, shell}, return_when=asyncio.FIRST_COMPLETED)
    ended_by_itself = shell.done() and not stop.is_set()
    stop.set()
    await asyncio.wait({running})
    shell_stop.set()
    await asyncio.wait({shell}, timeout=SHELL_GRACE)
    shell.cancel()  # it may wait for an API server that refuses it, and holds nothing that must be ended well
    error = (await asyncio.gather(shell, return_exceptions=True))[0]
    if ended_by_itself:
        why = type(error).__name__ if error else "no error"
        raise Unavailable(f"the watches of intents have ended ({why}): the operator has to be started anew")
