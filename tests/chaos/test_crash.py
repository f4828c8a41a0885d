"""The crash test: SIGKILL at every call of an order, from the wire, and nothing is bought twice, lost or overspent.

The short form (`make test`) takes a few calls of a small order in each weather; the whole (`make chaos`) takes every
call of an order of thirty numbers, before and after it took effect, in each weather.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos.relay import When
from tests.chaos.trial import FAIR, SILENCE, THEFT, Weather, count_calls, crash_at
from tests.cluster.stage import install_operator_rbac
from tests.controlplane.cluster import Cluster
from tests.simulator.process import SimulatorProcess

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


def crash_everywhere(cluster: Cluster, carrier: SimulatorProcess, count: int, step: int) -> tuple[int, int]:
    """Kill at every `step`-th call, before and after. Returns how many trials there were, and how many hit a call.

    All trials are run, and a failure is printed as it happens: in the long form there are hundreds to come.
    """
    calls = count_calls(cluster, carrier, count)
    trials = [(n, when) for n in range(1, calls + 1, step) for when in When]
    failures: list[str] = []

    def crash(trial: tuple[int, When]) -> bool:
        try:
            return crash_at(cluster, carrier, count, *trial)
        except AssertionError as error:
            failures.append(str(error))
            print(error, flush=True)
            return True

    with ThreadPoolExecutor(AT_ONCE) as pool:
        reached = sum(pool.map(crash, trials))
    assert not failures, f"{len(failures)} of {len(trials)} trials failed:\n{failures[0]}"
    return len(trials), reached


def test_an_operator_killed_at_some_calls_of_an_order_buys_each_number_once(
    cluster: Cluster, installed: None, carrier: SimulatorProcess
) -> None:
    trials, reached = crash_everywhere(cluster, carrier, count=4, step=13)
    assert reached > trials * 0.6


@pytest.mark.chaos
@pytest.mark.timeout(7200)
def test_an_operator_killed_at_any_call_of_an_order_buys_each_number_once(
    cluster: Cluster, installed: None, carrier: SimulatorProcess
) -> None:
    trials, reached = crash_everywhere(cluster, carrier, count=30, step=1)
    print(f"{reached} crashes in {trials} trials")
    assert reached > trials * 0.8
