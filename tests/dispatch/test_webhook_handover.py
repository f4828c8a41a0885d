"""What the webhook process and its dispatcher say to each other, each side alone: bounds, secrets, odd texts."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import fields
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.carriers.didhub.webhook import DIDHubWebhook
from ringfleet.carriers.webhooks import WebhookRequest
from ringfleet.dispatch.problems import Problem
from ringfleet.dispatch.webhook_process import accounts, handover, lines
from ringfleet.dispatch.webhook_process.accounts import KEPT_SECONDS, Accounts
from ringfleet.dispatch.webhook_process.handover import Handover
from ringfleet.dispatch.webhook_process.lines import Lines
from ringfleet.dispatch.webhook_process.messages import (
    Ask,
    Batch,
    Down,
    Known,
    Refusal,
    Settled,
    Up,
    Vouched,
    pack,
    unpack,
)
from ringfleet.model import E164
from ringfleet.model.traffic import CarrierEvent, Direction, Happening
from tests.carriers.webhooks import a_body, an_event
from tests.dispatch.test_webhooks import HERE

ACCOUNT = ("shop", "sandbox")
TEXT = st.text(st.characters(exclude_categories=()), max_size=20)


class Pair(NamedTuple):
    dispatcher: Lines[Up]
    process: Lines[Down]

    async def next(self) -> Up:
        """What the process has said."""
        async with asyncio.timeout(60):
            return await anext(self.dispatcher.heard())


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    ours, theirs = socket.socketpair()
    both = Pair(await Lines.over(ours, Up), await Lines.over(theirs, Down))
    yield both
    for end in both:
        end.close()


def event(id_: str = "evt_1") -> CarrierEvent:
    (read,) = DIDHubWebhook().read(WebhookRequest("POST", "/", {}, a_body(an_event("call.started", id_))))
    return read


async def test_a_full_queue_refuses_at_once_and_takes_again_when_it_is_settled(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "MOST_EVENTS", 3)
    monkeypatch.setattr(handover, "SETTLE_SECONDS", 60)
    hands = Handover(pair.process)
    taking = [asyncio.create_task(hands.take(HERE, event(f"evt_{n}"))) for n in range(3)]
    batch = await pair.next()
    assert isinstance(batch, Batch)
    assert [(account, unpack(packed)) for account, packed, _ in batch.events] == [
        (ACCOUNT, event(f"evt_{n}")) for n in range(3)
    ]
    with pytest.raises(Problem, match="Too many events wait"):
        await hands.take(HERE, event())
    odd = Refusal.of(Problem("ledger-unavailable", "Not now."))
    hands.settle(Settled(batch.batch, ("counted", odd, "known")))
    results = await asyncio.gather(*taking, return_exceptions=True)
    assert [str(result) for result in results] == ["counted", "Not now.", "known"]
    again = asyncio.create_task(hands.take(HERE, event()))
    following = await pair.next()
    assert isinstance(following, Batch)
    hands.settle(Settled(following.batch, ("counted",)))
    assert await again == "counted"


async def test_texts_of_many_bytes_fill_the_queue_too(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "MOST_BYTES", len(pack(event())) + 1)
    hands = Handover(pair.process)
    taking = asyncio.create_task(hands.take(HERE, event()))
    await pair.next()
    with pytest.raises(Problem, match="Too many events wait"):
        await hands.take(HERE, event())
    taking.cancel()


async def test_an_event_that_nobody_settles_in_time_is_refused_and_settled_later_without_harm(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "SETTLE_SECONDS", 0.01)
    hands = Handover(pair.process)
    with pytest.raises(Problem, match="does not answer now"):
        await hands.take(HERE, event())
    batch = await pair.next()
    assert isinstance(batch, Batch)
    hands.settle(Settled(batch.batch, ("counted",)))
    monkeypatch.setattr(handover, "SETTLE_SECONDS", 60)
    again = asyncio.create_task(hands.take(HERE, event()))
    following = await pair.next()
    assert isinstance(following, Batch)
    hands.settle(Settled(following.batch, ("known",)))
    assert await again == "known"


class Said:
    """Lines that nobody is at the other end of."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def say(self, message: Batch) -> None:
        self.batches.append(message)


async def test_of_those_on_their_way_no_more_than_a_few_batches_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "BATCH", 2)
    monkeypatch.setattr(handover, "BATCHES", 1)
    monkeypatch.setattr(handover, "SETTLE_SECONDS", 60)
    said = Said()
    hands = Handover(said)  # type: ignore[arg-type]  # as far as it says
    taking = [asyncio.create_task(hands.take(HERE, event(f"evt_{n}"))) for n in range(3)]
    await asyncio.wait(taking, timeout=0.01)
    sizes = [len(batch.events) for batch in said.batches]
    hands.settle(Settled(1, ("counted", "counted")))
    assert (sizes, [len(batch.events) for batch in said.batches]) == ([2], [2, 1])
    hands.settle(Settled(2, ("counted",)))
    assert await asyncio.gather(*taking) == ["counted"] * 3


class Time:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


async def test_a_rotated_secret_is_asked_for_when_the_old_one_was_kept_for_long(pair: Pair) -> None:
    time = Time()
    known = Accounts(pair.process, time)
    known.learn(Known((ACCOUNT,)))

    async def secrets_when(answer: Vouched) -> tuple[str, ...]:
        finding = asyncio.create_task(known.find(HERE))
        assert await pair.next() == Ask(ACCOUNT)
        known.vouch(answer)
        return (await finding).secrets

    assert await secrets_when(Vouched(ACCOUNT, "DIDHub", ("old",))) == ("old",)
    time.seconds = KEPT_SECONDS - 1
    assert (await known.find(HERE)).secrets == ("old",)
    time.seconds = KEPT_SECONDS
    assert await secrets_when(Vouched(ACCOUNT, "DIDHub", ("new", "old"))) == ("new", "old")
    known.learn(Known((ACCOUNT,)))
    assert await secrets_when(Vouched(ACCOUNT, "DIDHub", ("new",))) == ("new",)


async def test_who_is_not_answered_about_an_account_is_refused_and_asks_again(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "ASK_SECONDS", 0.01)
    known = Accounts(pair.process)
    known.learn(Known((ACCOUNT,)))
    for _ in range(2):
        with pytest.raises(Problem, match="does not answer now"):
            await known.find(HERE)
        assert await pair.next() == Ask(ACCOUNT)


async def test_a_name_that_is_none_is_refused_without_asking_and_none_is_while_nothing_is_known(pair: Pair) -> None:
    known = Accounts(pair.process)
    with pytest.raises(Problem, match="have not been read yet"):
        await known.find(HERE)
    known.learn(Known(()))
    with pytest.raises(Problem, match="There is no CarrierAccount shop/sandbox"):
        await known.find(HERE)
    assert pair.process.unread == 0


async def test_a_frame_that_is_too_long_is_no_message(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 10)
    pair.process.say(Ask(("shop", "a-name-of-many-letters")))
    with pytest.raises(ValueError, match="a frame of"):
        await pair.next()


@given(
    st.builds(
        CarrierEvent,
        id=TEXT,
        happening=st.sampled_from(Happening),
        at=st.datetimes(timezones=st.timezones()),
        number=st.just(E164("+14155550123")),
        subject=TEXT,
        direction=st.sampled_from(Direction),
        peer=st.none() | st.just(E164("+14155550124")),
        label=st.none() | TEXT,
        text=st.none() | TEXT,
        pick=st.none() | TEXT,
        undirected=st.booleans(),
    )
)
def test_an_event_arrives_as_it_was_read_but_for_halves_of_characters(sent: CarrierEvent) -> None:
    arrived = unpack(pack(sent))
    for one in fields(CarrierEvent):
        was, now = getattr(sent, one.name), getattr(arrived, one.name)
        assert type(now) is type(was)
        assert now == (was.encode("utf-8", "replace").decode() if type(was) is str else was), one.name


def test_the_process_loads_neither_ledger_nor_cluster_nor_models() -> None:
    told = "import sys, ringfleet.cli.webhook_process, ringfleet.dispatch.webhook_process.process; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in said.stdout.split()}
    heavy = {"kubernetes", "kopf", "pydantic", "apsw", "sqlite3", "asyncpg", "httpx", "aiohttp", "prometheus_client"}
    assert loaded & heavy == set()
