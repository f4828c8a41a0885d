"""One Twilio account behind the protocol of `carriers/carrier.py`. Each of its parts has a file of its own: see the
folder."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable, Mapping
from dataclasses import replace

import structlog

from ringfleet.carriers.abilities import Abilities, BundleTime, SearchFilter
from ringfleet.carriers.carrier import AccountSettings, Health, LastLook, look_no_more, look_up_each
from ringfleet.carriers.errors import NotHeld, ReplyUnreadable, RequestRejected
from ringfleet.carriers.http import ACCOUNT_CIRCUIT, AccountClient
from ringfleet.carriers.json_fields import read_rows
from ringfleet.carriers.registrar import Registrar
from ringfleet.carriers.twilio.api import Api
from ringfleet.carriers.twilio.campaigns import Seat, seat_in, seats_of
from ringfleet.carriers.twilio.prices import PriceList, Prices, price_in
from ringfleet.carriers.twilio.purchase import Purchases
from ringfleet.carriers.twilio.records import Records
from ringfleet.carriers.twilio.registrar import TwilioRegistrar
from ringfleet.carriers.twilio.search import search
from ringfleet.carriers.twilio.signing import SIGNED, Signing
from ringfleet.carriers.twilio.subaccounts import ACCOUNTS, account_id, holder_of
from ringfleet.carriers.twilio.targets import Targets, parse_pointers
from ringfleet.carriers.twilio.wire import (
    NAME_LENGTH,
    NUMBERS,
    Row,
    holding_of,
    parse_row,
    read_row,
    unnamed,
)
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
    Unreadable,
)
from ringfleet.model.attestation import signs_calls
from ringfleet.model.campaign import NO_SEAT, CampaignSeat
from ringfleet.model.numbering import is_american

log = structlog.get_logger(__name__)

LISTING_CIRCUIT = "listing"
ABILITIES = Abilities(
    cart=False,
    bulk=1,
    idempotency_key=False,
    order_reference=False,
    hold=None,
    mark_length=NAME_LENGTH,
    native_suspend=False,
    search_filters=frozenset(SearchFilter),
    price_in_search=False,
    bundle=BundleTime.AT_ORDER,
    per_item_status=True,
    routing_in_purchase=True,
    call_records=True,
    reputation=False,
    signs=None,
)


class Twilio:
    """One account. Search, the listing and the profiles have a circuit breaker each: they can be down while purchases
    work."""

    def __init__(self, settings: AccountSettings, *, client: AccountClient | None = None) -> None:
        """`client` is for tests. Raises as `Api` does."""
        self._name = settings.name
        self._api = Api(settings, client)
        self._prices = Prices(self._api)
        self._targets = Targets(self._api)
        self._signing = Signing(self._api, settings.trust_product)
        self._registrar = TwilioRegistrar(self._api)
        self._records = Records(self._api)
        self._purchases = Purchases(
            self._api,
            self._prices,
            self._held_beginning,
            self.balance,
            self._registrar.address_of,
            lag=settings.lag,
            at_once=settings.concurrency,
        )

    async def __aenter__(self) -> Twilio:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._api.close()

    @property
    def abilities(self) -> Abilities:
        return ABILITIES

    @property
    def health(self) -> Health:
        return self._api.http.health

    @property
    def registrar(self) -> Registrar | None:
        return self._registrar

    @property
    def records(self) -> Records:
        return self._records

    async def balance(self) -> Money:
        told = await self._api.get("api", f"{ACCOUNTS}/{self._api.owner}/Balance.json")  # the parent pays
        return told.money("balance", told.text("currency").upper())

    async def account_id(self) -> str | None:
        return await account_id(self._api)

    async def search(self, query: Query, count: int, exclude: frozenset[E164] = frozenset()) -> Catalog:
        return await search(self._api, self._prices, query, count, exclude)

    async def buy(self, purchase: Purchase, last_look: LastLook = look_no_more) -> tuple[Outcome, ...]:
        return await self._purchases.buy(purchase, last_look)

    async def look_up(self, purchase: Purchase) -> tuple[Outcome, ...]:
        return await look_up_each(self, purchase)

    async def find(self, number: E164) -> Holding | None:
        page = await self._page({"PhoneNumber": number})
        found = next((holding for holding in page if holding.number == number), None)
        if found is None and (row := next((row for row in page.unreadable if row.number in {number, None}), None)):
            raise ReplyUnreadable(f"{self._name}: the account has this number, but {row.reason}")
        return found

    async def whereabouts(self, number: E164) -> str | None:
        return await holder_of(self._api, number)

    async def holdings(self) -> AsyncIterator[HoldingsPage]:
        """What a page shows once more is left out."""
        members = await self._targets.members()
        signed = await self._signing.members()
        seats = await seats_of(self._api, set(members.values()))
        seen: set[str] = set()
        async for rows in self._rows({}, LISTING_CIRCUIT):
            fresh = [json for json in rows if (sid := _sid_of(json)) is None or sid not in seen]
            seen.update(sid for json in fresh if (sid := _sid_of(json)))
            yield _with_seats(await self._read(fresh, members, signed), members, seats)

    async def _held_beginning(self, prefix: str, wanted: Collection[E164]) -> Mapping[E164, Row]:
        """The numbers of the account that begin so, live. Raises ReplyUnreadable: one of them can't be read, and may be
        one of `wanted`."""
        held: dict[E164, Row] = {}
        async for page in self._rows({"PhoneNumber": prefix}, ACCOUNT_CIRCUIT):
            rows, unreadable = read_rows(page, parse_row, "phone_number")
            held |= {row.number: row for row in rows}
            if doubtful := [one for one in unreadable if one.number is None or one.number in wanted]:
                raise ReplyUnreadable(
                    f"{self._name}: the account has a number that may be the wanted one, but {doubtful[0].reason}"
                )
        return held

    async def _page(self, params: Mapping[str, str]) -> HoldingsPage:
        """All pages of a look-up as one."""
        rows = [row async for page in self._rows(params, ACCOUNT_CIRCUIT) for row in page]
        return await self._read(rows)

    def _rows(self, params: Mapping[str, str], circuit: str) -> AsyncGenerator[list[object], None]:
        path = self._api.of_account(f"{NUMBERS}.json")
        return self._api.pages("api", path, "incoming_phone_numbers", params, circuit)

    async def _read(
        self, json: list[object], members: Mapping[str, str] | None = None, signed: frozenset[str] | None = None
    ) -> HoldingsPage:
        """What the rows say; whatever is needed beside them is read first. `members`, `signed` None: each number is
        asked for its service, and whether its calls are signed."""
        rows, unreadable = read_rows(json, parse_row, "phone_number")
        await self._targets.learn(rows)
        prices = await self._prices_for(rows)
        if members is None:
            members = {}
            for row in rows:
                members |= await self._targets.service_of(row.sid)
        if signed is None:
            signed = frozenset([row.sid for row in rows if _signs(row) and await self._signing.is_member(row.sid)])
        holdings: list[Holding] = []
        others: list[Unreadable] = [*unreadable]
        for row in rows:
            try:
                holdings.append(self._holding(row, prices, members, signed))
            except ReplyUnreadable as error:
                others.append(Unreadable(str(error), row.number))
        return HoldingsPage(tuple(holdings), tuple(others))

    async def _prices_for(self, rows: Iterable[Row]) -> Mapping[str, PriceList]:
        countries = {country for row in rows if (country := _country(row))}
        return {country: await self._prices.of(country) for country in sorted(countries)}

    def _holding(
        self, row: Row, prices: Mapping[str, PriceList], members: Mapping[str, str], signed: frozenset[str]
    ) -> Holding:
        price = price_in(prices.get(row.country, {}), row.type, row.country)
        routing = self._targets.pointers_of(row, members).id
        attestation = SIGNED if row.sid in signed and _signs(row) else None
        return holding_of(row, price, routing, self._targets.is_parked(row), attestation)

    async def ensure_routing(self, routing: Routing) -> str:
        return await self._targets.ensure(routing)

    async def find_routing(self, reference: str) -> HeldRouting | None:
        return await self._targets.find(reference)

    def routings(self) -> AsyncIterator[tuple[HeldRouting, ...]]:
        return self._targets.all()

    async def route(self, external_id: str, routing_id: str | None) -> None:
        pointers = parse_pointers(routing_id)
        if pointers is None:
            raise RequestRejected(f"{self._name}: there is no routing profile {routing_id} here")
        await self._targets.point(external_id, pointers, await self._targets.service_of(external_id))

    async def mark(self, external_id: str, mark: Mark | None) -> None:
        form = {"FriendlyName": str(mark)} if mark else unnamed((await self._row(external_id)).number)
        await self._api.change_number(external_id, form)

    async def suspend(self, external_id: str) -> None:
        row = await self._row(external_id)
        if not self._targets.is_parked(row):
            await self._targets.park(row, await self._targets.service_of(external_id))

    async def resume(self, external_id: str) -> None:
        await self._targets.unpark(await self._row(external_id))

    async def attest(self, external_id: str) -> str | None:
        await self._signing.join(external_id)
        return SIGNED

    async def enrol(self, number: E164, external_id: str, campaign: str) -> CampaignSeat:  # noqa: ARG002 - by its SID
        """A number is in the campaign of its service, into which its profile puts it."""
        service = (await self._targets.service_of(external_id)).get(external_id)
        if service is None:
            return NO_SEAT
        seat, aliases = await seat_in(self._api, service)
        return seat.called(campaign, aliases)

    async def release(self, external_id: str) -> None:
        try:
            await self._release(external_id)
        except NotHeld:
            log.info("a number to release was already gone", account=self._name, external_id=external_id)

    async def _release(self, external_id: str) -> None:
        """A number with an emergency address is not given back: that one goes first."""
        try:
            await self._api.release_number(external_id)
        except NotHeld:
            raise
        except RequestRejected:
            if (await self._row(external_id)).emergency_address is None:
                raise
            await self._api.change_number(external_id, {"EmergencyStatus": "Inactive", "EmergencyAddressSid": ""})
            await self._api.release_number(external_id)

    async def _row(self, external_id: str) -> Row:
        """The number as it is now, and what is to be known of where it points. Raises NotHeld."""
        row = read_row(await self._api.number(external_id))
        await self._targets.learn((row,))
        return row


def _with_seats(page: HoldingsPage, services: Mapping[str, str], seats: Mapping[str, Seat]) -> HoldingsPage:
    """`services`: of each number that is in one of ours; `seats`: of each such service."""
    told = [
        replace(one, seat=found[0], campaign_aliases=found[1])
        if is_american(one.country) and (found := seats.get(services.get(one.external_id, "")))
        else one
        for one in page
    ]
    return replace(page, holdings=tuple(told))


def _signs(row: Row) -> bool:
    country = _country(row)
    return country is not None and signs_calls(country)


def _sid_of(json: object) -> str | None:
    """By which a number is counted once; None when the row has none."""
    sid = json.get("sid") if isinstance(json, dict) else None
    return sid if isinstance(sid, str) else None


def _country(row: Row) -> str | None:
    try:
        return row.country
    except ReplyUnreadable:
        return None
