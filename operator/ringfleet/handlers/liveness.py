"""Liveness and metrics, on one port.

`/healthz` goes by the age of the last event: an operator that has heard nothing for long has a dead watch: restart it.
Bookmarks come about once a minute even when nothing changes, so silence means a fault and not peace. `/metrics` is what
Prometheus asks for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder


@asynccontextmanager
async def serve_health(
    host: str, port: int, age: Callable[[], float], limit: float, metrics: CollectorRegistry
) -> AsyncIterator[int]:
    """Serve `/healthz` and `/metrics` while the body runs; yields the port. `age` and `limit` in seconds.

    `/healthz` answers 200 while the last event is younger than `limit`, else 503, with the age either way.
    """

    async def healthz(_: web.Request) -> web.Response:
        seconds = age()
        alive = seconds < limit
        return web.json_response({"alive": alive, "lastEventSeconds": round(seconds, 1)}, status=200 if alive else 503)

    async def tell(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(metrics), headers={"Content-Type": content_type})

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/metrics", tell)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
