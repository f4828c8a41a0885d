"""One operator process from start to SIGTERM: first its API server is asked, then what it works with is loaded.

    connect -> which installation are we? -> load operator.py, and with it controllers and Kopf -> serve

So an operator whose API server is away, and which is started again and again, costs a third of a start each time. What
is imported at the top here is all that it pays for: `tests/cli/test_operator.py` holds it.
"""

from __future__ import annotations

import asyncio

import structlog

from ringfleet.controllers.stopping import heed_signals, unless
from ringfleet.kube.client import Kube
from ringfleet.kube.installation import find_installation
from ringfleet.loading import loading
from ringfleet.settings import Settings

log = structlog.get_logger(__name__)


async def run_operator(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; then finish what runs, give leases back, and return.

    Raises:
        KubeError: there is no API server to talk to, or it refuses us.
    """
    stop = asyncio.Event()
    heed_signals(stop)
    async with Kube.connect(settings.kubeconfig, settings.context) as kube:
        installation = settings.installation or await unless(stop, find_installation(kube))
        if installation is not None:
            with loading():
                from ringfleet.handlers.operator import serve  # noqa: PLC0415 - see the module

            await serve(kube, settings, installation, stop)
    log.info("operator stopped")
