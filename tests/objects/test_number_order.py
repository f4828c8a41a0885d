"""Objects as plans see them: what is read of an order is what was written in it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ringfleet.api import NumberOrder
from ringfleet.api.number_order import OrderCost, OrderItem
from ringfleet.model import E164, ItemState, Money, Outcome, Price
from ringfleet.objects.number_order import item_of, items_by_number, order_state, order_status, order_want
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_order.items import Item, settle
from ringfleet.plan.number_order.steps import Record
from tests.api.manifests import an_order
from tests.plan.builders import NOW, a_price


@pytest.mark.parametrize("setup", ["0.00", "0", "2.50"])
def test_a_price_of_nothing_is_read_as_the_carrier_wrote_it(setup: str) -> None:
    """Else one number says 0 and its neighbour 0.00, by whether the order was read again in between."""
    item = {"number": "+14155550123", "state": "Pending", "monthly": "1.99", "setup": setup}
    state = order_state(NumberOrder.parse({**an_order(), "status": {"items": [item]}}))
    assert state.items
    assert f"{state.items[0].offer.price.setup.amount:f}" == setup


CHOSEN = {"number": "+14155550101", "state": "Submitting", "monthly": "2", "setup": "1"}


@pytest.mark.parametrize(
    ("status", "token"),
    [
        pytest.param({"memory": {"tokens": [{"number": CHOSEN["number"], "token": "sel_1"}]}}, "sel_1", id="noted"),
        pytest.param({}, "", id="not noted"),
        pytest.param({"items": [{**CHOSEN, "token": "sel_1"}]}, "", id="in the older place"),
    ],
)
def test_a_purchase_without_its_notes_is_the_same_purchase_under_the_same_key(
    status: dict[str, Any], token: str
) -> None:
    order = NumberOrder.parse({**an_order(), "status": {"key": "rf-1", "items": [CHOSEN], **status}})
    state = order_state(order)
    assert (state.key, state.recorded) == ("rf-1", False)
    assert [(item.offer.number, item.state, item.offer.token) for item in state.items or ()] == [
        ("+14155550101", ItemState.SUBMITTING, token)
    ]
    assert order_state(order.with_status(order_status(order, order_want(order), state, Record(), NOW))) == state


SUBMITTED = {
    "key": "rf-1",
    "items": [
        {"number": "+14155550101", "state": "Submitting", "monthly": "2", "setup": "1", "currency": "USD"},
        {"number": "+14155550102", "state": "Submitting", "monthly": "2", "setup": "1"},
    ],
}


def found(order: NumberOrder, number: str) -> Item | None:
    return item_of(order, E164(number), items_by_number(order))


def test_a_purchase_that_was_billed_in_another_currency_is_written_and_read_as_it_was_billed() -> None:
    order = NumberOrder.parse({**an_order(), "status": SUBMITTED})
    want, state = order_want(order), order_state(order)
    euros, dollars = a_price(2, 1, "EUR"), a_price(3, 1)
    told = [
        Outcome(E164("+14155550101"), ItemState.PROVISIONED, external_id="did-1", price=euros),
        Outcome(E164("+14155550102"), ItemState.PROVISIONED, external_id="did-2", price=dollars),
    ]
    state = replace(state, items=settle(state.items or (), told))
    written = order_status(order, want, state, Record(), NOW)
    assert written.cost == OrderCost(monthly=Decimal(3), setup=Decimal(1), currency="USD")
    again = order_state(order.with_status(written))
    assert [item.price for item in again.items or ()] == [euros, dollars]


def test_what_is_billed_in_two_currencies_at_once_is_kept_by_the_monthly_one() -> None:
    order = NumberOrder.parse({**an_order(), "status": SUBMITTED})
    mixed = Price(Money.parse(2, "EUR"), Money.parse(1, "USD"))
    told = [Outcome(E164("+14155550101"), ItemState.PROVISIONED, external_id="did-1", price=mixed)]
    state = order_state(order)
    state = replace(state, items=settle(state.items or (), told))
    written = order_status(order, order_want(order), state, Record(), NOW)
    assert written.items
    assert (written.items[0].currency, written.items[0].monthly, written.items[0].setup) == ("EUR", 2, None)


def test_a_reason_that_only_a_newer_version_knows_is_read_as_a_reason() -> None:
    status = {"items": [], "completedAt": "2026-03-01T12:00:00Z", "failure": "FromTheFuture", "message": "It was so."}
    state = order_state(NumberOrder.parse({**an_order(), "status": status}))
    assert (state.failure, state.message) == (Reason.UNRECOGNIZED, "It was so.")


def test_an_item_in_a_state_that_only_a_newer_version_knows_counts_as_bought_until_it_is_looked_up() -> None:
    """An order that nobody can read would count for nothing, and its numbers would be bought again."""
    item = {"number": "+14155550101", "state": "FromTheFuture", "monthly": "2", "setup": "1"}
    status = {"key": "rf-1", "phase": "FromTheFuture", "source": "FromTheFuture", "items": [item]}
    order = NumberOrder.parse({**an_order(), "status": status})
    assert [one.state for one in order_state(order).items or ()] == [ItemState.UNKNOWN]
    assert (order.status.phase, order.status.source) == (None, None)


def test_a_number_is_told_what_its_order_has_of_it() -> None:
    notes = {"memory": {"tokens": [{"number": "+14155550102", "token": "sel_2"}]}}
    order = NumberOrder.parse({**an_order(), "status": {**SUBMITTED, **notes}})
    first, second = order_state(order).items or ()
    assert (found(order, "+14155550101"), found(order, "+14155550102")) == (first, second)
    assert found(order, "+14155550103") is None


def test_a_number_that_asks_its_order_pays_for_no_other_number_of_it() -> None:
    """Each of a hundred asks at each of its turns: that was half of what an order cost. One that can't be read shows
    that the others are not read."""
    unreadable = OrderItem.model_construct(number="+14155550199")
    order = NumberOrder.parse({**an_order(), "status": {"items": [CHOSEN]}})
    items = (unreadable, *(order.status.items or ()), unreadable)
    order = order.with_status(order.status.model_copy(update={"items": items}))
    item = found(order, CHOSEN["number"])
    assert item
    assert item.offer.number == CHOSEN["number"]
