"""What a carrier writes is shown whole, or not at all when it may tell of what was filed."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ringfleet.controllers.redaction import LONGEST, MOST_READABLE, NO_CODE, RUN, WITHHELD, Discretion, _plain

VALUES = (
    "Müller & Söhne Straßenbau GmbH",
    "HRB-4711",
    "Li",
    "DE",
    "Lindenweg 7",
    "1970-01-31",
    "+4930555010",
    "Topçuoğl\u0131",
    "",
)
REGISTER = b"%PDF-1.7\n\x00\x01\xff the shareholders\n   are Ann Other\n and B. Some\xff\xfe"
WIDE = "Passport of Grete Gr\u00fcn".encode("utf-16")
FILED = Discretion(VALUES, (REGISTER, WIDE, b""))


@pytest.mark.parametrize(
    "text",
    [
        "The copy is too dark.",
        "Document 2 of 3 was not accepted: it has expired!",
        "The bill is older than 6 months; send a newer one.",
        "An id is wanted, and Lithuania is not on it.",
        "see share 1",
    ],
)
def test_a_sentence_that_tells_nothing_is_shown(text: str) -> None:
    assert FILED.allows(text)
    assert FILED.sentence(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "The register is of Müller, not of you.",
        "The register is of MULLER.",
        "STRASSENBAU is misspelt.",
        "It says Mülle, which is cut off.",
        "Is it M\u00fcllers?",
        "someone@example.org bounced",
        "TOPÇUOGLI is not ours",
        "No entry hrb4711.",
        "Entry 4711 is struck out.",
        "Is Li the first name?",
        "It is not from DE.",
        "Born in 1970?",
        "No answer at 4930555010.",
        "No answer at 555010.",
        "lindenweg_7 is a garage",
        "You wrote: are Ann Other",
        "'ther and' is blurred",
        "you wrote SHAREHOLDERS ARE ANN",
        "Passport of Grete is blurred",
        "x" * (LONGEST + 1),
    ],
)
def test_a_sentence_that_may_tell_is_kept_back(text: str) -> None:
    assert not FILED.allows(text)
    assert FILED.sentence(text) == WITHHELD


def test_nothing_is_shown_while_not_all_that_was_filed_is_in_hand() -> None:
    harmless = "The copy is too dark."
    assert not Discretion((), (), whole=False).allows(harmless)
    assert FILED.sentence(harmless, whole=False) == WITHHELD
    assert not Discretion((), (b"a" * (MOST_READABLE + 1),)).allows(harmless)
    assert FILED.sentence("", whole=False) == ""


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("illegible", "illegible"),
        ("document_rejected", "document_rejected"),
        ("E-17.b", "E-17.b"),
        ("not of Ann", NO_CODE),
        ("muller_unknown", NO_CODE),
        ("hrb4711", NO_CODE),
        ("li", NO_CODE),
        ("", NO_CODE),
        ("x" * 65, NO_CODE),
    ],
)
def test_a_code_is_one_word_that_is_no_value(code: str, shown: str) -> None:
    assert FILED.code(code) == shown
    assert Discretion(VALUES, (), whole=False).code(code) == shown


def test_an_error_of_ours_need_only_name_nothing() -> None:
    said = "shop/didhub: POST /v1/compliance/documents was answered 422 invalid_request"
    assert Discretion(("Acme",), (b"the documents are here",), whole=False).names_nothing(said)
    assert not Discretion(("Shop Ltd",), ()).names_nothing(said)


words = st.text(st.characters(categories=("L", "Nd")), min_size=1, max_size=12)
values = st.lists(words, min_size=1, max_size=4).map(" ".join)
around = st.text(max_size=40)


@given(st.lists(values, min_size=1, max_size=4), st.data(), around, around)
def test_no_value_ever_shows_however_it_is_dressed(
    filed: list[str], data: st.DataObject, before: str, after: str
) -> None:
    """The whole value, or one telling word of it, in any case, with other marks between its words."""
    value = data.draw(st.sampled_from(filed))
    telling = [word for word in re.findall(r"[^\W_]+", value) if len(word) >= 3]
    quoted = data.draw(st.sampled_from((value, *telling)))
    dress = data.draw(st.sampled_from((str, str.upper, str.lower, str.title, str.swapcase)))
    mark = data.draw(st.sampled_from((" ", "-", "_", "  ", ", ", "/")))
    text = f"{before} {dress(quoted).replace(' ', mark)} {after}"
    assert Discretion(filed, ()).sentence(text) == WITHHELD


@given(values.filter(lambda value: len(value) >= 8), st.data(), around, around)
def test_no_long_run_of_a_document_ever_shows(content: str, data: st.DataObject, before: str, after: str) -> None:
    start = data.draw(st.integers(0, len(content) - 8))
    run = content[start : start + data.draw(st.integers(8, len(content) - start))]
    assume(len(_plain(run)) >= RUN)
    encoded = data.draw(st.sampled_from((content.encode(), b"\xff\x00\xfe" + content.encode() + b"\xff")))
    assert Discretion((), (encoded,)).sentence(f"{before}{run}{after}") == WITHHELD


@given(st.lists(values, max_size=4), st.binary(max_size=200), st.text(max_size=60))
def test_what_is_shown_is_the_sentence_itself(filed: list[str], content: bytes, text: str) -> None:
    assert Discretion(filed, (content,)).sentence(text) in (text, WITHHELD)
