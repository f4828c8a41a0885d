"""Whether the ledger works, for /readyz: a replica whose ledger is dead is to get no picks.

::

    every 5 seconds   read  -- it worked: alive;  it did not, or took 5 seconds: dead
    a request could not be served by the ledger: dead, until a write works: a full disk can be read

A write is one opt-out of nobody, in a scope that is no set's, and always the same row.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from ringfleet.dispatch.ledger.interface import Ledger, LedgerUnavailable
from ringfleet.dispatch.ledger.types import Suppression

PROBE_SECONDS: Final = 5.0
SCOPE: Final = "readiness:"
_NOBODY: Final = Suppression(SCOPE, bytes(16), 0.0, "whether the ledger can be written")

log = structlog.get_logger(__name__)


class LedgerWatch:
    """See the module. `run` looks; `alive` tells; `failed` is called for each request that the ledger did not serve."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._must_write = False
        self.alive = True

    def failed(self) -> None:
        self.alive, self._must_write = False, True

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(PROBE_SECONDS)

    async def look(self) -> None:
        """Read the ledger, or write into it, once."""
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                if self._must_write:
                    await self._ledger.suppress([_NOBODY])  # one of both writes something, whatever is there
                    await self._ledger.allow(SCOPE, [_NOBODY.recipient])
                else:
                    await self._ledger.suppressions(SCOPE, 1)
        except (LedgerUnavailable, TimeoutError) as error:
            log.warning("ledger does not work", error=str(error) or "it does not answer")
            self.alive = False
            return
        self.alive, self._must_write = True, False
