"""What every listener does beside its routes: read a body within limits, and answer what goes wrong.

No inventory, ledger or cluster in here: the webhook process has none.
"""

from __future__ import annotations

import asyncio
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from ringfleet.dispatch.problems import Problem, answer

BODY_SECONDS: Final = 10.0

log = structlog.get_logger(__name__)


async def on_http_error(request: Request, error: Exception) -> Response:
    """What the router itself refuses."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:  # noqa: PLR2004
        problem = Problem("method-not-allowed", f"{request.method} is not possible at this path.")
    else:
        problem = Problem("not-found", "There is nothing at this path: see /openapi.json.")
    response = answer(problem, request.url.path)
    response.headers.update(error.headers or {})
    return response


async def on_error(request: Request, error: Exception) -> Response:
    return tell_fault(error, request.url.path)


def tell_fault(error: Exception, path: str) -> Response:
    """A fault of ours. The text of the exception may quote the request, so it is told to nobody: only where it was."""
    return answer(fault(error, path), path)


def fault(error: Exception, path: str) -> Problem:
    """The same, as who carries it further needs it. It is logged."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else None
    log.error("request failed", path=path, error=type(error).__name__, where=where)
    return Problem("internal-error", "The dispatcher could not answer; its log says more.")


def discreet(app: ASGIApp) -> ASGIApp:
    """Keep what `on_error` has answered and logged from the server, which would log the exception's text as well."""

    async def answered(scope: Connection, receive: Receive, send: Send) -> None:
        with suppress(Exception):
            await app(scope, receive, send)

    return answered


async def read_body(request: Request, most: int) -> bytes:
    """The body, of at most `most` bytes; the rest is not read. Raises Problem."""
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > most:
                    raise Problem("body-too-large", f"The body has more than {most:,} bytes.")
                chunks.append(chunk)
    except TimeoutError as error:
        raise Problem("malformed-request", f"The body did not come within {BODY_SECONDS:.0f} seconds.") from error
    except ClientDisconnect as error:
        raise Problem("malformed-request", "The body ended early.") from error
    return b"".join(chunks)
