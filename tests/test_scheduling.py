"""What the tests' own order names is there, and every test has its turn, whichever worker is killed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scheduling import DEAR, ON_POSTGRES, ON_PROGRAMS, Scheduling

ROOT = Path(__file__).parent.parent
PATIENCE_S = 240.0
SUITE = """
import os, signal
import pytest

@pytest.mark.parametrize("n", range(12))
def test_one(n):
    if n == 6:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("place", [*DEAR, *ON_POSTGRES, *ON_PROGRAMS])
def test_what_is_begun_first_is_there(place: str) -> None:
    assert (ROOT / place).exists()


def test_no_test_loads_telnyx_library_while_the_tests_are_collected() -> None:
    """It takes two seconds of processor time, and every worker collects them all."""
    at_once = re.compile(r"^(?:import|from) telnyx\b", re.MULTILINE)
    assert [str(path) for path in (ROOT / "tests").rglob("*.py") if at_once.search(path.read_text())] == []


class Worker:
    """As pytest-xdist's: it begins a test when it knows the next one, or that there is none."""

    def __init__(self, name: int) -> None:
        self.gateway = SimpleNamespace(id=f"gw{name}")
        self.shutting_down = False
        self.given: deque[int] = deque()

    def send_runtest_some(self, indices: list[int]) -> None:
        assert not self.shutting_down, "it would never run them"
        self.given.extend(indices)

    def shutdown(self) -> None:
        self.shutting_down = True

    @property
    def runs(self) -> bool:
        return len(self.given) > 1 or (self.shutting_down and bool(self.given))

    @property
    def is_done(self) -> bool:
        return self.shutting_down and not self.given


class Run:
    """A run of these tests on so many workers, whose events `choose` puts into an order."""

    def __init__(self, tests: list[str], workers: int) -> None:
        self.tests = tests
        config: Any = SimpleNamespace(option=SimpleNamespace(), getvalue=lambda _name: ["popen"] * workers)
        self.scheduling = Scheduling(config, SimpleNamespace(loadscopesched=lambda *_words: None))
        self.ran: list[str] = []
        self.crashed: list[str] = []
        self.collecting: list[Worker] = []
        self.working: list[Worker] = []
        self._names = 0
        for _ in range(workers):
            self._begin()

    def _begin(self) -> None:
        self._names += 1
        worker: Any = Worker(self._names)
        self.scheduling.add_node(worker)
        self.collecting.append(worker)

    def collect(self, worker: Any) -> None:
        self.collecting.remove(worker)
        self.working.append(worker)
        self.scheduling.add_node_collection(worker, list(self.tests))
        if self.scheduling.collection_is_completed:
            self.scheduling.schedule()

    def run_one(self, worker: Any) -> None:
        index = worker.given.popleft()
        self.ran.append(self.tests[index])
        self.scheduling.mark_test_complete(worker, index)

    def kill(self, worker: Any) -> None:
        """As `DSession.worker_errordown`: a successor takes its place."""
        (self.collecting if worker in self.collecting else self.working).remove(worker)
        if crashed := self.scheduling.remove_node(worker):
            self.crashed.append(crashed)
        self._begin()

    def go_on(self, choose: Any) -> bool:
        """One event; False when there is nothing left that may happen by itself."""
        events = [(self.collect, worker) for worker in self.collecting]
        events += [(self.run_one, worker) for worker in self.working if worker.runs]
        if not events:
            return False
        what, worker = choose(events)
        what(worker)
        return True


@given(
    modules=st.lists(st.integers(1, 4), min_size=1, max_size=6),
    stories=st.integers(0, 6),
    workers=st.integers(1, 4),
    kills=st.lists(st.integers(0, 12), max_size=3),
    data=st.data(),
)
def test_every_test_has_its_turn_once_whichever_workers_are_killed(
    modules: list[int], stories: int, workers: int, kills: list[int], data: st.DataObject
) -> None:
    tests = [f"tests/cluster/test_a.py::test_{n}" for n in range(stories)]
    tests += [f"tests/m{module}.py::test_{n}" for module, count in enumerate(modules) for n in range(count)]
    run = Run(tests, workers)
    choose = lambda events: data.draw(st.sampled_from(events))  # noqa: E731 - shorter
    for pause in kills:
        for _ in range(pause):
            run.go_on(choose)
        if alive := [*run.collecting, *(worker for worker in run.working if not worker.is_done)]:
            run.kill(choose(alive))
    while run.go_on(choose):
        pass
    assert sorted(run.ran + run.crashed) == sorted(tests)
    assert all(worker.is_done for worker in run.working), "somebody waits for ever"


def test_a_run_whose_worker_is_killed_ends_and_names_the_test(tmp_path: Path) -> None:
    """The real pytest-xdist."""
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "conftest.py").write_text(
        "from tests.scheduling import Scheduling\n"
        "def pytest_xdist_make_scheduler(config, log):\n    return Scheduling(config, log)\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:schemathesis", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert "crashed while running 'test_suite.py::test_one[6]'" in done.stdout
    assert "1 failed, 11 passed" in done.stdout
    assert done.returncode == 1
