"""The ledger's outbox, as those need it who send what is in it (`analytics`, `relay`), and when they try again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import aiohttp

from ringfleet.dispatch.ledger.types import ANALYTICS, Posted

TIMEOUT = aiohttp.ClientTimeout(total=30.0, sock_connect=5.0)
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 300.0
DOUBLINGS = 9
"""After so many failures the wait is the longest. Without an end it is no number any more after 1,024: three days and a
half of a receiver that is away, which then ended the dispatcher."""
LOOK_AGAIN_S = 30.0
"""Seconds until the outbox is looked at although nothing is known to have come."""


class Outbox(Protocol):
    """What is needed of the ledger."""

    @property
    def is_ours(self) -> bool: ...

    @property
    def posted(self) -> int: ...

    async def outbox(self, limit: int, target: str = ANALYTICS) -> tuple[Posted, ...]: ...

    async def targets(self) -> frozenset[str]: ...

    async def sent(self, ids: Sequence[int]) -> None: ...

    async def outbox_fills(self, than: int, within: float) -> None: ...

    async def owner_changes(self, within: float) -> None: ...


def wait_after(failures: int) -> float:
    """The seconds until something is sent again that was not taken so many times in a row."""
    return float(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(failures - 1, DOUBLINGS)))
