"""Detail records of each carrier that lists them: they say what its webhooks say, under the same ids."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from ringfleet.carriers.detail_records import Record, is_past, page_of
from ringfleet.carriers.registry import PROVIDERS
from ringfleet.carriers.webhooks import WebhookRequest
from ringfleet.model import Routing
from ringfleet.model.traffic import CarrierEvent, Direction, Happening, RecordsPage
from tests.carriers.customer import Customer, numbers
from tests.simulator.receiver import SECRET, Receiver

HOOKS = Routing("inst-1.a", "shop/a", voice_webhook="https://example.com/v", messaging_webhook="https://example.com/m")
PEER = "+12125550123"


async def everything(pages: AsyncIterator[RecordsPage]) -> list[CarrierEvent]:
    return [event async for page in pages for event in page.events]


class RecordsConformance:
    provider: ClassVar[str]

    async def number(self, customer: Customer) -> str:
        """One that is bought and routed, both ways."""
        (outcome,) = await customer.carrier.buy(await customer.purchase("k", 1))
        await customer.carrier.route(outcome.external_id or "", await customer.carrier.ensure_routing(HOOKS))
        return str(outcome.number)

    def since(self, customer: Customer, back: timedelta = timedelta(minutes=1)) -> datetime:
        """A moment ago, by the exchange's clock."""
        return datetime.fromisoformat(customer.sandbox.control("GET", "clock")["now"]) - back

    def receive(self, customer: Customer, number: str, text: str) -> None:
        message = {"kind": "message", "from": PEER, "to": number, "text": text}
        assert customer.sandbox.control("POST", "traffic/inbound", message)["refused"] is None

    def call(self, customer: Customer, number: str, *peers: str) -> list[bool]:
        """Calls that are over; which of them were answered."""
        calls = [{"from": number, "to": peer} for peer in peers]
        made = customer.sandbox.control("POST", "traffic/calls", {"account": customer.id, "calls": calls})["calls"]
        customer.sandbox.control("POST", "clock", {"advance_seconds": 1000})
        return [one["answered"] for one in made]

    async def test_a_message_that_came_in_is_listed_with_its_text_and_its_sender(self, customer: Customer) -> None:
        number, since, records = await self.number(customer), self.since(customer), customer.carrier.records
        assert records
        self.receive(customer, number, "STOP \u00fc")
        (event,) = await everything(records.messages(since))
        assert (event.happening, event.direction) == (Happening.MESSAGE_RECEIVED, Direction.INBOUND)
        assert (event.number, event.peer, event.text) == (number, PEER, "STOP \u00fc")
        assert since <= event.at <= self.since(customer, timedelta(0))
        assert await everything(records.messages(since, {event.id})) == []

    async def test_what_is_older_than_asked_for_is_left_out_and_no_day_is_missed(self, customer: Customer) -> None:
        number, before, records = await self.number(customer), self.since(customer), customer.carrier.records
        assert records
        for text in ("one", "two", "three"):
            self.receive(customer, number, text)
            customer.sandbox.control("POST", "clock", {"advance_seconds": 86_400 / 2})
        texts = [event.text for event in await everything(records.messages(before))]
        assert sorted(map(str, texts)) == ["one", "three", "two"]
        half = self.since(customer, timedelta(hours=30))
        assert {event.text for event in await everything(records.messages(half))} == {"two", "three"}

    async def test_records_and_webhooks_tell_of_the_same_under_the_same_ids(self, customer: Customer) -> None:
        number, since, records = await self.number(customer), self.since(customer), customer.carrier.records
        reader = PROVIDERS[self.provider].webhooks
        assert records
        assert reader
        with Receiver() as receiver:
            hook = {"account": customer.id, "url": receiver.url, "secret": SECRET, "face": self.provider.lower()}
            customer.sandbox.control("POST", "webhooks", hook)
            self.receive(customer, number, "hello")
            self.call(customer, number, *(f"+1646555{last:04d}" for last in range(8)))
            path = f"webhooks/pending?account={customer.id}&wait=30"
            assert customer.sandbox.control("GET", path)["ripe"] == 0
        told = [
            event
            for headers, body in receiver.requests
            for event in reader.read(WebhookRequest("POST", "http://here/", headers, body))
        ]
        listed = [*await everything(records.messages(since)), *await everything(records.calls(since))]
        assert {event.id for event in listed} == {event.id for event in told}
        assert len(listed) == len({event.id for event in listed})
        moments = {event.id: (event.happening, event.number, event.subject) for event in listed}
        assert moments == {event.id: (event.happening, event.number, event.subject) for event in told}

    async def test_a_call_that_goes_on_is_told_when_it_has_ended(self, customer: Customer) -> None:
        number, since, records = await self.number(customer), self.since(customer), customer.carrier.records
        assert records
        calls = [{"from": number, "to": PEER}]
        customer.sandbox.control("POST", "traffic/calls", {"account": customer.id, "calls": calls})
        pages = [page async for page in records.calls(since)]
        assert [event for page in pages for event in page.events] == []
        customer.sandbox.control("POST", "clock", {"advance_seconds": 1000})
        found = {event.happening for event in await everything(records.calls(since))}
        assert {Happening.CALL_STARTED, Happening.CALL_ENDED} <= found

    async def test_a_call_says_whether_it_was_answered(self, customer: Customer) -> None:
        number, since, records = await self.number(customer), self.since(customer), customer.carrier.records
        assert records
        answered = self.call(customer, number, *(f"+1646555{last:04d}" for last in range(30)))
        assert set(answered) == {True, False}
        events = await everything(records.calls(since))
        counts = {one: sum(event.happening is one for event in events) for one in Happening}
        assert (counts[Happening.CALL_STARTED], counts[Happening.CALL_ENDED]) == (30, 30)
        assert counts[Happening.CALL_ANSWERED] == sum(answered)
        assert {event.direction for event in events} == {Direction.OUTBOUND}
        assert {event.number for event in events} == set(map(str, numbers(await customer.listed())))


class TestTwilioRecords(RecordsConformance):
    provider = "Twilio"

    async def test_a_call_that_goes_on_says_since_when(self, customer: Customer) -> None:
        number, since, records = await self.number(customer), self.since(customer), customer.carrier.records
        assert records
        customer.sandbox.control(
            "POST", "traffic/calls", {"account": customer.id, "calls": [{"from": number, "to": PEER}]}
        )
        (page,) = [page async for page in records.calls(since)]
        assert page.unfinished is not None
        assert since <= page.unfinished <= self.since(customer, timedelta(0))


class TestTelnyxRecords(RecordsConformance):
    provider = "Telnyx"


# Pages.

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(minutes: int, events: tuple[CarrierEvent, ...] | None = ()) -> Record:
    return Record(NOON + timedelta(minutes=minutes), events)


def test_a_listing_ends_with_the_first_page_whose_last_record_is_too_old() -> None:
    assert is_past([at(2), at(1), at(-1)], NOON)
    assert not is_past([at(2), at(1), at(0)], NOON)
    assert not is_past([], NOON)
    assert not is_past([at(-2), at(1), at(-1)], NOON), "who knows what is behind it"


def test_what_goes_on_holds_the_page_back_to_its_beginning() -> None:
    assert page_of([at(3, None), at(2, None), at(1), at(-1, None)], 2, NOON, ()) == RecordsPage((), at(2).began, 2)
