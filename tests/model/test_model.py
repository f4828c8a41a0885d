"""The nouns: numbers, money, marks, markets."""

from __future__ import annotations

from decimal import Decimal

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import (
    E164,
    AccountKey,
    CurrencyMismatch,
    Mark,
    Market,
    Money,
    NumberType,
    Price,
)
from tests.plan.builders import dollars

# Numbers.


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+14155550123", "+14155550123"),
        ("+1 (415) 555-0123", "+14155550123"),
        ("+44 20 7946 0018", "+442079460018"),
        ("+49 (0)30 901820", "+4930901820"),
        ("+39 06 698 12345", "+390669812345"),
    ],
)
def test_a_number_is_read_however_people_write_it(text: str, number: str) -> None:
    assert E164.parse(text) == number


@pytest.mark.parametrize(
    "text", ["", "hello", "4155550123", "+", "+1", "+999123456789", "+1415555012", "+141555501234567"]
)
def test_what_is_no_international_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"phone number|E\.164") as caught:
        E164.parse(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("+15550123", id="an American number without its area code"),
        pytest.param("+441111", id="a British one"),
        pytest.param("+4930123456789012", id="sixteen digits"),
    ],
)
def test_what_only_its_neighbours_can_dial_and_what_is_too_long_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a possible phone number"):
        E164.parse(text)


def test_a_numbers_digits_are_the_name_of_its_object() -> None:
    assert E164.parse("+14155550123").digits == "14155550123"


@given(st.integers(200, 999), st.integers(0, 9_999_999))
def test_reading_a_number_twice_is_reading_it_once(area: int, rest: int) -> None:
    number = E164.parse(f"+1{area}{rest:07d}")
    assert E164.parse(number) == number
    assert len(number.digits) <= 15


@given(st.integers(200, 999), st.integers(0, 9_999_999))
def test_what_is_read_without_asking_the_library_is_what_it_says(area: int, rest: int) -> None:
    text = f"+1{area}{rest:07d}"
    parsed = phonenumbers.parse(text, None)
    assert phonenumbers.is_possible_number_with_reason(parsed) == phonenumbers.ValidationResult.IS_POSSIBLE
    assert phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == E164.parse(text) == text


# Money.

amounts = st.decimals(-(10**9), 10**9, places=4)
dollar_amounts = amounts.map(lambda amount: Money(amount, "USD"))


@pytest.mark.parametrize("text", ["", "1,99", "one", "$1", "NaN", "Infinity", "-Infinity"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        Money.parse(text, "USD")


@pytest.mark.parametrize(
    ("text", "shown"), [("1.99", "1.99 USD"), ("0", "0 USD"), ("1E+2", "100 USD"), ("1.50", "1.50 USD")]
)
def test_money_is_shown_plainly(text: str, shown: str) -> None:
    assert str(Money.parse(text, "USD")) == shown


def test_money_is_exact() -> None:
    assert Money.total([dollars("0.1")] * 3, "USD") == dollars("0.3")
    assert dollars("1.10") == dollars("1.1")


@given(dollar_amounts, dollar_amounts, dollar_amounts)
def test_money_adds_up_in_any_order(one: Money, two: Money, three: Money) -> None:
    assert one + two == two + one
    assert (one + two) + three == one + (two + three)
    assert one + two - two == one
    assert one * 3 == one + one + one


@given(dollar_amounts, dollar_amounts)
def test_money_of_one_currency_is_ordered(one: Money, two: Money) -> None:
    assert (one < two) is (one.amount < two.amount)
    assert (one <= two) is (one.amount <= two.amount)
    assert (one < two) is (two > one)
    assert min(one, two) <= max(one, two)


@pytest.mark.parametrize(
    "mix",
    [
        pytest.param(lambda one, two: one + two, id="added"),
        pytest.param(lambda one, two: one - two, id="subtracted"),
        pytest.param(lambda one, two: one < two, id="compared"),
        pytest.param(lambda one, two: one <= two, id="compared with equality"),
        pytest.param(lambda one, two: Money.total([one, two], "USD"), id="totalled"),
    ],
)
def test_two_currencies_never_meet(mix) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(CurrencyMismatch, match="1 USD and 1 EUR"):
        mix(Money(Decimal(1), "USD"), Money(Decimal(1), "EUR"))


def test_the_same_amount_of_two_currencies_is_not_the_same() -> None:
    assert Money(Decimal(1), "USD") != Money(Decimal(1), "EUR")


def test_nothing_costs_nothing() -> None:
    assert Money.total([], "EUR") == Money.zero("EUR")


def test_the_first_month_is_rental_and_setup() -> None:
    assert Price(dollars("1.25"), dollars("0.50")).first_month == dollars("1.75")


# Marks and names.

names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)


@given(st.builds(Mark, names, names, names))
def test_a_mark_is_read_as_it_was_written(mark: Mark) -> None:
    assert Mark.parse(str(mark)) == mark


long_names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
whole_marks = st.builds(Mark, long_names, long_names, long_names)


@given(whole_marks, st.integers(64, 255))
def test_a_mark_within_a_length_fits_is_read_as_it_was_written_and_shortens_no_more(mark: Mark, length: int) -> None:
    short = mark.within(length)
    assert len(str(short)) <= length
    assert Mark.parse(str(short)) == short
    assert short.within(length) == short
    assert (short == mark) is (len(str(mark)) <= length) is not short.is_short


@given(whole_marks, whole_marks)
def test_no_two_marks_are_one_when_they_are_shortened(one: Mark, other: Mark) -> None:
    assert (one.within(64) == other.within(64)) is (one == other)


def test_a_shortened_mark_says_whose_it_is_and_something_of_its_pool() -> None:
    mark = Mark("0a1b2c3d", "customer-acceptance-testing", "outbound-campaigns-of-the-west")
    assert str(mark.within(64)) == "rf/0a1b2c3d/~/outbound-campaigns-of-the-west~4fc58b600bf223e4"


@pytest.mark.parametrize("text", [None, "", "hello", "rf", "rf/a/b", "rf/a/b/c/d", "xx/a/b/c", "sales team"])
def test_what_others_wrote_is_no_mark(text: str | None) -> None:
    assert Mark.parse(text) is None


def test_accounts_and_markets_are_named_as_people_write_them() -> None:
    assert str(AccountKey("default", "main")) == "default/main"
    assert str(Market("US", NumberType.TOLL_FREE)) == "US TollFree"
    assert str(Market("US", NumberType.GEOGRAPHIC, ("415", "628"))) == "US Geographic 415, 628"
