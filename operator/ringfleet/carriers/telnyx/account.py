"""One Telnyx account behind the protocol of `carriers/carrier.py`: each of its nouns has a module beside this one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx

from ringfleet.carriers.abilities import Abilities, BundleTime, SearchFilter
from ringfleet.carriers.carrier import AccountSettings, Health, LastLook, look_no_more
from ringfleet.carriers.http import AccountClient, Call
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.registrar import Registrar
from ringfleet.carriers.search_filters import refuse_unanswerable
from ringfleet.carriers.telnyx import wire
from ringfleet.carriers.telnyx.balance import spendable
from ringfleet.carriers.telnyx.campaigns import Campaigns, Seat, seat_of
from ringfleet.carriers.telnyx.numbers import Numbers
from ringfleet.carriers.telnyx.orders import Orders
from ringfleet.carriers.telnyx.records import Records
from ringfleet.carriers.telnyx.registrar import TelnyxRegistrar
from ringfleet.carriers.telnyx.requirements import Demands
from ringfleet.carriers.telnyx.routing import Routings
from ringfleet.carriers.telnyx.search import Search
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
from ringfleet.model.numbering import is_american

ABILITIES = Abilities(
    cart=False,
    bulk=100,  # Telnyx names no limit; so many has an order of ours at most
    idempotency_key=False,
    order_reference=True,
    hold=None,  # Telnyx can reserve some numbers for half an hour; a purchase here follows its search at once
    mark_length=250,
    native_suspend=False,
    search_filters=frozenset({SearchFilter.REGION, SearchFilter.LOCALITY, SearchFilter.CONTAINS}),
    price_in_search=True,
    bundle=BundleTime.EITHER,  # but in some countries nothing is sold without its requirement group
    per_item_status=True,
    routing_in_purchase=True,
    call_records=True,
    reputation=False,
    signs="A",
)


class Telnyx:
    """One account, with one HTTP client."""

    def __init__(self, settings: AccountSettings, *, client: AccountClient | None = None) -> None:
        """`client` is for tests. Raises as `AccountClient` does."""
        self._name = settings.name
        self._http = client or open_client(settings)
        self._search = Search(self._http)
        self._numbers = Numbers(settings.name, self._http, settings.lag)
        self._orders = Orders(settings.name, self._http, self._search, self._numbers, settings.lag)
        self._routings = Routings(settings.name, self._http)
        self._records = Records(settings.name, self._http)
        self._campaigns = Campaigns(settings.name, self._http)
        self._registrar = TelnyxRegistrar(settings.name, self._http)
        self._demands = Demands(self._registrar.asked_of)

    async def __aenter__(self) -> Telnyx:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    @property
    def abilities(self) -> Abilities:
        return ABILITIES

    @property
    def registrar(self) -> Registrar | None:
        return self._registrar

    @property
    def health(self) -> Health:
        return self._http.health

    @property
    def records(self) -> Records:
        return self._records

    async def balance(self) -> Money:
        return await spendable(self._http)

    async def account_id(self) -> str | None:
        """The organization, as the messaging settings tell it: nothing else of Telnyx' API says whose account it is.
        None while it has neither a messaging profile nor a number."""
        for path in ("messaging profiles", "messaging of numbers"):
            call = Call("GET", wire.path(path), params={"page[number]": "1", "page[size]": "1"})
            for row in Fields(await self._http.call(call), path).items("data"):
                if id_ := Fields(row, path).maybe_text("organization_id"):
                    return id_
        return None

    async def search(self, query: Query, count: int, exclude: frozenset[E164] = frozenset()) -> Catalog:
        refuse_unanswerable(self._name, ABILITIES, query)
        return await self._demands.tell(query, await self._search.search(query, count, exclude))

    async def buy(self, purchase: Purchase, last_look: LastLook = look_no_more) -> tuple[Outcome, ...]:
        return await self._orders.buy(purchase, last_look)

    async def look_up(self, purchase: Purchase) -> tuple[Outcome, ...]:
        return await self._orders.look_up(purchase)

    async def find(self, number: E164) -> Holding | None:
        return await self._numbers.find(number)

    async def holdings(self) -> AsyncIterator[HoldingsPage]:
        """With the campaigns of numbers, which are listed by themselves and once, where there are numbers of the US."""
        seats, asked = None, False
        async for page in self._numbers.holdings():
            if not asked and any(is_american(holding.country) for holding in page):
                seats, asked = await self._campaigns.all(), True
            yield replace(page, holdings=tuple(_with_seat(holding, seats) for holding in page))

    async def ensure_routing(self, routing: Routing) -> str:
        return await self._routings.ensure(routing)

    async def find_routing(self, reference: str) -> HeldRouting | None:
        return await self._routings.find(reference)

    async def routings(self) -> AsyncIterator[tuple[HeldRouting, ...]]:
        yield await self._routings.all()

    async def route(self, external_id: str, routing_id: str | None) -> None:
        await self._numbers.route(external_id, routing_id)

    async def mark(self, external_id: str, mark: Mark | None) -> None:
        await self._numbers.mark(external_id, mark)

    async def suspend(self, external_id: str) -> None:
        await self._numbers.suspend(external_id)

    async def resume(self, external_id: str) -> None:
        await self._numbers.resume(external_id)

    async def whereabouts(self, number: E164) -> str | None:  # noqa: ARG002 - nothing tells it
        return None

    async def attest(self, external_id: str) -> str | None:  # noqa: ARG002 - it signs by itself
        return None

    async def enrol(self, number: E164, external_id: str, campaign: str) -> CampaignSeat:  # noqa: ARG002 - by its number
        return await self._campaigns.enrol(number, campaign)

    async def release(self, external_id: str) -> None:
        await self._numbers.release(external_id)


def _with_seat(holding: Holding, seats: dict[E164, Seat] | None) -> Holding:
    if (found := seat_of(holding.number, holding.country, seats)) is None:
        return holding
    return replace(holding, seat=found[0], campaign_aliases=found[1])


def open_client(settings: AccountSettings, transport: httpx.AsyncBaseTransport | None = None) -> AccountClient:
    """The account's HTTP client, with Telnyx' way of saying who calls; white space around a key is left out."""
    return AccountClient(
        settings,
        headers={"Authorization": f"Bearer {settings.credentials['apiKey'].strip()}"},
        read_refusal=wire.read_refusal,
        transport=transport,
    )
