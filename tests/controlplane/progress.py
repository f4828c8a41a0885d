"""How far a long build is: a bar that is drawn anew on a terminal, a plain line now and then elsewhere.

The bar counts packages, and those that an earlier build has compiled are done at once. The time that is left is what
this build's own packages took so far, held against those that are left; a program's link counts as many packages.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType

TERMINAL_INTERVAL_S = 0.5
PLAIN_INTERVAL_S = 10.0
BAR = 24
WIDTH = 118
LINK = 40  # packages: what linking one program takes, measured
FIRST = 20  # units of work before which a rate says nothing


@dataclass(frozen=True, slots=True)
class Stand:
    """How far a build is."""

    packages: int
    """All packages of all programs that are built."""
    before: int
    """How many of them were compiled by an earlier build."""
    compiled: int = 0
    """How many of them this build has compiled."""
    programs: int = 0
    """How many programs there are to build."""
    linked: int = 0
    """How many of these programs are finished."""

    @property
    def done(self) -> int:
        return self.before + self.compiled

    def remaining_s(self, elapsed_s: float) -> float | None:
        """Seconds that the rest takes if it goes on as it did for `elapsed_s`; None while that is too early to say."""
        work = self.compiled + LINK * self.linked
        left = self.packages - self.done + LINK * (self.programs - self.linked)
        return elapsed_s / work * left if work >= FIRST else None


def in_minutes(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def bar(done: int, total: int, width: int = BAR) -> str:
    filled = width * done // total if total else 0
    return f"[{'#' * filled}{'.' * (width - filled)}]"


def describe(stand: Stand, elapsed_s: float) -> str:
    """`1234 of 2715 packages, about 5 min left`; the estimate is left out while it is too early to say."""
    remaining = stand.remaining_s(elapsed_s)
    estimate = "" if remaining is None else f", {roughly(remaining)} left"
    return f"{stand.done} of {stand.packages} packages{estimate}"


def roughly(seconds: float) -> str:
    """Whole minutes, rounded up: the first packages are small ones, so an early estimate is rather too short."""
    return "less than a minute" if seconds < 60 else f"about {math.ceil(seconds / 60)} min"


class Progress:
    """`with Progress("Building x") as progress:` prints the title, then how long what is going on goes on."""

    def __init__(self, title: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._title = title
        self._clock = clock
        self._stand: Stand | None = None
        self._now = ""
        self._started = self._counted_from = clock()
        self._terminal = sys.stdout.isatty()
        self._ended = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Progress:
        print(self._title, flush=True)
        self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._ticker.join()
        self._draw(self._last_words(error))
        if self._terminal:
            print()

    def say(self, what: str) -> None:
        """What is going on now, shown at once."""
        self._now = what
        self._draw(self._line())

    def count(self, packages: int, before: int, programs: int) -> None:
        """From now on packages are compiled; `before` of them are already."""
        self._stand = Stand(packages, before, programs=programs)
        self._counted_from = self._clock()

    def package(self, name: str) -> None:
        """One more package is compiled."""
        if self._stand:
            self._stand = replace(self._stand, compiled=self._stand.compiled + 1)
        self._now = name

    def program(self) -> None:
        """One more program is finished."""
        if self._stand:
            self._stand = replace(self._stand, linked=self._stand.linked + 1)

    def _tick(self) -> None:
        while not self._ended.wait(TERMINAL_INTERVAL_S if self._terminal else PLAIN_INTERVAL_S):
            self._draw(self._line())

    def _line(self) -> str:
        if not self._stand:
            return self._now
        drawn = f"{bar(self._stand.done, self._stand.packages)} " if self._terminal else ""
        return f"{drawn}{describe(self._stand, self._clock() - self._counted_from)}: {self._now}"

    def _last_words(self, error: BaseException | None) -> str:
        if not error:
            return f"compiled {self._stand.compiled} packages" if self._stand else "done"
        if isinstance(error, Exception) or not self._stand:
            return "failed" if isinstance(error, Exception) else "interrupted"
        left = self._stand.packages - self._stand.done
        return f"interrupted with {left} packages left; what is compiled stays, and the next build goes on there"

    def _draw(self, what: str) -> None:
        line = f"  {in_minutes(self._clock() - self._started)}  {what}"[:WIDTH]
        if self._terminal:
            print(f"\r\x1b[2K{line}", end="", flush=True)
        else:
            print(line, flush=True)
