"""What people write to be left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.dispatch.optout_words import Wish, wish_in

RULE = ("STOP", "QUIT", "END", "REVOKE", "OPT OUT", "CANCEL", "UNSUBSCRIBE", "STOPALL")
LEAVE = (*RULE, "UNSUB", "ARRET", "ALTO", "BAJA", "PARAR", "SAIR", "СТОП")
AROUND = st.text(alphabet=" \t\n.,;:!?'\"-_*()…", max_size=5)


@pytest.mark.parametrize("word", LEAVE)
def test_every_word_of_rule_and_carriers_is_a_wish_to_be_left_alone(word: str) -> None:
    assert wish_in(word) == (Wish.LEAVE, word.replace(" ", ""))


@pytest.mark.parametrize("word", ["START", "UNSTOP"])
def test_a_person_can_come_back(word: str) -> None:
    assert wish_in(word) == (Wish.RETURN, word)


@given(word=st.sampled_from((*LEAVE, "START", "UNSTOP")), before=AROUND, after=AROUND, lower=st.booleans())
def test_case_punctuation_and_space_do_not_matter(word: str, before: str, after: str, lower: bool) -> None:
    written = before + (word.lower() if lower else word) + after
    assert wish_in(written) == wish_in(word) is not None


@pytest.mark.parametrize(
    "text",
    [
        *("Opt-out.", "o p t  o u t", "S.T.O.P", "\uff33\uff34\uff2f\uff30", "stop 🙏", "Stop\nAll"),
        *("ARRÊT", "arre\u0302t", "Стоп!", "stop" + "." * 500),
        *("stop stop", "STOP stop STOP", "stop please", "Please stop", "Stop. Thank you", "Unsubscribe me"),
        *("Stop\n\nSent from my iPhone", "STOP\r\nAnn", "Hi there,\nstop", "> your offer of today\n\nUNSUB"),
        "stop\n" + "x" * 5000,
    ],
)
def test_odd_ways_to_write_it_count_too(text: str) -> None:
    found = wish_in(text)
    assert found is not None
    assert found[0] is Wish.LEAVE


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("please stop by", "STOP"),
        ("don't stop", "STOP"),
        ("Please stop texting me", "STOP"),
        ("Reply STOP", "STOP"),
        ("the end", "END"),
        ("I have to cancel our appointment", "CANCEL"),
        ("hello\nstop\nthat is all", "STOP"),
        ("no more\narrêt des messages", "ARRET"),
        ("START or STOP", "STOP"),
    ],
)
def test_a_message_that_has_such_a_word_and_says_more_is_for_a_person(text: str, word: str) -> None:
    assert wish_in(text) == (Wish.UNCLEAR, word)


@pytest.mark.parametrize(
    "text",
    [None, "", "!!!", "stopping", "nonstop", "friends", "0", "S" * 5000, "thank you", "please", "start the car", "YES"],
)
def test_another_message_is_no_wish(text: str | None) -> None:
    assert wish_in(text) is None


@pytest.mark.parametrize("text", ["Leave me alone!", "leave me\nalone", "ok\nleave me alone", "RIMUOVI", "रोकें"])
def test_a_sets_own_words_count_like_the_others(text: str) -> None:
    own = ("leave me alone", "Rimuovi", "रोकें", "...")
    assert wish_in(text) is None
    found = wish_in(text, own)
    assert found is not None
    assert found[0] is Wish.LEAVE
    assert wish_in("", own) is None


def test_a_set_cannot_make_a_word_of_the_rule_mean_something_else() -> None:
    assert wish_in("STOP", ("START",)) == (Wish.LEAVE, "STOP")
    assert wish_in("START", ("START",)) == (Wish.LEAVE, "START")


@given(st.text(max_size=200), st.lists(st.text(max_size=10), max_size=3))
def test_no_message_and_no_word_is_too_odd(text: str, own: list[str]) -> None:
    assert wish_in(text, own) is None or isinstance(wish_in(text, own), tuple)
