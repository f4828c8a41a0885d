"""Which moves of a balance are said at once, and which wait for a minute to pass."""

from __future__ import annotations

import pytest

from ringfleet.model import Money
from ringfleet.plan.carrier_account.balance import is_news
from tests.plan.builders import dollars


@pytest.mark.parametrize(
    ("said", "now", "since", "news"),
    [
        pytest.param(None, "5", 0.0, True, id="never said"),
        pytest.param("5", "5", None, False, id="as it was"),
        pytest.param("5", "5", 3600.0, False, id="as it was, long ago"),
        pytest.param("100", "99.01", 1.0, False, id="under a hundredth"),
        pytest.param("100", "99", 1.0, True, id="a hundredth less"),
        pytest.param("100", "101", 1.0, True, id="a hundredth more"),
        pytest.param("100", "99.99", 59.9, False, id="within the minute"),
        pytest.param("100", "99.99", 60.0, True, id="after the minute"),
        pytest.param("100", "99.99", None, True, id="said by another process"),
        pytest.param("0.01", "0", 1.0, True, id="used up"),
        pytest.param("0", "0.01", 1.0, True, id="paid in"),
        pytest.param("-10", "-10.01", 1.0, False, id="below zero it moves on"),
    ],
)
def test_a_balance_is_said_at_once_when_it_moves_by_a_step_and_else_after_a_minute(
    said: str | None, now: str, since: float | None, news: bool
) -> None:
    assert is_news(None if said is None else dollars(said), dollars(now), since) is news


def test_another_currency_is_news() -> None:
    assert is_news(Money.parse("5", "EUR"), dollars("5"), 0.0)
