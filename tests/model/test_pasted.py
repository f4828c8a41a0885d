"""Numbers are read in whatever form people paste them, and what can't be read is told with its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import E164
from ringfleet.model.pasted import Pasted, Unread, read_number, read_numbers

ONE, TWO, BERLIN = E164("+14155550123"), E164("+14155550124"), E164("+493012345678")


@pytest.mark.parametrize(
    "text",
    [
        "+14155550123\n+14155550124",
        "+14155550123\r\n+14155550124\r\n",
        "+1 (415) 555-0123\n\n+1.415.555.0124\n",
        "+14155550123, +14155550124",
        "+14155550123 +14155550124",
        "+14155550123;+14155550124",
        "number,name\n+14155550123,Ann\n+14155550124,Bob",
        "Name;Phone\nAnn;415-555-0123\nBob;415-555-0124",
        "id,E.164\r\n1293384261075731499,+14155550123\r\n1293384261075731500,+14155550124\r\n",
        "4155550123\n14155550124",
        "001 415 555 0123\ntel:+14155550124",
        "\ufeff\u202a+1 415 555 0123\u202c\n\uff0b14155550124",
        '"+14155550123","Smith, Ann"\n\'+14155550124\',',
        "# ours\n+14155550123 \n+1415\u2011555\u20130124\n+14155550123",
        "+14155550123,2026-11-30,1.15\n+14155550124,2026-11-30,1.15",
    ],
)
def test_a_list_is_read_in_any_sane_form(text: str) -> None:
    assert read_numbers(text, "US") == Pasted((ONE, TWO))


@pytest.mark.parametrize(
    ("line", "country", "said"),
    [
        pytest.param("hello", "US", "it is no phone number", id="a word"),
        pytest.param("+1415555012", "US", "no phone number has these digits", id="a digit is missing"),
        pytest.param("+141555501234", "US", "no phone number has these digits", id="one too many"),
        pytest.param("4155550123", None, "it has no country code", id="no country"),
        pytest.param("1.4155550123E+10", "US", "it is no phone number", id="a spreadsheet's own form"),
        pytest.param("+14155550123 x5", "US", "it is no phone number", id="an extension"),
        pytest.param("+()", "US", "it is no phone number", id="a plus sign alone"),
    ],
)
def test_what_cant_be_read_is_told_with_its_line_and_holds_up_nothing(
    line: str, country: str | None, said: str
) -> None:
    pasted = read_numbers(f"+14155550123\n\n{line}\n+14155550124", country)
    assert pasted.numbers == (ONE, TWO)
    ((at, text, reason),) = ((one.line, one.text, one.reason) for one in pasted.unread)
    assert (at, text) == (3, line)
    assert reason.startswith(said)
    assert line not in reason


def test_a_broken_number_beside_a_good_one_is_told_too() -> None:
    pasted = read_numbers("+14155550123, +1415555")
    assert pasted == Pasted((ONE,), (Unread(1, "+1415555", pasted.unread[0].reason),))


def test_a_first_line_of_other_words_is_no_header_and_is_told() -> None:
    assert [one.line for one in read_numbers("our list\n+14155550123").unread] == [1]


def test_a_column_of_dates_beside_the_named_one_is_not_read() -> None:
    assert read_numbers("bought,did\n12.11.2026,3012345678\n", "DE") == Pasted((BERLIN,))


def test_a_national_number_is_one_of_the_country() -> None:
    assert read_number("030 / 123 456 78", "DE") == BERLIN
    assert read_number("+49 (0)30 12345678", "US") == BERLIN


@given(st.text(max_size=200), st.sampled_from([None, "US", "DE"]))
def test_no_text_breaks_it_and_no_line_is_told_that_is_not_there(text: str, country: str | None) -> None:
    pasted = read_numbers(text, country)
    assert len(set(pasted.numbers)) == len(pasted.numbers)
    assert {one.line for one in pasted.unread} <= set(range(1, len(text.splitlines()) + 1))


@given(st.lists(st.integers(2_000_000, 9_999_999), max_size=8), st.sampled_from(["\n", "\r\n", ", ", ";", "\t", " "]))
def test_whatever_parts_them_all_numbers_are_read(ends: list[int], between: str) -> None:
    written = [f"+1415{end}" for end in ends]
    assert read_numbers(between.join(written)).numbers == tuple(dict.fromkeys(written))
