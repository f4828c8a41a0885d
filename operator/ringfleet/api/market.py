"""The market of a number: country, type, area codes, capabilities; and the rules that no country can break.

The API server checks the shape of what a person writes: a country that is none (UK for GB), a trunk prefix written as
part of the code (030 for 30), an area code for a type that has none. Which codes are in service changes every month, so
that no list of them is here: a pool says in a condition which ones its version does not know, and searches them all the
same (`model/numbering.py`).
"""

from collections.abc import Callable, Iterable
from typing import Annotated

from pydantic import Field

from ringfleet.api.meta import ListType, Part, Rule, immutable
from ringfleet.model import Capability, NumberType
from ringfleet.model.numbering import NANP_SHAPE, NO_TRUNK_ZERO, countries, nanp_countries, trunk_zero_countries
from ringfleet.model.places import regions_of


def _words(values: Iterable[str]) -> str:
    """A CEL string of codes of equal length. `contains` on it costs the API server less than a list would."""
    return f'"{" ".join(values)}"'


def _is_nanp() -> str:
    return f"{_words(nanp_countries())}.contains(self.country)"


def _has_trunk_zero() -> str:
    return f"{_words(trunk_zero_countries())}.contains(self.country)"


def _three_digits() -> str:
    return 'code.matches("^[2-9][0-9]{2}$")'


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
AREA_CODE_SHAPES = (
    _every_code(_three_digits, _is_nanp, NANP_SHAPE),
    _every_code(_no_zero, _has_trunk_zero, NO_TRUNK_ZERO),
)
"""The rules of what has a `country` and its `areaCodes`, wherever they stand."""

Country = Annotated[
    str,
    Field(max_length=64),  # a country written out gets the rule's sentence, and not "may not be more than 2 bytes"
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


Region = Annotated[
    str,
    Field(max_length=16),
    Rule('self.matches("^[A-Z]{2}$")', "write a state or province by its two capital letters, such as CA or ON"),
]


def is_region(country: str, region: str) -> str:
    """A CEL expression: whether `region` is a state or province of `country`, both of them expressions too."""
    known = {name: _words(regions_of(name)) for name in WITH_REGIONS}
    return " || ".join(f'({country} == "{name}" && {words}.contains({region}))' for name, words in known.items())


WITH_REGIONS = ("US", "CA")
"""The countries whose states and provinces the numbering plan tells apart."""
_KNOWN_REGIONS = Rule(
    lambda: f"!has(self.regions) || self.regions.all(one, {is_region('self.country', 'one')})",
    "regions are states of the US or provinces of Canada that have area codes, such as CA or ON",
    lambda: (
        '"regions are states of the US or provinces of Canada that have area codes, such as CA or ON; not %s".format('
        f"[self.regions.filter(one, !({is_region('self.country', 'one')}))])"
    ),
    ".regions",
)
_PLACES_OF_TYPE = Rule(
    "(!has(self.regions) || size(self.regions) == 0) && (!has(self.localities) || size(self.localities) == 0) || "
    'self.type == "Geographic"',
    "only geographic numbers are of a place: leave regions and localities out, or set type to Geographic",
)


class Market(Part):
    """What kind of number: where it is, of which type, and what it can do. Of area codes, regions and localities that
    are listed, a number must have one of each; of several in a list the first is looked for before the next."""

    rules = (_TYPE_HAS_CODES, *AREA_CODE_SHAPES, _KNOWN_REGIONS, _PLACES_OF_TYPE)

    country: Annotated[
        Country, immutable("country", "the numbers of a pool are of one country; make another pool for another one")
    ]
    """Country of the numbers, as its ISO 3166-1 alpha-2 code, such as US or GB. It can't change."""
    type: Annotated[
        NumberType, immutable("type", "the numbers of a pool are of one type; make another pool for another one")
    ]
    """The number type. It can't change."""
    area_codes: Annotated[
        tuple[AreaCode, ...],
        Field(max_length=100),
        Rule(
            "self.all(code, self.exists_one(other, other == code))",
            "an area code is listed twice; list each once, the preferred one first",
        ),
    ] = ()
    """Area codes, the preferred one first; empty: any. In quotes, without country code and trunk prefix: "415", or "30"
    for Berlin. A search tries them in this order and goes on to the next when one has no stock. A change in a
    NumberPool applies to its new orders. One that this version's numbering plan does not know is searched all the same,
    and the pool's condition AreaCodeUnknown names it."""
    regions: Annotated[
        tuple[Region, ...],
        Field(max_length=70),
        Rule(
            "self.all(one, self.exists_one(other, other == one))",
            "a region is listed twice; list each once, the preferred one first",
        ),
    ] = ()
    """States of the US or provinces of Canada, such as CA, the preferred one first; empty: any. Where the carrier does
    not say in which an offer is, the numbering plan says it of the number. A change in a NumberPool applies to its new
    orders."""
    localities: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=64)], ...],
        Field(max_length=20),
        Rule(
            "self.all(one, self.exists_one(other, other == one))",
            "a locality is listed twice; list each once, the preferred one first",
        ),
    ] = ()
    """Cities in the carrier's words, such as "San Francisco" or "Berlin", the preferred one first; empty: any. Capitals
    do not count. Of an offer whose carrier says no city, nothing is believed. A city that the carrier does not know
    has no stock (reason NoStock). A change in a NumberPool applies to its new orders."""
    capabilities: Annotated[tuple[Capability, ...], Field(min_length=1, max_length=4), ListType("set")] = (
        Capability.VOICE,
    )
    """What every number must be able to do, such as Voice and SMS. An offer without one of them is not bought."""
