"""The model of a soak of picks finds what it is there to find; and a short soak of each ledger agrees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.controlplane.cluster import Cluster
from tests.soak.contacts import Model, Person, Told
from tests.soak.picks import run_on

ONE, TWO, ANN = "+14152000001", "+14152000002", "+12122000001"
SET = "plenty"


class Story:
    """What is told to a model, a second at a time."""

    def __init__(self) -> None:
        self.model, self.ann = Model(), Person(ANN)
        self.model.caps = {ONE: 2, TWO: 2}
        self.now = 0.0

    def ask(self, key: str = "k") -> Any:
        self.now += 1
        return self.model.asks(SET, self.ann, f"{key}{self.now}", {"to": ANN}, self.now)

    def pick(self, number: str = ONE, id_: str | None = None) -> Told:
        return self.answer(self.ask(), number, id_)

    def answer(self, asked: Any, number: str = ONE, id_: str | None = None) -> Told:
        self.now += 1
        reply = {"number": number, "pickId": id_ or f"p{self.now:.0f}", "windowResetsAt": "tomorrow", "reasons": []}
        return self.model.picked(asked, reply, self.now)

    def wish(self, *, out: bool) -> None:
        self.now += 1
        self.model.wishes(self.ann, out=out)
        self.now += 1
        self.model.wished(self.ann, self.now, out=out)


@pytest.fixture
def story() -> Story:
    return Story()


def _picks_after_a_stop(story: Story) -> None:
    story.wish(out=True)
    story.pick()


def _picks_too_often(story: Story) -> None:
    for _ in range(3):
        story.pick()


def _picks_from_two(story: Story) -> None:
    story.pick(ONE)
    story.pick(TWO)


def _tells_an_id_twice(story: Story) -> None:
    story.pick(id_="p1")
    story.pick(id_="p1")


def _picks_what_is_labelled(story: Story) -> None:
    story.model.labels(ONE, story.now)
    story.model.has_labelled(ONE, story.now)
    story.pick()


def _puts_off_twice(story: Story) -> None:
    for id_ in ("d1", "d2"):
        story.model.deferred(story.ask(), {"deferredId": id_})


def _loses_a_pick(story: Story) -> None:
    told = story.pick()
    story.model.replayed(told, 503, {"type": "no-eligible-number"}, story.now, was_out=False)


def _tells_another(story: Story) -> None:
    told = story.pick()
    story.model.replayed(told, 200, {"pickId": "p99", "number": ONE}, story.now, was_out=False)


def _tells_the_number_to_who_has_left(story: Story) -> None:
    told = story.pick()
    story.wish(out=True)
    story.model.replayed(told, 200, {"pickId": told.pick, "number": ONE}, story.now + 1, was_out=True)


def _loses_a_use(story: Story) -> None:
    story.pick()
    story.model.compare(SET, {"numbers": [{"number": ONE, "used": 0}]}, {"first": []})


def _counts_a_use_twice(story: Story) -> None:
    story.pick()
    story.model.compare(SET, {"numbers": [{"number": ONE, "used": 2}]}, {"first": []})


def _loses_a_deferral(story: Story) -> None:
    story.model.deferred(story.ask(), {"deferredId": "d1"})
    story.model.compare_waiting([story.ann], {"first": []})


@pytest.mark.parametrize(
    ("tell", "fault"),
    [
        (_picks_after_a_stop, "has opted out and was picked for"),
        (_picks_too_often, "was picked 3 times, of 2"),
        (_picks_from_two, "has two numbers"),
        (_tells_an_id_twice, "was told to two requests"),
        (_picks_what_is_labelled, "is labelled and was picked"),
        (_puts_off_twice, "waits twice"),
        (_loses_a_pick, "is lost"),
        (_tells_another, "is another the second time"),
        (_tells_the_number_to_who_has_left, "the key told the number again"),
        (_loses_a_use, "has 0 uses; 1 were told"),
        (_counts_a_use_twice, "has 2 uses; 1 were told"),
        (_loses_a_deferral, "is lost"),
    ],
)
def test_each_fault_of_a_dispatcher_is_found(story: Story, tell: Callable[[Story], None], fault: str) -> None:
    tell(story)
    (found,) = story.model.faults
    assert fault in found


def test_what_was_under_way_when_it_ended_is_no_fault(story: Story) -> None:
    """A pick that was asked for before its STOP was acknowledged, a number that left, a return, a word taken back."""
    asked = story.ask()
    story.wish(out=True)
    story.answer(asked)
    story.wish(out=False)
    story.model.leaves(ONE, story.now)
    moved = story.pick(TWO)
    story.model.gives_back(moved)
    story.pick(TWO)
    story.pick(TWO)
    assert story.model.faults == []


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_short_soak_of_picks_agrees(cluster: Cluster, crds: None, installed: None, engine: str) -> None:
    soak = run_on(cluster, engine, seconds=20, people=200, seed=6)
    assert soak.model.faults == []
    assert soak.checkpoints
    assert soak.model.doings["picks: picked"]
