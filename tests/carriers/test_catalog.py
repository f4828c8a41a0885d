"""The memory of offers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from ringfleet.carriers.catalog import CatalogMemory
from ringfleet.model import E164, Catalog, Money, NumberType, Offer, Price, Query
from tests.carriers.scripts import Time

QUERY = Query("US", NumberType.GEOGRAPHIC, "415")
PRICE = Price(Money(Decimal("1.99"), "USD"), Money(Decimal(0), "USD"))


def offer(last: int) -> Offer:
    return Offer(E164(f"+1415555{last:04d}"), "US", NumberType.GEOGRAPHIC, PRICE, token=f"sel_{last}")


ONE, TWO = offer(1), offer(2)


def memory(time: Time) -> CatalogMemory:
    return CatalogMemory(timedelta(minutes=15), clock=time)


def test_the_last_answer_is_recalled_with_its_age() -> None:
    time = Time()
    kept = memory(time)
    kept.remember(QUERY, [ONE])
    kept.remember(QUERY, [ONE, TWO])
    time.now += 60
    assert kept.recall(QUERY) == Catalog((ONE, TWO), age=60.0)


def test_an_answer_older_than_its_time_is_forgotten() -> None:
    time = Time()
    kept = memory(time)
    kept.remember(QUERY, [ONE])
    time.now += 15 * 60
    assert kept.recall(QUERY) == Catalog((ONE,), age=900.0)
    time.now += 1
    assert kept.recall(QUERY) is None


def test_each_query_has_its_own_memory() -> None:
    kept = memory(Time())
    kept.remember(QUERY, [ONE])
    assert kept.recall(Query("US", NumberType.GEOGRAPHIC, "628")) is None


def test_sold_numbers_are_dropped_and_the_rest_grows_no_younger() -> None:
    time = Time()
    kept = memory(time)
    kept.remember(QUERY, [ONE, TWO])
    time.now += 60
    kept.forget([ONE.number])
    assert kept.recall(QUERY) == Catalog((TWO,), age=60.0)


def test_a_memory_of_nothing_usable_is_no_memory() -> None:
    kept = memory(Time())
    kept.remember(QUERY, [ONE])
    assert kept.recall(QUERY, frozenset({ONE.number})) is None
