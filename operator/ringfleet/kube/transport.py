"""One request to the API server, over the client of `kubernetes.aio`; every failure leaves as a `KubeError`.

No retry, no pacing, no kinds: those are `kube.client`'s. When the API server no longer accepts the credentials (401),
they are read again from where they came from and the call is repeated once: so exec plugins, token files and renewed
certificates need no timer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson

from ringfleet.kube.errors import (
    AlreadyExists,
    Conflict,
    FieldCause,
    Forbidden,
    Gone,
    Invalid,
    KubeError,
    NotConfigured,
    NotFound,
    NotProcessed,
    Unavailable,
)
from ringfleet.kube.library import ApiClient, Configuration
from ringfleet.kube.refusals import safe_words

Json = dict[str, Any]

CONNECT_SECONDS = 10.0
RELOAD_SECONDS = 10.0  # credentials are read again at most this often
USER_AGENT = "ringfleet"  # the API server takes its part before "/" as the field manager


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `body` is what becomes JSON; `path` is already escaped."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """More headers, such as one for a service behind the API server's proxy."""

    @property
    def reads(self) -> bool:
        """Whether the request changes nothing, so that it may be repeated."""
        return self.method == "GET"

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Transport:
    """Sends requests with whatever `load` says about server and credentials. `close` it at the end."""

    def __init__(self, configuration: Configuration, load: Callable[[], Awaitable[Configuration]]) -> None:
        self._load = load
        self._api = _api_client(configuration)
        self._retired: ApiClient | None = None  # the one before, for calls that are still under way
        self._reloading = asyncio.Lock()
        self._loaded_at = float("-inf")

    async def close(self) -> None:
        await self._api.close()  # type: ignore[no-untyped-call]  # the library has no types here
        if self._retired is not None:
            await self._retired.close()  # type: ignore[no-untyped-call]  # the same

    @property
    def configuration(self) -> Configuration:
        configuration: Configuration = self._api.configuration
        return configuration

    async def call(self, request: Request, timeout: float) -> Json:  # noqa: ASYNC109 - aiohttp's own, one a request
        """Send `request` and return the object in the reply. `timeout` in seconds, for all of it."""
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=CONNECT_SECONDS)
        with _translated(request):
            async with self._opened(request, limits) as response:
                return _parsed(await response.read())

    async def lines(self, request: Request, silence: float) -> AsyncGenerator[Json]:
        """The objects of a stream, one a line, until the server ends it.

        Raises:
            Unavailable: nothing came for `silence` seconds, or the connection broke.
        """
        limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence)
        with _translated(request):
            async with self._opened(request, limits) as response:
                rest = b""
                async for chunk in response.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        yield _parsed(line)

    @contextlib.asynccontextmanager
    async def _opened(self, request: Request, limits: aiohttp.ClientTimeout) -> AsyncIterator[aiohttp.ClientResponse]:
        """The response, its body not read yet, when it is a success."""
        async with await self._sent_and_accepted(request, limits) as response:
            if response.status >= 400:  # noqa: PLR2004 - HTTP
                raise refusal(request, response.status, response.headers, await response.read())
            yield response

    async def _sent_and_accepted(self, request: Request, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        api = self._api
        response = await _sent(api, request, limits)
        if response.status == 401 and await self._reloaded(api):  # noqa: PLR2004 - HTTP
            response.close()
            response = await _sent(self._api, request, limits)
        return response

    async def _reloaded(self, refused: ApiClient) -> bool:
        """Whether there are other credentials than `refused` had. Reads them again if that was not done just now."""
        async with self._reloading:
            if self._api is not refused:
                return True
            now = asyncio.get_running_loop().time()
            if now < self._loaded_at + RELOAD_SECONDS:
                return False
            self._loaded_at = now
            fresh = _api_client(await self._load())
            if self._retired is not None:
                await self._retired.close()  # type: ignore[no-untyped-call]  # the same
            self._retired, self._api = self._api, fresh
            return True


def _api_client(configuration: Configuration) -> ApiClient:
    try:
        return ApiClient(configuration)
    except OSError as error:  # ssl.SSLError is one
        raise NotConfigured(f"can't use the certificates for {configuration.host}: {error}") from error


async def _sent(api: ApiClient, request: Request, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
    headers = {
        **dict(request.headers),
        "User-Agent": USER_AGENT,
        "Accept": "application/json",
        "Content-Type": request.content_type,
    }
    await api.update_params_for_auth(headers, [], ["BearerToken"], request.path, request.method, None)
    url = api.configuration.host + request.path + ("?" + urlencode(request.query) if request.query else "")
    reply = await api.call_api(request.method, url, headers, request.body, _request_timeout=limits)
    response: aiohttp.ClientResponse = reply.response
    return response


@contextlib.contextmanager
def _translated(request: Request) -> Iterator[None]:
    """Every way in which a connection can fail, as a `KubeError`."""
    try:
        yield
    except aiohttp.ClientConnectorCertificateError as error:
        raise NotConfigured(f"{request}: the API server's certificate is not from the CA we were given") from error
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise NotProcessed(f"{request}: can't connect to the API server: {error}") from error
    except TimeoutError as error:
        raise Unavailable(f"{request}: no answer from the API server in time") from error
    except (aiohttp.ClientError, OSError) as error:
        raise Unavailable(
            f"{request}: the connection to the API server broke: {error or type(error).__name__}"
        ) from error


def _parsed(body: bytes) -> Json:
    try:
        parsed: Json = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise aiohttp.ClientPayloadError(f"not JSON: {len(body)} bytes") from error  # they may be of an object
    return parsed


def refusal(request: Request, status: int, headers: Mapping[str, str], body: bytes) -> KubeError:
    """The error for an HTTP status of 400 or more; `body` is a metav1.Status, or a proxy's page."""
    return status_error(str(request), _status_object(status, body), _seconds(headers.get("Retry-After")))


def status_error(where: str, status: Json, retry_after: float | None = None) -> KubeError:
    """The error that a metav1.Status tells. `where` is the request; `retry_after` in seconds, from the header."""
    error = _error(where, status, retry_after)
    if status.get("message"):
        error.verbatim = f"{where}: {status['message']}"
    return error


def _error(where: str, status: Json, retry_after: float | None) -> KubeError:
    code = status.get("code") or 500
    details = status.get("details") or {}
    message = f"{where}: {safe_words(code, status)}"
    if retry_after is None:
        retry_after = details.get("retryAfterSeconds")
    match code:
        case 401 | 403:
            return Forbidden(message)
        case 404:
            return NotFound(message)
        case 409:
            return AlreadyExists(message) if status.get("reason") == "AlreadyExists" else Conflict(message)
        case 410:
            return Gone(message)
        case 429:
            return NotProcessed(message, retry_after)
        case 503 if retry_after is not None:
            return NotProcessed(message, retry_after)
        case 408:
            return Unavailable(message, retry_after)
        case _ if code >= 500:  # noqa: PLR2004 - HTTP
            return Unavailable(message, retry_after)
        case _:
            return Invalid(message, _causes(details))


def _status_object(code: int, body: bytes) -> Json:
    """The Status in `body`, or one made of a reply that is not the API server's own."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = None
    if isinstance(parsed, dict) and parsed.get("kind") == "Status":
        return {**parsed, "code": code}
    return {"code": code, "message": f"HTTP {code}: {' '.join(body[:200].decode(errors='replace').split())}"}


def _causes(details: Json) -> tuple[FieldCause, ...]:
    return tuple(FieldCause(cause.get("field", ""), cause.get("message", "")) for cause in details.get("causes") or ())


def _seconds(header: str | None) -> float | None:
    """`Retry-After` in seconds; None when it is absent or a date, which the API server never sends."""
    return float(header) if header is not None and header.isdecimal() else None
