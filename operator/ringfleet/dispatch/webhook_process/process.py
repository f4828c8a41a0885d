"""The webhook process itself: its listener, what it hears from the dispatcher, and its end.

It is started by `life.py`, with a socket to the dispatcher and one that listens.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Final

from ringfleet.dispatch.listener import Address, Listener
from ringfleet.dispatch.public_address import PublicAddress
from ringfleet.dispatch.tls import Certificate, follow_certificate
from ringfleet.dispatch.webhook_process.accounts import Accounts
from ringfleet.dispatch.webhook_process.handover import Handover
from ringfleet.dispatch.webhook_process.lines import Lines
from ringfleet.dispatch.webhook_process.messages import Beat, Begin, Down, Drain, Known, Moved, Ready, Settled, Vouched
from ringfleet.dispatch.webhooks import Events, HotEvents, app_of

BEAT_SECONDS: Final = 1.0


class Counts:
    """What was answered, until the dispatcher is told, whose metrics have it."""

    def __init__(self) -> None:
        self._answered: Counter[tuple[str, int]] = Counter()

    def answered(self, outcome: str, status: int) -> None:
        self._answered[outcome, status] += 1

    def beat(self) -> Beat:
        told = tuple((outcome, status, times) for (outcome, status), times in self._answered.items())
        self._answered.clear()
        return Beat(told)


class WebhookProcess:
    """From its start until the dispatcher lets it drain. `ahead`: see `messages.Moved`."""

    def __init__(self, lines: Lines[Down], begin: Begin, listening: socket.socket) -> None:
        self._lines = lines
        self._ahead = begin.ahead
        self._counts = Counts()
        self._accounts = Accounts(lines)
        self._handover = Handover(lines)
        address = PublicAddress(begin.events_url, begin.trust_forwarded)
        events = Events(self._accounts, self._handover, self._now, self._counts, address)
        pair = begin.tls_cert, begin.tls_key
        self._certificate = Certificate(Path(pair[0]), Path(pair[1])) if pair[0] and pair[1] else None
        self._listener = Listener(app_of(events), Address("", 0), self._certificate, HotEvents(events))
        self._listening = listening

    def _now(self) -> float:
        return time.time() + self._ahead

    async def run(self) -> None:
        """Serve until drained. Without the dispatcher it does not return: see `_hear`."""
        jobs = [asyncio.create_task(self._hear()), asyncio.create_task(self._beat())]
        jobs += [asyncio.create_task(follow_certificate(self._certificate))] if self._certificate else []
        serving = asyncio.create_task(self._listener.serve([self._listening]))
        bound = asyncio.create_task(self._listener.bound.wait())
        await asyncio.wait({bound, serving}, return_when=asyncio.FIRST_COMPLETED)
        self._lines.say(Ready())
        await serving
        self._lines.say(self._counts.beat())
        for job in (*jobs, bound):
            job.cancel()
        self._lines.close()

    async def _hear(self) -> None:
        """Nothing can be acknowledged without the dispatcher, and another one may want the port: end at once when it is
        gone, without an answer to what is under way."""
        with suppress(ValueError):
            async for message in self._lines.heard():
                self._obey(message)
        os._exit(1)

    def _obey(self, message: Down) -> None:
        match message:
            case Settled():
                self._handover.settle(message)
            case Vouched():
                self._accounts.vouch(message)
            case Known():
                self._accounts.learn(message)
            case Moved():
                self._ahead = message.ahead
            case Drain():
                self._listener.should_exit = True

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            if not self._lines.unread:  # a dispatcher that does not listen is told once, later
                self._lines.say(self._counts.beat())


async def run_webhooks(end: int, listening: int) -> None:
    """Serve carriers on the socket `listening` until the dispatcher at the other `end` says Drain or is gone. Both are
    file descriptors. Raises CertificateUnreadable."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):  # a terminal sends them to both; the dispatcher tells when to end
        loop.add_signal_handler(number, lambda: None)
    lines: Lines[Down] = await Lines.over(socket.socket(fileno=end), Down)
    async for begin in lines.heard():
        assert isinstance(begin, Begin)
        await WebhookProcess(lines, begin, socket.socket(fileno=listening)).run()
        return
