"""A carrier whose search is answered from memory while it is down, on the sandbox carrier."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ringfleet.carriers.carrier import Carrier
from ringfleet.carriers.catalog import CatalogMemory
from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown
from ringfleet.carriers.remembered import RememberingCarrier
from ringfleet.model import Purchase
from tests.carriers.customer import MARK, US_415, Customer, numbers
from tests.carriers.test_metered import LISTINGS, Double, answer_of, arguments_of, verbs_of
from tests.kube.virtual_time import run_in_virtual_time

DOWN = {"fault": "search_down"}


def remembering(customer: Customer, ttl: timedelta = timedelta(minutes=15)) -> RememberingCarrier:
    return RememberingCarrier(customer.carrier, CatalogMemory(ttl))


async def test_when_search_is_down_it_answers_from_memory_and_says_how_old_that_is(customer: Customer) -> None:
    carrier = remembering(customer)
    live = await carrier.search(US_415, 5)
    customer.sandbox.set_faults(DOWN)
    remembered = await carrier.search(US_415, 5, frozenset({live.offers[0].number}))
    assert live.age is None
    assert remembered.age is not None
    assert remembered.age >= 0
    assert remembered.offers == live.offers[1:]


async def test_what_was_bought_is_remembered_no_more(customer: Customer) -> None:
    carrier = remembering(customer)
    offers = (await carrier.search(US_415, 5)).offers
    await carrier.buy(Purchase(f"{customer.id}-k", offers[:2], MARK))
    customer.sandbox.set_faults(DOWN)
    remembered = await carrier.search(US_415, 5)
    assert not set(numbers(offers[:2])) & set(numbers(remembered.offers))


async def test_what_may_have_been_bought_is_remembered_no_more(customer: Customer) -> None:
    carrier = remembering(customer)
    offers = (await carrier.search(US_415, 5)).offers
    customer.sandbox.set_faults(DOWN, {"fault": "server_error_after_commit", "operations": ["checkout"]})
    with pytest.raises(OutcomeUnknown):
        await carrier.buy(Purchase(f"{customer.id}-k", offers[:2], MARK))
    remembered = await carrier.search(US_415, 5)
    assert not set(numbers(offers[:2])) & set(numbers(remembered.offers))


async def test_when_search_is_down_and_nothing_is_remembered_the_carrier_is_unavailable(customer: Customer) -> None:
    customer.sandbox.set_faults(DOWN)
    with pytest.raises(CarrierUnavailable):
        await remembering(customer).search(US_415, 5)


async def test_with_no_time_to_be_remembered_the_carrier_is_unavailable(customer: Customer) -> None:
    carrier = remembering(customer, timedelta(0))
    await carrier.search(US_415, 5)
    customer.sandbox.set_faults(DOWN)
    with pytest.raises(CarrierUnavailable):
        await carrier.search(US_415, 5)


@pytest.mark.parametrize("verb", [verb for verb in verbs_of(Carrier) if verb not in {"search", "buy", *LISTINGS}])
def test_all_else_is_handed_on(verb: str) -> None:
    double, arguments = Double(), arguments_of(Carrier, verb)
    came = run_in_virtual_time(getattr(wrapped(double), verb)(*arguments))
    assert (double.asked, came) == ([(verb, *arguments)], answer_of(Carrier, verb))


@pytest.mark.parametrize("listing", LISTINGS)
def test_listings_are_handed_on_page_by_page(listing: str) -> None:
    async def read() -> list[Any]:
        return [page async for page in getattr(wrapped(Double()), listing)()]

    assert run_in_virtual_time(read()) == ["first", "second"]


def test_it_is_opened_and_closed_with_what_remembers_nothing() -> None:
    double = Double()

    async def use() -> None:
        async with wrapped(double) as carrier:
            assert carrier.registrar is double.registrar

    run_in_virtual_time(use())
    assert double.asked == ["opened", "closed"]


def wrapped(double: Double) -> RememberingCarrier:
    return RememberingCarrier(double, CatalogMemory())  # type: ignore[arg-type]  # as far as it is asked
