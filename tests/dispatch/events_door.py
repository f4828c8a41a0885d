"""The listener for events and what takes them in, in one process: no test of the law starts another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette

from ringfleet.dispatch.event_intake import Intake
from ringfleet.dispatch.metrics import Metrics
from ringfleet.dispatch.public_address import PublicAddress
from ringfleet.dispatch.webhooks import Events, app_of


def events_of(
    ledger: Any,
    world: Any,
    hashes: Callable[[str], tuple[bytes, ...]],
    now: Callable[[], float],
    metrics: Metrics | None = None,
    address: PublicAddress | None = None,
) -> Events:
    """`world`: whose the accounts and the numbers are."""
    counts = metrics or Metrics()
    return Events(world, Intake(ledger, world, hashes, now, counts), now, counts, address or PublicAddress())


def events_app(*given: Any) -> Starlette:
    """The app of `events_of`."""
    return app_of(events_of(*given))
