"""Reading the traffic of rotation sets: over a real connection, seldom, and nothing is concluded from what is old."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ringfleet.controllers.dispatcher_client import Dispatcher, NotTaken, Unreadable, parse_rollup
from ringfleet.model import E164, AccountKey
from ringfleet.model.rotation import Channel
from ringfleet.model.traffic import CarrierEvent, Direction, Happening
from ringfleet.plan.rotation_set.seen import DayUsage, NumberUse
from ringfleet.settings import Settings
from tests.cluster.rollup import QUIET, Ledger, a_ledger
from tests.controlplane.certificates import Authority

NUMBER = E164("+14155550100")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Clock:
    """Both clocks of an operator; they move when they are told."""

    def __init__(self) -> None:
        self.passed = 0.0

    def wall(self) -> datetime:
        return NOW + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with a_ledger() as ledger:
        yield ledger


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def dispatcher(ledger: Ledger, clock: Clock, tmp_path: Path) -> AsyncIterator[Dispatcher]:
    token = tmp_path / "token"
    token.write_text("secret\n")
    settings = Settings(dispatcher=f"{ledger.url}/", dispatcher_token_file=token, usage_interval=timedelta(seconds=60))
    dispatcher = Dispatcher(settings, clock.wall, clock.monotonic)
    yield dispatcher
    await dispatcher.close()


@pytest.mark.parametrize(("status", "never"), [(400, True), (413, True), (403, False), (500, False), (503, False)])
async def test_events_that_are_not_taken_are_told_apart_from_those_that_can_not_be_told_now(
    ledger: Ledger, dispatcher: Dispatcher, status: int, never: bool
) -> None:
    ledger.status = status
    at = datetime(2026, 11, 24, tzinfo=UTC)
    event = CarrierEvent("SM1", Happening.MESSAGE_RECEIVED, at, NUMBER, "SM1", Direction.INBOUND, NUMBER, text="STOP")
    with pytest.raises(Unreadable) as raised:
        await dispatcher.tell(AccountKey("shop", "main"), [event])
    assert isinstance(raised.value, NotTaken) is never
    ((path, token),) = ledger.asked
    assert (path, token) == ("/v1/namespaces/shop/carrieraccounts/main/events", "Bearer secret")


async def read(dispatcher: Dispatcher) -> Any:
    return await dispatcher.read("shop", "calls", Channel.VOICE)


async def test_a_set_is_read_with_the_token_and_at_most_once_in_an_interval(
    dispatcher: Dispatcher, ledger: Ledger, clock: Clock
) -> None:
    ledger.know(NUMBER, openCalls=2)
    assert (await read(dispatcher)).usage.numbers[NUMBER].open_calls == 2
    clock.passed = 59.0
    await read(dispatcher)
    assert ledger.asked == [("/v1/namespaces/shop/rotationsets/calls/rollup", "Bearer secret")]
    clock.passed = 60.0
    await read(dispatcher)
    assert len(ledger.asked) == 2


async def test_a_dispatcher_that_goes_is_gone_by_after_three_intervals(ledger: Ledger, clock: Clock) -> None:
    with a_ledger() as other:
        settings = Settings(dispatcher=other.url, usage_interval=timedelta(seconds=60))
        dispatcher = Dispatcher(settings, clock.wall, clock.monotonic)
        other.know(NUMBER, used=7)
        await read(dispatcher)
    seen = []
    for clock.passed in (60.0, 120.0, 180.0, 240.0):
        reading = await read(dispatcher)
        seen.append(reading.usage is not None)
    await dispatcher.close()
    assert seen == [True, True, False, False]
    assert reading.blind_since == clock.wall() - timedelta(seconds=180), "since the first that failed"
    assert str(reading.unknown.reason) == "DispatcherUnavailable"


@pytest.fixture
def authority() -> Authority:
    return Authority("ours")


@pytest.fixture
def secure(authority: Authority, tmp_path: Path) -> Iterator[Ledger]:
    """A dispatcher with a certificate of `authority`."""
    with a_ledger(authority.server("dispatcher", ("127.0.0.1",)).write(tmp_path, "tls")) as ledger:
        yield ledger


async def ask_over_tls(ledger: Ledger, clock: Clock, ca: Path | None, *between: bytes) -> list[str]:
    """What is read by who trusts `ca`, and again after each change of that file: `read`, or the condition's message."""
    settings = Settings(dispatcher=ledger.url, dispatcher_ca_file=ca, usage_interval=timedelta(seconds=60))
    dispatcher, told = Dispatcher(settings, clock.wall, clock.monotonic), []
    try:
        for changed in (None, *between):
            if ca is not None and changed is not None:
                ca.unlink(missing_ok=True)
                ca.write_bytes(changed)
            reading = await read(dispatcher)
            told.append("read" if reading.blind_since is None else reading.unknown.message)
            clock.passed += 60.0
    finally:
        await dispatcher.close()
    return told


async def test_over_tls_who_is_vouched_for_is_read_and_what_vouches_is_read_again_when_it_changes(
    secure: Ledger, authority: Authority, clock: Clock, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_bytes(authority.certificate)
    other = Authority("another's").certificate
    told = await ask_over_tls(secure, clock, ca, other, authority.certificate)
    assert [told[0], told[2]] == ["read", "read"]
    assert "The dispatcher's certificate is not trusted: unable to get local issuer certificate." in told[1]


async def test_over_tls_the_machines_own_authorities_vouch_where_none_is_named(secure: Ledger, clock: Clock) -> None:
    (told,) = await ask_over_tls(secure, clock, None)
    assert "is not trusted: unable to get local issuer certificate" in told
    assert secure.asked == []  # no token went to a stranger


@pytest.mark.parametrize(("content", "why"), [(None, "No such file or directory"), (b"none", "no certificate")])
async def test_what_should_vouch_and_can_not_be_read_is_named(
    secure: Ledger, clock: Clock, tmp_path: Path, content: bytes | None, why: str
) -> None:
    ca = tmp_path / "ca.crt"
    if content is not None:
        ca.write_bytes(content)
    (told,) = await ask_over_tls(secure, clock, ca)
    assert f"can't be read from {ca} (RINGFLEET_DISPATCHER_CA_FILE)" in told
    assert why in told


async def test_without_a_dispatcher_nothing_is_known(clock: Clock) -> None:
    reading = await read(Dispatcher(Settings(), clock.wall, clock.monotonic))
    assert (reading.usage, str(reading.unknown.reason)) == (None, "NoDispatcher")


@pytest.mark.parametrize("status", [404, 401, 500, 302])
async def test_an_answer_that_is_none_is_not_known(dispatcher: Dispatcher, ledger: Ledger, status: int) -> None:
    ledger.status = status
    reading = await read(dispatcher)
    assert reading.usage is None
    assert f"answers {status} for the set." in reading.unknown.message


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"day": "today", "used": 0, "deferred": 0, "numbers": []}', "<html>"]
)
async def test_an_answer_that_can_not_be_read_is_not_known(dispatcher: Dispatcher, ledger: Ledger, body: str) -> None:
    ledger.body = body
    reading = await read(dispatcher)
    assert (reading.usage, str(reading.unknown.reason)) == (None, "DispatcherUnavailable")


async def test_a_number_keeps_what_was_last_read_of_the_day_that_ended(
    dispatcher: Dispatcher, ledger: Ledger, clock: Clock
) -> None:
    ledger.know(NUMBER, callsToday=31)
    ledger.know("+14155550101", callsToday=0)
    ledger.note_day(day="2026-11-24")
    assert (await read(dispatcher)).ended == {}
    ledger.know(NUMBER, callsToday=2)
    ledger.note_day(day="2026-11-25")
    clock.passed = 60.0
    assert (await read(dispatcher)).ended == {NUMBER: DayUsage("2026-11-24", 31)}
    clock.passed = 120.0
    assert (await read(dispatcher)).ended == {NUMBER: DayUsage("2026-11-24", 31)}


ROW = {
    **QUIET,
    "number": NUMBER,
    "used": 9,
    "reserved": 1,
    "lastPick": "2026-11-24T11:00:00Z",
    "label": "Spam \n Likely" + "!" * 200,
    "clearedAt": "2026-11-01T00:00:00.5Z",
    "callsToday": 5,
    "calls7d": 50,
    "answered7d": 20,
    "answered30d": 80,
    "messages7d": 70,
    "delivered7d": 60,
    "failed7d": 6,
}


@pytest.mark.parametrize(
    ("channel", "figures"),
    [
        (Channel.VOICE, {"tries": 50, "successes": 20, "sent": 50, "today": 5, "answered": 80}),
        (Channel.SMS, {"tries": 66, "successes": 60, "sent": 70, "today": 9, "answered": 0}),
    ],
)
def test_a_rollup_is_read_by_the_sets_channel(channel: Channel, figures: dict[str, int]) -> None:
    body = {"set": "shop/calls", "day": "2026-11-24", "used": 9, "deferred": 1, "capacity": 75, "numbers": [ROW]}
    usage = parse_rollup(body, channel, NOW)
    assert (usage.day, usage.used, usage.deferred) == (date(2026, 11, 24), 9, 1)
    assert usage.numbers[NUMBER] == NumberUse(
        used=9,
        reserved=1,
        last_pick=NOW - timedelta(hours=1),
        label=("Spam Likely" + "!" * 200)[:128],
        cleared=datetime(2026, 11, 1, microsecond=500_000, tzinfo=UTC),
        **figures,
    )


async def test_what_a_dispatcher_says_of_a_second_ledger_is_told_by_the_one_that_decides_and_by_the_other(
    dispatcher: Dispatcher, ledger: Ledger, clock: Clock
) -> None:
    ledger.note_day(ledgerSplit="A second ledger.")
    assert (await read(dispatcher)).split == "A second ledger."
    clock.passed = 60.0
    ledger.status = 503
    ledger.body = '{"type": "https://ringfleet.dev/problems/ledger-split", "detail": "Another ledger decides."}'
    refused = await read(dispatcher)
    assert (refused.split, str(refused.unknown.reason)) == ("Another ledger decides.", "DispatcherUnavailable")
    assert refused.usage is not None, "what the one that decides has told is not too old"
    clock.passed = 120.0
    for ledger.body in ("<html>", "[]", '{"type": "https://ringfleet.dev/problems/ledger-unavailable"}'):
        assert (await read(dispatcher)).split is None
        clock.passed += 60.0
    ledger.status, ledger.body = 200, None
    ledger.note_day(ledgerSplit=None)
    assert (await read(dispatcher)).split is None
