"""The crash test: SIGKILL at every call of an order, from the wire, and nothing is bought twice, lost or overspent.

The short form (`make test`) takes a few calls of a small order in each weather; the whole (`make chaos`) takes every
call of an order of thirty numbers, before and after it took effect, in each weather.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos.relay import Call, When, changes_something
from tests.chaos.story import Adopting, Filing, Living, Ordering, Parking, Revising, Rotating, Story
from tests.chaos.trial import FAIR, SILENCE, THEFT, Counts, Weather, count_calls, crash_at
from tests.cluster.stage import install_operator_rbac
from tests.controlplane.cluster import Cluster
from tests.simulator.process import SimulatorProcess

pytestmark = pytest.mark.timeout(3600)
"""Seconds for one test: a slow machine may take minutes over dozens of crashes."""
WEATHERS = (FAIR, THEFT, SILENCE)
AT_ONCE = int(os.environ.get("CRASHES_AT_ONCE", "3"))


@pytest.fixture(scope="module")
def installed(cluster: Cluster, crds: None) -> None:
    install_operator_rbac(cluster)


@pytest.fixture(params=WEATHERS, ids=lambda weather: weather.name)
def carrier(request: pytest.FixtureRequest) -> Iterator[SimulatorProcess]:
    weather: Weather = request.param
    with SimulatorProcess("--seed", str(WEATHERS.index(weather) + 1), "--stock-size", "50000") as simulator:
        simulator.set_faults(*weather.faults)
        yield simulator


def files_something(call: Call) -> bool:
    """A call of the filing itself: at the carrier, or the write of its record."""
    return changes_something(call) and "/compliance" in call.path


def attaches_something(call: Call) -> bool:
    """A call that may attach a bundle to a number at the carrier."""
    return call.upstream == "carrier" and call.method in {"PATCH", "POST"} and "/numbers/" in call.path


def crash_everywhere(
    cluster: Cluster, carrier: SimulatorProcess, story: Story, step: int, counts: Counts = changes_something
) -> None:
    """Kill at every `step`-th call, before and after.

    In bad weather a story takes more calls one time than another: a trial whose call never came is told again with an
    earlier one, so that each of them ends in a crash. All trials are run, and a failure is printed as it happens: in
    the long form there are hundreds to come.
    """
    calls = count_calls(cluster, carrier, story, counts)
    trials = [(n, when) for n in range(1, calls + 1, step) for when in When]
    failures: list[str] = []

    def crash(trial: tuple[int, When]) -> None:
        n, when = trial
        try:
            while not crash_at(cluster, carrier, story, n, when, counts):
                assert n > 1, f"a {type(story).__name__} made no call at all"
                n = (n + 1) // 2
        except AssertionError as error:
            failures.append(str(error))
            print(error, flush=True)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(crash, trials))
    print(f"{len(trials)} crashes of a {type(story).__name__}")
    assert not failures, f"{len(failures)} of {len(trials)} trials failed:\n{failures[0]}"


def test_an_operator_killed_at_some_calls_of_an_order_buys_each_number_once(
    cluster: Cluster, installed: None, carrier: SimulatorProcess
) -> None:
    crash_everywhere(cluster, carrier, Ordering(count=4), step=13)


def test_an_operator_killed_while_it_adopts_numbers_adopts_each_of_them_once(
    cluster: Cluster, installed: None, carrier: SimulatorProcess
) -> None:
    crash_everywhere(cluster, carrier, Adopting(count=2, orphans=3), step=11)


def test_an_operator_killed_while_numbers_live_binds_stops_and_gives_back_only_what_it_was_asked(
    cluster: Cluster, installed: None, carrier: SimulatorProcess
) -> None:
    crash_everywhere(cluster, carrier, Living(), step=6)


@pytest.mark.parametrize(
    ("story", "counts"),
    [(Filing(), files_something), (Parking(), attaches_something), (Revising(), attaches_something)],
    ids=["filed", "attached", "revised"],
)
def test_an_operator_killed_at_every_call_of_a_filing_files_each_thing_once(
    cluster: Cluster, installed: None, story: Filing, counts: Counts
) -> None:
    """In fair weather only: what is not a call of the filing is an order."""
    with SimulatorProcess("--seed", "1", "--stock-size", "50000") as fair:
        crash_everywhere(cluster, fair, story, step=1, counts=counts)


def test_an_operator_killed_while_a_rotation_set_grows_claims_no_number_too_many(
    cluster: Cluster, installed: None
) -> None:
    """In fair weather only: no call of it goes to a carrier."""
    with SimulatorProcess("--seed", "1", "--stock-size", "50000") as fair:
        crash_everywhere(cluster, fair, Rotating(), step=20)


@pytest.mark.chaos
@pytest.mark.timeout(7200)
def test_an_operator_killed_at_any_call_while_a_rotation_set_grows_claims_no_number_too_many(
    cluster: Cluster, installed: None, carrier: SimulatorProcess
) -> None:
    crash_everywhere(cluster, carrier, Rotating(), step=1)


@pytest.mark.chaos
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("story", [Filing(), Parking(), Revising()], ids=["filed", "attached", "revised"])
def test_an_operator_killed_at_any_call_of_a_filing_or_its_order_files_each_thing_once(
    cluster: Cluster, installed: None, carrier: SimulatorProcess, story: Filing
) -> None:
    crash_everywhere(cluster, carrier, story, step=1)


@pytest.mark.chaos
@pytest.mark.timeout(7200)
def test_an_operator_killed_at_any_call_of_a_life_binds_stops_and_gives_back_only_what_it_was_asked(
    cluster: Cluster, installed: None, carrier: SimulatorProcess
) -> None:
    crash_everywhere(cluster, carrier, Living(), step=1)


@pytest.mark.chaos
@pytest.mark.timeout(7200)
def test_an_operator_killed_at_any_call_of_an_order_buys_each_number_once(
    cluster: Cluster, installed: None, carrier: SimulatorProcess
) -> None:
    crash_everywhere(cluster, carrier, Ordering(count=30), step=1)
