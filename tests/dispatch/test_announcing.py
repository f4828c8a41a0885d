"""One ledger for a namespace: the second one sees the first, and refuses until that has ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ringfleet.dispatch.announcing.announced import (
    LAPSE_SECONDS,
    Line,
    announce,
    find_rival,
    name_of,
    read_lines,
    write_lines,
)
from ringfleet.dispatch.announcing.announcer import BEAT_SECONDS, NAME, Announcer
from ringfleet.dispatch.ledger.types import Mark
from ringfleet.kube.client import Kube
from ringfleet.kube.errors import Forbidden, KubeError, NotFound
from ringfleet.kube.transport import Json
from ringfleet.objects.refs import CONFIG_MAPS
from tests.controllers.api_double import ApiDouble
from tests.examples import examples

SYSTEM = "ringfleet-system"
ONE, TWO = Mark(1, 0), Mark(2, 0)


@dataclass
class Ledger:
    """As far as it is announced."""

    mark: Mark | None
    is_ours: bool = True


@dataclass
class World:
    """An API server, a clock, and dispatchers that look at both."""

    seconds: float = 0.0
    api: ApiDouble = field(default_factory=lambda: ApiDouble([]))

    def __post_init__(self) -> None:
        self.kube = Kube(self.api)  # type: ignore[arg-type]  # the double is the transport

    def dispatcher(self, mark: Mark | None, *namespaces: str, kube: Any = None, ours: bool = True) -> Announcer:
        ledger = Ledger(mark, ours)
        announcer = Announcer(kube or self.kube, ledger, SYSTEM, namespaces, f"at-{mark}", lambda: self.seconds)
        announcer.ledger = ledger  # type: ignore[attr-defined]  # for the test's hands
        return announcer

    async def beat(self, *announcers: Announcer, beats: int = 1) -> None:
        for _ in range(beats):
            self.seconds += BEAT_SECONDS
            for announcer in announcers:
                await announcer.look()

    async def lapse(self, *announcers: Announcer) -> None:
        """So long that whoever is not among these has ended."""
        await self.beat(*announcers, beats=int(LAPSE_SECONDS / BEAT_SECONDS) + 2)

    async def lines(self) -> dict[str, Line]:
        return read_lines((await self.kube.get(CONFIG_MAPS, SYSTEM, NAME))["data"])


def type_of(announcer: Announcer) -> str | None:
    """Of the problem with which picks are refused."""
    refused = announcer.refusal()
    return refused.type.name if refused else None


async def test_the_second_ledger_for_the_same_sets_refuses_and_is_told_to_both_until_the_first_has_ended() -> None:
    world = World()
    one, two = world.dispatcher(ONE), world.dispatcher(TWO)
    assert type_of(one) == type_of(two) == "inventory-unknown"
    await world.beat(one, two)
    assert (type_of(one), type_of(two)) == (None, "ledger-split")
    assert "Another ledger (0000000000000001) decides for the same sets" in (two.obstacle() or "")
    assert (one.obstacle(), two.waiting(), one.waiting()) == (None, None, None)
    await world.beat(one, two)
    assert "A second ledger (0000000000000002)" in (one.waiting() or "")
    await world.lapse(one, two)
    assert (type_of(one), type_of(two)) == (None, "ledger-split")
    await world.lapse(two)
    assert (type_of(two), two.waiting()) == (None, None)
    await world.beat(one)
    assert type_of(one) == "ledger-split"


async def test_what_waited_and_has_ended_is_told_no_more() -> None:
    world = World()
    one, two = world.dispatcher(ONE), world.dispatcher(TWO)
    await world.beat(one, two)
    await world.lapse(one)
    assert (one.waiting(), list(await world.lines())) == (None, [name_of(ONE)])


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        (("a", "b"), ("c",), None),
        (("a", "b"), ("b", "c"), "ledger-split"),
        ((), ("c",), "ledger-split"),
        (("c",), (), "ledger-split"),
    ],
)
async def test_ledgers_for_other_namespaces_are_no_rivals(
    first: tuple[str, ...], second: tuple[str, ...], refused: str | None
) -> None:
    world = World()
    one, two = world.dispatcher(ONE, *first), world.dispatcher(TWO, *second)
    await world.beat(one, two)
    assert (type_of(one), type_of(two)) == (None, refused)


async def test_the_next_process_of_a_ledger_goes_on_at_once_and_one_that_serves_more_asks_anew() -> None:
    world = World()
    await world.beat(world.dispatcher(ONE, "a"), world.dispatcher(TWO, "b"))
    again, wider = world.dispatcher(ONE, "a"), world.dispatcher(ONE, "a", "b")
    await again.look()
    assert type_of(again) is None
    await wider.look()
    assert type_of(wider) == "ledger-split"


async def test_a_restored_ledger_goes_on_and_the_older_copy_refuses() -> None:
    world = World()
    before, restored = world.dispatcher(ONE), world.dispatcher(Mark(1, 7))
    await world.beat(before, restored)
    assert (type_of(restored), restored.waiting()) == (None, None)
    await world.beat(before, restored)
    assert (type_of(before), type_of(restored)) == ("ledger-split", None)
    assert "A later restore of this ledger" in (before.obstacle() or "")


class Away:
    """The API server as it fails."""

    def __init__(self, error: KubeError) -> None:
        self.error = error

    async def get(self, *_: object) -> Json:
        raise self.error

    create = replace = get


async def test_while_the_api_server_is_away_who_decided_goes_on_and_who_did_not_waits() -> None:
    world = World()
    one, two, new = world.dispatcher(ONE), world.dispatcher(TWO), world.dispatcher(Mark(3, 0))
    await world.beat(one, two)
    for announcer in (one, two, new):
        announcer._kube = Away(KubeError("away"))  # type: ignore[assignment]  # as far as it is asked
    await world.lapse(one, two, new)
    assert [type_of(one), type_of(two), type_of(new)] == [None, "ledger-split", "inventory-unknown"]
    one._kube = two._kube = world.kube
    await world.beat(two, one)  # nobody could write meanwhile: nobody has lapsed
    assert [type_of(one), type_of(two)] == [None, "ledger-split"]


@pytest.mark.parametrize("error", [NotFound("no such namespace"), Forbidden("not yours")])
async def test_where_nothing_can_be_announced_everybody_decides(error: KubeError) -> None:
    world = World()
    announcer = world.dispatcher(ONE, kube=Away(error))
    await announcer.look()
    assert type_of(announcer) is None


async def test_who_may_only_read_what_is_announced_obeys_it() -> None:
    world = World()
    one, two = world.dispatcher(ONE), world.dispatcher(TWO)
    await world.beat(one)
    two._kube.replace = Away(Forbidden("not yours")).replace  # type: ignore[method-assign]  # the wire of both; one is done
    await two.look()
    assert type_of(two) == "ledger-split"


async def test_another_owner_of_the_same_ledger_goes_on_at_once_though_the_api_server_is_away() -> None:
    world = World()
    owner, front = world.dispatcher(ONE), world.dispatcher(None, ours=False)
    await world.beat(owner, front)
    assert type_of(front) is None
    front._kube = Away(KubeError("away"))  # type: ignore[assignment]  # as far as it is asked
    front._ledger.is_ours = True  # type: ignore[misc]  # it is the test's
    assert type_of(front) == "inventory-unknown"
    front._ledger.mark = ONE  # type: ignore[misc]  # read when it was taken
    assert type_of(front) is None


async def test_two_that_write_at_once_are_one_after_the_other() -> None:
    world = World()
    one, two = world.dispatcher(ONE), world.dispatcher(TWO)
    world.api.meanwhile("create", "configmaps", two.look)
    await one.look()
    assert (type_of(one), type_of(two)) == ("ledger-split", None)


async def test_two_that_write_over_the_same_version_are_one_after_the_other() -> None:
    world = World()
    one, two = world.dispatcher(ONE, "a"), world.dispatcher(TWO, "a")
    await world.beat(world.dispatcher(Mark(3, 0), "b"))
    world.api.meanwhile("update", "configmaps", two.look)
    await one.look()
    assert (type_of(one), type_of(two)) == ("ledger-split", None)


LINES = st.dictionaries(
    st.sampled_from([name_of(Mark(n, 0)) for n in range(4)]),
    st.builds(
        Line,
        epoch=st.integers(0, 2),
        namespaces=st.sets(st.sampled_from("abc")).map(lambda names: tuple(sorted(names))),
        at=st.just("at"),
        holds=st.booleans(),
        beat=st.just("beat"),
    ),
)


@given(LINES)
def test_what_is_written_reads_as_it_was(lines: dict[str, Line]) -> None:
    assert read_lines({**write_lines(lines), "a-person": "wrote this"}) == lines


class Dispatchers(RuleBasedStateMachine):
    """Whoever looks, ends and comes again in whatever order, never do two ledgers hold the same sets."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, Line] = {}

    @rule(
        n=st.integers(1, 3),
        epoch=st.integers(0, 1),
        namespaces=st.sets(st.sampled_from("ab")),
        lapsed=st.sets(st.integers(1, 3)),
    )
    def look(self, n: int, epoch: int, namespaces: set[str], lapsed: set[int]) -> None:
        mark = Mark(n, epoch)
        gone = {name_of(Mark(one, 0)) for one in lapsed}
        ours = Line(epoch, tuple(sorted(namespaces)), "at", holds=True, beat="beat")
        before = {name: line for name, line in self.lines.items() if name not in gone}
        self.lines, rival = announce(self.lines, gone, mark, ours)
        assert rival == find_rival(before, mark, ours)
        if rival is None:
            assert self.lines[name_of(mark)].holds

    @invariant()
    def nobody_shares(self) -> None:
        holding = [line for line in self.lines.values() if line.holds]
        assert not any(a.meets(b) for i, a in enumerate(holding) for b in holding[i + 1 :])


def test_never_do_two_ledgers_hold_the_same_sets() -> None:
    few = settings(max_examples=examples(40), stateful_step_count=12)
    run_state_machine_as_test(Dispatchers, settings=few)  # type: ignore[no-untyped-call]  # it has no types
