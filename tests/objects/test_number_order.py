"""Objects as plans see them: what is read of an order is what was written in it."""

from __future__ import annotations

import pytest

from ringfleet.api import NumberOrder
from ringfleet.objects.number_order import order_state
from tests.api.manifests import an_order


@pytest.mark.parametrize("setup", ["0.00", "0", "2.50"])
def test_a_price_of_nothing_is_read_as_the_carrier_wrote_it(setup: str) -> None:
    """Else one number says 0 and its neighbour 0.00, by whether the order was read again in between."""
    item = {"number": "+14155550123", "state": "Pending", "monthly": "1.99", "setup": setup}
    state = order_state(NumberOrder.parse({**an_order(), "status": {"items": [item]}}))
    assert state.items
    assert f"{state.items[0].offer.price.setup.amount:f}" == setup
