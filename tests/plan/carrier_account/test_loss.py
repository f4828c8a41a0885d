"""Which numbers are lost, and which listings may say so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import E164, Phase
from ringfleet.plan.carrier_account.loss import (
    ASKED_AT_ONCE,
    LOST_AFTER,
    Listing,
    Roll,
    call_roll,
    found,
    is_accepted,
    is_short,
    left,
    must_be_listed,
    not_found,
    to_ask_for,
)
from ringfleet.plan.carrier_account.sweep import Known
from tests.plan.builders import digits

ONE, TWO, THREE = digits(1), digits(2), digits(3)
ALL = frozenset({ONE, TWO, THREE})


@pytest.mark.parametrize(
    ("owned", "before", "released", "short"),
    [
        pytest.param(10, 10, 0, False, id="all there"),
        pytest.param(8, 10, 0, False, id="just enough"),
        pytest.param(7, 10, 0, True, id="too few"),
        pytest.param(0, 1, 0, True, id="empty, and one is known"),
        pytest.param(0, 0, 0, False, id="empty, and nothing is known"),
        pytest.param(50, 0, 0, False, id="the first numbers"),
        pytest.param(7, 10, 2, False, id="fewer, because we gave some back"),
        pytest.param(6, 10, 2, True, id="fewer than we gave back explains"),
        pytest.param(0, 3, 3, False, id="empty, because we gave all back"),
        pytest.param(799, 1000, 0, True, id="one under 80 %"),
        pytest.param(800, 1000, 0, False, id="80 %"),
    ],
)
def test_a_listing_is_short_when_it_shows_less_than_80_percent(
    owned: int, before: int, released: int, short: bool
) -> None:
    assert is_short(owned, before, released) is short


@pytest.mark.parametrize(
    ("word", "doubted", "accepted"),
    [("3", 3, True), ("0", 0, True), ("3", 4, False), ("yes", 3, False), (None, 3, False), ("3", None, False)],
)
def test_a_person_accepts_a_short_listing_by_its_very_count(
    word: str | None, doubted: int | None, accepted: bool
) -> None:
    assert is_accepted(word, doubted) is accepted


def seen(phase: Phase = Phase.AVAILABLE, external_id: str | None = "did-1", **rest: Any) -> Known:
    return Known(phase, external_id, **rest)


@pytest.mark.parametrize(
    ("object_", "shown", "settling", "expected"),
    [
        pytest.param(seen(), False, False, True, id="a number that has been there for long"),
        pytest.param(seen(Phase.BOUND), False, False, True, id="a bound number"),
        pytest.param(seen(Phase.PENDING_DOCUMENTS), False, False, True, id="a number that waits for documents"),
        pytest.param(seen(observed=True), False, False, True, id="a number that is only observed"),
        pytest.param(seen(external_id=None), False, False, False, id="a number that the carrier has never shown"),
        pytest.param(seen(), False, True, False, id="a number bought just now"),
        pytest.param(seen(), True, True, True, id="a number bought just now and shown since"),
        pytest.param(seen(Phase.RELEASED), True, False, False, id="a number given back"),
        pytest.param(seen(Phase.LOST), True, False, False, id="a number that is lost already"),
    ],
)
def test_which_numbers_a_listing_has_to_show(object_: Known, shown: bool, settling: bool, expected: bool) -> None:
    number = frozenset({ONE})
    asked = must_be_listed({ONE: object_}, number if shown else (), number if settling else ())
    assert asked == (number if expected else frozenset())


def listing(
    roll: Roll,
    *listed: E164,
    known: frozenset[E164] = ALL,
    marked: frozenset[E164] = frozenset(),
    counts: bool = True,
) -> Roll:
    """The roll after a believed listing, of objects that all had to be listed and are not lost yet."""
    return call_roll(roll, Listing(frozenset(listed), marked, known, known - roll.lost), counts)


def test_a_number_is_asked_for_when_three_listings_in_a_row_have_left_it_out() -> None:
    roll = Roll()
    for looks in range(1, LOST_AFTER + 1):
        assert to_ask_for(roll) == ()
        roll = listing(roll, ONE, TWO)
        assert roll.looks == {THREE: looks}
    assert to_ask_for(roll) == (THREE,)


def test_a_listing_that_shows_the_number_lets_counting_begin_anew() -> None:
    roll = listing(listing(Roll(), ONE, TWO), ONE, TWO)
    assert listing(roll, ONE, TWO, THREE).looks == {}


def test_sweeps_that_come_sooner_than_the_interval_are_no_further_looks() -> None:
    roll = listing(Roll(), ONE, TWO)
    for _ in range(5):
        roll = listing(roll, ONE, TWO, counts=False)
    assert roll.looks == {THREE: 1}


def test_a_number_that_is_found_when_asked_for_is_counted_from_none() -> None:
    missed = Roll(looks={TWO: 1, THREE: LOST_AFTER})
    assert found(missed, THREE) == Roll(looks={TWO: 1})


def test_a_lost_number_is_not_asked_for_again_and_comes_back_when_a_listing_shows_it() -> None:
    roll = not_found(Roll(looks={THREE: LOST_AFTER}), THREE)
    assert to_ask_for(roll) == ()
    roll = listing(roll, ONE, TWO)
    assert roll.lost == {THREE}
    assert listing(roll, ONE, TWO, THREE).lost == frozenset()
    assert found(roll, THREE).lost == frozenset()


def test_a_number_whose_object_is_gone_is_forgotten() -> None:
    roll = Roll(shown=ALL, looks={THREE: 2}, lost=frozenset({TWO}))
    assert listing(roll, ONE, known=frozenset({ONE})) == Roll(shown=frozenset({ONE}))


def test_a_number_that_we_gave_back_is_remembered_until_no_listing_shows_it() -> None:
    roll = left(Roll(), THREE, released=True)
    still = listing(roll, *ALL, known=frozenset({ONE, TWO}))
    assert still.released == {THREE}
    assert listing(still, ONE, TWO, known=frozenset({ONE, TWO})).released == frozenset()


def test_a_number_that_we_let_go_of_is_remembered_until_no_listing_shows_it_with_our_mark() -> None:
    roll = left(Roll(), THREE, released=False)
    still = listing(roll, *ALL, known=frozenset({ONE, TWO}), marked=ALL)
    assert still.unmarked == {THREE}
    assert listing(still, *ALL, known=frozenset({ONE, TWO}), marked=frozenset({ONE, TWO})).unmarked == frozenset()


def test_after_one_listing_only_so_many_numbers_are_asked_for() -> None:
    many = {digits(n): LOST_AFTER for n in range(ASKED_AT_ONCE + 50)}
    assert to_ask_for(Roll(looks=many)) == tuple(sorted(many))[:ASKED_AT_ONCE]


numbers = st.frozensets(st.sampled_from([digits(n) for n in range(6)]))


@given(numbers, st.lists(st.tuples(numbers, st.booleans()), max_size=8))
def test_no_number_is_asked_for_that_one_of_the_last_three_listings_showed_and_each_missed_number_is_counted_once(
    known: frozenset[E164], listings: list[tuple[frozenset[E164], bool]]
) -> None:
    roll = Roll()
    for listed, counts in listings:
        roll = call_roll(roll, Listing(listed, listed, known, known), counts)
        assert roll.looks.keys() == known - listed
    lately = [listed for listed, counts in listings if counts][-LOST_AFTER:]
    for number in to_ask_for(roll):
        assert len(lately) == LOST_AFTER
        assert not any(number in listed for listed in lately)
