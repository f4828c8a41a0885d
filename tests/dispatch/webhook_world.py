"""A dispatcher as far as carriers meet it: its webhook process, what takes events in, and a ledger.

As a program (`python -m tests.dispatch.webhook_world FOLDER`) it prints URL and pid of the webhook process, and then
serves until it is killed.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import uvloop

from ringfleet.dispatch.event_intake import Intake
from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.settings import DispatchSettings
from ringfleet.dispatch.webhook_process.watch import WebhookWatch
from ringfleet.model import AccountKey
from tests.carriers.webhooks import NOW, a_body, an_event, signed
from tests.dispatch.test_webhooks import HASHER, HERE, World, enlist
from tests.waiting import until

PATH = f"/v1/events/{HERE}"


class Sandbox:
    """One DIDHub account, whose secrets a test changes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.accounts = [HERE]
        self.hear: Callable[[], None] = lambda: None

    def keys(self) -> list[AccountKey]:
        return self.accounts

    def on_change(self, hear: Callable[[], None]) -> None:
        self.hear = hear

    def have(self, *accounts: AccountKey) -> None:
        self.accounts = [*accounts]
        self.hear()

    async def vouch(self, _: AccountKey) -> tuple[str, tuple[str, ...]]:
        return "DIDHub", self.world.secrets

    def change(self, *secrets: str) -> None:
        self.world.secrets = secrets
        self.hear()


@asynccontextmanager
async def a_dispatcher(folder: Path, taker: Any = None) -> AsyncIterator[tuple[WebhookWatch, World, Sandbox]]:
    """Its clock stands near NOW. `taker` in the place of what takes events in."""
    async with SqliteLedger(folder / "ledger.sqlite") as ledger:
        await enlist(ledger)
        world = World(ledger)
        sandbox = Sandbox(world)
        settings = DispatchSettings(dev_insecure=True, events="127.0.0.1:0")
        watch = WebhookWatch(settings, sandbox, taker or intake(world), world.metrics, lambda: NOW - time.time())
        keeping = asyncio.create_task(watch.keep())
        try:
            async with watch.draining():
                await until(lambda: watch.alive or keeping.done(), "a webhook process that listens")
                yield watch, world, sandbox
            assert keeping.done(), "it drained in time"
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


def intake(world: World) -> Intake:
    return Intake(world.ledger, world, HASHER.hashes, lambda: world.now, world.metrics)


def a_client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, trust_env=False, timeout=60)


async def send(client: httpx.AsyncClient, id_: str, secret: str | None = None) -> tuple[int, str]:
    """Status and what became of the event of this id; 0 and nothing: no answer came."""
    body = a_body(an_event("call.started", id_, call_id=id_))
    headers = signed(body, secret, NOW) if secret else signed(body, at=NOW)
    try:
        answer = await client.post(PATH, content=body, headers=headers)
    except httpx.HTTPError:
        return 0, ""
    return answer.status_code, answer.json().get("status", "")


class Load:
    """Carriers who send one event after the other, each again until it is acknowledged."""

    def __init__(self, url: str, lanes: int = 6) -> None:
        self._url = url
        self.acknowledged: list[str] = []
        self._ended = False
        self._sending = [asyncio.create_task(self._lane(lane)) for lane in range(lanes)]

    async def _lane(self, lane: int) -> None:
        async with a_client(self._url) as client:
            n = 0
            while not self._ended:
                if (await send(client, f"evt_{lane}_{n}"))[0] == 200:
                    self.acknowledged.append(f"evt_{lane}_{n}")
                    n += 1
                else:
                    await asyncio.sleep(0.01)

    async def goes_on(self) -> None:
        """Until more were acknowledged than there are now."""
        before = len(self.acknowledged)
        await until(lambda: len(self.acknowledged) > before + 20, "events that are acknowledged")

    async def end(self) -> list[str]:
        """What was acknowledged."""
        self._ended = True
        await asyncio.gather(*self._sending)
        return self.acknowledged


async def lost(ledger: SqliteLedger, ids: Iterable[str]) -> list[str]:
    """Which of these events the ledger does not know."""
    from ringfleet.carriers.didhub.webhook import DIDHubWebhook
    from ringfleet.carriers.webhooks import WebhookRequest

    taker = intake(World(ledger))
    missing = []
    for id_ in ids:
        (event,) = DIDHubWebhook().read(WebhookRequest("POST", PATH, {}, a_body(an_event("call.started", id_))))
        if await taker.take(HERE, event) != "known":
            missing.append(id_)
    return missing


async def main(folder: str) -> None:
    async with a_dispatcher(Path(folder)) as (watch, _, _):
        print(watch.url, watch.pid, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
