"""The table of a number's phases: the stories that it must allow, and that it allows nothing else."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

from ringfleet.model import GONE, Phase
from ringfleet.plan.phone_number.phase import IN_FLIGHT, STEPS, may_step

ORDERING, DOCUMENTS, AVAILABLE, BOUND, COOLING = (
    Phase.ORDERING,
    Phase.PENDING_DOCUMENTS,
    Phase.AVAILABLE,
    Phase.BOUND,
    Phase.COOLING,
)


def test_every_phase_has_its_row() -> None:
    assert set(STEPS) == set(Phase)


@pytest.mark.parametrize(("old", "new"), list(product(Phase, Phase)))
def test_a_step_is_allowed_when_the_table_has_it_and_refused_else(old: Phase, new: Phase) -> None:
    assert may_step(old, new) is (old is new or new in STEPS[old])


@pytest.mark.parametrize(
    "story",
    [
        (ORDERING, AVAILABLE, BOUND, COOLING, AVAILABLE),
        (BOUND, COOLING, BOUND),
        (ORDERING, DOCUMENTS, AVAILABLE),
        (ORDERING, DOCUMENTS, ORDERING, AVAILABLE),
        (AVAILABLE, Phase.SUSPENDED, AVAILABLE),
        (BOUND, Phase.QUARANTINED, BOUND),
        (AVAILABLE, DOCUMENTS, AVAILABLE),
        (BOUND, Phase.RELEASING, Phase.RELEASED),
        (AVAILABLE, Phase.RELEASING, AVAILABLE),
        (AVAILABLE, Phase.LOST, AVAILABLE),
        (BOUND, Phase.LOST, BOUND),
        (ORDERING, Phase.RELEASING, ORDERING),
        (AVAILABLE, COOLING, AVAILABLE),
        (Phase.LOST, Phase.RELEASING, Phase.RELEASED),
    ],
    ids=" ".join,
)
def test_a_story_can_be_told(story: tuple[Phase, ...]) -> None:
    assert all(may_step(old, new) for old, new in pairwise(story))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (BOUND, AVAILABLE),
        (AVAILABLE, Phase.RELEASED),
        (ORDERING, Phase.RELEASED),
        (Phase.LOST, Phase.RELEASED),
        (Phase.RELEASED, AVAILABLE),
        (BOUND, Phase.RELEASED),
    ],
)
def test_no_number_skips_its_rest_or_its_farewell(old: Phase, new: Phase) -> None:
    assert not may_step(old, new)


def test_an_end_is_an_end() -> None:
    assert not STEPS[Phase.RELEASED]


def test_every_phase_is_reached_from_ordering_and_every_life_can_end() -> None:
    def reachable(start: Phase) -> set[Phase]:
        found, todo = {start}, [start]
        while todo:
            new = STEPS[todo.pop()] - found
            found |= new
            todo.extend(new)
        return found

    assert reachable(ORDERING) == set(Phase)
    assert all(reachable(phase) & GONE for phase in Phase)


def test_no_phase_is_both_on_its_way_and_gone() -> None:
    assert not IN_FLIGHT & GONE
