"""The map of what can be sold: countries, number types, area codes, and the shape of their numbers. A plain table.

A `Market` is one type of number in one country; a `Block` is the part of it behind one area code. A block's numbers are
computed, never stored: its line numbers are cut into `SLOTS` equal slots and the dice choose one number in each. So the
i-th number is found at once, numbers come out sorted, and a block that grows keeps the numbers that it had.

::

    +1 415 | 200 0000 ...... 200 0079 | 200 0080 ...... 200 0159 | ...
     prefix        slot 0: one of these       slot 1: one of these
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ringfleet.simulator.fields import BadField
from ringfleet.simulator.randomness import draw

SLOTS: Final = 100_000
GEOGRAPHIC: Final = "geographic"
MOBILE: Final = "mobile"
NATIONAL: Final = "national"
TOLL_FREE: Final = "toll_free"
TYPES: Final = (GEOGRAPHIC, MOBILE, NATIONAL, TOLL_FREE)


@dataclass(frozen=True, slots=True)
class Market:
    """One type of number in one country."""

    country: str
    """The country, ISO 3166-1 alpha-2."""
    type: str
    """The kind of number, one of `TYPES`."""
    calling_code: str
    """The country's calling code, without its plus sign."""
    length: int
    """How many digits a national number has."""
    heads: tuple[str, ...]
    """The digits that may follow the area code, all of one length."""
    codes: Mapping[str, str]
    """The region of each area code. A market without area codes has the one code "", and its numbers carry none."""
    monthly: int
    """The price of a month, in cents."""
    setup: int = 0
    """The price of the purchase, in cents."""
    capabilities: tuple[str, ...] = ("voice", "sms")
    """What the numbers can carry."""
    documents: bool = False
    """Whether a number works only once it carries an approved bundle."""


@dataclass(frozen=True, slots=True)
class Block:
    """The numbers of one market behind one area code, `size` of them for sale at first."""

    market: Market
    code: str
    region: str | None
    size: int
    seed: int
    monthly: int
    setup: int
    documents: bool
    capabilities: tuple[str, ...]
    prefix: str = field(init=False)
    tail: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", f"+{self.market.calling_code}{self.code}")
        object.__setattr__(self, "tail", self.market.length - len(self.code) - len(self.market.heads[0]))

    @property
    def tail_lines(self) -> int:
        """How many line numbers there are behind one head."""
        return int(10**self.tail)

    @property
    def lines(self) -> int:
        """How many line numbers the block could have."""
        return len(self.market.heads) * self.tail_lines

    def number(self, index: int) -> str:
        """The index-th number for sale, E.164."""
        stride = self.lines // SLOTS
        line = index * stride + int(draw(self.seed, "number", self.prefix, index) * stride)
        head, rest = divmod(line, self.tail_lines)
        return f"{self.prefix}{self.market.heads[head]}{rest:0{self.tail}d}"

    def holds(self, number: str) -> bool:
        """Whether `number` is one of those for sale here, taken or not."""
        slot = self._slot(number)
        return slot < self.size and number == self.number(slot)

    def numbers(self, after: str) -> Iterator[str]:
        """The numbers for sale that sort behind `after`, in order. `after` may be any text."""
        for index in range(self._first_slot(after), self.size):
            number = self.number(index)
            if number > after:
                yield number

    def _first_slot(self, after: str) -> int:
        if after.startswith(self.prefix) and len(after) == len(self.prefix) + self.market.length - len(self.code):
            return self._slot(after)
        return self.size if after > self.prefix else 0

    def _slot(self, number: str) -> int:
        width = len(self.market.heads[0])
        rest = number[len(self.prefix) :]
        head = bisect_left(self.market.heads, rest[:width])
        exact = head < len(self.market.heads) and self.market.heads[head] == rest[:width]
        line = head * self.tail_lines + (int(rest[width:]) if exact else 0)
        return line // (self.lines // SLOTS)


def block_of(market: Market, code: str, seed: int, size: int, region: str | None = None) -> Block:
    """A block of `size` numbers at the market's own prices.

    Raises:
        BadField: the code leaves too few digits to make that many numbers.
    """
    block = Block(
        market=market,
        code=code,
        region=region if region is not None else market.codes.get(code),
        size=size,
        seed=seed,
        monthly=market.monthly,
        setup=market.setup,
        documents=market.documents,
        capabilities=market.capabilities,
    )
    if block.tail < 1 or block.lines < SLOTS:
        raise BadField("area_code", f"{code!r} is too long for {market.country} {market.type} numbers")
    return block


# Central office codes of the North American plan: N is 2 to 9, and N11 is a service code (NANPA).
_NXX = tuple(str(code) for code in range(200, 1000) if not str(code).endswith("11"))
_NORTH_AMERICAN_TOLL_FREE = dict.fromkeys(("800", "833", "844", "855", "866", "877", "888"), "Toll-free")
_ALL = ("voice", "sms", "mms")
_VOICE = ("voice",)

MARKETS: Final[tuple[Market, ...]] = (
    Market(
        "US",
        GEOGRAPHIC,
        "1",
        10,
        _NXX,
        {
            "212": "New York, NY",
            "303": "Denver, CO",
            "312": "Chicago, IL",
            "415": "San Francisco, CA",
            "628": "San Francisco, CA",
            "646": "New York, NY",
        },
        199,
        capabilities=_ALL,
    ),
    Market("US", TOLL_FREE, "1", 10, _NXX, _NORTH_AMERICAN_TOLL_FREE, 299, capabilities=(*_ALL, "fax")),
    Market(
        "CA",
        GEOGRAPHIC,
        "1",
        10,
        _NXX,
        {"416": "Toronto, ON", "514": "Montreal, QC", "604": "Vancouver, BC"},
        219,
        capabilities=_ALL,
    ),
    Market(
        "GB",
        GEOGRAPHIC,
        "44",
        10,
        ("3", "7"),
        {"121": "Birmingham", "161": "Manchester", "20": "London"},
        149,
        capabilities=_VOICE,
        documents=True,
    ),
    Market("GB", MOBILE, "44", 10, ("7400", "7500", "7800", "7900"), {"": "United Kingdom"}, 249, documents=True),
    Market(
        "GB",
        NATIONAL,
        "44",
        10,
        tuple("0123456789"),
        {"330": "United Kingdom"},
        149,
        capabilities=_VOICE,
        documents=True,
    ),
    Market("GB", TOLL_FREE, "44", 10, tuple("23456789"), {"800": "Toll-free"}, 399, capabilities=_VOICE),
    Market(
        "DE",
        GEOGRAPHIC,
        "49",
        10,
        tuple("23456789"),
        {"30": "Berlin", "40": "Hamburg", "69": "Frankfurt am Main", "89": "Munich"},
        129,
        100,
        _VOICE,
        documents=True,
    ),
    Market("DE", MOBILE, "49", 11, ("1511", "1512", "1601"), {"": "Germany"}, 499, 100, documents=True),
    Market("DE", NATIONAL, "49", 11, ("3221", "3222"), {"": "Germany"}, 129, 100, _VOICE, documents=True),
    Market("FR", GEOGRAPHIC, "33", 9, tuple("3456789"), {"1": "Paris", "4": "Lyon"}, 119, 0, _VOICE, documents=True),
    Market("FR", NATIONAL, "33", 9, ("970", "975", "977"), {"": "France"}, 119, capabilities=_VOICE),
    Market(
        "AU",
        GEOGRAPHIC,
        "61",
        9,
        ("8", "9"),
        {"2": "Sydney", "3": "Melbourne"},
        259,
        capabilities=_VOICE,
        documents=True,
    ),
    Market("AU", MOBILE, "61", 9, ("412", "413", "422"), {"": "Australia"}, 459, documents=True),
    Market("NL", GEOGRAPHIC, "31", 9, tuple("234567"), {"10": "Rotterdam", "20": "Amsterdam"}, 109, documents=True),
    Market("NL", MOBILE, "31", 9, ("61", "62", "64"), {"": "Netherlands"}, 299, documents=True),
    Market("IT", GEOGRAPHIC, "39", 10, tuple("2345678"), {"02": "Milan", "06": "Rome"}, 189, 0, _VOICE, documents=True),
    Market(
        "CH",
        GEOGRAPHIC,
        "41",
        9,
        tuple("2345"),
        {"22": "Geneva", "44": "Zurich"},
        249,
        capabilities=_VOICE,
        documents=True,
    ),
    Market("BE", GEOGRAPHIC, "32", 8, tuple("2345"), {"2": "Brussels", "3": "Antwerp"}, 159, 0, _VOICE, documents=True),
    Market(
        "ES", GEOGRAPHIC, "34", 9, tuple("1234"), {"91": "Madrid", "93": "Barcelona"}, 149, 0, _VOICE, documents=True
    ),
    Market(
        "BR",
        GEOGRAPHIC,
        "55",
        10,
        tuple("2345"),
        {"11": "Sao Paulo", "21": "Rio de Janeiro"},
        349,
        0,
        _VOICE,
        documents=True,
    ),
)
