"""Logs of these tests: with plain tracebacks, for a carrier that fails on purpose is logged hundreds of times."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog
from structlog.dev import ConsoleRenderer, plain_traceback


@pytest.fixture(scope="package", autouse=True)
def plain_tracebacks() -> Iterator[None]:
    """Rich ones cost more than all the turns together."""
    before = structlog.get_config()["processors"]
    structlog.configure([*before[:-1], ConsoleRenderer(colors=False, exception_formatter=plain_traceback)])
    yield
    structlog.configure(before)
