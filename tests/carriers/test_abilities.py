"""What the README says that each carrier can do is what its adapter says."""

from __future__ import annotations

from pathlib import Path

import pytest

import ringfleet
from ringfleet.carriers.abilities import Abilities, BundleTime, SearchFilter
from ringfleet.carriers.registry import PROVIDERS, open_carrier
from tests.carriers.customer import OPENINGS
from tests.carriers.scripts import settings

README = Path(ringfleet.__file__).parents[2] / "README.md"
DOCUMENTS = {
    None: "not filed",
    BundleTime.AT_ORDER: "at the order",
    BundleTime.AFTER_ORDER: "after the order",
    BundleTime.EITHER: "at the order or after it",
}


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_the_readme_says_what_each_carrier_can_do(provider: str) -> None:
    credentials = OPENINGS[provider]("http://sandbox.test", "customer", "tok")[1]
    async with open_carrier(provider, settings(endpoint=PROVIDERS[provider].endpoint, credentials=credentials)) as one:
        row = row_of(provider, one.abilities)
    assert row in README.read_text().splitlines()


def row_of(provider: str, can: Abilities) -> str:
    """Its line of the README's table."""
    once = "a key" if can.idempotency_key else "a reference" if can.order_reference else "looking first"
    cells = (
        provider,
        "in turn" if can.buys_in_turn else "side by side",
        str(can.bulk),
        once,
        "with the offer" if can.price_in_search else "by a price list",
        DOCUMENTS[can.bundle],
        "by the carrier" if can.native_suspend else "by parking",
        "any" if can.mark_length is None else f"{can.mark_length} characters",
        _listed(can),
    )
    return f"| {' | '.join(cells)} |"


_FILTERS = {
    SearchFilter.REGION: "state",
    SearchFilter.LOCALITY: "city",
    SearchFilter.CONTAINS: "digits",
    SearchFilter.NEAR: "nearness",
}


def _listed(can: Abilities) -> str:
    """What only some have."""
    words = {
        "hold": can.hold is not None,
        "outcome of each number": can.per_item_status,
        "routing in the purchase": can.routing_in_purchase,
        "call records": can.call_records,
        "labels": can.reputation,
        f"calls signed with {can.signs}": can.signs is not None,
        f"search by {', '.join(_FILTERS[one] for one in SearchFilter if one in can.search_filters)}": bool(
            can.search_filters
        ),
    }
    return ", ".join(word for word, has in words.items() if has) or "nothing"
