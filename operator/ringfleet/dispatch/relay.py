"""Carriers' requests, passed on to the program that the carrier would have called without us: from the ledger's outbox.

::

    carrier --request--> webhooks: signed, its STOP in the ledger --> outbox --> 2xx to the carrier
    the owner:           a queue for each target:  the oldest --POST, as it came--> program
                             2xx, 3xx, 4xx                        taken out: it has had its say
                             408, 429, 5xx                        again, ever more seldom; five times at most
                             nobody answers                       again, for a week

So the program gets each request at least once, those for one target in their order, and a target that is dead holds up
no other. Body and signature are as they came: they are signed for the URL in `X-Ringfleet-Original-Url`, which is the
one that the carrier has called. What the program answers goes nowhere: the carrier has had its answer. Only the owner
of the ledger sends. A target that is not on the internet is like one that does not answer, unless the administrator has
let it in: see `relay_reach`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import aiohttp
import msgspec
import structlog

from ringfleet.carriers.webhooks import SIGNING_HEADERS
from ringfleet.dispatch.ledger.interface import LedgerUnavailable
from ringfleet.dispatch.ledger.types import ANALYTICS, Letter, Posted
from ringfleet.dispatch.metrics import Metrics
from ringfleet.dispatch.outbox import LOOK_AGAIN_S, TIMEOUT, Outbox, wait_after
from ringfleet.dispatch.relay_reach import Network, OutOfReach, sockets_within

ORIGINAL_URL: Final = "X-Ringfleet-Original-Url"
KEPT: Final = ("content-type", "user-agent")
"""The headers that are passed on, besides what carriers sign with: what the body is."""
AGAIN: Final = frozenset({408, 429})
TRIES: Final = 5
"""So often a request is sent to a program that answers that it can't take it now."""

log = structlog.get_logger(__name__)


class Original(msgspec.Struct, frozen=True):
    """A carrier's request as it came."""

    url: str
    """The URL that the carrier has called, and signed for."""
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Original).decode


def letter_of(target: str, url: str, headers: Mapping[str, str], body: bytes, recipient: bytes = b"") -> Letter:
    """The request, to be passed on to the target. `recipient`: the hash of the person whose words it has."""
    kept = {name: text for name, text in headers.items() if name in KEPT or name.startswith(SIGNING_HEADERS)}
    return Letter(target, _encode(Original(url, kept, body)), recipient)


class Relay:
    """See the module. `networks`: where requests may go besides the internet."""

    def __init__(self, ledger: Outbox, metrics: Metrics, networks: Sequence[Network] = ()) -> None:
        self._socket = sockets_within(networks)
        self._ledger = ledger
        self._metrics = metrics
        self._queues: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Send until cancelled."""
        # No limit: a target that does not answer takes nobody's place.
        connector = aiohttp.TCPConnector(limit=0, socket_factory=self._socket)
        async with aiohttp.ClientSession(timeout=TIMEOUT, connector=connector) as session:
            try:
                while True:
                    await self._look(session)
            finally:
                for queue in self._queues.values():
                    queue.cancel()

    async def _look(self, session: aiohttp.ClientSession) -> None:
        """See that each target has somebody who sends, and wait for more."""
        if not self._ledger.is_ours:
            await self._ledger.owner_changes(LOOK_AGAIN_S)
            return
        posted = self._ledger.posted
        try:
            targets = await self._ledger.targets() - {ANALYTICS}
        except LedgerUnavailable as error:
            log.warning("the outbox can't be read", error=str(error))
            targets = frozenset()
        for target in targets - self._queues.keys():
            self._queues[target] = asyncio.create_task(self._empty(session, target))
        await self._ledger.outbox_fills(posted, LOOK_AGAIN_S)

    async def _empty(self, session: aiohttp.ClientSession, target: str) -> None:
        """Send what is for the target, until there is nothing more."""
        try:
            failures, answers = 0, 0
            while self._ledger.is_ours and (oldest := await self._ledger.outbox(1, target)):
                status = await self._send(session, target, oldest[0])
                answers += status is not None
                if status is not None and (is_final(status) or answers >= TRIES):
                    await self._ledger.sent([oldest[0].id])
                    failures, answers = 0, 0
                else:
                    failures += 1
                    await asyncio.sleep(wait_after(failures))
        except LedgerUnavailable as error:
            log.warning("the outbox can't be read or written", error=str(error))
        finally:
            self._queues.pop(target, None)

    async def _send(self, session: aiohttp.ClientSession, target: str, posted: Posted) -> int | None:
        """The status that the program answers; None: it does not."""
        original = _decode(posted.entry)
        headers = {**original.headers, ORIGINAL_URL: original.url}
        try:
            async with session.post(target, data=original.body, headers=headers, allow_redirects=False) as reply:
                status = reply.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            forbidden = is_out_of_reach(error)
            reason = OutOfReach.__name__ if forbidden else type(error).__name__
            log.warning("request not passed on", target=target, error=reason)
            self._metrics.forwarded("relay-forbidden" if forbidden else "relay-unreachable", 1)
            return None
        taken = 200 <= status < 300  # noqa: PLR2004
        if not taken:
            log.warning("request not taken by its program", target=target, status=status)
        self._metrics.forwarded("relayed" if taken else "relay-refused", 1)
        return status


def is_final(status: int) -> bool:
    """Whether a program that answers so has had its say."""
    return status < 500 and status not in AGAIN  # noqa: PLR2004 - from there on it is the program's own trouble


def is_out_of_reach(error: BaseException | None) -> bool:
    """Whether this came of an address to which nothing is passed on; the client wraps what its socket has raised."""
    while error is not None and not isinstance(error, OutOfReach):
        error = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error.__cause__
    return error is not None
