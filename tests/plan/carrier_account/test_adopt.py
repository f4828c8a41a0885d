"""Which numbers of an account are offered for adoption, and which are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import E164, Capability, Holding, Mark, Market, NumberType
from ringfleet.plan.carrier_account.adopt import Candidate, Selection, Wish, matches, select
from tests.plan.builders import MARK, a_holding, digits

NUMBER = E164("+14155550123")
THEIRS = Mark("elsewhere", "default", "west")
OBSERVE = Wish()
UNMARKED = a_holding(mark=None)


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
    ("holding", "has_object", "expected"),
    [
        pytest.param(UNMARKED, False, Selection((Candidate(UNMARKED),)), id="nobody's"),
        pytest.param(UNMARKED, True, Selection(ours=1), id="nobody's by its mark, with an object"),
        pytest.param(a_holding(mark=MARK), False, Selection(ours=1), id="an orphan of ours: the operator sees to it"),
        pytest.param(a_holding(mark=MARK), True, Selection(ours=1), id="ours"),
        pytest.param(a_holding(mark=THEIRS), False, Selection(theirs=1), id="another installation's"),
        pytest.param(a_holding(mark=THEIRS), True, Selection(theirs=1), id="another installation's, observed here"),
    ],
)
def test_who_is_offered(holding: Holding, has_object: bool, expected: Selection) -> None:
    assert select([holding], {digits(1)} if has_object else (), "home", OBSERVE) == expected


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
    selection = select([holding], (), "home", Wish(pool="west", market=market))
    assert selection == Selection((Candidate(holding, refusal),))
    assert selection.adoptable == (() if refusal else (holding,))


def test_only_what_matches_is_counted_at_all() -> None:
    others = [a_holding(2, mark=MARK), a_holding(3, mark=THEIRS), a_holding(4, mark=None)]
    assert select([UNMARKED, *others], (), "home", Wish(match=digits(1))) == Selection((Candidate(UNMARKED),))


@given(
    st.lists(st.builds(a_holding, st.integers(1, 20), mark=st.sampled_from([MARK, THEIRS, None]))),
    st.frozensets(st.integers(1, 20).map(digits)),
)
def test_every_number_is_told_of_once_and_what_is_marked_is_never_offered(
    holdings: list[Holding], objects: frozenset[E164]
) -> None:
    selection = select(holdings, objects, "home", OBSERVE)
    offered = [candidate.holding for candidate in selection.candidates]
    assert len(offered) + selection.ours + selection.theirs == len({holding.number for holding in holdings})
    assert all(holding.mark is None and holding.number not in objects for holding in offered)
    assert offered == sorted(offered, key=lambda holding: holding.number)
