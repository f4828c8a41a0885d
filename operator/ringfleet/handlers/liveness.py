"""Liveness, readiness and metrics, on one port.

`/healthz` fails when a follower is deaf: it shows no sign of life, so that only a new process helps. An API server that
does not answer, or refuses, makes nobody deaf: a new process would fare no better. `/readyz` fails while the operator
can't do its work: not all is listed yet, what it knows may be old, or what it has to say can't be written. Both say
why. `/metrics` is what Prometheus asks for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from math import isfinite

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from ringfleet.controllers.intent_watches import Follower


@asynccontextmanager
async def serve_health(
    host: str,
    port: int,
    followers: Callable[[], Sequence[Follower]],
    troubles: Callable[[], Sequence[str]],
    metrics: CollectorRegistry,
) -> AsyncIterator[int]:
    """Serve `/healthz`, `/readyz` and `/metrics` while the body runs; yields the port.

    `troubles`: why the operator can't do its work, a sentence each.
    """

    async def healthz(_: web.Request) -> web.Response:
        seen = followers()
        deaf = [one.kind for one in seen if one.deaf]
        heard = {one.kind: round(one.age, 1) if isfinite(one.age) else None for one in seen}
        told = {"alive": not deaf, "deaf": deaf, "lastHeardSeconds": heard}
        return web.json_response(told, status=503 if deaf else 200)

    async def readyz(_: web.Request) -> web.Response:
        because = list(troubles())
        return web.json_response({"ready": not because, "because": because}, status=503 if because else 200)

    async def tell(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(metrics), headers={"Content-Type": content_type})

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", tell)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
