"""The memory of offers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from ringfleet.carriers.catalog import CatalogMemory, Remembered
from ringfleet.model import E164, Catalog, Money, NumberType, Offer, Price, Query
from tests.plan.builders import NOW

QUERY = Query("US", NumberType.GEOGRAPHIC, "415")
PRICE = Price(Money(Decimal("1.99"), "USD"), Money(Decimal(0), "USD"))


@dataclass
class Wall:
    """A clock on the wall, which a person may set."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def offer(last: int) -> Offer:
    return Offer(E164(f"+1415555{last:04d}"), "US", NumberType.GEOGRAPHIC, PRICE, token=f"sel_{last}")


ONE, TWO = offer(1), offer(2)


def memory(clock: Wall) -> CatalogMemory:
    return CatalogMemory(timedelta(minutes=15), clock=clock)


def test_the_last_answer_is_recalled_with_its_age() -> None:
    clock = Wall()
    kept = memory(clock)
    kept.remember(QUERY, [ONE])
    kept.remember(QUERY, [ONE, TWO])
    clock.passes(60)
    assert kept.recall(QUERY) == Catalog((ONE, TWO), age=60.0)


def test_an_answer_older_than_its_time_is_forgotten() -> None:
    clock = Wall()
    kept = memory(clock)
    kept.remember(QUERY, [ONE])
    clock.passes(15 * 60)
    assert kept.recall(QUERY) == Catalog((ONE,), age=900.0)
    clock.passes(1)
    assert kept.recall(QUERY) is None


def test_a_clock_that_is_set_back_makes_no_age_negative_and_no_memory_last_for_longer() -> None:
    clock = Wall()
    kept = memory(clock)
    kept.remember(QUERY, [ONE])
    clock.passes(-3600)
    assert kept.recall(QUERY) == Catalog((ONE,), age=0.0)
    clock.passes(15 * 60 + 1)
    assert kept.recall(QUERY) is None


def test_each_query_has_its_own_memory() -> None:
    kept = memory(Wall())
    kept.remember(QUERY, [ONE])
    assert kept.recall(Query("US", NumberType.GEOGRAPHIC, "628")) is None


def test_sold_numbers_are_dropped_and_the_rest_grows_no_younger() -> None:
    clock = Wall()
    kept = memory(clock)
    kept.remember(QUERY, [ONE, TWO])
    clock.passes(60)
    kept.forget([ONE.number])
    assert kept.recall(QUERY) == Catalog((TWO,), age=60.0)


def test_a_memory_of_nothing_usable_is_no_memory() -> None:
    kept = memory(Wall())
    kept.remember(QUERY, [ONE])
    assert kept.recall(QUERY, frozenset({ONE.number})) is None
    kept.forget([ONE.number])
    assert (kept.usable(), set(kept.all())) == (frozenset(), {QUERY})


def test_with_no_time_to_be_remembered_nothing_is() -> None:
    kept = CatalogMemory(timedelta(0), clock=Wall())
    kept.remember(QUERY, [ONE])
    assert kept.recall(QUERY) is None


def test_what_another_process_has_seen_is_taken_in_where_it_is_newer() -> None:
    kept = memory(Wall())
    kept.remember(QUERY, [ONE])
    kept.learn({QUERY: Remembered((TWO,), NOW - timedelta(seconds=1))})
    assert kept.recall(QUERY) == Catalog((ONE,), age=0.0)
    kept.learn({QUERY: Remembered((TWO,), NOW + timedelta(seconds=1))})
    assert kept.recall(QUERY) == Catalog((TWO,), age=0.0), "seen by a clock that was ahead"


def test_only_what_was_learnt_live_has_to_be_saved() -> None:
    kept = memory(Wall())
    kept.learn({QUERY: Remembered((ONE,), NOW)})
    kept.forget([ONE.number])
    assert not kept.unsaved
    kept.remember(QUERY, [ONE])
    assert kept.unsaved
