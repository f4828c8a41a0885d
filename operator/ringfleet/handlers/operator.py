"""One operator process: the controllers, the Kopf shell and the health endpoint, from start to SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from functools import partial

import structlog

from ringfleet.controllers.metrics import Metrics
from ringfleet.controllers.runtime import build_services, run_controllers
from ringfleet.controllers.services import Services
from ringfleet.handlers.liveness import serve_health
from ringfleet.handlers.shell import run_shell
from ringfleet.kube.client import Kube
from ringfleet.settings import Settings

log = structlog.get_logger(__name__)


async def run_operator(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; then finish what runs, give leases back, and return.

    Raises:
        KubeError: there is no API server to talk to, or it refuses us.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, partial(_stop, stop, number))
    async with Kube.connect(settings.kubeconfig, settings.context) as kube, build_services(kube, settings) as services:
        limit = settings.stale_after.total_seconds()
        services.meter = metrics = Metrics(services)
        host, asked_port, age = settings.health_host, settings.health_port, partial(_age, services)
        async with serve_health(host, asked_port, age, limit, metrics.registry) as port:
            log.info("operator starting", identity=settings.identity, health_port=port, namespaces=settings.namespaces)
            await _run_both(services, stop)
    log.info("operator stopped")


def _stop(stop: asyncio.Event, number: signal.Signals) -> None:
    log.info("stopping", signal=number.name)
    stop.set()


def _age(services: Services) -> float:
    """Seconds since the numbers' watch was heard of: bookmarks make it young even when nothing happens."""
    return services.number_informer.age()


async def _run_both(services: Services, stop: asyncio.Event) -> None:
    """The controllers first; Kopf's watch once everything is listed. When either ends, so does the other."""
    ready = asyncio.Event()
    shell_stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(run_controllers(services, stop, ready), name="controllers")
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not running.done():
            shell = asyncio.create_task(run_shell(services, shell_stop), name="kopf")
            await asyncio.wait({running, shell}, return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            await asyncio.wait({running})
            shell_stop.set()
            await shell
