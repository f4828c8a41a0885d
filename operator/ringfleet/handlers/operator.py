"""One operator process: the world, the Kopf shell and the health endpoint, from start to SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from functools import partial

import structlog

from ringfleet.controllers.metrics import Metrics
from ringfleet.controllers.runtime import build_world, run_world
from ringfleet.controllers.services import World
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
    async with Kube.connect(settings.kubeconfig, settings.context) as kube, build_world(kube, settings) as world:
        limit = settings.stale_after.total_seconds()
        world.meter = metrics = Metrics(world)
        host, asked_port, age = settings.health_host, settings.health_port, partial(_age, world)
        async with serve_health(host, asked_port, age, limit, metrics.registry) as port:
            log.info("operator starting", identity=settings.identity, health_port=port, namespaces=settings.namespaces)
            await _run_both(world, stop)
    log.info("operator stopped")


def _stop(stop: asyncio.Event, number: signal.Signals) -> None:
    log.info("stopping", signal=number.name)
    stop.set()


def _age(world: World) -> float:
    """Seconds since the numbers' watch was heard of: bookmarks make it young even when nothing happens."""
    return world.numbers.age()


async def _run_both(world: World, stop: asyncio.Event) -> None:
    """The world first; Kopf's watch once everything is listed. When either ends, so does the other."""
    ready = asyncio.Event()
    shell_stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(run_world(world, stop, ready), name="world")
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not running.done():
            shell = asyncio.create_task(run_shell(world, shell_stop), name="kopf")
            await asyncio.wait({running, shell}, return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            await asyncio.wait({running})
            shell_stop.set()
            await shell
