"""What is for sale at the Twilio face: at most 30 numbers a search, always the same ones, and no further page.

A row has neither price nor type nor id. Prices are those of a country and type, of the product `pricing`; what a number
costs at purchase is that price, whatever it costs at other faces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.twilio.nearness import read_nearness
from ringfleet.simulator.faces.twilio.wire import API, Json, account_of, missing, read_flag
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.fields import BadField, Fields
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.market import GEOGRAPHIC, MOBILE, NATIONAL, TOLL_FREE
from ringfleet.simulator.money import format_cents
from ringfleet.simulator.review.requirements import EndUser, Subject, find_regulation
from ringfleet.simulator.selling.stock import Offer

MOST_ROWS: Final = 30
_CHUNK: Final = 200
KINDS: Final = {"Local": GEOGRAPHIC, "Mobile": MOBILE, "TollFree": TOLL_FREE, "National": NATIONAL}
"""The word of the path for each number type. Twilio knows three more, of which nothing is sold here."""
_UNSOLD: Final = ("Voip", "SharedCost", "MachineToMachine")
_SUBRESOURCES: Final = {GEOGRAPHIC: "local", MOBILE: "mobile", TOLL_FREE: "toll_free", NATIONAL: "national"}
_PRICED: Final = {GEOGRAPHIC: "local", MOBILE: "mobile", TOLL_FREE: "toll free", NATIONAL: "national"}
_CAPABLE: Final = {"SmsEnabled": "sms", "MmsEnabled": "mms", "VoiceEnabled": "voice", "FaxEnabled": "fax"}
_KEYS: Final = dict(zip("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999", strict=True))
"""The letters on a telephone's keys."""


def countries(exchange: Exchange, asked: Asked) -> Answer:
    account_of(asked)
    sold = sorted({block.market.country for block in exchange.stock.blocks})
    path = f"/2010-04-01/Accounts/{asked.path['account']}/AvailablePhoneNumbers.json"
    return Answer(200, {"countries": [_country(exchange, asked, one) for one in sold], "uri": path})


def country(exchange: Exchange, asked: Asked) -> Answer:
    account_of(asked)
    return Answer(200, _country(exchange, asked, asked.path["country"]))


def search(exchange: Exchange, asked: Asked) -> Answer:
    account_of(asked)
    kind = asked.path["kind"]
    if kind not in KINDS and kind not in _UNSOLD:
        raise missing(asked)
    query = Fields(asked.query, "query")
    found = islice(_matching(exchange, asked.path["country"], kind, query), MOST_ROWS)
    path = f"/2010-04-01/Accounts/{asked.path['account']}/AvailablePhoneNumbers/{asked.path['country']}/{kind}.json"
    return Answer(200, {"available_phone_numbers": [_row(offer) for offer in found], "uri": path})


def first_in(exchange: Exchange, area_code: str) -> str | None:
    """A number of this area code (US and Canada), if one is for sale."""
    for country_ in ("US", "CA"):
        for offer in exchange.stock.offers(country_, GEOGRAPHIC, area_code, frozenset(), "", 1):
            return offer.number
    return None


def price_of(exchange: Exchange, country_: str, type_: str) -> int:
    """What a month costs in this country, for this type, in cents: the dearest that the market has."""
    blocks = [one for one in exchange.stock.blocks if (one.market.country, one.market.type) == (country_, type_)]
    return max((block.monthly for block in blocks), default=0)


def price_list(exchange: Exchange, _: Asked) -> Answer:
    sold = sorted({block.market.country for block in exchange.stock.blocks})
    rows = [{"country": one, "iso_country": one, "url": _price_url(one)} for one in sold]
    base = "https://pricing.twilio.com/v1/PhoneNumbers/Countries"
    meta = {
        "key": "countries",
        "page": 0,
        "page_size": max(len(rows), 50),
        "url": base,
        "first_page_url": base,
        "next_page_url": None,
        "previous_page_url": None,
    }
    return Answer(200, {"countries": rows, "meta": meta})


def prices(exchange: Exchange, asked: Asked) -> Answer:
    wanted = asked.path["country"]
    types = sorted({block.market.type for block in exchange.stock.blocks if block.market.country == wanted})
    if not types:
        raise missing(asked)
    figures = [(type_, format_cents(price_of(exchange, wanted, type_))) for type_ in types]
    rows = [{"number_type": _PRICED[type_], "base_price": price, "current_price": price} for type_, price in figures]
    unit = asked.customer.account.currency
    return Answer(
        200,
        {
            "country": wanted,
            "iso_country": wanted,
            "price_unit": unit,
            "phone_number_prices": rows,
            "url": _price_url(wanted),
        },
    )


def place_of(region: str | None) -> tuple[str | None, str | None]:
    """Locality and state: the exchange writes `Denver, CO`, and only the former elsewhere than in North America."""
    if region is None:
        return None, None
    locality, _, state = region.partition(", ")
    return locality, state or None


def spoken(number: str) -> str:
    """How Twilio writes a number where nobody has named it: `(415) 200-0042`, others as they are."""
    return f"({number[2:5]}) {number[5:8]}-{number[8:]}" if re.fullmatch(r"\+1\d{10}", number) else number


def _matching(exchange: Exchange, country_: str, kind: str, query: Fields) -> Iterator[Offer]:
    capabilities = frozenset(word for name, word in _CAPABLE.items() if read_flag(query, name))
    area_code, pattern = query.text("AreaCode"), _pattern(query.text("Contains"))
    if area_code is not None and not re.fullmatch(r"\d{3}", area_code):
        raise BadField("AreaCode", f"{area_code!r} is not three digits")
    locality, region = query.text("InLocality"), query.text("InRegion")
    near = read_nearness(exchange, country_, query)
    for offer in _offers(exchange, country_, kind, area_code, capabilities):
        place = place_of(offer.region)
        if locality not in (None, place[0]) or region not in (None, place[1]):
            continue
        if (near is None or near(offer)) and (pattern is None or pattern.search(offer.number[1:])):
            yield offer


def _offers(
    exchange: Exchange, country_: str, kind: str, area_code: str | None, capabilities: frozenset[str]
) -> Iterator[Offer]:
    """All that is for sale, in order."""
    after = ""
    while kind in KINDS:
        chunk = exchange.stock.offers(country_, KINDS[kind], area_code, capabilities, after, _CHUNK)
        yield from chunk
        if len(chunk) < _CHUNK:
            return
        after = chunk[-1].number


def _pattern(text: str | None) -> re.Pattern[str] | None:
    """`*` is any digit, `%` any digits, `+` the beginning of the number, `$` its end; letters are a telephone's."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9A-Za-z*%+$]{2,16}", text):
        raise BadField("Contains", f"{text!r} is not 2 to 16 of digits, letters, and * % + $")
    signs = {"*": r"\d", "%": r"\d*", "+": "^", "$": "$"}
    return re.compile("".join(signs.get(one) or _KEYS.get(one.lower(), one) for one in text))


def _country(exchange: Exchange, asked: Asked, wanted: str) -> Json:
    types = {block.market.type for block in exchange.stock.blocks if block.market.country == wanted}
    if not types:
        raise missing(asked)
    base = f"/2010-04-01/Accounts/{asked.path['account']}/AvailablePhoneNumbers/{wanted}"
    kinds = [kind for kind, type_ in KINDS.items() if type_ in types]
    return {
        "country_code": wanted,
        "country": wanted,
        "uri": f"{base}.json",
        "beta": False,
        "subresource_uris": {_SUBRESOURCES[KINDS[kind]]: f"{base}/{kind}.json" for kind in kinds},
    }


def address_wanted(country: str, type_: str) -> str:
    """Whether a number of this market is sold with an address only: `none`, `any`, or one in the country, `local`."""
    asked = (one for user in EndUser if (rules := find_regulation(country, type_, user)) for one in rules.requirements)
    wanted = [one for one in asked if one.subject is Subject.ADDRESS]
    return "none" if not wanted else "local" if any(one.local for one in wanted) else "any"


def _row(offer: Offer) -> Json:
    locality, region = place_of(offer.region)
    can = {name: word in offer.capabilities for name, word in _ADVERTISED.items()}
    return {
        "friendly_name": spoken(offer.number),
        "phone_number": offer.number,
        "lata": None,
        "locality": locality,
        "rate_center": None,
        "latitude": None,
        "longitude": None,
        "region": region,
        "postal_code": None,
        "iso_country": offer.country,
        "address_requirements": address_wanted(offer.country, offer.type),
        "beta": False,
        "capabilities": can,
    }


_ADVERTISED: Final = {"voice": "voice", "SMS": "sms", "MMS": "mms", "fax": "fax"}
"""A search writes some of its words in capitals; a number that is owned does not."""


def _price_url(country_: str) -> str:
    return f"https://pricing.twilio.com/v1/PhoneNumbers/Countries/{country_}"


ROUTES: Final = (
    ("GET", f"{API}/AvailablePhoneNumbers.json", Operation.MARKETS, countries),
    ("GET", f"{API}/AvailablePhoneNumbers/{{country}}.json", Operation.MARKETS, country),
    ("GET", f"{API}/AvailablePhoneNumbers/{{country}}/{{kind}}.json", Operation.SEARCH, search),
    ("GET", "/twilio/pricing/v1/PhoneNumbers/Countries", Operation.PRICES, price_list),
    ("GET", "/twilio/pricing/v1/PhoneNumbers/Countries/{country}", Operation.PRICES, prices),
)
