"""Carries events to the customers' webhooks: retried, at least once.

Events of one number go one after the other, as they happened; several numbers' go at the same time. What is not
answered with a 2xx is tried again, after a while that grows, and by then others may have overtaken it; a face that
repeats nothing has lost it. A round's
outcome is written when it is over, so that a crash in between tells some events once more: customers must know an event
by its id.

What is sent, and how it is signed, is the business of the face that the webhook was made at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faults.rules import Fault, Operation
from ringfleet.simulator.http.pipeline import Face
from ringfleet.simulator.traffic.webhooks import Event, Pending, Webhook

_ROUND: Final = 500
_LANES: Final = 16
_YES: Final = range(200, 300)
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)


@dataclass(slots=True)
class Round:
    """`told`: also given up, where the face repeats nothing. `held`: not even tried, since nobody answers there."""

    told: list[Event] = field(default_factory=list)
    failed: list[Event] = field(default_factory=list)
    held: list[Event] = field(default_factory=list)


class Unreachable(Exception):
    """Nobody answers at the webhook."""


class Courier:
    """`failures` says, for each account, what went wrong last; nothing of an account whose events arrive."""

    def __init__(self, exchange: Exchange, faces: Iterable[Face]) -> None:
        self._exchange = exchange
        self._faces = {face.name: face for face in faces}
        self._wake = asyncio.Event()
        self._round_over = asyncio.Condition()
        self._places = asyncio.Semaphore(_LANES)
        self.failures: dict[str, str] = {}
        exchange.webhooks.wake = self._wake.set

    async def run(self) -> None:
        """Until cancelled."""
        async with aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=False) as session:
            while True:
                self._wake.clear()
                events = self._exchange.webhooks.ripe(_ROUND)
                if events:
                    await self._carry(session, events)
                else:
                    await self._rest()

    async def all_told(self, seconds: float, account: str | None) -> Pending:
        """Wait until nothing ripe waits any more, but no longer than that; return what does."""
        try:
            async with asyncio.timeout(seconds), self._round_over:
                await self._round_over.wait_for(lambda: not self._exchange.webhooks.pending(account).ripe)
        except TimeoutError:
            pass
        return self._exchange.webhooks.pending(account)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._exchange.webhooks.next_in()):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _carry(self, session: aiohttp.ClientSession, events: list[Event]) -> None:
        lanes: dict[tuple[str, str, int], list[Event]] = {}
        for event in events:
            lanes.setdefault((event.account, event.number, event.sink), []).append(event)
        round_ = Round()
        async with asyncio.TaskGroup() as group:
            for (account, _, sink), lane in lanes.items():
                webhook = self._exchange.webhooks.get(account, sink)
                if webhook is not None:
                    group.create_task(self._carry_lane(session, webhook, self._reorder(lane), round_))
        with self._exchange.store.transaction():
            self._exchange.webhooks.settle(round_.told, round_.failed, round_.held)
        async with self._round_over:
            self._round_over.notify_all()

    def _reorder(self, lane: list[Event]) -> list[Event]:
        ordered = list(lane)
        for place, event in enumerate(lane[:-1]):
            if self._strikes(Fault.EVENT_REORDERED, event) and ordered[place] is event:
                ordered[place : place + 2] = [ordered[place + 1], event]
        return ordered

    async def _carry_lane(
        self, session: aiohttp.ClientSession, webhook: Webhook, lane: list[Event], round_: Round
    ) -> None:
        repeats = self._faces[webhook.face].repeats
        async with self._places:
            for place, event in enumerate(lane):
                try:
                    failure = await self._tell(session, webhook, event)
                except Unreachable as error:
                    self.failures[webhook.account] = str(error)
                    if not repeats:
                        round_.told += lane[place:]
                        return
                    round_.failed.append(event)
                    round_.held += lane[place + 1 :]
                    return
                self._note(webhook.account, failure)
                (round_.told if failure is None or not repeats else round_.failed).append(event)

    def _note(self, account: str, failure: str | None) -> None:
        if failure is None:
            self.failures.pop(account, None)
        else:
            self.failures[account] = failure

    async def _tell(self, session: aiohttp.ClientSession, webhook: Webhook, event: Event) -> str | None:
        """What went wrong, or None when the customer has said yes, and we have heard it."""
        failure = await self._post(session, webhook, event)
        if failure is None and self._strikes(Fault.EVENT_DUPLICATED, event):
            failure = await self._post(session, webhook, event)
        if failure is None and self._strikes(Fault.EVENT_REPLY_LOST, event):
            return "the reply was lost"
        return failure

    async def _post(self, session: aiohttp.ClientSession, webhook: Webhook, event: Event) -> str | None:
        """What was answered instead of a yes. Raises Unreachable."""
        notice = self._faces[webhook.face].notify(webhook, event, self._exchange.clock.now())
        if notice is None:  # this carrier tells nobody of such events
            return None
        sending = session.post(
            webhook.url + notice.query, data=notice.body, headers=notice.headers, allow_redirects=False
        )
        try:
            async with sending as reply:
                await reply.read()
                return None if reply.status in _YES else f"HTTP {reply.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error

    def _strikes(self, fault: Fault, event: Event) -> bool:
        return bool(self._exchange.faults.strike(fault, Operation.WEBHOOK, event.account, event.number))
