"""From a call at the sandbox carrier to the ledger, over a real wire and in bad weather: what is counted is true."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ringfleet.carriers.didhub.webhook import DIDHubWebhook
from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.types import Tally
from ringfleet.dispatch.listener import Address, Listener
from ringfleet.dispatch.recipients import Hasher
from ringfleet.dispatch.webhooks import Sender
from ringfleet.model import E164, AccountKey
from ringfleet.plan.rotation_set.roster import Member
from tests.dispatch.events_door import events_app
from tests.dispatch.ledger.builders import a_roster
from tests.simulator.phone import BUSY_DAY, buy, call, pass_time, people, wait_told, write
from tests.simulator.process import SimulatorProcess
from tests.simulator.receiver import SECRET
from tests.simulator.shop import Shop

HERE = AccountKey("shop", "sandbox")
SET, BRAND = "shop/us", "brand:shop/"
HASHES = Hasher((b"a-key-of-16-bytes",)).hashes
LONG_ENOUGH = 1000
WEATHER = [
    {"fault": "event_duplicated", "probability": 0.2},
    {"fault": "event_reply_lost", "probability": 0.2},
    {"fault": "event_reordered", "probability": 0.3},
    {"fault": "event_delayed", "probability": 0.2, "seconds": [1, 500]},
]


class Dispatcher:
    """A ledger behind a listener, on the carrier's clock."""

    def __init__(self, ledger: Ledger, shop: Shop) -> None:
        self.ledger = ledger
        self.shop = shop
        self.ahead = 0.0

    async def find(self, key: AccountKey) -> Sender:
        assert key == HERE
        return Sender(DIDHubWebhook(), (SECRET,))

    def is_known(self) -> bool:
        return True

    def accounts_of(self, _: E164) -> list[AccountKey]:
        return [HERE]

    def scopes_of(self, _: E164) -> list[tuple[str, str]]:
        return [(f"set:{SET}", BRAND)]

    def opt_out_words(self, _: E164) -> list[str]:
        return []

    def now(self) -> float:
        return datetime.now(UTC).timestamp() + self.ahead

    def synchronise(self) -> None:
        now = datetime.fromisoformat(self.shop.simulator.control("GET", "clock")["now"])
        self.ahead = now.timestamp() - datetime.now(UTC).timestamp()

    async def enlist(self, numbers: list[str]) -> None:
        members = [Member(number, str(HERE), ("",), 75, 15, 75) for number in numbers]
        await self.ledger.enlist(a_roster(*members, day=self.day, set_=SET))

    @property
    def day(self) -> int:
        return datetime.fromtimestamp(self.now(), UTC).toordinal()

    async def tallies(self) -> dict[str, Tally]:
        """What the ledger knows, when everything was told."""
        await asyncio.to_thread(wait_told, self.shop)
        rollup = await self.ledger.rollup(SET, self.now(), self.day)
        return {tally.number: tally for tally in rollup.tallies}


@asynccontextmanager
async def listening(ledger: Ledger, shop: Shop) -> AsyncIterator[Dispatcher]:
    dispatcher = Dispatcher(ledger, shop)
    app = events_app(ledger, dispatcher, HASHES, dispatcher.now)
    listener = Listener(app, Address("127.0.0.1", 0))
    serving = asyncio.create_task(listener.serve())
    await listener.bound.wait()
    webhook = {"account": shop.account, "url": f"{listener.url}/v1/events/{HERE}", "secret": SECRET}
    await asyncio.to_thread(shop.simulator.control, "POST", "webhooks", webhook)
    try:
        yield dispatcher
    finally:
        listener.should_exit = True
        await serving


@pytest.fixture
def shop() -> Iterator[Shop]:
    with SimulatorProcess("--seed", "7") as simulator:
        shop = Shop(simulator, "caller")
        yield shop
        shop.close()
        assert simulator.errors() == ""


@pytest.fixture
async def dispatcher(shop: Shop, tmp_path: Path) -> AsyncIterator[Dispatcher]:
    async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger, listening(ledger, shop) as dispatcher:
        yield dispatcher


@pytest.mark.parametrize("weather", [pytest.param([], id="fair"), pytest.param(WEATHER, id="bad")])
async def test_the_ledger_counts_what_the_exchange_did_whatever_befalls_the_events(
    dispatcher: Dispatcher, shop: Shop, weather: list[dict[str, Any]]
) -> None:
    numbers = buy(shop, 8)
    await dispatcher.enlist(numbers)
    shop.simulator.set_faults(*weather)
    calls = {number: call(shop, number, people(40)) for number in numbers}
    messages = {number: write(shop, number, people(5), text="hello") for number in numbers}
    pass_time(shop.simulator, LONG_ENOUGH)
    dispatcher.synchronise()
    tallies = await dispatcher.tallies()
    assert tallies.keys() == set(numbers)
    for number, tally in tallies.items():
        hours = tally.hours
        assert sum(hour.calls for hour in hours) == 40
        assert sum(hour.answered for hour in hours) == sum(one["answered"] for one in calls[number])
        assert sum(hour.seconds for hour in hours) == sum(one["seconds"] for one in calls[number])
        assert sum(hour.messages for hour in hours) == 5
        assert sum(hour.delivered for hour in hours) == sum(one["delivered"] for one in messages[number])
        assert tally.open_calls == 0


async def test_calls_that_go_on_hold_their_lines(dispatcher: Dispatcher, shop: Shop) -> None:
    (number,) = buy(shop)
    await dispatcher.enlist([number])
    call(shop, number, people(3))
    assert (await dispatcher.tallies())[number].open_calls == 3
    pass_time(shop.simulator, LONG_ENOUGH)
    dispatcher.synchronise()
    assert (await dispatcher.tallies())[number].open_calls == 0


async def test_a_label_comes_and_goes(dispatcher: Dispatcher, shop: Shop) -> None:
    (number,) = buy(shop)
    await dispatcher.enlist([number])
    call(shop, number, people(BUSY_DAY))
    assert (await dispatcher.tallies())[number].label == "Spam Likely"
    pass_time(shop.simulator, 8 * 86_400)
    dispatcher.synchronise()
    await dispatcher.enlist([number])
    tally = (await dispatcher.tallies())[number]
    assert (tally.label, tally.cleared_at is not None) == (None, True)


async def test_a_stop_that_a_person_writes_is_an_opt_out(dispatcher: Dispatcher, shop: Shop) -> None:
    (number,) = buy(shop)
    await dispatcher.enlist([number])
    (person,) = people(1)
    inbound = {"kind": "message", "from": person, "to": number, "text": "Stop."}
    shop.simulator.control("POST", "traffic/inbound", inbound)
    await dispatcher.tallies()
    (opt_out,) = await dispatcher.ledger.suppressions(BRAND)
    assert opt_out.recipient == HASHES(person)[0]
