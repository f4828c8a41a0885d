"""A carrier in dictionaries, for unit tests of the controllers only: it does what it is asked, unless told otherwise.

It keeps the money rules of `carriers/carrier.py`: what is bought under one key is bought once. Adapters are tested
against the sandbox carrier, never by this.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from ringfleet.carriers.abilities import EVERYWHERE, Abilities, BundleTime
from ringfleet.carriers.carrier import Health, LastLook, look_no_more, look_up_each
from ringfleet.carriers.detail_records import DetailRecords
from ringfleet.carriers.errors import CarrierUnavailable, NotHeld
from ringfleet.model import (
    E164,
    Catalog,
    HeldRouting,
    Holding,
    HoldingsPage,
    HoldingStatus,
    ItemState,
    Mark,
    Money,
    NumberType,
    Offer,
    Outcome,
    Price,
    Purchase,
    Query,
    Routing,
    Unreadable,
)
from ringfleet.model.campaign import CampaignSeat, CampaignState
from ringfleet.model.compliance import EndUserType, Regulation, Requirement
from ringfleet.model.places import answers
from tests.plan.builders import dollars

ABILITIES = Abilities(
    cart=True,
    bulk=100,
    idempotency_key=True,
    order_reference=True,
    hold=None,
    mark_length=None,
    native_suspend=True,
    search_filters=EVERYWHERE,
    price_in_search=True,
    bundle=BundleTime.EITHER,
    per_item_status=True,
    routing_in_purchase=False,
    call_records=False,
    reputation=True,
    signs=None,
)
"""Those of a carrier with a cart; a test changes what it is about."""


@dataclass
class RegistrarDouble:
    """Says what documents are required, and that after so many seconds; it reviews nothing."""

    requirements: tuple[Requirement, ...] = ()
    takes: float = 0.0
    asked: int = 0

    async def regulation(self, country: str, type_: NumberType, end_user: EndUserType) -> Regulation:
        self.asked += 1
        await asyncio.sleep(self.takes)
        return Regulation("r", country, type_, end_user, self.requirements)


@dataclass
class CarrierDouble:
    """See the module. `story` is shared with the API double, so that it shows what was written before what was called.

    `id` is the carrier's own of the account. `stock` is what can be bought; `taken` is what another buyer is faster
    with; `profiles` are by their reference. `unreadable` and `unreadable_offers` are the rows that listing and search
    have besides. `before_buying` runs first of all when the carrier is asked to sell. `billed` counts how often each
    number was sold. `bills_in`: the currency of its bills, where that is not the offer's. `takes`: for how many seconds
    a call is on its way, by its name; the others take no time. `holdings end`: between a listing's page and its end.
    `callers`: the names of the tasks that have called; `called_at`: when each call was made, by its name, in seconds of
    the loop. `down`: the calls that fail until they are taken out of it. `seated`: how a number stands that is put
    into a campaign.
    """

    story: list[str]
    id: str | None = "main"
    stock: list[Offer] = field(default_factory=list)
    taken: set[E164] = field(default_factory=set)
    held: dict[E164, Holding] = field(default_factory=dict)
    profiles: dict[str, HeldRouting] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)
    unreadable_offers: list[Unreadable] = field(default_factory=list)
    money: Money = field(default_factory=partial(dollars, 1000))
    before_buying: Callable[[], Awaitable[object]] | None = None
    bills_in: str | None = None
    purchases: list[Purchase] = field(default_factory=list)
    billed: Counter[E164] = field(default_factory=Counter)
    callers: set[str] = field(default_factory=set)
    called_at: dict[str, list[float]] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    takes: dict[str, float] = field(default_factory=dict)
    registrar: RegistrarDouble | None = None
    records: DetailRecords | None = None
    health: Health = field(default_factory=Health)
    abilities: Abilities = ABILITIES
    opened: int = 0
    seated: CampaignState = CampaignState.ASSIGNED
    _errors: dict[str, list[Exception]] = field(default_factory=dict)
    _lost: dict[str, list[Exception]] = field(default_factory=dict)
    elsewhere: dict[E164, str] = field(default_factory=dict)
    _answers: dict[tuple[str, E164], Outcome] = field(default_factory=dict)

    def fail(self, call: str, *errors: Exception) -> None:
        """Let the next calls raise these, one each, and do nothing."""
        self._errors.setdefault(call, []).extend(errors)

    def stop_failing(self) -> None:
        """Let all calls that were to fail succeed again."""
        self._errors.clear()

    def lose_reply(self, call: str, error: Exception) -> None:
        """Let the next such call do what it is asked, and raise this."""
        self._lost.setdefault(call, []).append(error)

    async def __aenter__(self) -> CarrierDouble:
        self.opened += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self.opened -= 1

    async def balance(self) -> Money:
        await self._begin("balance")
        return self.money

    async def account_id(self) -> str | None:
        await self._begin("account_id")
        return self.id

    async def search(self, query: Query, count: int, exclude: frozenset[E164] = frozenset()) -> Catalog:
        """All that fits: its stock is one page."""
        await self._begin("search", query.area_code or "anywhere")
        fitting = (
            offer
            for offer in self.stock
            if query.area_code in (None, offer.area_code) and answers(query, offer.number, offer.region)
        )
        found = tuple(offer for offer in fitting if offer.number not in exclude)
        return Catalog(found, unreadable=tuple(self.unreadable_offers))

    async def buy(self, purchase: Purchase, last_look: LastLook = look_no_more) -> tuple[Outcome, ...]:
        if self.before_buying:
            await self.before_buying()
        await last_look()
        self.purchases.append(purchase)
        await self._begin("buy", "again" if purchase.resumed else "")
        outcomes = tuple(self._sell(purchase, offer) for offer in purchase.offers)
        self._end("buy")
        return outcomes

    async def look_up(self, purchase: Purchase) -> tuple[Outcome, ...]:
        await self._begin("look_up")
        return await look_up_each(self, purchase)

    async def find(self, number: E164) -> Holding | None:
        await self._begin("find", number.digits)
        return self.held.get(number)

    async def holdings(self) -> AsyncIterator[HoldingsPage]:
        await self._begin("holdings")
        yield HoldingsPage(tuple(self.held.values()), tuple(self.unreadable))
        await asyncio.sleep(self.takes.get("holdings end", 0.0))
        self._end("holdings")

    async def ensure_routing(self, routing: Routing) -> str:
        await self._begin("ensure_routing", routing.reference)
        id_ = f"at-carrier/{routing.reference}"
        self.profiles[routing.reference] = HeldRouting(id_, routing)
        self._end("ensure_routing")
        return id_

    async def find_routing(self, reference: str) -> HeldRouting | None:
        await self._begin("find_routing", reference)
        return self.profiles.get(reference)

    async def routings(self) -> AsyncIterator[tuple[HeldRouting, ...]]:
        await self._begin("routings")
        yield tuple(self.profiles.values())

    async def route(self, external_id: str, routing_id: str | None) -> None:
        await self._change("route", external_id, routing_id or "nowhere", routing=routing_id)

    async def mark(self, external_id: str, mark: Mark | None) -> None:
        await self._change("mark", external_id, str(mark or "off"), mark=mark)

    async def suspend(self, external_id: str) -> None:
        await self._change("suspend", external_id, status=HoldingStatus.SUSPENDED)

    async def resume(self, external_id: str) -> None:
        await self._change("resume", external_id, status=HoldingStatus.ACTIVE)

    async def whereabouts(self, number: E164) -> str | None:
        return self.elsewhere.get(number)

    async def attest(self, external_id: str) -> str | None:
        await self._change("attest", external_id, "A", attestation="A")
        return "A"

    async def enrol(self, number: E164, external_id: str, campaign: str) -> CampaignSeat:
        seat = CampaignSeat(campaign, self.seated)
        await self._change("enrol", external_id, campaign, seat=seat)
        return seat

    async def release(self, external_id: str) -> None:
        await self._begin("release", external_id)
        self.held = {number: one for number, one in self.held.items() if one.external_id != external_id}

    def _sell(self, purchase: Purchase, offer: Offer) -> Outcome:
        known = self._answers.get((purchase.key, offer.number))
        if known is None:
            known = self._answers[purchase.key, offer.number] = self._sell_anew(purchase, offer)
        return known

    def _sell_anew(self, purchase: Purchase, offer: Offer) -> Outcome:
        if offer.number in self.taken | self.held.keys():
            return Outcome(offer.number, ItemState.FAILED, "NumberTaken", "Somebody was faster.")
        self.billed[offer.number] += 1
        external_id = f"did-{offer.number.digits[-4:].lstrip('0')}"
        routing = purchase.routing if self.abilities.routing_in_purchase else None
        self.held[offer.number] = Holding(
            number=offer.number,
            external_id=external_id,
            status=HoldingStatus.ACTIVE,
            country=offer.country,
            type=offer.type,
            price=self._bill(offer.price),
            area_code=offer.area_code,
            capabilities=offer.capabilities,
            mark=purchase.mark,
            bundle=purchase.bundle,
            routing=routing,
        )
        bill = self._bill(offer.price)
        return Outcome(offer.number, ItemState.PROVISIONED, external_id=external_id, price=bill, routing=routing)

    def _bill(self, price: Price) -> Price:
        if self.bills_in is None:
            return price
        return Price(Money(price.monthly.amount, self.bills_in), Money(price.setup.amount, self.bills_in))

    async def _change(self, call: str, external_id: str, *words: str, **facts: object) -> None:
        await self._begin(call, external_id, *words)
        number = next((number for number, one in self.held.items() if one.external_id == external_id), None)
        if number is None:
            raise NotHeld(f"{call}: the account does not hold {external_id}")
        self.held[number] = replace(self.held[number], **facts)  # type: ignore[arg-type]  # one field by name
        self._end(call)

    async def _begin(self, call: str, *words: str) -> None:
        self.story.append(" ".join(["carrier:", call, *filter(None, words)]))
        task = asyncio.current_task()
        self.callers.add(task.get_name() if task else "")
        self.called_at.setdefault(call, []).append(asyncio.get_running_loop().time())
        if call in self.takes:
            await asyncio.sleep(self.takes[call])
        if call in self.down:
            raise CarrierUnavailable(f"{call} is down.")
        _raise_next(self._errors.get(call, ()))

    def _end(self, call: str) -> None:
        _raise_next(self._lost.get(call, ()))


def _raise_next(errors: Sequence[Exception]) -> None:
    if isinstance(errors, list) and errors:
        raise errors.pop(0)
