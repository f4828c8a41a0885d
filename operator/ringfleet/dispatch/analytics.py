"""Carriers' events, normalised, to a URL of the user's: from the ledger's outbox, at least once, in their order.

::

    webhook --> one group: counted, and put into the outbox --> 2xx to the carrier
    the owner:  outbox --> POST a batch, signed --2xx--> taken out
                                                --else--> the same batch again, ever more seldom, for ever

What arrives twice has the same `source` and `id`. A batch is a JSON array of CloudEvents
(`application/cloudevents-batch+json`), signed as Standard Webhooks have it: the header `webhook-signature` is `v1,` and
the base64 of an HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>` by the secret. The `webhook-id` is a digest
of the body: the same for the same batch, and for no other, whatever becomes of the ledger. Only the owner of the ledger
sends. Picks and carriers never wait for it; what nobody takes is forgotten with its day, after a week.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import aiohttp
import structlog

from ringfleet.dispatch.ledger.interface import LedgerUnavailable
from ringfleet.dispatch.ledger.types import Posted
from ringfleet.dispatch.metrics import Metrics
from ringfleet.dispatch.outbox import LOOK_AGAIN_S, TIMEOUT, Outbox, wait_after

BATCH = 500
"""Events in one request, at most."""
TOO_LARGE = 413
MEDIA_TYPE = "application/cloudevents-batch+json"

log = structlog.get_logger(__name__)


class Forwarding:
    """See the module. `secret`: the file of the secret, read anew each time; `now`: POSIX seconds."""

    def __init__(self, ledger: Outbox, url: str, secret: Path, now: Callable[[], float], metrics: Metrics) -> None:
        self._ledger = ledger
        self._url = url
        self._secret = secret
        self._now = now
        self._metrics = metrics
        self._most = BATCH
        self._failures = 0

    async def run(self) -> None:
        """Send until cancelled."""
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            while True:
                if not self._ledger.is_ours:
                    await self._ledger.owner_changes(LOOK_AGAIN_S)
                    continue
                posted = self._ledger.posted
                try:
                    rest = await self.send_some(session)
                except LedgerUnavailable as error:
                    log.warning("the outbox can't be read or written", error=str(error))
                    rest = False
                if self._failures:
                    await asyncio.sleep(wait_after(self._failures))
                elif not rest:
                    await self._ledger.outbox_fills(posted, LOOK_AGAIN_S)

    async def send_some(self, session: aiohttp.ClientSession) -> bool:
        """Send the oldest. Whether there may be more.

        Raises:
            LedgerUnavailable: they can't be read, or not be taken out: then they are sent again.
        """
        posted = await self._ledger.outbox(self._most)
        if not posted:
            return False
        outcome = await self._send(session, posted)
        self._metrics.forwarded(outcome, len(posted))
        if outcome == "taken":
            self._failures, self._most = 0, BATCH
            await self._ledger.sent([one.id for one in posted])
            return True
        self._failures += 1
        return False

    async def _send(self, session: aiohttp.ClientSession, posted: Sequence[Posted]) -> str:
        try:
            body = b"[" + b",".join(one.entry for one in posted) + b"]"
            headers = await self._headers(sha256(body).hexdigest(), body)
            async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as reply:
                status = reply.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            log.warning("events not forwarded", events=len(posted), error=type(error).__name__)
            return "unreachable"
        if 200 <= status < 300:  # noqa: PLR2004 - taken
            return "taken"
        if status == TOO_LARGE:
            self._most = max(1, len(posted) // 2)
        log.warning("events not forwarded", events=len(posted), status=status)
        return "refused"

    async def _headers(self, id_: str, body: bytes) -> dict[str, str]:
        secret = (await asyncio.to_thread(self._secret.read_bytes)).strip()
        if not secret:
            raise ValueError("the secret is empty")
        at = str(int(self._now()))
        return {"Content-Type": MEDIA_TYPE, "webhook-id": id_, "webhook-timestamp": at} | {
            "webhook-signature": sign(secret, id_, at, body)
        }


def sign(secret: bytes, id_: str, at: str, body: bytes) -> str:
    """The signature of a request, as Standard Webhooks have it."""
    signed = hmac.new(secret, f"{id_}.{at}.".encode() + body, sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"
