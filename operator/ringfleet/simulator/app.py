"""The sandbox carrier as a program: settings in, a server on one port out.

`build` puts the parts together for any ASGI server, except that broken connections need ours (`wire.WireProtocol`).
`run` serves until SIGTERM or SIGINT and then ends at once, with calls that wait or hang cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket

from starlette.applications import Starlette
from uvicorn import Config, Server

from ringfleet.simulator.defaults import DEFAULT_ACCOUNTS, STOCK_SIZE
from ringfleet.simulator.exchange import Exchange, open_exchange
from ringfleet.simulator.faces.registry import FACES
from ringfleet.simulator.faults.faults import Faults
from ringfleet.simulator.faults.rules import Rule
from ringfleet.simulator.faults.wire import WireProtocol
from ringfleet.simulator.http.control import Control
from ringfleet.simulator.http.pipeline import Door, Face, RateLimit
from ringfleet.simulator.http.webhook_sender import Courier
from ringfleet.simulator.selling.stock_change import StockChange
from ringfleet.simulator.traffic.calls import Calls


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account that is made when the state does not have it yet. `balance` in cents."""

    token: str
    id: str
    balance: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """`port` 0 is any free port. `rate_limit` is calls a second for each account."""

    host: str = "127.0.0.1"
    port: int = 0
    state: str = ":memory:"
    seed: int = 1
    accounts: tuple[NewAccount, ...] = tuple(NewAccount(*one) for one in DEFAULT_ACCOUNTS.items())
    stock_size: int = STOCK_SIZE
    stock: tuple[StockChange, ...] = ()
    faults: tuple[Rule, ...] = ()
    rate_limit: float | None = None
    port_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Simulator:
    exchange: Exchange
    app: Starlette
    courier: Courier
    closing: asyncio.Event = field(default_factory=asyncio.Event)


def build(settings: SimulatorSettings, faces: tuple[Face, ...] = FACES) -> Simulator:
    exchange = open_exchange(
        settings.state,
        Faults(settings.seed, settings.faults),
        settings.seed,
        settings.stock_size,
        settings.stock,
    )
    _open_accounts(exchange, settings.accounts)
    calls, closing = Calls(), asyncio.Event()
    courier = Courier(exchange, faces)
    door = Door(exchange, calls, RateLimit(settings.rate_limit), closing)
    control = Control(exchange, calls, courier, tuple(face.name for face in faces))
    app = Starlette(routes=[*(route for face in faces for route in door.routes(face)), *control.routes()])
    return Simulator(exchange, app, courier, closing)


async def serve(settings: SimulatorSettings, ready: Callable[[str], None]) -> None:
    """Serve until a signal; call `ready` with the base URL as soon as calls are answered."""
    simulator = build(settings)
    server = _Server(simulator, settings, ready)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, server.stop)
    carrying = asyncio.create_task(simulator.courier.run())
    try:
        await server.serve()
    finally:
        carrying.cancel()
        await asyncio.wait([carrying])
        simulator.exchange.close()


def run(settings: SimulatorSettings, ready: Callable[[str], None]) -> None:
    asyncio.run(serve(settings, ready))


class _Server(Server):
    """Uvicorn, but it says when and where it is ready, and does not wait for calls that hang."""

    def __init__(self, simulator: Simulator, settings: SimulatorSettings, ready: Callable[[str], None]) -> None:
        config = Config(
            simulator.app,
            host=settings.host,
            port=settings.port,
            http=WireProtocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            date_header=False,  # the carrier's date is that of its own clock: see the door
            backlog=4096,
            timeout_keep_alive=75,
        )
        super().__init__(config)
        self._closing = simulator.closing
        self._host = settings.host
        self._port_file = settings.port_file
        self._ready = ready

    def stop(self) -> None:
        self._closing.set()
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn would raise the signal again at the end; ours are handled in `serve`."""
        yield

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        if self._port_file is not None:
            self._port_file.write_text(f"{port}\n")
        self._ready(f"http://{self._host}:{port}")


def _open_accounts(exchange: Exchange, accounts: tuple[NewAccount, ...]) -> None:
    with exchange.turn():
        for new in accounts:
            known = exchange.accounts.get(new.id) is not None
            exchange.accounts.open(new.token, new.id, None if known else new.balance, new.currency)
