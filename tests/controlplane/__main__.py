"""`python -m tests.controlplane`: start a control plane, say how to use it, keep it until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
from types import FrameType

from tests.controlplane.build import BuildFailed, Programs, find_programs
from tests.controlplane.plane import ControlPlane, ControlPlaneFailed
from tests.controlplane.toolchain import NoToolchain


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.controlplane", description=__doc__)
    parser.add_argument("--build-only", action="store_true", help="build what is missing, print the folder, and exit")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):  # a shell starts what runs in the background with SIGINT ignored
        signal.signal(number, _as_interrupt)
    try:
        programs = find_programs()
        if options.build_only:
            print(f"The control plane is built: {programs.api_server.parent}")
        else:
            _serve(programs)
    except (BuildFailed, NoToolchain, ControlPlaneFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.")
    return 0


def _serve(programs: Programs) -> None:
    with ControlPlane(programs) as plane:
        print(
            "The control plane is up. In another terminal:\n\n"
            f"  export KUBECONFIG={plane.kubeconfig}\n"
            f"  export PATH={programs.kubectl.parent}:$PATH\n"
            "  kubectl get namespaces\n\n"
            "Ctrl-C stops it and removes everything in it.",
            flush=True,
        )
        signal.pause()


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
