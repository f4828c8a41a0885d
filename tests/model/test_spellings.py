"""One phone is one person, however its number is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import E164
from ringfleet.model.spellings import FORMS, canonical, spellings


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("+541155500123", "+5491155500123", id="Argentina's 9"),
        pytest.param("+5511985550123", "+551185550123", id="Brazil's ninth digit"),
        pytest.param("+525555500187", "+5215555500187", id="Mexico's 1"),
        pytest.param("+2290190011234", "+22990011234", id="Benin's 01"),
    ],
)
def test_two_spellings_of_a_phone_are_one_with_the_canonical_first(one: str, other: str) -> None:
    assert spellings(E164(one)) == spellings(E164(other)) == (one, other)
    assert canonical(E164(other)) == one


@pytest.mark.parametrize(
    "number",
    [
        "+14155550123",
        "+447911123456",
        pytest.param("+551133334444", id="a landline of Brazil, which never got a ninth digit"),
        pytest.param("+548005550123", id="toll-free in Argentina"),
        pytest.param("+5255555001", id="too short for Mexico"),
    ],
)
def test_a_number_of_one_form_is_itself(number: str) -> None:
    assert spellings(E164(number)) == (number,)


DIGITS = st.text("0123456789", min_size=4, max_size=13)


@given(st.sampled_from([*FORMS, "1", "44", "23", "56"]), DIGITS)
def test_each_spelling_has_the_same_spellings_and_the_number_is_one_of_them(code: str, rest: str) -> None:
    number = E164(f"+{code}{rest}")
    found = spellings(number)
    assert number in found
    assert {spellings(one) for one in found} == {found}
    assert len(set(found)) == len(found)
