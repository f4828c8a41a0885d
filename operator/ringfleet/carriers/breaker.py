"""The circuit breaker: after many failures in a row, stop calling for a while.

::

    closed --(threshold failures in a row)--> open --(delay)--> half open --(the probe is answered)--> closed
                                               ^                    |
                                               '--(the probe fails)-'

Only the carrier's own failures count: no connection, no answer, a 5xx. An answer that says no is still an answer.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from ringfleet.carriers.errors import CircuitOpen

log = structlog.get_logger(__name__)

THRESHOLD = 5
DELAY_S = 15.0


class Breaker:
    """One circuit of one account. Ask `admit` before a call, then tell exactly one of the three ends."""

    def __init__(
        self, name: str, *, clock: Callable[[], float], threshold: int = THRESHOLD, delay: float = DELAY_S
    ) -> None:
        """`name` says whose circuit it is, in messages; `delay` is in seconds of `clock`."""
        self._name = name
        self._clock = clock
        self._threshold = threshold
        self._delay = delay
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Half open counts as open: nobody knows yet that the carrier is back."""
        return self._opened_at is not None

    def admit(self) -> None:
        """Let a call through; when open, only one probe after the delay.

        Raises:
            CircuitOpen: this call must not be made.
        """
        if self._opened_at is None:
            return
        wait = self._opened_at + self._delay - self._clock()
        if wait > 0 or self._probing:
            raise CircuitOpen(
                f"{self._name}: not called, because the last calls all failed; the next probe is due soon",
                retry_after=max(wait, 0.0) or self._delay,
            )
        self._probing = True

    def answered(self) -> None:
        """The carrier answered, whatever it said."""
        if self.is_open:
            log.info("circuit closed", circuit=self._name)
        self._failures, self._opened_at, self._probing = 0, None, False

    def failed(self) -> None:
        """The carrier failed. Calls that were already under way when the circuit opened do not prolong its delay."""
        self._failures += 1
        if self._probing:
            self._opened_at, self._probing = self._clock(), False
        elif self._opened_at is None and self._failures >= self._threshold:
            self._opened_at = self._clock()
            log.warning("circuit opened", circuit=self._name, failures=self._failures)

    def abandoned(self) -> None:
        """The call ended without telling anything of the carrier: it was cancelled."""
        self._probing = False
