"""The dispatcher keeps one webhook process running: it starts one, starts the next when that is gone, and ends with it.

Every wait has an end: a process that never listens, or falls silent, is killed (`life.py`); starts that fail come at
longer and longer intervals; a drain that takes too long is cut.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog

from ringfleet.dispatch.listener import DRAIN_SECONDS, Address
from ringfleet.dispatch.settings import DispatchSettings
from ringfleet.dispatch.webhook_process.life import Life, start
from ringfleet.dispatch.webhook_process.lines import Lines
from ringfleet.dispatch.webhook_process.messages import Begin, Moved, Up
from ringfleet.dispatch.webhook_process.replies import Counting, Replies, Vouching
from ringfleet.dispatch.webhooks import Taker

AGAIN_SECONDS: Final = (0.2, 1.0, 5.0, 15.0)
"""How long to wait before the next start: the first after one that has lived for a while, else one step longer."""
A_WHILE: Final = 30
"""Looks, as `life.py` counts them."""
BACKLOG: Final = 2048

log = structlog.get_logger(__name__)


class WebhookWatch:
    """See the module. `ahead`: seconds, of the clock, when asked. Raises OSError: nobody can listen there."""

    def __init__(
        self,
        settings: DispatchSettings,
        senders: Vouching,
        taker: Taker,
        metrics: Counting,
        ahead: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._replies = Replies(senders, taker, metrics)
        self._ahead = ahead
        self._socket = _listen(Address.parse(settings.events))
        host, port = self._socket.getsockname()[:2]
        self.url = f"{'https' if settings.tls_cert else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
        """Here carriers call. Whoever connects while no process runs waits for the next one."""
        self._life: Life | None = None
        self._draining = asyncio.Event()
        self._ended = asyncio.Event()
        senders.on_change(self._tell_accounts)

    @property
    def alive(self) -> bool:
        """Whether carriers are answered."""
        return self._life is not None and self._life.listens

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return self._life.process.pid if self._life else None

    def tell_time(self) -> None:
        """The clock was moved."""
        if self._life:
            self._life.say(Moved(self._ahead()))

    def drain(self) -> None:
        """Take no more connections; what is under way is answered."""
        if not self._draining.is_set():
            self._draining.set()
            self._socket.close()
            if self._life:
                self._life.drain()

    @asynccontextmanager
    async def draining(self) -> AsyncIterator[None]:
        """At the end of the body, which does not fail, the process drains; `keep` is to run until then."""
        yield
        self.drain()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), DRAIN_SECONDS)

    async def keep(self) -> None:
        """Keep one running until it has drained. Cancelled, it is killed."""
        failed = 0
        try:
            while not self._draining.is_set():
                looks = await self._live()
                failed = 0 if looks >= A_WHILE else failed + 1
                await self._rest(AGAIN_SECONDS[min(failed, len(AGAIN_SECONDS) - 1)])
        finally:
            self._socket.close()
            self._ended.set()

    async def _rest(self, seconds: float) -> None:
        if not self._draining.is_set():
            log.error("webhook process ended", again_in=seconds)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._draining.wait(), seconds)

    async def _live(self) -> int:
        """One process, from start to end; for how many looks it has listened."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await start(theirs, self._socket, self._settings.log_level, self._settings.log_format)
        except OSError as error:
            ours.close()
            log.error("webhook process can't be started", error=str(error))  # noqa: TRY400 - its message says it all
            return 0
        lines: Lines[Up] = await Lines.over(ours, Up)
        life = self._life = Life(process, lines, self._replies.hear)
        life.say(self._begin())
        self._tell_accounts()
        if self._draining.is_set():  # since it was begun to start
            life.drain()
        try:
            await life.run()
        finally:
            self._life = None
        return life.looks

    def _begin(self) -> Begin:
        chosen, address = self._settings, self._settings.public_address
        chain, key = (str(file) if file else None for file in (chosen.tls_cert, chosen.tls_key))
        return Begin(address.events_url, address.trust_forwarded, chain, key, self._ahead())

    def _tell_accounts(self) -> None:
        if self._life:
            self._life.say(self._replies.known())


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise OSError(f"can't listen on {address.host}:{address.port}: {error.strerror}") from error
    return made
