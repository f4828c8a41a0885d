"""How numbers are judged: labels always win, and a low answer rate flags only when it is surely low."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import E164
from ringfleet.plan.rotation_set.reputation import HealthTerms, Judgement, Tally, judge, shrunk, wilson

TERMS = HealthTerms()


def number(turn: int) -> E164:
    return E164(f"+1415555{turn:04}")


def a_set(*few: tuple[int, int], others: int = 9, rate: float = 0.4) -> list[Tally]:
    """Numbers that are answered at `rate` of 200 calls, and after them those of `few`: answered, called."""
    usual = [Tally(number(turn), 200, int(200 * rate)) for turn in range(others)]
    return usual + [Tally(number(others + turn), called, answered) for turn, (answered, called) in enumerate(few)]


def judged(*few: tuple[int, int], terms: HealthTerms = TERMS) -> Judgement:
    """The judgement of the last number."""
    tallies = a_set(*few)
    return judge(tallies, terms)[tallies[-1].number].judgement


@pytest.mark.parametrize(
    ("answered", "called", "expected"),
    [
        (80, 200, Judgement.FINE),
        (10, 200, Judgement.SELDOM_ANSWERED),
        (0, 29, Judgement.UNKNOWN),
        (0, 30, Judgement.SELDOM_ANSWERED),  # at most 11 %, and half of the median is 20 %
        (3, 30, Judgement.FINE),  # at most 26 %
        (0, 0, Judgement.UNKNOWN),
    ],
)
def test_a_number_is_flagged_when_it_is_surely_answered_less_than_half_as_often_as_the_others(
    answered: int, called: int, expected: Judgement
) -> None:
    assert judged((answered, called)) is expected


def test_a_label_wins_over_the_best_answer_rate() -> None:
    tallies = [*a_set(), Tally(number(99), 200, 200, label="Spam Likely")]
    verdict = judge(tallies, TERMS)[number(99)]
    assert (verdict.judgement, verdict.flagged, verdict.label) == (Judgement.LABELLED, True, "Spam Likely")


def test_a_list_that_nobody_answers_flags_no_number() -> None:
    verdicts = judge([Tally(number(turn), 500, 5) for turn in range(20)], TERMS)
    assert {verdict.judgement for verdict in verdicts.values()} == {Judgement.FINE}


def test_numbers_are_compared_with_those_of_their_own_place() -> None:
    """A night list in one region is no spam label for its numbers."""
    east = [Tally(number(turn), 300, 180, place="east") for turn in range(10)]
    west = [Tally(number(20 + turn), 300, 30, place="west") for turn in range(4)]
    assert not any(verdict.flagged for verdict in judge(east + west, TERMS).values())
    assert judge([*east, *west[:1]], TERMS)[number(20)].flagged, "one alone is compared with the set"


def test_the_rate_that_is_shown_of_few_calls_is_near_the_sets() -> None:
    tallies = a_set((1, 1))
    rate = judge(tallies, TERMS)[tallies[-1].number].rate
    assert rate is not None
    assert rate == pytest.approx(shrunk(1, 1, (9 * 80 + 1) / (9 * 200 + 1)))
    assert rate < 0.5


@pytest.mark.parametrize(
    ("successes", "tries", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (50, 100, 0.4038, 0.5962),
        (15, 148, 0.0624, 0.1605),
    ],
)
def test_wilson_intervals_are_those_of_the_tables(successes: int, tries: int, low: float, high: float) -> None:
    assert wilson(successes, tries) == pytest.approx((low, high), abs=5e-5)


counts = st.integers(0, 5000).flatmap(lambda tries: st.tuples(st.integers(0, tries), st.just(tries)))


@given(counts)
def test_an_interval_holds_the_rate_and_stays_within_0_and_1(count: tuple[int, int]) -> None:
    successes, tries = count
    low, high = wilson(successes, tries)
    assert 0.0 <= low <= high <= 1.0
    if tries:
        assert low - 1e-12 <= successes / tries <= high + 1e-12


@given(counts)
def test_more_of_the_same_makes_surer(count: tuple[int, int]) -> None:
    successes, tries = count
    low, high = wilson(successes, tries)
    nearer, nearest = wilson(successes * 4, tries * 4)
    assert nearest - nearer <= high - low + 1e-12


@given(st.lists(counts, min_size=1, max_size=30))
def test_the_median_number_is_never_flagged_for_its_rate(all_counts: list[tuple[int, int]]) -> None:
    """So a set is never emptied by its own figures: at least half of what is compared stays."""
    tallies = [Tally(number(turn), tries, answered) for turn, (answered, tries) in enumerate(all_counts)]
    verdicts = judge(tallies, TERMS)
    sampled = [verdict for verdict in verdicts.values() if verdict.tries >= TERMS.min_sample]
    assert 2 * sum(verdict.flagged for verdict in sampled) <= len(sampled)
