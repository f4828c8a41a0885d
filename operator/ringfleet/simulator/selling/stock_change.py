"""Changes to the stock, as stock files and the control endpoint write them: more numbers, other prices, new area codes.

{"country": "US", "type": "geographic", "area_code": "415", "size": 50, "monthly_price": "2.49"}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ringfleet.simulator.fields import Fields
from ringfleet.simulator.market import SLOTS, TYPES, Block
from ringfleet.simulator.money import format_cents

_FIELDS = frozenset(
    {
        "country",
        "type",
        "area_code",
        "size",
        "monthly_price",
        "setup_price",
        "requires_documents",
        "capabilities",
        "region",
    }
)


@dataclass(frozen=True, slots=True)
class StockChange:
    """A change to the block of (country, type, code); what is None stays. Makes the block when it is new."""

    country: str
    type: str
    code: str
    size: int | None = None
    monthly: int | None = None
    setup: int | None = None
    documents: bool | None = None
    capabilities: tuple[str, ...] | None = None
    region: str | None = None


def parse_stock_change(content: object) -> StockChange:
    """A stock change as a stock file and the control endpoint write it. Raises BadField, a ValueError."""
    fields = Fields(content, "stock", known=_FIELDS)
    return StockChange(
        country=fields.required_text("country"),
        type=fields.required_choice("type", TYPES),
        code=fields.text("area_code") or "",
        size=fields.integer("size", 0, SLOTS),
        monthly=fields.cents("monthly_price"),
        setup=fields.cents("setup_price"),
        documents=fields.flag("requires_documents"),
        capabilities=fields.texts("capabilities"),
        region=fields.text("region"),
    )


def describe(block: Block) -> dict[str, Any]:
    """The block as `parse_stock_change` reads it."""
    return {
        "country": block.market.country,
        "type": block.market.type,
        "area_code": block.code or None,
        "size": block.size,
        "monthly_price": format_cents(block.monthly),
        "setup_price": format_cents(block.setup),
        "requires_documents": block.documents,
        "capabilities": list(block.capabilities),
        "region": block.region,
    }
