"""What a number costs a month: by its country and type, from Twilio's price list. There is no set-up fee.

A search says no price, and neither does a number of the account. The list is kept for an hour, since it is read for
every number of a listing; before money moves it is read anew.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import structlog

from ringfleet.carriers.errors import CarrierError, ReplyUnreadable, RequestRejected
from ringfleet.carriers.json_fields import Fields, read_rows
from ringfleet.carriers.twilio.api import Api
from ringfleet.carriers.twilio.wire import NOT_FOUND, TYPES
from ringfleet.model import Money, NumberType, Price

log = structlog.get_logger(__name__)

KEPT_FOR = 3600.0
PRICES_CIRCUIT = "prices"

PriceList = Mapping[NumberType, Price]


@dataclass(frozen=True, slots=True)
class _Read:
    prices: PriceList
    at: float


class Prices:
    """The price lists of the countries that somebody has asked for."""

    def __init__(self, api: Api, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is in seconds."""
        self._api = api
        self._clock = clock
        self._read: dict[str, _Read] = {}

    async def of(self, country: str, *, fresh: bool = False) -> PriceList:
        """The prices of a country by number type; none where Twilio has no list of it. `fresh`: as they are now."""
        kept = self._read.get(country)
        if kept is None or fresh or self._clock() - kept.at > KEPT_FOR:
            kept = self._read[country] = _Read(await self._ask(country), self._clock())
        return kept.prices

    async def known(self, country: str) -> PriceList | None:
        """The same, or what was read last while Twilio does not say; None: nothing was."""
        try:
            return await self.of(country)
        except CarrierError as error:
            log.warning("price list not read: what was known holds", account=self._api.name, error=str(error))
            kept = self._read.get(country)
            return kept.prices if kept else None

    async def _ask(self, country: str) -> PriceList:
        try:
            path = f"/v1/PhoneNumbers/Countries/{country}"
            reply = await self._api.get("pricing", path, circuit=PRICES_CIRCUIT)
        except RequestRejected as error:
            if error.code == NOT_FOUND:
                return {}
            raise
        currency = reply.text("price_unit").upper()
        read, unreadable = read_rows(reply.items("phone_number_prices"), partial(_price, currency=currency))
        for one in unreadable:
            log.warning("a price can't be read", account=self._api.name, country=country, error=one.reason)
        return {type_: price for type_, price in read if type_ is not None}


def _price(json: object, currency: str) -> tuple[NumberType | None, Price]:
    """One row of the list; None: it is of numbers that nobody here knows. One that can't be read is as if it were not
    there: without it the others have their prices still."""
    row = Fields(json, "phone_number_prices")
    type_ = TYPES.get(re.sub("[^a-z]", "", row.text("number_type").lower()))
    return type_, Price(row.price("current_price", currency), Money.zero(currency))


def price_in(prices: PriceList, type_: NumberType, country: str) -> Price:
    """Raises ReplyUnreadable: the list has no price for it, and what costs nobody knows what is not bought."""
    price = prices.get(type_)
    if price is None:
        raise ReplyUnreadable(f"the price list of {country} has no price for {type_} numbers")
    return price
