"""What people write to be left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.dispatch.optout_words import Wish, wish_in

LEAVE = ("STOP", "QUIT", "END", "REVOKE", "OPT OUT", "CANCEL", "UNSUBSCRIBE", "STOPALL")
AROUND = st.text(alphabet=" \t\n.,;:!?'\"-_*()…", max_size=5)


@pytest.mark.parametrize("word", LEAVE)
def test_every_word_of_the_rule_is_a_wish_to_be_left_alone(word: str) -> None:
    assert wish_in(word) == (Wish.LEAVE, word.replace(" ", ""))


@pytest.mark.parametrize("word", ["START", "UNSTOP"])
def test_a_person_can_come_back(word: str) -> None:
    assert wish_in(word) == (Wish.RETURN, word)


@given(word=st.sampled_from((*LEAVE, "START", "UNSTOP")), before=AROUND, after=AROUND, lower=st.booleans())
def test_case_punctuation_and_space_do_not_matter(word: str, before: str, after: str, lower: bool) -> None:
    written = before + (word.lower() if lower else word) + after
    assert wish_in(written) == wish_in(word) is not None


@pytest.mark.parametrize(
    "text", ["Opt-out.", "o p t  o u t", "S.T.O.P", "\uff33\uff34\uff2f\uff30", "stop 🙏", "Stop\nAll"]
)
def test_odd_ways_to_write_it_count_too(text: str) -> None:
    found = wish_in(text)
    assert found is not None
    assert found[0] is Wish.LEAVE


@pytest.mark.parametrize(
    "text",
    [None, "", "!!!", "please stop by", "don't stop", "stopping", "the end", "0", "S" * 5000, "stop" + "." * 500],
)
def test_another_message_is_no_wish(text: str | None) -> None:
    assert wish_in(text) is None
