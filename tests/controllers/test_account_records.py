"""What carriers list of messages and calls: read since the last time, and handed to the dispatcher, each event once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Container
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ringfleet.carriers.errors import CarrierUnavailable
from ringfleet.controllers.account_records import BATCH
from ringfleet.kube.transport import Json
from ringfleet.model import AccountKey
from ringfleet.model.traffic import CarrierEvent, Direction, Happening, RecordsPage
from ringfleet.plan.carrier_account.records import FIRST, OVERLAP
from tests.controllers.carrier_double import CarrierDouble
from tests.controllers.rig import HOUSE, Rig, TrafficDouble, a_number, a_pool, a_rig, clock, in_virtual_time, restarted
from tests.plan.builders import NOW, digits

MAIN = "shop/main"


@dataclass
class RecordsDouble:
    """A carrier's lists. `asked`: since when each was read; `breaks`: after the first page the list of messages ends
    with an error; `goes_on`: when a call began that has not ended."""

    sent: list[CarrierEvent] = field(default_factory=list)
    made: list[CarrierEvent] = field(default_factory=list)
    goes_on: datetime | None = None
    breaks: bool = False
    asked: list[tuple[str, datetime]] = field(default_factory=list)

    async def messages(self, since: datetime, known: Container[str] = ()) -> AsyncIterator[RecordsPage]:
        self.asked.append(("messages", since))
        for event in reversed(self.sent):
            if event.at >= since and event.id not in known:
                yield RecordsPage((event,))
            if self.breaks:
                raise CarrierUnavailable("the list ended early")

    async def calls(self, since: datetime, known: Container[str] = ()) -> AsyncIterator[RecordsPage]:
        self.asked.append(("calls", since))
        events = tuple(event for event in self.made if event.at >= since and event.id not in known)
        yield RecordsPage(events, self.goes_on)

    def receive(self, text: str, n: int = 1, at: datetime | None = None) -> None:
        id_ = f"SM{len(self.sent)}:message.received"
        at = at or clock()
        event = CarrierEvent(
            id_, Happening.MESSAGE_RECEIVED, at, digits(n), "SM", Direction.INBOUND, digits(99), text=text
        )
        self.sent.append(event)


def fleet() -> tuple[Json, ...]:
    return (*HOUSE, a_pool(), a_number(1), a_number(2))


def listen(rig: Rig) -> tuple[RecordsDouble, TrafficDouble]:
    """From now on the carrier has lists, and there is a dispatcher."""
    records, dispatcher = RecordsDouble(), TrafficDouble()
    carrier: CarrierDouble = rig.carriers[MAIN]
    carrier.records = records
    rig.services.dispatcher = dispatcher  # type: ignore[assignment]  # the same
    return records, dispatcher


def texts(dispatcher: TrafficDouble) -> list[str | None]:
    return [event.text for event in dispatcher.heard.values() if event.happening is Happening.MESSAGE_RECEIVED]


@in_virtual_time
async def test_messages_since_the_last_reading_are_handed_over_under_the_account_of_their_number() -> None:
    async with a_rig(*fleet()) as rig:
        records, dispatcher = listen(rig)
        records.receive("STOP")
        assert await rig.turn("Records", "main") == 60.0
        assert list(dispatcher.heard) == ["shop/main SM0:message.received"]
        assert dispatcher.heard["shop/main SM0:message.received"].peer == digits(99)
        assert records.asked == [("messages", NOW - FIRST), ("calls", NOW - FIRST)]


@in_virtual_time
async def test_nothing_is_handed_over_twice_and_each_list_is_read_in_its_own_time() -> None:
    async with a_rig(*fleet()) as rig:
        records, dispatcher = listen(rig)
        records.receive("STOP")
        rig.services.queues.wake_records(rig_key())
        await rig.run_queues(290.0)
        assert dispatcher.batches == [1]
        assert [name for name, _ in records.asked].count("messages") == 5
        assert [name for name, _ in records.asked].count("calls") == 1
        assert records.asked[-1][1] > NOW - OVERLAP


@in_virtual_time
async def test_while_the_dispatcher_is_down_nothing_counts_as_read_and_it_is_told_as_soon_as_it_is_back() -> None:
    async with a_rig(*fleet()) as rig:
        records, dispatcher = listen(rig)
        dispatcher.down = True
        records.receive("STOP")
        rig.services.queues.wake_records(rig_key())
        await rig.run_queues(3600.0)
        assert dispatcher.heard == {}
        assert await rig.says("CarrierAccount", "main", "RecordsUnread") == "True RecordsUnread"
        dispatcher.down = False
        await rig.run_queues(60.0)
        assert texts(dispatcher) == ["STOP"]
        await rig.run_queues(60.0)
        assert await rig.says("CarrierAccount", "main", "RecordsUnread") is None


@in_virtual_time
async def test_a_list_that_breaks_off_has_told_what_it_could_and_is_read_again_from_where_it_was() -> None:
    async with a_rig(*fleet()) as rig:
        records, dispatcher = listen(rig)
        records.receive("first")
        records.receive("second")
        records.breaks = True
        await rig.turn("Records", "main")
        assert texts(dispatcher) == ["second"]
        records.breaks = False
        rig.services.queues.wake_records(rig_key())
        await rig.run_queues(30.0)
        assert texts(dispatcher) == ["second", "first"]
        assert [since for name, since in records.asked if name == "messages"][1] < NOW - OVERLAP


@in_virtual_time
async def test_what_a_person_said_first_is_told_first() -> None:
    """A START takes back only what was said before it; the list has the newest first."""
    async with a_rig(*fleet()) as rig:
        records, dispatcher = listen(rig)
        for minute, text in enumerate(("STOP", "START", "STOP ALL")):
            records.receive(text, at=NOW - timedelta(minutes=30 - minute))
        await rig.turn("Records", "main")
        assert texts(dispatcher) == ["STOP", "START", "STOP ALL"]


@in_virtual_time
async def test_what_other_programs_of_the_account_are_written_is_none_of_ours() -> None:
    async with a_rig(*fleet()) as rig:
        records, dispatcher = listen(rig)
        records.receive("STOP", n=7)
        await rig.turn("Records", "main")
        assert dispatcher.heard == {}


@in_virtual_time
async def test_many_events_are_told_in_batches() -> None:
    async with a_rig(*fleet()) as rig:
        records, dispatcher = listen(rig)
        for _ in range(BATCH + 1):
            records.receive("hello")
        await rig.turn("Records", "main")
        assert dispatcher.batches == [BATCH, 1]


@in_virtual_time
async def test_an_event_that_is_never_taken_holds_up_no_other() -> None:
    async with a_rig(*fleet()) as rig:
        records, dispatcher = listen(rig)
        dispatcher.never = {"SM3:message.received"}
        for n in range(9):
            records.receive(str(n), at=NOW - timedelta(minutes=9 - n))
        rig.services.queues.wake_records(rig_key())
        await rig.run_queues(70.0)
        assert texts(dispatcher) == ["0", "1", "2", "4", "5", "6", "7", "8"]
        assert rig.services.accounts.opened(rig_key()).at_carrier.readings["messages"].failures == 0


@in_virtual_time
async def test_a_call_that_goes_on_is_read_again_until_it_has_ended() -> None:
    async with a_rig(*fleet()) as rig:
        records, _ = listen(rig)
        records.goes_on = NOW - timedelta(hours=2)
        rig.services.queues.wake_records(rig_key())
        await rig.run_queues(310.0)
        assert [since for name, since in records.asked if name == "calls"][1] == records.goes_on - OVERLAP


@in_virtual_time
async def test_an_operator_that_starts_goes_on_from_where_the_status_says() -> None:
    async with a_rig(*fleet()) as rig:
        listen(rig)
        await rig.turn("Records", "main")
        await rig.turn("CarrierAccount", "main")
        told = (await rig.status("CarrierAccount", "main"))["records"]
        assert told == {"messages": f"{NOW:%Y-%m-%dT%H:%M:%SZ}", "calls": f"{NOW:%Y-%m-%dT%H:%M:%SZ}"}
        async with restarted(rig) as successor:
            records, _ = listen(successor)
            await successor.turn("Records", "main")
            assert records.asked[0] == ("messages", NOW - OVERLAP)


@in_virtual_time
async def test_an_account_at_rest_is_read_every_minute_and_written_once_an_hour() -> None:
    async with a_rig(*fleet()) as rig:
        records, _ = listen(rig)
        rig.services.queues.wake_account(rig_key())
        await rig.run_queues(60.0)
        rig.told()
        await rig.run_queues(7200.0)
        written = [one for one in rig.told() if one == "patch carrieraccounts/status main"]
        assert len([name for name, _ in records.asked if name == "messages"]) > 100
        assert len(written) <= 3


def rig_key() -> AccountKey:
    return AccountKey("shop", "main")
