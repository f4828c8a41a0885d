"""The circuit breaker's steps."""

from __future__ import annotations

import pytest

from ringfleet.carriers.breaker import Breaker
from ringfleet.carriers.errors import CircuitOpen
from tests.carriers.scripts import Time


def opened(time: Time) -> Breaker:
    breaker = Breaker("shop/didhub", clock=time, threshold=3, delay=10)
    for _ in range(3):
        breaker.admit()
        breaker.failed()
    return breaker


def test_it_opens_only_after_failures_in_a_row() -> None:
    breaker = Breaker("shop/didhub", clock=Time(), threshold=3, delay=10)
    for _ in range(10):
        breaker.failed()
        breaker.failed()
        breaker.answered()
    assert not breaker.is_open


def test_it_says_when_the_next_probe_is_due() -> None:
    time = Time()
    breaker = opened(time)
    time.now += 4
    with pytest.raises(CircuitOpen) as caught:
        breaker.admit()
    assert caught.value.retry_after == 6


def test_one_probe_at_a_time_goes_through() -> None:
    time = Time()
    breaker = opened(time)
    time.now += 10
    breaker.admit()
    with pytest.raises(CircuitOpen):
        breaker.admit()


def test_a_probe_that_fails_opens_it_for_the_whole_delay_again() -> None:
    time = Time()
    breaker = opened(time)
    time.now += 10
    breaker.admit()
    breaker.failed()
    time.now += 9
    with pytest.raises(CircuitOpen):
        breaker.admit()


def test_late_failures_of_calls_under_way_do_not_put_the_probe_off() -> None:
    time = Time()
    breaker = opened(time)
    time.now += 9
    breaker.failed()
    time.now += 1
    breaker.admit()


def test_an_answered_probe_closes_it() -> None:
    time = Time()
    breaker = opened(time)
    time.now += 10
    breaker.admit()
    breaker.answered()
    assert not breaker.is_open
    breaker.admit()
