"""When a set, a pool or an account as a whole is answered less than it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.plan.answer_rate import MIN_SAMPLE, Trend, judge_trend
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_traffic import Counts

CALLS, MESSAGES = Reason.FEWER_ANSWERED, Reason.FEWER_DELIVERED


def calls(tries: int, answered: int) -> Counts:
    return Counts(calls=tries, answered=answered)


def messages(tries: int, delivered: int) -> Counts:
    return Counts(messages=tries, delivered=delivered, failed=tries - delivered)


def a_trend(recent: Counts, past: Counts, rest_of_week: Counts | None = None) -> Trend:
    """`past`: what was before the last day, or before the last seven days where there is a `rest_of_week`."""
    week = recent + (rest_of_week or Counts())
    return Trend(recent, week, week + past)


@pytest.mark.parametrize(
    ("trend", "said"),
    [
        pytest.param(a_trend(calls(400, 40), calls(9000, 3600)), CALLS, id="a-quarter-of-it"),
        pytest.param(a_trend(calls(400, 160), calls(9000, 3600)), None, id="as-ever"),
        pytest.param(a_trend(calls(400, 130), calls(9000, 3600)), None, id="a-little-less"),
        pytest.param(a_trend(calls(MIN_SAMPLE - 1, 0), calls(9000, 3600)), None, id="too-few-calls"),
        pytest.param(a_trend(calls(400, 0), calls(MIN_SAMPLE - 1, 90)), None, id="too-short-a-past"),
        pytest.param(a_trend(calls(110, 29), calls(9000, 3600)), None, id="may-be-chance"),
        pytest.param(a_trend(calls(20, 0), calls(9000, 3600), calls(180, 20)), CALLS, id="by-the-week"),
        pytest.param(a_trend(messages(500, 200), messages(5000, 4900)), MESSAGES, id="messages"),
        pytest.param(a_trend(messages(500, 480), messages(5000, 4900)), None, id="messages-as-ever"),
        pytest.param(
            a_trend(Counts(messages=1000, delivered=400, failed=8), messages(5000, 4900)), None, id="under-way"
        ),
        pytest.param(a_trend(calls(400, 500), calls(9000, 3600)), None, id="starts-not-told-yet"),
        pytest.param(a_trend(Counts(received=900), calls(9000, 3600)), None, id="nothing-tried"),
        pytest.param(Trend(), None, id="nothing"),
    ],
)
def test_what_surely_dropped_is_said_and_nothing_else(trend: Trend, said: Reason | None) -> None:
    assert judge_trend(trend, None) is said


@pytest.mark.parametrize(
    ("trend", "said"),
    [
        pytest.param(None, CALLS, id="nothing-is-known"),
        pytest.param(a_trend(calls(400, 140), calls(9000, 3600)), CALLS, id="better-and-not-well"),
        pytest.param(a_trend(calls(400, 145), calls(9000, 3600)), None, id="nine-tenths"),
        pytest.param(Trend(), None, id="no-calls-any-more"),
    ],
)
def test_what_was_said_stands_until_the_rate_is_back(trend: Trend | None, said: Reason | None) -> None:
    assert judge_trend(trend, CALLS) is said


@given(st.integers(MIN_SAMPLE, 5000), st.integers(MIN_SAMPLE, 5000), st.floats(0.05, 1))
def test_a_rate_that_is_the_same_is_never_said_to_have_dropped(recent: int, past: int, rate: float) -> None:
    trend = a_trend(calls(recent, round(recent * rate)), calls(past, round(past * rate)))
    assert judge_trend(trend, None) is None
