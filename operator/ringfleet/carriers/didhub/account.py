"""One DIDHub account behind the protocol of `carriers/carrier.py`. Buying is in `cart`, the words are in `wire`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import replace

import httpx
import structlog

from ringfleet.carriers.abilities import Abilities, BundleTime
from ringfleet.carriers.carrier import AccountSettings, Health, LastLook, look_no_more, look_up_each
from ringfleet.carriers.didhub import wire
from ringfleet.carriers.didhub.cart import Cart
from ringfleet.carriers.didhub.registrar import DIDHubRegistrar
from ringfleet.carriers.errors import (
    CarrierUnavailable,
    ListingIncomplete,
    NotActive,
    NotHeld,
    ReplyUnreadable,
    RequestRejected,
)
from ringfleet.carriers.http import ACCOUNT_CIRCUIT, AccountClient, Call
from ringfleet.carriers.json_fields import Fields, read_rows
from ringfleet.carriers.search_filters import MOST_LOOKED_THROUGH, looks_through, refuse_unanswerable
from ringfleet.model import (
    E164,
    Catalog,
    HeldRouting,
    Holding,
    HoldingsPage,
    Mark,
    Money,
    Offer,
    Outcome,
    Purchase,
    Query,
    Routing,
    Unreadable,
)
from ringfleet.model.campaign import CampaignSeat, CampaignState
from ringfleet.model.places import answers, area_codes_in

log = structlog.get_logger(__name__)

SEARCH_CIRCUIT = "search"
LISTING_CIRCUIT = "listing"
PROFILES_CIRCUIT = "profiles"
ABILITIES = Abilities(
    cart=True,
    bulk=100,
    idempotency_key=True,
    order_reference=True,
    hold=None,
    mark_length=None,
    native_suspend=True,
    search_filters=frozenset(),  # the guide shows country, type and area code
    price_in_search=True,
    bundle=BundleTime.EITHER,
    per_item_status=True,
    routing_in_purchase=False,
    call_records=False,
    reputation=True,
    emergency=(),
    signs=None,
)


class DIDHub:
    """One account: one HTTP client, one cart.

    Search and the listings have a circuit breaker each: they can be down while the cart works, and orders then go on.
    """

    def __init__(self, settings: AccountSettings, *, client: AccountClient | None = None) -> None:
        """`client` is for tests. Raises as `AccountClient` does."""
        self._name = settings.name
        self._http = client or open_client(settings)
        self._registrar = DIDHubRegistrar(self._http)
        self._cart = Cart(settings.name, self._http, self.find)

    async def __aenter__(self) -> DIDHub:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    @property
    def abilities(self) -> Abilities:
        return ABILITIES

    @property
    def health(self) -> Health:
        return self._http.health

    @property
    def registrar(self) -> DIDHubRegistrar:
        return self._registrar

    @property
    def records(self) -> None:
        """Its webhooks are repeated until they are heard."""
        return None

    @property
    def streams(self) -> None:
        """Its own webhook tells of messages beside their program."""
        return None

    @property
    def emergency(self) -> None:
        """It takes no emergency addresses by its API."""
        return None

    async def balance(self) -> Money:
        account = await self._account()
        return account.money("balance", account.text("currency"))

    async def account_id(self) -> str | None:
        return (await self._account()).maybe_text("id")

    async def _account(self) -> Fields:
        return Fields(await self._http.call(Call("GET", wire.path("account"))), "account")

    async def search(self, query: Query, count: int, exclude: frozenset[E164] = frozenset()) -> Catalog:
        """Whole pages, however few are wanted: the same one call, and an answer worth remembering. Place and digits are
        looked for here; of a state its area codes are asked for, one after the other."""
        refuse_unanswerable(self._name, ABILITIES, query)
        seen: list[Offer] = []
        unreadable: list[Unreadable] = []
        rows, more = 0, False
        async with aclosing(self._catalog(query)) as pages:
            async for page in pages:
                offers, others = read_rows(page.items("data"), wire.parse_offer)
                seen += (offer for offer in offers if answers(query, offer.number, offer.region))
                unreadable += others
                rows += len(offers)
                if sum(offer.number not in exclude for offer in seen) >= count:
                    break
                if more := rows >= MOST_LOOKED_THROUGH and bool(looks_through(ABILITIES, query)):
                    break
        found = tuple(offer for offer in seen if offer.number not in exclude)
        return Catalog(found, unreadable=tuple(unreadable), looked_through=rows if more else None)

    async def _catalog(self, query: Query) -> AsyncGenerator[Fields, None]:
        """The pages of one search after the other that the query takes."""
        for asked in _by_area_code(query):
            async with aclosing(self._pages("catalog", wire.search_params(asked), SEARCH_CIRCUIT)) as pages:
                async for page in pages:
                    yield page

    async def buy(self, purchase: Purchase, last_look: LastLook = look_no_more) -> tuple[Outcome, ...]:
        return await self._cart.buy(purchase, last_look)

    async def look_up(self, purchase: Purchase) -> tuple[Outcome, ...]:
        return await look_up_each(self, purchase)

    async def find(self, number: E164) -> Holding | None:
        found: Holding | None = None
        async for page in self._holdings({"number": str(number)}, ACCOUNT_CIRCUIT):
            found = next((holding for holding in page if holding.number == number), found)
            if found is None and (row := next((row for row in page.unreadable if row.number in {number, None}), None)):
                raise ReplyUnreadable(f"{self._name}: the account has this number, but {row.reason}")
        return found

    def holdings(self) -> AsyncIterator[HoldingsPage]:
        return self._holdings({"limit": str(wire.NUMBERS_PAGE)}, LISTING_CIRCUIT)

    async def _holdings(self, params: dict[str, str], circuit: str) -> AsyncGenerator[HoldingsPage, None]:
        """Numbers come and go while the pages are read, so the smallest total of any page is what must be reached."""
        seen: set[str] = set()
        unreadable, totals = 0, list[int]()
        async for page in self._pages("numbers", params, circuit):
            read = HoldingsPage(*read_rows(page.items("data"), wire.parse_holding))
            seen.update(holding.external_id for holding in read)
            unreadable += len(read.unreadable)
            totals.append(page.count("total"))
            yield read
        if len(seen) + unreadable < min(totals):
            raise ListingIncomplete(
                f"{self._name}: GET {wire.path('numbers')} ended before its own total; nothing is concluded from it"
            )

    async def ensure_routing(self, routing: Routing) -> str:
        path = wire.path("routing profile", routing.reference)
        reply = await self._http.call(Call("PUT", path, json=wire.profile(routing)))
        return Fields(reply, "routing profile").text("id")

    async def find_routing(self, reference: str) -> HeldRouting | None:
        found: HeldRouting | None = None
        async for page in self._pages("routing profiles", {"reference": reference}):
            held = map(_maybe_profile, page.items("data"))
            found = next((one for one in held if one and one.routing.reference == reference), found)
        return found

    async def routings(self) -> AsyncIterator[tuple[HeldRouting, ...]]:
        async for page in self._pages("routing profiles", {}, PROFILES_CIRCUIT):
            yield tuple(held for row in page.items("data") if (held := _maybe_profile(row)))

    async def route(self, external_id: str, routing_id: str | None) -> None:
        await self._change("PATCH", "number", external_id, {"routing_profile_id": routing_id})

    async def mark(self, external_id: str, mark: Mark | None) -> None:
        await self._change("PATCH", "number", external_id, {"reference": str(mark) if mark else None})

    async def suspend(self, external_id: str) -> None:
        await self._change("POST", "suspend", external_id)

    async def resume(self, external_id: str) -> None:
        await self._change("POST", "resume", external_id)

    async def whereabouts(self, number: E164) -> str | None:  # noqa: ARG002 - nothing tells it
        return None

    async def attest(self, external_id: str) -> str | None:  # noqa: ARG002 - it signs by itself
        """A row of the listing says how a number's calls are signed; neither a purchase nor another call of the API has
        a word that asks for it."""
        return None

    async def enrol(self, number: E164, external_id: str, campaign: str) -> CampaignSeat:  # noqa: ARG002
        """DIDHub attaches what follows the profile, and tells nothing of it."""
        return CampaignSeat(campaign, CampaignState.ASSIGNED)

    async def release(self, external_id: str) -> None:
        try:
            await self._change("DELETE", "number", external_id)
        except NotHeld:
            log.info("a number to release was already gone", account=self._name, external_id=external_id)

    async def _change(self, method: str, path: str, external_id: str, json: object = None) -> None:
        try:
            await self._http.call(Call(method, wire.path(path, external_id), json=json))
        except RequestRejected as error:
            match error.code:
                case "not_found":
                    raise NotHeld(str(error), error.code) from error
                case "number_not_active":
                    raise NotActive(str(error), error.code) from error
                case _:
                    raise

    async def _pages(
        self, path: str, params: dict[str, str], circuit: str = ACCOUNT_CIRCUIT
    ) -> AsyncGenerator[Fields, None]:
        """Every page of a listing. Raises ListingIncomplete when its cursors go round in a circle."""
        cursors: set[str] = set()
        while True:
            page = Fields(await self._http.call(Call("GET", wire.path(path), params=params, circuit=circuit)), path)
            yield page
            cursor = page.maybe_text("next_cursor")
            if cursor is None:
                return
            if cursor in cursors:
                raise ListingIncomplete(f"{self._name}: the pages of GET {wire.path(path)} go round in a circle")
            cursors.add(cursor)
            params = {**params, "cursor": cursor}


def _maybe_profile(row: object) -> HeldRouting | None:
    """None for what nobody of us has written: a profile that was made in the portal may have no reference."""
    try:
        return wire.parse_profile(row)
    except CarrierUnavailable:
        return None


def open_client(settings: AccountSettings, transport: httpx.AsyncBaseTransport | None = None) -> AccountClient:
    """The account's HTTP client, with DIDHub's way of saying who calls; white space around a token is left out."""
    return AccountClient(
        settings,
        headers={"Authorization": f"Bearer {settings.credentials['token'].strip()}"},
        read_refusal=wire.read_refusal,
        transport=transport,
    )


def _by_area_code(query: Query) -> Iterator[Query]:
    """The query, or one for each area code of the state that it asks for: DIDHub lists numbers in their order, and a
    state's may be behind more of others than anybody looks through."""
    codes = area_codes_in(query.country, query.region) if query.region and not query.area_code else ()
    yield from (replace(query, area_code=code) for code in codes) if codes else (query,)
