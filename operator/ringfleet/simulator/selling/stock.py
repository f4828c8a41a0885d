"""What is for sale now: the blocks of the market, less what is owned and what is off the market."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from ringfleet.simulator.clock import Clock
from ringfleet.simulator.fields import BadField
from ringfleet.simulator.market import MARKETS, Block, Market, block_of
from ringfleet.simulator.selling.stock_change import StockChange, describe, parse_stock_change
from ringfleet.simulator.store import Store

_CHUNK = 64
_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Offer:
    """One number that can be bought now. Prices in cents."""

    number: str
    country: str
    type: str
    area_code: str | None
    region: str | None
    capabilities: tuple[str, ...]
    documents: bool
    monthly: int
    setup: int


class Stock:
    """`size` is how many numbers each block of the table starts with; `changes` come before those of the store."""

    def __init__(self, store: Store, clock: Clock, seed: int, size: int, changes: Iterable[StockChange] = ()) -> None:
        self._store = store
        self._clock = clock
        self._seed = seed
        self._markets = {(market.country, market.type): market for market in MARKETS}
        self._blocks = {_key(block): block for block in _blocks(seed, size)}
        for change in (*changes, *self._stored_changes()):
            self._apply(change)

    @property
    def blocks(self) -> list[Block]:
        return [self._blocks[key] for key in sorted(self._blocks)]

    def change(self, change: StockChange) -> Block:
        """Raises BadField when no number of that shape can exist."""
        block = self._apply(change)
        self._store.write(
            "INSERT INTO stock VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET content = excluded.content",
            *_key(block),
            json.dumps(describe(block)),
        )
        return block

    def offers(
        self,
        country: str,
        type: str,
        area_code: str | None,
        capabilities: frozenset[str],
        after: str,
        limit: int,
    ) -> list[Offer]:
        """The first `limit` offers behind the number `after`, by number."""
        blocks = [
            block
            for block in self._blocks.values()
            if (block.market.country, block.market.type) == (country, type)
            and area_code in (None, block.code)
            and capabilities.issubset(block.capabilities)
        ]
        blocks.sort(key=lambda block: block.prefix)
        free = (_offer(block, number) for block in blocks for number in self._free(block, after))
        return list(islice(free, limit))

    def offer(self, number: str) -> Offer | None:
        """The offer of this number, or None when it is owned, off the market, or never was for sale."""
        if self._taken(number, number):
            return None
        block = self._block_of(number)
        return None if block is None else _offer(block, number)

    def take(self, number: str, until: float | None = None) -> None:
        """Another buyer has it (for good), or it rests (until then)."""
        self._store.write("INSERT OR REPLACE INTO off_market VALUES (?, ?)", number, until)

    def off_market(self) -> list[str]:
        now = self._clock.now()
        rows = self._store.rows("SELECT number FROM off_market WHERE until IS NULL OR until > ? ORDER BY number", now)
        return [str(row[0]) for row in rows]

    def _free(self, block: Block, after: str) -> Iterator[str]:
        numbers = block.numbers(after)
        while chunk := list(islice(numbers, _CHUNK)):
            taken = self._taken(chunk[0], chunk[-1])
            yield from (number for number in chunk if number not in taken)

    def _taken(self, first: str, last: str) -> frozenset[str]:
        rows = self._store.rows(
            "SELECT number FROM numbers WHERE number BETWEEN ?1 AND ?2 UNION ALL "
            "SELECT number FROM off_market WHERE number BETWEEN ?1 AND ?2 AND (until IS NULL OR until > ?3)",
            first,
            last,
            self._clock.now(),
        )
        return frozenset(row[0] for row in rows)

    def _block_of(self, number: str) -> Block | None:
        for block in self._blocks.values():
            if _has_shape_of(block, number) and block.holds(number):
                return block
        return None

    def _apply(self, change: StockChange) -> Block:
        market = self._markets.get((change.country, change.type))
        if market is None:
            raise BadField("country", f"nothing is sold as {change.country} {change.type}")
        old = self._blocks.get((change.country, change.type, change.code)) or self._new_block(market, change)
        changed = {
            name: value
            for name in ("size", "monthly", "setup", "documents", "capabilities", "region")
            if (value := getattr(change, name)) is not None
        }
        block = replace(old, **changed)
        self._blocks[_key(block)] = block
        return block

    def _new_block(self, market: Market, change: StockChange) -> Block:
        if not (change.code.isascii() and change.code.isdigit()):
            raise BadField("area_code", f"{change.code!r} is not made of digits")
        return block_of(market, change.code, self._seed, size=0, region=change.region)

    def _stored_changes(self) -> Iterator[StockChange]:
        for (content,) in self._store.rows("SELECT content FROM stock"):
            yield parse_stock_change(json.loads(content))


def _blocks(seed: int, size: int) -> Iterator[Block]:
    for market in MARKETS:
        for code in market.codes:
            yield block_of(market, code, seed, size)


def _key(block: Block) -> _Key:
    return block.market.country, block.market.type, block.code


def _has_shape_of(block: Block, number: str) -> bool:
    width = len(block.prefix) + block.market.length - len(block.code)
    return number.startswith(block.prefix) and len(number) == width and number[1:].isdigit()


def _offer(block: Block, number: str) -> Offer:
    return Offer(
        number=number,
        country=block.market.country,
        type=block.market.type,
        area_code=block.code or None,
        region=block.region,
        capabilities=block.capabilities,
        documents=block.documents,
        monthly=block.monthly,
        setup=block.setup,
    )
