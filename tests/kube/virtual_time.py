"""An event loop whose clock jumps to the next timer when there is nothing else to do: hours pass in no time.

Only for code without real I/O. A program in which everything waits for ever is an error, not a hang.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from math import inf, nextafter
from typing import Any, TypeVar

T = TypeVar("T")


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError(f"at {self.now:g} s everything waits for ever")
        if timeout <= 0.0:
            return []  # somebody is to run at once: what a thread may have to say is heard when nobody is
        self.now += timeout
        return super().select(0)


class _VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    @property
    def _clock_resolution(self) -> float:
        """No timer before its time. A clock that stands still while anything runs would else let two that wait for a
        moment some billionth of a second away wake each other for ever."""
        return nextafter(self._jumping.now, inf) - self._jumping.now

    @_clock_resolution.setter
    def _clock_resolution(self, _: float) -> None:
        """The loop says here how fine real clocks are."""


def run_in_virtual_time(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end; its clock starts at 0 seconds."""
    with asyncio.Runner(loop_factory=_VirtualTimeLoop) as runner:
        return runner.run(main)


def now() -> float:
    """Virtual seconds since the start."""
    return asyncio.get_running_loop().time()
