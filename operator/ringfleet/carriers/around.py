"""A carrier that passes every call on to another one: what is put around an adapter changes only what it is for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Self

from ringfleet.carriers.abilities import Abilities
from ringfleet.carriers.carrier import Carrier, Health, LastLook, look_no_more
from ringfleet.carriers.detail_records import DetailRecords
from ringfleet.carriers.event_streams import EventStreams
from ringfleet.carriers.registrar import Registrar
from ringfleet.model import (
    E164,
    Catalog,
    HeldRouting,
    Holding,
    HoldingsPage,
    Mark,
    Money,
    Outcome,
    Purchase,
    Query,
    Routing,
)
from ringfleet.model.campaign import CampaignSeat


class Around:
    """See the module, and `Carrier` for what each call does."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    async def __aenter__(self) -> Self:
        await self._carrier.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._carrier.__aexit__(*error)

    @property
    def abilities(self) -> Abilities:
        return self._carrier.abilities

    @property
    def health(self) -> Health:
        return self._carrier.health

    @property
    def registrar(self) -> Registrar | None:
        return self._carrier.registrar

    @property
    def streams(self) -> EventStreams | None:
        return self._carrier.streams

    @property
    def records(self) -> DetailRecords | None:
        return self._carrier.records

    async def balance(self) -> Money:
        return await self._carrier.balance()

    async def account_id(self) -> str | None:
        return await self._carrier.account_id()

    async def search(self, query: Query, count: int, exclude: frozenset[E164] = frozenset()) -> Catalog:
        return await self._carrier.search(query, count, exclude)

    async def buy(self, purchase: Purchase, last_look: LastLook = look_no_more) -> tuple[Outcome, ...]:
        return await self._carrier.buy(purchase, last_look)

    async def look_up(self, purchase: Purchase) -> tuple[Outcome, ...]:
        return await self._carrier.look_up(purchase)

    async def find(self, number: E164) -> Holding | None:
        return await self._carrier.find(number)

    def holdings(self) -> AsyncIterator[HoldingsPage]:
        return self._carrier.holdings()

    async def ensure_routing(self, routing: Routing) -> str:
        return await self._carrier.ensure_routing(routing)

    async def find_routing(self, reference: str) -> HeldRouting | None:
        return await self._carrier.find_routing(reference)

    def routings(self) -> AsyncIterator[tuple[HeldRouting, ...]]:
        return self._carrier.routings()

    async def route(self, external_id: str, routing_id: str | None) -> None:
        await self._carrier.route(external_id, routing_id)

    async def mark(self, external_id: str, mark: Mark | None) -> None:
        await self._carrier.mark(external_id, mark)

    async def suspend(self, external_id: str) -> None:
        await self._carrier.suspend(external_id)

    async def resume(self, external_id: str) -> None:
        await self._carrier.resume(external_id)

    async def whereabouts(self, number: E164) -> str | None:
        return await self._carrier.whereabouts(number)

    async def attest(self, external_id: str) -> str | None:
        return await self._carrier.attest(external_id)

    async def enrol(self, number: E164, external_id: str, campaign: str) -> CampaignSeat:
        return await self._carrier.enrol(number, external_id, campaign)

    async def release(self, external_id: str) -> None:
        await self._carrier.release(external_id)
