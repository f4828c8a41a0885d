"""The engines of the suite: `open_ledger` opens (again and again) the one ledger of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.owner.groups import OwnedLedger
from ringfleet.dispatch.ledger.shared import PostgresLedger
from tests.dispatch.ledger.builders import OpenLedger, a_member, a_roster


@pytest.fixture(params=["sqlite", "postgres"])
async def open_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenLedger]:
    async with AsyncExitStack() as outer, AsyncExitStack() as stack:
        make: Callable[[], OwnedLedger]
        if request.param == "sqlite":
            make = lambda: SqliteLedger(tmp_path / "ledger.sqlite")  # noqa: E731 - two short ways
        else:
            server = request.getfixturevalue("postgres_server")  # only where it is needed
            dsn = await outer.enter_async_context(server.ledger())
            make = lambda: PostgresLedger(dsn, migrates=True)  # noqa: E731 - the other

        async def open_() -> Ledger:
            await stack.aclose()  # the one before
            return await stack.enter_async_context(make())

        yield open_


@pytest.fixture
async def ledger(open_ledger: OpenLedger) -> Ledger:
    """With a set of two numbers, ten calls a day each."""
    opened = await open_ledger()
    await opened.enlist(a_roster(a_member(1), a_member(2)))
    return opened
