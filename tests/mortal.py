"""Commands that do not outlive who starts them, however that ends. Linux only: elsewhere they must be ended by hand."""

from __future__ import annotations

import os
import signal
import sys

PR_SET_PDEATHSIG = 1
MORTAL = f"""
import ctypes, os, sys
ctypes.CDLL(None).prctl({PR_SET_PDEATHSIG}, {int(signal.SIGKILL)})
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""


def mortal(*command: str) -> list[str]:
    """What to start in place of `command`, so that the kernel kills it when the thread that starts it has ended.

    It becomes the command, so pid, signals and exit status are the command's.
    """
    if sys.platform != "linux":
        return [*command]
    return [sys.executable, "-I", "-S", "-c", MORTAL, str(os.getpid()), *command]
