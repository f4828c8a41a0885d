"""Events on their way from the webhook process to the ledger: in batches, bounded, and each settled by itself.

::

    take: queue --at most BATCHES on their way--> sent --Settled--> answered
      |      '-- MOST_EVENTS or MOST_BYTES wait: 503 at once
      '-- not settled within SETTLE_SECONDS: 503, whatever becomes of it; the carrier repeats it under the same id
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, NamedTuple

from ringfleet.carriers.webhooks import WebhookRequest
from ringfleet.dispatch.problems import Problem
from ringfleet.dispatch.webhook_process.accounts import unanswered
from ringfleet.dispatch.webhook_process.lines import Lines
from ringfleet.dispatch.webhook_process.messages import Account, Batch, Down, Profile, Settled, pack, pack_request
from ringfleet.model import E164, AccountKey
from ringfleet.model.refs import ObjectRef
from ringfleet.model.traffic import CarrierEvent

SETTLE_SECONDS: Final = 4.0
"""Carriers wait for an answer for 5 seconds and more."""
MOST_EVENTS: Final = 2048
"""Events that wait for the dispatcher, on their way or not."""
MOST_BYTES: Final = 16 * 1024 * 1024
"""The same, packed. A frame is never longer."""
BATCH: Final = 128
BATCHES: Final = 4
"""So many are on their way at once: while they are committed the next one fills."""


class Waiting(NamedTuple):
    """An event that nobody has settled yet."""

    account: Account
    packed: bytes
    profile: Profile | None
    """Of a request that is to be passed on: whose program is to get it; None: it is an event."""
    settled: asyncio.Future[str]


class Handover:
    """See the module."""

    def __init__(self, lines: Lines[Down]) -> None:
        self._lines = lines
        self._queue: deque[Waiting] = deque()
        self._sent: dict[int, list[Waiting]] = {}
        self._batch = 0
        self._events = self._bytes = 0

    async def take(self, key: AccountKey, event: CarrierEvent) -> str:
        """See `webhooks.Taker`. Raises Problem."""
        return await self._hand_over(key, pack(event))

    async def pass_on(
        self, key: AccountKey, profile: ObjectRef, request: WebhookRequest, peer: E164 | None = None
    ) -> None:
        """See `webhooks.Taker`. Raises Problem."""
        await self._hand_over(key, pack_request(request, peer), (profile.namespace, profile.name))

    async def _hand_over(self, key: AccountKey, packed: bytes, profile: Profile | None = None) -> str:
        """What became of it. Raises Problem."""
        if self._events >= MOST_EVENTS or self._bytes + len(packed) > MOST_BYTES:
            raise Problem("ledger-unavailable", "Too many events wait to be written. Send the event again.")
        settled: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        waiting = Waiting((key.namespace, key.name), packed, profile, settled)
        self._events += 1
        self._bytes += len(packed)
        self._queue.append(waiting)
        if len(self._queue) == 1:
            asyncio.get_running_loop().call_soon(self._send)  # with those that are read in the same turn
        try:
            return await asyncio.wait_for(waiting.settled, SETTLE_SECONDS)
        except TimeoutError as error:
            raise unanswered() from error

    def settle(self, settled: Settled) -> None:
        batch = self._sent.pop(settled.batch)
        for one, result in zip(batch, settled.results, strict=True):
            if one.settled.done():
                continue  # it was told that nobody knows, and comes again
            if isinstance(result, str):
                one.settled.set_result(result)
            else:
                one.settled.set_exception(result.problem())
        self._forget(batch)
        self._send()

    def _send(self) -> None:
        while self._queue and len(self._sent) < BATCHES:
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            wanted = [one for one in batch if not one.settled.done()]
            self._forget([one for one in batch if one.settled.done()])
            if wanted:
                self._batch += 1
                self._sent[self._batch] = wanted
                self._lines.say(Batch(self._batch, tuple((one.account, one.packed, one.profile) for one in wanted)))

    def _forget(self, batch: list[Waiting]) -> None:
        self._events -= len(batch)
        self._bytes -= sum(len(one.packed) for one in batch)
