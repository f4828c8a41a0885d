"""DIDHub: the conformance suite, and what only DIDHub has: a cart that others can put things into."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from ringfleet.carriers.didhub.account import DIDHub, open_client
from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown
from ringfleet.model import E164, ItemState, Mark, Offer
from ringfleet.model.failures import FailureReason
from tests.carriers.conformance import REPLY_LOST, CarrierConformance
from tests.carriers.customer import MARK, US_415, Customer, numbers


class TestDIDHub(CarrierConformance):
    provider = "DIDHub"


def put_into_the_cart(customer: Customer, offer: Offer, mark: Mark | None = None) -> None:
    """What another program with the same token would do, or this one before it died."""
    snapshot = {
        "number": offer.number,
        "monthly_price": str(offer.price.monthly.amount),
        "setup_price": str(offer.price.setup.amount),
        "currency": "USD",
    }
    item: dict[str, Any] = {"select_token": offer.token, "snapshot": snapshot, "reference": mark and str(mark)}
    token = {"Authorization": f"Bearer {customer.token}"}
    httpx.post(
        f"{customer.sandbox.url}/v1/cart/items", json=item, headers=token, timeout=60, trust_env=False, verify=False
    ).raise_for_status()


def in_the_cart(customer: Customer) -> set[E164]:
    token = {"Authorization": f"Bearer {customer.token}"}
    cart = httpx.get(f"{customer.sandbox.url}/v1/cart", headers=token, timeout=60, trust_env=False, verify=False).json()
    return {E164(item["number"]) for item in cart["items"]}


async def test_what_others_left_in_the_cart_is_taken_out_and_not_bought(customer: Customer) -> None:
    found = await customer.purchase("k", 5)
    for offer in found.offers[3:]:
        put_into_the_cart(customer, offer, Mark("another", "shop", "us"))
    purchase = replace(found, offers=found.offers[:3])
    await customer.carrier.buy(purchase)
    assert customer.billed() == Counter(numbers(purchase.offers))
    assert in_the_cart(customer) == set()


async def test_a_number_that_lies_in_the_cart_under_anothers_mark_is_bought_under_ours(customer: Customer) -> None:
    purchase = await customer.purchase("k", 2)
    put_into_the_cart(customer, purchase.offers[0], Mark("another", "shop", "us"))
    await customer.carrier.buy(purchase)
    assert [holding.mark for holding in await customer.listed()] == [MARK, MARK]


async def test_what_an_earlier_try_has_staged_is_not_staged_again(customer: Customer) -> None:
    purchase = await customer.purchase("k", 5)
    for offer in purchase.offers[:3]:
        put_into_the_cart(customer, offer, MARK)
    customer.sandbox.control("POST", "calls")
    outcomes = await customer.carrier.buy(replace(purchase, resumed=True))
    assert [outcome.state for outcome in outcomes] == [ItemState.PROVISIONED] * 5
    assert customer.calls("cart_add") == 2


async def test_failed_items_do_not_stay_in_the_cart(customer: Customer) -> None:
    purchase = await customer.purchase("k", 3)
    customer.sandbox.set_faults({"fault": "partial_failure", "script": [True, False, True]})
    await customer.carrier.buy(purchase)
    assert in_the_cart(customer) == set()


async def test_an_error_while_tidying_up_does_not_hide_what_was_bought(customer: Customer) -> None:
    purchase = await customer.purchase("k", 3)
    customer.sandbox.set_faults(
        {"fault": "partial_failure", "script": [True]}, {"fault": "server_error", "operations": ["cart_remove"]}
    )
    outcomes = await customer.carrier.buy(purchase)
    assert [outcome.state for outcome in outcomes] == [ItemState.FAILED, ItemState.PROVISIONED, ItemState.PROVISIONED]


async def test_a_cart_that_someone_else_fills_at_the_same_time_is_not_checked_out(customer: Customer) -> None:
    found = await customer.purchase("k", 3)
    purchase, foreign = replace(found, offers=found.offers[:2]), found.offers[2]
    cart = customer.carrier._cart  # type: ignore[attr-defined]
    stage = cart._stage

    async def stage_and_be_disturbed(*args: Any) -> Any:
        refused = await stage(*args)
        put_into_the_cart(customer, foreign)
        return refused

    cart._stage = stage_and_be_disturbed
    with pytest.raises(CarrierUnavailable, match="changed by someone else"):
        await customer.carrier.buy(purchase)
    assert customer.bill() == []
    cart._stage = stage
    await customer.carrier.buy(purchase)
    assert customer.billed() == Counter(numbers(purchase.offers))


async def test_a_lost_reply_of_a_hundred_numbers_is_looked_up_in_a_few_calls(customer: Customer) -> None:
    purchase = await customer.purchase("k", 100)
    customer.sandbox.set_faults(REPLY_LOST)
    with pytest.raises(OutcomeUnknown):
        await customer.carrier.buy(purchase)
    customer.sandbox.control("POST", "calls")
    outcomes = await customer.carrier.buy(replace(purchase, resumed=True))
    assert {outcome.state for outcome in outcomes} == {ItemState.PROVISIONED}
    assert customer.sandbox.calls() == {"cart_list": 1, "numbers_list": 1, "checkout": 1}


async def test_numbers_of_an_order_that_are_gone_because_they_are_ours_are_unknown_and_not_failed(
    customer: Customer,
) -> None:
    purchase = await customer.purchase("k", 2)
    async with customer.another() as other:
        await other.buy(purchase)
    with pytest.raises(OutcomeUnknown):
        await customer.carrier.buy(purchase)
    outcomes = await customer.carrier.buy(replace(purchase, resumed=True))
    assert [outcome.state for outcome in outcomes] == [ItemState.PROVISIONED] * 2


async def test_a_number_bought_under_another_key_is_found_and_not_failed(customer: Customer) -> None:
    purchase = await customer.purchase("one", 2)
    await customer.carrier.buy(purchase)
    again = replace(purchase, key=f"{purchase.key}-again", resumed=True)
    outcomes = await customer.carrier.buy(again)
    assert [outcome.state for outcome in outcomes] == [ItemState.PROVISIONED] * 2
    assert customer.billed() == Counter(numbers(purchase.offers))


async def test_an_offer_that_is_too_old_is_refused_as_such(customer: Customer) -> None:
    purchase = await customer.purchase("k", 1)
    customer.sandbox.control("POST", "clock", {"advance_seconds": 3600})
    (outcome,) = await customer.carrier.buy(purchase)
    assert (outcome.state, outcome.reason) == (ItemState.FAILED, FailureReason.OFFER_EXPIRED)
    assert customer.bill() == []


async def test_a_search_is_one_call_however_few_are_wanted(customer: Customer) -> None:
    await customer.carrier.search(US_415, 1)
    assert customer.sandbox.calls() == {"search": 1}


class Garbling(httpx.AsyncHTTPTransport):
    """The way to the sandbox carrier, with the reply to the checkout changed by `garble`."""

    def __init__(self, garble: Callable[[list[dict[str, Any]]], object]) -> None:
        super().__init__()
        self._garble = garble

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        reply = await super().handle_async_request(request)
        if not request.url.path.endswith("/checkout"):
            return reply
        await reply.aread()
        return httpx.Response(200, json={**reply.json(), "items": self._garble(reply.json()["items"])})


def garbled(customer: Customer, garble: Callable[[list[dict[str, Any]]], object]) -> DIDHub:
    return DIDHub(customer.settings, client=open_client(customer.settings, Garbling(garble)))


@pytest.mark.parametrize(
    "garble",
    [
        pytest.param(lambda items: None, id="no items"),
        pytest.param(lambda items: [], id="empty"),
        pytest.param(lambda items: items[:1], id="one missing"),
        pytest.param(lambda items: [items[0], {**items[1], "outcome": "perhaps"}], id="unknown outcome"),
        pytest.param(lambda items: [items[0], {**items[1], "monthly_price": 1.99}], id="price as a float"),
    ],
)
async def test_a_reply_to_the_checkout_that_does_not_read_is_unknown_and_resumed_billed_once(
    customer: Customer, garble: Callable[[list[dict[str, Any]]], object]
) -> None:
    purchase = await customer.purchase("k", 2)
    async with garbled(customer, garble) as carrier:
        with pytest.raises(OutcomeUnknown):
            await carrier.buy(purchase)
    outcomes = await customer.carrier.buy(replace(purchase, resumed=True))
    assert [outcome.state for outcome in outcomes] == [ItemState.PROVISIONED] * 2
    assert customer.billed() == Counter(numbers(purchase.offers))


async def test_of_two_rows_about_one_number_the_one_that_cost_money_counts(customer: Customer) -> None:
    purchase = await customer.purchase("k", 1)
    async with garbled(customer, lambda items: [*items, {**items[0], "outcome": "failed"}]) as carrier:
        (outcome,) = await carrier.buy(purchase)
    assert outcome.state is ItemState.PROVISIONED


async def test_a_number_that_the_committed_batch_lacks_has_failed(customer: Customer) -> None:
    found = await customer.purchase("k", 3)
    await customer.carrier.buy(replace(found, offers=found.offers[:2]))
    outcomes = await customer.carrier.buy(replace(found, resumed=True))
    assert [outcome.state for outcome in outcomes] == [ItemState.PROVISIONED, ItemState.PROVISIONED, ItemState.FAILED]
    assert customer.billed() == Counter(numbers(found.offers[:2]))


async def test_while_a_number_of_a_committed_batch_can_not_be_looked_up_the_whole_is_unknown(
    customer: Customer,
) -> None:
    found = await customer.purchase("k", 3)
    await customer.carrier.buy(replace(found, offers=found.offers[:2]))
    failing = {"fault": "server_error", "operations": ["numbers_list"], "script": [False] + [True] * 4}
    customer.sandbox.set_faults(failing)
    with pytest.raises(OutcomeUnknown):
        await customer.carrier.buy(replace(found, resumed=True))


async def test_a_number_that_we_hold_from_elsewhere_does_not_keep_the_rest_from_being_bought(
    customer: Customer,
) -> None:
    found = await customer.purchase("k", 3)
    await customer.carrier.buy(replace(found, key=f"{found.key}-before", offers=found.offers[:1]))
    for offer in found.offers[1:]:
        put_into_the_cart(customer, offer, MARK)
    outcomes = await customer.carrier.buy(replace(found, resumed=True))
    assert [outcome.state for outcome in outcomes] == [ItemState.PROVISIONED] * 3
    assert customer.billed() == Counter(numbers(found.offers))


async def test_a_call_searches_for_no_module(customer: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    """httpcore asks for `sniffio` at each lock and event that it makes. Where that is not installed, every folder of
    the path is searched anew: a fifth of what a call costs."""
    await customer.listed()
    searched: list[str] = []

    class Finder:
        def find_spec(self, name: str, *_: object) -> None:
            searched.append(name)

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    await customer.listed()
    assert searched == []
