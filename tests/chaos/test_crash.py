"""The crash test: SIGKILL at the calls of a story, from the wire, and nothing is bought twice, lost or overspent.

The short form (`make test`) kills once before and once after each kind of call that a story makes, at an occurrence
drawn by lot with a fixed seed, in fair weather; an order at each carrier's API, whose calls are its own. The whole
(`make chaos`) takes every call, in each weather, and an order of thirty numbers.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from tests.chaos.relay import Call, When, changes_something
from tests.chaos.story import Adopting, Filing, Freezing, Living, Ordering, Parking, Revising, Rotating, Streaming
from tests.chaos.trial import FAIR, SILENCE, THEFT, Counts, Weather, crash_at, list_calls
from tests.cluster.stage import install_operator_rbac
from tests.controlplane.cluster import Cluster
from tests.simulator.process import SimulatorProcess

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]
"""Seconds for one test: a slow machine may take minutes over dozens of crashes."""
WEATHERS = (FAIR, THEFT, SILENCE)
AT_ONCE = int(os.environ.get("CRASHES_AT_ONCE", "2"))
SHORT = (
    Ordering(count=4),
    Freezing(),
    Adopting(count=2, orphans=3),
    Living(),
    Filing(),
    Parking(),
    Revising(),
    Rotating(),
    Ordering(count=3, provider="Twilio"),
    Ordering(count=3, provider="Telnyx"),
    Filing(provider="Twilio"),
    Filing(provider="Telnyx"),
    Streaming(),
)
LONG = (
    Ordering(count=30),
    Freezing(),
    Adopting(count=2, orphans=3),
    Living(),
    Filing(),
    Parking(),
    Revising(),
    Rotating(),
    Ordering(count=6, provider="Twilio"),
    Ordering(count=6, provider="Telnyx"),
    Filing(provider="Twilio"),
    Filing(provider="Telnyx"),
    Streaming(),
)


def name_of(story: Ordering) -> str:
    name = type(story).__name__.lower()
    return name if story.provider == "DIDHub" else f"{name} at {story.provider}"


@pytest.fixture(scope="module")
def installed(cluster: Cluster, crds: None) -> None:
    install_operator_rbac(cluster)


@pytest.fixture
def fair() -> Iterator[SimulatorProcess]:
    with SimulatorProcess("--seed", "1", "--stock-size", "50000") as simulator:
        yield simulator


@pytest.fixture(params=WEATHERS, ids=lambda weather: weather.name)
def carrier(request: pytest.FixtureRequest) -> Iterator[SimulatorProcess]:
    weather: Weather = request.param
    with SimulatorProcess("--seed", str(WEATHERS.index(weather) + 1), "--stock-size", "50000") as simulator:
        simulator.set_faults(*weather.faults)
        yield simulator


class Kill:
    """One crash: before or after the `n`-th of the calls that `counts` counts, which are called `calls`.

    `certain`: the story makes such a call each time that it is told.
    """

    def __init__(self, n: int, when: When, counts: Counts, calls: str, certain: bool = True) -> None:
        self.n, self.when, self.counts, self.calls, self.certain = n, when, counts, calls, certain

    def __str__(self) -> str:
        return f"{self.when} {self.calls} {self.n}"


def everywhere(calls: Iterable[Call]) -> list[Kill]:
    """A kill before the first call and after every one.

    Before a call is after the one before it: nothing has taken effect in between, and what the killed process had
    learned by then is gone with it.
    """
    after = (Kill(n, When.AFTER, changes_something, "call") for n, _ in enumerate(calls, start=1))
    return [Kill(1, When.BEFORE, changes_something, "call"), *after]


def once_a_kind(calls: Iterable[Call]) -> list[Kill]:
    """A kill before and after one call of each kind: verb, resource and subresource."""
    kinds = Counter(call.what for call in calls)
    return [
        Kill(Random(f"{when} {what}").randint(1, count), when, of_kind(what), " ".join(what), is_certain(what))
        for what, count in kinds.items()
        for when in When
    ]


def is_certain(what: tuple[str, ...]) -> bool:
    """Not so certain are reports: two of them may become one, and a sweep or a lease comes when its time has come, as
    the finalizer of what is in use and the ConfigMap of a catalogue do."""
    upstream, _, *path = what
    return upstream == "carrier" or (path[-1] != "status" and path[0] not in _IN_ITS_TIME)


_IN_ITS_TIME = frozenset({"events", "leases", "carrieraccounts", "routingprofiles", "configmaps"})


def of_kind(what: tuple[str, ...]) -> Counts:
    return lambda call: call.what == what


def crash(
    cluster: Cluster, carrier: SimulatorProcess, story: Ordering, choose: Callable[[Iterable[Call]], list[Kill]]
) -> None:
    """Tell the story once, and then once for each of the kills that are chosen by the calls it has made.

    A story takes more calls one time than another: a trial whose call never came is told again with an earlier one, so
    that each of them ends in a crash, but for reports that are not made each time: without theirs a story is only told
    and judged, and most must end in a crash. All trials are run, and a failure is printed as it happens: in the long
    form there are hundreds to come.
    """
    kills = choose(list_calls(cluster, carrier, story))
    failures: list[str] = []
    missed: list[Kill] = []

    def trial(kill: Kill) -> None:
        n = kill.n
        try:
            while not crash_at(cluster, carrier, story, n, kill.when, kill.counts):
                if n == 1 and not kill.certain:
                    missed.append(kill)
                    return
                assert n > 1, f"a {name_of(story)} story made no {kill.calls} at all"
                n = (n + 1) // 2
        except AssertionError as error:
            failures.append(f"{kill}: {error}")
            print(failures[-1], flush=True)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(trial, kills))
    print(f"{len(kills) - len(missed)} crashes of {name_of(story)}; not met: {', '.join(map(str, missed)) or 'none'}")
    assert 2 * len(missed) < len(kills), f"{len(missed)} of {len(kills)} trials met no crash"
    assert not failures, f"{len(failures)} of {len(kills)} trials failed:\n{failures[0]}"


@pytest.mark.parametrize("story", SHORT, ids=name_of)
def test_an_operator_killed_at_each_kind_of_call_keeps_every_promise(
    cluster: Cluster, installed: None, fair: SimulatorProcess, story: Ordering
) -> None:
    crash(cluster, fair, story, once_a_kind)


@pytest.mark.chaos
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("story", LONG, ids=name_of)
def test_an_operator_killed_at_any_call_in_any_weather_keeps_every_promise(
    cluster: Cluster, installed: None, carrier: SimulatorProcess, story: Ordering
) -> None:
    crash(cluster, carrier, story, everywhere)
