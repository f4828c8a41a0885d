"""What every test may ask for: a cluster, a namespace of its own, kubectl, and our kinds.

The control plane's programs are built, when they are missing, after collection and before the first test: no test's
timeout counts the minutes, and their progress is not captured.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import pytest
import structlog
from hypothesis import HealthCheck, settings
from structlog.dev import ConsoleRenderer, plain_traceback

from tests.controlplane.api import Api
from tests.controlplane.build import find_kubectl, find_programs
from tests.controlplane.cluster import Cluster, running_cluster
from tests.controlplane.failures import NothingToRunOn
from tests.controlplane.shared import shared_control_plane
from tests.examples import examples, share
from tests.scheduling import Scheduling, turn

CRDS = Path(__file__).parent.parent / "crds"
STORIES = "tests/cluster/"
GARBAGE = 20_000
"""So many objects more, and the garbage collector looks at them: Python's own 700 are what one turn makes."""

# Properties: the same examples each time, and no clock decides. Said here, for a profile holds from its loading on.
settings.register_profile(
    "ringfleet",
    max_examples=examples(100),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("ringfleet")

# Logs with plain tracebacks: coloured ones, of failures that are on purpose, cost more than all that is tested.
structlog.configure(
    [*structlog.get_config()["processors"][:-1], ConsoleRenderer(colors=False, exception_formatter=plain_traceback)]
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kubeconfig", help="run on this cluster (default: KUBECONFIG, else a control plane of our own)")


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    return Scheduling(config, log)


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [
        f"cluster: {_kubeconfig(config) or 'a control plane of our own'}",
        f"examples: {share():.0%} of what each property asks for",
    ]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep thousands of tests, and all that is imported for them, from the garbage collector: they stay until the end,
    and it would look through them again and again, while they become more and after each test. What a test leaves is
    little, and waits for others."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(GARBAGE)
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()) or item.nodeid.startswith(STORIES):
            item.add_marker("cluster")
    items.sort(key=turn)


def pytest_collection_finish(session: pytest.Session) -> None:
    if session.config.option.collectonly or not any(item.get_closest_marker("cluster") for item in session.items):
        return
    try:
        find_kubectl() if _kubeconfig(session.config) else find_programs()
    except NothingToRunOn as error:
        _end(session, error)


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A real API server, the same for all tests: make what you need in a `namespace`."""
    chosen, run = _kubeconfig(request.config), os.environ.get("PYTEST_XDIST_TESTRUNUID")
    with ExitStack() as stack:
        try:
            if run and not chosen:
                shared = str(stack.enter_context(shared_control_plane(run)))
                cluster = stack.enter_context(running_cluster(shared, passing=True))
            else:
                cluster = stack.enter_context(running_cluster(chosen))
        except NothingToRunOn as error:
            _end(request.session, error)
        yield cluster


@pytest.fixture(scope="session")
def api(cluster: Cluster) -> Api:
    """The API server, as the administrator, over a connection of this process."""
    return cluster.api


@pytest.fixture(scope="session")
def kubectl(cluster: Cluster) -> Callable[..., str]:
    """`kubectl("get", "pods", stdin=None)` as the administrator: returns what it printed, raises KubectlFailed."""
    return cluster.kubectl


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace that only this test uses; on a cluster that stays it is deleted, and nobody waits for that."""
    try:
        cluster.must_live()
    except NothingToRunOn as error:
        _end(request.session, error)
    name = cluster.new_namespace(request.node.name.removeprefix("test_"))
    yield name
    cluster.leave_namespace(name)


@pytest.fixture(scope="session")
def crds(cluster: Cluster) -> None:
    """Our kinds, served by the API server."""
    cluster.install(CRDS)


def _end(session: pytest.Session, error: NothingToRunOn) -> NoReturn:
    """End the whole run with one sentence, which hundreds of tests would say otherwise. A worker hands it on: of its
    exit, pytest-xdist would make an internal error that says nothing."""
    sentence = f"no cluster to test on: {error}"
    if os.environ.get("PYTEST_XDIST_WORKER"):
        session.shouldstop = sentence
        pytest.fail(sentence, pytrace=False)
    pytest.exit(sentence, returncode=1)


def _kubeconfig(config: pytest.Config) -> str | None:
    chosen: str | None = config.getoption("--kubeconfig")
    return chosen or os.environ.get("KUBECONFIG")
