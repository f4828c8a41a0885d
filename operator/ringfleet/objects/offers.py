"""What a person searches, and what carriers offer for it, as values and as JSON: one form for the command `search -o
json` and for the operator's `POST /v1/offers`. Pure.

A wish::

    country, type                    as in a market; type defaults to Geographic
    areaCodes, capabilities,
    regions, localities              lists of text, the preferred one first
    contains, near                   text: `model/digit_pattern.py`; a number, or latitude,longitude

An account's answer; amounts are text, in major units::

    account, trouble, remark, unreadable,
    offers: [{number, areaCode, region, capabilities, monthly, setup, currency, needsDocuments}]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ringfleet.api.meta import GROUP
from ringfleet.model import E164, Capability, Market, Money, NumberType, Offer, Price, Query, Unreadable
from ringfleet.model.digit_pattern import DigitPattern
from ringfleet.model.numbering import countries, misspelt_area_codes, unknown_area_codes
from ringfleet.model.places import Position, regions_of
from ringfleet.objects.number_order import market_queries

W = TypeVar("W", NumberType, Capability)

OFFERS_PATH = "/v1/offers"
OFFERS_AUDIENCE = f"offers.{GROUP}"
"""The audience of the tokens by which the operator knows who asks it for offers."""
TOKEN_HEADER = "Ringfleet-Token"  # noqa: S105 - a header, no token
"""The header of such a token: the API server's service proxy takes `Authorization` off."""
MOST_PLACES = 20
"""How many area codes, states or cities, and how many searches of all of them together, one question may have."""
LONGEST_WORD = 100


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person searches."""

    market: Market
    """What any order for such a market would search."""
    contains: DigitPattern | None = None
    """The digits that the numbers must have; None: any."""
    near: E164 | Position | None = None
    """What they must be near to; None: anywhere."""

    def queries(self) -> Iterator[Query]:
        """The searches, the preferred one first."""
        return (replace(one, contains=self.contains, near=self.near) for one in market_queries(self.market))


@dataclass(frozen=True, slots=True)
class Found:
    """What one carrier offers, in the order in which an order would take it, and the rows that can't be read."""

    offers: tuple[Offer, ...]
    unreadable: tuple[Unreadable, ...] = ()
    remark: str = ""
    """A sentence on what this carrier can't be asked for, and how it was looked for instead; empty: there is nothing to
    say."""


class BadWish(ValueError):
    """What is asked for can't be meant. `field` names it as in JSON."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def parse_wish(json: Mapping[str, Any]) -> Wish:
    """Raises BadWish, with what to write instead."""
    country = str(json.get("country") or "").upper()
    if country not in countries():
        raise BadWish("country", f"{country!r} is no country: write its ISO 3166-1 alpha-2 code, such as DE or GB")
    type_ = _choice(json.get("type") or NumberType.GEOGRAPHIC, "type", NumberType)
    codes = _words(json, "areaCodes")
    able = frozenset(_choice(word, "capabilities", Capability) for word in _words(json, "capabilities"))
    states = tuple(word.upper() for word in _words(json, "regions"))
    market = Market(country, type_, codes, able, regions=states, localities=_words(json, "localities"))
    if wrong := misspelt_area_codes(country, codes):
        raise BadWish("areaCodes", wrong)
    if unknown := unknown_area_codes(market):
        raise BadWish("areaCodes", f"{country} has no {type_} numbers in {', '.join(unknown)}")
    _refuse_unknown_states(country, states)
    wish = Wish(market, _pattern(json.get("contains")), _near(json.get("near")))
    if sum(1 for _ in wish.queries()) > MOST_PLACES:
        raise BadWish("areaCodes", f"area codes, states and cities make more than {MOST_PLACES} searches: name fewer")
    return wish


def _words(json: Mapping[str, Any], field: str) -> tuple[str, ...]:
    words = json.get(field) or []
    if not isinstance(words, list | tuple) or not all(isinstance(one, str) and one for one in words):
        raise BadWish(field, f"{field} is a list of texts")
    if len(words) > MOST_PLACES or any(len(one) > LONGEST_WORD for one in words):
        raise BadWish(field, f"{field} has at most {MOST_PLACES} texts, of at most {LONGEST_WORD} characters")
    return tuple(dict.fromkeys(words))


def _choice(value: object, field: str, kind: type[W]) -> W:
    try:
        return kind(str(value))
    except ValueError as error:
        raise BadWish(field, f"{value!r} is not one of {', '.join(repr(str(one)) for one in kind)}") from error


def _refuse_unknown_states(country: str, states: tuple[str, ...]) -> None:
    known = regions_of(country)
    unknown = [state for state in states if state not in known]
    if unknown and not known:
        raise BadWish("regions", f"numbers of {country} are told apart by no state here: name cities or area codes")
    if unknown:
        raise BadWish(
            "regions",
            f"{country} has no {', '.join(unknown)}: write the two letters of a state or province, such as {known[0]}",
        )


def _pattern(text: object) -> DigitPattern | None:
    try:
        return None if text is None else DigitPattern.parse(str(text)[:LONGEST_WORD])
    except ValueError as error:
        raise BadWish("contains", str(error)) from error


def _near(text: object) -> E164 | Position | None:
    if text is None:
        return None
    said = str(text)[:LONGEST_WORD]
    try:
        return E164.parse(said) if said.startswith("+") else Position.parse(said)
    except ValueError as error:
        raise BadWish("near", f"{error}; or write a number with its +") from error


def wish_json(wish: Wish) -> dict[str, Any]:
    """As `parse_wish` reads it."""
    market = wish.market
    return {
        "country": market.country,
        "type": str(market.type),
        "areaCodes": list(market.area_codes),
        "capabilities": sorted(map(str, market.capabilities)),
        "regions": list(market.regions),
        "localities": list(market.localities),
        "contains": str(wish.contains) if wish.contains else None,
        "near": str(wish.near) if wish.near else None,
    }


def answer_json(account: str, found: Found | None, trouble: str) -> dict[str, Any]:
    """One account's answer, or the trouble in asking it."""
    return {
        "account": account,
        "trouble": trouble or None,
        "remark": (found.remark or None) if found else None,
        "unreadable": [row.reason for row in found.unreadable] if found else [],
        "offers": [_offer_json(offer) for offer in found.offers] if found else [],
    }


def _offer_json(offer: Offer) -> dict[str, Any]:
    return {
        "number": str(offer.number),
        "areaCode": offer.area_code,
        "region": offer.region,
        "capabilities": sorted(map(str, offer.capabilities)),
        "monthly": f"{offer.price.monthly.amount:f}",
        "setup": f"{offer.price.setup.amount:f}",
        "currency": offer.price.monthly.currency,
        "needsDocuments": offer.needs_documents,
    }


def read_found(json: Mapping[str, Any], wish: Wish) -> Found:
    """What an account's answer says. Raises ValueError or LookupError when it is none of ours."""
    offers = tuple(_read_offer(row, wish.market) for row in json["offers"])
    return Found(offers, tuple(map(Unreadable, json["unreadable"])), json["remark"] or "")


def _read_offer(row: Mapping[str, Any], market: Market) -> Offer:
    currency = row["currency"]
    return Offer(
        number=E164.parse(row["number"]),
        country=market.country,
        type=market.type,
        price=Price(Money.parse(row["monthly"], currency), Money.parse(row["setup"], currency)),
        area_code=row["areaCode"],
        region=row["region"],
        capabilities=frozenset(map(Capability, row["capabilities"])),
        needs_documents=bool(row["needsDocuments"]),
    )
