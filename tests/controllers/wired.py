"""The rig with a real adapter on a real face of the sandbox carrier, in virtual time and without a socket.

What the sandbox has no state for (a trial account, say) a `Refusal` answers in its place, in the carrier's own words.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import httpx

from ringfleet.carriers.carrier import AccountSettings, Carrier
from ringfleet.carriers.telnyx import account as telnyx
from ringfleet.carriers.twilio import account as twilio
from ringfleet.carriers.twilio import api as twilio_api
from ringfleet.kube.transport import Json
from ringfleet.simulator.app import NewAccount, SimulatorSettings, build
from ringfleet.simulator.exchange import Exchange
from tests.carriers.customer import OPENINGS
from tests.controllers.rig import Rig, a_rig, a_secret, an_account, restarted

CARRIER = "http://carrier.test"
CUSTOMER = "customer"
TOKEN = "tok_customer"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is answered to calls of `method` whose path has `part`: an empty one is in every path."""

    method: str
    part: str
    status: int
    body: Json

    def concerns(self, request: httpx.Request) -> bool:
        return self.method in ("", request.method) and self.part in request.url.path


class Wire(httpx.AsyncBaseTransport):
    """Carries calls to the sandbox, all but those that are refused; `calls`: method and path of each, in order."""

    def __init__(self, app: Any) -> None:
        self.calls: list[str] = []
        self.refusals: tuple[Refusal, ...] = ()
        self._sandbox = httpx.ASGITransport(app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(f"{request.method} {request.url.path}")
        for one in self.refusals:
            if one.concerns(request):
                return httpx.Response(one.status, json=one.body)
        return await self._sandbox.handle_async_request(request)


def _open_twilio(settings: AccountSettings, wire: Wire) -> Carrier:
    return twilio.Twilio(settings, client=twilio_api.open_client(settings, wire))


def _open_telnyx(settings: AccountSettings, wire: Wire) -> Carrier:
    return telnyx.Telnyx(settings, client=telnyx.open_client(settings, wire))


_ADAPTERS: dict[str, Callable[[AccountSettings, Wire], Carrier]] = {"Twilio": _open_twilio, "Telnyx": _open_telnyx}


@dataclass(frozen=True, slots=True)
class Wired:
    """`rig` as it is; `wire` between its operator and the sandbox, whose `exchange` knows what was really sold."""

    rig: Rig
    wire: Wire
    exchange: Exchange

    def sold(self) -> list[str]:
        return [entry.number for entry in self.exchange.accounts.ledger(CUSTOMER) if entry.kind == "purchase"]


@asynccontextmanager
async def a_wired_rig(
    provider: str, *objects: Json, token: str = TOKEN, balance: int = 100_000
) -> AsyncIterator[Wired]:
    """A rig with the account `main` at this provider's face, which is asked for the first time when queues run.

    `token`: what the Secret holds; `balance` in cents.
    """
    sandbox = build(SimulatorSettings(accounts=(NewAccount(TOKEN, CUSTOMER, balance),)))
    wire = Wire(sandbox.app)
    endpoint, credentials = OPENINGS[provider](CARRIER, CUSTOMER, token)
    limits = {"requestsPerSecond": 1000, "concurrency": 8}
    account = an_account(provider=provider, endpoint=endpoint, limits=limits)
    try:
        async with a_rig(a_secret(**credentials), account, *objects, begun=False) as rig:
            with _adapters_on(wire):
                yield Wired(rig, wire, sandbox.exchange)
    finally:
        sandbox.exchange.close()


@contextmanager
def _adapters_on(wire: Wire) -> Iterator[None]:
    def open_adapter(name: str, settings: AccountSettings) -> Carrier:
        return _ADAPTERS[name](settings, wire)

    with patch("ringfleet.controllers.account_opening.open_carrier", open_adapter):
        yield


@asynccontextmanager
async def restored(wired: Wired, *kinds: str) -> AsyncIterator[Wired]:
    """The operator's next process, on a cluster that came back with these kinds only, none of them with a status; the
    carrier is as it is."""
    api, snapshot = wired.rig.api, wired.rig.api.snapshot()
    objects = {
        place: {**obj, "status": {}} if place.collection.startswith("/apis/ringfleet.dev/") else obj
        for place, obj in snapshot.objects.items()
        if place.collection.rpartition("/")[2] in kinds
    }
    api.restore(snapshot._replace(objects=objects))
    async with restarted(wired.rig, begun=False) as rig:
        with _adapters_on(wired.wire):
            yield Wired(rig, wired.wire, wired.exchange)
