"""One sandbox carrier a module; for each test fair weather and an account of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.carriers.customer import Customer
from tests.simulator.process import SimulatorProcess


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatorProcess]:
    with SimulatorProcess("--seed", "11") as process:
        yield process


@pytest.fixture
def sandbox(running: SimulatorProcess) -> Iterator[SimulatorProcess]:
    running.set_faults()
    yield running
    running.set_faults()


@pytest.fixture
async def customer(sandbox: SimulatorProcess, request: pytest.FixtureRequest) -> AsyncIterator[Customer]:
    """An account with 1000.00 USD, and the adapter under test open on it: `provider` of the test's class, or else
    `PROVIDER` of its module."""
    provider = getattr(request.cls, "provider", None) or getattr(request.module, "PROVIDER", "DIDHub")
    async with Customer(sandbox, provider) as opened:
        sandbox.control("POST", "calls")
        yield opened
