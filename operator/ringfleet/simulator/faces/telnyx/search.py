"""What is for sale at the Telnyx face. A row has its price and its places, and neither country nor type: whoever asked
knows them. What was shown to an account can be ordered by it, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.telnyx.wire import V2, Json, filters
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.fields import BadField
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.market import GEOGRAPHIC, MOBILE, NATIONAL, TOLL_FREE
from ringfleet.simulator.money import format_cents
from ringfleet.simulator.selling.stock import Offer

TYPES: Final = {"local": GEOGRAPHIC, "mobile": MOBILE, "national": NATIONAL, "toll_free": TOLL_FREE}
TYPE_WORDS: Final = {type_: word for word, type_ in TYPES.items()}
_UNSOLD: Final = ("shared_cost",)
_FEATURES: Final = ("sms", "mms", "voice", "fax", "emergency", "hd_voice", "international_sms", "local_calling")
_CARRIED: Final = ("voice", "sms", "mms", "fax")
_PARTS: Final = ("starts_with", "contains", "ends_with")
_DEFAULT_LIMIT: Final = 100
_CHUNK: Final = 200


def search(exchange: Exchange, asked: Asked) -> Answer:
    asked_for = filters(asked)
    country = asked_for.get(("country_code",))
    if not country:
        raise BadField("filter[country_code]", "is required")
    limit = _limit(asked_for.get(("limit",)))
    found = list(islice(_matching(exchange, country, asked_for), limit))
    exchange.records.show(asked.customer.account.id, [offer.number for offer in found])
    currency = asked.customer.account.currency
    rows = [_row(offer, currency) for offer in found]
    return Answer(200, {"data": rows, "meta": {"best_effort_results": 0, "total_results": len(rows)}})


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT_LIMIT
    if not text.isdigit() or not int(text):
        raise BadField("filter[limit]", f"{text!r} is not a whole number from 1")
    return int(text)


def _matching(exchange: Exchange, country: str, asked_for: Mapping[tuple[str, ...], str]) -> Iterator[Offer]:
    wanted = [one for one in asked_for.get(("features",), "").split(",") if one]
    if unknown := sorted(set(wanted).difference(_FEATURES)):
        raise BadField("filter[features]", f"{unknown[0]!r} is no feature")
    if not set(wanted) <= set(_CARRIED):  # nothing that is sold here has it
        return
    word = asked_for.get(("phone_number_type",))
    if word is not None and word not in (*TYPES, *_UNSOLD):
        raise BadField("filter[phone_number_type]", f"{word!r} is no type")
    types = [TYPES[word]] if word in TYPES else [] if word else list(TYPES.values())
    area_code = asked_for.get(("national_destination_code",))
    locality, state = asked_for.get(("locality",)), asked_for.get(("administrative_area",))
    for type_ in types:
        for offer in _offers(exchange, country, type_, area_code, frozenset(wanted)):
            city, _, region = (offer.region or "").partition(", ")
            if locality in (None, city) and state in (None, region) and _fits(offer, area_code, asked_for):
                yield offer


def _offers(
    exchange: Exchange, country: str, type_: str, area_code: str | None, features: frozenset[str]
) -> Iterator[Offer]:
    after = ""
    while True:
        chunk = exchange.stock.offers(country, type_, area_code, features, after, _CHUNK)
        yield from chunk
        if len(chunk) < _CHUNK:
            return
        after = chunk[-1].number


def _fits(offer: Offer, area_code: str | None, asked_for: Mapping[tuple[str, ...], str]) -> bool:
    """By the digits behind the calling code, or behind the area code where one was asked for. Signs match nothing."""
    digits = offer.number[_national(offer) + len(area_code or "") :]
    begins, part, ends = (
        asked_for.get(("phone_number", name), "") for name in ("starts_with", "contains", "ends_with")
    )
    return digits.startswith(begins) and part in digits and digits.endswith(ends)


def _national(offer: Offer) -> int:
    """Where the national number begins: with the area code, or behind the one or two digits of the calling code."""
    if offer.area_code is not None:
        return offer.number.index(offer.area_code, 1)
    return len("+1") if offer.number.startswith("+1") else len("+44")


def _row(offer: Offer, currency: str) -> Json:
    city, _, state = (offer.region or "").partition(", ")
    places = [("country_code", offer.country), ("state", state), ("location", city)]
    return {
        "record_type": "available_phone_number",
        "phone_number": offer.number,
        "vanity_format": None,
        "best_effort": False,
        "quickship": False,
        "reservable": True,
        "region_information": [{"region_type": kind, "region_name": name} for kind, name in places if name],
        "cost_information": {
            "upfront_cost": format_cents(offer.setup),
            "monthly_cost": format_cents(offer.monthly),
            "currency": currency,
        },
        "features": [{"name": name} for name in offer.capabilities],
    }


ROUTES: Final = (("GET", f"{V2}/available_phone_numbers", Operation.SEARCH, search),)
