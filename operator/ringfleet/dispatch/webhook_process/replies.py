"""What the dispatcher answers its webhook process: who may send, and what became of events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, Protocol

from ringfleet.dispatch.http_edge import fault
from ringfleet.dispatch.problems import Problem
from ringfleet.dispatch.webhook_process.lines import Lines
from ringfleet.dispatch.webhook_process.messages import (
    Account,
    Ask,
    Batch,
    Beat,
    Known,
    Profile,
    Ready,
    Refusal,
    Settled,
    Up,
    Vouched,
    unpack,
    unpack_request,
)
from ringfleet.dispatch.webhooks import Taker
from ringfleet.model import AccountKey
from ringfleet.model.refs import ObjectRef

PASSED_ON: Final = "passed on"
"""What became of a request that the outbox has."""


class Vouching(Protocol):
    """Who knows the accounts: `senders.Senders`."""

    def keys(self) -> Iterable[AccountKey] | None: ...

    def on_change(self, hear: Callable[[], None]) -> None: ...

    async def vouch(self, key: AccountKey) -> tuple[str, tuple[str, ...]]: ...


class Counting(Protocol):
    """Who counts what is answered: `metrics.Metrics`."""

    def answered(self, outcome: str, status: int, times: int = 1) -> None: ...


class Replies:
    """See the module. `taker`: takes an event into the ledger."""

    def __init__(self, senders: Vouching, taker: Taker, metrics: Counting) -> None:
        self._senders = senders
        self._taker = taker
        self._metrics = metrics
        self._tasks: set[asyncio.Task[None]] = set()

    def known(self) -> Known:
        keys = self._senders.keys()
        return Known(None if keys is None else tuple((key.namespace, key.name) for key in keys))

    def hear(self, message: Up, lines: Lines[Up]) -> None:
        """What it says; the answer goes over `lines`, or nowhere when the process is gone by then."""
        match message:
            case Beat():
                for outcome, status, times in message.answered:
                    self._metrics.answered(outcome, status, times)
            case Ask():
                self._begin(self._vouch(message.account, lines))
            case Batch():
                self._begin(self._settle(message, lines))
            case Ready():
                pass

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _vouch(self, account: Account, lines: Lines[Up]) -> None:
        try:
            lines.say(Vouched(account, *await self._senders.vouch(AccountKey(*account))))
        except Problem as problem:
            lines.say(Vouched(account, refusal=Refusal.of(problem)))
        except Exception as error:
            lines.say(Vouched(account, refusal=Refusal.of(fault(error, _path(account)))))

    async def _settle(self, batch: Batch, lines: Lines[Up]) -> None:
        """Each by itself: one that is refused holds up none; the ledger writes them as one group all the same."""
        results = await asyncio.gather(*(self._take(*one) for one in batch.events))
        lines.say(Settled(batch.batch, tuple(results)))

    async def _take(self, account: Account, packed: bytes, profile: Profile | None) -> str | Refusal:
        try:
            if profile is None:
                return await self._taker.take(AccountKey(*account), unpack(packed))
            return await self._pass_on(AccountKey(*account), ObjectRef(*profile), packed)
        except Problem as problem:
            return Refusal.of(problem)
        except Exception as error:
            return Refusal.of(fault(error, _path(account)))

    async def _pass_on(self, key: AccountKey, profile: ObjectRef, packed: bytes) -> str:
        await self._taker.pass_on(key, profile, *unpack_request(packed))
        return PASSED_ON


def _path(account: Account) -> str:
    return f"/v1/events/{'/'.join(account)}"
