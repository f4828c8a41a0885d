"""One simulator a module, fair weather and an account of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.simulator.process import SimulatorProcess
from tests.simulator.shop import Shop

_serial = count(1)


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatorProcess]:
    with SimulatorProcess("--seed", "7") as process:
        yield process


@pytest.fixture
def simulator(running: SimulatorProcess) -> Iterator[SimulatorProcess]:
    running.set_faults()
    running.control("POST", "calls")
    yield running
    running.set_faults()
    assert running.errors() == ""


@pytest.fixture
def shop(simulator: SimulatorProcess) -> Iterator[Shop]:
    customer = Shop(simulator, f"customer-{next(_serial)}")
    yield customer
    customer.close()
