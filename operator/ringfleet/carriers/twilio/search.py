"""What is for sale. A search gives thirty numbers at most, always the same ones, and has no second page.

So a stock is seen by its digits. A search that gives fewer than thirty has shown all that it asks for; one that gives
thirty is divided by the next digit of the number, and each part is asked for by itself::

    +1415       30 rows: there may be more
    +14152      30 rows    +14153  12 rows: all of them    ...  +14159
    +141520 ...

It ends when there are enough, or when every part has shown all that it has: then the stock is known to be empty. Twilio
lets a pattern begin with `+` for the beginning of a number (`Contains`), and an area code be named in North America.

There is one pattern a search, so digits that are wanted stand behind the beginning, `+1415%777`: `%` is any digits.
Where they may begin within the beginning itself, the part is asked for whole, and they are looked for here. States and
nearness are known in the United States and Canada only, and a city must be written as Twilio does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import phonenumbers

from ringfleet.carriers.errors import RequestRejected
from ringfleet.carriers.json_fields import read_rows
from ringfleet.carriers.search_filters import UNSUPPORTED
from ringfleet.carriers.twilio.api import Api
from ringfleet.carriers.twilio.prices import Prices
from ringfleet.carriers.twilio.wire import ENABLED, KINDS, NOT_FOUND, parse_offer
from ringfleet.model import E164, Catalog, NumberType, Offer, Price, Query, Unreadable
from ringfleet.model.numbering import TOLL_FREE_CODES, nanp_countries
from ringfleet.model.places import answers

SEARCH_CIRCUIT = "search"
MOST_ROWS = 30
MOST_CALLS = 150
"""How many searches one question may cost: enough for the largest orders, and an end for a stock without one."""
MOST_SIGNS = 16
"""How long a pattern is at most."""
_AREA_CODE_COUNTRIES = ("US", "CA")
"""Where a search can name an area code, a state, or what it is to be near to."""
_NANP = "1"
_WITH_AREA_CODE = 4
"""So many digits have the country's code and an area code there."""


@dataclass(slots=True)
class _Found:
    """What has been seen so far."""

    offers: dict[E164, Offer] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)
    calls: int = 0

    def enough(self, count: int, exclude: frozenset[E164]) -> bool:
        return len(self.offers.keys() - exclude) >= count


async def search(api: Api, prices: Prices, query: Query, count: int, exclude: frozenset[E164]) -> Catalog:
    """As `Carrier.search` says."""
    if query.near is not None and query.country not in _AREA_CODE_COUNTRIES:
        raise RequestRejected(f"{api.name}: Twilio searches near a place in the US and Canada only", UNSUPPORTED)
    price = (await prices.of(query.country)).get(query.type)
    if price is None:
        raise RequestRejected(f"{api.name}: Twilio sells no {query.type} numbers in {query.country}", NOT_FOUND)
    found = _Found()
    level: list[str] = [_beginning(query)]
    while level and not found.enough(count, exclude) and found.calls < MOST_CALLS:
        crowded: list[str] = []
        for some in _in_groups(level, count, exclude, found):
            crowded += [prefix for prefix, full in await _ask_all(api, query, price, some, found) if full]
            if found.enough(count, exclude):
                break
        level = [part for prefix in crowded for part in _parts(query, prefix) if _can_be_asked(query, part)]
    offers = tuple(offer for offer in found.offers.values() if offer.number not in exclude)
    return Catalog(offers, unreadable=tuple(found.unreadable))


def _in_groups(level: list[str], count: int, exclude: frozenset[E164], found: _Found) -> Iterable[list[str]]:
    """The parts of a level, as many at once as what is missing may take."""
    at = 0
    while at < len(level) and found.calls < MOST_CALLS:
        missing = count - len(found.offers.keys() - exclude)
        size = max(1, min(-(-missing // MOST_ROWS), MOST_CALLS - found.calls))
        yield level[at : at + size]
        at += size


async def _ask_all(api: Api, query: Query, price: Price, prefixes: list[str], found: _Found) -> list[tuple[str, bool]]:
    """Ask for these parts at once; of each, whether it may have more than it has shown."""
    found.calls += len(prefixes)
    answers = await asyncio.gather(*(_ask(api, query, price, prefix) for prefix in prefixes))
    for offers, unreadable, _ in answers:
        found.offers |= {offer.number: offer for offer in offers}
        found.unreadable += unreadable
    return [(prefix, full) for prefix, (_, _, full) in zip(prefixes, answers, strict=True)]


async def _ask(
    api: Api, query: Query, price: Price, prefix: str
) -> tuple[tuple[Offer, ...], tuple[Unreadable, ...], bool]:
    path = api.of_account(f"/AvailablePhoneNumbers/{query.country}/{KINDS[query.type]}.json")
    reply = await api.get("api", path, _params(query, prefix), SEARCH_CIRCUIT)
    rows = reply.items("available_phone_numbers")
    offers, unreadable = read_rows(
        rows, lambda row: parse_offer(row, query.type, query.area_code, price), "phone_number"
    )
    wanted = tuple(
        offer for offer in offers if offer.number[1:].startswith(prefix) and answers(query, offer.number, offer.region)
    )
    return wanted, unreadable, len(rows) >= MOST_ROWS


def _beginning(query: Query) -> str:
    """The first digits of all that is asked for: its country's code, and its area code."""
    return f"{phonenumbers.country_code_for_region(query.country)}{query.area_code or ''}"


def _parts(query: Query, prefix: str) -> Iterable[str]:
    """What the numbers that begin with `prefix` are divided into: by their next digit. North America has few toll-free
    area codes, and neither an area code nor an exchange that begins with 0 or 1."""
    if query.country in nanp_countries():
        if query.type is NumberType.TOLL_FREE and prefix == _NANP:
            return [prefix + code for code in TOLL_FREE_CODES]
        if len(prefix) in (1, 4):
            return [prefix + digit for digit in "23456789"]
    return [prefix + digit for digit in "0123456789"]


def _params(query: Query, prefix: str) -> Mapping[str, str]:
    """The filters of a search for numbers that begin with `prefix`. A pattern has two digits at least: a part that is
    as wide as its country has none."""
    params = {**{ENABLED[one]: "true" for one in sorted(query.capabilities)}, **_places(query)}
    shown = str(phonenumbers.country_code_for_region(query.country))
    if query.country in _AREA_CODE_COUNTRIES and len(prefix) >= _WITH_AREA_CODE:
        shown = prefix[:_WITH_AREA_CODE]
        params["AreaCode"] = shown[1:]
    pattern = _pattern(query, "" if prefix == shown else f"+{prefix}")
    return {**params, "Contains": pattern} if pattern else params


def _pattern(query: Query, begins: str) -> str:
    """The one pattern of a search: what the number begins with, "" for anything, and the digits that are wanted."""
    if query.contains is None or (begins and _may_begin_within(query, begins)):
        return begins
    return f"{begins}%{query.contains}" if begins else str(query.contains)


def _may_begin_within(query: Query, begins: str) -> bool:
    """Whether the digits that are wanted may begin within the first ones of the number."""
    wanted = query.contains.digits if query.contains else ""
    known = begins.removeprefix(f"+{phonenumbers.country_code_for_region(query.country)}")
    tails = (known[at:] for at in range(len(known)))
    return any(all(one in ("*", digit) for one, digit in zip(wanted, tail, strict=False)) for tail in tails)


def _can_be_asked(query: Query, prefix: str) -> bool:
    """Whether a pattern of so many signs is taken."""
    return len(_pattern(query, f"+{prefix}")) <= MOST_SIGNS


def _places(query: Query) -> Mapping[str, str]:
    said = {"InRegion": query.region, "InLocality": query.locality}
    near = "NearNumber" if isinstance(query.near, E164) else "NearLatLong"
    said[near] = None if query.near is None else str(query.near)
    return {name: value for name, value in said.items() if value is not None}
