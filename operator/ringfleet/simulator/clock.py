"""The exchange's clock: real time plus an offset that tests can grow. It never goes back, and survives a restart."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from ringfleet.simulator.store import Store

DAY: Final = 86_400.0
MONTH: Final = 30 * DAY
"""A billing month, in seconds. Thirty days, so that tests can count."""


class Clock:
    """Seconds since 1970, UTC. `real` is what real time it follows."""

    def __init__(self, store: Store, real: Callable[[], float] = time.time) -> None:
        self._store = store
        self._real = real
        self._offset = float(store.setting("clock_offset") or 0)

    def now(self) -> float:
        return self._real() + self._offset

    def real(self) -> float:
        """The time of the world outside, which waits for retries."""
        return self._real()

    def advance(self, seconds: float) -> None:
        self._offset += seconds
        self._store.keep_setting("clock_offset", repr(self._offset))


def format_time(at: float) -> str:
    """RFC 3339, UTC, whole seconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
