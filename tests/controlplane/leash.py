"""Run one program that must not outlive its owner: `python leash.py USER PROGRAM ARGUMENT...`

The owner keeps our standard input open and never writes to it. When the owner dies, however it dies, the kernel
closes its end, we read the end of file, and the program gets SIGKILL. It works on every Unix and does not care which
thread of the owner started it, as Linux's parent-death signal does. SIGTERM is passed on.

    owner --(pipe: stdin)--> leash --(SIGKILL at end of file)--> program

USER is the id of the user that the program runs as, `-` for our own.

This file is started as a bare script with `-I -S`: standard library only, no import of ours.
"""

import os
import signal
import subprocess
import sys
import threading

CANNOT_START = 126  # as shells say it


def main() -> int:
    # A session of our own: Ctrl-C reaches the owner alone, and the owner decides what stops when.
    os.setsid()
    # SIGTERM waits until there is a program to pass it on to.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    user = None if sys.argv[1] == "-" else int(sys.argv[1])
    try:
        program = subprocess.Popen(
            sys.argv[2:],
            stdin=subprocess.DEVNULL,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            preexec_fn=_take_sigterm,  # noqa: PLW1509 - there are no other threads yet
        )
    except OSError as error:
        print(f"{sys.argv[2]}: {error.strerror}", file=sys.stderr)
        return CANNOT_START
    signal.signal(signal.SIGTERM, lambda *_: program.terminate())
    _take_sigterm()
    threading.Thread(target=_kill_when_let_go, args=(program,), daemon=True).start()
    code = program.wait()
    return code if code >= 0 else 128 - code


def _take_sigterm() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def _kill_when_let_go(program: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 4096):
        pass
    program.kill()


if __name__ == "__main__":
    sys.exit(main())
