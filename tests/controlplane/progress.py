"""How far a long build is: one line that is rewritten on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

TERMINAL_INTERVAL_S = 0.1
PLAIN_INTERVAL_S = 10.0


class Progress:
    """`with Progress("Building x") as progress:` prints the title, then `step` counts packages as they are compiled."""

    def __init__(self, title: str) -> None:
        self.total = 0
        self._title = title
        self._done = 0
        self._started = time.monotonic()
        self._shown = 0.0
        self._terminal = sys.stdout.isatty()

    def __enter__(self) -> Progress:
        print(self._title, flush=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.show("failed" if error else f"compiled {self._done} packages")
        if self._terminal:
            print()

    def step(self, package: str) -> str:
        """Count one compiled package, show it when it is time to, and return it."""
        self._done += 1
        if time.monotonic() - self._shown >= (TERMINAL_INTERVAL_S if self._terminal else PLAIN_INTERVAL_S):
            self.show(f"{self._done} of at most {self.total} packages: {package}")
        return package

    def show(self, what: str) -> None:
        self._shown = time.monotonic()
        minutes, seconds = divmod(int(self._shown - self._started), 60)
        line = f"  {minutes}:{seconds:02d}  {what}"
        if self._terminal:
            print(f"\r\x1b[2K{line[:100]}", end="", flush=True)
        else:
            print(line, flush=True)
