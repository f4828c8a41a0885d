"""The one clock of a dispatcher. It is the world's; in dev mode it can be moved ahead, so that a day takes a minute."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Seconds since the epoch, as everything in the dispatcher reads them."""

    def __init__(self) -> None:
        self.ahead = 0.0
        """Seconds."""
        self._on_move: list[Callable[[], None]] = []

    def now(self) -> float:
        return time.time() + self.ahead

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    def advance(self, seconds: float) -> None:
        """Only ever ahead: a budget that has been spent stays spent."""
        if seconds < 0:
            raise ValueError(f"a clock moves ahead only, and not by {seconds:g} seconds")
        self.ahead += seconds
        for hear in self._on_move:
            hear()

    def on_move(self, hear: Callable[[], None]) -> None:
        """Call `hear` when it was moved."""
        self._on_move.append(hear)
