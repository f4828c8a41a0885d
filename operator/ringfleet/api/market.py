"""The market of a number: country, type, area codes, capabilities; and the rules that no country can break.

The tables come from the numbering plans in `phonenumbers` when the CRDs are generated, so the API server itself refuses
an area code that no country has. They hold what a person is likely to get wrong: a country that is none (UK for GB), a
North American code that is not in service or is of another country, a trunk prefix written as part of the code (030 for
30), an area code for a type that has none.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Annotated, Any

import phonenumbers
from pydantic import Field

from ringfleet.api.meta import ListType, Part, Rule, immutable
from ringfleet.model import Capability, NumberType

NANP_CODE = 1
TOLL_FREE_CODES = ("800", "833", "844", "855", "866", "877", "888")


def countries() -> list[str]:
    """Every country with a numbering plan, by its ISO 3166-1 alpha-2 code."""
    return sorted(phonenumbers.SUPPORTED_REGIONS)


def nanp_countries() -> list[str]:
    """The countries of the North American Numbering Plan."""
    return [country for country in countries() if _plan(country).country_code == NANP_CODE]


@cache
def nanp_area_codes(country: str) -> list[str]:
    """The area codes of `country`. Where several countries share a plan's data, its leading digits tell them apart."""
    plan = _plan(country)
    in_plan = re.compile(plan.leading_digits or plan.fixed_line.national_number_pattern)
    subscriber = "" if plan.leading_digits else "2345678"
    return [str(code) for code in range(200, 1000) if in_plan.fullmatch(f"{code}{subscriber}")]


def trunk_zero_countries() -> list[str]:
    """The countries where a leading 0 is dialled inside the country only, and is no part of the area code."""
    return [country for country in countries() if _plan(country).national_prefix == "0"]


def _plan(country: str) -> Any:
    return phonenumbers.PhoneMetadata.metadata_for_region(country)


def _words(values: Iterable[str]) -> str:
    """A CEL string of codes of equal length. `contains` on it costs the API server less than a list would."""
    return f'"{" ".join(values)}"'


def _is_nanp() -> str:
    return f"{_words(nanp_countries())}.contains(self.country)"


def _has_trunk_zero() -> str:
    return f"{_words(trunk_zero_countries())}.contains(self.country)"


def _in_service() -> str:
    codes = ", ".join(f'"{country}": {_words(nanp_area_codes(country))}' for country in nanp_countries())
    return f"size(code) == 3 && {{{codes}}}[self.country].contains(code)"


def _toll_free() -> str:
    return f"size(code) == 3 && {_words(TOLL_FREE_CODES)}.contains(code)"


def _no_zero() -> str:
    return '!code.startsWith("0")'


def _every_code(holds: Callable[[], str], where: Callable[[], str], message: str) -> Rule:
    """Every area code `holds` in the markets `where` that matters; the message ends with the codes that don't."""
    return Rule(
        lambda: f"!has(self.areaCodes) || !({where()}) || self.areaCodes.all(code, {holds()})",
        message,
        lambda: f'"{message}; not %s".format([self.areaCodes.filter(code, !({holds()}))])',
        ".areaCodes",
    )


_TYPE_HAS_CODES = Rule(
    lambda: (
        f'!has(self.areaCodes) || self.type == "Geographic" || (self.type == "TollFree" && {_is_nanp()}) || '
        "size(self.areaCodes) == 0"
    ),
    "only geographic numbers, and North American toll-free ones, have area codes: leave areaCodes out, "
    "or set type to Geographic",
    at=".areaCodes",
)
_NANP_GEOGRAPHIC = _every_code(
    _in_service,
    lambda: f'self.type == "Geographic" && {_is_nanp()}',
    "write area codes that are in service in this country, such as 415 for US or 604 for CA",
)
_NANP_TOLL_FREE = _every_code(
    _toll_free,
    lambda: f'self.type == "TollFree" && {_is_nanp()}',
    f"write North American toll-free codes: {', '.join(TOLL_FREE_CODES)}",
)
_NO_TRUNK_ZERO = _every_code(
    _no_zero,
    _has_trunk_zero,
    "write area codes without the trunk prefix 0, such as 30 and not 030 for Berlin",
)

Country = Annotated[
    str,
    Field(max_length=2),
    Rule(
        f'self.matches("^[A-Z]{{2}}$") && {_words(countries())}.contains(self)',
        "write the two capital letters of a country's ISO 3166-1 code, such as US, DE or GB (not UK)",
    ),
]
AreaCode = Annotated[
    str,
    Field(min_length=1, max_length=8),
    Rule('self.matches("^[0-9]{1,6}$")', "write an area code as one to six digits, such as 415"),
]


class Market(Part):
    """What kind of number: where it is, of which type, and what it can do."""

    rules = (_TYPE_HAS_CODES, _NANP_GEOGRAPHIC, _NANP_TOLL_FREE, _NO_TRUNK_ZERO)

    country: Annotated[
        Country, immutable("country", "the numbers of a pool are of one country; make another pool for another one")
    ]
    """The country, as its ISO 3166-1 alpha-2 code, such as US or GB. It can't change."""
    type: Annotated[
        NumberType, immutable("type", "the numbers of a pool are of one type; make another pool for another one")
    ]
    """The number type. It can't change. Geographic: has an area code; Mobile; National: non-geographic at the price of
    a local call; TollFree: the called party pays."""
    area_codes: Annotated[
        tuple[AreaCode, ...],
        Field(max_length=100),
        Rule(
            "self.all(code, self.exists_one(other, other == code))",
            "an area code is listed twice; list each once, the preferred one first",
        ),
    ] = ()
    """Area codes, the preferred one first; empty: any. Without country code and trunk prefix: 415, or 30 for Berlin. A
    search tries them in this order and goes on to the next when one has no stock. A change applies to new orders."""
    capabilities: Annotated[tuple[Capability, ...], Field(min_length=1, max_length=4), ListType("set")] = (
        Capability.VOICE,
    )
    """What every number must be able to do."""
