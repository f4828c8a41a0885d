"""A wire that says what a test wrote down, and a clock that only moves when someone sleeps.

`Script` answers the n-th call with its n-th line: a status, a whole response, or an exception that httpx would raise.
It stands for the network, never for a carrier: adapters are tested against the sandbox carrier.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx

from ringfleet.carriers.carrier import AccountSettings
from ringfleet.carriers.didhub.wire import read_refusal
from ringfleet.carriers.http import AccountClient, Refusal

TOKEN = "tok_very_secret"

Line = httpx.Response | Exception | int


@dataclass
class Time:
    """Seconds. `sleep` returns at once and moves the clock; `slept` keeps each length."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Script(httpx.AsyncBaseTransport):
    """Answers the calls with `lines`, the last one again and again; keeps the requests."""

    def __init__(self, *lines: Line, before: Callable[[], Awaitable[None]] | None = None) -> None:
        self.lines = lines
        self.requests: list[httpx.Request] = []
        self._before = before

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        line = self.lines[min(len(self.requests), len(self.lines) - 1)]
        self.requests.append(request)
        if self._before:
            await self._before()
        match line:
            case Exception():
                raise line
            case int():
                return httpx.Response(line, json={} if line < 300 else error(f"code_{line}"))
            case _:
                return httpx.Response(line.status_code, headers=line.headers, content=line.content)


def error(code: str, message: str = "No.") -> dict[str, object]:
    """DIDHub's form of an error."""
    return {"error": {"code": code, "message": message}}


def settings(**changes: object) -> AccountSettings:
    """An account whose pace never gets in the way, unless a test says so."""
    values: dict[str, object] = {"endpoint": "http://carrier.test", "credentials": {"token": TOKEN}}
    values |= {"requests_per_second": 1e6, "timeout": 5.0, **changes}
    return AccountSettings("shop/didhub", **values)  # type: ignore[arg-type]


def client(
    script: httpx.AsyncBaseTransport,
    time: Time | None = None,
    read: Callable[[httpx.Response], Refusal] = read_refusal,
    **changes: object,
) -> AccountClient:
    """A client over `script`, which reads refusals as DIDHub's. Its dice always throw a half."""
    time = time or Time()
    return AccountClient(
        settings(**changes),
        headers={"Authorization": f"Bearer {TOKEN}"},
        read_refusal=read,
        transport=script,
        clock=time,
        sleep=time.sleep,
        jitter=lambda: 0.5,
    )
