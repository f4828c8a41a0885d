"""A carrier whose calls are told to somebody who counts: which verb of the protocol, how it ended, how long it took.

Told of is what the operator asked for, not what went over the wire: pages, retries and waiting for the account's pace
are within one call, because that is how long a pool or a number waited. Adapters are metered alike, by their protocol.
"""

from __future__ import annotations

import time
from asyncio import CancelledError
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from ringfleet.carriers.around import Around
from ringfleet.carriers.carrier import Carrier, LastLook, look_no_more
from ringfleet.carriers.detail_records import DetailRecords
from ringfleet.carriers.errors import CarrierError
from ringfleet.carriers.event_streams import EventStreams, Stream
from ringfleet.carriers.registrar import Registrar
from ringfleet.model import (
    E164,
    Catalog,
    HeldRouting,
    Holding,
    HoldingsPage,
    Mark,
    Money,
    NumberType,
    Outcome,
    Purchase,
    Query,
    Routing,
)
from ringfleet.model.campaign import CampaignSeat
from ringfleet.model.compliance import EndUserType, Filing, Paper, Party, Regulation, Shortcoming, Waste
from ringfleet.model.traffic import RecordsPage

T = TypeVar("T")

TellCall = Callable[[str, str, float], None]
"""Told of one call: the operation (`buy`), its ending (see `ending_of`) and its seconds."""

SUCCEEDED = "Succeeded"
CANCELLED = "Cancelled"
FAILED = "Failed"


def ending_of(error: BaseException | None) -> str:
    """One word of a bounded list: Succeeded, a class of `carriers.errors`, Cancelled, or Failed for a fault of ours."""
    match error:
        case None:
            return SUCCEEDED
        case CarrierError():
            return type(error).__name__
        case CancelledError() | GeneratorExit():
            return CANCELLED
        case _:
            return FAILED


@contextmanager
def timed(tell: Callable[[str, float], None], clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Tell how the body ended, and after how many seconds."""
    began, ending = clock(), SUCCEEDED
    try:
        yield
    except BaseException as error:
        ending = ending_of(error)
        raise
    finally:
        tell(ending, clock() - began)


class _Meter:
    """What both protocols are metered with."""

    def __init__(self, tell: TellCall, clock: Callable[[], float]) -> None:
        self._tell = tell
        self._clock = clock

    async def call(self, operation: str, work: Awaitable[T]) -> T:
        with timed(lambda ending, seconds: self._tell(operation, ending, seconds), self._clock):
            return await work

    async def pages(self, operation: str, pages: AsyncIterator[T]) -> AsyncIterator[T]:
        """A listing is one call; what its reader does between two pages is not counted."""
        seconds, ending = 0.0, SUCCEEDED
        try:
            while True:
                began = self._clock()
                try:
                    page = await anext(pages)
                except StopAsyncIteration:
                    return
                finally:
                    seconds += self._clock() - began
                yield page
        except BaseException as error:
            ending = ending_of(error)
            raise
        finally:
            self._tell(operation, ending, seconds)


class MeteredCarrier(Around):
    """The carrier, metered: see `Carrier` for what each call does."""

    def __init__(self, carrier: Carrier, tell: TellCall, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(carrier)
        self._meter = _Meter(tell, clock)

    @property
    def registrar(self) -> Registrar | None:
        registrar = self._carrier.registrar
        return registrar and MeteredRegistrar(registrar, self._meter)

    @property
    def streams(self) -> EventStreams | None:
        streams = self._carrier.streams
        return streams and MeteredStreams(streams, self._meter)

    @property
    def records(self) -> DetailRecords | None:
        records = self._carrier.records
        return records and MeteredRecords(records, self._meter)

    async def balance(self) -> Money:
        return await self._meter.call("balance", self._carrier.balance())

    async def account_id(self) -> str | None:
        return await self._meter.call("account_id", self._carrier.account_id())

    async def search(self, query: Query, count: int, exclude: frozenset[E164] = frozenset()) -> Catalog:
        return await self._meter.call("search", self._carrier.search(query, count, exclude))

    async def buy(self, purchase: Purchase, last_look: LastLook = look_no_more) -> tuple[Outcome, ...]:
        return await self._meter.call("buy", self._carrier.buy(purchase, last_look))

    async def look_up(self, purchase: Purchase) -> tuple[Outcome, ...]:
        return await self._meter.call("look_up", self._carrier.look_up(purchase))

    async def find(self, number: E164) -> Holding | None:
        return await self._meter.call("find", self._carrier.find(number))

    def holdings(self) -> AsyncIterator[HoldingsPage]:
        return self._meter.pages("holdings", self._carrier.holdings())

    async def ensure_routing(self, routing: Routing) -> str:
        return await self._meter.call("ensure_routing", self._carrier.ensure_routing(routing))

    async def find_routing(self, reference: str) -> HeldRouting | None:
        return await self._meter.call("find_routing", self._carrier.find_routing(reference))

    def routings(self) -> AsyncIterator[tuple[HeldRouting, ...]]:
        return self._meter.pages("routings", self._carrier.routings())

    async def route(self, external_id: str, routing_id: str | None) -> None:
        await self._meter.call("route", self._carrier.route(external_id, routing_id))

    async def mark(self, external_id: str, mark: Mark | None) -> None:
        await self._meter.call("mark", self._carrier.mark(external_id, mark))

    async def suspend(self, external_id: str) -> None:
        await self._meter.call("suspend", self._carrier.suspend(external_id))

    async def whereabouts(self, number: E164) -> str | None:
        return await self._meter.call("whereabouts", self._carrier.whereabouts(number))

    async def resume(self, external_id: str) -> None:
        await self._meter.call("resume", self._carrier.resume(external_id))

    async def attest(self, external_id: str) -> str | None:
        return await self._meter.call("attest", self._carrier.attest(external_id))

    async def enrol(self, number: E164, external_id: str, campaign: str) -> CampaignSeat:
        return await self._meter.call("enrol", self._carrier.enrol(number, external_id, campaign))

    async def release(self, external_id: str) -> None:
        await self._meter.call("release", self._carrier.release(external_id))


class MeteredStreams:
    """The event streams, metered: see `EventStreams`."""

    def __init__(self, streams: EventStreams, meter: _Meter) -> None:
        self._streams = streams
        self._meter = meter

    async def ensure(self, name: str, url: str) -> Stream:
        return await self._meter.call("ensure_stream", self._streams.ensure(name, url))

    async def remove(self, name: str) -> None:
        await self._meter.call("remove_stream", self._streams.remove(name))


class MeteredRecords:
    """The detail records, metered: see `DetailRecords`."""

    def __init__(self, records: DetailRecords, meter: _Meter) -> None:
        self._records = records
        self._meter = meter

    def messages(self, since: datetime, known: Container[str] = ()) -> AsyncIterator[RecordsPage]:
        return self._meter.pages("messages", self._records.messages(since, known))

    def calls(self, since: datetime, known: Container[str] = ()) -> AsyncIterator[RecordsPage]:
        return self._meter.pages("calls", self._records.calls(since, known))


class MeteredRegistrar:
    """The compliance side, metered: see `Registrar`."""

    def __init__(self, registrar: Registrar, meter: _Meter) -> None:
        self._registrar = registrar
        self._meter = meter

    async def regulation(self, country: str, type_: NumberType, end_user: EndUserType) -> Regulation | None:
        return await self._meter.call("regulation", self._registrar.regulation(country, type_, end_user))

    async def find_item(self, reference: str) -> str | None:
        return await self._meter.call("find_item", self._registrar.find_item(reference))

    async def create_party(self, party: Party, reference: str) -> str:
        return await self._meter.call("create_party", self._registrar.create_party(party, reference))

    async def upload(self, paper: Paper, reference: str) -> str:
        return await self._meter.call("upload", self._registrar.upload(paper, reference))

    async def find_filing(self, reference: str) -> Filing | None:
        return await self._meter.call("find_filing", self._registrar.find_filing(reference))

    async def filing(self, external_id: str) -> Filing | None:
        return await self._meter.call("filing", self._registrar.filing(external_id))

    async def open_filing(
        self,
        regulation: Regulation,
        items: tuple[str, ...],
        reference: str,
        contact: str,
        party: Party,
        renews: str | None = None,
    ) -> Filing:
        opened = self._registrar.open_filing(regulation, items, reference, contact, party, renews)
        return await self._meter.call("open_filing", opened)

    async def put_items(self, external_id: str, items: tuple[str, ...], party: Party) -> None:
        await self._meter.call("put_items", self._registrar.put_items(external_id, items, party))

    async def evaluate(self, external_id: str) -> tuple[Shortcoming, ...]:
        return await self._meter.call("evaluate", self._registrar.evaluate(external_id))

    async def submit(self, external_id: str) -> None:
        await self._meter.call("submit", self._registrar.submit(external_id))

    async def take_over(self, external_id: str, successor: str, reference: str) -> Filing:
        return await self._meter.call("take_over", self._registrar.take_over(external_id, successor, reference))

    async def tidy(self, waste: Waste) -> None:
        await self._meter.call("tidy", self._registrar.tidy(waste))

    async def attach(self, number_id: str, external_id: str) -> None:
        await self._meter.call("attach", self._registrar.attach(number_id, external_id))
