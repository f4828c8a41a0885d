"""How the programs beside the tests end: demo, soak and control plane take down what they have started, and say why.

    SIGTERM, SIGINT, SIGHUP --> KeyboardInterrupt in the main thread --> every `with` and `finally` on the way out
    nothing to run on       --> one sentence, status 1, no traceback

SIGINT is named because a shell starts what runs in the background with SIGINT ignored. Who hangs up takes the terminal
along: what is printed from then on goes nowhere, for an error of a print would keep the rest from being taken down.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from tests.controlplane.cluster import KubectlFailed
from tests.controlplane.failures import NothingToRunOn
from tests.simulator.process import SimulatorFailed


def ended_politely(run: Callable[[], int | None], *, interrupted: int = 128 + signal.SIGINT) -> int:
    """Run to the end, and give the exit status; `interrupted` is that of a run that somebody has ended."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        return run() or 0
    except (NothingToRunOn, KubectlFailed, SimulatorFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; everything was taken down.", flush=True)
        return interrupted


def _interrupt(number: int, _frame: FrameType | None) -> None:
    if number == signal.SIGHUP:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
    raise KeyboardInterrupt
