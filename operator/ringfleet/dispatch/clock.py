"""The one clock of a dispatcher. It is the world's; in dev mode it can be moved ahead, so that a day takes a minute."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Seconds since the epoch, as everything in the dispatcher reads them."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        return time.time() + self._ahead

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    def advance(self, seconds: float) -> None:
        """Only ever ahead: a budget that has been spent stays spent."""
        if seconds < 0:
            raise ValueError(f"a clock moves ahead only, and not by {seconds:g} seconds")
        self._ahead += seconds
