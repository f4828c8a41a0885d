"""What the numbering plans that `phonenumbers` carries say of countries and area codes, for who checks what a person
has written.

The plans are data of the day on which the library was made, and new area codes come into service every year: what they
do not know is not wrong. So nothing is refused by `unknown_area_codes`; it is for a sentence. That a country is none,
or that its trunk prefix is no part of an area code, holds for longer, and the API server is given those tables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

import phonenumbers

from ringfleet.model import E164, Market, NumberType

NANP_CODE = 1
"""The calling code of the North American Numbering Plan."""
TOLL_FREE_CODES = ("800", "833", "844", "855", "866", "877", "888")
"""The toll-free area codes of the North American Numbering Plan that were in service when this was written."""


US_TERRITORIES = frozenset({"AS", "GU", "MP", "PR", "VI"})
"""The territories of the United States that are countries of their own in ISO 3166-1, and under its telephone rules."""


def is_american(country: str | None) -> bool:
    """Whether the rules of the United States for calls and messages hold in the country."""
    return country == "US" or country in US_TERRITORIES


def is_toll_free(number: E164) -> bool:
    """Whether it is a toll-free number of North America."""
    return number.startswith("+1") and number[2:5] in TOLL_FREE_CODES


def sends_registered(country: str | None, number: E164) -> bool:
    """Whether messages from the number are sent for a registered campaign: those of long numbers of the United States
    and its territories. Of toll-free numbers each business is verified by itself."""
    return is_american(country) and not is_toll_free(number)


NANP_SHAPE = "write North American area codes as three digits, the first not 0 or 1, such as 415"
NO_TRUNK_ZERO = "write area codes without the trunk prefix 0, such as 30 and not 030 for Berlin"


def countries() -> list[str]:
    """Every country with a numbering plan, by its ISO 3166-1 alpha-2 code."""
    return sorted(phonenumbers.SUPPORTED_REGIONS)


@cache
def nanp_countries() -> tuple[str, ...]:
    """The countries of the North American Numbering Plan."""
    return tuple(country for country in countries() if _plan(country).country_code == NANP_CODE)


@cache
def nanp_area_codes(country: str) -> tuple[str, ...]:
    """The area codes of `country`. Where several countries share a plan's data, its leading digits tell them apart."""
    plan = _plan(country)
    in_plan = re.compile(plan.leading_digits or plan.fixed_line.national_number_pattern)
    subscriber = "" if plan.leading_digits else "2345678"
    return tuple(str(code) for code in range(200, 1000) if in_plan.fullmatch(f"{code}{subscriber}"))


@cache
def trunk_zero_countries() -> tuple[str, ...]:
    """The countries where a leading 0 is dialled inside the country only, and is no part of the area code."""
    return tuple(country for country in countries() if _plan(country).national_prefix == "0")


def misspelt_area_codes(country: str, codes: Iterable[str]) -> str | None:
    """Which of these can be no area codes of `country`, and what to write; None when all can be.

    The API server refuses them in the same words where the country stands beside its codes. A claim has wishes and no
    country: its pool's is known here alone.
    """
    if country in nanp_countries():
        wrong, said = [code for code in codes if not re.fullmatch("[2-9][0-9]{2}", code)], NANP_SHAPE
    elif country in trunk_zero_countries():
        wrong, said = [code for code in codes if code.startswith("0")], NO_TRUNK_ZERO
    else:
        return None
    return f"{said}; not {json.dumps(wrong)}" if wrong else None


def unknown_area_codes(market: Market) -> tuple[str, ...]:
    """The area codes of `market` that the plan does not know for its country and type, sorted; it lists those of North
    America only."""
    if market.country not in nanp_countries():
        return ()
    match market.type:
        case NumberType.GEOGRAPHIC:
            known = nanp_area_codes(market.country)
        case NumberType.TOLL_FREE:
            known = TOLL_FREE_CODES
        case _:
            return ()
    return tuple(sorted(set(market.area_codes).difference(known)))


@lru_cache(maxsize=1 << 16)
def national_digits(number: E164) -> str:
    """The number without its country code: its area code is what this begins with."""
    return phonenumbers.national_significant_number(phonenumbers.parse(number, None))


def area_code_of(number: E164, said: str | None, codes: Iterable[str]) -> str | None:
    """Which of `codes` a number has: the one that its carrier has `said`, or else the one that it begins with."""
    if said is not None:
        return said if said in codes else None
    national = national_digits(number)
    return next((code for code in codes if national.startswith(code)), None)


def has_area_codes(country: str, type_: NumberType) -> bool:
    """Whether numbers of the type have area codes: geographic ones, and North American toll-free ones."""
    return type_ is NumberType.GEOGRAPHIC or (type_ is NumberType.TOLL_FREE and country in nanp_countries())


def _plan(country: str) -> Any:
    return phonenumbers.PhoneMetadata.metadata_for_region(country)
