"""Which numbers of an account are offered for adoption, and which are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import E164, Capability, Holding, Mark, Market, NumberType, Unreadable
from ringfleet.plan.carrier_account.adopt import Candidate, LeftOut, Object, Selection, Wish, matches, select
from tests.plan.builders import MARK, a_holding, digits

NUMBER = E164("+14155550123")
THEIRS = Mark("elsewhere", "default", "west")
OBSERVE = Wish()
UNMARKED = a_holding(mark=None)
MANAGED = Object("shop", digits(1).digits, "west")


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        (None, True),
        ("", True),
        ("+1415", True),
        ("1415", True),
        ("+14155550123", True),
        ("+1416", False),
        ("415", False),
        ("+1415*", True),
        ("1415*", True),
        ("*0123", True),
        ("*0124", False),
        ("+1415555012?", True),
        ("1415555012", True),
        ("+1415555012[0-3]", True),
        ("*", True),
    ],
)
def test_a_number_is_matched_by_its_first_digits_or_by_a_glob(pattern: str | None, fits: bool) -> None:
    assert matches(pattern, NUMBER) is fits


@pytest.mark.parametrize(
    ("holding", "has_object", "ours", "theirs", "said"),
    [
        pytest.param(UNMARKED, False, 0, 0, None, id="nobody's"),
        pytest.param(UNMARKED, True, 1, 0, "manages it, of pool west", id="nobody's by its mark, with an object"),
        pytest.param(a_holding(mark=MARK), False, 1, 0, "a sweep adopts it there", id="an orphan of ours"),
        pytest.param(a_holding(mark=MARK), True, 1, 0, "manages it, of pool west", id="ours"),
        pytest.param(a_holding(mark=THEIRS), False, 0, 1, "the mark of another installation, elsewhere", id="theirs"),
        pytest.param(a_holding(mark=THEIRS), True, 0, 1, "another installation", id="theirs, observed here"),
    ],
)
def test_who_is_offered_and_of_the_others_why_not(
    holding: Holding, has_object: bool, ours: int, theirs: int, said: str | None
) -> None:
    found = select([holding], {digits(1): MANAGED} if has_object else {}, "home", OBSERVE)
    assert (found.candidates, found.ours, found.theirs) == ((Candidate(holding),) if said is None else (), ours, theirs)
    assert [one.number for one in found.left_out] == ([] if said is None else [digits(1)])
    assert all(said is not None and said in one.reason for one in found.left_out)


def test_each_number_of_a_list_is_offered_or_says_why_not() -> None:
    holdings = [a_holding(n, mark=mark) for n, mark in ((1, None), (2, THEIRS), (3, None), (5, None), (6, None))]
    objects = {digits(3): Object("shop", "a", "west"), digits(6): Object("shop", "b", "east")}
    wish = Wish(pool="west", market=Market("US", NumberType.GEOGRAPHIC), numbers=tuple(map(digits, (1, 2, 3, 4, 6, 7))))
    rows = [Unreadable("number: what it is", digits(7)), Unreadable("row: no number")]
    found = select(holdings, objects, "home", wish, rows)
    assert [one.holding.number for one in found.candidates] == [digits(1)]
    assert found.left_out == (
        LeftOut(digits(2), "it carries the mark of another installation, elsewhere: it is left alone"),
        LeftOut(digits(3), "PhoneNumber shop/a manages it, of pool west", as_wished=True),
        LeftOut(digits(4), "the account does not have it"),
        LeftOut(digits(6), "PhoneNumber shop/b manages it, of pool east"),
        LeftOut(digits(7), "the carrier's row of it can't be read: number: what it is"),
    )
    assert found.nameless == ("row: no number",)


@pytest.mark.parametrize(
    ("market", "refusal"),
    [
        pytest.param(Market("US", NumberType.GEOGRAPHIC), "", id="its market"),
        pytest.param(Market("US", NumberType.GEOGRAPHIC, ("212",)), "", id="another area code"),
        pytest.param(
            Market("DE", NumberType.GEOGRAPHIC),
            "it is a US Geographic number, and pool west is for DE Geographic",
            id="another country",
        ),
        pytest.param(
            Market("US", NumberType.TOLL_FREE),
            "it is a US Geographic number, and pool west is for US TollFree",
            id="another type",
        ),
        pytest.param(
            Market("US", NumberType.GEOGRAPHIC, capabilities=frozenset(Capability) - {Capability.VOICE}),
            "it has no Fax and no MMS and no SMS, which pool west wants",
            id="lacking capabilities",
        ),
    ],
)
def test_a_pool_takes_only_numbers_of_its_market_from_any_area_code(market: Market, refusal: str) -> None:
    holding = a_holding(mark=None, area_code="415", capabilities=frozenset({Capability.VOICE}))
    selection = select([holding], {}, "home", Wish(pool="west", market=market))
    assert selection == Selection((Candidate(holding, refusal),))
    assert selection.adoptable == (() if refusal else (holding,))


def test_only_what_matches_is_counted_at_all() -> None:
    others = [a_holding(2, mark=MARK), a_holding(3, mark=THEIRS), a_holding(4, mark=None)]
    assert select([UNMARKED, *others], {}, "home", Wish(match=digits(1))) == Selection((Candidate(UNMARKED),))


@given(
    st.lists(st.builds(a_holding, st.integers(1, 20), mark=st.sampled_from([MARK, THEIRS, None]))),
    st.frozensets(st.integers(1, 20).map(digits)),
)
def test_every_number_is_told_of_once_and_what_is_marked_is_never_offered(
    holdings: list[Holding], objects: frozenset[E164]
) -> None:
    selection = select(holdings, dict.fromkeys(objects, MANAGED), "home", OBSERVE)
    offered = [candidate.holding for candidate in selection.candidates]
    assert len(offered) + selection.ours + selection.theirs == len({holding.number for holding in holdings})
    assert len(selection.left_out) == selection.ours + selection.theirs
    assert all(holding.mark is None and holding.number not in objects for holding in offered)
    assert offered == sorted(offered, key=lambda holding: holding.number)
